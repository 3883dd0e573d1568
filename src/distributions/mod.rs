//! The distributions, one per file: parameters, transform, pullback, score, entropy, in formulas.
//!
//! Each capability of a distribution is a trait that it implements, or does not, so that an estimator
//! that is not valid does not compile: pathwise is [`Reparameterizable`](crate::Reparameterizable), score
//! is [`LogDensity`](crate::LogDensity), ∇_z log p is
//! [`DifferentiableLogDensity`](crate::DifferentiableLogDensity), entropy is [`Entropy`](crate::Entropy).
//!
//! # Scalar
//!
//! Any number of independent coordinates of one family. Each family has its distribution function, exact
//! in both tails ([`FamilyCdf`]).
//!
//! | | pathwise | score | ∇_z log p | entropy | parameters |
//! | --- | --- | --- | --- | --- | --- |
//! | [`Exponential`] | ✓ | ✓ | ✓ | ✓ | rate |
//! | [`Logistic`], [`Gumbel`], [`Laplace`], [`Cauchy`] | ✓ | ✓ | ✓ | ✓ | mu, scale |
//! | [`Weibull`] | ✓ | ✓ | ✓ | ✓ | scale, shape |
//! | [`Frechet`] | ✓ | ✓ | ✓ | ✓ | scale, shape |
//! | [`Pareto`] | ✓ | refused: scale moves the support | ✓ | ✓ | scale, shape |
//! | [`Uniform`] | ✓ | refused: both bounds move the support | ✓ | ✓ | low, high |
//! | [`Kumaraswamy`] | ✓ | ✓ | ✓ | ✓ | a, b |
//! | [`TruncatedNormal`], to 1e-12 out to 40σ and in intervals of 1e-6σ | ✓ all four | refused: both bounds move the support | ✓ | ✓ | mu, sigma, low, high |
//! | [`HalfNormal`] | ✓ | ✓ | ✓ | ✓ | sigma |
//! | [`HalfCauchy`] | ✓ | ✓ | ✓ | ✓ | scale |
//! | [`LogLogistic`] | ✓ | ✓ | ✓ | ✓ | scale, shape |
//! | [`Gompertz`] | ✓ | ✓ | ✓ | ✓ | shape, rate |
//! | [`Triangular`] | ✓ | refused: low and high move the support | ✓ | ✓ | low, mode, high |
//! | [`Gamma`], [`LogGamma`] (the law of ln z, for tiny shapes) | ✓ implicit | ✓ | ✓ | ✓ | shape, rate |
//! | [`InverseGamma`] | ✓ implicit | ✓ | ✓ | ✓ | shape, scale |
//! | [`ChiSquared`] | ✓ implicit | ✓ | ✓ | ✓ | df |
//! | [`InverseGaussian`] | ✓ implicit | ✓ | ✓ | ✓ | mu, shape |
//! | [`VonMises`] | ✓ implicit | ✓ | ✓ | ✓ | mu, kappa |
//! | [`Beta`], [`LogitBeta`] (its log-odds, for shapes down to 1e-8) | ✓ implicit, to 1e-12 | ✓ | ✓ | ✓ | alpha, beta |
//! | [`StudentT`] | ✓ implicit, to 1e-13 | ✓ | ✓ | ✓ | nu, mu, sigma |
//! | [`InverseCdf`] of your quantile function, or of your CDF and density | ✓ | with a density | ✓ | if you give it | yours |
//!
//! # Gaussian, joint and relaxed
//!
//! | | pathwise | score | ∇_z log p | entropy | parameters |
//! | --- | --- | --- | --- | --- | --- |
//! | [`Normal`] | ✓ | ✓ | ✓ | ✓ | mu, sigma |
//! | [`LogNormal`] | ✓ | ✓ | ✓ | ✓ | mu, sigma |
//! | [`SoftplusNormal`], which does not explode | ✓ | ✓ | ✓ | – | mu, sigma |
//! | [`LogitNormal`] | ✓ | ✓ | ✓ | ✓ | mu, sigma |
//! | [`MultivariateNormal`] by its Cholesky factor | ✓ | ✓ | ✓ | ✓ | mu, diagonal, lower |
//! | [`LowRankNormal`]: a diagonal and R directions, for many coordinates | ✓ | ✓ | ✓ | ✓ | mu, factor, diagonal |
//! | [`MultivariateStudentT`] | ✓ implicit, to 1e-11 | ✓ | ✓ | ✓ | nu, mu, diagonal, lower |
//! | [`Dirichlet`] | ✓ the field of its own | ✓ | ✓ | ✓ | concentration |
//! | [`GaussianMixture`] in any dimension, [`Mixture<Q>`](Mixture) of any scalar family | ✓ implicit, weights too | ✓ | ✓ | – | logits or weights, the components' |
//! | [`GumbelSoftmax`], [`ExpConcrete`] (in log space), [`BinaryConcrete`] | ✓ (biased for the discrete objective) | ✓ | ✓ | – | logits, tau if learned |
//!
//! # Discrete
//!
//! The pathwise gradient of these does not compile; ∇_z log p does not exist.
//!
//! | | score | entropy | parameters |
//! | --- | --- | --- | --- |
//! | [`Bernoulli`], [`Categorical`] | ✓ | ✓ | logits or probs |
//! | [`Poisson`] | ✓ | – | rate |
//! | [`Binomial`], [`Geometric`] | ✓ | – | logits or probs |
//! | [`NegativeBinomial`], for any r above 0 | ✓ both | – | r, logits or probs |
//! | [`PlackettLuce`]: rankings, or their first k places | ✓ | – | logits |
//! | [`Subsets`]: the set of the first k, whatever their order (k ≤ 16) | ✓ | – | logits |
//! | [`ConditionalBernoulli`]: bits of which k are 1 | ✓ | – | logits |
//! | [`BitChain`]: each bit depends on the one before | ✓ | – | logits, couplings |
//!
//! # Wrappers
//!
//! | | can do | parameters |
//! | --- | --- | --- |
//! | [`Product<T, A, B>`](Product): two independent distributions as one | what both can, but for the relaxing estimators and `DisArmSticks` where there are categories | prefixed |
//! | [`Transformed<T, D, B>`](Transformed): D through a [map](crate::bijections): affine, exp, softplus, sigmoid, tanh, stick-breaking, planar, coupling | pathwise, score and ∇_z log p as D; no entropy | base.…, map.… |
//! | [`Unconstrained<T, D>`](Unconstrained): any optimiser may walk on its parameters | as D | unconstrained |
//! | [`Frozen<T, D>`](Frozen): some parameters stand still | as D; also where D is refused for a frozen one | the free ones |
//! | [`Remapped<T, D, M>`](Remapped): parameters through a [`ParameterMap`] of your own, which the two above are | as D, as far as the map is square ([`SquareParameterMap`]) | yours |
//!
//! # Dimensions, moments, divergences
//!
//! All but rankings, subsets and chains take any number of coordinates (or rows of categories), in `f32`
//! and `f64`. The coordinates are independent, except in the multivariate distributions, mixtures and
//! flows. Nearly all distributions have mean and variance ([`MeanVariance`](crate::MeanVariance)), and
//! the divergence to another member of their family with the gradients of both
//! ([`KlDivergence`](crate::KlDivergence)). The divergence is ∞ where the other does not cover; where it
//! has no closed form, it is computed by a quadrature with a stated accuracy. The exceptions are
//! relaxations, mixtures, flows, rankings, subsets and chains, [`MultivariateStudentT`] and
//! [`NegativeBinomial`].
//!
//! # Custom families, and what else is here
//!
//! | | what it is |
//! | --- | --- |
//! | [`Family`], [`Quantile`], [`Density`], [`DensityGradient`], [`FamilyCdf`], [`FamilyMoments`], [`FamilyKl`], [`FamilyWeakDerivative`], [`ClosedEntropy`] | what a scalar family can say of itself; [`InverseCdf`] makes the distribution |
//! | [`Cdf`], [`NumericInverse`] | a family that knows only its distribution function and density, and its numerical inverse |
//! | [`ExponentialFamily`], [`PoissonFamily`] and their like | the families behind the scalar distributions and counts, for [`Mixture`], [`InverseCdf`] and [`Counts`] |
//! | [`CountFamily`], [`CountLaw`], [`CountJump`], [`CountKl`], [`CountWeakDerivative`], [`Counts`] | the same for counts |
//! | [`MappedNormal`] | a normal through an increasing map of the line: log-normal, logit-normal and softplus-normal are |
//! | [`Concrete`] over a [`Space`], [`Simplex`] or [`LogSimplex`] | the relaxed categorical, of which two have names |
//! | [`Selection`], [`Unconstraining`] | the maps of [`Frozen`] and [`Unconstrained`] |

