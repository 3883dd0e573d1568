//! What the engine promises for every estimator: reproducible bits, exact statistics, errors that say where.

use std::cell::RefCell;
use std::convert::Infallible;

use crate::common::rng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, TryRng};
use reparam::prelude::*;
use reparam::{Block, BlockRng, BlockShape, Engine, EstimatorNode, Evaluator, Moments, Real, Statistics};

fn square<T: Real>() -> (impl Fn(&[T]) -> T, impl Fn(&[T], &mut [T]) -> T) {
    (
        |z: &[T]| z.iter().map(|&z| z * z).sum(),
        |z: &[T], dz: &mut [T]| {
            for (dz, &z) in dz.iter_mut().zip(z) {
                *dz = z + z;
            }
            z.iter().map(|&z| z * z).sum()
        },
    )
}

fn normal(dim: usize) -> Normal<f64> {
    let mu: Vec<f64> = (0..dim).map(|i| 1.0 + 0.1 * i as f64).collect();
    let sigma: Vec<f64> = (0..dim).map(|i| 0.5 + 0.01 * i as f64).collect();
    Normal::new(&mu, &sigma).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    for samples in [1, 2, 255, 256, 257, 1000] {
        let p = normal(3);
        let a = Pathwise.estimate(&p, &square(), samples, &mut rng(1)).unwrap();
        let b = Pathwise.estimate(&p, &square(), samples, &mut rng(1)).unwrap();
        let c = Pathwise.estimate(&p, &square(), samples, &mut rng(2)).unwrap();
        assert_eq!(a, b);
        assert_ne!(a.gradient(), c.gradient());
        assert_eq!(a.samples(), samples as u64);
    }
}

#[test]
fn any_generator_will_do_also_behind_a_dyn_reference() {
    let mut generator = rng(1);
    let dynamic: &mut dyn Rng = &mut generator;
    let a = Pathwise.estimate(&normal(2), &square(), 300, dynamic).unwrap();
    let b = Pathwise.estimate(&normal(2), &square(), 300, &mut rng(1)).unwrap();
    assert_eq!(a, b);
}

/// Gradient samples from a list: what the engine does with them is all that is tested.
struct Listed<T> {
    rows: Vec<T>,
    next: RefCell<usize>,
}

impl<T: Real, F: Objective<T>> GradientEstimator<T, Normal<T>, F> for Listed<T> {
    fn shape(&self, _: &Normal<T>) -> BlockShape {
        BlockShape::of_draws(1)
    }

    fn gradient_samples(
        &self,
        p: &Normal<T>,
        _: Evaluator<'_, F>,
        block: Block<'_, T>,
        _: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        block.values.fill(T::one());
        for row in block.gradients.chunks_exact_mut(2 * p.dim()) {
            let next = *self.next.borrow();
            let len = row.len();
            row.copy_from_slice(&self.rows[next * len..][..len]);
            *self.next.borrow_mut() += 1;
        }
        Ok(())
    }
}

