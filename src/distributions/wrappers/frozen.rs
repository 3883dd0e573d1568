//! A distribution with some of its parameters frozen.

use super::remapped::{ParameterMap, Remapped};
use crate::distribution::{Conditional, Distribution};
use crate::error::Error;
use crate::layout::{Domain, Layout};
use crate::real::Real;
use crate::scratch::with_scratch;

/// The same distribution with some of its parameters frozen: θ, its gradients and its layout contain only
/// the others, the free ones.
///
/// Capability belongs to a parameter: a Pareto's scale moves the support and has no score, its shape has
/// one; a gamma's rate has a weak derivative, its shape has none. Once the parameters that lack a
/// capability are frozen, the estimators that need it work for the rest. A frozen parameter keeps its
/// value until [`into_inner`](Self::into_inner).
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::prelude::*;
///
/// let pareto = Pareto::new(&[1.0], &[3.0])?; // scale, shape
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let f = |z: &[f64]| if z[0] > 2.0 { 1.0 } else { 0.0 };
/// let refused = ScoreFunction::new().estimate(&pareto, &f, 100, &mut rng);
/// assert_eq!(refused, Err(Error::SupportDependsOnParameter { parameter: "scale".into() }));
///
/// let free_shape = Frozen::new(pareto, &["scale"])?;
/// assert_eq!(free_shape.params(), [3.0]);
/// let estimate = ScoreFunction::new().estimate(&free_shape, &f, 20_000, &mut rng)?;
/// let exact = -(2.0f64.ln()) / 8.0; // P(z > 2) = 2^(−shape)
/// assert!((estimate.gradient()[0] - exact).abs() < 4.0 * estimate.standard_error()[0]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// Draws, densities and entropies are those of the inner distribution, and a pullback or a score costs as
/// much as it costs there. An upper bound whose lower bound is frozen has the domain [`Domain::Real`] in
/// this layout; [`set_params`](Distribution::set_params) still refuses one that is too low.
///
/// It has all capabilities of the inner distribution but [`Bits`](crate::Bits),
/// [`Categories`](crate::Categories) and [`Relaxable`](crate::Relaxable): their estimators need as many
/// parameters as a draw has coordinates.
pub type Frozen<T, D> = Remapped<T, D, Selection>;

/// The map of a [`Frozen`]: which parameters are free.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The index of each free parameter in the inner θ.
    places: Vec<usize>,
    /// Which ranges of the inner layout are free.
    free: Vec<bool>,
}

impl<T: Real> ParameterMap<T> for Selection {
    fn map(&mut self, _: &Layout, params: &[T], theta: &mut [T]) {
        for (&place, &value) in self.places.iter().zip(params) {
            theta[place] = value;
        }
    }

    fn pull(&self, inner: &Layout, rows: &mut [T], fill: impl FnOnce(&mut [T])) {
        let (free, all) = (self.places.len(), inner.len());
        with_scratch(rows.len() / free * all, T::zero(), |full: &mut [T]| {
            fill(full);
            for (row, full) in rows.chunks_exact_mut(free).zip(full.chunks_exact(all)) {
                for (value, &place) in row.iter_mut().zip(&self.places) {
                    *value = full[place];
                }
            }
        });
    }

    fn single(&self, _: &Layout, parameter: usize) -> Option<(usize, T)> {
        Some((self.places[parameter], T::one()))
    }
}

impl<T: Real, D: Distribution<T>> Frozen<T, D> {
    /// With these parameters, given by their names in the layout, frozen at their present values.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`] for a name that the layout does not have.
    pub fn new(inner: D, names: &[&str]) -> Result<Self, Error> {
        let layout = inner.layout();
        if let Some(unknown) = names.iter().find(|name| layout.range(name).is_none()) {
            return Err(Error::UnknownParameter { parameter: (*unknown).to_string().into() });
        }
        let free: Vec<bool> = layout.iter().map(|part| !names.contains(&&*part.name)).collect();
        let mut before_is_free = true;
        let kept = layout.iter().zip(&free).filter_map(|(part, &is_free)| {
            let orphan = part.domain == Domain::AbovePrevious && !before_is_free;
            before_is_free = is_free;
            let domain = if orphan { Domain::Real } else { part.domain };
            is_free.then(|| (part.clone(), domain))
        });
        let kept: Vec<_> = kept.collect();
        // A free range may be empty.
        let places: Vec<usize> = kept.iter().flat_map(|(part, _)| part.range.clone()).collect();
        let layout = Layout::of_parts(kept);
        let params = places.iter().map(|&place| inner.params()[place]).collect();
        Self::on(inner, Selection { places, free }, params, layout)
    }

    /// One slice per range of the inner layout: those lent, and those frozen.
    fn lend<Y>(&self, params: &[&[T]], use_them: impl FnOnce(&[&[T]]) -> Y) -> Y {
        let empty: &[T] = &[];
        with_scratch(self.map().free.len(), empty, |all| {
            let mut lent = params.iter();
            for ((slot, part), &free) in all.iter_mut().zip(self.inner().layout()).zip(&self.map().free) {
                let own = &self.inner().params()[part.range.clone()];
                *slot = if free { lent.next().copied().unwrap_or(own) } else { own };
            }
            use_them(all)
        })
    }
}

impl<T: Real, D: Conditional<T>> Conditional<T> for Frozen<T, D> {
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        self.lend(params, |all| self.inner().transform_with(all, noise, z));
    }

    fn pullback_with(&self, params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        self.lend(params, |all| {
            self.pull(dtheta, |full| self.inner().pullback_with(all, noise, z, dz, full));
        });
    }
}
