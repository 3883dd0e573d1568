//! Shared by the test files: derivatives by central differences, reference tables, and sampling checks in standard errors.
#![allow(dead_code, reason = "every test file compiles this module and uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;

pub fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// `f′(x)` by central differences with one Richardson step: the error is about `1e-12 · scale⁵ f⁗′` by truncation and
/// `1e-12 · |f| / scale` by rounding, where `scale` is the length over which f changes.
pub fn derivative(f: impl Fn(f64) -> f64, x: f64, scale: f64) -> f64 {
    let difference = |h: f64| {
        let (above, below) = (x + h, x - h);
        (f(above) - f(below)) / (above - below)
    };
    let h = 1e-3 * scale;
    (4.0 * difference(0.5 * h) - difference(h)) / 3.0
}

/// Relative error at most `tolerance`; `floor` is the size below which the finite difference itself is rounding.
#[track_caller]
pub fn assert_relative(found: f64, expected: f64, tolerance: f64, floor: f64, what: &str) {
    let error = (found - expected).abs();
    assert!(
        error <= tolerance * found.abs().max(expected.abs()) + floor,
        "{what}: found {found:e}, expected {expected:e}, relative error {:.1e}",
        error / expected.abs()
    );
}

/// The bar of the derivative checks.
pub const DERIVATIVE_TOLERANCE: f64 = 1e-7;

/// `function` at θ with coordinate `i` replaced by x.
fn at_param<D, Y>(distribution: &D, i: usize, x: f64, function: impl Fn(&D) -> Y) -> Y
where
    D: Distribution<f64> + Clone,
{
    let mut params = distribution.params().to_vec();
    params[i] = x;
    let mut moved = distribution.clone();
    moved.set_params(&params).unwrap();
    function(&moved)
}

/// Pullback of a cotangent against `∂(v · g(θ, ε))/∂θ`. `scales` are the lengths over which each parameter matters.
#[track_caller]
pub fn check_pullback<D>(distribution: &D, noise: &[f64], cotangent: &[f64], scales: &[f64])
where
    D: Reparameterizable<f64> + Clone,
{
    let mut z = vec![0.0; distribution.dim()];
    distribution.transform(noise, &mut z);
    let mut found = vec![f64::NAN; distribution.params().len()];
    distribution.pullback(noise, &z, cotangent, &mut found);
    for (i, &found) in found.iter().enumerate() {
        let projected = |d: &D| {
            let mut z = vec![0.0; d.dim()];
            d.transform(noise, &mut z);
            z.iter().zip(cotangent).map(|(z, v)| z * v).sum::<f64>()
        };
        let size: f64 = z.iter().zip(cotangent).map(|(z, v)| (z * v).abs()).sum();
        let expected =
            derivative(|x| at_param(distribution, i, x, projected), distribution.params()[i], scales[i]);
        let what = format!("pullback to parameter {i}");
        assert_relative(found, expected, DERIVATIVE_TOLERANCE, 1e-11 * size / scales[i], &what);
    }
}

/// Score against `∂ log p/∂θ`.
#[track_caller]
pub fn check_score<D: LogDensity<f64> + Clone>(distribution: &D, z: &[f64], scales: &[f64]) {
    let mut found = vec![f64::NAN; distribution.params().len()];
    distribution.score(z, &mut found);
    let size = distribution.log_prob(z).abs().max(1.0);
    for (i, &found) in found.iter().enumerate() {
        let log_prob = |x| at_param(distribution, i, x, |d| d.log_prob(z));
        let expected = derivative(log_prob, distribution.params()[i], scales[i]);
        let what = format!("score of parameter {i}");
        assert_relative(found, expected, DERIVATIVE_TOLERANCE, 1e-11 * size / scales[i], &what);
    }
}