/// Mean and variance in two passes with plain `f64` sums of what is above the offset.
fn two_pass(rows: &[f64], len: usize, offset: f64) -> Vec<(f64, f64)> {
    let n = (rows.len() / len) as f64;
    let column = |i: usize| rows.iter().skip(i).step_by(len);
    (0..len)
        .map(|i| {
            let mean = offset + column(i).map(|x| x - offset).sum::<f64>() / n;
            (mean, column(i).map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
        })
        .collect()
}

fn moments_are_exact<T: Real>(offset: f64, variance_tolerance: f64) {
    for (dim, samples) in
        [(1, 1000), (2, 777), (3, 1000), (5, 513), (16, 300), (17, 300), (60, 257), (700, 100)]
    {
        let mut noise = vec![0.0; samples * 2 * dim];
        Normal::standard(1).unwrap().sample(&mut rng(dim as u64), &mut noise);
        let rows: Vec<T> = noise.iter().map(|&x| T::of(offset + x)).collect();
        let exact = two_pass(&rows.iter().map(|x| x.f64()).collect::<Vec<_>>(), 2 * dim, offset);
        let p = Normal::new(&vec![T::zero(); dim], &vec![T::one(); dim]).unwrap();
        let mut listed = Listed { rows, next: RefCell::new(0) };
        let estimate = listed.estimate(&p, &|z: &[_]| z[0], samples, &mut rng(1)).unwrap();
        for (i, (mean, variance)) in exact.into_iter().enumerate() {
            let found = (estimate.moments().mean()[i], estimate.variance()[i]);
            // In units of the standard deviation: a sum of 256 deviations is rounded 256 times, mostly up and down.
            let rounding = T::epsilon().f64() * 64.0 + 4.0 * f64::EPSILON * offset;
            assert!((found.0 - mean).abs() <= rounding, "mean {i} of {dim}: {}", found.0 - mean);
            assert!(
                (found.1 / variance - 1.0).abs() <= variance_tolerance,
                "variance {i} of {dim}: {found:?}"
            );
        }
    }
}

#[test]
fn mean_and_variance_keep_their_digits_at_a_mean_of_1e4_standard_deviations_also_in_f32() {
    moments_are_exact::<f64>(0.0, 1e-13);
    // Blocks merge by their means, and a mean of 1e4 or 1e8 standard deviations is itself rounded to 2e-12 or 1e-8 of one.
    moments_are_exact::<f64>(1e4, 2e-12);
    moments_are_exact::<f64>(1e8, 1e-8);
    moments_are_exact::<f32>(0.0, 1e-5);
    moments_are_exact::<f32>(1e4, 1e-5);
}

#[test]
fn a_constant_gradient_has_a_variance_of_exactly_zero() {
    for constant in [0.1f32, 1e30, -3.3e-20] {
        let p = Normal::new(&[0.0f32; 3], &[1.0; 3]).unwrap();
        let mut listed = Listed { rows: vec![constant; 6 * 1500], next: RefCell::new(0) };
        let estimate = listed.estimate(&p, &|z: &[_]| z[0], 1500, &mut rng(1)).unwrap();
        assert_eq!(estimate.gradient(), [constant; 6]);
        assert_eq!(estimate.total_variance(), 0.0);
    }
}

#[test]
fn the_engine_reports_the_mean_of_all_draws_of_a_group() {
    let p = normal(1);
    let seen = RefCell::new(Vec::new());
    let f = |z: &[f64]| {
        seen.borrow_mut().push(z[0]);
        z[0]
    };
    let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 3 });
    let estimate = loo.estimate(&p, &f, 500, &mut rng(1)).unwrap();
    assert_eq!((estimate.samples(), estimate.evaluations()), (500, 1500));
    let seen = seen.into_inner();
    assert_eq!(seen.len(), 1500);
    let groups: Vec<f64> = seen.chunks(3).map(|g| g.iter().sum::<f64>() / 3.0).collect();
    let exact = Moments::from_rows(&groups, 1);
    assert!((estimate.value() - exact.mean()[0]).abs() < 1e-14);
    assert!((estimate.value_standard_error() - exact.standard_error()[0]).abs() < 1e-15);
    // The gradient sample of a group is Σ (fₖ − f̄) sₖ / (K − 1).
    let by_hand: Vec<f64> = seen
        .chunks(3)
        .map(|z| {
            let mean = z.iter().sum::<f64>() / 3.0;
            z.iter().map(|z| (z - mean) * (z - 1.0) / 0.25).sum::<f64>() / 2.0
        })
        .collect();
    let exact = Moments::from_rows(&by_hand, 1);
    assert!((estimate.gradient()[0] - exact.mean()[0]).abs() < 1e-13);
    assert!((estimate.variance()[0] / exact.variance()[0] - 1.0).abs() < 1e-12);
}

