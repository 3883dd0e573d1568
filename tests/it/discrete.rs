//! Bits and categories under the score function: exact gradients and variances by enumeration (`tests/data/bernoulli_*.csv`,
//! `categorical_*.csv`).

use crate::common::shared_bits::SharedBits;
use crate::common::{Row, Sampled, Table, check_mean_score, rng, sample_batches};
use reparam::LogDensity;
use reparam::prelude::*;

fn score_function(baseline: Baseline) -> ScoreFunction {
    ScoreFunction::new().with_baseline(baseline)
}

/// Bonferroni: about 600 comparisons in the largest of these tests; 5.4 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 5.4;

#[test]
fn one_bit_has_the_exact_mean_and_variance_under_every_baseline() {
    let table = Table::parse(include_str!("../data/bernoulli_toy.csv"));
    let mut rows = 0;
    for (i, row) in table.rows().enumerate() {
        let p0 = row.number("p0");
        let f = move |b: &[f64]| (b[0] - p0).powi(2);
        let bit = Bernoulli::from_logits(&[row.number("logit")]).unwrap();
        let mut baselines = vec![
            (Baseline::None, "var_reinforce".to_string()),
            (Baseline::Constant(row.number("Ef")), "var_reinforce_bmean".into()),
            (Baseline::PerParameter(vec![row.number("bopt")]), "var_reinforce_bopt".into()),
        ];
        for group in [2, 3, 4, 6, 8, 10] {
            baselines.push((Baseline::LeaveOneOut { draws: group }, format!("var_rloo{group}")));
        }
        for (baseline, column) in baselines {
            let sampled = sample_batches(&mut score_function(baseline), &bit, &f, 2000, 300 + i as u64);
            let label = format!("p0 = {p0}, logit = {}, {column}", row.text("logit"));
            let sharp = row.number("logit").abs() > 3.0;
            let judged = sampled.check(0, row.number("grad_logit"), row.number(&column), SIGMAS, &label);
            // A bit that hardly ever turns is judged by enumeration, below.
            assert!(judged || sharp, "{label}: too heavy to judge");
            assert!((sampled.value - row.number("Ef")).abs() <= SIGMAS * sampled.value_error + 1e-14);
        }
        rows += 1;
    }
    assert_eq!(rows, 28);
}

#[test]
fn one_bit_has_the_exact_mean_and_variance_by_enumeration() {
    for row in Table::parse(include_str!("../data/bernoulli_toy.csv")).rows() {
        let p0 = row.number("p0");
        let bit = Bernoulli::from_logits(&[row.number("logit")]).unwrap();
        for (baseline, column) in [
            (0.0, "var_reinforce"),
            (row.number("Ef"), "var_reinforce_bmean"),
            (row.number("bopt"), "var_reinforce_bopt"),
        ] {
            let (mut mean, mut second) = (0.0, 0.0);
            for b in [0.0, 1.0] {
                let mut score = [f64::NAN];
                bit.score(&[b], &mut score);
                let p = bit.log_prob(&[b]).exp();
                let g = ((b - p0).powi(2) - baseline) * score[0];
                mean += p * g;
                second += p * g * g;
            }
            let (exact, expected) = (row.number("grad_logit"), row.number(column));
            assert!((mean - exact).abs() <= 1e-12 * exact.abs() + 1e-17, "{column}: {mean} {exact}");
            let variance = second - mean * mean;
            assert!((variance - expected).abs() <= 1e-12 * second + 1e-18, "{column}: {variance} {expected}");
        }
    }
}

