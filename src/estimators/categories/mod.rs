//! Rules for categories and other finite choices.

pub(crate) mod disarm_sticks;
pub(crate) mod enumerate;
pub(crate) mod local_expectation;
pub(crate) mod smoothed_perturbation;
pub(crate) mod sum_and_sample;
pub(crate) mod unordered_set;
