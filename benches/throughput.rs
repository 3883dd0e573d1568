//! What the machinery costs: pathwise Gaussian, log-normal and Gumbel-Softmax on quadratics, which are next to nothing to evaluate,
//! beside scalar loops written by hand for these cases, in time per gradient sample and dimension; and the score function.
//!
//! The last tables are the ratios, measured in alternation so that a busy machine slows both sides alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution as _, Exp1};
use reparam::prelude::*;
use reparam::{Engine, Real};

const DIMS: [usize; 7] = [1, 2, 4, 10, 100, 1000, 10_000];

/// Gradient samples × dimensions in one timed call, but at least `LEAST` gradient samples: a call makes its buffers.
const ELEMENTS: usize = 200_000;
const LEAST: usize = 100;

const MU: f64 = 0.5;
const SIGMA: f64 = 1.5;
const CENTRE: f64 = 0.1;

/// Sums and sums of squares of the gradient samples and of the objective.
#[expect(dead_code, reason = "only the black box looks at them")]
struct Sums<T> {
    gradient: Vec<T>,
    gradient_squares: Vec<T>,
    value: T,
    value_squares: T,
}

/// One fused loop for the Gaussian, and for the log-normal where `EXPONENTIAL`: draw, transform, objective, pullback, first and
/// second moments.
#[inline(never)]
fn by_hand<T: Real, const EXPONENTIAL: bool>(case: &Case<T>, rng: &mut Xoshiro256PlusPlus) -> Sums<T> {
    let (mu, sigma, centre) = (case.normal.mu(), case.normal.sigma(), &case.centre[..]);
    let dim = mu.len();
    let (mut gradient, mut gradient_squares) = (vec![T::zero(); 2 * dim], vec![T::zero(); 2 * dim]);
    let (mut value, mut value_squares) = (T::zero(), T::zero());
    let (mu_sum, sigma_sum) = gradient.split_at_mut(dim);
    let (mu_squares, sigma_squares) = gradient_squares.split_at_mut(dim);
    for _ in 0..case.samples {
        let mut f = T::zero();
        for j in 0..dim {
            let noise = T::standard_normal(rng);
            let x = mu[j] + sigma[j] * noise;
            let z = if EXPONENTIAL { x.exp() } else { x };
            let residual = z - centre[j];
            f += residual * residual;
            let dmu = if EXPONENTIAL { (residual + residual) * z } else { residual + residual };
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

/// The same for one relaxed categorical of K classes and `f = Σ x²`.
#[inline(never)]
fn relaxed_by_hand(logits: &[f64], tau: f64, samples: usize, rng: &mut Xoshiro256PlusPlus) -> Sums<f64> {
    let k = logits.len();
    let (mut gradient, mut gradient_squares) = (vec![0.0; k], vec![0.0; k]);
    let (mut value, mut value_squares) = (0.0, 0.0);
    let mut x = vec![0.0; k];
    for _ in 0..samples {
        let mut largest = f64::NEG_INFINITY;
        for (x, logit) in x.iter_mut().zip(logits) {
            let e: f64 = Exp1.sample(rng);
            *x = (logit - e.ln()) / tau;
            largest = largest.max(*x);
        }
        let mut sum = 0.0;
        for x in &mut x {
            *x = (*x - largest).exp();
            sum += *x;
        }
        let mut f = 0.0;
        for x in &mut x {
            *x /= sum;
            f += *x * *x;
        }
        let mean = 2.0 * f;
        for ((x, g), q) in x.iter().zip(&mut gradient).zip(&mut gradient_squares) {
            let d = x * (2.0 * x - mean) / tau;
            *g += d;
            *q += d * d;
        }
        value += f;
        value_squares += f * f;
    }
    Sums { gradient, gradient_squares, value, value_squares }
}

/// `Σ (z − c)²`, in long rows with sums that do not wait for each other.
fn quadratic<T: Real>(centre: &[T]) -> impl DifferentiableObjective<T> + '_ {
    const LANES: usize = 16;
    Differentiable(move |z: &[T], dz: Option<&mut [T]>| {
        let mut sum = T::zero();
        let whole = z.len() / LANES * LANES;
        if let Some(dz) = dz {
            if whole > 0 {
                let mut sums = [T::zero(); LANES];
                let rows = z.as_chunks::<LANES>().0.iter().zip(centre.as_chunks::<LANES>().0);
                for ((z, centre), dz) in rows.zip(dz.as_chunks_mut::<LANES>().0) {
                    for i in 0..LANES {
                        let residual = z[i] - centre[i];
                        sums[i] += residual * residual;
                        dz[i] = residual + residual;
                    }
                }
                sum = sums.into_iter().sum();
            }
            for ((&z, &centre), dz) in z[whole..].iter().zip(&centre[whole..]).zip(&mut dz[whole..]) {
                let residual = z - centre;
                sum += residual * residual;
                *dz = residual + residual;
            }
        } else {
            let mut sums = [T::zero(); LANES];
            for (z, centre) in z.chunks(LANES).zip(centre.chunks(LANES)) {
                for ((sum, &z), &centre) in sums.iter_mut().zip(z).zip(centre) {
                    *sum += (z - centre) * (z - centre);
                }
            }
            sum = sums.into_iter().sum();
        }
        sum
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
        Ok(Self { normal, centre: vec![T::of(CENTRE); dim], samples: (ELEMENTS / dim).max(LEAST) })
    }

    fn pathwise(&self, engine: &mut Engine<T>, rng: &mut Xoshiro256PlusPlus) -> Result<T, Error> {
        let (normal, f) = (black_box(&self.normal), quadratic(&self.centre));
        Ok(engine.estimate(&mut Pathwise, normal, &f, self.samples, rng)?.gradient()[0])
    }
}

fn throughput(criterion: &mut Criterion) -> Result<(), Error> {
    let mut group = criterion.benchmark_group("gaussian quadratic");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(20);
    for dim in DIMS {
        let (double, single) = (Case::<f64>::new(dim)?, Case::<f32>::new(dim)?);
        group.throughput(Throughput::Elements((double.samples * dim) as u64));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        group.bench_function(BenchmarkId::new("by hand, f64", dim), |b| {
            b.iter(|| by_hand::<f64, false>(&double, &mut rng));
        });
        group.bench_function(BenchmarkId::new("reparam, f64", dim), |b| {
            let mut engine = Engine::new();
            b.iter(|| double.pathwise(&mut engine, &mut rng));
        });
        group.bench_function(BenchmarkId::new("reparam, f32", dim), |b| {
            let mut engine = Engine::new();
            b.iter(|| single.pathwise(&mut engine, &mut rng));
        });
    }
    group.finish();
    Ok(())
}

/// Two jobs in alternation: the least time of each in nanoseconds, and the median ratio of neighbours.
fn alternate<A, B>(
    rounds: usize,
    mut first: impl FnMut() -> Result<A, Error>,
    mut second: impl FnMut() -> Result<B, Error>,
) -> Result<[f64; 3], Error> {
    let mut least = [f64::INFINITY; 2];
    let mut ratios = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let clock = Instant::now();
        black_box(first()?);
        let one = clock.elapsed().as_nanos() as f64;
        let clock = Instant::now();
        black_box(second()?);
        let other = clock.elapsed().as_nanos() as f64;
        least = [least[0].min(one), least[1].min(other)];
        ratios.push(other / one);
    }
    ratios.sort_by(f64::total_cmp);
    Ok([least[0], least[1], ratios[rounds / 2]])
}

fn print_line(name: &str, elements: usize, [first, second, median]: [f64; 3]) {
    let per_element = 1.0 / elements as f64;
    let (first, second, ratio) = (first * per_element, second * per_element, second / first);
    println!("{name:<34}{first:>10.2}{second:>10.2}{ratio:>8.2}{median:>16.2}");
}

fn gaussian_ratios<T: Real>(scalar: &str, rounds: usize) -> Result<(), Error> {
    let mut rngs = [1, 2].map(Xoshiro256PlusPlus::seed_from_u64);
    let [a, b] = &mut rngs;
    for dim in DIMS {
        let case = Case::<T>::new(dim)?;
        let hand = || Ok(by_hand::<T, false>(&case, a));
        let mut engine = Engine::new();
        let ours = || case.pathwise(&mut engine, b);
        print_line(
            &format!("Gaussian, {scalar}, D = {dim}"),
            case.samples * dim,
            alternate(rounds, hand, ours)?,
        );
    }
    for dim in [10, 1000] {
        let case = Case::<T>::new(dim)?;
        let log_normal = LogNormal::new(case.normal.mu(), case.normal.sigma())?;
        let f = quadratic(&case.centre);
        let hand = || Ok(by_hand::<T, true>(&case, a));
        let ours = || Pathwise.estimate(&log_normal, &f, case.samples, b);
        print_line(
            &format!("log-normal, {scalar}, D = {dim}"),
            case.samples * dim,
            alternate(rounds, hand, ours)?,
        );
    }
    Ok(())
}

/// Ours beside loops by hand, and estimators beside each other.
fn ratios(rounds: usize) -> Result<(), Error> {
    println!("\nns per gradient sample and dimension, the least of {rounds} alternating calls");
    println!("{:<34}{:>10}{:>10}{:>8}{:>16}", "", "by hand", "reparam", "ratio", "median ratio");
    gaussian_ratios::<f64>("f64", rounds)?;
    gaussian_ratios::<f32>("f32", rounds)?;
    let mut rngs = [1, 2].map(Xoshiro256PlusPlus::seed_from_u64);
    let [a, b] = &mut rngs;
    for classes in [10, 100] {
        let logits: Vec<f64> = (0..classes).map(|k| 0.1 * f64::from(k)).collect();
        let relaxed = GumbelSoftmax::new(&logits, logits.len(), 0.5)?;
        let samples = ELEMENTS / logits.len();
        let zeros = vec![0.0; logits.len()];
        let f = quadratic(&zeros);
        let hand = || Ok(relaxed_by_hand(&logits, 0.5, samples, a));
        let ours = || Pathwise.estimate(&relaxed, &f, samples, b);
        let name = format!("Gumbel-Softmax, f64, K = {classes}");
        print_line(&name, samples * logits.len(), alternate(rounds, hand, ours)?);
    }

    println!(
        "\n{:<34}{:>10}{:>10}{:>8}{:>16}",
        "per draw and dimension", "pathwise", "leave-one", "ratio", "median ratio"
    );
    let case = Case::<f64>::new(100)?;
    let f = quadratic(&case.centre);
    let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { group: 4 });
    let mut engine = Engine::new();
    let pathwise = || case.pathwise(&mut engine, a);
    let score = || loo.estimate(&case.normal, &f, case.samples / 4, b);
    print_line("Gaussian, f64, D = 100", case.samples * 100, alternate(rounds, pathwise, score)?);

    println!(
        "\n{:<34}{:>10}{:>10}{:>8}{:>16}",
        "per bit and draw", "draw alone", "leave-one", "ratio", "median ratio"
    );
    let bits = Bernoulli::new(&[0.3f64; 200])?;
    let sum = |z: &[f64]| z.iter().sum::<f64>();
    let mut z = vec![0.0; 200 * 1000];
    let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { group: 4 });
    let draw = || {
        bits.sample(a, &mut z);
        Ok(z[0])
    };
    let score = || loo.estimate(&bits, &sum, 250, b);
    print_line("200 Bernoullis, f64", 200 * 1000, alternate(rounds, draw, score)?);
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut criterion = Criterion::default().configure_from_args();
    throughput(&mut criterion)?;
    criterion.final_summary();
    // `cargo test --benches` only asks whether everything runs.
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    if asked("--bench") && !asked("--test") && !asked("--list") {
        ratios(if asked("--quick") { 20 } else { 200 })?;
    }
    Ok(())
}
