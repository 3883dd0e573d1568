//! The distributions, one a file: parameters, transform, pullback, score, tests.

mod log_normal;
mod mapped_normal;
mod normal;
mod softplus_normal;
mod unconstrained;

pub use log_normal::{Exp, LogNormal};
pub use mapped_normal::{MappedNormal, PositiveMap};
pub use normal::Normal;
pub use softplus_normal::{Softplus, SoftplusNormal};
pub use unconstrained::Unconstrained;
