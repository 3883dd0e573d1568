//! The Gaussian against exact gradients and exact variances (tests/data/gaussian.csv): every row, pathwise and score function
//! with every baseline, by quadrature over the noise and by sampling.

use crate::common::gaussian::{Case, TABLE, Tally, check_moments, evaluate, moments};
use crate::common::{Table, rng, sample_batches};
use reparam::prelude::*;

fn pathwise_sample(case: &Case, e: f64, g: &mut [f64; 2]) {
    let normal = case.normal();
    let mut z = [0.0];
    normal.transform(&[e], &mut z);
    normal.pullback(&[e], &z, &[evaluate(&case.name, case.k, z[0]).1], g);
}

fn score_sample(case: &Case, baseline: [f64; 2], e: f64, g: &mut [f64; 2]) {
    let normal = case.normal();
    let mut z = [0.0];
    normal.transform(&[e], &mut z);
    normal.score(&z, g);
    for (g, b) in g.iter_mut().zip(baseline) {
        *g *= evaluate(&case.name, case.k, z[0]).0 - b;
    }
}

#[test]
fn every_row_by_quadrature_over_the_noise() {
    let mut rows = 0;
    for row in Table::parse(TABLE).rows() {
        let case = Case::of(&row);
        // The mean square is the size that the quadrature rounds at.
        let size = |_: &str, exact: f64, expected: f64| (expected + exact * exact).sqrt();
        let check = |found, columns| check_moments(&case, &row, found, columns, size);
        if case.name != "step" {
            check(moments(&case, |e, g| pathwise_sample(&case, e, g)), ["var_pw_mu", "var_pw_sigma"]);
        }
        let value = row.number("Ef");
        let best = [row.number("bopt_mu"), row.number("bopt_sigma")];
        for (baseline, columns) in [
            ([0.0; 2], ["var_sf_mu", "var_sf_sigma"]),
            ([value; 2], ["var_sf_mu_bmean", "var_sf_sigma_bmean"]),
            (best, ["var_sf_mu_bopt", "var_sf_sigma_bopt"]),
        ] {
            check(moments(&case, |e, g| score_sample(&case, baseline, e, g)), columns);
        }
        rows += 1;
    }
    assert_eq!(rows, 72);
}

/// Bonferroni: 72 rows × 5 estimators × 2 parameters × (mean and variance) are 1440 comparisons; 5.5 standard errors with 63
/// degrees of freedom keep the chance of one false alarm in all below 0.2 %.
const SIGMAS: f64 = 5.5;

#[test]
fn every_row_by_sampling_the_estimators() {
    let mut tally = Tally::default();
    for (i, row) in Table::parse(TABLE).rows().enumerate() {
        let case = Case::of(&row);
        let (normal, f) = (case.normal(), case.objective());
        let value = row.number("Ef");
        let best = vec![row.number("bopt_mu"), row.number("bopt_sigma")];
        let (samples, seed) = (3000, 100 + i as u64);
        if case.is_out_of_reach(value, samples * crate::common::BATCHES) {
            tally.skipped += 1;
            continue;
        }
        if case.name != "step" {
            let sampled = sample_batches(&mut Pathwise, &normal, &f, samples, seed);
            tally.check(&case, &row, &sampled, ["var_pw_mu", "var_pw_sigma"], SIGMAS);
        }
        for (baseline, columns) in [
            (Baseline::None, ["var_sf_mu", "var_sf_sigma"]),
            (Baseline::Constant(value), ["var_sf_mu_bmean", "var_sf_sigma_bmean"]),
            (Baseline::PerParameter(best), ["var_sf_mu_bopt", "var_sf_sigma_bopt"]),
            (Baseline::LeaveOneOut { draws: 2 }, ["var_sf_mu_loo2", "var_sf_sigma_loo2"]),
        ] {
            let mut estimator = ScoreFunction::new().with_baseline(baseline);
            let sampled = sample_batches(&mut estimator, &normal, &f, samples, seed);
            tally.check(&case, &row, &sampled, columns, SIGMAS);
        }
    }
    let Tally { judged, heavy, skipped } = tally;
    // The rows whose fourth moment is too large for a sampled variance are judged by quadrature above.
    assert!(
        judged >= 650 && heavy <= 50 && skipped <= 1,
        "judged {judged}, heavy {heavy}, skipped {skipped}"
    );
}

