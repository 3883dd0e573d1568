//! The regularised incomplete beta function with both tails, its inverse, and its derivatives in the shapes.
//!
//! Everything is written for the log-odds `l = ln(x/(1 − x))`: with `q = x^a (1 − x)^b / B(a, b)`, the density of l, the implicit
//! derivatives are `v = dl/da = −(∂I/∂a)/q > 0` and `w = dl/db = −(∂I/∂b)/q < 0`, and `dx/da = x (1 − x) v`. They need neither q nor B
//! and neither underflow nor cancel; one of five methods gives both at once:
//!
//! - the series `S = ₂F₁(a + b, 1; a + 1; x)`, `I = q S/a`, with its derivatives term by term, up to the mean;
//! - the same for the complement, where the series at the mean's own side is long and the complement is not near 1;
//! - the Taylor series about the mean of the equation that the fields obey, for two large shapes;
//! - the series in x of `x^(−a) I`, whose first term is taken out, for a small a beyond the mean;
//! - Gauss's continued fraction with its derivatives, where the series is too long.

use crate::probability::Probability;
use crate::real::Real;

/// A point of the unit interval with everything that rounding would take from it near the ends. A logarithm that is NaN has not been
/// asked for yet.
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
    fn at(x: f64) -> Self {
        Self::of_both(x, 1.0 - x)
    }

    /// From x and y = 1 − x, each to full precision and above 0.
    #[inline]
    fn of_both(x: f64, y: f64) -> Self {
        Self { x, y, ln_x: f64::NAN, ln_y: f64::NAN }
    }

    #[inline]
    fn ln_x(self) -> f64 {
        if self.ln_x.is_nan() { ln_of(self.x, self.y) } else { self.ln_x }
    }

    #[inline]
    fn ln_y(self) -> f64 {
        if self.ln_y.is_nan() { ln_of(self.y, self.x) } else { self.ln_y }
    }

    #[inline]
    fn at_log_odds(l: f64) -> Self {
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
    fn swapped(self) -> Self {
        Self { x: self.y, y: self.x, ln_x: self.ln_y, ln_y: self.ln_x }
    }
}

/// `ln x` where y = 1 − x.
#[inline]
fn ln_of(x: f64, y: f64) -> f64 {
    if x <= 0.5 { x.ln() } else { (-y).ln_1p() }
}

/// Shapes beyond these count as these: the formulas need the square of their inverse and their fourth power.
const SMALLEST: f64 = 1e-150;
const LARGEST: f64 = 1e70;

/// Shapes from which the Taylor series about the mean is used.
pub(super) const LARGE: f64 = 90.0;
/// Up to here a side of the interval is near enough for a plain power series.
const NEAR: f64 = 0.6;
/// Below this shape, what is beyond the mean is a small part of the whole.
const SMALL: f64 = 0.3;

#[inline]
fn admissible(a: f64, b: f64) -> Option<(f64, f64)> {
    (a > 0.0 && b > 0.0).then(|| (a.clamp(SMALLEST, LARGEST), b.clamp(SMALLEST, LARGEST)))
}

/// `ψ(q) − ψ(p)` with `h = q − p` given to full precision: recurrence to 10 and the asymptotic series, both in differences, so that a
/// small h loses nothing.
#[inline]
pub(crate) fn digamma_rise(p: f64, q: f64, h: f64) -> f64 {
    let (logarithm, rest) = digamma_rise_parts(p, q, h);
    logarithm + rest
}

/// `ψ(q) − ψ(p) − ln(q/p)`, without the large terms where the arguments are large.
pub(super) fn digamma_rise_beyond_logarithm(p: f64, q: f64, h: f64) -> f64 {
    let (logarithm, rest) = digamma_rise_parts(p, q, h);
    if p.min(q) >= 10.0 { rest } else { logarithm - (h / p).ln_1p() + rest }
}

