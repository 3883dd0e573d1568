//! The triangular distribution.

use crate::distributions::scalar::prelude::*;
use crate::numerics::quadrature::piece;

own_family! {
    /// The triangular on an interval, with D independent coordinates: an estimate given by its lowest,
    /// most likely and highest value.
    ///
    /// | | |
    /// | --- | --- |
    /// | θ | `low` l (D finite numbers), `mode` m (D numbers above `low`), `high` h (D numbers above `mode`), in the units of z |
    /// | density | `p(z) = 2 (z − l)/(w c)` up to m, `2 (h − z)/(w d)` from m, with `w = h − l`, `c = m − l`, `d = h − m` |
    /// | transform | `z = l + √(u w c)` for `u ≤ c/w`, else `h − √((1 − u) w d)` |
    /// | pullback | up to m, `s = z − l`: `dl = ½ ((c − s)/c + (w − s)/w) dz`, `dm = s/(2c) dz`, `dh = s/(2w) dz`; from m on, mirrored |
    /// | score | `∂m = −1/c` up to m, `1/d` from m; `∂l`, `∂h` (**not usable**, see below) |
    /// | ∇_z log p | `1/(z − l)` up to m, `−1/(h − z)` from m |
    /// | entropy | `½ + ln(w/2)`, gradient `(−1/w, 0, 1/w)` |
    /// | KL(p ‖ q) | `E_p[ln p − ln q]` by quadrature, ∞ where q's interval does not cover p's; at a common bound the gradient is one-sided, for a p that stays covered |
    /// | mean, variance | `(l + m + h)/3`, `(c² + cd + d²)/18` |
    ///
    /// The density is continuous in m, so the score of the mode is valid, with variance `1/(cd)`; at z =
    /// m, which has probability 0, it is the middle of its two values. The bounds move the support. The
    /// density is 0 there, so even their scores have mean 0, but an infinite variance: the score function
    /// refuses this distribution and names `low`. Pathwise gradients are valid for all three.
    ///
    /// The mode is *strictly* inside: at an end of the interval the density jumps with the mode, and a
    /// derivative with respect to it does not exist. A right triangle is the limit; a mode that differs
    /// from an end in the last digits only is accepted.
    ///
    /// ```
    /// use reparam::prelude::*;
    ///
    /// let triangular = Triangular::new(&[0.0], &[1.0], &[4.0])?;
    /// let mut z = [0.0];
    /// triangular.transform(&[-0.1875], &mut z); // h − √(3/16 · 4 · 3)
    /// assert!((z[0] - 2.5f64).abs() < 1e-15);
    /// # Ok::<(), reparam::Error>(())
    /// ```
    ///
    /// # References
    /// Kotz & van Dorp 2004, Beyond Beta, chapter 1, doi:10.1142/5720.
    pub Triangular, TriangularFamily by quantile;
    pub fn new(
        low: Real "The lower ends.",
        mode: AbovePrevious "The modes, the most likely values.",
        high: AbovePrevious "The upper ends.",
    );
    moving support: low, high;
}

/// The triangle from its lower end: the widths of the whole and of both sides.
#[derive(Debug, Clone, Copy)]
struct Sides {
    whole: f64,
    left: f64,
    right: f64,
}

impl Sides {
    fn of<T: Real>([low, mode, high]: [T; 3]) -> Self {
        let (low, mode, high) = (low.f64(), mode.f64(), high.f64());
        // Widths are clamped where they overflow: bounds of half of the largest number are wide enough.
        Self {
            whole: (high - low).min(f64::MAX),
            left: (mode - low).min(f64::MAX),
            right: (high - mode).min(f64::MAX),
        }
    }

    fn mirrored(self) -> Self {
        Self { left: self.right, right: self.left, ..self }
    }

    /// The distance from an end, and whether this is the lower end.
    fn quantile<T: Real>(self, u: Probability<T>) -> (bool, f64) {
        let u = u.to_f64();
        // The roots are taken separately: the product would overflow.
        if u.lower() * self.whole <= self.left {
            (true, u.lower().sqrt() * self.whole.sqrt() * self.left.sqrt())
        } else {
            (false, u.upper().sqrt() * self.whole.sqrt() * self.right.sqrt())
        }
    }

