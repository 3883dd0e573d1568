//! The planar flow.

use super::Bijection;
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::real::Real;
use crate::special::{sigmoid, softplus};

/// The planar flow `y = x + û tanh(w·x + b)`, which bends space along one direction.
///
/// | | |
/// | --- | --- |
/// | φ | `w` (D finite numbers, not all 0), `u` (D finite numbers), `b` |
/// | constraint | `û = u + (s − w·u) w/‖w‖²` with `s = w·û = softplus(w·u) − 1 > −1`: invertible for any u |
/// | ln det | `ln(1 + s (1 − tanh²(w·x + b)))` |
/// | inverse | `t + s tanh t = w·y + b`, whose root is found by a safeguarded Newton method |
///
/// # References
/// Rezende & Mohamed 2015, arXiv:1505.05770, section 4.1 and appendix A.
///
/// ```
/// use reparam::bijections::{Bijection, Planar};
///
/// let map = Planar::new(&[1.0, -0.5], &[0.3, 2.0], 0.1)?;
/// let (mut y, mut x) = ([0.0f64; 2], [0.0; 2]);
/// map.forward(&[0.7, 0.2], &mut y);
/// assert!(map.inverse(&y, &mut x));
/// assert!((x[0] - 0.7).abs() < 1e-14 && (x[1] - 0.2).abs() < 1e-14);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Planar<T> {
    params: Vec<T>,
    layout: Layout,
    /// û
    u_hat: Vec<T>,
    /// s = w·û
    strength: T,
    /// 1 + s, which keeps its digits where s is close to −1
    stretch: T,
}

impl<T: Real> Planar<T> {
    /// From w, u and b.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates, [`Error::Length`] if the lengths differ,
    /// [`Error::NonFiniteParameter`], [`Error::ParameterDomain`] for a w of zeros.
    pub fn new(w: &[T], u: &[T], b: T) -> Result<Self, Error> {
        super::check_dim(w.len())?;
        check_len("u", w.len(), u.len())?;
        let dim = w.len();
        let layout =
            Layout::new(&[("w", dim, Domain::Real), ("u", dim, Domain::Real), ("b", 1, Domain::Real)]);
        let params = vec![T::zero(); 2 * dim + 1];
        let mut planar = Self { params, layout, u_hat: u.to_vec(), strength: T::zero(), stretch: T::one() };
        planar.set_params(&[w, u, &[b]].concat())?;
        Ok(planar)
    }

    /// D, w, u and b.
    fn parts(&self) -> (&[T], &[T], T) {
        let dim = self.u_hat.len();
        (&self.params[..dim], &self.params[dim..2 * dim], self.params[2 * dim])
    }

    /// `tanh t` and its derivative.
    fn bump(&self, x: &[T]) -> (T, T) {
        let (w, _, b) = self.parts();
        let tanh = (dot(w, x) + b).tanh();
        (tanh, (T::one() - tanh) * (T::one() + tanh))
    }

    /// `1 + s tanh′`, as a sum of positive terms: `tanh² + (1 + s) tanh′`.
    fn det(&self, tanh: T, slope: T) -> T {
        tanh * tanh + self.stretch * slope
    }
}

fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).map(|(&a, &b)| a * b).sum()
}

impl<T: Real> Bijection<T> for Planar<T> {
    fn input_dim(&self) -> usize {
        self.u_hat.len()
    }

    fn is_onto(&self) -> bool {
        true
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    /// Also refuses a w of zeros, which has no direction.
    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.check(params)?;
        let w = &params[..self.u_hat.len()];
        if !dot(w, w).is_normal() {
            return Err(Error::ParameterDomain {
                parameter: "w".into(),
                index: 0,
                value: w[0].f64(),
                expected: "a vector with a sum of squares above 0",
            });
        }
        self.params.copy_from_slice(params);
        let (w, u, _) = self.parts();
        let along = dot(w, u);
        let stretch = softplus(along);
        let strength = stretch - T::one();
        let correction = (strength - along) / dot(w, w);
        let u_hat = u.iter().zip(w).map(|(&u, &w)| u + correction * w).collect();
        (self.u_hat, self.strength, self.stretch) = (u_hat, strength, stretch);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn forward(&self, x: &[T], y: &mut [T]) -> T {
        let (tanh, slope) = self.bump(x);
        for ((y, &x), &u_hat) in y.iter_mut().zip(x).zip(&self.u_hat) {
            *y = x + u_hat * tanh;
        }
        self.det(tanh, slope).ln()
    }

    fn inverse(&self, y: &[T], x: &mut [T]) -> bool {
        let (w, _, b) = self.parts();
        let target = dot(w, y) + b;
        // t + s tanh t increases, and its root is within |s| of the target.
        let (mut low, mut high) = (target - self.strength.abs(), target + self.strength.abs());
        let mut t = target;
        for _ in 0..200 {
            let tanh = t.tanh();
            let residual = t + self.strength * tanh - target;
            if residual > T::zero() {
                high = t;
            } else {
                low = t;
            }
            let newton = t - residual / self.det(tanh, (T::one() - tanh) * (T::one() + tanh));
            let next = if newton >= low && newton <= high { newton } else { T::of(0.5) * (low + high) };
            let still = (next - t).abs() <= T::epsilon() * t.abs();
            t = next;
            if still {
                break;
            }
        }
        let tanh = t.tanh();
        for ((x, &y), &u_hat) in x.iter_mut().zip(y).zip(&self.u_hat) {
            *x = y - u_hat * tanh;
        }
        !t.is_nan()
    }

    fn pullback(&self, x: &[T], _: &[T], dy: &[T], dln: T, dx: &mut [T], dparams: &mut [T]) {
        let (w, u, _) = self.parts();
        let dim = w.len();
        let two = T::of(2.0);
        let (tanh, slope) = self.bump(x);
        let s = self.strength;
        let det = self.det(tanh, slope);
        // From y and the determinant to t and s.
        let dtanh = dot(&self.u_hat, dy) - two * tanh * dln * s / det;
        let dt = dtanh * slope;
        // û = u + c w with c = (s − w·u)/|w|²; the cotangent of û is tanh · dy.
        let square = dot(w, w);
        let along = dot(w, u);
        let c = (s - along) / square;
        let dc = tanh * dot(dy, w) / square;
        let ds = dln * slope / det + dc;
        let dalong = ds * sigmoid(along) - dc;
        for i in 0..dim {
            dx[i] = dy[i] + dt * w[i];
            let dbend = tanh * dy[i];
            dparams[i] = dt * x[i] + c * dbend + dalong * u[i] - two * c * dc * w[i];
            dparams[dim + i] = dbend + dalong * w[i];
        }
        dparams[2 * dim] = dt;
    }

    fn solve_transposed(&self, x: &[T], _: &[T], dx: &[T], dy: &mut [T]) {
        // J = I + û (slope w)ᵀ, by Sherman and Morrison.
        let (w, ..) = self.parts();
        let (tanh, slope) = self.bump(x);
        let weight = slope * dot(&self.u_hat, dx) / self.det(tanh, slope);
        for ((dy, &dx), &w) in dy.iter_mut().zip(dx).zip(w) {
            *dy = dx - weight * w;
        }
    }
}
