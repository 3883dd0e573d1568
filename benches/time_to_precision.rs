//! What an estimator is worth: the time that it takes for a standard error of 1 % of the gradient's norm, on three
//! objectives in ten dimensions, on one bit and two hundred, and on a categorical of ten classes.
//!
//! The number of gradient samples that this takes follows from the variance, which a pilot run with a fixed seed measures:
//! the table at the end hardly depends on the machine, the times do. Where more than `CAP` gradient samples are needed, that
//! many are timed and the time is scaled; the name of the benchmark then ends in "extrapolated".

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::estimators::QuadraticSurrogate;
use reparam::prelude::*;
use reparam::{Distribution, LogDensity, Reparameterizable};

const DIM: usize = 10;

/// The standard error that is wanted, relative to the norm of the gradient.
const PRECISION: f64 = 0.01;

/// Evaluations of the pilot run.
const PILOT: usize = 1 << 18;

/// The most gradient samples that are timed in one go.
const CAP: usize = 1 << 20;

/// One line of the table.
struct Need {
    problem: &'static str,
    estimator: &'static str,
    samples: usize,
    evaluations: usize,
    /// Total variance of one gradient sample × its evaluations.
    variance_evaluations: f64,
    /// Time of one gradient sample.
    nanoseconds: f64,
    /// How much longer the whole is than what was timed.
    scale: f64,
}

/// A distribution, an objective, and the exact norm of the gradient.
struct Problem<'a, D, F> {
    name: &'static str,
    distribution: &'a D,
    objective: &'a F,
    norm: f64,
}

/// The group of one problem.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group
}

impl<F: DifferentiableObjective<f64>> Problem<'_, Bernoulli<f64>, F> {
    fn run_bits(&self, criterion: &mut Criterion, needs: &mut Vec<Need>) -> Result<(), Error> {
        let mut group = group(criterion, self.name);
        let leave_one_out =
            |group| ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: group });
        needs.push(self.time(&mut group, "score function, no baseline", ScoreFunction::new())?);
        needs.push(self.time(&mut group, "score function, leave-one-out 2", leave_one_out(2))?);
        needs.push(self.time(&mut group, "score function, leave-one-out 4", leave_one_out(4))?);
        needs.push(self.time(&mut group, "ARM", Arm)?);
        needs.push(self.time(&mut group, "DisARM", DisArm)?);
        needs.push(self.time(&mut group, "ARMS 4", Arms::new(4))?);
        needs.push(self.time(&mut group, "double control variates 2", DoubleControl::new(2))?);
        needs.push(self.time(&mut group, "REBAR, adaptive", Rebar::new().adaptive())?);
        let surrogate = QuadraticSurrogate::new(self.distribution.dim(), 0.5)?;
        needs.push(self.time(&mut group, "RELAX, after one call", Relax::new(surrogate))?);
        needs.push(self.time(&mut group, "local expectation", LocalExpectation)?);
        needs.push(self.time(&mut group, "measure-valued", MeasureValued::coupled())?);
        group.finish();
        Ok(())
    }
}

impl<F: Objective<f64>> Problem<'_, Categorical<f64>, F> {
    fn run_categories(&self, criterion: &mut Criterion, needs: &mut Vec<Need>) -> Result<(), Error> {
        let mut group = group(criterion, self.name);
        let leave_one_out =
            |group| ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: group });
        needs.push(self.time(&mut group, "score function, no baseline", ScoreFunction::new())?);
        needs.push(self.time(&mut group, "score function, leave-one-out 2", leave_one_out(2))?);
        needs.push(self.time(&mut group, "score function, leave-one-out 4", leave_one_out(4))?);
        needs.push(self.time(&mut group, "DisARM by sticks", DisArmSticks)?);
        needs.push(self.time(&mut group, "sum and sample, top 3", SumAndSample::new(3))?);
        needs.push(self.time(&mut group, "measure-valued", MeasureValued::coupled())?);
        needs.push(self.time(&mut group, "local expectation", LocalExpectation)?);
        group.finish();
        Ok(())
    }
}

