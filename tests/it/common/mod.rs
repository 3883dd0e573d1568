//! Shared by the test files: derivatives by central differences, reference tables, and sampling checks in standard errors.
#![allow(unreachable_pub, reason = "it is a module of a test program")]

pub mod counts;
pub mod gaussian;
pub mod shared_bits;
pub mod uniformity;

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;
use reparam::{
    Conditional, DifferentiableLogDensity, Distribution, Draws, DrawsMut, Entropy, LogDensity,
    Reparameterizable,
};

pub fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// Standard normal numbers times a scale.
pub fn numbers(len: usize, seed: u64, scale: f64) -> Vec<f64> {
    if len == 0 {
        return Vec::new();
    }
    let mut z = vec![0.0; len];
    Normal::standard(len).unwrap().sample(&mut rng(seed), &mut z);
    z.iter().map(|z| scale * z).collect()
}

/// `(x₀ − p₀)²` with its gradient, for the first of any number of coordinates.
pub fn square_of_first(p0: f64) -> (impl Fn(&[f64]) -> f64, impl Fn(&[f64], &mut [f64]) -> f64) {
    (
        move |x: &[f64]| (x[0] - p0).powi(2),
        move |x: &[f64], dx: &mut [f64]| {
            dx.fill(0.0);
            dx[0] = 2.0 * (x[0] - p0);
            (x[0] - p0).powi(2)
        },
    )
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
pub fn check_log_prob_gradient<D: DifferentiableLogDensity<f64>>(
    distribution: &D,
    z: &[f64],
    scales: &[f64],
) {
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
        assert!(
            sum.abs() <= sigmas * squares.sqrt(),
            "mean score of parameter {i}: {sum} ± {}",
            squares.sqrt()
        );
    }
}

/// Block methods and lent parameters are second ways to the same numbers.
#[track_caller]
pub fn check_consistency<D: Conditional<f64>>(p: &D, seed: u64) {
    let mut rng = rng(seed);
    let (dim, params, rows) = (p.dim(), p.params().len(), 17);
    let mut noise = vec![0.0; rows * p.noise_dim()];
    p.draw_noise(&mut rng, &mut noise);
    let mut z = vec![0.0; rows * dim];
    p.transform_block(&noise, DrawsMut::of(&mut z));
    let mut dz = vec![0.0; rows * dim];
    Normal::standard(rows * dim).unwrap().sample(&mut rng, &mut dz);
    let mut block = vec![f64::NAN; rows * params];
    p.pullback_block(&noise, Draws::of(&z), &dz, &mut block);
    let lent: Vec<&[f64]> = p.layout().iter().map(|part| &p.params()[part.range.clone()]).collect();
    for row in 0..rows {
        let noise = &noise[row * p.noise_dim()..][..p.noise_dim()];
        let dz = &dz[row * dim..][..dim];
        let (mut z_row, mut z_lent) = (vec![f64::NAN; dim], vec![f64::NAN; dim]);
        p.transform(noise, &mut z_row);
        p.transform_with(&lent, noise, &mut z_lent);
        assert_eq!(z_row, z[row * dim..][..dim]);
        assert_eq!(z_row, z_lent);
        let (mut d_row, mut d_lent) = (vec![f64::NAN; params], vec![f64::NAN; params]);
        p.pullback(noise, &z_row, dz, &mut d_row);
        p.pullback_with(&lent, noise, &z_row, dz, &mut d_lent);
        assert_eq!(d_row, block[row * params..][..params]);
        assert_eq!(d_row, d_lent);
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
        // A comma within quotes does not divide.
        let split = |line: &str| {
            let mut quoted = false;
            let cells = line.split(|c| {
                quoted ^= c == '"';
                c == ',' && !quoted
            });
            cells.map(|cell| cell.trim().trim_matches('"').to_string()).collect::<Vec<_>>()
        };
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

/// Mean and variance of one gradient sample as sampling finds them, in independent batches, so that the variance has a
/// standard error too.
pub struct Sampled {
    pub samples: f64,
    pub mean: Vec<f64>,
    pub variance: Vec<f64>,
    pub variance_error: Vec<f64>,
    pub total_variance: f64,
    pub total_variance_error: f64,
    pub value: f64,
    pub value_error: f64,
}

pub const BATCHES: usize = 64;

/// Runs `BATCHES` estimates of `samples` gradient samples each.
pub fn sample_batches<E, D, F>(
    estimator: &mut E,
    distribution: &D,
    f: &F,
    samples: usize,
    seed: u64,
) -> Sampled
where
    D: Distribution<f64>,
    F: Objective<f64>,
    E: GradientEstimator<f64, D, F>,
{
    let mut rng = rng(seed);
    let mut whole: Option<GradientEstimate<f64>> = None;
    let mut variances = Vec::new();
    for _ in 0..BATCHES {
        let batch = estimator.estimate(distribution, f, samples, &mut rng).unwrap();
        variances.push(batch.variance());
        match &mut whole {
            None => whole = Some(batch),
            Some(whole) => whole.merge(&batch).unwrap(),
        }
    }
    let whole = whole.unwrap();
    let b = BATCHES as f64;
    let mean_and_error = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / b;
        (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (b - 1.0) / b).sqrt())
    };
    let column = |i: usize| variances.iter().map(|row| row[i]).collect::<Vec<_>>();
    let (variance, variance_error) =
        (0..distribution.params().len()).map(|i| mean_and_error(&column(i))).unzip();
    let totals: Vec<f64> = variances.iter().map(|row| row.iter().sum()).collect();
    let (total_variance, total_variance_error) = mean_and_error(&totals);
    Sampled {
        samples: whole.samples() as f64,
        mean: whole.moments().mean().to_vec(),
        variance,
        variance_error,
        total_variance,
        total_variance_error,
        value: whole.value(),
        value_error: whole.value_standard_error(),
    }
}

