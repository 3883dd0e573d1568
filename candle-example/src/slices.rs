//! Plain slices out of candle's tensors, and errors into candle's.

use candle_core::{CpuStorage, Error, Layout, Result, Tensor};

/// The numbers of a contiguous `f32` tensor.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::RequiresContiguous { op: "a layer of reparam" }.bt())?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// A copy of the numbers of any `f32` tensor, row by row.
pub(crate) fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

/// An error of `reparam`, as candle reports it.
pub(crate) fn wrapped(error: reparam::Error) -> Error {
    Error::wrap(error)
}
