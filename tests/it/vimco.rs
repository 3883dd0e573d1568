//! The K-sample bound by `Vimco`: mean, variance and value of every row of `tests/data/vimco_toy.csv`, and what is refused.

use crate::common::{Row, Table, rng, sample_batches};
use reparam::estimators::WeightMean;
use reparam::prelude::*;

/// Bonferroni: 24 comparisons; 4.5 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 4.5;

fn ln_weight(z: &[f64]) -> f64 {
    [-1.0, 0.5, -0.3, -2.0][2 * z[0] as usize + z[1] as usize]
}

#[test]
fn every_row_has_the_exact_mean_variance_and_bound() {
    let table = Table::parse(include_str!("../data/vimco_toy.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    for rows in rows.chunks(2) {
        let q = Bernoulli::from_logits(&[rows[0].number("logit"), rows[1].number("logit")]).unwrap();
        let k = rows[0].number("K") as usize;
        for (mean, column) in
            [(WeightMean::Geometric, "var_vimco_geometric"), (WeightMean::Arithmetic, "var_vimco_arithmetic")]
        {
            let mut vimco = Vimco::new(k).with_mean(mean);
            let sampled = sample_batches(&mut vimco, &q, &ln_weight, 8000, 1);
            assert!((sampled.value - rows[0].number("bound")).abs() < SIGMAS * sampled.value_error);
            for (i, row) in rows.iter().enumerate() {
                assert!(sampled.check(i, row.number("grad_logit"), row.number(column), SIGMAS, column));
            }
        }
        // The score function of the log-weight is the gradient of another bound, beyond any doubt.
        let mut plain = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: k });
        let sampled = sample_batches(&mut plain, &q, &ln_weight, 8000, 2);
        let off = |i: usize| {
            let error = (sampled.variance[i] / sampled.samples).sqrt();
            (sampled.mean[i] - rows[i].number("grad_logit")).abs() / error
        };
        assert!(off(0).max(off(1)) > 20.0, "{} {}", off(0), off(1));
    }
}

#[test]
fn with_the_log_joint_the_bound_of_a_perfect_posterior_is_the_evidence() {
    // p(x, z) = 0.37 q(z): every weight is 0.37, the bound too, and the gradient has mean 0.
    let q = Bernoulli::from_logits(&[0.6, -1.1]).unwrap();
    let ln_joint = |z: &[f64]| q.log_prob(z) + 0.37f64.ln();
    let estimate = Vimco::new(4).with_log_joint().estimate(&q, &ln_joint, 20_000, &mut rng(1)).unwrap();
    assert!((estimate.value() - 0.37f64.ln()).abs() < 1e-14 && estimate.value_standard_error() < 1e-14);
    for i in 0..2 {
        assert!(estimate.gradient()[i].abs() < 4.0 * estimate.standard_error()[i]);
    }
    // The same without the option: the objective's own ln q is a constant to the estimator, so the credit is exactly 0 here.
    let ln_weight = |_: &[f64]| 0.37f64.ln();
    let estimate = Vimco::new(4).estimate(&q, &ln_weight, 100, &mut rng(1)).unwrap();
    assert!(estimate.gradient().iter().all(|g| g.abs() < 1e-14));
}

#[test]
fn single_precision_categories_and_whatever_is_refused() {
    let q = Categorical::from_logits(&[0.0f32, 1e38, -1e38], 3).unwrap();
    let f = |z: &[f32]| z[0] - 2.0 * z[1];
    let estimate = Vimco::new(2).estimate(&q, &f, 100, &mut rng(1)).unwrap();
    assert_eq!(estimate.gradient(), [0.0; 3]);
    assert_eq!(estimate.evaluations(), 200);
    for k in [0, 1] {
        let refused = Vimco::new(k).estimate(&q, &f, 100, &mut rng(1));
        assert!(matches!(refused, Err(Error::TooFewDraws { draws }) if draws == k));
    }
    let uniform = Uniform::new(&[0.0], &[1.0]).unwrap();
    let error = Vimco::new(2).estimate(&uniform, &|z: &[f64]| z[0], 10, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::SupportDependsOnParameter { .. }));
    let q = Bernoulli::from_logits(&[0.0]).unwrap();
    let nothing = |z: &[f64]| if z[0] == 1.0 { f64::NEG_INFINITY } else { 0.0 };
    let error = Vimco::new(3).estimate(&q, &nothing, 100, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjective { value: f64::NEG_INFINITY, .. }), "{error}");
}
