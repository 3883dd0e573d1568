//! The Bernoulli likelihood of an image, with its derivative by hand: one pass instead of six.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use reparam::special::{sigmoid, softplus};

use crate::slices::{numbers, slice};

/// `ln p(x | l) = Σⱼ xⱼ lⱼ − ln(1 + e^{lⱼ})` of each row: `logits` and `pixels` (between 0 and 1) are `rows × pixels`, the result `rows`.
/// Differentiable by the logits.
///
/// # Errors
/// [`candle_core::Error`] for shapes that differ.
pub fn log_likelihood(logits: &Tensor, pixels: &Tensor) -> Result<Tensor> {
    if logits.dims() != pixels.dims() || logits.rank() != 2 {
        candle_core::bail!("logits {:?} for pixels {:?}", logits.dims(), pixels.dims());
    }
    logits.contiguous()?.apply_op2(&pixels.contiguous()?, LogLikelihood)
}

struct LogLikelihood;

impl CustomOp2 for LogLikelihood {
    fn name(&self) -> &'static str {
        "Bernoulli log-likelihood"
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        logits_layout: &Layout,
        pixels: &CpuStorage,
        pixels_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, columns) = (logits_layout.dims()[0], logits_layout.dims()[1]);
        let images = slice(logits, logits_layout)?.chunks_exact(columns);
        let images = images.zip(slice(pixels, pixels_layout)?.chunks_exact(columns));
        let sum = |(l, x): (&[f32], &[f32])| l.iter().zip(x).map(|(&l, &x)| x * l - softplus(l)).sum();
        Ok((CpuStorage::F32(images.map(sum).collect()), rows.into()))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        pixels: &Tensor,
        _values: &Tensor,
        dvalues: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut slopes = numbers(logits)?;
        let columns = logits.dim(1)?;
        let images = slopes.chunks_exact_mut(columns).zip(numbers(dvalues)?);
        for ((row, dvalue), x) in images.zip(numbers(pixels)?.chunks_exact(columns)) {
            for (l, x) in row.iter_mut().zip(x) {
                *l = dvalue * (x - sigmoid(*l));
            }
        }
        Ok((Some(Tensor::from_vec(slopes, logits.shape(), logits.device())?), None))
    }
}
