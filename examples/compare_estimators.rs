//! Which estimator for this problem? Bayesian logistic regression on the breast-cancer data (569 tumours, 31 coefficients)
//! by variational inference: every estimator of the gradient of the evidence lower bound (ELBO) gets the same number of
//! evaluations of the log-likelihood, and a table says what each makes of it: error bars, variance, time. Then the best
//! two of their kind train the same model, and because this ELBO can be integrated exactly, the curves are the truth and
//! not an estimate.
//!
//! ```text
//! cargo run --release --example compare_estimators -- [--quick] [--out DIR]
//! ```

#[path = "shared/adam.rs"]
mod adam;
#[path = "shared/blr.rs"]
mod blr;
#[path = "shared/chart.rs"]
mod chart;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;

use adam::Adam;
use blr::{LogLikelihood, kl};
use chart::{Bar, Curve};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The approximation of the posterior, on parameters that Adam may walk on: m and ln s.
type Posterior = Unconstrained<f64, Normal<f64>>;

/// The largest ELBO that a Gaussian with independent coordinates reaches, by Newton's method in high precision.
const OPTIMUM: f64 = -67.463_367_193_37;

/// Evaluations of the log-likelihood in one training step, the same for both estimators.
const BATCH: usize = 64;

struct Options {
    out: PathBuf,
    /// Evaluations for each line of the table.
    budget: usize,
    /// Evaluations that an estimator with a memory has learned from before.
    warm_up: usize,
    /// Steps of each training run.
    steps: usize,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { out: "out".into(), budget: 1 << 16, warm_up: 1 << 12, steps: 5000 };
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--quick" => options = Self { budget: 1 << 13, warm_up: 1 << 10, steps: 500, ..options },
                "--out" => options.out = arguments.next().ok_or("--out wants a directory")?.into(),
                other => return Err(format!("unknown argument {other}; known: --quick, --out DIR").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<()> {
    let options = Options::from_arguments(std::env::args().skip(1))?;
    std::fs::create_dir_all(&options.out)?;
    let model = LogLikelihood::breast_cancer()?;
    let start = Unconstrained::new(Normal::standard(model.dim())?)?;

    let bars = compare(&model, &start, &options)?;

    println!("\nTraining by Adam, {} steps of {BATCH} evaluations each, for either estimator", options.steps);
    let score_function = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 16 });
    let pathwise = train("pathwise", Pathwise, &model, &start, &options)?;
    let score_function = train("score function, leave-one-out 16", score_function, &model, &start, &options)?;
    println!("the optimum is {OPTIMUM:.5}");

    let path = options.out.join("training.svg");
    chart::curves(
        &path,
        "Training: distance of the exact ELBO from the optimum",
        "evaluations of the log-likelihood",
        "optimum − ELBO (nats)",
        &[pathwise.curve(chart::BLUE), score_function.curve(chart::ORANGE)],
    )?;
    println!("\nwrote {}\nwrote {}", bars.display(), path.display());
    println!("exact_elbo_pathwise={:.6}", pathwise.elbo);
    println!("exact_elbo_score_function={:.6}", score_function.elbo);
    Ok(())
}

/// One line of the table.
struct Line {
    name: String,
    estimate: GradientEstimate<f64>,
    seconds: f64,
}

impl Line {
    /// Estimates with the given number of evaluations, on the clock.
    fn measure<E>(
        name: &str,
        mut estimator: E,
        model: &LogLikelihood,
        q: &Posterior,
        evaluations: usize,
    ) -> Result<Self>
    where
        E: GradientEstimator<f64, Posterior, LogLikelihood>,
    {
        let samples = evaluations / estimator.evaluations(q);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let clock = Instant::now();
        let estimate = estimator.estimate(q, model, samples, &mut rng)?;
        let seconds = clock.elapsed().as_secs_f64();
        Ok(Self { name: name.into(), estimate, seconds })
    }

    /// Variance of one gradient sample × the seconds that it takes: what a given precision costs, up to a factor.
    fn cost(&self) -> f64 {
        self.estimate.total_variance() * self.seconds / self.estimate.samples() as f64
    }
}

