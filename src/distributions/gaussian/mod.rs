//! Normal distributions, their images under a map, and their heavy-tailed and mixed relatives.

pub(crate) mod gaussian_mixture;
pub(crate) mod log_normal;
pub(crate) mod logit_normal;
pub(crate) mod low_rank_normal;
pub(crate) mod mapped_normal;
pub(crate) mod multivariate_normal;
pub(crate) mod multivariate_student_t;
pub(crate) mod normal;
pub(crate) mod softplus_normal;