impl<D, F> Problem<'_, D, F>
where
    D: Reparameterizable<f64> + LogDensity<f64>,
    F: DifferentiableObjective<f64>,
{
    fn run(&self, criterion: &mut Criterion, needs: &mut Vec<Need>) -> Result<(), Error> {
        let mut group = group(criterion, self.name);
        let with = |baseline| ScoreFunction::new().with_baseline(baseline);
        needs.push(self.time(&mut group, "pathwise", Pathwise)?);
        for (name, baseline) in [
            ("score function, no baseline", Baseline::None),
            ("score function, moving average", Baseline::MovingAverage { decay: 0.9 }),
            ("score function, leave-one-out 4", Baseline::LeaveOneOut { draws: 4 }),
            ("score function, optimal", Baseline::Optimal),
        ] {
            needs.push(self.time(&mut group, name, with(baseline))?);
        }
        group.finish();
        Ok(())
    }
}

impl<D: Distribution<f64>, F> Problem<'_, D, F> {
    /// Finds the number of gradient samples and times that many.
    fn time<E>(
        &self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &'static str,
        mut estimator: E,
    ) -> Result<Need, Error>
    where
        E: GradientEstimator<f64, D, F> + Clone,
        F: Objective<f64>,
    {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let draws = estimator.evaluations(self.distribution);
        // The first call is what an estimator with a memory learns from.
        estimator.estimate(self.distribution, self.objective, PILOT / 16, &mut rng)?;
        let warm = estimator.clone();
        let pilot = estimator.estimate(self.distribution, self.objective, PILOT / draws, &mut rng)?;
        let variance = pilot.total_variance();
        let samples = (variance / (PRECISION * self.norm).powi(2)).ceil() as usize;
        let timed = samples.clamp(2, CAP);
        let scale = (samples as f64 / timed as f64).max(1.0);
        let clock = Instant::now();
        estimator.estimate(self.distribution, self.objective, PILOT / draws, &mut rng)?;
        let nanoseconds = clock.elapsed().as_secs_f64() * 1e9 / (PILOT / draws) as f64;

        let id = if scale > 1.0 { format!("{name}, extrapolated") } else { name.into() };
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|iterations| {
                let clock = Instant::now();
                for _ in 0..iterations {
                    let mut estimator = warm.clone();
                    // The same call has succeeded in the pilot.
                    let _ = black_box(estimator.estimate(self.distribution, self.objective, timed, &mut rng));
                }
                clock.elapsed().mul_f64(scale)
            });
        });
        Ok(Need {
            problem: self.name,
            estimator: name,
            samples,
            evaluations: samples * draws,
            variance_evaluations: variance * draws as f64,
            nanoseconds,
            scale,
        })
    }
}

/// `f = Σ h(zⱼ)` from h and its derivative.
fn sum_of(
    h: impl Fn(f64) -> f64 + Copy,
    derivative: impl Fn(f64) -> f64 + Copy,
) -> impl DifferentiableObjective<f64> {
    Differentiable(move |z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            for (dz, &z) in dz.iter_mut().zip(z) {
                *dz = derivative(z);
            }
        }
        z.iter().map(|&z| h(z)).sum()
    })
}

/// The norm of a gradient whose coordinates are all alike.
fn norm(dmu: f64, dsigma: f64) -> f64 {
    (DIM as f64).sqrt() * dmu.hypot(dsigma)
}

fn print(needs: &[Need]) {
    println!(
        "\ngradient samples for a standard error of {:.0} % of the gradient's norm, D = {DIM}",
        100.0 * PRECISION
    );
    println!(
        "{:<20}{:<34}{:>12}{:>14}{:>12}{:>13}{:>12}",
        "", "", "gradient", "evaluations", "variance ×", "over the", "ns a grad."
    );
    println!(
        "{:<20}{:<34}{:>12}{:>14}{:>12}{:>13}{:>12}",
        "problem", "estimator", "samples", "of f", "evaluations", "first line's", "sample"
    );
    let mut first: Option<&Need> = None;
    for need in needs {
        let of = match first {
            Some(of) if of.problem == need.problem => of,
            _ => first.insert(need),
        };
        let note = match need.scale {
            scale if scale > 1.0 => format!("   time extrapolated: {CAP} samples × {scale:.2}"),
            _ => String::new(),
        };
        println!(
            "{:<20}{:<34}{:>12}{:>14}{:>12.3e}{:>13.4}{:>12.0}{note}",
            need.problem,
            need.estimator,
            need.samples,
            need.evaluations,
            need.variance_evaluations,
            need.variance_evaluations / of.variance_evaluations,
            need.nanoseconds,
        );
    }
}

