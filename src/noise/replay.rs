//! Stored noise: common random numbers.

use rand::Rng;

use super::{Independent, NoiseSource, check_points};
use crate::distribution::Reparameterizable;
use crate::error::{Error, check_len};
use crate::real::Real;

/// Stored noise, the same in every estimate: common random numbers. Gradient sample i is made from the
/// noise recorded for it. Two estimates at different θ (or of different objectives, or by pathwise and
/// score function) then use the same ε, sample by sample, and their difference has only the variance of
/// what differs.
///
/// - An estimate of more gradient samples than were recorded is **refused** ([`Error::Length`]), before the
///   objective is evaluated: noise is never used twice within an estimate, since its standard errors would
///   then be wrong. Fewer samples use the first ones.
/// - The noise must be that of a distribution of the same family and shape: the length of a row is checked,
///   the law cannot be.
/// - Estimates that share noise are not independent: do not merge them.
/// - It holds all its noise in memory, samples × points × noise dimension numbers: it is the only source
///   whose memory grows with the number of samples.
///
/// Glasserman & Yao 1992, "Some guidelines and guarantees for common random numbers",
/// doi:10.1287/mnsc.38.6.884.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let here = Normal::new(&[1.0], &[0.5])?;
/// let there = Normal::new(&[1.01], &[0.5])?;
/// let f = (|z: &[f64]| z[0].exp(), |z: &[f64], dz: &mut [f64]| { dz[0] = z[0].exp(); dz[0] });
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut pathwise = Pathwise.over(Replay::record(&here, 1000, &mut rng));
/// let a = pathwise.estimate(&here, &f, 1000, &mut rng)?;
/// let b = pathwise.estimate(&there, &f, 1000, &mut rng)?;
/// // e^(z + 0.01) = e^0.01 e^z: the ratio is exact, with any number of samples.
/// assert!((b.gradient()[0] / a.gradient()[0] - 0.01f64.exp()).abs() < 1e-12);
///
/// let error = pathwise.estimate(&here, &f, 1001, &mut rng).unwrap_err();
/// assert_eq!(error.to_string(), "length of stored noise (in gradient samples) is 1000, expected 1001");
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Replay<T> {
    noise: Vec<T>,
    noise_dim: usize,
    points: usize,
}

impl<T: Real> Replay<T> {
    /// Records independent noise of the distribution for this many gradient samples of one point each.
    #[must_use]
    pub fn record<D, R>(distribution: &D, samples: usize, rng: &mut R) -> Self
    where
        D: Reparameterizable<T> + ?Sized,
        R: Rng + ?Sized,
    {
        Self::record_from(&Independent::default(), distribution, samples, rng)
    }

    /// Records what another source gives for this many gradient samples.
    #[must_use]
    pub fn record_from<S, D, R>(source: &S, distribution: &D, samples: usize, rng: &mut R) -> Self
    where
        S: NoiseSource<T, D> + ?Sized,
        D: Reparameterizable<T> + ?Sized,
        R: Rng + ?Sized,
    {
        let (noise_dim, points) = (distribution.noise_dim(), source.points());
        let row = points * noise_dim;
        let mut noise = vec![T::zero(); samples * row];
        // Without points there is nothing to fill, and `check` refuses.
        for (index, row) in noise.chunks_exact_mut(row.max(1)).enumerate() {
            let mut sample = source.begin(distribution, index as u64, rng);
            source.fill(distribution, &mut sample, row, rng);
        }
        Self { noise, noise_dim, points }
    }

    /// From noise made elsewhere: rows of length `noise_dim`, `points` of them per gradient sample.
    ///
    /// # Errors
    /// [`Error::Option`] for 0 points, [`Error::EmptySupport`] for a `noise_dim` of 0, [`Error::Length`] if
    /// the last gradient sample is incomplete.
    pub fn from_noise(noise: Vec<T>, noise_dim: usize, points: usize) -> Result<Self, Error> {
        check_points(points)?;
        if noise_dim == 0 {
            return Err(Error::EmptySupport { what: "a row of noise without coordinates" });
        }
        let row = points.saturating_mul(noise_dim);
        let whole = (noise.len() / row).saturating_mul(row);
        check_len("the stored noise (of whole gradient samples)", whole, noise.len())?;
        Ok(Self { noise, noise_dim, points })
    }

    /// The noise, row by row.
    #[must_use]
    pub fn noise(&self) -> &[T] {
        &self.noise
    }

    /// The number of gradient samples that it has noise for.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.noise.len() / (self.points * self.noise_dim).max(1)
    }
}

impl<T: Real, D: Reparameterizable<T> + ?Sized> NoiseSource<T, D> for Replay<T> {
    /// Where the next row starts.
    type Sample = usize;

    fn points(&self) -> usize {
        self.points
    }

    /// # Errors
    /// [`Error::Length`] if the rows are not those of the distribution's noise; [`Error::Option`] if what
    /// was recorded had no points.
    fn check(&self, distribution: &D) -> Result<(), Error> {
        check_points(self.points)?;
        check_len("a row of the stored noise", distribution.noise_dim(), self.noise_dim)
    }

    fn limit(&self) -> Option<usize> {
        Some(self.samples())
    }

    fn begin<R: Rng + ?Sized>(&self, _distribution: &D, sample: u64, _rng: &mut R) -> usize {
        let row = self.points * self.noise_dim;
        usize::try_from(sample).map_or(usize::MAX, |sample| sample.saturating_mul(row))
    }

    fn fill<R: Rng + ?Sized>(&self, _distribution: &D, at: &mut usize, noise: &mut [T], _rng: &mut R) {
        let end = at.saturating_add(noise.len());
        match self.noise.get(*at..end) {
            Some(stored) => noise.copy_from_slice(stored),
            // Beyond the end, which the estimators refuse before they start, there is only NaN, which
            // cannot pass for noise.
            None => noise.fill(T::nan()),
        }
        *at = end;
    }
}
