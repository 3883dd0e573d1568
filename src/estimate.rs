//! What an estimation returns: the gradient with its error bar.

#[cfg(feature = "serde")]
mod serialization;

use std::fmt;

use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::real::Real;
use crate::shifted_sums::ShiftedSums;
use crate::special::student_t_integer_quantile;

/// Count, mean and second central moment of a random vector, coordinate by coordinate, in `f64`.
///
/// Two of them merge exactly (up to rounding) into the moments of the joined samples (Chan, Golub &
/// `LeVeque` 1983, doi:10.1080/00031305.1983.10483115), so that an estimate can be made in pieces.
///
/// ```
/// use reparam::Moments;
///
/// let mut a = Moments::from_rows(&[1.0, 3.0], 1);
/// a.merge(&Moments::from_rows(&[5.0], 1))?;
/// assert_eq!((a.count(), a.mean()[0], a.variance()[0]), (3, 3.0, 4.0));
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "serialization::MomentsData", into = "serialization::MomentsData")
)]
pub struct Moments {
    count: u64,
    mean: Vec<f64>,
    m2: Vec<f64>,
}

impl Moments {
    /// No samples of a vector of this length.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self { count: 0, mean: vec![0.0; len], m2: vec![0.0; len] }
    }

    /// Back to no samples, in the same memory.
    pub(crate) fn reset(&mut self, len: usize) {
        self.count = 0;
        for moments in [&mut self.mean, &mut self.m2] {
            moments.clear();
            moments.resize(len, 0.0);
        }
    }

    /// The moments of rows of `len` numbers, one after the other.
    #[must_use]
    pub fn from_rows(rows: &[f64], len: usize) -> Self {
        let mut moments = Self::new(len);
        for row in rows.chunks_exact(len.max(1)) {
            moments.push(1, row.iter().map(|&x| (x, 0.0)));
        }
        moments
    }

    /// Joins `count` further samples, given coordinate by coordinate as (mean, sum of squared deviations).
    fn push(&mut self, count: u64, parts: impl Iterator<Item = (f64, f64)>) {
        let total = self.count + count;
        let weight = count as f64 / total as f64;
        let cross = self.count as f64 * weight;
        for ((mean, m2), (other_mean, other_m2)) in self.mean.iter_mut().zip(&mut self.m2).zip(parts) {
            let delta = other_mean - *mean;
            *mean += delta * weight;
            // cross first: it is 0 for the first samples, and the square of a large mean may not be
            // representable.
            *m2 += delta * cross * delta + other_m2;
        }
        self.count = total;
    }

    /// Joins the sums over `count` rows.
    pub(crate) fn absorb<T: Real>(&mut self, count: usize, sums: &ShiftedSums<T>) {
        sums.join(count, self.count, &mut self.mean, &mut self.m2);
        self.count += count as u64;
    }

    /// Joins the samples of another of the same length.
    pub(crate) fn join(&mut self, other: &Self) {
        if other.count > 0 {
            self.push(other.count, other.mean.iter().copied().zip(other.m2.iter().copied()));
        }
    }

    /// Joins the samples of another.
    ///
    /// # Errors
    /// [`Error::Merge`] if the lengths differ; nothing has changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.mean.len() != other.mean.len() {
            return Err(Error::Merge { what: "lengths" });
        }
        self.join(other);
        Ok(())
    }

    /// The number of samples.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean of each coordinate.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The unbiased variance of one sample of each coordinate; ∞ with fewer than two samples, which say
    /// nothing about it.
    #[must_use]
    pub fn variance(&self) -> Vec<f64> {
        self.m2.iter().map(|&m2| self.variance_of(m2)).collect()
    }

    fn variance_of(&self, m2: f64) -> f64 {
        if self.count < 2 { f64::INFINITY } else { m2 / (self.count - 1) as f64 }
    }

    fn standard_error_of(&self, m2: f64) -> f64 {
        (self.variance_of(m2) / self.count as f64).sqrt()
    }

    /// The standard error of the mean of each coordinate, `√(variance / count)`.
    #[must_use]
    pub fn standard_error(&self) -> Vec<f64> {
        self.m2.iter().map(|&m2| self.standard_error_of(m2)).collect()
    }
}

