//! Statistical tests of the noise, on ten million draws each, with fixed seeds. A correct generator
//! exceeds a tolerance of five standard errors in 6e-7 of comparisons; the critical values of other tests
//! are stated where they are used.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use super::elementary::{exp, exp_in_place};
use super::lanes::LaneRng;
use super::laws::{Exponential, Gumbel, Logistic, Normal};
use super::ziggurat::{Law, bend_of, outside};
use super::{fill_exponential, fill_gumbel, fill_logistic, fill_normal, fill_uniform};
use crate::real::Real;

const DRAWS: usize = 10_000_000;

fn lanes(seed: u64) -> LaneRng {
    LaneRng::from_rng(&mut Xoshiro256PlusPlus::seed_from_u64(seed))
}

/// Draws in chunks of many lengths, as the engine asks for, including odd ones.
fn draw<T: Real>(count: usize, mut fill: impl FnMut(&mut [T])) -> Vec<f64> {
    let mut all = vec![T::zero(); count];
    let (mut rest, mut length) = (&mut all[..], 1);
    while !rest.is_empty() {
        let piece = length.min(rest.len());
        let (piece, tail) = std::mem::take(&mut rest).split_at_mut(piece);
        fill(piece);
        rest = tail;
        length = length % 1000 + 37;
    }
    all.into_iter().map(T::f64).collect()
}

/// Φ(x) and Φ(−x) by the series near the middle and by the continued fraction of Mills' ratio in the tails.
fn normal_sides(x: f64) -> (f64, f64) {
    let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    if x.abs() < 4.0 {
        let (mut term, mut sum, mut k) = (x, x, 1.0);
        while f64::abs(term) > 1e-18 {
            k += 2.0;
            term *= x * x / k;
            sum += term;
        }
        return (0.5 + density * sum, 0.5 - density * sum);
    }
    let mut ratio = 0.0;
    for k in (1..100).rev() {
        ratio = f64::from(k) / (x.abs() + ratio);
    }
    let tail = density / (x.abs() + ratio);
    if x < 0.0 { (tail, 1.0 - tail) } else { (1.0 - tail, tail) }
}

fn normal_cdf(x: f64) -> f64 {
    normal_sides(x).0
}

/// Kolmogorov–Smirnov `√n D` and Anderson–Darling `A²` of draws against a CDF and its complement.
fn distances(mut draws: Vec<f64>, cdf: impl Fn(f64) -> (f64, f64)) -> (f64, f64) {
    draws.sort_unstable_by(f64::total_cmp);
    let n = draws.len() as f64;
    let (mut largest, mut sum) = (0.0f64, 0.0);
    for (i, &x) in draws.iter().enumerate() {
        let (below, above) = cdf(x);
        let i = i as f64;
        largest = largest.max((below - i / n).abs()).max(((i + 1.0) / n - below).abs());
        sum += (2.0 * i + 1.0) * below.ln() + (2.0 * (n - i) - 1.0) * above.ln();
    }
    (n.sqrt() * largest, -n - sum / n)
}

/// Critical values at a level of 1e-4: 2.23 for √n D, about 8.0 for A² (its 1e-4 point is between 7.5 and
/// 8.5).
#[track_caller]
fn assert_distances((smirnov, darling): (f64, f64)) {
    assert!(smirnov < 2.23, "Kolmogorov–Smirnov {smirnov}");
    assert!(darling < 8.0, "Anderson–Darling {darling}");
}

