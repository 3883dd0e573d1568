//! What an estimate is made of, as the engine sees it.

use crate::distribution::Distribution;
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, ExplicitGradient, GradientEstimator};
use crate::layout::Layout;
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// Estimator, distribution and objective of one estimate. The engine sees it as [`Work`], so that its own
/// code is not generic in the three.
#[derive(Debug)]
pub(super) struct Job<'a, E: ?Sized, D: ?Sized, F: ?Sized> {
    pub(super) estimator: &'a E,
    pub(super) distribution: &'a D,
    pub(super) objective: &'a F,
}

/// A job with its types erased.
pub(super) trait Work<T> {
    /// Refuses what cannot be estimated.
    fn check(&self, samples: usize) -> Result<(), Error>;

    /// Lengths of the buffers.
    fn size(&self) -> Size;

    fn layout(&self) -> &Layout;

    /// Gradient samples, with the explicit gradient of an objective that depends on θ.
    fn gradient_samples(&self, block: Block<'_, T>, rng: &mut BlockRng<'_>) -> Result<(), Error>;
}

/// What determines the lengths of the buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub(super) shape: BlockShape,
    pub(super) dim: usize,
    pub(super) preimage: usize,
    pub(super) params: usize,
}

impl Size {
    /// Objective gradients per draw.
    pub(super) fn slopes(self) -> usize {
        if self.shape.objective_gradient { self.dim } else { 0 }
    }

    /// Whether the numbers of one gradient sample, and of a few more, can be counted and addressed at all.
    pub(super) fn fits<T>(self) -> bool {
        let most = isize::MAX as usize / size_of::<T>().max(1) / 64;
        let draw = [self.shape.noise, self.dim, self.preimage, self.slopes()];
        let draw = draw.into_iter().try_fold(1usize, usize::checked_add);
        let row = draw.and_then(|n| n.checked_mul(self.shape.draws)).and_then(|n| n.checked_add(self.params));
        row.and_then(|n| n.checked_add(self.shape.scratch)).is_some_and(|n| n <= most)
    }
}

impl<T, E, D, F> Work<T> for Job<'_, E, D, F>
where
    T: Real,
    E: GradientEstimator<T, D, F> + ?Sized,
    D: Distribution<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn check(&self, samples: usize) -> Result<(), Error> {
        if samples == 0 {
            return Err(Error::ZeroSamples);
        }
        if self.distribution.params().is_empty() {
            return Err(Error::EmptySupport {
                what: "a gradient for a distribution without free parameters",
            });
        }
        self.estimator.check(self.distribution)?;
        self.estimator.check_objective(self.distribution, self.objective)?;
        self.estimator.check_samples(self.distribution, samples)?;
        let refused =
            || self.estimator.shape(self.distribution).explicit_gradient == ExplicitGradient::Refused;
        if self.objective.depends_on_parameters() && refused() {
            return Err(Error::ExplicitGradient);
        }
        Ok(())
    }

    fn size(&self) -> Size {
        Size {
            shape: self.estimator.shape(self.distribution),
            dim: self.distribution.dim(),
            preimage: self.distribution.preimage_dim(),
            params: self.distribution.params().len(),
        }
    }

    fn layout(&self) -> &Layout {
        self.distribution.layout()
    }

    fn gradient_samples(&self, mut block: Block<'_, T>, rng: &mut BlockRng<'_>) -> Result<(), Error> {
        let objective = Evaluator::new(self.objective, block.first, block.samples);
        if !self.objective.depends_on_parameters() {
            return self.estimator.gradient_samples(self.distribution, objective, block, rng);
        }
        self.estimator.gradient_samples(self.distribution, objective, block.reborrow(), rng)?;
        if let ExplicitGradient::OverDraws(own) = self.estimator.shape(self.distribution).explicit_gradient {
            block.add_explicit_gradients(objective, self.distribution.dim(), own);
        }
        Ok(())
    }
}
