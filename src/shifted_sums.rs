//! Sums over the rows of a block that keep their digits.

use crate::real::Real;
use crate::vector::kernel;

/// The mean, from its weight 1/n, as a deviation from one of the values: equal values stay exact, however
/// large they are.
#[inline]
pub(crate) fn mean<T: Real>(values: &[T], weight: T) -> T {
    let shift = values.first().copied().unwrap_or(T::zero());
    shift + values.iter().map(|&value| value - shift).sum::<T>() * weight
}

/// Sums of deviations and squared deviations from the first row of a block.
///
/// The shift keeps the digits that a large mean would lose. It is one of the samples, so cancellation costs
/// at most a factor of the block's length, however the samples are spread, and a constant gives exactly 0.
///
/// Several short rows are summed side by side, to fill the registers: row i goes into copy i modulo the
/// number of copies.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShiftedSums<T> {
    len: usize,
    shift: Vec<T>,
    sum: Vec<T>,
    squares: Vec<T>,
}

/// Columns that are summed side by side: they fill the vector registers of every current machine.
const LANES: usize = 8;

/// With fewer numbers than this, a loop ends before an instruction set could be chosen.
const FEW: usize = 16;

/// The longest row that is joined with its neighbours to a multiple of `LANES`.
const SHORT: usize = 32;

impl<T: Real> ShiftedSums<T> {
    /// Makes room for rows of this length, `rows` of them at a time; the sums are meaningless until the
    /// first tile is added.
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
        if first && rows.len() == self.len {
            // A single row is its own shift: 0, or NaN if it is not finite.
            for (squares, &x) in self.squares.iter_mut().zip(rows) {
                *squares = if x.is_finite() { T::zero() } else { T::nan() };
            }
            return;
        }
        if rows.len() < FEW {
            return sum_plainly(rows, &self.shift[..self.len], &mut self.sum, &mut self.squares);
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

    /// Joins the `count` rows that were added to the `before` samples of a mean and a sum of squared
    /// deviations (Chan, Golub & LeVeque 1983).
    pub(crate) fn join(&self, count: usize, before: u64, mean: &mut [f64], m2: &mut [f64]) {
        let (size, before) = (count as f64, before as f64);
        // Spared for a single row: divisions are the slow part of a call of one gradient sample.
        let part = if count == 1 { 1.0 } else { 1.0 / size };
        let weight = if before == 0.0 { 1.0 } else { size / (before + size) };
        let scales = Scales { part, weight, cross: before * weight };
        if self.shift.len() > SHORT {
            join_columns(scales, self, mean, m2);
        } else {
            scales.join(self, mean, m2);
        }
    }
}

/// The factors of a block's columns when they join those before them.
#[derive(Debug, Clone, Copy)]
struct Scales {
    part: f64,
    weight: f64,
    cross: f64,
}

impl Scales {
    #[inline(always)]
    fn join<T: Real>(self, sums: &ShiftedSums<T>, mean: &mut [f64], m2: &mut [f64]) {
        let len = sums.len;
        if len == sums.shift.len() {
            let columns = sums.shift.iter().zip(&sums.sum).zip(&sums.squares);
            for (((shift, sum), squares), (mean, m2)) in columns.zip(mean.iter_mut().zip(m2)) {
                self.column(shift.f64(), sum.f64(), squares.f64(), mean, m2);
            }
        } else {
            let total = |sums: &[T], column: usize| -> f64 {
                sums[column..].iter().step_by(len).map(|sum| sum.f64()).sum()
            };
            for (column, (mean, m2)) in mean.iter_mut().zip(m2).enumerate() {
                let (sum, squares) = (total(&sums.sum, column), total(&sums.squares, column));
                self.column(sums.shift[column].f64(), sum, squares, mean, m2);
            }
        }
    }

    #[inline(always)]
    fn column(self, shift: f64, sum: f64, squares: f64, mean: &mut f64, m2: &mut f64) {
        let step = sum * self.part;
        let own = squares - sum * step;
        let own = if own > 0.0 { own } else { 0.0 };
        let delta = (shift + step) - *mean;
        *mean += delta * self.weight;
        // cross first: it is 0 for the first samples, and the square of a large mean may not be
        // representable.
        *m2 += delta * self.cross * delta + own;
    }
}

kernel! {
    fn join_columns<'a, T: Real>(
        scales: Scales,
        sums: &'a ShiftedSums<T>,
        mean: &'a mut [f64],
        m2: &'a mut [f64],
    ) {
        scales.join(sums, mean, m2);
    }
}

/// Sums a few rows, one after the other.
fn sum_plainly<T: Real>(rows: &[T], shift: &[T], sum: &mut [T], squares: &mut [T]) {
    for row in rows.chunks_exact(shift.len()) {
        for (((&x, &shift), sum), squares) in
            row.iter().zip(shift).zip(sum.iter_mut()).zip(squares.iter_mut())
        {
            let d = x - shift;
            *sum += d;
            *squares += d * d;
        }
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
