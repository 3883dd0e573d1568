//! Increasing maps of the line: value, inverse and derivatives, each computed from the side that keeps
//! its digits.

use std::fmt::Debug;

use crate::real::Real;
use crate::special::{log_sigmoid, sigmoid, softplus, softplus_inverse};
use crate::vector::exp_in_place;

/// An increasing, differentiable map `y = h(x)` from the real line onto an interval.
///
/// [`Elementwise`](crate::bijections::Elementwise) applies it to each coordinate,
/// [`MappedNormal`](crate::distributions::MappedNormal) pushes a Gaussian through it, and
/// [`Unconstrained`](crate::distributions::Unconstrained) uses it for parameters. The derivative is
/// available both at x and at y: where a draw stores only y, computing x first would lose digits.
///
/// ```
/// use reparam::Real;
/// use reparam::bijections::{Bijection, Elementwise, ScalarBijection};
///
/// /// `y = sinh x`, onto the whole line.
/// #[derive(Debug, Clone, Copy, Default, PartialEq)]
/// struct Sinh;
///
/// impl ScalarBijection for Sinh {
///     fn forward<T: Real>(self, x: T) -> T {
///         x.sinh()
///     }
///     fn contains<T: Real>(self, _: T) -> bool {
///         true
///     }
///     fn inverse<T: Real>(self, y: T) -> T {
///         y.asinh()
///     }
///     fn log_derivative<T: Real>(self, x: T) -> T {
///         x.cosh().ln()
///     }
///     fn log_derivative_gradient<T: Real>(self, x: T) -> T {
///         x.tanh()
///     }
///     fn derivative_at<T: Real>(self, y: T) -> T {
///         y.hypot(T::one())
///     }
///     fn log_derivative_gradient_at<T: Real>(self, y: T) -> T {
///         y / y.hypot(T::one())
///     }
/// }
///
/// let map: Elementwise<f64, Sinh> = Elementwise::new(1)?;
/// let (mut y, mut x) = ([0.0], [0.0]);
/// map.forward(&[1.5], &mut y);
/// assert!(map.inverse(&y, &mut x) && (x[0] - 1.5).abs() < 1e-15);
/// # Ok::<(), reparam::Error>(())
/// ```
pub trait ScalarBijection: Debug + Copy + Default + PartialEq + Send + Sync + 'static {
    /// `h(x)`.
    fn forward<T: Real>(self, x: T) -> T;

    /// `h(x)` of every element in place, by the fastest method: equal to [`forward`](Self::forward) up to
    /// rounding.
    fn forward_in_place<T: Real>(self, x: &mut [T]) {
        for x in x {
            *x = self.forward(*x);
        }
    }

    /// `h(x)` and `h′(x)`.
    fn forward_with_derivative<T: Real>(self, x: T) -> (T, T) {
        (self.forward(x), self.log_derivative(x).exp())
    }

    /// Whether y is in the image of the map.
    fn contains<T: Real>(self, y: T) -> bool;

    /// `x = h⁻¹(y)` for a y in the image; at the ends of the image, the limit.
    fn inverse<T: Real>(self, y: T) -> T;

    /// `ln h′(x)`.
    fn log_derivative<T: Real>(self, x: T) -> T;

    /// `d ln h′/dx = h″(x)/h′(x)`.
    fn log_derivative_gradient<T: Real>(self, x: T) -> T;

    /// `h′(x)` at `x = h⁻¹(y)`.
    fn derivative_at<T: Real>(self, y: T) -> T;

    /// `d ln h′/dx` at `x = h⁻¹(y)`.
    fn log_derivative_gradient_at<T: Real>(self, y: T) -> T;
}

/// `y = eˣ`, onto the positive numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exp;

/// `y = ln(1 + eˣ)`, onto the positive numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Softplus;

/// `y = σ(x) = 1/(1 + e⁻ˣ)`, onto the unit interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sigmoid;

/// `y = tanh x`, onto (−1, 1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tanh;

impl ScalarBijection for Exp {
    #[inline]
    fn forward<T: Real>(self, x: T) -> T {
        x.exp()
    }

    fn forward_in_place<T: Real>(self, x: &mut [T]) {
        exp_in_place(x);
    }

    #[inline]
    fn forward_with_derivative<T: Real>(self, x: T) -> (T, T) {
        let y = x.exp();
        (y, y)
    }

    #[inline]
    fn contains<T: Real>(self, y: T) -> bool {
        y > T::zero()
    }

    #[inline]
    fn inverse<T: Real>(self, y: T) -> T {
        y.ln()
    }

    #[inline]
    fn log_derivative<T: Real>(self, x: T) -> T {
        x
    }

    #[inline]
    fn log_derivative_gradient<T: Real>(self, _: T) -> T {
        T::one()
    }

    #[inline]
    fn derivative_at<T: Real>(self, y: T) -> T {
        y
    }

    #[inline]
    fn log_derivative_gradient_at<T: Real>(self, _: T) -> T {
        T::one()
    }
}

