//! The preludes of `rand` and of this crate in one program, as many type them first.

use rand::distr::StandardUniform;
use rand::prelude::*;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;

#[test]
fn the_preludes_of_rand_and_of_this_crate_go_together() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let normal = Normal::new(&[1.0], &[0.5]).unwrap();
    assert_eq!((normal.dim(), normal.params()), (1, [1.0, 0.5].as_slice()));
    let mut z = [f64::NAN; 3];
    normal.sample(&mut rng, &mut z);
    assert!(z.iter().all(|z| z.is_finite()));
    let half_ln_tau = 0.5 * std::f64::consts::TAU.ln();
    assert!((normal.log_prob(&[1.0]) - (0.5f64.recip().ln() - half_ln_tau)).abs() < 1e-15);
    assert!((normal.entropy() - (0.5 + half_ln_tau + 0.5f64.ln())).abs() < 1e-15);

    let estimate = ScoreFunction::new().estimate(&normal, &|z: &[f64]| z[0], 10_000, &mut rng).unwrap();
    assert!((estimate.gradient()[0] - 1.0).abs() < 4.0 * estimate.standard_error()[0]);

    // And rand's own.
    let uniform: f64 = rng.random();
    assert!((0.0..1.0).contains(&uniform) && [1, 2, 3].choose(&mut rng).is_some());
    let fair: bool = StandardUniform.sample(&mut rng);
    assert!(u8::from(fair) < 2);
}

/// The names of a prelude are what shadows and clashes: they stay few.
#[test]
fn the_prelude_has_less_than_a_hundred_names_and_no_trait_of_a_distribution_among_them() {
    let source = include_str!("../../src/lib.rs");
    let prelude = source.split_once("pub mod prelude").unwrap().1;
    let words = prelude.split(['{', '}', ',', ';']).map(str::trim).filter(|word| !word.is_empty());
    let names: Vec<_> = words
        .filter(|word| !word.ends_with(" as _") && !word.ends_with("::"))
        .map(|word| word.rsplit("::").next().unwrap_or(word))
        .collect();
    assert!((80..100).contains(&names.len()), "{}: {names:?}", names.len());
    for name in ["Distribution", "LogDensity", "Reparameterizable", "Entropy", "Exp", "Family"] {
        assert!(!names.contains(&name), "{name}");
    }
}
