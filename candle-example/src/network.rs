//! The encoder and the decoder: one hidden layer.

use candle_core::{Device, Module, Result, Tensor, Var};
use candle_nn::Linear;
use rand::{Rng, RngExt};
use reparam::special::sigmoid;

/// A hidden layer of tanh units between two linear maps, started from the caller's generator (candle's own cannot be seeded on the CPU).
#[derive(Debug, Clone)]
pub struct Mlp {
    layers: [Linear; 2],
    variables: Vec<Var>,
}

impl Mlp {
    /// `inputs → hidden → outputs`. Weights and biases are uniform in `±1/√fan-in`.
    ///
    /// # Errors
    /// candle's, if there is no memory.
    pub fn new<R: Rng + ?Sized>([inputs, hidden, outputs]: [usize; 3], rng: &mut R) -> Result<Self> {
        let mut variables = Vec::new();
        let mut linear = |inputs: usize, outputs: usize| -> Result<Linear> {
            let bound = (inputs as f32).sqrt().recip();
            let mut variable = |len: usize, shape: &[usize]| -> Result<Var> {
                let numbers: Vec<f32> = (0..len).map(|_| rng.random_range(-bound..bound)).collect();
                let variable = Var::from_tensor(&Tensor::from_vec(numbers, shape, &Device::Cpu)?)?;
                variables.push(variable.clone());
                Ok(variable)
            };
            let weight = variable(inputs * outputs, &[outputs, inputs])?;
            let bias = variable(outputs, &[outputs])?;
            Ok(Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone())))
        };
        let layers = [linear(inputs, hidden)?, linear(hidden, outputs)?];
        Ok(Self { layers, variables })
    }

    /// The outputs as probabilities, row by row: a decoder's pixels.
    ///
    /// # Errors
    /// candle's, for an input that does not fit.
    pub fn probabilities(&self, x: &Tensor) -> Result<Vec<f32>> {
        let logits: Vec<f32> = self.forward(x)?.flatten_all()?.to_vec1()?;
        Ok(logits.into_iter().map(sigmoid).collect())
    }

    /// What an optimiser moves.
    pub fn variables(&self) -> &[Var] {
        &self.variables
    }
}

impl Module for Mlp {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.layers;
        second.forward(&first.forward(x)?.tanh()?)
    }
}
