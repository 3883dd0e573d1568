//! The gradient at the hard draw, through the relaxation behind it.

use crate::distribution::Relaxable;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::biased::relaxing::{add_relaxed_slopes, check_scalar_temperature, perturb};
use crate::objective::{DifferentiableObjective, Evaluator};
use crate::real::Real;

/// Straight-through Gumbel-Softmax: f and its gradient at the hard draw z, with the gradient pulled back
/// through the relaxed draw behind it, `∇f(z) · ∂x/∂θ`.
///
/// With noise g, `z = one-hot(argmax(l + g))` and `x = softmax((l + g)/τ)`; a bit has `z = 1[l + ε > 0]`
/// and `x = σ((l + ε)/τ)` with logistic ε.
///
/// - **BIASED** for the discrete objective `E[f(z)]`, and for every relaxed one. For one bit, as τ → 0, the
///   mean tends to that of [`ReinMax`](crate::estimators::ReinMax), `p (1 − p) (f′(0) + f′(1))/2`: the bias
///   of a quadratic f vanishes, the terms of third order stay.
/// - **Needs** [`Relaxable`] bits or categories and a [`DifferentiableObjective`], which is only evaluated
///   at the corners.
/// - **Costs** one evaluation of value and gradient.
/// - **Variance** grows as `1/τ`. [`GumbelRao`](crate::estimators::GumbelRao) has the same mean and a lower
///   variance.
/// - **Use it** where f must see hard draws. Where it may see soft ones,
///   [`GumbelSoftmax`](crate::distributions::GumbelSoftmax) through
///   [`Pathwise`](crate::estimators::Pathwise) has a bias that vanishes with τ.
///
/// The value reported is f at the hard draw. The perturbed logits stay logarithms: no temperature and no
/// finite logit gives NaN. Jang, Gu & Poole 2017, arXiv:1611.01144, section 2.2.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let row = Categorical::from_logits(&[0.0, 1.0, -1.0], 3)?;
/// // linear: no bias to see
/// let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
///     if let Some(dz) = dz {
///         dz.copy_from_slice(&[1.0, 2.0, 4.0]);
///     }
///     z[0] + 2.0 * z[1] + 4.0 * z[2]
/// });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut estimator = StraightThroughGumbelSoftmax::new(1.0);
/// let estimate = estimator.estimate(&row, &f, 10_000, &mut rng)?;
/// let exact = Enumerate.estimate(&row, &f, 1, &mut rng)?;
/// assert!((estimate.value() - exact.value()).abs() < 4.0 * estimate.value_standard_error());
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StraightThroughGumbelSoftmax {
    tau: f64,
}

impl StraightThroughGumbelSoftmax {
    /// With a temperature τ. One that is not above 0 is refused with [`Error::Option`] before the first
    /// draw.
    #[must_use]
    pub fn new(temperature: f64) -> Self {
        Self { tau: temperature }
    }

    /// τ.
    #[must_use]
    pub fn temperature(&self) -> f64 {
        self.tau
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for StraightThroughGumbelSoftmax
where
    T: Real,
    D: Relaxable<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        BlockShape::of_own_draws(1).with_noise(distribution.dim()).with_objective_gradient()
    }

    fn check(&self, _: &D) -> Result<(), Error> {
        check_scalar_temperature::<T>(self.tau)
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, tau) = (distribution.dim(), T::of(self.tau));
        perturb(distribution, rng, block.noise, block.z);
        objective.value_and_gradient_block(block.z, dim, block.values, block.dz);
        block.gradients.fill(T::zero());
        let draws = block.noise.chunks_exact_mut(dim).zip(block.dz.chunks_exact(dim));
        for ((perturbed, dz), gradient) in draws.zip(block.gradients.chunks_exact_mut(dim)) {
            add_relaxed_slopes(distribution, tau, perturbed, dz, T::one(), gradient);
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }
}
