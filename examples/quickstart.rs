//! The gradient of an expectation, two ways, each with its error bars.
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use reparam::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // z ~ N(mu, sigma²) and f(z) = (z₀ − 1)² + z₀ z₁: the gradient of E[f(z)] is (1, 2) in mu and (1, 0) in sigma.
    let normal = Normal::new(&[2.0, -1.0], &[0.5, 2.0])?;
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = 2.0 * (z[0] - 1.0) + z[1];
            dz[1] = z[0];
        }
        (z[0] - 1.0) * (z[0] - 1.0) + z[0] * z[1]
    });
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);

    let pathwise = Pathwise.estimate(&normal, &f, 40_000, &mut rng)?;
    println!("pathwise\n{pathwise:.2}\n");

    let mut leave_one_out = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let score_function = leave_one_out.estimate(&normal, &f, 10_000, &mut rng)?;
    println!("score function, leave-one-out\n{score_function:.2}");
    Ok(())
}
