//! What a check of derivatives found.

use std::borrow::Cow;
use std::fmt;

use super::differences::Slope;

/// One derivative, and what it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The name of the parameter, or `z`.
    pub name: Cow<'static, str>,
    /// The index within it.
    pub index: usize,
    /// The hand-written derivative.
    pub found: f64,
    /// The derivative by differences.
    pub expected: f64,
    /// How far off the differences may be.
    pub uncertainty: f64,
    /// The size that derivatives of this function usually have: its value over the length on which it was
    /// differentiated.
    pub ordinary: f64,
}

impl Comparison {
    pub(super) fn new(name: Cow<'static, str>, index: usize, found: f64, slope: Slope) -> Self {
        let Slope { value: expected, uncertainty, ordinary } = slope;
        Self { name, index, found, expected, uncertainty, ordinary }
    }

    /// The larger of both sizes.
    fn size(&self) -> f64 {
        self.found.abs().max(self.expected.abs())
    }

    /// The relative error; 0 where both are 0.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        if self.found == self.expected { 0.0 } else { (self.found - self.expected).abs() / self.size() }
    }

    /// Whether they agree to a relative tolerance, as far as the differences can tell. Below 1e-9 of the
    /// ordinary size, a difference is nothing but rounding.
    #[must_use]
    pub fn agrees(&self, tolerance: f64) -> bool {
        let rounding = (1e-9 * self.ordinary).max(2.0 * self.uncertainty);
        self.decides(tolerance) && (self.found - self.expected).abs() <= tolerance * self.size() + rounding
    }

    /// Whether the differences are sharp enough to decide at this tolerance.
    #[must_use]
    pub fn decides(&self, tolerance: f64) -> bool {
        self.uncertainty <= (tolerance * self.size()).max(1e-9 * self.ordinary).max(1e-12)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, index, found, expected, .. } = self;
        write!(f, "{name}[{index}]: found {found:e}, expected {expected:.7e}")?;
        write!(f, ", relative error {:.1e}", self.relative_error())
    }
}

/// All derivatives that a check compared, in the order of the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparisons(pub(super) Vec<Comparison>);

impl Comparisons {
    /// All comparisons, one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Comparison> {
        self.0.iter()
    }

    /// The one with the largest relative error.
    #[must_use]
    pub fn worst(&self) -> Option<&Comparison> {
        self.iter().max_by(|a, b| a.relative_error().total_cmp(&b.relative_error()))
    }

    /// `Ok` if all agree to a relative tolerance; differences can decide at 1e-7 for nearly every function.
    ///
    /// # Errors
    /// The [`Mismatch`] that is furthest off, or that the differences cannot decide.
    pub fn within(&self, tolerance: f64) -> Result<(), Mismatch> {
        let wrong = self.iter().filter(|c| !c.agrees(tolerance));
        match wrong.max_by(|a, b| a.relative_error().total_cmp(&b.relative_error())) {
            None => Ok(()),
            Some(comparison) => {
                let decided = comparison.decides(tolerance);
                Err(Mismatch { comparison: comparison.clone(), decided })
            }
        }
    }
}

impl<'a> IntoIterator for &'a Comparisons {
    type Item = &'a Comparison;
    type IntoIter = std::slice::Iter<'a, Comparison>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A derivative that is wrong, or that differences cannot judge.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// The two numbers.
    pub comparison: Comparison,
    /// Whether the differences were sharp enough to decide; if not, the function is too rough there, or not
    /// defined around the point.
    pub decided: bool,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.comparison.fmt(f)?;
        if !self.decided {
            write!(f, ", not decided: the difference is uncertain by {:.1e}", self.comparison.uncertainty)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mismatch {}
