//! Counts: log-masses and scores against mpmath, samplers by chi-square, divergences, moments, extremes.

use crate::common::{Table, assert_relative, rng};
use reparam::prelude::*;
use reparam::{KlDivergence, LogDensity, MeanVariance, verify};

/// A count of every family and parameterisation, with parameters in the middle.
macro_rules! for_each_family {
    ($check:expr) => {
        $check("Poisson", &Poisson::new(&[0.4, 3.7]).unwrap());
        $check("Binomial", &Binomial::from_logits(&[7, 30], &[0.4, -1.5]).unwrap());
        $check("Binomial by probs", &Binomial::from_probs(&[7, 30], &[0.3, 0.9]).unwrap());
        $check("Geometric", &Geometric::from_logits(&[0.4, -1.5]).unwrap());
        $check("Geometric by probs", &Geometric::from_probs(&[0.3, 0.8]).unwrap());
        $check("NegativeBinomial", &NegativeBinomial::from_logits(&[0.6, 7.0], &[0.4, -0.5]).unwrap());
        $check("NegativeBinomial by probs", &NegativeBinomial::from_probs(&[0.6, 7.0], &[0.3, 0.8]).unwrap());
    };
}

/// Log-mass and score at one count.
fn found<D: LogDensity<f64>>(p: &D, k: f64) -> (f64, Vec<f64>) {
    let mut score = vec![f64::NAN; p.params().len()];
    p.score(&[k], &mut score);
    (p.log_prob(&[k]), score)
}

#[test]
fn log_masses_and_scores_are_those_of_mpmath() {
    let mut rows = 0;
    for row in Table::parse(include_str!("../data/counts.csv")).rows() {
        let (b, k) = (row.number("b"), row.number("k"));
        let a = if row.text("a").is_empty() { 0.0 } else { row.number("a") };
        let label = format!("{} by {} {a} {b:e} at {k}", row.text("family"), row.text("by"));
        let (log_mass, score) = match (row.text("family"), row.text("by")) {
            ("poisson", _) => found(&Poisson::new(&[b]).unwrap(), k),
            ("binomial", "logits") => found(&Binomial::from_logits(&[a as u64], &[b]).unwrap(), k),
            ("binomial", _) => found(&Binomial::from_probs(&[a as u64], &[b]).unwrap(), k),
            ("geometric", "logits") => found(&Geometric::from_logits(&[b]).unwrap(), k),
            ("geometric", _) => found(&Geometric::from_probs(&[b]).unwrap(), k),
            ("negative_binomial", "logits") => found(&NegativeBinomial::from_logits(&[a], &[b]).unwrap(), k),
            _ => found(&NegativeBinomial::from_probs(&[a], &[b]).unwrap(), k),
        };
        // To what a relative change of b by four units in its last place does: the rounding of p alone moves a mass so much.
        let expected = row.number("log_mass");
        let sensitivity = 1e-15
            * (row.number("score") * if row.text("by") == "logits" { b.abs().max(1.0) } else { b }).abs();
        assert_relative(log_mass, expected, 1e-14, 1e-13 + sensitivity, &format!("{label}: ln p"));
        // A score is a difference of two counts: to the rounding of each.
        let p = match row.text("by") {
            "logits" => 1.0 / (1.0 + (-b).exp()),
            _ => b,
        };
        let size = match (row.text("family"), row.text("by")) {
            ("poisson", _) => 1.0,
            ("binomial", "logits") => k.min(a * p),
            ("binomial", _) => (k / p).min(a),
            (_, "logits") => (k * p).min(a.max(1.0)),
            _ => a.max(1.0) / p,
        };
        let score_of_b = score[score.len() - 1];
        let expected = row.number("score");
        if score_of_b.is_finite() || expected.is_finite() {
            assert_relative(score_of_b, expected, 1e-14, 4e-16 * size, &format!("{label}: score"));
        } else {
            assert_eq!(score_of_b, expected, "{label}: beyond the scalar");
        }
        if score.len() == 2 {
            let expected = row.number("score_a");
            let size = (k / a).ln_1p().max(1.0);
            assert_relative(score[0], expected, 1e-13, 2e-15 * size, &format!("{label}: score of r"));
        }
        rows += 1;
    }
    assert!(rows == 870, "{rows}");
}

