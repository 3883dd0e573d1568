//! The inverse Gaussian distribution.

use rand::Rng;

use crate::distributions::scalar::prelude::*;
use crate::special::{deviance, exponential_integral_scaled, mills_defect, mills_ratio, normal_quantile};

own_family! {
    /// The inverse Gaussian (Wald) distribution with D independent coordinates: the first time at which a
    /// Brownian motion with drift `√λ/μ` reaches `√λ`.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `mu` μ (D numbers above 0), the mean, in the units of z; `shape` λ (D numbers above 0), in the same units |
    /// | density | `p(z) = √(λ/(2πz³)) e^(−a²/2)` for z > 0, with `a = √(λ/z) (z/μ − 1)` |
    /// | transform | the root of `F(z) = Φ(a) + φ(a) m(b) = u`, with `b = √(λ/z) (z/μ + 1)` and Mills' ratio m |
    /// | pullback | `dμ = 2λ/μ² m(b) √(z³/λ) dz`, `dλ = (z − μ dz/dμ)/λ dz`, implicit, in closed form |
    /// | score | `∂μ = λ (z − μ)/μ³`, `∂λ = (1/λ − (z − μ)²/(μ² z))/2` |
    /// | ∇_z log p | `−3/(2z) − λ (1/μ² − 1/z²)/2` |
    /// | entropy | `½ (1 + ln 2πμ³/λ) − 3/2 e^x E₁(x)`, `x = 2λ/μ` |
    /// | KL(p‖q) | `½ (ln(λ_p/λ_q) − 1 + λ_q/λ_p + λ_q (μ_p − μ_q)²/(μ_p μ_q²))` |
    ///
    /// Parameters outside 1e-150 … 1e150 are clamped to that range in draws and densities. Mean μ,
    /// variance μ³/λ. The score is valid for both parameters. Independent draws are made by the
    /// transformation with multiple roots of Michael, Schucany and Haas, and pulled back at z.
    ///
    /// ```
    /// use reparam::prelude::*;
    /// use reparam::distributions::InverseGaussian;
    ///
    /// let law = InverseGaussian::new(&[2.0], &[3.0])?;
    /// let (z, mut dtheta) = ([1.7], [0.0; 2]);
    /// law.pullback(&[f64::NAN], &z, &[1.0], &mut dtheta); // the implicit derivative needs no noise
    /// // z is homogeneous of degree 1 in its parameters.
    /// assert!((2.0 * dtheta[0] + 3.0 * dtheta[1] - 1.7).abs() < 1e-14);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Michael, Schucany & Haas 1976, doi:10.2307/2683801; Johnson, Kotz & Balakrishnan 1994, Continuous
    /// Univariate Distributions vol. 1, chapter 15, ISBN 0-471-58495-9.
    pub InverseGaussian, InverseGaussianFamily by cdf;
    pub fn new(mu: Positive "The means μ.", shape: Positive "The shapes λ.");
}

/// `ln √2π`.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_741_78;

/// Parameters are clamped to 1e-150 … 1e150, so that their quotient is finite.
#[inline]
fn bounded<T: Real>(parameter: T) -> f64 {
    parameter.f64().clamp(1e-150, 1e150)
}

/// `(a, b)`.
#[inline]
fn arguments(z: f64, mu: f64, shape: f64) -> (f64, f64) {
    // The quotient of the roots, which cannot overflow.
    let root = shape.sqrt() / z.sqrt();
    (root * ((z - mu) / mu), root * ((z + mu) / mu))
}

/// `φ(x)`.
fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x - HALF_LN_TAU).exp()
}

impl<T: Real> Cdf<T> for InverseGaussianFamily {
    const DRAWS_DIRECTLY: bool = true;

    fn cdf(&self, z: T, [mu, shape]: [T; 2]) -> T {
        let (a, b) = arguments(z.f64(), bounded(mu), bounded(shape));
        let density = normal_density(a);
        // Φ(a) + e^(2λ/μ) Φ(−b), as e^(2λ/μ) φ(b) = φ(a).
        T::of(if a < 0.0 {
            density * (mills_ratio(-a) + mills_ratio(b))
        } else {
            1.0 - density * (mills_ratio(a) - mills_ratio(b))
        })
    }

    fn survival(&self, z: T, [mu, shape]: [T; 2]) -> T {
        let (a, b) = arguments(z.f64(), bounded(mu), bounded(shape));
        let density = normal_density(a);
        T::of(if a < 0.0 {
            1.0 - density * (mills_ratio(-a) + mills_ratio(b))
        } else {
            density * (mills_ratio(a) - mills_ratio(b))
        })
    }

    fn cdf_gradient(&self, z: T, theta: [T; 2]) -> [T; 2] {
        let density = self.log_density(z, theta).exp();
        self.implicit_gradient(z, theta).map(|g| -g * density)
    }

    fn support(&self, _: [T; 2]) -> (T, T) {
        (T::zero(), T::infinity())
    }

    fn guess(&self, u: Probability<T>, [mu, shape]: [T; 2]) -> T {
        // A log-normal guess, with the moments that ln z has for a large shape.
        let (mu, spread) = (bounded(mu), (bounded(mu) / bounded(shape)).ln_1p());
        let tail = u.tail().f64().abs().max(1e-300);
        let normal = if u.lower() <= T::of(0.5) { normal_quantile(tail) } else { -normal_quantile(tail) };
        T::of((mu * (spread.sqrt() * normal - 0.5 * spread).exp()).clamp(1e-30 * mu, 1e30 * mu))
    }

