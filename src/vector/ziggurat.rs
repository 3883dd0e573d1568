//! The standard normal by the ziggurat, a block at a time.
//!
//! A word of random bits is one layer (9 bits) and one signed coordinate (52 bits in `f64`; in `f32` half a word, 23 bits). Nearly all
//! (99.4 %) lie inside their layer's rectangle and are done after a table look-up, a product and a comparison, without a branch; the
//! rest are collected and finished one by one: the same numbers on every instruction set. Marsaglia & Tsang 2000,
//! doi:10.18637/jss.v005.i08; layers as in Doornik 2005.

use rand::Rng;

use super::elementary::{exp, ln};
use super::kernel;
use super::ziggurat_tables::{F, X};

/// A layer: its width, and the part of it that is inside the layer above as well.
#[derive(Clone, Copy)]
struct Layer<T> {
    width: T,
    inside: T,
}

static WIDE: [Layer<f64>; LAYERS] = wide();
static NARROW: [Layer<f32>; LAYERS] = narrow();

const fn wide() -> [Layer<f64>; LAYERS] {
    let mut layers = [Layer { width: 0.0, inside: 0.0 }; LAYERS];
    let mut k = 0;
    while k < LAYERS {
        layers[k] = Layer { width: X[k], inside: X[k + 1] / X[k] };
        k += 1;
    }
    layers
}

const fn narrow() -> [Layer<f32>; LAYERS] {
    let mut layers = [Layer { width: 0.0, inside: 0.0 }; LAYERS];
    let mut k = 0;
    while k < LAYERS {
        layers[k] = Layer { width: X[k] as f32, inside: (X[k + 1] / X[k]) as f32 };
        k += 1;
    }
    layers
}

const LAYERS: usize = 512;

/// Words that are worked on at a time.
const CHUNK: usize = 128;

/// The layer from the low 9 bits of a word; the coordinate takes none of them.
#[inline(always)]
fn layer_of(first: u8, second: u8) -> usize {
    usize::from(u16::from_le_bytes([first, second])) % LAYERS
}

/// A coordinate in [−1, 1) from the top 52 bits of a word.
#[inline(always)]
fn coordinate(word: u64) -> f64 {
    2.0 * f64::from_bits((word >> 12) | 0x3ff0_0000_0000_0000) - 3.0
}

kernel! {
    fn coordinates_f64<'a>(bytes: &'a [u8], out: &'a mut [f64]) {
        for (out, word) in out.iter_mut().zip(bytes.as_chunks().0) {
            *out = coordinate(u64::from_le_bytes(*word));
        }
    }
}

kernel! {
    fn coordinates_f32<'a>(bytes: &'a [u8], out: &'a mut [f32]) {
        for (out, word) in out.iter_mut().zip(bytes.as_chunks().0) {
            *out = 2.0 * f32::from_bits((u32::from_le_bytes(*word) >> 9) | 0x3f80_0000) - 3.0;
        }
    }
}

/// Below this many, variates are made one by one: the buffers of a chunk would cost more than they save.
const FEW: usize = 16;

/// One normal variate.
#[inline]
fn single<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    let word = rng.next_u64();
    let layer = word as usize % LAYERS;
    let coordinate = coordinate(word);
    let x = coordinate * WIDE[layer].width;
    if coordinate.abs() < WIDE[layer].inside { x } else { finish(rng, layer, x) }
}

/// Normal variates from eight bytes each.
pub(crate) fn fill_f64<R: Rng + ?Sized>(rng: &mut R, out: &mut [f64]) {
    if out.len() < FEW {
        out.fill_with(|| single(rng));
        return;
    }
    let mut bytes = [0; 8 * CHUNK];
    let mut left = [0; CHUNK];
    for out in out.chunks_mut(CHUNK) {
        let bytes = &mut bytes[..8 * out.len()];
        rng.fill_bytes(bytes);
        coordinates_f64(bytes, out);
        let mut count = 0;
        for (i, (out, word)) in out.iter_mut().zip(bytes.as_chunks::<8>().0).enumerate() {
            let layer = WIDE[u64::from_le_bytes(*word) as usize % LAYERS];
            let outside = out.abs() >= layer.inside;
            *out *= layer.width;
            // Written always, kept only if the coordinate is outside: no branch to mispredict.
            left[count % CHUNK] = i as u8;
            count += usize::from(outside);
        }
        for &i in &left[..count] {
            let i = usize::from(i);
            out[i] = finish(rng, layer_of(bytes[8 * i], bytes[8 * i + 1]), out[i]);
        }
    }
}

/// Normal variates from four bytes each.
pub(crate) fn fill_f32<R: Rng + ?Sized>(rng: &mut R, out: &mut [f32]) {
    if out.len() < FEW {
        out.fill_with(|| single(rng) as f32);
        return;
    }
    let mut bytes = [0; 4 * CHUNK];
    let mut left = [0; CHUNK];
    for out in out.chunks_mut(CHUNK) {
        let bytes = &mut bytes[..4 * out.len()];
        rng.fill_bytes(bytes);
        coordinates_f32(bytes, out);
        let mut count = 0;
        for (i, (out, word)) in out.iter_mut().zip(bytes.as_chunks::<4>().0).enumerate() {
            let layer = NARROW[u32::from_le_bytes(*word) as usize % LAYERS];
            let outside = out.abs() >= layer.inside;
            *out *= layer.width;
            left[count % CHUNK] = i as u8;
            count += usize::from(outside);
        }
        for &i in &left[..count] {
            let i = usize::from(i);
            out[i] = finish(rng, layer_of(bytes[4 * i], bytes[4 * i + 1]), f64::from(out[i])) as f32;
        }
    }
}

/// A uniform on (0, 1), an odd multiple of 2⁻⁵³.
fn open_uniform<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    ((rng.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}

/// What becomes of a point at x that is not surely under the curve: kept, taken from the tail, or drawn afresh.
#[cold]
fn finish<R: Rng + ?Sized>(rng: &mut R, mut layer: usize, mut x: f64) -> f64 {
    loop {
        if layer == 0 {
            return tail(rng).copysign(x);
        }
        let height = F[layer] + (F[layer + 1] - F[layer]) * open_uniform(rng);
        if height < exp(-0.5 * x * x) {
            return x;
        }
        let word = rng.next_u64();
        layer = word as usize % LAYERS;
        let coordinate = coordinate(word);
        x = coordinate * WIDE[layer].width;
        if coordinate.abs() < WIDE[layer].inside {
            return x;
        }
    }
}

/// The normal beyond the base layer (Marsaglia 1964, doi:10.1080/00401706.1964.10490150).
fn tail<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    let start = X[1];
    loop {
        let x = -ln(open_uniform(rng)) / start;
        let y = -ln(open_uniform(rng));
        if y + y > x * x {
            return start + x;
        }
    }
}