/// An estimated gradient `∇_θ E[f(z)]` with the variance of one gradient sample and everything that follows
/// from it.
///
/// A gradient sample is one independent draw of the estimator's random vector, however many evaluations of
/// f it takes, so [`variance_per_evaluation`](Self::variance_per_evaluation) compares estimators fairly.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[1.0], &[0.5])?;
/// let f = |z: &[f64]| z[0] * z[0]; // E f = μ² + σ², gradient (2μ, 2σ) = (2, 1)
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
/// let estimate = ScoreFunction::new().estimate(&normal, &f, 40_000, &mut rng)?;
///
/// let mu = estimate.get("mu").expect("a normal has a mu");
/// assert!((mu.gradient[0] - 2.0).abs() < 4.0 * mu.standard_error[0]);
/// let intervals = estimate.confidence_interval(0.9999)?;
/// assert!(intervals[1].0 < 1.0 && 1.0 < intervals[1].1);
/// assert!((estimate.value() - 1.25).abs() < 4.0 * estimate.value_standard_error());
/// println!("{estimate}");
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// With the feature `serde` it can be serialised, and [merged](Self::merge) elsewhere. What is read is
/// checked: data that no estimate can hold are an error. The numbers are `f64` whatever `T` is; use a
/// format that keeps them exactly (`serde_json` has the feature `float_roundtrip`).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "serialization::EstimateData",
        into = "serialization::EstimateData",
        bound(serialize = "T: Clone", deserialize = "T: Real")
    )
)]
pub struct GradientEstimate<T> {
    layout: Layout,
    gradient: Vec<T>,
    moments: Moments,
    value: Moments,
    evaluations: u64,
}

/// The part of a [`GradientEstimate`] that belongs to one named parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterEstimate<'a, T> {
    /// The estimated derivatives.
    pub gradient: &'a [T],
    /// The variance of one gradient sample, coordinate by coordinate.
    pub variance: Vec<f64>,
    /// The standard error of the gradient, coordinate by coordinate.
    pub standard_error: Vec<f64>,
}

impl<T: Real> GradientEstimate<T> {
    /// Room for an estimate that has not been made.
    pub(crate) fn empty() -> Self {
        Self {
            layout: Layout::default(),
            gradient: Vec::new(),
            moments: Moments::new(0),
            value: Moments::new(1),
            evaluations: 0,
        }
    }

    /// Back to no gradient samples, in the same memory.
    pub(crate) fn reset(&mut self, layout: &Layout) {
        if !self.layout.is(layout) {
            self.layout = layout.clone();
        }
        self.moments.reset(layout.len());
        self.value.reset(1);
        self.gradient.resize(layout.len(), T::zero());
        self.evaluations = 0;
    }

    /// The moments of gradient and value, to add gradient samples that took this many evaluations.
    pub(crate) fn more(&mut self, evaluations: u64) -> [&mut Moments; 2] {
        self.evaluations += evaluations;
        [&mut self.moments, &mut self.value]
    }

    /// Computes the public gradient from the moments.
    pub(crate) fn finish(&mut self) {
        for (gradient, &mean) in self.gradient.iter_mut().zip(&self.moments.mean) {
            *gradient = T::of(mean);
        }
    }

    /// The gradient with respect to the flat parameter slice θ.
    #[must_use]
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// The variance of one gradient sample, parameter by parameter; ∞ after a single sample.
    #[must_use]
    pub fn variance(&self) -> Vec<f64> {
        self.moments.variance()
    }

    /// The standard error of the gradient, parameter by parameter: `√(variance / samples)`.
    #[must_use]
    pub fn standard_error(&self) -> Vec<f64> {
        self.moments.standard_error()
    }

    /// The trace of the covariance of one gradient sample.
    #[must_use]
    pub fn total_variance(&self) -> f64 {
        self.moments.m2.iter().map(|&m2| self.moments.variance_of(m2)).sum()
    }

    /// `total_variance × evaluations of f in one gradient sample`: compares estimators where evaluations of
    /// f are the main cost.
    #[must_use]
    pub fn variance_per_evaluation(&self) -> f64 {
        self.total_variance() * (self.evaluations as f64 / self.samples() as f64)
    }

