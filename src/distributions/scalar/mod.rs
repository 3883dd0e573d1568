//! Scalar families: independent coordinates, each drawn by an inverse distribution function or a sampler of its own.

pub(crate) mod beta;
pub(crate) mod cauchy;
pub(crate) mod chi_squared;
pub(crate) mod exponential;
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
pub(crate) mod student_t;
pub(crate) mod triangular;
pub(crate) mod truncated_normal;
pub(crate) mod truncated_normal_moments;
pub(crate) mod uniform;
pub(crate) mod von_mises;
pub(crate) mod weibull;