impl ScalarBijection for Softplus {
    #[inline]
    fn forward<T: Real>(self, x: T) -> T {
        softplus(x)
    }

    #[inline]
    fn forward_with_derivative<T: Real>(self, x: T) -> (T, T) {
        (softplus(x), sigmoid(x))
    }

    #[inline]
    fn contains<T: Real>(self, y: T) -> bool {
        y > T::zero()
    }

    #[inline]
    fn inverse<T: Real>(self, y: T) -> T {
        softplus_inverse(y)
    }

    #[inline]
    fn log_derivative<T: Real>(self, x: T) -> T {
        log_sigmoid(x)
    }

    #[inline]
    fn log_derivative_gradient<T: Real>(self, x: T) -> T {
        sigmoid(-x)
    }

    #[inline]
    fn derivative_at<T: Real>(self, y: T) -> T {
        // σ(x) = 1 − e^(−y), without cancellation for small y.
        -(-y).exp_m1()
    }

    #[inline]
    fn log_derivative_gradient_at<T: Real>(self, y: T) -> T {
        // 1 − σ(x)
        (-y).exp()
    }
}

impl ScalarBijection for Sigmoid {
    #[inline]
    fn forward<T: Real>(self, x: T) -> T {
        sigmoid(x)
    }

    #[inline]
    fn forward_with_derivative<T: Real>(self, x: T) -> (T, T) {
        let y = sigmoid(x);
        (y, y * sigmoid(-x))
    }

    #[inline]
    fn contains<T: Real>(self, y: T) -> bool {
        y > T::zero() && y < T::one()
    }

    #[inline]
    fn inverse<T: Real>(self, y: T) -> T {
        y.ln() - (-y).ln_1p()
    }

    #[inline]
    fn log_derivative<T: Real>(self, x: T) -> T {
        log_sigmoid(x) + log_sigmoid(-x)
    }

    #[inline]
    fn log_derivative_gradient<T: Real>(self, x: T) -> T {
        -(T::of(0.5) * x).tanh()
    }

    #[inline]
    fn derivative_at<T: Real>(self, y: T) -> T {
        y * (T::one() - y)
    }

    #[inline]
    fn log_derivative_gradient_at<T: Real>(self, y: T) -> T {
        T::one() - y - y
    }
}

impl ScalarBijection for Tanh {
    #[inline]
    fn forward<T: Real>(self, x: T) -> T {
        x.tanh()
    }

    #[inline]
    fn contains<T: Real>(self, y: T) -> bool {
        y.abs() < T::one()
    }

    #[inline]
    fn inverse<T: Real>(self, y: T) -> T {
        T::of(0.5) * (y.ln_1p() - (-y).ln_1p())
    }

    #[inline]
    fn log_derivative<T: Real>(self, x: T) -> T {
        // sech² = 4 e^(−2|x|)/(1 + e^(−2|x|))²
        let two = T::of(2.0);
        two * (T::LN_2() - x.abs() - (-two * x.abs()).exp().ln_1p())
    }

    #[inline]
    fn log_derivative_gradient<T: Real>(self, x: T) -> T {
        T::of(-2.0) * x.tanh()
    }

    #[inline]
    fn derivative_at<T: Real>(self, y: T) -> T {
        (T::one() - y) * (T::one() + y)
    }

    #[inline]
    fn log_derivative_gradient_at<T: Real>(self, y: T) -> T {
        T::of(-2.0) * y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value, inverse and all derivatives agree with each other and with finite differences.
    fn check<B: ScalarBijection>(map: B) {
        for x in [-3.0f64, -0.7, 0.0, 0.4, 2.5] {
            let (y, derivative) = map.forward_with_derivative(x);
            let step = 1e-5;
            let difference = (map.forward(x + step) - map.forward(x - step)) / (2.0 * step);
            let second = (map.log_derivative(x + step) - map.log_derivative(x - step)) / (2.0 * step);
            let near =
                |a: f64, b: f64, tolerance: f64| assert!((a - b).abs() < tolerance, "{map:?} {x}: {a} {b}");
            near(y, map.forward(x), 1e-15);
            near(derivative / difference, 1.0, 1e-8);
            near(map.log_derivative(x), derivative.ln(), 1e-13);
            near(map.derivative_at(y) / derivative, 1.0, 1e-12);
            near(map.log_derivative_gradient(x), second, 1e-8);
            near(map.log_derivative_gradient_at(y), map.log_derivative_gradient(x), 1e-12);
            near(map.inverse(y), x, 1e-12);
            assert!(map.contains(y) && !map.contains(-1.0));
            let mut row = [x];
            map.forward_in_place(&mut row);
            near(row[0], y, 1e-15 * (1.0 + y.abs()));
        }
    }

    #[test]
    fn a_map_agrees_with_its_inverse_and_derivatives() {
        check(Exp);
        check(Softplus);
        check(Sigmoid);
        check(Tanh);
    }
}
