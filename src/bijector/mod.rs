//! Bijections of the line, and maps built from them that take the real line onto the domains of the
//! parameters, with the chain rule.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `mod` | unconstrained parameters: both directions, and the chain rule |
//! | `scalar` | `Exp`, `Softplus`, `Sigmoid`, `Tanh`: value, inverse and derivatives |

mod scalar;

pub use scalar::{Exp, ScalarBijection, Sigmoid, Softplus, Tanh};

use crate::layout::{Domain, Layout};
use crate::real::Real;
use crate::special::log_sum_exp;

/// How a positive parameter (a scale, a rate, a temperature) is expressed on the real line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PositiveBijector {
    /// [`Exp`], `θ = e^φ`: a step of φ is a relative change of θ. The usual choice.
    #[default]
    Exp,
    /// [`Softplus`], `θ = ln(1 + e^φ)`: additive for large θ, so that a large step cannot make a scale
    /// explode.
    Softplus,
}

impl PositiveBijector {
    /// θ and `dθ/dφ`.
    fn forward<T: Real>(self, phi: T) -> (T, T) {
        match self {
            Self::Exp => Exp.forward_with_derivative(phi),
            Self::Softplus => Softplus.forward_with_derivative(phi),
        }
    }

    fn inverse<T: Real>(self, theta: T) -> T {
        match self {
            Self::Exp => Exp.inverse(theta),
            Self::Softplus => Softplus.inverse(theta),
        }
    }
}

/// θ and its slopes `dθ/dφ` from φ, all flat in the layout of θ. For a simplex, the slope is the
/// probability itself.
pub(crate) fn constrain<T: Real>(
    layout: &Layout,
    bijector: PositiveBijector,
    phi: &[T],
    theta: &mut [T],
    slope: &mut [T],
) {
    let mut previous = 0;
    for part in layout {
        let range = part.range.clone();
        for i in range.clone() {
            (theta[i], slope[i]) = match part.domain {
                Domain::Real => (phi[i], T::one()),
                Domain::Positive => bijector.forward(phi[i]),
                Domain::UnitInterval => Sigmoid.forward_with_derivative(phi[i]),
                Domain::AbovePrevious => {
                    let (gap, slope) = bijector.forward(phi[i]);
                    (theta[previous + i - range.start] + gap, slope)
                }
                Domain::Simplex(classes) => {
                    let row = range.start + (i - range.start) / classes * classes;
                    let p = (phi[i] - log_sum_exp(&phi[row..row + classes])).exp();
                    (p, p)
                }
            };
        }
        previous = range.start;
    }
}

/// φ from θ.
pub(crate) fn unconstrain<T: Real>(layout: &Layout, bijector: PositiveBijector, theta: &[T]) -> Vec<T> {
    let mut previous = 0;
    let mut phi = theta.to_vec();
    for part in layout {
        let range = part.range.clone();
        for i in range.clone() {
            phi[i] = match part.domain {
                Domain::Real => theta[i],
                Domain::Positive => bijector.inverse(theta[i]),
                Domain::UnitInterval => Sigmoid.inverse(theta[i]),
                Domain::AbovePrevious => bijector.inverse(theta[i] - theta[previous + i - range.start]),
                Domain::Simplex(_) => theta[i].ln(),
            };
        }
        previous = range.start;
    }
    phi
}

/// The chain rule in place: turns `∂L/∂θ` into `∂L/∂φ`.
pub(crate) fn chain<T: Real>(layout: &Layout, slope: &[T], gradient: &mut [T]) {
    // A parameter that is bounded by the range before it moves with that range, so the last range comes
    // first.
    let mut before = layout.iter().rev().skip(1);
    for part in layout.iter().rev() {
        let range = part.range.clone();
        let previous = before.next().map_or(0, |part| part.range.start);
        match part.domain {
            Domain::Real => {}
            Domain::Simplex(classes) => {
                let rows = gradient[range.clone()].chunks_exact_mut(classes);
                for (gradient, p) in rows.zip(slope[range].chunks_exact(classes)) {
                    let mean = gradient.iter().zip(p).map(|(&g, &p)| g * p).sum::<T>();
                    for (g, &p) in gradient.iter_mut().zip(p) {
                        *g = p * (*g - mean);
                    }
                }
            }
            Domain::Positive | Domain::UnitInterval | Domain::AbovePrevious => {
                if part.domain == Domain::AbovePrevious {
                    for i in range.clone() {
                        let g = gradient[i];
                        gradient[previous + i - range.start] += g;
                    }
                }
                for (g, &slope) in gradient[range.clone()].iter_mut().zip(&slope[range]) {
                    *g *= slope;
                }
            }
        }
    }
}
