//! The Dirichlet: its field, exact gradients, tiny concentrations, sampler, bad input.

use crate::common::uniformity::kolmogorov;
use crate::common::*;
use rand_distr::{Distribution as _, Gamma};
use reparam::prelude::*;
use reparam::special::{beta_cdf, beta_implicit_gradient, beta_log_odds_implicit_gradient};
use reparam::{Conditional, DrawsMut, KlDivergence, MeanVariance};

/// `dz/dαⱼ`, column j, by pulling back unit cotangents.
fn field(dirichlet: &Dirichlet<f64>, z: &[f64]) -> Vec<Vec<f64>> {
    let k = z.len();
    let mut columns = vec![vec![0.0; k]; k];
    for i in 0..k {
        let (mut v, mut pulled) = (vec![0.0; k], vec![0.0; k]);
        v[i] = 1.0;
        dirichlet.pullback(&[], z, &v, &mut pulled);
        for j in 0..k {
            columns[j][i] = pulled[j];
        }
    }
    columns
}

/// `∂ ln p/∂αⱼ + v·∇ ln p + div v = 0` in the first K − 1 coordinates.
#[test]
fn the_pullback_solves_the_continuity_equation() {
    for (alpha, z) in [
        (vec![1.0, 1.0, 1.0], vec![0.2, 0.3, 0.5]),
        (vec![0.2, 0.5, 3.0], vec![0.02, 0.28, 0.7]),
        (vec![10.0, 20.0, 30.0, 5.0], vec![0.2, 0.27, 0.42, 0.11]),
        (vec![90.0, 110.0, 300.0], vec![0.2, 0.22, 0.58]),
        (vec![0.4, 2.0], vec![0.35, 0.65]),
    ] {
        let dirichlet = Dirichlet::new(&alpha, alpha.len()).unwrap();
        let k = alpha.len();
        // The last coordinate follows from the others.
        let at = |i: usize, x: f64| {
            let mut z = z.clone();
            z[k - 1] -= x - z[i];
            z[i] = x;
            z
        };
        let mut score = vec![0.0; k];
        dirichlet.score(&z, &mut score);
        let here = field(&dirichlet, &z);
        for j in 0..k {
            let mut total = score[j];
            let mut size = score[j].abs();
            for i in 0..k - 1 {
                let scale = 0.3 * z[i].min(z[k - 1]);
                let divergence = derivative(|x| field(&dirichlet, &at(i, x))[j][i], z[i], scale);
                let slope = derivative(|x| dirichlet.log_prob(&at(i, x)), z[i], scale);
                total += divergence + here[j][i] * slope;
                size += divergence.abs() + (here[j][i] * slope).abs();
            }
            assert!(total.abs() < 1e-8 * size.max(1.0), "{alpha:?}, {j}: {total:e} of {size:e}");
            assert!(here[j].iter().sum::<f64>().abs() < 1e-14, "leaves the simplex");
        }
    }
}

#[test]
fn two_classes_are_a_beta() {
    for (a, b, z) in [
        (0.4f64, 2.0f64, 0.35f64),
        (30.0, 7.0, 0.9),
        (0.01, 0.02, 1e-9),
        (5.0, 0.1, 0.999),
        (200.0, 300.0, 0.41),
    ] {
        let two = Dirichlet::new(&[a, b], 2).unwrap();
        let mut pulled = [0.0; 2];
        two.pullback(&[0.0], &[z, 1.0 - z], &[1.0, 0.0], &mut pulled);
        let exact = beta_implicit_gradient(z, a, b);
        for (found, exact) in pulled.into_iter().zip(exact) {
            assert!((found / exact - 1.0).abs() < 1e-12, "{a} {b} {z}: {found} {exact}");
        }
        let (mut from_noise, mut of_beta) = ([0.0; 2], [0.0]);
        two.transform(&[0.3], &mut from_noise);
        Beta::new(&[a], &[b]).unwrap().transform(&[0.3], &mut of_beta);
        assert!((from_noise[0] / of_beta[0] - 1.0).abs() < 1e-13);
        assert!((two.log_prob(&[z, 1.0 - z]) - Beta::new(&[a], &[b]).unwrap().log_prob(&[z])).abs() < 1e-11);
    }
}

