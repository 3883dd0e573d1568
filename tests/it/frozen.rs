//! Frozen parameters: the rest keep their numbers, and capabilities that a frozen parameter lacked are open to them.

use crate::common::{check_entropy, check_pullback, check_score, rng};
use reparam::prelude::*;
use reparam::{Conditional, Domain, Draws, DrawsMut, KlDivergence, MeanVariance, StochasticNode};

fn student() -> StudentT<f64> {
    StudentT::new(&[4.0, 7.0], &[0.5, -1.0], &[2.0, 0.3]).unwrap()
}

#[test]
fn the_free_parameters_keep_their_derivatives() {
    let p = Frozen::new(student(), &["mu"]).unwrap();
    assert_eq!(p.params(), [4.0, 7.0, 2.0, 0.3]);
    assert_eq!((p.layout().range("nu"), p.layout().range("sigma")), (Some(0..2), Some(2..4)));
    assert_eq!(p.layout().range("mu"), None);
    let scales = [0.4, 0.7, 1.0, 0.2];
    check_pullback(&p, &[0.2, -0.01], &[1.3, -0.4], &scales);
    check_score(&p, &[1.0, -1.2], &scales);
    check_entropy(&p, &scales, 100_000, 1);

    // A block of them, and lent parameters, are the rows one by one.
    let mut noise = [0.0; 16];
    p.draw_noise(&mut rng(2), &mut noise);
    let mut z = [0.0; 16];
    p.transform_block(&noise, DrawsMut::of(&mut z));
    let dz = [0.7; 16];
    let (mut block, mut scores) = ([f64::NAN; 32], [f64::NAN; 32]);
    p.pullback_block(&noise, Draws::of(&z), &dz, &mut block);
    p.score_block(Draws::of(&z), &mut scores);
    for row in 0..8 {
        let at = 2 * row..2 * row + 2;
        let (mut one, mut lent, mut score) = ([f64::NAN; 4], [f64::NAN; 4], [f64::NAN; 4]);
        p.pullback(&noise[at.clone()], &z[at.clone()], &dz[at.clone()], &mut one);
        assert_eq!(one, block[4 * row..][..4]);
        let params = [&p.params()[..2], &p.params()[2..]];
        p.pullback_with(&params, &noise[at.clone()], &z[at.clone()], &dz[at.clone()], &mut lent);
        assert_eq!(one, lent);
        p.score(&z[at.clone()], &mut score);
        assert_eq!(score, scores[4 * row..][..4]);
        let mut again = [f64::NAN; 2];
        p.transform_with(&params, &noise[at.clone()], &mut again);
        assert_eq!(again, z[at]);
    }
}

#[test]
fn estimates_are_those_of_the_whole_without_the_frozen_columns() {
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz.copy_from_slice(&[z[0].cos(), 0.5 * z[0]]);
        }
        z[0].sin() + 0.5 * z[1]
    });
    // Blocks are cut by the number of parameters, so the draws are not the same: 4 standard errors of the difference.
    let agree = |all: &GradientEstimate<f64>, some: &GradientEstimate<f64>, first: usize| {
        for i in 0..2 {
            let error = all.standard_error()[first + i].hypot(some.standard_error()[i]);
            assert!((all.gradient()[first + i] - some.gradient()[i]).abs() < 4.0 * error + 1e-12);
        }
    };
    let (whole, part) = (student(), Frozen::new(student(), &["nu", "sigma"]).unwrap());
    let all = Pathwise.estimate(&whole, &f, 4000, &mut rng(3)).unwrap();
    agree(&all, &Pathwise.estimate(&part, &f, 4000, &mut rng(4)).unwrap(), 2);
    let all = ScoreFunction::new().estimate(&whole, &f, 4000, &mut rng(3)).unwrap();
    agree(&all, &ScoreFunction::new().estimate(&part, &f, 4000, &mut rng(4)).unwrap(), 2);
    let normal = Normal::new(&[0.5, -1.0], &[2.0, 0.3]).unwrap();
    let all = MeasureValued::coupled().estimate(&normal, &f, 4000, &mut rng(3)).unwrap();
    let some = Frozen::new(normal, &["mu"]).unwrap();
    let some = MeasureValued::coupled().estimate(&some, &f, 4000, &mut rng(4)).unwrap();
    assert_eq!(some.evaluations(), 4000 * 3);
    agree(&all, &some, 2);
}

#[test]
fn what_was_refused_because_of_a_frozen_parameter_is_open_to_the_rest() {
    let f = |z: &[f64]| z[0].sqrt();
    // E √z = β^(−½) Γ(α + ½)/Γ(α) for a gamma: −½ of it for β = 1.
    let gamma = Frozen::new(Gamma::from_rate(&[2.5], &[1.0]).unwrap(), &["shape"]).unwrap();
    let estimate = MeasureValued::coupled().estimate(&gamma, &f, 20_000, &mut rng(1)).unwrap();
    let exact = -0.5 * 2.0 / 1.329_340_388_179_137; // Γ(3)/Γ(2.5)
    assert!((estimate.gradient()[0] - exact).abs() < 4.0 * estimate.standard_error()[0]);
    let uniform = Uniform::new(&[0.0], &[2.0]).unwrap();
    let high = Frozen::new(uniform, &["low"]).unwrap();
    // The bound that is free still moves the support.
    let error = ScoreFunction::new().estimate(&high, &f, 100, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::SupportDependsOnParameter { parameter: "high".into() });
}

