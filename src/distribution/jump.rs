//! Derivatives of a discrete distribution as a jump of the draw to another value.

use super::Distribution;
use crate::real::Real;

/// A discrete distribution whose mass, when a parameter grows a little, flows from each value to one
/// other. The draw z stays where it is except with a small probability, with which it jumps to y. So
/// `∂E f/∂θᵢ = E[wᵢ(z) (f(yᵢ(z)) − f(z))]` for any f.
///
/// It is the half of a [weak derivative](super::WeakDerivative) that is known given the draw: no further
/// random number is needed. It is a separate trait because the pair of a weak derivative need not be next
/// to the draw. The probabilities of a simplex cannot be varied one at a time; for them, the derivative
/// with respect to `pₖ` means the derivative along `δₖ − p`, which stays on the simplex.
/// [`SmoothedPerturbation`](crate::estimators::SmoothedPerturbation) needs this trait.
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
    /// Whether jumps are known for the parameter at a flat index. The answer does not depend on the
    /// values of θ.
    fn jumps(&self, parameter: usize) -> bool;

    /// Moves a copy of a draw to the value it jumps to, and returns the weight w, which may be negative.
    /// Where the weight is 0, the copy is unchanged.
    fn jump(&self, parameter: usize, z: &mut [T]) -> T;
}
