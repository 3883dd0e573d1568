//! Draws without replacement: which items come first, in any order.

/// `ln(eᵃ + eᵇ)`.
pub(crate) fn log_add_exp(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// The logarithm of a sum of weights, stored as the largest logarithm and the excess due to the others. A
/// share of the sum keeps its digits where the logarithms are huge and nearly equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogSum {
    largest: f64,
    excess: f64,
}

impl LogSum {
    /// The empty sum.
    pub(crate) const EMPTY: Self = Self { largest: f64::NEG_INFINITY, excess: 0.0 };

    /// With one more weight.
    pub(crate) fn with(self, ln: f64) -> Self {
        if ln == f64::NEG_INFINITY {
            self
        } else if self.largest == f64::NEG_INFINITY {
            Self { largest: ln, excess: 0.0 }
        } else if ln > self.largest {
            Self { largest: ln, excess: (self.largest - ln + self.excess).exp().ln_1p() }
        } else {
            Self { excess: log_add_exp(self.excess, ln - self.largest), ..self }
        }
    }

    /// The logarithm of a weight's share of the sum.
    pub(crate) fn log_share(self, ln: f64) -> f64 {
        ln - self.largest - self.excess
    }
}

/// Fills two tables of 2ᵏ entries for the k items of a draw without replacement, given the logarithm of
/// the weight of each item, and of the total weight of all others. `left[B]` is the weight of the others
/// and of the items in B. `finish[A]` is the logarithm of the probability that the draws after those of A
/// are the remaining items, in any order. All terms are positive, so nothing cancels. Takes `k 2ᵏ` steps.
pub(crate) fn successive_sampling_tables(
    items: &[f64],
    others: LogSum,
    left: &mut [LogSum],
    finish: &mut [f64],
) {
    let all = left.len() - 1;
    left[0] = others;
    for set in 1..=all {
        let item = set.trailing_zeros() as usize;
        left[set] = left[set & (set - 1)].with(items[item]);
    }
    finish[all] = 0.0;
    for drawn in (0..all).rev() {
        let waiting = all & !drawn;
        let mut total = f64::NEG_INFINITY;
        let mut rest = waiting;
        while rest != 0 {
            let item = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            total = log_add_exp(total, left[waiting].log_share(items[item]) + finish[drawn | 1 << item]);
        }
        finish[drawn] = total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_sum_over_all_orders() {
        let weights: [f64; 4] = [0.5, 2.0, 1.0, 4.0];
        let items = weights[..3].iter().map(|w| w.ln()).collect::<Vec<_>>();
        let (mut left, mut finish) = ([LogSum::EMPTY; 8], [0.0; 8]);
        successive_sampling_tables(&items, LogSum::EMPTY.with(weights[3].ln()), &mut left, &mut finish);
        let mut total = 0.0;
        for [a, b, c] in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let (a, b, c) = (weights[a], weights[b], weights[c]);
            total += a / 7.5 * b / (7.5 - a) * c / (7.5 - a - b);
        }
        assert!((finish[0].exp() - total).abs() < 1e-15);
        assert!((left[5].log_share(2f64.ln()) - (2.0f64 / 5.5).ln()).abs() < 1e-14);
        // Item 1 drawn: two orders of the others.
        let rest = 0.5 / 5.5 * 1.0 / 5.0 + 1.0 / 5.5 * 0.5 / 4.5;
        assert!((finish[2].exp() - rest).abs() < 1e-15);
        // No other items: these are certain, even where all but one have negligible weight.
        successive_sampling_tables(&[0.0, -1e308, -1e308], LogSum::EMPTY, &mut left, &mut finish);
        assert!(finish[0].abs() < 1e-15);
    }
}
