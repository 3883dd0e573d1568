//! Biased rules: straight-through estimators and relaxations.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `straight_through` | the gradient at the draw, as if the draw were its mean |
//! | `reinmax` | the same, corrected to second order |
//! | `straight_through_gumbel_softmax` | the gradient at the hard draw, through the relaxation behind it |
//! | `gumbel_rao` | the same with the noise averaged out |
//! | `relaxing` | perturbed logits, and the derivatives of relaxed draws |

pub(crate) mod gumbel_rao;
pub(crate) mod reinmax;
pub(crate) mod relaxing;
pub(crate) mod straight_through;
pub(crate) mod straight_through_gumbel_softmax;