#[inline]
fn digamma_rise_parts(p: f64, q: f64, h: f64) -> (f64, f64) {
    let (mut p, mut q, mut shift) = (p, q, 0.0);
    while p.min(q) < 10.0 {
        shift += 1.0 / (p * q);
        p += 1.0;
        q += 1.0;
    }
    // B₂ₖ / 2k, highest first, in y = 1/x²: the value at 1/p² and the divided difference to 1/q².
    const TERMS: [f64; 7] =
        [1.0 / 12.0, -691.0 / 32760.0, 1.0 / 132.0, -1.0 / 240.0, 1.0 / 252.0, -1.0 / 120.0, 1.0 / 12.0];
    let (u, v) = (1.0 / p, 1.0 / q);
    let uv = u * v;
    let (at_p, at_q) = (u * u, v * v);
    let (mut value, mut slope) = (0.0, 0.0);
    for c in TERMS {
        slope = slope * at_q + value;
        value = value * at_p + c;
    }
    // The series has one more factor y: its divided difference is value(p) + y_q · slope.
    let slope = slope * at_q + value;
    ((h * u).ln_1p(), h * (uv * (0.5 + (u + v) * slope) + shift))
}

/// `ln Γ(p + h) − ln Γ(p)` in the same way.
pub(crate) fn ln_gamma_rise(p: f64, h: f64) -> f64 {
    let (mut p, mut shift) = (p, 0.0);
    while p < 10.0 || p + h < 10.0 {
        shift += (h / p).ln_1p();
        p += 1.0;
    }
    // B₂ₖ / (2k (2k − 1)), highest first, in y = 1/x², with a factor 1/x.
    const TERMS: [f64; 7] = [
        1.0 / 156.0,
        -691.0 / 360_360.0,
        1.0 / 1188.0,
        -1.0 / 1680.0,
        1.0 / 1260.0,
        -1.0 / 360.0,
        1.0 / 12.0,
    ];
    let q = p + h;
    let (u, v) = (1.0 / p, 1.0 / q);
    let (at_p, at_q) = (u * u, v * v);
    let (mut value, mut slope) = (0.0, 0.0);
    for c in TERMS {
        slope = slope * at_q + value;
        value = value * at_p + c;
    }
    // u s(u²) − v s(v²) = (u − v) (s(u²) + v (u + v) s[u², v²]), u − v = h u v.
    let correction = h * u * v * (value + v * (u + v) * slope);
    (p - 0.5) * ((h * u).ln_1p() - h * u) + h * q.ln() - 0.5 * h * u - correction - shift
}

/// `ln (a B(a, b))`, small where a is.
fn ln_a_beta(a: f64, b: f64) -> f64 {
    ln_gamma_rise(1.0, a) - ln_gamma_rise(b, a)
}

/// `ln(1 + u) − u`.
pub(crate) fn log1p_minus(u: f64) -> f64 {
    if u.abs() > 0.4 {
        return u.ln_1p() - u;
    }
    // ln(1 + u) = 2 artanh r, u − 2r = u r.
    let r = u / (2.0 + u);
    let r2 = r * r;
    let (mut power, mut sum, mut k) = (r2, 0.0, 3.0);
    while power > 1e-17 * (sum + 1e-300) && k < 60.0 {
        sum += power / k;
        power *= r2;
        k += 2.0;
    }
    2.0 * r * sum - u * r
}

/// `ln q`, `q = x^a y^b / B(a, b)`.
pub(super) fn ln_kernel(a: f64, b: f64, at: Point) -> f64 {
    if a.min(b) < 10.0 {
        // From the smaller shape, so that the larger one enters by a difference.
        let (small, large) = (a.min(b), a.max(b));
        return a * at.ln_x() + b * at.ln_y() + small.ln() - ln_a_beta(small, large);
    }
    // The distance from the mode in exact products, then Stirling's series: nothing of the size of a or b is subtracted.
    let n = a + b;
    let product = a * at.y;
    let excess = b.mul_add(at.x, -product) - a.mul_add(at.y, -product);
    let part = |shape: f64, u: f64, ln_x: f64| {
        if u > -0.9 { shape * log1p_minus(u) } else { shape * (ln_x - (shape / n).ln() - u) }
    };
    let deviance = part(a, excess / a, at.ln_x()) + part(b, -excess / b, at.ln_y());
    deviance + 0.5 * (a / n * b / std::f64::consts::TAU).ln() - stirling(a) - stirling(b) + stirling(n)
}

