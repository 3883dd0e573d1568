//! Checks of options that several rules share. A rule is plain data: `check` reports what is wrong with its
//! options before the first draw, and its constructor does not.

use crate::error::Error;

pub(crate) fn check_finite(values: &[f64]) -> Result<(), Error> {
    match values.iter().find(|b| !b.is_finite()) {
        Some(&value) => Err(Error::Option { option: "baseline", value, expected: "a finite number" }),
        None => Ok(()),
    }
}

pub(crate) fn check_decay(decay: f64) -> Result<(), Error> {
    if (0.0..1.0).contains(&decay) {
        return Ok(());
    }
    Err(Error::Option { option: "decay", value: decay, expected: "a number in [0, 1)" })
}

pub(crate) fn check_draws(draws: usize) -> Result<(), Error> {
    if draws < 2 { Err(Error::TooFewDraws { draws }) } else { Ok(()) }
}

/// A moving average after the next number; the first number is the average.
pub(crate) fn moved_average(old: Option<f64>, decay: f64, next: f64) -> f64 {
    decay * old.unwrap_or(next) + (1.0 - decay) * next
}
