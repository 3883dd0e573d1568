//! The Gaussian whose covariance is a diagonal and a few directions.

use rand::Rng;

use crate::distribution::{
    Conditional, DifferentiableLogDensity, Distribution, Entropy, KlDivergence, LogDensity, MeanVariance,
    Reparameterizable, UniformNoise,
};
use crate::distributions::gaussian::multivariate_normal::HALF_LN_TAU;
use crate::distributions::gaussian::normal::fill_standard_normal;
use crate::error::{Error, check_len};
use crate::layout::{Domain, Layout};
use crate::linalg::{Triangle, dot, entries_below, rank_one_update, subtract};
use crate::numerics::{negate, normal_from_uniforms};
use crate::real::Real;
use crate::scratch::with_scratch;

/// The Gaussian whose covariance is a diagonal and R directions, `z ~ N(μ, W Wᵀ + diag d²)`: linear in D
/// where a full factor is quadratic.
///
/// | | |
/// | --- | --- |
/// | θ | `mu` μ (D finite numbers), `factor` W (D × R finite numbers, row-major), `diagonal` d (D numbers above 0), in the units of z |
/// | density | `p(z) = (2π)^(−D/2) (Π dᵢ)⁻¹ (det C)^(−½) exp(−½ (‖t‖² + ‖c‖²))` |
/// | | with `V = W/d`, `C = 1 + Vᵀ V` (R × R), `x = (z − μ)/d`, `c = C⁻¹ Vᵀ x`, `t = x − V c` |
/// | noise | D + R normals ε₁, ε₂ |
/// | transform | `z = μ + d ε₁ + W ε₂` |
/// | pullback | `dμ = dz`, `dW_ir = dzᵢ ε₂ᵣ`, `ddᵢ = dzᵢ ε₁ᵢ` |
/// | score | `∂μ = w`, `∂W = w cᵀ − Σ⁻¹ W`, `∂dᵢ = dᵢ (wᵢ² − (Σ⁻¹)ᵢᵢ)`, `w = Σ⁻¹(z − μ) = t/d` |
/// | ∇_z log p | `−w` |
/// | entropy | `½ D ln(2πe) + Σ ln dᵢ + ½ ln det C`, gradient `(0, Σ⁻¹ W, dᵢ (Σ⁻¹)ᵢᵢ)` |
/// | KL(p ‖ q) | `½ (tr Σ_q⁻¹ Σ_p − D + ln det Σ_q − ln det Σ_p + mᵀ Σ_q⁻¹ m)`, `m = μ_p − μ_q` |
/// | its gradients | `(u, Σ_q⁻¹ W_p − Σ_p⁻¹ W_p, d_p (Σ_q⁻¹ − Σ_p⁻¹)ᵢᵢ)` and `(−u, Σ_q⁻¹ W_q − A W_q, d_q (Σ_q⁻¹ − A)ᵢᵢ)`, `u = Σ_q⁻¹ m`, |
/// | | `A = Σ_q⁻¹ (Σ_p + m mᵀ) Σ_q⁻¹` |
/// | mean, variance | μ, `Σᵣ W_ir² + dᵢ²` |
///
/// The factor of C is computed once, when the parameters are set, in `O(D R²)`. A draw and a pullback
/// cost `O(D R)`, a density and a score `O(D R + R²)`, a divergence `O(D R²)`. W is not unique: any
/// rotation of its columns gives the same distribution.
///
/// **Precision.** Where W is k times d, digits are lost: density and score have an error of about `k ε`,
/// relative to the largest number of their kind (against mpmath, D = 4, R = 2, k = 10⁶: 5e-12 and 5e-10).
/// For a coordinate that the directions explain completely, as they explain all for R ≥ D, `dᵢ² (Σ⁻¹)ᵢᵢ`
/// is computed as a small remainder of 1, with a relative error of `k² ε`. A W so much longer than d that
/// its square overflows is refused; the error names the index of d. A density is −∞ where its square
/// overflows, never NaN at finite z.
///
/// ```
/// use reparam::prelude::*;
///
/// let normal = LowRankNormal::new(&[0.0, 1.0], &[3.0, 1.0], &[0.5, 2.0])?;
/// assert_eq!(normal.covariance(), [9.25, 3.0, 3.0, 5.0]);
///
/// let mut z = [0.0; 2];
/// normal.transform(&[2.0, -1.0, 1.0], &mut z); // ε₁ = (2, −1), ε₂ = 1
/// assert_eq!(z, [4.0, 0.0]);
/// # Ok::<(), reparam::Error>(())
/// ```
///
/// # References
/// Ong, Nott & Smith 2018, Journal of Computational and Graphical Statistics 27, arXiv:1701.03208; Rezende,
/// Mohamed & Wierstra 2014, arXiv:1401.4082, section 4.3.
#[derive(Debug, Clone, PartialEq)]
pub struct LowRankNormal<T> {
    params: Vec<T>,
    layout: Layout,
    dim: usize,
    rank: usize,
    capacitance: Capacitance,
}

