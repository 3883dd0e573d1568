//! The memory that a tile of gradient samples streams through.

use crate::real::Real;

/// Buffers of given lengths in one piece of memory.
///
/// A pass over a tile reads one buffer and writes another at the same speed. If the two are a multiple of
/// 4,096 bytes apart, or little more, the processor takes a read for one of a number that has just been
/// written, since it compares only twelve bits of the address. It then waits, for up to a third of the
/// time, depending on where the memory happens to be. So long buffers start at different places within a
/// page.
#[derive(Debug, Clone)]
pub(super) struct Buffers<T, const N: usize> {
    memory: Vec<T>,
    /// Start and length of each.
    places: [(usize, usize); N],
}

impl<T, const N: usize> Default for Buffers<T, N> {
    fn default() -> Self {
        Self { memory: Vec::new(), places: [(0, 0); N] }
    }
}

/// The number of bytes after which the compared part of an address repeats.
const PAGE: usize = 4096;

/// The distance between the starts of long buffers within a page: five of them fit.
const STAGGER: usize = 832;

impl<T: Real, const N: usize> Buffers<T, N> {
    /// Makes room; allocates nothing where there is enough.
    pub(super) fn fit(&mut self, lens: [usize; N]) {
        let (mut end, mut long) = (0, 0);
        for (place, len) in self.places.iter_mut().zip(lens) {
            if len * size_of::<T>() >= PAGE {
                let wanted = long * STAGGER % PAGE;
                let bytes = end * size_of::<T>();
                end += (wanted + PAGE - bytes % PAGE) % PAGE / size_of::<T>();
                long += 1;
            }
            *place = (end, len);
            end += len;
        }
        self.memory.resize(end, T::zero());
    }

    /// All buffers.
    #[inline]
    pub(super) fn get_mut(&mut self) -> [&mut [T]; N] {
        let (mut rest, mut end) = (&mut self.memory[..], 0);
        self.places.map(|(start, len)| {
            let (_, after) = std::mem::take(&mut rest).split_at_mut(start - end);
            let (buffer, after) = after.split_at_mut(len);
            (rest, end) = (after, start + len);
            buffer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_do_not_overlap_and_long_ones_start_at_different_places_of_a_page() {
        let lens = [1570, 1570, 157, 1570, 3140, 0, 157];
        let mut buffers = Buffers::<f64, 7>::default();
        buffers.fit(lens);
        for (i, buffer) in buffers.get_mut().into_iter().enumerate() {
            buffer.fill(i as f64);
        }
        let views = buffers.get_mut();
        for (i, (view, len)) in views.iter().zip(lens).enumerate() {
            assert!(view.len() == len && view.iter().all(|&x| x == i as f64));
        }
        let start = |i: usize| views[i].as_ptr() as usize % PAGE;
        for (i, j) in [(0, 1), (1, 3), (0, 3), (0, 4), (3, 4)] {
            let apart = start(i).abs_diff(start(j));
            assert!(apart.min(PAGE - apart) >= 700, "{i} and {j}: {apart}");
        }
    }

    #[test]
    fn short_buffers_lie_side_by_side() {
        let mut buffers = Buffers::<f32, 3>::default();
        buffers.fit([4, 2, 3]);
        assert_eq!(buffers.memory.len(), 9);
    }
}
