//! Latent bits on real images: a variational autoencoder with 32 latent bits on 8 × 8 handwritten digits, linear encoder and decoder, trained by
//! REINFORCE, leave-one-out with two and four draws, ARM, DisARM, ARMS with four, and REBAR. All start from the same parameters and see the same images in the same
//! order, so what differs is the estimator of the encoder's gradient. A table says what training ELBO each ends at, and what the variance of its
//! gradient is at one and the same trained point; the pictures are the curves of both.
//!
//! ```text
//! cargo run --release --example discrete_vae -- [--quick] [--seeds N] [--out DIR]
//! ```

#[path = "shared/adam.rs"]
mod adam;
#[path = "shared/axes.rs"]
mod axes;
#[path = "shared/statistics.rs"]
mod statistics;
#[path = "shared/subplots.rs"]
mod subplots;

use std::cell::RefCell;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use reparam::prelude::*;
use reparam::special::{log_sigmoid, sigmoid};
use reparam::{DifferentiableObjective, Engine, GradientEstimate, GradientEstimator, Objective};

use adam::Adam;
use axes::Scale;
use statistics::mean_and_standard_error;
use subplots::{Line, Panel, subplots};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PIXELS: usize = 64;
const BITS: usize = 32;
const BATCH: usize = 100;
const RATE: f64 = 0.005;
const IMAGES: &str = include_str!("data/digits.csv");

struct Options {
    out: PathBuf,
    steps: usize,
    seeds: u64,
    /// Draws an image for the final ELBO.
    draws: usize,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { out: "out".into(), steps: 3000, seeds: 1, draws: 20 };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
            match &*argument {
                "--quick" => options = Self { steps: 120, draws: 2, ..options },
                "--out" => options.out = value()?.into(),
                "--seeds" => options.seeds = value()?.parse()?,
                other => {
                    return Err(
                        format!("unknown argument {other}; known: --quick, --seeds N, --out DIR").into()
                    );
                }
            }
        }
        Ok(options)
    }
}

/// The images as bits, their mean, and the images less the mean.
struct Data {
    pixels: Vec<f64>,
    centred: Vec<f64>,
    mean: Vec<f64>,
}

impl Data {
    fn digits() -> Result<Self> {
        let mut pixels = Vec::new();
        for line in IMAGES.lines().skip(1) {
            for cell in line.split(',').take(PIXELS) {
                pixels.push(f64::from(cell.parse::<f64>()? >= 8.0));
            }
        }
        let images = (pixels.len() / PIXELS) as f64;
        let mean: Vec<f64> =
            (0..PIXELS).map(|j| pixels.iter().skip(j).step_by(PIXELS).sum::<f64>() / images).collect();
        let centred = pixels.iter().enumerate().map(|(i, x)| x - mean[i % PIXELS]).collect();
        Ok(Self { pixels, centred, mean })
    }

    fn len(&self) -> usize {
        self.pixels.len() / PIXELS
    }

    fn image(&self, i: usize) -> (&[f64], &[f64]) {
        let row = i * PIXELS..(i + 1) * PIXELS;
        (&self.pixels[row.clone()], &self.centred[row])
    }
}

/// All parameters in one flat row: encoder (BITS × PIXELS, then BITS), decoder (PIXELS × BITS, then PIXELS), logits of the prior.
#[derive(Clone)]
struct Model {
    params: Vec<f64>,
}

const ENCODER: usize = BITS * PIXELS + BITS;
const DECODER: usize = PIXELS * BITS + PIXELS;

impl Model {
    fn new(data: &Data, rng: &mut Xoshiro256PlusPlus) -> Result<Self> {
        let mut params = vec![0.0; ENCODER + DECODER + BITS];
        let weights = Normal::new(&[0.0; PIXELS * BITS], &[0.1; PIXELS * BITS])?;
        weights.sample(rng, &mut params[..BITS * PIXELS]);
        weights.sample(rng, &mut params[ENCODER..ENCODER + PIXELS * BITS]);
        for (bias, mean) in params[ENCODER + PIXELS * BITS..].iter_mut().zip(&data.mean) {
            let p = mean.clamp(0.02, 0.98);
            *bias = (p / (1.0 - p)).ln();
        }
        Ok(Self { params })
    }

    /// The logits of the bits of an image.
    fn encode(&self, centred: &[f64], logits: &mut [f64]) {
        let (weights, biases) = self.params[..ENCODER].split_at(BITS * PIXELS);
        for ((logit, row), bias) in logits.iter_mut().zip(weights.chunks_exact(PIXELS)).zip(biases) {
            *logit = bias + row.iter().zip(centred).map(|(w, x)| w * x).sum::<f64>();
        }
    }