/// What the density needs in addition to the parameters.
#[derive(Debug, Clone, PartialEq, Default)]
struct Capacitance {
    /// `V = W/d`, D × R.
    scaled: Vec<f64>,
    /// The diagonal of the Cholesky factor of C, and what is below it.
    diagonal: Vec<f64>,
    lower: Vec<f64>,
    /// `Σ⁻¹ W`, D × R.
    solved: Vec<f64>,
    /// `dᵢ² (Σ⁻¹)ᵢᵢ`.
    kept: Vec<f64>,
    /// `½ ln |Σ|`.
    half_ln_det: f64,
}

impl Capacitance {
    /// # Errors
    /// The first coordinate at which the square of V overflows.
    fn new<T: Real>(factor: &[T], diagonal: &[T], rank: usize) -> Result<Self, usize> {
        let scaled: Vec<f64> = factor
            .chunks_exact(rank)
            .zip(diagonal)
            .flat_map(|(row, d)| row.iter().map(|w| w.f64() / d.f64()))
            .collect();
        let mut c = Self {
            diagonal: vec![1.0; rank],
            lower: vec![0.0; entries_below(rank)],
            solved: scaled.clone(),
            kept: Vec::with_capacity(diagonal.len()),
            half_ln_det: 0.0,
            scaled,
        };
        let mut row = vec![0.0; rank];
        for (i, v) in c.scaled.chunks_exact(rank).enumerate() {
            if !v.iter().all(|v| v.abs() < 1e150) {
                return Err(i);
            }
            row.copy_from_slice(v);
            rank_one_update(&mut c.diagonal, &mut c.lower, &mut row);
        }
        let root = Triangle { diagonal: &c.diagonal, lower: &c.lower };
        for (solved, d) in c.solved.chunks_exact_mut(rank).zip(diagonal) {
            root.solve(solved);
            c.kept.push((1.0 - dot(solved, solved)).max(0.0));
            root.solve_transposed(solved);
            for s in solved {
                *s /= d.f64();
            }
        }
        c.half_ln_det = root.ln_det() + diagonal.iter().map(|d| d.f64().ln()).sum::<f64>();
        Ok(c)
    }

    fn rank(&self) -> usize {
        self.diagonal.len()
    }

    /// Turns x into t, and writes c.
    #[inline]
    fn explain(&self, x: &mut [f64], c: &mut [f64]) {
        c.fill(0.0);
        let rows = || self.scaled.chunks_exact(self.rank());
        for (v, &x) in rows().zip(&*x) {
            for (c, v) in c.iter_mut().zip(v) {
                *c += v * x;
            }
        }
        let root = Triangle { diagonal: &self.diagonal, lower: &self.lower };
        root.solve(c);
        root.solve_transposed(c);
        for (v, x) in rows().zip(x) {
            *x -= dot(v, c);
        }
    }
}

#[inline]
fn shift_and_spread<T: Real>([mu, factor, diagonal]: [&[T]; 3], noise: &[T], z: &mut [T]) {
    let dim = mu.len();
    let (own, common) = noise.split_at(dim);
    for (i, (z, w)) in z.iter_mut().zip(factor.chunks_exact(common.len())).enumerate() {
        let mut x = mu[i] + diagonal[i] * own[i];
        for (&w, &e) in w.iter().zip(common) {
            x += w * e;
        }
        *z = x;
    }
}

