//! The truncated normal against mpmath (`truncated_normal.csv`, made by `generate_truncated_normal.py`), and its densities and moments.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod common;

use common::Table;
use reparam::Probability;
use reparam::distributions::Quantile;
use reparam::prelude::*;

#[test]
fn draw_and_all_four_derivatives_are_exact_on_the_grid() {
    let law = TruncatedNormalLaw;
    let (mut worst, mut count) = ([0.0f64; 5], 0);
    for row in Table::parse(include_str!("data/truncated_normal.csv")).rows() {
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
