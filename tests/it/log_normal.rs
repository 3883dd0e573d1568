//! The log-normal and its softplus alternative: exact gradients and variances (tests/data/lognormal.csv), and what happens when
//! the exponential explodes.

use crate::common::{Table, gaussian_expectation, rng, sample_batches};
use reparam::prelude::*;

const TABLE: &str = include_str!("../data/lognormal.csv");

struct Case {
    power: i32,
    mu: f64,
    sigma: f64,
}

impl Case {
    fn of(row: &crate::common::Row<'_>) -> Self {
        let power = row.text("f").trim_start_matches("z^").parse().unwrap();
        Self { power, mu: row.number("mu"), sigma: row.number("sigma") }
    }

    fn label(&self) -> String {
        format!("z^{} at μ = {}, σ = {}", self.power, self.mu, self.sigma)
    }
}

#[test]
fn every_row_by_quadrature_over_the_noise() {
    let mut rows = 0;
    for row in Table::parse(TABLE).rows() {
        let case = Case::of(&row);
        let p = LogNormal::new(&[case.mu], &[case.sigma]).unwrap();
        let best = [row.number("bopt_mu"), row.number("bopt_sigma")];
        let pathwise = |e: f64| {
            let (mut z, mut g) = ([0.0], [f64::NAN; 2]);
            p.transform(&[e], &mut z);
            p.pullback(&[e], &z, &[f64::from(case.power) * z[0].powi(case.power - 1)], &mut g);
            g
        };
        let score = |e: f64, baseline: [f64; 2]| {
            let (mut z, mut g) = ([0.0], [f64::NAN; 2]);
            p.transform(&[e], &mut z);
            p.score(&z, &mut g);
            [0, 1].map(|i| g[i] * (z[0].powi(case.power) - baseline[i]))
        };
        let check = |sample: &dyn Fn(f64) -> [f64; 2], columns: [&str; 2]| {
            for (i, (column, gradient)) in columns.into_iter().zip(["grad_mu", "grad_sigma"]).enumerate() {
                let mean = gaussian_expectation(|e| sample(e)[i], None, 30.0);
                let second = gaussian_expectation(|e| sample(e)[i].powi(2), None, 30.0);
                let (exact, expected) = (row.number(gradient), row.number(column));
                let label = format!("{} {column}", case.label());
                let size = expected.sqrt() + exact.abs();
                assert!((mean - exact).abs() <= 1e-9 * size, "{label}: mean {mean} {exact}");
                let variance = second - mean * mean;
                assert!((variance - expected).abs() <= 1e-9 * size * size, "{label}: {variance} {expected}");
            }
        };
        check(&pathwise, ["var_pw_mu", "var_pw_sigma"]);
        check(&|e| score(e, [0.0; 2]), ["var_sf_mu", "var_sf_sigma"]);
        check(&|e| score(e, best), ["var_sf_mu_bopt", "var_sf_sigma_bopt"]);
        rows += 1;
    }
    assert_eq!(rows, 27);
}

#[test]
fn every_row_by_sampling_where_the_fourth_moment_allows_it() {
    // 27 rows × 3 estimators × 2 parameters × 2 comparisons: 5.2 standard errors (63 degrees of freedom) keep the chance of a
    // false alarm in all below 0.2 %.
    const SIGMAS: f64 = 5.2;
    let (mut judged, mut heavy) = (0, 0);
    for (i, row) in Table::parse(TABLE).rows().enumerate() {
        let case = Case::of(&row);
        // The standard error of a sampled variance needs E z^(4q): with q σ ≥ 1 no affordable sample has it.
        if f64::from(case.power.abs()) * case.sigma > 0.5 {
            heavy += 6;
            continue;
        }
        let p = LogNormal::new(&[case.mu], &[case.sigma]).unwrap();
        let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
            if let Some(dz) = dz {
                dz[0] = f64::from(case.power) * z[0].powi(case.power - 1);
            }
            z[0].powi(case.power)
        });
        let best = vec![row.number("bopt_mu"), row.number("bopt_sigma")];
        let mut check = |sampled: &crate::common::Sampled, columns: [&str; 2]| {
            for (p, (column, gradient)) in columns.into_iter().zip(["grad_mu", "grad_sigma"]).enumerate() {
                let label = format!("{} {column}", case.label());
                if sampled.check(p, row.number(gradient), row.number(column), SIGMAS, &label) {
                    judged += 1;
                } else {
                    heavy += 1;
                }
            }
        };
        let seed = 200 + i as u64;
        check(&sample_batches(&mut Pathwise, &p, &f, 5000, seed), ["var_pw_mu", "var_pw_sigma"]);
        check(&sample_batches(&mut ScoreFunction::new(), &p, &f, 5000, seed), ["var_sf_mu", "var_sf_sigma"]);
        let mut estimator = ScoreFunction::new().with_baseline(Baseline::PerParameter(best));
        check(&sample_batches(&mut estimator, &p, &f, 5000, seed), ["var_sf_mu_bopt", "var_sf_sigma_bopt"]);
    }
    assert_eq!(judged + heavy, 162);
    assert!(judged >= 60, "judged {judged}");
}

