//! Special functions and their derivatives, one family per file. Each states its error bound and how it
//! was measured.
//!
//! The functions of a distribution follow one scheme, with the value or the probability first and the
//! parameters after it:
//!
//! | | normal | gamma | Beta | Student's t | von Mises |
//! | --- | --- | --- | --- | --- | --- |
//! | parameters | – | `alpha` | `a`, `b` | `nu` | `kappa` |
//! | probability at most z | [`normal_cdf`] | [`gamma_cdf`] | [`beta_cdf`] | [`student_t_cdf`] | [`von_mises_cdf`] |
//! | probability above z | [`normal_survival`] | [`gamma_survival`] | [`beta_survival`] | [`student_t_survival`] | [`von_mises_survival`] |
//! | z of a probability | [`normal_quantile`] | [`gamma_quantile`] | [`beta_quantile`] | [`student_t_quantile`] | [`von_mises_quantile`] |
//! | `∂F/∂θ` at fixed z | | [`gamma_cdf_gradient`] | [`beta_cdf_gradient`] | [`student_t_cdf_gradient`] | [`von_mises_cdf_gradient`] |
//! | `dz/dθ` at fixed F | | [`gamma_implicit_gradient`] | [`beta_implicit_gradient`] | [`student_t_implicit_gradient`] | [`von_mises_implicit_gradient`] |
//!
//! A quantile takes a [`Probability`](crate::Probability), which is exact in both tails. The quantile of
//! the normal takes a plain number below ½, or its logarithm ([`normal_quantile_from_log`]). All of these
//! are generic over [`Real`](crate::Real) and computed in f64.
//!
//! | further functions | |
//! | --- | --- |
//! | gamma functions | [`ln_gamma`], [`ln_beta`], [`digamma`], [`trigamma`] |
//! | normal tails | [`normal_log_cdf`], [`normal_log_survival`], [`mills_ratio`], [`mills_defect`] |
//! | of `ln z` of a gamma variate | [`gamma_log_quantile`], [`gamma_log_implicit_gradient`] |
//! | of the log-odds of a Beta variate | [`beta_log_odds_tails`], [`beta_log_odds_quantile`], [`beta_log_odds_implicit_gradient`] |
//! | Student's t, whole degrees of freedom | [`student_t_integer_quantile`] |
//! | Bessel functions | [`bessel_i0_scaled`], [`bessel_ratio`], [`bessel_ratio_complement`], [`bessel_ratio_derivative`] |
//! | logistic | [`sigmoid`], [`log_sigmoid`], [`softplus`], [`softplus_inverse`], [`log_sum_exp`] |

mod bessel;
mod beta_field;
mod digamma;
mod gamma;
mod gamma_difference;
mod gamma_tables;
mod incomplete_beta;
mod incomplete_beta_fields;
mod incomplete_gamma;
mod mills;
mod normal;
mod normal_interval;
mod normal_tails;
mod polynomial;
mod sigmoid;
mod student_t;
mod student_t_shape;
mod successive_sampling;
mod von_mises;
mod von_mises_tables;

pub use bessel::{bessel_i0_scaled, bessel_ratio, bessel_ratio_complement, bessel_ratio_derivative};
pub(crate) use beta_field::BetaField;
pub use digamma::{digamma, trigamma};
pub(crate) use gamma::{
    deviance, exp_m1_minus_x, gamma_kl, ln_minus_digamma, log_gamma_entropy, stirling_remainder,
};
pub use gamma::{ln_beta, ln_gamma};
pub(crate) use gamma_difference::{digamma_difference, ln_1p_minus_x, ln_gamma_difference};
pub use incomplete_beta::{
    beta_cdf, beta_cdf_gradient, beta_implicit_gradient, beta_log_odds_implicit_gradient,
    beta_log_odds_quantile, beta_log_odds_tails, beta_quantile, beta_survival,
};
pub(crate) use incomplete_beta::{beta_log_density, beta_log_odds_log_density};
pub(crate) use incomplete_beta_fields::beta_implicit_log_odds_slope;
pub(crate) use incomplete_gamma::{exponential_integral_scaled, gamma_tails_at_log, ln_kernel};
pub use incomplete_gamma::{
    gamma_cdf, gamma_cdf_gradient, gamma_implicit_gradient, gamma_log_implicit_gradient, gamma_log_quantile,
    gamma_quantile, gamma_survival,
};
pub use mills::{mills_defect, mills_ratio};
pub use normal::normal_quantile;
pub(crate) use normal_interval::{GAUSS_LEGENDRE, interval, log_density_drop, mass};
pub(crate) use normal_tails::{HALF_LN_TAU, half_square_exp, normal_half_quantile};
pub use normal_tails::{
    normal_cdf, normal_log_cdf, normal_log_survival, normal_quantile_from_log, normal_survival,
};
pub(crate) use sigmoid::ln_1m_exp;
pub use sigmoid::{log_sigmoid, log_sum_exp, sigmoid, softplus, softplus_inverse};
pub use student_t::student_t_integer_quantile;
pub(crate) use student_t_shape::central_excess;
pub use student_t_shape::{
    student_t_cdf, student_t_cdf_gradient, student_t_implicit_gradient, student_t_quantile,
    student_t_survival,
};
pub(crate) use successive_sampling::{LogSum, log_add_exp, successive_sampling_tables};
pub use von_mises::{
    von_mises_cdf, von_mises_cdf_gradient, von_mises_implicit_gradient, von_mises_quantile,
    von_mises_survival,
};
pub(crate) use von_mises::{von_mises_log_density, von_mises_variance};