#[test]
fn score_and_density_gradient_match_differences() {
    for (alpha, z) in [
        ([0.2, 0.5, 3.0], [0.02, 0.28, 0.7]),
        ([10.0, 20.0, 30.0], [0.2, 0.3, 0.5]),
        ([1e-3, 1.0, 400.0], [1e-9, 0.01, 0.99]),
    ] {
        let dirichlet = Dirichlet::new(&alpha, 3).unwrap();
        check_score(&dirichlet, &z, &alpha.map(|a| 0.3 * a));
        check_log_prob_gradient(&dirichlet, &z, &[0.1 * z[0], 0.1 * z[1], 0.005]);
    }
}

/// Mean of `f(z)`-weighted samples within four standard errors of a value.
fn within_errors(terms: impl Iterator<Item = f64>, exact: f64, what: &str) {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for term in terms {
        n += 1.0;
        sum += term - exact;
        squares += (term - exact).powi(2);
    }
    assert!(sum.abs() < 4.0 * f64::sqrt(squares), "{what}: off by {} ± {}", sum / n, squares.sqrt() / n);
}

#[test]
fn exact_gradients_of_expectations_by_both_estimators() {
    let mut checked = 0;
    for (seed, row) in (1..).zip(Table::parse(include_str!("../data/families_exact_gradients.csv")).rows()) {
        if row.text("family") != "Dirichlet" {
            continue;
        }
        let alpha: Vec<f64> =
            row.text("params").split(';').map(|p| p.split_once('=').unwrap().1.parse().unwrap()).collect();
        let f: fn(&[f64], &mut [f64]) -> f64 = match row.text("f") {
            "z1" => |z, dz| {
                dz.copy_from_slice(&[1.0, 0.0, 0.0]);
                z[0]
            },
            "z1^2" => |z, dz| {
                dz.copy_from_slice(&[2.0 * z[0], 0.0, 0.0]);
                z[0] * z[0]
            },
            "z1*z2" => |z, dz| {
                dz.copy_from_slice(&[z[1], z[0], 0.0]);
                z[0] * z[1]
            },
            "log z1" => |z, dz| {
                dz.copy_from_slice(&[1.0 / z[0], 0.0, 0.0]);
                z[0].ln()
            },
            other => panic!("{other}"),
        };
        let objective = (|z: &[f64]| f(z, &mut [0.0; 3]), f);
        let wrt = row.text("wrt")[1..].parse::<usize>().unwrap() - 1;
        let dirichlet = Dirichlet::new(&alpha, 3).unwrap();
        let pathwise = Pathwise.estimate(&dirichlet, &objective, 200_000, &mut rng(seed)).unwrap();
        let score = ScoreFunction::new().estimate(&dirichlet, &objective, 200_000, &mut rng(seed)).unwrap();
        let antithetic =
            Pathwise.over(Antithetic).estimate(&dirichlet, &objective, 20_000, &mut rng(seed)).unwrap();
        for (name, estimate) in [("pathwise", pathwise), ("score", score), ("antithetic", antithetic)] {
            let off = estimate.gradient()[wrt] - row.number("grad");
            let error = estimate.standard_error()[wrt];
            let what = format!("{name} {} {} {}", row.text("params"), row.text("f"), row.text("wrt"));
            assert!(off.abs() < 4.0 * error + 1e-13, "{what}: off by {off} ± {error}");
            assert!(
                (estimate.value() - row.number("Ef")).abs() < 4.5 * estimate.value_standard_error(),
                "{what}: value"
            );
        }
        checked += 1;
    }
    assert_eq!(checked, 17);
}

