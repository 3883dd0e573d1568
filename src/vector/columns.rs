//! Columns of a block of rows: copied out to be worked on as a separate block, and copied back.

use super::kernel;
use crate::real::Real;

/// Copies columns `offset..offset + width` of the rows into a contiguous block.
pub(crate) fn gather<T: Real>(rows: &[T], len: usize, offset: usize, width: usize, columns: &mut [T]) {
    match width {
        0 => {}
        1 => gather_few::<T, 1>(rows, len, offset, columns),
        2 => gather_few::<T, 2>(rows, len, offset, columns),
        3 => gather_few::<T, 3>(rows, len, offset, columns),
        4 => gather_few::<T, 4>(rows, len, offset, columns),
        6 => gather_few::<T, 6>(rows, len, offset, columns),
        8 => gather_few::<T, 8>(rows, len, offset, columns),
        16 => gather_few::<T, 16>(rows, len, offset, columns),
        _ => {
            for (row, own) in rows.chunks_exact(len).zip(columns.chunks_exact_mut(width)) {
                own.copy_from_slice(&row[offset..offset + width]);
            }
        }
    }
}

/// The inverse of [`gather`].
pub(crate) fn scatter<T: Real>(columns: &[T], width: usize, rows: &mut [T], len: usize, offset: usize) {
    match width {
        0 => {}
        1 => scatter_few::<T, 1>(columns, rows, len, offset),
        2 => scatter_few::<T, 2>(columns, rows, len, offset),
        3 => scatter_few::<T, 3>(columns, rows, len, offset),
        4 => scatter_few::<T, 4>(columns, rows, len, offset),
        6 => scatter_few::<T, 6>(columns, rows, len, offset),
        8 => scatter_few::<T, 8>(columns, rows, len, offset),
        16 => scatter_few::<T, 16>(columns, rows, len, offset),
        _ => {
            for (row, own) in rows.chunks_exact_mut(len).zip(columns.chunks_exact(width)) {
                row[offset..offset + width].copy_from_slice(own);
            }
        }
    }
}

/// Copying a length that the compiler knows is a move or two; copying an unknown length is a call.
fn gather_few<T: Real, const N: usize>(rows: &[T], len: usize, offset: usize, columns: &mut [T]) {
    gather_arrays(rows, len, offset, columns.as_chunks_mut::<N>().0);
}

fn scatter_few<T: Real, const N: usize>(columns: &[T], rows: &mut [T], len: usize, offset: usize) {
    scatter_arrays(columns.as_chunks::<N>().0, rows, len, offset);
}

/// A row as an array, which the compiler moves in the widest registers.
trait Row: Copy {
    type Number;
    fn of(row: &[Self::Number]) -> Option<&Self>;
    fn of_mut(row: &mut [Self::Number]) -> Option<&mut Self>;
}

impl<T: Copy, const N: usize> Row for [T; N] {
    type Number = T;
    #[inline(always)]
    fn of(row: &[T]) -> Option<&Self> {
        row.first_chunk()
    }
    #[inline(always)]
    fn of_mut(row: &mut [T]) -> Option<&mut Self> {
        row.first_chunk_mut()
    }
}

kernel! {
    fn gather_arrays<'a, R: Row>(rows: &'a [R::Number], len: usize, offset: usize, columns: &'a mut [R]) {
        for (row, own) in rows.chunks_exact(len).zip(columns) {
            if let Some(row) = R::of(&row[offset..]) {
                *own = *row;
            }
        }
    }
}

kernel! {
    fn scatter_arrays<'a, R: Row>(columns: &'a [R], rows: &'a mut [R::Number], len: usize, offset: usize) {
        for (row, own) in rows.chunks_exact_mut(len).zip(columns) {
            if let Some(row) = R::of_mut(&mut row[offset..]) {
                *row = *own;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_every_width_come_back_where_they_were() {
        for width in 0..11 {
            let len = width + 3;
            let rows: Vec<f64> = (0..4 * len).map(|i| i as f64).collect();
            let mut columns = vec![f64::NAN; 4 * width];
            gather(&rows, len, 2, width, &mut columns);
            for (i, own) in columns.chunks_exact(width.max(1)).enumerate() {
                assert_eq!(own, &rows[i * len + 2..i * len + 2 + width]);
            }
            let mut back = vec![-1.0; 4 * len];
            scatter(&columns, width, &mut back, len, 2);
            for (i, x) in back.iter().enumerate() {
                let inside = (2..2 + width).contains(&(i % len));
                assert_eq!(*x, if inside { i as f64 } else { -1.0 });
            }
        }
    }
}
