//! What the bounds share whose entropy is sampled: draws of `f − ln q` with its slope.

use rand::Rng;

use crate::distribution::{DifferentiableLogDensity, Reparameterizable};
use crate::estimator::{Block, BlockShape};
use crate::objective::DifferentiableObjective;
use crate::real::Real;

/// Draws a block and turns values and gradients of f into those of `f − ln q`.
pub(crate) fn draw_log_ratios<T, D, F, R>(
    distribution: &D,
    objective: &F,
    block: &mut Block<'_, T>,
    rng: &mut R,
) where
    T: Real,
    D: Reparameterizable<T> + DifferentiableLogDensity<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
    R: Rng + ?Sized,
{
    let dim = distribution.dim();
    distribution.draw_block(rng, block.noise, block.z);
    objective.value_and_gradient_block(block.z, dim, block.values, block.dz);
    let own = &mut block.scratch[..dim];
    let rows = block.z.chunks_exact(dim).zip(block.dz.chunks_exact_mut(dim));
    for ((z, dz), value) in rows.zip(block.values.iter_mut()) {
        *value -= distribution.log_prob(z);
        distribution.log_prob_gradient(z, own);
        for (dz, &own) in dz.iter_mut().zip(&*own) {
            *dz -= own;
        }
    }
}

/// The room that estimators of `f − ln q` take.
pub(crate) fn shape<T: Real, D: Reparameterizable<T> + ?Sized>(distribution: &D, draws: usize) -> BlockShape {
    BlockShape::of_draws(draws)
        .with_noise(distribution.noise_dim())
        .with_objective_gradient()
        .with_scratch(distribution.dim() + distribution.params().len())
}
