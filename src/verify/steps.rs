//! What a sequential distribution and an objective of terms promise.

use rand::Rng;

use super::comparison::{Comparison, Comparisons};
use super::differences::Slope;
use crate::distribution::Sequential;
use crate::error::{Error, check_len};
use crate::objective::Additive;

/// Whether steps and terms are what [`RewardToGo`](crate::estimators::RewardToGo) assumes, checked on some
/// draws. It compares
/// - the sum of the step scores with the score, parameter by parameter;
/// - the sum of the terms with the objective (named `value`);
/// - each term with the same term after everything that it must not know, from
///   [`before`](Sequential::before) of the next step on, was replaced by the values of another draw (named
///   `term`);
/// - [`before`](Sequential::before) with the nearest number that does not fall from step to step, and is
///   not beyond the draw (named `before`; where one differs, nothing else is compared);
/// - whether each step is taken, 1 or 0, with the same after everything that its decision must not know was
///   replaced in this way (named `length`);
/// - each step score with the same score after everything behind its decision was replaced in this way
///   (named `step`, with the index of the step, for the coordinate with the largest difference).
///
/// The list has the worst comparison of each kind and index over all draws. Whether a step score has mean 0
/// given what came before is not checked: [`score_identities`](super::score_identities) does this for the
/// sum.
///
/// # Errors
/// [`Error::Length`] if the objective does not have as many terms as the distribution has steps;
/// [`Error::ZeroSamples`].
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
/// use reparam::verify;
///
/// let bits = Bernoulli::from_logits(&[0.3; 3])?;
/// // The first term knows the last bit.
/// let f = Terms(3, |b: &[f64], terms: &mut [f64]| terms.copy_from_slice(&[b[2], b[0] * b[1], b[2]]));
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let mismatch = verify::steps(&bits, &f, 20, &mut rng)?.within(1e-12).unwrap_err();
/// assert!(mismatch.to_string().starts_with("term[0]"));
/// # Ok::<(), reparam::Error>(())
/// ```
pub fn steps<D, F, R>(
    distribution: &D,
    objective: &F,
    draws: usize,
    rng: &mut R,
) -> Result<Comparisons, Error>
where
    D: Sequential<f64>,
    F: Additive<f64> + ?Sized,
    R: Rng + ?Sized,
{
    let (dim, steps, params) = (distribution.dim(), distribution.steps(), distribution.params().len());
    check_len("the objective's terms (one per step)", steps, objective.terms())?;
    if draws == 0 {
        return Err(Error::ZeroSamples);
    }
    let (mut z, mut other) = (vec![0.0; dim], vec![0.0; dim]);
    let mut worst = Worst::default();
    let mut least = 0;
    for step in 0..steps {
        let before = distribution.before(step);
        let wanted = before.clamp(least, dim);
        worst.see(Comparison::new("before".into(), step, before as f64, exact(wanted as f64, 0.0)));
        if before != wanted {
            return Ok(Comparisons(worst.0));
        }
        least = wanted;
    }
    for _ in 0..draws {
        distribution.sample(rng, &mut z);
        distribution.sample(rng, &mut other);
        let length = distribution.length(&z).min(steps);
        let step_score = |t: usize, z: &[f64]| {
            let mut score = vec![0.0; params];
            distribution.add_step_score(t, z, 1.0, &mut score);
            score
        };
        let (mut sum, mut score) = (vec![0.0; params], vec![f64::NAN; params]);
        let mut sizes = vec![0.0; params];
        distribution.score(&z, &mut score);
        for t in 0..length {
            for ((sum, size), s) in sum.iter_mut().zip(&mut sizes).zip(step_score(t, &z)) {
                *sum += s;
                *size += s.abs();
            }
        }
        for flat in 0..params {
            let (name, index) = distribution.layout().place(flat);
            worst.see(Comparison::new(name, index, sum[flat], exact(score[flat], sizes[flat])));
        }

        let terms = |z: &[f64]| {
            let mut terms = vec![f64::NAN; steps];
            objective.write_terms(z, &mut terms);
            terms
        };
        let here = terms(&z);
        let size = here.iter().map(|term| term.abs()).sum();
        worst.see(Comparison::new("value".into(), 0, here.iter().sum(), exact(objective.value(&z), size)));

        for t in 0..steps {
            let before = distribution.before(t);
            let spliced = [&z[..before], &other[before..]].concat();
            let taken = |z: &[f64]| f64::from(distribution.length(z) > t);
            worst.see(Comparison::new("length".into(), t, taken(&spliced), exact(taken(&z), 0.0)));
        }
        for t in 0..length {
            // The draw, with everything that the next step does not know taken from another draw.
            let next = if t + 1 < steps { distribution.before(t + 1) } else { dim };
            let spliced = [&z[..next], &other[next..]].concat();
            let moved = terms(&spliced);
            for (s, (&found, &expected)) in moved.iter().zip(&here).enumerate().take(t + 1) {
                worst.see(Comparison::new("term".into(), s, found, exact(expected, size)));
            }
            let (there, here) = (step_score(t, &spliced), step_score(t, &z));
            for (&found, &expected) in there.iter().zip(&here) {
                worst.see(Comparison::new("step".into(), t, found, exact(expected, expected.abs())));
            }
        }
    }
    Ok(Comparisons(worst.0))
}

/// A number that is known up to the rounding of a sum of this size.
fn exact(value: f64, size: f64) -> Slope {
    Slope { value, uncertainty: 0.0, ordinary: 1e-3 * size }
}

/// The worst comparison of each name and index, by its error in units of the numbers that were added up:
/// where they cancel, only rounding is left.
#[derive(Default)]
struct Worst(Vec<Comparison>);

impl Worst {
    fn see(&mut self, comparison: Comparison) {
        let off = |c: &Comparison| match (c.found - c.expected).abs() {
            0.0 => 0.0,
            off if off.is_nan() => f64::INFINITY,
            off => off / c.ordinary,
        };
        let same =
            |known: &&mut Comparison| (&known.name, known.index) == (&comparison.name, comparison.index);
        match self.0.iter_mut().find(same) {
            Some(known) if off(&comparison) > off(known) => *known = comparison,
            Some(_) => {}
            None => self.0.push(comparison),
        }
    }
}
