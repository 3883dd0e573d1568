//! The rows of a joint distribution, processed factor by factor in blocks.

use crate::real::Real;
use crate::vector::{gather, scatter};

/// How a row is divided between two factors.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part {
    /// Numbers of the first factor.
    pub(crate) first: usize,
    /// Numbers of both.
    pub(crate) both: usize,
}

impl Part {
    /// Where a factor's numbers start, and how many there are.
    fn of(self, factor: Factor) -> (usize, usize) {
        match factor {
            Factor::First => (0, self.first),
            Factor::Second => (self.first, self.both - self.first),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Factor {
    First,
    Second,
}

/// The size of the scratch space on the stack, in numbers.
const SCRATCH: usize = 1024;

/// With fewer rows than `FEW`, a factor does not get a block of its own. The scratch space must have room
/// for at least `LEAST` rows: wider rows are faster in place.
const FEW: usize = 4;
const LEAST: usize = 16;

/// Runs every factor on its columns of a number of rows: `run` gets them as contiguous rows. Factors thus
/// see blocks however narrow the rows are, at the cost of a copy. Rows that are wide or few are lent in
/// place, one at a time.
pub(crate) fn by_factor<T: Real, const I: usize, const O: usize>(
    rows: usize,
    inputs: [(&[T], Part); I],
    mut outputs: [(&mut [T], Part); O],
    mut run: impl FnMut(Factor, [&[T]; I], [&mut [T]; O]),
) {
    let width_of = |factor| -> usize {
        let parts = inputs.iter().map(|(_, part)| part).chain(outputs.iter().map(|(_, part)| part));
        parts.map(|part| part.of(factor).1).sum()
    };
    let width = width_of(Factor::First).max(width_of(Factor::Second));
    if rows < FEW || width * LEAST > SCRATCH {
        for row in 0..rows {
            for factor in [Factor::First, Factor::Second] {
                let lent = inputs.map(|(rows, part)| {
                    let (offset, width) = part.of(factor);
                    &rows[row * part.both + offset..][..width]
                });
                let outputs = outputs.each_mut().map(|(rows, part)| {
                    let (offset, width) = part.of(factor);
                    &mut rows[row * part.both + offset..][..width]
                });
                run(factor, lent, outputs);
            }
        }
        return;
    }
    let most = SCRATCH / width;
    let mut scratch = [T::zero(); SCRATCH];
    for start in (0..rows).step_by(most) {
        let count = most.min(rows - start);
        for factor in [Factor::First, Factor::Second] {
            let mut rest = &mut scratch[..];
            let mut take = |len: usize| {
                let (own, after) = std::mem::take(&mut rest).split_at_mut(len);
                rest = after;
                own
            };
            let read = inputs.map(|(rows, part)| {
                let (offset, width) = part.of(factor);
                let own = take(count * width);
                gather(&rows[start * part.both..][..count * part.both], part.both, offset, width, own);
                &*own
            });
            let mut written = outputs.each_ref().map(|(_, part)| take(count * part.of(factor).1));
            run(factor, read, written.each_mut().map(|own| &mut **own));
            for (own, (rows, part)) in written.iter().zip(&mut outputs) {
                let (offset, width) = part.of(factor);
                scatter(own, width, &mut rows[start * part.both..][..count * part.both], part.both, offset);
            }
        }
    }
}