fn check_normal<T: Real>(seed: u64) {
    let mut rng = lanes(seed);
    let draws = draw(DRAWS, |out: &mut [T]| fill_normal(&mut rng, out));
    let n = DRAWS as f64;

    // Moments to the eighth: E x^(2k) = (2k − 1)!!, odd ones 0; the variance of x^p is E x^(2p) − (E x^p)².
    let double_factorial = |k: i32| (1..=k).rev().step_by(2).map(f64::from).product::<f64>();
    let moment = |p: i32| if p % 2 == 1 { 0.0 } else { double_factorial(p - 1) };
    for p in 1..=8 {
        let found = draws.iter().map(|x| x.powi(p)).sum::<f64>() / n;
        let error = ((moment(2 * p) - moment(p).powi(2)) / n).sqrt();
        assert!((found - moment(p)).abs() < 5.0 * error, "moment {p}: {found} ± {error}");
    }

    // Tails, both sides, out to where 10⁷ draws still reach.
    for sigma in [2.0, 3.0, 3.5, 3.9, 4.5, 5.0] {
        let expected = n * normal_cdf(-sigma);
        for side in [-1.0, 1.0] {
            let count = draws.iter().filter(|&&x| x * side > sigma).count() as f64;
            assert!(
                (count - expected).abs() < 5.0 * expected.sqrt() + 1.0,
                "{side} {sigma}: {count} {expected}"
            );
        }
    }

    // Correlation at lags within a vector, across vectors, and across chunks.
    for lag in [1, 2, 3, 4, 8, 15, 16, 17, 32, 64, 127, 128, 129, 256, 512] {
        let sum: f64 = draws.iter().zip(&draws[lag..]).map(|(a, b)| a * b).sum();
        assert!((sum / n.sqrt()).abs() < 5.0, "lag {lag}: {}", sum / n.sqrt());
        let squares: f64 = draws.iter().zip(&draws[lag..]).map(|(a, b)| (a * a - 1.0) * (b * b - 1.0)).sum();
        assert!((squares / 2.0 / n.sqrt()).abs() < 5.0, "squares at lag {lag}");
    }

    assert_distances(distances(draws, normal_sides));
}

#[test]
fn normal_draws_of_f64_pass_every_test() {
    check_normal::<f64>(1);
}

#[test]
fn normal_draws_of_f32_pass_every_test() {
    check_normal::<f32>(2);
}

#[test]
fn blocks_are_not_correlated_with_each_other() {
    let n = 1 << 20;
    let mut callers = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut block = || {
        let mut rng = LaneRng::from_rng(&mut callers);
        draw(n, |out: &mut [f64]| fill_normal(&mut rng, out))
    };
    let blocks = [block(), block(), block(), block()];
    for (i, a) in blocks.iter().enumerate() {
        for b in &blocks[..i] {
            let sum: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            assert!((sum / (n as f64).sqrt()).abs() < 5.0);
        }
    }
}

