//! Variates by a ziggurat whose layers lie under the curve, a block at a time.
//!
//! A word of random bits gives a layer (its low bits) and a coordinate (52 bits in `f64`; in `f32` half a
//! word, 23 bits). The area under the curve is cut into N parts, and all but a few of them are rectangles
//! inside it: there the variate takes one table look-up and one product, with no comparison. The rest,
//! 0.3 to 0.8 %, lies outside the rectangles and is drawn region by region. The numbers are the same on
//! every instruction set. `McFarland` 2016, doi:10.1080/00949655.2015.1060234; the idea of layers:
//! Marsaglia & Tsang 2000, doi:10.18637/jss.v005.i08.

use rand::Rng;

use crate::real::Real;

/// A density cut into `LAYERS` parts (a power of two), of which the first `INSIDE` are rectangles under the
/// curve.
pub(super) trait Law {
    const LAYERS: usize;
    const INSIDE: usize;

    /// Whether only the right half is cut; `wide` and `narrow` then give both signs.
    const SYMMETRIC: bool;

    /// The point of a word in a layer, if the layer exists.
    fn wide(layer: usize, word: u64) -> f64;

    /// The point of half a word.
    fn narrow(layer: usize, word: u32) -> f32;

    /// The edges of a layer; above the layers, both are the mode.
    fn edges(layer: usize) -> (f64, f64);

    /// The density, up to a factor.
    fn density(x: f64) -> f64;

    /// For each slot of the alias method, a threshold of 54 bits; below it, the alias.
    fn alias(slot: usize) -> u64;

    /// A variate from beyond the widest layer.
    fn tail<R: Rng + ?Sized>(rng: &mut R) -> f64;
}

/// An odd multiple of 2⁻⁵² in (−1, 1), from the top bits of a word.
#[inline(always)]
pub(super) fn signed_f64(word: u64) -> f64 {
    2.0 * f64::from_bits((word >> 12) | 0x3ff0_0000_0000_0001) - 3.0
}

/// An odd multiple of 2⁻⁵² in (0, 1), from the top bits of a word.
#[inline(always)]
pub(super) fn unit_f64(word: u64) -> f64 {
    f64::from_bits((word >> 12) | 0x3ff0_0000_0000_0001) - 1.0
}

/// An odd multiple of 2⁻²² in (−1, 1), from the top bits of half a word.
#[inline(always)]
pub(super) fn signed_f32(word: u32) -> f32 {
    2.0 * f32::from_bits((word >> 9) | 0x3f80_0001) - 3.0
}

/// An odd multiple of 2⁻²³ in (0, 1), from the top bits of half a word.
#[inline(always)]
pub(super) fn unit_f32(word: u32) -> f32 {
    f32::from_bits((word >> 9) | 0x3f80_0001) - 1.0
}

/// Words drawn at a time.
const CHUNK: usize = 128;

/// Words scanned at a time for one that names no layer.
const GROUP: usize = 8;

/// Below this many, variates are made one by one: the buffer of a chunk would cost more than it saves.
const FEW: usize = 16;

/// Fills a slice: uses eight bytes of the generator per variate in `f64`, four in `f32`.
pub(super) fn fill<L: Law, T: Real, R: Rng + ?Sized>(rng: &mut R, out: &mut [T]) {
    if out.len() < FEW {
        out.fill_with(|| T::of(single::<L, R>(rng)));
        return;
    }
    let mut bytes = [0; 8 * CHUNK];
    if size_of::<T>() == size_of::<f32>() {
        for out in out.chunks_mut(2 * CHUNK) {
            let bytes = &mut bytes[..4 * out.len()];
            rng.fill_bytes(bytes);
            groups::<L, T, 4>(bytes, out, rng, |word| {
                let word = u32::from_le_bytes(word);
                let layer = word as usize % L::LAYERS;
                // The conversions back and forth are exact, and the compiler removes them.
                (layer, T::of(f64::from(L::narrow(layer, word))))
            });
        }
    } else {
        for out in out.chunks_mut(CHUNK) {
            let bytes = &mut bytes[..8 * out.len()];
            rng.fill_bytes(bytes);
            groups::<L, T, 8>(bytes, out, rng, |word| {
                let word = u64::from_le_bytes(word);
                let layer = word as usize % L::LAYERS;
                (layer, T::of(L::wide(layer, word)))
            });
        }
    }
}

