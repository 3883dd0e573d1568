//! The node of any estimator: the same bits as the estimator by itself, whoever evaluates the objective.

use std::cell::Cell;

use crate::common::rng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use reparam::prelude::*;
use reparam::{
    Block, BlockRng, BlockShape, Distribution, Domain, Engine, EstimatorNode, Evaluator, Layout, LogDensity,
    RecordedObjective,
};

/// A smooth objective of any number of coordinates, with a gradient that knows its coordinates apart.
fn smooth() -> impl DifferentiableObjective<f64> {
    Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        let sum: f64 = z.iter().enumerate().map(|(i, z)| (1.0 + 0.3 * i as f64) * z).sum();
        if let Some(dz) = dz {
            for (i, dz) in dz.iter_mut().enumerate() {
                *dz = (1.0 + 0.3 * i as f64) * sum.cos();
            }
        }
        sum.sin()
    })
}

/// Runs a node over three rows and compares with the estimator by itself on each row, bit for bit.
fn check<D, E, F>(prototype: &D, rows: &[f64], estimator: &E, objective: &F, slopes: bool)
where
    D: Distribution<f64> + Clone,
    E: GradientEstimator<f64, D, RecordedObjective<f64>> + GradientEstimator<f64, D, F> + Clone,
    F: DifferentiableObjective<f64>,
{
    let (dim, params) = (prototype.dim(), prototype.params().len());
    let mut node = EstimatorNode::new(prototype.clone(), estimator.clone());
    let points = node.forward(&[rows], &mut rng(5)).unwrap().to_vec();
    let (mut values, mut dz) = (vec![0.0; points.len() / dim], vec![0.0; points.len()]);
    objective.value_and_gradient_block(&points, dim, &mut values, &mut dz);
    let mut gradient = vec![f64::NAN; rows.len()];
    if slopes {
        let refused = node.backward(&values, &mut [&mut gradient]);
        assert!(matches!(refused, Err(Error::Length { .. })), "{refused:?}");
        node.backward_with_gradient(&values, &dz, &mut [&mut gradient]).unwrap();
    } else {
        node.backward(&values, &mut [&mut gradient]).unwrap();
    }

    let mut rng = rng(5);
    for (row, (theta, gradient)) in rows.chunks_exact(params).zip(gradient.chunks_exact(params)).enumerate() {
        let mut distribution = prototype.clone();
        distribution.set_params(theta).unwrap();
        let mut own = Xoshiro256PlusPlus::from_rng(&mut rng);
        let mut engine = Engine::new().with_callers_generator();
        let alone = engine.estimate(&mut estimator.clone(), &distribution, objective, 1, &mut own).unwrap();
        assert_eq!(gradient, alone.gradient(), "row {row}");
        assert!((node.values()[row] - alone.value()).abs() < 1e-15, "row {row}");
    }
    assert_eq!(node.backward(&values, &mut [&mut vec![0.0; rows.len()]]), Err(Error::NoDraw));
}

#[test]
fn a_node_gives_the_bits_of_its_estimator_row_by_row() {
    let f = smooth();
    let normal = Unconstrained::new(Normal::<f64>::standard(2).unwrap()).unwrap();
    let rows = [0.5, -1.0, 0.1, -0.7, 2.0, 0.0, 0.3, 0.4, -0.2, 1.5, -1.0, -2.0];
    let leave_one_out = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 3 });
    check(&normal, &rows, &ScoreFunction::new(), &f, false);
    check(&normal, &rows, &leave_one_out, &f, false);
    check(&normal, &rows, &Pathwise, &f, true);
    check(&normal, &rows, &Elbo::sticking_the_landing(), &f, true);
    check(
        &Normal::<f64>::standard(2).unwrap(),
        &rows.map(|x: f64| x.abs() + 0.1),
        &MeasureValued::coupled(),
        &f,
        false,
    );

    let bits = Bernoulli::from_logits(&[0.0; 2]).unwrap();
    check(&bits, &rows, &leave_one_out, &f, false);
    check(&bits, &rows, &DisArm, &f, false);
    check(&bits, &rows, &Arms::new(3), &f, false);
    check(&bits, &rows, &LocalExpectation, &f, false);
    check(&bits, &rows, &Rebar::new(), &f, true);
    check(&bits, &rows, &StraightThrough, &f, true);

    let categories = Categorical::from_logits(&[0.0; 6], 3).unwrap();
    check(&categories, &rows, &leave_one_out, &f, false);
    check(&categories, &rows, &DisArmSticks, &f, false);
    check(&categories, &rows, &Enumerate, &f, false);
    check(&categories, &rows, &StraightThroughGumbelSoftmax::new(0.7), &f, true);
    check(&categories, &rows, &GumbelRao::new(0.7, 3), &f, true);
}

