//! What one draw and its exact implicit derivative cost, in nanoseconds on one core, for every family without a closed-form
//! quantile function, beside the bound that it must keep.
//!
//!     cargo bench --bench implicit
//!
//! Least time of many alternations, so that a busy machine does not show; the machine's own speed does.

use std::hint::black_box;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::Error;
use reparam::prelude::*;
use reparam::{Draws, DrawsMut, Reparameterizable};

/// Draws in one timed call.
const DRAWS: usize = 2000;

/// Alternations over all cases.
const ROUNDS: usize = 200;

struct Case {
    name: String,
    /// Nanoseconds that a draw with its derivative may take.
    bound: f64,
    /// Draws and pulls back, giving the nanoseconds of both.
    run: Box<dyn FnMut() -> (f64, f64)>,
}

fn case<D: Reparameterizable<f64> + 'static>(
    name: impl Into<String>,
    bound: f64,
    distribution: Result<D, Error>,
) -> Case {
    let (name, distribution) = (name.into(), distribution.expect("valid parameters"));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut noise = vec![0.0; DRAWS * distribution.noise_dim()];
    let mut z = vec![0.0; DRAWS * distribution.dim()];
    let dz = vec![1.0; z.len()];
    let mut gradient = vec![0.0; DRAWS * distribution.params().len()];
    let run = Box::new(move || {
        let start = Instant::now();
        distribution.draw_block(&mut rng, &mut noise, DrawsMut::of(&mut z));
        let middle = Instant::now();
        distribution.pullback_block(black_box(&noise), Draws::of(&z), &dz, &mut gradient);
        black_box(&mut gradient);
        let nanoseconds = |d: std::time::Duration| d.as_secs_f64() * 1e9 / DRAWS as f64;
        (nanoseconds(middle - start), nanoseconds(middle.elapsed()))
    });
    Case { name, bound, run }
}

fn main() {
    let mut cases = vec![
        case("Gamma(0.1)", 150.0, Gamma::from_rate(&[0.1], &[1.3])),
        case("Gamma(1)", 150.0, Gamma::from_rate(&[1.0], &[1.3])),
        case("Gamma(3)", 150.0, Gamma::from_rate(&[3.0], &[1.3])),
        case("Gamma(10)", 150.0, Gamma::from_rate(&[10.0], &[1.3])),
        case("Gamma(100)", 150.0, Gamma::from_rate(&[100.0], &[1.3])),
        case("Gamma(10000)", 150.0, Gamma::from_rate(&[1e4], &[1.3])),
        case("LogGamma(1e-4)", 150.0, LogGamma::from_rate(&[1e-4], &[1.3])),
        case("LogGamma(2)", 150.0, LogGamma::from_rate(&[2.0], &[1.3])),
        case("InverseGamma(3)", 150.0, InverseGamma::new(&[3.0], &[1.3])),
        case("ChiSquared(5)", 150.0, ChiSquared::new(&[5.0])),
        case("VonMises(0.1)", 400.0, VonMises::new(&[0.3], &[0.1])),
        case("VonMises(2)", 400.0, VonMises::new(&[0.3], &[2.0])),
        case("VonMises(9)", 400.0, VonMises::new(&[0.3], &[9.0])),
        case("VonMises(100)", 400.0, VonMises::new(&[0.3], &[100.0])),
        case("InverseGaussian(1, 2)", 150.0, InverseGaussian::new(&[1.0], &[2.0])),
    ];
    let shapes = [0.1, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0];
    for a in shapes {
        cases.extend(shapes.map(|b| case(format!("Beta({a}, {b})"), 400.0, Beta::new(&[a], &[b]))));
    }
    for nu in shapes {
        cases.push(case(format!("StudentT({nu})"), 200.0, StudentT::new(&[nu], &[0.5], &[2.0])));
    }
    for alpha in shapes {
        cases.push(case(format!("Dirichlet(10 × {alpha})"), 1500.0, Dirichlet::new(&[alpha; 10], 10)));
    }
    let mut least = vec![(f64::INFINITY, f64::INFINITY); cases.len()];
    for _ in 0..ROUNDS {
        for (case, least) in cases.iter_mut().zip(&mut least) {
            let (draw, derivative) = (case.run)();
            *least = (least.0.min(draw), least.1.min(derivative));
        }
    }
    println!("{:<26} {:>8} {:>11} {:>8} {:>8}", "ns per draw", "draw", "derivative", "both", "bound");
    for (case, (draw, derivative)) in cases.iter().zip(least) {
        let both = draw + derivative;
        let verdict = if both <= case.bound { "" } else { "  over" };
        println!("{:<26} {draw:>8.1} {derivative:>11.1} {both:>8.1} {:>8}{verdict}", case.name, case.bound);
    }
}
