//! Moments, entropy and divergence of the truncated normal.

use crate::distributions::scalar::inverse_cdf::{ClosedEntropy, FamilyKl, FamilyMoments};
use crate::distributions::scalar::truncated_normal::{Point, Standard, TruncatedNormalFamily};
use crate::real::Real;
use crate::special::{GAUSS_LEGENDRE, log_density_drop};

/// The density has fallen by e⁻⁴⁸ here: what lies beyond is negligible, even multiplied by a fourth
/// power.
const FOLDS: f64 = 48.0;

impl Standard {
    /// `E f` by Gauss–Legendre quadrature on pieces over which the density falls little.
    fn expectation<const N: usize>(&self, f: impl Fn(Point) -> [f64; N]) -> [f64; N] {
        let from_end = self.a >= 0.0;
        let (start, end, pieces) = if from_end {
            let reach = 2.0 * FOLDS / (self.a + (self.a * self.a + 2.0 * FOLDS).sqrt());
            let end = self.width.min(reach);
            (0.0, end, log_density_drop(self.a, end).ceil())
        } else {
            let reach = (2.0 * FOLDS).sqrt();
            let (start, end) = (self.a.max(-reach), self.b.min(reach));
            (start, end, (2.0 * (end - start)).ceil())
        };
        let step = (end - start) / pieces.max(1.0);
        let (mut total, mut sums) = (0.0, [0.0; N]);
        for piece in 0..pieces.max(1.0) as u32 {
            for (node, weight) in GAUSS_LEGENDRE {
                let at = self.at_distance(start + step * (f64::from(piece) + node));
                let weight = weight * (-self.excess(at)).exp();
                total += weight;
                for (sum, value) in sums.iter_mut().zip(f(at)) {
                    *sum += weight * value;
                }
            }
        }
        sums.map(|sum| sum / total)
    }

    /// The distance whose moments are computed: from a if a is to the right of the mean of the normal,
    /// else from the mean.
    fn distance(&self, at: Point) -> f64 {
        if self.a >= 0.0 { at.from_a } else { at.x }
    }

    /// −1 where z decreases with the distance.
    fn sign(&self) -> f64 {
        if self.mirrored { -1.0 } else { 1.0 }
    }

    /// `E d` and `E (x² − c²)/2`.
    fn centres(&self) -> [f64; 2] {
        self.expectation(|at| [self.distance(at), self.excess(at)])
    }

    fn entropy(&self, sigma: f64) -> f64 {
        sigma.ln() + self.mass.ln() + self.centres()[1]
    }

    /// In the order of θ.
    fn entropy_gradient(&self, sigma: f64) -> [f64; 4] {
        let [mean, half_square] = self.centres();
        let [covariance, variance, square] = self.expectation(|at| {
            let (off, off_square) = (self.distance(at) - mean, self.excess(at) - half_square);
            [off * off_square, off_square * off_square, self.distance(at) * self.distance(at)]
        });
        let (at_a, at_b) = self.at_bounds();
        let far = |size: f64| if at_b == 0.0 { 0.0 } else { at_b * size };
        let (da, db) = if self.a >= 0.0 {
            // E x² − a² − 2 would cancel far out; by parts it is −(E s² + 2 w p(b)).
            let rest = square + 2.0 * far(self.width);
            (-0.5 * at_a * rest, far(log_density_drop(self.a, self.width) + 0.5 * rest))
        } else {
            let ends = |at: f64, bound: f64| {
                if at == 0.0 { 0.0 } else { at * (half_square - 0.5 * bound * bound - 1.0) }
            };
            (ends(at_a, self.a), -ends(at_b, self.b))
        };
        let (dlow, dhigh) = if self.mirrored { (-db, -da) } else { (da, db) };
        [self.sign() * covariance, 2.0 * variance, dlow, dhigh].map(|g| g / sigma)
    }
}

impl<T: Real> ClosedEntropy<T> for TruncatedNormalFamily {
    fn entropy(&self, theta: [T; 4]) -> T {
        T::of(Standard::of(theta).entropy(theta[1].f64()))
    }

    fn entropy_gradient(&self, theta: [T; 4]) -> [T; 4] {
        Standard::of(theta).entropy_gradient(theta[1].f64()).map(T::of)
    }
}

