//! The capabilities of a distribution, one small trait each. A distribution implements those it has and
//! an estimator asks for those it needs, so an estimator that is not valid for a distribution does not
//! compile.
//!
//! | trait | what a distribution can do | who asks for it |
//! | --- | --- | --- |
//! | [`Distribution`] | be drawn from; state its parameters | all |
//! | [`Reparameterizable`] | draw as a differentiable transform of noise, with its pullback | [`Pathwise`](crate::estimators::Pathwise), bounds |
//! | [`UniformNoise`] | make that noise from uniforms | [antithetic](crate::noise::Antithetic) and [Sobol](crate::noise::ScrambledSobol) noise |
//! | [`Conditional`] | the same with parameters that somebody else owns | [`StochasticNode`](crate::StochasticNode) |
//! | [`LogDensity`] | density (or mass) and score | [`ScoreFunction`](crate::estimators::ScoreFunction) and its kin |
//! | [`DifferentiableLogDensity`] | `∇_z log p` | sampled entropies, importance weights |
//! | [`Entropy`] | entropy in closed form | [`Elbo::analytic()`](crate::estimators::Elbo::analytic) |
//! | [`MeanVariance`], [`KlDivergence`] | moments; divergence to another member of its family | you |
//! | [`Sequential`] | be drawn step by step | [`RewardToGo`](crate::estimators::RewardToGo) |
//! | [`WeakDerivative`] ([`WeakPair`], [`WeakSides`], [`Coupling`]) | be differentiated as a difference of two laws | [`MeasureValued`](crate::estimators::MeasureValued) |
//! | [`Jump`] | be differentiated as a jump of the draw | [`SmoothedPerturbation`](crate::estimators::SmoothedPerturbation) |
//! | [`FiniteSupport`] | list its outcomes | [`Enumerate`](crate::estimators::Enumerate), [`SumAndSample`](crate::estimators::SumAndSample), [`UnorderedSet`](crate::estimators::UnorderedSet) |
//! | [`FiniteFactors`] | change one choice at a time | [`LocalExpectation`](crate::estimators::LocalExpectation) |
//! | [`Relaxable`], [`Bits`], [`Categories`] | be bits, or rows of categories, of known logits | the estimators for those, and the biased ones |
//!
//! [`Draws`] and [`DrawsMut`] are blocks of draws with the numbers they carry.
//!
//! # Slices
//!
//! A draw is a row of [`dim`](Distribution::dim) numbers. Parameters and their gradients are rows,
//! divided by the [`layout`](Distribution::layout). A block is rows one after the other. The methods here
//! are the inner loops: they trust the stated lengths, and may panic on a slice that is too short, as any
//! slice does. The estimators, the stochastic node and every constructor check lengths and values once
//! and return an [`Error`].

mod discrete;
mod draws;
mod jump;
mod sequential;
mod weak;

use rand::Rng;

pub use discrete::{Bits, Categories, FiniteFactors, FiniteSupport, Relaxable};
pub(crate) use discrete::{count_outcomes, write_outcome};
pub use draws::{Draws, DrawsMut};
pub(crate) use draws::{pullback_of_draw, score_of_draw};
pub use jump::Jump;
pub use sequential::Sequential;
pub use weak::{Coupling, WeakDerivative, WeakPair, WeakSides};

use crate::error::Error;
use crate::layout::Layout;
use crate::real::Real;

/// `p_θ(z)`: an object that owns its parameters θ, knows their names and domains, and can be drawn from.
pub trait Distribution<T: Real> {
    /// Length of one draw z.
    fn dim(&self) -> usize;

    /// The flat parameter slice θ.
    fn params(&self) -> &[T];

    /// Replaces θ.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NonFiniteParameter`] or [`Error::ParameterDomain`]; θ is then unchanged.
    fn set_params(&mut self, params: &[T]) -> Result<(), Error>;

    /// Names, ranges and domains of θ.
    fn layout(&self) -> &Layout;

    /// Draws into `z`: one row, or several one after the other (`z.len()` is a multiple of `dim`).
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]);

    /// The number of values that a draw carries in addition to z, its [preimage](Draws): numbers that the
    /// density and score of a saturated draw need. 0 by default.
    #[inline]
    fn preimage_dim(&self) -> usize {
        0
    }

    /// As [`sample`](Self::sample), but also writes what the draws carry. A distribution with a
    /// [`preimage_dim`](Self::preimage_dim) overrides it.
    #[inline]
    fn sample_block<R: Rng + ?Sized>(&self, rng: &mut R, draws: DrawsMut<'_, T>) {
        self.sample(rng, draws.z);
    }
}