#[test]
fn all_unbiased_estimators_agree_with_each_other() {
    let p = normal(4);
    let pathwise = Pathwise.estimate(&p, &square(), 200_000, &mut rng(1)).unwrap();
    for baseline in [
        Baseline::None,
        Baseline::Constant(5.0),
        Baseline::LeaveOneOut { draws: 2 },
        Baseline::LeaveOneOut { draws: 5 },
        Baseline::MovingAverage { decay: 0.9 },
        Baseline::Optimal,
    ] {
        let mut estimator = ScoreFunction::new().with_baseline(baseline.clone());
        estimator.estimate(&p, &square(), 1000, &mut rng(2)).unwrap();
        let estimate = estimator.estimate(&p, &square(), 100_000, &mut rng(3)).unwrap();
        for i in 0..8 {
            let error = estimate.standard_error()[i].hypot(pathwise.standard_error()[i]);
            // 48 comparisons: 4.2 standard errors.
            assert!(
                (estimate.gradient()[i] - pathwise.gradient()[i]).abs() < 4.2 * error,
                "{baseline:?} {i}"
            );
        }
        // The value does not depend on the estimator.
        let error = estimate.value_standard_error().hypot(pathwise.value_standard_error());
        assert!((estimate.value() - pathwise.value()).abs() < 4.2 * error);
    }
}

#[test]
fn single_precision_gives_the_same_gradient() {
    let p = Normal::new(&[1.0f32, -0.5], &[0.5, 2.0]).unwrap();
    let estimate = Pathwise.estimate(&p, &square::<f32>(), 100_000, &mut rng(1)).unwrap();
    for ((g, exact), error) in
        estimate.gradient().iter().zip([2.0, -1.0, 1.0, 4.0]).zip(estimate.standard_error())
    {
        assert!((f64::from(*g) - exact).abs() < 4.0 * error + 1e-6);
    }
}

// ---- errors -------------------------------------------------------------------------------------------------------

#[test]
fn zero_samples_are_refused() {
    assert_eq!(Pathwise.estimate(&normal(1), &square(), 0, &mut rng(1)), Err(Error::ZeroSamples));
}

#[test]
fn a_group_of_one_or_none_is_refused() {
    for group in [0, 1] {
        let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: group });
        let result = estimator.estimate(&normal(1), &square(), 10, &mut rng(1));
        assert_eq!(result, Err(Error::TooFewDraws { draws: group }));
    }
}

#[test]
fn bad_baselines_are_refused_by_name() {
    let result = |baseline| {
        ScoreFunction::new()
            .with_baseline(baseline)
            .estimate(&normal(2), &square(), 10, &mut rng(1))
            .unwrap_err()
    };
    assert!(matches!(result(Baseline::MovingAverage { decay: 1.0 }), Error::Option { option: "decay", .. }));
    assert!(matches!(result(Baseline::MovingAverage { decay: f64::NAN }), Error::Option { .. }));
    assert!(matches!(result(Baseline::Constant(f64::INFINITY)), Error::Option { option: "baseline", .. }));
    let wrong = Error::Length { what: "baseline".into(), expected: 4, found: 3 };
    assert_eq!(result(Baseline::PerParameter(vec![0.0; 3])), wrong);
    assert_eq!(
        result(Baseline::PerParameter(vec![])),
        Error::Length { what: "baseline".into(), expected: 4, found: 0 }
    );
}

#[test]
fn a_learned_baseline_of_another_distribution_is_refused() {
    let mut estimator = ScoreFunction::new().with_baseline(Baseline::Optimal);
    estimator.estimate(&normal(2), &square(), 10, &mut rng(1)).unwrap();
    let error = estimator.estimate(&normal(3), &square(), 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::Length { what: "baseline".into(), expected: 6, found: 4 });
}

