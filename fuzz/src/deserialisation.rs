//! JSON into the types that travel: what arrives merges and prints without a panic and without a NaN, or is refused.

use reparam::prelude::*;
use reparam::{Layout, Moments};

use crate::input::Input;

/// Half of the cases are JSON as it comes, the others a true estimate with some bytes replaced.
pub fn deserialisation(data: &[u8]) {
    let mut input = Input::new(data);
    if input.below(2) == 0 {
        arrive(input.rest());
        return;
    }
    let p = Normal::new(&[input.number::<f64>(), 0.5], &[1.0, 2.0]);
    let samples = 1 + input.below(4);
    let Ok(true_one) = p
        .and_then(|p| ScoreFunction::new().estimate(&p, &|z: &[f64]| z[0] + z[1], samples, &mut input.rng()))
    else {
        return;
    };
    let mut json = serde_json::to_vec(&true_one).expect("an estimate is written");
    let sent: GradientEstimate<f64> = serde_json::from_slice(&json).expect("what was written is read");
    assert_eq!(sent, true_one);
    for _ in 0..input.below(6) {
        let at = input.word() as usize % json.len();
        match input.below(3) {
            0 => json[at] = b"0123456789-+.eE,[]{}\""[input.below(21)],
            1 => drop(json.remove(at)),
            _ => drop(json.splice(at..at, number(&mut input).bytes())),
        }
    }
    arrive(&json);
}

/// The text of a number that is hard to hold.
fn number(input: &mut Input<'_>) -> &'static str {
    [
        "18446744073709551615",
        "9007199254740993",
        "1e308",
        "-1e308",
        "1e-320",
        "1e999",
        "-1",
        "0",
        "null",
        "00",
    ][input.below(10)]
}

fn arrive(json: &[u8]) {
    if let Ok(layout) = serde_json::from_slice::<Layout>(json) {
        let _ = (layout.len(), layout.check(&vec![0.5; layout.len().min(1000)]), layout.unconstrained());
    }
    if let Ok(mut moments) = serde_json::from_slice::<Moments>(json) {
        assert!(moments.mean().iter().chain(&moments.variance()).all(|x| !x.is_nan()), "{moments:?}");
        let other = moments.clone();
        let _ = moments.merge(&other);
        assert!(moments.mean().iter().all(|x| !x.is_nan()), "{moments:?}");
        again(&other);
    }
    if let Ok(mut estimate) = serde_json::from_slice::<GradientEstimate<f64>>(json) {
        let before = estimate.clone();
        assert!(!estimate.to_string().contains("NaN"), "{estimate}");
        match estimate.merge(&before) {
            Ok(()) => assert!(!estimate.to_string().contains("NaN"), "{estimate}"),
            Err(_) => assert_eq!(estimate, before, "refused, but changed"),
        }
        again(&before);
    }
    let _ = serde_json::from_slice::<GradientEstimate<f32>>(json).map(|estimate| estimate.to_string());
}

/// What was accepted can be sent on.
fn again<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(arrived: &T) {
    let json = serde_json::to_vec(arrived).expect("what was read is written");
    assert_eq!(&serde_json::from_slice::<T>(&json).expect("what was written is read"), arrived);
}