/// Gradient of the log-density against `∂ log p/∂z`. `scales` are the lengths over which each coordinate matters.
#[track_caller]
pub fn check_log_prob_gradient<D: DifferentiableLogDensity<f64>>(distribution: &D, z: &[f64], scales: &[f64]) {
    let mut found = vec![f64::NAN; z.len()];
    distribution.log_prob_gradient(z, &mut found);
    let size = distribution.log_prob(z).abs().max(1.0);
    for (i, &found) in found.iter().enumerate() {
        let log_prob = |x| {
            let mut moved = z.to_vec();
            moved[i] = x;
            distribution.log_prob(&moved)
        };
        let expected = derivative(log_prob, z[i], scales[i]);
        let what = format!("log-density gradient of coordinate {i}");
        assert_relative(found, expected, DERIVATIVE_TOLERANCE, 1e-11 * size / scales[i], &what);
    }
}

/// Entropy gradient against `∂H/∂θ`, and the entropy itself against the mean of −log p over `draws` draws, in four
/// standard errors.
#[track_caller]
pub fn check_entropy<D>(distribution: &D, scales: &[f64], draws: usize, seed: u64)
where
    D: Entropy<f64> + LogDensity<f64> + Clone,
{
    let mut found = vec![f64::NAN; distribution.params().len()];
    distribution.entropy_gradient(&mut found);
    let size = distribution.entropy().abs().max(1.0);
    for (i, &found) in found.iter().enumerate() {
        let entropy = |x| at_param(distribution, i, x, |d| d.entropy());
        let expected = derivative(entropy, distribution.params()[i], scales[i]);
        let what = format!("entropy gradient of parameter {i}");
        assert_relative(found, expected, DERIVATIVE_TOLERANCE, 1e-11 * size / scales[i], &what);
    }
    let mut rng = rng(seed);
    let mut z = vec![0.0; distribution.dim()];
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..draws {
        distribution.sample(&mut rng, &mut z);
        let deviation = -distribution.log_prob(&z) - distribution.entropy();
        sum += deviation;
        squares += deviation * deviation;
    }
    let n = draws as f64;
    let error = (squares / n / n).sqrt().max(1e-12);
    assert!((sum / n).abs() <= 4.0 * error, "entropy off by {} ± {error}", sum / n);
}

/// `E[score] = 0`: every coordinate of the mean score of `draws` draws within `sigmas` standard errors.
#[track_caller]
pub fn check_mean_score<D: LogDensity<f64>>(distribution: &D, draws: usize, sigmas: f64, seed: u64) {
    let mut rng = rng(seed);
    let mut z = vec![0.0; distribution.dim()];
    let mut score = vec![0.0; distribution.params().len()];
    let mut sums = vec![(0.0, 0.0); score.len()];
    for _ in 0..draws {
        distribution.sample(&mut rng, &mut z);
        distribution.score(&z, &mut score);
        for ((sum, squares), s) in sums.iter_mut().zip(&score) {
            *sum += s;
            *squares += s * s;
        }
    }
    for (i, (sum, squares)) in sums.iter().enumerate() {
        assert!(sum.abs() <= sigmas * squares.sqrt(), "mean score of parameter {i}: {sum} ± {}", squares.sqrt());
    }
}

/// Rows of a reference table as maps from column name to text.
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

pub struct Row<'a> {
    columns: &'a [String],
    cells: &'a [String],
}

impl Table {
    pub fn parse(text: &str) -> Self {
        let split = |line: &str| line.split(',').map(|cell| cell.trim().to_string()).collect::<Vec<_>>();
        let mut lines = text.lines();
        let columns = split(lines.next().unwrap());
        Self { columns, rows: lines.map(split).collect() }
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { columns: &self.columns, cells })
    }
}

impl Row<'_> {
    pub fn text(&self, column: &str) -> &str {
        let i = self.columns.iter().position(|c| c == column).unwrap_or_else(|| panic!("no column {column}"));
        &self.cells[i]
    }

    pub fn number(&self, column: &str) -> f64 {
        self.text(column).parse().unwrap_or_else(|_| panic!("column {column}: {}", self.text(column)))
    }
}