/// Index of the first draw that a predicate holds for, seen from the objective's side.
fn first_draw(p: &Normal<f64>, seed: u64, samples: usize, bad: impl Fn(&[f64]) -> bool) -> usize {
    let draws = RefCell::new(Vec::new());
    let f = |z: &[f64]| {
        draws.borrow_mut().push(bad(z));
        0.0
    };
    let pair = (&f, |z: &[f64], _: &mut [f64]| f(z));
    Pathwise.estimate(p, &pair, samples, &mut rng(seed)).unwrap();
    draws.into_inner().iter().position(|&bad| bad).unwrap()
}

#[test]
fn a_non_finite_objective_is_reported_with_its_sample_and_value() {
    let p = normal(2);
    let bad = |z: &[f64]| z[0] > 2.6;
    let index = first_draw(&p, 5, 5000, bad);
    assert!(index > 300, "in a later block: {index}");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let f = |z: &[f64]| if bad(z) { value } else { 0.0 };
        let pair = (f, |z: &[f64], dz: &mut [f64]| {
            dz.fill(0.0);
            f(z)
        });
        match Pathwise.estimate(&p, &pair, 5000, &mut rng(5)) {
            Err(Error::NonFiniteObjective { sample, draw: 0, value: found }) => {
                assert_eq!(sample, index as u64);
                assert_eq!(found.to_bits(), value.to_bits());
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Blocks of small gradient samples are long, and are summed up a stretch at a time.
#[test]
fn a_number_that_is_not_finite_is_found_in_every_stretch_of_a_long_block() {
    let (p, samples) = (normal(1), 100_000);
    let draws = RefCell::new(Vec::new());
    let record = |z: &[f64]| {
        draws.borrow_mut().push(z[0]);
        z[0]
    };
    ScoreFunction::new().estimate(&p, &record, samples, &mut rng(3)).unwrap();
    let draws = draws.into_inner();
    for index in [0, 255, 256, 300, 4095, 4096, 50_000, samples - 1] {
        let f = |z: &[f64]| if z[0] == draws[index] { f64::NAN } else { z[0] };
        let error = ScoreFunction::new().estimate(&p, &f, samples, &mut rng(3)).unwrap_err();
        assert!(
            matches!(error, Error::NonFiniteObjective { sample, draw: 0, .. } if sample == index as u64),
            "{index}: {error}"
        );
    }
}

#[test]
fn a_long_block_keeps_every_gradient_sample() {
    let (p, samples) = (normal(1), 100_003);
    let draws = RefCell::new(Vec::new());
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        draws.borrow_mut().push(2.0 * z[0]);
        if let Some(dz) = dz {
            dz[0] = 2.0 * z[0];
        }
        z[0] * z[0]
    });
    let estimate = Pathwise.estimate(&p, &f, samples, &mut rng(6)).unwrap();
    let draws = Moments::from_rows(&draws.into_inner(), 1);
    assert_eq!((estimate.samples(), draws.count()), (samples as u64, samples as u64));
    let (found, exact) = (estimate.moments(), (draws.mean()[0], draws.variance()[0]));
    assert!((found.mean()[0] - exact.0).abs() < 1e-12 && (found.variance()[0] - exact.1).abs() < 1e-11);
}

/// Counts the bytes that are drawn from it.
struct Metered {
    inner: Xoshiro256PlusPlus,
    bytes: usize,
}

impl TryRng for Metered {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.bytes += 4;
        self.inner.try_next_u32()
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.bytes += 8;
        self.inner.try_next_u64()
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.bytes += bytes.len();
        self.inner.try_fill_bytes(bytes)
    }
}

