//! The distributions, one a file: parameters, transform, pullback, score, tests.

mod bernoulli;
mod binary_concrete;
mod categorical;
mod concrete;
mod log_normal;
mod mapped_normal;
mod normal;
mod product;
mod softplus_normal;
mod unconstrained;

pub use bernoulli::Bernoulli;
pub use binary_concrete::BinaryConcrete;
pub use categorical::Categorical;
pub use concrete::{Concrete, ExpConcrete, GumbelSoftmax, LogSimplex, Simplex, Space};
pub use log_normal::{Exp, LogNormal};
pub use mapped_normal::{MappedNormal, PositiveMap};
pub use normal::Normal;
pub use product::Product;
pub use softplus_normal::{Softplus, SoftplusNormal};
pub use unconstrained::Unconstrained;
