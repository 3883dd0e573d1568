//! The distributions of the example `policy_gradient`, its own code: derivatives, steps, physics, exact gradient of the linear system.
#![allow(unreachable_pub, dead_code, reason = "modules of an example, which uses all of them")]

#[path = "../../examples/policy_gradient/cart_pole.rs"]
mod cart_pole;
#[path = "../../examples/policy_gradient/control.rs"]
mod control;
#[path = "../../examples/policy_gradient/value.rs"]
mod value;

use crate::common::rng;
use cart_pole::{Episodes, STEPS, is_over, push};
use control::{Exact, KickedPendulum, Mass, Paths, System};
use reparam::estimators::StepValue;
use reparam::prelude::*;
use reparam::verify;
use value::Fit;

#[test]
fn a_push_is_the_textbook_equation() {
    // At rest and upright, in exact fractions: 9.0909… = 10/1.1, the pole turns by −(10/1.1)/(0.5 (4/3 − 0.1/1.1)).
    let turn: f64 = -(10.0 / 1.1) / (0.5 * (4.0 / 3.0 - 0.1 / 1.1));
    let speedup = 10.0 / 1.1 - 0.05 * turn / 1.1;
    let expected = [0.0, 0.02 * speedup, 0.0, 0.02 * turn];
    assert!((turn + 14.634_146_341_463_415).abs() < 1e-12 && (speedup - 9.756_097_560_975_61).abs() < 1e-12);
    assert!(push([0.0; 4], true).iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-15));
    // Left is the mirror image of right.
    let state = [0.3, -0.2, 0.1, 0.7];
    let left = push(state, false);
    let mirrored = push(state.map(|x| -x), true);
    assert!(left.iter().zip(mirrored).all(|(x, y)| (x + y).abs() < 1e-15));
    // Both equations of motion hold for the accelerations: forces on the whole, and torques on the pole (moment 4/3 m l², g sin θ against cos θ ẍ).
    let next = push(state, true);
    let (a, alpha) = ((next[1] - state[1]) / 0.02, (next[3] - state[3]) / 0.02);
    let (sin, cos) = state[2].sin_cos();
    let force = 1.1 * a + 0.05 * (alpha * cos - state[3] * state[3] * sin);
    assert!((force - 10.0).abs() < 1e-12, "{force}");
    let torque = 4.0 / 3.0 * 0.5 * alpha + a * cos - 9.8 * sin;
    assert!(torque.abs() < 1e-12, "{torque}");
    assert_eq!((next[0], next[2]), (0.3 - 0.02 * 0.2, 0.1 + 0.02 * 0.7));
    let end = [[2.41, 0.0, 0.0, 0.0], [0.0, 0.0, 0.21, 0.0], [0.0, 0.0, -0.21, 0.0], [-2.41, 0.0, 0.0, 0.0]];
    assert!(end.iter().all(is_over) && !is_over(&[2.39, 9.0, -0.209, 9.0]));
}

fn episodes(params: &[f64]) -> Episodes {
    let mut episodes = Episodes::new();
    episodes.set_params(params).unwrap();
    episodes
}

#[test]
fn episodes_have_a_score_that_is_the_derivative_and_steps_that_look_back_only() {
    let rewards = Terms(STEPS, |z: &[f64], terms: &mut [f64]| {
        let length = Episodes::pushes(z);
        terms[..length].fill(1.0);
        terms[length..].fill(0.0);
    });
    for params in [[0.0; 5], [0.5, 1.0, 3.0, 2.0, 0.1], [-1.0, 0.5, 2.0, -0.5, -0.4]] {
        let p = episodes(&params);
        let mut z = vec![0.0; p.dim()];
        for seed in 0..5 {
            p.sample(&mut rng(seed), &mut z);
            let length = p.length(&z);
            assert!((1..=STEPS).contains(&length));
            // The path is that of the physics, and over at its end.
            for t in 1..length {
                let before = Episodes::state(&z, t - 1);
                assert_eq!(push(before, z[5 * (t - 1) + 4] == 1.0), Episodes::state(&z, t));
                assert!(!is_over(&Episodes::state(&z, t)));
                // A value function sees the state last, and not the push.
                assert_eq!(z[..p.before(t)][5 * t..], Episodes::state(&z, t));
            }
            let last = push(Episodes::state(&z, length - 1), z[5 * length - 1] == 1.0);
            assert!(length == STEPS || is_over(&last));
            if length < STEPS {
                assert_eq!(Episodes::state(&z, length), last);
                assert!(z[5 * length + 4..].iter().all(|&x| x == 0.0));
            }
            verify::score(&p, &z).unwrap().within(1e-7).unwrap();
        }
        assert!(verify::score_identities(&p, 4000, &mut rng(7)).unwrap().p_value() > 1e-3);
        verify::steps(&p, &rewards, 3, &mut rng(8)).unwrap().within(1e-12).unwrap();
    }
}

