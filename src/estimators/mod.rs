//! The estimators, one per file: formula, bias, needs, cost, when to use it, and the paper.
//!
//! All implement [`GradientEstimator`](crate::GradientEstimator), and get `estimate` from
//! [`Estimate`](crate::Estimate). "Evaluations" are those of f in one gradient sample, where K or n is an
//! option of the estimator.
//!
//! # For any distribution
//!
//! | | needs | bias | evaluations | when |
//! | --- | --- | --- | --- | --- |
//! | [`Pathwise`] | transform, gradient of f | none, if f is continuous | 1 (value and gradient) | wherever it applies |
//! | [`ScoreFunction`] | log-density, values of f | none | 1 | f jumps or has no gradient, or z is discrete |
//! | … [`Baseline::Constant`] | a number | none | 1 | `E[f]` is known |
//! | … [`Baseline::MovingAverage`] | earlier calls | none | 1 | training loops with an expensive f |
//! | … [`Baseline::LeaveOneOut`] | | none | K ≥ 2 | the default: nothing to tune |
//! | … [`Baseline::PerParameter`], [`Baseline::Optimal`] | numbers, or an earlier call | none | 1 | parameters of very different scales |
//! | [`RewardToGo`], with a value function ([`StepValue`], [`NoValue`]) if there is one | steps with scores (chains, rankings, independent coordinates; wrappers of them), f a sum of terms | none | 1 | policies, paths: each decision is credited with what comes after it |
//! | … [`StepBaseline::LeaveOneOut`], [`MovingAverage`](StepBaseline::MovingAverage), [`PerStep`](StepBaseline::PerStep) | nothing, earlier calls, numbers | none | K ≥ 2, 1, 1 | nothing to tune; training loops; the expected rewards to go are known |
//! | [`MeasureValued::coupled()`](MeasureValued::coupled), [`uncoupled()`](MeasureValued::uncoupled) | a weak derivative, values of f | none | 1 + 1 or 2 per parameter | f jumps and θ is short; counts |
//!
//! # For bits
//!
//! | | needs | bias | evaluations | when |
//! | --- | --- | --- | --- | --- |
//! | [`DisArm`], [`Arms`] of n | bits, values of f | none | 2, n | the default |
//! | [`Arm`] | bits, values of f | none | 2 | to compare: [`DisArm`] is never worse |
//! | [`DoubleControl`] of K | bits, gradient of f at bits | none, α learned from spent samples | K | f is smooth and its gradient nearly free |
//! | [`Rebar`] ([`ConditionalNoise`]) | bits, gradient of f in between | none | 3, or 2 coupled (value and gradient) | f is smooth in between; learns its coefficients, and its temperature if asked |
//! | [`Relax<S>`](Relax) over a [`Surrogate`] such as [`QuadraticSurrogate`] | bits, values of f, earlier calls | none | 1 | training loops with an expensive f: learns a surrogate |
//!
//! # For categories, counts and other finite choices
//!
//! | | needs | bias | evaluations | when |
//! | --- | --- | --- | --- | --- |
//! | [`DisArmSticks`] | rows of categories, values of f | none | 2 | categories, two evaluations |
//! | [`LocalExpectation`] | independent factors, values of f | none | 1 + one per alternative | f is cheap, or changes little with one bit |
//! | [`Enumerate`] | a support that can be listed | none, exact | all outcomes | few outcomes; the reference for the others |
//! | [`SumAndSample`] of k | a support that can be listed | none | k + 1 | one categorical, few likely classes |
//! | [`UnorderedSet`] | a support that can be listed, values of f | none | k, all of different outcomes | one categorical, and f is expensive; with its built-in baseline in nearly every case |
//! | [`SmoothedPerturbation`] | known jumps, values of f | none | 1 + 1 per parameter | counts and categories where a step of f is small compared with f |
//!
//! # For variational bounds
//!
//! | | needs | bias | evaluations | when |
//! | --- | --- | --- | --- | --- |
//! | [`Elbo::analytic()`](Elbo::analytic) | as [`Pathwise`], and an entropy in closed form | none | 1 | far from the optimum |
//! | [`Elbo::sampled()`](Elbo::sampled), [`Elbo::sticking_the_landing()`](Elbo::sticking_the_landing) | as [`Pathwise`], and a density | none | 1 | no closed entropy; the second near the optimum |
//! | [`ImportanceWeighted::plain()`](ImportanceWeighted::plain), [`doubly_reparameterized()`](ImportanceWeighted::doubly_reparameterized) | as [`Pathwise`], and a density | none, for the bound of K draws | K | tighter bounds; the second for large K |
//! | [`Vimco`], its bound a [`WeightMean`] | log-density, log-weights | none | K ≥ 2 | discrete latent variables under the bound of K importance weights; the value is the bound |
//!
//! [`Analytic`], [`Sampled`] and [`StickingTheLanding`] are the entropy terms ([`EntropyTerm`]) of an
//! [`Elbo`].
//!
//! # Biased estimators
//!
//! | | needs | bias | evaluations | when |
//! | --- | --- | --- | --- | --- |
//! | [`StraightThrough`] | bits or categories, gradient of f at the draw | **yes**, of second order in f | 1 (value and gradient) | little variance matters more than bias |
//! | [`ReinMax`] | the same | **yes**, of third order in f | 1 (value and gradient) | instead of straight-through |
//! | [`StraightThroughGumbelSoftmax`] | the same, and a temperature | **yes** | 1 (value and gradient) | f must see hard draws |
//! | [`GumbelRao`] | the same, and inner draws | **yes**, the same | 1 (value and gradient) | the same, with less variance |
//!
//! # Over a noise source
//!
//! `Pathwise.over(source)`, `ScoreFunction::new().over(source)`, `Elbo::sampled().over(source)` and
//! `ImportanceWeighted::plain(K).over(source)` are [`Over`] rules: a gradient sample is the mean over the
//! points of a [noise source](crate::noise). A rule that can be used in this way is a [`DrawRule`].
//!
//! | source | needs | evaluations | when |
//! | --- | --- | --- | --- |
//! | [`Antithetic`](crate::noise::Antithetic) | noise from uniforms | 2 | f is nearly linear (where it is nearly even, it costs double) |
//! | [`ScrambledSobol`](crate::noise::ScrambledSobol) | noise from uniforms | 2^m | a precise gradient in few effective dimensions: variance down to n⁻³ instead of n⁻¹ |
//! | [`Replay`](crate::noise::Replay) | recorded noise | as recorded | common random numbers: the difference of two gradients |
//! | [`Independent`](crate::noise::Independent) | | n | the reference for the others |
//!
//! # Objectives that depend on θ
//!
//! Where f depends on θ itself ([`Parametric`](crate::Parametric)), the engine adds the explicit gradient
//! `E[∂f_θ(z)/∂θ]` to what the estimator gives, or refuses, by name, an estimator whose rows are not draws
//! of `p_θ`.

