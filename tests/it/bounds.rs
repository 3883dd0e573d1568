//! Variational bounds: exact gradients and variances (`tests/data/elbo_stl.csv`, `iwae_dreg.csv`).

use crate::common::{Table, rng, sample_batches};
use reparam::prelude::*;

/// Bonferroni: about 150 comparisons; 4.8 standard errors with 63 degrees of freedom keep the chance of one false alarm below 0.2 %.
const SIGMAS: f64 = 4.8;

const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// `ln N(z; 0, 1)`
fn standard() -> impl DifferentiableObjective<f64> {
    Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = -z[0];
        }
        -0.5 * z[0] * z[0] - HALF_LN_TAU
    })
}

/// `ln N(z; 0, 1) N(x; z, 1)` at x = 1
fn joint() -> impl DifferentiableObjective<f64> {
    Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = 1.0 - 2.0 * z[0];
        }
        -0.5 * z[0] * z[0] - 0.5 * (1.0 - z[0]).powi(2) - 2.0 * HALF_LN_TAU
    })
}

#[test]
fn every_way_to_the_entropy_has_the_exact_bound_gradient_and_variance() {
    let mut judged = 0;
    for (i, row) in Table::parse(include_str!("../data/elbo_stl.csv")).rows().enumerate() {
        let q = Normal::new(&[row.number("m")], &[row.number("s")]).unwrap();
        let (f, seed) = (standard(), 10 + i as u64);
        let (bound, means) = (row.number("neg_kl"), [row.number("grad_m"), row.number("grad_s")]);
        let analytic = sample_batches(&mut Elbo::analytic(), &q, &f, 4000, seed);
        let landing = sample_batches(&mut Elbo::sticking_the_landing(), &q, &f, 4000, seed);
        let sampled = sample_batches(&mut Elbo::sampled(), &q, &f, 4000, seed);
        for (p, name) in ["m", "s"].into_iter().enumerate() {
            for (found, column) in [(&analytic, "total"), (&landing, "stl")] {
                let variance = row.number(&format!("var_{column}_{name}"));
                let label = format!("row {i}, {column}, {name}");
                judged += usize::from(found.check(p, means[p], variance, SIGMAS, &label));
            }
            // For a Gaussian the noise in ln q cancels that in its score: the total derivative is the same, sample by sample.
            let variance = row.number(&format!("var_total_{name}"));
            judged += usize::from(sampled.check(
                p,
                means[p],
                variance,
                SIGMAS,
                &format!("row {i}, sampled, {name}"),
            ));
        }
        for found in [&analytic, &landing, &sampled] {
            assert!((found.value - bound).abs() <= SIGMAS * found.value_error + 1e-12, "row {i}");
        }
    }
    assert!(judged >= 22, "{judged}");
}

#[test]
fn the_noise_dies_at_the_optimum_only_if_one_sticks_the_landing() {
    let q = Normal::new(&[0.0, 0.0], &[1.0, 1.0]).unwrap();
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz.copy_from_slice(&[-z[0], -z[1]]);
        }
        -0.5 * (z[0] * z[0] + z[1] * z[1])
    });
    let variance = |e: Result<GradientEstimate<f64>, Error>| e.unwrap().total_variance();
    assert_eq!(variance(Elbo::sticking_the_landing().estimate(&q, &f, 100, &mut rng(1))), 0.0);
    assert!(variance(Elbo::analytic().estimate(&q, &f, 100, &mut rng(1))) > 1.0);
    assert!(variance(Elbo::sampled().estimate(&q, &f, 100, &mut rng(1))) > 1.0);
}

#[test]
fn the_importance_weighted_bound_has_exact_gradients_and_variances() {
    let mut judged = 0;
    for (i, row) in Table::parse(include_str!("../data/iwae_dreg.csv")).rows().enumerate() {
        let s = if row.text("s") == "sqrt(1/2)" { 0.5f64.sqrt() } else { row.number("s") };
        let q = Normal::new(&[row.number("m")], &[s]).unwrap();
        let (f, k, seed) = (joint(), row.number("K") as usize, 50 + i as u64);
        let mut plain = ImportanceWeighted::plain(k);
        let mut doubly = ImportanceWeighted::doubly_reparameterized(k);
        let plain = sample_batches(&mut plain, &q, &f, 4000, seed);
        let doubly = sample_batches(&mut doubly, &q, &f, 4000, seed);
        for (p, name) in ["m", "s"].into_iter().enumerate() {
            let mean = row.number(&format!("grad_{name}"));
            for (found, column) in [(&plain, "iwae"), (&doubly, "dreg")] {
                let variance = row.number(&format!("var_{column}_{name}"));
                let label = format!("row {i}, K = {k}, {column}, {name}");
                judged += usize::from(found.check(p, mean, variance, SIGMAS, &label));
            }
        }
        for found in [&plain, &doubly] {
            assert!(
                (found.value - row.number("bound")).abs() <= SIGMAS * found.value_error + 1e-12,
                "row {i}"
            );
        }
        if k == 1 {
            let landing = Elbo::sticking_the_landing().estimate(&q, &f, 500, &mut rng(3)).unwrap();
            let mut one = ImportanceWeighted::doubly_reparameterized(1);
            let one = one.estimate(&q, &f, 500, &mut rng(3)).unwrap();
            assert_eq!(landing.gradient(), one.gradient());
        }
    }
    assert_eq!(judged, 24);
}

#[test]
fn a_parameter_that_moves_the_support_and_weights_that_are_no_numbers_are_named() {
    let f = standard();
    let uniform = Uniform::new(&[0.0], &[1.0]).unwrap();
    let error = |e: Result<GradientEstimate<f64>, Error>| e.unwrap_err();
    let low = Error::SupportDependsOnParameter { parameter: "low".into() };
    assert_eq!(error(Elbo::sampled().estimate(&uniform, &f, 10, &mut rng(1))), low);
    assert_eq!(error(Elbo::sticking_the_landing().estimate(&uniform, &f, 10, &mut rng(1))), low);
    let mut two = ImportanceWeighted::plain(2);
    assert_eq!(error(two.estimate(&uniform, &f, 10, &mut rng(1))), low);
    assert!(Elbo::analytic().estimate(&uniform, &f, 10, &mut rng(1)).is_ok());
    let none = error(ImportanceWeighted::plain(0).estimate(&uniform, &f, 10, &mut rng(1)));
    assert!(matches!(none, Error::Option { option: "draws", .. }));
    let nan = (
        |z: &[f64]| if z[0] > 2.0 { f64::NAN } else { 0.0 },
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 0.0;
            if z[0] > 2.0 { f64::NAN } else { 0.0 }
        },
    );
    let q = Normal::new(&[0.0], &[1.0]).unwrap();
    assert!(matches!(two.estimate(&q, &nan, 1000, &mut rng(1)), Err(Error::NonFiniteObjective { .. })));
}
