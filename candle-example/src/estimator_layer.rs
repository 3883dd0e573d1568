//! Any estimator as an operation of candle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use reparam::{Distribution, EstimatorNode, GradientEstimator, RecordedObjective};

use crate::slices::{numbers, slice, wrapped};

/// A layer that draws as an estimator wants it, one gradient sample a row, in one of two ways:
///
/// - an estimator of *values* (the score function, `DisArm`, `DisArmSticks`): [`sample`](Self::sample), the network's f at the draws, and
///   [`expectation`](Self::expectation), through which the loss learns about the parameters and about f;
/// - an estimator of *slopes* (straight-through, pathwise): [`draw`](Self::draw), a tensor to go on with.
///
/// One draw at a time: a layer that is used twice in a step is two layers. A draw between a forward pass and its backward pass, to look at how
/// the training goes, say, takes the place of the one that the backward pass needs, which then refuses.
#[derive(Debug)]
pub struct EstimatorLayer<D, E> {
    node: Arc<Mutex<EstimatorNode<f32, D, E>>>,
}

impl<D, E> EstimatorLayer<D, E>
where
    D: Distribution<f32> + Send + 'static,
    E: GradientEstimator<f32, D, RecordedObjective<f32>> + Send + 'static,
{
    /// A layer of this node.
    pub fn new(node: EstimatorNode<f32, D, E>) -> Self {
        Self { node: Arc::new(Mutex::new(node)) }
    }

    /// The node, to change a setting between steps.
    pub fn node(&self) -> MutexGuard<'_, EstimatorNode<f32, D, E>> {
        locked(&self.node)
    }

    /// The draws at which f is wanted, `(rows · evaluations) × dim`, the evaluations of a row one after the other. To candle they are
    /// constants. `heads` is `rows × parameters`.
    ///
    /// # Errors
    /// Those of [`EstimatorNode::forward`], wrapped.
    pub fn sample<R: Rng + ?Sized>(&self, heads: &Tensor, rng: &mut R) -> Result<Tensor> {
        let (rows, _) = heads.dims2()?;
        let mut node = self.node();
        let points = node.forward(&[&numbers(heads)?], rng).map_err(wrapped)?.to_vec();
        let rows = rows * node.evaluations();
        let dim = points.len() / rows;
        Tensor::from_vec(points, (rows, dim), heads.device())
    }

    /// `E f` of each row as the mean of its values, `rows · evaluations` numbers at the draws of [`sample`](Self::sample). By the values it
    /// differentiates as a mean, by the heads as the estimator says.
    ///
    /// For estimators whose evaluations are all draws of `p_θ`, of equal weight: the score function, `Arm`, `DisArm`, `Arms`, `DisArmSticks`.
    ///
    /// # Errors
    /// [`candle_core::Error`] for a number of values that does not fit the heads; later those of [`EstimatorNode::backward`], wrapped.
    pub fn expectation(&self, heads: &Tensor, values: &Tensor) -> Result<Tensor> {
        let operation = Expectation { node: self.node.clone(), drawn: self.node().drawn() };
        heads.contiguous()?.apply_op2(&values.contiguous()?, operation)
    }

    /// Draws one z a row, differentiable by the heads through an estimator that looks at slopes alone
    /// (`StraightThroughGumbelSoftmax`, `StraightThrough`, `GumbelRao`, `ReinMax`, `Pathwise`).
    ///
    /// # Errors
    /// Those of [`EstimatorNode::forward`], and later of [`EstimatorNode::backward`], wrapped.
    pub fn draw<R: Rng + ?Sized>(&self, heads: &Tensor, rng: &mut R) -> Result<Tensor> {
        heads.dims2()?;
        let state = Mutex::new((Xoshiro256PlusPlus::from_rng(rng), 0));
        heads.contiguous()?.apply_op1(Through { node: self.node.clone(), state })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The node, if it still holds this draw.
fn holding<D, E>(
    node: &Mutex<EstimatorNode<f32, D, E>>,
    drawn: u64,
) -> Result<MutexGuard<'_, EstimatorNode<f32, D, E>>>
where
    D: Distribution<f32>,
{
    let node = locked(node);
    if node.drawn() != drawn {
        candle_core::bail!("the layer has drawn again since the forward pass of this backward pass");
    }
    Ok(node)
}

struct Expectation<D, E> {
    node: Arc<Mutex<EstimatorNode<f32, D, E>>>,
    /// The number of the draw.
    drawn: u64,
}

impl<D, E> CustomOp2 for Expectation<D, E>
where
    D: Distribution<f32>,
    E: GradientEstimator<f32, D, RecordedObjective<f32>>,
{
    fn name(&self) -> &'static str {
        "expectation"
    }

    fn cpu_fwd(
        &self,
        _heads: &CpuStorage,
        heads_layout: &Layout,
        values: &CpuStorage,
        values_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let values = slice(values, values_layout)?;
        let rows = heads_layout.dims()[0];
        let each = values.len() / rows;
        if each == 0 || values.len() != rows * each {
            candle_core::bail!("{} values for {rows} rows, expected as many for each", values.len());
        }
        let mean = |row: &[f32]| row.iter().sum::<f32>() / each as f32;
        Ok((CpuStorage::F32(values.chunks_exact(each).map(mean).collect()), rows.into()))
    }

    fn bwd(
        &self,
        heads: &Tensor,
        values: &Tensor,
        _means: &Tensor,
        dmeans: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut gradient = vec![0.0; heads.elem_count()];
        let mut slopes = numbers(values)?;
        holding(&self.node, self.drawn)?.backward(&slopes, &mut [&mut gradient]).map_err(wrapped)?;
        let dmeans = numbers(dmeans)?;
        let (params, each) = (gradient.len() / dmeans.len(), slopes.len() / dmeans.len());
        for (row, dmean) in gradient.chunks_exact_mut(params).zip(&dmeans) {
            row.iter_mut().for_each(|g| *g *= dmean);
        }
        for (row, dmean) in slopes.chunks_exact_mut(each).zip(&dmeans) {
            row.fill(dmean / each as f32);
        }
        let heads = Tensor::from_vec(gradient, heads.shape(), heads.device())?;
        Ok((Some(heads), Some(Tensor::from_vec(slopes, values.shape(), values.device())?)))
    }
}