/// A distribution whose draw is a differentiable transform of θ-free noise, `z = g(θ, ε)` with `ε ~ p(ε)`.
///
/// The pullback is the product of a cotangent `v = ∂f/∂z` with the Jacobian of the transform at fixed
/// noise, `(∂z/∂θ)ᵀ v`; its expectation is `∇_θ E[f(z)]` for every differentiable f (Kingma & Welling 2014,
/// arXiv:1312.6114; Rezende, Mohamed & Wierstra 2014, arXiv:1401.4082). Only continuous distributions
/// implement it: a step function's almost-everywhere derivative is zero and says nothing.
#[diagnostic::on_unimplemented(
    message = "a draw of `{Self}` is not a differentiable transform of its noise",
    label = "the pathwise gradient needs a differentiable draw",
    note = "a discrete draw is a step function: its derivative is 0 almost everywhere and the gradient is in the jumps",
    note = "use `ScoreFunction`, or a relaxation such as `GumbelSoftmax` or `BinaryConcrete`"
)]
pub trait Reparameterizable<T: Real>: Distribution<T> {
    /// Length of the noise behind one draw.
    fn noise_dim(&self) -> usize;

    /// Draws ε: one row, or several one after the other (`noise.len()` is a multiple of `noise_dim`).
    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]);

    /// `z = g(θ, ε)` for one row.
    fn transform(&self, noise: &[T], z: &mut [T]);

    /// Writes `dθ = (∂z/∂θ)ᵀ dz` for one row, at the noise and the draw made from it.
    fn pullback(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]);

    /// Draws rows of z together with the noise behind them. By default this is
    /// [`draw_noise`](Self::draw_noise) and [`transform_block`](Self::transform_block). A distribution
    /// with a faster sampler, and a pullback that is a function of z alone (an implicit derivative),
    /// overrides it. The noise is then NaN: there is none, and the pullback does not read it.
    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], draws: DrawsMut<'_, T>) {
        self.draw_noise(rng, noise);
        self.transform_block(noise, draws);
    }

    /// [`transform`](Self::transform) of a block of rows; also writes what the draws carry.
    fn transform_block(&self, noise: &[T], draws: DrawsMut<'_, T>) {
        for (noise, z) in noise.chunks_exact(self.noise_dim()).zip(draws.z.chunks_exact_mut(self.dim())) {
            self.transform(noise, z);
        }
    }

    /// [`pullback`](Self::pullback) of a block of rows: one row of parameters per draw.
    fn pullback_block(&self, noise: &[T], draws: Draws<'_, T>, dz: &[T], dtheta: &mut [T]) {
        let dim = self.dim();
        let rows =
            noise.chunks_exact(self.noise_dim()).zip(draws.z.chunks_exact(dim)).zip(dz.chunks_exact(dim));
        for (((noise, z), dz), dtheta) in rows.zip(dtheta.chunks_exact_mut(self.params().len())) {
            self.pullback(noise, z, dz, dtheta);
        }
    }
}

/// A reparameterizable distribution whose noise is made from uniforms, coordinate by coordinate. Its
/// noise can then come from any [source](crate::noise) of uniforms, and has an antithetic partner.
///
/// A uniform u is given as the signed tail of a [`Probability`](crate::Probability), which is exact near
/// 0 and near 1.
///
/// ```
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[1.0], &[0.5])?;
/// let mut noise = [0.025]; // u = 0.025; 0.975 is the tail −0.025
/// normal.noise_from_uniforms(&mut noise);
/// assert!((noise[0] + 1.959_963_984_540_054f64).abs() < 1e-14);
/// normal.reflect(&mut noise);
/// assert!((noise[0] - 1.959_963_984_540_054f64).abs() < 1e-14);
/// # Ok::<(), reparam::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the noise of `{Self}` is not made from uniforms",
    label = "antithetic pairs and quasi-Monte-Carlo points need noise made from uniforms",
    note = "the noise sources `Independent` and `Replay` serve every reparameterizable distribution"
)]
pub trait UniformNoise<T: Real>: Reparameterizable<T> {
    /// Turns independent uniforms, given as signed tails, into noise in place: one row of
    /// [`noise_dim`](Reparameterizable::noise_dim), or several one after the other. It is increasing in
    /// every coordinate.
    fn noise_from_uniforms(&self, noise: &mut [T]);

    /// Turns noise into its antithetic partner in place: the noise of u becomes that of `1 − u`; one row
    /// or several.
    fn reflect(&self, noise: &mut [T]);
}

/// A distribution with a density (or a probability mass) and its score `∇_θ log p_θ(z)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no log-density and no score",
    label = "this estimator needs `log p_θ(z)` and `∇_θ log p_θ(z)`",
    note = "use `Pathwise`, which needs neither; your own distribution implements `LogDensity`, an `InverseCdf` needs the `Density` of its family"
)]
pub trait LogDensity<T: Real>: Distribution<T> {
    /// `log p_θ(z)` of one row; −∞ outside the support.
    fn log_prob(&self, z: &[T]) -> T;