impl<T: Real> FamilyMoments<T> for TruncatedNormalFamily {
    fn mean(&self, theta: [T; 4]) -> T {
        let law = Standard::of(theta);
        let [mu, sigma, low, high] = theta.map(T::f64);
        let origin = match (law.a >= 0.0, law.mirrored) {
            (false, _) => mu,
            (true, false) => low,
            (true, true) => high,
        };
        T::of(origin + law.sign() * sigma * law.centres()[0])
    }

    fn variance(&self, theta: [T; 4]) -> T {
        let (law, sigma) = (Standard::of(theta), theta[1].f64());
        let [mean, _] = law.centres();
        let [variance] = law.expectation(|at| [(law.distance(at) - mean).powi(2)]);
        T::of(sigma * sigma * variance)
    }
}

/// p and q, and the map from a point of p to a point of q.
struct Pair {
    p: Standard,
    q: Standard,
    sigmas: (f64, f64),
    /// The parameters of p minus those of q: means, lower and upper bounds.
    shifts: [f64; 3],
}

impl Pair {
    fn of<T: Real>(p: [T; 4], q: [T; 4]) -> Self {
        let shift = |i: usize| p[i].f64() - q[i].f64();
        Self {
            p: Standard::of(p),
            q: Standard::of(q),
            sigmas: (p[1].f64(), q[1].f64()),
            shifts: [shift(0), shift(2), shift(3)],
        }
    }

    fn in_q(&self, at: Point) -> Point {
        let ((sp, sq), [shift, low, high]) = (self.sigmas, self.shifts);
        let (from_low, x, from_high) =
            if self.p.mirrored { (at.from_b, -at.x, at.from_a) } else { (at.from_a, at.x, at.from_b) };
        self.q.point((low + sp * from_low) / sq, (shift + sp * x) / sq, (sp * from_high - high) / sq)
    }

    /// `ln p − ln q`.
    fn ln_ratio(&self, at: Point) -> f64 {
        let (p, q, (sp, sq)) = (&self.p, &self.q, self.sigmas);
        (q.excess(self.in_q(at)) - p.excess(at)) + ((q.mass / p.mass).ln() + (sq / sp).ln())
    }

    fn kl(&self) -> f64 {
        let [kl] = self.p.expectation(|at| [self.ln_ratio(at)]);
        kl.max(0.0)
    }

    fn gradient(&self) -> ([f64; 4], [f64; 4]) {
        let (p, q, (sp, sq)) = (&self.p, &self.q, self.sigmas);
        let [mean, half_square] = p.centres();
        let [kl, q_mean, q_half_square] = p.expectation(|at| {
            let in_q = self.in_q(at);
            [self.ln_ratio(at), q.distance(in_q), q.excess(in_q)]
        });
        let [to_mu, to_sigma] = p.expectation(|at| {
            let off = self.ln_ratio(at) - kl;
            [off * (p.distance(at) - mean), 2.0 * off * (p.excess(at) - half_square)]
        });
        let (at_a, at_b) = p.at_bounds();
        // p(l) (1 − (ln p/q at l) + KL): the mass that a moving bound removes, and the effect of its
        // removal on the rest.
        let bound = |at: Point, density: f64| {
            if density == 0.0 { 0.0 } else { density * (1.0 + kl - self.ln_ratio(at)) }
        };
        let (da, db) = (bound(p.near_end(), at_a), -bound(p.far_end(), at_b));
        let (dlow, dhigh) = if p.mirrored { (-db, -da) } else { (da, db) };
        let dp = [p.sign() * to_mu, to_sigma, dlow, dhigh].map(|g| g / sp);

        let [own_mean, own_half_square] = q.centres();
        let (at_a, at_b) = q.at_bounds();
        let (dlow, dhigh) = if q.mirrored { (-at_b, at_a) } else { (-at_a, at_b) };
        let dq = [q.sign() * (own_mean - q_mean), 2.0 * (own_half_square - q_half_square), dlow, dhigh];
        (dp, dq.map(|g| g / sq))
    }
}

impl<T: Real> FamilyKl<T> for TruncatedNormalFamily {
    fn covers(&self, p: [T; 4], q: [T; 4]) -> bool {
        q[2] <= p[2] && q[3] >= p[3]
    }

    fn kl(&self, p: [T; 4], q: [T; 4]) -> T {
        if self.covers(p, q) { T::of(Pair::of(p, q).kl()) } else { T::infinity() }
    }

    fn kl_gradient(&self, p: [T; 4], q: [T; 4]) -> ([T; 4], [T; 4]) {
        let (dp, dq) = Pair::of(p, q).gradient();
        (dp.map(T::of), dq.map(T::of))
    }
}
