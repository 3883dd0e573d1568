//! The buffers of a block, and the sizes that an estimator needs.

use std::ops::Range;

use crate::distribution::Draws;
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// The room that one gradient sample of an estimator takes in a [`Block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BlockShape {
    /// Draws per gradient sample that the buffers hold.
    pub draws: usize,
    /// Evaluations of the objective per gradient sample: as many as draws, unless the estimator sends more
    /// draws through the same buffers.
    pub evaluations: usize,
    /// Length of the noise behind one draw; 0 if the estimator draws z directly.
    pub noise: usize,
    /// Whether the estimator needs `∂f/∂z`.
    pub objective_gradient: bool,
    /// Length of the scratch space, whatever the number of gradient samples.
    pub scratch: usize,
    /// Length of the sums that the estimator learns from.
    pub statistics: usize,
    /// Who adds the explicit gradient of an objective that depends on θ directly.
    pub explicit_gradient: ExplicitGradient,
}

/// Who adds the explicit gradient `E[∂f_θ(z)/∂θ]` of an [objective that depends on θ](crate::Parametric).
///
/// The term must be averaged over draws of `p_θ`: not over the sides of a weak derivative, not over jumped
/// counts, not over the weighted draws of an importance sampler. Only the estimator knows which of its rows
/// are such draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ExplicitGradient {
    /// Nobody: the engine refuses such an objective with
    /// [`Error::ExplicitGradient`](crate::Error::ExplicitGradient). The safe default.
    #[default]
    Refused,
    /// The engine, averaged over this many first rows `z` of each gradient sample, which are draws of
    /// `p_θ`.
    OverDraws(usize),
    /// The estimator itself, by
    /// [`Evaluator::add_parameter_gradient`](crate::Evaluator::add_parameter_gradient).
    ByEstimator,
}

impl BlockShape {
    /// A gradient sample of this many draws that needs nothing else. It does not promise that they are
    /// draws of `p_θ`: objectives that depend on θ directly are refused, unless
    /// [`with_own_draws`](Self::with_own_draws) says more.
    #[must_use]
    pub fn of_draws(draws: usize) -> Self {
        Self { draws, evaluations: draws, ..Self::default() }
    }

    /// A gradient sample of this many draws, all of which are draws of `p_θ`.
    #[must_use]
    pub fn of_own_draws(draws: usize) -> Self {
        Self::of_draws(draws).with_own_draws(draws)
    }

    /// With a number of evaluations of the objective that is not the number of draws in the buffers.
    #[must_use]
    pub fn with_evaluations(self, evaluations: usize) -> Self {
        Self { evaluations, ..self }
    }

    /// With noise of this length behind each draw.
    #[must_use]
    pub fn with_noise(self, noise: usize) -> Self {
        Self { noise, ..self }
    }

    /// With room for the objective's gradient.
    #[must_use]
    pub fn with_objective_gradient(self) -> Self {
        Self { objective_gradient: true, ..self }
    }

    /// With scratch space of this length.
    #[must_use]
    pub fn with_scratch(self, scratch: usize) -> Self {
        Self { scratch, ..self }
    }

    /// With this many sums to learn from.
    #[must_use]
    pub fn with_statistics(self, statistics: usize) -> Self {
        Self { statistics, ..self }
    }

    /// With the promise that this many first rows `z` of each gradient sample are draws of `p_θ`: the
    /// engine averages the explicit gradient of an objective over them.
    #[must_use]
    pub fn with_own_draws(self, draws: usize) -> Self {
        Self { explicit_gradient: ExplicitGradient::OverDraws(draws), ..self }
    }

    /// With the promise that the estimator adds the explicit gradient of an objective itself.
    #[must_use]
    pub fn with_explicit_gradient(self) -> Self {
        Self { explicit_gradient: ExplicitGradient::ByEstimator, ..self }
    }
}

