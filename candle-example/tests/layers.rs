//! The layers under candle's backward pass give what the nodes give by themselves.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use candle_core::{DType, Device, Tensor, Var};
use candle_example::{EstimatorLayer, PathwiseLayer, log_likelihood, repeated};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use reparam::prelude::*;
use reparam::{EstimatorNode, StochasticNode};

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn variable<const N: usize>(numbers: [f32; N], columns: usize) -> Var {
    let tensor = Tensor::from_vec(numbers.to_vec(), (N / columns, columns), &Device::Cpu).unwrap();
    Var::from_tensor(&tensor).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * (1.0 + e.abs()), "{i}: {f}, expected {e}");
    }
}

/// Three rows of two latent normals: μ, then ln σ.
const HEADS: [f32; 12] = [0.5, -1.0, 0.1, -0.7, 2.0, 0.0, 0.3, 0.4, -0.2, 1.5, -1.0, -2.0];

#[test]
fn a_pathwise_draw_is_differentiated_by_location_and_scale() {
    let layer = PathwiseLayer::new(StochasticNode::unconstrained(Normal::<f32>::standard(2).unwrap()));
    let heads = variable(HEADS, 4);
    let z = layer.draw(&heads, &mut rng(1)).unwrap();
    assert_eq!(z.dims(), [3, 2]);
    let weights = variable([1.0, -2.0, 0.5, 3.0, -1.0, 4.0], 2);
    let gradients = (z.clone() * weights.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
    let (z, weights) = (numbers(&z), numbers(&weights));
    let found = numbers(gradients.get(&heads).unwrap());
    for row in 0..3 {
        for i in 0..2 {
            let (w, z, mu) = (weights[2 * row + i], z[2 * row + i], HEADS[4 * row + i]);
            // ∂z/∂μ = 1 and ∂z/∂ln σ = z − μ.
            assert_close(&[found[4 * row + i], found[4 * row + 2 + i]], &[w, w * (z - mu)], 1e-5);
        }
    }
    let again = layer.draw(&heads, &mut rng(1)).unwrap();
    assert_eq!(numbers(&again), z);
    let strided = heads.t().unwrap().contiguous().unwrap().t().unwrap();
    assert_eq!(numbers(&layer.draw(&strided, &mut rng(1)).unwrap()), z);
    assert_ne!(numbers(&layer.draw(&heads, &mut rng(2)).unwrap()), z);
}

#[test]
fn two_draws_of_one_pathwise_layer_keep_their_own_noise() {
    let layer = PathwiseLayer::new(StochasticNode::unconstrained(Normal::<f32>::standard(2).unwrap()));
    let heads = variable(HEADS, 4);
    let mut rng = rng(1);
    let (a, b) = (layer.draw(&heads, &mut rng).unwrap(), layer.draw(&heads, &mut rng).unwrap());
    let gradients = (a.clone() - b.clone()).unwrap().sum_all().unwrap().backward().unwrap();
    let (a, b, found) = (numbers(&a), numbers(&b), numbers(gradients.get(&heads).unwrap()));
    for row in 0..3 {
        for i in 0..2 {
            let expected = [0.0, a[2 * row + i] - b[2 * row + i]];
            assert_close(&[found[4 * row + i], found[4 * row + 2 + i]], &expected, 1e-5);
        }
    }
}

/// What the node by itself makes of these values.
fn alone<E>(estimator: E, logits: &[f32], values: &[f32], rng: &mut impl Rng) -> (Vec<f32>, Vec<f32>)
where
    E: GradientEstimator<f32, Categorical<f32>, reparam::RecordedObjective<f32>>,
{
    let mut node = EstimatorNode::new(Categorical::from_logits(&[0.0; 6], 3).unwrap(), estimator);
    let draws = node.forward(&[logits], rng).unwrap().to_vec();
    let mut gradient = vec![0.0; logits.len()];
    node.backward(values, &mut [&mut gradient]).unwrap();
    (draws, gradient)
}

#[test]
fn an_expectation_is_differentiated_by_heads_and_by_values() {
    let layer = EstimatorLayer::new(EstimatorNode::new(
        Categorical::from_logits(&[0.0; 6], 3).unwrap(),
        DisArmSticks,
    ));
    let logits = variable(HEADS, 6);
    let z = layer.sample(&logits, &mut rng(1)).unwrap();
    assert_eq!(z.dims(), [4, 6]);
    let values = Var::from_tensor(&Tensor::new(&[1.0f32, 3.0, -2.0, 5.0], &Device::Cpu).unwrap()).unwrap();
    let means = layer.expectation(&logits, &values).unwrap();
    assert_eq!(numbers(&means), [2.0, 1.5]);

    let weights = Tensor::new(&[10.0f32, -1.0], &Device::Cpu).unwrap();
    let gradients = (means * weights).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(numbers(gradients.get(&values).unwrap()), [5.0, 5.0, -0.5, -0.5]);
    let (draws, mut expected) = alone(DisArmSticks, &HEADS, &[1.0, 3.0, -2.0, 5.0], &mut rng(1));
    assert_eq!(numbers(&z), draws);
    assert!(expected.iter().any(|g| *g != 0.0));
    for (row, weight) in expected.chunks_exact_mut(6).zip([10.0, -1.0]) {
        row.iter_mut().for_each(|g| *g *= weight);
    }
    assert_close(&numbers(gradients.get(&logits).unwrap()), &expected, 1e-6);
}

#[test]
fn a_straight_through_draw_is_hard_and_has_the_slopes_of_its_estimator() {
    let prototype = Categorical::from_logits(&[0.0f32; 6], 3).unwrap();
    let estimator = StraightThroughGumbelSoftmax::new(0.7);
    let layer = EstimatorLayer::new(EstimatorNode::new(prototype.clone(), estimator));
    let logits = variable(HEADS, 6);
    let z = layer.draw(&logits, &mut rng(1)).unwrap();
    assert!(numbers(&z).chunks_exact(3).all(|row| row.iter().sum::<f32>() == 1.0));
    let slopes = variable([1.0, -2.0, 0.5, 3.0, -1.0, 4.0, 0.1, 0.2, 0.3, -1.0, -2.0, 7.0], 6);
    let loss = (z * slopes.as_tensor()).unwrap().sum_all().unwrap();
    let found = numbers(loss.backward().unwrap().get(&logits).unwrap());

    let mut node = EstimatorNode::new(prototype, estimator);
    node.forward(&[&HEADS], &mut Xoshiro256PlusPlus::from_rng(&mut rng(1))).unwrap();
    let mut expected = vec![0.0; 12];
    node.backward_with_gradient(&[0.0; 2], &numbers(&slopes), &mut [&mut expected]).unwrap();
    assert_eq!(found, expected);
    assert!(found.iter().any(|g| *g != 0.0));
}

#[test]
fn the_likelihood_of_an_image_is_differentiated_by_its_logits() {
    let logits = variable([0.3, -2.0, 40.0, -40.0], 2);
    let pixels = Tensor::new(&[[0.25f32, 1.0], [1.0, 0.5]], &Device::Cpu).unwrap();
    let values = log_likelihood(&logits, &pixels).unwrap();
    let exact = |l: f64, x: f64| x * l - l.max(0.0) - (-l.abs()).exp().ln_1p();
    let expected = [exact(0.3, 0.25) + exact(-2.0, 1.0), exact(40.0, 1.0) + exact(-40.0, 0.5)];
    assert_close(&numbers(&values), &expected.map(|x| x as f32), 1e-6);
    let weights = Tensor::new(&[2.0f32, -1.0], &Device::Cpu).unwrap();
    let gradients = (values * weights).unwrap().sum_all().unwrap().backward().unwrap();
    let sigmoid = |l: f64| 1.0 / (1.0 + (-l).exp());
    let expected = [2.0 * (0.25 - sigmoid(0.3)), 2.0 * (1.0 - sigmoid(-2.0)), 0.0, -0.5];
    assert_close(&numbers(gradients.get(&logits).unwrap()), &expected.map(|x| x as f32), 1e-6);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let layer = PathwiseLayer::new(StochasticNode::unconstrained(Normal::<f32>::standard(2).unwrap()));
    assert!(layer.draw(&Tensor::zeros((2, 5), DType::F32, &Device::Cpu).unwrap(), &mut rng(1)).is_err());
    assert!(layer.draw(&Tensor::zeros((2, 4), DType::F64, &Device::Cpu).unwrap(), &mut rng(1)).is_err());
    let images = Tensor::zeros((2, 4), DType::F32, &Device::Cpu).unwrap();
    assert!(log_likelihood(&images, &repeated(&images, 2).unwrap()).is_err());
    let layer = EstimatorLayer::new(EstimatorNode::new(
        Categorical::from_logits(&[0.0; 4], 2).unwrap(),
        DisArmSticks,
    ));
    layer.sample(&images, &mut rng(1)).unwrap();
    let three = Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap();
    assert!(layer.expectation(&images, &three).is_err());
}

#[test]
fn a_draw_between_the_passes_is_noticed() {
    let logits = variable(HEADS, 6);
    let prototype = Categorical::from_logits(&[0.0; 6], 3).unwrap();
    let layer = EstimatorLayer::new(EstimatorNode::new(prototype.clone(), DisArmSticks));
    layer.sample(&logits, &mut rng(1)).unwrap();
    let values = Tensor::new(&[1.0f32, 3.0, -2.0, 5.0], &Device::Cpu).unwrap();
    let means = layer.expectation(&logits, &values).unwrap();
    layer.sample(&logits, &mut rng(2)).unwrap();
    assert!(means.sum_all().unwrap().backward().is_err());

    let estimator = StraightThroughGumbelSoftmax::new(0.7);
    let layer = EstimatorLayer::new(EstimatorNode::new(prototype, estimator));
    let z = layer.draw(&logits, &mut rng(1)).unwrap();
    layer.draw(&logits, &mut rng(2)).unwrap();
    assert!(z.sum_all().unwrap().backward().is_err());
    assert!(layer.draw(&logits.flatten_all().unwrap(), &mut rng(1)).is_err(), "one row is a matrix too");
}

#[test]
fn rows_are_repeated_side_by_side() {
    let rows = Tensor::new(&[[1.0f32, 2.0], [3.0, 4.0]], &Device::Cpu).unwrap();
    assert_eq!(numbers(&repeated(&rows, 2).unwrap()), [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0]);
}
