//! The continuous uniform distribution.

use crate::distributions::scalar::prelude::*;

own_family! {
    /// The uniform on an interval, with D independent coordinates.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `low` l (D finite numbers), `high` h (D numbers above `low`), in the units of z |
    /// | density | `p(z) = 1/(h − l)`, l ≤ z ≤ h |
    /// | transform | `z = (1 − u) l + u h` |
    /// | pullback | `dl = (1 − u) dz`, `dh = u dz` |
    /// | score | `∂l = 1/(h − l)`, `∂h = −1/(h − l)` (**neither is valid**) |
    /// | ∇_z log p | 0 |
    /// | entropy | `ln(h − l)`, gradient `(−1/(h − l), 1/(h − l))` |
    /// | KL(p ‖ q) | `ln w_q/w_p`, `w = h − l`, where q covers p; else ∞; at a common bound the gradient is one-sided, for a p that stays covered |
    /// | mean, variance | `(l + h)/2`, `w²/12` |
    ///
    /// Both bounds move the support: the score is the derivative of the log-density inside, ignores the
    /// moving ends, and has a mean other than 0. The score function refuses this distribution and names
    /// `low`. Pathwise gradients are valid for both. A draw never leaves [l, h], whatever the rounding.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let uniform = Uniform::new(&[-1.0], &[3.0])?;
    /// let (mut z, mut dtheta) = ([0.0], [0.0; 2]);
    /// uniform.transform(&[0.25], &mut z);
    /// assert_eq!(z, [0.0]);
    /// uniform.pullback(&[0.25], &z, &[1.0], &mut dtheta);
    /// assert_eq!(dtheta, [0.75, 0.25]);
    /// assert!(uniform.layout().check_score().is_err());
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Johnson, Kotz & Balakrishnan 1995, Continuous Univariate Distributions vol. 2, chapter 26, ISBN
    /// 0-471-58494-0.
    pub Uniform, UniformFamily by quantile;
    pub fn new(low: Real "The lower bounds.", high: AbovePrevious "The upper bounds.");
    moving support: low, high;
}

/// Half of the width, which cannot overflow.
#[inline]
fn half_width<T: Real>(low: T, high: T) -> T {
    T::of(0.5) * high - T::of(0.5) * low
}

impl<T: Real> Quantile<T> for UniformFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, [low, high]: [T; 2]) -> T {
        (u.upper() * low + u.lower() * high).max(low).min(high)
    }

    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, _: T, _: [T; 2]) -> [T; 2] {
        [u.upper(), u.lower()]
    }
}

impl<T: Real> FamilyCdf<T> for UniformFamily {
    fn cdf(&self, z: T, [low, high]: [T; 2]) -> Probability<T> {
        if z <= low {
            Probability::never()
        } else if z >= high {
            Probability::always()
        } else {
            let width = half_width(low, high);
            Probability::from_sides(half_width(low, z) / width, half_width(z, high) / width)
        }
    }
}

impl<T: Real> Density<T> for UniformFamily {
    #[inline]
    fn log_density(&self, z: T, theta: [T; 2]) -> T {
        let [low, high] = theta;
        if z < low || z > high {
            T::neg_infinity()
        } else if z.is_nan() {
            z
        } else {
            -self.entropy(theta)
        }
    }
}

impl<T: Real> DensityGradient<T> for UniformFamily {
    #[inline]
    fn log_density_gradient(&self, _: T, _: [T; 2]) -> T {
        T::zero()
    }

    #[inline]
    fn score(&self, z: T, [low, high]: [T; 2]) -> [T; 2] {
        if z < low || z > high {
            return [T::zero(); 2];
        }
        let density = T::of(0.5) / half_width(low, high);
        [density, -density]
    }
}

impl<T: Real> ClosedEntropy<T> for UniformFamily {
    #[inline]
    fn entropy(&self, [low, high]: [T; 2]) -> T {
        half_width(low, high).ln() + T::LN_2()
    }

    fn entropy_gradient(&self, [low, high]: [T; 2]) -> [T; 2] {
        let density = T::of(0.5) / half_width(low, high);
        [-density, density]
    }
}

impl<T: Real> FamilyMoments<T> for UniformFamily {
    fn mean(&self, [low, high]: [T; 2]) -> T {
        T::of(0.5) * low + T::of(0.5) * high
    }

    fn variance(&self, [low, high]: [T; 2]) -> T {
        let half = half_width(low, high);
        half * half / T::of(3.0)
    }
}

impl<T: Real> FamilyKl<T> for UniformFamily {
    fn covers(&self, p: [T; 2], q: [T; 2]) -> bool {
        q[0] <= p[0] && q[1] >= p[1]
    }

    fn kl(&self, p: [T; 2], q: [T; 2]) -> T {
        if !self.covers(p, q) {
            return T::infinity();
        }
        // The excess of q on both sides: exact where it is small.
        let excess = half_width(q[0], p[0]) + half_width(p[1], q[1]);
        let (inner, outer) = (half_width(p[0], p[1]), half_width(q[0], q[1]));
        if excess < inner { (excess / inner).ln_1p() } else { outer.ln() - inner.ln() }
    }

    fn kl_gradient(&self, p: [T; 2], q: [T; 2]) -> ([T; 2], [T; 2]) {
        let (p, q) = (self.entropy_gradient(p), self.entropy_gradient(q));
        (p.map(|g| -g), q)
    }
}
