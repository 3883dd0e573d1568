//! Antithetic pairs of bits.

use crate::distribution::Bits;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// DisARM, also known as U2G: a pair of antithetic draws, `½ (f(b) − f(b̃)) (b − b̃) max(p, 1 − p)` for
/// each logit.
///
/// With uniforms u, `b = 1[u < p]` and `b̃ = 1[1 − u < p]`, bit by bit. Only bits that differ within the
/// pair get a gradient.
///
/// - **Unbiased** for any objective.
/// - **Needs** [`Bits`] and an [`Objective`].
/// - **Costs** two evaluations of f and no score.
/// - **Variance** is that of [`Arm`](crate::estimators::Arm) with the uniform integrated out, so it is
///   never above it. Compared with two draws with a leave-one-out baseline, it is smaller where bits are
///   near ½, and may be larger where they are nearly certain and f is not nearly linear.
/// - **Use it** for bits by default; with more evaluations to spend, [`Arms`](crate::estimators::Arms).
///
/// Dong, Mnih & Tucker 2020, arXiv:2006.10680; Yin, Ho, Yan, Qian & Zhou 2020 (U2G), arXiv:2006.06725.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.5; 20])?;
/// let f = |b: &[f64]| (b.iter().sum::<f64>() - 8.0).powi(2);
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let disarm = DisArm.estimate(&bits, &f, 5000, &mut rng)?;
/// let mut two = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 2 });
/// let leave_one_out = two.estimate(&bits, &f, 5000, &mut rng)?;
/// assert!(disarm.total_variance() < leave_one_out.total_variance()); // at the same cost
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DisArm;

impl<T, D, F> GradientEstimator<T, D, F> for DisArm
where
    T: Real,
    D: Bits<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        BlockShape::of_own_draws(2).with_scratch(distribution.dim())
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let dim = distribution.dim();
        for pair in block.z.chunks_exact_mut(2 * dim) {
            let (bits, partners) = pair.split_at_mut(dim);
            distribution.antithetic_pairs(rng, bits, partners);
        }
        objective.value_block(block.z, dim, block.values);
        for (i, larger) in block.scratch.iter_mut().enumerate() {
            let p = distribution.probability(i);
            *larger = p.lower().max(p.upper());
        }
        let pairs = block.z.chunks_exact(2 * dim).zip(block.values.as_chunks().0);
        for ((pair, &[value, partner]), gradient) in pairs.zip(block.gradients.chunks_exact_mut(dim)) {
            let half = T::of(0.5) * (value - partner);
            let (bits, partners) = pair.split_at(dim);
            for (((g, &b), &c), &larger) in gradient.iter_mut().zip(bits).zip(partners).zip(&*block.scratch) {
                *g = half * (b - c) * larger;
            }
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }
}

// Both the bits and their partners are draws.
