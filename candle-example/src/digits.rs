//! The handwritten digits, divided once and for all into images to train on and images that are held out.

use std::num::ParseFloatError;

use candle_core::{Device, Result, Tensor};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;

/// Pixels of an image, 8 × 8.
pub const PIXELS: usize = 64;

const CSV: &str = include_str!("../../examples/data/digits.csv");

/// Images as rows of pixels between 0 and 1, with the digits that they show.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// Row by row.
    pub pixels: Vec<f32>,
    /// What each one shows.
    pub digits: Vec<u8>,
}

impl Images {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.digits.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.digits.is_empty()
    }

    /// Some of the images, as a tensor of rows.
    ///
    /// # Errors
    /// candle's, if there is no memory.
    pub fn batch(&self, indices: &[usize]) -> Result<Tensor> {
        let pixels: Vec<f32> =
            indices.iter().flat_map(|i| &self.pixels[i * PIXELS..(i + 1) * PIXELS]).copied().collect();
        Tensor::from_vec(pixels, (indices.len(), PIXELS), &Device::Cpu)
    }

    /// All of them.
    ///
    /// # Errors
    /// candle's, if there is no memory.
    pub fn tensor(&self) -> Result<Tensor> {
        Tensor::from_vec(self.pixels.clone(), (self.len(), PIXELS), &Device::Cpu)
    }
}

/// 80 % to train on, 20 % held out, by a fixed seed. Pixels are divided by 16.
///
/// # Errors
/// [`ParseFloatError`] if the data are not what they should be.
pub fn split() -> std::result::Result<[Images; 2], ParseFloatError> {
    let mut lines: Vec<&str> = CSV.lines().skip(1).collect();
    lines.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(0));
    let mut parts = [Images::default(), Images::default()];
    let train = lines.len() * 4 / 5;
    for (i, line) in lines.into_iter().enumerate() {
        let part = &mut parts[usize::from(i >= train)];
        let mut cells = line.split(',');
        for cell in cells.by_ref().take(PIXELS) {
            part.pixels.push(cell.parse::<f32>()? / 16.0);
        }
        let digit = cells.next().unwrap_or_default().trim().parse::<f32>()?;
        part.digits.push(digit as u8);
    }
    Ok(parts)
}