/// `ln p(x)` of a Beta on the closed unit interval, limits at its ends included.
pub(crate) fn ln_beta_density(x: f64, a: f64, b: f64) -> f64 {
    let power = |shape: f64, ln: f64| if shape == 1.0 { 0.0 } else { (shape - 1.0) * ln };
    if x <= 0.0 || x >= 1.0 {
        // (−∞) · shape of one end; the other end's factor is 1.
        let end = power(if x <= 0.0 { a } else { b }, f64::NEG_INFINITY);
        return if end == 0.0 { -ln_a_beta(a.min(b), a.max(b)) + a.min(b).ln() } else { end };
    }
    let at = Point::at(x);
    ln_kernel(a, b, at) - at.ln_x() - at.ln_y()
}

/// `ln p(l)` of the log-odds of a Beta.
pub(crate) fn ln_beta_log_odds_density(l: f64, a: f64, b: f64) -> f64 {
    ln_kernel(a, b, Point::at_log_odds(l))
}

/// `ln Γ(x) − ((x − ½) ln x − x + ½ ln 2π)` for x ≥ 10.
fn stirling(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    (1.0 / 12.0
        - y * (1.0 / 360.0
            - y * (1.0 / 1260.0
                - y * (1.0 / 1680.0 - y * (1.0 / 1188.0 - y * (691.0 / 360_360.0 - y / 156.0))))))
        / x
}

/// A function of the shapes with its two derivatives.
#[derive(Debug, Clone, Copy)]
struct Dual {
    value: f64,
    da: f64,
    db: f64,
}

/// `S = ₂F₁(a + b, 1; a + 1; x) = Σ (a + b)ₖ/(a + 1)ₖ xᵏ`, all terms positive, with its derivatives; that in b only if `BOTH`.
#[inline]
fn series<const BOTH: bool>(a: f64, b: f64, x: f64) -> Dual {
    let (mut p, mut r) = (a + b, a + 1.0);
    let (mut term, mut ha, mut hb) = (1.0, 0.0, 0.0);
    let (mut s, mut sa, mut sb) = (1.0, 0.0, 0.0);
    // Two terms a turn: one division serves both.
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

/// The same S by Gauss's continued fraction `1/(1 + d₁/(1 + d₂/(1 + …)))`, evaluated from its end, which is moved until nothing changes.
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

/// How I or its complement is reached at a point.
#[derive(Debug, Clone, Copy)]
enum Route {
    /// S at this point.
    Lower(Dual),
    /// S of the mirror image.
    Upper(Dual),
    /// The remainder, of the mirror image.
    UpperSmall(Dual),
}

/// The route to a point at or below the mean.
#[inline]
fn route<const BOTH: bool>(a: f64, b: f64, at: Point) -> Route {
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
        // I is near e^(−deviance): its complement may stand for it where that is not small. The deviance is at most χ², which is cheaper.
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
fn field<const BOTH: bool>(a: f64, b: f64, at: Point) -> (f64, f64) {
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
        // The mirror image: its second derivative is wanted.
        let (v, w) = near_field::<true>(b, a, n, at.swapped());
        (-w, -v)
    }
}

/// `dl/da` of the log-odds at fixed probability and fixed b, from x and y = 1 − x; finite where either has underflowed to 0.
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
    let to_a = -at.ln_x() - digamma_rise(a + 1.0, n, b - 1.0);
    let to_b = if BOTH { -at.ln_y() - digamma_rise(b, n, a) } else { 0.0 };
    ((s.value * to_a - s.da) / a, (s.value * to_b - s.db) / a)
}

/// dl/da by the series in x, wherever x is.
#[inline]
pub(super) fn series_slope(a: f64, b: f64, at: Point) -> f64 {
    lower_field::<false>(a, b, a + b, at, series::<false>(a, b, at.x)).0
}

/// From `ln I = a ln x − ln a B + ln(1 + a x R)`.
fn small_field(a: f64, b: f64, n: f64, at: Point, r: Dual) -> (f64, f64) {
    let whole = 1.0 + a * at.x * r.value;
    let to_a = whole * (at.ln_x() + digamma_rise(1.0 + a, n, b - 1.0)) + at.x * (r.value + a * r.da);
    let to_b = whole * digamma_rise(b, n, a) + a * at.x * r.db;
    let scale = -(-b * at.ln_y()).exp() / a;
    (scale * to_a, scale * to_b)
}