impl<T: Real> LowRankNormal<T> {
    /// From means, a factor with R numbers per coordinate (D × R, row-major), and the standard deviations
    /// of each coordinate's own part.
    ///
    /// # Errors
    /// [`Error::EmptySupport`] without coordinates or without directions (`R = 0` is a
    /// [`Normal`](crate::distributions::Normal)), [`Error::Length`] if the factor's rows are not whole or
    /// the lengths differ, [`Error::NonFiniteParameter`], [`Error::ParameterDomain`] for a `diagonal` that
    /// is not above 0, or is so small that the square of W/d overflows.
    pub fn new(mu: &[T], factor: &[T], diagonal: &[T]) -> Result<Self, Error> {
        let dim = mu.len();
        if dim == 0 {
            return Err(Error::EmptySupport { what: "a distribution of dimension 0" });
        }
        if factor.is_empty() {
            return Err(Error::EmptySupport { what: "a low-rank covariance of rank 0" });
        }
        check_len("factor", factor.len().next_multiple_of(dim), factor.len())?;
        check_len("diagonal", dim, diagonal.len())?;
        let layout = Layout::new(&[
            ("mu", dim, Domain::Real),
            ("factor", factor.len(), Domain::Real),
            ("diagonal", dim, Domain::Positive),
        ]);
        let params = [mu, factor, diagonal].concat();
        let (rank, capacitance) = (factor.len() / dim, Capacitance::default());
        let mut normal = Self { params, layout, dim, rank, capacitance };
        normal.capacitance = normal.checked(&normal.params)?;
        Ok(normal)
    }

    fn checked(&self, params: &[T]) -> Result<Capacitance, Error> {
        self.layout.check(params)?;
        let (factor, diagonal) = params[self.dim..].split_at(self.dim * self.rank);
        Capacitance::new(factor, diagonal, self.rank).map_err(|index| Error::ParameterDomain {
            parameter: "diagonal".into(),
            index,
            value: diagonal[index].f64(),
            expected: "a scale above 1e-150 times the factor's numbers for this coordinate",
        })
    }

    /// R, the number of directions.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The means μ.
    #[must_use]
    pub fn mu(&self) -> &[T] {
        &self.params[..self.dim]
    }

    /// The factor W, D × R and row-major.
    #[must_use]
    pub fn factor(&self) -> &[T] {
        &self.params[self.dim..self.dim * (1 + self.rank)]
    }

    /// The standard deviations d of each coordinate's own part.
    #[must_use]
    pub fn diagonal(&self) -> &[T] {
        &self.params[self.dim * (1 + self.rank)..]
    }

    /// The covariance `W Wᵀ + diag d²`, D × D and row-major.
    #[must_use]
    pub fn covariance(&self) -> Vec<T> {
        let row = |i: usize| &self.factor()[i * self.rank..][..self.rank];
        let entry = |(i, j): (usize, usize)| {
            let own = if i == j { self.diagonal()[i].f64().powi(2) } else { 0.0 };
            T::of(own + row(i).iter().zip(row(j)).map(|(a, b)| a.f64() * b.f64()).sum::<f64>())
        };
        (0..self.dim * self.dim).map(|k| (k / self.dim, k % self.dim)).map(entry).collect()
    }

    fn parts(&self) -> [&[T]; 3] {
        [self.mu(), self.factor(), self.diagonal()]
    }

    /// `x/d` in place.
    fn divide(&self, x: &mut [f64]) {
        for (x, d) in x.iter_mut().zip(self.diagonal()) {
            *x /= d.f64();
        }
    }

    /// Calls `run` with t and c.
    #[inline]
    fn with_parts_of<Y>(&self, z: &[T], run: impl FnOnce(&[f64], &[f64]) -> Y) -> Y {
        with_scratch(self.dim + self.rank, 0.0, |room| {
            let (t, c) = room.split_at_mut(self.dim);
            subtract(z, self.mu(), t);
            self.divide(t);
            self.capacitance.explain(t, c);
            run(t, c)
        })
    }