struct Through<D, E> {
    node: Arc<Mutex<EstimatorNode<f32, D, E>>>,
    /// The generator, and the number of the draw.
    state: Mutex<(Xoshiro256PlusPlus, u64)>,
}

impl<D, E> CustomOp1 for Through<D, E>
where
    D: Distribution<f32>,
    E: GradientEstimator<f32, D, RecordedObjective<f32>>,
{
    fn name(&self) -> &'static str {
        "draw by slopes"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut node = locked(&self.node);
        let heads = slice(storage, layout)?;
        let mut state = locked(&self.state);
        let z = node.forward(&[heads], &mut state.0).map_err(wrapped)?.to_vec();
        state.1 = node.drawn();
        if node.evaluations() != 1 {
            candle_core::bail!("{} evaluations a row, expected one", node.evaluations());
        }
        let shape = (layout.dims()[0], z.len() / layout.dims()[0]).into();
        Ok((CpuStorage::F32(z), shape))
    }

    fn bwd(&self, heads: &Tensor, _z: &Tensor, dz: &Tensor) -> Result<Option<Tensor>> {
        let mut gradient = vec![0.0; heads.elem_count()];
        // The value of f is not known here, and such an estimator does not look at it.
        let values = vec![0.0; heads.dim(0)?];
        let drawn = locked(&self.state).1;
        holding(&self.node, drawn)?
            .backward_with_gradient(&values, &numbers(dz)?, &mut [&mut gradient])
            .map_err(wrapped)?;
        Tensor::from_vec(gradient, heads.shape(), heads.device()).map(Some)
    }
}
