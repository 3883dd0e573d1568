//! Names and domains of the parameters: how the flat slice θ is divided.

#[cfg(feature = "serde")]
mod serialization;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, check_len};
use crate::real::Real;

/// The domain of one named range of parameters. [`Unconstrained`](crate::distributions::Unconstrained)
/// maps the real line onto it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Domain {
    /// Any finite number.
    Real,
    /// A finite number above 0: scales, rates, shapes, temperatures.
    Positive,
    /// Strictly between 0 and 1: the probability of a bit.
    UnitInterval,
    /// Rows of this many positive numbers, each row summing to 1: the probabilities of a categorical.
    Simplex(usize),
    /// Coordinate by coordinate above the range just before this one: an upper bound.
    AbovePrevious,
}

impl Domain {
    /// What the domain accepts, as an error message says it.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Real => "a finite number",
            Self::Positive => "a finite number above 0",
            Self::UnitInterval => "a number strictly between 0 and 1",
            Self::Simplex(_) => "positive probabilities that sum to 1",
            Self::AbovePrevious => "a finite number above the lower bound",
        }
    }
}

/// One named range of θ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ParamRange {
    /// The field's name for the parameter: `mu`, `sigma`, `logits`.
    pub name: Cow<'static, str>,
    /// Its place in the flat slice.
    pub range: Range<usize>,
    /// Which values are valid.
    pub domain: Domain,
    /// Whether the support of the distribution depends on it, so that no score function exists for it.
    pub moves_support: bool,
}

/// How the flat parameter slice θ is divided into named ranges. Cheap to clone.
///
/// ```
/// use reparam::{Distribution, distributions::Normal};
///
/// let normal = Normal::new(&[0.0, 1.0], &[2.0, 3.0])?;
/// let names: Vec<_> = normal.layout().iter().map(|part| (&*part.name, part.range.clone())).collect();
/// assert_eq!(names, [("mu", 0..2), ("sigma", 2..4)]);
/// assert_eq!(normal.layout().range("sigma"), Some(2..4));
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "serialization::LayoutData", into = "serialization::LayoutData")
)]
pub struct Layout {
    parts: Arc<[ParamRange]>,
}

