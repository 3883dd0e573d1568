//! Moments and estimates as serialised data: plain numbers, checked when they are read.

use serde::{Deserialize, Serialize};

use super::{GradientEstimate, Moments};
use crate::layout::Layout;
use crate::real::Real;

/// What is written for [`Moments`].
#[derive(Serialize, Deserialize)]
#[serde(rename = "Moments")]
pub(super) struct MomentsData {
    count: u64,
    mean: Vec<f64>,
    m2: Vec<f64>,
}

impl From<Moments> for MomentsData {
    fn from(Moments { count, mean, m2 }: Moments) -> Self {
        Self { count, mean, m2 }
    }
}

impl TryFrom<MomentsData> for Moments {
    type Error = &'static str;

    fn try_from(MomentsData { count, mean, m2 }: MomentsData) -> Result<Self, Self::Error> {
        if mean.len() != m2.len() {
            return Err("moments must have as many means as second moments");
        }
        if !mean.iter().all(|mean| mean.is_finite()) {
            return Err("means must be finite");
        }
        if !m2.iter().all(|&m2| m2.is_finite() && m2 >= 0.0) {
            return Err("second moments must be finite and not negative");
        }
        if count < 2 && m2.iter().any(|&m2| m2 != 0.0) {
            return Err("fewer than two samples have no second moments");
        }
        if count == 0 && mean.iter().any(|&mean| mean != 0.0) {
            return Err("no samples have no mean");
        }
        Ok(Self { count, mean, m2 })
    }
}

/// What is written for a [`GradientEstimate`]: the gradient itself is the rounded mean, and is computed
/// again when it is read.
#[derive(Serialize, Deserialize)]
#[serde(rename = "GradientEstimate")]
pub(super) struct EstimateData {
    layout: Layout,
    moments: Moments,
    value: Moments,
    evaluations: u64,
}

impl<T> From<GradientEstimate<T>> for EstimateData {
    fn from(estimate: GradientEstimate<T>) -> Self {
        let GradientEstimate { layout, gradient: _, moments, value, evaluations } = estimate;
        Self { layout, moments, value, evaluations }
    }
}

impl<T: Real> TryFrom<EstimateData> for GradientEstimate<T> {
    type Error = &'static str;

    fn try_from(wire: EstimateData) -> Result<Self, Self::Error> {
        let EstimateData { layout, moments, value, evaluations } = wire;
        if moments.count == 0 {
            return Err("an estimate must have gradient samples");
        }
        if moments.count != value.count {
            return Err("gradient and value must have the same number of samples");
        }
        if value.mean.len() != 1 {
            return Err("the value must be one number");
        }
        if moments.mean.len() != layout.len() {
            return Err("the gradient must have one number per parameter");
        }
        let gradient: Vec<T> = moments.mean.iter().map(|&mean| T::of(mean)).collect();
        if !gradient.iter().all(|gradient| gradient.is_finite()) {
            return Err("the gradient must be finite in the scalar type that it is read into");
        }
        Ok(Self { layout, gradient, moments, value, evaluations })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_does_not_even_have_are_refused() {
        let read = |mean, m2| Moments::try_from(MomentsData { count: 2, mean: vec![mean], m2: vec![m2] });
        assert!(read(1.0, 0.0).is_ok());
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(read(bad, 1.0), Err("means must be finite"));
            assert_eq!(read(1.0, bad), Err("second moments must be finite and not negative"));
        }
    }
}
