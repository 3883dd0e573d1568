//! Antithetic pairs against exact variances (tests/data/gaussian.csv): every row, by quadrature over the noise and by sampling.

use crate::common::gaussian::{Case, TABLE, Tally, check_moments, evaluate, moments};
use crate::common::{Table, rng, sample_batches};
use reparam::prelude::*;

/// The mean of a gradient sample over ε and its reflection, with the crate's own transform, reflection, pullback or score.
fn pair_sample(case: &Case, pathwise: bool, e: f64, g: &mut [f64; 2]) {
    let normal = case.normal();
    let mut mirrored = [e];
    normal.reflect(&mut mirrored);
    *g = [0.0; 2];
    for noise in [[e], mirrored] {
        let (mut z, mut one) = ([0.0], [f64::NAN; 2]);
        normal.transform(&noise, &mut z);
        let (value, slope) = evaluate(&case.name, case.k, z[0]);
        if pathwise {
            normal.pullback(&noise, &z, &[slope], &mut one);
        } else {
            normal.score(&z, &mut one);
            one = one.map(|s| s * value);
        }
        g.iter_mut().zip(one).for_each(|(g, one)| *g += 0.5 * one);
    }
}

#[test]
fn every_row_by_quadrature_over_the_noise() {
    let mut rows = 0;
    for row in Table::parse(TABLE).rows() {
        let case = Case::of(&row);
        for (pathwise, columns) in [
            (true, ["var_pw_mu_anti", "var_pw_sigma_anti"]),
            (false, ["var_sf_mu_anti", "var_sf_sigma_anti"]),
        ] {
            if pathwise && case.name == "step" {
                continue;
            }
            let found = moments(&case, |e, g| pair_sample(&case, pathwise, e, g));
            // The quadrature rounds at the size of what cancels in a pair: that of one draw.
            let single = if pathwise { "var_pw" } else { "var_sf" };
            let size = |gradient: &str, exact: f64, _: f64| {
                (row.number(&format!("{single}_{}", &gradient[5..])) + exact * exact).sqrt()
            };
            check_moments(&case, &row, found, columns, size);
        }
        rows += 1;
    }
    assert_eq!(rows, 72);
}

/// Bonferroni: 72 rows × 2 estimators × 2 parameters × (mean and variance) are 576 comparisons; 5.5 standard errors with 63 degrees of
/// freedom keep the chance of one false alarm in all below 0.1 %.
const SIGMAS: f64 = 5.5;

#[test]
fn every_row_by_sampling_the_estimators() {
    let mut tally = Tally::default();
    for (i, row) in Table::parse(TABLE).rows().enumerate() {
        let case = Case::of(&row);
        let (normal, f) = (case.normal(), case.objective());
        let (samples, seed) = (3000, 300 + i as u64);
        if case.is_out_of_reach(row.number("Ef"), samples * crate::common::BATCHES) {
            tally.skipped += 1;
            continue;
        }
        if case.defeats_sampling() {
            tally.heavy += 4;
            continue;
        }
        if case.name != "step" {
            let sampled = sample_batches(&mut Pathwise.over(Antithetic), &normal, &f, samples, seed);
            tally.check(&case, &row, &sampled, ["var_pw_mu_anti", "var_pw_sigma_anti"], SIGMAS);
        }
        let sampled = sample_batches(&mut ScoreFunction::new().over(Antithetic), &normal, &f, samples, seed);
        tally.check(&case, &row, &sampled, ["var_sf_mu_anti", "var_sf_sigma_anti"], SIGMAS);
    }
    let Tally { judged, heavy, skipped } = tally;
    // The rows whose fourth moment is too large for a sampled variance are judged by quadrature above.
    assert!(
        judged >= 240 && heavy <= 36 && skipped <= 1,
        "judged {judged}, heavy {heavy}, skipped {skipped}"
    );
}

#[test]
fn antithetic_variance_is_zero_for_a_linear_objective_by_mu_and_by_sigma() {
    let f = (
        |z: &[f64]| 3.0 * z[0] + 1.0,
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 3.0;
            3.0 * z[0] + 1.0
        },
    );
    for (mu, sigma) in [(0.5, 0.01), (-7.0, 3.0), (1e6, 1e-3)] {
        let normal = Normal::new(&[mu], &[sigma]).unwrap();
        let estimate = Pathwise.over(Antithetic).estimate(&normal, &f, 10_000, &mut rng(1)).unwrap();
        assert_eq!(estimate.gradient(), [3.0, 0.0]);
        assert_eq!(estimate.variance(), [0.0, 0.0]);
        assert_eq!(estimate.evaluations(), 20_000);
    }
}

#[test]
fn antithetic_variance_for_mu_is_zero_for_a_quadratic_but_for_rounding() {
    let f = (
        |z: &[f64]| (z[0] - 3.0).powi(2),
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 2.0 * (z[0] - 3.0);
            (z[0] - 3.0).powi(2)
        },
    );
    let normal = Normal::new(&[0.5], &[1.5]).unwrap();
    let estimate = Pathwise.over(Antithetic).estimate(&normal, &f, 10_000, &mut rng(1)).unwrap();
    assert!((estimate.gradient()[0] + 5.0).abs() < 1e-14);
    assert!(estimate.variance()[0] < 1e-29, "{}", estimate.variance()[0]);
}

#[test]
fn an_even_objective_costs_twice_as_much_in_pairs() {
    // f = cos(z) at μ = 0: the score-function gradient for σ and the pathwise one are even in ε: a pair says what one draw says.
    let f = (
        |z: &[f64]| z[0].cos(),
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = -z[0].sin();
            z[0].cos()
        },
    );
    let normal = Normal::new(&[0.0], &[1.0]).unwrap();
    let one = [
        sample_batches(&mut Pathwise, &normal, &f, 3000, 5),
        sample_batches(&mut ScoreFunction::new(), &normal, &f, 3000, 5),
    ];
    let two = [
        sample_batches(&mut Pathwise.over(Antithetic), &normal, &f, 3000, 6),
        sample_batches(&mut ScoreFunction::new().over(Antithetic), &normal, &f, 3000, 6),
    ];
    for (one, two) in one.iter().zip(&two) {
        let error = one.variance_error[1].hypot(two.variance_error[1]);
        assert!((one.variance[1] - two.variance[1]).abs() < 4.0 * error);
        // So per evaluation: twice the variance.
        assert!(2.0 * two.variance[1] > 1.8 * one.variance[1]);
        // And for μ, where both are odd, there is nothing left.
        assert!(two.variance[0] < 1e-30 && one.variance[0] > 0.1);
    }
}
