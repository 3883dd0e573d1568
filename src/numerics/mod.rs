//! Numerical methods that several families share. Public are the small functions that a family of one's own needs too.
//!
//! | function | what it is for |
//! | --- | --- |
//! | [`log_power`], [`scaled_exp`], [`vanishing_product`] | powers and products that keep their limits |
//! | [`normal_from_uniforms`], [`negate`] | noise from uniforms, and its mirror image |
//!
//! Beside them, private: `quadrature`, expectations without a closed form; `bracketed`, the root of an increasing function between two known
//! ends.

pub(crate) mod bracketed;
mod helpers;
pub(crate) mod quadrature;

pub use helpers::{log_power, negate, normal_from_uniforms, scaled_exp, vanishing_product};
