//! The Beta distribution, on the unit interval and in log-odds.

use rand::Rng;

use crate::distributions::scalar::gamma::split_unit_draw;
use crate::distributions::scalar::prelude::*;
use crate::numerics::log_power;
use crate::special::{
    beta_cdf, beta_implicit_gradient, beta_log_density, beta_log_odds_implicit_gradient,
    beta_log_odds_log_density, beta_log_odds_quantile, beta_log_odds_tails, beta_quantile, beta_survival,
    digamma, digamma_difference, log_sigmoid, sigmoid, trigamma,
};

own_family! {
    /// The Beta on the unit interval, with D independent coordinates.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `alpha` α, `beta` β (D numbers above 0 each, no unit) |
    /// | density | `p(z) = z^(α−1) (1 − z)^(β−1) / B(α, β)`, 0 ≤ z ≤ 1 |
    /// | transform | `z = I⁻¹(u; α, β)`, the inverse of the regularised incomplete beta function |
    /// | pullback | `dα = −(∂I_z/∂α)/p(z) dz`, `dβ = −(∂I_z/∂β)/p(z) dz`: the implicit derivative |
    /// | score | `∂α = ln z − ψ(α) + ψ(α + β)`, `∂β = ln(1 − z) − ψ(β) + ψ(α + β)` |
    /// | ∇_z log p | `(α − 1)/z − (β − 1)/(1 − z)` |
    /// | entropy | `ln B + (α − 1)(ψ(n) − ψ(α)) + (β − 1)(ψ(n) − ψ(β))`, n = α + β |
    /// | its gradient | `(n − 2) ψ′(n) − (α − 1) ψ′(α)`, and the same in β |
    /// | KL(p ‖ q) | `ln B_q − ln B_p − (α_p − α_q)(ψ(n_p) − ψ(α_p)) − (β_p − β_q)(ψ(n_p) − ψ(β_p))` |
    /// | mean, variance | `α/n`, `αβ/(n² (n + 1))` |
    ///
    /// Independent draws are ratios of gamma variates (Marsaglia & Tsang 2000), in logarithms for a shape
    /// below 1; a given noise value goes through the quantile function. The pullback is a function of z
    /// and θ, with a relative error of at most 1e-12 in f64 and 1e-6 in f32 for shapes up to 1e4. It is 0
    /// where a draw has rounded to 0 or 1. For shapes below about 0.02 nearly all draws do; the gradient
    /// of a function of z is then correctly carried by the others. For a function of the odds or of
    /// `ln z` use [`LogitBeta`], which does not round. Shapes below 1e-150 are treated as 1e-150. The
    /// score is valid for both parameters, with variances `ψ′(α) − ψ′(n)` and `ψ′(β) − ψ′(n)`, and
    /// infinite where z has rounded to an end.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let beta = Beta::new(&[2.0], &[1.0])?;
    /// let mut z = [0.0];
    /// beta.transform(&[0.25], &mut z); // u = z²
    /// assert!((z[0] - 0.5f64).abs() < 1e-15);
    /// let mut dtheta = [0.0; 2];
    /// beta.pullback(&[0.25], &z, &[1.0], &mut dtheta); // z = u^(1/α): dz/dα = −z ln z/α
    /// assert!((dtheta[0] - 0.25 * 2f64.ln()).abs() < 1e-15);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Figurnov, Mohamed & Mnih 2018, arXiv:1805.08498; Jankowiak & Obermeyer 2018, arXiv:1806.01851;
    /// Marsaglia & Tsang 2000, doi:10.1145/358407.358414.
    pub Beta, BetaFamily by quantile;
    pub fn new(
        alpha: Positive "The shapes α, for the end at z = 0.",
        beta: Positive "The shapes β, for the end at z = 1.",
    );
}

