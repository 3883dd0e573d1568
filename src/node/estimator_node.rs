//! Any estimator as a node in another library's training loop.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use super::heads::{count_rows, read_row, write_rows};
use super::recorded_objective::RecordedObjective;
use crate::distribution::Distribution;
use crate::error::{Error, check_len};
use crate::estimator::{Block, BlockRng, BlockShape, GradientEstimator, Statistics};
use crate::objective::Evaluator;
use crate::real::Real;
use crate::shifted_sums::mean;

/// A layer that samples with any [`GradientEstimator`]. Forward, it gives the draws of a whole minibatch,
/// which the network behind it evaluates in one call. Backward, it gives the gradient of each row's `E f`,
/// from the values of that call.
///
/// [`StochasticNode`](crate::StochasticNode) is the node of the pathwise gradient. This one is for all
/// other estimators: the score function with its baselines, [`DisArm`](crate::estimators::DisArm),
/// [`DisArmSticks`](crate::estimators::DisArmSticks), [`MeasureValued`](crate::estimators::MeasureValued),
/// [`StraightThroughGumbelSoftmax`](crate::estimators::StraightThroughGumbelSoftmax),
/// [`Rebar`](crate::estimators::Rebar) and your own.
///
/// - **Forward**: each row of parameters makes one gradient sample, and the node records the points where
///   the estimator evaluates f: `rows × evaluations × dim` numbers. The caller evaluates f there, by any
///   means.
/// - **Backward**: the estimator runs once more with the same random numbers, on these values (and on
///   `∂f/∂z` if it needs it). Bias and variance are the estimator's.
/// - **Heads** are as in [`StochasticNode`](crate::StochasticNode); take
///   [`Unconstrained`](crate::distributions::Unconstrained) as the prototype for logarithms of scales.
/// - **Costs** the draws and scores twice, and f once. It pays off where f is a network, and a batch is
///   cheaper than its rows one by one.
/// - **Learns**, where the estimator does, from all rows after they have been pulled back: a moving average
///   is that of earlier minibatches.
///
/// The node cannot run an estimator whose later draws depend on earlier values; such an estimator is
/// refused once it is found out ([`Error::Adaptive`]).
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::{EstimatorNode, prelude::*};
///
/// // The head of a network: logits of two bits, for a minibatch of 3. The loss is the square of their sum.
/// let logits = [0.5f64, -0.5, 0.0, 1.0, -2.0, 0.3];
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
///
/// let mut node = EstimatorNode::new(Bernoulli::from_logits(&[0.0; 2])?, DisArm);
/// let mut mean = [0.0; 6];
/// for _ in 0..20_000 {
///     let draws = node.forward(&[&logits], &mut rng)?; // 3 rows × 2 evaluations × 2 bits
///     let values: Vec<f64> = draws.chunks_exact(2).map(|b| (b[0] + b[1]).powi(2)).collect();
///     let mut gradient = [0.0; 6];
///     node.backward(&values, &mut [&mut gradient])?;
///     mean.iter_mut().zip(gradient).for_each(|(m, g)| *m += g / 20_000.0);
/// }
/// // E f = p + q + 2pq, so the derivative for the first logit is p (1 − p)(1 + 2q).
/// let p = |i: usize| 1.0 / (1.0 + f64::exp(-logits[i]));
/// assert!((mean[0] - p(0) * (1.0 - p(0)) * (1.0 + 2.0 * p(1))).abs() < 0.03);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct EstimatorNode<T, D, E> {
    prototype: D,
    estimator: E,
    tape: RecordedObjective<T>,
    /// The number of draws so far.
    drawn: u64,
    /// The parameters of each row, and the generator that its gradient sample was made from.
    theta: Vec<T>,
    generators: Vec<Xoshiro256PlusPlus>,
    /// How many points each row asked for, and the largest of these numbers.
    counts: Vec<usize>,
    evaluations: usize,
    buffers: Buffers<T>,
    gradients: Vec<T>,
    /// `E f` of each row of the last pullback, and of the present one until it has succeeded.
    values: [Vec<T>; 2],
}

/// The room of one gradient sample.
#[derive(Debug, Clone, Default)]
struct Buffers<T> {
    noise: Vec<T>,
    z: Vec<T>,
    preimage: Vec<T>,
    values: Vec<T>,
    dz: Vec<T>,
    scratch: Vec<T>,
    statistics: Vec<f64>,
}

impl<T: Real> Buffers<T> {
    fn fit(&mut self, shape: BlockShape, dim: usize, preimage: usize) {
        let dz = if shape.objective_gradient { shape.draws * dim } else { 0 };
        self.noise.resize(shape.draws * shape.noise, T::zero());
        self.z.resize(shape.draws * dim, T::zero());
        self.preimage.resize(shape.draws * preimage, T::zero());
        self.values.resize(shape.draws, T::zero());
        self.dz.resize(dz, T::zero());
        self.scratch.resize(shape.scratch, T::zero());
        self.statistics.resize(shape.statistics, 0.0);
    }

