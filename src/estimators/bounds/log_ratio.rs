//! Values and slopes of `f − ln q` at draws of q.

use crate::distribution::{DifferentiableLogDensity, Draws};
use crate::real::Real;

/// The number of rows whose densities are evaluated together.
const ROWS: usize = 16;

/// The scratch space that [`subtract_log_prob`] takes.
pub(crate) fn scratch(dim: usize) -> usize {
    ROWS * (dim + 1)
}

/// Turns values and gradients of f at draws of q into those of `f − ln q`.
pub(crate) fn subtract_log_prob<T, D>(
    distribution: &D,
    draws: Draws<'_, T>,
    values: &mut [T],
    dz: &mut [T],
    scratch: &mut [T],
) where
    T: Real,
    D: DifferentiableLogDensity<T> + ?Sized,
{
    let dim = distribution.dim();
    let (log_probs, own) = scratch[..ROWS * (dim + 1)].split_at_mut(ROWS);
    let parts = draws.chunks(dim, ROWS).zip(values.chunks_mut(ROWS)).zip(dz.chunks_mut(ROWS * dim));
    for ((draws, values), dz) in parts {
        let (log_probs, own) = (&mut log_probs[..values.len()], &mut own[..dz.len()]);
        distribution.log_prob_block(draws, log_probs);
        for (value, &log_prob) in values.iter_mut().zip(&*log_probs) {
            *value -= log_prob;
        }
        distribution.log_prob_gradient_block(draws, own);
        for (dz, &own) in dz.iter_mut().zip(&*own) {
            *dz -= own;
        }
    }
}
