//! Rules for categories and other finite choices.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `enumerate` | the exact sum over a finite support |
//! | `sum_and_sample` | the most probable outcomes summed, and one of the rest drawn |
//! | `unordered_set` | outcomes drawn without replacement |
//! | `disarm_sticks` | antithetic categories by breaking sticks |
//! | `local_expectation` | each factor summed out, with the others as drawn |
//! | `smoothed_perturbation` | one jump away from the draw, without a score |

pub(crate) mod disarm_sticks;
pub(crate) mod enumerate;
pub(crate) mod local_expectation;
pub(crate) mod smoothed_perturbation;
pub(crate) mod sum_and_sample;
pub(crate) mod unordered_set;
