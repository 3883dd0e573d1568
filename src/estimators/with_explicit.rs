//! The explicit gradient of an objective that depends on θ directly.

use rand::Rng;

use crate::distribution::Distribution;
use crate::error::Error;
use crate::estimator::{Block, BlockShape, GradientEstimator, Lesson};
use crate::objective::ParametricObjective;
use crate::real::Real;

/// An estimator that can add the explicit gradient `∂f_θ(z)/∂θ` to its gradient samples: what [`WithExplicit`] asks for.
///
/// The explicit gradient must be averaged over draws of `p_θ`, all those that a gradient sample is made of, and no others: not the sides of a weak
/// derivative, not the jumped counts, not the weighted draws of an importance sampler. An estimator says here which they are.
/// The default is right for an estimator all of whose rows `z` are draws of `p_θ`, and is taken over by
/// `impl<T, D, F> TotalGradient<T, D, F> for Mine where … {}`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot add the explicit gradient of an objective that depends on θ",
    label = "not all that it evaluates are draws of the distribution, or the objective is no `ParametricObjective`",
    note = "use `Pathwise`, `ScoreFunction` or `MeasureValued`; where all rows of `z` are draws, implement `TotalGradient` with nothing in it"
)]
pub trait TotalGradient<T, D, F>: GradientEstimator<T, D, F>
where
    T: Real,
    D: Distribution<T> + ?Sized,
    F: ParametricObjective<T> + ?Sized,
{
    /// How many of the rows `z` of one gradient sample are draws of `p_θ`, counted from the first: at least one, and not more than there are.
    fn own_draws(&self, distribution: &D) -> usize {
        self.shape(distribution).draws
    }

    /// [`gradient_samples`](GradientEstimator::gradient_samples), each with the mean explicit gradient over its draws.
    fn total_gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        mut block: Block<'_, T>,
        rng: &mut R,
    ) {
        self.gradient_samples(distribution, objective, block.reborrow(), rng);
        let (dim, params) = (distribution.dim(), distribution.params().len());
        let rows = block.z.len() / block.samples / dim;
        let own = self.own_draws(distribution).clamp(1, rows);
        let weight = T::of(own as f64).recip();
        for (z, gradient) in block.z.chunks_exact(rows * dim).zip(block.gradients.chunks_exact_mut(params)) {
            for z in z[..own * dim].chunks_exact(dim) {
                objective.add_parameter_gradient(z, weight, gradient);
            }
        }
    }
}

/// An estimator E with the explicit gradient of an objective that depends on θ directly:
///
/// `∇_θ E_{p_θ}[f_θ(z)] = E[∂f_θ(z)/∂θ] + E[what E makes of f_θ, held fixed]`,
///
/// both terms from the same draws in one gradient sample, so that the variance reported is that of their sum.
///
/// - **Unbiased** where E is, if `E[∂f_θ/∂θ]` may be differentiated under the integral: `f_θ(z)` continuous in θ for almost every z.
/// - **Needs** a [`ParametricObjective`] and an estimator with [`TotalGradient`]: [`Pathwise`](super::Pathwise), [`ScoreFunction`](super::ScoreFunction)
///   with every baseline, both over any noise source, [`MeasureValued`](super::MeasureValued), [`RewardToGo`](super::RewardToGo), [`Arm`](super::Arm),
///   [`DisArm`](super::DisArm), [`Arms`](super::Arms), [`DisArmSticks`](super::DisArmSticks), [`Enumerate`](super::Enumerate), and the bounds of one draw. Others do not compile.
/// - **Costs** one explicit gradient a draw of `p_θ`, no evaluation more.
/// - **Variance** is that of E and of the explicit gradient *with their covariance*: it may be less than that of E alone.
/// - **Use it** for discount factors, penalties with the parameters in them, temperatures; and for **second derivatives**: the gradient of f times a
///   score, or of a pathwise derivative, is a second derivative of `E[f]`, and the explicit term is the derivative of that score.
/// - **Not for** the `ln q_θ` of a variational bound, which [`SampledElbo`](super::SampledElbo) and its kin have in them: it would count twice.
///   A term of θ alone is exact without sampling: [`add_exact`](crate::GradientEstimate::add_exact).
///
/// Glasserman 2003, Monte Carlo Methods in Financial Engineering, sections 7.2 and 7.3, doi:10.1007/978-0-387-21617-1; Schulman, Heess, Weber &
/// Abbeel 2015, Gradient estimation using stochastic computation graphs, arXiv:1506.05254.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// // f(z) = μ z₀: E f = μ², whose derivative is 2μ; with f held fixed it would be μ.
/// let mu = 1.5;
/// let normal = Normal::new(&[mu], &[0.5])?;
/// let f = Parametric(
///     move |z: &[f64]| mu * z[0],
///     |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * z[0],
/// );
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mut estimator = WithExplicit::new(ScoreFunction::new());
/// let estimate = estimator.estimate(&normal, &f, 10_000, &mut rng)?;
/// assert!((estimate.gradient()[0] - 3.0).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// An estimator whose rows are not draws does not compile:
///
/// ```compile_fail,E0277
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[0.0], &[1.0])?;
/// let f = Parametric(
///     (|z: &[f64]| z[0], |z: &[f64], dz: &mut [f64]| { dz[0] = 1.0; z[0] }),
///     |_: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight,
/// );
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// // Its explicit gradient would have to be weighted like its draws.
/// WithExplicit::new(ImportanceWeighted::plain(5)?).estimate(&normal, &f, 100, &mut rng)?;
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WithExplicit<E> {
    inner: E,
}

impl<E> WithExplicit<E> {
    /// Adds the explicit gradient to what this estimator gives.
    #[must_use]
    pub fn new(inner: E) -> Self {
        Self { inner }
    }

    /// The estimator for f held fixed, with what it has learned.
    #[must_use]
    pub fn inner(&self) -> &E {
        &self.inner
    }

    /// The same, to change a setting between calls: to fit the value function of a [`RewardToGo`](super::RewardToGo), say.
    pub fn inner_mut(&mut self) -> &mut E {
        &mut self.inner
    }
}

impl<T, D, F, E> GradientEstimator<T, D, F> for WithExplicit<E>
where
    T: Real,
    D: Distribution<T> + ?Sized,
    F: ParametricObjective<T> + ?Sized,
    E: TotalGradient<T, D, F>,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        self.inner.shape(distribution)
    }

    fn gradient_samples<R: Rng + ?Sized>(
        &self,
        distribution: &D,
        objective: &F,
        block: Block<'_, T>,
        rng: &mut R,
    ) {
        self.inner.total_gradient_samples(distribution, objective, block, rng);
    }

    fn evaluations(&self, distribution: &D) -> usize {
        self.inner.evaluations(distribution)
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        self.inner.check(distribution)
    }

    fn check_objective(&self, distribution: &D, objective: &F) -> Result<(), Error> {
        self.inner.check_objective(distribution, objective)
    }

    fn check_samples(&self, distribution: &D, samples: usize) -> Result<(), Error> {
        self.inner.check_samples(distribution, samples)
    }

    fn learn(&mut self, lesson: Lesson<'_>) {
        self.inner.learn(lesson);
    }
}
