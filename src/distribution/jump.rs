//! Derivatives of a discrete distribution as a jump of the draw to another value.

use super::Distribution;
use crate::real::Real;

/// A discrete distribution whose mass, when a parameter grows a little, flows from each value to one other:
/// the draw z stands where it was but with a small probability, and then it has jumped to y. So
/// `∂E f/∂θᵢ = E[wᵢ(z) (f(yᵢ(z)) − f(z))]` for any f.
///
/// It is the half of a [weak derivative](super::WeakDerivative) that is known given the draw: no further
/// random number is needed. It is a trait of its own since a weak derivative's pair need not stand next to
/// the draw. The probabilities of a simplex have no derivative one by one; by `pₖ` is then meant the
/// derivative along `δₖ − p`, which stays on the simplex. This is what
/// [`SmoothedPerturbation`](crate::estimators::SmoothedPerturbation) asks for.
///
/// # References
/// Arya, Schauer, Schäfer & Rackauckas 2022, Automatic differentiation of programs with discrete
/// randomness, arXiv:2210.08572; before them, smoothed perturbation analysis: Gong & Ho 1987,
/// doi:10.1109/TAC.1987.1104464.
#[diagnostic::on_unimplemented(
    message = "it is not known where a draw of `{Self}` jumps when a parameter changes",
    note = "use `ScoreFunction`, or `MeasureValued` where there is a weak derivative"
)]
pub trait Jump<T: Real>: Distribution<T> {
    /// Whether jumps are known for the parameter at a flat index. It does not depend on the values of θ.
    fn jumps(&self, parameter: usize) -> bool;

    /// Moves a copy of a draw to where it jumps, and gives the weight w, which may be negative. Where the
    /// weight is 0, the copy stays as it is.
    fn jump(&self, parameter: usize, z: &mut [T]) -> T;
}
