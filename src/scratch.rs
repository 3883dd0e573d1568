//! Scratch space for one row, for custom distributions and estimators.

/// Calls `run` with a slice of `len` elements, on the stack if they are few (at most 64) and on the heap
/// otherwise: room for one row in a trait method that has no buffer for it.
///
/// ```
/// use reparam::scratch::with_scratch;
///
/// let sum: f64 = with_scratch(3, 0.0, |row| {
///     row.copy_from_slice(&[1.0, 2.0, 3.0]);
///     row.iter().sum()
/// });
/// assert_eq!(sum, 6.0);
/// ```
#[inline]
pub fn with_scratch<X: Copy, Y>(len: usize, fill: X, run: impl FnOnce(&mut [X]) -> Y) -> Y {
    let mut few = [fill; 64];
    match few.get_mut(..len) {
        Some(scratch) => run(scratch),
        None => run(&mut vec![fill; len]),
    }
}
