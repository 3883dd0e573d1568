//! Rules for variational bounds.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `elbo` | the evidence lower bound, with three choices of the entropy term |
//! | `importance_weighted` | the bound of K draws, pathwise |
//! | `vimco` | the same for discrete draws, with separate credit for each draw |
//! | `log_ratio` | values and slopes of `f − ln q` at draws of q |

pub(crate) mod elbo;
pub(crate) mod importance_weighted;
pub(crate) mod log_ratio;
pub(crate) mod vimco;
