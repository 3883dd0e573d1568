//! Special functions and their derivatives, one family a file. Each states its error bound and how it was measured.

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
    beta_implicit_gradient, beta_log_odds_implicit_gradient, beta_log_odds_quantile, beta_quantile,
    incomplete_beta, incomplete_beta_gradient, incomplete_beta_log_odds, incomplete_beta_upper,
};
pub(crate) use incomplete_beta::{ln_beta_density, ln_beta_log_odds_density};
pub(crate) use incomplete_beta_fields::beta_implicit_log_odds_slope;
pub(crate) use incomplete_gamma::{exponential_integral_scaled, gamma_tails_at_ln, ln_kernel};
pub use incomplete_gamma::{
    gamma_ln_quantile, gamma_log_shape_derivative, gamma_p, gamma_p_shape_derivative, gamma_q,
    gamma_quantile, gamma_shape_derivative,
};
pub use mills::{mills_defect, mills_ratio};
pub use normal::normal_quantile;
pub(crate) use normal_interval::{GAUSS_LEGENDRE, interval, log_density_drop, mass};
pub(crate) use normal_tails::{HALF_LN_TAU, half_square_exp, normal_half_quantile};
pub use normal_tails::{normal_cdf, normal_ln_cdf, normal_ln_survival, normal_quantile_ln, normal_survival};
pub(crate) use sigmoid::ln_1m_exp;
pub use sigmoid::{log_sigmoid, log_sum_exp, sigmoid, softplus, softplus_inverse};
pub use student_t::student_t_quantile;
pub(crate) use student_t_shape::central_excess;
pub use student_t_shape::{
    student_t_cdf, student_t_cdf_gradient, student_t_implicit_gradient, student_t_inverse,
};
pub(crate) use successive_sampling::{LogSum, log_add_exp, successive_sampling_tables};
pub use von_mises::{von_mises_concentration_derivative, von_mises_quantile, von_mises_survival};
pub(crate) use von_mises::{von_mises_ln_density, von_mises_variance};
