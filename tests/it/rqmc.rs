//! Scrambled Sobol points: the net property, uniformity of each coordinate, independence, and the exact variances of the estimators
//! over them (`tests/data/rqmc_stratified_1d.csv`).

use crate::common::gaussian::evaluate;
use crate::common::uniformity::kolmogorov;
use crate::common::{Sampled, Table, gaussian_expectation, rng, sample_batches};
use rand::rngs::Xoshiro256PlusPlus;
use reparam::prelude::*;
use reparam::{NoiseSource, Probability};

/// The signed tails of one scrambled point set, row by row.
fn tails(log2_points: u32, dim: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
    let uniform = Uniform::new(&vec![0.0; dim], &vec![1.0; dim]).unwrap();
    let source = ScrambledSobol::base2(log2_points);
    let mut sample = NoiseSource::<f64, _>::begin(&source, &uniform, 0, rng);
    let mut noise = vec![f64::NAN; dim << log2_points];
    source.fill(&uniform, &mut sample, &mut noise, rng);
    noise
}

/// Which of 2^m equal intervals a uniform is in, exactly.
fn interval(tail: f64, m: usize) -> usize {
    let count = (1u64 << m) as f64;
    // The product is exact, and in the upper half so is the difference, but for its digits below an ulp of 2^m.
    if tail > 0.0 {
        (tail * count).floor() as usize
    } else {
        ((1u64 << m) as usize) - (-tail * count).ceil() as usize
    }
}

#[test]
fn every_interval_of_every_dimension_holds_exactly_one_of_the_first_points_at_every_depth() {
    let (dim, depth, mut generator) = (ScrambledSobol::MAX_DIM, 12, rng(1));
    let uniform = Uniform::new(&vec![0.0; dim], &vec![1.0; dim]).unwrap();
    let source = ScrambledSobol::base2(depth as u32);
    let mut sample = NoiseSource::<f64, _>::begin(&source, &uniform, 0, &mut generator);
    // Interval k of depth m is bit 2^m + k of its dimension.
    let mut seen = vec![[0u64; 128]; dim];
    let mut rows = vec![f64::NAN; 16 * dim];
    for start in (0..1usize << depth).step_by(16) {
        source.fill(&uniform, &mut sample, &mut rows, &mut generator);
        for (index, row) in (start..).zip(rows.chunks_exact(dim)) {
            for (d, (seen, &tail)) in seen.iter_mut().zip(row).enumerate() {
                for m in (0..=depth).filter(|m| index < 1 << m) {
                    let place = (1 << m) + interval(tail, m);
                    let (word, bit) = (&mut seen[place / 64], 1 << (place % 64));
                    // No interval twice, and as many points as intervals: every one once.
                    assert!(*word & bit == 0, "dimension {d}, depth {m}");
                    *word |= bit;
                }
            }
        }
    }
}

#[test]
fn scrambling_keeps_the_quality_of_two_dimensional_nets() {
    // Not better and not worse than the unscrambled points: the t of the table, exactly.
    let dim = 2000;
    let points = tails(10, dim, &mut rng(2));
    let is_net = |(a, b): (usize, usize), m: usize, t: usize| {
        (0..=m - t).all(|q| {
            let mut counts = vec![0u32; 1 << (m - t)];
            for row in points.chunks_exact(dim).take(1 << m) {
                counts[interval(row[a - 1], q) << (m - t - q) | interval(row[b - 1], m - t - q)] += 1;
            }
            counts.iter().all(|&count| count == 1 << t)
        })
    };
    let mut rows = 0;
    for row in Table::parse(include_str!("../data/sobol_nets.csv")).rows() {
        let number = |column| row.number(column) as usize;
        let (pair, m, t) = ((number("first"), number("second")), number("m"), number("t"));
        assert!(is_net(pair, m, t), "{pair:?}, m = {m}: not a net for t = {t}");
        assert!(t == 0 || !is_net(pair, m, t - 1), "{pair:?}, m = {m}: a net for t = {t} - 1");
        rows += 1;
    }
    assert_eq!(rows, 100);
}

