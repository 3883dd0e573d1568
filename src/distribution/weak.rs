//! Derivatives of a distribution as differences of two others.

use rand::Rng;

use super::Distribution;
use crate::real::Real;

/// Whether the two sides of a [weak derivative](WeakDerivative) share their randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coupling {
    /// Both sides are drawn from the same random numbers, and next to the draw where possible.
    #[default]
    Coupled,
    /// Independent sides.
    Independent,
}

/// Which sides of a [weak derivative](WeakDerivative) are drawn; this determines its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeakSides {
    /// `w (f(z⁺) − f(z⁻))`: two more evaluations.
    Pair,
    /// `w (f(z⁺) − f(z))` against the draw itself: one more evaluation. The weight w may be negative.
    AgainstDraw,
    /// `w f(z⁺)`: one more evaluation.
    Alone,
}

impl WeakSides {
    /// The number of draws in addition to z.
    #[must_use]
    pub fn draws(self) -> usize {
        if self == Self::Pair { 2 } else { 1 }
    }
}

/// One draw of the weak derivative of a single coordinate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeakPair<T> {
    plus: T,
    minus: T,
    weight: T,
}

impl<T: Real> WeakPair<T> {
    /// `weight · (f(plus) − f(minus))`.
    #[must_use]
    pub fn pair(plus: T, minus: T, weight: T) -> Self {
        Self { plus, minus, weight }
    }

    /// `weight · (f(plus) − f(z))` against the draw itself; the weight may be negative.
    #[must_use]
    pub fn against_draw(plus: T, weight: T) -> Self {
        Self { plus, minus: plus, weight }
    }

    /// Writes both sides into coordinate i of two copies of the draw, and returns the weight. `minus` is
    /// empty unless that side is drawn.
    #[inline]
    pub(crate) fn write(self, i: usize, plus: &mut [T], minus: &mut [T]) -> T {
        plus[i] = self.plus;
        if let Some(minus) = minus.get_mut(i) {
            *minus = self.minus;
        }
        self.weight
    }
}

/// A distribution whose derivative with respect to a parameter is a difference of two distributions that
/// can be drawn from: `∂p_θ/∂θ = w (p⁺ − p⁻)` (a weak or measure-valued derivative), so that
/// `∂E f/∂θ = w (E⁺ f − E⁻ f)` for any f.
///
/// [`MeasureValued`](crate::estimators::MeasureValued) needs this trait. Not every parameter of a
/// distribution has a weak derivative: capability belongs to the parameter.
///
/// # References
/// Pflug 1996, Optimization of Stochastic Models, doi:10.1007/978-1-4613-1449-3; Heidergott, Vázquez-Abad &
/// Volk-Makarewicz 2008, Sensitivity estimation for Gaussian systems, European Journal of Operational
/// Research 187.
#[diagnostic::on_unimplemented(
    message = "no weak derivative of `{Self}` is known",
    note = "use `ScoreFunction`, or `Pathwise` where the draw and the objective are differentiable"
)]
pub trait WeakDerivative<T: Real>: Distribution<T> {
    /// Which sides are drawn for the parameter at a flat index; `None` if it has no weak derivative. The
    /// answer does not depend on the values of θ.
    fn weak_sides(&self, parameter: usize, coupling: Coupling) -> Option<WeakSides>;

    /// One draw of both sides, and the weight w (which may be random, and negative). `plus` is passed in
    /// as a copy of a draw z; only the coordinates that the parameter governs are replaced. The same
    /// holds for `minus` with [`WeakSides::Pair`]; otherwise `minus` is empty.
    fn weak_pair<R: Rng + ?Sized>(
        &self,
        parameter: usize,
        coupling: Coupling,
        plus: &mut [T],
        minus: &mut [T],
        rng: &mut R,
    ) -> T;
}
