//! The Gaussian with any covariance, by its Cholesky factor.

use rand::Rng;

use crate::distribution::{
    Conditional, DifferentiableLogDensity, Distribution, Entropy, KlDivergence, LogDensity, MeanVariance,
    Reparameterizable, UniformNoise,
};
use crate::distributions::gaussian::normal::{fill_standard_normal, scale_deviance};
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::linalg::{Triangle, cholesky, dot, entries_below, row_below, subtract};
use crate::numerics::{negate, normal_from_uniforms};
use crate::real::Real;
use crate::scratch::with_scratch;

/// `½ ln 2π`.
pub(crate) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// The Gaussian with any covariance, `z ~ N(μ, L Lᵀ)`, by its Cholesky factor L.
///
/// | | |
/// | --- | --- |
/// | θ | `mu` μ (D finite numbers), `diagonal` (D numbers above 0: `L_ii`), `lower` (D(D − 1)/2 finite numbers: `L_ij`, j < i, row by row), in the units of z |
/// | density | `p(z) = (2π)^(−D/2) (Π L_ii)⁻¹ exp(−½ ‖y‖²)`, `y = L⁻¹(z − μ)` |
/// | transform | `z = μ + L ε`, `ε ~ N(0, 1)` |
/// | pullback | `dμ = dz`, `dL_ij = dzᵢ εⱼ` |
/// | score | `∂μ = w`, `∂L_ij = wᵢ yⱼ − δ_ij/L_ii`, `w = L⁻ᵀ y` |
/// | ∇_z log p | `−w` |
/// | entropy | `½ D ln(2πe) + Σ ln L_ii`, gradient `1/L_ii` for the diagonal and 0 for the rest |
/// | KL(p ‖ q) | `½ (‖M‖² − D − 2 Σ ln M_ii + ‖m‖²)`, `M = L_q⁻¹ L_p`, `m = L_q⁻¹(μ_p − μ_q)` |
/// | its gradients | `(u, P − diag 1/L_p)` and `(−u, diag 1/L_q − P Mᵀ − u mᵀ)`, lower triangles, `u = L_q⁻ᵀ m`, `P = L_q⁻ᵀ M` |
/// | mean, variance | μ, `Σⱼ L_ij²` |
///
/// Every L with a positive diagonal is the factor of exactly one positive definite covariance, and every
/// positive definite covariance has exactly one such L, so the signs of the diagonal are the only
/// constraint. A step on L is not a step on the covariance: the natural parameters are different ones.
///
/// Cost: D²/2 multiplications for a draw, a pullback or a density; twice that for a score; D³ for a
/// divergence. A density is −∞ where its square overflows, never NaN at finite z.
///
/// ```
/// use reparam::prelude::*;
///
/// let normal = MultivariateNormal::from_covariance(&[1.0, -1.0], &[4.0, 2.0, 2.0, 5.0])?;
/// assert_eq!(normal.params(), [1.0, -1.0, 2.0, 2.0, 1.0]); // L = (2 0; 1 2)
///
/// let mut z = [0.0; 2];
/// normal.transform(&[1.0, 0.5], &mut z);
/// assert_eq!(z, [3.0, 1.0]);
///
/// let mut dtheta = [0.0; 5];
/// normal.pullback(&[1.0, 0.5], &z, &[10.0, 20.0], &mut dtheta);
/// assert_eq!(dtheta, [10.0, 20.0, 10.0, 10.0, 20.0]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Kingma & Welling 2014, arXiv:1312.6114, section 2.4; Titsias & Lázaro-Gredilla 2014, Doubly stochastic
/// variational Bayes, ICML, PMLR 32.
#[derive(Debug, Clone, PartialEq)]
pub struct MultivariateNormal<T> {
    params: Vec<T>,
    layout: Layout,
    dim: usize,
}

