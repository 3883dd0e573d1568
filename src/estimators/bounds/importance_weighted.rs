//! The importance-weighted bound.

use crate::distribution::{
    DifferentiableLogDensity, Draws, DrawsMut, Reparameterizable, pullback_of_draw, score_of_draw,
};
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::bounds::log_ratio::{self, subtract_log_prob};
use crate::estimators::continuous::over::{DrawRule, Over};
use crate::objective::{DifferentiableObjective, Evaluator};
use crate::real::Real;
use crate::special::log_sum_exp;

/// The importance-weighted bound of K draws, `E[ln 1/K Σ wₖ]` with `ln wₖ = f(zₖ) − ln q(zₖ)` for the
/// objective `f = ln p(x, z)`, by one of two pathwise gradients.
///
/// With normalised weights `w̃ₖ = wₖ/Σ w` and `gₖ = (∂zₖ/∂θ)ᵀ (∇f − ∇_z ln q)(zₖ)`:
///
/// - [`plain`](Self::plain): `Σ w̃ₖ (gₖ − ∇_θ ln q(zₖ))`, the total derivative. Its signal-to-noise ratio
///   falls as `K^(−½)`: more draws tighten the bound and drown its gradient in noise.
/// - [`doubly_reparameterized`](Self::doubly_reparameterized): `Σ w̃ₖ² gₖ`. The score is reparameterized
///   once more; the signal-to-noise ratio grows as `K^½`. For K = 1 it is
///   [`StickingTheLanding`](crate::estimators::StickingTheLanding). (Leaving the score out of the plain
///   gradient instead is biased for K > 1.)
///
/// - **Unbiased** for the gradient of the bound, in both forms. **Needs** a [`Reparameterizable`]
///   distribution with [`DifferentiableLogDensity`] and a [`DifferentiableObjective`]. **Costs** K
///   evaluations of value and gradient.
/// - The value reported is the bound of K draws. A parameter that moves the support is refused.
/// - **Use** the doubly reparameterized gradient near the optimum and for large K; far from the optimum,
///   the plain one can have the lower variance.
///
/// Burda, Grosse & Salakhutdinov 2016, arXiv:1509.00519; Tucker, Lawson, Gu & Maddison 2019,
/// arXiv:1810.04152; Rainforth et al. 2018, arXiv:1802.04537.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let q = Normal::new(&[0.4], &[0.8])?;
/// let f = (|z: &[f64]| -z[0] * z[0] + z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = 1.0 - 2.0 * z[0]; -z[0] * z[0] + z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let plain = ImportanceWeighted::plain(16).estimate(&q, &f, 2000, &mut rng)?;
/// let doubly = ImportanceWeighted::doubly_reparameterized(16).estimate(&q, &f, 2000, &mut rng)?;
/// assert!(doubly.total_variance() < 0.1 * plain.total_variance());
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportanceWeighted {
    draws: usize,
    doubly: bool,
}

impl ImportanceWeighted {
    /// The total derivative of the bound of K draws. K = 0 is refused with [`Error::Option`] before the
    /// first draw.
    #[must_use]
    pub fn plain(draws: usize) -> Self {
        Self { draws, doubly: false }
    }

    /// The doubly reparameterized gradient of the bound of K draws. K = 0 is refused with [`Error::Option`]
    /// before the first draw.
    #[must_use]
    pub fn doubly_reparameterized(draws: usize) -> Self {
        Self { draws, doubly: true }
    }

    /// Over the points of a [noise source](crate::noise): each of the K draws takes its own point set.
    #[must_use]
    pub fn over<S>(self, source: S) -> Over<Self, S> {
        Over::new(self, source)
    }

    /// K, the number of draws.
    #[must_use]
    pub fn draws(&self) -> usize {
        self.draws
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for ImportanceWeighted
where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        BlockShape::of_draws(self.draws)
            .with_noise(distribution.noise_dim())
            .with_objective_gradient()
            .with_scratch(log_ratio::scratch(dim).max(params))
            .with_explicit_gradient()
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        if self.draws == 0 {
            return Err(Error::Option { option: "draws", value: 0.0, expected: "at least 1" });
        }
        distribution.layout().check_score()
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        distribution.draw_block(rng, block.noise, DrawsMut { z: block.z, preimage: block.preimage });
        self.gradients_of_draws(distribution, objective, block)
    }
}

impl<T, D, F> DrawRule<T, D, F> for ImportanceWeighted
where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn gradients_of_draws(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
    ) -> Result<(), Error> {
        let (dim, params, k) = (distribution.dim(), distribution.params().len(), self.draws);
        let noise = distribution.noise_dim();
        let draws = Draws { z: &*block.z, preimage: &*block.preimage };
        objective.value_and_gradient_block(draws.z, dim, block.values, block.dz);
        subtract_log_prob(distribution, draws, block.values, block.dz, block.scratch);
        let row = &mut block.scratch[..params];
        let ln_k = T::of(k as f64).ln();
        let groups = draws.rows(k * dim).zip(block.noise.chunks_exact(k * noise));
        let slopes = block.dz.chunks_exact_mut(k * dim).zip(block.values.chunks_exact_mut(k));
        for (((group, noise_rows), (dz, values)), gradient) in
            groups.zip(slopes).zip(block.gradients.chunks_exact_mut(params))
        {
            gradient.fill(T::zero());
            let total = log_sum_exp(values);
            let samples = group.rows(dim).zip(noise_rows.chunks_exact(noise)).zip(dz.chunks_exact_mut(dim));
            for (((draw, noise), dz), &value) in samples.zip(&*values) {
                let weight = (value - total).exp();
                let pathwise = if self.doubly { weight * weight } else { weight };
                for dz in &mut *dz {
                    *dz *= pathwise;
                }
                pullback_of_draw(distribution, noise, draw, dz, row);
                for (g, &pulled) in gradient.iter_mut().zip(&*row) {
                    *g += pulled;
                }
                if !self.doubly {
                    score_of_draw(distribution, draw, row);
                    for (g, &score) in gradient.iter_mut().zip(&*row) {
                        *g -= weight * score;
                    }
                }
                // The explicit derivative of the bound: each draw counts with its weight.
                if objective.depends_on_parameters() {
                    objective.add_parameter_gradient(draw.z, weight, gradient);
                }
            }
            // A log-weight that is not finite stays, for the engine to find.
            if values.iter().all(|f| f.is_finite()) {
                values.fill(total - ln_k);
            }
        }
        Ok(())
    }
}
