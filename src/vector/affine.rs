//! The affine transform of blocks of rows, and its pullback.

use super::kernel;
use crate::real::Real;

/// Rows shorter than this are worked on several at a time, with parameters repeated to this length.
const TILE: usize = 64;

kernel! {
    /// `x = μ + σ ε` for rows of the length of μ.
    pub(crate) fn affine_rows<'a, T: Real>(mu: &'a [T], sigma: &'a [T], noise: &'a [T], x: &'a mut [T]) {
        let dim = mu.len();
        let (mut mus, mut sigmas) = ([T::zero(); TILE], [T::zero(); TILE]);
        let (mu, sigma) = if dim <= TILE / 2 && noise.len() >= TILE {
            let len = TILE / dim * dim;
            for (mus, sigmas) in mus[..len].chunks_exact_mut(dim).zip(sigmas[..len].chunks_exact_mut(dim)) {
                mus.copy_from_slice(mu);
                sigmas.copy_from_slice(sigma);
            }
            (&mus[..len], &sigmas[..len])
        } else {
            (mu, sigma)
        };
        for (x, noise) in x.chunks_mut(mu.len()).zip(noise.chunks(mu.len())) {
            for (((x, &e), &mu), &sigma) in x.iter_mut().zip(noise).zip(mu).zip(sigma) {
                *x = mu + sigma * e;
            }
        }
    }
}

kernel! {
    /// `x = μ + σ x` in place for rows of the length of μ.
    pub(crate) fn scale_rows<'a, T: Real>(mu: &'a [T], sigma: &'a [T], x: &'a mut [T]) {
        for x in x.chunks_mut(mu.len()) {
            for ((x, &mu), &sigma) in x.iter_mut().zip(mu).zip(sigma) {
                *x = mu + sigma * *x;
            }
        }
    }
}

/// One row of the pullback, `(dx, ε dx)`.
#[inline(always)]
fn pull_row<T: Real>(noise: &[T], dx: &[T], dtheta: &mut [T]) {
    let (dmu, dsigma) = dtheta.split_at_mut(dx.len());
    for (((dmu, dsigma), &e), &dx) in dmu.iter_mut().zip(dsigma).zip(noise).zip(dx) {
        *dmu = dx;
        *dsigma = e * dx;
    }
}

/// Rows of a length that the compiler knows.
#[inline(always)]
fn pull_rows<T: Real, const DIM: usize, const PARAMS: usize>(noise: &[T], dx: &[T], dtheta: &mut [T]) {
    let rows = noise.as_chunks::<DIM>().0.iter().zip(dx.as_chunks::<DIM>().0);
    for ((noise, dx), dtheta) in rows.zip(dtheta.as_chunks_mut::<PARAMS>().0) {
        pull_row(noise, dx, dtheta);
    }
}

kernel! {
    /// `dμ = dx`, `dσ = ε dx` for rows of length `dim`.
    pub(crate) fn pull_affine_rows<'a, T: Real>(dim: usize, noise: &'a [T], dx: &'a [T], dtheta: &'a mut [T]) {
        match dim {
            1 => pull_rows::<T, 1, 2>(noise, dx, dtheta),
            2 => pull_rows::<T, 2, 4>(noise, dx, dtheta),
            3 => pull_rows::<T, 3, 6>(noise, dx, dtheta),
            4 => pull_rows::<T, 4, 8>(noise, dx, dtheta),
            8 => pull_rows::<T, 8, 16>(noise, dx, dtheta),
            _ => {
                let rows = noise.chunks_exact(dim).zip(dx.chunks_exact(dim));
                for ((noise, dx), dtheta) in rows.zip(dtheta.chunks_exact_mut(2 * dim)) {
                    pull_row(noise, dx, dtheta);
                }
            }
        }
    }
}
