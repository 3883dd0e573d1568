//! Five methods for the incomplete beta function and its derivatives with respect to the shapes, and
//! where each is used.
//!
//! - the series `S = ₂F₁(a + b, 1; a + 1; x)`, `I = q S/a`, with its derivatives term by term, up to the
//!   mean;
//! - the same for the complement, where the series on the mean's own side is long and the complement is
//!   not close to 1;
//! - the Taylor series about the mean of the equation that the fields satisfy, for two large shapes;
//! - the series in x of `x^(−a) I`, with its first term separated, for a small a beyond the mean;
//! - Gauss's continued fraction with its derivatives, where the series is too long.

use super::gamma::{STIRLING_FROM, stirling};
use super::gamma_difference::{digamma_difference, ln_1p_minus_x, ln_a_beta};

/// A point of the unit interval, with the numbers that rounding would spoil near the ends. A logarithm
/// that is NaN has not been computed yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) ln_x: f64,
    pub(super) ln_y: f64,
}

impl Point {
    /// From x strictly inside (0, 1).
    #[inline]
    pub(super) fn at(x: f64) -> Self {
        Self::of_both(x, 1.0 - x)
    }

    /// From x and y = 1 − x, each to full precision and above 0.
    #[inline]
    fn of_both(x: f64, y: f64) -> Self {
        Self { x, y, ln_x: f64::NAN, ln_y: f64::NAN }
    }

    #[inline]
    pub(super) fn ln_x(self) -> f64 {
        if self.ln_x.is_nan() { ln_of(self.x, self.y) } else { self.ln_x }
    }

    #[inline]
    pub(super) fn ln_y(self) -> f64 {
        if self.ln_y.is_nan() { ln_of(self.y, self.x) } else { self.ln_y }
    }

    #[inline]
    pub(super) fn at_log_odds(l: f64) -> Self {
        let e = (-l.abs()).exp();
        let (large, small) = (1.0 / (1.0 + e), e / (1.0 + e));
        let ln_large = -e.ln_1p();
        let ln_small = ln_large - l.abs();
        if l >= 0.0 {
            Self { x: large, y: small, ln_x: ln_large, ln_y: ln_small }
        } else {
            Self { x: small, y: large, ln_x: ln_small, ln_y: ln_large }
        }
    }

    #[inline]
    pub(super) fn swapped(self) -> Self {
        Self { x: self.y, y: self.x, ln_x: self.ln_y, ln_y: self.ln_x }
    }
}

/// `ln x` where y = 1 − x.
#[inline]
fn ln_of(x: f64, y: f64) -> f64 {
    if x <= 0.5 { x.ln() } else { (-y).ln_1p() }
}

/// Shapes from which the Taylor series about the mean is used.
pub(super) const LARGE: f64 = 90.0;
/// Up to here, x is small enough for a plain power series.
const NEAR: f64 = 0.6;
/// Below this shape, the probability beyond the mean is a small part of the whole.
pub(super) const SMALL: f64 = 0.3;

/// `ln q`, `q = x^a y^b / B(a, b)`.
pub(super) fn ln_kernel(a: f64, b: f64, at: Point) -> f64 {
    if a.min(b) < STIRLING_FROM {
        // From the smaller shape, so that the larger one enters only through a difference.
        let (small, large) = (a.min(b), a.max(b));
        return a * at.ln_x() + b * at.ln_y() + small.ln() - ln_a_beta(small, large);
    }
    // The distance from the mode in exact products, then Stirling's series: no terms of the size of a or
    // b are subtracted.
    let n = a + b;
    let product = a * at.y;
    let excess = b.mul_add(at.x, -product) - a.mul_add(at.y, -product);
    let part = |shape: f64, u: f64, ln_x: f64| {
        if u > -0.9 { shape * ln_1p_minus_x(u) } else { shape * (ln_x - (shape / n).ln() - u) }
    };
    let deviance = part(a, excess / a, at.ln_x()) + part(b, -excess / b, at.ln_y());
    deviance + 0.5 * (a / n * b / std::f64::consts::TAU).ln() - stirling(a) - stirling(b) + stirling(n)
}

/// A function of the shapes with its two derivatives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dual {
    pub(super) value: f64,
    da: f64,
    db: f64,
}

