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
pub use scalar::beta::{Beta, BetaLaw, LogitBeta, LogitBetaLaw};
pub use scalar::cauchy::{Cauchy, CauchyLaw};
pub use scalar::chi_squared::{ChiSquared, ChiSquaredLaw};
pub use scalar::exponential::{Exponential, ExponentialLaw};
pub use scalar::gamma::{Gamma, GammaLaw};
pub use scalar::gompertz::{Gompertz, GompertzLaw};
pub use scalar::gumbel::{Gumbel, GumbelLaw};
pub use scalar::half_cauchy::{HalfCauchy, HalfCauchyLaw};
pub use scalar::half_normal::{HalfNormal, HalfNormalLaw};
pub use scalar::inverse_cdf::{
    ClosedEntropy, Density, DensityGradient, Family, FamilyCdf, FamilyKl, FamilyMoments,
    FamilyWeakDerivative, InverseCdf, Quantile,
};
pub use scalar::inverse_gamma::{InverseGamma, InverseGammaLaw};
pub use scalar::inverse_gaussian::{InverseGaussian, InverseGaussianLaw};
pub use scalar::kumaraswamy::{Kumaraswamy, KumaraswamyLaw};
pub use scalar::laplace::{Laplace, LaplaceLaw};
pub use scalar::log_gamma::{LogGamma, LogGammaLaw};
pub use scalar::log_logistic::{LogLogistic, LogLogisticLaw};
pub use scalar::logistic::{Logistic, LogisticLaw};
pub use scalar::numeric_inverse::{Cdf, NumericInverse};
pub use scalar::pareto::{Pareto, ParetoLaw};
pub use scalar::student_t::{StudentT, StudentTLaw};
pub use scalar::triangular::{Triangular, TriangularLaw};
pub use scalar::truncated_normal::{TruncatedNormal, TruncatedNormalLaw};
pub use scalar::uniform::{Uniform, UniformLaw};
pub use scalar::von_mises::{VonMises, VonMisesLaw};
pub use scalar::weibull::{Weibull, WeibullLaw};
pub use wrappers::frozen::{Frozen, Selection};
pub use wrappers::remapped::{ParameterMap, Remapped, SquareParameterMap};
pub use wrappers::transformed::Transformed;
pub use wrappers::unconstrained::{Unconstrained, Unconstraining};
