//! The Gompertz distribution.

use crate::distributions::scalar::prelude::*;
use crate::numerics::quadrature::half_line;
use crate::special::exponential_integral_scaled;

own_family! {
    /// The Gompertz with D independent coordinates: lifetimes whose hazard grows exponentially with age.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `shape` η (D numbers above 0, no unit), growth `rate` b (D numbers above 0, in units of 1/z) |
    /// | hazard, survival | `ηb e^(bz)`, `exp(−η (e^(bz) − 1))` |
    /// | density | `p(z) = ηb e^(bz) exp(−η (e^(bz) − 1))`, z ≥ 0 |
    /// | transform | `z = ln(1 + E/η)/b`, `E = −ln(1 − u)` |
    /// | pullback | `dη = −E/(ηb (η + E)) dz`, `db = −z/b dz` |
    /// | score | `∂η = 1/η − (e^(bz) − 1)`, `∂b = 1/b + z − ηz e^(bz)` |
    /// | ∇_z log p | `b − ηb e^(bz)` |
    /// | entropy | `1 − ln ηb − S`, `S = e^η E₁(η)`, gradient `(−S, −1/b)` |
    /// | KL(p ‖ q) | `ln(η_p b_p/(η_q b_q)) − 1 + (1 − κ) S + η_q (M − 1)`, `κ = b_q/b_p`, `M = E (1 + E/η_p)^κ` by quadrature |
    /// | mean, variance | `S/b`, and by quadrature |
    ///
    /// The support [0, ∞) does not move, so the score is valid for both parameters. Draws are finite for
    /// every parameter: `e^(bz)` is at most `1 + 53/η`. Another convention writes the hazard as
    /// `a e^(bz)`; its a is ηb. As η → ∞ at fixed ηb, the law becomes exponential. Only the variance and
    /// M are computed by quadrature (210 to 430 evaluations, relative accuracy 1e-12).
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let gompertz = Gompertz::new(&[0.1], &[2.0])?;
    /// let mut z = [0.0];
    /// gompertz.transform(&[-1e-9], &mut z); // one in a billion lives longer
    /// assert!((z[0] / (0.5 * (1.0 - 1e-9f64.ln() / 0.1).ln()) - 1.0).abs() < 1e-14);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Gompertz 1825, Philosophical Transactions 115, 513–583, doi:10.1098/rstl.1825.0026; Lenart 2014, The
    /// moments of the Gompertz distribution, Scandinavian Actuarial Journal, 255–277,
    /// doi:10.1080/03461238.2012.687697.
    pub Gompertz, GompertzFamily by quantile;
    pub fn new(shape: Positive "The shapes η.", rate: Positive "The rates b.");
}

/// `ln(1 + e/η)`, even where the quotient overflows.
#[inline]
fn ln_growth<T: Real>(e: T, shape: T) -> T {
    let ratio = e / shape;
    if ratio.is_finite() { ratio.ln_1p() } else { e.ln() - shape.ln() }
}

impl<T: Real> Quantile<T> for GompertzFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [shape, rate]: [T; 2]) -> T {
        ln_growth(-u.ln_upper(), shape) / rate
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, z: T, [shape, rate]: [T; 2]) -> [T; 2] {
        let e = -u.ln_upper();
        [-(e / (shape + e)) / shape / rate, -z / rate]
    }
}

impl<T: Real> FamilyCdf<T> for GompertzFamily {
    fn cdf(&self, z: T, [shape, rate]: [T; 2]) -> Probability<T> {
        if z <= T::zero() {
            return Probability::never();
        }
        let hazard = cumulative_hazard(shape, rate * z);
        Probability::from_sides(-(-hazard).exp_m1(), (-hazard).exp())
    }
}

/// `η (e^(bz) − 1)`.
#[inline]
fn cumulative_hazard<T: Real>(shape: T, growth: T) -> T {
    if growth < T::one() { shape * growth.exp_m1() } else { scaled_growth(shape, growth) - shape }
}

/// `η e^(bz)`, where one factor may overflow.
#[inline]
fn scaled_growth<T: Real>(shape: T, growth: T) -> T {
    let factor = growth.exp();
    if factor.is_finite() { shape * factor } else { (growth + shape.ln()).exp() }
}