/// The field against normalised gamma variates with their own implicit derivatives, as the variance of `∂E z₁/∂α₁`.
#[test]
fn the_field_has_less_variance_than_normalised_gammas() {
    // A gamma is the limit of b Beta(a, b): the relative error is about 1/b.
    let gamma_slope = |a: f64, g: f64| {
        let b = 1e14;
        beta_log_odds_implicit_gradient((g / b).ln() - (-g / b).ln_1p(), a, b)[0]
    };
    for (alpha, least, most) in [
        (vec![0.1; 3], 1.8, 2.1),
        (vec![1.0; 3], 1.8, 2.1),
        (vec![10.0; 3], 6.0, 7.3),
        (vec![1.0; 10], 1.1, 1.3),
        (vec![10.0, 20.0, 30.0], 1.4, 1.65),
    ] {
        let k = alpha.len();
        let dirichlet = Dirichlet::new(&alpha, k).unwrap();
        let exact = {
            let whole: f64 = alpha.iter().sum();
            (whole - alpha[0]) / (whole * whole)
        };
        let (mut rng, n) = (rng(11), 100_000);
        let (mut gammas, mut flow, mut ours, mut theirs) = (vec![0.0; k], vec![0.0; k], vec![], vec![]);
        let mut v = vec![0.0; k];
        v[0] = 1.0;
        for _ in 0..n {
            for (g, &a) in gammas.iter_mut().zip(&alpha) {
                *g = Gamma::new(a, 1.0).unwrap().sample(&mut rng);
            }
            let total: f64 = gammas.iter().sum();
            let z: Vec<f64> = gammas.iter().map(|g| g / total).collect();
            dirichlet.pullback(&[], &z, &v, &mut flow);
            ours.push(flow[0]);
            let slope = if z[0] > 0.0 { gamma_slope(alpha[0], gammas[0]) } else { 0.0 };
            theirs.push(z[0] * (1.0 - z[0]) * slope);
        }
        let variance = |terms: &[f64]| terms.iter().map(|t| (t - exact).powi(2)).sum::<f64>() / f64::from(n);
        within_errors(ours.iter().copied(), exact, "field");
        within_errors(theirs.iter().copied(), exact, "gammas");
        let ratio = variance(&theirs) / variance(&ours);
        println!("{alpha:?}: {ratio:.2}");
        assert!(ratio > least && ratio < most, "{alpha:?}: {ratio}");
    }
}

#[test]
fn entropy_divergence_and_moments() {
    let p = Dirichlet::new(&[0.4, 3.0, 9.0, 1.0, 1.0, 60.0], 3).unwrap();
    let lengths = p.params().to_vec();
    check_entropy(&p, &lengths, 100_000, 1);
    check_mean_score(&p, 100_000, 4.5, 2);
    let q = Dirichlet::new(&[0.9, 2.0, 7.0, 1.5, 0.8, 70.0], 3).unwrap();
    let kl = p.kl(&q).unwrap();
    let (mut dp, mut dq) = ([0.0; 6], [0.0; 6]);
    p.kl_gradient(&q, &mut dp, &mut dq).unwrap();
    for i in 0..6 {
        let moved = |d: &Dirichlet<f64>, x: f64| {
            let (mut params, mut moved) = (d.params().to_vec(), d.clone());
            params[i] = x;
            moved.set_params(&params).unwrap();
            moved
        };
        let (x, y) = (p.params()[i], q.params()[i]);
        assert_relative(dp[i], derivative(|x| moved(&p, x).kl(&q).unwrap(), x, 0.3 * x), 1e-7, 1e-9, "KL, p");
        assert_relative(dq[i], derivative(|y| p.kl(&moved(&q, y)).unwrap(), y, 0.3 * y), 1e-7, 1e-9, "KL, q");
    }
    let (mut r, mut z) = (rng(3), [0.0; 6]);
    let draws: Vec<[f64; 6]> = (0..200_000)
        .map(|_| {
            p.sample(&mut r, &mut z);
            z
        })
        .collect();
    within_errors(draws.iter().map(|z| p.log_prob(z) - q.log_prob(z)), kl, "KL");
    let (mut mean, mut variance) = ([0.0; 6], [0.0; 6]);
    p.mean(&mut mean);
    p.variance(&mut variance);
    for i in 0..6 {
        within_errors(draws.iter().map(|z| z[i]), mean[i], "mean");
        within_errors(draws.iter().map(|z| (z[i] - mean[i]).powi(2)), variance[i], "variance");
    }
    assert!(p.kl(&Dirichlet::new(&[1.0; 6], 2).unwrap()).is_err());
    assert!(p.kl_gradient(&q, &mut [0.0; 5], &mut dq).is_err());
    assert!(p.kl(&p).unwrap().abs() < 1e-13);
}

