//! A distribution pushed through an invertible map.

use rand::Rng;

use crate::bijections::Bijection;
use crate::distribution::{
    DifferentiableLogDensity, Distribution, LogDensity, Reparameterizable, UniformNoise,
};
use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::real::Real;
use crate::room::with_room;

/// A base distribution pushed through an invertible map, `z = h(x; φ)` with `x ~ p_θ`: a normalizing flow, or a distribution on another support.
///
/// | | |
/// | --- | --- |
/// | θ | those of the base, prefixed by `base.`, then those of the [map](crate::bijections), prefixed by `map.` |
/// | noise | the base's |
/// | density | `ln q(z) = ln p(x) − ln |det J|` at `x = h⁻¹(z)`, `J = ∂h/∂x` |
/// | pullback | `Jᵀ dz` pulled back by the base, `dφ = (∂h/∂φ)ᵀ dz` |
/// | ∇_z log q | `w = J⁻ᵀ g` with `g = ∇ₓ ln p − ∇ₓ ln |det J|` |
/// | score | that of the base at x; for φ, which moves x at fixed z, `−(∂h/∂φ)ᵀ w − ∇_φ ln |det J|` |
///
/// Unbiased pathwise, and by the score function where the base is. The map's parameters move the support unless the base
/// [covers the whole space](DifferentiableLogDensity::covers_space): [`ScoreFunction`](crate::estimators::ScoreFunction) then refuses them by name (also
/// a scale of a positive base, which leaves the support alone, but is not known to). A draw that the map has rounded to the end of its image (`σ(40) = 1`)
/// has no log-density left (−∞).
///
/// It is not [`Sequential`](crate::Sequential): a map may mix all coordinates, so that no z need be known before the last x. A map without parameters of its
/// own can be a part of the objective instead, and the base keeps its steps.
///
/// Cost: one `h` a draw; a pullback draws x again from the noise, or inverts h where the base draws without noise.
///
/// # References
/// Rezende & Mohamed 2015, arXiv:1505.05770; Papamakarios et al. 2021, JMLR 22, arXiv:1912.02762.
///
/// ```
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// use reparam::bijections::{AffineMap, Bijection, SigmoidMap};
/// use reparam::prelude::*;
///
/// // A Gaussian squeezed into (−1, 3).
/// let map = SigmoidMap::new(1)?.then(AffineMap::new(&[-1.0], &[4.0])?)?;
/// let q = Transformed::new(Normal::new(&[0.0], &[1.5])?, map)?;
/// assert_eq!(q.layout().range("map.second.scale"), Some(3..4));
///
/// let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
///     if let Some(dz) = dz {
///         dz[0] = 1.0;
///     }
///     z[0]
/// });
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let estimate = Pathwise.estimate(&q, &f, 1000, &mut rng)?;
/// assert_eq!(estimate.gradient()[2], 1.0); // E z moves with the shift
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Transformed<T, D, B> {
    base: D,
    map: B,
    params: Vec<T>,
    layout: Layout,
}

impl<T: Real, D: DifferentiableLogDensity<T>, B: Bijection<T>> Transformed<T, D, B> {
    /// The law of `h(x)` under the base.
    ///
    /// # Errors
    /// [`Error::Length`] if the map takes rows of another length than the base draws.
    pub fn new(base: D, map: B) -> Result<Self, Error> {
        check_len("the map's input", base.dim(), map.input_dim())?;
        let mut moved = map.layout().clone();
        if !base.covers_space() {
            moved = moved.with_all_moving_support();
        }
        let layout = Layout::join_as(["base", "map"], base.layout(), &moved);
        let params = [base.params(), map.params()].concat();
        Ok(Self { base, map, params, layout })
    }

