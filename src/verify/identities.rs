//! What every score satisfies under its own distribution.

use rand::Rng;

use super::derivatives::moves;
use super::unbiasedness::two_sided;
use crate::distribution::LogDensity;
use crate::error::Error;
use crate::estimate::Moments;

/// The score's mean and information, as sampled.
#[derive(Debug, Clone, PartialEq)]
pub struct Identities {
    /// `E s`, which should be 0.
    pub score: Moments,
    /// `E[s sᵀ]`, the Fisher information, row by row.
    pub information: Vec<f64>,
    /// `E[s sᵀ + ∂s/∂θ]`, which should be 0, row by row.
    pub balance: Moments,
}

impl Identities {
    /// The largest of all means that should be 0, in standard errors.
    #[must_use]
    pub fn largest(&self) -> f64 {
        let of = |moments: &Moments| {
            let errors = moments.standard_error();
            moments.mean().iter().zip(errors).fold(0.0, |most: f64, (mean, error)| {
                // What rounding and differences leave where nothing varies.
                let size = (mean.abs() - 1e-7 * self.scale()).max(0.0);
                most.max(if size == 0.0 { 0.0 } else { size / error })
            })
        };
        of(&self.score).max(of(&self.balance))
    }

    fn scale(&self) -> f64 {
        self.information.iter().fold(1.0, |most: f64, i| most.max(i.abs()))
    }

    /// The probability that correct scores look at least as wrong as these, by the normal law of means and
    /// Bonferroni's bound over all of them.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        let means = self.score.mean().len() + self.balance.mean().len();
        two_sided(self.largest(), self.score.count().saturating_sub(1), means)
    }
}

/// Draws from a distribution, and averages its score and `s sᵀ + ∂s/∂θ`. Both have mean 0 if sampler, score
/// and density belong together. `∂s/∂θ` is computed by differences. It costs `draws × parameters` scores.
///
/// # Errors
/// [`Error::SupportDependsOnParameter`]: neither identity holds for such a parameter. [`Error::ZeroSamples`].
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
/// use reparam::verify;
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let identities = verify::score_identities(&Normal::new(&[1.0], &[2.0])?, 20_000, &mut rng)?;
/// assert!(identities.p_value() > 1e-3); // a correct score fails this once in a thousand runs
/// assert!((identities.information[0] - 0.25).abs() < 0.02); // 1/σ² for μ
/// # Ok::<(), reparam::Error>(())
/// ```
pub fn score_identities<D, R>(distribution: &D, draws: usize, rng: &mut R) -> Result<Identities, Error>
where
    D: LogDensity<f64> + Clone,
    R: Rng + ?Sized,
{
    distribution.layout().check_score()?;
    if draws == 0 {
        return Err(Error::ZeroSamples);
    }
    let params = distribution.params().len();
    let mut z = vec![0.0; distribution.dim()];
    let mut row = vec![0.0; params];
    let (mut score, mut above, mut below) = (row.clone(), row.clone(), row.clone());
    let mut balance = vec![0.0; params * params];
    // Far smaller steps than the length on which a parameter matters: the error is 1e-8 of the derivative,
    // and no standard error is smaller.
    let moves = moves(distribution);
    let neighbours: Vec<_> = moves
        .iter()
        .filter_map(|m| {
            let step = 1e-3 * m.step;
            let (low, high) = (m.value - step, m.value + step);
            Some((m.apply(distribution, low)?, m.apply(distribution, high)?, high - low))
        })
        .collect();
    // On a simplex, only the components along the moves are meaningful.
    let components = |d: &D, z: &[f64], row: &mut [f64], along: &mut [f64]| {
        d.score(z, row);
        for (along, m) in along.iter_mut().zip(&moves) {
            *along = m.of_row(row);
        }
    };
    let mut result = Identities {
        score: Moments::new(params),
        information: vec![0.0; params * params],
        balance: Moments::new(params * params),
    };
    for draw in 0..draws {
        distribution.sample(rng, &mut z);
        components(distribution, &z, &mut row, &mut score);
        let weight = 1.0 / (draw + 1) as f64;
        for (j, (lower, upper, width)) in neighbours.iter().enumerate() {
            components(lower, &z, &mut row, &mut below);
            components(upper, &z, &mut row, &mut above);
            for i in 0..params {
                let (product, at) = (score[i] * score[j], i * params + j);
                balance[at] = product + (above[i] - below[i]) / width;
                result.information[at] += (product - result.information[at]) * weight;
            }
        }
        result.score.merge(&Moments::from_rows(&score, params))?;
        result.balance.merge(&Moments::from_rows(&balance, params * params))?;
    }
    Ok(result)
}
