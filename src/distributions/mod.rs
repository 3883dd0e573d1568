//! The distributions, one a file: parameters, transform, pullback, score, tests.

mod bernoulli;
mod beta;
mod binary_concrete;
mod bracketed;
mod categorical;
mod cauchy;
mod chi_squared;
mod concrete;
mod counts;
mod dirichlet;
mod exponential;
mod frozen;
mod gamma;
mod gaussian_mixture;
mod gompertz;
mod gumbel;
mod half_cauchy;
mod half_normal;
mod inverse_cdf;
mod inverse_gamma;
mod inverse_gaussian;
mod kumaraswamy;
mod laplace;
mod log_gamma;
mod log_logistic;
mod log_normal;
mod logistic;
mod logit_normal;
mod mapped_normal;
mod mixture;
mod normal;
mod numeric_inverse;
mod pareto;
mod product;
mod quadrature;
mod softplus_normal;
mod student_t;
mod subsets;
mod transformed;
mod triangular;
mod truncated_normal;
mod truncated_normal_moments;
mod unconstrained;
mod uniform;
mod von_mises;
mod weibull;
mod weights;

pub use bernoulli::Bernoulli;
pub use beta::{Beta, BetaLaw, LogitBeta, LogitBetaLaw};
pub use binary_concrete::BinaryConcrete;
pub use categorical::Categorical;
pub use cauchy::{Cauchy, CauchyLaw};
pub use chi_squared::{ChiSquared, ChiSquaredLaw};
pub use concrete::{Concrete, ExpConcrete, GumbelSoftmax, LogSimplex, Simplex, Space};
pub use counts::{
    Binomial, BinomialFamily, CountFamily, CountJump, CountKl, CountLaw, CountWeakDerivative, Counts,
    Geometric, GeometricFamily, NegativeBinomial, NegativeBinomialFamily, Poisson, PoissonFamily,
};
pub use dirichlet::Dirichlet;
pub use exponential::{Exponential, ExponentialLaw};
pub use frozen::Frozen;
pub use gamma::{Gamma, GammaLaw};
pub use gaussian_mixture::GaussianMixture;
pub use gompertz::{Gompertz, GompertzLaw};
pub use gumbel::{Gumbel, GumbelLaw};
pub use half_cauchy::{HalfCauchy, HalfCauchyLaw};
pub use half_normal::{HalfNormal, HalfNormalLaw};
pub use inverse_cdf::{
    ClosedEntropy, Density, DensityGradient, Family, FamilyCdf, FamilyKl, FamilyMoments,
    FamilyWeakDerivative, InverseCdf, Quantile,
};
pub use inverse_gamma::{InverseGamma, InverseGammaLaw};
pub use inverse_gaussian::{InverseGaussian, InverseGaussianLaw};
pub use kumaraswamy::{Kumaraswamy, KumaraswamyLaw};
pub use laplace::{Laplace, LaplaceLaw};
pub use log_gamma::{LogGamma, LogGammaLaw};
pub use log_logistic::{LogLogistic, LogLogisticLaw};
pub use log_normal::{Exp, LogNormal};
pub use logistic::{Logistic, LogisticLaw};
pub use logit_normal::{LogitNormal, Sigmoid};
pub use mapped_normal::{MappedNormal, PositiveMap};
pub use mixture::Mixture;
pub use normal::Normal;
pub use numeric_inverse::{Cdf, NumericInverse};
pub use pareto::{Pareto, ParetoLaw};
pub use product::Product;
pub use softplus_normal::{Softplus, SoftplusNormal};
pub use student_t::{StudentT, StudentTLaw};
pub use subsets::{ConditionalBernoulli, PlackettLuce, Subsets};
pub use transformed::Transformed;
pub use triangular::{Triangular, TriangularLaw};
pub use truncated_normal::{TruncatedNormal, TruncatedNormalLaw};
pub use unconstrained::Unconstrained;
pub use uniform::{Uniform, UniformLaw};
pub use von_mises::{VonMises, VonMisesLaw};
pub use weibull::{Weibull, WeibullLaw};
