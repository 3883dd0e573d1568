//! Bayesian logistic regression on the breast-cancer data, with everything about its evidence lower bound (ELBO) that is
//! known exactly.
//!
//! 569 tumours, 30 standardised features and a constant, y = 1 for a benign one: `p(y = 1 | w) = σ(x·w)`, prior
//! `w ~ N(0, I)`. The posterior is approximated by a Gaussian with independent coordinates, `q = N(m, s²)`, and
//! `ELBO(m, s) = E_q[log-likelihood] − KL(q ‖ prior)`. A posterior approximation is one slice here, (m, ln s).

use std::error::Error;
use std::f64::consts::{LN_2, TAU};

use reparam::DifferentiableObjective;
use reparam::Objective;

/// Data rows that are evaluated side by side: their sums stay in registers.
const STRIP: usize = 16;

/// The log-likelihood of the coefficients as an objective, with its gradient.
///
/// With `t = ±1` for the two classes and `aᵢ = tᵢ xᵢ`, it is `Σ log σ(aᵢ·w)`, and its gradient is `Σ σ(−aᵢ·w) aᵢ`.
#[derive(Debug)]
pub(crate) struct LogLikelihood {
    rows: usize,
    dim: usize,
    /// The rows aᵢ in strips of `STRIP`, each strip column by column, the last one filled up with zeros.
    strips: Vec<f64>,
}

/// The ELBO with its two terms, and its gradient with respect to (m, ln s).
#[allow(dead_code, reason = "`bayes` has Gaussians of another kind")]
#[derive(Debug, Clone)]
pub(crate) struct ExactElbo {
    pub(crate) elbo: f64,
    pub(crate) expected_log_likelihood: f64,
    pub(crate) kl: f64,
    pub(crate) gradient: Vec<f64>,
}

impl LogLikelihood {
    /// The data that lie beside the examples.
    pub(crate) fn breast_cancer() -> Result<Self, Box<dyn Error>> {
        Self::from_csv(include_str!("../data/breast_cancer.csv"))
    }

    /// From a table with one header line whose last column is the class, 1 or 0. Features are standardised by the
    /// population standard deviation, and a column of ones is appended.
    pub(crate) fn from_csv(text: &str) -> Result<Self, Box<dyn Error>> {
        let mut table = Vec::new();
        for line in text.lines().skip(1) {
            let row = line.split(',').map(|cell| cell.trim().parse()).collect::<Result<Vec<f64>, _>>()?;
            table.push(row);
        }
        let rows = table.len();
        let dim = table.first().ok_or("no data")?.len();
        if table.iter().any(|row| row.len() != dim) {
            return Err("rows of different length".into());
        }
        let mut strips = vec![0.0; rows.div_ceil(STRIP) * STRIP * dim];
        for column in 0..dim {
            // The class stands where the column of ones will: the last.
            let constant = column + 1 == dim;
            let mean = table.iter().map(|row| row[column]).sum::<f64>() / rows as f64;
            let variance = table.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / rows as f64;
            for (i, row) in table.iter().enumerate() {
                let sign = if row[dim - 1] > 0.5 { 1.0 } else { -1.0 };
                let x = if constant { 1.0 } else { (row[column] - mean) / variance.sqrt() };
                strips[(i / STRIP * dim + column) * STRIP + i % STRIP] = sign * x;
            }
        }
        Ok(Self { rows, dim, strips })
    }

