//! The rows of parameters that a network lends: one slice per range of the layout, or one slice of whole rows.

use crate::error::{Error, check_len};
use crate::layout::Layout;

/// Whether the heads are one slice of whole rows where the layout has several ranges.
pub(super) fn is_fused<T>(layout: &Layout, heads: &[&[T]]) -> bool {
    heads.len() == 1 && layout.iter().len() > 1
}

/// The number of rows that the heads hold.
pub(super) fn count_rows<T>(layout: &Layout, heads: &[&[T]]) -> Result<usize, Error> {
    let whole = |name: &'static str, len: usize, found: usize| match found {
        0 => Err(Error::Length { what: name.into(), expected: len, found }),
        _ => check_len(name, found.next_multiple_of(len), found).map(|()| found / len),
    };
    if is_fused(layout, heads) {
        return whole("fused head", layout.len(), heads[0].len());
    }
    check_len("heads", layout.iter().len(), heads.len())?;
    let mut rows = None;
    for (part, head) in layout.iter().zip(heads) {
        let expected = match rows {
            None => *rows.insert(whole("first head", part.range.len(), head.len())?),
            Some(rows) => rows,
        };
        check_len(part.name.clone(), expected * part.range.len(), head.len())?;
    }
    rows.ok_or(Error::EmptySupport { what: "a node without parameters" })
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

/// Copies one flat row of a gradient to where the heads have theirs.
pub(super) fn write_row<T: Copy>(layout: &Layout, flat: &[T], row: usize, heads: &mut [&mut [T]]) {
    if heads.len() == 1 {
        heads[0][row * flat.len()..][..flat.len()].copy_from_slice(flat);
        return;
    }
    for (part, head) in layout.iter().zip(heads) {
        let len = part.range.len();
        head[row * len..][..len].copy_from_slice(&flat[part.range.clone()]);
    }
}
