//! Differences of the logarithm of the gamma function, and of its derivative, that keep their digits
//! where the difference of the arguments is small.

use super::gamma::STIRLING_FROM;

/// `ψ(q) − ψ(p)` with `h = q − p` given to full precision, by the recurrence up to 10 and the asymptotic
/// series. Both are evaluated in differences, so that a small h loses nothing.
#[inline]
pub(crate) fn digamma_difference(p: f64, q: f64, h: f64) -> f64 {
    let (logarithm, rest) = digamma_difference_parts(p, q, h);
    logarithm + rest
}

/// `ψ(q) − ψ(p) − ln(q/p)`, without the large terms where the arguments are large.
pub(super) fn digamma_difference_beyond_log(p: f64, q: f64, h: f64) -> f64 {
    let (logarithm, rest) = digamma_difference_parts(p, q, h);
    if p.min(q) >= STIRLING_FROM { rest } else { logarithm - (h / p).ln_1p() + rest }
}

#[inline]
fn digamma_difference_parts(p: f64, q: f64, h: f64) -> (f64, f64) {
    let (mut p, mut q, mut shift) = (p, q, 0.0);
    while p.min(q) < STIRLING_FROM {
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
pub(crate) fn ln_gamma_difference(p: f64, h: f64) -> f64 {
    let (mut p, mut shift) = (p, 0.0);
    while p < STIRLING_FROM || p + h < STIRLING_FROM {
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
pub(super) fn ln_a_beta(a: f64, b: f64) -> f64 {
    ln_gamma_difference(1.0, a) - ln_gamma_difference(b, a)
}

/// `ln(1 + u) − u`.
pub(crate) fn ln_1p_minus_x(u: f64) -> f64 {
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
