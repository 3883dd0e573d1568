//! What does the temperature of a relaxation buy and cost? One categorical of three classes and a quadratic objective: bias, variance and
//! mean squared error of the relaxed gradients against the exact discrete one, as a function of τ, beside exact numbers (by quadrature, in
//! `data/gumbel_softmax_k3.csv`). Then training with τ held fixed against τ annealed, judged by the *true discrete* objective.
//!
//! ```text
//! cargo run --release --example temperature -- [--quick] [--out DIR]
//! ```

#[path = "shared/adam.rs"]
mod adam;
#[path = "shared/axes.rs"]
mod axes;
#[path = "shared/chart.rs"]
mod chart;
#[path = "shared/statistics.rs"]
mod statistics;

use std::error::Error;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use plotters::chart::SeriesLabelPosition;
use plotters::style::RGBColor;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;
use reparam::{Differentiable, DifferentiableObjective, GradientEstimate, TemperatureSchedule};

use adam::Adam;
use chart::Curve;
use statistics::mean_and_standard_error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The logits at which the gradients are measured.
const LOGITS: [f64; 3] = [1.0, 0.0, -1.0];

/// The mean squared error is that of an average of so many gradient samples.
const BATCH: usize = 256;

/// Inner draws of Gumbel-Rao.
const INNER: usize = 16;

struct Options {
    out: PathBuf,
    /// Gradient samples for each point.
    samples: usize,
    /// Training runs for each schedule, whose mean is shown, and steps of each.
    runs: u64,
    steps: u64,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { out: "out".into(), samples: 1_000_000, runs: 100, steps: 2000 };
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--quick" => options = Self { samples: 100_000, runs: 10, ..options },
                "--out" => options.out = arguments.next().ok_or("--out wants a directory")?.into(),
                other => return Err(format!("unknown argument {other}; known: --quick, --out DIR").into()),
            }
        }
        Ok(options)
    }
}

/// `Σ w (x − c)²`: the best corner is the first, with 0.46875; in between there is much less to pay, 0 at c.
fn objective() -> impl DifferentiableObjective<f64> {
    let (c, w) = ([0.45, 0.3, 0.25], [1.0, 1.5, 0.5]);
    Differentiable(move |x: &[f64], dx: Option<&mut [f64]>| {
        if let Some(dx) = dx {
            for k in 0..3 {
                dx[k] = 2.0 * w[k] * (x[k] - c[k]);
            }
        }
        (0..3).map(|k| w[k] * (x[k] - c[k]).powi(2)).sum()
    })
}

/// The discrete objective and its gradient, exactly.
fn exact(logits: &[f64]) -> Result<GradientEstimate<f64>> {
    let row = Categorical::from_logits(logits, 3)?;
    Ok(Enumerate.estimate(&row, &objective(), 1, &mut Xoshiro256PlusPlus::seed_from_u64(0))?)
}

fn main() -> Result<()> {
    let options = Options::from_arguments(std::env::args().skip(1))?;
    std::fs::create_dir_all(&options.out)?;
    let mut written = measure(&options)?;
    written.push(anneal(&options)?);
    println!();
    for path in written {
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// The estimators whose temperature is looked at.
#[derive(Clone, Copy)]
enum Kind {
    Relaxed,
    StraightThrough,
    GumbelRao,
}

const KINDS: [Kind; 3] = [Kind::Relaxed, Kind::StraightThrough, Kind::GumbelRao];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Relaxed => "Gumbel-Softmax",
            Self::StraightThrough => "straight-through Gumbel-Softmax",
            Self::GumbelRao => "Gumbel-Rao, 16 inner draws",
        }
    }

    fn color(self) -> RGBColor {
        match self {
            Self::Relaxed => axes::BLUE,
            Self::StraightThrough => axes::ORANGE,
            Self::GumbelRao => axes::GREEN,
        }
    }

    fn estimate(self, logits: &[f64], tau: f64, samples: usize, seed: u64) -> Result<GradientEstimate<f64>> {
        let (row, f) = (Categorical::from_logits(logits, 3)?, objective());
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
        Ok(match self {
            Self::Relaxed => Pathwise.estimate(&GumbelSoftmax::new(logits, 3, tau)?, &f, samples, rng)?,
            Self::StraightThrough => {
                StraightThroughGumbelSoftmax::new(tau).estimate(&row, &f, samples, rng)?
            }
            Self::GumbelRao => GumbelRao::new(tau, INNER).estimate(&row, &f, samples, rng)?,
        })
    }
}