fn pair(
    value: impl Fn(f64) -> f64,
    slope: impl Fn(f64) -> f64,
) -> (impl Fn(&[f64]) -> f64, impl Fn(&[f64], &mut [f64]) -> f64) {
    let value = std::rc::Rc::new(value);
    let again = value.clone();
    (
        move |z: &[f64]| value(z[0]),
        move |z: &[f64], dz: &mut [f64]| {
            dz[0] = slope(z[0]);
            again(z[0])
        },
    )
}

#[test]
fn pathwise_variance_for_mu_is_exactly_zero_where_the_objective_is_linear() {
    let f = pair(|z| 3.0 * z + 1.0, |_| 3.0);
    for (mu, sigma) in [(0.5, 0.01), (-7.0, 3.0), (1e6, 1e-3)] {
        let normal = Normal::new(&[mu], &[sigma]).unwrap();
        let estimate = Pathwise.estimate(&normal, &f, 10_000, &mut rng(1)).unwrap();
        assert_eq!(estimate.gradient()[0], 3.0);
        assert_eq!(estimate.variance()[0], 0.0);
        assert!(estimate.variance()[1] > 8.0);
    }
}

#[test]
fn score_variance_grows_as_sigma_falls_and_pathwise_variance_vanishes() {
    // Exact for f = (z − k)²: pathwise 4σ² for μ; score function ((μ−k)⁴ + O(σ²))/σ².
    let (mu, k) = (0.5, 3.0);
    let f = pair(move |z| (z - k).powi(2), move |z| 2.0 * (z - k));
    let mut last = (f64::INFINITY, 0.0);
    for sigma in [1.0, 0.1, 0.01, 0.001] {
        let normal = Normal::new(&[mu], &[sigma]).unwrap();
        let pathwise = sample_batches(&mut Pathwise, &normal, &f, 2000, 5);
        let score = sample_batches(&mut ScoreFunction::new(), &normal, &f, 2000, 5);
        let exact = Table::parse(TABLE)
            .rows()
            .find(|row| {
                row.text("f") == "quadratic"
                    && [("k", k), ("mu", mu), ("sigma", sigma)].iter().all(|&(c, x)| row.number(c) == x)
            })
            .map(|row| (row.number("var_pw_mu"), row.number("var_sf_mu")));
        let d: f64 = mu - k;
        let s2 = sigma * sigma;
        let formula = (4.0 * s2, (d.powi(4) + 18.0 * d * d * s2 + 15.0 * s2 * s2) / s2 - 4.0 * d * d);
        if let Some(exact) = exact {
            assert!((exact.0 / formula.0 - 1.0).abs() < 1e-12 && (exact.1 / formula.1 - 1.0).abs() < 1e-12);
        }
        // Three standard errors, as asked.
        assert!((pathwise.variance[0] - formula.0).abs() <= 3.0 * pathwise.variance_error[0]);
        assert!((score.variance[0] - formula.1).abs() <= 3.0 * score.variance_error[0]);
        assert!(pathwise.variance[0] < last.0 && score.variance[0] > last.1);
        last = (pathwise.variance[0], score.variance[0]);
    }
    assert!(last.0 < 1e-5 && last.1 > 1e7);
}

#[test]
fn every_quadratic_row_from_sigma_1_to_1e_3_is_within_three_standard_errors() {
    let mut rows = 0;
    for row in Table::parse(TABLE).rows().filter(|row| row.text("f") == "quadratic") {
        let case = Case::of(&row);
        if !(1e-3..=1.0).contains(&case.sigma) {
            continue;
        }
        let k = case.k;
        let f = pair(move |z| (z - k).powi(2), move |z| 2.0 * (z - k));
        let pathwise = sample_batches(&mut Pathwise, &case.normal(), &f, 3000, 11);
        assert!(pathwise.check(0, row.number("grad_mu"), row.number("var_pw_mu"), 3.0, &case.label()));
        let score = sample_batches(&mut ScoreFunction::new(), &case.normal(), &f, 3000, 11);
        assert!(score.check(0, row.number("grad_mu"), row.number("var_sf_mu"), 3.0, &case.label()));
        rows += 1;
    }
    assert!(rows >= 5, "{rows}");
}

