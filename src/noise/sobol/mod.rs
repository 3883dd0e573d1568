//! Randomised quasi-Monte-Carlo: Owen-scrambled Sobol points.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `mod` | the noise source |
//! | `directions` | direction numbers, from the packed table |
//! | `owen` | scrambling of one binary fraction by hashing |

mod directions;
mod owen;

use rand::Rng;

use self::directions::{DIGITS, Directions, LANES, MAX_DIM, directions, point, step};
use self::owen::{Key, scramble};
use super::NoiseSource;
use crate::distribution::UniformNoise;
use crate::error::Error;
use crate::real::Real;

/// Randomised quasi-Monte-Carlo: a gradient sample is the mean over the first 2^m points of Sobol's
/// sequence, scrambled anew for each gradient sample. Every single point is uniform, so the mean is
/// unbiased. Together the points fill the cube more evenly than independent points, so the variance is
/// lower: `o(1/n)` for any square-integrable integrand, `O(n⁻³ (ln n)^(d−1))` for a smooth one, and never
/// more than a constant times that of n independent points.
///
/// - **Use it** for few effective dimensions (up to some tens) or an integrand that is nearly a sum of
///   functions of few coordinates each; spend the budget on large point sets and few (10 to 100) gradient
///   samples, which give the error bar.
/// - **Do not** expect it to help where a jump cuts across many coordinates. It does no harm there, except
///   that n must be a power of 2.
/// - At most [`MAX_DIM`](Self::MAX_DIM) coordinates of noise; more are refused. Noise that is not made from
///   uniforms ([`UniformNoise`]) does not compile.
///
/// Direction numbers: Joe & Kuo 2008, doi:10.1137/070709359 (their criterion D⁽⁶⁾). Scrambling: nested
/// uniform, by hashes (Owen 1995, doi:10.1007/978-1-4612-2552-2_19; Burley 2020, Journal of Computer
/// Graphics Techniques 9(4)), to 52 binary digits. Each coordinate is the middle of a cell of width 2⁻⁵²,
/// exact in both tails and never 0 or 1; the outermost normal variate is ±8.2. Variance: Owen 1997,
/// doi:10.1214/aos/1031594731. As a gradient estimator: Buchholz, Wenzel & Mandt 2018, arXiv:1807.01604.
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
/// let sobol = Pathwise.over(ScrambledSobol::base2(8)).estimate(&normal, &f, 32, &mut rng)?; // 32 sets of 2⁸ points
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

    /// Point sets of `2^m` points: 256 for m = 8. An m above 31 is refused with [`Error::Option`] before
    /// the first draw.
    #[must_use]
    pub fn base2(m: u32) -> Self {
        Self { log2_points: m }
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
        1usize.checked_shl(self.log2_points).unwrap_or(usize::MAX)
    }

    /// # Errors
    /// [`Error::Option`] if the noise has more than [`MAX_DIM`](Self::MAX_DIM) coordinates, and for more
    /// than 2³¹ points.
    fn check(&self, distribution: &D) -> Result<(), Error> {
        if self.log2_points >= DIGITS as u32 {
            let value = f64::from(self.log2_points);
            return Err(Error::Option {
                option: "log2 of the number of points",
                value,
                expected: "at most 31",
            });
        }
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

/// Writes the points from `first` on as signed tails, one row of `dim` each. Points come in Gray-code
/// order; all of them are averaged, so the order does not matter.
fn fill_points<T: Real>(seed: u64, first: u64, dim: usize, tails: &mut [T]) {
    if dim > MAX_DIM {
        // Beyond the table there are no points; `check` refuses before any are asked for.
        return tails.fill(T::nan());
    }
    for (directions, start) in directions().iter().zip((0..dim).step_by(LANES)) {
        let key = |lane| Key::new(seed, start + lane);
        if start + LANES <= dim {
            let rows = tails.chunks_exact_mut(dim).map(|row| &mut row[start..start + LANES]);
            fill_dimensions(key, first, directions, rows);
        } else {
            for lane in 0..dim - start {
                let column = tails.chunks_exact_mut(dim).map(|row| &mut row[start + lane]);
                fill_dimension(key(lane), first, |k| directions[k][lane], column);
            }
        }
    }
}

/// Writes some dimensions together, point after point: each point differs from the next by one direction
/// number.
fn fill_dimensions<'a, T: Real>(
    key: impl Fn(usize) -> Key,
    first: u64,
    directions: &Directions,
    rows: impl Iterator<Item = &'a mut [T]>,
) {
    let keys: [Key; LANES] = std::array::from_fn(key);
    let mut x = point(directions, first);
    for (index, row) in (first..).zip(rows) {
        let scrambled: [f64; LANES] = std::array::from_fn(|lane| scramble(x[lane], keys[lane]));
        for (tail, scrambled) in row.iter_mut().zip(scrambled) {
            *tail = T::of(scrambled);
        }
        // After the last point of all, any step will do.
        step(&mut x, &directions[(index + 1).trailing_zeros() as usize % DIGITS]);
    }
}

/// Writes one dimension with direction numbers v, several points together: in a group of points that starts
/// at a multiple of its size, each point differs from the first as it does in the group at 0.
fn fill_dimension<'a, T: Real>(
    key: Key,
    first: u64,
    v: impl Fn(usize) -> u32,
    mut column: impl Iterator<Item = &'a mut T>,
) {
    let single = |index: u64| {
        (0..DIGITS).fold(0, |x, k| if (index ^ (index >> 1)) >> k & 1 == 1 { x ^ v(k) } else { x })
    };
    let within: [u32; LANES] = std::array::from_fn(|lane| single(lane as u64));
    let mut skip = (first % LANES as u64) as usize;
    let mut group = first / LANES as u64;
    let mut x = single(group * LANES as u64);
    loop {
        let scrambled: [f64; LANES] = std::array::from_fn(|lane| scramble(x ^ within[lane], key));
        for &scrambled in &scrambled[std::mem::take(&mut skip)..] {
            let Some(tail) = column.next() else { return };
            *tail = T::of(scrambled);
        }
        // Of the eight single steps to the next group, those of digits 0 and 1 cancel.
        group += 1;
        x ^= v(2) ^ v((3 + group.trailing_zeros() as usize) % DIGITS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_set_is_the_same_in_whatever_parts_it_is_made() {
        // By groups of dimensions and of points, with every remainder; against each point alone.
        for dim in [1, 3, 8, 9, 15, 16, 21] {
            let expected: Vec<f64> = (0..64u64)
                .flat_map(|i| {
                    (0..dim)
                        .map(move |d| scramble(point(&directions()[d / LANES], i)[d % LANES], Key::new(5, d)))
                })
                .collect();
            for part in [1, 2, 3, 8, 13, 64] {
                let mut tails = vec![f64::NAN; 64 * dim];
                for (i, rows) in tails.chunks_mut(part * dim).enumerate() {
                    fill_points(5, (i * part) as u64, dim, rows);
                }
                assert_eq!(tails, expected, "{dim} dimensions in parts of {part}");
            }
        }
    }
}