    /// The number of coefficients.
    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// The ELBO and its gradient without any sampling: under q, `aᵢ·w` is Gaussian with mean `aᵢ·m` and variance
    /// `Σ aᵢⱼ² sⱼ²`, so every expectation is an integral over one dimension.
    #[allow(dead_code, reason = "`bayes` has Gaussians of another kind")]
    pub(crate) fn exact(&self, params: &[f64]) -> ExactElbo {
        let (m, ln_s) = params.split_at(self.dim);
        let variances: Vec<f64> = ln_s.iter().map(|ln_s| (2.0 * ln_s).exp()).collect();
        let mut expected_log_likelihood = 0.0;
        let mut gradient = vec![0.0; 2 * self.dim];
        let (dm, dln_s) = gradient.split_at_mut(self.dim);
        for i in 0..self.rows {
            let a = self.strips[i / STRIP * STRIP * self.dim + i % STRIP..].iter().step_by(STRIP).copied();
            let mean = a.clone().zip(m).map(|(a, m)| a * m).sum();
            let variance = a.clone().zip(&variances).map(|(a, v)| a * a * v).sum::<f64>();
            let [value, slope, curvature] = gaussian_log_sigmoid(mean, variance.sqrt());
            expected_log_likelihood += value;
            for (((dm, dln_s), a), v) in dm.iter_mut().zip(dln_s.iter_mut()).zip(a).zip(&variances) {
                *dm += slope * a;
                // Price's theorem: ∂/∂s² = ½ E[second derivative], and ∂s²/∂ln s = 2 s².
                *dln_s += curvature * a * a * v;
            }
        }
        let (kl, kl_gradient) = kl(params);
        for (g, kl) in gradient.iter_mut().zip(kl_gradient) {
            *g -= kl;
        }
        ExactElbo { elbo: expected_log_likelihood - kl, expected_log_likelihood, kl, gradient }
    }

    /// `E_q[log-likelihood]` without any sampling for any Gaussian q with this mean, given the variance of `a·w` for a row a.
    #[allow(dead_code, reason = "`compare_estimators` needs its gradient too")]
    pub(crate) fn expected_value(&self, mean: &[f64], variance: impl Fn(&[f64]) -> f64) -> f64 {
        let row = |i: usize| {
            let strip = &self.strips[i / STRIP * STRIP * self.dim + i % STRIP..];
            let a: Vec<f64> = strip.iter().step_by(STRIP).copied().take(self.dim).collect();
            let margin = a.iter().zip(mean).map(|(a, m)| a * m).sum();
            gaussian_log_sigmoid(margin, variance(&a).sqrt())[0]
        };
        (0..self.rows).map(row).sum()
    }

    /// Values, and gradients where they are wanted, of a block of coefficient rows: each strip of the data is loaded once
    /// for all of them.
    fn evaluate(&self, w: &[f64], values: &mut [f64], mut dw: Option<&mut [f64]>) {
        // Each row of zeros that fills up the last strip adds log σ(0).
        values.fill((self.rows.next_multiple_of(STRIP) - self.rows) as f64 * LN_2);
        if let Some(dw) = &mut dw {
            dw.fill(0.0);
        }
        for strip in self.strips.chunks_exact(STRIP * self.dim) {
            for (k, (w, value)) in w.chunks_exact(self.dim).zip(&mut *values).enumerate() {
                let mut margins = [0.0; STRIP];
                for (column, w) in strip.chunks_exact(STRIP).zip(w) {
                    for (margin, a) in margins.iter_mut().zip(column) {
                        *margin += w * a;
                    }
                }
                // log σ(u) = min(u, 0) − ln(1 + e^(−|u|)); the logarithm of the product of the strip's 1 + e^(−|u|), each
                // at most 2, saves a logarithm a row.
                let (mut sum, mut product) = (0.0, 1.0);
                let mut slopes = [0.0; STRIP];
                for (slope, &u) in slopes.iter_mut().zip(&margins) {
                    let e = (-u.abs()).exp();
                    sum += u.min(0.0);
                    product *= 1.0 + e;
                    *slope = if u >= 0.0 { e } else { 1.0 } / (1.0 + e);
                }
                *value += sum - product.ln();
                if let Some(dw) = &mut dw {
                    let dw = &mut dw[k * self.dim..][..self.dim];
                    for (dw, column) in dw.iter_mut().zip(strip.chunks_exact(STRIP)) {
                        let mut sums = [0.0; 4];
                        for (slopes, column) in slopes.chunks_exact(4).zip(column.chunks_exact(4)) {
                            for ((sum, slope), a) in sums.iter_mut().zip(slopes).zip(column) {
                                *sum += slope * a;
                            }
                        }
                        *dw += (sums[0] + sums[1]) + (sums[2] + sums[3]);
                    }
                }
            }
        }
    }
}

