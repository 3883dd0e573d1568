//! Rules for independent bits.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `disarm`, `arms` | antithetic pairs of bits, and groups of them |
//! | `arm` | augment, REINFORCE, merge, which `disarm` improves on |
//! | `double_control` | leave-one-out with a linear control variate from the gradient of f |
//! | `rebar`, `relax` | the score function with its relaxation, or a learned surrogate, as a control variate |

pub(crate) mod arm;
pub(crate) mod arms;
pub(crate) mod disarm;
pub(crate) mod double_control;
pub(crate) mod rebar;
pub(crate) mod relax;
