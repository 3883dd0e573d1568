//! Straight-through Gumbel-Softmax with the noise averaged out.

use crate::distribution::Relaxable;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::biased::relaxing::{add_relaxed_slopes, check_scalar_temperature, perturb_given};
use crate::objective::{DifferentiableObjective, Evaluator};
use crate::real::Real;

/// Gumbel-Rao: one hard draw z, and the Jacobian of the relaxation averaged over K noise vectors that give
/// the same draw: `∇f(z) · 1/K Σₖ ∂x(gₖ)/∂θ`, with gₖ drawn given z and **held fixed** when x is
/// differentiated.
///
/// It is [`StraightThroughGumbelSoftmax`](crate::estimators::StraightThroughGumbelSoftmax),
/// Rao-Blackwellised: its mean is the same for every K, and for K = 1 so is its law.
///
/// - **BIASED** for the discrete objective `E[f(z)]`, with the bias of straight-through Gumbel-Softmax at
///   the same τ.
/// - **Needs** [`Relaxable`] bits or categories and a [`DifferentiableObjective`], which is only evaluated
///   at the corners.
/// - **Costs** one evaluation of value and gradient, K draws of noise and K softmaxes: little where f is
///   expensive.
/// - **Variance** is `a + b/K`: a is the variance of the conditional mean, b is what the noise adds, and is
///   most of the total at small τ.
/// - **Use it** in place of straight-through Gumbel-Softmax; K = 10 to 100 lets τ be lower at the same
///   variance.
///
/// The value reported is f at the hard draw. The perturbed logits stay logarithms: no temperature and no
/// finite logit gives NaN. Paulus, Maddison & Krause 2021, arXiv:2010.04838.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let row = Categorical::from_logits(&[0.0, 1.0, -1.0], 3)?;
/// let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
///     if let Some(dz) = dz {
///         dz.copy_from_slice(&[1.0, 2.0, 4.0]);
///     }
///     z[0] + 2.0 * z[1] + 4.0 * z[2]
/// });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let averaged = GumbelRao::new(0.1, 20).estimate(&row, &f, 5000, &mut rng)?;
/// let plain = StraightThroughGumbelSoftmax::new(0.1).estimate(&row, &f, 5000, &mut rng)?;
/// assert!(averaged.total_variance() < 0.2 * plain.total_variance()); // at one evaluation of f each
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GumbelRao {
    tau: f64,
    inner: usize,
}

impl GumbelRao {
    /// With a temperature τ and K inner draws of noise. A temperature that is not above 0 and K = 0 are
    /// refused with [`Error::Option`] before the first draw.
    #[must_use]
    pub fn new(temperature: f64, inner: usize) -> Self {
        Self { tau: temperature, inner }
    }

    /// τ.
    #[must_use]
    pub fn temperature(&self) -> f64 {
        self.tau
    }

    /// K, the number of inner draws.
    #[must_use]
    pub fn inner(&self) -> usize {
        self.inner
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for GumbelRao
where
    T: Real,
    D: Relaxable<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        BlockShape::of_own_draws(1).with_objective_gradient().with_scratch(distribution.dim())
    }

    fn check(&self, _: &D) -> Result<(), Error> {
        if self.inner == 0 {
            return Err(Error::Option { option: "inner", value: 0.0, expected: "at least 1" });
        }
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
        let weight = T::of(self.inner as f64).recip();
        distribution.sample(rng, block.z);
        objective.value_and_gradient_block(block.z, dim, block.values, block.dz);
        block.gradients.fill(T::zero());
        let draws = block.z.chunks_exact(dim).zip(block.dz.chunks_exact(dim));
        for ((z, dz), gradient) in draws.zip(block.gradients.chunks_exact_mut(dim)) {
            for _ in 0..self.inner {
                perturb_given(distribution, rng, z, block.scratch);
                add_relaxed_slopes(distribution, tau, block.scratch, dz, weight, gradient);
            }
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }
}