/// The buffers that an estimator fills with gradient samples. All are row-major and hold `samples` gradient
/// samples, each of [`BlockShape::draws`] draws.
#[derive(Debug)]
#[non_exhaustive]
pub struct Block<'a, T> {
    /// The number of gradient samples to make.
    pub samples: usize,
    /// The index of the first of them, counted from 0 within the call.
    pub first: u64,
    /// Noise ε, one row per draw.
    pub noise: &'a mut [T],
    /// Draws z, one row per draw.
    pub z: &'a mut [T],
    /// What the draws carry in addition to z, one row of
    /// [`Distribution::preimage_dim`](crate::Distribution::preimage_dim) numbers per draw; empty for a
    /// distribution whose draws carry nothing. Filled by
    /// [`sample_block`](crate::Distribution::sample_block) and related methods.
    pub preimage: &'a mut [T],
    /// Objective values f(z), one per draw: the engine averages them and checks that they are finite.
    pub values: &'a mut [T],
    /// Objective gradients `∂f/∂z`, one row per draw; empty if not asked for.
    pub dz: &'a mut [T],
    /// The gradient samples, one row each: the estimator's result.
    pub gradients: &'a mut [T],
    /// Scratch space, of the length asked for.
    pub scratch: &'a mut [T],
    /// Sums that the estimator adds to and [learns](crate::GradientEstimator::update) from after the call;
    /// 0 at the start of a block.
    pub statistics: &'a mut [f64],
}

impl<'a, T> Block<'a, T> {
    /// Part of a block whose draws are divided into `units`, without gradients and scratch space.
    pub(crate) fn units(&mut self, units: usize, range: Range<usize>) -> Block<'_, T> {
        fn part<'b, T>(rows: &'b mut [T], units: usize, range: &Range<usize>) -> &'b mut [T] {
            let len = rows.len() / units;
            &mut rows[range.start * len..range.end * len]
        }
        Block {
            samples: range.len(),
            first: self.first,
            noise: part(self.noise, units, &range),
            z: part(self.z, units, &range),
            preimage: part(self.preimage, units, &range),
            values: part(self.values, units, &range),
            dz: part(self.dz, units, &range),
            gradients: &mut [],
            scratch: &mut [],
            statistics: self.statistics,
        }
    }

    /// The same with gradients and scratch space.
    pub(crate) fn with_buffers(self, gradients: &'a mut [T], scratch: &'a mut [T]) -> Self {
        Self { gradients, scratch, ..self }
    }

    /// Adds the mean of `∂f_θ(z)/∂θ` over the first `own` draws of each gradient sample to its gradient.
    pub(crate) fn add_explicit_gradients<F>(&mut self, objective: Evaluator<'_, F>, dim: usize, own: usize)
    where
        T: Real,
        F: Objective<T> + ?Sized,
    {
        if !objective.depends_on_parameters() {
            return;
        }
        let (rows, params) = (self.z.len() / self.samples, self.gradients.len() / self.samples);
        let own = own.clamp(1, rows / dim);
        let weight = T::of(own as f64).recip();
        for (z, gradient) in self.z.chunks_exact(rows).zip(self.gradients.chunks_exact_mut(params)) {
            for z in z[..own * dim].chunks_exact(dim) {
                objective.add_parameter_gradient(z, weight, gradient);
            }
        }
    }

    /// The same block, lent: for an estimator that passes it to another one, and continues with what that
    /// one has filled in.
    #[must_use]
    pub fn reborrow(&mut self) -> Block<'_, T> {
        Block {
            samples: self.samples,
            first: self.first,
            noise: self.noise,
            z: self.z,
            preimage: self.preimage,
            values: self.values,
            dz: self.dz,
            gradients: self.gradients,
            scratch: self.scratch,
            statistics: self.statistics,
        }
    }

    /// The draws as they were filled in, with what they carry.
    #[must_use]
    pub fn draws(&self) -> Draws<'_, T> {
        Draws { z: self.z, preimage: self.preimage }
    }
}

/// What an estimator may learn from after an estimate: sums over gradient samples that are already spent.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Statistics<'a> {
    /// The number of gradient samples.
    pub samples: u64,
    /// The mean of the objective over all draws.
    pub value: f64,
    /// The estimator's own [statistics](Block::statistics), summed over all blocks.
    pub sums: &'a [f64],
}
