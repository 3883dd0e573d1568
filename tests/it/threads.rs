//! Many threads give the bits, the errors and the lessons of one.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::rng;
use rand::rngs::Xoshiro256PlusPlus;
use rayon::ThreadPool;
use reparam::estimators::QuadraticSurrogate;
use reparam::prelude::*;
use reparam::{Distribution, Engine, Real};

const THREADS: [usize; 4] = [1, 2, 3, 16];

fn pool(threads: usize) -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn normal<T: Real>(dim: usize) -> Normal<T> {
    let ramp = |start: f64, step: f64| (0..dim).map(|i| T::of(start + step * i as f64)).collect::<Vec<_>>();
    Normal::new(&ramp(1.0, 0.1), &ramp(0.5, 0.01)).unwrap()
}

fn square<T: Real>() -> impl DifferentiableObjective<T> + Sync {
    Differentiable(|z: &[T], dz: Option<&mut [T]>| {
        if let Some(dz) = dz {
            for (dz, &z) in dz.iter_mut().zip(z) {
                *dz = z + z;
            }
        }
        z.iter().map(|&z| z * z).sum()
    })
}

/// Three estimates in a row, with one estimator and one generator, so that memory and generator are compared too.
fn three<E, T, D, F>(
    estimator: &E,
    (p, f): (&D, &F),
    samples: usize,
    mut estimate: impl FnMut(&mut E, &D, &F, usize, &mut Xoshiro256PlusPlus) -> GradientEstimate<T>,
) -> (Vec<GradientEstimate<T>>, E, Xoshiro256PlusPlus)
where
    E: Clone,
{
    let (mut estimator, mut rng) = (estimator.clone(), rng(7));
    let estimates = (0..3).map(|_| estimate(&mut estimator, p, f, samples, &mut rng)).collect();
    (estimates, estimator, rng)
}

/// `estimate` and `par_estimate` by 1, 2, 3 and 16 threads, alone and in an engine whose buffers have seen other jobs.
fn assert_same_bits<E, T, D, F>(estimator: &E, p: &D, f: &F)
where
    T: Real,
    D: Distribution<T> + Sync,
    F: Objective<T> + Sync,
    E: GradientEstimator<T, D, F> + Clone + PartialEq + std::fmt::Debug + Send + Sync,
{
    let mut engine = Engine::new();
    for samples in [1, 256, 257, 5000, 40_001] {
        let one = three(estimator, (p, f), samples, |e, p, f, n, r| e.estimate(p, f, n, r).unwrap());
        for threads in THREADS {
            let pool = pool(threads);
            let many = pool.install(|| {
                three(estimator, (p, f), samples, |e, p, f, n, r| e.par_estimate(p, f, n, r).unwrap())
            });
            assert!(one == many, "{samples} samples on {threads} threads: {estimator:?}");
            let reused = pool.install(|| {
                three(estimator, (p, f), samples, |e, p, f, n, r| {
                    engine.par_estimate(e, p, f, n, r).unwrap().clone()
                })
            });
            assert!(one == reused, "{samples} samples on {threads} threads in an engine: {estimator:?}");
        }
    }
}

fn baselines() -> [ScoreFunction; 5] {
    [
        Baseline::None,
        Baseline::Constant(2.0),
        Baseline::MovingAverage { decay: 0.9 },
        Baseline::LeaveOneOut { draws: 3 },
        Baseline::Optimal,
    ]
    .map(|baseline| ScoreFunction::new().with_baseline(baseline))
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    assert_same_bits(&Pathwise, &normal::<f64>(1), &square());
    assert_same_bits(&Pathwise, &normal::<f64>(37), &square());
    assert_same_bits(&Pathwise, &normal::<f32>(5), &square());
    let relaxed = GumbelSoftmax::new(&[0.0, 1.0, -1.0, 0.5, 0.0, 2.0], 3, 0.5).unwrap();
    assert_same_bits(&Pathwise, &relaxed, &square());
}

#[test]
fn a_callers_generator_is_asked_by_one_thread_alone() {
    let (p, f) = (normal::<f64>(5), square());
    let mut engine = Engine::new().with_callers_generator();
    let one = engine.estimate(&mut Pathwise, &p, &f, 40_001, &mut rng(7)).unwrap().clone();
    let many =
        pool(3).install(|| engine.par_estimate(&mut Pathwise, &p, &f, 40_001, &mut rng(7)).cloned()).unwrap();
    assert_eq!(one, many);
}

