//! The laws that have a ziggurat. The constants are made by `tables/generate.py`.

use rand::Rng;

use super::elementary::{exp, ln};
use super::tables::{exponential, gumbel, logistic, normal};
use super::ziggurat::{Law, fill, signed_f32, signed_f64, unit_f32, unit_f64};
use crate::real::Real;

/// Draws of N(0, 1).
pub(crate) fn fill_normal<T: Real, R: Rng + ?Sized>(rng: &mut R, out: &mut [T]) {
    fill::<Normal, T, R>(rng, out);
}

/// Draws of the exponential of rate 1.
pub(crate) fn fill_exponential<T: Real, R: Rng + ?Sized>(rng: &mut R, out: &mut [T]) {
    fill::<Exponential, T, R>(rng, out);
}

/// Draws of the standard logistic.
pub(crate) fn fill_logistic<T: Real, R: Rng + ?Sized>(rng: &mut R, out: &mut [T]) {
    fill::<Logistic, T, R>(rng, out);
}

/// Draws of the standard Gumbel.
pub(crate) fn fill_gumbel<T: Real, R: Rng + ?Sized>(rng: &mut R, out: &mut [T]) {
    fill::<Gumbel, T, R>(rng, out);
}

const fn narrowed<const N: usize>(wide: &[f64; N]) -> [f32; N] {
    let mut narrow = [0.0; N];
    let mut i = 0;
    while i < N {
        narrow[i] = wide[i] as f32;
        i += 1;
    }
    narrow
}

/// One exponential variate by `−ln u`, where u has all its digits near 0, so the tail is not cut off.
fn exponential_variate<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    -ln(2.0 * crate::real::signed_tail(rng).abs())
}

/// `x` with a random sign.
#[inline]
fn either_sign<R: Rng + ?Sized>(x: f64, rng: &mut R) -> f64 {
    f64::from_bits(x.to_bits() | (rng.next_u64() & 1 << 63))
}

/// N(0, 1).
pub(super) struct Normal;

static NORMAL: [f32; 1024] = narrowed(&normal::RIGHT);

impl Law for Normal {
    const LAYERS: usize = 1024;
    const INSIDE: usize = normal::INSIDE;
    const SYMMETRIC: bool = true;

    #[inline(always)]
    fn wide(layer: usize, word: u64) -> f64 {
        signed_f64(word) * normal::RIGHT[layer]
    }

    #[inline(always)]
    fn narrow(layer: usize, word: u32) -> f32 {
        signed_f32(word) * NORMAL[layer]
    }

    fn edges(layer: usize) -> (f64, f64) {
        (0.0, normal::RIGHT[layer])
    }

    fn density(x: f64) -> f64 {
        exp(-0.5 * x * x)
    }

    fn alias(slot: usize) -> u64 {
        normal::OUTSIDE[slot]
    }

    /// Marsaglia 1964, doi:10.1080/00401706.1964.10490150.
    fn tail<R: Rng + ?Sized>(rng: &mut R) -> f64 {
        let start = normal::RIGHT[0];
        loop {
            let x = exponential_variate(rng) / start;
            let y = exponential_variate(rng);
            if y + y > x * x {
                return either_sign(start + x, rng);
            }
        }
    }
}

/// Exponential of rate 1.
pub(super) struct Exponential;

static EXPONENTIAL: [f32; 512] = narrowed(&exponential::RIGHT);

impl Law for Exponential {
    const LAYERS: usize = 512;
    const INSIDE: usize = exponential::INSIDE;
    const SYMMETRIC: bool = false;

    #[inline(always)]
    fn wide(layer: usize, word: u64) -> f64 {
        unit_f64(word) * exponential::RIGHT[layer]
    }

    #[inline(always)]
    fn narrow(layer: usize, word: u32) -> f32 {
        unit_f32(word) * EXPONENTIAL[layer]
    }

    fn edges(layer: usize) -> (f64, f64) {
        (0.0, exponential::RIGHT[layer])
    }

    fn density(x: f64) -> f64 {
        exp(-x)
    }

    fn alias(slot: usize) -> u64 {
        exponential::OUTSIDE[slot]
    }

    /// The exponential distribution is memoryless.
    fn tail<R: Rng + ?Sized>(rng: &mut R) -> f64 {
        exponential::RIGHT[0] + exponential_variate(rng)
    }
}