/// The ranges of a location and a factor.
pub(crate) fn location_and_factor(dim: usize) -> [(&'static str, usize, Domain); 3] {
    [
        ("mu", dim, Domain::Real),
        ("diagonal", dim, Domain::Positive),
        ("lower", entries_below(dim), Domain::Real),
    ]
}

/// Diagonal and lower entries, one after the other, of a row-major matrix that is lower-triangular.
pub(crate) fn pack_triangle<T: Real>(dim: usize, matrix: &[T]) -> Result<Vec<T>, Error> {
    if dim == 0 {
        return Err(Error::EmptySupport { what: "a distribution of dimension 0" });
    }
    check_len("scale_tril", dim * dim, matrix.len())?;
    let rows = || matrix.chunks_exact(dim).enumerate();
    for (i, row) in rows() {
        if let Some(j) = (i + 1..dim).find(|&j| row[j] != T::zero()) {
            return Err(Error::ParameterDomain {
                parameter: "scale_tril".into(),
                index: i * dim + j,
                value: row[j].f64(),
                expected: "0: it is above the diagonal of a lower-triangular matrix",
            });
        }
    }
    let diagonal = rows().map(|(i, row)| row[i]);
    Ok(diagonal.chain(rows().flat_map(|(i, row)| row[..i].iter().copied())).collect())
}

/// Diagonal and lower entries of the Cholesky factor of a row-major matrix; `name` is its name in errors.
pub(crate) fn pack_cholesky<T: Real>(
    name: &'static str,
    dim: usize,
    covariance: &[T],
) -> Result<Vec<T>, Error> {
    if dim == 0 {
        return Err(Error::EmptySupport { what: "a distribution of dimension 0" });
    }
    check_len(name, dim * dim, covariance.len())?;
    let a: Vec<f64> = covariance.iter().map(|a| a.f64()).collect();
    if let Some(index) = a.iter().position(|a| !a.is_finite()) {
        return Err(Error::NonFiniteParameter { parameter: name.into(), index, value: a[index] });
    }
    let refuse = |index: usize, expected| {
        let (parameter, value) = (name.into(), a[index]);
        Err(Error::ParameterDomain { parameter, index, value, expected })
    };
    let rounding = T::epsilon().f64();
    for i in 0..dim {
        for j in 0..i {
            let size = a[i * (dim + 1)].abs().sqrt() * a[j * (dim + 1)].abs().sqrt();
            if (a[i * dim + j] - a[j * dim + i]).abs() > 64.0 * rounding * size {
                return refuse(i * dim + j, "the value of its mirror image: the matrix must be symmetric");
            }
        }
    }
    let mut factor = vec![0.0; dim + entries_below(dim)];
    let (diagonal, lower) = factor.split_at_mut(dim);
    if let Err(i) = cholesky(&a, rounding * dim as f64, diagonal, lower) {
        let expected =
            "more than the variance that earlier coordinates explain: the matrix must be positive definite";
        return refuse(i * (dim + 1), expected);
    }
    Ok(factor.into_iter().map(T::of).collect())
}

/// `L x + μ`, row by row of x and in place.
pub(crate) fn shear_rows<T: Real>(mu: &[T], factor: Triangle<'_, T>, x: &mut [T]) {
    for x in x.chunks_exact_mut(mu.len()) {
        // From the last coordinate up: each needs the earlier ones unchanged.
        for i in (0..mu.len()).rev() {
            x[i] = mu[i] + factor.times(i, x);
        }
    }
}

/// Writes `dzᵢ yⱼ` for the diagonal, and then for the entries below it, row by row.
#[inline]
pub(crate) fn outer_triangle<T: Real>(dz: &[T], y: &[T], diagonal: &mut [T], lower: &mut [T]) {
    for (i, &dz) in dz.iter().enumerate() {
        diagonal[i] = dz * y[i];
        for (lower, &y) in lower[row_below(i)].iter_mut().zip(y) {
            *lower = dz * y;
        }
    }
}

/// The covariance `s L Lᵀ`, row-major.
pub(crate) fn covariance<T: Real>(factor: Triangle<'_, T>, scale: f64) -> Vec<T> {
    let dim = factor.diagonal.len();
    let entry = |k: usize| (k / dim, k % dim);
    (0..dim * dim).map(entry).map(|(i, j)| T::of(scale * factor.square(i.max(j), i.min(j)))).collect()
}

impl<T: Real> MultivariateNormal<T> {
    /// From means and a lower-triangular factor of the covariance, D × D and row-major, with a positive
    /// diagonal and zeros above it.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates, [`Error::Length`] if the factor is not D × D,
    /// [`Error::NonFiniteParameter`], [`Error::ParameterDomain`] for a `scale_tril` that is not 0 above the
    /// diagonal, and for a `diagonal` that is not above 0.
    pub fn new(mu: &[T], scale_tril: &[T]) -> Result<Self, Error> {
        Self::from_packed(mu, &pack_triangle(mu.len(), scale_tril)?)
    }

    /// From means and a covariance, D × D and row-major. Only the lower triangle is used.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates, [`Error::Length`] if the covariance is not D × D,
    /// [`Error::NonFiniteParameter`], [`Error::ParameterDomain`] at the first entry that differs from its
    /// mirror image by more than rounding, and at the first diagonal entry whose leading submatrix is not
    /// positive definite, to the precision of the scalar.
    pub fn from_covariance(mu: &[T], covariance: &[T]) -> Result<Self, Error> {
        Self::from_packed(mu, &pack_cholesky("covariance", mu.len(), covariance)?)
    }

    /// The standard normal of a given dimension: `mu` 0, L the identity.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] for dimension 0.
    pub fn standard(dim: usize) -> Result<Self, Error> {
        if dim == 0 {
            return Err(Error::EmptySupport { what: "a distribution of dimension 0" });
        }
        let mut factor = vec![T::zero(); dim + entries_below(dim)];
        factor[..dim].fill(T::one());
        Self::from_packed(&vec![T::zero(); dim], &factor)
    }

    fn from_packed(mu: &[T], factor: &[T]) -> Result<Self, Error> {
        let layout = Layout::new(&location_and_factor(mu.len()));
        let params = [mu, factor].concat();
        layout.check(&params)?;
        Ok(Self { params, layout, dim: mu.len() })
    }

    /// The means μ.
    #[must_use]
    pub fn mu(&self) -> &[T] {
        &self.params[..self.dim]
    }

    /// The diagonal of L.
    #[must_use]
    pub fn diagonal(&self) -> &[T] {
        &self.params[self.dim..2 * self.dim]
    }

    /// The entries of L below the diagonal, row by row.
    #[must_use]
    pub fn lower(&self) -> &[T] {
        &self.params[2 * self.dim..]
    }

    /// The covariance `L Lᵀ`, D × D and row-major.
    #[must_use]
    pub fn covariance(&self) -> Vec<T> {
        covariance(self.factor(), 1.0)
    }

    fn factor(&self) -> Triangle<'_, T> {
        Triangle { diagonal: self.diagonal(), lower: self.lower() }
    }

    /// Calls `run` with y and w.
    #[inline]
    fn with_solutions<Y>(&self, z: &[T], run: impl FnOnce(&[f64], &[f64]) -> Y) -> Y {
        with_scratch(2 * self.dim, 0.0, |room| {
            let (y, w) = room.split_at_mut(self.dim);
            subtract(z, self.mu(), y);
            self.factor().solve(y);
            w.copy_from_slice(y);
            self.factor().solve_transposed(w);
            run(y, w)
        })
    }
}