    /// `Σ⁻¹ x` in place.
    fn precision_times(&self, x: &mut [f64]) {
        with_scratch(self.rank, 0.0, |c| {
            self.divide(x);
            self.capacitance.explain(x, c);
            self.divide(x);
        });
    }

    /// The diagonal of `Σ⁻¹`.
    fn precisions(&self) -> impl Iterator<Item = f64> + '_ {
        self.capacitance.kept.iter().zip(self.diagonal()).map(|(kept, d)| kept / d.f64() / d.f64())
    }
}

impl<T: Real> Distribution<T> for LowRankNormal<T> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn params(&self) -> &[T] {
        &self.params
    }

    fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        self.capacitance = self.checked(params)?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [T]) {
        with_scratch(self.noise_dim(), T::zero(), |noise| {
            for z in z.chunks_exact_mut(self.dim) {
                fill_standard_normal(rng, noise);
                self.transform(noise, z);
            }
        });
    }
}

impl<T: Real> Reparameterizable<T> for LowRankNormal<T> {
    fn noise_dim(&self) -> usize {
        self.dim + self.rank
    }

    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [T]) {
        fill_standard_normal(rng, noise);
    }

    #[inline]
    fn transform(&self, noise: &[T], z: &mut [T]) {
        shift_and_spread(self.parts(), noise, z);
    }

    #[inline]
    fn pullback(&self, noise: &[T], _z: &[T], dz: &[T], dtheta: &mut [T]) {
        let (own, common) = noise.split_at(self.dim);
        let (dmu, rest) = dtheta.split_at_mut(self.dim);
        let (dfactor, ddiagonal) = rest.split_at_mut(self.dim * self.rank);
        dmu.copy_from_slice(dz);
        for (i, (&dz, row)) in dz.iter().zip(dfactor.chunks_exact_mut(self.rank)).enumerate() {
            ddiagonal[i] = dz * own[i];
            for (dw, &e) in row.iter_mut().zip(common) {
                *dw = dz * e;
            }
        }
    }
}

impl<T: Real> UniformNoise<T> for LowRankNormal<T> {
    fn noise_from_uniforms(&self, noise: &mut [T]) {
        normal_from_uniforms(noise);
    }

    fn reflect(&self, noise: &mut [T]) {
        negate(noise);
    }
}

impl<T: Real> Conditional<T> for LowRankNormal<T> {
    fn transform_with(&self, params: &[&[T]], noise: &[T], z: &mut [T]) {
        if let &[mu, factor, diagonal] = params {
            shift_and_spread([mu, factor, diagonal], noise, z);
        }
    }

    #[inline]
    fn pullback_with(&self, _params: &[&[T]], noise: &[T], z: &[T], dz: &[T], dtheta: &mut [T]) {
        // The derivative is a function of the noise alone.
        self.pullback(noise, z, dz, dtheta);
    }
}

impl<T: Real> LogDensity<T> for LowRankNormal<T> {
    fn log_prob(&self, z: &[T]) -> T {
        let square = self.with_parts_of(z, |t, c| dot(t, t) + dot(c, c));
        // NaN comes from ∞ − ∞ in parts that overflow.
        let square = if square.is_nan() && !z.iter().any(|z| z.is_nan()) { f64::INFINITY } else { square };
        T::of(-0.5 * square - self.capacitance.half_ln_det - self.dim as f64 * HALF_LN_TAU)
    }

    fn score(&self, z: &[T], score: &mut [T]) {
        let (dmu, rest) = score.split_at_mut(self.dim);
        let (dfactor, ddiagonal) = rest.split_at_mut(self.dim * self.rank);
        self.with_parts_of(z, |t, c| {
            let solved = self.capacitance.solved.chunks_exact(self.rank);
            for (i, (row, solved)) in dfactor.chunks_exact_mut(self.rank).zip(solved).enumerate() {
                let d = self.diagonal()[i].f64();
                let w = t[i] / d;
                dmu[i] = T::of(w);
                ddiagonal[i] = T::of((t[i] * t[i] - self.capacitance.kept[i]) / d);
                for ((dw, c), s) in row.iter_mut().zip(c).zip(solved) {
                    *dw = T::of(w * c - s);
                }
            }
        });
    }
}