/// Outcomes of probability 0 are not evaluated: the second row asks for fewer points than the others.
#[test]
fn rows_may_need_fewer_evaluations_than_others() {
    let f = smooth();
    let rows = [0.5, -1.0, 0.1, 0.0, -1000.0, 0.3, 1.0, 0.0, -0.5];
    let categories = Categorical::from_logits(&[0.0; 3], 3).unwrap();
    check(&categories, &rows, &Enumerate, &f, false);
    check(&categories, &rows, &LocalExpectation, &f, false);
    let mut node = EstimatorNode::new(categories, Enumerate);
    let points = node.forward(&[&rows], &mut rng(1)).unwrap();
    let (one, three) = ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0]);
    assert_eq!(points[9..18], [one, three, three].concat());
    assert_eq!(node.evaluations(), 3);
}

#[test]
fn rows_are_gradient_samples_of_one_estimate() {
    let normal = Normal::<f64>::standard(1).unwrap();
    let replay = Replay::record(&normal, 2, &mut rng(1));
    let noise = replay.noise().to_vec();
    let mut node = EstimatorNode::new(normal, ScoreFunction::new().over(replay));
    assert_eq!(node.forward(&[&[0.0; 2], &[1.0; 2]], &mut rng(2)).unwrap(), noise);
    let refused = node.forward(&[&[0.0; 3], &[1.0; 3]], &mut rng(2)).map(drop);
    assert!(matches!(refused, Err(Error::Length { expected: 3, found: 2, .. })), "{refused:?}");
}

/// The mean of 200,000 rows, within 4.5 standard errors of the sum over all outcomes.
#[test]
fn the_mean_over_rows_is_the_exact_gradient() {
    const ROWS: usize = 200_000;
    let f = |z: &[f64]| z.iter().sum::<f64>().powi(2) + z[0];
    let logits = [0.5, -0.5];
    let bits = Bernoulli::from_logits(&logits).unwrap();
    let exact = Enumerate.estimate(&bits, &f, 2, &mut rng(1)).unwrap();
    let mut node = EstimatorNode::new(bits, DisArm);
    let heads = logits.repeat(ROWS);
    let values: Vec<f64> = node.forward(&[&heads], &mut rng(7)).unwrap().chunks_exact(2).map(f).collect();
    let mut gradient = vec![0.0; 2 * ROWS];
    node.backward(&values, &mut [&mut gradient]).unwrap();
    for (i, exact) in exact.gradient().iter().enumerate() {
        let samples = || gradient.iter().skip(i).step_by(2);
        let mean = samples().sum::<f64>() / ROWS as f64;
        let square = samples().map(|g| (g - mean).powi(2)).sum::<f64>() / ROWS as f64;
        let error = (square / ROWS as f64).sqrt();
        assert!((mean - exact).abs() < 4.5 * error, "{i}: {mean} ± {error}, exact {exact}");
    }
    let reported = node.values().iter().sum::<f64>() / ROWS as f64;
    let p = logits.map(|l| 1.0 / (1.0 + f64::exp(-l)));
    assert!((reported - (2.0 * p[0] + p[1] + 2.0 * p[0] * p[1])).abs() < 0.02, "{reported}");
}

#[test]
fn separate_heads_are_the_same_as_one_fused_head() {
    let prototype = Normal::<f64>::standard(2).unwrap();
    let fused = [0.5, -1.0, 0.1, 0.7, 2.0, 0.0, 0.3, 0.4];
    let (mu, sigma) = ([0.5, -1.0, 2.0, 0.0], [0.1, 0.7, 0.3, 0.4]);
    let mut one = EstimatorNode::new(prototype.clone(), ScoreFunction::new());
    let mut two = EstimatorNode::new(prototype, ScoreFunction::new());
    let draws = one.forward(&[&fused], &mut rng(1)).unwrap().to_vec();
    assert_eq!(draws, two.forward(&[&mu, &sigma], &mut rng(1)).unwrap());
    let (mut whole, mut dmu, mut dsigma) = ([0.0; 8], [0.0; 4], [0.0; 4]);
    one.backward(&[1.0, 2.0], &mut [&mut whole]).unwrap();
    two.backward(&[1.0, 2.0], &mut [&mut dmu, &mut dsigma]).unwrap();
    assert_eq!(whole, [dmu[0], dmu[1], dsigma[0], dsigma[1], dmu[2], dmu[3], dsigma[2], dsigma[3]]);
    // The score of a normal at the draw, times the value.
    for (row, value) in [(0, 1.0), (1, 2.0)] {
        for i in 2 * row..2 * row + 2 {
            let expected = value * (draws[i] - mu[i]) / (sigma[i] * sigma[i]);
            assert!((dmu[i] - expected).abs() < 1e-12 * expected.abs(), "{i}");
        }
    }
}

