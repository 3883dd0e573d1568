//! Uniforms, a block at a time.

use rand::Rng;

use super::kernel;
use super::ziggurat::{unit_f32, unit_f64};
use crate::real::Real;

/// Words processed at a time.
const CHUNK: usize = 128;

kernel! {
    fn units<'a, T: Real>(bytes: &'a [u8], out: &'a mut [T]) {
        if size_of::<T>() == size_of::<f32>() {
            for (out, word) in out.iter_mut().zip(bytes.as_chunks().0) {
                *out = T::of(f64::from(unit_f32(u32::from_le_bytes(*word))));
            }
        } else {
            for (out, word) in out.iter_mut().zip(bytes.as_chunks().0) {
                *out = T::of(unit_f64(u64::from_le_bytes(*word)));
            }
        }
    }
}

/// Uniforms on the open (0, 1), odd multiples of 2⁻⁵² (2⁻²³ in `f32`).
pub(crate) fn fill_uniform<T: Real, R: Rng + ?Sized>(rng: &mut R, out: &mut [T]) {
    let mut bytes = [0; 8 * CHUNK];
    for out in out.chunks_mut(CHUNK) {
        let bytes = &mut bytes[..size_of_val(out)];
        rng.fill_bytes(bytes);
        units(bytes, out);
    }
}