/// `f(b) = D (mean of b − 0.45)²` for bits that are 1 with probability p: the derivative by a logit is `p q ((1 − 2p)/D + 2 (p − 0.45))`.
fn bits(dim: usize) -> Result<(Bernoulli<f64>, impl DifferentiableObjective<f64>, f64), Error> {
    let (logit, n) = (0.5, dim as f64);
    let p = 1.0 / (1.0 + f64::exp(-logit));
    let slope = p * (1.0 - p) * ((1.0 - 2.0 * p) / n + 2.0 * (p - 0.45));
    let f = Differentiable(move |b: &[f64], db: Option<&mut [f64]>| {
        let excess = b.iter().sum::<f64>() / n - 0.45;
        if let Some(db) = db {
            db.fill(2.0 * excess);
        }
        n * excess * excess
    });
    Ok((Bernoulli::from_logits(&vec![logit; dim])?, f, n.sqrt() * slope.abs()))
}

fn main() -> Result<(), Error> {
    let mut criterion = Criterion::default().configure_from_args();
    let mut needs = Vec::new();
    let (mu, sigma) = (0.5, 1.0);
    let gaussian = Normal::new(&[mu; DIM], &[sigma; DIM])?;

    // E z² = μ² + σ².
    let quadratic = sum_of(|z| z * z, |z| 2.0 * z);
    let (name, norm_quadratic) = ("gaussian quadratic", norm(2.0 * mu, 2.0 * sigma));
    Problem { name, distribution: &gaussian, objective: &quadratic, norm: norm_quadratic }
        .run(&mut criterion, &mut needs)?;

    // E cos z = cos(μ) exp(−σ²/2).
    let cosine = sum_of(f64::cos, |z| -z.sin());
    let damping = (-0.5 * sigma * sigma).exp();
    let (name, norm_cosine) = ("gaussian cosine", norm(mu.sin() * damping, sigma * mu.cos() * damping));
    Problem { name, distribution: &gaussian, objective: &cosine, norm: norm_cosine }
        .run(&mut criterion, &mut needs)?;

    // E z = exp(μ + σ²/2).
    let (mu, sigma) = (0.0, 0.5);
    let log_normal = LogNormal::new(&[mu; DIM], &[sigma; DIM])?;
    let identity = sum_of(|z| z, |_| 1.0);
    let mean = f64::exp(mu + 0.5 * sigma * sigma);
    let (name, norm_mean) = ("log-normal mean", norm(mean, sigma * mean));
    Problem { name, distribution: &log_normal, objective: &identity, norm: norm_mean }
        .run(&mut criterion, &mut needs)?;

    for (name, dim) in [("1 bit", 1), ("200 bits", 200)] {
        let (distribution, objective, norm) = bits(dim)?;
        let problem = Problem { name, distribution: &distribution, objective: &objective, norm };
        problem.run_bits(&mut criterion, &mut needs)?;
    }

    // f = Σ c z: the derivative by a logit is p (c − E c).
    let values: Vec<f64> = (0..10).map(|k| f64::from((7 * k) % 10) / 3.0).collect();
    let logits: Vec<f64> = (0..10).map(|k| 1.5 - 0.4 * f64::from(k)).collect();
    let categorical = Categorical::from_logits(&logits, 10)?;
    let linear = |z: &[f64]| z.iter().zip(&values).map(|(z, c)| z * c).sum::<f64>();
    let mean: f64 = linear(categorical.probs());
    let slopes = categorical.probs().iter().zip(&values).map(|(p, c)| (p * (c - mean)).powi(2));
    let (name, norm_categorical) = ("10 classes", slopes.sum::<f64>().sqrt());
    Problem { name, distribution: &categorical, objective: &linear, norm: norm_categorical }
        .run_categories(&mut criterion, &mut needs)?;

    criterion.final_summary();
    // `cargo test --benches` only asks whether everything runs.
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    if asked("--bench") && !asked("--test") && !asked("--list") {
        print(&needs);
    }
    Ok(())
}
