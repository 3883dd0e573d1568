//! The distributions, one a file: parameters, transform, pullback, score, tests.

mod cauchy;
mod exponential;
mod gumbel;
mod inverse_cdf;
mod kumaraswamy;
mod laplace;
mod logistic;
mod normal;
mod numeric_inverse;
mod pareto;
mod uniform;
mod weibull;

pub use cauchy::{Cauchy, CauchyLaw};
pub use exponential::{Exponential, ExponentialLaw};
pub use gumbel::{Gumbel, GumbelLaw};
pub use inverse_cdf::{ClosedEntropy, Density, DensityGradient, Family, InverseCdf, Quantile};
pub use kumaraswamy::{Kumaraswamy, KumaraswamyLaw};
pub use laplace::{Laplace, LaplaceLaw};
pub use logistic::{Logistic, LogisticLaw};
pub use normal::Normal;
pub use numeric_inverse::{Cdf, NumericInverse};
pub use pareto::{Pareto, ParetoLaw};
pub use uniform::{Uniform, UniformLaw};
pub use weibull::{Weibull, WeibullLaw};