/// Logistic of scale 1.
pub(super) struct Logistic;

static LOGISTIC: [f32; 512] = narrowed(&logistic::RIGHT);

impl Law for Logistic {
    const LAYERS: usize = 512;
    const INSIDE: usize = logistic::INSIDE;
    const SYMMETRIC: bool = true;

    #[inline(always)]
    fn wide(layer: usize, word: u64) -> f64 {
        signed_f64(word) * logistic::RIGHT[layer]
    }

    #[inline(always)]
    fn narrow(layer: usize, word: u32) -> f32 {
        signed_f32(word) * LOGISTIC[layer]
    }

    fn edges(layer: usize) -> (f64, f64) {
        (0.0, logistic::RIGHT[layer])
    }

    fn density(x: f64) -> f64 {
        let t = exp(-x);
        t / ((1.0 + t) * (1.0 + t))
    }

    fn alias(slot: usize) -> u64 {
        logistic::OUTSIDE[slot]
    }

    /// Beyond r the survival function `1/(1 + eˣ)` is uniform on (0, 1/(1 + eʳ)).
    fn tail<R: Rng + ?Sized>(rng: &mut R) -> f64 {
        let start = exp(logistic::RIGHT[0]);
        // 1/u − 1 with u = v/(1 + eʳ): it never cancels, and v has all its digits near 0.
        let v = exp(-exponential_variate(rng));
        either_sign(ln((1.0 - v + start) / v), rng)
    }
}

/// Gumbel, `−ln E` of a standard exponential E.
pub(super) struct Gumbel;

/// Left edge and width of each layer.
static GUMBEL: [(f64, f64); 1024] = gumbel_layers();
static GUMBEL_NARROW: [(f32, f32); 1024] = narrow_gumbel_layers();

const fn gumbel_layers() -> [(f64, f64); 1024] {
    let mut layers = [(0.0, 0.0); 1024];
    let mut i = 0;
    while i < layers.len() {
        layers[i] = (gumbel::LEFT[i], gumbel::RIGHT[i] - gumbel::LEFT[i]);
        i += 1;
    }
    layers
}

const fn narrow_gumbel_layers() -> [(f32, f32); 1024] {
    let (wide, mut narrow) = (gumbel_layers(), [(0.0, 0.0); 1024]);
    let mut i = 0;
    while i < narrow.len() {
        narrow[i] = (wide[i].0 as f32, wide[i].1 as f32);
        i += 1;
    }
    narrow
}

impl Law for Gumbel {
    const LAYERS: usize = 1024;
    const INSIDE: usize = gumbel::INSIDE;
    const SYMMETRIC: bool = false;

    #[inline(always)]
    fn wide(layer: usize, word: u64) -> f64 {
        let (left, width) = GUMBEL[layer];
        left + unit_f64(word) * width
    }

    #[inline(always)]
    fn narrow(layer: usize, word: u32) -> f32 {
        let (left, width) = GUMBEL_NARROW[layer];
        left + unit_f32(word) * width
    }

    fn edges(layer: usize) -> (f64, f64) {
        (gumbel::LEFT[layer], gumbel::RIGHT[layer])
    }

    fn density(x: f64) -> f64 {
        exp(-x - exp(-x))
    }

    fn alias(slot: usize) -> u64 {
        gumbel::OUTSIDE[slot]
    }

    /// E beyond e^(−left edge), or below e^(−right edge).
    fn tail<R: Rng + ?Sized>(rng: &mut R) -> f64 {
        let (large, small) = (exp(-gumbel::LEFT[0]), exp(-gumbel::RIGHT[0]));
        // P(E > large) and P(E < small) = 1 − e^(−small), by its series: small is 8e-5.
        let above = exp(-large);
        let below = small * (1.0 - small * (1.0 / 2.0 - small * (1.0 / 6.0 - small * (1.0 / 24.0))));
        let e = if unit_f64(rng.next_u64()) * (above + below) < above {
            large + exponential_variate(rng)
        } else {
            // −ln(1 − v) with v uniform on (0, below), by its series.
            let v = exp(-exponential_variate(rng)) * below;
            v * (1.0 + v * (1.0 / 2.0 + v * (1.0 / 3.0 + v * (1.0 / 4.0 + v * (1.0 / 5.0)))))
        };
        -ln(e)
    }
}
