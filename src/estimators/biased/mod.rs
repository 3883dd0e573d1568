//! Biased rules: straight-through estimators and relaxations.

pub(crate) mod gumbel_rao;
pub(crate) mod reinmax;
pub(crate) mod relaxing;
pub(crate) mod straight_through;
pub(crate) mod straight_through_gumbel_softmax;
