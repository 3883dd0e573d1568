//! Probabilities from numbers, by breaking a stick.

use super::{Bijection, check_dim, no_params};
use crate::error::Error;
use crate::layout::Layout;
use crate::real::Real;
use crate::special::{log_sigmoid, sigmoid};

/// Rows of K probabilities from rows of K − 1 numbers: `yₖ = vₖ rₖ`, `rₖ₊₁ = rₖ (1 − vₖ)`, with
/// `vₖ = σ(xₖ − ln(K − k))` for k = 1 … K − 1, `r₁ = 1` and `y_K = r_K`. At x = 0 all probabilities are
/// 1/K.
///
/// The log-determinant is that of the first K − 1 probabilities of each row: `Σ ln vₖ + (K − k) ln(1 − vₖ)`.
///
/// ```
/// use reparam::bijections::{Bijection, StickBreaking};
///
/// let map = StickBreaking::new(1, 3)?;
/// let mut y = [0.0f64; 3];
/// map.forward(&[0.0, 0.0], &mut y);
/// assert!(y.iter().all(|y| (y - 1.0 / 3.0).abs() < 1e-15));
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Stan Reference Manual, unit simplex transform; Linderman, Johnson & Adams 2015, arXiv:1506.05843.
#[derive(Debug, Clone, PartialEq)]
pub struct StickBreaking {
    rows: usize,
    classes: usize,
    layout: Layout,
}

impl StickBreaking {
    /// From the number of rows and the number K of classes of each.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without rows or with fewer than 2 classes.
    pub fn new(rows: usize, classes: usize) -> Result<Self, Error> {
        check_dim(rows)?;
        if classes < 2 {
            return Err(Error::EmptySupport { what: "a simplex of fewer than 2 classes" });
        }
        Ok(Self { rows, classes, layout: Layout::default() })
    }

    /// `logit vₖ − xₖ`, counted from k = 0.
    fn offset<T: Real>(&self, k: usize) -> T {
        -T::of((self.classes - 1 - k) as f64).ln()
    }

    /// The power of `1 − vₖ` in the determinant, counted from k = 0.
    fn later<T: Real>(&self, k: usize) -> T {
        T::of((self.classes - 1 - k) as f64)
    }
}

impl<T: Real> Bijection<T> for StickBreaking {
    fn input_dim(&self) -> usize {
        self.rows * (self.classes - 1)
    }

    fn output_dim(&self) -> usize {
        self.rows * self.classes
    }

    fn is_onto(&self) -> bool {
        false
    }

    fn params(&self) -> &[T] {
        &[]
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        no_params(params)
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn forward(&self, x: &[T], y: &mut [T]) -> T {
        let mut ln_det = T::zero();
        for (x, y) in x.chunks_exact(self.classes - 1).zip(y.chunks_exact_mut(self.classes)) {
            let mut left = T::one();
            for (k, &x) in x.iter().enumerate() {
                let logit = x + self.offset(k);
                y[k] = left * sigmoid(logit);
                left *= sigmoid(-logit);
                ln_det += log_sigmoid(logit) + self.later::<T>(k) * log_sigmoid(-logit);
            }
            y[self.classes - 1] = left;
        }
        ln_det
    }

    fn inverse(&self, y: &[T], x: &mut [T]) -> bool {
        let k = self.classes;
        for (y, x) in y.chunks_exact(k).zip(x.chunks_exact_mut(k - 1)) {
            // The rest of the stick, from its end: nothing cancels.
            let mut left = y[k - 1];
            for i in (0..k - 1).rev() {
                x[i] = y[i].ln() - left.ln() - self.offset::<T>(i);
                left += y[i];
            }
            let rounding = T::epsilon() * T::of(8.0 * k as f64);
            if (left - T::one()).abs() > rounding || y.iter().any(|&y| y < T::zero()) {
                return false;
            }
        }
        x.iter().all(|x| !x.is_nan())
    }

    fn pullback(&self, x: &[T], y: &[T], dy: &[T], dln: T, dx: &mut [T], _: &mut [T]) {
        let k = self.classes;
        let rows = x.chunks_exact(k - 1).zip(y.chunks_exact(k)).zip(dy.chunks_exact(k));
        for (((x, y), dy), dx) in rows.zip(dx.chunks_exact_mut(k - 1)) {
            // The cotangent of the rest after stick i, without a division: dy of all later sticks,
            // weighted by their shares of the rest.
            let mut later = dy[k - 1];
            for i in (0..k - 1).rev() {
                let logit = x[i] + self.offset(i);
                let (v, rest) = (sigmoid(logit), sigmoid(-logit));
                // yᵢ = v r, so r v (1 − v) = yᵢ (1 − v).
                dx[i] = y[i] * rest * (dy[i] - later) + dln * (rest - self.later::<T>(i) * v);
                later = v * dy[i] + rest * later;
            }
        }
    }

    fn solve_transposed(&self, x: &[T], y: &[T], dx: &[T], dy: &mut [T]) {
        let k = self.classes;
        let rows = x.chunks_exact(k - 1).zip(y.chunks_exact(k)).zip(dx.chunks_exact(k - 1));
        for (((x, y), dx), dy) in rows.zip(dy.chunks_exact_mut(k)) {
            dy[k - 1] = T::zero();
            // ∂yⱼ/∂xᵢ = −vᵢ yⱼ for j > i, and yᵢ (1 − vᵢ) for j = i.
            let mut later = T::zero();
            for i in (0..k - 1).rev() {
                let logit = x[i] + self.offset(i);
                dy[i] = (dx[i] + sigmoid(logit) * later) / (y[i] * sigmoid(-logit));
                later += y[i] * dy[i];
            }
        }
    }
}