/// Bias (its norm) and total variance of one gradient sample.
#[derive(Clone, Copy)]
struct Quality {
    bias: f64,
    variance: f64,
}

impl Quality {
    fn squared_error(self) -> f64 {
        self.bias * self.bias + self.variance / BATCH as f64
    }
}

/// The exact numbers: τ and, for each kind, its quality.
fn exact_numbers() -> Result<Vec<(f64, [Quality; 3])>> {
    let mut lines = include_str!("data/gumbel_softmax_k3.csv").lines();
    let columns: Vec<&str> = lines.next().ok_or("an empty table")?.split(',').collect();
    let mut curves = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| -> Result<&str> {
            let place = columns.iter().position(|column| *column == name).ok_or("a column is missing")?;
            Ok(cells[place])
        };
        let number = |name: &str| -> Result<f64> { Ok(cell(name)?.parse()?) };
        if (cell("f")?, cell("case")?) != ("quadratic", "skew") {
            continue;
        }
        let within = number("totvar_within")? / INNER as f64;
        let straight_through = number("bias_norm_stgs")?;
        let qualities = [
            Quality { bias: number("bias_norm_gs")?, variance: number("totvar_gs")? },
            Quality { bias: straight_through, variance: number("totvar_stgs")? },
            Quality { bias: straight_through, variance: number("totvar_gumbel_rao_inf")? + within },
        ];
        curves.push((number("tau")?, qualities));
    }
    curves.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(curves)
}

/// Measures every kind at every temperature; a table and three pictures.
fn measure(options: &Options) -> Result<Vec<PathBuf>> {
    const TEMPERATURES: [f64; 10] = [0.1, 0.175, 0.25, 0.35, 0.5, 0.7, 1.0, 1.7, 3.0, 5.0];
    let truth = exact(&LOGITS)?;
    let known = exact_numbers()?;
    let progress = bar("measuring", (TEMPERATURES.len() * KINDS.len()) as u64)?;
    let mut measured = Vec::new();
    for (i, tau) in TEMPERATURES.into_iter().enumerate() {
        let mut qualities = [Quality { bias: 0.0, variance: 0.0 }; 3];
        for (quality, kind) in qualities.iter_mut().zip(KINDS) {
            let estimate = kind.estimate(&LOGITS, tau, options.samples, 1 + i as u64)?;
            let off = estimate.gradient().iter().zip(truth.gradient()).map(|(g, exact)| (g - exact).powi(2));
            *quality = Quality { bias: off.sum::<f64>().sqrt(), variance: estimate.total_variance() };
            progress.inc(1);
        }
        measured.push((tau, qualities));
    }
    progress.finish();

    println!(
        "\nGradient of the discrete objective, three classes; the exact numbers in brackets, where there are any"
    );
    println!("bias: norm; variance: of one sample, total; error: mean square, {BATCH} samples averaged");
    println!(
        "a gradient of 0 would have a bias of {0:.4} and an error of {1:.4}\n",
        truth.norm(),
        truth.norm().powi(2)
    );
    println!("{:>6}  {:<32}{:>18}{:>18}{:>12}", "τ", "", "bias", "variance", "error");
    for (tau, qualities) in &measured {
        let exact = known.iter().find(|(at, _)| at == tau);
        for (k, (kind, quality)) in KINDS.into_iter().zip(qualities).enumerate() {
            let beside = |found: f64, of: fn(&Quality) -> f64| match exact {
                Some((_, exact)) => format!("{found:.4} ({:.4})", of(&exact[k])),
                None => format!("{found:.4}         "),
            };
            println!(
                "{tau:>6}  {:<32}{:>18}{:>18}{:>12.4}",
                kind.name(),
                beside(quality.bias, |q| q.bias),
                beside(quality.variance, |q| q.variance),
                quality.squared_error()
            );
        }
    }
    for (kind, k) in KINDS.into_iter().zip(0..) {
        let error = |line: &&(f64, [Quality; 3])| line.1[k].squared_error();
        if let Some(best) = measured.iter().min_by(|a, b| error(a).total_cmp(&error(b))) {
            println!("least error of {}: {:.4}, at τ = {}", kind.name(), error(&best), best.0);
        }
    }

    let pictures: [(&str, &str, fn(Quality) -> f64); 3] = [
        ("bias", "norm of the bias", |q| q.bias),
        ("variance", "total variance of one sample", |q| q.variance),
        ("error", "mean squared error", Quality::squared_error),
    ];
    let mut written = Vec::new();
    for (name, axis, number) in pictures {
        let series = |of: &[(f64, [Quality; 3])], k: usize, name: String| Curve {
            name,
            points: of.iter().map(|(tau, qualities)| (*tau, number(qualities[k]))).collect(),
            errors: Vec::new(),
            color: KINDS[k].color(),
        };
        let name_of = |k: usize| KINDS[k].name().to_string();
        let curves: Vec<Curve> = (0..3).map(|k| series(&measured, k, name_of(k))).collect();
        let dots: Vec<Curve> = (0..3).map(|k| series(&known, k, String::new())).collect();
        let path = options.out.join(format!("temperature_{name}.svg"));
        let title = format!("Relaxed gradients of three classes: {axis} (dots: exact)");
        let (axes, legend) = (("temperature τ", axis), SeriesLabelPosition::LowerMiddle);
        chart::curves_and_dots(&path, &title, axes, (&curves, &dots), legend)?;
        written.push(path);
    }
    Ok(written)
}

