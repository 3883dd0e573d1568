//! Variational inference without automatic differentiation, on two models whose answers are known: eight schools (a small hierarchy, non-centred) and
//! a logistic regression of 31 coefficients on the breast-cancer data. Gaussians with independent coordinates ("mean-field") and with
//! any covariance ("full-rank") are fitted by the evidence lower bound, once with its entropy in closed form and once
//! by sticking the landing. The tables put posterior means and standard deviations beside the exact ones, and bounds beside the evidence.
//!
//! ```text
//! cargo run --release --example bayes -- [--quick] [--out DIR]
//! ```

#[path = "shared/adam.rs"]
mod adam;
#[path = "shared/axes.rs"]
mod axes;
#[path = "shared/blr.rs"]
mod blr;
#[path = "shared/intervals.rs"]
mod intervals;
#[path = "shared/schools.rs"]
mod schools;
#[path = "shared/subplots.rs"]
mod subplots;

use std::error::Error;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;
use reparam::{
    DifferentiableLogDensity, DifferentiableObjective, Distribution, Engine, Entropy, GradientEstimator,
    Objective, Reparameterizable, verify,
};

use adam::Adam;
use axes::Scale;
use blr::{LogJoint, LogLikelihood};
use intervals::{Series, intervals};
use schools::EightSchools;
use subplots::{Line, Panel, subplots};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const EXACT: &str = include_str!("data/eight_schools_exact.csv");

/// The best bounds that the two families reach on the regression, by an optimiser on the exact bound; and the evidence, by importance sampling.
const REGRESSION: [f64; 3] = [-67.46337, -55.46514, -55.2226];

/// Mean and standard deviation of τ under the best full-rank Gaussian in (μ, ln τ, η): L-BFGS on the bound over 2¹⁶ scrambled Sobol points, in a program
/// of its own.
const BEST_TAU: (f64, f64) = (3.055, 2.572);

struct Options {
    out: PathBuf,
    steps: usize,
    /// Draws for a posterior mean.
    draws: usize,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { out: "out".into(), steps: 6000, draws: 400_000 };
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--quick" => options = Self { steps: 800, draws: 40_000, ..options },
                "--out" => options.out = arguments.next().ok_or("--out wants a folder")?.into(),
                other => return Err(format!("unknown argument {other}; known: --quick, --out DIR").into()),
            }
        }
        Ok(options)
    }
}

type MeanField = Unconstrained<f64, Normal<f64>>;
type FullRank = Unconstrained<f64, MultivariateNormal<f64>>;

fn mean_field(dim: usize) -> Result<MeanField> {
    Ok(Unconstrained::new(Normal::standard(dim)?)?)
}

fn full_rank(dim: usize) -> Result<FullRank> {
    Ok(Unconstrained::new(MultivariateNormal::standard(dim)?)?)
}

/// A fitted Gaussian, and how it came about.
struct Fit<D> {
    q: D,
    course: Vec<Stretch>,
}

/// What was seen on some of the steps.
struct Stretch {
    /// Evaluations so far.
    evaluations: f64,
    /// The bound, and the total variance of one gradient sample, both averaged.
    bound: f64,
    variance: f64,
}

