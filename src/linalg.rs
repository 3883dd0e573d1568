//! Lower-triangular matrices on slices, and the Cholesky factor.

use std::ops::Range;

use crate::real::Real;

/// The number of entries below the diagonal.
pub(crate) fn entries_below(dim: usize) -> usize {
    dim * dim.saturating_sub(1) / 2
}

/// The offset of row i among the entries below the diagonal.
#[inline]
pub(crate) fn row_below(i: usize) -> Range<usize> {
    let start = entries_below(i);
    start..start + i
}

/// A lower-triangular matrix L: its diagonal, and the entries below it row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Triangle<'a, T> {
    pub(crate) diagonal: &'a [T],
    pub(crate) lower: &'a [T],
}

impl<'a, T: Real> Triangle<'a, T> {
    /// Row i left of the diagonal.
    #[inline]
    pub(crate) fn row(self, i: usize) -> &'a [T] {
        &self.lower[row_below(i)]
    }

    /// Coordinate i of `L x`.
    #[inline]
    pub(crate) fn times(self, i: usize, x: &[T]) -> T {
        let mut sum = self.diagonal[i] * x[i];
        for (&l, &x) in self.row(i).iter().zip(x) {
            sum += l * x;
        }
        sum
    }

    /// `L⁻¹ x` in place, by forward substitution.
    #[inline]
    pub(crate) fn solve(self, x: &mut [f64]) {
        for i in 0..x.len() {
            let (done, rest) = x.split_at_mut(i);
            let known: f64 = self.row(i).iter().zip(done).map(|(l, x)| l.f64() * *x).sum();
            rest[0] = (rest[0] - known) / self.diagonal[i].f64();
        }
    }

    /// `L⁻ᵀ x` in place, by back substitution.
    #[inline]
    pub(crate) fn solve_transposed(self, x: &mut [f64]) {
        for i in (0..x.len()).rev() {
            let (rest, done) = x.split_at_mut(i);
            done[0] /= self.diagonal[i].f64();
            for (x, l) in rest.iter_mut().zip(self.row(i)) {
                *x -= l.f64() * done[0];
            }
        }
    }

    /// `Σ ln L_ii`, half the logarithm of the determinant of `L Lᵀ`.
    pub(crate) fn ln_det(self) -> f64 {
        self.diagonal.iter().map(|l| l.f64().ln()).sum()
    }

    /// `(L Lᵀ)_ij` for `j ≤ i`.
    pub(crate) fn square(self, i: usize, j: usize) -> f64 {
        let at = |i: usize, k: usize| if i == k { self.diagonal[i].f64() } else { self.row(i)[k].f64() };
        (0..=j).map(|k| at(i, k) * at(j, k)).sum()
    }
}

/// `z − μ` in double precision, written to `x`.
#[inline]
pub(crate) fn subtract<T: Real>(z: &[T], mu: &[T], x: &mut [f64]) {
    for ((x, z), mu) in x.iter_mut().zip(z).zip(mu) {
        *x = z.f64() - mu.f64();
    }
}

/// The factor L of `A = L Lᵀ` from the lower triangle of a row-major A. A pivot counts as positive if it
/// is more than `least` times its diagonal entry; a smaller one is rounding.
///
/// # Errors
/// The first row whose pivot is not positive.
pub(crate) fn cholesky(a: &[f64], least: f64, diagonal: &mut [f64], lower: &mut [f64]) -> Result<(), usize> {
    let dim = diagonal.len();
    for i in 0..dim {
        let mut pivot = a[i * dim + i];
        for j in 0..i {
            let (above, row) = lower.split_at_mut(row_below(i).start);
            let known: f64 = if j == 0 { 0.0 } else { dot(&row[..j], &above[row_below(j)]) };
            row[j] = (a[i * dim + j] - known) / diagonal[j];
            pivot -= row[j] * row[j];
        }
        let floor = (least * a[i * dim + i]).max(0.0);
        if !(pivot > floor && pivot.is_finite()) {
            return Err(i);
        }
        diagonal[i] = pivot.sqrt();
    }
    Ok(())
}