impl Layout {
    /// A layout of consecutive ranges, each given by name, length and domain.
    #[must_use]
    pub fn new(parts: &[(&'static str, usize, Domain)]) -> Self {
        let mut start = 0;
        let parts = parts
            .iter()
            .map(|&(name, len, domain)| {
                let range = start..start + len;
                start = range.end;
                ParamRange { name: Cow::Borrowed(name), range, domain, moves_support: false }
            })
            .collect();
        Self { parts }
    }

    /// The layout and the flat parameters of a family with independent coordinates: one slice per
    /// parameter, all of the same length, validated.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates, [`Error::Length`] if the lengths differ, and what
    /// [`check`](Self::check) refuses.
    pub fn coordinatewise<T: Real>(parts: &[(&'static str, Domain, &[T])]) -> Result<(Self, Vec<T>), Error> {
        let dim = parts.first().map_or(0, |part| part.2.len());
        if dim == 0 {
            return Err(Error::EmptySupport { what: "a distribution of dimension 0" });
        }
        for (name, _, values) in parts {
            check_len(*name, dim, values.len())?;
        }
        let ranges: Vec<_> = parts.iter().map(|&(name, domain, _)| (name, dim, domain)).collect();
        let layout = Self::new(&ranges);
        let params: Vec<T> = parts.iter().flat_map(|part| part.2).copied().collect();
        layout.check(&params)?;
        Ok((layout, params))
    }

    /// These ranges one after the other, wherever they were before, with the given domains.
    pub(crate) fn of_parts(parts: impl IntoIterator<Item = (ParamRange, Domain)>) -> Self {
        let mut start = 0;
        let moved = |(part, domain): (ParamRange, Domain)| {
            let range = start..start + part.range.len();
            start = range.end;
            ParamRange { range, domain, ..part }
        };
        Self { parts: parts.into_iter().map(moved).collect() }
    }

    /// Marks a parameter as one that the support depends on, for which the score function is refused.
    #[must_use]
    pub fn with_moving_support(self, name: &str) -> Self {
        let mut parts = self.parts.to_vec();
        for part in parts.iter_mut().filter(|part| part.name == name) {
            part.moves_support = true;
        }
        Self { parts: parts.into() }
    }

    /// Marks every parameter as one that the support depends on.
    #[must_use]
    pub(crate) fn with_all_moving_support(self) -> Self {
        let mark = |part: &ParamRange| ParamRange { moves_support: true, ..part.clone() };
        Self { parts: self.iter().map(mark).collect() }
    }

    /// Two layouts one after the other, names prefixed by `first.` and `second.`.
    #[must_use]
    pub fn join(first: &Self, second: &Self) -> Self {
        Self::join_as(["first", "second"], first, second)
    }

    /// Two layouts one after the other, under these prefixes.
    pub(crate) fn join_as(prefixes: [&'static str; 2], first: &Self, second: &Self) -> Self {
        let offset = first.len();
        let prefixed = |prefix: &'static str, offset: usize| {
            move |part: &ParamRange| ParamRange {
                name: format!("{prefix}.{}", part.name).into(),
                range: part.range.start + offset..part.range.end + offset,
                ..part.clone()
            }
        };
        let first = first.iter().map(prefixed(prefixes[0], 0));
        let second = second.iter().map(prefixed(prefixes[1], offset));
        Self { parts: first.chain(second).collect() }
    }

    /// The same ranges with every domain replaced by [`Domain::Real`]: parameters that any optimiser can
    /// work with.
    #[must_use]
    pub fn unconstrained(&self) -> Self {
        Self { parts: self.iter().map(|part| ParamRange { domain: Domain::Real, ..part.clone() }).collect() }
    }

    /// Whether this is the very same layout, not merely an equal one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parts, &other.parts)
    }

    /// The number of parameters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.last().map_or(0, |part| part.range.end)
    }

    /// Whether there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The named ranges in order.
    pub fn iter(&self) -> std::slice::Iter<'_, ParamRange> {
        self.parts.iter()
    }

    /// The place of a named parameter, if there is one of that name.
    #[must_use]
    pub fn range(&self, name: &str) -> Option<Range<usize>> {
        self.iter().find(|part| part.name == name).map(|part| part.range.clone())
    }

    /// The name of the parameter at a flat index, and the index within its range.
    #[must_use]
    pub fn locate(&self, flat: usize) -> Option<(&Cow<'static, str>, usize)> {
        self.iter().find(|part| part.range.contains(&flat)).map(|part| (&part.name, flat - part.range.start))
    }

    /// [`locate`](Self::locate) for messages: θ and the flat index where no range contains it.
    pub(crate) fn place(&self, flat: usize) -> (Cow<'static, str>, usize) {
        self.locate(flat).map_or(("θ".into(), flat), |(name, index)| (name.clone(), index))
    }

    /// Checks a flat parameter slice against length, finiteness and domains.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NonFiniteParameter`] or [`Error::ParameterDomain`], whichever is met
    /// first.
    pub fn check<T: Real>(&self, params: &[T]) -> Result<(), Error> {
        check_len("params", self.len(), params.len())?;
        let mut previous: &[T] = &[];
        for part in self {
            let values = &params[part.range.clone()];
            part.check(values, previous)?;
            previous = values;
        }
        Ok(())
    }

    /// Replaces parameters that several parts hold: all of them or, if `set` fails for a part, none. `set`
    /// gives all parts their share of a parameter vector. The layout's own checks come first, and their
    /// errors use its names.
    pub(crate) fn replace<T: Real>(
        &self,
        own: &mut [T],
        params: &[T],
        mut set: impl FnMut(&[T]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check(params)?;
        if let Err(error) = set(params) {
            set(own)?;
            return Err(error);
        }
        own.copy_from_slice(params);
        Ok(())
    }

    /// `Ok` if the score function exists for every parameter.
    ///
    /// # Errors
    /// [`Error::SupportDependsOnParameter`], naming the first parameter that moves the support.
    pub fn check_score(&self) -> Result<(), Error> {
        match self.iter().find(|part| part.moves_support) {
            Some(part) => Err(Error::SupportDependsOnParameter { parameter: part.name.clone() }),
            None => Ok(()),
        }
    }
}

impl<'a> IntoIterator for &'a Layout {
    type Item = &'a ParamRange;
    type IntoIter = std::slice::Iter<'a, ParamRange>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl ParamRange {
    /// Checks the values of this range; `previous` holds those of the range before it.
    pub(crate) fn check<T: Real>(&self, values: &[T], previous: &[T]) -> Result<(), Error> {
        let outside = |index: usize, value: T| Error::ParameterDomain {
            parameter: self.name.clone(),
            index,
            value: value.f64(),
            expected: self.domain.expected(),
        };
        for (index, &value) in values.iter().enumerate() {
            if !value.is_finite() {
                let parameter = self.name.clone();
                return Err(Error::NonFiniteParameter { parameter, index, value: value.f64() });
            }
            let valid = match self.domain {
                Domain::Real => true,
                Domain::Positive | Domain::Simplex(_) => value > T::zero(),
                Domain::UnitInterval => value > T::zero() && value < T::one(),
                Domain::AbovePrevious => previous.get(index).is_some_and(|&low| value > low),
            };
            if !valid {
                return Err(outside(index, value));
            }
        }
        if let Domain::Simplex(classes) = self.domain {
            for (row, probabilities) in values.chunks(classes.max(1)).enumerate() {
                let sum: T = probabilities.iter().copied().sum();
                // Rounding of the caller's normalisation: a few units in the last place per class.
                let tolerance = T::epsilon() * T::of(4.0 * classes as f64);
                if (sum - T::one()).abs() > tolerance {
                    return Err(outside(row * classes, probabilities[0]));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_domain_refuses_by_name_index_and_value() {
        let layout = Layout::new(&[
            ("low", 1, Domain::Real),
            ("high", 1, Domain::AbovePrevious),
            ("rate", 2, Domain::Positive),
            ("p", 1, Domain::UnitInterval),
            ("probs", 2, Domain::Simplex(2)),
        ]);
        let good = [0.0, 1.0, 1.0, 2.0, 0.5, 0.25, 0.75];
        assert_eq!(layout.check(&good), Ok(()));
        for (flat, bad, name, index) in [
            (1, -1.0, "high", 0),
            (3, 0.0, "rate", 1),
            (4, 1.0, "p", 0),
            (5, -0.25, "probs", 0),
            (6, 0.5, "probs", 0),
        ] {
            let mut params = good;
            params[flat] = bad;
            match layout.check(&params) {
                Err(Error::ParameterDomain { parameter, index: found, .. }) => {
                    assert_eq!((&*parameter, found), (name, index));
                }
                other => panic!("{name}: {other:?}"),
            }
            params[flat] = f64::NAN;
            assert!(matches!(layout.check(&params), Err(Error::NonFiniteParameter { .. })));
        }
        let error = layout.check(&good[1..]).unwrap_err();
        assert_eq!(error, Error::Length { what: "params".into(), expected: 7, found: 6 });
    }
}