#[test]
fn a_moving_average_is_that_of_the_minibatches_before() {
    let baseline = Baseline::MovingAverage { decay: 0.5 };
    let mut node = EstimatorNode::new(
        Bernoulli::from_logits(&[0.0]).unwrap(),
        ScoreFunction::new().with_baseline(baseline),
    );
    let mut gradient = [0.0; 2];
    let draws = node.forward(&[&[0.0, 0.0]], &mut rng(3)).unwrap().to_vec();
    node.backward(&[3.0, 5.0], &mut [&mut gradient]).unwrap();
    assert_eq!(gradient, [3.0 * (draws[0] - 0.5), 5.0 * (draws[1] - 0.5)]);
    assert_eq!(node.values(), [3.0, 5.0]);
    assert_eq!(node.estimator().learned(), [4.0]);
    let draws = node.forward(&[&[0.0, 0.0]], &mut rng(4)).unwrap().to_vec();
    node.backward(&[3.0, 5.0], &mut [&mut gradient]).unwrap();
    assert_eq!(gradient, [-(draws[0] - 0.5), draws[1] - 0.5]);
}

#[test]
fn an_optimal_baseline_is_learned_from_the_rows_that_were_pulled_back() {
    let estimator = ScoreFunction::new().with_baseline(Baseline::Optimal);
    let mut node = EstimatorNode::new(Bernoulli::from_logits(&[0.0]).unwrap(), estimator);
    let logits = [0.3, -0.8, 1.2];
    let values = [3.0, 5.0, -1.0];
    let draws = node.forward(&[&logits], &mut rng(3)).unwrap().to_vec();
    node.backward(&values, &mut [&mut [0.0; 3]]).unwrap();
    // b = E[f s²] / E[s²] with the score s = z − p.
    let (mut above, mut below) = (0.0, 0.0);
    for ((z, l), f) in draws.iter().zip(logits).zip(values) {
        let score = z - 1.0 / (1.0 + f64::exp(-l));
        above += f * score * score;
        below += score * score;
    }
    let [learned] = node.estimator().learned()[..] else { unreachable!("one parameter, one baseline") };
    assert!((learned - above / below).abs() < 1e-12, "{learned} {}", above / below);
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let mut node = EstimatorNode::new(Bernoulli::from_logits(&[0.0; 2]).unwrap(), DisArm);
    let mut gradient = [7.0; 4];
    assert_eq!(node.backward(&[0.0; 4], &mut [&mut gradient]), Err(Error::NoDraw));
    assert!(matches!(
        node.forward(&[&[0.0; 3]], &mut rng(1)),
        Err(Error::Length { expected: 4, found: 3, .. })
    ));
    let error = node.forward(&[&[0.0, f64::NAN]], &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteParameter { index: 1, .. }), "{error}");
    assert_eq!(node.backward(&[0.0; 4], &mut [&mut gradient]), Err(Error::NoDraw));

    assert_eq!(node.forward(&[&[0.0; 4]], &mut rng(1)).unwrap().len(), 8);
    assert_eq!(node.evaluations(), 2);
    let error = node.backward(&[0.0; 3], &mut [&mut gradient]).unwrap_err();
    assert_eq!(error, Error::Length { what: "values".into(), expected: 4, found: 3 });
    let error = node.backward(&[0.0; 4], &mut [&mut gradient[..2]]).unwrap_err();
    assert_eq!(error, Error::Length { what: "rows of the gradient heads".into(), expected: 2, found: 1 });
    let error = node.backward(&[0.0, 0.0, 0.0, f64::INFINITY], &mut [&mut gradient]).unwrap_err();
    assert_eq!(error, Error::NonFiniteObjective { sample: 1, draw: 1, value: f64::INFINITY });
    let error = node
        .backward_with_gradient(
            &[0.0; 4],
            &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, f64::NAN, 0.0],
            &mut [&mut gradient],
        )
        .unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjectiveGradient { sample: 1, coordinate: 2, .. }), "{error}");
    assert_eq!(gradient, [7.0; 4]);
    node.backward(&[1.0, 2.0, 3.0, 4.0], &mut [&mut gradient]).unwrap();

    let uniform = Uniform::new(&[0.0], &[1.0]).unwrap();
    let refused =
        EstimatorNode::new(uniform, ScoreFunction::new()).forward(&[&[0.0, 1.0]], &mut rng(1)).map(drop);
    assert_eq!(refused, Err(Error::SupportDependsOnParameter { parameter: "low".into() }));
}

