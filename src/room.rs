//! Scratch space for a row.

/// Calls `run` with that many elements, on the stack if they are few.
#[inline]
pub(crate) fn with_room<X: Copy, Y>(len: usize, fill: X, run: impl FnOnce(&mut [X]) -> Y) -> Y {
    let mut few = [fill; 64];
    match few.get_mut(..len) {
        Some(room) => run(room),
        None => run(&mut vec![fill; len]),
    }
}