/// Mean, variance, both tails, lags and distances of draws from a law with this CDF and survival function.
fn check_law<T: Real>(
    seed: u64,
    fill: impl Fn(&mut LaneRng, &mut [T]),
    (mean, variance): (f64, f64),
    cdf: impl Fn(f64) -> (f64, f64),
) {
    let mut rng = lanes(seed);
    let draws = draw(DRAWS, |out: &mut [T]| fill(&mut rng, out));
    assert!(draws.iter().all(|x| x.is_finite()));
    let n = DRAWS as f64;
    let found = draws.iter().sum::<f64>() / n;
    assert!((found - mean).abs() < 5.0 * (variance / n).sqrt(), "mean {found}, wanted {mean}");
    let squares: Vec<f64> = draws.iter().map(|x| (x - mean) * (x - mean)).collect();
    let found = squares.iter().sum::<f64>() / n;
    let fourth = squares.iter().map(|q| q * q).sum::<f64>() / n;
    let error = ((fourth - variance * variance) / n).sqrt();
    assert!((found - variance).abs() < 5.0 * error, "variance {found}, wanted {variance}");
    for lag in [1, 2, 7, 8, 16, 128, 129] {
        let sum: f64 = draws.iter().zip(&draws[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum();
        assert!((sum / (variance * n.sqrt())).abs() < 5.0, "lag {lag}");
    }
    // Both tails, as deep as 10⁷ draws reach. The draws are sorted, so a count is a search.
    let mut draws = draws;
    draws.sort_unstable_by(f64::total_cmp);
    for depth in [6, 9, 12, 15, 18] {
        let v = 0.5f64.powi(depth);
        let expected = n * v;
        let low = draws.partition_point(|&x| cdf(x).0 < v) as f64;
        let high = (draws.len() - draws.partition_point(|&x| cdf(x).1 >= v)) as f64;
        for count in [low, high] {
            assert!((count - expected).abs() < 5.0 * expected.sqrt(), "2^-{depth}: {low} {high} {expected}");
        }
    }
    assert_distances(distances(draws, cdf));
}

#[test]
fn gumbel_draws_pass_every_test() {
    let moments = (0.577_215_664_901_532_9, std::f64::consts::PI.powi(2) / 6.0);
    let cdf = |x: f64| {
        let e = (-x).exp();
        ((-e).exp(), -(-e).exp_m1())
    };
    check_law::<f64>(4, fill_gumbel, moments, cdf);
    check_law::<f32>(5, fill_gumbel, moments, cdf);
}

#[test]
fn exponential_draws_pass_every_test() {
    let cdf = |x: f64| (-(-x).exp_m1(), (-x).exp());
    check_law::<f64>(6, fill_exponential, (1.0, 1.0), cdf);
    check_law::<f32>(7, fill_exponential, (1.0, 1.0), cdf);
}

#[test]
fn logistic_draws_pass_every_test() {
    let moments = (0.0, std::f64::consts::PI.powi(2) / 3.0);
    let cdf = |x: f64| (1.0 / (1.0 + (-x).exp()), 1.0 / (1.0 + x.exp()));
    check_law::<f64>(8, fill_logistic, moments, cdf);
    check_law::<f32>(9, fill_logistic, moments, cdf);
}

#[test]
fn uniform_draws_pass_every_test() {
    let cdf = |x: f64| (x, 1.0 - x);
    check_law::<f64>(10, fill_uniform, (0.5, 1.0 / 12.0), cdf);
    check_law::<f32>(11, fill_uniform, (0.5, 1.0 / 12.0), cdf);
}

/// The draws from outside the layers, alone: they are few, and the tests above hardly see them.
fn check_outside<L: Law>(seed: u64, cdf: impl Fn(f64) -> (f64, f64)) {
    let mut rng = lanes(seed);
    let draws: Vec<f64> = (0..100_000).map(|_| outside::<L, _>(&mut rng)).collect();
    let layers: Vec<(f64, f64)> = (0..L::INSIDE)
        .map(|layer| {
            let (left, right) = L::edges(layer);
            (if L::SYMMETRIC { -right } else { left }, right)
        })
        .collect();
    let part = 1.0 / L::LAYERS as f64;
    let rest = 1.0 - L::INSIDE as f64 * part;
    let distances = distances(draws, |x| {
        // The part of the layers below x, and the part above it; each is subtracted from its tail.
        let (mut below, mut above) = cdf(x);
        for &(left, right) in &layers {
            let share = ((x - left) / (right - left)).clamp(0.0, 1.0);
            below -= share * part;
            above -= (1.0 - share) * part;
        }
        (below / rest, above / rest)
    });
    assert_distances(distances);
}

/// The draws from beyond the widest layer, alone.
fn check_tail<L: Law>(seed: u64, cdf: impl Fn(f64) -> (f64, f64)) {
    let mut rng = lanes(seed);
    let draws: Vec<f64> = (0..100_000).map(|_| L::tail(&mut rng)).collect();
    let (left, right) = L::edges(0);
    let left = if L::SYMMETRIC { -right } else { left };
    let (low, high) = (cdf(left).0, cdf(right).1);
    let all = low + high;
    let distances = distances(draws, |x| {
        let (below, above) = cdf(x);
        if x < left { (below / all, (all - below) / all) } else { ((all - above) / all, above / all) }
    });
    assert_distances(distances);
}

/// The bounds that spare most points an evaluation of the curve hold for every end of a layer.
fn check_bends<L: Law>() {
    for region in 1..L::INSIDE {
        let (outer, inner) = (L::edges(region - 1), L::edges(region));
        for (a, b) in [(outer.0, inner.0), (outer.1, inner.1)] {
            let (low, high) = (L::density(a), L::density(b));
            for t in 1..20 {
                let t = 0.05 * f64::from(t);
                let bend = ((L::density(a + (b - a) * t) - low) / (high - low) - t).abs();
                assert!(a == b || bend < bend_of(region), "region {region}: {bend}");
            }
        }
    }
}

#[test]
fn the_curve_is_near_its_chords() {
    check_bends::<Normal>();
    check_bends::<Exponential>();
    check_bends::<Logistic>();
    check_bends::<Gumbel>();
}

#[test]
fn tails_have_their_own_law() {
    check_tail::<Normal>(16, normal_sides);
    check_tail::<Exponential>(17, |x| (-(-x).exp_m1(), (-x).exp()));
    check_tail::<Logistic>(18, |x| (1.0 / (1.0 + (-x).exp()), 1.0 / (1.0 + x.exp())));
    check_tail::<Gumbel>(19, |x| ((-(-x).exp()).exp(), -(-(-x).exp()).exp_m1()));
}

#[test]
fn single_draws_have_the_law_of_blocks() {
    let mut rng = lanes(20);
    let mut draws = vec![0.0; 1_000_000];
    for piece in draws.chunks_mut(7) {
        fill_exponential(&mut rng, piece);
    }
    assert_distances(distances(draws, |x| (-(-x).exp_m1(), (-x).exp())));
}

#[test]
fn what_is_outside_of_the_layers_has_its_own_law() {
    check_outside::<Normal>(12, normal_sides);
    check_outside::<Exponential>(13, |x| (-(-x).exp_m1(), (-x).exp()));
    check_outside::<Logistic>(14, |x| (1.0 / (1.0 + (-x).exp()), 1.0 / (1.0 + x.exp())));
    check_outside::<Gumbel>(15, |x| ((-(-x).exp()).exp(), -(-(-x).exp()).exp_m1()));
}

/// The extreme words, for which a grid would give infinities or cut the tails.
struct Constant(u8);

impl rand::TryRng for Constant {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes([self.0; 4]))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        // Advances a little, so that rejection ends.
        self.0 = self.0.wrapping_add(1);
        Ok(u64::from_le_bytes([self.0; 8]))
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(self.0);
        Ok(())
    }
}

