//! Numerical methods that several families share.

pub(crate) mod bracketed;
pub(crate) mod quadrature;
