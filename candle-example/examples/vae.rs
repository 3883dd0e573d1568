//! A variational autoencoder on 8 × 8 handwritten digits: 200 tanh units, eight latent normals, 200 again. candle has the network; the draw in the
//! middle is a node of `reparam`. It is trained by the pathwise gradient and by the score function, on the same budget of decoder evaluations,
//! and reports the evidence lower bound on images that it has not seen. Pictures: the curves, reconstructions and fresh
//! samples, and a map of the digits from a second model with two latent numbers.
//!
//! ```text
//! cargo run --release -p candle-example --example vae -- [--quick] [--seed N] [--out DIR]
//! ```

#[path = "../../examples/shared/axes.rs"]
mod axes;
#[path = "../../examples/shared/gallery.rs"]
mod gallery;
#[path = "../../examples/shared/latent_map.rs"]
mod latent_map;
#[path = "../../examples/shared/subplots.rs"]
mod subplots;

use std::error::Error;

use candle_core::{D, Device, Module, Tensor};
use candle_example::digits::{self, Images, PIXELS};
use candle_example::{
    Course, EstimatorLayer, Mlp, Options, PathwiseLayer, log_likelihood, on_one_thread, repeated, train,
};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;
use reparam::{EstimatorNode, StochasticNode};

use axes::Scale;
use gallery::{Block, gallery};
use latent_map::latent_map;
use subplots::{Line, Panel, subplots};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HIDDEN: usize = 200;
const LATENT: usize = 8;
const EVALUATIONS: usize = 200;

type Latent = Unconstrained<f32, Normal<f32>>;

/// How the encoder gets its gradient through the draw.
enum Gradient {
    Pathwise(PathwiseLayer<Normal<f32>>),
    Score(EstimatorLayer<Latent, ScoreFunction>, usize),
}

impl Gradient {
    fn pathwise(latent: usize) -> std::result::Result<Self, reparam::Error> {
        Ok(Self::Pathwise(PathwiseLayer::new(StochasticNode::unconstrained(Normal::standard(latent)?))))
    }

    fn score(latent: usize, baseline: Baseline) -> Result<Self> {
        let draws = if let Baseline::LeaveOneOut { draws: group } = baseline { group } else { 1 };
        let prototype = Unconstrained::new(Normal::standard(latent)?)?;
        let node = EstimatorNode::new(prototype, ScoreFunction::new().with_baseline(baseline));
        Ok(Self::Score(EstimatorLayer::new(node), draws))
    }

    /// Evaluations of the decoder an image and step.
    fn draws(&self) -> usize {
        if let Self::Score(_, draws) = self { *draws } else { 1 }
    }
}

/// Encoder and decoder around a latent space.
struct Model {
    encoder: Mlp,
    decoder: Mlp,
    latent: usize,
}

impl Model {
    fn new(latent: usize, rng: &mut Xoshiro256PlusPlus) -> Result<Self> {
        let encoder = Mlp::new([PIXELS, HIDDEN, 2 * latent], rng)?;
        let decoder = Mlp::new([latent, HIDDEN, PIXELS], rng)?;
        Ok(Self { encoder, decoder, latent })
    }

    /// `E ln p(x | z)` of each image, whose gradient is the estimator's.
    fn reconstruction(
        &self,
        images: &Tensor,
        heads: &Tensor,
        gradient: &Gradient,
        rng: &mut Xoshiro256PlusPlus,
    ) -> candle_core::Result<Tensor> {
        match gradient {
            Gradient::Pathwise(layer) => {
                let z = layer.draw(heads, rng)?;
                log_likelihood(&self.decoder.forward(&z)?, images)
            }
            Gradient::Score(layer, draws) => {
                let z = layer.sample(heads, rng)?;
                let values = log_likelihood(&self.decoder.forward(&z)?, &repeated(images, *draws)?)?;
                layer.expectation(heads, &values)
            }
        }
    }

    /// `KL(q(z | x) ‖ N(0, 1)) = ½ Σ (μ² + σ² − 1) − ln σ` of each image.
    fn divergence(&self, heads: &Tensor) -> candle_core::Result<Tensor> {
        let mu = heads.narrow(1, 0, self.latent)?;
        let ln_sigma = heads.narrow(1, self.latent, self.latent)?;
        let squares = (mu.sqr()? + ln_sigma.affine(2.0, 0.0)?.exp()?)?.affine(0.5, -0.5)?;
        (squares - ln_sigma)?.sum(D::Minus1)
    }

    /// The mean of `E ln p(x | z) − KL`.
    fn elbo(
        &self,
        images: &Tensor,
        gradient: &Gradient,
        rng: &mut Xoshiro256PlusPlus,
    ) -> candle_core::Result<Tensor> {
        let heads = self.encoder.forward(images)?;
        let reconstruction = self.reconstruction(images, &heads, gradient, rng)?;
        (reconstruction - self.divergence(&heads)?)?.mean_all()
    }