impl Sampled {
    /// Compares parameter `i` with the exact mean and variance in standard errors: the mean's from the exact variance, the
    /// variance's from the batches. Returns false, without judging, if the tails are so heavy that the variance is not
    /// known to 5 %: a comparison could not fail then.
    #[track_caller]
    pub fn check(&self, i: usize, mean: f64, variance: f64, sigmas: f64, what: &str) -> bool {
        // A variance that is 0 but for rounding: of the size (relative accuracy × mean)².
        let rounding = (1e-13 * mean).powi(2) + 1e-28;
        if self.variance_error[i] > 0.05 * variance + rounding {
            return false;
        }
        let mean_error = (variance / self.samples).sqrt();
        assert!(
            (self.mean[i] - mean).abs() <= sigmas * mean_error + 1e-12 * mean.abs() + 1e-13,
            "{what}: mean {} should be {mean} ± {mean_error}",
            self.mean[i]
        );
        assert!(
            (self.variance[i] - variance).abs() <= sigmas * self.variance_error[i] + rounding,
            "{what}: variance {} should be {variance} ± {}",
            self.variance[i],
            self.variance_error[i]
        );
        true
    }
}

/// `E[h(ε)]` for ε ~ N(0, 1) by composite Boole's rule on ±`reach`, split where h has kinks or jumps (in ascending order).
pub fn gaussian_expectation(h: impl Fn(f64) -> f64, kinks: impl IntoIterator<Item = f64>, reach: f64) -> f64 {
    let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    let mut ends = vec![-reach];
    ends.extend(kinks.into_iter().filter(|kink| kink.abs() < reach));
    ends.push(reach);
    let mut total = 0.0;
    for pair in ends.windows(2) {
        let panels = ((pair[1] - pair[0]) / 0.04).ceil();
        let width = (pair[1] - pair[0]) / panels;
        // Values at the ends of a piece are its one-sided limits.
        let inside = |x: f64| x.clamp(pair[0] + 1e-12, pair[1] - 1e-12);
        for panel in 0..panels as usize {
            let start = pair[0] + panel as f64 * width;
            for (i, weight) in [7.0, 32.0, 12.0, 32.0, 7.0].into_iter().enumerate() {
                let x = inside(start + 0.25 * i as f64 * width);
                total += weight * width / 90.0 * density(x) * h(x);
            }
        }
    }
    total
}
