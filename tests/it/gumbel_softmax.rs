//! Relaxed bits and categories: exact bias and variance of the relaxed gradient (`tests/data/gumbel_softmax_*.csv`), densities,
//! and extremes of temperature and logits.

use crate::common::{Table, check_mean_score, rng, sample_batches, square_of_first};
use reparam::prelude::*;

/// Bonferroni: 30 rows × 2 distributions × 2 comparisons; 5.2 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 5.2;

#[test]
fn two_classes_have_the_exact_bias_and_variance() {
    let mut rows = 0;
    for (i, row) in Table::parse(include_str!("../data/gumbel_softmax_k2.csv")).rows().enumerate() {
        let (logit, tau) = (row.number("logit"), row.number("tau"));
        let f = square_of_first(row.number("p0"));
        let mean = row.number("grad_exact") + row.number("bias_gs");
        let bit = BinaryConcrete::new(&[logit], tau).unwrap();
        let classes = GumbelSoftmax::new(&[logit, 0.0], 2, tau).unwrap();
        let seed = 400 + i as u64;
        for sampled in [
            sample_batches(&mut Pathwise, &bit, &f, 4000, seed),
            sample_batches(&mut Pathwise, &classes, &f, 4000, seed),
        ] {
            let label = format!("logit {logit}, τ {tau}");
            assert!(sampled.check(0, mean, row.number("var_gs"), SIGMAS, &label), "{label}: too heavy");
            let exact = row.number("Ef_relaxed");
            assert!((sampled.value - exact).abs() <= SIGMAS * sampled.value_error, "{label}: value");
        }
        rows += 1;
    }
    assert_eq!(rows, 30);
}

#[test]
fn three_classes_have_the_exact_relaxed_gradient_and_total_variance() {
    let (c, w) = ([0.45, 0.3, 0.25], [1.0, 1.5, 0.5]);
    let e = [1.0, -0.5, 0.25];
    for (i, row) in Table::parse(include_str!("../data/gumbel_softmax_k3.csv")).rows().enumerate() {
        let logits = if row.text("case") == "uniform" { [0.0; 3] } else { [1.0, 0.0, -1.0] };
        let quadratic = row.text("f") == "quadratic";
        let p = GumbelSoftmax::new(&logits, 3, row.number("tau")).unwrap();
        let f = Differentiable(|x: &[f64], dx: Option<&mut [f64]>| {
            let inner: f64 = x.iter().zip(e).map(|(x, e)| x * e).sum();
            if let Some(dx) = dx {
                for k in 0..3 {
                    dx[k] = if quadratic { 2.0 * w[k] * (x[k] - c[k]) } else { e[k] * inner.exp() };
                }
            }
            if quadratic { (0..3).map(|k| w[k] * (x[k] - c[k]).powi(2)).sum() } else { inner.exp() }
        });
        let sampled = sample_batches(&mut Pathwise, &p, &f, 4000, 500 + i as u64);
        let label = format!("{} {} τ {}", row.text("f"), row.text("case"), row.text("tau"));
        for (k, mean) in sampled.mean.iter().enumerate() {
            let error = (sampled.variance[k] / sampled.samples).sqrt();
            assert!((mean - row.number(&format!("gs{k}"))).abs() <= SIGMAS * error, "{label} gs{k}: {mean}");
        }
        let total = row.number("totvar_gs");
        assert!(sampled.total_variance_error < 0.05 * total);
        assert!((sampled.total_variance - total).abs() <= SIGMAS * sampled.total_variance_error, "{label}");
        assert!((sampled.value - row.number("Ef_relaxed")).abs() <= SIGMAS * sampled.value_error);
    }
}

#[test]
fn gumbel_softmax_trades_bias_against_variance_as_tau_falls() {
    // From τ = 1/2 down the variance grows and the bias shrinks; both as sampled, against the exact discrete gradient. (Above,
    // the bias need not be monotone: the relaxed objective flattens out.)
    let f = square_of_first(0.45);
    let table = Table::parse(include_str!("../data/gumbel_softmax_k2.csv"));
    let row = table.rows().find(|row| row.text("p0") == "0.45" && row.number("logit") == 1.0);
    let exact = row.map_or_else(
        || {
            // d/dl of p (1 − p0)² + (1 − p) p0² at l = 1.
            let p = 1.0 / (1.0 + (-1.0f64).exp());
            p * (1.0 - p) * (0.55f64.powi(2) - 0.45f64.powi(2))
        },
        |row| row.number("grad_exact"),
    );
    let (mut last_bias, mut last_variance) = (f64::INFINITY, 0.0);
    for tau in [0.5, 0.25, 0.1, 0.05] {
        let bit = BinaryConcrete::new(&[1.0], tau).unwrap();
        let sampled = sample_batches(&mut Pathwise, &bit, &f, 20_000, 8);
        let bias = (sampled.mean[0] - exact).abs();
        let error = (sampled.variance[0] / sampled.samples).sqrt();
        assert!(bias + 3.0 * error < last_bias, "τ {tau}: bias {bias} ± {error}, before {last_bias}");
        assert!(sampled.variance[0] - 3.0 * sampled.variance_error[0] > last_variance, "τ {tau}");
        (last_bias, last_variance) = (bias, sampled.variance[0]);
    }
}

