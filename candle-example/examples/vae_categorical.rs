//! A variational autoencoder whose latent space is ten categories of ten: the digits of `vae`, but what is in the middle is discrete. It is trained by
//! two estimators that send slopes through the draw, with a bias (Gumbel-Softmax with an annealed temperature, and its
//! straight-through form), and by two that look at values alone, without one (the score function with a leave-one-out baseline, and antithetic
//! pairs of broken sticks), on the same budget of decoder evaluations. What counts, and what is reported for all, is the bound
//! of the *discrete* model: the relaxed one that Gumbel-Softmax climbs is shown beside it.
//!
//! ```text
//! cargo run --release -p candle-example --example vae_categorical -- [--quick] [--seed N] [--out DIR]
//! ```

#[path = "../../examples/shared/axes.rs"]
mod axes;
#[path = "../../examples/shared/gallery.rs"]
mod gallery;
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
use reparam::{EstimatorNode, StochasticNode, TemperatureSchedule};

use axes::Scale;
use gallery::{Block, gallery};
use subplots::{Line, Panel, subplots};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HIDDEN: usize = 200;
const LATENTS: usize = 10;
const CLASSES: usize = 10;
const WIDTH: usize = LATENTS * CLASSES;
const EVALUATIONS: usize = 200;
/// Temperatures at the start and at the end.
const TEMPERATURES: (f64, f64) = (1.0, 0.4);

fn categories() -> std::result::Result<Categorical<f32>, reparam::Error> {
    Categorical::from_logits(&[0.0; WIDTH], CLASSES)
}

/// How the encoder gets its gradient through the draw.
enum Gradient {
    GumbelSoftmax(PathwiseLayer<GumbelSoftmax<f32>>),
    StraightThrough(EstimatorLayer<Categorical<f32>, StraightThroughGumbelSoftmax>),
    Score(EstimatorLayer<Categorical<f32>, ScoreFunction>, usize),
    Sticks(EstimatorLayer<Categorical<f32>, DisArmSticks>),
}

impl Gradient {
    fn gumbel_softmax() -> Result<Self> {
        let relaxed = GumbelSoftmax::new(&[0.0; WIDTH], CLASSES, TEMPERATURES.0 as f32)?;
        Ok(Self::GumbelSoftmax(PathwiseLayer::new(StochasticNode::new(relaxed))))
    }

    fn straight_through() -> Result<Self> {
        let estimator = StraightThroughGumbelSoftmax::new(TEMPERATURES.0);
        Ok(Self::StraightThrough(EstimatorLayer::new(EstimatorNode::new(categories()?, estimator))))
    }

    fn leave_one_out(group: usize) -> Result<Self> {
        let estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: group });
        Ok(Self::Score(EstimatorLayer::new(EstimatorNode::new(categories()?, estimator)), group))
    }

    fn sticks() -> Result<Self> {
        Ok(Self::Sticks(EstimatorLayer::new(EstimatorNode::new(categories()?, DisArmSticks))))
    }

    /// Evaluations of the decoder an image and step.
    fn draws(&self) -> usize {
        match self {
            Self::GumbelSoftmax(_) | Self::StraightThrough(_) => 1,
            Self::Score(_, draws) => *draws,
            Self::Sticks(_) => 2,
        }
    }

    fn set_temperature(&mut self, temperature: f64) -> std::result::Result<(), reparam::Error> {
        match self {
            Self::GumbelSoftmax(layer) => {
                layer.node_mut().prototype_mut().set_temperature(temperature as f32)?;
            }
            Self::StraightThrough(layer) => {
                *layer.node().estimator_mut() = StraightThroughGumbelSoftmax::new(temperature);
            }
            Self::Score(..) | Self::Sticks(_) => {}
        }
        Ok(())
    }
}

/// Encoder and decoder around ten categories.
struct Model {
    encoder: Mlp,
    decoder: Mlp,
}