    /// Writes the score `∇_θ log p_θ(z)` of one row.
    fn score(&self, z: &[T], score: &mut [T]);

    /// [`log_prob`](Self::log_prob) of a block of draws, exact where the draws carry what z has lost.
    fn log_prob_block(&self, draws: Draws<'_, T>, log_probs: &mut [T]) {
        for (z, log_prob) in draws.z.chunks_exact(self.dim()).zip(log_probs) {
            *log_prob = self.log_prob(z);
        }
    }

    /// [`score`](Self::score) of a block of draws: one row of parameters per draw, exact where the draws
    /// carry what z has lost.
    fn score_block(&self, draws: Draws<'_, T>, scores: &mut [T]) {
        let params = self.params().len();
        for (z, score) in draws.z.chunks_exact(self.dim()).zip(scores.chunks_exact_mut(params)) {
            self.score(z, score);
        }
    }
}

/// A continuous distribution whose log-density can be differentiated with respect to z.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no log-density that can be differentiated with respect to z",
    label = "this estimator needs `∇_z log p_θ(z)`",
    note = "use `Elbo::analytic` where the entropy is known in closed form, or `ScoreFunction` on the whole integrand",
    note = "your own distribution implements `DifferentiableLogDensity`, an `InverseCdf` needs the `DensityGradient` of its family"
)]
pub trait DifferentiableLogDensity<T: Real>: LogDensity<T> {
    /// Writes `∇_z log p_θ(z)` of one row.
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]);

    /// [`log_prob_gradient`](Self::log_prob_gradient) of a block of draws, exact where the draws carry
    /// what z has lost.
    fn log_prob_gradient_block(&self, draws: Draws<'_, T>, dz: &mut [T]) {
        let dim = self.dim();
        for (z, dz) in draws.z.chunks_exact(dim).zip(dz.chunks_exact_mut(dim)) {
            self.log_prob_gradient(z, dz);
        }
    }

    /// Whether the support is known to be the whole space, whatever θ is. A [map](crate::bijections) that
    /// moves all points then leaves the support unchanged. The default is `false`.
    fn covers_space(&self) -> bool {
        false
    }
}

/// A distribution whose entropy `H(θ) = −E[log p_θ(z)]` is known in closed form.
#[diagnostic::on_unimplemented(
    message = "the entropy of `{Self}` is not known in closed form",
    label = "this estimator needs the entropy and its gradient",
    note = "use `Elbo::sticking_the_landing` or `Elbo::sampled`, which estimate the entropy from the same draws"
)]
pub trait Entropy<T: Real>: Distribution<T> {
    /// `H(θ)` in nats.
    fn entropy(&self) -> T;

    /// Writes `∇_θ H(θ)`.
    fn entropy_gradient(&self, gradient: &mut [T]);
}

/// A distribution whose mean and variance are known for each coordinate.
pub trait MeanVariance<T: Real>: Distribution<T> {
    /// Writes `E z`; ±∞ where it diverges, NaN where it does not exist.
    fn mean(&self, mean: &mut [T]);

    /// Writes the variance of each coordinate; ∞ where it diverges, NaN where there is no mean.
    fn variance(&self, variance: &mut [T]);
}

/// A distribution whose Kullback–Leibler divergence `KL(p ‖ q) = E_p[ln p(z) − ln q(z)]` to another
/// member of its family is known.
pub trait KlDivergence<T: Real>: Distribution<T> {
    /// `KL(self ‖ other)` in nats; ∞ where `other` does not cover `self`.
    ///
    /// # Errors
    /// [`Error::Length`] if the two differ in shape.
    fn kl(&self, other: &Self) -> Result<T, Error>;

    /// Writes its gradients with respect to the parameters of both.
    ///
    /// # Errors
    /// [`Error::Length`] if the two differ in shape, or if the length of a slice is not that of the
    /// parameters; [`Error::NotCovered`] where the divergence is infinite because `other` does not cover
    /// `self`.
    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error>;
}

/// A reparameterizable distribution whose transform also runs on parameters that somebody else owns: the
/// rows that a network produced for a minibatch. The object itself then only gives the shape. The
/// [`StochasticNode`](crate::StochasticNode) needs this trait.
pub trait Conditional<T: Real>: Reparameterizable<T> {
    /// `z = g(θ, ε)` for one row, with θ lent as one slice per range of the layout.
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]);

    /// Writes `dθ = (∂z/∂θ)ᵀ dz` for one row, flat, with θ lent as in
    /// [`transform_with`](Self::transform_with).
    fn pullback_with(&self, params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]);
}
