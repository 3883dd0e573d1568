//! Normal distributions, their images under a map, and their heavy-tailed and mixed relatives.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `normal` | independent coordinates |
//! | `multivariate_normal` | any covariance, by its Cholesky factor |
//! | `low_rank_normal` | a covariance of a diagonal and a few directions |
//! | `multivariate_student_t` | the multivariate t |
//! | `gaussian_mixture` | a mixture, differentiated through its distributional transform |
//! | `mapped_normal` | a normal through an increasing map of the line, which the next three are |
//! | `log_normal`, `logit_normal`, `softplus_normal` | through exp, sigmoid and softplus |

pub(crate) mod gaussian_mixture;
pub(crate) mod log_normal;
pub(crate) mod logit_normal;
pub(crate) mod low_rank_normal;
pub(crate) mod mapped_normal;
pub(crate) mod multivariate_normal;
pub(crate) mod multivariate_student_t;
pub(crate) mod normal;
pub(crate) mod softplus_normal;
