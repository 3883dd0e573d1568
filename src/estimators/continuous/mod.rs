//! Rules for any distribution: pathwise, score function, measure-valued.

pub(crate) mod measure_valued;
pub(crate) mod over;
pub(crate) mod pathwise;
pub(crate) mod reward_to_go;
pub(crate) mod score_function;