    /// In closed form: the density cancels.
    #[inline]
    fn implicit_gradient(&self, z: T, [mu, shape]: [T; 2]) -> [T; 2] {
        let (z, mu, shape) = (z.f64(), bounded(mu), bounded(shape));
        if z <= 0.0 {
            return [T::zero(); 2];
        }
        let (_, b) = arguments(z, mu, shape);
        // dz/dμ = 2λ/μ² m(b) √(z³/λ) = (z/μ) (2z/(z + μ)) b m(b); dz/dλ follows from homogeneity, without
        // a subtraction.
        let share = 2.0 * z / (z + mu);
        let dmu = share * (z / mu) * (b * mills_ratio(b));
        let dshape = (z / shape) * ((mu - z) / (mu + z) + share * mills_defect(b));
        [T::of(dmu), T::of(dshape)]
    }

    #[inline]
    fn draw<R: Rng + ?Sized>(&self, [mu, shape]: [T; 2], rng: &mut R) -> Option<T> {
        let (mu, shape) = (bounded(mu), bounded(shape));
        let n = f64::standard_normal(rng);
        // λ (z − μ)²/(μ² z) = n² has two roots whose product is μ²; the smaller one is computed by the
        // sum that does not cancel.
        let half = 0.5 * n * n * (mu / shape);
        let larger = 1.0 + half + (half * (2.0 + half)).sqrt();
        let smaller = 1.0 / larger;
        // The smaller root z is the right one with probability μ/(μ + z).
        let u = Probability::from_tail(f64::signed_tail(rng));
        Some(T::of(if u.lower() * (1.0 + smaller) <= 1.0 { mu * smaller } else { mu * larger }))
    }
}

impl<T: Real> Density<T> for InverseGaussianFamily {
    #[inline]
    fn log_density(&self, z: T, [mu, shape]: [T; 2]) -> T {
        let (z, mu, shape) = (z.f64(), bounded(mu), bounded(shape));
        if z <= 0.0 || z == f64::INFINITY {
            return T::neg_infinity();
        }
        let (a, _) = arguments(z, mu, shape);
        T::of(0.5 * shape.ln() - 1.5 * z.ln() - HALF_LN_TAU - 0.5 * a * a)
    }
}

impl<T: Real> DensityGradient<T> for InverseGaussianFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [mu, shape]: [T; 2]) -> T {
        if z <= T::zero() {
            return T::zero();
        }
        let (z, mu, shape) = (z.f64(), bounded(mu), bounded(shape));
        // 1/z² − 1/μ² = (μ − z)(μ + z)/(μ z)²; one factor 1/z is applied last, as the sum of two
        // infinities would be NaN.
        let pull = shape / z * ((mu - z) / mu) * ((mu + z) / mu);
        T::of((0.5 * pull - 1.5) / z)
    }

    #[inline]
    fn score(&self, z: T, [mu, shape]: [T; 2]) -> [T; 2] {
        if z <= T::zero() {
            return [T::zero(); 2];
        }
        let (z, mu, shape) = (z.f64(), bounded(mu), bounded(shape));
        let off = (z - mu) / mu;
        [T::of(shape * off / mu / mu), T::of(0.5 * (1.0 - shape / z * off * off) / shape)]
    }
}

impl<T: Real> ClosedEntropy<T> for InverseGaussianFamily {
    fn entropy(&self, [mu, shape]: [T; 2]) -> T {
        let (mu, shape) = (bounded(mu), bounded(shape));
        let integral = exponential_integral_scaled(2.0 * shape / mu);
        T::of(0.5 + HALF_LN_TAU + 0.5 * (3.0 * mu.ln() - shape.ln()) - 1.5 * integral)
    }

    fn entropy_gradient(&self, [mu, shape]: [T; 2]) -> [T; 2] {
        let (mu, shape) = (bounded(mu), bounded(shape));
        let x = 2.0 * shape / mu;
        // d(e^x E₁)/dx = e^x E₁ − 1/x; multiplied by x, as both parameters need it.
        let slope = x * exponential_integral_scaled(x) - 1.0;
        [T::of(1.5 * (1.0 + slope) / mu), T::of((-0.5 - 1.5 * slope) / shape)]
    }
}

impl<T: Real> FamilyMoments<T> for InverseGaussianFamily {
    fn mean(&self, [mu, _]: [T; 2]) -> T {
        mu
    }

    fn variance(&self, [mu, shape]: [T; 2]) -> T {
        mu * mu * (mu / shape)
    }
}

impl<T: Real> FamilyKl<T> for InverseGaussianFamily {
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        let ([m, k], [n, l]) = (p.map(T::f64), q.map(T::f64));
        let off = (m - n) / n;
        T::of(0.5 * (deviance(l / k) + l * off * off / m))
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let ([m, k], [n, l]) = (p.map(T::f64), q.map(T::f64));
        let off = (m - n) / n;
        // ∂/∂m of (m − n)²/(m n²) is (m² − n²)/(m n)², ∂/∂n is −2 (m − n)/n³.
        let dm = 0.5 * l * ((m - n) / (m * n)) * ((m + n) / (m * n));
        let dp = [dm, 0.5 * (k - l) / k / k];
        let dq = [-l * off / n / n, 0.5 * ((l - k) / (k * l) + off * off / m)];
        (dp.map(T::of), dq.map(T::of))
    }
}