/// Each column with its mean taken out and its sum of squares 1: correlations are then products.
fn standardised(columns: &[Vec<f64>], map: impl Fn(f64) -> f64) -> Vec<Vec<f64>> {
    let one = |u: &Vec<f64>| {
        let mean = u.iter().map(|&u| map(u)).sum::<f64>() / u.len() as f64;
        let norm = u.iter().map(|&u| (map(u) - mean).powi(2)).sum::<f64>().sqrt();
        u.iter().map(|&u| (map(u) - mean) / norm).collect()
    };
    columns.iter().map(one).collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Randomisations of the first 16 points in 40 dimensions, as uniforms: `columns[point * 40 + dimension]`.
fn randomisations(count: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut generator = rng(seed);
    let mut columns = vec![Vec::new(); 16 * 40];
    for _ in 0..count {
        for (column, &tail) in columns.iter_mut().zip(&tails(4, 40, &mut generator)) {
            column.push(Probability::from_tail(tail).lower());
        }
    }
    columns
}

#[test]
fn each_coordinate_of_each_point_is_uniform_over_the_randomisations() {
    let columns = randomisations(10_000, 3);
    let n = 10_000f64;
    for (i, u) in columns.iter().enumerate() {
        // 640 columns: P(statistic > 2.7) = 2 e^(−2 · 2.7²) = 9e-7, and 5.2 standard errors are 2e-7 a comparison: in all below 1e-3.
        let mean = u.iter().sum::<f64>() / n;
        let square = u.iter().map(|u| (u - 0.5).powi(2)).sum::<f64>() / n;
        assert!((mean - 0.5).abs() < 5.2 * (1.0 / 12.0 / n).sqrt(), "column {i}: mean {mean}");
        assert!(
            (square - 1.0 / 12.0).abs() < 5.2 * (1.0 / 180.0 / n).sqrt(),
            "column {i}: variance {square}"
        );
        let statistic = kolmogorov(u.clone());
        assert!(statistic < 2.7, "column {i}: {statistic}");
        assert!(u.iter().all(|&u| u > 0.0 && u < 1.0));
    }
}

#[test]
fn dimensions_seeds_and_places_within_intervals_are_uncorrelated() {
    let columns = randomisations(10_000, 4);
    let bound = 5.5 / 100.0; // standard errors of a correlation are 1/√n; some 14,000 comparisons make 6e-4 false alarms
    let mut worst = 0.0f64;
    let here = standardised(&columns, |u| u);
    let there = standardised(&randomisations(10_000, 5), |u| u);
    for point in 0..16 {
        for a in point * 40..point * 40 + 40 {
            // Another dimension of the same point, and the same coordinate under another seed.
            for b in point * 40..a {
                worst = worst.max(product(&here[a], &here[b]).abs());
            }
            worst = worst.max(product(&here[a], &there[a]).abs());
        }
    }
    // The place of a point within its interval of length 1/16, against that of another point: nested scrambling makes them independent.
    // Also folded in the middle, which a shared pattern of flips would tie together.
    let places = standardised(&columns, |u| (16.0 * u).fract());
    let folded = standardised(&columns, |u| ((16.0 * u).fract() - 0.5).abs());
    for d in [0, 1, 17, 39] {
        for a in 0..16 {
            for b in 0..a {
                worst = worst.max(product(&places[a * 40 + d], &places[b * 40 + d]).abs());
                worst = worst.max(product(&folded[a * 40 + d], &folded[b * 40 + d]).abs());
            }
        }
    }
    assert!(worst < bound, "{worst}");
}

/// The objectives of the reference table.
fn objective(name: &str) -> impl DifferentiableObjective<f64> + '_ {
    let (name, k) = name.split_once("_k").unwrap();
    let k: f64 = k.parse().unwrap();
    (
        move |z: &[f64]| evaluate(name, k, z[0]).0,
        move |z: &[f64], dz: &mut [f64]| {
            let (value, slope) = evaluate(name, k, z[0]);
            dz[0] = slope;
            value
        },
    )
}

fn sobol(n: f64) -> ScrambledSobol {
    ScrambledSobol::base2(n.log2() as u32)
}

#[test]
fn mean_and_variance_in_one_dimension_are_those_of_stratified_uniforms() {
    // 17 rows × (mean and variance): 4.8 standard errors with 63 degrees of freedom are 1e-5 a comparison, 4e-4 in all.
    let normal = Normal::new(&[0.5], &[1.0]).unwrap();
    let mut rows = 0;
    for (i, row) in Table::parse(include_str!("../data/rqmc_stratified_1d.csv")).rows().enumerate() {
        let (name, n) = (row.text("f"), row.number("n"));
        let f = objective(name);
        let sampled = sample_batches(&mut Pathwise.over(sobol(n)), &normal, &f, 300, 20 + i as u64);
        let label = format!("{name} over {n} points");
        let judged = sampled.check(0, row.number("grad_mu"), row.number("var_stratified"), 4.8, &label);
        assert!(judged, "{label}: {} of {}", sampled.variance_error[0], sampled.variance[0]);
        rows += 1;
    }
    assert_eq!(rows, 17);
}

/// Mean and variance of the mean of `h(ε)` over n stratified normals, by quadrature in each stratum.
fn stratified(h: impl Fn(f64) -> f64, n: usize) -> (f64, f64) {
    let edge = |i: usize| reparam::special::normal_quantile(i as f64 / n as f64);
    let (mut mean, mut variance) = (0.0, 0.0);
    for i in 0..n {
        let (low, high) = (edge(i), edge(i + 1));
        let moment = |power: i32| {
            let inside = |e: f64| if e > low && e < high { h(e).powi(power) * n as f64 } else { 0.0 };
            gaussian_expectation(inside, [low, high], 12.0)
        };
        let (first, second) = (moment(1), moment(2));
        mean += first / n as f64;
        variance += (second - first * first) / (n * n) as f64;
    }
    (mean, variance)
}