/// `S = ₂F₁(a + b, 1; a + 1; x) = Σ (a + b)ₖ/(a + 1)ₖ xᵏ`, all terms positive, with its derivatives; the
/// derivative with respect to b only if `BOTH`.
#[inline]
fn series<const BOTH: bool>(a: f64, b: f64, x: f64) -> Dual {
    let (mut p, mut r) = (a + b, a + 1.0);
    let (mut term, mut ha, mut hb) = (1.0, 0.0, 0.0);
    let (mut s, mut sa, mut sb) = (1.0, 0.0, 0.0);
    // Two terms per iteration: one division serves both.
    for _ in 0..50_000 {
        let (p1, r1) = (p + 1.0, r + 1.0);
        let (here, next) = (p * r, p1 * r1);
        let inverse = 1.0 / (here * next);
        let (here, next) = (next * inverse, here * inverse);
        let second_ratio = x * (p1 * (p1 * next));
        let first = term * (x * (p * (p * here)));
        let second = first * second_ratio;
        ha += here;
        sa += first * ha;
        ha += next;
        sa += second * ha;
        s += first + second;
        term = second;
        let settled = if BOTH {
            hb += r * here;
            sb += first * hb;
            hb += r1 * next;
            sb += second * hb;
            second * hb <= 4e-17 * sb * (1.0 - second_ratio)
        } else {
            second <= 4e-17 * s * (1.0 - second_ratio)
        };
        if settled {
            break;
        }
        p = p1 + 1.0;
        r = r1 + 1.0;
    }
    Dual { value: s, da: (1.0 - b) * sa, db: sb }
}

/// The same S by Gauss's continued fraction `1/(1 + d₁/(1 + d₂/(1 + …)))`, evaluated from its end; the
/// end is moved until nothing changes.
fn fraction(a: f64, b: f64, x: f64) -> Dual {
    let mut levels = 16;
    let mut previous = fraction_of(a, b, x, levels);
    loop {
        levels *= 2;
        let s = fraction_of(a, b, x, levels);
        let close = |old: f64, new: f64| (old - new).abs() <= 1e-15 * new.abs();
        let settled = close(previous.value, s.value) && close(previous.da, s.da) && close(previous.db, s.db);
        if settled || levels >= 1 << 16 {
            return s;
        }
        previous = s;
    }
}

fn fraction_of(a: f64, b: f64, x: f64, pairs: usize) -> Dual {
    let n = a + b;
    let mut f = Dual { value: 1.0, da: 0.0, db: 0.0 };
    for m in (0..pairs).rev() {
        let m = m as f64;
        let (c0, c1, c2) = (1.0 / (a + 2.0 * m), 1.0 / (a + 2.0 * m + 1.0), 1.0 / (a + 2.0 * m + 2.0));
        // d₂ₘ₊₂ = (m + 1)(b − m − 1) x / ((a + 2m + 1)(a + 2m + 2))
        let unit = (m + 1.0) * x * c1 * c2;
        let d = unit * (b - m - 1.0);
        f = level(f, d, -d * (c1 + c2), unit);
        // d₂ₘ₊₁ = −(a + m)(a + b + m) x / ((a + 2m)(a + 2m + 1))
        let (am, nm) = (a + m, n + m);
        let d = -(am * c0) * (nm * x * c1);
        // 1/(a + m) − 1/(a + 2m) = m/((a + m)(a + 2m))
        f = level(f, d, d * (m * c0 / am + 1.0 / nm - c1), d / nm);
    }
    let inverse = 1.0 / f.value;
    Dual { value: inverse, da: -f.da * inverse * inverse, db: -f.db * inverse * inverse }
}

/// `1 + d/f`.
#[inline]
fn level(f: Dual, d: f64, da: f64, db: f64) -> Dual {
    let inverse = 1.0 / f.value;
    let quotient = d * inverse;
    Dual { value: 1.0 + quotient, da: (da - quotient * f.da) * inverse, db: (db - quotient * f.db) * inverse }
}