/// Draw, pullback to logits and τ, and the densities that exist, at extremes.
fn extremes_are_finite<T: Real>() {
    let grid = [-1e4, -30.0, 0.0, 30.0, 1e4].map(T::of);
    let mut rng = rng(6);
    for tau in [1e-3, 0.1, 1.0, 1e3].map(T::of) {
        for &a in &grid {
            for &b in &grid {
                let logits = [a, b, T::zero()];
                let relaxed = GumbelSoftmax::new(&logits, 3, tau).unwrap().with_learned_temperature();
                let log = ExpConcrete::new(&logits, 3, tau).unwrap().with_learned_temperature();
                let bits = BinaryConcrete::new(&logits, tau).unwrap().with_learned_temperature();
                let finite = |row: &[T], what: &str| {
                    assert!(
                        row.iter().all(|x| x.is_finite()),
                        "{what} at τ {tau}, logits {logits:?}: {row:?}"
                    );
                };
                let cotangent = [T::one(), T::of(-2.0), T::of(0.5)];
                for _ in 0..20 {
                    let (mut noise, mut z) = ([T::zero(); 3], [T::zero(); 3]);
                    let mut dtheta = [T::nan(); 4];
                    relaxed.draw_noise(&mut rng, &mut noise);
                    relaxed.transform(&noise, &mut z);
                    finite(&z, "draw");
                    let sum: T = z.iter().copied().sum();
                    assert!((sum - T::one()).abs() < T::of(4.0) * T::epsilon());
                    relaxed.pullback(&noise, &z, &cotangent, &mut dtheta);
                    finite(&dtheta, "pullback");

                    log.transform(&noise, &mut z);
                    finite(&z, "log-space draw");
                    log.pullback(&noise, &z, &cotangent, &mut dtheta);
                    finite(&dtheta, "log-space pullback");
                    assert!(log.log_prob(&z).is_finite());
                    log.score(&z, &mut dtheta);
                    finite(&dtheta, "log-space score");
                    log.log_prob_gradient(&z, &mut dtheta[..3]);
                    finite(&dtheta[..3], "log-space density gradient");

                    bits.draw_noise(&mut rng, &mut noise);
                    bits.transform(&noise, &mut z);
                    finite(&z, "bits");
                    bits.pullback(&noise, &z, &cotangent, &mut dtheta);
                    finite(&dtheta, "pullback of bits");
                    assert!(!bits.log_prob(&z).is_nan() && !relaxed.log_prob(&z).is_nan());
                }
            }
        }
    }
}

use reparam::Real;

#[test]
fn draws_and_pullbacks_are_finite_for_tau_from_1e_3_to_1e3_and_logits_to_1e4() {
    extremes_are_finite::<f64>();
    extremes_are_finite::<f32>();
}

#[test]
fn a_cold_draw_is_one_hot_with_the_categorical_frequencies() {
    let logits = [0.5, -1.0, 1.5];
    let cold = GumbelSoftmax::new(&logits, 3, 1e-3).unwrap();
    let exact = Categorical::from_logits(&logits, 3).unwrap();
    let mut rng = rng(7);
    let (mut counts, mut z, n) = ([0.0; 3], [0.0; 3], 200_000);
    for _ in 0..n {
        cold.sample(&mut rng, &mut z);
        for (count, z) in counts.iter_mut().zip(z) {
            *count += f64::from(z > 0.5);
        }
    }
    for (count, p) in counts.iter().zip(exact.probs()) {
        let n = f64::from(n);
        assert!((count / n - p).abs() < 4.0 * (p * (1.0 - p) / n).sqrt());
    }
}