impl Model {
    fn new(rng: &mut Xoshiro256PlusPlus) -> Result<Self> {
        let encoder = Mlp::new([PIXELS, HIDDEN, WIDTH], rng)?;
        let decoder = Mlp::new([WIDTH, HIDDEN, PIXELS], rng)?;
        Ok(Self { encoder, decoder })
    }

    /// `E ln p(x | z)` of each image, whose gradient is the estimator's.
    fn reconstruction(
        &self,
        images: &Tensor,
        logits: &Tensor,
        gradient: &Gradient,
        rng: &mut Xoshiro256PlusPlus,
    ) -> candle_core::Result<Tensor> {
        let log_likelihood = |z: &Tensor, images: &Tensor| log_likelihood(&self.decoder.forward(z)?, images);
        match gradient {
            Gradient::GumbelSoftmax(layer) => log_likelihood(&layer.draw(logits, rng)?, images),
            Gradient::StraightThrough(layer) => log_likelihood(&layer.draw(logits, rng)?, images),
            Gradient::Score(layer, draws) => {
                let z = layer.sample(logits, rng)?;
                layer.expectation(logits, &log_likelihood(&z, &repeated(images, *draws)?)?)
            }
            Gradient::Sticks(layer) => {
                let z = layer.sample(logits, rng)?;
                layer.expectation(logits, &log_likelihood(&z, &repeated(images, 2)?)?)
            }
        }
    }

    /// `KL(q(z | x) ‖ uniform) = Σ q (ln q + ln 10)` of each image.
    fn divergence(&self, logits: &Tensor) -> candle_core::Result<Tensor> {
        let logits = logits.reshape(((), LATENTS, CLASSES))?;
        let ln_q = candle_nn::ops::log_softmax(&logits, D::Minus1)?;
        let terms = (ln_q.exp()? * ln_q.affine(1.0, (CLASSES as f64).ln())?)?;
        terms.flatten_from(1)?.sum(D::Minus1)
    }

    /// The mean of `E ln p(x | z) − KL`: of the discrete model, or of the relaxed one where the draw is relaxed.
    fn elbo(
        &self,
        images: &Tensor,
        gradient: &Gradient,
        rng: &mut Xoshiro256PlusPlus,
    ) -> candle_core::Result<Tensor> {
        let logits = self.encoder.forward(images)?;
        let reconstruction = self.reconstruction(images, &logits, gradient, rng)?;
        (reconstruction - self.divergence(&logits)?)?.mean_all()
    }

    /// The bound from so many draws an image, as this gradient draws them.
    fn value(&self, images: &Tensor, gradient: &Gradient, draws: usize) -> candle_core::Result<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(99);
        let mut sum = 0.0;
        for _ in 0..draws {
            sum += f64::from(self.elbo(images, gradient, &mut rng)?.to_scalar::<f32>()?);
        }
        Ok(sum / draws as f64)
    }

    /// The most probable category of each latent, as one-hot rows.
    fn modes(&self, images: &Tensor) -> Result<Tensor> {
        let mut z: Vec<f32> = self.encoder.forward(images)?.flatten_all()?.to_vec1()?;
        for row in z.chunks_exact_mut(CLASSES) {
            let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            row.iter_mut().for_each(|z| *z = f32::from(*z == best));
        }
        Ok(Tensor::from_vec(z, (images.dim(0)?, WIDTH), &Device::Cpu)?)
    }
}

/// A model trained on the budget.
struct Training {
    model: Model,
    course: Course,
}

