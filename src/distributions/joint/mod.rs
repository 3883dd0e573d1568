//! Distributions made of distributions, and those on a simplex.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `dirichlet` | the Dirichlet, with the pathwise field of its own |
//! | `mixture` | a mixture of any scalar family that has a distribution function |
//! | `product` | two independent distributions as one |
//! | `split` | the rows of a joint, worked on factor by factor in blocks |
//! | `weights` | the weights of a mixture, by logits or by probabilities |

pub(crate) mod dirichlet;
pub(crate) mod mixture;
pub(crate) mod product;
pub(crate) mod split;
pub(crate) mod weights;
