//! Wrappers: other parameters, or another space, for any distribution.

pub(crate) mod frozen;
pub(crate) mod remapped;
pub(crate) mod transformed;
pub(crate) mod unconstrained;