#[test]
fn four_bits_have_the_exact_mean_and_variance_coordinate_by_coordinate() {
    let table = Table::parse(include_str!("../data/bernoulli_nd.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    for rows in rows.chunks(4) {
        let logits: Vec<f64> = rows.iter().map(|row| row.number("logit")).collect();
        let bits = Bernoulli::from_logits(&logits).unwrap();
        let f = |b: &[f64]| (b[0] - 0.5 * b[1] + 0.75 * b[2] + 0.25 * b[3] - 0.6f64).powi(2);
        let value = rows[0].number("Ef");
        for (baseline, column) in [
            (Baseline::None, "var_reinforce"),
            (Baseline::Constant(value), "var_reinforce_bmean"),
            (Baseline::LeaveOneOut { draws: 2 }, "var_rloo2"),
            (Baseline::LeaveOneOut { draws: 3 }, "var_rloo3"),
        ] {
            let sampled = sample_batches(&mut score_function(baseline), &bits, &f, 4000, 7);
            for (i, row) in rows.iter().enumerate() {
                let label = format!("{} {i} {column}", row.text("case"));
                assert!(sampled.check(i, row.number("grad_logit"), row.number(column), SIGMAS, &label));
            }
        }
    }
}

/// The cases of the table: objective values by category, probabilities, and the score's coordinates.
struct Case {
    f: Vec<f64>,
    p: Vec<f64>,
    scores: Vec<Vec<f64>>,
}

fn case(name: &str) -> Case {
    let table = Table::parse(include_str!("../data/categorical_cases.csv"));
    let mut case = Case { f: vec![], p: vec![], scores: vec![] };
    for row in table.rows().filter(|row| row.text("case") == name) {
        case.f.push(row.number("f"));
        case.p.push(row.number("p"));
        let score = (0..5).map(|i| row.text(&format!("score{i}")).to_string());
        case.scores.push(score.filter(|s| !s.is_empty()).map(|s| s.parse().unwrap()).collect());
    }
    case
}

impl Case {
    fn expect(&self, h: impl Fn(usize) -> f64) -> f64 {
        (0..self.p.len()).map(|k| self.p[k] * h(k)).sum()
    }

    /// The one constant for all coordinates with the least total variance, `E[f |s|²] / E[|s|²]`.
    fn best_baseline(&self) -> f64 {
        let square = |k: usize| self.scores[k].iter().map(|s| s * s).sum::<f64>();
        self.expect(|k| self.f[k] * square(k)) / self.expect(square)
    }
}

#[track_caller]
fn check_total(sampled: &Sampled, row: &Row<'_>) {
    let label = format!("{} {}", row.text("case"), row.text("estimator"));
    let expected = row.number("total_variance");
    assert!(sampled.total_variance_error < 0.05 * expected, "{label}: too heavy to judge");
    assert!(
        (sampled.total_variance - expected).abs() <= SIGMAS * sampled.total_variance_error + 1e-14,
        "{label}: total variance {} ± {}, exact {expected}",
        sampled.total_variance,
        sampled.total_variance_error
    );
    let norm = sampled.mean.iter().map(|g| g * g).sum::<f64>().sqrt();
    // The norm of a mean is biased upwards by total variance / (2 n norm), far below its error here.
    let error = (expected / sampled.samples).sqrt();
    assert!((norm - row.number("grad_norm")).abs() <= SIGMAS * error, "{label}: norm {norm}");
}

#[test]
fn categories_have_the_exact_total_variance_under_every_baseline() {
    let table = Table::parse(include_str!("../data/categorical_toy.csv"));
    let mut judged = 0;
    for row in table.rows() {
        let case = case(row.text("case"));
        let baseline = match row.text("estimator") {
            "reinforce" => Baseline::None,
            "reinforce_bmean" => Baseline::Constant(case.expect(|k| case.f[k])),
            "reinforce_bopt" => Baseline::Constant(case.best_baseline()),
            "rloo2" => Baseline::LeaveOneOut { draws: 2 },
            "rloo3" => Baseline::LeaveOneOut { draws: 3 },
            "rloo4" => Baseline::LeaveOneOut { draws: 4 },
            _ => continue, // estimators that the crate does not have yet
        };
        let mut estimator = score_function(baseline);
        let sampled = if row.text("case") == "kool_eta0" {
            let bits = SharedBits::new(0.0);
            let f = |b: &[f64]| case.f[(4.0 * b[0] + 2.0 * b[1] + b[2]) as usize];
            sample_batches(&mut estimator, &bits, &f, 2000, 9)
        } else {
            let p = Categorical::from_probs(&case.p, case.p.len()).unwrap();
            let logits: Vec<f64> = p.probs().iter().map(|p| p.ln()).collect();
            let p = Categorical::from_logits(&logits, case.p.len()).unwrap();
            let f = |z: &[f64]| z.iter().zip(&case.f).map(|(z, f)| z * f).sum::<f64>();
            sample_batches(&mut estimator, &p, &f, 4000, 9)
        };
        check_total(&sampled, &row);
        judged += 1;
    }
    assert_eq!(judged, 18);
}

#[test]
fn categorical_scores_equal_the_table() {
    for name in ["K3_uniform", "K3_skew"] {
        let case = case(name);
        let logits: Vec<f64> = case.p.iter().map(|p| p.ln() + 3.0).collect();
        let p = Categorical::from_logits(&logits, 3).unwrap();
        for (k, expected) in case.scores.iter().enumerate() {
            let mut z = [0.0; 3];
            z[k] = 1.0;
            let mut score = [f64::NAN; 3];
            p.score(&z, &mut score);
            for (found, expected) in score.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-15, "{name} {k}: {found} {expected}");
            }
        }
    }
}

