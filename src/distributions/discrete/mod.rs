//! Bits, categories, counts, rankings and subsets.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `bernoulli` | independent bits |
//! | `bit_chain` | bits that depend on their neighbours |
//! | `categorical` | independent choices among K categories |
//! | `counts` | Poisson, binomial, geometric and negative binomial counts, and the traits of such a family |
//! | `subsets` | rankings, and subsets of a fixed size |

pub(crate) mod bernoulli;
pub(crate) mod bit_chain;
pub(crate) mod categorical;
pub(crate) mod counts;
pub(crate) mod subsets;
