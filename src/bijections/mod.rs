//! Invertible maps `y = h(x; φ)` that [`Transformed`](crate::distributions::Transformed) pushes a
//! distribution through, one per file: values, inverses, log-determinants, and the analytic derivatives
//! of all three.
//!
//! | map | y | image | parameters |
//! | --- | --- | --- | --- |
//! | [`AffineMap`] | `shift + scale · x` | the line | `shift`, `scale` |
//! | [`ExpMap`], [`SoftplusMap`] | `eˣ`, `ln(1 + eˣ)` | positive | none |
//! | [`SigmoidMap`], [`TanhMap`] | `σ(x)`, `tanh x` | (0, 1), (−1, 1) | none |
//! | [`Elementwise`] | any [`ScalarBijection`] of each coordinate | its image | none |
//! | [`StickBreaking`] | rows of K probabilities from rows of K − 1 numbers | the simplex | none |
//! | [`Planar`] | `x + û tanh(w·x + b)` | all | `w`, `u`, `b` |
//! | [`AffineCoupling`] | one part of x, scaled and shifted by a function of the other | all | its [`Conditioner`]'s |
//! | [`Chain`], [`Stack`] | one map after the other | that of the last | prefixed |
//!
//! [`TanhConditioner`] is the built-in [`Conditioner`]; [`Exp`], [`Softplus`], [`Sigmoid`] and [`Tanh`]
//! are the scalar maps.

mod affine;
mod chain;
mod coupling;
mod elementwise;
mod planar;
mod stack;
mod stick_breaking;

pub use affine::AffineMap;
pub use chain::Chain;
pub use coupling::{AffineCoupling, Conditioner, TanhConditioner};
pub use elementwise::{Elementwise, ExpMap, SigmoidMap, SoftplusMap, TanhMap};
pub use planar::Planar;
pub use stack::Stack;
pub use stick_breaking::StickBreaking;

pub use crate::bijector::{Exp, ScalarBijection, Sigmoid, Softplus, Tanh};

use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::real::Real;

/// An invertible, differentiable map of rows, `y = h(x; φ)`, with Jacobian `J = ∂y/∂x` and parameters φ (or
/// none).
///
/// Where an image consists of rows on a simplex, J is the Jacobian of all numbers of a row but the last;
/// the density is one in these coordinates. Cotangents that come back have a 0 for the last number.
///
/// The methods trust the lengths of their slices, as those of a [`Distribution`](crate::Distribution) do.
pub trait Bijection<T: Real> {
    /// Length of x.
    fn input_dim(&self) -> usize;

    /// Length of y; it differs from that of x only for a simplex.
    fn output_dim(&self) -> usize {
        self.input_dim()
    }

    /// Whether every point is an image. If not, a map applied after this one moves the support.
    fn is_onto(&self) -> bool;

    /// The flat parameters φ; empty if there are none.
    fn params(&self) -> &[T];

    /// Replaces φ.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NonFiniteParameter`] or [`Error::ParameterDomain`]; φ is then unchanged.
    fn set_params(&mut self, params: &[T]) -> Result<(), Error>;

    /// Names, ranges and domains of φ.
    fn layout(&self) -> &Layout;

    /// Writes y; returns `ln |det J|`.
    fn forward(&self, x: &[T], y: &mut [T]) -> T;

    /// Writes the x whose image is y; returns false if y is not an image.
    fn inverse(&self, y: &[T], x: &mut [T]) -> bool;

    /// Pulls back a cotangent dy of y and a cotangent `dln` of `ln |det J|`: writes
    /// `dx = Jᵀ dy + dln ∇_x ln |det J|` and `dφ = (∂y/∂φ)ᵀ dy + dln ∇_φ ln |det J|`, at x and its image
    /// y.
    fn pullback(&self, x: &[T], y: &[T], dy: &[T], dln: T, dx: &mut [T], dparams: &mut [T]);

    /// Writes `dy = J⁻ᵀ dx`, at x and its image y.
    fn solve_transposed(&self, x: &[T], y: &[T], dx: &[T], dy: &mut [T]);

    /// This map, followed by the next.
    ///
    /// # Errors
    /// Those of [`Chain::new`].
    fn then<B: Bijection<T>>(self, next: B) -> Result<Chain<T, Self, B>, Error>
    where
        Self: Sized,
    {
        Chain::new(self, next)
    }
}

/// Checks new parameters of a map that has none: the slice must be empty.
fn no_params<T>(params: &[T]) -> Result<(), Error> {
    check_len("params", 0, params.len())
}

/// Refuses a map of dimension 0.
fn check_dim(dim: usize) -> Result<(), Error> {
    if dim == 0 { Err(Error::EmptySupport { what: "a map of dimension 0" }) } else { Ok(()) }
}
