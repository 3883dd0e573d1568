//! Rules for independent bits.

pub(crate) mod arm;
pub(crate) mod arms;
pub(crate) mod disarm;
pub(crate) mod double_control;
pub(crate) mod rebar;
pub(crate) mod relax;
