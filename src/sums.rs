//! Sums over the rows of a block that keep their digits.

use crate::real::Real;
use crate::vector::kernel;

/// Sums of deviations and squared deviations from the first row of a block.
///
/// The shift keeps the digits that a large mean would eat: it is one of the samples, so cancellation costs at most a
/// factor of the block's length however the samples are spread, and a constant gives exactly 0.
///
/// Short rows are summed several side by side, so that they fill the registers: row i into copy i modulo the number of copies.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShiftedSums<T> {
    len: usize,
    shift: Vec<T>,
    sum: Vec<T>,
    squares: Vec<T>,
}

/// Columns that are summed side by side: they fill the vector registers of every current machine.
const LANES: usize = 8;

/// The longest row that is joined with its neighbours to a multiple of `LANES`.
const SHORT: usize = 32;

impl<T: Real> ShiftedSums<T> {
    /// Makes room for rows of this length, of which so many come at a time; the sums mean nothing until the first tile is added.
    pub(crate) fn resize(&mut self, len: usize, rows: usize) {
        let copies = if len > SHORT || rows < 2 * LANES {
            1
        } else if len.is_power_of_two() {
            (LANES / len).max(1)
        } else {
            LANES
        };
        self.len = len;
        for sums in [&mut self.shift, &mut self.sum, &mut self.squares] {
            sums.resize(len * copies, T::zero());
        }
    }

    /// Adds rows; those of the first tile of a block set the shift.
    pub(crate) fn add(&mut self, rows: &[T], first: bool) {
        let joined = self.shift.len();
        if first {
            for shift in self.shift.chunks_exact_mut(self.len) {
                shift.copy_from_slice(&rows[..shift.len()]);
            }
            self.sum.fill(T::zero());
            self.squares.fill(T::zero());
        }
        let (whole, rest) = rows.split_at(rows.len() / joined * joined);
        sum_columns(whole, &self.shift, &mut self.sum, &mut self.squares);
        if !rest.is_empty() {
            let len = rest.len();
            sum_columns(rest, &self.shift[..len], &mut self.sum[..len], &mut self.squares[..len]);
        }
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.squares.iter().all(|s| s.is_finite())
    }

    /// Mean and sum of squared deviations of each column of the `count` rows added.
    pub(crate) fn moments(&self, count: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let weight = 1.0 / count as f64;
        let total = |sums: &[T], column: usize| -> f64 {
            sums[column..].iter().step_by(self.len).map(|sum| sum.f64()).sum()
        };
        self.shift[..self.len].iter().enumerate().map(move |(column, shift)| {
            let (sum, squares) = (total(&self.sum, column), total(&self.squares, column));
            (shift.f64() + sum * weight, (squares - sum * sum * weight).max(0.0))
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