#[test]
fn a_callers_generator_is_the_source_of_every_draw_if_asked() {
    let (p, samples) = (normal(20), 5000);
    let bytes = |engine: &mut Engine<f64>| {
        let mut metered = Metered { inner: rng(4), bytes: 0 };
        let estimate = engine.estimate(&mut Pathwise, &p, &square(), samples, &mut metered).unwrap().clone();
        (metered.bytes, estimate)
    };
    // A seed a block, or a word a number and one more in 300.
    let (seeds, _) = bytes(&mut Engine::new());
    assert!(seeds <= 25 * 32, "{seeds}");
    let mut engine = Engine::new().with_callers_generator();
    let (all, first) = bytes(&mut engine);
    assert!((8 * 20 * samples..9 * 20 * samples).contains(&all), "{all}");
    assert_eq!(first, bytes(&mut engine).1);
    // ∂/∂μ E z² = 2μ, in five standard errors: 20 comparisons.
    for ((g, error), mu) in first.gradient().iter().zip(first.standard_error()).zip(p.mu()) {
        assert!((g - 2.0 * mu).abs() < 5.0 * error);
    }
}

#[test]
fn with_the_callers_generator_errors_say_where_too() {
    let (p, samples) = (normal(2), 3000);
    let draws = RefCell::new(Vec::new());
    let record = |z: &[f64]| {
        draws.borrow_mut().push(z[1]);
        z[0]
    };
    let mut engine = Engine::new().with_callers_generator();
    engine.estimate(&mut ScoreFunction::new(), &p, &record, samples, &mut rng(5)).unwrap();
    let draws = draws.into_inner();
    for index in [0, 124, 125, 2999] {
        let at = |z: &[f64]| z[1] == draws[index];
        for (bad, named) in [(f64::NAN, "is NaN"), (1e200, "1e200")] {
            let f = |z: &[f64]| if at(z) { bad } else { z[0] };
            let error = engine.estimate(&mut ScoreFunction::new(), &p, &f, samples, &mut rng(5)).unwrap_err();
            let found = match &error {
                Error::NonFiniteObjective { sample, .. } | Error::NonFiniteGradient { sample, .. } => *sample,
                _ => u64::MAX,
            };
            assert_eq!(found, index as u64, "{named}: {error}");
        }
    }
}

#[test]
fn a_non_finite_objective_in_a_group_is_reported_with_its_draw() {
    let draws = RefCell::new(0);
    let f = |z: &[f64]| {
        *draws.borrow_mut() += 1;
        if z[0] > 2.5 { f64::NAN } else { z[0] }
    };
    let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let error = loo.estimate(&normal(1), &f, 5000, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjective { draw: 0..4, .. }), "{error}");
}

#[test]
fn a_non_finite_objective_gradient_is_reported_with_its_coordinate() {
    let p = normal(3);
    let bad = |z: &[f64]| z[1] > 2.5;
    let index = first_draw(&p, 6, 5000, bad);
    let pair = (
        |_: &[f64]| 1.0,
        |z: &[f64], dz: &mut [f64]| {
            dz.fill(1.0);
            if bad(z) {
                dz[1] = f64::INFINITY;
            }
            1.0
        },
    );
    let expected =
        Error::NonFiniteObjectiveGradient { sample: index as u64, coordinate: 1, value: f64::INFINITY };
    assert_eq!(Pathwise.estimate(&p, &pair, 5000, &mut rng(6)), Err(expected));
}

