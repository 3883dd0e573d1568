//! The model of the example `compare_estimators` against its reference numbers: the exact ELBO, and both estimators in
//! mean and in variance.

#[path = "../../examples/shared/blr.rs"]
mod model;

use crate::common::{Table, rng};
use model::{LogLikelihood, kl};
use reparam::prelude::*;

const GRADIENTS: &str = include_str!("../data/blr_breast_cancer.csv");
const SUMMARY: &str = include_str!("../data/blr_breast_cancer_summary.csv");

/// 62 coordinates, two points, two estimators, mean and variance: 500 comparisons, of which one in 300 sets of seeds would
/// fail by chance.
const STANDARD_ERRORS: f64 = 4.5;

/// The reference's variances are sampled too. Their scatter about ours, taken with twenty times as many draws, is that of
/// some 50 000 draws: between 0.4 % (pathwise, m, at the start) and 10 % (score function, ln s, at the optimum, where the
/// fourth power of the noise makes heavy tails).
const REFERENCE_DRAWS: usize = 50_000;

/// One row of the summary with its rows of the gradient table, each column as (m, ln s).
struct Point {
    params: Vec<f64>,
    gradient: Vec<f64>,
    elbo: f64,
    expected_log_likelihood: f64,
    kl: f64,
    pathwise_variance: Vec<f64>,
    score_variance: Vec<f64>,
}

fn points() -> Vec<Point> {
    let (gradients, summary) = (Table::parse(GRADIENTS), Table::parse(SUMMARY));
    let point = |summary: crate::common::Row<'_>| {
        let column = |name: &str| -> Vec<f64> {
            let rows = gradients.rows().filter(|row| row.text("point") == summary.text("point"));
            rows.map(|row| row.number(name)).collect()
        };
        let joined = |m: &str, ln_s: &str| [column(m), column(ln_s)].concat();
        let ln_s = column("s").iter().map(|s| s.ln()).collect();
        Point {
            params: [column("m"), ln_s].concat(),
            gradient: joined("grad_m", "grad_log_s"),
            elbo: summary.number("elbo"),
            expected_log_likelihood: summary.number("expected_loglik"),
            kl: summary.number("kl"),
            pathwise_variance: joined("mc_var_pw_m", "mc_var_pw_log_s"),
            score_variance: joined("mc_var_sf_bmean_m", "mc_var_sf_bmean_log_s"),
        }
    };
    let points: Vec<Point> = summary.rows().map(point).collect();
    assert_eq!(points.len(), 2);
    assert!(points.iter().all(|point| point.gradient.len() == 62));
    points
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found:e}, expected {expected:e} ± {tolerance:e}");
}

#[test]
fn quadrature_reproduces_the_exact_elbo_and_its_gradient() {
    let model = LogLikelihood::breast_cancer().unwrap();
    for point in points() {
        let exact = model.exact(&point.params);
        assert_near(exact.elbo, point.elbo, 1e-8 * point.elbo.abs());
        let expected = point.expected_log_likelihood;
        assert_near(exact.expected_log_likelihood, expected, 1e-8 * expected.abs());
        assert_near(exact.kl, point.kl, 1e-8 * point.kl.abs());
        // At the optimum the gradient is 0: likelihood and KL cancel, and what is left is relative to either.
        let (_, kl_gradient) = kl(&point.params);
        for ((found, expected), kl) in exact.gradient.iter().zip(&point.gradient).zip(kl_gradient) {
            assert_near(*found, *expected, 1e-8 * expected.abs().max(kl.abs()));
        }
    }
}

#[test]
fn a_block_of_coefficients_is_evaluated_as_row_by_row() {
    let model = LogLikelihood::breast_cancer().unwrap();
    let dim = model.dim();
    let mut w = vec![0.0; 3 * dim];
    Normal::standard(dim).unwrap().sample(&mut rng(1), &mut w);
    let (mut values, mut dw) = ([0.0; 3], vec![0.0; 3 * dim]);
    model.value_and_gradient_block(&w, dim, &mut values, &mut dw);
    for ((w, value), dw) in w.chunks_exact(dim).zip(values).zip(dw.chunks_exact(dim)) {
        let mut gradient = vec![0.0; dim];
        assert_eq!(model.value_and_gradient(w, &mut gradient), value);
        assert_eq!(model.value(w), value);
        assert_eq!(gradient, dw);
        for (i, &found) in gradient.iter().enumerate() {
            let along = |x| {
                let mut w = w.to_vec();
                w[i] = x;
                model.value(&w)
            };
            crate::common::assert_relative(
                found,
                crate::common::derivative(along, w[i], 1.0),
                1e-7,
                1e-7,
                "∂f/∂w",
            );
        }
    }
}

