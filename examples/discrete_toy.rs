//! The classic toy: one bit with logit φ, loss E[(b − 0.499)²], which is least where b is always 0, and by a hair: the gradient is 0.002 p (1 − p). Every
//! estimator for bits (the biased ones too, which go astray) trains φ on the same number of evaluations a step; a table says what probability each reaches and what the variance of its gradient was
//! on the way, and one picture shows both.
//!
//! ```text
//! cargo run --release --example discrete_toy -- [--quick] [--out DIR]
//! ```

#[path = "shared/adam.rs"]
mod adam;
#[path = "shared/panels.rs"]
mod panels;

use std::error::Error;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::estimators::QuadraticSurrogate;
use reparam::prelude::*;

use adam::Adam;
use panels::{Line, Panel};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the bit is compared with.
const TARGET: f64 = 0.499;

/// Evaluations a step, the same for all.
const EVALUATIONS: usize = 12;

/// Those that are drawn: more curves cannot be told apart. The table has them all.
const DRAWN: [&str; 7] =
    ["exact", "score function", "leave-one-out 2", "DisARM", "ARMS 4", "RELAX", "… Gumbel-Softmax*"];

type Rule = Box<dyn FnMut(&Bernoulli<f64>, usize, &mut Xoshiro256PlusPlus) -> Result<GradientEstimate<f64>>>;

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

/// An estimator, given a number of evaluations.
fn rule<E: GradientEstimator<f64, Bernoulli<f64>, Loss> + 'static>(mut estimator: E) -> Rule {
    Box::new(move |bit, evaluations, rng| {
        let samples = (evaluations / estimator.evaluations(bit)).max(1);
        Ok(estimator.estimate(bit, &Loss, samples, rng)?)
    })
}

fn rules() -> Result<Vec<(&'static str, Rule)>> {
    let with = |baseline| ScoreFunction::new().with_baseline(baseline);
    Ok(vec![
        ("exact", rule(Enumerate)),
        ("score function", rule(ScoreFunction::new())),
        ("… moving average", rule(with(Baseline::MovingAverage { decay: 0.9 }))),
        ("leave-one-out 2", rule(with(Baseline::LeaveOneOut { draws: 2 }))),
        ("leave-one-out 4", rule(with(Baseline::LeaveOneOut { draws: 4 }))),
        ("ARM", rule(Arm)),
        ("DisARM", rule(DisArm)),
        ("ARMS 4", rule(Arms::new(4))),
        ("double control 2", rule(DoubleControl::new(2))),
        ("REBAR", rule(Rebar::new().adaptive())),
        ("RELAX", rule(Relax::new(QuadraticSurrogate::new(1, 0.5)?))),
        ("straight-through*", rule(StraightThrough)),
        ("… Gumbel-Softmax*", rule(StraightThroughGumbelSoftmax::new(0.5))),
        ("Gumbel-Rao 10*", rule(GumbelRao::new(0.5, 10))),
        ("ReinMax*", rule(ReinMax)),
    ])
}

fn main() -> Result<()> {
    let (mut out, mut steps, mut samples) = (PathBuf::from("out"), 3000usize, 20_000);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--quick" => (steps, samples) = (300, 2000),
            "--out" => out = arguments.next().ok_or("--out wants a directory")?.into(),
            other => return Err(format!("unknown argument {other}; known: --quick, --out DIR").into()),
        }
    }
    std::fs::create_dir_all(&out)?;

    println!(
        "E[(b − {TARGET})²], {steps} steps of Adam, {EVALUATIONS} evaluations a step; the least loss is at p = 0; * is biased\n"
    );
    println!(
        "{:<18}{:>6}{:>12}{:>12}{:>22}",
        "estimator", "evals", "final p", "final loss", "variance × evals at ½"
    );
    let mut probabilities = Vec::new();
    let mut variances = Vec::new();
    for (name, mut rule) in rules()? {
        let mut bit = Bernoulli::from_logits(&[0.0])?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        // Where all start, its variance.
        let start = rule(&bit, samples, &mut rng)?;
        let each = start.evaluations() / start.samples();
        let mut adam = Adam::new(1);
        let mut logit = [0.0];
        let (mut course, mut spread) = (Vec::new(), Vec::new());
        let progress = ProgressBar::new(steps as u64)
            .with_style(ProgressStyle::with_template("{msg:<18} {bar:40} {pos}/{len}")?)
            .with_message(name);
        for step in 0..steps {
            if step % (steps / 60) == 0 {
                let p = bit.probs()[0];
                course.push((step as f64, p));
                let variance = rule(&bit, samples / 2, &mut rng)?.variance()[0];
                if variance > 0.0 {
                    spread.push((step as f64, (variance * each as f64).log10()));
                }
            }
            let gradient = rule(&bit, EVALUATIONS, &mut rng)?.gradient()[0];
            adam.ascend(&mut logit, &[-gradient], 0.01);
            bit.set_params(&logit)?;
            progress.inc(1);
        }
        progress.finish_and_clear();
        let p = bit.probs()[0];
        let exact = p * Loss.value(&[1.0]) + (1.0 - p) * Loss.value(&[0.0]);
        let cost = start.variance()[0] * each as f64;
        println!("{name:<18}{each:>6}{p:>12.4}{exact:>12.6}{cost:>22.3e}");
        if DRAWN.contains(&name) {
            let name =
                if name.starts_with('…') { "straight-through Gumbel-Softmax (biased)" } else { name };
            probabilities.push(Line { name: name.into(), points: course });
            variances.push(Line { name: name.into(), points: spread });
        }
    }
    let path = out.join("discrete_toy.svg");
    panels::panels(
        &path,
        "One bit, E[(b − 0.499)²], by estimator",
        &[
            Panel {
                title: "training",
                x_axis: "steps",
                y_axis: "p, the probability of a 1",
                lines: probabilities,
            },
            Panel {
                title: "variance",
                x_axis: "steps",
                y_axis: "log₁₀ (variance × evaluations)",
                lines: variances,
            },
        ],
    )?;
    println!("\nwrote {}", path.display());
    Ok(())
}
