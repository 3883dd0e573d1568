// says: is not rows of independent categories
// says: use `DisArm` for bits
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use reparam::prelude::*;

fn main() -> Result<(), reparam::Error> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let f = |z: &[f64]| z[0] * z[0];
    DisArmSticks.estimate(&Bernoulli::from_logits(&[0.5])?, &f, 10, &mut rng)?;
    Ok(())
}
