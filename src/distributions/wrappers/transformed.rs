//! A distribution pushed through an invertible map.

use rand::Rng;

use crate::bijections::Bijection;
use crate::distribution::{
    DifferentiableLogDensity, Distribution, Draws, DrawsMut, LogDensity, Reparameterizable, UniformNoise,
};
use crate::error::{Error, check_len};
use crate::layout::Layout;
use crate::real::Real;
use crate::scratch::with_scratch;

/// A base distribution pushed through an invertible map, `z = h(x; φ)` with `x ~ p_θ`: a normalizing flow,
/// or a distribution on another support.
///
/// | | |
/// | --- | --- |
/// | θ | those of the base, prefixed by `base.`, then those of the [map](crate::bijections), prefixed by `map.` |
/// | noise | the base's |
/// | density | `ln q(z) = ln p(x) − ln \|det J\|` at `x = h⁻¹(z)`, `J = ∂h/∂x` |
/// | pullback | `Jᵀ dz` pulled back by the base, `dφ = (∂h/∂φ)ᵀ dz` |
/// | ∇_z log q | `w = J⁻ᵀ g` with `g = ∇ₓ ln p − ∇ₓ ln \|det J\|` |
/// | score | that of the base at x; for φ, which moves x at fixed z, `−(∂h/∂φ)ᵀ w − ∇_φ ln \|det J\|` |
///
/// Pathwise gradients are unbiased; so are those of the score function where the base's are. The map's
/// parameters move the support unless the base [covers the whole
/// space](DifferentiableLogDensity::covers_space): [`ScoreFunction`](crate::estimators::ScoreFunction)
/// then refuses them by name. (It also refuses the scale of a positive base: this does not move the
/// support, but that is not known.) A draw that the map has rounded to the end of its image (`σ(40) = 1`)
/// has no log-density left (−∞).
///
/// It is not [`Sequential`](crate::Sequential): a map may mix all coordinates, so that no z need be known
/// before the last x. If the map has no parameters of its own, make it a part of the objective instead;
/// the base then keeps its steps.
///
/// Cost: one `h` per draw; a pullback draws x again from the noise, or inverts h where the base draws
/// without noise.
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
        with_scratch(self.base.dim(), T::zero(), |x| self.map.inverse(z, x).then(|| run(x)))
    }
}

impl<T: Real, D: DifferentiableLogDensity<T>, B: Bijection<T>> Transformed<T, D, B> {
    /// Writes `w = J⁻ᵀ (∇ₓ ln p − ∇ₓ ln |det J|)`.
    fn slope(&self, base: Draws<'_, T>, z: &[T], w: &mut [T]) {
        let x = base.z;
        let (dim, params) = (x.len(), self.map.params().len());
        with_scratch(2 * dim + params, T::zero(), |room| {
            let (slopes, unused) = room.split_at_mut(2 * dim);
            let (g, volume) = slopes.split_at_mut(dim);
            w.fill(T::zero());
            self.map.pullback(x, z, w, -T::one(), volume, unused);
            self.base.log_prob_gradient_block(base, g);
            for (g, &volume) in g.iter_mut().zip(&*volume) {
                *g += volume;
            }
            self.map.solve_transposed(x, z, g, w);
        });
    }
}

impl<T: Real, D: Distribution<T>, B: Bijection<T>> Transformed<T, D, B> {
    fn forward_rows(&self, x: &[T], z: &mut [T]) {
        for (x, z) in x.chunks_exact(self.base.dim()).zip(z.chunks_exact_mut(self.map.output_dim())) {
            self.map.forward(x, z);
        }
    }

