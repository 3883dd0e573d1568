//! Which estimator for this problem? Bayesian logistic regression on the breast-cancer data (569 tumours, 31 coefficients) by variational
//! inference. Every estimator that fits it gets the same number of evaluations of the log-likelihood for the gradient of the evidence lower
//! bound (ELBO): pathwise, over other noise sources too; the three forms of the bound; measure-valued; and the score function with every
//! baseline. A table says what each makes of it: error bars, variance, time. Then pathwise and the score function train the same model, and
//! because this ELBO can be integrated exactly, the curves are the truth and not an estimate.
//!
//! ```text
//! cargo run --release --example compare_estimators -- [--quick] [--out DIR]
//! ```

#[path = "shared/adam.rs"]
mod adam;
#[path = "shared/axes.rs"]
mod axes;
#[path = "shared/blr.rs"]
mod blr;
#[path = "shared/chart.rs"]
mod chart;
#[path = "shared/statistics.rs"]
mod statistics;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use plotters::style::RGBColor;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::noise::{Antithetic, ScrambledSobol};
use reparam::prelude::*;
use reparam::{GradientEstimate, GradientEstimator, Objective};

use adam::Adam;
use axes::{BLUE, GREEN, ORANGE, PINK};
use blr::{LogJoint, LogLikelihood, kl};
use chart::{Curve, Dot};
use statistics::mean_and_standard_error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The approximation of the posterior, on parameters that Adam may walk on: m and ln s.
type Posterior = Unconstrained<f64, Normal<f64>>;

/// The largest ELBO that a Gaussian with independent coordinates reaches, by Newton's method in high precision.
const OPTIMUM: f64 = -67.463_367_193_37;

/// Each line of the table is measured in so many parts, whose scatter is the error bar of the picture.
const PARTS: usize = 8;

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

    let dots = compare(&model, &start, &options)?;

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
        &[pathwise.curve(BLUE), score_function.curve(ORANGE)],
    )?;
    println!("\nwrote {}\nwrote {}", dots.display(), path.display());
    println!("exact_elbo_pathwise={:.6}", pathwise.elbo);
    println!("exact_elbo_score_function={:.6}", score_function.elbo);
    Ok(())
}

/// Any estimator for this family and an objective, with its name and colour.
struct Entry<F> {
    name: String,
    color: RGBColor,
    estimator: Box<dyn GradientEstimator<f64, Posterior, F>>,
}

fn entry<F, E>(color: RGBColor, name: impl Into<String>, estimator: E) -> Entry<F>
where
    F: Objective<f64>,
    E: GradientEstimator<f64, Posterior, F> + 'static,
{
    Entry { name: name.into(), color, estimator: Box::new(estimator) }
}

/// One line of the table.
struct Line {
    name: String,
    color: RGBColor,
    estimate: GradientEstimate<f64>,
    seconds: f64,
    /// What a given precision costs, up to a factor: variance of one gradient sample × the seconds that it takes. Of each part.
    costs: Vec<f64>,
}

impl Line {
    /// Estimates with the given number of evaluations, on the clock.
    fn measure<F: Objective<f64>>(
        Entry { name, color, mut estimator }: Entry<F>,
        f: &F,
        q: &Posterior,
        evaluations: usize,
    ) -> Result<Self> {
        let samples = (evaluations / PARTS / estimator.evaluations(q)).max(2);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let mut all: Option<GradientEstimate<f64>> = None;
        let (mut seconds, mut costs) = (0.0, Vec::new());
        for _ in 0..PARTS {
            let clock = Instant::now();
            let part = estimator.estimate(q, f, samples, &mut rng)?;
            let time = clock.elapsed().as_secs_f64();
            seconds += time;
            costs.push(part.total_variance() * time / samples as f64);
            match &mut all {
                Some(all) => all.merge(&part)?,
                None => all = Some(part),
            }
        }
        let estimate = all.ok_or("no parts")?;
        Ok(Self { name, color, estimate, seconds, costs })
    }

    fn cost(&self) -> f64 {
        mean_and_standard_error(&self.costs).0
    }
}

