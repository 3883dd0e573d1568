//! The classic toy: one bit with logit φ and the loss E[(b − 0.499)²]. It is least where b is always 0, but only just: its gradient is
//! 0.002 p (1 − p). Every estimator trains φ on the same number of evaluations per step, the biased ones too, which go astray. A table
//! says what probability each reaches and what the variance of its gradient is at the start; a picture shows both along the way.
//!
//! The estimators are chosen by name, at run time: each is a `Box<dyn GradientEstimator>`.
//!
//! ```text
//! cargo run --release --example discrete_toy -- [--estimators DisARM,ARM,…] [--quick] [--out DIR]
//! ```

#[path = "shared/adam.rs"]
mod adam;
#[path = "shared/axes.rs"]
mod axes;
#[path = "shared/subplots.rs"]
mod subplots;

use std::error::Error;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::estimators::QuadraticSurrogate;
use reparam::prelude::*;
use reparam::{DifferentiableObjective, GradientEstimate, GradientEstimator, Objective};

use adam::Adam;
use axes::Scale;
use subplots::{Line, Panel, subplots};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the bit is compared with.
const TARGET: f64 = 0.499;

/// Evaluations per step, the same for all.
const EVALUATIONS: usize = 12;

/// The estimators that a command line can name.
const KNOWN: [&str; 15] = [
    "exact",
    "score-function",
    "moving-average",
    "leave-one-out-2",
    "leave-one-out-4",
    "ARM",
    "DisARM",
    "ARMS-4",
    "double-control-2",
    "REBAR",
    "RELAX",
    "straight-through",
    "straight-through-Gumbel-Softmax",
    "Gumbel-Rao-10",
    "ReinMax",
];

/// The biased ones, which the table marks.
const BIASED: [&str; 4] = ["straight-through", "straight-through-Gumbel-Softmax", "Gumbel-Rao-10", "ReinMax"];

/// Those that are drawn if none is named: more curves cannot be told apart.
const DRAWN: [&str; 7] = [
    "exact",
    "score-function",
    "leave-one-out-2",
    "DisARM",
    "ARMS-4",
    "RELAX",
    "straight-through-Gumbel-Softmax",
];

/// Any estimator for the bit and the loss.
type Estimator = Box<dyn GradientEstimator<f64, Bernoulli<f64>, Loss>>;

/// The loss, and its derivative where the bit is relaxed.
struct Loss;

impl Objective<f64> for Loss {
    fn value(&self, b: &[f64]) -> f64 {
        (b[0] - TARGET).powi(2)
    }
}

impl DifferentiableObjective<f64> for Loss {
    fn value_and_gradient(&self, b: &[f64], db: &mut [f64]) -> f64 {
        db[0] = 2.0 * (b[0] - TARGET);
        self.value(b)
    }
}

/// The estimator of this name, in any case.
fn by_name(name: &str) -> Result<Estimator> {
    let with = |baseline| Box::new(ScoreFunction::new().with_baseline(baseline));
    Ok(match &*name.to_lowercase() {
        "exact" => Box::new(Enumerate),
        "score-function" => Box::new(ScoreFunction::new()),
        "moving-average" => with(Baseline::MovingAverage { decay: 0.9 }),
        "leave-one-out-2" => with(Baseline::LeaveOneOut { draws: 2 }),
        "leave-one-out-4" => with(Baseline::LeaveOneOut { draws: 4 }),
        "arm" => Box::new(Arm),
        "disarm" => Box::new(DisArm),
        "arms-4" => Box::new(Arms::new(4)),
        "double-control-2" => Box::new(DoubleControl::new(2)),
        "rebar" => Box::new(Rebar::new().adaptive()),
        "relax" => Box::new(Relax::new(QuadraticSurrogate::new(1, 0.5)?)),
        "straight-through" => Box::new(StraightThrough),
        "straight-through-gumbel-softmax" => Box::new(StraightThroughGumbelSoftmax::new(0.5)),
        "gumbel-rao-10" => Box::new(GumbelRao::new(0.5, 10)),
        "reinmax" => Box::new(ReinMax),
        _ => return Err(format!("unknown estimator {name}; known: {}", KNOWN.join(", ")).into()),
    })
}

