//! What the machinery costs: pathwise Gaussian, log-normal and Gumbel-Softmax, and the score function with and without leave-one-out, on
//! quadratics, which are next to nothing to evaluate; beside scalar loops written by hand for these cases (xoshiro256++ and the
//! ziggurat of `rand_distr`) and beside the crate's own noise alone, in time per draw and dimension.
//!
//! The last tables are the ratios, measured in alternation so that a busy machine slows all alike. `-- --plot FOLDER` draws how the cost
//! grows with dimension and samples. Built with `RUSTFLAGS='--cfg reparam_isa="avx2"'` (or `"baseline"`) it measures without the better
//! instruction sets.

use std::hint::black_box;
use std::time::{Duration, Instant};

#[path = "../examples/shared/axes.rs"]
mod axes;
#[path = "../examples/shared/chart.rs"]
mod chart;

use axes::{BLUE, ORANGE};
use chart::Curve;
use criterion::{BenchmarkId, Criterion, Throughput};
use plotters::style::RGBColor;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution as _, Exp1};
use reparam::noise::{LaneRng, fill_gumbel, fill_standard_normal};
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

/// The score function by hand, each draw with the mean of the other `GROUP − 1` as its baseline; none if it is alone.
#[inline(never)]
fn score_by_hand<T: Real, const GROUP: usize>(case: &Case<T>, rng: &mut Xoshiro256PlusPlus) -> Sums<T> {
    let (mu, sigma, centre) = (case.normal.mu(), case.normal.sigma(), &case.centre[..]);
    let dim = mu.len();
    let (mut gradient, mut gradient_squares) = (vec![T::zero(); 2 * dim], vec![T::zero(); 2 * dim]);
    let (mut value, mut value_squares) = (T::zero(), T::zero());
    let inverse: Vec<T> = sigma.iter().map(|sigma| sigma.recip()).collect();
    let mut noise = vec![T::zero(); GROUP * dim];
    let size = T::of(GROUP as f64);
    for _ in 0..case.samples / GROUP {
        let mut values = [T::zero(); GROUP];
        for (value, noise) in values.iter_mut().zip(noise.chunks_exact_mut(dim)) {
            for j in 0..dim {
                noise[j] = T::standard_normal(rng);
                let residual = mu[j] + sigma[j] * noise[j] - centre[j];
                *value += residual * residual;
            }
        }
        let mean = values.iter().copied().sum::<T>() / size;
        let weights = values.map(|f| if GROUP > 1 { (f - mean) / (size - T::one()) } else { f });
        for j in 0..dim {
            let (mut dmu, mut dsigma) = (T::zero(), T::zero());
            for (weight, noise) in weights.iter().zip(noise.chunks_exact(dim)) {
                dmu += *weight * noise[j];
                dsigma += *weight * (noise[j] * noise[j] - T::one());
            }
            dmu *= inverse[j];
            dsigma *= inverse[j];
            gradient[j] += dmu;
            gradient[dim + j] += dsigma;
            gradient_squares[j] += dmu * dmu;
            gradient_squares[dim + j] += dsigma * dsigma;
        }
        value += mean;
        value_squares += mean * mean;
    }
    Sums { gradient, gradient_squares, value, value_squares }
}

