//! The pathwise gradient as an operation of candle.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use reparam::{Conditional, StochasticNode};

use crate::slices::{numbers, slice, wrapped};

/// A layer that draws one z a row from the distribution whose parameters are that row, differentiable by the parameters.
#[derive(Debug, Clone)]
pub struct PathwiseLayer<D> {
    node: StochasticNode<f32, D>,
}

impl<D: Conditional<f32> + Clone + Send + Sync + 'static> PathwiseLayer<D> {
    /// A layer of this node.
    pub fn new(node: StochasticNode<f32, D>) -> Self {
        Self { node }
    }

    /// The node, to change a temperature between steps.
    pub fn node_mut(&mut self) -> &mut StochasticNode<f32, D> {
        &mut self.node
    }

    /// Draws: `heads` is `rows × parameters`, the result `rows × dim`.
    ///
    /// # Errors
    /// Those of [`StochasticNode::forward`], and later of [`StochasticNode::backward`], wrapped.
    pub fn draw<R: Rng + ?Sized>(&self, heads: &Tensor, rng: &mut R) -> Result<Tensor> {
        let generator = Xoshiro256PlusPlus::from_rng(rng);
        heads.contiguous()?.apply_op1(Draw { state: Mutex::new((self.node.clone(), generator)) })
    }
}

/// One application of the layer: it keeps the noise from the forward to the backward pass.
struct Draw<D> {
    state: Mutex<(StochasticNode<f32, D>, Xoshiro256PlusPlus)>,
}

impl<D: Conditional<f32>> CustomOp1 for Draw<D> {
    fn name(&self) -> &'static str {
        "pathwise draw"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (node, rng) = &mut *state;
        let z = node.forward(&[slice(storage, layout)?], rng).map_err(wrapped)?.to_vec();
        let dim = node.prototype().dim();
        let shape = (z.len() / dim, dim).into();
        Ok((CpuStorage::F32(z), shape))
    }

    fn bwd(&self, heads: &Tensor, _z: &Tensor, dz: &Tensor) -> Result<Option<Tensor>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gradient = vec![0.0; heads.elem_count()];
        state.0.backward(&[&numbers(heads)?], &numbers(dz)?, &mut [&mut gradient]).map_err(wrapped)?;
        Tensor::from_vec(gradient, heads.shape(), heads.device()).map(Some)
    }
}
