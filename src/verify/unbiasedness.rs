//! Whether an estimator is unbiased, with both error rates.

use std::fmt;

use rand::Rng;

use crate::distribution::Distribution;
use crate::engine::Estimate;
use crate::error::{Error, check_len};
use crate::estimate::{GradientEstimate, Moments};
use crate::estimator::GradientEstimator;
use crate::objective::Objective;
use crate::real::Real;
use crate::special::{normal_quantile, student_t_cdf, student_t_integer_quantile};

/// A test of an estimator against a known gradient, with two error rates: how often it accuses an unbiased
/// estimator (of all parameters together), and how often it misses a bias of the size that it reports.
///
/// **Test.** The error of the mean of n gradient samples, in standard errors, follows Student's t with
/// n − 1 degrees of freedom; with P parameters, each is tested at a false-alarm rate of α/P (Bonferroni).
/// **Power.** A bias of `(t(1 − α/2P) + z(1 − β))` standard errors in one parameter is missed with
/// probability at most β. It is reported as [`detectable_bias`](Unbiasedness::detectable_bias), so a pass
/// says how small a bias would have been seen. It falls as 1/√n; [`samples_for`](Self::samples_for) says
/// how many gradient samples a given bias takes.
///
/// Both rates assume that the mean is normal: use some thousand gradient samples, and more where rare ones
/// make the variance. Look once, at the end: a test that is repeated until it passes has another
/// false-alarm rate.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
/// use reparam::verify::UnbiasednessTest;
///
/// let relaxed = BinaryConcrete::new(&[0.5], 0.5)?; // in the place of a bit
/// let square = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
///     if let Some(dz) = dz {
///         dz[0] = 2.0 * (z[0] - 0.45);
///     }
///     (z[0] - 0.45) * (z[0] - 0.45)
/// });
/// let p = 1.0 / (1.0 + (-0.5f64).exp());
/// let exact = [p * (1.0 - p) * 0.1]; // of the bit: f(1) − f(0) = 0.1
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let test = UnbiasednessTest::new(1e-6, 1e-3)?;
/// let result = test.run(&mut Pathwise, &relaxed, &square, &exact, 20_000, &mut rng)?;
/// assert!(!result.passes()); // a relaxation is biased for the bit, and the test sees it
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnbiasednessTest {
    false_alarm: f64,
    missed: f64,
}

impl UnbiasednessTest {
    /// With the rate of false alarms α, over all parameters, and the rate β at which a bias of the reported
    /// size is missed.
    ///
    /// # Errors
    /// [`Error::Option`] for a rate that is not strictly between 0 and ½.
    pub fn new(false_alarm: f64, missed: f64) -> Result<Self, Error> {
        for (option, value) in [("false_alarm", false_alarm), ("missed", missed)] {
            if !(value > 0.0 && value < 0.5) {
                let expected = "a rate strictly between 0 and 1/2";
                return Err(Error::Option { option, value, expected });
            }
        }
        Ok(Self { false_alarm, missed })
    }

    /// The bound of a test, and the detectable bias, in standard errors.
    fn bounds(&self, parameters: usize, samples: u64) -> (f64, f64) {
        let tail = 0.5 * self.false_alarm / parameters.max(1) as f64;
        let bound = -student_t_integer_quantile(tail, samples.saturating_sub(1));
        (bound, bound - normal_quantile(self.missed))
    }

    /// The number of gradient samples that it takes to see a bias of this size in a parameter whose
    /// gradient sample has this variance.
    ///
    /// # Errors
    /// [`Error::Option`] for a bias that is not a finite number above 0.
    pub fn samples_for(&self, bias: f64, variance: f64, parameters: usize) -> Result<u64, Error> {
        if !(bias > 0.0 && bias.is_finite()) {
            return Err(Error::Option { option: "bias", value: bias, expected: "a finite number above 0" });
        }
        let (_, detectable) = self.bounds(parameters, u64::MAX);
        Ok((variance * (detectable / bias).powi(2)).ceil().max(2.0) as u64)
    }