mod biased;
mod bits;
mod bounds;
mod categories;
mod continuous;
mod options;

pub use biased::gumbel_rao::GumbelRao;
pub use biased::reinmax::ReinMax;
pub use biased::straight_through::StraightThrough;
pub use biased::straight_through_gumbel_softmax::StraightThroughGumbelSoftmax;
pub use bits::arm::Arm;
pub use bits::arms::Arms;
pub use bits::disarm::DisArm;
pub use bits::double_control::DoubleControl;
pub use bits::rebar::Rebar;
pub use bits::relax::{ConditionalNoise, QuadraticSurrogate, Relax, Surrogate};
pub use bounds::elbo::{Analytic, Elbo, EntropyTerm, Sampled, StickingTheLanding};
pub use bounds::importance_weighted::ImportanceWeighted;
pub use bounds::vimco::{Vimco, WeightMean};
pub use categories::disarm_sticks::DisArmSticks;
pub use categories::enumerate::Enumerate;
pub use categories::local_expectation::LocalExpectation;
pub use categories::smoothed_perturbation::SmoothedPerturbation;
pub use categories::sum_and_sample::SumAndSample;
pub use categories::unordered_set::UnorderedSet;
pub use continuous::measure_valued::MeasureValued;
pub use continuous::over::{DrawRule, Over};
pub use continuous::pathwise::Pathwise;
pub use continuous::reward_to_go::{NoValue, RewardToGo, StepBaseline, StepValue};
pub use continuous::score_function::{Baseline, ScoreFunction};