impl<T: Real> Density<T> for GompertzFamily {
    #[inline]
    fn log_density(&self, z: T, [shape, rate]: [T; 2]) -> T {
        if z < T::zero() || z == T::infinity() {
            return T::neg_infinity();
        }
        let growth = rate * z;
        let hazard = cumulative_hazard(shape, growth);
        if hazard == T::infinity() {
            return T::neg_infinity();
        }
        shape.ln() + rate.ln() + growth - hazard
    }
}

impl<T: Real> DensityGradient<T> for GompertzFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [shape, rate]: [T; 2]) -> T {
        if z < T::zero() { T::zero() } else { rate * (T::one() - scaled_growth(shape, rate * z)) }
    }

    #[inline]
    fn score(&self, z: T, [shape, rate]: [T; 2]) -> [T; 2] {
        if z < T::zero() {
            return [T::zero(); 2];
        }
        let growth = rate * z;
        // In terms of bz, so that no two terms of size 1/b cancel.
        let to_rate = T::one() + growth * (T::one() - scaled_growth(shape, growth));
        [(T::one() - cumulative_hazard(shape, growth)) / shape, to_rate / rate]
    }
}

impl<T: Real> ClosedEntropy<T> for GompertzFamily {
    fn entropy(&self, [shape, rate]: [T; 2]) -> T {
        let (shape, rate) = (shape.f64(), rate.f64());
        T::of(1.0 - shape.ln() - rate.ln() - exponential_integral_scaled(shape))
    }

    fn entropy_gradient(&self, [shape, rate]: [T; 2]) -> [T; 2] {
        [T::of(-exponential_integral_scaled(shape.f64())), -rate.recip()]
    }
}

impl<T: Real> FamilyMoments<T> for GompertzFamily {
    fn mean(&self, [shape, rate]: [T; 2]) -> T {
        T::of(exponential_integral_scaled(shape.f64()) / rate.f64())
    }

    fn variance(&self, [shape, rate]: [T; 2]) -> T {
        let (shape, rate) = (shape.f64(), rate.f64());
        let mean = exponential_integral_scaled(shape);
        let [variance] = half_line(|e| [(-e).exp() * (ln_growth(e, shape) - mean).powi(2)]);
        T::of(variance / rate / rate)
    }
}

/// With `g = (1 + E/η)^κ`: `E (g − 1)`, `E g ln(1 + E/η)` and `E (E/η) g/(1 + E/η)`.
fn growths(shape: f64, kappa: f64) -> [f64; 3] {
    half_line(|e| {
        let ln = ln_growth(e, shape);
        let p = (kappa * ln - e).exp();
        if p == 0.0 {
            return [0.0; 3];
        }
        [(-e).exp() * (kappa * ln).exp_m1(), p * ln, p * (-(-ln).exp_m1())]
    })
}

impl<T: Real> FamilyKl<T> for GompertzFamily {
    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        let ([shape, rate], [other, other_rate]) = (p.map(T::f64), q.map(T::f64));
        let kappa = other_rate / rate;
        let [excess, ..] = growths(shape, kappa);
        let ln_ratio = (shape / other).ln() - kappa.ln();
        T::of((ln_ratio - 1.0 + (1.0 - kappa) * exponential_integral_scaled(shape) + other * excess).max(0.0))
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let ([shape, rate], [other, other_rate]) = (p.map(T::f64), q.map(T::f64));
        let kappa = other_rate / rate;
        let [excess, by_kappa, by_shape] = growths(shape, kappa);
        let s = exponential_integral_scaled(shape);
        let to_kappa = other * by_kappa - s;
        // S′ = S − 1/η.
        let to_shape = 1.0 / shape + (1.0 - kappa) * (s - 1.0 / shape) - other * kappa * by_shape / shape;
        let dp = [to_shape, (1.0 - kappa * to_kappa) / rate];
        let dq = [excess - 1.0 / other, to_kappa / rate - 1.0 / other_rate];
        (dp.map(T::of), dq.map(T::of))
    }
}
