//! Numerical methods that several families share.
//!
//! Public are the small functions that a family of one's own needs too. Beside them, private: quadrature of expectations without a closed
//! form, and roots between two known ends.

pub(crate) mod bracketed;
mod helpers;
pub(crate) mod quadrature;

pub use helpers::{log_power, negate, normal_from_uniforms, scaled_exp, vanishing_product};
