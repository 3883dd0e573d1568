//! The objectives of tests/data/gaussian.csv, and moments of gradient samples by quadrature over the noise.

use reparam::prelude::*;

use super::{Row, gaussian_expectation};

pub const TABLE: &str = include_str!("../data/gaussian.csv");

/// The test functions of the table, with their derivatives.
pub fn evaluate(name: &str, k: f64, z: f64) -> (f64, f64) {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match name {
        "linear" => (z, 1.0),
        "quadratic" => ((z - k).powi(2), 2.0 * (z - k)),
        "cubic" => (z.powi(3), 3.0 * z * z),
        "cos" => ((k * z).cos(), -k * (k * z).sin()),
        "exp" => ((k * z).exp(), k * (k * z).exp()),
        "expquad" => ((-k * z * z).exp(), -2.0 * k * z * (-k * z * z).exp()),
        "sigmoid" => (sigmoid(k * z), k * sigmoid(k * z) * sigmoid(-k * z)),
        "step" => (f64::from(z > k), 0.0),
        "relu" => ((z - k).max(0.0), f64::from(z > k)),
        _ => unreachable!("unknown function {name}"),
    }
}

pub struct Case {
    pub name: String,
    pub k: f64,
    pub mu: f64,
    pub sigma: f64,
}

impl Case {
    /// Whether draws that hardly anybody sees make the variance, as for `exp(kz)` with kσ ≥ 2: a sampled variance is then too small, and
    /// looks exact.
    pub fn defeats_sampling(&self) -> bool {
        self.name == "exp" && self.k * self.sigma >= 2.0
    }

    pub fn of(row: &Row<'_>) -> Self {
        Self {
            name: row.text("f").into(),
            k: row.number("k"),
            mu: row.number("mu"),
            sigma: row.number("sigma"),
        }
    }

    pub fn normal(&self) -> Normal<f64> {
        Normal::new(&[self.mu], &[self.sigma]).unwrap()
    }

    pub fn label(&self) -> String {
        format!("{}(k = {}) at μ = {}, σ = {}", self.name, self.k, self.mu, self.sigma)
    }
}

/// The first two moments of a gradient sample, by quadrature over the noise with the crate's own transform, pullback and score.
pub fn moments(case: &Case, gradient: impl Fn(f64, &mut [f64; 2])) -> [(f64, f64); 2] {
    let kink = (case.k - case.mu) / case.sigma;
    // Both sides, for gradient samples that look at ε and −ε.
    let kinks = [-kink.abs(), kink.abs()];
    let kinks = matches!(case.name.as_str(), "step" | "relu").then_some(kinks);
    [0, 1].map(|i| {
        let power = |n: i32| {
            let h = |e: f64| {
                let mut g = [f64::NAN; 2];
                gradient(e, &mut g);
                g[i].powi(n)
            };
            gaussian_expectation(h, kinks.into_iter().flatten(), 25.0)
        };
        let mean = power(1);
        (mean, power(2) - mean * mean)
    })
}