/// The same for one relaxed categorical of K classes and `f = Σ x²`.
#[inline(never)]
fn relaxed_by_hand<T: Real>(logits: &[T], tau: T, samples: usize, rng: &mut Xoshiro256PlusPlus) -> Sums<T> {
    let k = logits.len();
    let (mut gradient, mut gradient_squares) = (vec![T::zero(); k], vec![T::zero(); k]);
    let (mut value, mut value_squares) = (T::zero(), T::zero());
    let mut x = vec![T::zero(); k];
    for _ in 0..samples {
        let mut largest = T::neg_infinity();
        for (x, logit) in x.iter_mut().zip(logits) {
            let e: f64 = Exp1.sample(rng);
            *x = (*logit - T::of(e).ln()) / tau;
            largest = largest.max(*x);
        }
        let mut sum = T::zero();
        for x in &mut x {
            *x = (*x - largest).exp();
            sum += *x;
        }
        let mut f = T::zero();
        for x in &mut x {
            *x /= sum;
            f += *x * *x;
        }
        let mean = f + f;
        for ((x, g), q) in x.iter().zip(&mut gradient).zip(&mut gradient_squares) {
            let d = *x * (*x + *x - mean) / tau;
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

/// Jobs in alternation: the least time of each in nanoseconds.
fn alternate<const N: usize>(
    rounds: usize,
    mut jobs: [&mut dyn FnMut() -> Result<(), Error>; N],
) -> Result<[f64; N], Error> {
    let mut least = [f64::INFINITY; N];
    for _ in 0..rounds {
        for (least, job) in least.iter_mut().zip(&mut jobs) {
            let clock = Instant::now();
            job()?;
            *least = least.min(clock.elapsed().as_nanos() as f64);
        }
    }
    Ok(least)
}

/// What came out of a job is looked at by nobody, which the compiler must not know.
#[expect(clippy::unnecessary_wraps, reason = "a job may fail")]
fn done<A>(result: A) -> Result<(), Error> {
    black_box(result);
    Ok(())
}

/// Noise of so many numbers, through a buffer that stays in the cache; the last of them.
fn noise_alone<T: Real>(fill: fn(&mut LaneRng, &mut [T]), numbers: usize, rng: &mut LaneRng) -> T {
    let mut buffer = [T::zero(); 2048];
    let mut left = numbers;
    while left > 0 {
        let len = left.min(buffer.len());
        fill(rng, &mut buffer[..len]);
        left -= len;
    }
    black_box(&buffer)[0]
}

/// Prints times by hand, of the noise alone and of ours, and ours in units of both.
fn print_line(name: &str, elements: usize, times: [f64; 3]) {
    let [hand, noise, ours] = times.map(|time| time / elements as f64);
    println!("{name:<44}{hand:>9.2}{noise:>9.2}{ours:>9.2}{:>10.2}{:>10.2}", ours / hand, ours / noise);
}

fn gaussian_ratios<T: Real>(scalar: &str, rounds: usize) -> Result<(), Error> {
    let (mut a, mut b) = (Xoshiro256PlusPlus::seed_from_u64(1), Xoshiro256PlusPlus::seed_from_u64(2));
    let mut lanes = LaneRng::seed_from_u64(3);
    let normal_noise = fill_standard_normal::<T, LaneRng>;
    for dim in DIMS {
        let case = Case::<T>::new(dim)?;
        let numbers = case.samples * dim;
        let mut engine = Engine::new();
        let times = alternate(
            rounds,
            [
                &mut || done(by_hand::<T, false>(&case, &mut a)),
                &mut || done(noise_alone(normal_noise, numbers, &mut lanes)),
                &mut || case.pathwise(&mut engine, &mut b).and_then(done),
            ],
        )?;
        print_line(&format!("pathwise Gaussian, {scalar}, D = {dim}"), numbers, times);
    }
    for dim in DIMS {
        let case = Case::<T>::new(dim)?;
        let numbers = case.samples * dim;
        let log_normal = LogNormal::new(case.normal.mu(), case.normal.sigma())?;
        let f = quadratic(&case.centre);
        let mut engine = Engine::new();
        let times = alternate(
            rounds,
            [
                &mut || done(by_hand::<T, true>(&case, &mut a)),
                &mut || done(noise_alone(normal_noise, numbers, &mut lanes)),
                &mut || engine.estimate(&mut Pathwise, &log_normal, &f, case.samples, &mut b).map(drop),
            ],
        )?;
        print_line(&format!("pathwise log-normal, {scalar}, D = {dim}"), numbers, times);
    }
    for dim in DIMS {
        let case = Case::<T>::new(dim)?;
        let numbers = case.samples * dim;
        let f = quadratic(&case.centre);
        let (mut engine, mut plain) = (Engine::new(), ScoreFunction::new());
        let times = alternate(
            rounds,
            [
                &mut || done(score_by_hand::<T, 1>(&case, &mut a)),
                &mut || done(noise_alone(normal_noise, numbers, &mut lanes)),
                &mut || engine.estimate(&mut plain, &case.normal, &f, case.samples, &mut b).map(drop),
            ],
        )?;
        print_line(&format!("score function, {scalar}, D = {dim}"), numbers, times);
        let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
        let times = alternate(
            rounds,
            [
                &mut || done(score_by_hand::<T, 4>(&case, &mut a)),
                &mut || done(noise_alone(normal_noise, numbers, &mut lanes)),
                &mut || engine.estimate(&mut loo, &case.normal, &f, case.samples / 4, &mut b).map(drop),
            ],
        )?;
        print_line(&format!("score function, leave-one-out 4, {scalar}, D = {dim}"), numbers, times);
    }
    Ok(())
}

fn gumbel_ratios<T: Real>(scalar: &str, rounds: usize) -> Result<(), Error> {
    let (mut a, mut b) = (Xoshiro256PlusPlus::seed_from_u64(1), Xoshiro256PlusPlus::seed_from_u64(2));
    let mut lanes = LaneRng::seed_from_u64(3);
    let tau = T::of(0.5);
    for classes in [10, 100] {
        let logits: Vec<T> = (0..classes).map(|k| T::of(0.1 * f64::from(k))).collect();
        let relaxed = GumbelSoftmax::new(&logits, logits.len(), tau)?;
        let samples = ELEMENTS / logits.len();
        let zeros = vec![T::zero(); logits.len()];
        let f = quadratic(&zeros);
        let mut engine = Engine::new();
        let times = alternate(
            rounds,
            [
                &mut || done(relaxed_by_hand(&logits, tau, samples, &mut a)),
                &mut || done(noise_alone(fill_gumbel::<T, LaneRng>, ELEMENTS, &mut lanes)),
                &mut || engine.estimate(&mut Pathwise, &relaxed, &f, samples, &mut b).map(drop),
            ],
        )?;
        print_line(&format!("Gumbel-Softmax, {scalar}, K = {classes}"), ELEMENTS, times);
    }
    Ok(())
}

/// Ours beside loops by hand, and estimators beside each other.
fn ratios(rounds: usize) -> Result<(), Error> {
    println!("\nns per draw and dimension, the least of {rounds} alternating calls");
    println!("{:<44}{:>9}{:>9}{:>9}{:>10}{:>10}", "", "by hand", "noise", "reparam", "to hand", "to noise");
    gaussian_ratios::<f64>("f64", rounds)?;
    gaussian_ratios::<f32>("f32", rounds)?;
    let (mut a, mut b) = (Xoshiro256PlusPlus::seed_from_u64(1), Xoshiro256PlusPlus::seed_from_u64(2));
    let mut lanes = LaneRng::seed_from_u64(3);
    gumbel_ratios::<f64>("f64", rounds)?;
    gumbel_ratios::<f32>("f32", rounds)?;

    println!("\n{:<44}{:>9}{:>9}{:>10}", "ns per draw and dimension", "pathwise", "leave-one", "ratio");
    let case = Case::<f64>::new(100)?;
    let f = quadratic(&case.centre);
    let (mut one, mut other) = (Engine::new(), Engine::new());
    let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let [pathwise, score] = alternate(
        rounds,
        [&mut || case.pathwise(&mut one, &mut a).map(drop), &mut || {
            other.estimate(&mut loo, &case.normal, &f, case.samples / 4, &mut b).map(drop)
        }],
    )?
    .map(|time| time / (case.samples * 100) as f64);
    println!("{:<44}{pathwise:>9.2}{score:>9.2}{:>10.2}", "Gaussian, f64, D = 100", score / pathwise);

    println!("\n{:<44}{:>9}{:>9}", "ns per bit and draw", "draw", "leave-one");
    let bits = Bernoulli::from_logits(&[0.3f64; 200])?;
    let sum = |z: &[f64]| z.iter().sum::<f64>();
    let mut z = vec![0.0; 200 * 1000];
    let mut engine = Engine::new();
    let [draw, score] = alternate(
        rounds,
        [
            &mut || {
                bits.sample(&mut lanes, &mut z);
                black_box(&z);
                Ok(())
            },
            &mut || engine.estimate(&mut loo, &bits, &sum, 250, &mut b).map(drop),
        ],
    )?
    .map(|time| time / (200.0 * 1000.0));
    println!("{:<44}{draw:>9.2}{score:>9.2}", "200 Bernoullis, f64");

    println!("\n{:<44}{:>9}{:>9}", "ns per call", "engine", "alone");
    let normal = Normal::new(&[MU], &[SIGMA])?;
    let f = quadratic(&[CENTRE]);
    let mut engine = Engine::new();
    let calls = 20_000;
    let [kept, alone] = alternate(
        rounds,
        [
            &mut || {
                (0..calls).try_for_each(|_| engine.estimate(&mut Pathwise, &normal, &f, 1, &mut a).map(drop))
            },
            &mut || (0..calls).try_for_each(|_| Pathwise.estimate(&normal, &f, 1, &mut b).map(drop)),
        ],
    )?
    .map(|time| time / f64::from(calls));
    println!("{:<44}{kept:>9.0}{alone:>9.0}", "one gradient sample of one dimension, f64");
    Ok(())
}

/// Time per gradient sample and dimension, over the dimension at 200,000 numbers a job and over the gradient samples in ten dimensions.
fn plot(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    fn cost<T: Real>(dim: usize, samples: usize) -> Result<(f64, f64), Error> {
        let case = Case::<T> { samples, ..Case::new(dim)? };
        let (mut a, mut b) = (Xoshiro256PlusPlus::seed_from_u64(1), Xoshiro256PlusPlus::seed_from_u64(2));
        let mut engine = Engine::new();
        let calls = (ELEMENTS / (samples * dim)).max(1);
        let rounds = (20_000_000 / (calls * samples * dim)).clamp(3, 30);
        let [hand, ours] = alternate(
            rounds,
            [&mut || (0..calls).try_for_each(|_| done(by_hand::<T, false>(&case, &mut a))), &mut || {
                (0..calls).try_for_each(|_| case.pathwise(&mut engine, &mut b).map(drop))
            }],
        )?
        .map(|time| time / (calls * samples * dim) as f64);
        Ok((hand, ours))
    }
    const GREY: RGBColor = RGBColor(120, 120, 120);
    let draw = |file: &str, title: &str, axis: &str, cases: &[(usize, usize, usize)]| {
        let mut curves: Vec<Curve> =
            [("by hand, f64", GREY), ("reparam, f64", BLUE), ("reparam, f32", ORANGE)]
                .map(|(name, color)| Curve::new(name, color))
                .into();
        for &(x, dim, samples) in cases {
            let (hand, double) = cost::<f64>(dim, samples)?;
            let (_, single) = cost::<f32>(dim, samples)?;
            for (curve, y) in curves.iter_mut().zip([hand, double, single]) {
                curve.points.push((x as f64, y));
            }
        }
        let y_axis = "ns per gradient sample and dimension, variances included";
        chart::curves(&folder.join(file), title, axis, y_axis, &curves)
    };
    std::fs::create_dir_all(folder)?;
    let by_dimension: Vec<_> = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192]
        .map(|dim| (dim, dim, (ELEMENTS / dim).max(LEAST)))
        .into();
    draw(
        "cost_by_dimension.svg",
        "A pathwise Gaussian gradient over its dimension",
        "dimension",
        &by_dimension,
    )?;
    let by_samples: Vec<_> = (0..=20).map(|i| (1 << i, 10, 1 << i)).collect();
    draw(
        "cost_by_samples.svg",
        "A call in ten dimensions over its gradient samples",
        "gradient samples a call",
        &by_samples,
    )?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(i) = arguments.iter().position(|argument| argument == "--plot") {
        return plot(arguments.get(i + 1).ok_or("--plot takes a folder")?.as_ref());
    }
    let mut criterion = Criterion::default().configure_from_args();
    throughput(&mut criterion)?;
    criterion.final_summary();
    // `cargo test --benches` only asks whether everything runs.
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if asked("--bench") && !asked("--test") && !asked("--list") {
        ratios(if asked("--quick") { 20 } else { 200 })?;
    }
    Ok(())
}
