//! Groups of antithetic bits.

use crate::distribution::Bits;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::options::check_draws;
use crate::objective::{Evaluator, Objective};
use crate::probability::Probability;
use crate::real::Real;

/// `ARMS`: n draws whose bits are as different as possible, with a leave-one-out baseline; their dependence
/// is divided out: `Σⱼ (fⱼ − f̄) (bⱼ − p) / ((n − 1)(1 − ρ))` for each logit.
///
/// The uniforms of a bit come from a Dirichlet copula, `uⱼ = (1 − dⱼ)^(n−1)` with d uniform on the simplex
/// of n coordinates, mirrored where `p > ½`; ρ is the correlation of two of the n bits, known in closed
/// form: `E bᵢbⱼ = max(0, 2 q^(1/(n−1)) − 1)^(n−1)`, where q is the smaller of p and 1 − p.
///
/// - **Unbiased** for any objective. **Needs** [`Bits`] and an [`Objective`]. **Costs** n evaluations of f.
/// - **Variance**: n = 2 is [`DisArm`](crate::estimators::DisArm). For most f, a larger n is better than
///   independent pairs of DisARM, or independent draws with leave-one-out, at the same cost.
/// - **Use it** where you want several evaluations per gradient sample anyway.
///
/// Dimitriev & Zhou 2021, arXiv:2105.14141.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.5; 20])?;
/// let f = |b: &[f64]| (b.iter().sum::<f64>() - 8.0).powi(2);
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let arms = Arms::new(4).estimate(&bits, &f, 5000, &mut rng)?;
/// let disarm = DisArm.estimate(&bits, &f, 5000, &mut rng)?;
/// assert!(arms.variance_per_evaluation() < disarm.variance_per_evaluation());
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arms {
    draws: usize,
}

impl Arms {
    /// With groups of n draws. Fewer than two are refused with [`Error::TooFewDraws`] before the first draw.
    #[must_use]
    pub fn new(draws: usize) -> Self {
        Self { draws }
    }

    /// n, the number of draws per gradient sample.
    #[must_use]
    pub fn draws(&self) -> usize {
        self.draws
    }
}

/// `q (1 − q) (1 − ρ) = q − E bᵢbⱼ`, relative to q and without cancellation, for two bits that are 1 where
/// a uniform of the copula is below q ≤ ½.
fn spread(q: f64, group: usize) -> f64 {
    let power = (group - 1) as f64;
    // For a small q and a small group, q^(1/(n−1)) is below ½, and the two bits are never both 1.
    let root = 2.0 * (q.ln() / power).exp() - 1.0;
    if root <= 0.0 { 1.0 } else { -(power * root.ln() - q.ln()).exp_m1() }
}

impl<T, D, F> GradientEstimator<T, D, F> for Arms
where
    T: Real,
    D: Bits<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, _: &D) -> BlockShape {
        BlockShape::of_own_draws(self.draws).with_scratch(self.draws)
    }

    fn check(&self, _: &D) -> Result<(), Error> {
        check_draws(self.draws)
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, n) = (distribution.dim(), self.draws);
        for group in block.z.chunks_exact_mut(n * dim) {
            for i in 0..dim {
                let p = distribution.probability(i);
                let mut sum = T::zero();
                for e in &mut *block.scratch {
                    *e = -Probability::from_tail(T::signed_tail(rng)).ln_lower();
                    sum += *e;
                }
                let rare = if p.in_lower_half() { T::one() } else { T::zero() };
                let ln_q = p.ln_lower().min(p.ln_upper());
                let power = T::of((n - 1) as f64);
                for (j, &e) in block.scratch.iter().enumerate() {
                    // u = (1 − d)^(n−1) < q, in logarithms
                    let below = power * (-e / sum).ln_1p() < ln_q;
                    group[j * dim + i] = if below { rare } else { T::one() - rare };
                }
            }
        }
        objective.value_block(block.z, dim, block.values);
        let groups = block.z.chunks_exact(n * dim).zip(block.values.chunks_exact(n));
        for ((group, values), gradient) in groups.zip(block.gradients.chunks_exact_mut(dim)) {
            // The mean as a deviation from the first value, so that a constant objective gives exactly 0.
            let mean = values[0] + values.iter().map(|&f| f - values[0]).sum::<T>() / T::of(n as f64);
            gradient.fill(T::zero());
            for (bits, &value) in group.chunks_exact(dim).zip(values) {
                for (g, &bit) in gradient.iter_mut().zip(bits) {
                    // Σ (f − f̄) = 0, so b may stand for b − p.
                    *g += (value - mean) * bit;
                }
            }
        }
        for i in 0..dim {
            let p = distribution.probability(i);
            let q = p.lower().min(p.upper()).f64();
            // 1/((n − 1)(1 − ρ)) with (1 − ρ) q (1 − q) = q · spread
            let weight = T::of((1.0 - q) / ((n - 1) as f64 * spread(q, n)));
            for row in block.gradients.chunks_exact_mut(dim) {
                row[i] *= weight;
            }
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }
}

// Each member of the group is a draw.