/// Estimates with a number of evaluations of the loss.
fn estimate(
    estimator: &mut Estimator,
    bit: &Bernoulli<f64>,
    evaluations: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<GradientEstimate<f64>> {
    let samples = (evaluations / estimator.evaluations(bit)).max(1);
    Ok(estimator.estimate(bit, &Loss, samples, rng)?)
}

fn main() -> Result<()> {
    let (mut out, mut steps, mut samples) = (PathBuf::from("out"), 3000usize, 20_000);
    let (mut names, mut drawn) = (KNOWN.map(String::from).to_vec(), DRAWN.map(String::from).to_vec());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--quick" => (steps, samples) = (300, 2000),
            "--out" => out = arguments.next().ok_or("--out wants a directory")?.into(),
            "--estimators" => {
                let list = arguments.next().ok_or("--estimators wants names, with commas between them")?;
                names = list.split(',').map(String::from).collect();
                drawn.clone_from(&names);
            }
            other => {
                let known = "--estimators NAME,NAME,…, --quick, --out DIR";
                return Err(format!("unknown argument {other}; known: {known}").into());
            }
        }
    }
    let mut estimators: Vec<(String, Estimator)> = Vec::new();
    for name in names {
        let estimator = by_name(&name)?;
        estimators.push((name, estimator));
    }
    std::fs::create_dir_all(&out)?;

    println!(
        "E[(b − {TARGET})²], {steps} steps of Adam, {EVALUATIONS} evaluations per step; the least loss is at p = 0; * is biased\n"
    );
    println!(
        "{:<34}{:>6}{:>12}{:>12}{:>22}",
        "estimator", "evals", "final p", "final loss", "variance × evals at ½"
    );
    let mut probabilities = Vec::new();
    let mut variances = Vec::new();
    for (name, mut estimator) in estimators {
        let mut bit = Bernoulli::from_logits(&[0.0])?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        // Where all start, its variance.
        let start = estimate(&mut estimator, &bit, samples, &mut rng)?;
        let each = start.evaluations() / start.samples();
        let mut adam = Adam::new(1);
        let mut logit = [0.0];
        let (mut course, mut spread) = (Vec::new(), Vec::new());
        let progress = ProgressBar::new(steps as u64)
            .with_style(ProgressStyle::with_template("{msg:<34} {bar:40} {pos}/{len}")?)
            .with_message(name.clone());
        for step in 0..steps {
            if step % (steps / 60) == 0 {
                let p = bit.probs()[0];
                course.push((step as f64, p));
                let variance = estimate(&mut estimator, &bit, samples / 2, &mut rng)?.variance()[0];
                spread.push((step as f64, variance * each as f64));
            }
            let gradient = estimate(&mut estimator, &bit, EVALUATIONS, &mut rng)?.gradient()[0];
            adam.ascend(&mut logit, &[-gradient], 0.01);
            bit.set_params(&logit)?;
            progress.inc(1);
        }
        progress.finish_and_clear();
        let p = bit.probs()[0];
        let exact = p * Loss.value(&[1.0]) + (1.0 - p) * Loss.value(&[0.0]);
        let cost = start.variance()[0] * each as f64;
        let biased = BIASED.iter().any(|biased| biased.eq_ignore_ascii_case(&name));
        let marked = if biased { format!("{name}*") } else { name.clone() };
        println!("{marked:<34}{each:>6}{p:>12.4}{exact:>12.6}{cost:>22.3e}");
        if drawn.contains(&name) {
            let name = if biased { format!("{name} (biased)") } else { name };
            probabilities.push(Line::new(&name, course));
            variances.push(Line::new(name, spread));
        }
    }
    let path = out.join("discrete_toy.svg");
    subplots(
        &path,
        "One bit, E[(b − 0.499)²], by estimator",
        &[
            Panel {
                title: "training",
                x_axis: "steps",
                y_axis: "p, the probability of a 1",
                y_scale: Scale::Linear,
                lines: probabilities,
            },
            Panel {
                title: "variance",
                x_axis: "steps",
                y_axis: "variance × evaluations",
                y_scale: Scale::Log,
                lines: variances,
            },
        ],
    )?;
    println!("\nwrote {}", path.display());
    Ok(())
}
