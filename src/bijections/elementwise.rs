//! Fixed increasing maps of the line, coordinate by coordinate.

use std::marker::PhantomData;

use super::{Bijection, check_dim, no_params};
use crate::bijector::{Exp, ScalarBijection, Sigmoid, Softplus, Tanh};
use crate::error::Error;
use crate::layout::Layout;
use crate::real::Real;

/// `y = h(x)` with a [`ScalarBijection`] h, coordinate by coordinate. Use it through its aliases:
/// [`ExpMap`], [`SoftplusMap`], [`SigmoidMap`], [`TanhMap`].
///
/// ```
/// use reparam::bijections::{Bijection, TanhMap};
///
/// let map = TanhMap::new(1)?;
/// let mut y = [0.0];
/// let ln_slope = map.forward(&[20.0], &mut y);
/// assert_eq!(y, [1.0]); // rounded; the slope 4 e⁻⁴⁰ is not
/// assert!((ln_slope - (4.0f64.ln() - 40.0)).abs() < 1e-14);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Elementwise<T, S> {
    dim: usize,
    layout: Layout,
    map: S,
    scalar: PhantomData<fn() -> T>,
}

/// `y = eˣ`.
pub type ExpMap<T> = Elementwise<T, Exp>;
/// `y = ln(1 + eˣ)`.
pub type SoftplusMap<T> = Elementwise<T, Softplus>;
/// `y = σ(x)`.
pub type SigmoidMap<T> = Elementwise<T, Sigmoid>;
/// `y = tanh x`.
pub type TanhMap<T> = Elementwise<T, Tanh>;

impl<T: Real, S: ScalarBijection> Elementwise<T, S> {
    /// From the number of coordinates.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates.
    pub fn new(dim: usize) -> Result<Self, Error> {
        check_dim(dim)?;
        Ok(Self { dim, layout: Layout::default(), map: S::default(), scalar: PhantomData })
    }
}

impl<T: Real, S: ScalarBijection> Bijection<T> for Elementwise<T, S> {
    fn input_dim(&self) -> usize {
        self.dim
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
        for (y, &x) in y.iter_mut().zip(x) {
            *y = self.map.forward(x);
        }
        x.iter().map(|&x| self.map.log_derivative(x)).sum()
    }

    fn inverse(&self, y: &[T], x: &mut [T]) -> bool {
        for (x, &y) in x.iter_mut().zip(y) {
            *x = if self.map.contains(y) { self.map.inverse(y) } else { T::nan() };
        }
        x.iter().all(|x| !x.is_nan())
    }

    fn pullback(&self, x: &[T], _: &[T], dy: &[T], dln: T, dx: &mut [T], _: &mut [T]) {
        for ((dx, &dy), &x) in dx.iter_mut().zip(dy).zip(x) {
            *dx = self.map.log_derivative(x).exp() * dy + dln * self.map.log_derivative_gradient(x);
        }
    }

    fn solve_transposed(&self, x: &[T], _: &[T], dx: &[T], dy: &mut [T]) {
        for ((dy, &dx), &x) in dy.iter_mut().zip(dx).zip(x) {
            *dy = dx * (-self.map.log_derivative(x)).exp();
        }
    }
}
