//! The eight-schools density of the example `bayes`: its gradient, and with all its constants its integral.

#[path = "../../examples/shared/schools.rs"]
mod model;

use crate::common::{Table, rng};
use model::EightSchools;
use reparam::prelude::*;
use reparam::{Objective, verify};

#[test]
fn the_gradient_is_that_of_the_density() {
    for (seed, scale) in [(1, 0.5), (2, 1.0), (3, 3.0)] {
        let mut z = [0.0; EightSchools::DIM];
        Normal::standard(1).unwrap().sample(&mut rng(seed), &mut z);
        verify::objective_gradient(&EightSchools, &z.map(|z| scale * z)).within(1e-7).unwrap();
    }
}

#[test]
fn a_tiny_or_a_huge_tau_gives_a_finite_gradient() {
    for ln_tau in [-700.0, 700.0] {
        let mut z = [0.0; EightSchools::DIM];
        (z[0], z[1]) = (4.0, ln_tau);
        let mut dz = [f64::NAN; EightSchools::DIM];
        let value = EightSchools.value_and_gradient(&z, &mut dz);
        assert!(dz.iter().all(|dz| dz.is_finite()), "{dz:?}");
        assert!(ln_tau > 0.0 || value.is_finite());
    }
}

/// Evidence and posterior means by importance weights, from a proposal as wide as the posterior; within 4.5 standard errors, ten comparisons.
#[test]
fn evidence_and_posterior_means_are_the_exact_ones() {
    const DRAWS: usize = 400_000;
    let table = Table::parse(include_str!("../../examples/data/eight_schools_exact.csv"));
    let mut scales = [1.3; EightSchools::DIM];
    (scales[0], scales[1]) = (4.5, 1.6);
    let mut centre = [0.0; EightSchools::DIM];
    (centre[0], centre[1]) = (4.4, 0.8);
    let proposal = Normal::new(&centre, &scales).unwrap();
    let mut z = vec![0.0; DRAWS * EightSchools::DIM];
    proposal.sample(&mut rng(11), &mut z);
    let rows = || z.chunks_exact(EightSchools::DIM);
    let weights: Vec<f64> = rows().map(|z| (EightSchools.value(z) - proposal.log_prob(z)).exp()).collect();
    let total: f64 = weights.iter().sum();
    let evidence = total / DRAWS as f64;
    let spread = weights.iter().map(|w| (w - evidence).powi(2)).sum::<f64>().sqrt() / DRAWS as f64;
    let row = |name: &str| table.rows().find(|row| row.text("parameter") == name).unwrap();
    let exact = row("log_evidence_normalised_half_cauchy").number("posterior_mean").exp();
    assert!((evidence - exact).abs() < 4.5 * spread, "{evidence} ± {spread}, exact {exact}");
    assert!(spread < 0.01 * exact);
    let names = ["mu".to_string(), "tau".to_string()];
    let names = names.into_iter().chain((1..=8).map(|j| format!("theta[{j}]")));
    for (i, name) in names.enumerate() {
        let exact = row(&name).number("posterior_mean");
        let x = || rows().map(|z| EightSchools::quantities(z)[i]);
        let mean = x().zip(&weights).map(|(x, w)| x * w).sum::<f64>() / total;
        let error = x().zip(&weights).map(|(x, w)| (w * (x - mean)).powi(2)).sum::<f64>().sqrt() / total;
        assert!((mean - exact).abs() < 4.5 * error, "{name}: {mean} ± {error}, exact {exact}");
    }
}