#[test]
fn the_score_function_over_points_has_the_exact_mean_and_variance() {
    // 3 objectives × 2 parameters × (mean and variance): 4.5 standard errors with 63 degrees of freedom are 3e-5 a comparison.
    let (mu, n) = (0.5, 64);
    let normal = Normal::new(&[mu], &[1.0]).unwrap();
    for (seed, name) in (7..).zip(["quadratic_k0.499", "cos_k2", "sigmoid_k1"]) {
        let f = objective(name);
        let mut estimator =
            ScoreFunction::new().with_baseline(Baseline::Constant(0.25)).over(sobol(n as f64));
        let sampled = sample_batches(&mut estimator, &normal, &f, 500, seed);
        let score: [fn(f64) -> f64; 2] = [|e| e, |e| e * e - 1.0];
        for (i, score) in score.into_iter().enumerate() {
            let (mean, variance) = stratified(|e| (f.value(&[mu + e]) - 0.25) * score(e), n);
            assert!(sampled.check(i, mean, variance, 4.5, name), "{name} {i}: the tails are too heavy");
        }
    }
}

/// Total variance of a gradient sample over n points of the 5-dimensional normal with `f = Π (1 + 0.3 sin zᵢ)`.
fn five_dimensions(n: f64, seed: u64) -> Sampled {
    let normal = Normal::new(&[0.3; 5], &[0.7; 5]).unwrap();
    let f = (
        |z: &[f64]| z.iter().map(|z| 1.0 + 0.3 * z.sin()).product::<f64>(),
        |z: &[f64], dz: &mut [f64]| {
            let value = z.iter().map(|z| 1.0 + 0.3 * z.sin()).product::<f64>();
            dz.iter_mut().zip(z).for_each(|(dz, z)| *dz = value * 0.3 * z.cos() / (1.0 + 0.3 * z.sin()));
            value
        },
    );
    sample_batches(&mut Pathwise.over(sobol(n)), &normal, &f, 20, seed)
}

#[test]
fn variance_falls_faster_than_one_over_n() {
    let (one, few, many) = (five_dimensions(1.0, 1), five_dimensions(64.0, 2), five_dimensions(1024.0, 3));
    // From 64 to 1024 points independent ones gain 16; four standard errors do not matter at these ratios.
    assert!(few.total_variance * 64.0 < 0.3 * one.total_variance);
    assert!(
        many.total_variance * 50.0 < few.total_variance,
        "{} {}",
        many.total_variance,
        few.total_variance
    );
    // And all of them have the same mean, E ∂f/∂zᵢ for the first five.
    let (e, s2): (f64, f64) = (0.3, 0.49);
    let decay = (-0.5 * s2).exp();
    let exact = (1.0 + 0.3 * e.sin() * decay).powi(4) * 0.3 * e.cos() * decay;
    for sampled in [&one, &few, &many] {
        for i in 0..5 {
            let error = (sampled.variance[i] / sampled.samples).sqrt();
            assert!((sampled.mean[i] - exact).abs() < 4.5 * error, "{} {exact} ± {error}", sampled.mean[i]);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_other_points() {
    assert_eq!(tails(6, 11, &mut rng(1)), tails(6, 11, &mut rng(1)));
    let (a, b) = (tails(6, 11, &mut rng(1)), tails(6, 11, &mut rng(2)));
    assert!(a.iter().zip(&b).all(|(a, b)| a != b));
}

#[test]
fn too_many_points_or_coordinates_are_refused() {
    assert_eq!(ScrambledSobol::base2(31).log2_points(), 31);
    let normal = Normal::new(&[0.0], &[1.0]).unwrap();
    let f = (
        |z: &[f64]| z[0],
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 1.0;
            z[0]
        },
    );
    for m in [32, 256] {
        let refused = Pathwise.over(ScrambledSobol::base2(m)).estimate(&normal, &f, 1, &mut rng(1));
        let Err(Error::Option { option, value, .. }) = refused else { panic!("2^{m} points") };
        assert_eq!((option, value), ("log2 of the number of points", f64::from(m)));
    }
    let wide = Normal::standard(ScrambledSobol::MAX_DIM + 1).unwrap();
    let f = |z: &[f64]| z[0];
    let mut estimator = ScoreFunction::new().over(ScrambledSobol::base2(2));
    let error = estimator.estimate(&wide, &f, 2, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::Option { option: "noise dimension", value: 5716.0, .. }));
    let widest = Normal::standard(ScrambledSobol::MAX_DIM).unwrap();
    assert!(estimator.estimate(&widest, &f, 2, &mut rng(1)).is_ok());
}
