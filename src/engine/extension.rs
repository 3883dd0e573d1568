//! `estimate`, on every estimator.

use rand::Rng;

use super::Engine;
use crate::distribution::Distribution;
use crate::error::Error;
use crate::estimate::GradientEstimate;
use crate::estimator::GradientEstimator;
use crate::objective::Objective;
use crate::real::Real;

/// The averages of an estimator's gradient samples, as methods of every [`GradientEstimator`], including
/// boxed ones.
///
/// It is a separate trait, so that the rule is object-safe: a list of estimators, chosen by name, is a
/// `Vec<Box<dyn GradientEstimator<f64, D, F>>>`.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// fn by_name<F: Objective<f64>>(name: &str) -> Option<Box<dyn GradientEstimator<f64, Bernoulli<f64>, F>>> {
///     Some(match name {
///         "score" => Box::new(ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 })),
///         "disarm" => Box::new(DisArm),
///         "exact" => Box::new(Enumerate),
///         _ => return None,
///     })
/// }
///
/// let bits = Bernoulli::from_logits(&[0.5, -1.0])?;
/// let f = |b: &[f64]| (b[0] - 0.4).powi(2) + b[0] * b[1];
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// for name in ["score", "disarm", "exact"] {
///     let mut estimator = by_name(name).expect("a known name");
///     let estimate = estimator.estimate(&bits, &f, 1000, &mut rng)?;
///     println!("{name}: {:?} ± {:?}", estimate.gradient(), estimate.standard_error());
/// }
/// # Ok::<(), reparam::Error>(())
/// ```
pub trait Estimate<T, D, F>: GradientEstimator<T, D, F>
where
    T: Real,
    D: Distribution<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    /// Averages `samples` gradient samples.
    ///
    /// The same estimator state, distribution, objective and generator state give the same bits. Memory
    /// does not grow with `samples`. The method takes `&mut self` because some estimators have a memory:
    /// they use what they knew before the call, and learn after it.
    ///
    /// # Errors
    /// [`Error::ZeroSamples`]; what [`check`](GradientEstimator::check),
    /// [`check_objective`](GradientEstimator::check_objective) and
    /// [`check_samples`](GradientEstimator::check_samples) refuse; [`Error::ExplicitGradient`] for an
    /// objective that depends on θ directly, where the estimator cannot add that term; what
    /// [`gradient_samples`](GradientEstimator::gradient_samples) reports; and, once its block is complete,
    /// the first non-finite number with the index of its sample: [`Error::NonFiniteTransform`],
    /// [`Error::NonFiniteObjective`], [`Error::NonFiniteObjectiveGradient`], [`Error::NonFiniteGradient`].
    fn estimate<R: Rng + ?Sized>(
        &mut self,
        distribution: &D,
        objective: &F,
        samples: usize,
        rng: &mut R,
    ) -> Result<GradientEstimate<T>, Error> {
        let mut engine = Engine::new();
        engine.estimate(self, distribution, objective, samples, rng)?;
        Ok(engine.into_estimate())
    }

    /// [`estimate`](Self::estimate) on all threads of the current `rayon` pool: **the same bits**, whatever
    /// the number of threads, and the same error where there is one. Needs the feature `rayon`, and an
    /// estimator, a distribution and an objective that threads may share.
    ///
    /// It pays off from about 0.1 ms on, and in proportion to the number of threads from some milliseconds
    /// on. The caller's thread alone makes a shorter estimate, at the cost of `estimate`. A thread takes
    /// whole blocks of gradient samples: with fewer blocks than threads, some threads are idle. A program
    /// that makes several estimates can as well run them in parallel, which costs less. Memory is that of
    /// `estimate` for every thread, and does not grow with `samples`.
    ///
    /// The generator is left as `estimate` leaves it, except after an error in a number: by then it may
    /// have seeded further blocks.
    ///
    /// # Errors
    /// Those of [`estimate`](Self::estimate).
    ///
    /// ```
    /// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
    /// use reparam::prelude::*;
    ///
    /// let normal = Normal::new(&[1.0; 50], &[0.5; 50])?;
    /// let f = |z: &[f64]| z.iter().map(|z| z.cos()).sum::<f64>();
    /// let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    /// let one = estimator.estimate(&normal, &f, 5000, &mut Xoshiro256PlusPlus::seed_from_u64(1))?;
    /// let many = estimator.par_estimate(&normal, &f, 5000, &mut Xoshiro256PlusPlus::seed_from_u64(1))?;
    /// assert_eq!(one, many);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    #[cfg(feature = "rayon")]
    fn par_estimate<R: Rng + ?Sized>(
        &mut self,
        distribution: &D,
        objective: &F,
        samples: usize,
        rng: &mut R,
    ) -> Result<GradientEstimate<T>, Error>
    where
        Self: Sync,
        D: Sync,
        F: Sync,
    {
        let mut engine = Engine::new();
        engine.par_estimate(self, distribution, objective, samples, rng)?;
        Ok(engine.into_estimate())
    }
}

impl<T, D, F, E> Estimate<T, D, F> for E
where
    T: Real,
    D: Distribution<T> + ?Sized,
    F: Objective<T> + ?Sized,
    E: GradientEstimator<T, D, F> + ?Sized,
{
}
