//! Continuous relaxations of discrete draws.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `binary_concrete` | the relaxed bit |
//! | `concrete` | the relaxed categorical: `GumbelSoftmax` on the simplex, `ExpConcrete` in log space |

pub(crate) mod binary_concrete;
pub(crate) mod concrete;
