//! The stochastic node: a minibatch forward and its pullback, against central differences.

use crate::common::{assert_relative, derivative, rng};
use reparam::prelude::*;
use reparam::{Conditional, PositiveBijector, StochasticNode};

/// Pulls a random cotangent back and compares every number of every head with the central difference of replayed draws.
fn check<D: Conditional<f64> + Clone>(node: &StochasticNode<f64, D>, heads: &[Vec<f64>], scale: f64) {
    let mut node = node.clone();
    let lent: Vec<&[f64]> = heads.iter().map(Vec::as_slice).collect();
    let z = node.forward(&lent, &mut rng(1)).unwrap().to_vec();
    let mut dz = vec![0.0; z.len()];
    Normal::standard(1).unwrap().sample(&mut rng(2), &mut dz);
    let mut gradients: Vec<Vec<f64>> = heads.iter().map(|head| vec![f64::NAN; head.len()]).collect();
    let mut out: Vec<&mut [f64]> = gradients.iter_mut().map(Vec::as_mut_slice).collect();
    node.backward(&lent, &dz, &mut out).unwrap();
    for (h, gradient) in gradients.iter().enumerate() {
        for (i, &found) in gradient.iter().enumerate() {
            let loss = |x: f64| {
                let mut moved = heads.to_vec();
                moved[h][i] = x;
                let lent: Vec<&[f64]> = moved.iter().map(Vec::as_slice).collect();
                let z = node.clone().replay(&lent).unwrap().to_vec();
                z.iter().zip(&dz).map(|(z, dz)| z * dz).sum()
            };
            let expected = derivative(loss, heads[h][i], scale);
            assert_relative(found, expected, 1e-7, 1e-9, &format!("head {h}, number {i}"));
        }
    }
}

fn random(len: usize, seed: u64, map: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut x = vec![0.0; len];
    Normal::standard(1).unwrap().sample(&mut rng(seed), &mut x);
    x.into_iter().map(map).collect()
}

#[test]
fn separate_heads_pull_back_for_every_row() {
    let (mu, sigma) = (random(15, 3, |x| x), random(15, 4, |x| 0.5 * x.exp()));
    let heads = [mu, sigma];
    let three = Normal::<f64>::standard(3).unwrap();
    check(&StochasticNode::new(three), &heads, 0.1);
    check(&StochasticNode::new(LogNormal::new(&[0.0; 3], &[1.0; 3]).unwrap()), &heads, 0.05);
    check(&StochasticNode::new(SoftplusNormal::new(&[0.0; 3], &[1.0; 3]).unwrap()), &heads, 0.05);
}

#[test]
fn unconstrained_heads_have_the_chain_rule_applied() {
    let heads = [random(15, 3, |x| x), random(15, 4, |x| x)];
    let three = Normal::<f64>::standard(3).unwrap();
    check(&StochasticNode::unconstrained(three.clone()), &heads, 0.1);
    check(&StochasticNode::unconstrained_with(three, PositiveBijector::Softplus), &heads, 0.1);
}

#[test]
fn one_fused_head_is_the_same_as_separate_heads() {
    let (mu, sigma) = (random(6, 3, |x| x), random(6, 4, |x| 0.5 * x.exp()));
    let mut fused = Vec::new();
    for row in 0..3 {
        fused.extend_from_slice(&mu[2 * row..][..2]);
        fused.extend_from_slice(&sigma[2 * row..][..2]);
    }
    let two = Normal::<f64>::standard(2).unwrap();
    check(&StochasticNode::new(two.clone()), &[fused.clone()], 0.1);
    check(&StochasticNode::unconstrained(two.clone()), &[fused.clone()], 0.1);

    let (mut a, mut b) = (StochasticNode::new(two.clone()), StochasticNode::new(two));
    let separate = a.forward(&[&mu, &sigma], &mut rng(5)).unwrap();
    assert_eq!(separate, b.forward(&[&fused], &mut rng(5)).unwrap());
    let dz = random(6, 6, |x| x);
    let (mut dmu, mut dsigma, mut dfused) = ([0.0; 6], [0.0; 6], [0.0; 12]);
    a.backward(&[&mu, &sigma], &dz, &mut [&mut dmu, &mut dsigma]).unwrap();
    b.backward(&[&fused], &dz, &mut [&mut dfused]).unwrap();
    for row in 0..3 {
        assert_eq!(dfused[4 * row..][..2], dmu[2 * row..][..2]);
        assert_eq!(dfused[4 * row + 2..][..2], dsigma[2 * row..][..2]);
    }
}

#[test]
fn relaxed_categories_and_products_are_nodes_too() {
    let relaxed = GumbelSoftmax::new(&[0.0; 6], 3, 0.7).unwrap();
    let logits = random(24, 3, |x| x);
    check(&StochasticNode::new(relaxed.clone()), std::slice::from_ref(&logits), 0.1);
    let learned = relaxed.clone().with_learned_temperature();
    let tau = random(4, 5, |x| 0.5 * x.exp().clamp(0.5, 3.0));
    check(&StochasticNode::new(learned.clone()), &[logits.clone(), tau.clone()], 0.02);
    check(&StochasticNode::unconstrained(learned), &[logits.clone(), random(4, 5, |x| 0.3 * x)], 0.05);

    let product = Product::new(Normal::<f64>::standard(1).unwrap(), relaxed);
    let heads = [random(4, 6, |x| x), random(4, 7, |x| 0.5 * x.exp()), logits];
    check(&StochasticNode::new(product), &heads, 0.1);
    let bits = BinaryConcrete::new(&[0.0; 3], 0.5).unwrap();
    check(&StochasticNode::new(bits), &[random(12, 8, |x| x)], 0.1);
}