    /// `∂z/∂(near end, mode, far end)` on the side of the near end, at the distance s from it.
    fn gradient(self, s: f64) -> [f64; 3] {
        let (c, w) = (self.left, self.whole);
        [0.5 * ((c - s) / c + (w - s) / w), 0.5 * s / c, 0.5 * s / w]
    }

    /// `ln p` at the distance s from the near end.
    fn log_density(self, s: f64) -> f64 {
        (2.0 * (s / self.left)).ln() - self.whole.ln()
    }

    /// `∂ ln p/∂(near end, mode, far end)` there, each in the direction away from the near end.
    fn score(self, s: f64) -> [f64; 3] {
        let (c, w) = (self.left, self.whole);
        [1.0 / w + (s - c) / c / s, -1.0 / c, -1.0 / w]
    }
}

impl<T: Real> Quantile<T> for TriangularFamily {
    #[inline]
    fn quantile(&self, u: Probability<T>, theta: [T; 3]) -> T {
        let [low, _, high] = theta;
        let z = match Sides::of(theta).quantile(u) {
            (true, s) => low.f64() + s,
            (false, r) => high.f64() - r,
        };
        T::of(z).max(low).min(high)
    }

    /// Computed from u: the distance from an end may have no digits in z.
    #[inline]
    fn quantile_gradient(&self, u: Probability<T>, _: T, theta: [T; 3]) -> [T; 3] {
        let sides = Sides::of(theta);
        match sides.quantile(u) {
            (true, s) => sides.gradient(s).map(T::of),
            (false, r) => {
                let [high, mode, low] = sides.mirrored().gradient(r);
                [low, mode, high].map(T::of)
            }
        }
    }
}

impl<T: Real> FamilyCdf<T> for TriangularFamily {
    fn cdf(&self, z: T, theta: [T; 3]) -> Probability<T> {
        let [low, mode, high] = theta;
        if z <= low {
            return Probability::never();
        } else if z >= high {
            return Probability::always();
        }
        let sides = Sides::of(theta);
        let share = |s: f64, side: f64| (s / side) * (s / sides.whole);
        let (s, r) = (z.f64() - low.f64(), high.f64() - z.f64());
        let p = if z <= mode { share(s, sides.left) } else { share(r, sides.right) };
        let p = if z <= mode { Probability::from_lower(p) } else { Probability::from_upper(p) };
        Probability::from_tail(T::of(p.tail()))
    }
}

impl<T: Real> Density<T> for TriangularFamily {
    #[inline]
    fn log_density(&self, z: T, theta: [T; 3]) -> T {
        let [low, mode, high] = theta;
        if z < low || z > high {
            return T::neg_infinity();
        }
        let sides = Sides::of(theta);
        T::of(if z <= mode {
            sides.log_density(z.f64() - low.f64())
        } else {
            sides.mirrored().log_density(high.f64() - z.f64())
        })
    }
}

impl<T: Real> DensityGradient<T> for TriangularFamily {
    #[inline]
    fn log_density_gradient(&self, z: T, [low, mode, high]: [T; 3]) -> T {
        if z < low || z > high {
            T::zero()
        } else if z == mode {
            T::of(0.5) * ((mode - low).recip() - (high - mode).recip())
        } else if z < mode {
            (z - low).recip()
        } else {
            -(high - z).recip()
        }
    }

    #[inline]
    fn score(&self, z: T, theta: [T; 3]) -> [T; 3] {
        let [low, mode, high] = theta;
        if z < low || z > high {
            return [T::zero(); 3];
        }
        let sides = Sides::of(theta);
        let lower = sides.score(z.f64() - low.f64());
        let upper = sides.mirrored().score(high.f64() - z.f64()).map(|s| -s);
        let upper = [upper[2], upper[1], upper[0]];
        let row = if z == mode {
            std::array::from_fn(|i| 0.5 * (lower[i] + upper[i]))
        } else if z < mode {
            lower
        } else {
            upper
        };
        row.map(T::of)
    }
}