/// Adam on the estimated gradient of the bound, with a rate that falls to 0 along a cosine.
fn fit<D, E, F>(
    name: &str,
    mut q: D,
    mut estimator: E,
    posterior: &F,
    (steps, samples, rate): (usize, usize, f64),
) -> Result<Fit<D>>
where
    D: Distribution<f64>,
    F: Objective<f64>,
    E: GradientEstimator<f64, D, F>,
{
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut engine = Engine::new();
    let mut params = q.params().to_vec();
    let mut adam = Adam::new(params.len());
    let progress = ProgressBar::new(steps as u64)
        .with_style(ProgressStyle::with_template("{msg:<44} {bar:40} {pos}/{len} {elapsed}")?)
        .with_message(name.to_string());
    let stretch = steps / 40;
    let mut course = Vec::new();
    let (mut bound, mut variance) = (0.0, 0.0);
    for step in 1..=steps {
        let estimate = engine.estimate(&mut estimator, &q, posterior, samples, &mut rng)?;
        bound += estimate.value() / stretch as f64;
        variance += estimate.total_variance() / stretch as f64;
        let phase = std::f64::consts::PI * step as f64 / steps as f64;
        adam.ascend(&mut params, estimate.gradient(), rate * 0.5 * (1.0 + phase.cos()));
        q.set_params(&params)?;
        if step % stretch == 0 {
            course.push(Stretch { evaluations: (step * samples) as f64, bound, variance });
            (bound, variance) = (0.0, 0.0);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(Fit { q, course })
}

/// Mean and standard deviation of some quantities of a draw, with importance weights where they are given.
fn moments<D: Distribution<f64>, const N: usize>(
    q: &D,
    draws: usize,
    quantities: impl Fn(&[f64]) -> [f64; N],
    ln_weight: impl Fn(&[f64]) -> f64,
) -> ([(f64, f64); N], f64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    let mut z = vec![0.0; draws * q.dim()];
    q.sample(&mut rng, &mut z);
    let ln_weights: Vec<f64> = z.chunks_exact(q.dim()).map(ln_weight).collect();
    let largest = ln_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut sums, mut total, mut squares) = ([(0.0, 0.0); N], 0.0, 0.0);
    for (z, ln_weight) in z.chunks_exact(q.dim()).zip(ln_weights) {
        let weight = (ln_weight - largest).exp();
        total += weight;
        squares += weight * weight;
        for (sum, x) in sums.iter_mut().zip(quantities(z)) {
            sum.0 += weight * x;
            sum.1 += weight * x * x;
        }
    }
    let effective = total * total / squares;
    let moments = sums.map(|(sum, square)| {
        let mean = sum / total;
        (mean, (square / total - mean * mean).sqrt())
    });
    (moments, effective)
}

/// The bound of a fitted Gaussian, with its standard error.
fn bound<D, F>(q: &D, posterior: &F, draws: usize) -> Result<(f64, f64)>
where
    D: Reparameterizable<f64> + Entropy<f64>,
    F: DifferentiableObjective<f64>,
{
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let estimate = Elbo::analytic().estimate(q, posterior, draws, &mut rng)?;
    Ok((estimate.value(), estimate.value_standard_error()))
}

/// The bounds of more and more importance weights: they close in on the evidence.
fn importance_weighted<D, F>(q: &D, posterior: &F, draws: usize) -> Result<()>
where
    D: Reparameterizable<f64> + DifferentiableLogDensity<f64>,
    F: DifferentiableObjective<f64>,
{
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    print!("full-rank, importance-weighted:");
    for weights in [1, 10, 100, 1000] {
        let mut estimator = ImportanceWeighted::plain(weights);
        let estimate = estimator.estimate(q, posterior, draws / weights, &mut rng)?;
        print!("   K = {weights}: {:.3} ± {:.3}", estimate.value(), estimate.value_standard_error());
    }
    println!();
    Ok(())
}

fn eight_schools(options: &Options) -> Result<()> {
    let mut exact = Vec::new();
    let mut names = Vec::new();
    for line in EXACT.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if !cells[2].is_empty() {
            names.push(cells[0].to_string());
            exact.push((cells[1].parse::<f64>()?, cells[2].parse::<f64>()?));
        } else {
            println!("Eight schools, non-centred: ln evidence {:.4}\n", cells[1].parse::<f64>()?);
        }
    }

    const DIM: usize = EightSchools::DIM;
    let plan = (options.steps, 32, 0.03);
    let mean_field_entropy =
        fit("mean-field, entropy", mean_field(DIM)?, Elbo::analytic(), &EightSchools, plan)?;
    let mean_field_stl =
        fit("mean-field, landing", mean_field(DIM)?, Elbo::sticking_the_landing(), &EightSchools, plan)?;
    let full_rank_entropy =
        fit("full-rank, entropy", full_rank(DIM)?, Elbo::analytic(), &EightSchools, plan)?;
    let full_rank_stl =
        fit("full-rank, landing", full_rank(DIM)?, Elbo::sticking_the_landing(), &EightSchools, plan)?;

    let last = |course: &[Stretch]| course.last().map_or(f64::NAN, |stretch| stretch.variance);
    println!("{:<46} {:>20} {:>22}", "", "bound", "variance at the end");
    let row = |name: &str, (bound, error): (f64, f64), variance: f64| {
        println!("{name:<46} {:>20} {variance:>22.4}", format!("{bound:.4} ± {error:.4}"));
    };
    let means = bound(&mean_field_entropy.q, &EightSchools, options.draws)?;
    row("mean-field, entropy in closed form", means, last(&mean_field_entropy.course));
    let means = bound(&mean_field_stl.q, &EightSchools, options.draws)?;
    row("mean-field, sticking the landing", means, last(&mean_field_stl.course));
    let means = bound(&full_rank_entropy.q, &EightSchools, options.draws)?;
    row("full-rank, entropy in closed form", means, last(&full_rank_entropy.course));
    let means = bound(&full_rank_stl.q, &EightSchools, options.draws)?;
    row("full-rank, sticking the landing", means, last(&full_rank_stl.course));
    importance_weighted(&full_rank_stl.q, &EightSchools, options.draws)?;

    let flat = |_: &[f64]| 0.0;
    let (mean_field, _) = moments(&mean_field_stl.q, options.draws, EightSchools::quantities, flat);
    let (full_rank, _) = moments(&full_rank_stl.q, options.draws, EightSchools::quantities, flat);
    println!(
        "\n{:<10} {:>16} {:>16} {:>16} {:>24}",
        "", "exact", "mean-field", "full-rank", "full-rank is off by, sd"
    );
    let both = |(mean, sd): (f64, f64)| format!("{mean:.3} ± {sd:.3}");
    for (i, name) in names.iter().enumerate() {
        let off = (full_rank[i].0 - exact[i].0) / exact[i].1;
        println!(
            "{name:<10} {:>16} {:>16} {:>16} {off:>24.3}",
            both(exact[i]),
            both(mean_field[i]),
            both(full_rank[i])
        );
        // What a Gaussian in ln τ must miss: it puts too little on large τ.
        if name != "tau" && off.abs() > 0.15 {
            return Err(format!("{name} is off by {off} posterior standard deviations").into());
        }
    }
    let (mean, sd) = BEST_TAU;
    println!(
        "tau: the best Gaussian in ln τ has mean {mean} and sd {sd}; its upper tail is too light for the posterior\n"
    );

    let titles = names.iter().map(|name| name.replace("mu", "μ").replace("tau", "τ").replace("theta", "θ"));
    intervals(
        &options.out.join("eight_schools.svg"),
        "Eight schools: posterior means, and one standard deviation to each side",
        "points of the test",
        &titles.collect::<Vec<_>>(),
        &[
            Series { name: "exact", rows: exact },
            Series { name: "mean-field Gaussian", rows: mean_field.to_vec() },
            Series { name: "full-rank Gaussian", rows: full_rank.to_vec() },
        ],
    )
}