impl Training {
    fn run(name: &str, gradient: &mut Gradient, options: &Options, data: &[Images; 2]) -> Result<Self> {
        const STEPS: u64 = 1000;
        let annealing = TemperatureSchedule::cosine(TEMPERATURES.0, TEMPERATURES.1, STEPS)?;
        let discrete = Gradient::leave_one_out(2)?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(options.seed);
        let model = Model::new(&mut rng)?;
        let course = train(
            name,
            [model.encoder.variables(), model.decoder.variables()].concat(),
            data,
            (options.evaluations, gradient.draws()),
            &mut rng,
            |progress, images, rng| {
                let temperature = annealing.at((progress * STEPS as f64) as u64);
                gradient.set_temperature(temperature).map_err(candle_core::Error::wrap)?;
                model.elbo(images, gradient, rng)
            },
            |images, draws| model.value(images, &discrete, draws.div_ceil(2)),
        )?;
        let relaxed = match gradient {
            Gradient::GumbelSoftmax(_) => format!("{:.3}", model.value(&data[1].tensor()?, gradient, 20)?),
            _ => String::new(),
        };
        let ([train, held_out], time) = (course.bounds, course.time.as_secs_f64());
        println!("{name:<32} {train:>14.3} {held_out:>14.3} {relaxed:>14} {time:>9.1}");
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
        "{} images to train on, {} held out; {HIDDEN} tanh units, {LATENTS} categories of {CLASSES}; {} decoder evaluations per image\n",
        data[0].len(),
        data[1].len(),
        options.evaluations
    );
    println!(
        "{:<32} {:>14} {:>14} {:>14} {:>9}",
        "gradient", "training ELBO", "held-out ELBO", "if relaxed", "seconds"
    );
    let mut methods = [
        ("Gumbel-Softmax, annealed", Gradient::gumbel_softmax()?),
        ("straight-through Gumbel-Softmax", Gradient::straight_through()?),
        ("score function, leave-one-out 4", Gradient::leave_one_out(4)?),
        ("DisARM by sticks", Gradient::sticks()?),
    ];
    let mut trainings = Vec::new();
    for (name, gradient) in &mut methods {
        trainings.push((*name, Training::run(name, gradient, &options, &data)?));
    }
    draw(&options, &data[1], &trainings)
}

fn draw(options: &Options, held_out: &Images, trainings: &[(&str, Training)]) -> Result<()> {
    let panel = |title, part: usize| Panel {
        title,
        x_axis: "decoder evaluations per image",
        y_axis: "ELBO of the discrete model (nats per image)",
        y_scale: Scale::Linear,
        lines: trainings
            .iter()
            .map(|(name, training)| Line::new(*name, training.course.curves[part].clone()))
            .collect(),
    };
    subplots(
        &options.out.join("vae_categorical_training.svg"),
        "Ten categories of ten in the middle: the same budget, four gradients",
        &[panel("images to train on", 0), panel("images held out", 1)],
    )?;

    let (columns, rows) = (5, 4);
    let shown: Vec<usize> = (0..rows * columns).collect();
    let images = held_out.batch(&shown)?;
    let mut z = vec![0.0; rows * columns * WIDTH];
    categories()?.sample(&mut Xoshiro256PlusPlus::seed_from_u64(5), &mut z);
    let z = Tensor::from_vec(z, (rows * columns, WIDTH), &Device::Cpu)?;
    let (mut reconstructions, mut samples) = (Vec::new(), Vec::new());
    for (name, Training { model, .. }) in trainings {
        reconstructions.push((*name, model.decoder.probabilities(&model.modes(&images)?)?));
        samples.push((*name, model.decoder.probabilities(&z)?));
    }
    let originals = ("held-out images", held_out.pixels[..rows * columns * PIXELS].to_vec());
    reconstructions.insert(0, originals);
    for (file, title, models) in [
        (
            "vae_categorical_reconstructions.svg",
            "Reconstructions by the four models, from the most probable categories",
            &reconstructions,
        ),
        (
            "vae_categorical_samples.svg",
            "Fresh samples of the four models, from the same latent categories",
            &samples,
        ),
    ] {
        let blocks: Vec<_> = models
            .iter()
            .map(|(title, pixels)| Block { title, columns, images: pixels.chunks_exact(PIXELS).collect() })
            .collect();
        gallery(&options.out.join(file), title, 8, &blocks)?;
    }
    println!(
        "\npictures: {}/vae_categorical_training.svg, vae_categorical_reconstructions.svg, vae_categorical_samples.svg",
        options.out.display()
    );
    Ok(())
}
