// says: has no gradient with respect to z
// says: wrap one closure that fills the gradient when asked, `Differentiable(
// says: or give a pair of closures
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use reparam::prelude::*;

fn main() -> Result<(), reparam::Error> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let f = |z: &[f64]| z[0] * z[0];
    Pathwise.estimate(&Normal::new(&[0.5], &[1.0])?, &f, 10, &mut rng)?;
    Ok(())
}