#[test]
fn estimators_with_a_memory_learn_the_same() {
    for estimator in baselines() {
        assert_same_bits(&estimator, &normal::<f64>(3), &square());
        assert_same_bits(&estimator, &Bernoulli::from_logits(&[0.3, -1.0]).unwrap(), &square());
    }
}

#[test]
fn an_explicit_gradient_gives_the_same_bits() {
    let f = Parametric(square(), |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * z[0]);
    assert_same_bits(&Pathwise, &normal::<f64>(3), &f);
    for estimator in baselines() {
        assert_same_bits(&estimator, &normal::<f64>(3), &f);
    }
}

#[test]
fn what_is_learned_step_by_step_is_the_same_too() {
    let f = Terms(3, |z: &[f64], terms: &mut [f64]| terms.copy_from_slice(&[z[0], z[0] * z[1], z[2]]));
    let chain = BitChain::new(&[0.3, -1.0, 0.5], &[1.0, -2.0]).unwrap();
    for baseline in [StepBaseline::MovingAverage { decay: 0.9 }, StepBaseline::LeaveOneOut { draws: 3 }] {
        assert_same_bits(&RewardToGo::new().with_step_baseline(baseline), &chain, &f);
    }
}

#[test]
fn several_waves_with_a_learned_memory_give_the_same_bits() {
    // 2 × 5000 parameters with 2 sums each to learn from: a block leaves 400 KB behind, and a wave of 2 threads is 16 blocks.
    let (p, samples) = (normal::<f64>(5000), 20 * 256 + 3);
    let estimator = ScoreFunction::new().with_baseline(Baseline::Optimal);
    let mut one = estimator.clone();
    let a = one.estimate(&p, &square(), samples, &mut rng(1)).unwrap();
    let mut many = estimator;
    let b = pool(2).install(|| many.par_estimate(&p, &square(), samples, &mut rng(1)).unwrap());
    assert_eq!(a, b);
    assert_eq!(one, many);
}

/// The generator's next number after an estimate: three estimates in a row compare it too, this names it.
#[test]
fn the_callers_generator_is_left_where_one_thread_leaves_it() {
    for samples in [1, 300, 30_000] {
        let (mut one, mut many) = (rng(1), rng(1));
        Pathwise.estimate(&normal::<f64>(4), &square(), samples, &mut one).unwrap();
        pool(3).install(|| Pathwise.par_estimate(&normal::<f64>(4), &square(), samples, &mut many).unwrap());
        assert_eq!(one, many);
    }
}

#[test]
fn a_generator_that_is_not_send_will_do() {
    let mut boxed: Box<dyn rand::Rng> = Box::new(rng(1));
    let many = Pathwise.par_estimate(&normal::<f64>(4), &square(), 30_000, &mut boxed).unwrap();
    assert_eq!(many, Pathwise.estimate(&normal::<f64>(4), &square(), 30_000, &mut rng(1)).unwrap());
}

#[test]
fn the_first_bad_number_in_order_is_reported_whoever_finds_one_first() {
    // From one bad draw in ten thousand to several a block; with a delay, some blocks are overtaken by later ones.
    for (limit, dim) in [(2.85, 2), (2.6, 2), (2.0, 2), (2.85, 40)] {
        for delay in [0, 20_000] {
            let p = normal::<f64>(dim);
            let slow_start = AtomicUsize::new(0);
            let f = |z: &[f64]| {
                if slow_start.fetch_add(1, Ordering::Relaxed).is_multiple_of(700) {
                    for i in 0..delay {
                        std::hint::black_box(i);
                    }
                }
                if z[0] > limit { f64::NAN } else { z[0] }
            };
            for estimator in baselines() {
                let one = estimator.clone().estimate(&p, &f, 60_000, &mut rng(3)).unwrap_err();
                assert!(matches!(one, Error::NonFiniteObjective { .. }));
                for threads in THREADS {
                    let mut many = estimator.clone();
                    let error = pool(threads).install(|| many.par_estimate(&p, &f, 60_000, &mut rng(3)));
                    // A NaN does not equal itself; its sentence does.
                    assert_eq!(error.unwrap_err().to_string(), one.to_string(), "{threads} threads");
                    assert_eq!(many, estimator, "a failed call changes nothing");
                }
            }
        }
    }
}

