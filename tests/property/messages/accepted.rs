// The control: nothing is wrong here, so the errors of the others are their own.
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
    let normal = Normal::new(&[0.5], &[1.0])?;
    Pathwise.estimate(&normal, &f, 10, &mut rng)?;
    Elbo::analytic().estimate(&normal, &f, 10, &mut rng)?;
    DisArm.estimate(&Bernoulli::from_logits(&[0.5])?, &f, 10, &mut rng)?;
    Ok(())
}