    /// The bound, from so many draws an image.
    fn value(&self, images: &Tensor, draws: usize) -> candle_core::Result<f64> {
        let gradient = Gradient::pathwise(self.latent).map_err(candle_core::Error::wrap)?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(99);
        let heads = self.encoder.forward(images)?;
        let mut sum = 0.0;
        for _ in 0..draws {
            let reconstruction = self.reconstruction(images, &heads, &gradient, &mut rng)?;
            sum += f64::from(reconstruction.mean_all()?.to_scalar::<f32>()?);
        }
        Ok(sum / draws as f64 - f64::from(self.divergence(&heads)?.mean_all()?.to_scalar::<f32>()?))
    }

    /// The means of the latent numbers of each image.
    fn means(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        self.encoder.forward(images)?.narrow(1, 0, self.latent)?.contiguous()
    }
}

/// A model trained on the budget.
struct Training {
    model: Model,
    course: Course,
}

impl Training {
    fn run(
        name: &str,
        gradient: &Gradient,
        latent: usize,
        options: &Options,
        data: &[Images; 2],
    ) -> Result<Self> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(options.seed);
        let model = Model::new(latent, &mut rng)?;
        let course = train(
            name,
            [model.encoder.variables(), model.decoder.variables()].concat(),
            data,
            (options.evaluations, gradient.draws()),
            &mut rng,
            |_, images, rng| model.elbo(images, gradient, rng),
            |images, draws| model.value(images, draws),
        )?;
        let ([train, held_out], time) = (course.bounds, course.time.as_secs_f64());
        println!("{name:<32} {train:>14.3} {held_out:>14.3} {time:>9.1}");
        Ok(Self { model, course })
    }
}

fn main() -> Result<()> {
    on_one_thread(run)
}

fn run() -> Result<()> {
    let options = Options::from_arguments(std::env::args().skip(1), EVALUATIONS)?;
    std::fs::create_dir_all(&options.out)?;
    let data = digits::split()?;
    println!(
        "{} images to train on, {} held out; {HIDDEN} tanh units, {LATENT} latent normals; {} decoder evaluations per image\n",
        data[0].len(),
        data[1].len(),
        options.evaluations
    );
    println!("{:<32} {:>14} {:>14} {:>9}", "gradient", "training ELBO", "held-out ELBO", "seconds");
    let methods = [
        ("pathwise", Gradient::pathwise(LATENT)?),
        ("score function, moving average", Gradient::score(LATENT, Baseline::MovingAverage { decay: 0.9 })?),
        ("score function, leave-one-out 4", Gradient::score(LATENT, Baseline::LeaveOneOut { draws: 4 })?),
    ];
    let mut trainings = Vec::new();
    for (name, gradient) in &methods {
        trainings.push((*name, Training::run(name, gradient, LATENT, &options, &data)?));
    }
    let plane = Training::run("pathwise, 2 latent normals", &Gradient::pathwise(2)?, 2, &options, &data)?;
    draw(&options, &data[1], &trainings, &plane.model)
}

fn draw(options: &Options, held_out: &Images, trainings: &[(&str, Training)], plane: &Model) -> Result<()> {
    let panel = |title, part: usize| Panel {
        title,
        x_axis: "decoder evaluations per image",
        y_axis: "ELBO (nats per image)",
        y_scale: Scale::Linear,
        lines: trainings
            .iter()
            .map(|(name, training)| Line::new(*name, training.course.curves[part].clone()))
            .collect(),
    };
    subplots(
        &options.out.join("vae_training.svg"),
        "A variational autoencoder on digits: the same budget, three gradients",
        &[panel("images to train on", 0), panel("images held out", 1)],
    )?;

    let (columns, rows) = (8, 6);
    let shown: Vec<usize> = (0..columns * rows / 2).collect();
    let model = &trainings[0].1.model;
    let reconstructions = model.decoder.probabilities(&model.means(&held_out.batch(&shown)?)?)?;
    let mut z = vec![0.0f32; columns * rows * LATENT];
    Normal::standard(1)?.sample(&mut Xoshiro256PlusPlus::seed_from_u64(5), &mut z);
    let samples =
        model.decoder.probabilities(&Tensor::from_vec(z, (columns * rows, LATENT), &Device::Cpu)?)?;
    let mut pairs = Vec::new();
    for first in shown.chunks(columns) {
        pairs.extend(first.iter().map(|i| &held_out.pixels[i * PIXELS..(i + 1) * PIXELS]));
        pairs.extend(first.iter().map(|i| &reconstructions[i * PIXELS..(i + 1) * PIXELS]));
    }
    gallery(
        &options.out.join("vae_digits.svg"),
        "What the autoencoder makes of digits (pathwise gradient)",
        8,
        &[
            Block { title: "held-out images, each above its reconstruction", columns, images: pairs },
            Block { title: "fresh samples", columns, images: samples.chunks_exact(PIXELS).collect() },
        ],
    )?;

    let means: Vec<Vec<f32>> = plane.means(&held_out.tensor()?)?.to_vec2()?;
    let points: Vec<_> =
        means.iter().zip(&held_out.digits).map(|(z, &d)| (f64::from(z[0]), f64::from(z[1]), d)).collect();
    latent_map(
        &options.out.join("vae_map.svg"),
        "Held-out digits in a latent space of two numbers",
        ("first latent number, mean", "second latent number, mean"),
        &points,
    )?;
    println!("\npictures: {}/vae_training.svg, vae_digits.svg, vae_map.svg", options.out.display());
    Ok(())
}