#[test]
fn extreme_words_give_finite_numbers_inside_the_open_intervals() {
    fn check<T: Real>() {
        for word in [0, 0xff] {
            let mut out = [T::nan(); 300];
            fill_normal(&mut Constant(word), &mut out);
            assert!(out.iter().all(|x| x.is_finite()));
            fill_gumbel(&mut Constant(word), &mut out);
            assert!(out.iter().all(|x| x.is_finite()));
            fill_logistic(&mut Constant(word), &mut out);
            assert!(out.iter().all(|x| x.is_finite()));
            fill_exponential(&mut Constant(word), &mut out);
            assert!(out.iter().all(|x| x.is_finite() && *x > T::zero()));
            fill_uniform(&mut Constant(word), &mut out);
            assert!(out.iter().all(|x| *x > T::zero() && *x < T::one()));
        }
    }
    check::<f64>();
    check::<f32>();
}

#[test]
fn vector_code_has_the_bits_of_scalar_code() {
    let mut rng = lanes(6);
    let mut x = draw(100_003, |out: &mut [f64]| fill_normal(&mut rng, out));
    for x in &mut x {
        *x *= 200.0;
    }
    let scalar: Vec<u64> = x.iter().map(|&x| exp(x).to_bits()).collect();
    exp_in_place(&mut x);
    assert!(x.iter().map(|x| x.to_bits()).eq(scalar));

    // Literal bits, which must be the same on every machine.
    let mut rng = lanes(7);
    let mut normal = [0.0f64; 1000];
    fill_normal(&mut rng, &mut normal);
    let mut gumbel = [0.0f64; 1000];
    fill_gumbel(&mut rng, &mut gumbel);
    let mut others = [0.0f32; 1000];
    fill_logistic(&mut rng, &mut others[..500]);
    fill_exponential(&mut rng, &mut others[500..]);
    let fold = |x: &[f64]| x.iter().fold(0u64, |sum, x| sum.rotate_left(5) ^ x.to_bits());
    let others = others.map(f64::from);
    assert_eq!((fold(&normal), fold(&gumbel), fold(&others), rng.next_u64()), STABLE);
}

const STABLE: (u64, u64, u64, u64) = (
    1_267_820_898_965_057_449,
    7_763_615_577_359_209_409,
    3_109_984_695_634_935_127,
    8_024_227_440_474_504_235,
);