#[test]
fn bad_parameters_change_nothing_and_are_named() {
    let mut p = Frozen::new(student(), &["mu"]).unwrap();
    let before = p.clone();
    assert!(matches!(p.set_params(&[1.0; 3]), Err(Error::Length { expected: 4, found: 3, .. })));
    let error = p.set_params(&[1.0, 2.0, 3.0, -4.0]).unwrap_err();
    assert!(matches!(error, Error::ParameterDomain { parameter, index: 1, .. } if parameter == "sigma"));
    assert_eq!(p, before);
    p.set_params(&[1.0, 2.0, 3.0, 4.0]).unwrap();
    assert_eq!(p.inner().params(), [1.0, 2.0, 0.5, -1.0, 3.0, 4.0]);
    assert_eq!(p.clone().into_inner().nu(), [1.0, 2.0]);
    let unknown = Frozen::new(student(), &["nu", "scale"]).unwrap_err();
    assert_eq!(unknown, Error::UnknownParameter { parameter: "scale".into() });
    assert_eq!(unknown.to_string(), "there is no parameter scale");
}

/// A law without parameters: noise beside what is learned. By itself it has no gradient.
#[test]
fn all_may_be_frozen() {
    let noise = Frozen::new(student(), &["nu", "mu", "sigma"]).unwrap();
    assert!(noise.params().is_empty() && noise.layout().is_empty());
    let f = (
        |z: &[f64]| (z[0] + z[2]).sin(),
        |z: &[f64], dz: &mut [f64]| {
            let slope = (z[0] + z[2]).cos();
            dz.copy_from_slice(&[slope, 0.0, slope]);
            (z[0] + z[2]).sin()
        },
    );
    let alone = Pathwise.estimate(&noise, &f, 10, &mut rng(1));
    assert!(matches!(alone, Err(Error::EmptySupport { .. })), "{alone:?}");
    // Each estimator gives for μ and σ of a normal what it gives where the noise has parameters that nobody looks at.
    let normal = || Normal::new(&[0.3], &[0.8]).unwrap();
    let with = Product::new(student(), normal());
    let without = Product::new(noise.clone(), normal());
    assert_eq!(without.params().len(), 2);
    macro_rules! same {
        ($($estimator:expr),*) => {$(
            let a = $estimator.estimate(&with, &f, 2000, &mut rng(2)).unwrap();
            let b = $estimator.estimate(&without, &f, 2000, &mut rng(2)).unwrap();
            for (a, b) in a.gradient()[6..].iter().zip(b.gradient()) {
                assert!((a - b).abs() < 1e-12 * (1.0 + a.abs()), "{a} {b}");
            }
        )*};
    }
    same!(Pathwise, ScoreFunction::new(), Elbo::sampled(), Elbo::sticking_the_landing());
    same!(
        ImportanceWeighted::plain(3),
        ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 3 })
    );
    assert_eq!(Unconstrained::new(without).unwrap().params().len(), 2);
    // A chain of one bit has no couplings: what is left free is nothing.
    let bit = Frozen::new(BitChain::new(&[0.5], &[]).unwrap(), &["logits"]).unwrap();
    let b = |b: &[f64]| b[0];
    assert!(matches!(Enumerate.estimate(&bit, &b, 1, &mut rng(1)), Err(Error::EmptySupport { .. })));
}

#[test]
fn an_upper_bound_without_its_lower_one_is_still_checked() {
    let mut p = Frozen::new(Uniform::new(&[0.0, 1.0], &[2.0, 3.0]).unwrap(), &["low"]).unwrap();
    assert!(p.layout().iter().all(|part| part.domain == Domain::Real));
    assert!(matches!(p.set_params(&[0.5, 0.9]), Err(Error::ParameterDomain { index: 1, .. })));
    p.set_params(&[0.5, 1.1]).unwrap();
    // On top of it, an unconstrained walk.
    let walk = Unconstrained::new(p).unwrap();
    assert_eq!(walk.params(), [0.5, 1.1]);
}

#[test]
fn a_node_takes_only_the_free_parameters() {
    let p = Frozen::new(student(), &["nu", "mu"]).unwrap();
    let mut node = StochasticNode::new(p);
    let sigma = [2.0, 0.3, 1.0, 1.0];
    let z = node.forward(&[&sigma], &mut rng(5)).unwrap().to_vec();
    let mut gradients = [f64::NAN; 4];
    node.backward(&[&sigma], &[1.0; 4], &mut [&mut gradients]).unwrap();
    for i in 0..4 {
        let mu = [0.5, -1.0][i % 2];
        assert!((gradients[i] - (z[i] - mu) / sigma[i]).abs() < 1e-12);
    }
}

#[test]
fn divergences_and_moments_are_those_of_the_whole() {
    let beta = |a: f64| Beta::new(&[a], &[2.0]).unwrap();
    let (p, q) = (Frozen::new(beta(3.0), &["beta"]).unwrap(), Frozen::new(beta(1.5), &["beta"]).unwrap());
    assert_eq!(p.kl(&q).unwrap(), beta(3.0).kl(&beta(1.5)).unwrap());
    let (mut dp, mut dq) = ([0.0; 1], [0.0; 1]);
    p.kl_gradient(&q, &mut dp, &mut dq).unwrap();
    let (mut all_p, mut all_q) = ([0.0; 2], [0.0; 2]);
    beta(3.0).kl_gradient(&beta(1.5), &mut all_p, &mut all_q).unwrap();
    assert_eq!((dp[0], dq[0]), (all_p[0], all_q[0]));
    assert!(matches!(p.kl_gradient(&q, &mut [0.0; 2], &mut dq), Err(Error::Length { .. })));
    let mut mean = [0.0];
    p.mean(&mut mean);
    assert!((mean[0] - 0.6f64).abs() < 1e-15);
}
