//! Fixed increasing maps of the line, coordinate by coordinate.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::{Bijection, check_dim, no_params};
use crate::error::Error;
use crate::layout::Layout;
use crate::real::Real;
use crate::special::{log_sigmoid, sigmoid, softplus, softplus_inverse};

/// An increasing, differentiable function of the line.
pub trait Curve: Debug + Copy + Default + PartialEq + Send + Sync + 'static {
    /// `h(x)`.
    fn value<T: Real>(x: T) -> T;

    /// `h⁻¹(y)`; NaN if y is not a value.
    fn inverse<T: Real>(y: T) -> T;

    /// `ln h′(x)`.
    fn ln_slope<T: Real>(x: T) -> T;

    /// `d ln h′/dx`.
    fn ln_slope_gradient<T: Real>(x: T) -> T;
}

/// `y = h(x)` with a [`Curve`] h, coordinate by coordinate. Use it by its names: [`ExpMap`], [`SoftplusMap`], [`SigmoidMap`], [`TanhMap`].
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
pub struct Elementwise<T, C> {
    dim: usize,
    layout: Layout,
    curve: PhantomData<(fn() -> T, C)>,
}

/// `y = eˣ`.
pub type ExpMap<T> = Elementwise<T, ExpCurve>;
/// `y = ln(1 + eˣ)`.
pub type SoftplusMap<T> = Elementwise<T, SoftplusCurve>;
/// `y = σ(x)`.
pub type SigmoidMap<T> = Elementwise<T, SigmoidCurve>;
/// `y = tanh x`.
pub type TanhMap<T> = Elementwise<T, TanhCurve>;

/// The exponential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpCurve;
/// The softplus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoftplusCurve;
/// The sigmoid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SigmoidCurve;
/// The hyperbolic tangent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TanhCurve;

impl Curve for ExpCurve {
    fn value<T: Real>(x: T) -> T {
        x.exp()
    }
    fn inverse<T: Real>(y: T) -> T {
        if y > T::zero() { y.ln() } else { T::nan() }
    }
    fn ln_slope<T: Real>(x: T) -> T {
        x
    }
    fn ln_slope_gradient<T: Real>(_: T) -> T {
        T::one()
    }
}

impl Curve for SoftplusCurve {
    fn value<T: Real>(x: T) -> T {
        softplus(x)
    }
    fn inverse<T: Real>(y: T) -> T {
        if y > T::zero() { softplus_inverse(y) } else { T::nan() }
    }
    fn ln_slope<T: Real>(x: T) -> T {
        log_sigmoid(x)
    }
    fn ln_slope_gradient<T: Real>(x: T) -> T {
        sigmoid(-x)
    }
}

impl Curve for SigmoidCurve {
    fn value<T: Real>(x: T) -> T {
        sigmoid(x)
    }
    fn inverse<T: Real>(y: T) -> T {
        if y > T::zero() && y < T::one() { y.ln() - (-y).ln_1p() } else { T::nan() }
    }
    fn ln_slope<T: Real>(x: T) -> T {
        log_sigmoid(x) + log_sigmoid(-x)
    }
    fn ln_slope_gradient<T: Real>(x: T) -> T {
        -(T::of(0.5) * x).tanh()
    }
}

impl Curve for TanhCurve {
    fn value<T: Real>(x: T) -> T {
        x.tanh()
    }
    fn inverse<T: Real>(y: T) -> T {
        if y.abs() < T::one() { T::of(0.5) * (y.ln_1p() - (-y).ln_1p()) } else { T::nan() }
    }
    fn ln_slope<T: Real>(x: T) -> T {
        // sech² = 4 e^(−2|x|)/(1 + e^(−2|x|))²
        let two = T::of(2.0);
        two * (T::LN_2() - x.abs() - (-two * x.abs()).exp().ln_1p())
    }
    fn ln_slope_gradient<T: Real>(x: T) -> T {
        T::of(-2.0) * x.tanh()
    }
}

impl<T: Real, C: Curve> Elementwise<T, C> {
    /// Of so many coordinates.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates.
    pub fn new(dim: usize) -> Result<Self, Error> {
        check_dim(dim)?;
        Ok(Self { dim, layout: Layout::default(), curve: PhantomData })
    }
}

impl<T: Real, C: Curve> Bijection<T> for Elementwise<T, C> {
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
            *y = C::value(x);
        }
        x.iter().map(|&x| C::ln_slope(x)).sum()
    }

    fn inverse(&self, y: &[T], x: &mut [T]) -> bool {
        for (x, &y) in x.iter_mut().zip(y) {
            *x = C::inverse(y);
        }
        x.iter().all(|x| !x.is_nan())
    }

    fn pullback(&self, x: &[T], _: &[T], dy: &[T], dln: T, dx: &mut [T], _: &mut [T]) {
        for ((dx, &dy), &x) in dx.iter_mut().zip(dy).zip(x) {
            *dx = C::ln_slope(x).exp() * dy + dln * C::ln_slope_gradient(x);
        }
    }

    fn solve_transposed(&self, x: &[T], _: &[T], dx: &[T], dy: &mut [T]) {
        for ((dy, &dx), &x) in dy.iter_mut().zip(dx).zip(x) {
            *dy = dx * (-C::ln_slope(x)).exp();
        }
    }
}
