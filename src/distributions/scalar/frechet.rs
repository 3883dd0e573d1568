//! The Fréchet distribution.

use crate::distributions::scalar::prelude::*;
use crate::distributions::scalar::{gumbel, weibull};
use crate::numerics::{scaled_exp, vanishing_product};
use crate::special::ln_gamma;

own_family! {
    /// The Fréchet (type II extreme value, of maxima) with D independent coordinates, `t = z/s`: the
    /// largest of many draws from a law with a power-law tail. 1/z is
    /// [`Weibull`](crate::distributions::Weibull), ln z is [`Gumbel`](crate::distributions::Gumbel).
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `scale` s (D numbers above 0, in the units of z), `shape` α (D numbers above 0, no unit) |
    /// | density | `p(z) = (α/s) t^(−α−1) exp(−t^(−α))`, z > 0 |
    /// | transform | `z = s E^(−1/α)`, `E = −ln u` |
    /// | pullback | `ds = (z/s) dz`, `dα = z (ln E)/α² dz` |
    /// | score | `∂s = α (1 − t^(−α))/s`, `∂α = 1/α − (1 − t^(−α)) ln t` |
    /// | ∇_z log p | `(α t^(−α) − α − 1)/z` |
    /// | entropy | `1 + γ (1 + 1/α) + ln(s/α)`, γ = 0.5772… (Euler), gradient `(1/s, −(1 + γ/α)/α)` |
    /// | KL(p ‖ q) | `−ln r + γ (r − 1) + d + e^(−d) Γ(1 + r) − 1`, `r = α_q/α_p`, `d = α_q ln(s_p/s_q)` |
    /// | mean, variance | `s Γ(1 − 1/α)` for α > 1, `s² (Γ(1 − 2/α) − Γ(1 − 1/α)²)` for α > 2; else ∞ |
    ///
    /// The score is valid for both parameters, with variance `(α/s)²` for s. Pathwise samples of f = z
    /// have finite variance only for α > 2. Limits: the largest draws, up to `s e^(54/α)`, overflow for α
    /// below 0.08 in f64 and 0.62 in f32; the engine then reports an error.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let frechet = Frechet::new(&[3.0], &[2.0])?;
    /// let mut z = [0.0];
    /// frechet.transform(&[0.25], &mut z); // E = ln 4
    /// assert!((z[0] - 3.0 / 4.0f64.ln().sqrt()).abs() < 1e-14);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kotz & Balakrishnan 1995, Continuous Univariate Distributions vol. 2, chapter 22, ISBN
    /// 0-471-58494-0.
    pub Frechet, FrechetFamily by quantile;
    pub fn new(scale: Positive "The scales s.", shape: Positive "The shapes α, the exponents of the tail.");
}

impl<T: Real> Quantile<T> for FrechetFamily {
    fn quantile(&self, u: Probability<T>, [scale, shape]: [T; 2]) -> T {
        scaled_exp(scale, -(-u.ln_lower()).ln() / shape)
    }

    fn quantile_gradient(&self, u: Probability<T>, z: T, [scale, shape]: [T; 2]) -> [T; 2] {
        [z / scale, vanishing_product(z, (-u.ln_lower()).ln() / shape / shape)]
    }
}

impl<T: Real> Density<T> for FrechetFamily {
    fn log_density(&self, z: T, [scale, shape]: [T; 2]) -> T {
        let ln_t = (z / scale).ln();
        let hazard = (-shape * ln_t).exp();
        let outside = z <= T::zero() || z == T::infinity() || hazard == T::infinity();
        let inside = shape.ln() - scale.ln() - (shape + T::one()) * ln_t - hazard;
        if outside { T::neg_infinity() } else { inside }
    }
}

impl<T: Real> DensityGradient<T> for FrechetFamily {
    fn log_density_gradient(&self, z: T, [scale, shape]: [T; 2]) -> T {
        let slope = shape * (-shape * (z / scale).ln()).exp_m1() - T::one();
        if z <= T::zero() { T::zero() } else { slope / z }
    }