/// Points from words of `SIZE` bytes; a group in which a word names no layer is processed again.
#[inline(always)]
fn groups<L: Law, T: Real, const SIZE: usize>(
    bytes: &[u8],
    out: &mut [T],
    rng: &mut (impl Rng + ?Sized),
    point: impl Fn([u8; SIZE]) -> (usize, T),
) {
    let words = bytes.as_chunks::<SIZE>().0;
    let (groups, rest) = words.as_chunks::<GROUP>();
    let (whole, tail) = out.split_at_mut(groups.len() * GROUP);
    for (words, out) in groups.iter().zip(whole.as_chunks_mut::<GROUP>().0) {
        let mut outside = 0;
        for i in 0..GROUP {
            let (layer, x) = point(words[i]);
            out[i] = x;
            // The sum carries into the bit above the layers if there is no layer with this number.
            outside |= layer + (L::LAYERS - L::INSIDE);
        }
        if outside >= L::LAYERS {
            redraw::<L, T, SIZE>(words, out, rng, &point);
        }
    }
    for (&word, out) in rest.iter().zip(tail) {
        let (layer, x) = point(word);
        *out = if layer < L::INSIDE { x } else { T::of(outside::<L, _>(rng)) };
    }
}

#[cold]
fn redraw<L: Law, T: Real, const SIZE: usize>(
    words: &[[u8; SIZE]; GROUP],
    out: &mut [T; GROUP],
    rng: &mut (impl Rng + ?Sized),
    point: impl Fn([u8; SIZE]) -> (usize, T),
) {
    for (&word, out) in words.iter().zip(out) {
        if point(word).0 >= L::INSIDE {
            *out = T::of(outside::<L, _>(rng));
        }
    }
}

/// In any end of a layer, the curve is no farther than this from its chord, in units of the layer's
/// height; the first few layers have a larger bound. `generate.py` asserts both.
const FIRST_BEND: f64 = 0.1;
const BEND: f64 = 0.035;
const FIRST: usize = 8;

#[inline]
pub(super) fn bend_of(region: usize) -> f64 {
    if region < FIRST { FIRST_BEND } else { BEND }
}

/// One variate.
#[inline]
fn single<L: Law, R: Rng + ?Sized>(rng: &mut R) -> f64 {
    let word = rng.next_u64();
    let layer = word as usize % L::LAYERS;
    if layer < L::INSIDE { L::wide(layer, word) } else { outside::<L, R>(rng) }
}

/// A variate from under the curve but outside the layers.
#[cold]
pub(super) fn outside<L: Law, R: Rng + ?Sized>(rng: &mut R) -> f64 {
    let word = rng.next_u64();
    let slot = word as usize % L::LAYERS;
    let entry = L::alias(slot);
    let region = if word >> 10 < entry >> 10 { slot } else { entry as usize % 1024 };
    if region == 0 {
        return L::tail(rng);
    }
    let (outer, inner) = (L::edges(region - 1), L::edges(region));
    let (left, right) = (inner.0 - outer.0, outer.1 - inner.1);
    let bend = bend_of(region);
    loop {
        // 32 bits along the layer, 31 for the height, one for the sign: here the ends themselves are
        // small.
        let word = rng.next_u64();
        let along = ((word >> 32) as f64 + 0.5) * (1.0 / 4_294_967_296.0) * (left + right);
        let height = ((word as u32 >> 1) as f64 + 0.5) * (1.0 / 2_147_483_648.0);
        // The point, and the height of the chord above it.
        let (x, chord) = if along < left {
            (outer.0 + along, along / left)
        } else {
            (inner.1 + (along - left), 1.0 - (along - left) / right)
        };
        // An end is nearly a triangle: few points need the curve. The cap is not a triangle.
        let under = if region >= L::INSIDE || (height - chord).abs() < bend {
            let (low, high) = (L::density(outer.1), L::density(inner.1));
            low + (high - low) * height < L::density(x)
        } else {
            height < chord
        };
        if under {
            return if L::SYMMETRIC && word & 1 == 1 { -x } else { x };
        }
    }
}
