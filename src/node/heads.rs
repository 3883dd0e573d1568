//! The rows of parameters that a network lends: one slice per range of the layout, or one slice of whole
//! rows.

use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::real::Real;

/// Whether the heads are one slice of whole rows where the layout has several ranges.
pub(super) fn is_fused<T>(layout: &Layout, heads: &[&[T]]) -> bool {
    heads.len() == 1 && layout.iter().len() > 1
}

/// The number of rows that the heads hold, at least one.
pub(super) fn count_rows<T>(layout: &Layout, heads: &[&[T]]) -> Result<usize, Error> {
    if layout.is_empty() {
        return Err(Error::EmptySupport { what: "a node without parameters" });
    }
    let whole = |name: &'static str, len: usize, found: usize| match found {
        0 => Err(Error::Length { what: name.into(), expected: len, found }),
        _ => check_len(name, found.next_multiple_of(len), found).map(|()| found / len),
    };
    if is_fused(layout, heads) {
        return whole("fused head", layout.len(), heads[0].len());
    }
    check_len("heads", layout.iter().len(), heads.len())?;
    // The first range that is not empty decides: a range may be empty, such as the couplings of a chain of
    // one bit.
    let mut rows = 0;
    for (part, head) in layout.iter().zip(heads).filter(|(part, _)| !part.range.is_empty()).take(1) {
        rows = whole("first head", part.range.len(), head.len())?;
    }
    for (part, head) in layout.iter().zip(heads) {
        check_len(part.name.clone(), rows.saturating_mul(part.range.len()), head.len())?;
    }
    Ok(rows)
}

/// Copies one row of parameters into a flat slice.
pub(super) fn read_row<T: Copy>(layout: &Layout, heads: &[&[T]], row: usize, flat: &mut [T]) {
    if is_fused(layout, heads) {
        flat.copy_from_slice(&heads[0][row * flat.len()..][..flat.len()]);
        return;
    }
    for (part, head) in layout.iter().zip(heads) {
        let len = part.range.len();
        flat[part.range.clone()].copy_from_slice(&head[row * len..][..len]);
    }
}

/// Copies flat rows of a gradient to their places in the heads, if all of them are finite.
pub(super) fn write_rows<T: Real>(layout: &Layout, rows: &[T], heads: &mut [&mut [T]]) -> Result<(), Error> {
    let params = layout.len();
    if let Some(i) = rows.iter().position(|g| !g.is_finite()) {
        let (parameter, index) = layout.place(i % params);
        let (sample, value) = ((i / params) as u64, rows[i].f64());
        return Err(Error::NonFiniteGradient { sample, parameter, index, value });
    }
    if let [head] = heads {
        head.copy_from_slice(rows);
        return Ok(());
    }
    for (row, flat) in rows.chunks_exact(params).enumerate() {
        for (part, head) in layout.iter().zip(&mut *heads) {
            let len = part.range.len();
            head[row * len..][..len].copy_from_slice(&flat[part.range.clone()]);
        }
    }
    Ok(())
}