#[test]
fn the_two_class_density_is_the_density_of_the_relaxed_bit() {
    for (l, tau) in [(0.0, 1.0), (1.3, 0.4), (-2.0, 3.0)] {
        let bit = BinaryConcrete::new(&[l], tau).unwrap().with_learned_temperature();
        let classes = GumbelSoftmax::new(&[l + 5.0, 5.0], 2, tau).unwrap().with_learned_temperature();
        for x in [1e-9, 0.01, 0.3, 0.5, 0.97] {
            let (a, b): (f64, f64) = (bit.log_prob(&[x]), classes.log_prob(&[x, 1.0 - x]));
            assert!((a - b).abs() < 1e-12 * (1.0 + a.abs()), "{a} {b}");
            let (mut sa, mut sb) = ([0.0f64; 2], [0.0f64; 3]);
            bit.score(&[x], &mut sa);
            classes.score(&[x, 1.0 - x], &mut sb);
            assert!((sa[0] - sb[0]).abs() < 1e-11 && (sa[0] + sb[1]).abs() < 1e-11);
            assert!((sa[1] - sb[2]).abs() < 1e-11 * (1.0 + sa[1].abs()));
        }
    }
}

#[test]
fn the_three_class_density_integrates_to_one() {
    // Over the simplex in coordinates (a, b) = (ln x₀/x₂, ln x₁/x₂), where dx₀ dx₁ = x₀ x₁ x₂ da db.
    for (logits, tau) in [([0.0, 0.0, 0.0], 1.0), ([1.0, -0.5, 0.3], 0.6), ([0.2, 0.0, -1.0], 2.0)] {
        let p = GumbelSoftmax::new(&logits, 3, tau).unwrap();
        let (step, reach) = (0.1, 60.0f64.min(45.0 / tau));
        let n = (reach / step) as i32;
        let mut total = 0.0;
        for i in -n..=n {
            for j in -n..=n {
                let (a, b) = (f64::from(i) * step, f64::from(j) * step);
                let largest = a.max(b).max(0.0);
                let e = [(a - largest).exp(), (b - largest).exp(), (-largest).exp()];
                let sum: f64 = e.iter().sum();
                let x = e.map(|e| e / sum);
                total += (p.log_prob(&x) + x.iter().map(|x| x.ln()).sum::<f64>()).exp() * step * step;
            }
        }
        assert!((total - 1.0).abs() < 1e-6, "{logits:?} {tau}: {total}");
    }
}

#[test]
fn the_mean_score_is_zero_and_the_score_function_agrees_with_pathwise() {
    // 4 coordinates each, 3 distributions: 4.2 standard errors.
    let logits = [0.5, -1.0, 0.8];
    let simplex = GumbelSoftmax::new(&logits, 3, 0.8).unwrap().with_learned_temperature();
    let log = ExpConcrete::new(&logits, 3, 0.8).unwrap().with_learned_temperature();
    let bits = BinaryConcrete::new(&logits, 0.8).unwrap().with_learned_temperature();
    check_mean_score(&simplex, 200_000, 4.2, 1);
    check_mean_score(&log, 200_000, 4.2, 2);
    check_mean_score(&bits, 200_000, 4.2, 3);

    let f = (
        |x: &[f64]| x[0] * x[0] + x[1],
        |x: &[f64], dx: &mut [f64]| {
            dx.copy_from_slice(&[2.0 * x[0], 1.0, 0.0]);
            x[0] * x[0] + x[1]
        },
    );
    let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 8 });
    let a = Pathwise.estimate(&simplex, &f, 200_000, &mut rng(11)).unwrap();
    let b = loo.estimate(&simplex, &f, 50_000, &mut rng(12)).unwrap();
    for i in 0..4 {
        let error = a.standard_error()[i].hypot(b.standard_error()[i]);
        assert!((a.gradient()[i] - b.gradient()[i]).abs() < 4.2 * error, "{i}");
        assert!(error < 0.01);
    }
}

#[test]
fn a_bad_temperature_is_refused_and_leaves_the_old_one() {
    let mut p = GumbelSoftmax::new(&[0.0, 0.0], 2, 0.5).unwrap();
    for tau in [0.0, -1.0] {
        let error = p.set_temperature(tau).unwrap_err();
        assert!(matches!(error, Error::ParameterDomain { parameter, .. } if parameter == "tau"));
    }
    assert!(matches!(p.set_temperature(f64::NAN), Err(Error::NonFiniteParameter { .. })));
    assert_eq!(p.temperature(), 0.5);
    assert!(BinaryConcrete::new(&[0.0], 0.0).is_err());

    let mut learned = p.with_learned_temperature();
    assert_eq!(learned.layout().range("tau"), Some(2..3));
    learned.set_params(&[1.0, 2.0, 0.25]).unwrap();
    assert_eq!(learned.temperature(), 0.25);
    learned.set_temperature(2.0).unwrap();
    assert_eq!(learned.params(), [1.0, 2.0, 2.0]);
}
