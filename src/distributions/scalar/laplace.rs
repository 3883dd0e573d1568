//! The Laplace distribution.

use crate::distributions::scalar::prelude::*;
use crate::special::{deviance, exp_m1_minus_x};

own_family! {
    /// The Laplace (double exponential) with D independent coordinates, `t = (z − μ)/b`.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `mu` μ (D finite numbers), `scale` b (D numbers above 0), in the units of z |
    /// | density | `p(z) = e^(−abs(t)) / 2b` |
    /// | transform | `z = μ + b q`, `q = ln 2u` in the lower half, `−ln 2(1 − u)` in the upper |
    /// | pullback | `dμ = dz`, `db = q dz` |
    /// | score | `∂μ = sign(t)/b`, `∂b = (abs(t) − 1)/b` |
    /// | ∇_z log p | `−sign(t)/b` |
    /// | entropy | `1 + ln 2b`, gradient `(0, 1/b)` |
    /// | KL(p ‖ q) | `r (e^(−x) + x) − 1 − ln r`, `r = b_p/b_q`, `x = abs(μ_p − μ_q)/b_p` |
    /// | mean, variance | μ, `2b²` |
    ///
    /// The log-density has a kink at z = μ, where the derivatives with respect to z and μ do not exist:
    /// there they are returned as 0, the middle of the two one-sided values ∓1/b. The kink has
    /// probability 0 and the density is continuous, so the score is valid for both parameters; its
    /// variance is b⁻² for each. Every noise value gives a finite draw, |q| ≤ 53.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let laplace = Laplace::new(&[1.0], &[0.5])?;
    /// let (mut z, mut score) = ([0.0], [0.0; 2]);
    /// laplace.transform(&[-0.125], &mut z); // upper tail 1/8: μ + b ln 4
    /// assert!((z[0] - (1.0 + 0.5 * 4.0f64.ln())).abs() < 1e-15);
    /// laplace.score(&[1.0], &mut score);
    /// assert_eq!(score, [0.0, -2.0]); // at the kink
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kotz & Balakrishnan 1995, Continuous Univariate Distributions vol. 2, chapter 24, ISBN
    /// 0-471-58494-0.
    pub Laplace, LaplaceFamily by quantile;
    pub fn new(mu: Real "The locations μ.", scale: Positive "The scales b.");
}

/// The standard quantile: the signed tail ε is u or −(1 − u), so it is `sign(ε) ln 2|ε|` in both halves.
#[inline]
fn standard<T: Real>(u: Probability<T>) -> T {
    let tail = u.tail();
    (T::of(2.0) * tail.abs()).ln() * tail.signum()
}

/// −1, 0 or 1; NaN for NaN.
#[inline]
fn sign<T: Real>(t: T) -> T {
    if t == T::zero() { T::zero() } else { t.signum() }
}

impl<T: Real> Quantile<T> for LaplaceFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [mu, scale]: [T; 2]) -> T {
        mu + scale * standard(u)
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, _: T, _: [T; 2]) -> [T; 2] {
        [T::one(), standard(u)]
    }
}

impl<T: Real> FamilyCdf<T> for LaplaceFamily {
    fn cdf(&self, z: T, [mu, scale]: [T; 2]) -> Probability<T> {
        let t = (z - mu) / scale;
        Probability::from_tail(T::of(0.5) * (-t.abs()).exp() * -t.signum())
    }
}

impl<T: Real> Density<T> for LaplaceFamily {
    const COVERS_LINE: bool = true;

    #[inline]
    fn log_density(&self, z: T, [mu, scale]: [T; 2]) -> T {
        -((z - mu) / scale).abs() - scale.ln() - T::LN_2()
    }
}

impl<T: Real> DensityGradient<T> for LaplaceFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [mu, scale]: [T; 2]) -> T {
        -sign(z - mu) / scale
    }

    #[inline]
    fn score(&self, z: T, [mu, scale]: [T; 2]) -> [T; 2] {
        [sign(z - mu) / scale, (((z - mu) / scale).abs() - T::one()) / scale]
    }
}

impl<T: Real> ClosedEntropy<T> for LaplaceFamily {
    fn entropy(&self, [_, scale]: [T; 2]) -> T {
        T::one() + T::LN_2() + scale.ln()
    }

    fn entropy_gradient(&self, [_, scale]: [T; 2]) -> [T; 2] {
        [T::zero(), scale.recip()]
    }
}

impl<T: Real> FamilyMoments<T> for LaplaceFamily {
    fn mean(&self, [mu, _]: [T; 2]) -> T {
        mu
    }

    fn variance(&self, [_, scale]: [T; 2]) -> T {
        T::of(2.0) * scale * scale
    }
}

impl<T: Real> FamilyKl<T> for LaplaceFamily {
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        let ([m, b], [n, c]) = (p.map(T::f64), q.map(T::f64));
        let (r, x) = (b / c, ((m - n) / b).abs());
        // r e^(−x) + r x − 1 − ln r as two nonnegative terms.
        T::of(deviance(r) + r * exp_m1_minus_x(-x))
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let ([m, b], [n, c]) = (p.map(T::f64), q.map(T::f64));
        let x = ((m - n) / b).abs();
        let to_mu = sign(m - n) * -(-x).exp_m1() / c;
        // (1 + x) e^(−x) − 1
        let bend = (-x).exp_m1() + if x == f64::INFINITY { 0.0 } else { x * (-x).exp() };
        let dp = [to_mu, (b - c) / (b * c) + bend / c];
        let dq = [-to_mu, (c - b) / c / c - b / c / c * exp_m1_minus_x(-x)];
        (dp.map(T::of), dq.map(T::of))
    }
}