impl<T: Real> DifferentiableLogDensity<T> for LowRankNormal<T> {
    fn log_prob_gradient(&self, z: &[T], dz: &mut [T]) {
        self.with_parts_of(z, |t, _| {
            for ((dz, t), d) in dz.iter_mut().zip(t).zip(self.diagonal()) {
                *dz = T::of(-t / d.f64());
            }
        });
    }

    fn covers_space(&self) -> bool {
        true
    }
}

impl<T: Real> Entropy<T> for LowRankNormal<T> {
    fn entropy(&self) -> T {
        T::of(self.capacitance.half_ln_det + self.dim as f64 * (HALF_LN_TAU + 0.5))
    }

    fn entropy_gradient(&self, gradient: &mut [T]) {
        let (dmu, rest) = gradient.split_at_mut(self.dim);
        let (dfactor, ddiagonal) = rest.split_at_mut(self.dim * self.rank);
        dmu.fill(T::zero());
        for (dw, &s) in dfactor.iter_mut().zip(&self.capacitance.solved) {
            *dw = T::of(s);
        }
        for ((dd, kept), d) in ddiagonal.iter_mut().zip(&self.capacitance.kept).zip(self.diagonal()) {
            *dd = T::of(kept / d.f64());
        }
    }
}

impl<T: Real> MeanVariance<T> for LowRankNormal<T> {
    fn mean(&self, mean: &mut [T]) {
        mean.copy_from_slice(self.mu());
    }

    fn variance(&self, variance: &mut [T]) {
        let rows = self.factor().chunks_exact(self.rank).zip(self.diagonal());
        for (variance, (w, &d)) in variance.iter_mut().zip(rows) {
            *variance = w.iter().fold(d * d, |sum, &w| sum + w * w);
        }
    }
}

impl<T: Real> LowRankNormal<T> {
    fn check_other(&self, other: &Self) -> Result<(), Error> {
        check_len("the other distribution's mean", self.dim, other.dim)?;
        check_len("the other distribution's parameters", self.params.len(), other.params.len())
    }

    /// `Σ⁻¹` times each column of a D × R matrix; the columns are stored one after the other.
    fn precision_times_columns(&self, matrix: &[T], rank: usize) -> Vec<f64> {
        let mut columns: Vec<f64> =
            (0..rank).flat_map(|r| matrix.iter().skip(r).step_by(rank).map(|w| w.f64())).collect();
        for column in columns.chunks_exact_mut(self.dim) {
            self.precision_times(column);
        }
        columns
    }

    fn shift(&self, other: &Self) -> Vec<f64> {
        let mut shift = vec![0.0; self.dim];
        subtract(self.mu(), other.mu(), &mut shift);
        shift
    }
}

impl<T: Real> KlDivergence<T> for LowRankNormal<T> {
    fn kl(&self, other: &Self) -> Result<T, Error> {
        self.check_other(other)?;
        let columns = other.precision_times_columns(self.factor(), self.rank);
        let mut sum = 2.0 * (other.capacitance.half_ln_det - self.capacitance.half_ln_det);
        for (d, precision) in self.diagonal().iter().zip(other.precisions()) {
            sum += d.f64() * precision * d.f64() - 1.0;
        }
        for (i, w) in self.factor().chunks_exact(self.rank).enumerate() {
            sum += w.iter().enumerate().map(|(r, w)| w.f64() * columns[r * self.dim + i]).sum::<f64>();
        }
        let mut shift = self.shift(other);
        other.divide(&mut shift);
        let own = with_scratch(self.rank, 0.0, |c| {
            other.capacitance.explain(&mut shift, c);
            dot(c, c)
        });
        Ok(T::of((0.5 * (sum + own + dot(&shift, &shift))).max(0.0)))
    }

