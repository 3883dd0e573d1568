//! Which of two estimators has the lower variance.

use rand::Rng;

use crate::distribution::Distribution;
use crate::engine::Estimate;
use crate::error::Error;
use crate::estimator::GradientEstimator;
use crate::objective::Objective;
use crate::real::Real;
use crate::special::student_t_integer_quantile;

/// The ratio of two estimators' variances, with an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceRatio {
    /// Total variance of one gradient sample of the first estimator, divided by that of the second.
    pub ratio: f64,
    /// The ends of the confidence interval of the ratio.
    pub interval: (f64, f64),
    /// The factor for ratio and interval in a comparison at the same number of evaluations of the
    /// objective: evaluations per gradient sample of the first, divided by those of the second.
    pub evaluations: f64,
}

impl VarianceRatio {
    /// The ratio at the same number of evaluations of the objective.
    #[must_use]
    pub fn per_evaluation(&self) -> f64 {
        self.ratio * self.evaluations
    }

    /// Whether the first has the lower variance per gradient sample, at the level of the interval.
    #[must_use]
    pub fn is_less(&self) -> bool {
        self.interval.1 < 1.0
    }

    /// Whether a claimed ratio is within the interval.
    #[must_use]
    pub fn allows(&self, ratio: f64) -> bool {
        self.interval.0 <= ratio && ratio <= self.interval.1
    }
}

/// Compares the total variance of one gradient sample of two estimators. Each makes `batches` estimates of
/// `samples` gradient samples, and every estimate gives one variance; the interval is Student's, for the
/// logarithm of the ratio of the mean variances.
///
/// A claim about variance is tested by the variance, not by how far a mean is off. The interval assumes
/// that the batches' variances are normal: where rare gradient samples make the variance, longer batches
/// help. An infinite variance shows as an interval that does not shrink.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
/// use reparam::verify::VarianceRatioTest;
///
/// let normal = Normal::new(&[1.0], &[0.5])?;
/// let f = |z: &[f64]| z[0] * z[0];
/// let mut two = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 2 });
/// let mut plain = ScoreFunction::new();
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let test = VarianceRatioTest { level: 0.999, ..VarianceRatioTest::default() };
/// let found = test.run(&mut two, &mut plain, &normal, &f, &mut rng)?;
/// assert!(found.is_less());
/// assert_eq!(found.evaluations, 2.0); // it costs twice as much, and is still better
/// assert!(found.per_evaluation() < 1.0);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceRatioTest {
    /// Estimates of each estimator, at least 2; 32 by default.
    pub batches: usize,
    /// Gradient samples per estimate, at least 2; 2,000 by default.
    pub samples: usize,
    /// Level of the interval, strictly between 0 and 1; 0.95 by default.
    pub level: f64,
}

impl Default for VarianceRatioTest {
    fn default() -> Self {
        Self { batches: 32, samples: 2000, level: 0.95 }
    }
}

impl VarianceRatioTest {
    /// Makes the estimates, and compares.
    ///
    /// # Errors
    /// [`Error::Option`] for fewer than 2 batches, fewer than 2 gradient samples per batch, or a level that
    /// is not strictly between 0 and 1; those of [`estimate`](Estimate::estimate).
    pub fn run<T, A, B, D, F, R>(
        &self,
        first: &mut A,
        second: &mut B,
        distribution: &D,
        objective: &F,
        rng: &mut R,
    ) -> Result<VarianceRatio, Error>
    where
        T: Real,
        D: Distribution<T> + ?Sized,
        F: Objective<T> + ?Sized,
        A: GradientEstimator<T, D, F> + ?Sized,
        B: GradientEstimator<T, D, F> + ?Sized,
        R: Rng + ?Sized,
    {
        for (option, value) in [("batches", self.batches), ("samples", self.samples)] {
            if value < 2 {
                return Err(Error::Option { option, value: value as f64, expected: "at least 2" });
            }
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            let expected = "a number strictly between 0 and 1";
            return Err(Error::Option { option: "level", value: self.level, expected });
        }
        let a = spread(first, distribution, objective, self.batches, self.samples, rng)?;
        let b = spread(second, distribution, objective, self.batches, self.samples, rng)?;
        let error = a.relative_error.hypot(b.relative_error);
        let tail = 0.5 * (1.0 - self.level);
        let half = error * student_t_integer_quantile(tail, self.batches as u64 - 1).abs();
        let ratio = a.mean / b.mean;
        let evaluations = first.evaluations(distribution) as f64 / second.evaluations(distribution) as f64;
        Ok(VarianceRatio { ratio, interval: (ratio * (-half).exp(), ratio * half.exp()), evaluations })
    }
}

/// The mean of the batches' total variances, and its relative standard error.
struct Spread {
    mean: f64,
    relative_error: f64,
}

fn spread<T, E, D, F, R>(
    estimator: &mut E,
    distribution: &D,
    objective: &F,
    batches: usize,
    samples: usize,
    rng: &mut R,
) -> Result<Spread, Error>
where
    T: Real,
    D: Distribution<T> + ?Sized,
    F: Objective<T> + ?Sized,
    E: GradientEstimator<T, D, F> + ?Sized,
    R: Rng + ?Sized,
{
    let mut variances = Vec::with_capacity(batches);
    for _ in 0..batches {
        variances.push(estimator.estimate(distribution, objective, samples, rng)?.total_variance());
    }
    let n = batches as f64;
    let mean = variances.iter().sum::<f64>() / n;
    let squares: f64 = variances.iter().map(|v| (v - mean).powi(2)).sum();
    let relative_error = if mean == 0.0 { 0.0 } else { (squares / (n - 1.0) / n).sqrt() / mean };
    Ok(Spread { mean, relative_error })
}