/// `R = Σ_{k≥1} (1 − b)ₖ/k! · a/(a + k) xᵏ⁻¹ / a`, so that `x^(−a) I · a B = 1 + a x R`.
fn remainder(a: f64, b: f64, x: f64) -> Dual {
    // cₖ = (1 − b)ₖ/k! xᵏ⁻¹, and its derivative.
    let (mut c, mut dc) = (1.0 - b, -1.0);
    let (mut s, mut sa, mut sb) = (0.0, 0.0, 0.0);
    for k in 1..10_000 {
        let k = f64::from(k);
        let weight = 1.0 / (a + k);
        s += c * weight;
        sa -= c * weight * weight;
        sb += dc * weight;
        if k > b * x && (c.abs() + dc.abs()) * weight <= 1e-17 * sb.abs() * (1.0 - x) {
            break;
        }
        let step = x / (k + 1.0);
        dc = (dc * (k + 1.0 - b) - c) * step;
        c *= (k + 1.0 - b) * step;
    }
    Dual { value: s, da: sa, db: sb }
}

/// The method by which I or its complement is computed at a point.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    /// S at this point.
    Lower(Dual),
    /// S of the mirror image.
    Upper(Dual),
    /// The remainder of the mirror image.
    UpperSmall(Dual),
}

/// The method for a point at or below the mean.
#[inline]
pub(super) fn route<const BOTH: bool>(a: f64, b: f64, at: Point) -> Route {
    if at.x <= NEAR {
        return Route::Lower(series::<BOTH>(a, b, at.x));
    }
    far_route::<BOTH>(a, b, at)
}

fn far_route<const BOTH: bool>(a: f64, b: f64, at: Point) -> Route {
    let n = a + b;
    if b < SMALL {
        if a <= 1.0 || a * at.y <= 2.0 {
            return Route::UpperSmall(remainder(b, a, at.y));
        }
    } else {
        // I is near e^(−deviance): the complement may be used where I is not small. The deviance is at
        // most χ², which is cheaper.
        let excess = b * at.x - a * at.y;
        let deviance = || a * ((a / n).ln() - at.ln_x()) + b * ((b / n).ln() - at.ln_y());
        if excess * excess < 3.0 * n * at.x * at.y || deviance() < 3.0 {
            return Route::Upper(series::<true>(b, a, at.y));
        }
    }
    if at.y > 0.3 && a < 1e3 {
        Route::Lower(series::<BOTH>(a, b, at.x))
    } else {
        Route::Lower(fraction(a, b, at.x))
    }
}

/// `(dl/da, dl/db)` at fixed probability; the second only if `BOTH`.
#[inline]
pub(super) fn field<const BOTH: bool>(a: f64, b: f64, at: Point) -> (f64, f64) {
    let n = a + b;
    if a.min(b) >= LARGE {
        let excess = (b * at.x - a * at.y) / a.min(b);
        if excess.abs() <= 0.4 {
            return if a <= b {
                taylor::<BOTH>(a, b, excess)
            } else {
                let (v, w) = taylor::<true>(b, a, -excess);
                (-w, -v)
            };
        }
    }
    if b * at.x <= a * at.y {
        near_field::<BOTH>(a, b, n, at)
    } else {
        // The mirror image; this needs its second derivative.
        let (v, w) = near_field::<true>(b, a, n, at.swapped());
        (-w, -v)
    }
}

/// `dl/da` of the log-odds at fixed probability and fixed b, from x and y = 1 − x; finite where either has
/// underflowed to 0.
#[inline]
pub(crate) fn beta_implicit_log_odds_slope(x: f64, y: f64, a: f64, b: f64) -> f64 {
    let (x, y) = (x.max(f64::MIN_POSITIVE), y.max(f64::MIN_POSITIVE));
    field::<false>(a, b, Point::of_both(x, y)).0
}

/// The field at or below the mean.
#[inline]
fn near_field<const BOTH: bool>(a: f64, b: f64, n: f64, at: Point) -> (f64, f64) {
    match route::<BOTH>(a, b, at) {
        Route::Lower(s) => lower_field::<BOTH>(a, b, n, at, s),
        Route::Upper(s) => {
            let (v, w) = lower_field::<true>(b, a, n, at.swapped(), s);
            (-w, -v)
        }
        Route::UpperSmall(r) => {
            let (v, w) = small_field(b, a, n, at.swapped(), r);
            (-w, -v)
        }
    }
}

