//! One draw and its exact derivatives, in nanoseconds on one core, beside the bound that each has to keep: Beta (both derivatives), Student's t
//! and a Dirichlet of ten classes (pullback). The least of several alternations counts, so that a busy machine cannot fail a bound.

use std::hint::black_box;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;

const ROUNDS: usize = 15;
const DRAWS: usize = 4096;

type Case = (String, f64, Box<dyn FnMut(&mut Xoshiro256PlusPlus)>);

/// A block of draws with the pullback of each.
fn case<D: Reparameterizable<f64> + 'static>(name: String, bound: f64, distribution: D) -> Case {
    let (dim, params) = (distribution.dim(), distribution.params().len());
    let mut noise = vec![0.0; DRAWS * distribution.noise_dim()];
    let (mut z, dz) = (vec![0.0; DRAWS * dim], vec![1.0; DRAWS * dim]);
    let mut gradients = vec![0.0; DRAWS * params];
    let run = move |rng: &mut Xoshiro256PlusPlus| {
        distribution.draw_block(rng, &mut noise, &mut z);
        distribution.pullback_block(&noise, &z, &dz, &mut gradients);
        black_box(&gradients);
    };
    (name, bound, Box::new(run))
}

fn main() {
    let mut cases = Vec::new();
    let shapes = [0.1, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0];
    for a in shapes {
        for b in shapes {
            cases.push(case(format!("Beta({a}, {b})"), 400.0, Beta::new(&[a], &[b]).expect("valid")));
        }
    }
    for nu in shapes {
        let t = StudentT::new(&[nu], &[0.5], &[2.0]).expect("valid");
        cases.push(case(format!("StudentT({nu})"), 200.0, t));
    }
    for alpha in shapes {
        let ten = Dirichlet::new(&[alpha; 10], 10).expect("valid");
        cases.push(case(format!("Dirichlet(10 × {alpha})"), 1500.0, ten));
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut best = vec![f64::INFINITY; cases.len()];
    for _ in 0..ROUNDS {
        for ((_, _, run), best) in cases.iter_mut().zip(&mut best) {
            let start = Instant::now();
            run(&mut rng);
            *best = best.min(start.elapsed().as_secs_f64() * 1e9 / DRAWS as f64);
        }
    }
    for ((name, bound, _), found) in cases.iter().zip(best) {
        println!(
            "{name:<24} {found:7.1} ns of {bound:6.0}{}",
            if found <= *bound { "" } else { "  EXCEEDED" }
        );
    }
}