fn check_paths<S: System>(p: &Paths<S>) {
    let f = p.costs();
    let (mut noise, mut z) = (vec![0.0; p.noise_dim()], vec![0.0; p.dim()]);
    for seed in 0..5 {
        let mut rng = rng(seed);
        p.draw_noise(&mut rng, &mut noise);
        p.transform(&noise, &mut z);
        let mut cotangent = vec![0.0; p.dim()];
        reparam::noise::fill_standard_normal(&mut rng, &mut cotangent);
        verify::pullback(p, &noise, &cotangent).unwrap().within(1e-7).unwrap();
        verify::score(p, &z).unwrap().within(1e-7).unwrap();
        verify::objective_gradient(&f, &z).within(1e-7).unwrap();
    }
    verify::steps(p, &f, 20, &mut rng(9)).unwrap().within(1e-12).unwrap();
    // A value function sees the state last, and not the input.
    assert!((0..p.steps).all(|t| z[..p.before(t)][3 * t..].len() == 2));
    assert!(verify::score_identities(p, 20_000, &mut rng(10)).unwrap().p_value() > 1e-3);
}

#[test]
fn paths_of_both_systems_have_the_pullback_and_the_score_that_differences_have() {
    check_paths(&Paths::new(Mass, 7, [0.5, 0.6], 0.5));
    check_paths(&Paths::new(Mass, 1, [0.5, 0.6], 0.5));
    check_paths(&Paths::new(KickedPendulum, 5, [3.0, 0.6], 0.3));
    check_paths(&Paths::new(KickedPendulum, 4, [0.0, 0.2], 0.3));
}

#[test]
fn the_exact_gradient_is_the_derivative_of_the_exact_cost_which_is_the_mean_cost() {
    for steps in [1, 2, 7, 40] {
        let paths = Paths::new(Mass, steps, [0.5, 0.6], 0.5);
        let exact = Exact::new(&paths);
        for i in 0..2 {
            let cost = |k: f64| {
                let mut gains = [0.5, 0.6];
                gains[i] = k;
                Exact::new(&Paths::new(Mass, steps, gains, 0.5)).cost
            };
            let slope = crate::common::derivative(cost, [0.5, 0.6][i], 1.0);
            assert!((slope - exact.gradient[i]).abs() < 1e-9 * (1.0 + slope.abs()), "{steps} {i}");
        }
        // The mean cost by sampling, and the cost to come from the start: P and the covariances agree.
        let estimate = Pathwise.estimate(&paths, &paths.costs(), 50_000, &mut rng(1)).unwrap();
        assert!((estimate.value() - exact.cost).abs() < 4.0 * estimate.value_standard_error());
        let ([x, v], spread) = paths.system.start();
        // The mean of a quadratic over the start, by the four points one standard deviation away that have its covariance.
        let s = 2f64.sqrt();
        let at = [(s, 0.0), (-s, 0.0), (0.0, s), (0.0, -s)];
        let mean: f64 =
            at.iter().map(|(a, b)| exact.value(0, [x + a * spread[0], v + b * spread[1]]) / 4.0).sum();
        assert!((mean - exact.cost).abs() < 1e-12 * mean, "{mean} {}", exact.cost);
        assert_eq!(exact.value(steps, [1.0, 1.0]), 0.0);
    }
}

#[test]
fn a_fit_finds_a_value_that_is_a_polynomial() {
    let mut fit = Fit::new();
    let truth = |t: usize, s: &[f64]| {
        let left = (STEPS - t) as f64 / STEPS as f64;
        400.0 * left - 30.0 * left * s[2] * s[2] / 0.0441 + 5.0 * s[0] * s[3] / 7.2
    };
    let mut noise = vec![0.0; 4];
    let mut rng = rng(3);
    for i in 0..20_000 {
        reparam::noise::fill_standard_normal(&mut rng, &mut noise);
        let state = [2.4 * noise[0], 3.0 * noise[1], 0.21 * noise[2], 3.0 * noise[3]];
        fit.see(i % STEPS, &state, truth(i % STEPS, &state));
    }
    let value = fit.solve();
    for t in [0, 100, 499] {
        // What a policy has seen ends with the state.
        let before = [9.0, 9.0, 1.0, -1.0, 0.1, 2.0];
        let expected = truth(t, &before[2..]);
        // 1 % of the largest value: the ridge pulls on the powers of the time, which are nearly collinear.
        assert!((value.value(t, &before) - expected).abs() < 4.0, "{} {expected}", value.value(t, &before));
    }
    fit.fade(0.0);
    assert!(fit.solve().value(3, &[0.1; 4]).abs() < 1e-9);
}
