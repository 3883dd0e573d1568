//! Bits that depend on their neighbours: law, score, sampler, and the estimators that they have.

use crate::common::{rng, sample_batches};
use reparam::prelude::*;
use reparam::verify;

fn chain() -> BitChain<f64> {
    BitChain::new(&[0.4, -1.0, 0.3, -0.5], &[2.5, -1.5, 0.8]).unwrap()
}

/// `P(bit = 1)` of each bit by the recursion of a Markov chain.
fn marginals(p: &BitChain<f64>) -> Vec<f64> {
    let sigmoid = |l: f64| 1.0 / (1.0 + (-l).exp());
    let mut one = sigmoid(p.logits()[0]);
    let mut all = vec![one];
    for (l, w) in p.logits()[1..].iter().zip(p.couplings()) {
        one = one * sigmoid(l + w) + (1.0 - one) * sigmoid(*l);
        all.push(one);
    }
    all
}

#[test]
fn the_law_sums_to_one_has_the_marginals_of_a_markov_chain_and_fits_the_sampler() {
    let p = chain();
    const DRAWS: usize = 100_000;
    let mut draws = vec![0.0; 4 * DRAWS];
    p.sample(&mut rng(1), &mut draws);
    let (mut total, mut ones, mut chi_square, mut z) = (0.0, [0.0; 4], 0.0, [0.0; 4]);
    assert_eq!(p.outcomes(), Some(16));
    for index in 0..16 {
        p.outcome(index, &mut z);
        let mass = p.log_prob(&z).exp();
        total += mass;
        (0..4).for_each(|i| ones[i] += mass * z[i]);
        let found = draws.chunks(4).filter(|draw| **draw == z).count() as f64;
        chi_square += (found - DRAWS as f64 * mass).powi(2) / (DRAWS as f64 * mass);
    }
    assert!((total - 1.0).abs() < 1e-14);
    assert!(ones.iter().zip(marginals(&p)).all(|(a, b)| (a - b).abs() < 1e-14));
    // 15 degrees of freedom: the chance of 45 is 1e-4.
    assert!(chi_square < 45.0, "{chi_square}");
}

#[test]
fn the_score_is_the_derivative_and_has_the_identities() {
    let (p, mut z) = (chain(), [0.0; 4]);
    for index in 0..16 {
        p.outcome(index, &mut z);
        verify::score(&p, &z).unwrap().within(1e-7).unwrap();
    }
    assert!(verify::score_identities(&p, 50_000, &mut rng(2)).unwrap().p_value() > 1e-3);
}

#[test]
fn enumeration_is_the_derivative_of_the_marginals_and_the_others_agree_with_the_exact_variance() {
    let p = chain();
    // The last bit alone: its derivative by every parameter, by differences of the Markov recursion.
    let last = |b: &[f64]| b[3];
    let exact = Enumerate.estimate(&p, &last, 2, &mut rng(1)).unwrap();
    for i in 0..7 {
        let moved = |h: f64| {
            let mut params = p.params().to_vec();
            params[i] += h;
            marginals(&BitChain::new(&params[..4], &params[4..]).unwrap())[3]
        };
        let slope = (8.0 * (moved(1e-3) - moved(-1e-3)) - (moved(2e-3) - moved(-2e-3))) / 12e-3;
        assert!((exact.gradient()[i] - slope).abs() < 1e-11, "{i}");
    }
    let f = |b: &[f64]| (b[0] - 0.5 * b[1] + 0.75 * b[2] * b[3] - 0.6).powi(2);
    let exact = Enumerate.estimate(&p, &f, 2, &mut rng(1)).unwrap();
    let sampled = sample_batches(&mut ScoreFunction::new(), &p, &f, 4000, 3);
    let mut unordered = UnorderedSet::new(4).with_built_in_baseline();
    let unordered = sample_batches(&mut unordered, &p, &f, 1000, 4);
    let (mut z, mut score) = ([0.0; 4], [0.0; 7]);
    for i in 0..7 {
        let mut square = 0.0;
        for index in 0..16 {
            p.outcome(index, &mut z);
            p.score(&z, &mut score);
            square += p.log_prob(&z).exp() * (f(&z) * score[i]).powi(2);
        }
        let mean = exact.gradient()[i];
        assert!(sampled.check(i, mean, square - mean * mean, 4.5, "score function"));
        let error = (unordered.variance[i] / unordered.samples).sqrt();
        assert!((unordered.mean[i] - mean).abs() < 4.5 * error, "{i}");
    }
}

#[test]
fn extremes_and_bad_parameters() {
    let p = BitChain::new(&[1e308, -1e308, 0.0], &[-1e308, 1e308]).unwrap();
    let (mut z, mut score) = ([0.0; 3], [f64::NAN; 5]);
    for seed in 0..20 {
        p.sample(&mut rng(seed), &mut z);
        assert_eq!(z[..2], [1.0, 0.0]);
        assert_eq!(p.log_prob(&z), 0.5f64.ln());
        p.score(&z, &mut score);
        assert_eq!(score[..2], [0.0; 2]);
        assert!(score[2].abs() == 0.5 && score[3] == 0.0 && score[4] == 0.0);
    }
    assert_eq!(p.log_prob(&[0.0, 0.0, 0.0]), -1e308);
    for z in [[0.5, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, f64::NAN]] {
        assert_eq!(p.log_prob(&z), f64::NEG_INFINITY);
    }
    let single = BitChain::new(&[1e38f32], &[]).unwrap();
    assert_eq!(single.log_prob(&[1.0]), 0.0);
    assert!(matches!(BitChain::<f64>::new(&[], &[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(BitChain::new(&[0.0], &[1.0]), Err(Error::Length { .. })));
    let error = BitChain::new(&[0.0, 0.0], &[f64::NAN]).unwrap_err();
    assert!(matches!(error, Error::NonFiniteParameter { parameter, .. } if parameter == "couplings"));
    assert!(BitChain::new(&[0.0; 64], &[0.0; 63]).unwrap().outcomes().is_none());
}