/// Estimates the gradient at the start with every estimator on the same budget; a table and a bar chart.
fn compare(model: &LogLikelihood, q: &Posterior, options: &Options) -> Result<PathBuf> {
    // What comes before the clock runs: a pilot for the constant, calls to learn from for those with a memory.
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let pilot = ScoreFunction::new().estimate(q, model, options.warm_up, &mut rng)?.value();
    let mut moving_average = ScoreFunction::new().with_baseline(Baseline::MovingAverage { decay: 0.9 });
    for _ in 0..16 {
        moving_average.estimate(q, model, options.warm_up / 16, &mut rng)?;
    }
    let mut optimal = ScoreFunction::new().with_baseline(Baseline::Optimal);
    optimal.estimate(q, model, options.warm_up, &mut rng)?;

    let constant = format!("constant {pilot:.0}");
    let with = |baseline| ScoreFunction::new().with_baseline(baseline);
    let score_functions = [
        ("no baseline", ScoreFunction::new()),
        (&constant, with(Baseline::Constant(pilot))),
        ("moving average", moving_average),
        ("leave-one-out 2", with(Baseline::LeaveOneOut { draws: 2 })),
        ("leave-one-out 4", with(Baseline::LeaveOneOut { draws: 4 })),
        ("leave-one-out 16", with(Baseline::LeaveOneOut { draws: 16 })),
        ("optimal per parameter", optimal),
    ];
    let mut lines = vec![Line::measure("pathwise", Pathwise, model, q, options.budget)?];
    for (name, estimator) in score_functions {
        lines.push(Line::measure(&format!("score function, {name}"), estimator, model, q, options.budget)?);
    }

    let exact = model.exact(q.params());
    let norm = |gradient: &[f64]| gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    // The KL term is exact: it moves the estimates and adds no variance.
    let (kl, kl_gradient) = kl(q.params());
    let kl_gradient: Vec<f64> = kl_gradient.iter().map(|g| -g).collect();
    for line in &mut lines {
        line.estimate.add_exact(-kl, &kl_gradient)?;
    }
    println!("Gradient of the ELBO in (m, ln s), {} parameters, at m = 0, s = 1", q.params().len());
    println!(
        "exact: ELBO {:.6} = E[log-likelihood] {:.6} − KL {:.6}, gradient norm {:.4}",
        exact.elbo,
        exact.expected_log_likelihood,
        exact.kl,
        norm(&exact.gradient),
    );
    println!(
        "each estimator: {} evaluations of the log-likelihood (and {} before, not counted, for the constant, the moving \
         average and the optimal baselines)\n",
        options.budget, options.warm_up
    );
    println!(
        "{:<38}{:>6}{:>10}{:>11}{:>11}{:>12}{:>10}{:>14}",
        "", "evals", "gradient", "standard", "distance", "variance of", "µs per", "variance × "
    );
    println!(
        "{:<38}{:>6}{:>10}{:>11}{:>11}{:>12}{:>10}{:>14}",
        "estimator", "/sample", "norm", "error", "from exact", "one sample", "eval", "evals × time"
    );
    for line in &lines {
        let estimate = &line.estimate;
        let distance: Vec<f64> =
            estimate.gradient().iter().zip(&exact.gradient).map(|(g, exact)| g - exact).collect();
        println!(
            "{:<38}{:>6}{:>10.1}{:>11.2}{:>11.2}{:>12.2e}{:>10.2}{:>14.2}",
            line.name,
            estimate.evaluations() / estimate.samples(),
            estimate.norm(),
            estimate.total_standard_error(),
            norm(&distance),
            estimate.total_variance(),
            1e6 * line.seconds / estimate.evaluations() as f64,
            line.cost(),
        );
    }

    let bar = |line: &Line| {
        let color = if line.name == "pathwise" { chart::BLUE } else { chart::ORANGE };
        let note = format!("{:.1} s  ({:.1} × pathwise)", line.cost(), line.cost() / lines[0].cost());
        Bar { name: line.name.clone(), value: line.cost(), note, color }
    };
    let path = options.out.join("estimators.svg");
    chart::bars(
        &path,
        "Cost of precision: variance × evaluations × time (less is better)",
        "seconds for a total variance of 1",
        &lines.iter().map(bar).collect::<Vec<_>>(),
    )?;
    Ok(path)
}

/// A training run, seen through the exact ELBO.
struct Training {
    name: &'static str,
    /// Evaluations so far and the exact ELBO there.
    course: Vec<(usize, f64)>,
    elbo: f64,
}

impl Training {
    fn curve(&self, color: plotters::style::RGBColor) -> Curve {
        let points = self.course.iter().map(|&(evaluations, elbo)| (evaluations as f64, OPTIMUM - elbo));
        let name = format!("{}, final ELBO {:.3}", self.name, self.elbo);
        Curve { name, points: points.collect(), color }
    }
}

/// Adam on the estimated gradient, with a rate that falls to 0 along a cosine.
fn train<E>(
    name: &'static str,
    mut estimator: E,
    model: &LogLikelihood,
    start: &Posterior,
    options: &Options,
) -> Result<Training>
where
    E: GradientEstimator<f64, Posterior, LogLikelihood>,
{
    const RATE: f64 = 0.1;
    let mut q = start.clone();
    let mut params = q.params().to_vec();
    let mut gradient = vec![0.0; params.len()];
    let mut adam = Adam::new(params.len());
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut course = Vec::new();
    let samples = BATCH / estimator.evaluations(&q);
    let progress = ProgressBar::new(options.steps as u64)
        .with_style(ProgressStyle::with_template("{msg:<34} {bar:40} {pos}/{len} {elapsed}")?)
        .with_message(name);
    let clock = Instant::now();
    for step in 1..=options.steps {
        let estimate = estimator.estimate(&q, model, samples, &mut rng)?;
        let (_, kl_gradient) = kl(&params);
        for ((total, likelihood), kl) in gradient.iter_mut().zip(estimate.gradient()).zip(kl_gradient) {
            *total = likelihood - kl;
        }
        let fraction = (step - 1) as f64 / options.steps as f64;
        let rate = RATE * 0.5 * (1.0 + (std::f64::consts::PI * fraction).cos());
        adam.ascend(&mut params, &gradient, rate);
        q.set_params(&params)?;
        // A look at the truth at steps that are evenly spaced on a logarithmic axis, and at the end.
        if course.last().is_none_or(|&(evaluations, _)| step * BATCH * 10 >= evaluations * 11)
            || step == options.steps
        {
            course.push((step * BATCH, model.exact(&params).elbo));
        }
        progress.inc(1);
    }
    progress.finish();
    let elbo = model.exact(&params).elbo;
    println!("{name:<34} exact ELBO {elbo:>11.5} after {:.2} s", clock.elapsed().as_secs_f64());
    Ok(Training { name, course, elbo })
}
