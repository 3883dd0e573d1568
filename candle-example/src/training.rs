//! What the examples have in common: options, and the loop around Adam.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use candle_core::{Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use indicatif::{ProgressBar, ProgressStyle};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;

use crate::digits::Images;

/// Images of a step.
pub const BATCH: usize = 64;
/// The rate of Adam.
pub const RATE: f64 = 2e-3;

/// Draws an image for the bound that is reported in the end.
const DRAWS: usize = 20;
/// Points of a curve.
const POINTS: usize = 40;

/// What the user asks for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for the pictures.
    pub out: PathBuf,
    /// Decoder evaluations for each training image.
    pub evaluations: usize,
    /// Where the weights, the order of the images and the draws start from.
    pub seed: u64,
}

impl Options {
    /// `--quick`, `--seed N` and `--out DIR`.
    ///
    /// # Errors
    /// An argument that is not known, or lacks its value.
    pub fn from_arguments(
        mut arguments: impl Iterator<Item = String>,
        evaluations: usize,
    ) -> std::result::Result<Self, Box<dyn Error>> {
        let mut options = Self { out: "out".into(), evaluations, seed: 7 };
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--quick" => options.evaluations = evaluations / 25,
                "--seed" => options.seed = arguments.next().ok_or("--seed wants a number")?.parse()?,
                "--out" => options.out = arguments.next().ok_or("--out wants a folder")?.into(),
                other => {
                    return Err(
                        format!("unknown argument {other}; known: --quick, --seed N, --out DIR").into()
                    );
                }
            }
        }
        Ok(options)
    }
}

/// Runs a program on one thread of candle's pool: its products of small matrices only wait for each other on several, and take twice the time.
///
/// # Errors
/// Those of the program, and a pool that cannot be made.
pub fn on_one_thread(
    program: impl FnOnce() -> std::result::Result<(), Box<dyn Error>> + Send,
) -> std::result::Result<(), Box<dyn Error>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    // What goes from thread to thread must be a plain message.
    Ok(pool.install(|| program().map_err(|error| error.to_string()))?)
}

/// Each row so many times, one after the other.
///
/// # Errors
/// candle's, for what is not a matrix.
pub fn repeated(rows: &Tensor, times: usize) -> Result<Tensor> {
    let (count, columns) = rows.dims2()?;
    rows.unsqueeze(1)?.broadcast_as((count, times, columns))?.reshape((count * times, columns))
}

/// How a training went.
#[derive(Debug, Clone)]
pub struct Course {
    /// The bound on training and held-out images, over decoder evaluations an image.
    pub curves: [Vec<(f64, f64)>; 2],
    /// The same at the end, from 20 draws an image.
    pub bounds: [f64; 2],
    /// The time of the steps alone.
    pub time: Duration,
}

/// Trains by Adam until a budget of decoder evaluations is spent, `draws` an image and pass. `elbo` is the bound of a batch, to be
/// differentiated, at a progress between 0 and 1; `value` the bound from so many draws an image.
///
/// # Errors
/// Those of `elbo`, `value` and candle.
pub fn train(
    name: &str,
    variables: Vec<Var>,
    data: &[Images; 2],
    (evaluations, draws): (usize, usize),
    rng: &mut Xoshiro256PlusPlus,
    mut elbo: impl FnMut(f64, &Tensor, &mut Xoshiro256PlusPlus) -> Result<Tensor>,
    value: impl Fn(&Tensor, usize) -> Result<f64>,
) -> Result<Course> {
    let mut adam = AdamW::new(variables, ParamsAdamW { lr: RATE, weight_decay: 0.0, ..Default::default() })?;
    let both = [data[0].tensor()?, data[1].tensor()?];
    let mut order: Vec<usize> = (0..data[0].len()).collect();
    let passes = (evaluations / draws).max(1);
    let style = ProgressStyle::with_template("{msg:<32} {bar:40} {pos}/{len} {elapsed}");
    let progress = ProgressBar::new(passes as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(name.to_string());
    let mut course = Course { curves: [Vec::new(), Vec::new()], bounds: [0.0; 2], time: Duration::ZERO };
    for pass in 0..passes {
        let clock = Instant::now();
        order.shuffle(rng);
        for batch in order.chunks(BATCH) {
            let loss = elbo(pass as f64 / passes as f64, &data[0].batch(batch)?, rng)?.neg()?;
            adam.backward_step(&loss)?;
        }
        course.time += clock.elapsed();
        let last = pass + 1 == passes;
        if pass % passes.div_ceil(POINTS) == 0 || last {
            for (i, images) in both.iter().enumerate() {
                course.bounds[i] = value(images, if last { DRAWS } else { 1 })?;
                course.curves[i].push((((pass + 1) * draws) as f64, course.bounds[i]));
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(course)
}
