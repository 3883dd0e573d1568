//! The sums over a block of gradient samples.

use crate::estimate::Moments;
use crate::real::Real;
use crate::shifted_sums::ShiftedSums;

/// Gradient samples that are summed in their own precision before they join the others in `f64`.
pub(super) const STRETCH: usize = 256;

/// What one block leaves behind: the moments of all its stretches of gradient samples but the last, and the
/// sums over the last one.
#[derive(Debug, Clone, Default)]
pub(super) struct BlockSums<T> {
    pub(super) count: usize,
    /// Gradient samples in the last stretch.
    pub(super) rows: usize,
    pub(super) gradient: Columns<T>,
    pub(super) value: Columns<T>,
    pub(super) statistics: Vec<f64>,
    /// Whether a stretch before the last was not finite.
    broken: bool,
}

/// What a block's sums need room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) params: usize,
    pub(super) statistics: usize,
    pub(super) tile: usize,
    pub(super) block: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Columns<T> {
    pub(super) folded: Moments,
    pub(super) sums: ShiftedSums<T>,
}

impl<T: Real> Columns<T> {
    pub(super) fn resize(&mut self, len: usize, room: Room) {
        self.folded.reset(if room.block > STRETCH { len } else { 0 });
        self.sums.resize(len, room.tile);
    }
}

impl<T: Real> BlockSums<T> {
    /// Makes room for the sums over gradient samples of this many parameters.
    pub(super) fn resize(&mut self, room: Room) {
        self.gradient.resize(room.params, room);
        self.value.resize(1, room);
        self.statistics.resize(room.statistics, 0.0);
    }

    /// Back to no gradient samples, for a block of `count` of them.
    pub(super) fn start(&mut self, count: usize) {
        (self.count, self.rows, self.broken) = (count, 0, false);
        self.statistics.fill(0.0);
        for column in [&mut self.gradient, &mut self.value] {
            if column.folded.count() > 0 {
                column.folded.reset(column.folded.mean().len());
            }
        }
    }

    /// Ends a stretch.
    pub(super) fn fold(&mut self) {
        self.broken |= !self.is_finite();
        for column in [&mut self.gradient, &mut self.value] {
            column.folded.absorb(self.rows, &column.sums);
        }
        self.rows = 0;
    }

    /// Whether the sums are finite: a single NaN or infinity among the samples would show in them.
    pub(super) fn is_finite(&self) -> bool {
        !self.broken && self.gradient.sums.is_finite() && self.value.sums.is_finite()
    }
}
