// says: is not known in closed form
// says: use `Elbo::sticking_the_landing` or `Elbo::sampled`
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
    Elbo::analytic().estimate(&SoftplusNormal::new(&[0.5], &[1.0])?, &f, 10, &mut rng)?;
    Ok(())
}