impl<T: Real> Distribution<T> for MultivariateNormal<T> {
    fn dim(&self) -> usize {
        self.dim
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

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        fill_standard_normal(rng, z);
        shear_rows(self.mu(), self.factor(), z);
    }
}

impl<T: Real> Reparameterizable<T> for MultivariateNormal<T> {
    fn noise_dim(&self) -> usize {
        self.dim
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        fill_standard_normal(rng, noise);
    }

    #[inline]
    fn transform(&self, noise: &[T], z: &mut [T]) {
        z.copy_from_slice(noise);
        shear_rows(self.mu(), self.factor(), z);
    }

    #[inline]
    fn pullback(&self, noise: &[T], _z: &[T], dz: &[T], dtheta: &mut [T]) {
        let (dmu, dfactor) = dtheta.split_at_mut(self.dim);
        let (diagonal, lower) = dfactor.split_at_mut(self.dim);
        dmu.copy_from_slice(dz);
        outer_triangle(dz, noise, diagonal, lower);
    }
}

impl<T: Real> UniformNoise<T> for MultivariateNormal<T> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        normal_from_uniforms(noise);
    }

    fn reflect(&self, noise: &mut [T]) {
        negate(noise);
    }
}

impl<T: Real> Conditional<T> for MultivariateNormal<T> {
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        if let &[mu, diagonal, lower] = params {
            z.copy_from_slice(noise);
            shear_rows(mu, Triangle { diagonal, lower }, z);
        }
    }

    #[inline]
    fn pullback_with(&self, _params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        // The derivative is a function of the noise alone.
        self.pullback(noise, z, dz, dtheta);
    }
}

impl<T: Real> LogDensity<T> for MultivariateNormal<T> {
    fn log_prob(&self, z: &[T]) -> T {
        let square = with_scratch(self.dim, 0.0, |y| {
            subtract(z, self.mu(), y);
            self.factor().solve(y);
            dot(y, y)
        });
        // NaN comes from ∞ − ∞ in a solution that overflows.
        let square = if square.is_nan() && !z.iter().any(|z| z.is_nan()) { f64::INFINITY } else { square };
        T::of(-0.5 * square - self.factor().ln_det() - self.dim as f64 * HALF_LN_TAU)
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        self.with_solutions(z, |y, w| {
            let (dmu, dfactor) = score.split_at_mut(self.dim);
            let (diagonal, lower) = dfactor.split_at_mut(self.dim);
            for i in 0..self.dim {
                dmu[i] = T::of(w[i]);
                diagonal[i] = T::of(w[i] * y[i] - self.diagonal()[i].f64().recip());
                for (lower, y) in lower[row_below(i)].iter_mut().zip(y) {
                    *lower = T::of(w[i] * y);
                }
            }
        });
    }
}