    /// The standard error of the whole gradient, `√(total_variance / samples)`: the root mean square length
    /// of its error.
    #[must_use]
    pub fn total_standard_error(&self) -> f64 {
        (self.total_variance() / self.samples() as f64).sqrt()
    }

    /// The Euclidean norm of the gradient.
    #[must_use]
    pub fn norm(&self) -> f64 {
        self.moments.mean.iter().map(|g| g * g).sum::<f64>().sqrt()
    }

    /// The signal-to-noise ratio of one gradient sample, parameter by parameter: `|mean| / sd`. It is ∞
    /// where the variance is 0 and the gradient is not, and 0 where both are.
    #[must_use]
    pub fn signal_to_noise(&self) -> Vec<f64> {
        let ratio = |(&mean, &m2): (&f64, &f64)| signal_to_noise(mean, self.moments.variance_of(m2));
        self.moments.mean.iter().zip(&self.moments.m2).map(ratio).collect()
    }

    /// The signal-to-noise ratio of one whole gradient sample: `norm / √total_variance`.
    #[must_use]
    pub fn total_signal_to_noise(&self) -> f64 {
        signal_to_noise(self.norm(), self.total_variance())
    }

    /// The two-sided Student-t confidence interval of each derivative at a level such as 0.95, with
    /// `samples − 1` degrees of freedom. Each parameter has its own interval: of many intervals, a share of
    /// `1 − level` misses on average. After a single gradient sample, each interval is the whole line.
    ///
    /// # Errors
    /// [`Error::Option`] if the level is not strictly between 0 and 1.
    pub fn confidence_interval(&self, level: f64) -> Result<Vec<(f64, f64)>, Error> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::Option {
                option: "level",
                value: level,
                expected: "a number strictly between 0 and 1",
            });
        }
        if self.samples() < 2 {
            return Ok(vec![(f64::NEG_INFINITY, f64::INFINITY); self.gradient.len()]);
        }
        let t = student_t_integer_quantile(0.5 * (1.0 - level), self.samples() - 1).abs();
        let interval = |(&mean, &m2): (&f64, &f64)| {
            let half = t * self.moments.standard_error_of(m2);
            (mean - half, mean + half)
        };
        Ok(self.moments.mean.iter().zip(&self.moments.m2).map(interval).collect())
    }

    /// The estimate of `E[f(z)]`: the mean over all draws, whichever estimator made the gradient.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value.mean[0]
    }

    /// The standard error of [`value`](Self::value).
    #[must_use]
    pub fn value_standard_error(&self) -> f64 {
        self.value.standard_error_of(self.value.m2[0])
    }

    /// The number of gradient samples.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.moments.count
    }

    /// The number of evaluations of the objective.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// The moments of the gradient samples, in `f64`.
    #[must_use]
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Names and ranges of the parameters.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The part that belongs to a named parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ParameterEstimate<'_, T>> {
        let range = self.layout.range(name)?;
        let m2 = &self.moments.m2[range.clone()];
        Some(ParameterEstimate {
            gradient: &self.gradient[range],
            variance: m2.iter().map(|&m2| self.moments.variance_of(m2)).collect(),
            standard_error: m2.iter().map(|&m2| self.moments.standard_error_of(m2)).collect(),
        })
    }

    /// Adds a term that is known exactly, with its gradient: the closed-form entropy or Kullback–Leibler
    /// term of an evidence lower bound. Value and gradient change, but their error bars do not.
    ///
    /// # Errors
    /// [`Error::Length`] if the gradient does not have one number per parameter; nothing has changed then.
    ///
    /// ```
    /// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
    /// use reparam::prelude::*;
    ///
    /// // ELBO = E_q[f] + H(q).
    /// let q = Normal::new(&[0.0], &[2.0])?;
    /// let f = |z: &[f64]| -0.5 * z[0] * z[0];
    /// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    /// let mut elbo = ScoreFunction::new().estimate(&q, &f, 1000, &mut rng)?;
    /// let before = elbo.clone();
    /// let mut gradient = [0.0; 2];
    /// q.entropy_gradient(&mut gradient);
    /// elbo.add_exact(q.entropy(), &gradient)?;
    /// assert_eq!(elbo.gradient()[1], before.gradient()[1] + 0.5); // ∂H/∂σ = 1/σ
    /// assert_eq!(elbo.standard_error(), before.standard_error());
    /// # Ok::<(), reparam::Error>(())
    /// ```
    pub fn add_exact(&mut self, value: f64, gradient: &[T]) -> Result<(), Error> {
        check_len("gradient", self.gradient.len(), gradient.len())?;
        self.value.mean[0] += value;
        for ((total, mean), &exact) in self.gradient.iter_mut().zip(&mut self.moments.mean).zip(gradient) {
            *mean += exact.f64();
            *total = T::of(*mean);
        }
        Ok(())
    }

    /// Joins an independent estimate of the same gradient: the result is the estimate from all gradient
    /// samples together.
    ///
    /// # Errors
    /// [`Error::Merge`] if the parameters differ in name or number; nothing has changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.layout != other.layout {
            return Err(Error::Merge { what: "layouts" });
        }
        self.moments.merge(&other.moments)?;
        self.value.merge(&other.value)?;
        self.evaluations += other.evaluations;
        self.finish();
        Ok(())
    }
}

