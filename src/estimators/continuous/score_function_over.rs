//! The score-function estimator over a source of noise.

use rand::Rng;

use crate::distribution::{LogDensity, Reparameterizable};
use crate::error::Error;
use crate::estimator::{Block, BlockShape, GradientEstimator};
use crate::estimators::continuous::over;
use crate::estimators::with_explicit::TotalGradient;
use crate::noise::NoiseSource;
use crate::objective::{Objective, ParametricObjective};
use crate::real::Real;

/// The score-function estimator over the points of a [noise source](crate::noise): `1/n Σᵢ (f(zᵢ) − b) ∇_θ log p_θ(zᵢ)` with
/// `zᵢ = g(θ, εᵢ)` is one gradient sample.
///
/// - **Unbiased** where [`ScoreFunction`](crate::estimators::ScoreFunction) is, since every point by itself has the law of the noise. The constant b
///   must not come from the points themselves; a leave-one-out baseline would be biased here, where points depend on each other.
/// - **Needs** a distribution that is [`Reparameterizable`] (the source's noise makes the draws) and has a [`LogDensity`], and an
///   [`Objective`]. A parameter that moves the support is refused by name.
/// - **Costs** n evaluations of f and n scores, n = the source's points, streamed through fixed buffers however many they are.
/// - **Variance** is that of the mean over the points, as the source makes them depend on each other; an integrand that grows like the score
///   gains less from [`ScrambledSobol`](crate::noise::ScrambledSobol) than the pathwise one.
/// - **Use it** where f has no gradient, z is continuous, and f is cheap enough for many points.
///
/// Glynn 1990, doi:10.1145/84537.84552; over point sets Buchholz, Wenzel & Mandt 2018, arXiv:1807.01604, section 3.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[0.0], &[1.0])?;
/// let above = |z: &[f64]| if z[0] > 1.0 { 1.0 } else { 0.0 };
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut estimator = ScoreFunctionOver::new(ScrambledSobol::new(10)?);
/// let estimate = estimator.estimate(&normal, &above, 16, &mut rng)?;
/// let density = 0.241_970_724_519_143_37; // the exact derivative: the normal density at 1
/// assert!((estimate.gradient()[0] - density).abs() < 4.0 * estimate.standard_error()[0]);
/// assert!(estimate.standard_error()[0] < 1e-3);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// An error that names a draw counts it from the first of the rows that were in the buffers, where the points do not fit all at once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScoreFunctionOver<S> {
    source: S,
    constant: f64,
}

impl<S> ScoreFunctionOver<S> {
    /// Over the points of this source, with nothing subtracted.
    #[must_use]
    pub fn new(source: S) -> Self {
        Self { source, constant: 0.0 }
    }

    /// With this constant b as the baseline: `E[f]`, if it is known, or an earlier estimate of it.
    #[must_use]
    pub fn with_constant(self, constant: f64) -> Self {
        Self { constant, ..self }
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }
}

impl<T, D, F, S> GradientEstimator<T, D, F> for ScoreFunctionOver<S>
where
    T: Real,
    D: Reparameterizable<T> + LogDensity<T> + ?Sized,
    F: Objective<T> + ?Sized,
    S: NoiseSource<T, D>,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        over::shape(&self.source, distribution, BlockShape::default())
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        distribution.layout().check_score()?;
        if !self.constant.is_finite() {
            let (value, expected) = (self.constant, "a finite number");
            return Err(Error::Option { option: "baseline", value, expected });
        }
        self.source.check(distribution)
    }

    fn check_samples(&self, _distribution: &D, samples: usize) -> Result<(), Error> {
        over::check_samples(&self.source, samples)
    }

    fn gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        block: Block<'_, T>,
        rng: &mut R,
    ) {
        self.make(distribution, objective, block, rng, |_, _| {});
    }
}

impl<S> ScoreFunctionOver<S> {
    /// The gradient samples, `explicit(z, gradients)` added to the gradients of all rows.
    fn make<T, D, F, R>(
        &self,
        distribution: &D,
        objective: &F,
        block: Block<'_, T>,
        rng: &mut R,
        mut explicit: impl FnMut(&[T], &mut [T]),
    ) where
        T: Real,
        D: Reparameterizable<T> + LogDensity<T> + ?Sized,
        F: Objective<T> + ?Sized,
        S: NoiseSource<T, D>,
        R: Rng + ?Sized,
    {
        let (constant, params) = (T::of(self.constant), distribution.params().len());
        over::gradient_samples(
            &self.source,
            distribution,
            block,
            rng,
            |noise, z, values, _| {
                distribution.transform_block(noise, z);
                objective.value_block(z, distribution.dim(), values);
            },
            |rows, gradients| {
                distribution.score_block(rows.z, gradients);
                for (scores, &value) in gradients.chunks_exact_mut(params).zip(rows.values) {
                    for g in scores {
                        *g *= value - constant;
                    }
                }
                explicit(rows.z, gradients);
            },
        );
    }
}

impl<T, D, F, S> TotalGradient<T, D, F> for ScoreFunctionOver<S>
where
    T: Real,
    D: Reparameterizable<T> + LogDensity<T> + ?Sized,
    F: ParametricObjective<T> + ?Sized,
    S: NoiseSource<T, D>,
{
    /// Of every point, in whatever parts they come.
    fn total_gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        block: Block<'_, T>,
        rng: &mut R,
    ) {
        self.make(distribution, objective, block, rng, over::explicit(distribution, objective));
    }
}
