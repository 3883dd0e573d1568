//! Integrals of the normal density over an interval that begins p to the right of the mean, without its
//! exponential. The truncated Gaussian consists of these, wherever the interval lies and however short it
//! is.

use super::mills::{mills_defect, mills_ratio};

/// Nodes and weights of the Gauss–Legendre rule of 10 points on (0, 1), to 17 digits.
pub(crate) const GAUSS_LEGENDRE: [(f64, f64); 10] = [
    (0.013_046_735_741_414_140, 0.033_335_672_154_344_069),
    (0.067_468_316_655_507_745, 0.074_725_674_575_290_297),
    (0.160_295_215_850_487_80, 0.109_543_181_257_991_02),
    (0.283_302_302_935_376_40, 0.134_633_359_654_998_18),
    (0.425_562_830_509_184_39, 0.147_762_112_357_376_44),
    (0.574_437_169_490_815_61, 0.147_762_112_357_376_44),
    (0.716_697_697_064_623_60, 0.134_633_359_654_998_18),
    (0.839_704_784_149_512_20, 0.109_543_181_257_991_02),
    (0.932_531_683_344_492_26, 0.074_725_674_575_290_297),
    (0.986_953_264_258_585_86, 0.033_335_672_154_344_069),
];

/// An interval with a drop of the log-density of at most this many e-folds is short: the quadrature is
/// then exact to rounding, whereas the difference of two tails would cancel.
const SHORT: f64 = 2.0;

/// The drop of the log-density over the interval, `−ln φ(p + w)/φ(p) = w (2p + w)/2`.
#[inline]
pub(crate) fn log_density_drop(p: f64, w: f64) -> f64 {
    0.5 * w * (2.0 * p + w)
}

/// `∫₀^w e^(−pt − t²/2) dt` for p ≥ 0 and w in [0, ∞]: the probability of the interval (p, p + w), over φ(p).
///
/// The relative error is below 1e-15, apart from the rounding of the exponent.
#[inline]
pub(crate) fn mass(p: f64, w: f64) -> f64 {
    let drop = log_density_drop(p, w);
    if drop > SHORT {
        return mills_ratio(p) - (-drop).exp() * mills_ratio(p + w);
    }
    w * GAUSS_LEGENDRE
        .iter()
        .map(|&(node, weight)| weight * (-log_density_drop(p, w * node)).exp())
        .sum::<f64>()
}

/// Integrals of `e^(−pt − t²/2)` over 0 < t < w, for p ≥ 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interval {
    /// Integral of t: the distance from the near end.
    pub(crate) from_near: f64,
    /// Integral of w − t: the distance from the far end.
    pub(crate) from_far: f64,
    /// Integral of `(p + t)² − p²`.
    pub(crate) squares_from_near: f64,
    /// Integral of `(p + w)² − (p + t)²`.
    pub(crate) squares_from_far: f64,
}

/// All integrals, with a relative error below 1e-14, as no two terms cancel by more than a factor of 3.
/// For an infinite w, those from the far end are infinite.
pub(crate) fn interval(p: f64, w: f64) -> Interval {
    let drop = log_density_drop(p, w);
    if drop <= SHORT {
        let mut sums = [0.0; 4];
        for (node, weight) in GAUSS_LEGENDRE {
            let t = w * node;
            let rest = w - t;
            let e = w * weight * (-log_density_drop(p, t)).exp();
            let terms = [t, rest, t * (2.0 * p + t), rest * (2.0 * p + w + t)];
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += e * term;
            }
        }
        let [from_near, from_far, squares_from_near, squares_from_far] = sums;
        return Interval { from_near, from_far, squares_from_near, squares_from_far };
    }
    let (decay, q) = ((-drop).exp(), p + w);
    let scaled = |x: f64| if decay == 0.0 { 0.0 } else { decay * x };
    let near = mills_ratio(p);
    let mass = near - scaled(mills_ratio(q));
    // ∫ t over (0, ∞) is the defect 1 − p m(p); beyond w it is the defect at q plus w times the mass.
    let from_near = mills_defect(p) - scaled(mills_defect(q) + w * mills_ratio(q));
    // By parts: ∫ t² = ∫ 1 − p ∫ t − w e^(−drop).
    let squares_from_near = mass + p * from_near - scaled(w);
    let squares = squares_from_near - 2.0 * p * from_near;
    let from_far = w * mass - from_near;
    let squares_from_far = 2.0 * p * from_far + (w * w * mass - squares);
    Interval { from_near, from_far, squares_from_near, squares_from_far }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formulas for the whole interval agree with the sum over many short pieces, each by quadrature.
    #[test]
    fn wide_intervals_are_the_sum_of_short_ones() {
        for p in [0.0f64, 0.3, 2.0, 8.0, 40.0, 300.0] {
            for folds in [2.1, 5.0, 20.0] {
                let w = 2.0 * folds / (p + (p * p + 2.0 * folds).sqrt());
                let (mut total, mut sums) = (0.0, [0.0; 4]);
                let pieces = 64;
                for k in 0..pieces {
                    let (step, start) = (w / f64::from(pieces), w / f64::from(pieces) * f64::from(k));
                    for (node, weight) in GAUSS_LEGENDRE {
                        let t = start + step * node;
                        let e = step * weight * (-log_density_drop(p, t)).exp();
                        total += e;
                        for (sum, term) in
                            sums.iter_mut().zip([t, w - t, t * (2.0 * p + t), (w - t) * (2.0 * p + w + t)])
                        {
                            *sum += e * term;
                        }
                    }
                }
                let found = interval(p, w);
                let found =
                    [found.from_near, found.from_far, found.squares_from_near, found.squares_from_far];
                assert!((mass(p, w) / total - 1.0).abs() < 1e-14, "{p} {folds}");
                for (found, sum) in found.iter().zip(sums) {
                    assert!((found / sum - 1.0).abs() < 2e-14, "{p} {folds} {found} {sum}");
                }
            }
        }
    }

    #[test]
    fn an_infinite_interval_has_the_whole_tail() {
        let found = interval(3.0, f64::INFINITY);
        assert_eq!(mass(3.0, f64::INFINITY), mills_ratio(3.0));
        assert_eq!(found.from_near, mills_defect(3.0));
        assert!(found.squares_from_near.is_finite());
    }
}
