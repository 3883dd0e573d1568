//! Derivatives by differences that know their own error.

/// A derivative, and how far off it may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slope {
    pub(super) value: f64,
    pub(super) uncertainty: f64,
    /// `|f(x)|` over the first step: the size of derivatives that the function would call ordinary.
    pub(super) ordinary: f64,
}

/// Halvings of the step: from the first to 2⁻¹⁷ of it.
const LEVELS: usize = 18;

/// Columns of the extrapolation: errors of order h², h⁴, … h¹² are removed.
const ORDERS: usize = 6;

/// `f′(x)` by Ridders' method: central differences at halved steps, extrapolated to step 0. Of the triangle
/// of extrapolations, the result is the entry that agrees best with its neighbours and does not contradict
/// the shortest difference: at long steps, all differences of a function that has saturated on both sides
/// agree on a derivative of 0. Where f is not defined (`None`, or not finite) at x ± h, that h is passed
/// over.
///
/// Ridders 1982, Advances in Engineering Software 4, 75–76, doi:10.1016/S0141-1195(82)80057-0.
pub(super) fn slope(f: impl Fn(f64) -> Option<f64>, x: f64, step: f64) -> Slope {
    let f = |x| f(x).filter(|y| y.is_finite());
    let ordinary = f(x).unwrap_or(f64::NAN).abs() / step;
    let mut entries: Vec<(f64, f64)> = Vec::new();
    let mut last: Vec<f64> = Vec::new();
    // The shortest difference, and how far it can be trusted.
    let mut shortest = (f64::NAN, f64::INFINITY);
    let mut h = step;
    for _ in 0..LEVELS {
        let (above, below) = (x + h, x - h);
        last = match (f(above), f(below)) {
            (Some(up), Some(down)) => {
                let rounding = f64::EPSILON * up.abs().max(down.abs()) / h;
                let difference = (up - down) / (above - below);
                let trust = (difference - shortest.0).abs() + 4.0 * rounding;
                shortest = (difference, if trust.is_nan() { f64::INFINITY } else { trust });
                extrapolate(difference, &last, rounding, &mut entries)
            }
            _ => Vec::new(),
        };
        h *= 0.5;
    }
    let consistent = entries
        .iter()
        .filter(|(value, uncertainty)| (value - shortest.0).abs() <= 2.0 * shortest.1 + uncertainty);
    let best = consistent.min_by(|a, b| a.1.total_cmp(&b.1)).copied();
    let (value, uncertainty) = best.unwrap_or((f64::NAN, f64::INFINITY));
    Slope { value, uncertainty, ordinary }
}

/// The next row of the triangle from the one before it.
fn extrapolate(difference: f64, last: &[f64], rounding: f64, entries: &mut Vec<(f64, f64)>) -> Vec<f64> {
    let mut row = vec![difference];
    let mut factor = 1.0;
    for (order, &coarser) in last.iter().enumerate().take(ORDERS) {
        factor *= 4.0;
        let finer = row[order];
        let value = finer + (finer - coarser) / (factor - 1.0);
        entries.push((value, (value - finer).abs().max((value - coarser).abs()).max(rounding)));
        row.push(value);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_within_its_uncertainty_and_sharp() {
        for (f, x, step, exact) in [
            (f64::exp as fn(f64) -> f64, 1.0, 0.5, 1f64.exp()),
            (f64::sin, 2.0, 3.0, 2f64.cos()),
            (|x| x.powi(3), 1e-3, 1.0, 3e-6),
            (f64::cos, 0.0, 1.0, 0.0),
            // Differences of both sides vanish at long steps, where the density is 0.
            (|x| (-0.5 * (x / 1e-3).powi(2)).exp(), 1e-3, 0.3, -1e3 * (-0.5f64).exp()),
        ] {
            let slope = slope(|x| Some(f(x)), x, step);
            assert!((slope.value - exact).abs() <= 4.0 * slope.uncertainty, "{slope:?} {exact}");
            assert!(slope.uncertainty < 1e-8 * exact.abs() + 1e-12, "{slope:?} {exact}");
        }
    }

    #[test]
    fn steps_out_of_the_domain_are_passed_over() {
        let slope = slope(|x| (x > 0.0).then(|| x.ln()), 0.01, 1.0);
        assert!((slope.value - 100.0).abs() < 1e-7, "{slope:?}");
        let nowhere = super::slope(|_| None, 1.0, 1.0);
        assert!(nowhere.value.is_nan() && nowhere.uncertainty == f64::INFINITY);
    }
}
