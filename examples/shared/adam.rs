//! Adam (Kingma & Ba 2015, arXiv:1412.6980), uphill.

/// The optimiser's memory: running means of the gradient and of its square.
pub(crate) struct Adam {
    mean: Vec<f64>,
    square: Vec<f64>,
    steps: i32,
}

impl Adam {
    const DECAY_MEAN: f64 = 0.9;
    const DECAY_SQUARE: f64 = 0.999;
    const FLOOR: f64 = 1e-8;

    pub(crate) fn new(params: usize) -> Self {
        Self { mean: vec![0.0; params], square: vec![0.0; params], steps: 0 }
    }

    /// Moves the parameters uphill, each by at most about `rate`.
    pub(crate) fn ascend(&mut self, params: &mut [f64], gradient: &[f64], rate: f64) {
        self.steps += 1;
        let unbias_mean = 1.0 - Self::DECAY_MEAN.powi(self.steps);
        let unbias_square = 1.0 - Self::DECAY_SQUARE.powi(self.steps);
        let memory = self.mean.iter_mut().zip(&mut self.square);
        for ((param, &g), (mean, square)) in params.iter_mut().zip(gradient).zip(memory) {
            *mean += (1.0 - Self::DECAY_MEAN) * (g - *mean);
            *square += (1.0 - Self::DECAY_SQUARE) * (g * g - *square);
            *param += rate * (*mean / unbias_mean) / ((*square / unbias_square).sqrt() + Self::FLOOR);
        }
    }
}