fn regression(options: &Options) -> Result<()> {
    const DIM: usize = 31;
    let model = LogLikelihood::breast_cancer()?;
    let posterior = LogJoint(&model);
    if model.dim() != DIM {
        return Err("the table has another number of columns".into());
    }
    // What was written by hand, against differences.
    verify::objective_gradient(&posterior, &[0.1; DIM]).within(1e-7)?;
    println!("Logistic regression, breast cancer: {DIM} coefficients, ln evidence {:.4}\n", REGRESSION[2]);
    let plan = (options.steps / 2, 64, 0.1);
    let mean_field_entropy =
        fit("regression, mean-field, entropy", mean_field(DIM)?, Elbo::analytic(), &posterior, plan)?;
    let mean_field_stl = fit(
        "regression, mean-field, landing",
        mean_field(DIM)?,
        Elbo::sticking_the_landing(),
        &posterior,
        plan,
    )?;
    let full_rank_entropy =
        fit("regression, full-rank, entropy", full_rank(DIM)?, Elbo::analytic(), &posterior, plan)?;
    let full_rank_stl = fit(
        "regression, full-rank, landing",
        full_rank(DIM)?,
        Elbo::sticking_the_landing(),
        &posterior,
        plan,
    )?;
    let courses = [
        ("mean-field, entropy in closed form", mean_field_entropy.course),
        ("mean-field, sticking the landing", mean_field_stl.course),
        ("full-rank, entropy in closed form", full_rank_entropy.course),
        ("full-rank, sticking the landing", full_rank_stl.course),
    ];
    let (mean_field, full_rank) = (mean_field_entropy.q, full_rank_stl.q);

    // Every expectation in the bound is an integral over one dimension, so what was reached is known without sampling.
    let (normal, factor) = (mean_field.inner(), full_rank.inner());
    let of_sigma = |a: &[f64]| a.iter().zip(normal.sigma()).map(|(a, s)| (a * s).powi(2)).sum();
    let covariance = factor.covariance();
    let of_factor = |a: &[f64]| {
        let rows = covariance.chunks_exact(DIM).zip(a);
        rows.map(|(row, x)| x * row.iter().zip(a).map(|(c, a)| c * a).sum::<f64>()).sum()
    };
    let bounds = [
        model.expected_value(normal.mu(), of_sigma) - normal.kl(&Normal::standard(DIM)?)?,
        model.expected_value(factor.mu(), of_factor) - factor.kl(&MultivariateNormal::standard(DIM)?)?,
    ];
    println!("{:<12} {:>14} {:>18}", "", "exact bound", "best of its kind");
    for ((name, bound), best) in ["mean-field", "full-rank"].into_iter().zip(bounds).zip(REGRESSION) {
        println!("{name:<12} {bound:>14.5} {best:>18.5}");
    }
    for (name, course) in &courses {
        let variance = course.last().map_or(f64::NAN, |stretch| stretch.variance);
        println!("variance of one gradient sample at the end, {name:<36} {variance:>8.2}");
    }
    let draws = options.draws / 4;
    importance_weighted(&full_rank, &posterior, draws)?;

    // The posterior itself, by importance weights: draws from a Student t with the fitted scale, whose tails are heavy enough.
    let mut scale = vec![0.0; DIM * DIM];
    let mut lower = factor.lower();
    for (i, diagonal) in factor.diagonal().iter().enumerate() {
        let (own, rest) = lower.split_at(i);
        scale[i * DIM..i * DIM + i].copy_from_slice(own);
        scale[i * (DIM + 1)] = *diagonal;
        lower = rest;
    }
    let proposal = MultivariateStudentT::new(&[10.0], factor.mu(), &scale)?;
    let coefficients = |w: &[f64]| std::array::from_fn::<f64, DIM, _>(|i| w[i]);
    let ln_weight = |w: &[f64]| posterior.value(w) - proposal.log_prob(w);
    let (exact, effective) = moments(&proposal, draws, coefficients, ln_weight);
    println!("importance weights: {draws} draws are worth {effective:.0}");
    let mut narrow = [0.0; DIM];
    let mut wide = [0.0; DIM];
    normal.variance(&mut narrow);
    factor.variance(&mut wide);
    let ratio = |variances: &[f64]| {
        variances.iter().zip(&exact).map(|(v, exact)| v.sqrt() / exact.1).sum::<f64>() / DIM as f64
    };
    println!(
        "standard deviations, as a share of the posterior's: mean-field {:.2}, full-rank {:.2}\n",
        ratio(&narrow),
        ratio(&wide)
    );

    let panel = |title, y_axis, of: fn(&Stretch) -> f64| Panel {
        title,
        x_axis: "thousand evaluations of the density",
        y_axis,
        y_scale: Scale::Log,
        lines: courses
            .iter()
            .map(|(name, course)| {
                Line::new(*name, course.iter().map(|s| (s.evaluations / 1e3, of(s))).collect())
            })
            .collect(),
    };
    subplots(
        &options.out.join("bayes_training.svg"),
        "Logistic regression: two Gaussians, two gradients of the same bound",
        &[
            panel("distance of the bound from the evidence", "ln evidence − ELBO (nats)", |s| {
                REGRESSION[2] - s.bound
            }),
            panel("variance of one gradient sample", "total variance", |s| s.variance),
        ],
    )?;

    let header =
        include_str!("data/breast_cancer.csv").lines().next().unwrap_or_default().split(',').take(DIM - 1);
    let names: Vec<String> = header.map(|name| name.replace('_', " ")).chain(["constant".into()]).collect();
    let rows =
        |mean: &[f64], variance: &[f64]| mean.iter().zip(variance).map(|(m, v)| (*m, v.sqrt())).collect();
    intervals(
        &options.out.join("bayes_regression.svg"),
        "Logistic regression on breast cancer: coefficients, and one standard deviation to each side",
        "coefficient of the standardised feature, log-odds of a benign tumour",
        &names,
        &[
            Series { name: "posterior, by importance", rows: exact.to_vec() },
            Series { name: "mean-field Gaussian", rows: rows(normal.mu(), &narrow) },
            Series { name: "full-rank Gaussian", rows: rows(factor.mu(), &wide) },
        ],
    )
}

fn main() -> Result<()> {
    let options = Options::from_arguments(std::env::args().skip(1))?;
    std::fs::create_dir_all(&options.out)?;
    eight_schools(&options)?;
    regression(&options)?;
    println!(
        "pictures: {}/eight_schools.svg, bayes_regression.svg, bayes_training.svg",
        options.out.display()
    );
    Ok(())
}