/// The fields are regular solutions of `dv/dl + v (a − n x) = ψ(a) − ψ(n) − ln x` and of `dw/dl + w (a − n x) = ψ(b) − ψ(n) − ln y`
/// (continuity of the density of l). With `x = x₀ (1 + τ)`, x₀ = a/n ≤ ½ the mean, their Taylor coefficients obey three-term recurrences, which
/// run downwards: every other solution grows upwards.
#[inline]
fn taylor<const BOTH: bool>(a: f64, b: f64, tau: f64) -> (f64, f64) {
    // Terms for |τ|ᴷ < 1e-16, and for the recurrence to have forgotten its start, whose error grows as e^(aτ²/2) away from the mean.
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

/// Calls `visit` with the Taylor coefficients of both fields in τ, from the last, `last − 1`, to that of order 0.
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
    // A start to O(1/k): the solution of the recurrence at constant ratios −1 and x₀/y₀.
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

/// `(ln I, ln(1 − I))`.
pub(super) fn ln_tails(a: f64, b: f64, at: Point) -> (f64, f64) {
    if b * at.x <= a * at.y {
        near_ln_tails(a, b, at)
    } else {
        let (lower, upper) = near_ln_tails(b, a, at.swapped());
        (upper, lower)
    }
}

fn near_ln_tails(a: f64, b: f64, at: Point) -> (f64, f64) {
    let complement = |ln: f64| ln_1m_exp(ln.min(0.0));
    match route::<false>(a, b, at) {
        Route::Lower(s) => {
            // For a small a all but a small part may be below the mean: its logarithm is then a sum of small terms.
            let ln = if a < SMALL {
                a * at.ln_x() + b * at.ln_y() - ln_a_beta(a, b) + s.value.ln()
            } else {
                ln_kernel(a, b, at) + (s.value / a).ln()
            };
            (ln, complement(ln))
        }
        Route::Upper(s) => {
            let ln = ln_kernel(a, b, at) + (s.value / b).ln();
            (complement(ln), ln)
        }
        Route::UpperSmall(r) => {
            let ln = b * at.ln_y() - ln_a_beta(b, a) + (b * at.y * r.value).ln_1p();
            (complement(ln), ln)
        }
    }
}

/// `ln(1 − eˣ)` for x ≤ 0.
fn ln_1m_exp(x: f64) -> f64 {
    if x > -std::f64::consts::LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}

/// The log-odds at which the tail named by `u` is reached: Newton's method on the logarithm of the smaller of u and 1 − u. That is a concave
/// function of the log-odds (seen from its own end), so every step but the first comes from the same side.
fn log_odds_at(u: Probability<f64>, a: f64, b: f64) -> f64 {
    if u.in_lower_half() { lower_log_odds(u.ln_lower(), a, b) } else { -lower_log_odds(u.ln_upper(), b, a) }
}

pub(super) fn lower_log_odds(ln_u: f64, a: f64, b: f64) -> f64 {
    if ln_u == f64::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    // I ≈ x^a/(a B) in the tail; a normal law of the log-odds in the middle.
    let (small, large) = (a.min(b), a.max(b));
    let ln_beta = ln_a_beta(small, large) - small.ln();
    let mut l = (ln_u + a.ln() + ln_beta) / a;
    if small > 1.0 {
        let spread = (1.0 / a + 1.0 / b).sqrt();
        let normal = (a / b).ln() + super::normal_quantile(ln_u.exp().max(1e-300)) * spread;
        if normal > l || ln_u > -8.0 {
            l = normal;
        }
    }
    let mut best = f64::INFINITY;
    for _ in 0..200 {
        let at = Point::at_log_odds(l);
        let (ln_lower, _) = ln_tails(a, b, at);
        let residual = ln_lower - ln_u;
        let slope = (ln_kernel(a, b, at) - ln_lower).exp();
        let step = residual / slope;
        if !step.is_finite() {
            // Far beyond the other end, where the slope has underflowed: back to the middle.
            l = if l > 0.0 { 0.5 * l } else { 2.0 * l };
            continue;
        }
        let next = l - step;
        // Rounding is reached when the residual stops shrinking.
        if residual.abs() <= 1e-13 && residual.abs() >= 0.5 * best || next == l {
            return l;
        }
        best = residual.abs();
        l = next;
    }
    l
}

/// `(I, 1 − I)` at valid shapes.
fn tails_at(x: f64, a: f64, b: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x >= 1.0 {
        return (1.0, 0.0);
    }
    let (lower, upper) = ln_tails(a, b, Point::at(x));
    (lower.exp().min(1.0), upper.exp().min(1.0))
}

/// `I_x(a, b)`, the probability that a Beta(a, b) is at most x.
///
/// 0 below the unit interval and 1 above it; NaN if a or b is not above 0 or anything is NaN. Shapes beyond 1e-150 … 1e70 count as these.
///
/// Error: see the table in `tests/incomplete_beta.rs`, at most 1e-12 relative against mpmath for shapes in 1e-8 … 1e4 and values above 1e-300. The
/// f32 function is the f64 one, rounded.
///
/// ```
/// use reparam::special::{incomplete_beta, incomplete_beta_upper};
/// // Two of three coins show heads: P(B(3, p) ≥ 2) = I_p(2, 2) = 3p² − 2p³.
/// assert!((incomplete_beta(0.5f64, 2.0, 2.0) - 0.5).abs() < 1e-15);
/// assert!((incomplete_beta_upper(0.9f64, 2.0, 2.0) - 0.028).abs() < 1e-15);
/// ```
#[must_use]
pub fn incomplete_beta<T: Real>(x: T, a: T, b: T) -> T {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !x.is_nan() => T::of(tails_at(x.f64(), a, b).0),
        _ => T::nan(),
    }
}

