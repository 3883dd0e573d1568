//! Kolmogorov's statistic of one sample and of two.

/// `√n sup |F̂(u) − u|` of n numbers that should be uniform on [0, 1]: above x with probability `2
/// exp(−2x²)`, 1.2e-4 for 2.2.
pub fn kolmogorov(mut u: Vec<f64>) -> f64 {
    u.sort_by(f64::total_cmp);
    let n = u.len() as f64;
    let distance = |(i, u): (usize, &f64)| (u - i as f64 / n).abs().max((u - (i + 1) as f64 / n).abs());
    u.iter().enumerate().map(distance).fold(0.0, f64::max) * n.sqrt()
}

/// The largest distance between two empirical distribution functions, times √(n/2): Kolmogorov's statistic
/// of two samples of n.
pub fn two_sample_kolmogorov(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    let n = a.len();
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (mut j, mut worst) = (0, 0usize);
    for (i, x) in a.iter().enumerate() {
        while j < n && b[j] <= *x {
            j += 1;
        }
        worst = worst.max(j.abs_diff(i + 1)).max(j.abs_diff(i));
    }
    worst as f64 / n as f64 * (n as f64 / 2.0).sqrt()
}