#[test]
fn the_learned_baseline_approaches_the_optimal_one_and_is_not_used_before_it_is_learned() {
    let normal = Normal::new(&[1.0], &[0.5]).unwrap();
    let f = |z: &[f64]| (z[0] - 3.0).powi(2);
    let mut estimator = ScoreFunction::new().with_baseline(Baseline::Optimal);
    assert!(estimator.learned().is_empty());

    // The first call subtracts nothing: it is the plain score function bit for bit.
    let first = estimator.estimate(&normal, &f, 1000, &mut rng(3)).unwrap();
    let plain = ScoreFunction::new().estimate(&normal, &f, 1000, &mut rng(3)).unwrap();
    assert_eq!(first, plain);

    estimator.estimate(&normal, &f, 400_000, &mut rng(4)).unwrap();
    // E[f s²]/E[s²] with d = μ − k: d² + 3σ² for μ; d² + 5σ² for σ. The standard deviations of (f − b) s² / E[s²] are about 8 and
    // 25 for these numbers, so these are the standard errors of 400,000 draws; four of them.
    let exact = [(4.75, 8.0 / 632.0), (5.25, 25.0 / 632.0)];
    for (learned, (exact, error)) in estimator.learned().iter().copied().zip(exact) {
        assert!((learned - exact).abs() < 4.0 * error, "{learned} {exact}");
    }
    let with = estimator.estimate(&normal, &f, 100_000, &mut rng(5)).unwrap();
    let exact = (-4.0, 1.0);
    assert!((with.gradient()[0] - exact.0).abs() < 4.0 * with.standard_error()[0]);
    assert!((with.gradient()[1] - exact.1).abs() < 4.0 * with.standard_error()[1]);
    // Exact: Var = E[f² s²] − b² E[s²] − gradient², 139.75 − 90.25 − 16 for μ and 387.5 − 220.5 − 1 for σ, where b = 0 would leave
    // 510. The sampled total of 100,000 draws is good to about 3 %.
    assert!((with.total_variance() / 199.5 - 1.0).abs() < 0.12, "{}", with.total_variance());
}

#[test]
fn a_moving_average_never_contains_the_current_samples() {
    let normal = Normal::new(&[1.0], &[0.5]).unwrap();
    let f = |z: &[f64]| (z[0] - 3.0).powi(2);
    let mut estimator = ScoreFunction::new().with_baseline(Baseline::MovingAverage { decay: 0.75 });

    // A baseline that held the one current sample would make this gradient exactly 0.
    let one = estimator.estimate(&normal, &f, 1, &mut rng(3)).unwrap();
    let plain = ScoreFunction::new().estimate(&normal, &f, 1, &mut rng(3)).unwrap();
    assert_eq!(one, plain);
    assert!(one.gradient()[0] != 0.0);
    assert_eq!(estimator.learned(), [one.value()]);

    let known = estimator.learned()[0];
    let second = estimator.estimate(&normal, &f, 500, &mut rng(4)).unwrap();
    let constant = ScoreFunction::new().with_baseline(Baseline::Constant(known));
    assert_eq!(second, constant.clone().estimate(&normal, &f, 500, &mut rng(4)).unwrap());
    let expected = 0.75 * known + 0.25 * second.value();
    assert_eq!(estimator.learned(), [expected]);
}

#[test]
fn the_value_reported_does_not_depend_on_the_baseline() {
    let normal = Normal::new(&[1.0], &[0.5]).unwrap();
    let f = |z: &[f64]| (z[0] - 3.0).powi(2);
    let plain = ScoreFunction::new().estimate(&normal, &f, 1000, &mut rng(3)).unwrap();
    for baseline in [Baseline::Constant(4.0), Baseline::PerParameter(vec![1.0, 2.0])] {
        let estimate =
            ScoreFunction::new().with_baseline(baseline).estimate(&normal, &f, 1000, &mut rng(3)).unwrap();
        assert_eq!(estimate.value(), plain.value());
        assert_eq!(estimate.value_standard_error(), plain.value_standard_error());
    }
}