    fn score(&self, z: T, [scale, shape]: [T; 2]) -> [T; 2] {
        let y = shape * (z / scale).ln();
        let excess = (-y).exp_m1();
        let score = [-shape * excess / scale, (T::one() + y * excess) / shape];
        if z <= T::zero() { [T::zero(); 2] } else { score }
    }
}

impl<T: Real> FamilyCdf<T> for FrechetFamily {
    fn cdf(&self, z: T, [scale, shape]: [T; 2]) -> Probability<T> {
        if z <= T::zero() {
            return Probability::never();
        }
        let hazard = (z / scale).powf(-shape);
        Probability::from_sides((-hazard).exp(), -(-hazard).exp_m1())
    }
}

/// Euler's γ.
const GAMMA: f64 = 0.577_215_664_901_532_9;

impl<T: Real> ClosedEntropy<T> for FrechetFamily {
    fn entropy(&self, [scale, shape]: [T; 2]) -> T {
        T::one() + T::of(GAMMA) * (T::one() + shape.recip()) + scale.ln() - shape.ln()
    }

    fn entropy_gradient(&self, [scale, shape]: [T; 2]) -> [T; 2] {
        [scale.recip(), -(T::of(GAMMA) / shape + T::one()) / shape]
    }
}

impl<T: Real> FamilyMoments<T> for FrechetFamily {
    fn mean(&self, [scale, shape]: [T; 2]) -> T {
        let e = 1.0 / shape.f64();
        T::of(if e < 1.0 { (ln_gamma(1.0 - e) + scale.f64().ln()).exp() } else { f64::INFINITY })
    }

    fn variance(&self, [scale, shape]: [T; 2]) -> T {
        let e = 1.0 / shape.f64();
        if e >= 0.5 {
            return T::infinity();
        }
        let ln_square = 2.0 * (ln_gamma(1.0 - e) + scale.f64().ln());
        T::of(ln_square.exp() * weibull::relative_variance(-e))
    }
}