#[test]
fn a_bad_block_that_is_overtaken_by_later_bad_blocks_is_still_the_one_reported() {
    let (p, samples) = (normal::<f64>(2), 60_000);
    let draws = Mutex::new(Vec::new());
    let record = |z: &[f64]| {
        draws.lock().unwrap().push(z[0]);
        z[0]
    };
    ScoreFunction::new().estimate(&p, &record, samples, &mut rng(5)).unwrap();
    let draws = draws.into_inner().unwrap();
    // Block 0 dawdles; block 1, which the same thread makes next, and all blocks after it are bad.
    let bad: HashSet<u64> = draws.iter().skip(256 + 3).step_by(256).map(|z| z.to_bits()).collect();
    let f = |z: &[f64]| {
        if z[0] == draws[0] {
            std::thread::sleep(Duration::from_millis(50));
        }
        if bad.contains(&z[0].to_bits()) { f64::NAN } else { z[0] }
    };
    for threads in THREADS {
        let error = pool(threads).install(|| ScoreFunction::new().par_estimate(&p, &f, samples, &mut rng(5)));
        assert!(
            matches!(error, Err(Error::NonFiniteObjective { sample: 259, draw: 0, .. })),
            "{threads} threads: {error:?}"
        );
    }
}

#[test]
fn an_engine_goes_on_after_an_error() {
    let p = normal::<f64>(20);
    let bad = |z: &[f64]| if z[0] > 2.5 { f64::NAN } else { z[0] };
    let good = |z: &[f64]| z[0];
    let mut engine = Engine::new();
    let pool = pool(3);
    let mut estimator = ScoreFunction::new();
    pool.install(|| engine.par_estimate(&mut estimator, &p, &bad, 50_000, &mut rng(1)).unwrap_err());
    let after =
        pool.install(|| engine.par_estimate(&mut estimator, &p, &good, 50_000, &mut rng(1)).unwrap().clone());
    assert_eq!(after, estimator.estimate(&p, &good, 50_000, &mut rng(1)).unwrap());
}

#[test]
fn what_cannot_be_estimated_is_refused_as_by_one_thread() {
    let p = normal::<f64>(1);
    assert_eq!(Pathwise.par_estimate(&p, &square(), 0, &mut rng(1)), Err(Error::ZeroSamples));
    let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 1 });
    let error = estimator.par_estimate(&p, &square(), 10, &mut rng(1));
    assert_eq!(error, Err(Error::TooFewDraws { draws: 1 }));
}

#[test]
fn an_objective_may_use_the_same_threads() {
    let p = normal::<f64>(30);
    let serial = |z: &[f64]| z.iter().map(|z| z * z).sum::<f64>();
    let nested = |z: &[f64]| {
        let (low, high) = z.split_at(z.len() / 2);
        rayon::join(|| serial(low), || serial(high)).0 + serial(high)
    };
    let serial = |z: &[f64]| serial(&z[..z.len() / 2]) + serial(&z[z.len() / 2..]);
    let many =
        pool(3).install(|| ScoreFunction::new().par_estimate(&p, &nested, 10_000, &mut rng(1)).unwrap());
    assert_eq!(many, ScoreFunction::new().estimate(&p, &serial, 10_000, &mut rng(1)).unwrap());
}

#[test]
fn every_draw_is_evaluated_once() {
    let calls = AtomicUsize::new(0);
    let f = |z: &[f64]| {
        calls.fetch_add(1, Ordering::Relaxed);
        z[0]
    };
    pool(3)
        .install(|| ScoreFunction::new().par_estimate(&normal::<f64>(9), &f, 12_345, &mut rng(1)).unwrap());
    assert_eq!(calls.into_inner(), 12_345);
}

#[test]
fn an_expensive_objective_of_few_numbers_is_shared_too() {
    let who = Mutex::new(HashSet::new());
    let f = |z: &[f64]| {
        std::thread::sleep(Duration::from_micros(20));
        who.lock().unwrap().insert(std::thread::current().id());
        z[0]
    };
    pool(3).install(|| ScoreFunction::new().par_estimate(&normal::<f64>(1), &f, 2000, &mut rng(1)).unwrap());
    assert!(who.into_inner().unwrap().len() > 1);
}

#[test]
fn what_the_relaxed_estimators_learn_is_the_same_from_any_number_of_threads() {
    let bits = Bernoulli::from_logits(&[0.3, -1.0, 0.7]).unwrap();
    assert_same_bits(&GumbelRao::new(0.5, 2), &bits, &square());
    let rebar = Rebar::new().adaptive().with_adaptive_temperature(0.1);
    assert_same_bits(&rebar, &bits, &square());
    assert_same_bits(&Relax::new(QuadraticSurrogate::new(3, 0.5).unwrap()), &bits, &square());
}
