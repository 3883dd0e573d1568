//! The pathwise (reparameterization) estimator.

use crate::distribution::{Draws, DrawsMut, Reparameterizable};
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::continuous::over::{DrawRule, Over};
use crate::objective::{DifferentiableObjective, Evaluator};
use crate::real::Real;

/// The pathwise estimator, or reparameterization trick: `∇_θ E[f(z)] = E[(∂g/∂θ)ᵀ ∇f(z)]` with `z = g(θ, ε)`.
///
/// - **Unbiased** for an objective that is differentiable almost everywhere *and continuous* (a jump of f
///   carries gradient that no derivative of f sees: use [`ScoreFunction`](crate::estimators::ScoreFunction)
///   there).
/// - **Needs** a [`Reparameterizable`] distribution and a [`DifferentiableObjective`].
/// - **Costs** one evaluation of value and gradient of f, and one pullback, per gradient sample.
/// - **Variance** is bounded by the Lipschitz constant of f, whatever the dimension; for a location
///   parameter it is exactly 0 where f is linear. It is above that of the score function where f oscillates
///   faster than the density varies.
/// - **Use it** wherever it applies, and compare where f is rough.
///
/// Kingma & Welling 2014, arXiv:1312.6114; Rezende, Mohamed & Wierstra 2014, arXiv:1401.4082; for the
/// variance, Mohamed, Rosca, Figurnov & Mnih 2020, arXiv:1906.10652.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[1.0], &[0.5])?;
/// let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
///     if let Some(dz) = dz {
///         dz[0] = 3.0;
///     }
///     3.0 * z[0]
/// });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Pathwise.estimate(&normal, &f, 1000, &mut rng)?;
/// assert_eq!(estimate.gradient()[0], 3.0); // linear: no noise at all
/// assert_eq!(estimate.variance()[0], 0.0);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # Discrete distributions do not compile
///
/// A draw of a [`Bernoulli`](crate::distributions::Bernoulli) or
/// [`Categorical`](crate::distributions::Categorical) is a step function of its noise:
/// `b = 1[u < σ(logit)]`. Its derivative with respect to the logit is 0 almost everywhere, and the jumps,
/// which carry all of the gradient, have probability 0; a "pathwise" estimate would be a confident zero. So
/// these distributions are not `Reparameterizable`, and the compiler refuses this:
///
/// ```compile_fail,E0277
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let bit = Bernoulli::from_logits(&[0.3])?;
/// let f = (|b: &[f64]| b[0], |b: &[f64], db: &mut [f64]| { db[0] = 1.0; b[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// Pathwise.estimate(&bit, &f, 1000, &mut rng)?; // the trait `Reparameterizable` is not implemented for `Bernoulli`
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// Relax the draw with [`BinaryConcrete`](crate::distributions::BinaryConcrete) or
/// [`GumbelSoftmax`](crate::distributions::GumbelSoftmax), or use the score function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pathwise;

impl Pathwise {
    /// Over the points of a [noise source](crate::noise): antithetic pairs, scrambled Sobol points, stored
    /// noise.
    #[must_use]
    pub fn over<S>(self, source: S) -> Over<Self, S> {
        Over::new(self, source)
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for Pathwise
where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        BlockShape::of_own_draws(1).with_noise(distribution.noise_dim()).with_objective_gradient()
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let draws = DrawsMut { z: block.z, preimage: block.preimage };
        distribution.draw_block(rng, block.noise, draws);
        self.gradients_of_draws(distribution, objective, block)
    }
}

impl<T, D, F> DrawRule<T, D, F> for Pathwise
where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn gradients_of_draws(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
    ) -> Result<(), Error> {
        objective.value_and_gradient_block(block.z, distribution.dim(), block.values, block.dz);
        let draws = Draws { z: block.z, preimage: block.preimage };
        distribution.pullback_block(block.noise, draws, block.dz, block.gradients);
        Ok(())
    }
}