    /// `ln p(x, b)`; writes its slopes by the bits, and adds its gradient by decoder and prior, times a weight, where they are wanted.
    fn joint(
        &self,
        pixels: &[f64],
        bits: &[f64],
        slopes: Option<&mut [f64]>,
        gradient: Option<(&mut [f64], f64)>,
    ) -> f64 {
        let (weights, biases) = self.params[ENCODER..ENCODER + DECODER].split_at(PIXELS * BITS);
        let prior = &self.params[ENCODER + DECODER..];
        let mut outputs = [0.0; PIXELS];
        for ((output, row), bias) in outputs.iter_mut().zip(weights.chunks_exact(BITS)).zip(biases) {
            *output = bias + row.iter().zip(bits).map(|(w, b)| w * b).sum::<f64>();
        }
        let ln_p =
            outputs.iter().zip(pixels).chain(prior.iter().zip(bits)).map(|(&l, &b)| ln_bit(l, b)).sum();
        if let Some(slopes) = slopes {
            slopes.copy_from_slice(prior);
            for ((output, x), row) in outputs.iter().zip(pixels).zip(weights.chunks_exact(BITS)) {
                let residual = x - sigmoid(*output);
                for (slope, w) in slopes.iter_mut().zip(row) {
                    *slope += residual * w;
                }
            }
        }
        if let Some((gradient, weight)) = gradient {
            let (decoder, d_prior) = gradient[ENCODER..].split_at_mut(DECODER);
            let (d_weights, d_biases) = decoder.split_at_mut(PIXELS * BITS);
            for (j, (output, x)) in outputs.iter().zip(pixels).enumerate() {
                let residual = weight * (x - sigmoid(*output));
                d_biases[j] += residual;
                for (d, b) in d_weights[j * BITS..][..BITS].iter_mut().zip(bits) {
                    *d += residual * b;
                }
            }
            for ((d, logit), b) in d_prior.iter_mut().zip(prior).zip(bits) {
                *d += weight * (b - sigmoid(*logit));
            }
        }
        ln_p
    }
}

/// `f(b) = ln p(x, b) − ln q(b | x)` of one image. What the decoder learns from a draw it learns when the draw is evaluated.
struct Evidence<'a> {
    model: &'a Model,
    pixels: &'a [f64],
    posterior: &'a Bernoulli<f64>,
    learned: Option<&'a RefCell<Vec<f64>>>,
    weight: f64,
}

/// `ln p(b)` of a bit with this logit, linear in between.
fn ln_bit(logit: f64, b: f64) -> f64 {
    log_sigmoid(-logit) + b * logit
}

impl Evidence<'_> {
    fn evaluate(&self, bits: &[f64], mut slopes: Option<&mut [f64]>) -> f64 {
        // The decoder learns from draws, not from what lies in between.
        let is_draw = bits.iter().all(|&b| b == 0.0 || b == 1.0);
        let joint = match self.learned.filter(|_| is_draw) {
            Some(learned) => {
                let gradient = Some((&mut learned.borrow_mut()[..], self.weight));
                self.model.joint(self.pixels, bits, slopes.as_deref_mut(), gradient)
            }
            None => self.model.joint(self.pixels, bits, slopes.as_deref_mut(), None),
        };
        let logits = self.posterior.params();
        if let Some(slopes) = slopes {
            for (slope, logit) in slopes.iter_mut().zip(logits) {
                *slope -= logit;
            }
        }
        joint - logits.iter().zip(bits).map(|(&l, &b)| ln_bit(l, b)).sum::<f64>()
    }
}

impl Objective<f64> for Evidence<'_> {
    fn value(&self, bits: &[f64]) -> f64 {
        self.evaluate(bits, None)
    }
}

impl DifferentiableObjective<f64> for Evidence<'_> {
    fn value_and_gradient(&self, bits: &[f64], slopes: &mut [f64]) -> f64 {
        self.evaluate(bits, Some(slopes))
    }
}

/// Every estimator behind its interface, so that one loop trains them all.
enum Method {
    Score(ScoreFunction),
    Arm,
    DisArm,
    Arms(Arms),
    Rebar(Rebar),
}

