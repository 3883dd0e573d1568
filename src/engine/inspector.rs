//! Which number of a block was not finite.

use crate::error::Error;
use crate::estimator::BlockShape;
use crate::layout::Layout;
use crate::real::Real;

/// A number of a block that made its sums infinite.
#[derive(Debug)]
enum Culprit {
    Transform { sample: usize, coordinate: usize, value: f64 },
    Objective { sample: usize, draw: usize, value: f64 },
    ObjectiveGradient { sample: usize, coordinate: usize, value: f64 },
    Gradient { sample: usize, flat: usize, value: f64 },
}

impl Default for Culprit {
    fn default() -> Self {
        Self::Gradient { sample: 0, flat: 0, value: 0.0 }
    }
}

impl Culprit {
    fn into_error(self, start: u64, layout: &Layout) -> Error {
        match self {
            Self::Transform { sample, coordinate, value } => {
                Error::NonFiniteTransform { sample: start + sample as u64, coordinate, value }
            }
            Self::Objective { sample, draw, value } => {
                Error::NonFiniteObjective { sample: start + sample as u64, draw, value }
            }
            Self::ObjectiveGradient { sample, coordinate, value } => {
                Error::NonFiniteObjectiveGradient { sample: start + sample as u64, coordinate, value }
            }
            Self::Gradient { sample, flat, value } => {
                let (parameter, index) = layout.place(flat);
                Error::NonFiniteGradient { sample: start + sample as u64, parameter, index, value }
            }
        }
    }
}

/// Finds the first number that is not finite, in the order in which the numbers were made. If there is
/// none, and a sum is infinite all the same, finds the largest number, whose square is infinite.
#[derive(Debug, Default)]
pub(super) struct Inspector {
    culprit: Culprit,
    size: f64,
    pub(super) found: bool,
}

impl Inspector {
    /// What ended the block: the first number that was not finite, an error that the estimator reported, or
    /// a sum that overflowed.
    pub(super) fn into_error(self, outcome: Result<(), Error>, start: u64, layout: &Layout) -> Error {
        match outcome {
            Err(error) if !self.found => error,
            _ => self.culprit.into_error(start, layout),
        }
    }

    pub(super) fn look<T: Real>(&mut self, tile: Tile<'_, T>, start: usize, samples: usize) {
        for i in 0..samples {
            if let Some(culprit) = tile.first_non_finite(i, start + i) {
                self.culprit = culprit;
                self.found = true;
                return;
            }
            let sample = start + i;
            for (flat, g) in tile.gradients[i * tile.params..][..tile.params].iter().enumerate() {
                if g.f64().abs() > self.size {
                    self.size = g.f64().abs();
                    self.culprit = Culprit::Gradient { sample, flat, value: g.f64() };
                }
            }
            let draws = tile.shape.draws;
            for (draw, f) in tile.values[i * draws..][..draws].iter().enumerate() {
                if f.f64().abs() > self.size {
                    self.size = f.f64().abs();
                    self.culprit = Culprit::Objective { sample, draw, value: f.f64() };
                }
            }
        }
    }
}

/// The numbers of a tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile<'a, T> {
    pub(super) shape: BlockShape,
    pub(super) dim: usize,
    pub(super) params: usize,
    pub(super) z: &'a [T],
    pub(super) values: &'a [T],
    pub(super) dz: &'a [T],
    pub(super) gradients: &'a [T],
}

impl<T: Real> Tile<'_, T> {
    /// Looks at the numbers of the `i`th gradient sample in the buffers.
    fn first_non_finite(&self, i: usize, sample: usize) -> Option<Culprit> {
        let draws = self.shape.draws;
        let row = draws * self.dim;
        if let Some((coordinate, value)) = non_finite(&self.z[i * row..][..row]) {
            return Some(Culprit::Transform { sample, coordinate, value });
        }
        if let Some((draw, value)) = non_finite(&self.values[i * draws..][..draws]) {
            return Some(Culprit::Objective { sample, draw, value });
        }
        if self.shape.objective_gradient
            && let Some((coordinate, value)) = non_finite(&self.dz[i * row..][..row])
        {
            return Some(Culprit::ObjectiveGradient { sample, coordinate, value });
        }
        let (flat, value) = non_finite(&self.gradients[i * self.params..][..self.params])?;
        Some(Culprit::Gradient { sample, flat, value })
    }
}

fn non_finite<T: Real>(row: &[T]) -> Option<(usize, f64)> {
    row.iter().position(|x| !x.is_finite()).map(|i| (i, row[i].f64()))
}
