//! A user's own distribution, from the traits alone.

use rand::Rng;
use reparam::prelude::*;
use reparam::{Distribution, Domain, FiniteSupport, Layout, LogDensity};

/// Three bits that share one logit.
#[derive(Clone, Debug)]
pub struct SharedBits {
    params: Vec<f64>,
    layout: Layout,
}

impl SharedBits {
    pub fn new(logit: f64) -> Self {
        Self { params: vec![logit], layout: Layout::new(&[("eta", 1, Domain::Real)]) }
    }

    fn bits(&self) -> Bernoulli<f64> {
        Bernoulli::from_logits(&[self.params[0]; 3]).unwrap()
    }
}

impl Distribution<f64> for SharedBits {
    fn dim(&self) -> usize {
        3
    }
    fn params(&self) -> &[f64] {
        &self.params
    }
    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.params.copy_from_slice(params);
        Ok(())
    }
    fn layout(&self) -> &Layout {
        &self.layout
    }
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        self.bits().sample(rng, z);
    }
}

impl LogDensity<f64> for SharedBits {
    fn log_prob(&self, z: &[f64]) -> f64 {
        self.bits().log_prob(z)
    }
    fn score(&self, z: &[f64], score: &mut [f64]) {
        let mut scores = [0.0; 3];
        self.bits().score(z, &mut scores);
        score[0] = scores.iter().sum();
    }
}

impl FiniteSupport<f64> for SharedBits {
    fn outcomes(&self) -> Option<usize> {
        Some(8)
    }
    fn outcome(&self, index: usize, z: &mut [f64]) {
        self.bits().outcome(index, z);
    }
}
