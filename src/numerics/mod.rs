//! Numerical methods that several families share. The small functions that a custom family needs too are
//! public.
//!
//! | function | what it is for |
//! | --- | --- |
//! | [`log_power`], [`scaled_exp`], [`vanishing_product`] | powers and products that keep their limits |
//! | [`normal_from_uniforms`], [`negate`] | noise from uniforms, and its reflection |
//!
//! The private modules are `quadrature`, for expectations without a closed form, and `bracketed`, for the
//! root of an increasing function between two known ends.

pub(crate) mod bracketed;
mod helpers;
pub(crate) mod quadrature;

pub use helpers::{log_power, negate, normal_from_uniforms, scaled_exp, vanishing_product};
