//! Rules that do not need a discrete draw.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `pathwise` | the reparameterization trick |
//! | `score_function` | REINFORCE, and its baselines |
//! | `reward_to_go` | the score function for sequences of decisions |
//! | `measure_valued` | the weak derivative |
//! | `over` | rules over a noise source |

pub(crate) mod measure_valued;
pub(crate) mod over;
pub(crate) mod pathwise;
pub(crate) mod reward_to_go;
pub(crate) mod score_function;
