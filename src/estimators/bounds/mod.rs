//! Rules for variational bounds.

pub(crate) mod elbo;
pub(crate) mod importance_weighted;
pub(crate) mod log_ratio;
pub(crate) mod vimco;