#[test]
fn a_minibatch_gradient_is_the_pathwise_gradient_of_its_rows() {
    // Many rows of the same parameters: the mean pullback is the pathwise estimate. E z² has the gradient (2μ, 2σ).
    let rows = 100_000;
    let (mu, sigma) = (vec![0.7; rows], vec![1.3; rows]);
    let mut node = StochasticNode::new(Normal::<f64>::standard(1).unwrap());
    let z = node.forward(&[&mu, &sigma], &mut rng(9)).unwrap();
    let dz: Vec<f64> = z.iter().map(|z| 2.0 * z).collect();
    let (mut dmu, mut dsigma) = (vec![0.0; rows], vec![0.0; rows]);
    node.backward(&[&mu, &sigma], &dz, &mut [&mut dmu, &mut dsigma]).unwrap();
    let mean = |x: &[f64]| x.iter().sum::<f64>() / rows as f64;
    // Standard deviations 2σ and √(4μ² + 8σ²); four standard errors.
    assert!((mean(&dmu) - 1.4).abs() < 4.0 * 2.6 / (rows as f64).sqrt());
    assert!((mean(&dsigma) - 2.6).abs() < 4.0 * 3.94 / (rows as f64).sqrt());
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_nothing_is_written() {
    let mut node = StochasticNode::new(Normal::<f64>::standard(2).unwrap());
    let mut gradient = [7.0; 4];
    let mut more = [7.0; 4];
    let backward = |node: &StochasticNode<f64, Normal<f64>>, dz: &[f64], a: &mut [f64], b: &mut [f64]| {
        node.backward(&[&[0.0; 4], &[1.0; 4]], dz, &mut [a, b])
    };
    assert_eq!(backward(&node, &[0.0; 4], &mut gradient, &mut more), Err(Error::NoDraw));
    assert_eq!(node.replay(&[&[0.0; 4], &[1.0; 4]]), Err(Error::NoDraw));

    let length = |what: &'static str, expected, found| Error::Length { what: what.into(), expected, found };
    let mut forward =
        |mu: &[f64], sigma: &[f64]| node.forward(&[mu, sigma], &mut rng(1)).map(<[f64]>::to_vec).unwrap_err();
    assert_eq!(forward(&[0.0; 4], &[1.0; 3]), length("sigma", 4, 3));
    assert_eq!(forward(&[0.0; 3], &[1.0; 3]), length("first head", 4, 3));
    assert_eq!(forward(&[], &[]), length("first head", 2, 0));
    let domain = forward(&[0.0; 4], &[1.0, 1.0, -1.0, 1.0]);
    assert!(
        matches!(domain, Error::ParameterDomain { parameter, value, .. } if parameter == "sigma" && value == -1.0)
    );
    assert!(matches!(forward(&[0.0, f64::NAN], &[1.0; 2]), Error::NonFiniteParameter { .. }));

    node.forward(&[&[0.0; 4], &[1.0; 4]], &mut rng(1)).unwrap();
    assert_eq!(backward(&node, &[0.0; 3], &mut gradient, &mut more), Err(length("dz", 4, 3)));
    assert!(backward(&node, &[0.0; 4], &mut gradient[..3], &mut more).is_err());
    let error = backward(&node, &[0.0, 0.0, 0.0, f64::NAN], &mut gradient, &mut more).unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjectiveGradient { sample: 1, coordinate: 1, .. }));
    assert_eq!((gradient, more), ([7.0; 4], [7.0; 4]));

    // A draw that fails leaves none to pull back, however early it fails.
    node.forward(&[&[0.0; 3], &[1.0; 3]], &mut rng(1)).unwrap_err();
    assert_eq!(backward(&node, &[0.0; 4], &mut gradient, &mut more), Err(Error::NoDraw));

    // z = 1e200 or so, and a cotangent of that size.
    let mut steep = StochasticNode::new(LogNormal::<f64>::new(&[0.0], &[1.0]).unwrap());
    let heads: [&[f64]; 2] = [&[0.0, 460.0], &[1.0, 1.0]];
    steep.forward(&heads, &mut rng(1)).unwrap();
    let error = steep.backward(&heads, &[1.0, 1e200], &mut [&mut gradient[..2], &mut more[..2]]).unwrap_err();
    assert!(
        matches!(&error, Error::NonFiniteGradient { sample: 1, parameter, index: 0, .. } if parameter == "mu")
    );
    assert_eq!((gradient, more), ([7.0; 4], [7.0; 4]));

    let mut exploding = StochasticNode::new(LogNormal::<f64>::new(&[0.0], &[1.0]).unwrap());
    let error = exploding.forward(&[&[0.0, 800.0], &[1.0, 1.0]], &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::NonFiniteTransform { sample: 1, coordinate: 0, value: f64::INFINITY });
    let mut out = [0.0; 2];
    let mut out2 = [0.0; 2];
    let result = exploding.backward(&[&[0.0, 0.0], &[1.0, 1.0]], &[1.0; 2], &mut [&mut out, &mut out2]);
    assert_eq!(result, Err(Error::NoDraw));
}
