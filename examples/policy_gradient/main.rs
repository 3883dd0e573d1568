//! Policy gradients, twice. First CartPole: a pole that must not fall, learned by the score function with the whole return, with the reward to go, and
//! with three baselines, all from the same number of episodes; it ends with an error unless it is solved. Then control with known dynamics, where the
//! pathwise gradient is possible too: the variance of every estimator over the horizon, for a mass on a line, whose exact gradient is known and which
//! every estimate is held against, and for a kicked pendulum, which is chaotic, so that pathwise gradients explode.
//!
//! ```text
//! cargo run --release --example policy_gradient -- [--quick] [--out DIR]
//! ```

#[path = "../shared/adam.rs"]
mod adam;
#[path = "../shared/axes.rs"]
mod axes;
mod cart_pole;
#[path = "../shared/chart.rs"]
mod chart;
mod control;
mod learn;
#[path = "../shared/statistics.rs"]
mod statistics;
#[path = "../shared/subplots.rs"]
mod subplots;
mod value;

use std::error::Error;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use plotters::chart::SeriesLabelPosition;
use plotters::style::{BLACK, RGBColor};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::GradientEstimate;
use reparam::prelude::*;

use axes::Scale;
use chart::Curve;
use control::{Exact, KickedPendulum, Mass, Paths, System};
use learn::{BATCH, NAMES, SOLVED, TRIALS, UPDATES};
use statistics::mean_and_standard_error;
use subplots::{Line, Panel, subplots};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Options {
    out: PathBuf,
    /// Training runs of each estimator.
    seeds: u64,
    /// Episodes for each variance on CartPole.
    episodes: usize,
    /// Paths for each variance over the horizon.
    paths: usize,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { out: "out".into(), seeds: 20, episodes: 2000, paths: 40_000 };
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--quick" => options = Self { seeds: 2, episodes: 160, paths: 4000, ..options },
                "--out" => options.out = arguments.next().ok_or("--out wants a directory")?.into(),
                other => return Err(format!("unknown argument {other}; known: --quick, --out DIR").into()),
            }
        }
        Ok(options)
    }
}

fn bar(message: &'static str, length: usize) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg:<34} {bar:40} {pos}/{len} {elapsed}")?;
    Ok(ProgressBar::new(length as u64).with_style(style).with_message(message))
}

