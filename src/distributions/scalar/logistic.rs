//! The logistic distribution.

use crate::distributions::scalar::prelude::*;
use crate::numerics::quadrature::{divergence, divergence_terms, line};
use crate::special::sigmoid;

own_family! {
    /// The logistic with D independent coordinates, `t = (z − μ)/s`.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `mu` μ (D finite numbers), `scale` s (D numbers above 0), in the units of z |
    /// | density | `p(z) = e^(−t) / (s (1 + e^(−t))²)` |
    /// | transform | `z = μ + s l`, `l = ln u − ln(1 − u)` |
    /// | pullback | `dμ = dz`, `ds = l dz` |
    /// | score | `∂μ = tanh(t/2)/s`, `∂s = (t tanh(t/2) − 1)/s` |
    /// | ∇_z log p | `−tanh(t/2)/s` |
    /// | entropy | `ln s + 2`, gradient `(0, 1/s)` |
    /// | KL(p ‖ q) | no closed form: by quadrature, some 1000 evaluations, relative accuracy 1e-11 |
    /// | mean, variance | μ, `π² s²/3` |
    ///
    /// The score is valid for both parameters; its variance is `1/(3s²)` for μ and `(3 + π²)/(9s²)` for s.
    /// Mean μ, variance `s²π²/3`. Every noise value gives a finite draw, |l| ≤ 54 in f64 and f32 alike.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let logistic = Logistic::new(&[1.0], &[0.5])?;
    /// let mut z = [0.0];
    /// logistic.transform(&[0.25], &mut z); // the lower quartile: μ − s ln 3
    /// assert!((z[0] - (1.0 - 0.5 * 3.0f64.ln())).abs() < 1e-15);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kotz & Balakrishnan 1995, Continuous Univariate Distributions vol. 2, chapter 23, ISBN
    /// 0-471-58494-0.
    pub Logistic, LogisticFamily by quantile;
    pub fn new(mu: Real "The locations μ.", scale: Positive "The scales s.");
}

impl<T: Real> Quantile<T> for LogisticFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [mu, scale]: [T; 2]) -> T {
        mu + scale * u.logit()
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, _: T, _: [T; 2]) -> [T; 2] {
        // The logit itself: (z − μ)/s would lack the digits that μ + s l has rounded away.
        [T::one(), u.logit()]
    }
}

impl<T: Real> FamilyCdf<T> for LogisticFamily {
    fn cdf(&self, z: T, [mu, scale]: [T; 2]) -> Probability<T> {
        let t = (z - mu) / scale;
        Probability::from_sides(sigmoid(t), sigmoid(-t))
    }
}

impl<T: Real> Density<T> for LogisticFamily {
    const COVERS_LINE: bool = true;

    #[inline]
    fn log_density(&self, z: T, [mu, scale]: [T; 2]) -> T {
        // Even in t: e^(−|t|) never overflows.
        let t = ((z - mu) / scale).abs();
        -t - T::of(2.0) * (-t).exp().ln_1p() - scale.ln()
    }
}

impl<T: Real> DensityGradient<T> for LogisticFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [mu, scale]: [T; 2]) -> T {
        -(T::of(0.5) * (z - mu) / scale).tanh() / scale
    }

    #[inline]
    fn score(&self, z: T, [mu, scale]: [T; 2]) -> [T; 2] {
        let t = (z - mu) / scale;
        let tanh = (T::of(0.5) * t).tanh();
        [tanh / scale, (t * tanh - T::one()) / scale]
    }
}

impl<T: Real> ClosedEntropy<T> for LogisticFamily {
    fn entropy(&self, [_, scale]: [T; 2]) -> T {
        scale.ln() + T::of(2.0)
    }

    fn entropy_gradient(&self, [_, scale]: [T; 2]) -> [T; 2] {
        [T::zero(), scale.recip()]
    }
}

impl<T: Real> FamilyMoments<T> for LogisticFamily {
    fn mean(&self, [mu, _]: [T; 2]) -> T {
        mu
    }

    fn variance(&self, [_, scale]: [T; 2]) -> T {
        T::PI() * T::PI() / T::of(3.0) * scale * scale
    }
}

/// The divergence with its gradients, by quadrature in units of p's scale about p's centre. It depends on
/// the shift and on the ratio of the scales only, so the gradient with respect to p follows from that
/// with respect to q.
pub(crate) fn kl([mu, scale]: [f64; 2], [other_mu, other_scale]: [f64; 2]) -> (f64, [f64; 2], [f64; 2]) {
    let (shift, ratio) = ((other_mu - mu) / scale, other_scale / scale);
    let log_density = |t: f64| -t.abs() - 2.0 * (-t.abs()).exp().ln_1p();
    let [plain, bregman, to_mu, to_scale] = line(shift.abs(), |x, y| {
        let (ln_p, t) = (log_density(x), y / ratio);
        let [plain, bregman] = divergence_terms(ln_p, log_density(t) - ratio.ln());
        let (p, tanh) = (ln_p.exp(), (0.5 * t).tanh());
        let moments = if p == 0.0 { [0.0; 2] } else { [p * tanh, p * (t * tanh - 1.0)] };
        [plain, bregman, moments[0], moments[1]]
    });
    let to_mu = to_mu * shift.signum();
    let dq = [-to_mu / other_scale, -to_scale / other_scale];
    let dp = [-dq[0], -(ratio * dq[1] + shift * dq[0])];
    (divergence([plain, bregman]), dp, dq)
}

impl<T: Real> FamilyKl<T> for LogisticFamily {
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        T::of(kl(p.map(T::f64), q.map(T::f64)).0)
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let (_, dp, dq) = kl(p.map(T::f64), q.map(T::f64));
        (dp.map(T::of), dq.map(T::of))
    }
}