#[test]
fn a_gradient_that_overflows_is_an_error_with_its_row() {
    let normal = Normal::<f64>::standard(1).unwrap();
    let mut node = EstimatorNode::new(normal, ScoreFunction::new());
    node.forward(&[&[0.0, 1.0, 0.0, 1e-200]], &mut rng(1)).unwrap();
    let mut gradient = [7.0; 4];
    let error = node.backward(&[1.0, 1e200], &mut [&mut gradient]).unwrap_err();
    assert!(matches!(error, Error::NonFiniteGradient { sample: 1, index: 0, .. }), "{error}");
    assert_eq!(gradient, [7.0; 4]);
}

#[test]
fn settings_may_change_between_draws_but_not_between_a_draw_and_its_pullback() {
    let categories = Categorical::from_logits(&[0.0; 3], 3).unwrap();
    let mut node = EstimatorNode::new(categories, StraightThroughGumbelSoftmax::new(1.0));
    node.forward(&[&[0.0; 3]], &mut rng(1)).unwrap();
    *node.estimator_mut() = StraightThroughGumbelSoftmax::new(0.5);
    let refused = node.backward_with_gradient(&[0.0], &[0.0; 3], &mut [&mut [0.0; 3]]);
    assert_eq!(refused, Err(Error::NoDraw));
}

/// Looks at the first value before it draws again: nothing that a node can run.
#[derive(Default)]
struct Adaptive {
    calls: Cell<usize>,
}

impl<D: Distribution<f64>, F: Objective<f64>> GradientEstimator<f64, D, F> for Adaptive {
    fn shape(&self, _: &D) -> BlockShape {
        BlockShape::of_draws(1)
    }

    fn gradient_samples(
        &self,
        p: &D,
        f: Evaluator<'_, F>,
        block: Block<'_, f64>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        self.calls.set(self.calls.get() + 1);
        p.sample(rng, block.z);
        block.values[0] = f.value(block.z);
        if block.values[0] > 1.0 {
            p.sample(rng, block.z);
        }
        block.values[0] += f.value(block.z);
        block.gradients.fill(0.0);
        Ok(())
    }
}

#[test]
fn an_estimator_whose_draws_depend_on_values_is_refused() {
    let mut node = EstimatorNode::new(Normal::<f64>::standard(1).unwrap(), Adaptive::default());
    let heads = [0.0, 1.0, 0.0, 1.0];
    let mut gradient = [7.0; 4];
    node.forward(&[&heads], &mut rng(1)).unwrap();
    node.backward(&[0.0; 4], &mut [&mut gradient]).unwrap();
    assert_eq!(gradient, [0.0; 4]);
    node.forward(&[&heads], &mut rng(1)).unwrap();
    let refused = node.backward(&[0.0, 0.0, 2.0, 0.0], &mut [&mut gradient]);
    assert_eq!(refused, Err(Error::Adaptive { row: 1 }));
}

/// A normal of σ = 1 whose layout begins with a range of no parameters, or has nothing else.
#[derive(Debug, Clone)]
struct Hollow {
    mu: Vec<f64>,
    layout: Layout,
}

impl Hollow {
    fn new(mu: &[f64]) -> Self {
        let layout = Layout::new(&[("nothing", 0, Domain::Real), ("mu", mu.len(), Domain::Real)]);
        Self { mu: mu.to_vec(), layout }
    }
}

impl Distribution<f64> for Hollow {
    fn dim(&self) -> usize {
        1
    }
    fn params(&self) -> &[f64] {
        &self.mu
    }
    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.mu.copy_from_slice(params);
        Ok(())
    }
    fn layout(&self) -> &Layout {
        &self.layout
    }
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        Normal::standard(z.len()).unwrap().sample(rng, z);
        z.iter_mut().for_each(|z| *z += self.mu.first().unwrap_or(&0.0));
    }
}

impl LogDensity<f64> for Hollow {
    fn log_prob(&self, z: &[f64]) -> f64 {
        -0.5 * (z[0] - self.mu[0]).powi(2)
    }
    fn score(&self, z: &[f64], score: &mut [f64]) {
        score.copy_from_slice(&[z[0] - self.mu[0]]);
    }
}