/// From `ln I = a ln x + b ln y − ln a B + ln S` and `I/q = S/a`.
#[inline]
fn lower_field<const BOTH: bool>(a: f64, b: f64, n: f64, at: Point, s: Dual) -> (f64, f64) {
    let to_a = -at.ln_x() - digamma_difference(a + 1.0, n, b - 1.0);
    let to_b = if BOTH { -at.ln_y() - digamma_difference(b, n, a) } else { 0.0 };
    ((s.value * to_a - s.da) / a, (s.value * to_b - s.db) / a)
}

/// dl/da by the series in x, for any x.
#[inline]
pub(super) fn series_slope(a: f64, b: f64, at: Point) -> f64 {
    lower_field::<false>(a, b, a + b, at, series::<false>(a, b, at.x)).0
}

/// From `ln I = a ln x − ln a B + ln(1 + a x R)`.
fn small_field(a: f64, b: f64, n: f64, at: Point, r: Dual) -> (f64, f64) {
    let whole = 1.0 + a * at.x * r.value;
    let to_a = whole * (at.ln_x() + digamma_difference(1.0 + a, n, b - 1.0)) + at.x * (r.value + a * r.da);
    let to_b = whole * digamma_difference(b, n, a) + a * at.x * r.db;
    let scale = -(-b * at.ln_y()).exp() / a;
    (scale * to_a, scale * to_b)
}

/// The fields are regular solutions of `dv/dl + v (a − n x) = ψ(a) − ψ(n) − ln x` and of
/// `dw/dl + w (a − n x) = ψ(b) − ψ(n) − ln y` (continuity of the density of l). With `x = x₀ (1 + τ)` and
/// the mean x₀ = a/n ≤ ½, their Taylor coefficients satisfy three-term recurrences. These are run
/// downwards, because every other solution grows upwards.
#[inline]
fn taylor<const BOTH: bool>(a: f64, b: f64, tau: f64) -> (f64, f64) {
    // Enough terms for |τ|ᴷ < 1e-16, and for the recurrence to have forgotten its start, whose error
    // grows as e^(aτ²/2) away from the mean.
    let by_distance = -37.0 / tau.abs().max(1e-9).ln();
    let by_memory = 15.0 + 1900.0 / a + (a * tau * tau).min(16.0);
    let last = by_distance.max(by_memory) as usize + 1;
    let (mut v, mut w) = (0.0, 0.0);
    visit_taylor::<BOTH>(a, b, last, |c, d| {
        v = v * tau + c;
        w = w * tau + d;
    });
    (v, w)
}

/// Calls `visit` with the Taylor coefficients of both fields in τ, from the last, `last − 1`, to that of
/// order 0.
#[inline]
pub(super) fn visit_taylor<const BOTH: bool>(a: f64, b: f64, last: usize, mut visit: impl FnMut(f64, f64)) {
    let n = a + b;
    let (x0, y0) = (a / n, b / n);
    let odds = a / b;
    let tilt = (b - a) / n;
    let mut power = odds.powi(last as i32);
    let back = 1.0 / odds;
    let mut sign = if last.is_multiple_of(2) { 1.0 } else { -1.0 };
    let mut k = last as f64;
    // A start value with an error of O(1/k): the solution of the recurrence at constant ratios −1 and
    // x₀/y₀.
    let (mut c1, mut d1) = (sign / ((k + 1.0) * (a - 1.0)), -power * odds / ((k + 1.0) * (a - odds)));
    let (mut c2, mut d2) = (-sign / ((k + 2.0) * (a - 1.0)), -power * odds * odds / ((k + 2.0) * (a - odds)));
    for _ in 0..last {
        let inverse = 1.0 / ((a + x0 * (k - 1.0)) * k);
        let (up, here) = (y0 * (k + 1.0) * k, tilt * k * k);
        let c = (up * c2 + here * c1 - sign) * inverse;
        let mut d = 0.0;
        (c2, c1) = (c1, c);
        if BOTH {
            d = (up * d2 + here * d1 - power) * inverse;
            (d2, d1) = (d1, d);
            power *= back;
        }
        visit(c, d);
        sign = -sign;
        k -= 1.0;
    }
}