    fn block<'a>(&'a mut self, row: usize, gradients: &'a mut [T]) -> Block<'a, T> {
        Block {
            samples: 1,
            first: row as u64,
            noise: &mut self.noise,
            z: &mut self.z,
            preimage: &mut self.preimage,
            values: &mut self.values,
            dz: &mut self.dz,
            gradients,
            scratch: &mut self.scratch,
            statistics: &mut self.statistics,
        }
    }
}

impl<T: Real, D: Distribution<T>, E> EstimatorNode<T, D, E> {
    /// A node of this estimator. The prototype gives the shape of one row; its own parameters are not used,
    /// and are overwritten.
    #[must_use]
    pub fn new(prototype: D, estimator: E) -> Self {
        Self {
            prototype,
            estimator,
            tape: RecordedObjective::default(),
            drawn: 0,
            theta: Vec::new(),
            generators: Vec::new(),
            counts: Vec::new(),
            evaluations: 0,
            buffers: Buffers::default(),
            gradients: Vec::new(),
            values: [Vec::new(), Vec::new()],
        }
    }

    /// The estimator, with what it has learned.
    #[must_use]
    pub fn estimator(&self) -> &E {
        &self.estimator
    }

    /// The estimator, to change a setting such as a temperature. Earlier draws can then no longer be pulled
    /// back.
    pub fn estimator_mut(&mut self) -> &mut E {
        self.generators.clear();
        &mut self.estimator
    }

    /// The number of draws so far. A layer that keeps this number from its forward to its backward pass
    /// knows whether it pulls back its own draw or a later one.
    #[must_use]
    pub fn drawn(&self) -> u64 {
        self.drawn
    }

