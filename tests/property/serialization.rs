//! Estimates that travel: every bit arrives, and bad data do not.

use crate::common::rng;
use reparam::prelude::*;
use reparam::{Domain, Layout, Moments, ParamRange};
use serde_json::{Value, json};

fn estimate(samples: usize, seed: u64) -> GradientEstimate<f64> {
    let p = Normal::new(&[0.1, -2.0], &[0.3, 7.0]).unwrap();
    let f = |z: &[f64]| (z[0] * 3.0).sin() * 1e5 + z[1] / 3.0;
    let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 3 });
    estimator.estimate(&p, &f, samples, &mut rng(seed)).unwrap()
}

fn bits(moments: &Moments) -> Vec<u64> {
    moments.mean().iter().chain(&moments.variance()).map(|x| x.to_bits()).collect()
}

#[test]
fn every_bit_of_an_estimate_arrives() {
    for samples in [1, 2, 300] {
        for seed in 0..50 {
            let sent = estimate(samples, seed);
            let arrived: GradientEstimate<f64> =
                serde_json::from_str(&serde_json::to_string(&sent).unwrap()).unwrap();
            assert_eq!(arrived, sent);
            assert_eq!(bits(arrived.moments()), bits(sent.moments()));
            assert_eq!(arrived.value().to_bits(), sent.value().to_bits());
            assert_eq!(format!("{arrived}"), format!("{sent}"));
        }
    }
}

#[test]
fn an_estimate_in_single_precision_and_one_with_an_exact_term_arrive() {
    let p = Normal::new(&[0.1f32], &[0.3]).unwrap();
    let f = |z: &[f32]| z[0].exp();
    let mut sent = ScoreFunction::new().estimate(&p, &f, 1000, &mut rng(1)).unwrap();
    sent.add_exact(0.1, &[0.1, -0.7]).unwrap();
    let arrived: GradientEstimate<f32> =
        serde_json::from_str(&serde_json::to_string(&sent).unwrap()).unwrap();
    assert_eq!(arrived, sent);
}

#[test]
fn an_estimate_that_has_travelled_merges_as_the_one_that_stayed() {
    let (mut here, mut there) = (estimate(300, 1), estimate(300, 1));
    let other = estimate(77, 2);
    let travelled: GradientEstimate<f64> =
        serde_json::from_str(&serde_json::to_string(&other).unwrap()).unwrap();
    here.merge(&other).unwrap();
    there.merge(&travelled).unwrap();
    assert_eq!(here, there);
    assert_eq!(here.samples(), 377);
}

#[test]
fn every_kind_of_layout_arrives() {
    let layouts = [
        Layout::default(),
        Uniform::new(&[0.0, 1.0], &[2.0, 3.0]).unwrap().layout().clone(),
        Categorical::from_probs(&[0.5, 0.5, 0.25, 0.75], 2).unwrap().layout().clone(),
        Product::new(Bernoulli::from_probs(&[0.5]).unwrap(), Normal::new(&[1.0], &[2.0]).unwrap())
            .layout()
            .clone(),
    ];
    for sent in layouts {
        let arrived: Layout = serde_json::from_str(&serde_json::to_string(&sent).unwrap()).unwrap();
        assert_eq!(arrived, sent);
    }
}

/// The estimate with one field replaced, as it arrives.
fn arrives_with(pointer: &str, value: Value) -> Result<GradientEstimate<f64>, String> {
    let mut data = serde_json::to_value(estimate(300, 1)).unwrap();
    *data.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
    serde_json::from_value(data).map_err(|error| error.to_string())
}

#[test]
fn data_that_no_estimate_can_hold_are_refused() {
    arrives_with("/moments/count", json!(300)).unwrap();
    for (pointer, value, reason) in [
        ("/moments/mean", json!([1.0, 2.0, 3.0]), "as many means"),
        ("/moments/m2", json!([1.0, 2.0, 3.0, 4.0, 5.0]), "as many means"),
        ("/moments/m2/1", json!(-1e-300), "not negative"),
        ("/moments/m2/0", json!(null), "f64"),
        ("/moments/mean/0", json!("NaN"), "f64"),
        ("/moments/count", json!(299), "same number"),
        ("/moments/count", json!(1), "fewer than two"),
        ("/moments/count", json!(0), "fewer than two"),
        ("/moments/count", json!(-1), "u64"),
        ("/moments/count", json!(1.5), "u64"),
        ("/value/count", json!(301), "same number"),
        ("/value/mean", json!([]), "as many means"),
        ("/value", json!({ "count": 300, "mean": [1.0, 1.0], "m2": [1.0, 1.0] }), "one number"),
        ("/value", json!({ "count": 300, "mean": [], "m2": [] }), "one number"),
        ("/value", json!({ "count": 300, "mean": [1.0] }), "missing field"),
        ("/evaluations", json!(-900), "u64"),
        ("/layout/0/range/start", json!(1), "follow each other"),
        ("/layout/0/range/end", json!(1), "follow each other"),
        ("/layout/1/range/start", json!(3), "follow each other"),
        ("/layout/1/range/end", json!(1), "follow each other"),
        ("/layout/1/range/end", json!(5), "one number per parameter"),
        ("/layout/1/range/end", json!(u64::MAX), "one number per parameter"),
        ("/layout", json!([]), "one number per parameter"),
        ("/layout/0/domain", json!("Imaginary"), "unknown variant"),
        ("/layout/0/domain", json!("AbovePrevious"), "upper bounds"),
        ("/layout/0/domain", json!({ "Simplex": 0 }), "whole rows"),
        ("/layout/0/domain", json!({ "Simplex": 3 }), "whole rows"),
    ] {
        match arrives_with(pointer, value.clone()) {
            Err(text) => assert!(text.contains(reason), "{pointer} = {value}: {text}"),
            Ok(estimate) => panic!("{pointer} = {value} was accepted: {estimate}"),
        }
    }
    // No samples at all, in good order: moments may be so, an estimate may not.
    let empty = Moments::new(4);
    assert_eq!(serde_json::from_value::<Moments>(serde_json::to_value(&empty).unwrap()).unwrap(), empty);
    let mut data = serde_json::to_value(estimate(300, 1)).unwrap();
    data["moments"] = serde_json::to_value(&empty).unwrap();
    data["value"] = serde_json::to_value(Moments::new(1)).unwrap();
    let error = serde_json::from_value::<GradientEstimate<f64>>(data).unwrap_err().to_string();
    assert!(error.contains("must have gradient samples"), "{error}");
}

#[test]
fn a_gradient_beyond_the_scalar_that_reads_it_is_refused() {
    let p = Normal::new(&[0.1], &[0.3]).unwrap();
    let f = |z: &[f64]| z[0] * 1e300;
    let beyond = ScoreFunction::new().estimate(&p, &f, 1, &mut rng(1)).unwrap();
    let text = serde_json::to_string(&beyond).unwrap();
    assert!(serde_json::from_str::<GradientEstimate<f64>>(&text).is_ok());
    let error = serde_json::from_str::<GradientEstimate<f32>>(&text).unwrap_err().to_string();
    assert!(error.contains("finite in the scalar"), "{error}");
}

#[test]
fn a_parameter_range_arrives_by_itself() {
    let sent = ParamRange { name: "mu".into(), range: 3..5, domain: Domain::Positive, moves_support: true };
    let arrived: ParamRange = serde_json::from_str(&serde_json::to_string(&sent).unwrap()).unwrap();
    assert_eq!(arrived, sent);
}