/// `1 − I_x(a, b)`, with the relative precision of [`incomplete_beta`].
#[must_use]
pub fn incomplete_beta_upper<T: Real>(x: T, a: T, b: T) -> T {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !x.is_nan() => T::of(tails_at(x.f64(), a, b).1),
        _ => T::nan(),
    }
}

/// `I` and `1 − I` at the log-odds `l = ln(x/(1 − x))`: for shapes so small that x rounds to 0 or 1.
///
/// ```
/// use reparam::special::incomplete_beta_log_odds;
/// let (lower, upper) = incomplete_beta_log_odds(-1e6f64, 1e-6, 1e-6); // x = e^(−10⁶)
/// assert!((lower - 0.5 * (-1f64).exp()).abs() < 1e-6 && (lower + upper - 1.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn incomplete_beta_log_odds<T: Real>(l: T, a: T, b: T) -> (T, T) {
    match admissible(a.f64(), b.f64()) {
        Some(_) if l.is_infinite() => {
            if l > T::zero() {
                (T::one(), T::zero())
            } else {
                (T::zero(), T::one())
            }
        }
        Some((a, b)) if !l.is_nan() => {
            let (lower, upper) = ln_tails(a, b, Point::at_log_odds(l.f64()));
            (T::of(lower.exp().min(1.0)), T::of(upper.exp().min(1.0)))
        }
        _ => (T::nan(), T::nan()),
    }
}

/// `∂I_x/∂a` and `∂I_x/∂b`; 0 outside the open unit interval. Precision and domain as [`incomplete_beta`].
///
/// ```
/// use reparam::special::incomplete_beta_gradient;
/// let [da, db] = incomplete_beta_gradient(0.25f64, 1.0, 1.0); // I = x^a at b = 1, 1 − (1 − x)^b at a = 1
/// assert!((da - 0.25 * 0.25f64.ln()).abs() < 1e-15 && (db + 0.75 * 0.75f64.ln()).abs() < 1e-15);
/// ```
#[must_use]
pub fn incomplete_beta_gradient<T: Real>(x: T, a: T, b: T) -> [T; 2] {
    match admissible(a.f64(), b.f64()) {
        Some(_) if x <= T::zero() || x >= T::one() => [T::zero(); 2],
        Some((a, b)) if !x.is_nan() => {
            let at = Point::at(x.f64());
            let (v, w) = field::<true>(a, b, at);
            let q = ln_kernel(a, b, at).exp();
            [T::of(-v * q), T::of(-w * q)]
        }
        _ => [T::nan(); 2],
    }
}