    /// The number of evaluations of f that each row of the last draw asks for.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// `E f` of each row, as the estimator reports it, from the last [`backward`](Self::backward).
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values[0]
    }

    /// Makes one gradient sample per row, and returns the points where f is to be evaluated: row by row
    /// [`evaluations`](Self::evaluations) points of `dim` numbers. A row that needs fewer points than
    /// others, because some of its outcomes have probability 0, repeats its last point.
    ///
    /// # Errors
    /// [`Error::Length`] for heads that do not fit the layout; what [`Distribution::set_params`] and the
    /// checks of a [`GradientEstimator`] refuse, with rows as gradient samples; and
    /// [`Error::NonFiniteTransform`] for a point that is not finite (`sample` is the row in all errors).
    /// After an error, no draw can be pulled back.
    pub fn forward<R>(&mut self, heads: &[&[T]], rng: &mut R) -> Result<&[T], Error>
    where
        E: GradientEstimator<T, D, RecordedObjective<T>>,
        R: Rng + ?Sized,
    {
        self.generators.clear();
        let rows = count_rows(self.prototype.layout(), heads)?;
        let (dim, params) = (self.prototype.dim(), self.prototype.params().len());
        if dim == 0 {
            return Err(Error::EmptySupport { what: "a distribution of dimension 0" });
        }
        self.theta.resize(rows * params, T::zero());
        self.gradients.resize(rows * params, T::zero());
        self.tape.record();
        let mut generators = std::mem::take(&mut self.generators);
        self.counts.clear();
        let mut before = 0;
        for row in 0..rows {
            let at = row * params..(row + 1) * params;
            read_row(self.prototype.layout(), heads, row, &mut self.theta[at]);
            generators.push(Xoshiro256PlusPlus::from_rng(rng));
            self.turn_to(row)?;
            self.estimator.check(&self.prototype)?;
            self.estimator.check_objective(&self.prototype, &self.tape)?;
            self.estimator.check_samples(&self.prototype, rows)?;
            self.run(row, generators[row].clone())?;
            let evaluations = self.tape.points().len() / dim;
            self.counts.push(evaluations - before);
            before = evaluations;
        }
        self.evaluations = self.counts.iter().copied().max().unwrap_or(0);
        if self.counts.iter().any(|&count| count < self.evaluations) {
            if self.counts.contains(&0) {
                check_len("evaluations of a row", self.evaluations, 0)?;
            }
            self.tape.pad(&self.counts, self.evaluations, dim);
        }
        if let Some(i) = self.tape.points().iter().position(|z| !z.is_finite()) {
            let value = self.tape.points()[i].f64();
            let (sample, coordinate) = self.place(i);
            return Err(Error::NonFiniteTransform { sample, coordinate, value });
        }
        self.generators = generators;
        self.drawn += 1;
        Ok(self.tape.points())
    }

    /// Writes the gradient of each row's `E f`, from f at the points of [`forward`](Self::forward), one
    /// value per evaluation. The draw is then spent.
    ///
    /// # Errors
    /// [`Error::NoDraw`] before a draw, or if it is spent; [`Error::Length`] if something does not fit the
    /// draw, or if gradients that the estimator needs are missing; [`Error::NonFiniteObjective`] and
    /// [`Error::NonFiniteGradient`]; [`Error::Adaptive`] for an estimator that draws differently once it
    /// knows the values. After an error, nothing has been written.
    pub fn backward(&mut self, values: &[T], dheads: &mut [&mut [T]]) -> Result<(), Error>
    where
        E: GradientEstimator<T, D, RecordedObjective<T>>,
    {
        self.backward_with_gradient(values, &[], dheads)
    }

    /// [`backward`](Self::backward) for an estimator that also needs `∂f/∂z` at every point.
    ///
    /// # Errors
    /// Those of [`backward`](Self::backward), and [`Error::NonFiniteObjectiveGradient`].
    pub fn backward_with_gradient(
        &mut self,
        values: &[T],
        dz: &[T],
        dheads: &mut [&mut [T]],
    ) -> Result<(), Error>
    where
        E: GradientEstimator<T, D, RecordedObjective<T>>,
    {
        let rows = self.generators.len();
        if rows == 0 {
            return Err(Error::NoDraw);
        }
        let dim = self.prototype.dim();
        check_len("values", rows * self.evaluations, values.len())?;
        if self.tape.wants_slopes() || !dz.is_empty() {
            check_len("dz", values.len() * dim, dz.len())?;
        }
        let lengths: Vec<&[T]> = dheads.iter().map(|head| &**head).collect();
        check_len("rows of the gradient heads", rows, count_rows(self.prototype.layout(), &lengths)?)?;
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            let (sample, draw) = ((i / self.evaluations) as u64, i % self.evaluations);
            return Err(Error::NonFiniteObjective { sample, draw, value: values[i].f64() });
        }
        if let Some(i) = dz.iter().position(|dz| !dz.is_finite()) {
            let (sample, coordinate) = self.place(i);
            return Err(Error::NonFiniteObjectiveGradient { sample, coordinate, value: dz[i].f64() });
        }

        self.tape.play(values, dz);
        self.values[1].clear();
        self.buffers.statistics.fill(0.0);
        for row in 0..rows {
            self.turn_to(row)?;
            let first = row * self.evaluations;
            self.tape.seek(first);
            self.run(row, self.generators[row].clone())?;
            if !self.tape.is_at(first + self.counts[row]) {
                return Err(Error::Adaptive { row });
            }
            let own = &self.buffers.values;
            let mean = mean(own, T::of(own.len() as f64).recip());
            if !mean.is_finite() {
                return Err(Error::NonFiniteObjective { sample: row as u64, draw: 0, value: mean.f64() });
            }
            self.values[1].push(mean);
        }
        write_rows(self.prototype.layout(), &self.gradients, dheads)?;
        self.values.swap(0, 1);
        // Step by step: the sum of large values might overflow where their mean does not.
        let next = |(mean, n): (f64, f64), value: &T| (mean + (value.f64() - mean) / (n + 1.0), n + 1.0);
        let (value, _) = self.values[0].iter().fold((0.0, 0.0), next);
        let statistics = &self.buffers.statistics;
        if statistics.iter().all(|sum| sum.is_finite()) {
            self.estimator.update(Statistics { samples: rows as u64, value, sums: statistics });
        }
        self.generators.clear();
        Ok(())
    }

    /// The row and the coordinate of a number among the points.
    fn place(&self, i: usize) -> (u64, usize) {
        let row = self.evaluations * self.prototype.dim();
        ((i / row) as u64, i % row)
    }

    /// Sets the prototype to the parameters of a row.
    fn turn_to(&mut self, row: usize) -> Result<(), Error> {
        let params = self.prototype.params().len();
        self.prototype.set_params(&self.theta[row * params..][..params])
    }

    /// Makes room, and makes the gradient sample of a row.
    fn run(&mut self, row: usize, rng: Xoshiro256PlusPlus) -> Result<(), Error>
    where
        E: GradientEstimator<T, D, RecordedObjective<T>>,
    {
        let params = self.prototype.params().len();
        let shape = self.estimator.shape(&self.prototype);
        self.buffers.fit(shape, self.prototype.dim(), self.prototype.preimage_dim());
        let block = self.buffers.block(row, &mut self.gradients[row * params..][..params]);
        let objective = Evaluator::new(&self.tape, row as u64, 1);
        self.estimator.gradient_samples(&self.prototype, objective, block, &mut BlockRng::single(rng))
    }
}