#[test]
fn masses_sum_to_one() {
    let check = |name: &str, total: f64| assert!((total - 1.0).abs() < 1e-12, "{name}: {total}");
    let sum = |mass: &dyn Fn(f64) -> f64, most: u32| (0..most).map(|k| mass(f64::from(k)).exp()).sum::<f64>();
    for rate in [1e-3, 1.0, 9.5, 200.0] {
        let p = Poisson::new(&[rate]).unwrap();
        check("Poisson", sum(&|k| p.log_prob(&[k]), 1000));
    }
    for (n, logit) in [(1, 3.0), (12, -2.0), (1000, 0.3)] {
        let p = Binomial::from_logits(&[n], &[logit]).unwrap();
        check("Binomial", sum(&|k| p.log_prob(&[k]), n as u32 + 1));
    }
    for (r, logit) in [(1e-3, -3.0), (0.7, 1.0), (40.0, -1.0)] {
        let p = NegativeBinomial::from_logits(&[r], &[logit]).unwrap();
        check("NegativeBinomial", sum(&|k| p.log_prob(&[k]), 4000));
        let p = Geometric::from_logits(&[logit]).unwrap();
        check("Geometric", sum(&|k| p.log_prob(&[k]), 4000));
    }
}

#[test]
fn scores_are_the_derivatives_of_log_masses_and_belong_to_the_sampler() {
    fn check<D: LogDensity<f64> + Clone>(name: &str, p: &D) {
        for z in [[0.0, 0.0], [1.0, 2.0], [6.0, 5.0], [3.0, 30.0]] {
            verify::score(p, &z).unwrap().within(1e-7).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        let identities = verify::score_identities(p, 60_000, &mut rng(11)).unwrap();
        assert!(identities.p_value() > 1e-3, "{name}: {}", identities.p_value());
    }
    for_each_family!(check);
}

#[test]
fn samples_have_the_stated_masses_and_moments() {
    fn check<D: LogDensity<f64> + MeanVariance<f64>>(name: &str, p: &D) {
        const DRAWS: usize = 200_000;
        let mut z = vec![0.0; 2 * DRAWS];
        p.sample(&mut rng(12), &mut z);
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        p.mean(&mut mean);
        p.variance(&mut variance);
        let n = DRAWS as f64;
        for i in 0..2 {
            let draws = || z.iter().skip(i).step_by(2).copied();
            // The mass of a coordinate: that of both, over that of the other at 0.
            let mut at = [0.0; 2];
            let both_at_zero = p.log_prob(&at);
            at[i] = 1.0;
            // ln p(0) from the sum of the masses.
            let masses: Vec<f64> = (0..3000)
                .map(|k| {
                    at[i] = f64::from(k);
                    (p.log_prob(&at) - both_at_zero).exp()
                })
                .collect();
            let total: f64 = masses.iter().sum();
            let (mut chi_square, mut cells, mut rest, mut rest_found) = (0.0, 0.0, n, n);
            for (k, mass) in masses.iter().enumerate() {
                let expected = n * mass / total;
                if expected >= 10.0 {
                    let found = draws().filter(|z| *z == k as f64).count() as f64;
                    chi_square += (found - expected).powi(2) / expected;
                    cells += 1.0;
                    rest -= expected;
                    rest_found -= found;
                }
            }
            if rest > 5.0 {
                chi_square += (rest_found - rest).powi(2) / rest;
                cells += 1.0;
            }
            // A chi-square of `cells − 1` degrees: four of its standard deviations and a bit, 14 comparisons.
            let degrees: f64 = cells - 1.0;
            assert!(
                chi_square < degrees + 4.5 * (2.0 * degrees).sqrt() + 6.0,
                "{name} {i}: {chi_square} of {degrees}"
            );
            let found = draws().sum::<f64>() / n;
            assert!((found - mean[i]).abs() < 4.0 * (variance[i] / n).sqrt(), "{name}: mean {found}");
            let squares: Vec<f64> = draws().map(|z| (z - mean[i]).powi(2)).collect();
            let spread = squares.iter().sum::<f64>() / n;
            let fourth = squares.iter().map(|s| (s - spread).powi(2)).sum::<f64>() / n;
            assert!((spread - variance[i]).abs() < 4.0 * (fourth / n).sqrt(), "{name}: variance {spread}");
        }
    }
    for_each_family!(check);
}

#[test]
fn divergences_are_mean_log_ratios_with_their_derivatives() {
    fn check<D: LogDensity<f64> + KlDivergence<f64> + Clone>(p: &D, q: &D) {
        verify::kl_gradient(p, q).unwrap().within(1e-7).unwrap();
        let (mut rng, mut z) = (rng(13), vec![0.0; p.dim()]);
        let (n, mut sum, mut squares) = (40_000.0, 0.0, 0.0);
        for _ in 0..n as usize {
            p.sample(&mut rng, &mut z);
            let ratio = p.log_prob(&z) - q.log_prob(&z);
            sum += ratio;
            squares += ratio * ratio;
        }
        let (mean, kl) = (sum / n, p.kl(q).unwrap());
        let error = ((squares / n - mean * mean) / n).sqrt();
        assert!((mean - kl).abs() < 4.0 * error, "{mean} ± {error}, {kl}");
        assert_eq!(p.kl(p).unwrap(), 0.0);
    }
    check(&Poisson::new(&[0.4, 3.7]).unwrap(), &Poisson::new(&[0.6, 30.0]).unwrap());
    let binomial = Binomial::from_logits(&[7, 30], &[0.4, -1.5]).unwrap();
    check(&binomial, &Binomial::from_logits(&[7, 30], &[0.3, 2.5]).unwrap());
    check(&binomial, &Binomial::from_probs(&[7, 30], &[0.3, 0.99]).unwrap());
    let geometric = Geometric::from_logits(&[0.4, -1.5]).unwrap();
    check(&geometric, &Geometric::from_logits(&[0.41, 2.5]).unwrap());
    check(&Geometric::from_probs(&[0.3, 0.9]).unwrap(), &Geometric::from_probs(&[0.31, 0.2]).unwrap());
    let other = Binomial::from_logits(&[7, 31], &[0.4, -1.5]).unwrap();
    assert!(matches!(binomial.kl(&other), Err(Error::Option { option: "trials", .. })));
    // A small divergence keeps its digits: δ²/2 of the Fisher information q/p² · p² q … = q of the logit of a geometric.
    let near = Geometric::from_logits(&[1e-7]).unwrap().kl(&Geometric::from_logits(&[0.0]).unwrap()).unwrap();
    assert_relative(near, 0.5 * 1e-14 * 0.5, 1e-6, 0.0, "a small divergence");
    // Rare beyond all digits: both wait for one event, at a ratio e.
    let rare =
        Geometric::from_logits(&[-800.0]).unwrap().kl(&Geometric::from_logits(&[-799.0]).unwrap()).unwrap();
    assert_relative(rare, 1f64.exp() - 2.0, 1e-12, 0.0, "rare events");
}

#[test]
fn whatever_is_no_count_within_the_support_has_no_probability() {
    fn check<D: LogDensity<f64>>(name: &str, p: &D) {
        for k in [-1.0, 0.5, 1e-300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(p.log_prob(&[k, 1.0]), f64::NEG_INFINITY, "{name} {k}");
        }
        assert!(p.log_prob(&[-0.0, 1.0]).is_finite());
    }
    for_each_family!(check);
    let p = Binomial::from_logits(&[3], &[0.0]).unwrap();
    assert_eq!([4.0, 1e300].map(|k| p.log_prob(&[k])), [f64::NEG_INFINITY; 2]);
}

#[test]
fn extreme_parameters_give_no_nan() {
    fn check<D: LogDensity<T> + MeanVariance<T>, T: reparam::Real>(p: &D, label: &str) {
        let (mut z, mut score) = ([T::of(f64::NAN)], vec![T::of(f64::NAN); p.params().len()]);
        for seed in 0..50 {
            p.sample(&mut rng(seed), &mut z);
            assert!(
                !z[0].is_nan() && z[0] >= T::zero() && (z[0].is_infinite() || z[0].fract().is_zero()),
                "{label}: {}",
                z[0]
            );
            assert!(z[0].is_infinite() || !p.log_prob(&z).is_nan(), "{label}");
        }
        for k in [0.0, 1.0, 2.0, 1e6] {
            assert!(!p.log_prob(&[T::of(k)]).is_nan(), "{label} at {k}");
            // Outside the support of a small binomial there is no score to ask for.
            p.score(&[T::of(k)], &mut score);
            assert!(!score.iter().any(|s| s.is_nan()), "{label} at {k}: {score:?}");
        }
        p.mean(&mut z);
        assert!(!z[0].is_nan(), "{label}");
        p.variance(&mut z);
        assert!(!z[0].is_nan(), "{label}");
    }
    for logit in [-1e308, -1e5, -745.0, -40.0, 0.0, 40.0, 745.0, 1e5, 1e308] {
        let label = format!("logit {logit:e}");
        for n in [1, 20, 1 << 53] {
            check(&Binomial::from_logits(&[n], &[logit]).unwrap(), &label);
        }
        check(&Geometric::from_logits(&[logit]).unwrap(), &label);
        for r in [5e-324, 1e-300, 0.5, 1e9, 1e300] {
            check(&NegativeBinomial::from_logits(&[r], &[logit]).unwrap(), &format!("{label}, r {r:e}"));
        }
        let single = (logit as f32).clamp(-1e38, 1e38);
        check(&Binomial::from_logits(&[20], &[single]).unwrap(), &label);
        check(&Geometric::from_logits(&[single]).unwrap(), &label);
        check(&NegativeBinomial::from_logits(&[0.5], &[single]).unwrap(), &label);
        for other in [-1e308, 0.0, 1e308] {
            let (p, q) =
                (Geometric::from_logits(&[logit]).unwrap(), Geometric::from_logits(&[other]).unwrap());
            assert!(p.kl(&q).unwrap() >= 0.0, "{logit} {other}");
        }
    }
    for p in [5e-324, 1e-300, 1e-17, 0.5, 1.0 - 2f64.powi(-53)] {
        check(&Binomial::from_probs(&[20], &[p]).unwrap(), "probs");
        check(&Geometric::from_probs(&[p]).unwrap(), "probs");
        check(&NegativeBinomial::from_probs(&[0.5], &[p]).unwrap(), "probs");
    }
    for rate in [5e-324, 1e-300, 1.0, 1e15, 1e16, 1e300] {
        check(&Poisson::new(&[rate]).unwrap(), "rate");
    }
    // A certain success, and as good as none.
    assert_eq!(Binomial::from_logits(&[5], &[1e308]).unwrap().log_prob(&[5.0]), 0.0);
    assert_eq!(Geometric::from_logits(&[1e308]).unwrap().log_prob(&[0.0]), 0.0);
    assert_eq!(Geometric::from_logits(&[-700.0]).unwrap().log_prob(&[0.0]), -700.0);
    // Draws that overflow are reported and not averaged.
    let never = Geometric::from_logits(&[-1e308]).unwrap();
    let error = ScoreFunction::new().estimate(&never, &|k: &[f64]| 1.0 / (1.0 + k[0]), 100, &mut rng(1));
    assert!(
        matches!(error, Err(Error::NonFiniteTransform { .. } | Error::NonFiniteGradient { .. })),
        "{error:?}"
    );
}

#[test]
fn bad_parameters_are_named() {
    assert!(matches!(Poisson::new(&[0.0]), Err(Error::ParameterDomain { .. })));
    assert!(matches!(Binomial::from_logits(&[0], &[0.0]), Err(Error::Option { option: "trials", .. })));
    assert!(matches!(Binomial::from_logits(&[1, 2], &[0.0]), Err(Error::Length { .. })));
    assert!(matches!(Geometric::<f64>::from_logits(&[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(Geometric::from_probs(&[1.0]), Err(Error::ParameterDomain { .. })));
    assert!(matches!(Geometric::from_logits(&[f64::NAN]), Err(Error::NonFiniteParameter { .. })));
    let error = NegativeBinomial::from_logits(&[-1.0], &[0.0]).unwrap_err();
    assert!(matches!(error, Error::ParameterDomain { parameter, value: -1.0, .. } if parameter == "r"));
    assert!(matches!(NegativeBinomial::from_logits(&[1.0], &[0.0, 1.0]), Err(Error::Length { .. })));
    assert!(matches!(NegativeBinomial::from_probs(&[1.0], &[0.0]), Err(Error::ParameterDomain { .. })));
}

#[test]
fn binomial_counts_are_listed_and_summed() {
    for counts in [
        Binomial::from_logits(&[3, 5], &[0.4, -1.5]).unwrap(),
        Binomial::from_probs(&[3, 5], &[0.3, 0.9]).unwrap(),
    ] {
        assert_eq!((counts.outcomes(), counts.factors()), (Some(24), 2));
        let (mut z, mut total, mut means) = ([0.0; 2], 0.0, [0.0; 2]);
        for index in 0..24 {
            counts.outcome(index, &mut z);
            assert_eq!(z, [(index % 4) as f64, (index / 4) as f64]);
            let p = counts.log_prob(&z).exp();
            let by_factor = (0..2).map(|i| counts.log_mass(i, counts.chosen(i, &z))).sum::<f64>();
            assert!((by_factor.exp() - p).abs() < 1e-15);
            let (mut score, mut added) = ([0.0; 2], [0.0; 2]);
            counts.score(&z, &mut score);
            (0..2).for_each(|i| counts.add_score(i, counts.chosen(i, &z), 1.0, &mut added));
            assert_eq!(score, added);
            total += p;
            (0..2).for_each(|i| means[i] += p * z[i]);
        }
        assert!((total - 1.0).abs() < 1e-14);
        let mut mean = [0.0; 2];
        counts.mean(&mut mean);
        assert!((0..2).all(|i| (mean[i] - means[i]).abs() < 1e-13));
        // Exact, by both estimators that list: E (k₀ − k₁)² has the derivative slope · (2 E k₀ … ) of its moments.
        let f = |k: &[f64]| k[0] * k[1] * k[1];
        let exact = Enumerate.estimate(&counts, &f, 2, &mut rng(1)).unwrap();
        let local = LocalExpectation.estimate(&counts, &f, 20_000, &mut rng(2)).unwrap();
        for i in 0..2 {
            let error = local.standard_error()[i];
            assert!((local.gradient()[i] - exact.gradient()[i]).abs() < 4.0 * error, "{i}");
        }
        let p = [mean[0] / 3.0, mean[1] / 5.0];
        let slope = if counts.layout().range("probs").is_some() { 1.0 } else { p[0] * (1.0 - p[0]) };
        let expected = 3.0 * slope * (5.0 * p[1] * (1.0 - p[1]) + mean[1] * mean[1]);
        assert_relative(exact.gradient()[0], expected, 1e-13, 0.0, "E k₀ k₁² by the first parameter");
    }
    let many = Binomial::from_logits(&vec![1 << 53; 3000], &vec![0.0; 3000]).unwrap();
    assert!(many.outcomes().is_none());
    let f = |k: &[f64]| k[0];
    for error in [
        Enumerate.estimate(&many, &f, 2, &mut rng(1)).unwrap_err(),
        LocalExpectation.estimate(&many, &f, 2, &mut rng(1)).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Option { .. }), "{error}");
    }
}