impl<T: Real> ClosedEntropy<T> for TriangularFamily {
    fn entropy(&self, theta: [T; 3]) -> T {
        T::of(0.5 + Sides::of(theta).whole.ln() - std::f64::consts::LN_2)
    }

    fn entropy_gradient(&self, theta: [T; 3]) -> [T; 3] {
        let slope = T::of(1.0 / Sides::of(theta).whole);
        [-slope, T::zero(), slope]
    }
}

impl<T: Real> FamilyMoments<T> for TriangularFamily {
    fn mean(&self, [low, mode, high]: [T; 3]) -> T {
        let third = |x: T| x / T::of(3.0);
        third(low) + third(mode) + third(high)
    }

    fn variance(&self, theta: [T; 3]) -> T {
        let Sides { left, right, .. } = Sides::of(theta);
        T::of((left * left + left * right + right * right) / 18.0)
    }
}

/// `E_p f` over both sides of p and of q, for f of the distances of z from p's ends. Each smooth stretch
/// is integrated separately, as q has a kink too.
fn expectation<const N: usize>(
    [low, mode, high]: [f64; 3],
    kink: f64,
    f: impl Fn(f64, f64) -> [f64; N],
) -> [f64; N] {
    let mut cuts = [low, mode, high, high];
    if kink > low && kink < high {
        cuts = if kink < mode { [low, kink, mode, high] } else { [low, mode, kink, high] };
    }
    let mut sums = [0.0; N];
    for pair in cuts.windows(2).filter(|pair| pair[1] > pair[0]) {
        let (before, after) = (pair[0] - low, high - pair[1]);
        let found = piece(pair[1] - pair[0], |left, right| {
            let (s, r) = (before + left, after + right);
            let side = if pair[1] <= mode { s / (mode - low) } else { r / (high - mode) };
            f(s, r).map(|value| value * 2.0 * side / (high - low))
        });
        for (sum, value) in sums.iter_mut().zip(found) {
            *sum += value;
        }
    }
    sums
}

impl<T: Real> FamilyKl<T> for TriangularFamily {
    fn covers(&self, p: [T; 3], q: [T; 3]) -> bool {
        q[0] <= p[0] && q[2] >= p[2]
    }

    fn kl(&self, p: [T; 3], q: [T; 3]) -> T {
        if !self.covers(p, q) {
            return T::infinity();
        }
        let (p, q) = (p.map(T::f64), q.map(T::f64));
        let [ln_q] = expectation(p, q[1], |s, r| [at_distances(p, q, s, r).0]);
        T::of((-ClosedEntropy::<f64>::entropy(self, p) - ln_q).max(0.0))
    }

    fn kl_gradient(&self, p: [T; 3], q: [T; 3]) -> ([T; 3], [T; 3]) {
        let (p, q) = (p.map(T::f64), q.map(T::f64));
        // The scores of p at the bounds behave as 1/s there, which cancels against the density.
        let own = Sides::of(p);
        let [kl, a, b, c, d, e, f] = expectation(p, q[1], |s, r| {
            let (ln_q, [d, e, f]) = at_distances(p, q, s, r);
            let (ln_p, [a, b, c]) = if s <= own.left {
                (own.log_density(s), own.score(s))
            } else {
                let [c, b, a] = own.mirrored().score(r).map(|s| -s);
                (own.mirrored().log_density(r), [a, b, c])
            };
            let ratio = ln_p - ln_q;
            [ratio, ratio * a, ratio * b, ratio * c, -d, -e, -f]
        });
        let _ = kl;
        ([a, b, c].map(T::of), [d, e, f].map(T::of))
    }
}

/// `ln q` and its score at the distances s and r from p's ends.
fn at_distances(p: [f64; 3], q: [f64; 3], s: f64, r: f64) -> (f64, [f64; 3]) {
    let sides = Sides::of(q);
    let (from_low, from_high) = ((p[0] - q[0]) + s, (q[2] - p[2]) + r);
    if from_low <= sides.left {
        (sides.log_density(from_low), sides.score(from_low))
    } else {
        let [high, mode, low] = sides.mirrored().score(from_high).map(|s| -s);
        (sides.mirrored().log_density(from_high), [low, mode, high])
    }
}
