//! The measure-valued (weak) derivative.

use std::ops::Range;

use rand::Rng;

use crate::distribution::{Coupling, WeakDerivative, WeakSides};
use crate::error::Error;
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator};
use crate::estimators::continuous::over::ROWS_BYTES;
use crate::objective::{Evaluator, Objective};
use crate::real::Real;

/// The measure-valued estimator: `∂E f/∂θᵢ = wᵢ (E f(z⁺) − E f(z⁻))`, where z⁺ and z⁻ are draws in which
/// the coordinates that θᵢ governs come from two other laws, `∂p/∂θᵢ = wᵢ (p⁺ − p⁻)`.
///
/// - **Unbiased** for any objective that is integrable under both laws, differentiable or not.
/// - **Needs** a [`WeakDerivative`] and an [`Objective`]. A parameter without a weak derivative (the shape
///   of a gamma) is refused by name: freeze it, or use another estimator.
/// - **Costs** one evaluation of f for the value and one or two for *every parameter*: 1 + 3D for a
///   Gaussian in D dimensions, 1 + D for exponentials, gammas, Poissons, bits and (coupled) binomials, 1 +
///   K per categorical by logits. Where one side has the distribution's own law, the draw serves as that
///   side.
/// - **Variance** does not grow with the dimension: for each parameter it is that of a difference of f in
///   one coordinate. For a bit it is that of exact enumeration of this bit with the others drawn (a local
///   expectation).
/// - **Coupled** sides share their random numbers, which lowers the variance wherever f is smooth on the
///   scale of the density, but not always: the mean of a Gaussian under a *linear* f has variance 0.27
///   coupled and 0.14 [uncoupled](Self::uncoupled), since the two sides move in opposite directions.
/// - **Use it** in few dimensions where f jumps or oscillates, and for counts, where no other estimator has
///   so low a variance at this cost.
///
/// Pflug 1996, Optimization of Stochastic Models, doi:10.1007/978-1-4613-1449-3; Mohamed, Rosca, Figurnov &
/// Mnih 2020, arXiv:1906.10652, section 6.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let normal = Normal::new(&[0.0], &[1.0])?;
/// let above = |z: &[f64]| if z[0] > 1.0 { 1.0 } else { 0.0 }; // no useful gradient
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = MeasureValued::coupled().estimate(&normal, &above, 10_000, &mut rng)?;
/// assert_eq!(estimate.evaluations(), 40_000); // the value, two sides for μ and one for σ
/// let density = 0.241_970_724_519_143_37; // the exact derivative: the normal density at 1
/// assert!((estimate.gradient()[0] - density).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// A parameter without a weak derivative is refused by name:
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let gamma = Gamma::from_rate(&[2.0], &[1.0])?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let error = MeasureValued::coupled().estimate(&gamma, &|z: &[f64]| z[0], 100, &mut rng).unwrap_err();
/// assert_eq!(error, Error::NoWeakDerivative { parameter: "shape".into() });
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeasureValued {
    coupling: Coupling,
}

impl MeasureValued {
    /// With coupled sides.
    #[must_use]
    pub fn coupled() -> Self {
        Self { coupling: Coupling::Coupled }
    }

    /// With independent sides.
    #[must_use]
    pub fn uncoupled() -> Self {
        Self { coupling: Coupling::Independent }
    }

    /// Whether the sides are coupled.
    #[must_use]
    pub fn coupling(&self) -> Coupling {
        self.coupling
    }

