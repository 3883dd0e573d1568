//! Randomised quasi-Monte-Carlo: Owen-scrambled Sobol points.

mod directions;
mod owen;

use rand::Rng;

use self::directions::{DIGITS, Directions, MAX_DIM, directions};
use self::owen::{Key, scramble, signed_tail};
use super::NoiseSource;
use crate::distribution::UniformNoise;
use crate::error::Error;
use crate::real::Real;

/// Randomised quasi-Monte-Carlo: a gradient sample is the mean over the first 2^m points of Sobol's sequence, scrambled anew for each
/// gradient sample. Every point is uniform by itself, so the mean is unbiased; together they fill the cube more evenly than
/// independent points, so the variance is less: `o(1/n)` for any square-integrable integrand, `O(n⁻³ (ln n)^(d−1))` for a smooth one,
/// and never more than a constant times that of n independent points.
///
/// - **Use it** for few effective dimensions (up to some tens) or an integrand that is nearly a sum of functions of few coordinates each;
///   spend the budget on large point sets and few (10 to 100) gradient samples, which give the error bar.
/// - **Do not** expect it to help where a jump cuts across many coordinates; it does no harm there but to the choice of n, a power of 2.
/// - At most [`MAX_DIM`](Self::MAX_DIM) coordinates of noise; more are refused. Noise that is not made from uniforms
///   ([`UniformNoise`]) does not compile.
///
/// Direction numbers: Joe & Kuo 2008, doi:10.1137/070709359 (their criterion D⁽⁶⁾). Scrambling: nested uniform, by a hash in 64 bits (Owen 1995,
/// doi:10.1007/978-1-4612-2552-2_19; Burley 2020, Journal of Computer Graphics Techniques 9(4)); each coordinate is an exact f64 with
/// full precision in both tails. Variance: Owen 1997, doi:10.1214/aos/1031594731. As a gradient estimator: Buchholz, Wenzel & Mandt
/// 2018, arXiv:1807.01604.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[1.0, 0.0], &[0.5, 1.0])?;
/// let f = (
///     |z: &[f64]| (z[0] + z[1]).sin(),
///     |z: &[f64], dz: &mut [f64]| { dz.fill((z[0] + z[1]).cos()); (z[0] + z[1]).sin() },
/// );
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let independent = Pathwise.estimate(&normal, &f, 32 * 256, &mut rng)?;
/// let sobol = PathwiseOver::new(ScrambledSobol::new(8)?).estimate(&normal, &f, 32, &mut rng)?; // 32 sets of 2⁸ points
/// assert_eq!(independent.evaluations(), sobol.evaluations());
/// assert!(sobol.standard_error()[0] < 0.2 * independent.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrambledSobol {
    log2_points: u32,
}

impl ScrambledSobol {
    /// The largest number of noise coordinates behind one draw.
    pub const MAX_DIM: usize = MAX_DIM;

    /// Point sets of `2^log2_points` points.
    ///
    /// # Errors
    /// [`Error::Option`] for more than 2³¹ points.
    pub fn new(log2_points: u32) -> Result<Self, Error> {
        if log2_points < DIGITS as u32 {
            Ok(Self { log2_points })
        } else {
            Err(Error::Option {
                option: "log2_points",
                value: f64::from(log2_points),
                expected: "at most 31",
            })
        }
    }

    /// m, where a gradient sample has 2^m points.
    #[must_use]
    pub fn log2_points(&self) -> u32 {
        self.log2_points
    }
}

impl<T: Real, D: UniformNoise<T> + ?Sized> NoiseSource<T, D> for ScrambledSobol {
    /// The seed of the scrambling and the index of the next point.
    type Sample = (u64, u64);

    fn points(&self) -> usize {
        1 << self.log2_points
    }

    /// # Errors
    /// [`Error::Option`] if the noise has more than [`MAX_DIM`](Self::MAX_DIM) coordinates.
    fn check(&self, distribution: &D) -> Result<(), Error> {
        let dim = distribution.noise_dim();
        if dim <= MAX_DIM {
            Ok(())
        } else {
            Err(Error::Option {
                option: "noise dimension",
                value: dim as f64,
                expected: "at most 5715 for Sobol points",
            })
        }
    }

    fn begin<R: Rng + ?Sized>(&self, _distribution: &D, _sample: u64, rng: &mut R) -> (u64, u64) {
        (rng.next_u64(), 0)
    }

    fn fill<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        (seed, next): &mut (u64, u64),
        noise: &mut [T],
        _rng: &mut R,
    ) {
        let dim = distribution.noise_dim();
        fill_points(*seed, *next, dim, noise);
        *next += (noise.len() / dim) as u64;
        distribution.noise_from_uniforms(noise);
    }
}

/// Dimensions that are made together: a cache line of numbers.
const LANES: usize = 8;

/// Writes the points from `first` on as signed tails, one row of `dim` each.
fn fill_points<T: Real>(seed: u64, first: u64, dim: usize, tails: &mut [T]) {
    // Beyond the table there is no point; `check` refuses before anything is asked for.
    let Some(directions) = directions().get(..dim) else { return tails.fill(T::nan()) };
    let mut groups = directions.chunks_exact(LANES);
    for (group, directions) in groups.by_ref().enumerate() {
        if let Ok(directions) = <&[Directions; LANES]>::try_from(directions) {
            fill_lanes(seed, first, group * LANES, directions, dim, tails);
        }
    }
    for (i, directions) in groups.remainder().iter().enumerate() {
        let start = dim - groups.remainder().len() + i;
        fill_lanes(seed, first, start, std::array::from_ref(directions), dim, tails);
    }
}

/// Writes `N` dimensions from `start` on. Points come in Gray-code order, in which one differs from the next by one direction number; all of them
/// are averaged, so the order does not matter.
fn fill_lanes<T: Real, const N: usize>(
    seed: u64,
    first: u64,
    start: usize,
    directions: &[Directions; N],
    dim: usize,
    tails: &mut [T],
) {
    let keys: [Key; N] = std::array::from_fn(|lane| Key::new(seed, start + lane));
    let gray = first ^ (first >> 1);
    let mut x: [u32; N] = directions
        .map(|v| v.iter().enumerate().filter(|&(k, _)| gray >> k & 1 == 1).fold(0, |x, (_, v)| x ^ v));
    let mut steps = [[0u32; N]; DIGITS];
    for (k, step) in steps.iter_mut().enumerate() {
        *step = std::array::from_fn(|lane| directions[lane][k]);
    }
    for (index, row) in (first..).zip(tails.chunks_exact_mut(dim)) {
        for ((tail, x), &key) in row[start..start + N].iter_mut().zip(&x).zip(&keys) {
            *tail = T::of(signed_tail(scramble(u64::from(*x), key)));
        }
        // Past the last point of all, 2³², any step will do.
        let step = &steps[(index + 1).trailing_zeros() as usize % DIGITS];
        for (x, step) in x.iter_mut().zip(step) {
            *x ^= step;
        }
    }
}