/// Every estimator whose objective is the log-likelihood. The KL term of the ELBO is exact.
fn of_the_likelihood(
    model: &LogLikelihood,
    q: &Posterior,
    options: &Options,
) -> Result<Vec<Entry<LogLikelihood>>> {
    // What comes before the clock runs: a pilot for the constant, calls to learn from for those with a memory.
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let pilot = ScoreFunction::new().estimate(q, model, options.warm_up, &mut rng)?.value();
    let mut moving_average = ScoreFunction::new().with_baseline(Baseline::MovingAverage { decay: 0.9 });
    for _ in 0..16 {
        moving_average.estimate(q, model, options.warm_up / 16, &mut rng)?;
    }
    let mut optimal = ScoreFunction::new().with_baseline(Baseline::Optimal);
    optimal.estimate(q, model, options.warm_up, &mut rng)?;

    let with = |baseline| ScoreFunction::new().with_baseline(baseline);
    let constant = with(Baseline::Constant(pilot));
    let leave_one_out = |draws| with(Baseline::LeaveOneOut { draws });
    let sobol = ScrambledSobol::base2;
    Ok(vec![
        entry(BLUE, "pathwise", Pathwise),
        entry(BLUE, "pathwise, antithetic pairs", Pathwise.over(Antithetic)),
        entry(BLUE, "pathwise, 16 Sobol points", Pathwise.over(sobol(4))),
        entry(BLUE, "pathwise, 256 Sobol points", Pathwise.over(sobol(8))),
        entry(PINK, "measure-valued, coupled", MeasureValued::coupled()),
        entry(PINK, "measure-valued, uncoupled", MeasureValued::uncoupled()),
        entry(ORANGE, "score function, no baseline", ScoreFunction::new()),
        entry(ORANGE, format!("score function, constant {pilot:.0}").replace(" -", " −"), constant.clone()),
        entry(ORANGE, "score function, moving average", moving_average),
        entry(ORANGE, "score function, leave-one-out 2", leave_one_out(2)),
        entry(ORANGE, "score function, leave-one-out 4", leave_one_out(4)),
        entry(ORANGE, "score function, leave-one-out 16", leave_one_out(16)),
        entry(ORANGE, "score function, optimal per parameter", optimal),
        entry(ORANGE, "score function, constant, antithetic", constant.clone().over(Antithetic)),
        entry(ORANGE, "score function, constant, 256 Sobol", constant.over(sobol(8))),
    ])
}

/// The forms of the bound, whose objective is the log-likelihood with the prior.
fn of_the_joint<'a>() -> [Entry<LogJoint<'a>>; 3] {
    [
        entry(GREEN, "ELBO, entropy in closed form", Elbo::analytic()),
        entry(GREEN, "ELBO, entropy sampled", Elbo::sampled()),
        entry(GREEN, "ELBO, sticking the landing", Elbo::sticking_the_landing()),
    ]
}

/// Estimates the gradient at the start with every estimator on the same budget; a table and a picture.
fn compare(model: &LogLikelihood, q: &Posterior, options: &Options) -> Result<PathBuf> {
    let mut lines = Vec::new();
    for entry in of_the_likelihood(model, q, options)? {
        lines.push(Line::measure(entry, model, q, options.budget)?);
    }
    let exact = model.exact(q.params());
    let norm = |gradient: &[f64]| gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    // The KL term is exact: it moves the estimates and adds no variance.
    let (kl, kl_gradient) = kl(q.params());
    let kl_gradient: Vec<f64> = kl_gradient.iter().map(|g| -g).collect();
    for line in &mut lines {
        line.estimate.add_exact(-kl, &kl_gradient)?;
    }

    let without_derivatives = lines.split_off(4);
    for entry in of_the_joint() {
        lines.push(Line::measure(entry, &LogJoint(model), q, options.budget)?);
    }
    lines.extend(without_derivatives);

    println!("Gradient of the ELBO in (m, ln s), {} parameters, at m = 0, s = 1", q.params().len());
    println!(
        "exact: ELBO {:.6} = E[log-likelihood] {:.6} − KL {:.6}, gradient norm {:.4}",
        exact.elbo,
        exact.expected_log_likelihood,
        exact.kl,
        norm(&exact.gradient),
    );
    println!(
        "each estimator: {} evaluations of the log-likelihood (and {} \
         before, not counted, for the constant, the moving average and the optimal baselines)\n",
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

    let dot = |line: &Line| {
        let (value, error) = mean_and_standard_error(&line.costs);
        let note = format!("{} s  ({} × pathwise)", short(value), short(value / lines[0].cost()));
        Dot { name: line.name.clone(), value, error: 2.0 * error, note, color: line.color }
    };
    let path = options.out.join("estimators.svg");
    chart::dots(
        &path,
        "Cost of precision: variance × evaluations × time (less is better; bars: two standard errors)",
        "seconds for a total variance of 1",
        &lines.iter().map(dot).collect::<Vec<_>>(),
    )?;
    Ok(path)
}

/// To two digits.
fn short(x: f64) -> String {
    let second = x.log10().floor() as i32 - 1;
    let rounded = (x / 10f64.powi(second)).round() * 10f64.powi(second);
    format!("{rounded:.*}", (-second).max(0) as usize)
}

/// A training run, seen through the exact ELBO.
struct Training {
    name: &'static str,
    /// Evaluations so far and the exact ELBO there.
    course: Vec<(usize, f64)>,
    elbo: f64,
}

impl Training {
    fn curve(&self, color: RGBColor) -> Curve {
        let points = self.course.iter().map(|&(evaluations, elbo)| (evaluations as f64, OPTIMUM - elbo));
        let name = format!("{}, final ELBO {:.3}", self.name, self.elbo);
        Curve { name, points: points.collect(), errors: Vec::new(), color }
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
