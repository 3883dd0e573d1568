//! The distributions, one a file: parameters, transform, pullback, score, tests.

mod bernoulli;
mod beta;
mod binary_concrete;
mod categorical;
mod cauchy;
mod concrete;
mod dirichlet;
mod exponential;
mod gumbel;
mod inverse_cdf;
mod kumaraswamy;
mod laplace;
mod log_normal;
mod logistic;
mod mapped_normal;
mod normal;
mod numeric_inverse;
mod pareto;
mod product;
mod softplus_normal;
mod student_t;
mod unconstrained;
mod uniform;
mod weibull;

pub use bernoulli::Bernoulli;
pub use beta::{Beta, BetaLaw, LogitBeta, LogitBetaLaw};
pub use binary_concrete::BinaryConcrete;
pub use categorical::Categorical;
pub use cauchy::{Cauchy, CauchyLaw};
pub use concrete::{Concrete, ExpConcrete, GumbelSoftmax, LogSimplex, Simplex, Space};
pub use dirichlet::Dirichlet;
pub use exponential::{Exponential, ExponentialLaw};
pub use gumbel::{Gumbel, GumbelLaw};
pub use inverse_cdf::{
    ClosedEntropy, Density, DensityGradient, Family, FamilyKl, FamilyMoments, InverseCdf, Quantile,
};
pub use kumaraswamy::{Kumaraswamy, KumaraswamyLaw};
pub use laplace::{Laplace, LaplaceLaw};
pub use log_normal::{Exp, LogNormal};
pub use logistic::{Logistic, LogisticLaw};
pub use mapped_normal::{MappedNormal, PositiveMap};
pub use normal::Normal;
pub use numeric_inverse::{Cdf, NumericInverse};
pub use pareto::{Pareto, ParetoLaw};
pub use product::Product;
pub use softplus_normal::{Softplus, SoftplusNormal};
pub use student_t::{StudentT, StudentTLaw};
pub use unconstrained::Unconstrained;
pub use uniform::{Uniform, UniformLaw};
pub use weibull::{Weibull, WeibullLaw};