fn signal_to_noise(mean: f64, variance: f64) -> f64 {
    if mean == 0.0 { 0.0 } else { mean.abs() / variance.sqrt() }
}

/// A table with one line for the objective and one per parameter; `{:#}` shows every parameter instead of
/// the first twenty. Numbers of ordinary size are written plainly, others in scientific notation. The
/// precision is that of the mantissa: `{:.3}` shows four digits.
impl<T: Real> fmt::Display for GradientEstimate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_table(f, |x, digits| {
            let exponent = if x == 0.0 { 0.0 } else { x.abs().log10().floor() };
            if x.is_finite() && (-4.0..7.0).contains(&exponent) {
                format!("{x:.*}", (digits as f64 - exponent).max(0.0) as usize)
            } else {
                format!("{x:.digits$e}")
            }
        })
    }
}

/// The same table with all numbers in scientific notation.
impl<T: Real> fmt::LowerExp for GradientEstimate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_table(f, |x, digits| format!("{x:.digits$e}"))
    }
}

impl<T: Real> GradientEstimate<T> {
    fn write_table(&self, f: &mut fmt::Formatter<'_>, number: fn(f64, usize) -> String) -> fmt::Result {
        let digits = f.precision().unwrap_or(4);
        let number = |x: f64| number(x, digits);
        let width = digits + 8;
        writeln!(
            f,
            "E[f] = {} ± {}   ({} gradient samples, {} evaluations)",
            number(self.value()),
            number(self.value_standard_error()),
            self.samples(),
            self.evaluations,
        )?;
        writeln!(
            f,
            "{:<16}{:>width$}{:>width$}{:>width$}{:>width$}",
            "parameter", "gradient", "std.error", "variance", "SNR"
        )?;
        let (variance, error, ratio) = (self.variance(), self.standard_error(), self.signal_to_noise());
        let shown = if f.alternate() { self.gradient.len() } else { self.gradient.len().min(20) };
        for i in 0..shown {
            let name =
                self.layout.locate(i).map_or(String::new(), |(name, index)| format!("{name}[{index}]"));
            writeln!(
                f,
                "{name:<16}{:>width$}{:>width$}{:>width$}{:>width$}",
                number(self.moments.mean[i]),
                number(error[i]),
                number(variance[i]),
                number(ratio[i]),
            )?;
        }
        if shown < self.gradient.len() {
            writeln!(f, "… and {} more", self.gradient.len() - shown)?;
        }
        write!(
            f,
            "norm {}   total variance {}   SNR {}",
            number(self.norm()),
            number(self.total_variance()),
            number(self.total_signal_to_noise()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Domain;

    fn estimate(rows: &[f64], values: &[f64]) -> GradientEstimate<f64> {
        let layout = Layout::new(&[("mu", 1, Domain::Real), ("sigma", 1, Domain::Positive)]);
        let mut estimate = GradientEstimate::empty();
        estimate.reset(&layout);
        for (row, &value) in rows.chunks(2).zip(values) {
            let (mut gradient, mut values) = (ShiftedSums::default(), ShiftedSums::default());
            for (sums, row) in [(&mut gradient, row), (&mut values, &[value][..])] {
                sums.resize(row.len(), 1);
                sums.add(row, true);
            }
            for (moments, sums) in estimate.more(1).into_iter().zip([gradient, values]) {
                moments.absorb(1, &sums);
            }
        }
        estimate.finish();
        estimate
    }

    #[test]
    fn moments_are_those_of_the_textbook() {
        let e = estimate(&[1.0, 10.0, 3.0, 10.0, 8.0, 10.0], &[1.0, 2.0, 3.0]);
        assert_eq!(e.gradient(), [4.0, 10.0]);
        assert_eq!(e.variance(), [13.0, 0.0]);
        assert_eq!(e.total_variance(), 13.0);
        assert_eq!(e.variance_per_evaluation(), 13.0);
        assert_eq!(e.standard_error(), [(13.0f64 / 3.0).sqrt(), 0.0]);
        assert_eq!(e.signal_to_noise(), [4.0 / 13.0f64.sqrt(), f64::INFINITY]);
        assert_eq!((e.value(), e.value_standard_error()), (2.0, (1.0f64 / 3.0).sqrt()));
        // t with 2 degrees of freedom at 95 %: 4.302652729911275.
        let (low, high) = e.confidence_interval(0.95).unwrap()[0];
        let half = 4.302_652_729_911_275 * (13.0f64 / 3.0).sqrt();
        assert!((low - (4.0 - half)).abs() < 1e-9 && (high - (4.0 + half)).abs() < 1e-9);
    }

    #[test]
    fn merged_estimates_equal_the_estimate_of_all_samples() {
        let rows = [1.0, 10.0, 3.0, -2.0, 8.0, 0.5, 1e3, 7.0];
        let values = [1.0, 2.0, 3.0, -4.0];
        let whole = estimate(&rows, &values);
        let mut pieces = estimate(&rows[..2], &values[..1]);
        pieces.merge(&estimate(&rows[2..], &values[1..])).unwrap();
        assert_eq!(pieces.samples(), 4);
        assert_eq!(pieces.evaluations(), 4);
        for (a, b) in pieces.variance().iter().zip(whole.variance()) {
            assert!((a - b).abs() <= 1e-12 * b);
        }
        for (a, b) in pieces.gradient().iter().zip(whole.gradient()) {
            assert!((a - b).abs() <= 1e-12 * b.abs());
        }
        assert!((pieces.value() - whole.value()).abs() < 1e-15);
    }

    #[test]
    fn merging_different_parameters_is_refused_and_changes_nothing() {
        let mut e = estimate(&[1.0, 2.0], &[1.0]);
        let before = e.clone();
        let layout = Layout::new(&[("rate", 2, Domain::Positive)]);
        let mut other = GradientEstimate::empty();
        other.reset(&layout);
        assert_eq!(e.merge(&other), Err(Error::Merge { what: "layouts" }));
        assert_eq!(e, before);
    }

    #[test]
    fn one_sample_says_nothing_about_its_error() {
        let e = estimate(&[1.0, 2.0], &[1.0]);
        assert_eq!(e.variance(), [f64::INFINITY; 2]);
        assert_eq!(e.confidence_interval(0.9).unwrap()[0], (f64::NEG_INFINITY, f64::INFINITY));
        assert!(!format!("{e}").contains("NaN"));
    }

    #[test]
    fn a_mean_whose_square_overflows_has_a_variance() {
        let e = estimate(&[1e300, -1e300, 1e300, -1e300], &[1e300, 1e300]);
        assert_eq!((e.gradient(), e.variance()), ([1e300, -1e300].as_slice(), vec![0.0; 2]));
        assert_eq!(e.value_standard_error(), 0.0);
    }

    #[test]
    fn a_level_outside_the_unit_interval_is_refused() {
        let e = estimate(&[1.0, 2.0], &[1.0]);
        for level in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(matches!(e.confidence_interval(level), Err(Error::Option { option: "level", .. })));
        }
    }

    #[test]
    fn the_table_names_every_parameter() {
        let table = format!("{:.2}", estimate(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0]));
        assert!(table.contains("mu[0]") && table.contains("sigma[0]") && table.contains(" 2.00 "), "{table}");
        let table = format!("{:.2e}", estimate(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0]));
        assert!(table.contains("mu[0]") && table.contains("2.00e0"), "{table}");
    }
}
