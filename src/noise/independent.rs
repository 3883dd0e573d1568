//! Independent noise.

use rand::Rng;

use super::{NoiseSource, check_points};
use crate::distribution::Reparameterizable;
use crate::error::Error;
use crate::real::Real;

/// Independent points, a fixed number of them in each gradient sample: the reference for the other sources
/// at the same cost.
///
/// The variance of a gradient sample is that of one point divided by the number of points. With one point,
/// [`Pathwise::over`](crate::estimators::Pathwise::over) equals [`Pathwise`](crate::estimators::Pathwise)
/// bit for bit where draws are made from their noise. For an implicit family (a gamma, a Beta), `Pathwise`
/// uses a faster sampler; from a source, its draws go through the quantile function.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[1.0], &[0.5])?;
/// let f = (|z: &[f64]| z[0] * z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = 2.0 * z[0]; z[0] * z[0] });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Pathwise.over(Independent::new(16)).estimate(&normal, &f, 4000, &mut rng)?;
/// assert_eq!(estimate.evaluations(), 64_000);
/// assert!((estimate.variance()[0] - 1.0 / 16.0).abs() < 0.01); // 4σ² / 16
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Independent {
    points: usize,
}

impl Independent {
    /// This many points per gradient sample; 0 points are refused by the estimator.
    #[must_use]
    pub fn new(points: usize) -> Self {
        Self { points }
    }
}

impl Default for Independent {
    /// One point per gradient sample.
    fn default() -> Self {
        Self::new(1)
    }
}

impl<T: Real, D: Reparameterizable<T> + ?Sized> NoiseSource<T, D> for Independent {
    type Sample = ();

    fn points(&self) -> usize {
        self.points
    }

    /// # Errors
    /// [`Error::Option`] for 0 points.
    fn check(&self, _distribution: &D) -> Result<(), Error> {
        check_points(self.points)
    }

    fn begin<R: Rng + ?Sized>(&self, _distribution: &D, _sample: u64, _rng: &mut R) {}

    fn fill<R: Rng + ?Sized>(&self, distribution: &D, _sample: &mut (), noise: &mut [T], rng: &mut R) {
        distribution.draw_noise(rng, noise);
    }
}