impl Objective<f64> for LogLikelihood {
    fn value(&self, z: &[f64]) -> f64 {
        let mut value = [0.0];
        self.evaluate(z, &mut value, None);
        value[0]
    }

    fn value_block(&self, z: &[f64], _dim: usize, values: &mut [f64]) {
        self.evaluate(z, values, None);
    }
}

impl DifferentiableObjective<f64> for LogLikelihood {
    fn value_and_gradient(&self, z: &[f64], dz: &mut [f64]) -> f64 {
        let mut value = [0.0];
        self.evaluate(z, &mut value, Some(dz));
        value[0]
    }

    fn value_and_gradient_block(&self, z: &[f64], _dim: usize, values: &mut [f64], dz: &mut [f64]) {
        self.evaluate(z, values, Some(dz));
    }
}

/// The log-likelihood with the prior: `ln p(y, w)`.
#[allow(dead_code, reason = "a divergence from the prior serves as well")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogJoint<'a>(pub(crate) &'a LogLikelihood);

impl LogJoint<'_> {
    fn ln_prior(w: &[f64]) -> f64 {
        -0.5 * w.iter().map(|w| w * w).sum::<f64>() - 0.5 * w.len() as f64 * TAU.ln()
    }
}

impl Objective<f64> for LogJoint<'_> {
    fn value(&self, w: &[f64]) -> f64 {
        self.0.value(w) + Self::ln_prior(w)
    }
}

impl DifferentiableObjective<f64> for LogJoint<'_> {
    fn value_and_gradient(&self, w: &[f64], dw: &mut [f64]) -> f64 {
        let mut value = [0.0];
        self.value_and_gradient_block(w, w.len(), &mut value, dw);
        value[0]
    }

    fn value_and_gradient_block(&self, w: &[f64], dim: usize, values: &mut [f64], dw: &mut [f64]) {
        self.0.value_and_gradient_block(w, dim, values, dw);
        for (value, w) in values.iter_mut().zip(w.chunks_exact(dim)) {
            *value += Self::ln_prior(w);
        }
        for (dw, w) in dw.iter_mut().zip(w) {
            *dw -= w;
        }
    }
}

/// `KL(N(m, s²) ‖ N(0, I)) = ½ Σ (s² + m² − 1) − ln s` and its gradient with respect to (m, ln s), `(m, s² − 1)`.
#[allow(dead_code, reason = "`bayes` has Gaussians of another kind")]
pub(crate) fn kl(params: &[f64]) -> (f64, Vec<f64>) {
    let (m, ln_s) = params.split_at(params.len() / 2);
    let excess: Vec<f64> = ln_s.iter().map(|ln_s| (2.0 * ln_s).exp_m1()).collect();
    let terms = m.iter().zip(ln_s).zip(&excess);
    let kl = terms.map(|((m, ln_s), excess)| 0.5 * (excess + m * m) - ln_s).sum();
    (kl, [m, &excess].concat())
}

/// `E[log σ(u)]`, `E[σ(−u)]` and `E[−σ(u) σ(−u)]`, the expected logarithm and its first two derivatives, for
/// `u ~ N(mean, sd²)`.
///
/// The trapezoid rule over ±9 sd. It converges geometrically: the poles of log σ at ±iπ leave an error of about
/// `exp(−2π² / (sd · step))` with the step in units of sd, here below 1e-12, the Gaussian weight `exp(−2π² / step²)`.
fn gaussian_log_sigmoid(mean: f64, sd: f64) -> [f64; 3] {
    let step = (0.7 / sd).min(0.4);
    let half = (9.0 / step).ceil() as i32;
    let mut sums = [0.0; 3];
    for k in -half..=half {
        let x = f64::from(k) * step;
        let u = mean + sd * x;
        let weight = (-0.5 * x * x).exp();
        let e = (-u.abs()).exp();
        let p = (1.0 + e).recip();
        sums[0] += weight * (u.min(0.0) - e.ln_1p());
        sums[1] += weight * if u >= 0.0 { e * p } else { p };
        sums[2] -= weight * e * p * p;
    }
    sums.map(|sum| sum * step * 0.398_942_280_401_432_7)
}
