//! Special functions and their derivatives, one family a file. Each states its error bound and how it was measured.

mod digamma;
mod normal;
mod sigmoid;
mod student_t;

pub use digamma::{digamma, trigamma};
pub use normal::normal_quantile;
pub use sigmoid::{log_sigmoid, log_sum_exp, sigmoid, softplus, softplus_inverse};
pub use student_t::student_t_quantile;