    /// The base.
    #[must_use]
    pub fn base(&self) -> &D {
        &self.base
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &B {
        &self.map
    }
}

impl<T: Real, D: Distribution<T>, B: Bijection<T>> Transformed<T, D, B> {
    /// Calls `run` with the x of a draw, or gives `None` if it is not an image.
    fn at_source<Y>(&self, z: &[T], run: impl FnOnce(&mut [T]) -> Y) -> Option<Y> {
        with_room(self.base.dim(), T::zero(), |x| self.map.inverse(z, x).then(|| run(x)))
    }
}

impl<T: Real, D: DifferentiableLogDensity<T>, B: Bijection<T>> Transformed<T, D, B> {
    /// Writes `w = J⁻ᵀ (∇ₓ ln p − ∇ₓ ln |det J|)`.
    fn slope(&self, x: &[T], z: &[T], w: &mut [T]) {
        let (dim, params) = (x.len(), self.map.params().len());
        with_room(2 * dim + params, T::zero(), |room| {
            let (slopes, unused) = room.split_at_mut(2 * dim);
            let (g, volume) = slopes.split_at_mut(dim);
            w.fill(T::zero());
            self.map.pullback(x, z, w, -T::one(), volume, unused);
            self.base.log_prob_gradient(x, g);
            for (g, &volume) in g.iter_mut().zip(&*volume) {
                *g += volume;
            }
            self.map.solve_transposed(x, z, g, w);
        });
    }
}

impl<T: Real, D: Distribution<T>, B: Bijection<T>> Distribution<T> for Transformed<T, D, B> {
    fn dim(&self) -> usize {
        self.map.output_dim()
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        // Names in the error are those of the whole, and nothing has changed yet.
        self.layout.check(params)?;
        let cut = self.base.params().len();
        self.base.set_params(&params[..cut])?;
        if let Err(error) = self.map.set_params(&params[cut..]) {
            self.base.set_params(&self.params[..cut])?;
            return Err(error);
        }
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        with_room(self.base.dim(), T::zero(), |x| {
            for z in z.chunks_exact_mut(self.map.output_dim()) {
                self.base.sample(rng, x);
                self.map.forward(x, z);
            }
        });
    }
}

impl<T: Real, D: Reparameterizable<T>, B: Bijection<T>> Reparameterizable<T> for Transformed<T, D, B> {
    fn noise_dim(&self) -> usize {
        self.base.noise_dim()
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        self.base.draw_noise(rng, noise);
    }

    fn transform(&self, noise: &[T], z: &mut [T]) {
        with_room(self.base.dim(), T::zero(), |x| {
            self.base.transform(noise, x);
            self.map.forward(x, z);
        });
    }

    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], z: &mut [T]) {
        let (inner, outer) = (self.base.dim(), self.map.output_dim());
        with_room(z.len() / outer * inner, T::zero(), |x| {
            self.base.draw_block(rng, noise, x);
            for (x, z) in x.chunks_exact(inner).zip(z.chunks_exact_mut(outer)) {
                self.map.forward(x, z);
            }
        });
    }

    fn pullback(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        let dim = self.base.dim();
        let (dbase, dmap) = dtheta.split_at_mut(self.base.params().len());
        with_room(2 * dim, T::zero(), |room| {
            let (x, dx) = room.split_at_mut(dim);
            // A base that draws without noise says so by NaN.
            if noise.iter().any(|e| e.is_nan()) {
                self.map.inverse(z, x);
            } else {
                self.base.transform(noise, x);
            }
            self.map.pullback(x, z, dz, T::zero(), dx, dmap);
            self.base.pullback(noise, x, dx, dbase);
        });
    }
}

impl<T: Real, D: UniformNoise<T>, B: Bijection<T>> UniformNoise<T> for Transformed<T, D, B> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        self.base.noise_from_uniforms(noise);
    }

    fn reflect(&self, noise: &mut [T]) {
        self.base.reflect(noise);
    }
}

impl<T: Real, D: DifferentiableLogDensity<T>, B: Bijection<T>> LogDensity<T> for Transformed<T, D, B> {
    fn log_prob(&self, z: &[T]) -> T {
        let density = |x: &mut [T]| {
            let ln_p = self.base.log_prob(x);
            if ln_p == T::neg_infinity() {
                return ln_p;
            }
            ln_p - with_room(z.len(), T::zero(), |image| self.map.forward(x, image))
        };
        self.at_source(z, density).unwrap_or_else(T::neg_infinity)
    }

    /// 0 where z is not an image.
    fn score(&self, z: &[T], score: &mut [T]) {
        let (dbase, dmap) = score.split_at_mut(self.base.params().len());
        let found = self.at_source(z, |x| {
            self.base.score(x, dbase);
            with_room(z.len() + x.len(), T::zero(), |room| {
                let (w, unused) = room.split_at_mut(z.len());
                self.slope(x, z, w);
                for w in &mut *w {
                    *w = -*w;
                }
                self.map.pullback(x, z, w, -T::one(), unused, dmap);
            });
        });
        if found.is_none() {
            score.fill(T::zero());
        }
    }
}

impl<T: Real, D: DifferentiableLogDensity<T>, B: Bijection<T>> DifferentiableLogDensity<T>
    for Transformed<T, D, B>
{
    /// 0 where z is not an image. On a simplex, with respect to all numbers of a row but the last, which follows from them.
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        if self.at_source(z, |x| self.slope(x, z, dz)).is_none() {
            dz.fill(T::zero());
        }
    }

    fn covers_space(&self) -> bool {
        self.base.covers_space() && self.map.is_onto()
    }
}