mod discrete;
mod gaussian;
mod joint;
mod relaxed;
mod scalar;
mod wrappers;

pub use discrete::bernoulli::Bernoulli;
pub use discrete::bit_chain::BitChain;
pub use discrete::categorical::Categorical;
pub use discrete::counts::{
    Binomial, BinomialFamily, CountFamily, CountJump, CountKl, CountLaw, CountWeakDerivative, Counts,
    Geometric, GeometricFamily, NegativeBinomial, NegativeBinomialFamily, Poisson, PoissonFamily,
};
pub use discrete::subsets::{ConditionalBernoulli, PlackettLuce, Subsets};
pub use gaussian::gaussian_mixture::GaussianMixture;
pub use gaussian::log_normal::LogNormal;
pub use gaussian::logit_normal::LogitNormal;
pub use gaussian::low_rank_normal::LowRankNormal;
pub use gaussian::mapped_normal::MappedNormal;
pub use gaussian::multivariate_normal::MultivariateNormal;
pub use gaussian::multivariate_student_t::MultivariateStudentT;
pub use gaussian::normal::Normal;
pub use gaussian::softplus_normal::SoftplusNormal;
pub use joint::dirichlet::Dirichlet;
pub use joint::mixture::Mixture;
pub use joint::product::Product;
pub use relaxed::binary_concrete::BinaryConcrete;
pub use relaxed::concrete::{Concrete, ExpConcrete, GumbelSoftmax, LogSimplex, Simplex, Space};
pub use scalar::*;
pub use wrappers::frozen::{Frozen, Selection};
pub use wrappers::remapped::{ParameterMap, Remapped, SquareParameterMap};
pub use wrappers::transformed::Transformed;
pub use wrappers::unconstrained::{Unconstrained, Unconstraining};
