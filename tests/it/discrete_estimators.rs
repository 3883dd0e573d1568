//! Estimators for bits, categories and finite supports: exact means and variances (`tests/data/bernoulli_*.csv`, `categorical_*.csv`), by
//! sampling, and by enumeration of the uniforms.

use std::convert::Infallible;

use crate::common::{Row, Table, rng, sample_batches};
use rand::TryRng;
use reparam::prelude::*;
use reparam::{Bits, Engine, Probability};

/// Bonferroni: about 800 comparisons in the largest of these tests; 5.4 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 5.4;

#[test]
fn one_bit_has_the_exact_mean_and_variance_under_antithetic_draws() {
    let (mut judged, mut heavy) = (0, 0);
    for (i, row) in Table::parse(include_str!("../data/bernoulli_toy.csv")).rows().enumerate() {
        let p0 = row.number("p0");
        let f = move |b: &[f64]| (b[0] - p0).powi(2);
        let bit = Bernoulli::from_logits(&[row.number("logit")]).unwrap();
        let (mean, seed) = (row.number("grad_logit"), 700 + i as u64);
        let mut check = |sampled: crate::common::Sampled, column: &str| {
            let label = format!("p0 = {p0}, logit = {}, {column}", row.text("logit"));
            assert!(
                (sampled.value - row.number("Ef")).abs() <= SIGMAS * sampled.value_error + 1e-14,
                "{label}"
            );
            match sampled.check(0, mean, row.number(column), SIGMAS, &label) {
                true => judged += 1,
                false => heavy += 1,
            }
        };
        check(sample_batches(&mut Arm, &bit, &f, 4000, seed), "var_arm");
        check(sample_batches(&mut DisArm, &bit, &f, 4000, seed), "var_disarm");
        for group in [3, 4, 6, 8, 10] {
            let mut arms = Arms::new(group);
            check(sample_batches(&mut arms, &bit, &f, 4000, seed), &format!("var_arms{group}"));
        }
    }
    assert!(judged >= 180 && heavy <= 16, "{judged} {heavy}");
}

fn weighted(b: &[f64]) -> f64 {
    (b[0] - 0.5 * b[1] + 0.75 * b[2] + 0.25 * b[3] - 0.6).powi(2)
}

#[test]
fn four_bits_have_the_exact_mean_and_variance_coordinate_by_coordinate() {
    let table = Table::parse(include_str!("../data/bernoulli_nd.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    for rows in rows.chunks(4) {
        let logits: Vec<f64> = rows.iter().map(|row| row.number("logit")).collect();
        let bits = Bernoulli::from_logits(&logits).unwrap();
        let arm = sample_batches(&mut Arm, &bits, &weighted, 6000, 1);
        let disarm = sample_batches(&mut DisArm, &bits, &weighted, 6000, 2);
        let local = sample_batches(&mut LocalExpectation, &bits, &weighted, 6000, 3);
        let pair = sample_batches(&mut Arms::new(2), &bits, &weighted, 6000, 4);
        let exact = Enumerate.estimate(&bits, &weighted, 2, &mut rng(1)).unwrap();
        assert_eq!(exact.evaluations(), 32);
        assert!((exact.value() - rows[0].number("Ef")).abs() < 1e-14);
        for (i, row) in rows.iter().enumerate() {
            let mean = row.number("grad_logit");
            for (sampled, column) in [
                (&arm, "var_arm"),
                (&disarm, "var_disarm"),
                (&pair, "var_disarm"),
                (&local, "var_local_expectation"),
            ] {
                let label = format!("{} {i} {column}", row.text("case"));
                assert!(sampled.check(i, mean, row.number(column), SIGMAS, &label), "{label}");
            }
            assert!((exact.gradient()[i] - mean).abs() < 1e-15);
            assert_eq!(exact.variance()[i], 0.0);
        }
    }
}

/// A generator that says what it is told.
struct Script {
    words: Vec<u64>,
    at: usize,
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.try_next_u64()? >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.at += 1;
        Ok(self.words[self.at - 1])
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes());
        }
        Ok(())
    }
}

