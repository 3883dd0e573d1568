//! What an estimator is worth: the time that it takes for a standard error of 1 % of the gradient's norm, on three
//! objectives in ten dimensions.
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
use reparam::LogDensity;
use reparam::prelude::*;

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

impl<D, F> Problem<'_, D, F>
where
    D: Reparameterizable<f64> + LogDensity<f64>,
    F: DifferentiableObjective<f64>,
{
    fn run(&self, criterion: &mut Criterion, needs: &mut Vec<Need>) -> Result<(), Error> {
        let mut group = criterion.benchmark_group(self.name);
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        let with = |baseline| ScoreFunction::new().with_baseline(baseline);
        needs.push(self.time(&mut group, "pathwise", Pathwise)?);
        for (name, baseline) in [
            ("score function, no baseline", Baseline::None),
            ("score function, moving average", Baseline::MovingAverage { decay: 0.9 }),
            ("score function, leave-one-out 4", Baseline::LeaveOneOut { group: 4 }),
            ("score function, optimal", Baseline::Optimal),
        ] {
            needs.push(self.time(&mut group, name, with(baseline))?);
        }
        group.finish();
        Ok(())
    }

    /// Finds the number of gradient samples and times that many.
    fn time<E>(
        &self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &'static str,
        mut estimator: E,
    ) -> Result<Need, Error>
    where
        E: GradientEstimator<f64, D, F> + Clone,
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
        let scale = samples as f64 / timed as f64;

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
        "{:<20}{:<34}{:>12}{:>14}{:>12}{:>14}",
        "", "", "gradient", "evaluations", "variance ×", "evaluations"
    );
    println!(
        "{:<20}{:<34}{:>12}{:>14}{:>12}{:>14}",
        "objective", "estimator", "samples", "of f", "evaluations", "/ pathwise"
    );
    let mut pathwise = f64::NAN;
    for need in needs {
        if need.estimator == "pathwise" {
            pathwise = need.variance_evaluations;
        }
        let note = match need.scale {
            scale if scale > 1.0 => format!("   time extrapolated: {CAP} samples × {scale:.2}"),
            _ => String::new(),
        };
        println!(
            "{:<20}{:<34}{:>12}{:>14}{:>12.3e}{:>14.1}{note}",
            need.problem,
            need.estimator,
            need.samples,
            need.evaluations,
            need.variance_evaluations,
            need.variance_evaluations / pathwise,
        );
    }
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

    criterion.final_summary();
    // `cargo test --benches` only asks whether everything runs.
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    if asked("--bench") && !asked("--test") && !asked("--list") {
        print(&needs);
    }
    Ok(())
}
