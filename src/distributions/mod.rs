//! The distributions, one a file: parameters, transform, pullback, score, tests.

mod discrete;
mod gaussian;
mod joint;
mod relaxed;
mod scalar;
mod wrappers;

pub use discrete::bernoulli::Bernoulli;
pub use discrete::bit_chain::BitChain;
pub use discrete::categorical::Categorical;
pub use discrete::counts::{
    Binomial, BinomialFamily, CountFamily, CountJump, CountKl, CountLaw, CountWeakDerivative, Counts,
    Geometric, GeometricFamily, NegativeBinomial, NegativeBinomialFamily, Poisson, PoissonFamily,
};
pub use discrete::subsets::{ConditionalBernoulli, PlackettLuce, Subsets};
pub use gaussian::gaussian_mixture::GaussianMixture;
pub use gaussian::log_normal::LogNormal;
pub use gaussian::logit_normal::LogitNormal;
pub use gaussian::low_rank_normal::LowRankNormal;
pub use gaussian::mapped_normal::MappedNormal;
pub use gaussian::multivariate_normal::MultivariateNormal;
pub use gaussian::multivariate_student_t::MultivariateStudentT;
pub use gaussian::normal::Normal;
pub use gaussian::softplus_normal::SoftplusNormal;
pub use joint::dirichlet::Dirichlet;
pub use joint::mixture::Mixture;
pub use joint::product::Product;
pub use relaxed::binary_concrete::BinaryConcrete;
pub use relaxed::concrete::{Concrete, ExpConcrete, GumbelSoftmax, LogSimplex, Simplex, Space};
pub use scalar::*;
pub use wrappers::frozen::{Frozen, Selection};
pub use wrappers::remapped::{ParameterMap, Remapped, SquareParameterMap};
pub use wrappers::transformed::Transformed;
pub use wrappers::unconstrained::{Unconstrained, Unconstraining};
