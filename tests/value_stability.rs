//! Value stability: the numbers that a fixed seed gives, for every noise, every sampler, every transform
//! and two estimates.
//!
//! These are the only tests whose expected values the code itself has printed. When one turns red, results
//! of users with a fixed seed change: find out why; if the change is meant, announce it in the changelog
//! under "Value stability" and renew the numbers by
//!
//! ```sh
//! RENEW=1 cargo test --test value_stability -- --nocapture --test-threads 1 | sed -n 's/^= //p' > tests/value_stability.txt
//! ```
//!
//! Noise and what is made of it by sums and products holds to the bit on every machine, and with every
//! instruction set. Elsewhere the platform's exp, ln and pow have their say, whose last digits differ
//! between platforms: those numbers hold to 1e-15, relative.
//!
//! A program of its own, since the gate builds it once for each instruction set, and the other tests need
//! that only once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

#[path = "it/common/every.rs"]
mod every;

use every::every_distribution;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::DrawsMut;
use reparam::NoiseSource;
use reparam::bijections::Planar;
use reparam::noise::{fill_exponential, fill_gumbel, fill_logistic, fill_standard_normal, fill_uniform};
use reparam::prelude::*;

const TABLE: &str = include_str!("value_stability.txt");

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// Compares with the row of this name, to a relative tolerance; 0 is to the bit.
#[track_caller]
fn check(name: &str, found: &[f64], tolerance: f64) {
    if std::env::var_os("RENEW").is_some() {
        println!("\n= {name}: {}", found.iter().map(|x| format!("{x:?}")).collect::<Vec<_>>().join(" "));
        return;
    }
    let row = TABLE.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let row = row.unwrap_or_else(|| panic!("no row {name} in value_stability.txt"));
    let stable: Vec<f64> = row.split(' ').map(|x| x.parse().unwrap()).collect();
    assert_eq!(found.len(), stable.len(), "{name}");
    for (i, (found, stable)) in found.iter().zip(stable).enumerate() {
        let close = (found - stable).abs() <= tolerance * stable.abs();
        let same = close || found.to_bits() == stable.to_bits() || (found.is_nan() && stable.is_nan());
        assert!(same, "{name}, number {i}: {found:?}, of the last release {stable:?}");
    }
}

/// The platform's elementary functions.
const PLATFORM: f64 = 1e-15;

macro_rules! samplers {
    ($($kind:ident $name:ident: $p:expr;)*) => {
        #[allow(non_snake_case, reason = "a test has the name of its distribution")]
        mod samplers {
            use super::*;
            $(
                #[test]
                fn $name() {
                    let p = $p.unwrap();
                    let mut z = vec![0.0; 4 * p.dim()];
                    z.chunks_exact_mut(p.dim()).fold(rng(2026), |mut rng, z| {
                        p.sample(&mut rng, z);
                        rng
                    });
                    check(concat!(stringify!($name), " sample"), &z, PLATFORM);
                    samplers!(@$kind p, $name);
                }
            )*
        }
    };
    (@continuous $p:ident, $name:ident) => {
        let mut noise = vec![0.0; 4 * $p.noise_dim()];
        $p.draw_noise(&mut rng(2026), &mut noise);
        check(concat!(stringify!($name), " noise"), &noise, PLATFORM);
        let mut z = vec![0.0; 4 * $p.dim()];
        $p.transform_block(&noise, DrawsMut::of(&mut z));
        check(concat!(stringify!($name), " transform"), &z, PLATFORM);
    };
    (@$kind:ident $p:ident, $name:ident) => {};
}

every_distribution!(samplers);

#[test]
fn noise_to_the_bit() {
    fn fill(name: &str, fill: impl Fn(&mut Xoshiro256PlusPlus, &mut [f64]), single: impl Fn(&mut [f32])) {
        // More than the lanes of any instruction set, and not a multiple of them.
        let mut noise = [0.0; 37];
        fill(&mut rng(2026), &mut noise);
        check(&format!("{name} f"), &noise, 0.0);
        let mut noise = [0.0f32; 37];
        single(&mut noise);
        check(&format!("{name} s"), &noise.map(f64::from), 0.0);
    }
    fill("uniform", fill_uniform, |out| fill_uniform(&mut rng(2026), out));
    fill("normal", fill_standard_normal, |out| fill_standard_normal(&mut rng(2026), out));
    fill("exponential", fill_exponential, |out| fill_exponential(&mut rng(2026), out));
    fill("gumbel", fill_gumbel, |out| fill_gumbel(&mut rng(2026), out));
    fill("logistic", fill_logistic, |out| fill_logistic(&mut rng(2026), out));
}

/// Two gradient samples of a source's points for two dimensions.
fn points<S: NoiseSource<f64, Normal<f64>>>(name: &str, source: &S, tolerance: f64) {
    let p = Normal::standard(2).unwrap();
    let mut generator = rng(2026);
    let mut found = Vec::new();
    for index in 0..2 {
        let mut noise = vec![0.0; 2 * source.points()];
        let mut sample = source.begin(&p, index, &mut generator);
        source.fill(&p, &mut sample, &mut noise, &mut generator);
        found.extend(noise);
    }
    check(name, &found, tolerance);
}

#[test]
fn points_of_every_source() {
    points("source independent", &Independent::default(), 0.0);
    points("source antithetic", &Antithetic, 0.0);
    // Normal quantiles of scrambled points.
    points("source sobol", &ScrambledSobol::base2(3), PLATFORM);
    let recorded = Replay::record(&Normal::standard(2).unwrap(), 2, &mut rng(2026));
    points("source replay", &recorded, 0.0);
}

#[test]
fn a_fixed_seed_gives_the_numbers_of_this_release() {
    let square = (
        |z: &[f64]| z.iter().map(|z| z * z).sum(),
        |z: &[f64], dz: &mut [f64]| {
            dz.iter_mut().zip(z).for_each(|(dz, z)| *dz = z + z);
            z.iter().map(|z| z * z).sum()
        },
    );
    let p = Normal::new(&[1.0, -0.5], &[0.5, 2.0]).unwrap();
    let pathwise = Pathwise.estimate(&p, &square, 1000, &mut rng(2026)).unwrap();
    let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let score = loo.estimate(&p, &square, 1000, &mut rng(2026)).unwrap();
    assert_eq!(pathwise.gradient(), PATHWISE);
    assert_eq!(score.gradient(), SCORE);
}

const PATHWISE: [f64; 4] = [1.9891707595212225, -0.7502407182868581, 0.8481183796251611, 4.109463882788619];
const SCORE: [f64; 4] = [1.863743103289352, -0.8990109273302271, 1.427387092377767, 3.7947926826734824];
