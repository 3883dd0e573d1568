//! The function inside the expectation: `f(z)`, differentiable or not.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `mod` | `Objective`, `DifferentiableObjective`; closures and pairs of them, `Differentiable`, `Batched` |
//! | `additive` | `Additive`, `Terms`: sums over the steps of a draw |
//! | `parametric` | `Parametric`: f depends on θ directly |
//! | `evaluator` | `Evaluator`: the objective as an estimator sees it |

mod additive;
mod evaluator;
mod parametric;

use std::fmt;

pub use additive::{Additive, Terms};
pub use evaluator::Evaluator;
pub use parametric::Parametric;

/// `f(z)`. Any `Fn(&[T]) -> T` is one.
///
/// ```
/// use reparam::Objective;
///
/// let f = |z: &[f64]| z.iter().map(|z| z * z).sum::<f64>();
/// assert_eq!(f.value(&[3.0, 4.0]), 25.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an objective over draws of `{T}`",
    note = "an objective is a closure `|z: &[{T}]| -> {T}`, a pair of closures, `Differentiable`, `Batched`, `Terms`, or a type that implements `Objective<{T}>`"
)]
pub trait Objective<T> {
    /// The value at one draw.
    fn value(&self, z: &[T]) -> T;

    /// The values at a block of draws, row-major (`values.len()` rows of `dim`). Override it to evaluate a
    /// batch in one call of a matrix library.
    #[inline(always)]
    fn value_block(&self, z: &[T], dim: usize, values: &mut [T]) {
        for (z, value) in z.chunks_exact(dim).zip(values) {
            *value = self.value(z);
        }
    }

    /// Whether f depends on the parameters θ of the distribution directly, `f_θ(z)`, and not only through
    /// the draw. The engine then adds the explicit gradient `E[∂f_θ(z)/∂θ]` to every gradient sample, or
    /// refuses an estimator that cannot. False by default, which holds f fixed. [`Parametric`] makes such
    /// an objective from two closures.
    #[inline(always)]
    fn depends_on_parameters(&self) -> bool {
        false
    }

    /// Adds `weight · ∂f_θ(z)/∂θ`, with z held fixed, to a row as long as the distribution's parameters.
    /// Parameters on which f does not depend directly are left alone. It is called only where f [depends on
    /// them](Self::depends_on_parameters).
    fn add_parameter_gradient(&self, z: &[T], weight: T, dtheta: &mut [T]) {
        let _ = (z, weight, dtheta);
    }
}

/// An objective with its gradient `∂f/∂z`. A pair of closures, `(value, value_and_gradient)`, is one.
///
/// ```
/// use reparam::DifferentiableObjective;
///
/// let f = (
///     |z: &[f64]| z[0] * z[0],
///     |z: &[f64], dz: &mut [f64]| {
///         dz[0] = 2.0 * z[0];
///         z[0] * z[0]
///     },
/// );
/// let mut dz = [0.0];
/// assert_eq!(f.value_and_gradient(&[3.0], &mut dz), 9.0);
/// assert_eq!(dz, [6.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no gradient with respect to z",
    label = "this estimator needs `∂f/∂z` in addition to the value",
    note = "wrap one closure that fills the gradient when asked, `Differentiable(|z: &[f64], dz: Option<&mut [f64]>| ..)`, or give a pair of closures, `(value, value_and_gradient)`",
    note = "use `ScoreFunction` if f has no gradient"
)]
pub trait DifferentiableObjective<T>: Objective<T> {
    /// The value at one draw; writes the gradient.
    fn value_and_gradient(&self, z: &[T], dz: &mut [T]) -> T;

    /// The values and gradients at a block of draws, row-major.
    #[inline(always)]
    fn value_and_gradient_block(&self, z: &[T], dim: usize, values: &mut [T], dz: &mut [T]) {
        if dim == 1 {
            // A length that the compiler knows, so that it can work on several rows at a time.
            for ((z, dz), value) in z.as_chunks::<1>().0.iter().zip(dz.as_chunks_mut::<1>().0).zip(values) {
                *value = self.value_and_gradient(z, dz);
            }
            return;
        }
        for ((z, dz), value) in z.chunks_exact(dim).zip(dz.chunks_exact_mut(dim)).zip(values) {
            *value = self.value_and_gradient(z, dz);
        }
    }
}

