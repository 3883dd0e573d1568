//! Shift and scale.

use super::Bijection;
use crate::error::Error;
use crate::layout::{Domain, Layout};
use crate::real::Real;

/// `y = shift + scale · x`, coordinate by coordinate.
///
/// | | |
/// | --- | --- |
/// | φ | `shift` (D finite numbers), `scale` (D numbers above 0) |
/// | ln det | `Σ ln scale` |
///
/// ```
/// use reparam::bijections::{AffineMap, Bijection};
///
/// let map = AffineMap::new(&[1.0], &[2.0])?;
/// let mut y = [0.0];
/// assert_eq!(map.forward(&[3.0], &mut y), 2.0f64.ln());
/// assert_eq!(y, [7.0]);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AffineMap<T> {
    params: Vec<T>,
    layout: Layout,
}

impl<T: Real> AffineMap<T> {
    /// From shifts and scales, one of each per coordinate.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates, [`Error::Length`] if the lengths differ,
    /// [`Error::NonFiniteParameter`], [`Error::ParameterDomain`] for a scale that is not above 0.
    pub fn new(shift: &[T], scale: &[T]) -> Result<Self, Error> {
        let parts = [("shift", Domain::Real, shift), ("scale", Domain::Positive, scale)];
        let (layout, params) = Layout::coordinatewise(&parts)?;
        Ok(Self { params, layout })
    }

    /// The shifts.
    #[must_use]
    pub fn shift(&self) -> &[T] {
        &self.params[..self.params.len() / 2]
    }

    /// The scales.
    #[must_use]
    pub fn scale(&self) -> &[T] {
        &self.params[self.params.len() / 2..]
    }
}

impl<T: Real> Bijection<T> for AffineMap<T> {
    fn input_dim(&self) -> usize {
        self.params.len() / 2
    }

    fn is_onto(&self) -> bool {
        true
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.layout.check(params)?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn forward(&self, x: &[T], y: &mut [T]) -> T {
        for (((y, &x), &shift), &scale) in y.iter_mut().zip(x).zip(self.shift()).zip(self.scale()) {
            *y = shift + scale * x;
        }
        self.scale().iter().map(|scale| scale.ln()).sum()
    }

    fn inverse(&self, y: &[T], x: &mut [T]) -> bool {
        for (((x, &y), &shift), &scale) in x.iter_mut().zip(y).zip(self.shift()).zip(self.scale()) {
            *x = (y - shift) / scale;
        }
        true
    }

    fn pullback(&self, x: &[T], _: &[T], dy: &[T], dln: T, dx: &mut [T], dparams: &mut [T]) {
        let (dshift, dscale) = dparams.split_at_mut(x.len());
        dshift.copy_from_slice(dy);
        for (i, &scale) in self.scale().iter().enumerate() {
            dx[i] = scale * dy[i];
            dscale[i] = x[i] * dy[i] + dln / scale;
        }
    }

    fn solve_transposed(&self, _: &[T], _: &[T], dx: &[T], dy: &mut [T]) {
        for ((dy, &dx), &scale) in dy.iter_mut().zip(dx).zip(self.scale()) {
            *dy = dx / scale;
        }
    }
}
