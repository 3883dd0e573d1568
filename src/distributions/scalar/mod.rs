//! Scalar families: independent coordinates, each drawn by an inverse distribution function or a
//! dedicated sampler.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `inverse_cdf` | the distribution of any family, and the traits of a family |
//! | `numeric_inverse` | the quantile function of a family that knows only its CDF and density |
//! | `declare`, `prelude` | the macros that declare a family, and what its file starts from |
//! | `truncated_normal_moments` | moments, entropy and divergence of the truncated normal |
//! | all others | one family each; `frechet` is the model |
//!
//! The `mod` and `pub use` lines of every family are in this file. `tests/it/cdf.rs` reads it, and fails
//! until a new family is checked and documented.

pub(crate) mod beta;
pub(crate) mod cauchy;
pub(crate) mod chi_squared;
pub(crate) mod declare;
pub(crate) mod exponential;
pub(crate) mod frechet;
pub(crate) mod gamma;
pub(crate) mod gompertz;
pub(crate) mod gumbel;
pub(crate) mod half_cauchy;
pub(crate) mod half_normal;
pub(crate) mod inverse_cdf;
pub(crate) mod inverse_gamma;
pub(crate) mod inverse_gaussian;
pub(crate) mod kumaraswamy;
pub(crate) mod laplace;
pub(crate) mod log_gamma;
pub(crate) mod log_logistic;
pub(crate) mod logistic;
pub(crate) mod numeric_inverse;
pub(crate) mod pareto;
pub(crate) mod prelude;
pub(crate) mod student_t;
pub(crate) mod triangular;
pub(crate) mod truncated_normal;
pub(crate) mod truncated_normal_moments;
pub(crate) mod uniform;
pub(crate) mod von_mises;
pub(crate) mod weibull;

pub use beta::{Beta, BetaFamily, LogitBeta, LogitBetaFamily};
pub use cauchy::{Cauchy, CauchyFamily};
pub use chi_squared::{ChiSquared, ChiSquaredFamily};
pub use exponential::{Exponential, ExponentialFamily};
pub use frechet::{Frechet, FrechetFamily};
pub use gamma::{Gamma, GammaFamily};
pub use gompertz::{Gompertz, GompertzFamily};
pub use gumbel::{Gumbel, GumbelFamily};
pub use half_cauchy::{HalfCauchy, HalfCauchyFamily};
pub use half_normal::{HalfNormal, HalfNormalFamily};
pub use inverse_cdf::{
    ClosedEntropy, Density, DensityGradient, Family, FamilyCdf, FamilyKl, FamilyMoments,
    FamilyWeakDerivative, InverseCdf, Quantile,
};
pub use inverse_gamma::{InverseGamma, InverseGammaFamily};
pub use inverse_gaussian::{InverseGaussian, InverseGaussianFamily};
pub use kumaraswamy::{Kumaraswamy, KumaraswamyFamily};
pub use laplace::{Laplace, LaplaceFamily};
pub use log_gamma::{LogGamma, LogGammaFamily};
pub use log_logistic::{LogLogistic, LogLogisticFamily};
pub use logistic::{Logistic, LogisticFamily};
pub use numeric_inverse::{Cdf, NumericInverse};
pub use pareto::{Pareto, ParetoFamily};
pub use student_t::{StudentT, StudentTFamily};
pub use triangular::{Triangular, TriangularFamily};
pub use truncated_normal::{TruncatedNormal, TruncatedNormalFamily};
pub use uniform::{Uniform, UniformFamily};
pub use von_mises::{VonMises, VonMisesFamily};
pub use weibull::{Weibull, WeibullFamily};