own_family! {
    /// The log-odds `l = ln(z/(1 − z))` of a [`Beta`] with D independent coordinates: for shapes so small
    /// that z itself rounds to 0 or 1.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `alpha` α, `beta` β (D numbers above 0 each, no unit) |
    /// | density | `p(l) = σ(l)^α σ(−l)^β / B(α, β)` on the line |
    /// | transform | `l = ln(z/(1 − z))`, `z = I⁻¹(u; α, β)` |
    /// | pullback | `dα = dl/dα > 0`, `dβ = dl/dβ < 0` at fixed u: implicit derivatives, exact for every finite l |
    /// | score | `∂α = ln σ(l) − ψ(α) + ψ(n)`, `∂β = ln σ(−l) − ψ(β) + ψ(n)`, n = α + β |
    /// | ∇_l log p | `α σ(−l) − β σ(l)` |
    /// | entropy | `ln B + α (ψ(n) − ψ(α)) + β (ψ(n) − ψ(β))`, gradient `n ψ′(n) − α ψ′(α)` and the same in β |
    /// | KL(p ‖ q) | that of the Betas |
    /// | mean, variance | `ψ(α) − ψ(β)`, `ψ′(α) + ψ′(β)` |
    ///
    /// Everything is finite for shapes from 1e-8 (log-odds around ±1e8) in f64 and f32 alike, with the
    /// relative error of [`Beta`].
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let beta = LogitBeta::new(&[1e-6], &[1e-6])?;
    /// let mut l = [0.0];
    /// beta.transform(&[0.25], &mut l); // z = e^(−693147): 0 in floating point
    /// assert!((l[0] / -693_147.0f64 - 1.0).abs() < 1e-5);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Those of [`Beta`].
    pub LogitBeta, LogitBetaFamily by quantile;
    pub fn new(
        alpha: Positive "The shapes α, for the end at z = 0.",
        beta: Positive "The shapes β, for the end at z = 1.",
    );
}

macro_rules! divergence_of_shapes {
    ($family:ident) => {
        impl<T: Real> FamilyKl<T> for $family {
            fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
                T::of(Shapes::of(p).kl(Shapes::of(q)))
            }

            fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
                let (p, q) = (Shapes::of(p), Shapes::of(q));
                let d = (p.n - q.n) * trigamma(p.n);
                let dp = [(p.a - q.a) * trigamma(p.a) - d, (p.b - q.b) * trigamma(p.b) - d];
                let dq = [p.to_a() - q.to_a(), p.to_b() - q.to_b()];
                (dp.map(T::of), dq.map(T::of))
            }
        }
    };
}

divergence_of_shapes!(BetaFamily);
divergence_of_shapes!(LogitBetaFamily);

/// Both shapes and their sum, in f64 and clamped to the range in which the squares of their inverses are
/// finite.
#[derive(Debug, Clone, Copy)]
struct Shapes {
    a: f64,
    b: f64,
    n: f64,
}

impl Shapes {
    #[inline]
    fn of<T: Real>([a, b]: [T; 2]) -> Self {
        let (a, b) = (a.f64().clamp(1e-150, 1e70), b.f64().clamp(1e-150, 1e70));
        Self { a, b, n: a + b }
    }

    /// `ψ(n) − ψ(α) = −E ln z`.
    #[inline]
    fn to_a(self) -> f64 {
        digamma_difference(self.a, self.n, self.b)
    }

    /// `ψ(n) − ψ(β) = −E ln(1 − z)`.
    #[inline]
    fn to_b(self) -> f64 {
        digamma_difference(self.b, self.n, self.a)
    }

    /// `−ln p` of the log-odds at the mean, and `E ln z − ln E z`, `E ln(1 − z) − ln E(1 − z)`: `ln B`
    /// without the large terms that cancel.
    fn at_mean(self) -> (f64, f64, f64) {
        let odds = self.a.ln() - self.b.ln();
        let (ln_x, ln_y) = (log_sigmoid(odds), log_sigmoid(-odds));
        (-beta_log_odds_log_density(odds, self.a, self.b), -ln_x - self.to_a(), -ln_y - self.to_b())
    }