impl<T, F: Fn(&[T]) -> T> Objective<T> for F {
    #[inline(always)]
    fn value(&self, z: &[T]) -> T {
        self(z)
    }
}

impl<T, V, G> Objective<T> for (V, G)
where
    V: Fn(&[T]) -> T,
{
    #[inline(always)]
    fn value(&self, z: &[T]) -> T {
        (self.0)(z)
    }
}

impl<T, V, G> DifferentiableObjective<T> for (V, G)
where
    V: Fn(&[T]) -> T,
    G: Fn(&[T], &mut [T]) -> T,
{
    #[inline(always)]
    fn value_and_gradient(&self, z: &[T], dz: &mut [T]) -> T {
        (self.1)(z, dz)
    }
}

/// An objective from one closure that fills the gradient when it is asked to:
/// `Fn(&[T], Option<&mut [T]>) -> T`. Value and gradient are then written once, side by side.
///
/// ```
/// use reparam::{Differentiable, DifferentiableObjective, Objective};
///
/// let square = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
///     if let Some(dz) = dz {
///         dz[0] = 2.0 * z[0];
///     }
///     z[0] * z[0]
/// });
/// let mut dz = [0.0];
/// assert_eq!(square.value_and_gradient(&[3.0], &mut dz), square.value(&[3.0]));
/// assert_eq!(dz, [6.0]);
/// ```
#[derive(Clone, Copy)]
pub struct Differentiable<F>(pub F);

impl<F> fmt::Debug for Differentiable<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Differentiable(..)")
    }
}

impl<T, F: Fn(&[T], Option<&mut [T]>) -> T> Objective<T> for Differentiable<F> {
    #[inline(always)]
    fn value(&self, z: &[T]) -> T {
        (self.0)(z, None)
    }
}

impl<T, F: Fn(&[T], Option<&mut [T]>) -> T> DifferentiableObjective<T> for Differentiable<F> {
    #[inline(always)]
    fn value_and_gradient(&self, z: &[T], dz: &mut [T]) -> T {
        (self.0)(z, Some(dz))
    }
}

/// An objective that evaluates a whole batch at a time: a closure that gets all rows of a block, their
/// length, the slice for the values, and the slice for the gradients if they are wanted.
///
/// ```
/// use reparam::{Batched, Objective};
///
/// // A matrix library would multiply here; one call serves all rows.
/// let f = Batched(|z: &[f64], dim: usize, values: &mut [f64], dz: Option<&mut [f64]>| {
///     for (value, z) in values.iter_mut().zip(z.chunks_exact(dim)) {
///         *value = z.iter().sum();
///     }
///     if let Some(dz) = dz {
///         dz.fill(1.0);
///     }
/// });
/// let mut values = [0.0; 2];
/// f.value_block(&[1.0, 2.0, 3.0, 4.0], 2, &mut values);
/// assert_eq!(values, [3.0, 7.0]);
/// ```
#[derive(Clone, Copy)]
pub struct Batched<F>(pub F);

impl<F> fmt::Debug for Batched<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Batched(..)")
    }
}

impl<T: Default, F: Fn(&[T], usize, &mut [T], Option<&mut [T]>)> Objective<T> for Batched<F> {
    fn value(&self, z: &[T]) -> T {
        let mut value = [T::default()];
        self.value_block(z, z.len(), &mut value);
        let [value] = value;
        value
    }

    fn value_block(&self, z: &[T], dim: usize, values: &mut [T]) {
        (self.0)(z, dim, values, None);
    }
}

impl<T: Default, F: Fn(&[T], usize, &mut [T], Option<&mut [T]>)> DifferentiableObjective<T> for Batched<F> {
    fn value_and_gradient(&self, z: &[T], dz: &mut [T]) -> T {
        let mut value = [T::default()];
        self.value_and_gradient_block(z, z.len(), &mut value, dz);
        let [value] = value;
        value
    }

    fn value_and_gradient_block(&self, z: &[T], dim: usize, values: &mut [T], dz: &mut [T]) {
        (self.0)(z, dim, values, Some(dz));
    }
}