impl<T: Real> DifferentiableLogDensity<T> for MultivariateNormal<T> {
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        self.with_solutions(z, |_, w| {
            for (dz, w) in dz.iter_mut().zip(w) {
                *dz = T::of(-w);
            }
        });
    }

    fn covers_space(&self) -> bool {
        true
    }
}

impl<T: Real> Entropy<T> for MultivariateNormal<T> {
    fn entropy(&self) -> T {
        T::of(self.factor().ln_det() + self.dim as f64 * (HALF_LN_TAU + 0.5))
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        gradient.fill(T::zero());
        for (gradient, l) in gradient[self.dim..].iter_mut().zip(self.diagonal()) {
            *gradient = l.recip();
        }
    }
}

impl<T: Real> MeanVariance<T> for MultivariateNormal<T> {
    fn mean(&self, mean: &mut [T]) {
        mean.copy_from_slice(self.mu());
    }

    fn variance(&self, variance: &mut [T]) {
        for (i, variance) in variance.iter_mut().enumerate() {
            *variance = T::of(self.factor().square(i, i));
        }
    }
}

impl<T: Real> MultivariateNormal<T> {
    /// `M = L_q⁻¹ L_p`, column by column, and `m = L_q⁻¹(μ_p − μ_q)`.
    fn whitened(&self, other: &Self) -> (Vec<f64>, Vec<f64>) {
        let (dim, q) = (self.dim, other.factor());
        let mut columns = vec![0.0; dim * dim];
        for (j, column) in columns.chunks_exact_mut(dim).enumerate() {
            column[j] = self.diagonal()[j].f64();
            for (i, entry) in column.iter_mut().enumerate().skip(j + 1) {
                *entry = self.factor().row(i)[j].f64();
            }
            q.solve(column);
        }
        let mut shift = vec![0.0; dim];
        subtract(self.mu(), other.mu(), &mut shift);
        q.solve(&mut shift);
        (columns, shift)
    }
}

impl<T: Real> KlDivergence<T> for MultivariateNormal<T> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        check_len("the other distribution's parameters", self.params.len(), other.params.len())?;
        let (columns, shift) = self.whitened(other);
        let mut sum = dot(&shift, &shift);
        for (j, column) in columns.chunks_exact(self.dim).enumerate() {
            sum += scale_deviance(column[j]) + dot(&column[j + 1..], &column[j + 1..]);
        }
        Ok(T::of(0.5 * sum))
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        let (len, dim) = (self.params.len(), self.dim);
        check_len("the other distribution's parameters", len, other.params.len())?;
        check_len("the gradient of the divergence", len, dtheta.len())?;
        check_len("the gradient for the other distribution", len, dother.len())?;
        let (columns, m) = self.whitened(other);
        let q = other.factor();
        let mut u = m.clone();
        q.solve_transposed(&mut u);
        let mut p = columns.clone();
        for column in p.chunks_exact_mut(dim) {
            q.solve_transposed(column);
        }
        for i in 0..dim {
            dtheta[i] = T::of(u[i]);
            dother[i] = T::of(-u[i]);
            for (j, at) in row_below(i).enumerate() {
                let product: f64 = (0..=j).map(|k| p[k * dim + i] * columns[k * dim + j]).sum();
                dtheta[2 * dim + at] = T::of(p[j * dim + i]);
                dother[2 * dim + at] = T::of(-(product + u[i] * m[j]));
            }
            // P_ii without M_ii/L_q, which nearly cancels against 1/L_p where the two factors are close.
            let (own, other_own) = (self.diagonal()[i].f64(), q.diagonal[i].f64());
            let rest = -(i + 1..dim).map(|k| q.row(k)[i].f64() * p[i * dim + k]).sum::<f64>() / other_own;
            let spread = (own - other_own) / other_own * ((own + other_own) / other_own);
            let product: f64 = (0..i).map(|k| p[k * dim + i] * columns[k * dim + i]).sum();
            let ratio = columns[i * dim + i];
            dtheta[dim + i] = T::of(rest + spread / own);
            dother[dim + i] = T::of(-(product + rest * ratio + spread / other_own + u[i] * m[i]));
        }
        Ok(())
    }
}