#[test]
fn a_non_finite_gradient_is_reported_by_parameter_name() {
    // z = μ + σ ε, dσ = ε dz: with dz at the edge of the range, dσ overflows where dμ does not.
    let p = normal(2);
    let pair = (
        |_: &[f64]| 1.0,
        |_: &[f64], dz: &mut [f64]| {
            dz.copy_from_slice(&[0.0, 1.7e308]);
            1.0
        },
    );
    let error = Pathwise.estimate(&p, &pair, 5000, &mut rng(6)).unwrap_err();
    match error {
        Error::NonFiniteGradient { parameter, index: 1, value, .. } => {
            assert!(parameter == "sigma" && value.is_infinite());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failed_call_leaves_the_estimator_as_it_was() {
    let mut estimator = ScoreFunction::new().with_baseline(Baseline::MovingAverage { decay: 0.5 });
    estimator.estimate(&normal(1), &square(), 100, &mut rng(1)).unwrap();
    let before = estimator.clone();
    let bad = |z: &[f64]| if z[0] > 2.0 { f64::NAN } else { 1.0 };
    estimator.estimate(&normal(1), &bad, 10_000, &mut rng(1)).unwrap_err();
    assert_eq!(estimator, before);
}

#[test]
fn bad_parameters_are_told_apart_and_change_nothing() {
    let domain = |index, value| Error::ParameterDomain {
        parameter: "sigma".into(),
        index,
        value,
        expected: "a finite number above 0",
    };
    assert_eq!(Normal::new(&[0.0, 0.0], &[1.0, -2.0]), Err(domain(1, -2.0)));
    assert_eq!(Normal::new(&[0.0], &[0.0]), Err(domain(0, 0.0)));
    match Normal::new(&[0.0, f64::NAN], &[1.0, 1.0]) {
        Err(Error::NonFiniteParameter { parameter, index: 1, value }) => {
            assert!(parameter == "mu" && value.is_nan());
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(Normal::new(&[0.0], &[f64::INFINITY]), Err(Error::NonFiniteParameter { .. })));
    let length = Error::Length { what: "sigma".into(), expected: 2, found: 1 };
    assert_eq!(Normal::new(&[0.0, 0.0], &[1.0]), Err(length));
    assert!(matches!(Normal::<f64>::new(&[], &[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(Normal::<f64>::standard(0), Err(Error::EmptySupport { .. })));
    assert!(matches!(Bernoulli::<f64>::from_logits(&[]), Err(Error::EmptySupport { .. })));

    let mut p = normal(2);
    let before = p.clone();
    assert!(p.set_params(&[1.0, 1.0, 1.0, -1.0]).is_err());
    assert!(p.set_params(&[1.0]).is_err());
    assert_eq!(p, before);

    let mut product = Product::new(normal(1), Unconstrained::new(normal(1)).unwrap());
    let before = product.clone();
    let error = product.set_params(&[1.0, -1.0, 0.0, 0.0]).unwrap_err();
    assert!(matches!(error, Error::ParameterDomain { parameter, .. } if parameter == "first.sigma"));
    // e^800 is not representable: the second factor refuses after the first has accepted.
    assert!(product.set_params(&[2.0, 2.0, 0.0, 800.0]).is_err());
    assert_eq!(product, before);

    let mut walk = Unconstrained::new(normal(1)).unwrap();
    let before = walk.clone();
    assert!(matches!(walk.set_params(&[0.0, 800.0]), Err(Error::NonFiniteParameter { .. })));
    assert!(matches!(walk.set_params(&[0.0, -800.0]), Err(Error::ParameterDomain { .. })));
    assert!(matches!(walk.set_params(&[0.0, f64::NAN]), Err(Error::NonFiniteParameter { .. })));
    assert_eq!(walk, before);
}

#[test]
fn errors_read_as_sentences_with_the_value() {
    let texts = [
        Error::TooFewDraws { draws: 1 }.to_string(),
        Error::NonFiniteObjective { sample: 3, draw: 1, value: f64::NAN }.to_string(),
        Error::SupportDependsOnParameter { parameter: "low".into() }.to_string(),
        Error::NonFiniteGradient { sample: 3, parameter: "mu".into(), index: 2, value: f64::INFINITY }
            .to_string(),
    ];
    for (text, words) in texts.iter().zip([
        ["1 draws", "at least 2"],
        ["sample 3", "NaN"],
        ["low", "pathwise"],
        ["mu[2]", "inf"],
    ]) {
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}

#[test]
fn an_estimator_learns_only_from_a_call_that_succeeded() {
    #[derive(Default)]
    struct Counting(Vec<(u64, f64, f64)>);
    impl<F: Objective<f64>> GradientEstimator<f64, Normal<f64>, F> for Counting {
        fn shape(&self, _: &Normal<f64>) -> BlockShape {
            BlockShape::of_draws(1).with_statistics(1)
        }
        fn gradient_samples(
            &self,
            _: &Normal<f64>,
            _: Evaluator<'_, F>,
            block: Block<'_, f64>,
            _: &mut BlockRng<'_>,
        ) -> Result<(), Error> {
            block.values.fill(2.0);
            block.gradients.fill(1.0);
            block.statistics[0] += block.samples as f64;
            Ok(())
        }
        fn update(&mut self, lesson: Statistics<'_>) {
            self.0.push((lesson.samples, lesson.value, lesson.sums[0]));
        }
    }
    let mut counting = Counting::default();
    counting.estimate(&normal(1), &square(), 1000, &mut rng(1)).unwrap();
    counting.estimate(&normal(1), &square(), 0, &mut rng(1)).unwrap_err();
    assert_eq!(counting.0, [(1000, 2.0, 1000.0)]);
}

#[test]
fn public_types_can_be_shared_between_threads_and_shown() {
    fn check<X: Send + Sync + Clone + std::fmt::Debug>(_: &X) {}
    check(&normal(1));
    check(&Unconstrained::new(normal(1)).unwrap());
    check(&Product::new(normal(1), Bernoulli::from_logits(&[0.0]).unwrap()));
    check(&Categorical::from_logits(&[0.0, 0.0], 2).unwrap());
    check(&GumbelSoftmax::new(&[0.0, 0.0], 2, 1.0).unwrap());
    check(&BinaryConcrete::new(&[0.0], 1.0).unwrap());
    check(&Pathwise);
    check(&ScoreFunction::new());
    check(&Pathwise);
    check(&RewardToGo::new());
    check(&StochasticNode::new(normal(1)));
    check(&reparam::TemperatureSchedule::constant(1.0).unwrap());
    check(&Pathwise.estimate(&normal(1), &square(), 10, &mut rng(1)).unwrap());
    check(&Error::ZeroSamples);
}

/// Squares of scores beyond the largest number: the samples are finite, what would be learned from them is not.
#[test]
fn nothing_is_learned_from_sums_that_overflow() {
    let p = Normal::new(&[0.0], &[1e-160]).unwrap();
    let f = |_: &[f64]| 1e-10;
    let mut estimator = ScoreFunction::new().with_baseline(Baseline::Optimal);
    for seed in 1..3 {
        estimator.estimate(&p, &f, 10, &mut rng(seed)).unwrap();
        assert!(estimator.learned().is_empty(), "{:?}", estimator.learned());
    }
    let mut node = EstimatorNode::new(p, estimator);
    for seed in 1..3 {
        node.forward(&[&[0.0], &[1e-160]], &mut rng(seed)).unwrap();
        node.backward(&[1e-10], &mut [&mut [0.0; 2]]).unwrap();
        assert!(node.estimator().learned().is_empty());
    }
}

#[test]
fn a_group_that_no_memory_can_hold_is_an_error() {
    let f = |z: &[f64]| z[0];
    for group in [usize::MAX, usize::MAX / 2, 1 << 58] {
        let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: group });
        let refused = estimator.estimate(&normal(3), &f, 10, &mut rng(1));
        assert!(matches!(refused, Err(Error::Option { option: "draws per gradient sample", .. })), "{group}");
        let terms = Terms(3, |z: &[f64], terms: &mut [f64]| terms.copy_from_slice(z));
        let mut estimator = RewardToGo::new().with_step_baseline(StepBaseline::LeaveOneOut { draws: group });
        let refused = estimator.estimate(&normal(3), &terms, 10, &mut rng(1));
        assert!(matches!(refused, Err(Error::Option { .. })), "{group}");
    }
}
