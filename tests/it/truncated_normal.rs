//! The truncated normal against mpmath (`truncated_normal.csv`, made by `generate_truncated_normal.py`), and its densities and moments.

use crate::common::Table;
use reparam::Probability;
use reparam::distributions::{Quantile, TruncatedNormalFamily};
use reparam::prelude::*;

#[test]
fn draw_and_all_four_derivatives_are_exact_on_the_grid() {
    let law = TruncatedNormalFamily;
    let (mut worst, mut count) = ([0.0f64; 5], 0);
    for row in Table::parse(include_str!("../data/truncated_normal.csv")).rows() {
        let theta = ["mu", "sigma", "low", "high"].map(|name| row.number(name));
        let u = Probability::from_tail(row.number("tail"));
        let z = law.quantile(u, theta);
        let gradient = law.quantile_gradient(u, z, theta);
        let found = [z, gradient[0], gradient[1], gradient[2], gradient[3]];
        let names = ["z", "dmu", "dsigma", "dlow", "dhigh"];
        // dσ has a zero where the interval holds the mean, and is of size (b − a)³ in a short one.
        let [mu, sigma, low, high] = theta;
        let exact = names.map(|name| row.number(name));
        let (a, b) = ((low - mu) / sigma, (high - mu) / sigma);
        let holds_mean = a < 0.0 && b > 0.0;
        let width = (b - a).min(1.0);
        for (i, name) in names.into_iter().enumerate() {
            let scale = match i {
                // A draw has a zero there too.
                0 if holds_mean => exact[0].abs().max(sigma.min(high - low)),
                0 => exact[0].abs(),
                2 if holds_mean => exact[2].abs().max(width.powi(3)),
                _ => exact[i].abs(),
            };
            let error = (found[i] - exact[i]).abs();
            // Below 1e-300 there are no more digits.
            let relative = if error <= 1e-300 { 0.0 } else { error / scale };
            if relative > worst[i] || relative.is_nan() {
                worst[i] = relative;
            }
            assert!(
                relative <= 1e-12,
                "{name} at {theta:?} {u:?}: {} {}, error {relative:e}",
                found[i],
                exact[i]
            );
        }
        count += 1;
    }
    println!("{worst:?}");
    assert!(count >= 350, "{count}");
}

/// `E z` and its derivatives, exact from the table of families: the mean itself, its derivatives as the means of the pullbacks over u (Simpson's rule).
#[test]
fn mean_and_its_gradient_are_those_of_the_table() {
    let theta = [0.5, 1.2, 0.0, 2.0];
    let law = TruncatedNormal::new(&[theta[0]], &[theta[1]], &[theta[2]], &[theta[3]]).unwrap();
    let mut mean = [f64::NAN];
    law.mean(&mut mean);
    let panels = 2000;
    let mut gradient = [0.0; 4];
    for k in 0..=panels {
        let weight = if k == 0 || k == panels { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
        let u = Probability::from_lower(f64::from(k) / f64::from(panels));
        let z = TruncatedNormalFamily.quantile(u, theta);
        for (sum, g) in gradient.iter_mut().zip(TruncatedNormalFamily.quantile_gradient(u, z, theta)) {
            *sum += weight * g / (3.0 * f64::from(panels));
        }
    }
    let mut checked = 0;
    for row in Table::parse(include_str!("../data/families_exact_gradients.csv")).rows() {
        if row.text("family") != "TruncatedNormal" {
            continue;
        }
        assert_eq!(row.text("params"), "mu=0.5;sigma=1.2;lo=0;hi=2");
        let i = ["mu", "sigma", "lo", "hi"].iter().position(|&name| name == row.text("wrt")).unwrap();
        assert!((mean[0] / row.number("Ef") - 1.0).abs() < 1e-14, "{}", mean[0]);
        assert!((gradient[i] / row.number("grad") - 1.0).abs() < 1e-11, "{i}: {}", gradient[i]);
        checked += 1;
    }
    assert_eq!(checked, 3);
}