    fn log_odds_entropy(self) -> f64 {
        let (height, gap_x, gap_y) = self.at_mean();
        height - self.a * gap_x - self.b * gap_y
    }

    /// The mean of `ln p − ln q` at the log-odds of p's mean, where ln p is linear except for `ln z` and
    /// `ln(1 − z)`.
    fn kl(self, q: Self) -> f64 {
        let odds = self.a.ln() - self.b.ln();
        let (_, gap_x, gap_y) = self.at_mean();
        let height =
            beta_log_odds_log_density(odds, self.a, self.b) - beta_log_odds_log_density(odds, q.a, q.b);
        (height + (self.a - q.a) * gap_x + (self.b - q.b) * gap_y).max(0.0)
    }

    /// Log-odds of a draw, from two gamma variates.
    #[inline]
    fn draw_log_odds<R: Rng + ?Sized>(self, rng: &mut R) -> f64 {
        let (x, ln_x) = split_unit_draw(self.a, rng);
        let (y, ln_y) = split_unit_draw(self.b, rng);
        (x / y).ln() + (ln_x - ln_y)
    }

    #[inline]
    fn draw<R: Rng + ?Sized>(self, rng: &mut R) -> f64 {
        let (x, ln_x) = split_unit_draw(self.a, rng);
        let (y, ln_y) = split_unit_draw(self.b, rng);
        if ln_x == 0.0 && ln_y == 0.0 {
            return x / (x + y);
        }
        // One of the two factors e^±difference would overflow for small shapes.
        let difference = ln_x - ln_y;
        let e = (-difference.abs()).exp();
        if difference <= 0.0 { x * e / (x * e + y) } else { x / (x + y * e) }
    }
}

impl<T: Real> Quantile<T> for BetaFamily {
    const DRAWS_DIRECTLY: bool = true;

    fn quantile(&self, u: Probability<T>, [alpha, beta]: [T; 2]) -> T {
        beta_quantile(u, alpha, beta)
    }

    #[inline]
    fn quantile_gradient(&self, _: Probability<T>, z: T, [alpha, beta]: [T; 2]) -> [T; 2] {
        beta_implicit_gradient(z, alpha, beta)
    }

    #[inline]
    fn draw<R: Rng + ?Sized>(&self, theta: [T; 2], rng: &mut R) -> T {
        T::of(Shapes::of(theta).draw(rng))
    }
}

impl<T: Real> Quantile<T> for LogitBetaFamily {
    const DRAWS_DIRECTLY: bool = true;

    fn quantile(&self, u: Probability<T>, [alpha, beta]: [T; 2]) -> T {
        beta_log_odds_quantile(u, alpha, beta)
    }

    #[inline]
    fn quantile_gradient(&self, _: Probability<T>, l: T, [alpha, beta]: [T; 2]) -> [T; 2] {
        beta_log_odds_implicit_gradient(l, alpha, beta)
    }

    #[inline]
    fn draw<R: Rng + ?Sized>(&self, theta: [T; 2], rng: &mut R) -> T {
        T::of(Shapes::of(theta).draw_log_odds(rng))
    }
}

impl<T: Real> FamilyCdf<T> for BetaFamily {
    fn cdf(&self, z: T, [alpha, beta]: [T; 2]) -> Probability<T> {
        Probability::from_sides(beta_cdf(z, alpha, beta), beta_survival(z, alpha, beta))
    }
}

impl<T: Real> FamilyCdf<T> for LogitBetaFamily {
    fn cdf(&self, l: T, [alpha, beta]: [T; 2]) -> Probability<T> {
        let (lower, upper) = beta_log_odds_tails(l, alpha, beta);
        Probability::from_sides(lower, upper)
    }
}

impl<T: Real> Density<T> for BetaFamily {
    fn log_density(&self, z: T, theta: [T; 2]) -> T {
        let Shapes { a, b, .. } = Shapes::of(theta);
        let z = z.f64();
        if (0.0..=1.0).contains(&z) {
            T::of(beta_log_density(z, a, b))
        } else if z.is_nan() {
            T::nan()
        } else {
            T::neg_infinity()
        }
    }
}

