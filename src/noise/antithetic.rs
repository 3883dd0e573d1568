//! Antithetic pairs.

use rand::Rng;

use super::NoiseSource;
use crate::distribution::UniformNoise;
use crate::real::Real;

/// Antithetic pairs: a gradient sample is the mean over ε and its mirror image, `u → 1 − u` in every
/// coordinate (−ε where the noise is symmetric). It takes two evaluations.
///
/// Split the gradient sample of one draw into a part that is odd in the reflection and a part that is even.
/// The pair's variance is that of the even part alone, because the odd part cancels. At an equal number of
/// evaluations, a pair has twice the variance of the even part, and independent draws have the variance of
/// both parts: **a pair gains where the odd part has more variance, and loses, by a factor of up to 2,
/// where the even part has more**.
///
/// - The pathwise gradient of a linear objective of a Gaussian is constant for μ and odd for σ: the
///   variance is exactly 0 for both. For a quadratic objective it is 0 for μ too.
/// - The pathwise gradient for μ of an objective that is even about μ is odd, and cancels with its exact
///   mean, 0. The score-function gradient for σ of such an objective is even: two evaluations give no more
///   than one.
///
/// Hammersley & Morton 1956, doi:10.1017/S0305004100031455; Owen, Monte Carlo theory, methods and examples
/// (2013), section 8.2.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[1.0], &[0.5])?;
/// let f = (|z: &[f64]| 3.0 * z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = 3.0; 3.0 * z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Pathwise.over(Antithetic).estimate(&normal, &f, 1000, &mut rng)?;
/// assert_eq!(estimate.gradient(), [3.0, 0.0]); // μ and σ, without any noise
/// assert_eq!(estimate.variance(), [0.0, 0.0]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Antithetic;

impl<T: Real, D: UniformNoise<T> + ?Sized> NoiseSource<T, D> for Antithetic {
    type Sample = ();

    fn points(&self) -> usize {
        2
    }

    fn begin<R: Rng + ?Sized>(&self, _distribution: &D, _sample: u64, _rng: &mut R) {}

    fn fill<R: Rng + ?Sized>(&self, distribution: &D, _sample: &mut (), noise: &mut [T], rng: &mut R) {
        let row = distribution.noise_dim();
        for pair in noise.chunks_exact_mut(2 * row) {
            let (one, mirrored) = pair.split_at_mut(row);
            distribution.draw_noise(rng, one);
            mirrored.copy_from_slice(one);
            distribution.reflect(mirrored);
        }
    }
}
