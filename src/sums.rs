//! Sums over the rows of a block that keep their digits.

use crate::real::Real;
use crate::vector::kernel;

/// Sums of deviations and squared deviations from the first row of a block.
///
/// The shift keeps the digits that a large mean would eat: it is one of the samples, so cancellation costs at most a
/// factor of the block's length however the samples are spread, and a constant gives exactly 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShiftedSums<T> {
    shift: Vec<T>,
    sum: Vec<T>,
    squares: Vec<T>,
}

/// Columns that are summed side by side: they fill the vector registers of every current machine.
const LANES: usize = 8;

/// The longest row that is joined with its neighbours to a multiple of `LANES`, and the longest joined row.
const SHORT: usize = 32;
const JOINED: usize = SHORT * LANES;

impl<T: Real> ShiftedSums<T> {
    /// Makes room for rows of this length; the sums mean nothing until the first tile is added.
    pub(crate) fn resize(&mut self, len: usize) {
        for sums in [&mut self.shift, &mut self.sum, &mut self.squares] {
            sums.resize(len, T::zero());
        }
    }

    /// Adds rows; those of the first tile of a block set the shift.
    pub(crate) fn add(&mut self, rows: &[T], first: bool) {
        let len = self.shift.len();
        if first {
            self.shift.copy_from_slice(&rows[..len]);
            self.sum.fill(T::zero());
            self.squares.fill(T::zero());
        }
        let joined = if len.is_power_of_two() { len.max(LANES) } else { len * LANES };
        if len > SHORT || joined == len || rows.len() < 2 * joined {
            sum_columns(rows, &self.shift, &mut self.sum, &mut self.squares);
            return;
        }
        // Short rows: several of them side by side fill the registers.
        let mut shift = [T::zero(); JOINED];
        let mut sum = [T::zero(); JOINED];
        let mut squares = [T::zero(); JOINED];
        let (shift, sum, squares) = (&mut shift[..joined], &mut sum[..joined], &mut squares[..joined]);
        for copy in shift.chunks_exact_mut(len) {
            copy.copy_from_slice(&self.shift);
        }
        let whole = rows.len() / joined * joined;
        sum_columns(&rows[..whole], shift, sum, squares);
        sum_columns(&rows[whole..], &self.shift, &mut self.sum, &mut self.squares);
        for (sum, squares) in sum.chunks_exact(len).zip(squares.chunks_exact(len)) {
            for (total, &part) in self.sum.iter_mut().zip(sum) {
                *total += part;
            }
            for (total, &part) in self.squares.iter_mut().zip(squares) {
                *total += part;
            }
        }
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.squares.iter().all(|s| s.is_finite())
    }

    /// Mean and sum of squared deviations of each column of the `count` rows added.
    pub(crate) fn moments(&self, count: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let weight = 1.0 / count as f64;
        self.shift.iter().zip(&self.sum).zip(&self.squares).map(move |((shift, sum), squares)| {
            let sum = sum.f64();
            (shift.f64() + sum * weight, (squares.f64() - sum * sum * weight).max(0.0))
        })
    }
}

kernel! {
    /// Adds each column's deviations from its shift, and their squares.
    fn sum_columns<'a, T: Real>(rows: &'a [T], shift: &'a [T], sum: &'a mut [T], squares: &'a mut [T]) {
        let len = shift.len();
        let whole = len / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            let mut s = [T::zero(); LANES];
            let mut c = [T::zero(); LANES];
            let mut q = [T::zero(); LANES];
            s.copy_from_slice(&sum[start..start + LANES]);
            c.copy_from_slice(&shift[start..start + LANES]);
            q.copy_from_slice(&squares[start..start + LANES]);
            for row in rows.chunks_exact(len) {
                let row = &row[start..start + LANES];
                for lane in 0..LANES {
                    let d = row[lane] - c[lane];
                    s[lane] += d;
                    q[lane] += d * d;
                }
            }
            sum[start..start + LANES].copy_from_slice(&s);
            squares[start..start + LANES].copy_from_slice(&q);
        }
        if whole < len {
            for row in rows.chunks_exact(len) {
                for column in whole..len {
                    let d = row[column] - shift[column];
                    sum[column] += d;
                    squares[column] += d * d;
                }
            }
        }
    }
}