impl<T: Real> DensityGradient<T> for BetaFamily {
    fn log_density_gradient(&self, z: T, [alpha, beta]: [T; 2]) -> T {
        if z < T::zero() || z > T::one() {
            return T::zero();
        }
        let one = T::one();
        log_power(alpha - one, z.recip()) - log_power(beta - one, (one - z).recip())
    }

    fn score(&self, z: T, theta: [T; 2]) -> [T; 2] {
        let z = z.f64();
        if !(0.0..=1.0).contains(&z) {
            return [T::zero(); 2];
        }
        let shapes = Shapes::of(theta);
        [T::of(z.ln() + shapes.to_a()), T::of((-z).ln_1p() + shapes.to_b())]
    }
}

impl<T: Real> Density<T> for LogitBetaFamily {
    const COVERS_LINE: bool = true;

    fn log_density(&self, l: T, theta: [T; 2]) -> T {
        let Shapes { a, b, .. } = Shapes::of(theta);
        if l.is_infinite() {
            return T::neg_infinity();
        }
        T::of(beta_log_odds_log_density(l.f64(), a, b))
    }
}

impl<T: Real> DensityGradient<T> for LogitBetaFamily {
    fn log_density_gradient(&self, l: T, theta: [T; 2]) -> T {
        let Shapes { a, b, .. } = Shapes::of(theta);
        let l = l.f64();
        T::of(a * sigmoid(-l) - b * sigmoid(l))
    }

    fn score(&self, l: T, theta: [T; 2]) -> [T; 2] {
        let (shapes, l) = (Shapes::of(theta), l.f64());
        [T::of(log_sigmoid(l) + shapes.to_a()), T::of(log_sigmoid(-l) + shapes.to_b())]
    }
}

impl<T: Real> ClosedEntropy<T> for BetaFamily {
    fn entropy(&self, theta: [T; 2]) -> T {
        // ln z + ln(1 − z) is the logarithm of dz/dl.
        let shapes = Shapes::of(theta);
        T::of(shapes.log_odds_entropy() - shapes.to_a() - shapes.to_b())
    }

    fn entropy_gradient(&self, theta: [T; 2]) -> [T; 2] {
        let Shapes { a, b, n } = Shapes::of(theta);
        let whole = (n - 2.0) * trigamma(n);
        [T::of(whole - (a - 1.0) * trigamma(a)), T::of(whole - (b - 1.0) * trigamma(b))]
    }
}

impl<T: Real> ClosedEntropy<T> for LogitBetaFamily {
    fn entropy(&self, theta: [T; 2]) -> T {
        T::of(Shapes::of(theta).log_odds_entropy())
    }

    fn entropy_gradient(&self, theta: [T; 2]) -> [T; 2] {
        let Shapes { a, b, n } = Shapes::of(theta);
        let whole = n * trigamma(n);
        [T::of(whole - a * trigamma(a)), T::of(whole - b * trigamma(b))]
    }
}

impl<T: Real> FamilyMoments<T> for BetaFamily {
    fn mean(&self, theta: [T; 2]) -> T {
        let Shapes { a, n, .. } = Shapes::of(theta);
        T::of(a / n)
    }

    fn variance(&self, theta: [T; 2]) -> T {
        let Shapes { a, b, n } = Shapes::of(theta);
        T::of(a / n * (b / n) / (n + 1.0))
    }
}

impl<T: Real> FamilyMoments<T> for LogitBetaFamily {
    fn mean(&self, theta: [T; 2]) -> T {
        let Shapes { a, b, .. } = Shapes::of(theta);
        T::of(digamma(a) - digamma(b))
    }

    fn variance(&self, theta: [T; 2]) -> T {
        let Shapes { a, b, .. } = Shapes::of(theta);
        T::of(trigamma(a) + trigamma(b))
    }
}