#[test]
fn ranges_without_parameters_are_heads_without_numbers() {
    let mut node = EstimatorNode::new(Hollow::new(&[0.0]), ScoreFunction::new());
    let draws = node.forward(&[&[], &[1.0, -2.0]], &mut rng(1)).unwrap().to_vec();
    let mut dmu = [0.0; 2];
    node.backward(&[1.0, 1.0], &mut [&mut [], &mut dmu]).unwrap();
    assert_eq!(dmu, [draws[0] - 1.0, draws[1] + 2.0]);
    let error = node.forward(&[&[0.0], &[1.0, -2.0]], &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::Length { what: "nothing".into(), expected: 0, found: 1 });
    let error = node.forward(&[&[], &[]], &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::Length { what: "first head".into(), expected: 1, found: 0 });
    // Without any parameters there is nothing to count rows by, however the heads come.
    for heads in [&[][..], &[&[][..]], &[&[0.0][..]], &[&[][..], &[]], &[&[0.0][..], &[]]] {
        let refused =
            EstimatorNode::new(Hollow::new(&[]), ScoreFunction::new()).forward(heads, &mut rng(1)).map(drop);
        assert_eq!(refused, Err(Error::EmptySupport { what: "a node without parameters" }));
    }
}

/// Asks for the slope where the value is large: at first all values are 0.
#[derive(Debug, Clone)]
struct Curious;

impl<D: Distribution<f64>, F: DifferentiableObjective<f64>> GradientEstimator<f64, D, F> for Curious {
    fn shape(&self, _: &D) -> BlockShape {
        BlockShape::of_draws(1).with_evaluations(2).with_objective_gradient()
    }

    fn gradient_samples(
        &self,
        p: &D,
        f: Evaluator<'_, F>,
        block: Block<'_, f64>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        p.sample(rng, block.z);
        block.values[0] = f.value(block.z);
        if block.values[0] > 1.0 {
            f.value_and_gradient(block.z, block.dz);
        } else {
            f.value(block.z);
        }
        block.gradients.fill(0.0);
        Ok(())
    }
}

#[test]
fn slopes_that_were_not_announced_are_refused() {
    let mut node = EstimatorNode::new(Normal::<f64>::standard(1).unwrap(), Curious);
    node.forward(&[&[0.0, 1.0]], &mut rng(1)).unwrap();
    let mut gradient = [7.0; 2];
    assert_eq!(node.backward(&[2.0, 2.0], &mut [&mut gradient]), Err(Error::Adaptive { row: 0 }));
    assert_eq!(gradient, [7.0; 2]);
    node.backward(&[0.0, 0.0], &mut [&mut gradient]).unwrap();
}

#[test]
fn huge_values_have_means_and_teach_no_infinity() {
    let huge = 0.75 * f64::MAX;
    let pair = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 2 });
    let bit = Bernoulli::from_logits(&[0.0]).unwrap();
    let mut node = EstimatorNode::new(bit.clone(), pair);
    let mut gradient = [7.0; 2];
    node.forward(&[&[0.0; 2]], &mut rng(1)).unwrap();
    node.backward(&[huge; 4], &mut [&mut gradient]).unwrap();
    assert_eq!((gradient, node.values()), ([0.0; 2], &[huge; 2][..]));
    node.forward(&[&[0.0; 2]], &mut rng(1)).unwrap();
    let error = node.backward(&[0.0, 0.0, huge, -huge], &mut [&mut gradient]).unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjective { sample: 1, .. }), "{error}");

    let average = ScoreFunction::new().with_baseline(Baseline::MovingAverage { decay: 0.5 });
    let mut node = EstimatorNode::new(bit, average);
    node.forward(&[&[0.0; 2]], &mut rng(1)).unwrap();
    node.backward(&[huge; 2], &mut [&mut gradient]).unwrap();
    assert_eq!(node.estimator().learned(), [huge]);
}

#[test]
fn a_pullback_that_fails_leaves_the_values_of_the_one_before() {
    let mut node = EstimatorNode::new(Normal::<f64>::standard(1).unwrap(), ScoreFunction::new());
    node.forward(&[&[0.0, 1.0]], &mut rng(1)).unwrap();
    node.backward(&[3.0], &mut [&mut [0.0; 2]]).unwrap();
    node.forward(&[&[0.0, 1e-200]], &mut rng(1)).unwrap();
    assert!(node.backward(&[1e200], &mut [&mut [0.0; 2]]).is_err());
    assert_eq!(node.values(), [3.0]);
}
