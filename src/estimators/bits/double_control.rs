//! Leave-one-out with a linear control variate from the gradient of f at the other draws.

use crate::distribution::Bits;
use crate::error::{Error, check_len};
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator, Statistics};
use crate::estimators::options::check_draws;
use crate::objective::{DifferentiableObjective, Evaluator};
use crate::real::Real;

/// Double control variates: leave-one-out, with a linear prediction of f at this draw from the gradients of
/// f at the *other* draws, `1/K Σₖ { [f(bₖ) − f̄₋ₖ − α a₋ₖ·(bₖ − b̄₋ₖ)] (bₖ − p) + α a₋ₖ p (1 − p) }` for
/// the logits, where `f̄₋ₖ`, `b̄₋ₖ` and `a₋ₖ` are the means of f, b and `∇f` over the others.
///
/// The linear term is a control variate both for f and for its baseline. `a₋ₖ` does not depend on bₖ, so
/// the expectation of the term over bₖ is known exactly: it is the last summand. The weight α may be one
/// number, or one per parameter.
///
/// - **Unbiased** for any objective that has a gradient at bits, for any α; a learned α comes from earlier
///   calls.
/// - **Needs** [`Bits`] and a [`DifferentiableObjective`]: f must be meaningful between 0 and 1, although
///   only its slope at bits is used.
/// - **Costs** K evaluations of value and gradient.
/// - **Variance** is 0 for a linear f with α = 1, and that of leave-one-out for α = 0.
///   [`learned`](Self::learned) finds the best α of each parameter from samples already spent; the first
///   call uses 0.
/// - **Use it** where f is smooth and its gradient nearly free, as with backpropagation.
///
/// After Titsias & Shi 2022, Double Control Variates for Gradient Estimation in Discrete Latent Variable
/// Models, arXiv:2111.05300; α is learned here by regression instead of a gradient step on the variance.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let bits = Bernoulli::from_logits(&[0.3; 10])?;
/// let f = Differentiable(|b: &[f64], db: Option<&mut [f64]>| {
///     let sum: f64 = b.iter().sum();
///     if let Some(db) = db {
///         db.fill(2.0 * (sum - 3.0));
///     }
///     (sum - 3.0) * (sum - 3.0)
/// });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let double = DoubleControl::new(2).with_weight(1.0).estimate(&bits, &f, 5000, &mut rng)?;
/// let mut two = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 2 });
/// let single = two.estimate(&bits, &f, 5000, &mut rng)?;
/// assert!(double.total_variance() < single.total_variance());
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DoubleControl {
    draws: usize,
    weight: f64,
    learns: bool,
    weights: Vec<f64>,
}

impl DoubleControl {
    /// With groups of K draws and a learned α for each parameter. Fewer than two draws are refused with
    /// [`Error::TooFewDraws`] before the first draw.
    #[must_use]
    pub fn new(draws: usize) -> Self {
        Self { draws, weight: 0.0, learns: true, weights: Vec::new() }
    }

    /// With the same constant α for all parameters, instead of a learned one.
    #[must_use]
    pub fn with_weight(self, alpha: f64) -> Self {
        Self { weight: alpha, learns: false, weights: Vec::new(), ..self }
    }

    /// The α of each parameter that the next call will use, if α is learned; empty before the first call.
    #[must_use]
    pub fn learned(&self) -> &[f64] {
        &self.weights
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for DoubleControl
where
    T: Real,
    D: Bits<T> + ?Sized,
    F: DifferentiableObjective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let dim = distribution.dim();
        let statistics = if self.learns { 2 * dim } else { 0 };
        BlockShape::of_own_draws(self.draws)
            .with_objective_gradient()
            .with_scratch(3 * dim)
            .with_statistics(statistics)
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        check_draws(self.draws)?;
        if !self.weight.is_finite() {
            let expected = "a finite number";
            return Err(Error::Option { option: "weight", value: self.weight, expected });
        }
        if self.weights.is_empty() {
            Ok(())
        } else {
            check_len("learned weights", distribution.dim(), self.weights.len())
        }
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, k) = (distribution.dim(), self.draws);
        distribution.sample(rng, block.z);
        objective.value_and_gradient_block(block.z, dim, block.values, block.dz);
        let (bits_sum, rest) = block.scratch.split_at_mut(dim);
        let (slopes_sum, control) = rest.split_at_mut(dim);
        let others = T::of((k - 1) as f64).recip();
        let each = T::of(k as f64).recip();
        let groups = block.z.chunks_exact(k * dim).zip(block.dz.chunks_exact(k * dim));
        let outputs = block.values.chunks_exact(k).zip(block.gradients.chunks_exact_mut(dim));
        for ((z, dz), (values, gradient)) in groups.zip(outputs) {
            let first = values[0];
            // Sums of deviations from the first value: a constant objective gives exactly 0.
            let value_sum: T = values.iter().map(|&f| f - first).sum();
            for (sum, rows) in [(&mut *bits_sum, z), (&mut *slopes_sum, dz)] {
                sum.fill(T::zero());
                for row in rows.chunks_exact(dim) {
                    for (sum, &x) in sum.iter_mut().zip(row) {
                        *sum += x;
                    }
                }
            }
            gradient.fill(T::zero());
            control.fill(T::zero());
            for ((bits, slopes), &value) in z.chunks_exact(dim).zip(dz.chunks_exact(dim)).zip(values) {
                let excess = (value - first) - (value_sum - (value - first)) * others;
                let mut linear = T::zero();
                for i in 0..dim {
                    let slope = (slopes_sum[i] - slopes[i]) * others;
                    linear += slope * (bits[i] - (bits_sum[i] - bits[i]) * others);
                }
                for i in 0..dim {
                    let p = distribution.probability(i);
                    let score = if bits[i].is_one() { p.upper() } else { -p.lower() };
                    let slope = (slopes_sum[i] - slopes[i]) * others;
                    gradient[i] += each * excess * score;
                    control[i] += each * (slope * p.lower() * p.upper() - linear * score);
                }
            }
            if self.learns {
                let (products, squares) = block.statistics.split_at_mut(dim);
                for i in 0..dim {
                    let (g, h) = (gradient[i].f64(), control[i].f64());
                    products[i] += g * h;
                    squares[i] += h * h;
                }
            }
            for (i, (g, &h)) in gradient.iter_mut().zip(&*control).enumerate() {
                *g += T::of(self.weights.get(i).copied().unwrap_or(self.weight)) * h;
            }
        }
        distribution.chain_logits(block.gradients);
        Ok(())
    }

    fn update(&mut self, spent: Statistics<'_>) {
        if self.learns {
            // The control has mean 0, so this is −Cov/Var.
            let (products, squares) = spent.sums.split_at(spent.sums.len() / 2);
            self.weights.clear();
            self.weights
                .extend(products.iter().zip(squares).map(|(p, s)| if *s > 0.0 { -p / s } else { 0.0 }));
        }
    }
}