    /// Makes an estimate of this many gradient samples, and judges it.
    ///
    /// # Errors
    /// Those of [`estimate`](crate::Estimate::estimate) and [`judge`](Self::judge).
    pub fn run<T, E, D, F, R>(
        &self,
        estimator: &mut E,
        distribution: &D,
        objective: &F,
        exact: &[f64],
        samples: usize,
        rng: &mut R,
    ) -> Result<Unbiasedness, Error>
    where
        T: Real,
        D: Distribution<T> + ?Sized,
        F: Objective<T> + ?Sized,
        E: GradientEstimator<T, D, F> + ?Sized,
        R: Rng + ?Sized,
    {
        check_len("the exact gradient", distribution.params().len(), exact.len())?;
        self.judge(&estimator.estimate(distribution, objective, samples, rng)?, exact)
    }

    /// Judges an estimate that has been made.
    ///
    /// # Errors
    /// [`Error::Length`] if the exact gradient does not have one number per parameter, [`Error::Option`]
    /// for an estimate of fewer than two gradient samples, which says nothing about its variance.
    pub fn judge<T: Real>(
        &self,
        estimate: &GradientEstimate<T>,
        exact: &[f64],
    ) -> Result<Unbiasedness, Error> {
        let moments: &Moments = estimate.moments();
        check_len("the exact gradient", moments.mean().len(), exact.len())?;
        if moments.count() < 2 {
            let value = moments.count() as f64;
            return Err(Error::Option { option: "samples", value, expected: "at least 2" });
        }
        let errors = moments.standard_error();
        let deviation = |((&mean, &exact), &error): ((&f64, &f64), &f64)| {
            // A gradient sample without variance is right or wrong; its last digits are rounding.
            let off = mean - exact;
            let rounding = 16.0 * T::epsilon().f64() * exact.abs().max(mean.abs());
            if off.abs() <= rounding { 0.0 } else { off / error.max(f64::MIN_POSITIVE) }
        };
        let deviations: Vec<f64> = moments.mean().iter().zip(exact).zip(&errors).map(deviation).collect();
        let (bound, detectable) = self.bounds(exact.len(), moments.count());
        Ok(Unbiasedness {
            samples: moments.count(),
            bound,
            detectable_bias: errors.iter().map(|error| detectable * error).collect(),
            deviations,
        })
    }
}

/// What an [`UnbiasednessTest`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Unbiasedness {
    /// The number of gradient samples.
    pub samples: u64,
    /// Estimate minus exact gradient, parameter by parameter, in standard errors.
    pub deviations: Vec<f64>,
    /// The deviation above which a parameter is called biased.
    pub bound: f64,
    /// The bias of each parameter that the test misses only at the stated rate.
    pub detectable_bias: Vec<f64>,
}

impl Unbiasedness {
    /// Whether no parameter looks biased.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.biased().next().is_none()
    }

    /// The flat indices of the parameters that look biased.
    pub fn biased(&self) -> impl Iterator<Item = usize> + '_ {
        self.deviations.iter().enumerate().filter(|(_, d)| d.abs() > self.bound).map(|(i, _)| i)
    }

    /// The probability that an unbiased estimator is at least as far off as this one, in any parameter
    /// (Bonferroni's bound).
    #[must_use]
    pub fn p_value(&self) -> f64 {
        let largest = self.deviations.iter().fold(0.0, |most: f64, d| most.max(d.abs()));
        two_sided(largest, self.samples - 1, self.deviations.len())
    }
}

impl fmt::Display for Unbiasedness {
    /// The verdict in one line, and one line for each parameter that looks biased.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passes() { "no bias seen" } else { "BIASED" };
        let largest = self.detectable_bias.iter().copied().fold(0.0, f64::max);
        write!(
            f,
            "{verdict}: {} gradient samples, {} parameters, p = {:.2e}; a bias of {largest:.2e} would have been seen",
            self.samples,
            self.deviations.len(),
            self.p_value(),
        )?;
        for i in self.biased() {
            write!(
                f,
                "\n  parameter {i}: off by {:.1} standard errors (bound {:.1})",
                self.deviations[i], self.bound
            )?;
        }
        Ok(())
    }
}

/// The probability that the largest of `many` deviations, in standard errors with these degrees of freedom,
/// is at least `largest`; at most 1.
pub(super) fn two_sided(largest: f64, degrees: u64, many: usize) -> f64 {
    (2.0 * many as f64 * student_t_cdf(-largest, degrees.max(1) as f64)).min(1.0)
}
