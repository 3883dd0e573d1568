//! Every pullback, score, density gradient and entropy gradient against central differences, to a relative 1e-7, over random
//! parameters, noise and cotangents.

use crate::common::{
    check_consistency, check_entropy, check_log_prob_gradient, check_mean_score, check_pullback, check_score,
};
use proptest::prelude::*;
use reparam::prelude::*;
use reparam::{PositiveBijector, Reparameterizable};

/// The same cases in every run.
fn cases() -> ProptestConfig {
    let rng_seed = proptest::test_runner::RngSeed::Fixed(1);
    ProptestConfig { cases: 2000, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

/// Scales of the parameters of a location-scale family: σ for both.
fn twice(sigma: &[f64]) -> Vec<f64> {
    [sigma, sigma].concat()
}

/// Standard deviations over six decades.
fn sigma() -> impl Strategy<Value = f64> {
    (-3.0..3.0f64).prop_map(|x| 10f64.powf(x))
}

fn draw<D: Reparameterizable<f64>>(p: &D, noise: &[f64]) -> Vec<f64> {
    let mut z = vec![0.0; p.dim()];
    p.transform(noise, &mut z);
    z
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn normal(mu in prop::array::uniform2(-100.0..100.0), s in prop::array::uniform2(sigma()),
              e in prop::array::uniform2(-5.0..5.0), v in prop::array::uniform2(-3.0..3.0)) {
        let p = Normal::new(&mu, &s).unwrap();
        check_pullback(&p, &e, &v, &twice(&s));
        let z = draw(&p, &e);
        check_score(&p, &z, &twice(&s));
        check_log_prob_gradient(&p, &z, &s);
    }

    #[test]
    fn log_normal(mu in prop::array::uniform2(-5.0..5.0), s in prop::array::uniform2(0.01..2.0),
                  e in prop::array::uniform2(-5.0..5.0), v in prop::array::uniform2(-3.0..3.0)) {
        let p = LogNormal::new(&mu, &s).unwrap();
        check_pullback(&p, &e, &v, &[1.0, 1.0, 0.01, 0.01]);
        let z = draw(&p, &e);
        check_score(&p, &z, &twice(&s));
        check_log_prob_gradient(&p, &z, &[z[0] * s[0].min(1.0), z[1] * s[1].min(1.0)]);
    }

    #[test]
    fn softplus_normal(mu in prop::array::uniform2(-8.0..30.0), s in prop::array::uniform2(0.01..3.0),
                       e in prop::array::uniform2(-4.0..4.0), v in prop::array::uniform2(-3.0..3.0)) {
        let p = SoftplusNormal::new(&mu, &s).unwrap();
        check_pullback(&p, &e, &v, &[0.2, 0.2, 0.01, 0.01]);
        let z = draw(&p, &e);
        check_score(&p, &z, &twice(&s));
        // Below 1 the density changes over a fraction of z, above over σ.
        let scale = |i: usize| z[i].min(1.0) * s[i].min(0.5);
        check_log_prob_gradient(&p, &z, &[scale(0), scale(1)]);
    }

    #[test]
    fn gumbel_softmax(logits in prop::collection::vec(-4.0..4.0f64, 6), tau in 0.2..5.0f64,
                      e in prop::collection::vec(-2.0..6.0f64, 6), v in prop::collection::vec(-3.0..3.0f64, 6)) {
        let p = GumbelSoftmax::new(&logits, 3, tau).unwrap();
        check_pullback(&p, &e, &v, &[0.3 * tau; 6]);
        let mut scales = vec![0.3 * tau; 7];
        scales[6] = 0.05 * tau * tau.min(1.0);
        let learned = p.with_learned_temperature();
        check_pullback(&learned, &e, &v, &scales);
        let z = draw(&learned, &e);
        if z.iter().all(|&x| x > 1e-200) {
            let ln_range = z.iter().fold(1.0, |m: f64, x| m.max(-x.ln()));
            scales = vec![0.3; 7];
            scales[6] = (0.3 / ln_range).min(0.1 * tau);
            check_score(&learned, &z, &scales);
            let z_scales: Vec<f64> = z.iter().map(|x| 0.3 * x / (1.0 + tau)).collect();
            check_log_prob_gradient(&learned, &z, &z_scales);
        }
    }

    #[test]
    fn exp_concrete(logits in prop::collection::vec(-4.0..4.0f64, 6), tau in 0.2..5.0f64,
                    e in prop::collection::vec(-2.0..6.0f64, 6), v in prop::collection::vec(-3.0..3.0f64, 6)) {
        let p = ExpConcrete::new(&logits, 3, tau).unwrap().with_learned_temperature();
        let mut scales = vec![0.3 * tau; 7];
        scales[6] = 0.05 * tau * tau.min(1.0);
        check_pullback(&p, &e, &v, &scales);
        let z = draw(&p, &e);
        let range = z.iter().fold(1.0, |m: f64, y| m.max(-y));
        scales = vec![0.3; 7];
        scales[6] = (0.3 / range).min(0.1 * tau);
        check_score(&p, &z, &scales);
        check_log_prob_gradient(&p, &z, &[0.3 / (1.0 + tau); 6]);
    }

    #[test]
    fn binary_concrete(logits in prop::array::uniform2(-4.0..4.0f64), tau in 0.2..5.0f64,
                       e in prop::array::uniform2(-5.0..5.0f64), v in prop::array::uniform2(-3.0..3.0f64)) {
        let p = BinaryConcrete::new(&logits, tau).unwrap().with_learned_temperature();
        check_pullback(&p, &e, &v, &[0.3 * tau, 0.3 * tau, 0.02 * tau * tau.min(1.0)]);
        let z = draw(&p, &e);
        if z.iter().all(|&z| z > 1e-12 && z < 1.0 - 1e-4) {
            let range = z.iter().fold(1.0, |m: f64, z| m.max((z / (1.0 - z)).ln().abs()));
            check_score(&p, &z, &[0.3, 0.3, (0.3 / range).min(0.1 * tau)]);
            let z_scales: Vec<f64> = z.iter().map(|z| 0.2 * z * (1.0 - z) / (1.0 + tau)).collect();
            check_log_prob_gradient(&p, &z, &z_scales);
        }
    }

    #[test]
    fn bernoulli(logits in prop::array::uniform2(-20.0..20.0f64), bits in prop::array::uniform2(prop::bool::ANY)) {
        let z = bits.map(f64::from);
        check_score(&Bernoulli::from_logits(&logits).unwrap(), &z, &[0.5, 0.5]);
        let probs = logits.map(|l| 1.0 / (1.0 + (-0.3 * l).exp()));
        let p = Bernoulli::from_probs(&probs).unwrap();
        let scales = probs.map(|p| 0.3 * p * (1.0 - p));
        check_score(&p, &z, &scales);
    }

    #[test]
    fn categorical(logits in prop::collection::vec(-8.0..8.0f64, 6), k in 0..3usize, l in 0..3usize) {
        let mut z = [0.0; 6];
        z[k] = 1.0;
        z[3 + l] = 1.0;
        check_score(&Categorical::from_logits(&logits, 3).unwrap(), &z, &[0.3; 6]);
    }

    #[test]
    fn product(mu in -3.0..3.0f64, s in 0.1..2.0f64, t in 0.1..2.0f64,
               e in prop::array::uniform3(-4.0..4.0f64), v in prop::array::uniform3(-3.0..3.0f64)) {
        let p = Product::new(
            Normal::new(&[mu], &[s]).unwrap(),
            Product::new(LogNormal::new(&[0.3 * mu], &[t]).unwrap(), SoftplusNormal::new(&[mu], &[s]).unwrap()),
        );
        let scales = [s, s, 0.3, 0.02, 0.1, 0.01];
        check_pullback(&p, &e, &v, &scales);
        let z = draw(&p, &e);
        check_score(&p, &z, &[s, s, t, t, s, s]);
        check_log_prob_gradient(&p, &z, &[s, 0.3 * z[1] * t.min(1.0), z[2].min(1.0) * s.min(0.5)]);
    }

    #[test]
    fn unconstrained(mu in -3.0..3.0f64, s in 0.05..2.0f64, tau in 0.3..3.0f64, e in -4.0..4.0f64,
                     g in prop::array::uniform3(-2.0..6.0f64), v in prop::array::uniform4(-3.0..3.0f64),
                     softplus in prop::bool::ANY) {
        let link = if softplus { PositiveBijector::Softplus } else { PositiveBijector::Exp };
        let relaxed = GumbelSoftmax::new(&[mu, 0.0, 0.5], 3, tau).unwrap().with_learned_temperature();
        let p = Product::new(Normal::new(&[mu], &[s]).unwrap(), relaxed);
        let p = Unconstrained::with_bijector(p, link).unwrap();
        let noise = [e, g[0], g[1], g[2]];
        let small = 0.02 * tau.min(1.0);
        check_pullback(&p, &noise, &v, &[s, 0.1 * s.min(1.0), 0.3 * tau, 0.3 * tau, 0.3 * tau, small]);
        let z = draw(&p, &noise);
        if z[1..].iter().all(|&x| x > 1e-100) {
            let range = z[1..].iter().fold(1.0, |m: f64, x| m.max(-x.ln()));
            let sharp = 0.1 * s.min(1.0) / (1.0 + e.abs());
            check_score(&p, &z, &[s, sharp, 0.3, 0.3, 0.3, 0.1 / range]);
        }
    }

    #[test]
    fn unconstrained_probabilities_and_bits(l in prop::collection::vec(-4.0..4.0f64, 3), k in 0..3usize, b in -5.0..5.0f64) {
        let total: f64 = l.iter().map(|l| l.exp()).sum();
        let probs: Vec<f64> = l.iter().map(|l| l.exp() / total).collect();
        let p = Product::new(
            Categorical::from_probs(&probs, 3).unwrap(),
            Bernoulli::from_probs(&[1.0 / (1.0 + b.exp())]).unwrap(),
        );
        let p = Unconstrained::new(p).unwrap();
        let mut z = [0.0; 4];
        z[k] = 1.0;
        check_score(&p, &z, &[0.3; 4]);
    }
}

#[test]
fn entropies_have_their_gradients_and_their_sampled_values() {
    check_entropy(&Normal::new(&[1.0, -2.0], &[0.5, 3.0]).unwrap(), &[1.0, 1.0, 0.5, 3.0], 20_000, 1);
    check_entropy(&LogNormal::new(&[1.0, -2.0], &[0.5, 3.0]).unwrap(), &[1.0, 1.0, 0.5, 3.0], 20_000, 2);
    check_entropy(&Bernoulli::from_logits(&[1.0, -2.0, 0.0]).unwrap(), &[0.5; 3], 20_000, 3);
    check_entropy(&Bernoulli::from_probs(&[0.1, 0.7]).unwrap(), &[0.01, 0.05], 20_000, 4);
    check_entropy(
        &Categorical::from_logits(&[1.0, -2.0, 0.0, 0.0, 0.5, 3.0], 3).unwrap(),
        &[0.5; 6],
        20_000,
        5,
    );
    let product = Product::new(
        Normal::new(&[1.0], &[0.5]).unwrap(),
        Categorical::from_logits(&[1.0, -2.0, 0.0], 3).unwrap(),
    );
    check_entropy(&product, &[1.0, 0.5, 0.5, 0.5, 0.5], 20_000, 6);
    let scales = [1.0, 0.3, 0.3, 0.3, 0.3];
    check_entropy(&Unconstrained::new(product.clone()).unwrap(), &scales, 20_000, 7);
    check_entropy(
        &Unconstrained::with_bijector(product, PositiveBijector::Softplus).unwrap(),
        &scales,
        20_000,
        8,
    );
}

#[test]
fn the_mean_score_of_every_continuous_distribution_is_zero() {
    // 14 coordinates: 4.2 standard errors.
    check_mean_score(&Normal::new(&[1.0, -2.0], &[0.5, 3.0]).unwrap(), 200_000, 4.2, 1);
    check_mean_score(&LogNormal::new(&[1.0], &[0.5]).unwrap(), 200_000, 4.2, 2);
    check_mean_score(&SoftplusNormal::new(&[-1.0], &[1.5]).unwrap(), 200_000, 4.2, 3);
    let product =
        Product::new(Normal::new(&[1.0], &[0.5]).unwrap(), SoftplusNormal::new(&[1.0], &[0.5]).unwrap());
    check_mean_score(&Unconstrained::new(product).unwrap(), 200_000, 4.2, 4);
}

#[test]
fn blocks_and_lent_parameters_give_the_numbers_of_single_rows() {
    check_consistency(&Normal::new(&[1.0], &[0.5]).unwrap(), 1);
    check_consistency(&Normal::new(&[1.0, 2.0, 3.0], &[0.5, 0.1, 2.0]).unwrap(), 2);
    check_consistency(&LogNormal::new(&[1.0, 2.0], &[0.5, 0.1]).unwrap(), 3);
    check_consistency(&SoftplusNormal::new(&[1.0, 2.0], &[0.5, 0.1]).unwrap(), 4);
    let relaxed = GumbelSoftmax::new(&[1.0, 2.0, 0.0, 0.5], 2, 0.7).unwrap();
    check_consistency(&relaxed, 5);
    check_consistency(&relaxed.with_learned_temperature(), 6);
    check_consistency(&ExpConcrete::new(&[1.0, 2.0], 2, 0.7).unwrap().with_learned_temperature(), 7);
    let bits = BinaryConcrete::new(&[1.0, 2.0], 0.7).unwrap();
    check_consistency(&bits, 8);
    check_consistency(&bits.clone().with_learned_temperature(), 9);
    check_consistency(&Product::new(Normal::new(&[1.0], &[0.5]).unwrap(), bits), 10);
}