/// The variances of m and ln s, then the average of either: single coordinates are noisy, the averages catch a factor.
fn with_averages(variance: &[f64]) -> Vec<f64> {
    let (m, ln_s) = variance.split_at(variance.len() / 2);
    let average = |half: &[f64]| half.iter().sum::<f64>() / half.len() as f64;
    [variance, &[average(m), average(ln_s)]].concat()
}

/// Mean and variance of an estimator in `CALLS` independent calls, whose scatter gives the standard error of the variance
/// without any assumption about its kurtosis.
fn check<E>(estimator: impl Fn(&Point) -> E, reference: impl Fn(&Point) -> &[f64], seed: u64)
where
    E: GradientEstimator<f64, Unconstrained<f64, Normal<f64>>, LogLikelihood>,
{
    const CALLS: usize = 64;
    const SAMPLES: usize = 8192;
    let model = LogLikelihood::breast_cancer().unwrap();
    let mut rng = rng(seed);
    for point in points() {
        let mut q = Unconstrained::new(Normal::standard(model.dim()).unwrap()).unwrap();
        q.set_params(&point.params).unwrap();
        let mut estimator = estimator(&point);
        let mut whole = estimator.estimate(&q, &model, SAMPLES, &mut rng).unwrap();
        let mut variances = vec![with_averages(&whole.variance())];
        for _ in 1..CALLS {
            let part = estimator.estimate(&q, &model, SAMPLES, &mut rng).unwrap();
            variances.push(with_averages(&part.variance()));
            whole.merge(&part).unwrap();
        }

        let expected = point.expected_log_likelihood;
        assert_near(whole.value(), expected, STANDARD_ERRORS * whole.value_standard_error());
        let (_, kl_gradient) = kl(&point.params);
        let standard_error = whole.standard_error();
        for (i, kl) in kl_gradient.iter().enumerate() {
            let found = whole.gradient()[i] - kl;
            assert_near(found, point.gradient[i], STANDARD_ERRORS * standard_error[i]);
        }

        for (i, &expected) in with_averages(reference(&point)).iter().enumerate() {
            let found = variances.iter().map(|v| v[i]).sum::<f64>() / CALLS as f64;
            let scatter = variances.iter().map(|v| (v[i] - found).powi(2)).sum::<f64>();
            let error = (scatter / (CALLS * (CALLS - 1)) as f64).sqrt();
            let both = error * (1.0 + (CALLS * SAMPLES) as f64 / REFERENCE_DRAWS as f64).sqrt();
            assert_near(found, expected, STANDARD_ERRORS * both);
        }
    }
}

#[test]
fn pathwise_has_the_exact_mean_and_the_reference_variance() {
    check(|_| Pathwise, |point| &point.pathwise_variance, 1);
}

#[test]
fn score_function_with_the_exact_mean_as_baseline_has_the_exact_mean_and_the_reference_variance() {
    let at_mean = |point: &Point| Baseline::Constant(point.expected_log_likelihood);
    check(|point| ScoreFunction::new().with_baseline(at_mean(point)), |point| &point.score_variance, 2);
}

#[test]
fn the_expectation_under_any_gaussian_is_that_under_a_mean_field_one() {
    let model = LogLikelihood::breast_cancer().unwrap();
    for point in points() {
        let (m, ln_s) = point.params.split_at(model.dim());
        let variance = |a: &[f64]| a.iter().zip(ln_s).map(|(a, ln_s)| (a * ln_s.exp()).powi(2)).sum();
        let found = model.expected_value(m, variance);
        assert!((found - point.expected_log_likelihood).abs() < 1e-9 * found.abs(), "{found}");
    }
}
