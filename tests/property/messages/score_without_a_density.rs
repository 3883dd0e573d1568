// says: has no log-density and no score
// says: use `Pathwise`, which needs neither
use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use reparam::prelude::*;
use reparam::{Distribution, Error, Layout, Reparameterizable};

/// A normal that can be drawn from and pulled back, and has nothing else.
struct Bare(Normal<f64>);

impl Distribution<f64> for Bare {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn params(&self) -> &[f64] {
        self.0.params()
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.0.set_params(params)
    }

    fn layout(&self) -> &Layout {
        self.0.layout()
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        self.0.sample(rng, z);
    }
}

impl Reparameterizable<f64> for Bare {
    fn noise_dim(&self) -> usize {
        self.0.noise_dim()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [f64]) {
        self.0.draw_noise(rng, noise);
    }

    fn transform(&self, noise: &[f64], z: &mut [f64]) {
        self.0.transform(noise, z);
    }

    fn pullback(&self, noise: &[f64], z: &[f64], dz: &[f64], dtheta: &mut [f64]) {
        self.0.pullback(noise, z, dz, dtheta);
    }
}

fn main() -> Result<(), Error> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = 2.0 * z[0];
        }
        z[0] * z[0]
    });
    let bare = Bare(Normal::new(&[0.5], &[1.0])?);
    ScoreFunction::new().estimate(&bare, &f, 10, &mut rng)?;
    Ok(())
}