/// Marginals are Betas, from the sampler and from the noise.
#[test]
fn draws_have_beta_marginals() {
    let alpha = [0.3, 1.0, 4.0, 12.0];
    let whole: f64 = alpha.iter().sum();
    let dirichlet = Dirichlet::new(&alpha, 4).unwrap();
    let n = 20_000;
    let (mut direct, mut noise, mut from_noise) = (vec![0.0; 4 * n], vec![0.0; 3 * n], vec![0.0; 4 * n]);
    dirichlet.sample(&mut rng(1), &mut direct);
    dirichlet.draw_noise(&mut rng(2), &mut noise);
    dirichlet.transform_block(&noise, DrawsMut::of(&mut from_noise));
    for z in [direct, from_noise] {
        for (j, &a) in alpha.iter().enumerate() {
            let statistic = kolmogorov(z.chunks(4).map(|z| beta_cdf(z[j], a, whole - a)).collect());
            assert!(statistic < 2.2, "class {j}: {statistic}");
        }
        assert!(z.chunks(4).all(|z| (z.iter().sum::<f64>() - 1.0).abs() < 1e-14));
    }
}

/// For tiny concentrations a draw is nearly one-hot: E z₁² = (α₁² + α₁)/(α₀² + α₀), whose derivative needs the rare draws between.
#[test]
fn tiny_concentrations_give_no_nan_and_no_bias() {
    fn run<T: reparam::Real>(alpha: f64, samples: usize) {
        let dirichlet = Dirichlet::new(&[T::of(alpha); 3], 3).unwrap();
        let f = (
            |z: &[T]| z[0],
            |z: &[T], dz: &mut [T]| {
                dz.copy_from_slice(&[T::one(), T::zero(), T::zero()]);
                z[0]
            },
        );
        let estimate = Pathwise.estimate(&dirichlet, &f, samples, &mut rng(5)).unwrap();
        for (i, exact) in [2.0, -1.0, -1.0].into_iter().enumerate() {
            let (off, error) =
                (estimate.gradient()[i].f64() - exact / (9.0 * alpha), estimate.standard_error()[i]);
            assert!(off.abs() < 4.0 * error, "{alpha}, {i}: off by {off} ± {error}");
        }
    }
    run::<f64>(1e-3, 2_000_000);
    run::<f32>(1e-3, 2_000_000);
    run::<f32>(0.02, 500_000);
    for alpha in [[1e-320f64, 1e-320, 1e-320], [1e-8, 1e-8, 1e-8], [1e-8, 1.0, 1e8], [1e-3, 1e-3, 1e200]] {
        let dirichlet = Dirichlet::new(&alpha, 3).unwrap();
        let (mut z, mut pulled, mut r) = ([0.0; 3], [0.0; 3], rng(6));
        for i in 0..200 {
            if i % 2 == 0 {
                dirichlet.sample(&mut r, &mut z);
            } else {
                let mut noise = [0.0; 2];
                dirichlet.draw_noise(&mut r, &mut noise);
                dirichlet.transform(&noise, &mut z);
            }
            assert!((z.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{alpha:?}: {z:?}");
            dirichlet.pullback(&[0.0; 2], &z, &[1.0, -2.0, 0.5], &mut pulled);
            assert!(pulled.iter().all(|d| !d.is_nan()), "{alpha:?}, {z:?}: {pulled:?}");
        }
        let mut numbers = [0.0; 3];
        dirichlet.entropy_gradient(&mut numbers);
        assert!(numbers.iter().chain([&dirichlet.entropy()]).all(|x| !x.is_nan()), "{alpha:?}");
        for z in [[0.0, 0.0, 1.0], [0.5, 0.5, 0.0], [1e-320, 0.0, 1.0], [2.0, -1.0, 0.0]] {
            assert!(!dirichlet.log_prob(&z).is_nan(), "{alpha:?}, {z:?}");
        }
    }
}

#[test]
fn bad_parameters_are_refused_by_name() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        match Dirichlet::new(&[1.0, 2.0, bad, 1.0], 2).unwrap_err() {
            Error::ParameterDomain { parameter, index, .. }
            | Error::NonFiniteParameter { parameter, index, .. } => {
                assert_eq!((&*parameter, index), ("concentration", 2));
            }
            other => panic!("{other}"),
        }
        let mut dirichlet = Dirichlet::new(&[1.0, 2.0], 2).unwrap();
        assert!(dirichlet.set_params(&[1.0, bad]).is_err());
        assert_eq!(dirichlet.params(), [1.0, 2.0]);
    }
    assert!(matches!(Dirichlet::new(&[1.0, 2.0, 3.0], 2), Err(Error::Length { .. })));
    assert!(matches!(Dirichlet::new(&[1.0], 1), Err(Error::EmptySupport { .. })));
    assert!(matches!(Dirichlet::<f64>::new(&[], 0), Err(Error::EmptySupport { .. })));
    assert!(matches!(Dirichlet::<f64>::new(&[], 3), Err(Error::EmptySupport { .. })));
    assert_eq!(Dirichlet::new(&[1.0, 1.0, 1.0], 3).unwrap().log_prob(&[0.5, 0.6, -0.1]), f64::NEG_INFINITY);
}

