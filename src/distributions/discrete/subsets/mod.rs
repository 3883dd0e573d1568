//! Permutations, and subsets of a fixed size.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `plackett_luce` | rankings, or their first places |
//! | `gumbel_top` | the set of the first items drawn without replacement |
//! | `conditional_bernoulli` | bits of which a fixed number is 1 |
//! | `listing` | the list of all subsets of a size |

mod conditional_bernoulli;
mod gumbel_top;
mod listing;
mod plackett_luce;

pub use conditional_bernoulli::ConditionalBernoulli;
pub use gumbel_top::Subsets;
pub use plackett_luce::PlackettLuce;

use rand::Rng;
use rand_distr::{Distribution as _, Exp1};

use crate::error::Error;
use crate::layout::{Domain, Layout};
use crate::real::Real;

/// One row of logits, and the number of items that are chosen.
fn layout_of<T: Real>(logits: &[T], chosen: usize, most: usize) -> Result<(Layout, Vec<T>), Error> {
    let parts = Layout::coordinatewise(&[("logits", Domain::Real, logits)])?;
    if chosen == 0 || chosen > logits.len().min(most) {
        let expected = "at least 1, at most the number of items, and at most 16 for `Subsets`";
        return Err(Error::Option { option: "chosen", value: chosen as f64, expected });
    }
    Ok(parts)
}

/// Gumbel noise.
fn draw_gumbels<R: Rng + ?Sized>(gumbels: &mut [f64], rng: &mut R) {
    for gumbel in gumbels {
        let wait: f64 = Exp1.sample(rng);
        *gumbel = -wait.ln();
    }
}

/// Takes the best remaining item, by logit plus Gumbel noise, and marks it by NaN.
fn take_best<T: Real>(logits: &[T], gumbels: &mut [f64]) -> usize {
    let mut best: Option<usize> = None;
    for (i, gumbel) in gumbels.iter().enumerate().filter(|(_, g)| !g.is_nan()) {
        // A difference of logits keeps the noise where the logits are huge and nearly equal.
        let beats = |best: usize| (logits[i].f64() - logits[best].f64()) + (gumbel - gumbels[best]) > 0.0;
        if best.is_none_or(beats) {
            best = Some(i);
        }
    }
    let best = best.unwrap_or(0);
    gumbels[best] = f64::NAN;
    best
}
