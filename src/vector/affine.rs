//! The affine transform of blocks of rows, and its pullback.

use super::kernel;
use crate::real::Real;

/// Rows shorter than this are processed several at a time, with the parameters repeated to this length.
const TILE: usize = 64;

/// Below this many numbers, the loop takes less time than the selection of the instruction set.
const FEW: usize = 16;

/// `x = μ + σ ε` for rows of the length of μ.
#[inline]
pub(crate) fn affine_rows<T: Real>(mu: &[T], sigma: &[T], noise: &[T], x: &mut [T]) {
    if noise.len() < FEW {
        affine_by_rows(mu, sigma, noise, x);
    } else {
        affine_tiles(mu, sigma, noise, x);
    }
}

#[inline(always)]
fn affine_by_rows<T: Real>(mu: &[T], sigma: &[T], noise: &[T], x: &mut [T]) {
    for (x, noise) in x.chunks_mut(mu.len()).zip(noise.chunks(mu.len())) {
        for (((x, &e), &mu), &sigma) in x.iter_mut().zip(noise).zip(mu).zip(sigma) {
            *x = mu + sigma * e;
        }
    }
}

kernel! {
    fn affine_tiles<'a, T: Real>(mu: &'a [T], sigma: &'a [T], noise: &'a [T], x: &'a mut [T]) {
        let dim = mu.len();
        if dim > TILE / 2 || noise.len() < TILE {
            return affine_by_rows(mu, sigma, noise, x);
        }
        let (mut mus, mut sigmas) = ([T::zero(); TILE], [T::zero(); TILE]);
        let len = TILE / dim * dim;
        for (mus, sigmas) in mus[..len].chunks_exact_mut(dim).zip(sigmas[..len].chunks_exact_mut(dim)) {
            mus.copy_from_slice(mu);
            sigmas.copy_from_slice(sigma);
        }
        affine_by_rows(&mus[..len], &sigmas[..len], noise, x);
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

/// `dμ = dx`, `dσ = ε dx` for rows of length `dim`.
#[inline]
pub(crate) fn pull_affine_rows<T: Real>(dim: usize, noise: &[T], dx: &[T], dtheta: &mut [T]) {
    if noise.len() < FEW {
        pull_by_rows(dim, noise, dx, dtheta);
    } else {
        pull_affine_tiles(dim, noise, dx, dtheta);
    }
}

#[inline(always)]
fn pull_by_rows<T: Real>(dim: usize, noise: &[T], dx: &[T], dtheta: &mut [T]) {
    let rows = noise.chunks_exact(dim).zip(dx.chunks_exact(dim));
    for ((noise, dx), dtheta) in rows.zip(dtheta.chunks_exact_mut(2 * dim)) {
        pull_row(noise, dx, dtheta);
    }
}

kernel! {
    fn pull_affine_tiles<'a, T: Real>(dim: usize, noise: &'a [T], dx: &'a [T], dtheta: &'a mut [T]) {
        match dim {
            1 => pull_rows::<T, 1, 2>(noise, dx, dtheta),
            2 => pull_rows::<T, 2, 4>(noise, dx, dtheta),
            3 => pull_rows::<T, 3, 6>(noise, dx, dtheta),
            4 => pull_rows::<T, 4, 8>(noise, dx, dtheta),
            _ => pull_by_rows(dim, noise, dx, dtheta),
        }
    }
}