impl Method {
    fn all() -> Result<Vec<(&'static str, Self)>> {
        let leave_one_out =
            |group| ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: group });
        Ok(vec![
            ("REINFORCE", Self::Score(ScoreFunction::new())),
            ("leave-one-out 2", Self::Score(leave_one_out(2))),
            ("ARM", Self::Arm),
            ("DisARM", Self::DisArm),
            ("leave-one-out 4", Self::Score(leave_one_out(4))),
            ("ARMS 4", Self::Arms(Arms::new(4))),
            ("REBAR", Self::Rebar(Rebar::new().with_temperature(0.3))),
        ])
    }

    fn evaluations(&self, q: &Bernoulli<f64>) -> usize {
        type D = Bernoulli<f64>;
        type F<'a> = Evidence<'a>;
        match self {
            Self::Score(e) => GradientEstimator::<f64, D, F<'_>>::evaluations(e, q),
            Self::Arm => GradientEstimator::<f64, D, F<'_>>::evaluations(&Arm, q),
            Self::DisArm => GradientEstimator::<f64, D, F<'_>>::evaluations(&DisArm, q),
            Self::Arms(e) => GradientEstimator::<f64, D, F<'_>>::evaluations(e, q),
            Self::Rebar(e) => GradientEstimator::<f64, D, F<'_>>::evaluations(e, q),
        }
    }

    /// How many of these are at draws.
    fn draws(&self, q: &Bernoulli<f64>) -> usize {
        if matches!(self, Self::Rebar(_)) { 1 } else { self.evaluations(q) }
    }

    fn estimate<'a>(
        &mut self,
        engine: &'a mut Engine<f64>,
        q: &Bernoulli<f64>,
        f: &Evidence<'_>,
        samples: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<&'a GradientEstimate<f64>> {
        Ok(match self {
            Self::Score(e) => engine.estimate(e, q, f, samples, rng)?,
            Self::Arm => engine.estimate(&mut Arm, q, f, samples, rng)?,
            Self::DisArm => engine.estimate(&mut DisArm, q, f, samples, rng)?,
            Self::Arms(e) => engine.estimate(e, q, f, samples, rng)?,
            Self::Rebar(e) => engine.estimate(e, q, f, samples, rng)?,
        })
    }
}

/// One training run.
struct Training {
    model: Model,
    elbo: f64,
    course: Vec<(f64, f64)>,
    variances: Vec<(f64, f64)>,
    seconds: f64,
}

fn train(name: &str, method: &mut Method, data: &Data, options: &Options, seed: u64) -> Result<Training> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut model = Model::new(data, &mut rng)?;
    let mut images = Xoshiro256PlusPlus::seed_from_u64(1000 + seed);
    let mut order: Vec<usize> = (0..data.len()).collect();
    let mut next = order.len();
    let mut adam = Adam::new(model.params.len());
    let mut q = Bernoulli::from_logits(&[0.0; BITS])?;
    let mut engine = Engine::new();
    let mut logits = [0.0; BITS];
    let learned = RefCell::new(vec![0.0; model.params.len()]);
    let weight = 1.0 / (BATCH * method.draws(&q)) as f64;
    let (mut course, mut variances) = (Vec::new(), Vec::new());
    let mut average = 0.0;
    let progress = ProgressBar::new(options.steps as u64)
        .with_style(ProgressStyle::with_template("{msg:<18} {bar:40} {pos}/{len} {elapsed}")?)
        .with_message(name.to_string());
    let clock = Instant::now();
    let every = (options.steps / 60).max(1);
    for step in 0..options.steps {
        if step % (every * 5) == 0 {
            let variance = gradient_variance(method, &model, data, 4, 8, step as u64)?;
            variances.push((step as f64, variance));
        }
        learned.borrow_mut().fill(0.0);
        let mut value = 0.0;
        for _ in 0..BATCH {
            if next == order.len() {
                order.shuffle(&mut images);
                next = 0;
            }
            let (pixels, centred) = data.image(order[next]);
            next += 1;
            model.encode(centred, &mut logits);
            q.set_params(&logits)?;
            let f = Evidence { model: &model, pixels, posterior: &q, learned: Some(&learned), weight };
            let estimate = method.estimate(&mut engine, &q, &f, 1, &mut rng)?;
            value += estimate.value() / BATCH as f64;
            let mut gradient = learned.borrow_mut();
            let (weights, biases) = gradient[..ENCODER].split_at_mut(BITS * PIXELS);
            for ((row, bias), g) in weights.chunks_exact_mut(PIXELS).zip(biases).zip(estimate.gradient()) {
                let g = g / BATCH as f64;
                *bias += g;
                for (d, x) in row.iter_mut().zip(centred) {
                    *d += g * x;
                }
            }
        }
        adam.ascend(&mut model.params, &learned.borrow(), RATE);
        average = if step == 0 { value } else { 0.95 * average + 0.05 * value };
        if step % every == 0 && step > 0 {
            course.push((step as f64, average));
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    let elbo = final_elbo(&model, data, options.draws)?;
    Ok(Training { model, elbo, course, variances, seconds: clock.elapsed().as_secs_f64() })
}

/// The mean ELBO of all images.
fn final_elbo(model: &Model, data: &Data, draws: usize) -> Result<f64> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(77);
    let mut q = Bernoulli::from_logits(&[0.0; BITS])?;
    let (mut logits, mut bits, mut sum) = ([0.0; BITS], [0.0; BITS], 0.0);
    for i in 0..data.len() {
        let (pixels, centred) = data.image(i);
        model.encode(centred, &mut logits);
        q.set_params(&logits)?;
        let f = Evidence { model, pixels, posterior: &q, learned: None, weight: 0.0 };
        for _ in 0..draws {
            q.sample(&mut rng, &mut bits);
            sum += f.value(&bits);
        }
    }
    Ok(sum / (data.len() * draws) as f64)
}

