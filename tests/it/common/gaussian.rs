//! The objectives of tests/data/gaussian.csv, and moments of gradient samples by quadrature over the noise.

use reparam::prelude::*;

use super::{Row, Sampled, gaussian_expectation};

pub const TABLE: &str = include_str!("../../data/gaussian.csv");

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

    /// The test function of the row.
    pub fn objective(&self) -> impl DifferentiableObjective<f64> {
        Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
            let (value, slope) = evaluate(&self.name, self.k, z[0]);
            if let Some(dz) = dz {
                dz[0] = slope;
            }
            value
        })
    }

    /// Whether too few of `samples` draws reach a step to say anything about a variance: one five standard deviations out.
    pub fn is_out_of_reach(&self, value: f64, samples: usize) -> bool {
        self.name == "step" && value.min(1.0 - value) * (samples as f64) < 1000.0
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

/// How many comparisons of sampled variances said something.
#[derive(Default)]
pub struct Tally {
    pub judged: usize,
    pub heavy: usize,
    pub skipped: usize,
}

impl Tally {
    /// The value and both gradients, with their variances, against a row.
    pub fn check(&mut self, case: &Case, row: &Row<'_>, sampled: &Sampled, columns: [&str; 2], sigmas: f64) {
        let value = row.number("Ef");
        let label = case.label();
        assert!((sampled.value - value).abs() <= sigmas * sampled.value_error + 1e-12, "{label} value");
        for (p, (column, gradient)) in columns.into_iter().zip(["grad_mu", "grad_sigma"]).enumerate() {
            let label = format!("{label} {column}");
            if sampled.check(p, row.number(gradient), row.number(column), sigmas, &label) {
                self.judged += 1;
            } else {
                self.heavy += 1;
            }
        }
    }
}

/// Mean and variance by quadrature against a row. `size` of a gradient is what the quadrature rounds at.
pub fn check_moments(
    case: &Case,
    row: &Row<'_>,
    found: [(f64, f64); 2],
    columns: [&str; 2],
    size: impl Fn(&str, f64, f64) -> f64,
) {
    for ((mean, variance), (column, gradient)) in
        found.into_iter().zip(columns.into_iter().zip(["grad_mu", "grad_sigma"]))
    {
        let (exact, expected) = (row.number(gradient), row.number(column));
        let label = format!("{} {column}", case.label());
        let size = size(gradient, exact, expected);
        assert!((mean - exact).abs() <= 1e-9 * (exact.abs() + size), "{label}: mean {mean} {exact}");
        assert!(
            (variance - expected).abs() <= 1e-8 * expected + 1e-12 * size * size + 1e-14,
            "{label}: variance {variance} {expected}"
        );
    }
}
