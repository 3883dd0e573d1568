//! Draws with the numbers they carry.

use super::{LogDensity, Reparameterizable};
use crate::real::Real;

/// Rows of draws z with what each of them carries: its *preimage*, the numbers that were exact before a
/// map squashed and rounded them.
///
/// The tanh of 20 rounds to 1, and then neither its density nor its score can be computed from z. A
/// distribution whose draws can saturate stores [`preimage_dim`](super::Distribution::preimage_dim) more
/// numbers with every draw, and its block methods ([`log_prob_block`](super::LogDensity::log_prob_block),
/// [`score_block`](super::LogDensity::score_block), …) read them. Points from elsewhere have no preimage
/// ([`Draws::of`]): all that is known of them is z.
#[derive(Debug)]
pub struct Draws<'a, T> {
    /// Rows of `dim` numbers.
    pub z: &'a [T],
    /// Rows of `preimage_dim` numbers; empty if nothing is carried or known.
    pub preimage: &'a [T],
}

/// Rows of draws to be filled in, with what each of them carries; see [`Draws`].
#[derive(Debug)]
pub struct DrawsMut<'a, T> {
    /// Rows of `dim` numbers.
    pub z: &'a mut [T],
    /// Rows of `preimage_dim` numbers; empty if nothing is carried, or if the caller does not need it.
    pub preimage: &'a mut [T],
}

impl<T> Clone for Draws<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Draws<'_, T> {}

impl<'a, T> Draws<'a, T> {
    /// Points from anywhere, of which only z is known.
    #[must_use]
    pub fn of(z: &'a [T]) -> Self {
        Self { z, preimage: &[] }
    }

    /// Single draws of this dimension, each with its part of the preimage.
    #[inline]
    pub fn rows(self, dim: usize) -> impl Iterator<Item = Draws<'a, T>> {
        let Self { z, preimage } = self;
        let carried = if preimage.is_empty() { 0 } else { preimage.len() / (z.len() / dim).max(1) };
        let row = move |(i, z)| Draws { z, preimage: &preimage[i * carried..(i + 1) * carried] };
        z.chunks_exact(dim).enumerate().map(row)
    }

    /// Chunks of at most `rows` draws of this dimension.
    pub fn chunks(self, dim: usize, rows: usize) -> impl Iterator<Item = Draws<'a, T>> {
        let all = self.z.len() / dim;
        let carried = self.preimage.len() / all.max(1);
        (0..all).step_by(rows.max(1)).map(move |start| {
            let count = rows.min(all - start);
            Draws {
                z: &self.z[start * dim..][..count * dim],
                preimage: &self.preimage[start * carried..][..count * carried],
            }
        })
    }

    /// Whether the draws carry something.
    #[must_use]
    pub fn know_more(&self) -> bool {
        !self.preimage.is_empty()
    }
}

impl<'a, T> DrawsMut<'a, T> {
    /// Rows of z alone.
    #[must_use]
    pub fn of(z: &'a mut [T]) -> Self {
        Self { z, preimage: &mut [] }
    }

    /// The same draws, to read.
    #[must_use]
    pub fn as_draws(&self) -> Draws<'_, T> {
        Draws { z: self.z, preimage: self.preimage }
    }

    /// The same draws, reborrowed.
    #[must_use]
    pub fn reborrow(&mut self) -> DrawsMut<'_, T> {
        DrawsMut { z: self.z, preimage: self.preimage }
    }
}

/// The score of a single draw: that of z where it carries nothing, without the overhead of a block.
#[inline]
pub(crate) fn score_of_draw<T, D>(distribution: &D, draw: Draws<'_, T>, score: &mut [T])
where
    T: Real,
    D: LogDensity<T> + ?Sized,
{
    if draw.know_more() {
        distribution.score_block(draw, score);
    } else {
        distribution.score(draw.z, score);
    }
}

/// The pullback of a single draw, likewise.
#[inline]
pub(crate) fn pullback_of_draw<T, D>(
    distribution: &D,
    noise: &[T],
    draw: Draws<'_, T>,
    dz: &[T],
    dtheta: &mut [T],
) where
    T: Real,
    D: Reparameterizable<T> + ?Sized,
{
    if draw.know_more() {
        distribution.pullback_block(noise, draw, dz, dtheta);
    } else {
        distribution.pullback(noise, draw.z, dz, dtheta);
    }
}
