//! Estimates made in pieces: however the pieces are joined, it is the estimate of all samples.

use crate::common::rng;
use proptest::prelude::*;
use reparam::Moments;
use reparam::prelude::*;

fn close(a: &Moments, b: &Moments) {
    assert_eq!(a.count(), b.count());
    let columns = a.mean().iter().zip(b.mean()).zip(a.variance().into_iter().zip(b.variance()));
    for ((mean_a, mean_b), (variance_a, variance_b)) in columns {
        let scale = mean_a.abs().max(mean_b.abs()).max(variance_a.sqrt());
        assert!((mean_a - mean_b).abs() <= 1e-12 * scale, "means {mean_a} and {mean_b}");
        assert!(
            (variance_a - variance_b).abs() <= 1e-12 * variance_a,
            "variances {variance_a}, {variance_b}"
        );
    }
}

/// Every grouping of three parts of `rows`, against all of them at once.
fn check_grouping<M: Clone>(parts: [M; 3], merge: impl Fn(&mut M, &M), moments: impl Fn(&M) -> &Moments) {
    let [a, b, c] = parts;
    let (mut left, mut right, mut tail) = (a.clone(), a, b.clone());
    merge(&mut left, &b);
    merge(&mut left, &c);
    merge(&mut tail, &c);
    merge(&mut right, &tail);
    close(moments(&left), moments(&right));
}

proptest! {
    #[test]
    fn moments_merge_in_any_grouping(
        mut rows in prop::collection::vec(-1.0f64..1.0, 2..400),
        mean in -100.0f64..100.0,
        scale in -3i32..4,
        cuts in (0.0f64..1.0, 0.0f64..1.0),
    ) {
        for x in &mut rows {
            *x = (*x + mean) * 10f64.powi(scale);
        }
        let cut = |at: f64| (at * (rows.len() + 1) as f64) as usize;
        let (first, second) = (cut(cuts.0.min(cuts.1)), cut(cuts.0.max(cuts.1)));
        let parts = [&rows[..first], &rows[first..second], &rows[second..]].map(|r| Moments::from_rows(r, 1));
        // The variance of rows with a mean of m standard deviations is known to about m 1e-16 relative, at best.
        prop_assume!(Moments::from_rows(&rows, 1).variance()[0].sqrt() > 0.1 * 10f64.powi(scale));
        let merge = |a: &mut Moments, b: &Moments| a.merge(b).unwrap();
        check_grouping(parts, merge, |m| m);
    }

    #[test]
    fn estimates_merge_in_any_grouping(sizes in prop::array::uniform3(2usize..600), seed in any::<u64>()) {
        let p = Normal::new(&[1.0, -0.5], &[0.5, 2.0]).unwrap();
        let f = |z: &[f64]| z[0] * z[1] + 3.0 * z[0].sin();
        let mut rng = rng(seed);
        let parts = sizes.map(|n| ScoreFunction::new().estimate(&p, &f, n, &mut rng).unwrap());
        let merge = |a: &mut GradientEstimate<f64>, b: &GradientEstimate<f64>| a.merge(b).unwrap();
        check_grouping(parts, merge, GradientEstimate::moments);
    }
}