    fn kl_gradient(&self, other: &Self, dtheta: &mut [T], dother: &mut [T]) -> Result<(), Error> {
        self.check_other(other)?;
        let (dim, rank) = (self.dim, self.rank);
        check_len("the gradient of the divergence", self.params.len(), dtheta.len())?;
        check_len("the gradient for the other distribution", self.params.len(), dother.len())?;
        let mut u = self.shift(other);
        other.precision_times(&mut u);
        let factors = dim..dim * (1 + rank);
        let columns = other.precision_times_columns(self.factor(), rank);
        for i in 0..dim {
            dtheta[i] = T::of(u[i]);
            dother[i] = T::of(-u[i]);
            for r in 0..rank {
                let at = i * rank + r;
                dtheta[dim + at] = T::of(columns[r * dim + i] - self.capacitance.solved[at]);
            }
        }
        // (Σ_p + m mᵀ) Σ_q⁻¹ W_q, and Σ_q⁻¹ of it.
        let q_solved = &other.capacitance.solved;
        let mut column = vec![0.0; dim];
        for r in 0..rank {
            let b = |i: usize| q_solved[i * rank + r];
            let along = |weight: &dyn Fn(usize) -> f64| (0..dim).map(|i| weight(i) * b(i)).sum::<f64>();
            for (column, d) in column.iter_mut().zip(self.diagonal()) {
                *column = d.f64() * d.f64();
            }
            for (i, column) in column.iter_mut().enumerate() {
                *column *= b(i);
            }
            for s in 0..rank {
                let weight = along(&|i| self.factor()[i * rank + s].f64());
                for (i, column) in column.iter_mut().enumerate() {
                    *column += weight * self.factor()[i * rank + s].f64();
                }
            }
            let shift = along(&|i| self.mu()[i].f64() - other.mu()[i].f64());
            for (i, column) in column.iter_mut().enumerate() {
                *column += shift * (self.mu()[i].f64() - other.mu()[i].f64());
            }
            other.precision_times(&mut column);
            for i in 0..dim {
                dother[factors.start + i * rank + r] = T::of(b(i) - column[i]);
            }
        }
        self.diagonal_gradients(other, &columns, &u, &mut dtheta[factors.end..], &mut dother[factors.end..]);
        Ok(())
    }
}

impl<T: Real> LowRankNormal<T> {
    /// The gradients of the divergence for both diagonals: with `Σ_q⁻¹ = S − Z Zᵀ`, S diagonal, the middle
    /// part of A is `S d_p² S − 2 S d_p² (Z Zᵀ)ᵢᵢ + Zᵢ (Zᵀ d_p² Z) Zᵢᵀ`.
    fn diagonal_gradients(&self, other: &Self, columns: &[f64], u: &[f64], own: &mut [T], others: &mut [T]) {
        let (dim, rank) = (self.dim, self.rank);
        let root = Triangle { diagonal: &other.capacitance.diagonal, lower: &other.capacitance.lower };
        let mut z = other.capacitance.scaled.clone();
        for (row, d) in z.chunks_exact_mut(rank).zip(other.diagonal()) {
            root.solve(row);
            for z in row {
                *z /= d.f64();
            }
        }
        let mut middle = vec![0.0; rank * rank];
        for (z, d) in z.chunks_exact(rank).zip(self.diagonal()) {
            for (row, a) in middle.chunks_exact_mut(rank).zip(z) {
                for (m, b) in row.iter_mut().zip(z) {
                    *m += d.f64() * a * (d.f64() * b);
                }
            }
        }
        let precisions = self.precisions().zip(other.precisions());
        for (i, ((p, q), z)) in precisions.zip(z.chunks_exact(rank)).enumerate() {
            let (d, e) = (self.diagonal()[i].f64(), other.diagonal()[i].f64());
            own[i] = T::of(d * (q - p));
            let (plain, taken) = (d / e / e, d * dot(z, z));
            let spread: f64 = middle.chunks_exact(rank).zip(z).map(|(row, a)| a * dot(row, z)).sum();
            let from_factor: f64 = (0..rank).map(|r| columns[r * dim + i].powi(2)).sum();
            let a = plain * plain - 2.0 * plain * taken + spread + from_factor + u[i] * u[i];
            others[i] = T::of(e * (q - a));
        }
    }
}
