//! Constants of the ziggurats, made by `generate.py`.
//!
//! | file | law |
//! | --- | --- |
//! | `exponential`, `gumbel`, `logistic`, `normal` | the standard one of that name: layers, widest first |

pub(super) mod exponential;
pub(super) mod gumbel;
pub(super) mod logistic;
pub(super) mod normal;
