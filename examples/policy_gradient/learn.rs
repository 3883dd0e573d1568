//! CartPole by policy gradients: five estimators, the same episodes to learn from, the same optimiser.

use std::cell::RefCell;

use indicatif::ProgressBar;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;
use reparam::{Additive, Engine, GradientEstimate, Objective};

use crate::Result;
use crate::adam::Adam;
use crate::cart_pole::{Episodes, STEPS};
use crate::value::{Fit, FittedValue};

/// Episodes for one step of the optimiser, and steps.
pub(crate) const BATCH: usize = 16;
pub(crate) const UPDATES: usize = 150;

const RATE: f64 = 0.1;

/// Draws of a leave-one-out group.
const GROUP: usize = 8;

/// How much of the old average, and of older episodes, stays at an update.
const DECAY: f64 = 0.5;

/// A mean return from which CartPole is called solved, over so many episodes.
pub(crate) const SOLVED: f64 = 475.0;
pub(crate) const TRIALS: usize = 100;

/// One for every step that the pole stands. Whoever fits a value function looks on.
struct Reward<'a> {
    fit: Option<&'a RefCell<Fit>>,
}

impl Objective<f64> for Reward<'_> {
    fn value(&self, z: &[f64]) -> f64 {
        Episodes::pushes(z) as f64
    }
}

impl Additive<f64> for Reward<'_> {
    fn terms(&self) -> usize {
        STEPS
    }

    fn write_terms(&self, z: &[f64], terms: &mut [f64]) {
        let length = Episodes::pushes(z);
        terms[..length].fill(1.0);
        terms[length..].fill(0.0);
        if let Some(fit) = self.fit {
            let mut fit = fit.borrow_mut();
            for step in 0..length {
                fit.see(step, &Episodes::state(z, step), (length - step) as f64);
            }
        }
    }
}

/// The estimators, each with what it remembers.
pub(crate) enum Method {
    Whole(ScoreFunction),
    ToGo(RewardToGo),
    Value(RewardToGo<FittedValue>, Box<RefCell<Fit>>),
}

pub(crate) const NAMES: [&str; 5] =
    ["whole return", "reward to go", "… moving average", "… leave-one-out 8", "… fitted value"];

impl Method {
    pub(crate) fn new(index: usize) -> Self {
        let with = |baseline| Self::ToGo(RewardToGo::new().with_step_baseline(baseline));
        match index {
            0 => Self::Whole(ScoreFunction::new()),
            1 => Self::ToGo(RewardToGo::new()),
            2 => with(StepBaseline::MovingAverage { decay: DECAY }),
            3 => with(StepBaseline::LeaveOneOut { draws: GROUP }),
            _ => Self::Value(
                RewardToGo::new().with_value(FittedValue::default()),
                Box::new(RefCell::new(Fit::new())),
            ),
        }
    }

    /// The gradient of the mean return, from so many episodes.
    fn estimate<'a>(
        &mut self,
        engine: &'a mut Engine<f64>,
        policy: &Episodes,
        episodes: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<&'a GradientEstimate<f64>> {
        let alone = Reward { fit: None };
        Ok(match self {
            Self::Whole(estimator) => engine.estimate(estimator, policy, &alone, episodes, rng)?,
            Self::ToGo(estimator) => {
                let group = match estimator.baseline() {
                    StepBaseline::LeaveOneOut { draws: group } => *group,
                    _ => 1,
                };
                engine.estimate(estimator, policy, &alone, episodes / group, rng)?
            }
            Self::Value(estimator, fit) => {
                // The value of this call is fitted to the episodes of earlier ones; those of this call are for the next.
                fit.borrow_mut().fade(DECAY);
                let estimate =
                    engine.estimate(estimator, policy, &Reward { fit: Some(fit) }, episodes, rng)?;
                *estimator.value_function_mut() = fit.borrow().solve();
                estimate
            }
        })
    }
}

/// A policy that was trained, and what it went through.
pub(crate) struct Training {
    pub(crate) policy: Episodes,
    /// The mean return of each batch.
    pub(crate) returns: Vec<f64>,
    /// The policies on the way, before each update.
    pub(crate) path: Vec<Vec<f64>>,
    /// The mean return of fresh episodes at the end.
    pub(crate) trial: f64,
}

pub(crate) fn train(index: usize, seed: u64, progress: &ProgressBar) -> Result<Training> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let (mut policy, mut method) = (Episodes::new(), Method::new(index));
    let (mut engine, mut adam) = (Engine::new(), Adam::new(5));
    let mut params = policy.params().to_vec();
    let (mut returns, mut path) = (Vec::new(), Vec::new());
    for _ in 0..UPDATES {
        let estimate = method.estimate(&mut engine, &policy, BATCH, &mut rng)?;
        returns.push(estimate.value());
        path.push(params.clone());
        adam.ascend(&mut params, estimate.gradient(), RATE);
        policy.set_params(&params)?;
        progress.inc(1);
    }
    let mut fresh = Xoshiro256PlusPlus::seed_from_u64(1_000_000 + seed);
    let mut z = vec![0.0; policy.dim()];
    let mut trial = 0.0;
    for _ in 0..TRIALS {
        policy.sample(&mut fresh, &mut z);
        trial += policy.length(&z) as f64 / TRIALS as f64;
    }
    Ok(Training { policy, returns, path, trial })
}

/// The variance of one gradient sample, summed over the parameters, times the episodes that it takes, at a given policy. What the estimator
/// remembers comes from as many earlier episodes under the same policy.
pub(crate) fn variance(index: usize, params: &[f64], episodes: usize, seed: u64) -> Result<f64> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut policy = Episodes::new();
    policy.set_params(params)?;
    let (mut engine, mut method) = (Engine::new(), Method::new(index));
    method.estimate(&mut engine, &policy, episodes, &mut rng)?;
    Ok(method.estimate(&mut engine, &policy, episodes, &mut rng)?.variance_per_evaluation())
}