/// The implicit derivatives `dz/da > 0` and `dz/db < 0` of a Beta(a, b) draw at fixed probability, `−(∂I/∂a)/p(z)` and `−(∂I/∂b)/p(z)`, without
/// underflow or cancellation; their limit 0 at the ends of the unit interval and beyond.
///
/// Error: at most 1e-12 relative against mpmath for shapes in 1e-8 … 1e4 (worst of `beta.csv`: see `tests/incomplete_beta.rs`).
/// NaN for invalid shapes.
///
/// ```
/// use reparam::special::beta_implicit_gradient;
/// let [da, db] = beta_implicit_gradient(0.25f64, 1.0, 1.0); // z = u^(1/a) at b = 1
/// assert!((da + 0.25 * 0.25f64.ln()).abs() < 1e-15 && (db - 0.75 * 0.75f64.ln()).abs() < 1e-15);
/// ```
///
/// # References
/// Figurnov, Mohamed & Mnih 2018, arXiv:1805.08498; the series are DLMF 8.17.8 and 8.17.7, the continued fraction DLMF 8.17.22.
#[must_use]
pub fn beta_implicit_gradient<T: Real>(z: T, a: T, b: T) -> [T; 2] {
    match admissible(a.f64(), b.f64()) {
        Some(_) if z <= T::zero() || z >= T::one() => [T::zero(); 2],
        Some((a, b)) if !z.is_nan() => {
            let at = Point::at(z.f64());
            let (v, w) = field::<true>(a, b, at);
            [T::of(at.x * (at.y * v)), T::of(at.x * (at.y * w))]
        }
        _ => [T::nan(); 2],
    }
}

/// The implicit derivatives `dl/da > 0` and `dl/db < 0` of the log-odds `l = ln(z/(1 − z))` of a Beta(a, b) draw, for every finite l: also
/// where z itself is 0 or 1 in floating point. Precision and domain as [`beta_implicit_gradient`].
///
/// ```
/// use reparam::special::beta_log_odds_implicit_gradient;
/// let [da, _] = beta_log_odds_implicit_gradient(-1e6f64, 1.0, 1.0); // ln z = ln(u)/a
/// assert!((da / 1e6 - 1.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn beta_log_odds_implicit_gradient<T: Real>(l: T, a: T, b: T) -> [T; 2] {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !l.is_nan() => {
            let limit = f64::MAX;
            let (v, w) = field::<true>(a, b, Point::at_log_odds(l.f64().clamp(-limit, limit)));
            [T::of(v), T::of(w)]
        }
        _ => [T::nan(); 2],
    }
}

/// The quantile of a Beta(a, b): x with `I_x(a, b) = u`, from either tail. It may round to 0 or 1 for shapes below 1; see
/// [`beta_log_odds_quantile`].
///
/// ```
/// use reparam::{Probability, special::beta_quantile};
/// let x = beta_quantile(Probability::from_lower(0.0625), 2.0, 1.0); // I = x²
/// assert!((x - 0.25f64).abs() < 1e-15);
/// ```
#[must_use]
pub fn beta_quantile<T: Real>(u: Probability<T>, a: T, b: T) -> T {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !u.tail().is_nan() => {
            let at = Point::at_log_odds(log_odds_at(Probability::from_tail(u.tail().f64()), a, b));
            T::of(at.x)
        }
        _ => T::nan(),
    }
}

/// The log-odds of the quantile of a Beta(a, b), finite for every u in (0, 1) and shapes from 1e-8: Newton's method on the logarithm of the tail.
///
/// ```
/// use reparam::{Probability, special::beta_log_odds_quantile};
/// let l = beta_log_odds_quantile(Probability::from_lower(0.25), 1e-6, 1e-6);
/// assert!((l / (-(2f64.ln()) / 1e-6) - 1.0).abs() < 1e-5); // x^a/2 = 1/4
/// ```
#[must_use]
pub fn beta_log_odds_quantile<T: Real>(u: Probability<T>, a: T, b: T) -> T {
    match admissible(a.f64(), b.f64()) {
        Some((a, b)) if !u.tail().is_nan() => {
            T::of(log_odds_at(Probability::from_tail(u.tail().f64()), a, b))
        }
        _ => T::nan(),
    }
}
