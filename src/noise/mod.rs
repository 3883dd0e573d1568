//! Where the noise ε of a gradient sample comes from: independent draws, antithetic pairs, stored noise,
//! randomised quasi-Monte-Carlo. One source per file.
//!
//! An estimator over a source, such as [`Pathwise::over`](crate::estimators::Pathwise::over), averages over
//! all points of the source in each gradient sample. So the reported variance is that of independent
//! gradient samples, however the points within one of them depend on each other.
//!
//! | source | points per gradient sample | effect on the variance |
//! | --- | --- | --- |
//! | [`Independent`] | n | divides it by n: the reference |
//! | [`Antithetic`] | 2 | removes what is odd in the noise; doubles what is even, at an equal number of evaluations |
//! | [`Replay`] | as recorded | none on one estimate; little is left of that of the *difference* of two |
//! | [`ScrambledSobol`] | 2^m | lets it fall almost as n⁻³ instead of n⁻¹ where the integrand is smooth and of few dimensions |
//!
//! | also here | |
//! | --- | --- |
//! | [`fill_standard_normal`], [`fill_uniform`], [`fill_exponential`], [`fill_gumbel`], [`fill_logistic`] | standard noise in blocks |
//! | [`LaneRng`] | the generator behind them |

mod antithetic;
mod fill;
mod independent;
mod replay;
mod sobol;

use rand::Rng;

pub use antithetic::Antithetic;
pub use fill::{fill_exponential, fill_gumbel, fill_logistic, fill_standard_normal, fill_uniform};
pub use independent::Independent;
pub use replay::Replay;
pub use sobol::ScrambledSobol;

pub use crate::vector::LaneRng;

use crate::distribution::Reparameterizable;
use crate::error::Error;
use crate::real::Real;

/// A source of noise: the points ε behind each gradient sample. Every single point must have the
/// distribution's noise as its law, which makes the mean over the points unbiased. How the points of one
/// gradient sample depend on each other is up to the source. Points of different gradient samples must be
/// independent, or the estimate's standard errors do not hold.
///
/// ```
/// use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
/// use reparam::{NoiseSource, Real, UniformNoise};
///
/// /// One uniform per coordinate, shifted by half of the circle for the second point.
/// struct Rotated;
///
/// impl<T: Real, D: UniformNoise<T>> NoiseSource<T, D> for Rotated {
///     type Sample = ();
///     fn points(&self) -> usize {
///         2
///     }
///     fn begin<R: Rng + ?Sized>(&self, _: &D, _: u64, _: &mut R) {}
///     fn fill<R: Rng + ?Sized>(&self, p: &D, _: &mut (), noise: &mut [T], rng: &mut R) {
///         for pair in noise.chunks_exact_mut(2 * p.noise_dim()) {
///             let (one, other) = pair.split_at_mut(p.noise_dim());
///             for (a, b) in one.iter_mut().zip(other) {
///                 *a = T::signed_tail(rng);
///                 *b = -(T::of(0.5) - a.abs()).copysign(*a); // u and u ± 1/2 as signed tails
///             }
///         }
///         p.noise_from_uniforms(noise);
///     }
/// }
///
/// let normal = Normal::new(&[1.0], &[0.5])?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = ScoreFunction::new().over(Rotated).estimate(&normal, &|z: &[f64]| z[0], 10_000, &mut rng)?;
/// assert!((estimate.gradient()[0] - 1.0).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
pub trait NoiseSource<T: Real, D: Reparameterizable<T> + ?Sized> {
    /// What must be remembered from one part of a gradient sample's points to the next: a seed, a position.
    type Sample;

    /// Points of one gradient sample, at least 1.
    fn points(&self) -> usize;

    /// Refuses a bad option, or a distribution that the source cannot serve.
    ///
    /// # Errors
    /// As the source documents.
    fn check(&self, distribution: &D) -> Result<(), Error> {
        let _ = distribution;
        Ok(())
    }

    /// The number of gradient samples that the source has noise for, if it is limited: an estimate of more
    /// is refused.
    fn limit(&self) -> Option<usize> {
        None
    }

    /// Starts the gradient sample with this index, counted from 0 within the call.
    fn begin<R: Rng + ?Sized>(&self, distribution: &D, sample: u64, rng: &mut R) -> Self::Sample;

    /// Fills the next points of the gradient sample, one row of noise each. They are asked for in one or
    /// several parts, in order; every part but the last has an even number of rows.
    fn fill<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        sample: &mut Self::Sample,
        noise: &mut [T],
        rng: &mut R,
    );
}

/// `Ok` if a gradient sample has a point.
fn check_points(points: usize) -> Result<(), Error> {
    if points > 0 {
        Ok(())
    } else {
        Err(Error::Option { option: "points", value: 0.0, expected: "at least 1" })
    }
}