fn bar(message: &'static str, length: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg:<34} {bar:40} {pos}/{len} {elapsed}")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(message))
}

/// Trains the logits with constant and annealed temperatures; a table and a picture of the true discrete objective.
fn anneal(options: &Options) -> Result<PathBuf> {
    const RATE: f64 = 0.02;
    /// From where the worst class is the likeliest.
    const START: [f64; 3] = [-1.0, 1.0, 0.0];
    const OPTIMUM: f64 = 0.468_75;
    let steps = options.steps;
    let schedules = [
        ("constant, τ = 5", TemperatureSchedule::constant(5.0)?, axes::ORANGE),
        ("constant, τ = 1", TemperatureSchedule::constant(1.0)?, axes::PINK),
        ("constant, τ = 0.1", TemperatureSchedule::constant(0.1)?, axes::GREEN),
        (
            "annealed, τ from 1 to 0.1",
            TemperatureSchedule::exponential(1.0, 0.1f64.powf(1.0 / (0.5 * steps as f64)), 0.1)?,
            axes::BLUE,
        ),
    ];
    let progress = bar("training", options.runs * schedules.len() as u64)?;
    let looks: Vec<u64> = (1..=steps).filter(|step| step.is_power_of_two() || step % 50 == 0).collect();
    let mut curves = Vec::new();
    println!(
        "\nTraining the logits by Gumbel-Softmax from {:.3}, Adam, {steps} steps of 1 sample, mean of {} runs; the best is {OPTIMUM}\n",
        exact(&START)?.value(),
        options.runs
    );
    println!("{:<34}{:>20}{:>20}", "", "discrete objective", "its standard error");
    for (name, schedule, color) in schedules {
        let mut courses = vec![Vec::new(); looks.len()];
        let mut ends = Vec::new();
        for run in 0..options.runs {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(run);
            let mut relaxed = GumbelSoftmax::new(&START, 3, schedule.at(0))?;
            let (mut logits, mut downhill, mut adam) = (START, [0.0; 3], Adam::new(3));
            let f = objective();
            for step in 0..steps {
                relaxed.set_temperature(schedule.at(step))?;
                let estimate = Pathwise.estimate(&relaxed, &f, 1, &mut rng)?;
                downhill.iter_mut().zip(estimate.gradient()).for_each(|(down, g)| *down = -g);
                adam.ascend(&mut logits, &downhill, RATE);
                relaxed.set_params(&logits)?;
                if let Ok(look) = looks.binary_search(&(step + 1)) {
                    courses[look].push(exact(&logits)?.value() - OPTIMUM);
                }
            }
            ends.push(exact(&logits)?.value());
            progress.inc(1);
        }
        let (mean, error) = mean_and_standard_error(&ends);
        println!("{name:<34}{mean:>20.4}{error:>20.4}");
        let mut curve = Curve::new(format!("{name}: {mean:.3}"), color);
        for (&step, values) in looks.iter().zip(&courses) {
            let (mean, error) = mean_and_standard_error(values);
            curve.points.push((step as f64, mean));
            curve.errors.push(error);
        }
        curves.push(curve);
    }
    progress.finish();
    let path = options.out.join("annealing.svg");
    let title =
        format!("Training by Gumbel-Softmax: mean of {} runs, bands of one standard error", options.runs);
    let axes = ("steps", "discrete objective − optimum");
    chart::curves_and_dots(&path, &title, axes, (&curves, &[]), SeriesLabelPosition::LowerLeft)?;
    Ok(path)
}
