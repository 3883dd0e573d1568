//! What the machinery costs: the pathwise Gaussian on `f = Σ (z − c)²`, which is next to nothing to evaluate, beside a
//! scalar loop written by hand for this one case, in time per gradient sample and dimension.
//!
//! The last lines are the ratio of the two, measured in alternation so that a busy machine slows both alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution as _, StandardNormal};
use reparam::Real;
use reparam::prelude::*;

const DIMS: [usize; 5] = [1, 10, 100, 1000, 10_000];

/// Gradient samples × dimensions in one timed call.
const ELEMENTS: usize = 200_000;

const MU: f64 = 0.5;
const SIGMA: f64 = 1.5;
const CENTRE: f64 = 0.1;

/// Sums and sums of squares of the gradient samples and of the objective.
#[expect(dead_code, reason = "only the black box looks at them")]
struct Sums {
    gradient: Vec<f64>,
    gradient_squares: Vec<f64>,
    value: f64,
    value_squares: f64,
}

/// One fused loop: draw, transform, objective, pullback, first and second moments.
#[inline(never)]
fn by_hand(mu: &[f64], sigma: &[f64], centre: &[f64], samples: usize, rng: &mut Xoshiro256PlusPlus) -> Sums {
    let dim = mu.len();
    let (mut gradient, mut gradient_squares) = (vec![0.0; 2 * dim], vec![0.0; 2 * dim]);
    let (mut value, mut value_squares) = (0.0, 0.0);
    let (mu_sum, sigma_sum) = gradient.split_at_mut(dim);
    let (mu_squares, sigma_squares) = gradient_squares.split_at_mut(dim);
    for _ in 0..samples {
        let mut f = 0.0;
        for j in 0..dim {
            let noise: f64 = StandardNormal.sample(rng);
            let residual = mu[j] + sigma[j] * noise - centre[j];
            f += residual * residual;
            let dmu = 2.0 * residual;
            let dsigma = dmu * noise;
            mu_sum[j] += dmu;
            mu_squares[j] += dmu * dmu;
            sigma_sum[j] += dsigma;
            sigma_squares[j] += dsigma * dsigma;
        }
        value += f;
        value_squares += f * f;
    }
    Sums { gradient, gradient_squares, value, value_squares }
}

fn quadratic<T: Real>(centre: &[T]) -> impl DifferentiableObjective<T> + '_ {
    Differentiable(move |z: &[T], dz: Option<&mut [T]>| {
        let residuals = z.iter().zip(centre).map(|(&z, &c)| z - c);
        match dz {
            None => residuals.map(|r| r * r).sum(),
            Some(dz) => {
                let mut sum = T::zero();
                for (r, dz) in residuals.zip(dz) {
                    sum += r * r;
                    *dz = r + r;
                }
                sum
            }
        }
    })
}

/// The three vectors of a dimension.
struct Case<T> {
    normal: Normal<T>,
    centre: Vec<T>,
    samples: usize,
}

impl<T: Real> Case<T> {
    fn new(dim: usize) -> Result<Self, Error> {
        let normal = Normal::new(&vec![T::of(MU); dim], &vec![T::of(SIGMA); dim])?;
        Ok(Self { normal, centre: vec![T::of(CENTRE); dim], samples: ELEMENTS / dim })
    }

    fn pathwise(&self, rng: &mut Xoshiro256PlusPlus) -> Result<GradientEstimate<T>, Error> {
        Pathwise.estimate(black_box(&self.normal), &quadratic(&self.centre), self.samples, rng)
    }
}

impl Case<f64> {
    fn by_hand(&self, rng: &mut Xoshiro256PlusPlus) -> Sums {
        by_hand(self.normal.mu(), self.normal.sigma(), &self.centre, self.samples, rng)
    }
}

fn throughput(criterion: &mut Criterion) -> Result<(), Error> {
    let mut group = criterion.benchmark_group("gaussian quadratic");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(20);
    for dim in DIMS {
        let (double, single) = (Case::<f64>::new(dim)?, Case::<f32>::new(dim)?);
        group.throughput(Throughput::Elements((double.samples * dim) as u64));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        group.bench_function(BenchmarkId::new("by hand, f64", dim), |b| b.iter(|| double.by_hand(&mut rng)));
        group.bench_function(BenchmarkId::new("reparam, f64", dim), |b| b.iter(|| double.pathwise(&mut rng)));
        group.bench_function(BenchmarkId::new("reparam, f32", dim), |b| b.iter(|| single.pathwise(&mut rng)));
    }
    group.finish();
    Ok(())
}

/// Nanoseconds per gradient sample and dimension, ours and by hand in alternation: the least of each, and the median ratio
/// of neighbours.
fn ratios(rounds: usize) -> Result<(), Error> {
    println!("\nns per gradient sample and dimension, f64, the least of {rounds} alternating calls");
    println!("{:>8}{:>10}{:>10}{:>8}{:>16}", "D", "by hand", "reparam", "ratio", "median ratio");
    for dim in DIMS {
        let case = Case::<f64>::new(dim)?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let (mut least_hand, mut least_ours) = (f64::INFINITY, f64::INFINITY);
        let mut ratios = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let clock = Instant::now();
            black_box(case.by_hand(&mut rng));
            let hand = clock.elapsed().as_secs_f64();
            let clock = Instant::now();
            black_box(case.pathwise(&mut rng)?);
            let ours = clock.elapsed().as_secs_f64();
            least_hand = least_hand.min(hand);
            least_ours = least_ours.min(ours);
            ratios.push(ours / hand);
        }
        ratios.sort_by(f64::total_cmp);
        let per_element = 1e9 / (case.samples * dim) as f64;
        println!(
            "{dim:>8}{:>10.2}{:>10.2}{:>8.2}{:>16.2}",
            least_hand * per_element,
            least_ours * per_element,
            least_ours / least_hand,
            ratios[rounds / 2],
        );
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut criterion = Criterion::default().configure_from_args();
    throughput(&mut criterion)?;
    criterion.final_summary();
    // `cargo test --benches` only asks whether everything runs.
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    if asked("--bench") && !asked("--test") && !asked("--list") {
        ratios(if asked("--quick") { 20 } else { 400 })?;
    }
    Ok(())
}
