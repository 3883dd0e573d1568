//! Evaluation of the tabulated polynomials.

/// A polynomial in two variables on a rectangle, each mapped to −1 … 1; row j belongs to the j-th power
/// of the second variable.
#[derive(Debug)]
pub(super) struct Patch<const COLUMNS: usize> {
    pub(super) first_middle: f64,
    pub(super) first_scale: f64,
    pub(super) second_middle: f64,
    pub(super) second_scale: f64,
    pub(super) rows: &'static [[f64; COLUMNS]],
}

impl<const COLUMNS: usize> Patch<COLUMNS> {
    /// The value at a point of the rectangle. The columns are summed in parallel, which suits vector
    /// registers.
    #[inline]
    pub(super) fn value(&self, first: f64, second: f64) -> f64 {
        let x = (second - self.second_middle) * self.second_scale;
        let mut columns = [0.0; COLUMNS];
        for row in self.rows.iter().rev() {
            for (sum, &c) in columns.iter_mut().zip(row) {
                *sum = *sum * x + c;
            }
        }
        horner(&columns, (first - self.first_middle) * self.first_scale)
    }
}

/// `Σ cₖ xᵏ`, as two half sums in x² that do not depend on each other.
#[inline]
pub(super) fn horner(coefficients: &[f64], x: f64) -> f64 {
    let square = x * x;
    let (mut even, mut odd) = (0.0, 0.0);
    let pairs = coefficients.chunks_exact(2);
    if let [last] = pairs.remainder() {
        even = *last;
    }
    for pair in pairs.rev() {
        even = even * square + pair[0];
        odd = odd * square + pair[1];
    }
    even + odd * x
}
