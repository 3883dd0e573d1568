//! The one error type: every variant says what was wrong, where, and what was expected.

use std::borrow::Cow;
use std::fmt;

/// What can go wrong, with the name, the position and the value that were wrong.
///
/// A call that returns an error has changed nothing: parameters, estimator state and outputs are as
/// they were (the caller's random generator may have advanced).
///
/// ```
/// use reparam::{Error, distributions::Normal};
///
/// let error = Normal::new(&[0.0, 0.0], &[1.0, -2.0]).unwrap_err();
/// assert_eq!(error, Error::ParameterDomain {
///     parameter: "sigma".into(), index: 1, value: -2.0, expected: "a finite number above 0",
/// });
/// assert_eq!(error.to_string(), "parameter sigma[1] is -2, expected a finite number above 0");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is finite but outside its domain (a scale of −2, a temperature of 0).
    ParameterDomain {
        /// Name of the parameter in the distribution's layout.
        parameter: Cow<'static, str>,
        /// Index within that parameter's range.
        index: usize,
        /// The value that was given.
        value: f64,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A parameter is NaN or infinite.
    NonFiniteParameter {
        /// Name of the parameter in the distribution's layout.
        parameter: Cow<'static, str>,
        /// Index within that parameter's range.
        index: usize,
        /// The value that was given.
        value: f64,
    },
    /// A distribution has no parameter of this name.
    UnknownParameter {
        /// The name that was given.
        parameter: Cow<'static, str>,
    },
    /// A slice has the wrong length.
    Length {
        /// What the slice holds.
        what: Cow<'static, str>,
        /// The length that was wanted.
        expected: usize,
        /// The length that was given.
        found: usize,
    },
    /// A distribution over nothing: no coordinates, or a categorical with fewer than one category.
    EmptySupport {
        /// What is missing.
        what: &'static str,
    },
    /// An estimate from no gradient samples was requested.
    ZeroSamples,
    /// Fewer than two draws per gradient sample, where each draw is compared with the others.
    TooFewDraws {
        /// The number of draws that was given.
        draws: usize,
    },
    /// An option of an estimator, schedule or interval is outside its domain.
    Option {
        /// Name of the option.
        option: &'static str,
        /// The value that was given.
        value: f64,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// The score function is not valid for a parameter that moves the support of the distribution
    /// (a bound of a uniform, the scale of a Pareto): `∇_θ ∫ p f ≠ ∫ f ∇_θ p`, and the finite number that
    /// the formula gives is wrong. Use the pathwise estimator for this parameter.
    SupportDependsOnParameter {
        /// Name of the parameter in the distribution's layout.
        parameter: Cow<'static, str>,
    },
    /// No weak derivative is known for a parameter, so a measure-valued estimate of its gradient cannot be
    /// made. Freeze it, or use another estimator.
    NoWeakDerivative {
        /// Name of the parameter in the distribution's layout.
        parameter: Cow<'static, str>,
    },
    /// The transform gave NaN or ±∞: a log-normal overflowed, for example.
    NonFiniteTransform {
        /// Index of the gradient sample, counted from 0 within the call.
        sample: u64,
        /// Coordinate of the draw (of the concatenated draws, where a gradient sample takes several).
        coordinate: usize,
        /// The value of that coordinate.
        value: f64,
    },
    /// The objective returned NaN or ±∞.
    NonFiniteObjective {
        /// Index of the gradient sample, counted from 0 within the call.
        sample: u64,
        /// Index of the draw within the gradient sample.
        draw: usize,
        /// The value that the objective returned.
        value: f64,
    },
    /// The objective's gradient has a NaN or infinite coordinate.
    NonFiniteObjectiveGradient {
        /// Index of the gradient sample, counted from 0 within the call.
        sample: u64,
        /// Coordinate of the draw (of the concatenated draws, where a gradient sample takes several).
        coordinate: usize,
        /// The value of `∂f/∂z` there.
        value: f64,
    },
    /// A gradient sample has a NaN or infinite coordinate although draw, objective and objective gradient
    /// are finite, or the square of a coordinate is too large for the scalar type.
    NonFiniteGradient {
        /// Index of the gradient sample, counted from 0 within the call.
        sample: u64,
        /// Name of the parameter in the distribution's layout.
        parameter: Cow<'static, str>,
        /// Index within that parameter's range.
        index: usize,
        /// The value of the gradient sample there.
        value: f64,
    },
    /// A numerical inversion of a CDF did not bracket or reach its root.
    Inversion {
        /// The probability whose quantile was wanted.
        probability: f64,
    },
    /// The Kullback–Leibler divergence to a distribution whose support does not cover this one is infinite,
    /// and has no gradient.
    NotCovered {
        /// The first coordinate that is not covered.
        coordinate: usize,
    },
    /// Two estimates cannot be merged: they belong to different parameters.
    Merge {
        /// What differs.
        what: &'static str,
    },
    /// A stochastic node was asked to pull back before a draw.
    NoDraw,
    /// An estimator made other draws once it knew the values of the objective. Such an estimator cannot be
    /// run where the objective is evaluated for all rows in between.
    Adaptive {
        /// The first row in which it was seen.
        row: usize,
    },
    /// The objective depends on θ directly, and the estimator cannot add that explicit gradient: the points
    /// where it evaluates f are not draws of the distribution, or it does not say which of them are
    /// ([`BlockShape::with_own_draws`](crate::BlockShape::with_own_draws)).
    ExplicitGradient,
    /// What a custom estimator has found wrong.
    Estimator {
        /// The gradient sample, counted from 0 within the call.
        sample: u64,
        /// What is wrong.
        what: Cow<'static, str>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ParameterDomain { parameter, index, value, expected } => {
                write!(f, "parameter {parameter}[{index}] is {value}, expected {expected}")
            }
            Self::NonFiniteParameter { parameter, index, value } => {
                write!(f, "parameter {parameter}[{index}] is {value}, expected a finite number")
            }
            Self::UnknownParameter { parameter } => write!(f, "there is no parameter {parameter}"),
            Self::Length { what, expected, found } => {
                write!(f, "length of {what} is {found}, expected {expected}")
            }
            Self::EmptySupport { what } => write!(f, "empty support: {what}"),
            Self::ZeroSamples => write!(f, "zero gradient samples requested, expected at least 1"),
            Self::TooFewDraws { draws } => write!(
                f,
                "{draws} draws per gradient sample, expected at least 2: a single draw would be its own baseline"
            ),
            Self::Option { option, value, expected } => {
                write!(f, "option {option} is {value}, expected {expected}")
            }
            Self::SupportDependsOnParameter { parameter } => write!(
                f,
                "the score function is not valid for parameter {parameter}, which moves the support; use the pathwise estimator"
            ),
            Self::NoWeakDerivative { parameter } => write!(
                f,
                "no weak derivative is known for parameter {parameter}; use another estimator for it"
            ),
            Self::NonFiniteTransform { sample, coordinate, value } => write!(
                f,
                "gradient sample {sample}: coordinate {coordinate} of the draw is {value}, expected a finite number"
            ),
            Self::NonFiniteObjective { sample, draw, value } => write!(
                f,
                "gradient sample {sample}, draw {draw}: the objective is {value}, expected a finite number"
            ),
            Self::NonFiniteObjectiveGradient { sample, coordinate, value } => write!(
                f,
                "gradient sample {sample}: the objective's gradient at coordinate {coordinate} is {value}, expected a finite number"
            ),
            Self::NonFiniteGradient { sample, parameter, index, value } => write!(
                f,
                "gradient sample {sample}: the gradient for {parameter}[{index}] is {value}, expected a finite number with a finite square"
            ),
            Self::Inversion { probability } => {
                write!(f, "the CDF could not be inverted at probability {probability}")
            }
            Self::NotCovered { coordinate } => write!(
                f,
                "the other distribution does not cover coordinate {coordinate}: the divergence is infinite and has no gradient"
            ),
            Self::Merge { what } => write!(f, "estimates cannot be merged: {what} differ"),
            Self::Adaptive { row } => {
                write!(
                    f,
                    "row {row}: the estimator's draws depend on the objective's values, expected draws that do not"
                )
            }
            Self::ExplicitGradient => write!(
                f,
                "the objective depends on the distribution's parameters directly, and this estimator cannot add that explicit gradient"
            ),
            Self::Estimator { sample, what } => write!(f, "gradient sample {sample}: {what}"),
            Self::NoDraw => write!(f, "pullback before a draw: call forward first"),
        }
    }
}

impl std::error::Error for Error {}

/// `Ok` if `found == expected`, else [`Error::Length`].
pub(crate) fn check_len(
    what: impl Into<Cow<'static, str>>,
    expected: usize,
    found: usize,
) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { what: what.into(), expected, found }) }
}