#[test]
fn draws_have_the_frequencies_of_the_probabilities_also_in_f32_and_at_the_edges() {
    let p = Categorical::from_logits(&[0.0f32, 2.0, -3.0, 1.0, 0.0, -80.0], 3).unwrap();
    let draws = 400_000;
    let mut counts = [0.0; 6];
    let mut z = [0.0; 6];
    let mut rng = rng(5);
    for _ in 0..draws {
        p.sample(&mut rng, &mut z);
        assert_eq!((z[..3].iter().sum::<f32>(), z[3..].iter().sum::<f32>()), (1.0, 1.0));
        for (count, z) in counts.iter_mut().zip(z) {
            *count += f64::from(z);
        }
    }
    for (count, &p) in counts.iter().zip(p.probs()) {
        let (n, p) = (f64::from(draws), f64::from(p));
        assert!((count - n * p).abs() <= 4.0 * (n * p * (1.0 - p)).sqrt() + 1e-6, "{count} {}", n * p);
    }

    let bits = Bernoulli::from_probs(&[1e-30f64, 0.25, 1.0 - f64::EPSILON / 2.0]).unwrap();
    let mut sums = [0.0; 3];
    let mut z = [0.0; 3];
    for _ in 0..100_000 {
        bits.sample(&mut rng, &mut z);
        sums.iter_mut().zip(z).for_each(|(s, z)| *s += z);
    }
    assert_eq!((sums[0], sums[2]), (0.0, 100_000.0));
    assert!((sums[1] - 25_000.0).abs() < 4.0 * (100_000.0f64 * 0.25 * 0.75).sqrt());
}

#[test]
fn the_mean_score_is_zero() {
    // 14 coordinates in all: 4.2 standard errors.
    check_mean_score(&Bernoulli::from_logits(&[0.3, -2.0, 1.0]).unwrap(), 200_000, 4.2, 1);
    check_mean_score(&Bernoulli::from_probs(&[0.3, 0.9]).unwrap(), 200_000, 4.2, 2);
    check_mean_score(
        &Categorical::from_logits(&[0.3, -2.0, 1.0, 0.0, 0.0, 1.0], 3).unwrap(),
        200_000,
        4.2,
        3,
    );
}

#[test]
fn probabilities_and_logits_are_the_same_distribution() {
    let logits = [0.4f64, -1.3, 2.0];
    let by_logits = Categorical::from_logits(&logits, 3).unwrap();
    let by_probs = Categorical::from_probs(by_logits.probs(), 3).unwrap();
    let walk = Unconstrained::new(by_probs.clone()).unwrap();
    for k in 0..3 {
        let mut z = [0.0; 3];
        z[k] = 1.0;
        assert!((by_logits.log_prob(&z) - by_probs.log_prob(&z)).abs() < 1e-14);
        let (mut a, mut b) = ([0.0f64; 3], [0.0f64; 3]);
        by_logits.score(&z, &mut a);
        walk.score(&z, &mut b);
        // The chain rule through softmax turns the score in probabilities into the score in logits.
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-14), "{a:?} {b:?}");
    }
    assert!((by_logits.entropy() - by_probs.entropy()).abs() < 1e-14);
}
