// says: is not a differentiable transform of its noise
// says: use `ScoreFunction`, or a relaxation such as `GumbelSoftmax` or `BinaryConcrete`
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use reparam::prelude::*;

fn main() -> Result<(), reparam::Error> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = 2.0 * z[0];
        }
        z[0] * z[0]
    });
    Pathwise.estimate(&Bernoulli::from_logits(&[0.5])?, &f, 10, &mut rng)?;
    Ok(())
}