fn main() -> Result<()> {
    let options = Options::from_arguments(std::env::args().skip(1))?;
    std::fs::create_dir_all(&options.out)?;
    let mut written = vec![cart_pole(&options)?];
    written.push(mass(&options)?);
    written.push(pendulum(&options)?);
    println!();
    for path in written {
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Trains CartPole with every estimator; a table, a picture, and an error unless the baselines solve it.
fn cart_pole(options: &Options) -> Result<PathBuf> {
    let runs = options.seeds as usize;
    let progress = bar("CartPole: training", NAMES.len() * runs * UPDATES)?;
    let mut trainings = Vec::new();
    for index in 0..NAMES.len() {
        let of_seeds: Result<Vec<_>> =
            (0..options.seeds).map(|seed| learn::train(index, seed, &progress)).collect();
        trainings.push(of_seeds?);
    }
    progress.finish_and_clear();

    // The policies on the way of one run, and every estimator's variance at each of them.
    let path = &trainings[4][0].path;
    let looks: Vec<usize> = (0..UPDATES).step_by(10).collect();
    let progress = bar("CartPole: variance", NAMES.len() * looks.len())?;
    let mut variances = vec![Vec::new(); NAMES.len()];
    for &look in &looks {
        for (index, variances) in variances.iter_mut().enumerate() {
            variances.push(learn::variance(index, &path[look], options.episodes, look as u64)?);
            progress.inc(1);
        }
    }
    progress.finish_and_clear();

    // Of these policies two are in the table: one that is learning, and one that has nearly learned.
    let shown = [2, 6];
    println!(
        "CartPole, {UPDATES} updates of {BATCH} episodes (Adam), {runs} runs;\ntotal variance of one episode at the policies after {} and {} updates of the last\n",
        looks[shown[0]], looks[shown[1]]
    );
    println!(
        "{:<20}{:>12}{:>12}{:>20}{:>24}{:>14}",
        "estimator", "variance", "later", "first batch ≥475", "return of 100 fresh", "runs solved"
    );
    let mut lines = (Vec::new(), Vec::new());
    for (index, (name, runs)) in NAMES.iter().zip(&trainings).enumerate() {
        let n = runs.len() as f64;
        let mean = runs.iter().map(|run| run.trial).sum::<f64>() / n;
        let worst = runs.iter().map(|run| run.trial).fold(f64::INFINITY, f64::min);
        let solved = runs.iter().filter(|run| run.trial >= SOLVED).count();
        let mut firsts: Vec<usize> = runs
            .iter()
            .map(|run| run.returns.iter().position(|&r| r >= SOLVED).unwrap_or(UPDATES) * BATCH)
            .collect();
        firsts.sort_unstable();
        let first = match firsts[firsts.len() / 2] {
            never if never == UPDATES * BATCH => "never".into(),
            first => format!("{first} ep."),
        };
        println!(
            "{name:<20}{:>12.3e}{:>12.3e}{first:>20}{:>24}{:>14}",
            variances[index][shown[0]],
            variances[index][shown[1]],
            format!("{mean:.1} (least {worst:.0})"),
            format!("{solved} of {}", runs.len())
        );
        let mut line = Line::new(*name, Vec::new());
        for update in 0..UPDATES {
            let returns: Vec<f64> = runs.iter().map(|run| run.returns[update]).collect();
            let (mean, error) = mean_and_standard_error(&returns);
            line.points.push(((update * BATCH) as f64, mean));
            line.errors.push(error);
        }
        lines.0.push(line);
        let points = looks.iter().zip(&variances[index]).map(|(look, v)| ((look * BATCH) as f64, *v));
        lines.1.push(Line::new(*name, points.collect()));
    }
    // From a fixed seed: the run with seed 0 of every estimator with a baseline.
    for (name, runs) in NAMES.iter().zip(&trainings).skip(2) {
        let run = &runs[0];
        if run.trial < SOLVED {
            return Err(format!(
                "{name} has not solved CartPole: mean return {:.1} over {TRIALS} episodes, expected {SOLVED}; policy {:?}",
                run.trial,
                run.policy.params()
            )
            .into());
        }
    }

    let path = options.out.join("policy_gradient.svg");
    let title = "CartPole by policy gradients: what is subtracted from the return";
    let panels = [
        Panel {
            title: &format!("learning: mean of {runs} runs, bands of one standard error"),
            x_axis: "episodes",
            y_axis: "return of a batch (steps)",
            y_scale: Scale::Linear,
            lines: lines.0,
        },
        Panel {
            title: "gradient variance, all at the same policies",
            x_axis: "episodes that the policy was trained on",
            y_axis: "total variance of one episode",
            y_scale: Scale::Log,
            lines: lines.1,
        },
    ];
    subplots(&path, title, &panels)?;
    Ok(path)
}

const HORIZONS: [usize; 11] = [1, 2, 3, 5, 7, 10, 15, 22, 35, 60, 100];

/// The estimators of control with known dynamics, and their names.
const CONTROL: [&str; 5] = [
    "score function",
    "reward to go",
    "reward to go, leave-one-out 4",
    "reward to go, exact value",
    "pathwise",
];

const COLORS: [RGBColor; 5] = [axes::ORANGE, axes::PINK, axes::GREEN, BLACK, axes::BLUE];

/// One of the estimators, with the same number of paths for each. Without a value function there is no exact one.
fn estimate<S: System>(
    index: usize,
    paths: &Paths<S>,
    value: Option<&dyn Fn(usize, &[f64]) -> f64>,
    evaluations: usize,
) -> Result<Option<GradientEstimate<f64>>> {
    let (f, rng) = (paths.costs(), &mut Xoshiro256PlusPlus::seed_from_u64(index as u64));
    Ok(Some(match (index, value) {
        (0, _) => ScoreFunction::new().estimate(paths, &f, evaluations, rng)?,
        (1, _) => RewardToGo::new().estimate(paths, &f, evaluations, rng)?,
        (2, _) => {
            let mut estimator = RewardToGo::new().with_step_baseline(StepBaseline::LeaveOneOut { draws: 4 });
            estimator.estimate(paths, &f, evaluations / 4, rng)?
        }
        (3, Some(value)) => RewardToGo::new().with_value(value).estimate(paths, &f, evaluations, rng)?,
        (3, None) => return Ok(None),
        _ => Pathwise.estimate(paths, &f, evaluations, rng)?,
    }))
}

/// The head of a table of variances.
fn header(title: &str, unit: &str) {
    println!("\n{title}\n{unit}\n");
    println!(
        "{:>7}{:>16}{:>16}{:>16}{:>16}{:>16}",
        "steps", "score function", "to go", "leave-one-out", "exact value", "pathwise"
    );
}

/// The mass on a line: variances over the horizon, and every estimate against the exact gradient.
fn mass(options: &Options) -> Result<PathBuf> {
    /// Bonferroni: 165 comparisons, of two gradients and the cost.
    const SIGMAS: f64 = 5.0;
    let progress = bar("mass on a line", HORIZONS.len() * CONTROL.len())?;
    let mut curves = curves();
    let mut square = Curve::new("squared norm of the exact gradient", BLACK);
    let (mut rows, mut farthest) = (Vec::new(), 0.0f64);
    for steps in HORIZONS {
        let paths = Paths::new(Mass, steps, [0.5, 0.6], 0.5);
        let exact = Exact::new(&paths);
        let value = |t: usize, before: &[f64]| exact.value(t, [before[3 * t], before[3 * t + 1]]);
        square.points.push((steps as f64, exact.gradient.iter().map(|g| g * g).sum()));
        let mut row = format!("{steps:>7}");
        for (index, curve) in curves.iter_mut().enumerate() {
            let Some(estimate) = estimate(index, &paths, Some(&value), options.paths)? else { continue };
            let own = (estimate.value(), estimate.value_standard_error(), exact.cost);
            let gradient = estimate.gradient().iter().zip(estimate.standard_error()).zip(exact.gradient);
            let compared = gradient.map(|((&found, error), exact)| (found, error, exact)).chain([own]);
            for (found, error, exact) in compared {
                let off = (found - exact).abs() / error;
                farthest = farthest.max(off);
                if off.is_nan() || off > SIGMAS {
                    let name = CONTROL[index];
                    return Err(format!("{name}, {steps} steps: {found} ± {error}, exact {exact}").into());
                }
            }
            let variance = estimate.variance_per_evaluation();
            row += &format!("{variance:>16.3e}");
            curve.points.push((steps as f64, variance));
            progress.inc(1);
        }
        rows.push(row);
    }
    progress.finish_and_clear();
    header("A mass on a line, pushed ten times a second: exact gradients", "total variance of one path");
    rows.iter().for_each(|row| println!("{row}"));
    println!(
        "all within {farthest:.1} standard errors of the exact gradient and cost ({} comparisons)",
        15 * HORIZONS.len()
    );
    let path = options.out.join("policy_gradient_mass.svg");
    let title = "A mass on a line: variance of the gradient over the horizon";
    let axes = ("steps of 0.1 s", "total variance of one path");
    chart::curves_and_dots(&path, title, axes, (&curves, &[square]), SeriesLabelPosition::LowerRight)?;
    Ok(path)
}

fn curves() -> Vec<Curve> {
    CONTROL.iter().zip(COLORS).map(|(name, color)| Curve::new(*name, color)).collect()
}

/// The kicked pendulum, nearly left to itself: variances over the horizon.
fn pendulum(options: &Options) -> Result<PathBuf> {
    /// Over so many steps pathwise and score function must agree, in standard errors.
    const COMPARED: (usize, f64) = (5, 5.0);
    let progress = bar("kicked pendulum", HORIZONS.len() * (CONTROL.len() - 1))?;
    let mut curves = curves();
    let mut rows = Vec::new();
    for steps in HORIZONS {
        let paths = Paths::new(KickedPendulum, steps, [0.0, 0.2], 0.5);
        let mut row = format!("{steps:>7}");
        let mut estimates = Vec::new();
        for (index, curve) in curves.iter_mut().enumerate() {
            let Some(estimate) = estimate(index, &paths, None, options.paths)? else {
                row += &format!("{:>16}", "unknown");
                continue;
            };
            let variance = estimate.variance_per_evaluation();
            row += &format!("{variance:>16.3e}");
            // Of one step no gain is of any consequence: nothing to draw on a logarithmic axis.
            if variance > 0.0 {
                curve.points.push((steps as f64, variance));
            }
            estimates.push(estimate);
            progress.inc(1);
        }
        rows.push(row);
        if let ([.., to_go, pathwise], true) = (&estimates[..], steps <= COMPARED.0) {
            for i in 0..2 {
                let off = (to_go.gradient()[i] - pathwise.gradient()[i]).abs();
                let error = to_go.standard_error()[i].hypot(pathwise.standard_error()[i]);
                if off.is_nan() || off > COMPARED.1 * error {
                    return Err(format!("over {steps} steps the estimators differ by {off} ± {error}").into());
                }
            }
        }
    }
    progress.finish_and_clear();
    header(
        "A kicked pendulum, chaotic: nobody knows the exact gradient",
        "total variance of one path, as sampled; that of the pathwise gradient is in rare paths, and larger still",
    );
    rows.iter().for_each(|row| println!("{row}"));
    curves.retain(|curve| !curve.points.is_empty());
    let path = options.out.join("policy_gradient_pendulum.svg");
    let title = "A chaotic pendulum: variance of the gradient over the horizon";
    let axes = ("steps", "total variance of one path");
    chart::curves_and_dots(&path, title, axes, (&curves, &[]), SeriesLabelPosition::UpperLeft)?;
    Ok(path)
}