/// Turns the factor of A into that of `A + v vᵀ`, by rotations; v is overwritten. No diagonal entry
/// shrinks, so it cannot fail.
pub(crate) fn rank_one_update(diagonal: &mut [f64], lower: &mut [f64], v: &mut [f64]) {
    for k in 0..v.len() {
        let length = diagonal[k].hypot(v[k]);
        let (cos, sin) = (diagonal[k] / length, v[k] / length);
        diagonal[k] = length;
        for j in k + 1..v.len() {
            let entry = &mut lower[row_below(j).start + k];
            let old = *entry;
            *entry = cos * old + sin * v[j];
            v[j] = cos * v[j] - sin * old;
        }
    }
}

/// `a · b`.
#[inline]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The length of a vector, even where its square overflows.
#[inline]
pub(crate) fn length(x: &[f64]) -> f64 {
    let largest = x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if largest > 1e-140 && largest < 1e140 {
        dot(x, x).sqrt()
    } else if largest == 0.0 || largest.is_infinite() {
        largest
    } else {
        largest * x.iter().map(|x| (x / largest) * (x / largest)).sum::<f64>().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 9] = [4.0, 2.0, -2.0, 2.0, 10.0, 5.0, -2.0, 5.0, 9.0];

    #[test]
    fn a_factor_gives_its_matrix_back_and_solves() {
        let (mut diagonal, mut lower) = ([0.0; 3], [0.0; 3]);
        cholesky(&A, 0.0, &mut diagonal, &mut lower).unwrap();
        assert_eq!((diagonal, lower), ([2.0, 3.0, 2.0], [1.0, -1.0, 2.0]));
        let factor = Triangle { diagonal: &diagonal, lower: &lower };
        assert_eq!(factor.square(2, 1), 5.0);
        assert_eq!(factor.ln_det(), 12f64.ln());
        let mut x = [2.0, 7.0, 7.0]; // L (1, 2, 2)
        factor.solve(&mut x);
        assert_eq!(x, [1.0, 2.0, 2.0]);
        let mut x = [2.0, 10.0, 4.0]; // Lᵀ (1, 2, 2)
        factor.solve_transposed(&mut x);
        assert_eq!(x, [1.0, 2.0, 2.0]);
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_is_refused_at_its_pivot() {
        for (at, value, pivot) in
            [(0, 0.0, 0), (4, 1.0, 1), (8, 5.0, 2), (8, f64::NAN, 2), (0, f64::INFINITY, 0)]
        {
            let mut a = A;
            a[at] = value;
            assert_eq!(cholesky(&a, 0.0, &mut [0.0; 3], &mut [0.0; 3]), Err(pivot));
        }
    }

    #[test]
    fn an_update_is_the_factor_of_the_sum() {
        let (mut diagonal, mut lower) = ([1.0; 3], [0.0; 3]);
        let rows = [[1.0, -2.0, 0.5], [0.3, 4.0, -1.0], [1e9, 1e9, 1e9], [1e9, 1e9, 1e9]];
        for row in rows {
            rank_one_update(&mut diagonal, &mut lower, &mut row.clone());
        }
        let factor = Triangle { diagonal: &diagonal, lower: &lower };
        for i in 0..3 {
            for j in 0..=i {
                let sum = f64::from(u8::from(i == j)) + rows.iter().map(|row| row[i] * row[j]).sum::<f64>();
                assert!((factor.square(i, j) / sum - 1.0).abs() < 1e-14);
            }
        }
        // Subtracted from 2e18, these pivots would be rounding.
        assert!(diagonal[1] > 1.0 && diagonal[2] > 1.0);
    }

    #[test]
    fn a_length_does_not_overflow() {
        for scale in [1e-310, 1e-200, 1.0, 1e200, 2e307] {
            assert!((length(&[3.0 * scale, -4.0 * scale]) / (5.0 * scale) - 1.0).abs() < 1e-13, "{scale}");
        }
        assert_eq!(length(&[0.0, 0.0]), 0.0);
        assert_eq!(length(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
    }
}
