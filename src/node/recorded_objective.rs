//! An objective that is evaluated elsewhere.

use std::cell::{Cell, RefCell};

use crate::objective::{DifferentiableObjective, Objective};
use crate::real::Real;

/// The objective that an [`EstimatorNode`](super::EstimatorNode) gives to its estimator: at first it only
/// records where it is evaluated; once the values are known, it plays them back.
#[derive(Debug, Clone, Default)]
pub struct RecordedObjective<T> {
    /// The points of all evaluations, in order.
    points: RefCell<Vec<T>>,
    values: Vec<T>,
    slopes: Vec<T>,
    playing: bool,
    /// The next evaluation, while playing.
    next: Cell<usize>,
    wants_slopes: Cell<bool>,
    /// Whether an evaluation was at another point than the recorded one.
    astray: Cell<bool>,
}

impl<T: Real> RecordedObjective<T> {
    pub(super) fn record(&mut self) {
        self.points.get_mut().clear();
        self.playing = false;
        self.wants_slopes.set(false);
    }

    /// Fills each row up to `evaluations` with its last point; no row has more, and none has 0.
    pub(super) fn pad(&mut self, counts: &[usize], evaluations: usize, dim: usize) {
        let mut points = Vec::with_capacity(counts.len() * evaluations * dim);
        let mut rest = self.points();
        for &count in counts {
            let (own, later) = rest.split_at(count * dim);
            points.extend_from_slice(own);
            (count..evaluations).for_each(|_| points.extend_from_slice(&own[own.len() - dim..]));
            rest = later;
        }
        *self.points.get_mut() = points;
    }

    /// Plays back values, and slopes unless they are empty.
    pub(super) fn play(&mut self, values: &[T], slopes: &[T]) {
        self.values.clear();
        self.values.extend_from_slice(values);
        self.slopes.clear();
        self.slopes.extend_from_slice(slopes);
        self.playing = true;
        self.astray.set(false);
    }

    /// Continues with this evaluation.
    pub(super) fn seek(&self, evaluation: usize) {
        self.next.set(evaluation);
    }

    pub(super) fn points(&mut self) -> &[T] {
        self.points.get_mut()
    }

    pub(super) fn wants_slopes(&self) -> bool {
        self.wants_slopes.get()
    }

    /// Whether the evaluations so far, up to this one, are those that were recorded.
    pub(super) fn is_at(&self, evaluation: usize) -> bool {
        !self.astray.get() && self.next.get() == evaluation
    }

    fn evaluate(&self, z: &[T], slopes: Option<&mut [T]>) -> T {
        let mut points = self.points.borrow_mut();
        if !self.playing {
            points.extend_from_slice(z);
            if let Some(slopes) = slopes {
                self.wants_slopes.set(true);
                slopes.fill(T::zero());
            }
            return T::zero();
        }
        let i = self.next.replace(self.next.get() + 1);
        // An estimator that did not ask for slopes while they were recorded, but does now.
        if slopes.is_some() && self.slopes.is_empty() {
            self.astray.set(true);
            return T::zero();
        }
        let at = i * z.len()..(i + 1) * z.len();
        let same = |point: &[T]| point.iter().zip(z).all(|(p, z)| p == z || (p.is_nan() && z.is_nan()));
        if !points.get(at.clone()).is_some_and(same) {
            self.astray.set(true);
            return T::zero();
        }
        if let Some(slopes) = slopes {
            slopes.copy_from_slice(&self.slopes[at]);
        }
        self.values[i]
    }
}

impl<T: Real> Objective<T> for RecordedObjective<T> {
    fn value(&self, z: &[T]) -> T {
        self.evaluate(z, None)
    }
}

impl<T: Real> DifferentiableObjective<T> for RecordedObjective<T> {
    fn value_and_gradient(&self, z: &[T], dz: &mut [T]) -> T {
        self.evaluate(z, Some(dz))
    }
}
