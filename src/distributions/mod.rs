//! The distributions, one a file: parameters, transform, pullback, score, tests.

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
pub use gaussian::log_normal::{Exp, LogNormal};
pub use gaussian::logit_normal::{LogitNormal, Sigmoid};
pub use gaussian::low_rank_normal::LowRankNormal;
pub use gaussian::mapped_normal::{MappedNormal, PositiveMap};
pub use gaussian::multivariate_normal::MultivariateNormal;
pub use gaussian::multivariate_student_t::MultivariateStudentT;
pub use gaussian::normal::Normal;
pub use gaussian::softplus_normal::{Softplus, SoftplusNormal};
pub use joint::dirichlet::Dirichlet;
pub use joint::mixture::Mixture;
pub use joint::product::Product;
pub use relaxed::binary_concrete::BinaryConcrete;
pub use relaxed::concrete::{Concrete, ExpConcrete, GumbelSoftmax, LogSimplex, Simplex, Space};
pub use scalar::beta::{Beta, BetaFamily, LogitBeta, LogitBetaFamily};
pub use scalar::cauchy::{Cauchy, CauchyFamily};
pub use scalar::chi_squared::{ChiSquared, ChiSquaredFamily};
pub use scalar::exponential::{Exponential, ExponentialFamily};
pub use scalar::gamma::{Gamma, GammaFamily};
pub use scalar::gompertz::{Gompertz, GompertzFamily};
pub use scalar::gumbel::{Gumbel, GumbelFamily};
pub use scalar::half_cauchy::{HalfCauchy, HalfCauchyFamily};
pub use scalar::half_normal::{HalfNormal, HalfNormalFamily};
pub use scalar::inverse_cdf::{
    ClosedEntropy, Density, DensityGradient, Family, FamilyCdf, FamilyKl, FamilyMoments,
    FamilyWeakDerivative, InverseCdf, Quantile,
};
pub use scalar::inverse_gamma::{InverseGamma, InverseGammaFamily};
pub use scalar::inverse_gaussian::{InverseGaussian, InverseGaussianFamily};
pub use scalar::kumaraswamy::{Kumaraswamy, KumaraswamyFamily};
pub use scalar::laplace::{Laplace, LaplaceFamily};
pub use scalar::log_gamma::{LogGamma, LogGammaFamily};
pub use scalar::log_logistic::{LogLogistic, LogLogisticFamily};
pub use scalar::logistic::{Logistic, LogisticFamily};
pub use scalar::numeric_inverse::{Cdf, NumericInverse};
pub use scalar::pareto::{Pareto, ParetoFamily};
pub use scalar::student_t::{StudentT, StudentTFamily};
pub use scalar::triangular::{Triangular, TriangularFamily};
pub use scalar::truncated_normal::{TruncatedNormal, TruncatedNormalFamily};
pub use scalar::uniform::{Uniform, UniformFamily};
pub use scalar::von_mises::{VonMises, VonMisesFamily};
pub use scalar::weibull::{Weibull, WeibullFamily};
pub use wrappers::frozen::Frozen;
pub use wrappers::transformed::Transformed;
pub use wrappers::unconstrained::Unconstrained;