#[test]
fn disarm_is_unbiased_with_the_exact_variance_without_sampling() {
    // A word below q, between q and 1 − q, or above: the rarer value in b, in neither (or for p > ½ in both …), in b̃. All 3⁴ cases.
    let table = Table::parse(include_str!("../data/bernoulli_nd.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    for rows in rows.chunks(4) {
        let logits: Vec<f64> = rows.iter().map(|row| row.number("logit")).collect();
        let bits = Bernoulli::from_logits(&logits).unwrap();
        let rare: Vec<f64> = bits.probs().iter().map(|p| p.min(1.0 - p)).collect();
        let (mut mean, mut square, mut total) = ([0.0; 4], [0.0; 4], 0.0);
        for case in 0..81 {
            let (mut words, mut weight, mut rest) = (Vec::new(), 1.0, case);
            for q in &rare {
                let (word, p) = [(0, *q), (1 << 63, 1.0 - 2.0 * q), (u64::MAX, *q)][rest % 3];
                words.push(word);
                weight *= p;
                rest /= 3;
            }
            if weight == 0.0 {
                continue;
            }
            let mut engine = Engine::new().with_callers_generator();
            let mut script = Script { words, at: 0 };
            let sample = engine.estimate(&mut DisArm, &bits, &weighted, 1, &mut script).unwrap();
            total += weight;
            for i in 0..4 {
                mean[i] += weight * sample.gradient()[i];
                square[i] += weight * sample.gradient()[i].powi(2);
            }
        }
        assert!((total - 1.0).abs() < 1e-14);
        for (i, row) in rows.iter().enumerate() {
            assert!((mean[i] - row.number("grad_logit")).abs() < 1e-12);
            let variance = square[i] - mean[i] * mean[i];
            assert!((variance - row.number("var_disarm")).abs() < 1e-10, "{variance}");
        }
    }
}

/// Mean and variance of one gradient sample of an estimator that draws four bits so many times, over all outcomes of all draws: a word of 0 is the rarer
/// value of a bit, a word of ones the other.
fn over_all_outcomes<E, F>(mut estimator: E, bits: &Bernoulli<f64>, f: &F, draws: usize) -> [(f64, f64); 4]
where
    F: Objective<f64>,
    E: GradientEstimator<f64, Bernoulli<f64>, F>,
{
    let rare: Vec<f64> = bits.probs().iter().map(|p| p.min(1.0 - p)).collect();
    let mut sums = [(0.0, 0.0); 4];
    for case in 0..1usize << (4 * draws) {
        let (mut words, mut weight) = (Vec::new(), 1.0);
        for place in 0..4 * draws {
            let is_rare = case >> place & 1 == 0;
            words.push(if is_rare { 0 } else { u64::MAX });
            weight *= if is_rare { rare[place % 4] } else { 1.0 - rare[place % 4] };
        }
        let mut engine = Engine::new().with_callers_generator();
        let sample = engine.estimate(&mut estimator, bits, f, 1, &mut Script { words, at: 0 }).unwrap();
        for (sum, g) in sums.iter_mut().zip(sample.gradient()) {
            sum.0 += weight * g;
            sum.1 += weight * g * g;
        }
    }
    sums.map(|(mean, square)| (mean, square - mean * mean))
}

#[test]
fn estimators_of_drawn_bits_are_unbiased_with_the_exact_variance_without_sampling() {
    let table = Table::parse(include_str!("../data/bernoulli_nd.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    let leave_one_out = |group| ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: group });
    for rows in rows.chunks(4) {
        let logits: Vec<f64> = rows.iter().map(|row| row.number("logit")).collect();
        let bits = Bernoulli::from_logits(&logits).unwrap();
        let mean_baseline = Baseline::Constant(rows[0].number("Ef"));
        for (found, column) in [
            (over_all_outcomes(ScoreFunction::new(), &bits, &weighted, 1), "var_reinforce"),
            (
                over_all_outcomes(ScoreFunction::new().with_baseline(mean_baseline), &bits, &weighted, 1),
                "var_reinforce_bmean",
            ),
            (over_all_outcomes(leave_one_out(2), &bits, &weighted, 2), "var_rloo2"),
            (over_all_outcomes(leave_one_out(3), &bits, &weighted, 3), "var_rloo3"),
            (over_all_outcomes(LocalExpectation, &bits, &weighted, 1), "var_local_expectation"),
            (over_all_outcomes(MeasureValued::coupled(), &bits, &weighted, 1), "var_local_expectation"),
        ] {
            for ((mean, variance), row) in found.into_iter().zip(rows) {
                assert!((mean - row.number("grad_logit")).abs() < 1e-12, "{column}: {mean}");
                assert!((variance - row.number(column)).abs() < 1e-10, "{column}: {variance}");
            }
        }
    }
}

#[test]
fn by_probabilities_every_estimator_is_that_by_logits_over_the_slope() {
    let logits = [0.4, -1.5, 2.0];
    let by_logits = Bernoulli::from_logits(&logits).unwrap();
    let probs = by_logits.probs();
    let by_probs = Bernoulli::from_probs(&probs).unwrap();
    let f = |b: &[f64]| (b[0] + 2.0 * b[1] - b[2] - 0.3).powi(2);
    let check = |a: GradientEstimate<f64>, b: GradientEstimate<f64>| {
        for (i, p) in probs.iter().enumerate() {
            assert!((a.gradient()[i] - b.gradient()[i] * p * (1.0 - p)).abs() < 1e-13);
        }
    };
    let estimate = |p: &Bernoulli<f64>, which: usize| {
        let rng = &mut rng(5);
        match which {
            0 => Arm.estimate(p, &f, 500, rng),
            1 => DisArm.estimate(p, &f, 500, rng),
            2 => Arms::new(4).estimate(p, &f, 500, rng),
            3 => Enumerate.estimate(p, &f, 2, rng),
            4 => LocalExpectation.estimate(p, &f, 500, rng),
            _ => SumAndSample::new(3).estimate(p, &f, 500, rng),
        }
        .unwrap()
    };
    for which in 0..6 {
        check(estimate(&by_logits, which), estimate(&by_probs, which));
    }
}

/// Rows of the table of categorical cases: f and p of one case.
fn case(name: &str) -> (Vec<f64>, Vec<f64>) {
    let table = Table::parse(include_str!("../data/categorical_cases.csv"));
    table.rows().filter(|row| row.text("case") == name).map(|row| (row.number("f"), row.number("p"))).unzip()
}

#[test]
fn sum_and_sample_has_the_exact_total_variance() {
    let mut judged = 0;
    for row in Table::parse(include_str!("../data/categorical_toy.csv")).rows() {
        let Some(heaviest) = row.text("estimator").strip_prefix("sum_sample_top") else { continue };
        if row.text("case") == "kool_eta0" {
            continue; // three bits that share a logit
        }
        let (f, p) = case(row.text("case"));
        let logits: Vec<f64> = p.iter().map(|p| p.ln()).collect();
        let categorical = Categorical::from_logits(&logits, p.len()).unwrap();
        let objective = |z: &[f64]| z.iter().zip(&f).map(|(z, f)| z * f).sum::<f64>();
        let mut estimator = SumAndSample::new(heaviest.parse().unwrap());
        let sampled = sample_batches(&mut estimator, &categorical, &objective, 4000, 9);
        let expected = row.number("total_variance");
        let label = format!("{} top {heaviest}", row.text("case"));
        assert!(
            (sampled.total_variance - expected).abs() <= SIGMAS * sampled.total_variance_error + 1e-13,
            "{label}: {} ± {}, exact {expected}",
            sampled.total_variance,
            sampled.total_variance_error
        );
        let norm = sampled.mean.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!(
            (norm - row.number("grad_norm")).abs() <= SIGMAS * (expected / sampled.samples).sqrt() + 1e-13
        );
        let value: f64 = f.iter().zip(&p).map(|(f, p)| f * p).sum();
        assert!((sampled.value - value).abs() <= SIGMAS * sampled.value_error + 1e-13);
        judged += 1;
    }
    assert_eq!(judged, 4);
}

#[test]
fn local_expectations_of_categories_are_exact_for_one_row_and_unbiased_for_two() {
    let (f, p) = case("K3_skew");
    let logits: Vec<f64> = p.iter().map(|p| p.ln() - 1.0).collect();
    let one = Categorical::from_logits(&logits, 3).unwrap();
    let objective = |z: &[f64]| z.iter().zip(&f).map(|(z, f)| z * f).sum::<f64>();
    let exact = Enumerate.estimate(&one, &objective, 2, &mut rng(1)).unwrap();
    let local = LocalExpectation.estimate(&one, &objective, 200, &mut rng(1)).unwrap();
    assert_eq!(local.evaluations(), 600);
    for i in 0..3 {
        assert!((local.gradient()[i] - exact.gradient()[i]).abs() < 1e-14);
        assert!(local.variance()[i] < 1e-28);
    }
    let two = Categorical::from_logits(&[0.3, -1.0, 0.8, 0.5, 0.5, -2.0], 3).unwrap();
    let product = |z: &[f64]| (z[0] - 2.0 * z[1]) * (z[3] + 3.0 * z[5]) + z[2];
    let exact = Enumerate.estimate(&two, &product, 2, &mut rng(1)).unwrap();
    let local = LocalExpectation.estimate(&two, &product, 40_000, &mut rng(2)).unwrap();
    let summed = SumAndSample::new(4)
        .with_constant_baseline(0.5)
        .estimate(&two, &product, 40_000, &mut rng(3))
        .unwrap();
    for i in 0..6 {
        for estimate in [&local, &summed] {
            let error = estimate.standard_error()[i];
            assert!((estimate.gradient()[i] - exact.gradient()[i]).abs() < 4.2 * error + 1e-14, "{i}");
        }
    }
    let all = SumAndSample::new(50).estimate(&two, &product, 2, &mut rng(4)).unwrap();
    assert_eq!(all.evaluations(), 18);
    for i in 0..6 {
        assert!((all.gradient()[i] - exact.gradient()[i]).abs() < 1e-14 && all.variance()[i] < 1e-28);
    }
}

#[test]
fn outcomes_are_listed_once_each() {
    let two = Categorical::from_logits(&[0.3, -1.0, 0.8, 0.5, 0.5, -2.0], 3).unwrap();
    let bits = Bernoulli::from_logits(&[0.3, -4.0, 2.0]).unwrap();
    let mass = |p: &dyn Fn(usize) -> f64, n: usize| (0..n).map(p).sum::<f64>();
    let of_two = |i: usize| {
        let mut z = [f64::NAN; 6];
        two.outcome(i, &mut z);
        two.log_prob(&z).exp()
    };
    let of_bits = |i: usize| {
        let mut z = [f64::NAN; 3];
        bits.outcome(i, &mut z);
        bits.log_prob(&z).exp()
    };
    assert_eq!((two.outcomes(), bits.outcomes()), (Some(9), Some(8)));
    assert!((mass(&of_two, 9) - 1.0).abs() < 1e-14 && (mass(&of_bits, 8) - 1.0).abs() < 1e-14);
    // By factor: masses and scores are those of the whole.
    let mut z = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    assert_eq!((two.chosen(0, &z), two.chosen(1, &z)), (2, 0));
    let sum: f64 = (0..2).map(|i| two.log_mass(i, two.chosen(i, &z))).sum();
    assert!((sum - two.log_prob(&z)).abs() < 1e-15);
    let (mut score, mut added) = ([0.0; 6], [0.0; 6]);
    two.score(&z, &mut score);
    two.add_score(0, 2, 1.0, &mut added);
    two.add_score(1, 0, 1.0, &mut added);
    for (a, b) in score.iter().zip(added) {
        assert!((a - b).abs() < 1e-15);
    }
    two.choose(0, 1, &mut z);
    assert_eq!(z, [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    assert!(Bernoulli::from_logits(&[0.0; 64]).unwrap().outcomes().is_none());
    assert_eq!(Bernoulli::from_logits(&[0.0; 63]).unwrap().outcomes(), Some(1 << 63));
}

#[test]
fn extreme_logits_and_bad_options_are_handled() {
    let f = |b: &[f32]| b.iter().sum::<f32>();
    let bits = Bernoulli::from_logits(&[1e38f32, -1e38, 0.0]).unwrap();
    // ARM has noise in bits that never change; the others know it.
    assert!(Arm.estimate(&bits, &f, 1000, &mut rng(1)).is_ok());
    for estimate in [
        DisArm.estimate(&bits, &f, 1000, &mut rng(1)),
        Arms::new(4).estimate(&bits, &f, 1000, &mut rng(1)),
        LocalExpectation.estimate(&bits, &f, 1000, &mut rng(1)),
        Enumerate.estimate(&bits, &f, 2, &mut rng(1)),
        SumAndSample::new(2).estimate(&bits, &f, 1000, &mut rng(1)),
    ] {
        let estimate = estimate.unwrap();
        assert_eq!(&estimate.gradient()[..2], [0.0, 0.0]);
        assert!((estimate.gradient()[2] - 0.25).abs() < 0.05);
    }
    let f = |b: &[f64]| b.iter().sum::<f64>();
    let certain = Bernoulli::from_logits(&[1e308, -1e308]).unwrap();
    assert_eq!(Arms::new(3).estimate(&certain, &f, 10, &mut rng(1)).unwrap().gradient(), [0.0; 2]);
    assert_eq!(Bits::<f64>::probability(&certain, 0), Probability::from_upper(0.0));
    let alone = Arms::new(1).estimate(&certain, &f, 10, &mut rng(1));
    assert!(matches!(alone, Err(Error::TooFewDraws { draws: 1 })));
    let many = Bernoulli::from_logits(&[0.0; 40]).unwrap();
    assert!(matches!(Enumerate.estimate(&many, &f, 2, &mut rng(1)), Err(Error::Option { .. })));
    assert!(matches!(SumAndSample::new(1).estimate(&many, &f, 2, &mut rng(1)), Err(Error::Option { .. })));
    // A category that is impossible, and one class only.
    let one = Categorical::from_logits(&[0.7], 1).unwrap();
    assert_eq!(Enumerate.estimate(&one, &f, 2, &mut rng(1)).unwrap().gradient(), [0.0]);
    let impossible = Categorical::from_logits(&[0.0, -1e308, 1.0], 3).unwrap();
    let estimate = Enumerate.estimate(&impossible, &|z: &[f64]| z[0], 2, &mut rng(1)).unwrap();
    assert_eq!(estimate.gradient()[1], 0.0);
    let wide = Categorical::from_logits(&vec![0.0; 10_000], 10_000).unwrap();
    let first = |z: &[f64]| z[0];
    assert!((Enumerate.estimate(&wide, &first, 2, &mut rng(1)).unwrap().value() - 1e-4).abs() < 1e-12);
    // What goes wrong at an outcome is found.
    let nan = |z: &[f64]| if z[2] == 1.0 { f64::NAN } else { 1.0 };
    for error in [
        Enumerate.estimate(&impossible, &nan, 2, &mut rng(1)).unwrap_err(),
        LocalExpectation.estimate(&impossible, &nan, 50, &mut rng(1)).unwrap_err(),
        SumAndSample::new(1).estimate(&impossible, &nan, 50, &mut rng(1)).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NonFiniteObjective { value, .. } if value.is_nan()), "{error}");
    }
}

#[test]
fn the_cost_of_a_gradient_sample_is_counted() {
    let (f, bits) = (|b: &[f64]| b[0], Bernoulli::from_logits(&[0.0; 5]).unwrap());
    let evaluations = |e: Result<GradientEstimate<f64>, Error>| e.unwrap().evaluations();
    assert_eq!(evaluations(DisArm.estimate(&bits, &f, 10, &mut rng(1))), 20);
    assert_eq!(evaluations(Arm.estimate(&bits, &f, 10, &mut rng(1))), 20);
    assert_eq!(evaluations(Arms::new(7).estimate(&bits, &f, 10, &mut rng(1))), 70);
    assert_eq!(evaluations(LocalExpectation.estimate(&bits, &f, 10, &mut rng(1))), 60);
    assert_eq!(evaluations(Enumerate.estimate(&bits, &f, 10, &mut rng(1))), 320);
    assert_eq!(evaluations(SumAndSample::new(3).estimate(&bits, &f, 10, &mut rng(1))), 40);
}

fn weighted_with_slopes() -> impl DifferentiableObjective<f64> {
    Differentiable(|b: &[f64], db: Option<&mut [f64]>| {
        let w = [1.0, -0.5, 0.75, 0.25];
        let sum = b.iter().zip(w).map(|(b, w)| b * w).sum::<f64>() - 0.6;
        if let Some(db) = db {
            for (db, w) in db.iter_mut().zip(w) {
                *db = 2.0 * sum * w;
            }
        }
        sum * sum
    })
}

#[test]
fn double_control_variates_have_the_mean_and_variance_of_all_pairs() {
    let f = weighted_with_slopes();
    let logits = [0.4, -1.0, 0.0, 1.2];
    let bits = Bernoulli::from_logits(&logits).unwrap();
    let exact = Enumerate.estimate(&bits, &f, 2, &mut rng(1)).unwrap();
    let p = bits.probs();
    for alpha in [0.0, 0.5, 1.0] {
        // Both draws of a pair, by the formula, written out.
        let (mut mean, mut square) = ([0.0; 4], [0.0; 4]);
        for pair in 0..256 {
            let draw = |index: usize| {
                let (mut z, mut dz) = ([0.0; 4], [0.0; 4]);
                bits.outcome(index, &mut z);
                let value = f.value_and_gradient(&z, &mut dz);
                (z, value, dz, bits.log_prob(&z).exp())
            };
            let (a, b) = (draw(pair % 16), draw(pair / 16));
            for i in 0..4 {
                let one = |a: &([f64; 4], f64, [f64; 4], f64), b: &([f64; 4], f64, [f64; 4], f64)| {
                    let linear: f64 = (0..4).map(|j| b.2[j] * (a.0[j] - b.0[j])).sum();
                    (a.1 - b.1 - alpha * linear) * (a.0[i] - p[i]) + alpha * b.2[i] * p[i] * (1.0 - p[i])
                };
                let g = 0.5 * (one(&a, &b) + one(&b, &a));
                mean[i] += a.3 * b.3 * g;
                square[i] += a.3 * b.3 * g * g;
            }
        }
        let mut estimator = DoubleControl::new(2).with_weight(alpha);
        let sampled = sample_batches(&mut estimator, &bits, &f, 6000, 11);
        for i in 0..4 {
            assert!((mean[i] - exact.gradient()[i]).abs() < 1e-12);
            let label = format!("α = {alpha}, bit {i}");
            assert!(sampled.check(i, mean[i], square[i] - mean[i] * mean[i], SIGMAS, &label), "{label}");
        }
    }
}

#[test]
fn double_control_variates_are_exact_for_linear_objectives_and_learn_from_spent_samples() {
    let bits = Bernoulli::from_logits(&[0.4, -1.0, 0.0, 1.2]).unwrap();
    let linear = (
        |b: &[f64]| b[0] - 2.0 * b[2],
        |b: &[f64], db: &mut [f64]| {
            db.copy_from_slice(&[1.0, 0.0, -2.0, 0.0]);
            b[0] - 2.0 * b[2]
        },
    );
    let sure = DoubleControl::new(3).with_weight(1.0).estimate(&bits, &linear, 100, &mut rng(1)).unwrap();
    let p = bits.probs();
    assert!((sure.gradient()[2] + 2.0 * p[2] * (1.0 - p[2])).abs() < 1e-15);
    assert!(sure.total_variance() < 1e-28);

    let f = weighted_with_slopes();
    let mut estimator = DoubleControl::new(2);
    let first = estimator.estimate(&bits, &f, 20_000, &mut rng(2)).unwrap();
    // The first call subtracts nothing more than leave-one-out does.
    let mut plain = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 2 });
    let plain = plain.estimate(&bits, &f, 20_000, &mut rng(3)).unwrap();
    assert!((first.total_variance() / plain.total_variance() - 1.0).abs() < 0.1);
    let learned = estimator.learned().to_vec();
    let second = estimator.estimate(&bits, &f, 20_000, &mut rng(4)).unwrap();
    // The best α and the variance that it leaves, over all pairs of draws.
    for i in 0..4 {
        let (mut square, mut product, mut control) = (0.0, 0.0, 0.0);
        for pair in 0..256 {
            let draw = |index: usize| {
                let (mut z, mut dz) = ([0.0; 4], [0.0; 4]);
                bits.outcome(index, &mut z);
                let value = f.value_and_gradient(&z, &mut dz);
                (z, value, dz, bits.log_prob(&z).exp())
            };
            let (a, b) = (draw(pair % 16), draw(pair / 16));
            let linear = |own: &[f64; 4], other: &[f64; 4], slopes: &[f64; 4]| -> f64 {
                (0..4).map(|j| slopes[j] * (own[j] - other[j])).sum()
            };
            let g = 0.5 * (a.1 - b.1) * (a.0[i] - b.0[i]);
            let h = 0.5 * (a.2[i] + b.2[i]) * p[i] * (1.0 - p[i])
                - 0.5 * linear(&a.0, &b.0, &b.2) * (a.0[i] - p[i])
                - 0.5 * linear(&b.0, &a.0, &a.2) * (b.0[i] - p[i]);
            let weight = a.3 * b.3;
            square += weight * g * g;
            product += weight * g * h;
            control += weight * h * h;
        }
        let mean = Enumerate.estimate(&bits, &f, 2, &mut rng(1)).unwrap().gradient()[i];
        let best = square - mean * mean - product * product / control;
        assert!((learned[i] + product / control).abs() < 0.05, "{} {}", learned[i], -product / control);
        assert!((second.variance()[i] / best - 1.0).abs() < 0.1, "{} {best}", second.variance()[i]);
    }
    assert!(second.total_variance() < 0.8 * first.total_variance());
    let exact = Enumerate.estimate(&bits, &f, 2, &mut rng(1)).unwrap();
    for i in 0..4 {
        assert!((second.gradient()[i] - exact.gradient()[i]).abs() < 4.2 * second.standard_error()[i]);
    }
    // What was learned for four bits is no good for two, and nothing changes.
    let two = Bernoulli::from_logits(&[0.0, 0.0]).unwrap();
    let few = (
        |b: &[f64]| b[0],
        |b: &[f64], db: &mut [f64]| {
            db.copy_from_slice(&[1.0, 0.0]);
            b[0]
        },
    );
    assert!(matches!(estimator.estimate(&two, &few, 10, &mut rng(1)), Err(Error::Length { .. })));
    let alone = DoubleControl::new(1).estimate(&two, &few, 10, &mut rng(1));
    assert!(matches!(alone, Err(Error::TooFewDraws { draws: 1 })));
    let mut nan = DoubleControl::new(2).with_weight(f64::NAN);
    assert!(matches!(nan.estimate(&two, &few, 10, &mut rng(1)), Err(Error::Option { option: "weight", .. })));
}

#[test]
fn antithetic_sticks_are_unbiased_and_two_classes_are_disarm() {
    let logits = [0.3, -1.0, 0.8, -0.2, 0.5, 0.5, -2.0, 1.0];
    let rows = Categorical::from_logits(&logits, 4).unwrap();
    let f = |z: &[f64]| (z[0] - 2.0 * z[1] + 0.5 * z[2] + z[4] - z[7]).powi(2) + z[3] * z[6];
    let exact = Enumerate.estimate(&rows, &f, 2, &mut rng(1)).unwrap();
    let sampled = sample_batches(&mut DisArmSticks, &rows, &f, 8000, 12);
    for i in 0..8 {
        let error = (sampled.variance[i] / sampled.samples).sqrt();
        assert!((sampled.mean[i] - exact.gradient()[i]).abs() < 4.5 * error, "{i}");
    }
    assert!((sampled.value - exact.value()).abs() < 4.5 * sampled.value_error);
    // Two classes: the first logit less the second is the bit's.
    let table = Table::parse(include_str!("../data/bernoulli_toy.csv"));
    for row in table.rows().filter(|row| row.number("logit").abs() <= 2.0) {
        let p0 = row.number("p0");
        let two = Categorical::from_logits(&[row.number("logit"), 0.0], 2).unwrap();
        let sampled = sample_batches(&mut DisArmSticks, &two, &|z: &[f64]| (z[0] - p0).powi(2), 2000, 13);
        let (mean, variance) = (row.number("grad_logit"), row.number("var_disarm"));
        sampled.check(0, mean, variance, SIGMAS, "first");
        sampled.check(1, -mean, variance, SIGMAS, "second");
    }
    // By probabilities, at extremes, with one class, and with ten thousand.
    let by_probs = Categorical::from_probs(rows.probs(), 4).unwrap();
    let estimate = DisArmSticks.estimate(&by_probs, &f, 2000, &mut rng(5)).unwrap();
    let same = DisArmSticks.estimate(&rows, &f, 2000, &mut rng(5)).unwrap();
    for i in 0..8 {
        assert!((estimate.gradient()[i] * rows.probs()[i] - same.gradient()[i]).abs() < 1e-10);
    }
    let extreme = Categorical::from_logits(&[1e308, -1e308, 0.0], 3).unwrap();
    let estimate = DisArmSticks.estimate(&extreme, &|z: &[f64]| z[0], 100, &mut rng(6)).unwrap();
    assert_eq!(estimate.gradient(), [0.0; 3]);
    let one = Categorical::from_logits(&[0.3], 1).unwrap();
    assert_eq!(DisArmSticks.estimate(&one, &|z: &[f64]| z[0], 10, &mut rng(7)).unwrap().gradient(), [0.0]);
    let wide = Categorical::from_logits(&vec![0.0f32; 10_000], 10_000).unwrap();
    assert!(DisArmSticks.estimate(&wide, &|z: &[f32]| z[17], 20, &mut rng(8)).is_ok());
}
