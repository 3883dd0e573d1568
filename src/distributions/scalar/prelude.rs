//! The common imports of the file of every scalar family.

pub(crate) use super::declare::own_family;
pub(crate) use super::inverse_cdf::{
    ClosedEntropy, Density, DensityGradient, FamilyCdf, FamilyKl, FamilyMoments, FamilyWeakDerivative,
    Quantile,
};
pub(crate) use super::numeric_inverse::Cdf;
pub(crate) use crate::probability::Probability;
pub(crate) use crate::real::Real;
