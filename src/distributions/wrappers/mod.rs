//! Wrappers: other parameters, or another space, for any distribution.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `remapped` | a distribution on other parameters than its own, through a `ParameterMap` |
//! | `unconstrained`, `frozen` | two such maps: onto all real numbers; some parameters stand still |
//! | `transformed` | a distribution pushed through an invertible map |

pub(crate) mod frozen;
pub(crate) mod remapped;
pub(crate) mod transformed;
pub(crate) mod unconstrained;