    /// The base's part of the draws that carry it.
    fn base_draw<'a>(&self, draw: Draws<'a, T>) -> Draws<'a, T> {
        let (x, preimage) = draw.preimage.split_at(self.base.dim());
        Draws { z: x, preimage }
    }

    /// Fills draws that carry their preimage: `draw` fills rows of the base, in order, with their noise
    /// if there is any.
    fn fill(&self, draws: DrawsMut<'_, T>, noise: &mut [T], mut draw: impl FnMut(&mut [T], DrawsMut<'_, T>)) {
        let DrawsMut { z, preimage } = draws;
        if self.base.preimage_dim() == 0 {
            draw(noise, DrawsMut::of(preimage));
            return self.forward_rows(preimage, z);
        }
        let outer = self.map.output_dim();
        let width = noise.len() / (z.len() / outer).max(1);
        let rows = z.chunks_exact_mut(outer).zip(preimage.chunks_exact_mut(self.preimage_dim()));
        for (i, (z, preimage)) in rows.enumerate() {
            let (x, carried) = preimage.split_at_mut(self.base.dim());
            draw(&mut noise[i * width..(i + 1) * width], DrawsMut { z: x, preimage: carried });
            self.map.forward(x, z);
        }
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
        let cut = self.base.params().len();
        self.layout.replace(&mut self.params, params, |params| {
            self.base.set_params(&params[..cut])?;
            self.map.set_params(&params[cut..])
        })
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        with_scratch(self.base.dim(), T::zero(), |x| {
            for z in z.chunks_exact_mut(self.map.output_dim()) {
                self.base.sample(rng, x);
                self.map.forward(x, z);
            }
        });
    }

    /// The preimage: the draw of the base before the map, followed by the preimage of that.
    fn preimage_dim(&self) -> usize {
        self.base.dim() + self.base.preimage_dim()
    }

    fn sample_block<R: Rng + ?Sized>(&self, rng: &mut R, draws: DrawsMut<'_, T>) {
        if draws.preimage.is_empty() {
            return self.sample(rng, draws.z);
        }
        self.fill(draws, &mut [], |_, base| self.base.sample_block(rng, base));
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
        with_scratch(self.base.dim(), T::zero(), |x| {
            self.base.transform(noise, x);
            self.map.forward(x, z);
        });
    }

    fn draw_block<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T], draws: DrawsMut<'_, T>) {
        if draws.preimage.is_empty() {
            let (inner, outer) = (self.base.dim(), self.map.output_dim());
            return with_scratch(draws.z.len() / outer * inner, T::zero(), |x| {
                self.base.draw_block(rng, noise, DrawsMut::of(x));
                self.forward_rows(x, draws.z);
            });
        }
        self.fill(draws, noise, |noise, base| self.base.draw_block(rng, noise, base));
    }

    fn transform_block(&self, noise: &[T], draws: DrawsMut<'_, T>) {
        if draws.preimage.is_empty() {
            for (noise, z) in
                noise.chunks_exact(self.noise_dim()).zip(draws.z.chunks_exact_mut(self.map.output_dim()))
            {
                self.transform(noise, z);
            }
            return;
        }
        let width = self.base.noise_dim();
        let mut done = 0;
        self.fill(draws, &mut [], |_, base| {
            let rows = base.z.len() / self.base.dim();
            self.base.transform_block(&noise[done * width..(done + rows) * width], base);
            done += rows;
        });
    }

    fn pullback_block(&self, noise: &[T], draws: Draws<'_, T>, dz: &[T], dtheta: &mut [T]) {
        let (outer, params) = (self.map.output_dim(), self.params.len());
        let rows = noise.chunks_exact(self.noise_dim()).zip(dz.chunks_exact(outer));
        for ((draw, (noise, dz)), dtheta) in draws.rows(outer).zip(rows).zip(dtheta.chunks_exact_mut(params))
        {
            if !draw.know_more() {
                self.pullback(noise, draw.z, dz, dtheta);
                continue;
            }
            let base = self.base_draw(draw);
            let (dbase, dmap) = dtheta.split_at_mut(self.base.params().len());
            with_scratch(self.base.dim(), T::zero(), |dx| {
                self.map.pullback(base.z, draw.z, dz, T::zero(), dx, dmap);
                self.base.pullback_block(noise, base, dx, dbase);
            });
        }
    }

    fn pullback(&self, noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        let dim = self.base.dim();
        let (dbase, dmap) = dtheta.split_at_mut(self.base.params().len());
        with_scratch(2 * dim, T::zero(), |room| {
            let (x, dx) = room.split_at_mut(dim);
            // NaN marks the noise of a base that draws without noise.
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
        self.at_source(z, |x| self.log_prob_at(Draws::of(x))).unwrap_or_else(T::neg_infinity)
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        if self.at_source(z, |x| self.score_at(Draws::of(x), z, score)).is_none() {
            score.fill(T::zero());
        }
    }

    fn log_prob_block(&self, draws: Draws<'_, T>, log_probs: &mut [T]) {
        for (draw, log_prob) in draws.rows(self.map.output_dim()).zip(log_probs) {
            *log_prob =
                if draw.know_more() { self.log_prob_at(self.base_draw(draw)) } else { self.log_prob(draw.z) };
        }
    }

    fn score_block(&self, draws: Draws<'_, T>, scores: &mut [T]) {
        let params = self.params.len();
        for (draw, score) in draws.rows(self.map.output_dim()).zip(scores.chunks_exact_mut(params)) {
            if draw.know_more() {
                self.score_at(self.base_draw(draw), draw.z, score);
            } else {
                self.score(draw.z, score);
            }
        }
    }
}

impl<T: Real, D: DifferentiableLogDensity<T>, B: Bijection<T>> Transformed<T, D, B> {
    /// The log-density of the image of a draw of the base.
    fn log_prob_at(&self, base: Draws<'_, T>) -> T {
        let mut log_prob = [T::zero()];
        self.base.log_prob_block(base, &mut log_prob);
        let [log_prob] = log_prob;
        if log_prob == T::neg_infinity() {
            return log_prob;
        }
        log_prob - with_scratch(self.map.output_dim(), T::zero(), |image| self.map.forward(base.z, image))
    }

    /// The score at the image z of a draw of the base.
    fn score_at(&self, base: Draws<'_, T>, z: &[T], score: &mut [T]) {
        let (dbase, dmap) = score.split_at_mut(self.base.params().len());
        self.base.score_block(base, dbase);
        if dmap.is_empty() {
            return;
        }
        with_scratch(z.len() + base.z.len(), T::zero(), |room| {
            let (w, unused) = room.split_at_mut(z.len());
            self.slope(base, z, w);
            for w in &mut *w {
                *w = -*w;
            }
            self.map.pullback(base.z, z, w, -T::one(), unused, dmap);
        });
    }
}

impl<T: Real, D: DifferentiableLogDensity<T>, B: Bijection<T>> DifferentiableLogDensity<T>
    for Transformed<T, D, B>
{
    /// 0 where z is not an image. On a simplex: with respect to all numbers of a row but the last, which
    /// is determined by the others.
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        if self.at_source(z, |x| self.slope(Draws::of(x), z, dz)).is_none() {
            dz.fill(T::zero());
        }
    }

    fn log_prob_gradient_block(&self, draws: Draws<'_, T>, dz: &mut [T]) {
        let outer = self.map.output_dim();
        for (draw, dz) in draws.rows(outer).zip(dz.chunks_exact_mut(outer)) {
            if draw.know_more() {
                self.slope(self.base_draw(draw), draw.z, dz);
            } else {
                self.log_prob_gradient(draw.z, dz);
            }
        }
    }

    fn covers_space(&self) -> bool {
        self.base.covers_space() && self.map.is_onto()
    }
}