impl<T: Real> FamilyKl<T> for FrechetFamily {
    /// ln z is Gumbel, of location ln s and scale 1/α.
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        let ([a, k], [b, l]) = (p.map(T::f64), q.map(T::f64));
        T::of(gumbel::kl(l / k, l * (a / b).ln()).0)
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let ([a, k], [b, l]) = (p.map(T::f64), q.map(T::f64));
        let ln_ratio = (a / b).ln();
        let (_, to_d, to_rho) = gumbel::kl(l / k, l * ln_ratio);
        let dp = [to_d * l / a, -to_rho * l / k / k];
        let dq = [-to_d * l / b, to_rho / k + to_d * ln_ratio];
        (dp.map(T::of), dq.map(T::of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::{KlDivergence, MeanVariance, Reparameterizable};
    use crate::distributions::Weibull;
    use crate::verify;

    fn near(found: f64, expected: f64, what: &str) {
        assert!((found / expected - 1.0).abs() < 2e-14, "{what}: {found:e} {expected:e}");
    }

    /// From scipy 1.x: `d = scipy.stats.invweibull(shape, scale=scale)`, then
    /// `d.logpdf(z), d.cdf(z), d.sf(z), d.ppf(0.1), d.isf(1e-9), d.entropy(), d.mean(), d.var()` at
    /// `z = 1.3 * scale`; moments that diverge are ∞ here and were not computed.
    #[test]
    fn values_are_those_of_scipy() {
        let rows = [
            ([1.5, 0.8], [-1.911_536_606_280_614_5, 0.444_559_101_631_265_55, 0.555_440_898_368_734_4]),
            ([2.0, 3.0], [-1.099_158_085_401_308_3, 0.634_342_572_284_568_7, 0.365_657_427_715_431_25]),
            ([0.1, 20.0], [-0.216_593_970_516_249_6, 0.994_752_035_686_461_1, 0.005_247_964_313_538_864]),
        ];
        let quantiles = [
            [0.528_836_775_084_526_6, 266_741_911_339.124_7],
            [1.514_577_262_661_815_5, 1_999.999_999_666_665_9],
            [0.095_915_592_865_625_29, 0.281_838_293_119_399_45],
        ];
        let entropies = [2.927_343_905_450_823_2, 1.364_155_778_427_212_7, -3.692_240_918_401_427];
        let inf = f64::INFINITY;
        let moments = [
            [inf, inf],
            [2.708_235_878_852_801, 3.381_212_563_325_387],
            [0.103_145_331_712_903_24, 4.732_756_702_835_461e-5],
        ];
        for (((theta, [ln, lower, upper]), [tenth, far]), (entropy, [mean, variance])) in
            rows.into_iter().zip(quantiles).zip(entropies.into_iter().zip(moments))
        {
            let z = 1.3 * theta[0];
            near(FrechetFamily.log_density(z, theta), ln, "log-density");
            near(FrechetFamily.cdf(z, theta).lower(), lower, "cdf");
            near(FrechetFamily.cdf(z, theta).upper(), upper, "survival");
            near(FrechetFamily.quantile(Probability::from_lower(0.1), theta), tenth, "quantile");
            near(FrechetFamily.quantile(Probability::from_upper(1e-9), theta), far, "upper quantile");
            near(FrechetFamily.entropy(theta), entropy, "entropy");
            if mean.is_finite() {
                near(FrechetFamily.mean(theta), mean, "mean");
                near(FrechetFamily.variance(theta), variance, "variance");
            } else {
                assert_eq!((FrechetFamily.mean(theta), FrechetFamily.variance(theta)), (inf, inf));
            }
        }
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        for (scale, shape) in [(1.5, 0.8), (2.0, 3.0), (0.1, 20.0)] {
            let p = Frechet::new(&[scale], &[shape]).unwrap();
            let q = Frechet::new(&[1.3 * scale], &[0.7 * shape]).unwrap();
            for tail in [1e-6, 0.1, 0.5, -0.3, -1e-5] {
                let mut z = [0.0];
                p.transform(&[tail], &mut z);
                verify::pullback(&p, &[tail], &[1.0]).unwrap().within(1e-7).unwrap();
                verify::score(&p, &z).unwrap().within(1e-7).unwrap();
                verify::log_prob_gradient(&p, &z).unwrap().within(1e-7).unwrap();
            }
            verify::entropy_gradient(&p).within(1e-7).unwrap();
            verify::kl_gradient(&p, &q).unwrap().within(1e-7).unwrap();
        }
    }

    /// The divergence does not change under 1/z; that of the Weibull is compared with mpmath elsewhere.
    #[test]
    fn the_divergence_is_that_of_the_reciprocals() {
        let of = |scale: f64, shape: f64| {
            (Frechet::new(&[scale], &[shape]).unwrap(), Weibull::new(&[1.0 / scale], &[shape]).unwrap())
        };
        let ((p, p_reciprocal), (q, q_reciprocal)) = (of(2.0, 3.0), of(2.5, 1.2));
        near(p.kl(&q).unwrap(), p_reciprocal.kl(&q_reciprocal).unwrap(), "divergence");
    }

    #[test]
    fn the_ends_of_the_support_are_limits_and_large_shapes_have_moments() {
        let theta = [2.0, 1e-3];
        for z in [-1.0, 0.0, 5e-324, f64::INFINITY] {
            assert_eq!(FrechetFamily.log_density(z, theta), f64::NEG_INFINITY, "{z}");
        }
        assert!(FrechetFamily.log_density(f64::NAN, theta).is_nan());
        assert_eq!(FrechetFamily.score(-1.0, theta), [0.0; 2]);
        assert_eq!(FrechetFamily.log_density_gradient(-1.0, theta), 0.0);
        // Near 1 it is a Gumbel of scale 1/α: variance π²/(6 α²).
        let p = Frechet::new(&[1.0], &[1e6]).unwrap();
        let mut variance = [0.0];
        p.variance(&mut variance);
        assert!((variance[0] * 6e12 / std::f64::consts::PI.powi(2) - 1.0).abs() < 1e-5);
        assert!(Frechet::new(&[1.0], &[0.0]).is_err() && Frechet::new(&[-1.0], &[1.0]).is_err());
    }
}