/// The owner's table about the mean and the direct evaluation for lent parameters are two ways to one number.
#[test]
fn the_table_about_the_mean_keeps_the_precision() {
    let other = Dirichlet::new(&[1.0; 10], 10).unwrap();
    for (seed, scale) in (1..).zip([0.3, 1.0, 3.0, 6.5, 10.0, 30.0, 79.0, 81.0, 100.0, 1000.0, 1e5]) {
        let alpha: Vec<f64> = (0..10).map(|i| scale * [1.0, 1.3, 0.8, 4.0][i % 4]).collect();
        let owned = Dirichlet::new(&alpha, 10).unwrap();
        let (mut z, mut d, mut e) = ([0.0; 10], [0.0; 10], [0.0; 10]);
        let (mut r, v) = (rng(seed), [1.0, -0.5, 2.0, 0.3, -1.0, 0.0, 0.7, 1.5, -2.0, 0.1]);
        let mut worst = 0.0f64;
        for _ in 0..2000 {
            owned.sample(&mut r, &mut z);
            owned.pullback(&[], &z, &v, &mut d);
            other.pullback_with(&[&alpha], &[], &z, &v, &mut e);
            for (d, e) in d.iter().zip(e) {
                worst = worst.max(if *d == e { 0.0 } else { (d / e - 1.0).abs() });
            }
        }
        println!("{scale}: {worst:e}");
        assert!(worst < 1e-12, "{scale}: {worst:e}");
    }
}

#[test]
fn lent_parameters_give_the_same_draw_and_pullback() {
    let alpha = [0.3, 1.0, 4.0, 12.0, 2.0, 0.5];
    let owned = Dirichlet::new(&alpha, 3).unwrap();
    let other = Dirichlet::new(&[1.0; 6], 3).unwrap();
    let noise = [0.1, -0.2, 0.3, -0.4];
    let (mut z, mut w, v) = ([0.0; 6], [0.0; 6], [1.0, -2.0, 0.5, 0.1, 0.2, 3.0]);
    owned.transform(&noise, &mut z);
    other.transform_with(&[&alpha], &noise, &mut w);
    assert_eq!(z, w);
    let (mut d, mut e) = ([0.0f64; 6], [0.0f64; 6]);
    owned.pullback(&noise, &z, &v, &mut d);
    other.pullback_with(&[&alpha], &noise, &z, &v, &mut e);
    for (d, e) in d.iter().zip(e) {
        assert!((d / e - 1.0).abs() < 1e-13);
    }
    let mut row = [0.0; 3];
    Dirichlet::new(&alpha[3..], 3).unwrap().pullback(&noise[2..], &z[3..], &v[3..], &mut row);
    assert_eq!(d[3..], row);
}