    /// Which sides the parameters need; those without a weak derivative have been refused.
    fn sides<'a, T, D>(
        self,
        distribution: &'a D,
        parameters: Range<usize>,
    ) -> impl Iterator<Item = WeakSides> + 'a
    where
        T: Real,
        D: WeakDerivative<T> + ?Sized,
    {
        parameters.map(move |i| distribution.weak_sides(i, self.coupling).unwrap_or(WeakSides::Pair))
    }

    /// The rows of one gradient sample: the draw and the sides of all parameters.
    fn rows<T: Real, D: WeakDerivative<T> + ?Sized>(self, distribution: &D) -> usize {
        1 + self.sides(distribution, 0..distribution.params().len()).map(WeakSides::draws).sum::<usize>()
    }

    /// Fills the rows after the first, which is the draw, with the sides of some parameters, and writes
    /// their weights.
    fn draw<T, D, R>(
        self,
        distribution: &D,
        some: Range<usize>,
        rows: &mut [T],
        weights: &mut [T],
        rng: &mut R,
    ) where
        T: Real,
        D: WeakDerivative<T> + ?Sized,
        R: Rng + ?Sized,
    {
        let dim = distribution.dim();
        let (z, mut rows) = rows.split_at_mut(dim);
        for ((parameter, sides), weight) in
            some.clone().zip(self.sides(distribution, some)).zip(weights.iter_mut())
        {
            let (own, rest) = rows.split_at_mut(sides.draws() * dim);
            for row in own.chunks_exact_mut(dim) {
                row.copy_from_slice(z);
            }
            let (plus, minus) = own.split_at_mut(dim);
            *weight = distribution.weak_pair(parameter, self.coupling, plus, minus, rng);
            rows = rest;
        }
    }

    /// Turns weights into derivatives, with the objective at the rows that [`draw`](Self::draw) filled.
    fn differentiate<T, D>(self, distribution: &D, some: Range<usize>, values: &[T], weights: &mut [T])
    where
        T: Real,
        D: WeakDerivative<T> + ?Sized,
    {
        let (value, mut at) = (values[0], 1);
        for (sides, weight) in self.sides(distribution, some).zip(weights) {
            *weight *= match sides {
                WeakSides::Pair => values[at] - values[at + 1],
                WeakSides::AgainstDraw => values[at] - value,
                WeakSides::Alone => values[at],
            };
            at += sides.draws();
        }
    }

    /// The parameters from `first` on whose sides fit into `room` rows, and the number of rows that they
    /// take.
    fn part<T, D>(self, distribution: &D, first: usize, room: usize) -> (Range<usize>, usize)
    where
        T: Real,
        D: WeakDerivative<T> + ?Sized,
    {
        let (mut end, mut taken) = (first, 0);
        for sides in self.sides(distribution, first..distribution.params().len()) {
            if taken + sides.draws() > room {
                break;
            }
            taken += sides.draws();
            end += 1;
        }
        (first..end, taken)
    }
}

impl<T, D, F> GradientEstimator<T, D, F> for MeasureValued
where
    T: Real,
    D: WeakDerivative<T> + ?Sized,
    F: Objective<T> + ?Sized,
{
    fn shape(&self, distribution: &D) -> BlockShape {
        let rows = self.rows(distribution);
        let fit = ROWS_BYTES / ((distribution.dim() + 1) * size_of::<T>());
        // The sides come from other laws, and in parts: only the first row is a draw.
        BlockShape::of_draws(rows.min(fit.max(3))).with_evaluations(rows).with_own_draws(1)
    }

    fn check(&self, distribution: &D) -> Result<(), Error> {
        let lacks = |&i: &usize| distribution.weak_sides(i, self.coupling).is_none();
        match (0..distribution.params().len()).find(lacks).and_then(|i| distribution.layout().locate(i)) {
            None => Ok(()),
            Some((parameter, _)) => Err(Error::NoWeakDerivative { parameter: parameter.clone() }),
        }
    }

    fn gradient_samples(
        &self,
        distribution: &D,
        objective: Evaluator<'_, F>,
        block: Block<'_, T>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        let (dim, params) = (distribution.dim(), distribution.params().len());
        let rows = block.values.len() / block.samples;
        let gradients = block.gradients.chunks_exact_mut(params);
        if rows == self.rows(distribution) {
            // Everything fits: the whole block is one batch for the objective.
            for (z, weights) in block.z.chunks_exact_mut(rows * dim).zip(gradients) {
                distribution.sample(rng, &mut z[..dim]);
                self.draw(distribution, 0..params, z, weights, rng);
            }
            objective.value_block(block.z, dim, block.values);
            let gradients = block.gradients.chunks_exact_mut(params);
            for (values, gradient) in block.values.chunks_exact_mut(rows).zip(gradients) {
                self.differentiate(distribution, 0..params, values, gradient);
                report(values, gradient);
            }
            return Ok(());
        }

        let buffers = block.z.chunks_exact_mut(rows * dim).zip(block.values.chunks_exact_mut(rows));
        for (i, ((z, values), gradient)) in buffers.zip(gradients).enumerate() {
            let objective = objective.sample(i);
            gradient.fill(T::zero());
            distribution.sample(rng, &mut z[..dim]);
            objective.value_block(&z[..dim], dim, &mut values[..1]);
            let mut first = 0;
            while first < params && is_finite(gradient) {
                let (some, taken) = self.part(distribution, first, rows - 1);
                let weights = &mut gradient[some.clone()];
                self.draw(distribution, some.clone(), z, weights, rng);
                objective.value_block(&z[dim..(1 + taken) * dim], dim, &mut values[1..=taken]);
                self.differentiate(distribution, some.clone(), values, weights);
                first = some.end;
            }
            report(values, gradient);
        }
        Ok(())
    }
}

fn is_finite<T: Real>(gradient: &[T]) -> bool {
    gradient.iter().all(|g| g.is_finite())
}

/// The value to report is that at the draw, whatever the other rows say. If something went wrong, the
/// values stay as they are for the engine's diagnosis.
fn report<T: Real>(values: &mut [T], gradient: &[T]) {
    if is_finite(gradient) && values[0].is_finite() {
        let value = values[0];
        values.fill(value);
    }
}
