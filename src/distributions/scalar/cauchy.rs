//! The Cauchy distribution.

use crate::distributions::scalar::prelude::*;

own_family! {
    /// The Cauchy (Lorentz) with D independent coordinates, `t = (z − μ)/γ`.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `mu` μ (D finite numbers), `scale` γ (D numbers above 0), in the units of z |
    /// | density | `p(z) = 1 / (πγ (1 + t²))` |
    /// | transform | `z = μ + γ q`, `q = −cot(πu)`, or `cot(π(1 − u))` in the upper half |
    /// | pullback | `dμ = dz`, `dγ = q dz` |
    /// | score | `∂μ = 2t / (γ (1 + t²))`, `∂γ = (t² − 1) / (γ (t² + 1))` |
    /// | ∇_z log p | `−2t / (γ (1 + t²))` |
    /// | entropy | `ln 4πγ`, gradient `(0, 1/γ)` |
    /// | KL(p ‖ q) | `ln ((γ_p + γ_q)² + (μ_p − μ_q)²)/(4 γ_p γ_q)`, symmetric in p and q |
    /// | mean, variance | none: NaN |
    ///
    /// The score is valid and bounded by 1/γ for both parameters, with variance `1/(2γ²)`. The
    /// **pathwise** gradient needs care: z has no mean, so `q ∂f/∂z` has a mean only where `z ∂f/∂z`
    /// decays. For `f = cos z` the derivative with respect to γ exists, but the mean of its pathwise
    /// samples does not (`E abs(q sin z) = ∞`), and the error bar is meaningless: use the score function.
    /// Tails are exact: |q| reaches 5e22, its value at the noise 2⁻⁷⁷.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let cauchy = Cauchy::new(&[1.0], &[0.5])?;
    /// let mut z = [0.0];
    /// cauchy.transform(&[-0.25], &mut z); // the upper quartile: μ + γ
    /// assert!((z[0] - 1.5f64).abs() < 1e-15);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions vol. 1, chapter 16, ISBN
    /// 0-471-58495-9; divergence: Chyzak & Nielsen 2019, arXiv:1905.10965.
    pub Cauchy, CauchyFamily by quantile;
    pub fn new(
        mu: Real "The locations μ, which are the medians.",
        scale: Positive "The scales γ, half of the widths at half of the maximum.",
    );
}

/// The standard quantile, odd in the signed tail ε: `−cot(πε)` where |ε| is small; elsewhere the tangent
/// of the distance to the median, which is exact.
#[inline]
fn standard<T: Real>(u: Probability<T>) -> T {
    let tail = u.tail();
    let size = tail.abs();
    let q = if size < T::of(0.25) {
        (T::PI() * size).tan().recip()
    } else {
        (T::PI() * (T::of(0.5) - size)).tan()
    };
    -q * tail.signum()
}

/// `2t/(1 + t²)` and `(t² − 1)/(t² + 1)` without overflow: both are written in 1/t where that is below t.
#[inline]
pub(crate) fn slopes<T: Real>(t: T) -> (T, T) {
    let (r, sign) = if t.abs() > T::one() { (t.recip(), T::one()) } else { (t, -T::one()) };
    let weight = (T::one() + r * r).recip();
    (T::of(2.0) * r * weight, sign * (T::one() - r * r) * weight)
}

impl<T: Real> Quantile<T> for CauchyFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [mu, scale]: [T; 2]) -> T {
        mu + scale * standard(u)
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, _: T, _: [T; 2]) -> [T; 2] {
        [T::one(), standard(u)]
    }
}

impl<T: Real> FamilyCdf<T> for CauchyFamily {
    fn cdf(&self, z: T, [mu, scale]: [T; 2]) -> Probability<T> {
        let t = (z - mu) / scale;
        Probability::from_tail(t.abs().recip().atan() / T::PI() * -t.signum())
    }
}

impl<T: Real> Density<T> for CauchyFamily {
    const COVERS_LINE: bool = true;

    #[inline]
    fn log_density(&self, z: T, [mu, scale]: [T; 2]) -> T {
        let t = ((z - mu) / scale).abs();
        // ln(1 + t²) = 2 ln t + ln(1 + t⁻²): t² would overflow.
        let tail = if t > T::one() { T::of(2.0) * t.ln() + t.powi(-2).ln_1p() } else { (t * t).ln_1p() };
        -tail - scale.ln() - T::PI().ln()
    }
}

impl<T: Real> DensityGradient<T> for CauchyFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [mu, scale]: [T; 2]) -> T {
        -slopes((z - mu) / scale).0 / scale
    }

    #[inline]
    fn score(&self, z: T, [mu, scale]: [T; 2]) -> [T; 2] {
        let (odd, even) = slopes((z - mu) / scale);
        [odd / scale, even / scale]
    }
}

impl<T: Real> ClosedEntropy<T> for CauchyFamily {
    fn entropy(&self, [_, scale]: [T; 2]) -> T {
        // ln 4π
        T::of(2.531_024_246_969_290_7) + scale.ln()
    }

    fn entropy_gradient(&self, [_, scale]: [T; 2]) -> [T; 2] {
        [T::zero(), scale.recip()]
    }
}

impl<T: Real> FamilyMoments<T> for CauchyFamily {
    fn mean(&self, _: [T; 2]) -> T {
        T::nan()
    }

    fn variance(&self, _: [T; 2]) -> T {
        T::nan()
    }
}

/// `ln ((γ_p + γ_q)² + Δ²)/(4 γ_p γ_q)`, as the logarithm of 1 plus a small term where the two laws are
/// close.
pub(crate) fn kl([m, a]: [f64; 2], [n, b]: [f64; 2]) -> f64 {
    let (off, shift) = ((a - b).abs(), (m - n).abs());
    let ratio = |x: f64| 0.25 * (x / a) * (x / b);
    let excess = ratio(off) + ratio(shift);
    if excess.is_finite() {
        return excess.ln_1p();
    }
    2.0 * (a + b).hypot(m - n).ln() - a.ln() - b.ln() - 2.0 * std::f64::consts::LN_2
}

/// Its gradients: `∂μ = 2Δ/S`, `∂γ_p = (γ_p² − γ_q² − Δ²)/(γ_p S)`, `S = (γ_p + γ_q)² + Δ²`.
pub(crate) fn kl_gradient([m, a]: [f64; 2], [n, b]: [f64; 2]) -> ([f64; 2], [f64; 2]) {
    let shift = m - n;
    // In units of the largest, so that no square overflows.
    let unit = a.max(b).max(shift.abs());
    let (u, v, d) = (a / unit, b / unit, shift / unit);
    let s = (u + v) * (u + v) + d * d;
    let to_mu = 2.0 * d / s / unit;
    let slope = |own: f64, other: f64| ((own - other) * (own + other) - d * d) / s;
    ([to_mu, slope(u, v) / a], [-to_mu, slope(v, u) / b])
}

impl<T: Real> FamilyKl<T> for CauchyFamily {
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        T::of(kl(p.map(T::f64), q.map(T::f64)))
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let (dp, dq) = kl_gradient(p.map(T::f64), q.map(T::f64));
        (dp.map(T::of), dq.map(T::of))
    }
}
