//! Rules for variational bounds.

pub(crate) mod analytic_elbo;
pub(crate) mod importance_weighted;
pub(crate) mod log_ratio;
pub(crate) mod sampled_elbo;
pub(crate) mod sticking_the_landing;
pub(crate) mod vimco;