/// The total variance of one gradient sample of the logits, averaged over every so many-th image.
fn gradient_variance(
    method: &mut Method,
    model: &Model,
    data: &Data,
    samples: usize,
    images: usize,
    seed: u64,
) -> Result<f64> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut q = Bernoulli::from_logits(&[0.0; BITS])?;
    let mut engine = Engine::new();
    let (mut logits, mut sum) = ([0.0; BITS], 0.0);
    for i in 0..images {
        let (pixels, centred) = data.image(i * data.len() / images);
        model.encode(centred, &mut logits);
        q.set_params(&logits)?;
        let f = Evidence { model, pixels, posterior: &q, learned: None, weight: 0.0 };
        sum += method.estimate(&mut engine, &q, &f, samples, &mut rng)?.total_variance();
    }
    Ok(sum / images as f64)
}

/// The mean of the curves of all seeds, with a band of one standard error.
fn average(name: &str, curves: &[Vec<(f64, f64)>]) -> Line {
    let mut line = Line::new(name, Vec::new());
    for (i, (step, _)) in curves[0].iter().enumerate() {
        let (mean, error) =
            mean_and_standard_error(&curves.iter().map(|curve| curve[i].1).collect::<Vec<_>>());
        line.points.push((*step, mean));
        line.errors.push(error);
    }
    line
}

fn main() -> Result<()> {
    let options = Options::from_arguments(std::env::args().skip(1))?;
    std::fs::create_dir_all(&options.out)?;
    let data = Data::digits()?;
    println!(
        "{} images, {BITS} latent bits, Adam {RATE}, batch {BATCH}, {} steps, {} seed(s)\n",
        data.len(),
        options.steps,
        options.seeds
    );

    let mut results: Vec<(&str, Vec<f64>, f64)> = Vec::new();
    let mut lines = (Vec::new(), Vec::new());
    let mut point = None;
    for (name, mut method) in Method::all()? {
        let (mut elbos, mut seconds) = (Vec::new(), 0.0);
        let (mut courses, mut spreads) = (Vec::new(), Vec::new());
        for seed in 0..options.seeds {
            let run = train(name, &mut method, &data, &options, seed)?;
            elbos.push(run.elbo);
            seconds += run.seconds;
            courses.push(run.course);
            spreads.push(run.variances);
            if seed == 0 && matches!(method, Method::DisArm) {
                point = Some(run.model);
            }
        }
        lines.0.push(average(name, &courses));
        lines.1.push(average(name, &spreads));
        results.push((name, elbos, seconds));
    }

    // All estimators at one and the same trained point.
    let point = point.ok_or("no trained point")?;
    let (samples, images) = if options.steps < 1000 { (20, 40) } else { (200, data.len()) };
    println!(
        "{:<18}{:>6}{:>16}{:>10}{:>24}{:>10}",
        "estimator", "evals", "training ELBO", "± s.e.", "variance of one sample", "seconds"
    );
    let mut variances = Vec::new();
    for ((name, elbos, seconds), (_, mut method)) in results.iter().zip(Method::all()?) {
        let (mean, spread) = mean_and_standard_error(elbos);
        let variance = gradient_variance(&mut method, &point, &data, samples, images, 5)?;
        let evaluations = method.evaluations(&Bernoulli::from_logits(&[0.0; BITS])?);
        variances.push(variance);
        println!("{name:<18}{evaluations:>6}{mean:>16.3}{spread:>10.3}{variance:>24.3}{seconds:>10.1}");
    }
    println!(
        "\nvariance of DisARM over that of leave-one-out 2, at the same cost: {:.3}",
        variances[3] / variances[1]
    );

    let path = options.out.join("discrete_vae.svg");
    let mut title = "A variational autoencoder with 32 latent bits on 8 × 8 digits".to_string();
    if options.seeds > 1 {
        title += &format!(": mean of {} seeds, bands of one standard error", options.seeds);
    }
    subplots(
        &path,
        &title,
        &[
            Panel {
                title: "training ELBO",
                x_axis: "steps of 100 images",
                y_axis: "ELBO of a batch (nats, smoothed)",
                y_scale: Scale::Linear,
                lines: lines.0,
            },
            Panel {
                title: "gradient variance, each at its own parameters",
                x_axis: "steps of 100 images",
                y_axis: "total variance of one gradient sample",
                y_scale: Scale::Log,
                lines: lines.1,
            },
        ],
    )?;
    println!("wrote {}", path.display());
    Ok(())
}
