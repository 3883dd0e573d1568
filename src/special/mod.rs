//! Special functions and their derivatives, one family a file. Each states its error bound and how it was measured.

mod beta_field;
mod digamma;
mod incomplete_beta;
mod normal;
mod sigmoid;
mod student_t;
mod student_t_shape;

pub(crate) use beta_field::BetaField;
pub use digamma::{digamma, trigamma};
pub use incomplete_beta::{
    beta_implicit_gradient, beta_log_odds_implicit_gradient, beta_log_odds_quantile, beta_quantile,
    incomplete_beta, incomplete_beta_gradient, incomplete_beta_log_odds, incomplete_beta_upper,
};
pub(crate) use incomplete_beta::{
    beta_implicit_log_odds_slope, digamma_rise, ln_beta_density, ln_beta_log_odds_density, ln_gamma_rise,
    log1p_minus,
};
pub use normal::normal_quantile;
pub use sigmoid::{log_sigmoid, log_sum_exp, sigmoid, softplus, softplus_inverse};
pub use student_t::student_t_quantile;
pub(crate) use student_t_shape::central_excess;
pub use student_t_shape::{
    student_t_cdf, student_t_cdf_gradient, student_t_implicit_gradient, student_t_inverse,
};
