//! What threads buy: `par_estimate` beside `estimate`, in alternation, the least of each. Needs the feature `rayon`.
//!
//! Compare the columns only where as many processors are idle as the pool has threads.

use std::hint::black_box;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;

/// An objective of about `work` times 1 ns a coordinate.
fn objective(work: usize) -> impl DifferentiableObjective<f64> + Sync {
    Differentiable(move |z: &[f64], dz: Option<&mut [f64]>| {
        let slope = |z: f64| (0..work).fold(z, |x, _| x - 0.1 * x * x * x);
        if let Some(dz) = dz {
            for (dz, &z) in dz.iter_mut().zip(z) {
                *dz = slope(z);
            }
        }
        z.iter().map(|z| z * z).sum()
    })
}

fn least(clock: impl Fn(), best: &mut f64) {
    let start = Instant::now();
    clock();
    *best = best.min(start.elapsed().as_secs_f64());
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let bench = asked("--bench") && !asked("--test");
    let threads = rayon::current_num_threads();
    println!("{threads} threads; milliseconds, the least of alternating calls");
    println!(
        "{:>8}{:>8}{:>10}{:>12}{:>14}{:>8}",
        "D", "work", "samples", "estimate", "par_estimate", "ratio"
    );
    for dim in [1usize, 10, 1000, 10_000] {
        let normal = Normal::new(&vec![0.1; dim], &vec![0.3; dim])?;
        for work in [0, 1000 / dim.min(100)] {
            let f = objective(work);
            let one = |samples: usize| {
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
                black_box(Pathwise.estimate(&normal, &f, samples, &mut rng)).map(drop)
            };
            let many = |samples: usize| {
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
                black_box(Pathwise.par_estimate(&normal, &f, samples, &mut rng)).map(drop)
            };
            let trial = (100_000 / dim).clamp(20, 2000);
            let mut unit = f64::INFINITY;
            for _ in 0..3 {
                least(|| one(trial).unwrap_or_default(), &mut unit);
            }
            let targets: &[f64] = if bench { &[1e-5, 1e-4, 1e-3, 5e-3, 2e-2, 2e-1] } else { &[1e-4] };
            for target in targets {
                let samples = ((target / unit * trial as f64) as usize).max(1);
                let rounds = if bench { (1.0 / target) as usize } else { 1 }.clamp(1, 200).max(if bench {
                    10
                } else {
                    1
                });
                let (mut a, mut b) = (f64::INFINITY, f64::INFINITY);
                one(samples)?;
                many(samples)?;
                for _ in 0..rounds {
                    least(|| one(samples).unwrap_or_default(), &mut a);
                    least(|| many(samples).unwrap_or_default(), &mut b);
                }
                println!("{dim:>8}{work:>8}{samples:>10}{:>12.4}{:>14.4}{:>8.2}", a * 1e3, b * 1e3, a / b);
            }
        }
    }
    Ok(())
}