fn identity() -> (impl Fn(&[f64]) -> f64, impl Fn(&[f64], &mut [f64]) -> f64) {
    (
        |z: &[f64]| z[0],
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 1.0;
            z[0]
        },
    )
}

#[test]
fn log_normal_gradients_explode_with_mu_and_overflow_is_an_error_not_a_nan() {
    let mut last = 0.0;
    for mu in [0.0, 10.0, 100.0, 300.0] {
        let p = LogNormal::new(&[mu], &[0.5]).unwrap();
        let estimate = Pathwise.estimate(&p, &identity(), 1000, &mut rng(1)).unwrap();
        assert!(estimate.gradient()[0] > 1000.0 * last);
        last = estimate.gradient()[0];
    }
    let p = LogNormal::new(&[709.0], &[5.0]).unwrap();
    let error = Pathwise.estimate(&p, &identity(), 1000, &mut rng(1)).unwrap_err();
    match error {
        Error::NonFiniteTransform { sample, coordinate: 0, value } => {
            assert_eq!(value, f64::INFINITY);
            assert!(sample < 1000);
        }
        other => unreachable!("{other:?}"),
    }
    let error = ScoreFunction::new().estimate(&p, &|_: &[f64]| 1.0, 1000, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteTransform { .. }), "{error}");

    // 400: the gradient is finite, its square is not.
    let p = LogNormal::new(&[400.0], &[0.5]).unwrap();
    let error = Pathwise.estimate(&p, &identity(), 1000, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteGradient { value, .. } if value > 1e160), "{error}");
}

#[test]
fn the_relative_noise_of_the_documentation_table_is_right() {
    for (sigma, documented) in [(0.5, 0.53), (1.0, 1.3), (2.0, 7.3), (3.0, 90.0)] {
        let p = LogNormal::new(&[0.7], &[sigma]).unwrap();
        let sample = |e: f64| {
            let (mut z, mut g) = ([0.0], [0.0; 2]);
            p.transform(&[e], &mut z);
            p.pullback(&[e], &z, &[1.0], &mut g);
            g[0]
        };
        let mean = gaussian_expectation(sample, None, 30.0);
        let second = gaussian_expectation(|e| sample(e).powi(2), None, 30.0);
        let relative = (second - mean * mean).sqrt() / mean;
        assert!((relative / documented - 1.0).abs() < 0.02, "{sigma}: {relative}");
    }
}

#[test]
fn softplus_gradients_stay_bounded_where_the_exponential_explodes() {
    for mu in [-800.0, -50.0, 0.0, 50.0, 709.0, 1e6] {
        let p = SoftplusNormal::new(&[mu], &[3.0]).unwrap();
        let estimate = Pathwise.estimate(&p, &identity(), 4000, &mut rng(1)).unwrap();
        let g = estimate.gradient()[0];
        assert!((0.0..=1.0).contains(&g));
        assert!(estimate.variance()[0] <= 0.25);
    }
}

#[test]
fn softplus_normal_has_the_exact_mean_gradient() {
    // ∂/∂μ E softplus(x) = E σ(x), ∂/∂σ = E σ(x) ε, by quadrature that does not use the crate.
    let (mu, sigma) = (0.3, 1.7);
    let p = SoftplusNormal::new(&[mu], &[sigma]).unwrap();
    let logistic = |e: f64| 1.0 / (1.0 + (-(mu + sigma * e)).exp());
    let exact =
        [gaussian_expectation(logistic, None, 12.0), gaussian_expectation(|e| e * logistic(e), None, 12.0)];
    let pathwise = Pathwise.estimate(&p, &identity(), 400_000, &mut rng(2)).unwrap();
    let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let score = loo.estimate(&p, &identity(), 100_000, &mut rng(3)).unwrap();
    for estimate in [pathwise, score] {
        for ((g, error), exact) in estimate.gradient().iter().zip(estimate.standard_error()).zip(exact) {
            assert!((g - exact).abs() < 4.0 * error && error < 0.02, "{g} ± {error}, exact {exact}");
        }
    }
}
