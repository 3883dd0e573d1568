//! Rankings, k-subsets and draws without replacement, against exact tables and sums over all orders.

use crate::common::shared_bits::SharedBits;
use crate::common::{Sampled, Table, rng, sample_batches};
use reparam::prelude::*;
use reparam::{FiniteSupport, LogDensity, verify};

/// Bonferroni: about 40 comparisons in one test; 4.8 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 4.8;

/// The values of the items in `tests/data/subset_k2_of_5.csv`; the objective is the square of a set's sum.
const VALUES: [f64; 5] = [1.0, -0.5, 2.0, 0.25, -1.5];

fn square_of_sum(z: &[f64]) -> f64 {
    z.iter().zip(VALUES).map(|(z, v)| z * v).sum::<f64>().powi(2)
}

fn square_of_listed(z: &[f64]) -> f64 {
    z.iter().map(|&item| VALUES[item as usize]).sum::<f64>().powi(2)
}

/// Mean and variance of the score function by the distribution's own list of outcomes.
fn exact<D: FiniteSupport<f64>>(p: &D, f: impl Fn(&[f64]) -> f64) -> (f64, Vec<f64>, Vec<f64>) {
    let n = p.params().len();
    let (mut z, mut score) = (vec![0.0; p.dim()], vec![0.0; n]);
    let (mut value, mut total, mut mean, mut square) = (0.0, 0.0, vec![0.0; n], vec![0.0; n]);
    for index in 0..p.outcomes().unwrap() {
        p.outcome(index, &mut z);
        let mass = p.log_prob(&z).exp();
        p.score(&z, &mut score);
        total += mass;
        value += mass * f(&z);
        for i in 0..n {
            mean[i] += mass * f(&z) * score[i];
            square[i] += mass * (f(&z) * score[i]).powi(2);
        }
    }
    assert!((total - 1.0).abs() < 1e-14, "{total}");
    let variance = mean.iter().zip(&square).map(|(m, s)| s - m * m).collect();
    (value, mean, variance)
}

#[test]
fn every_row_of_two_of_five_has_the_exact_mean_and_variance() {
    let table = Table::parse(include_str!("../data/subset_k2_of_5.csv"));
    let logits: Vec<f64> = table.rows().take(5).map(|row| row.number("logit")).collect();
    let sets = Subsets::new(&logits, 2).unwrap();
    let lists = PlackettLuce::top(&logits, 2).unwrap();
    let conditional = ConditionalBernoulli::new(&logits, 2).unwrap();
    let mut plain = ScoreFunction::new();
    let sampled: [Sampled; 3] = [
        sample_batches(&mut plain, &sets, &square_of_sum, 6000, 1),
        sample_batches(&mut plain, &lists, &square_of_listed, 6000, 2),
        sample_batches(&mut plain, &conditional, &square_of_sum, 6000, 3),
    ];
    let listed =
        [exact(&sets, square_of_sum), exact(&lists, square_of_listed), exact(&conditional, square_of_sum)];
    for row in table.rows() {
        let i = row.number("coord") as usize;
        let which: &[(usize, &str)] = match row.text("distribution") {
            "gumbel_top_k" => &[(0, "var_sf_set_score"), (1, "var_sf_ordered_score")],
            _ => &[(2, "var_sf_set_score"), (2, "var_sf_ordered_score")],
        };
        for &(which, column) in which {
            let (mean, variance) = (row.number("grad_logit"), row.number(column));
            assert!(sampled[which].check(i, mean, variance, SIGMAS, column), "{column}");
            assert!((sampled[which].value - row.number("Ef")).abs() < SIGMAS * sampled[which].value_error);
            let (value, means, variances) = &listed[which];
            assert!((value - row.number("Ef")).abs() < 1e-13);
            assert!((means[i] - mean).abs() < 1e-13, "{column} {i}: {} {mean}", means[i]);
            assert!((variances[i] - variance).abs() < 1e-12, "{column} {i}: {} {variance}", variances[i]);
        }
    }
}

#[test]
fn the_law_of_a_set_is_the_sum_over_its_orders_and_its_score_their_mean() {
    let logits: [f64; 6] = [0.8, 0.2, -3.0, -0.4, 1.7, 0.0];
    for k in 1..=6 {
        let (sets, lists) = (Subsets::new(&logits, k).unwrap(), PlackettLuce::top(&logits, k).unwrap());
        let count = sets.outcomes().unwrap();
        let mut mass = vec![0.0; count];
        let mut mean_score = vec![[0.0; 6]; count];
        let (mut z, mut list, mut score) = ([0.0; 6], vec![0.0; k], [0.0; 6]);
        for index in 0..lists.outcomes().unwrap() {
            lists.outcome(index, &mut list);
            let p = lists.log_prob(&list).exp();
            lists.score(&list, &mut score);
            let set = (0..count).find(|&set| {
                sets.outcome(set, &mut z);
                list.iter().all(|&item| z[item as usize] == 1.0)
            });
            let set = set.unwrap();
            mass[set] += p;
            mean_score[set].iter_mut().zip(score).for_each(|(mean, s)| *mean += p * s);
        }
        assert!((mass.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        for (set, mass) in mass.iter().enumerate() {
            sets.outcome(set, &mut z);
            assert_eq!(z.iter().sum::<f64>(), k as f64);
            assert!((sets.log_prob(&z) - mass.ln()).abs() < 1e-13);
            sets.score(&z, &mut score);
            for (found, expected) in score.iter().zip(mean_score[set]) {
                assert!((found - expected / mass).abs() < 1e-13, "{k} {z:?}");
            }
        }
    }
}

#[test]
fn scores_are_derivatives_and_belong_to_the_samplers() {
    let logits = [0.8, 0.2, -2.0, -0.4, 1.7];
    fn check<D: LogDensity<f64> + Clone>(p: &D, z: &[f64]) {
        verify::score(p, z).unwrap().within(1e-7).unwrap();
        assert!(verify::score_identities(p, 40_000, &mut rng(3)).unwrap().p_value() > 1e-3);
    }
    check(&PlackettLuce::new(&logits).unwrap(), &[3.0, 0.0, 4.0, 1.0, 2.0]);
    check(&PlackettLuce::top(&logits, 3).unwrap(), &[2.0, 4.0, 0.0]);
    check(&Subsets::new(&logits, 3).unwrap(), &[1.0, 0.0, 1.0, 1.0, 0.0]);
    check(&ConditionalBernoulli::new(&logits, 3).unwrap(), &[1.0, 0.0, 1.0, 1.0, 0.0]);
    let set = ConditionalBernoulli::new(&logits, 3).unwrap();
    let (mut mean, mut variance) = ([0.0; 5], [0.0; 5]);
    set.mean(&mut mean);
    set.variance(&mut variance);
    let (_, _, _) = exact(&set, |_| 0.0);
    for i in 0..5 {
        let (inclusion, ..) = exact(&set, |z| z[i]);
        assert!(
            (mean[i] - inclusion).abs() < 1e-15
                && (variance[i] - inclusion * (1.0 - inclusion)).abs() < 1e-15
        );
    }
}

#[test]
fn samples_have_the_listed_masses() {
    fn check<D: FiniteSupport<f64>>(p: &D, seed: u64) {
        const DRAWS: usize = 60_000;
        let dim = p.dim();
        let mut z = vec![0.0; DRAWS * dim];
        p.sample(&mut rng(seed), &mut z);
        let (mut outcome, mut chi_square, count) = (vec![0.0; dim], 0.0, p.outcomes().unwrap());
        for index in 0..count {
            p.outcome(index, &mut outcome);
            let expected = DRAWS as f64 * p.log_prob(&outcome).exp();
            let found = z.chunks(dim).filter(|z| **z == *outcome).count() as f64;
            chi_square += (found - expected).powi(2) / expected;
        }
        let degrees = count as f64 - 1.0;
        assert!(chi_square < degrees + 4.5 * (2.0 * degrees).sqrt(), "{chi_square} of {degrees}");
    }
    let logits = [0.8, 0.2, 0.0, -0.4, -1.0];
    check(&Subsets::new(&logits, 2).unwrap(), 1);
    check(&Subsets::new(&logits, 4).unwrap(), 2);
    check(&ConditionalBernoulli::new(&logits, 3).unwrap(), 3);
    check(&PlackettLuce::new(&logits[..4]).unwrap(), 4);
    check(&PlackettLuce::top(&logits, 2).unwrap(), 5);
    // A hundred items in all: more than stand on the stack.
    check(&PlackettLuce::top(&vec![1.0; 100], 1).unwrap(), 6);
    check(&Subsets::new(&vec![-2.0; 70], 1).unwrap(), 7);
}

#[test]
fn extreme_logits_make_certain_sets_and_no_nan() {
    fn check<D: LogDensity<T>, T: reparam::Real>(p: &D, label: &str) {
        let mut z = vec![T::zero(); 100 * p.dim()];
        p.sample(&mut rng(1), &mut z);
        let mut score = vec![T::zero(); p.params().len()];
        for z in z.chunks(p.dim()) {
            let ln_p = p.log_prob(z);
            assert!(ln_p > T::of(-20.0) && ln_p <= T::of(1e-9), "{label}: {ln_p}");
            p.score(z, &mut score);
            assert!(score.iter().all(|s| s.abs() <= T::of(3.0)), "{label}: {score:?}");
        }
    }
    let (single, double) = ([1e38f32, 0.0, -1e38, 1e38, 1.0], [1e308, 0.0, -1e308, 1e308, 1.0]);
    for k in 1..=3 {
        check(&Subsets::new(&single, k).unwrap(), "sets");
        check(&Subsets::new(&double, k).unwrap(), "sets");
        check(&PlackettLuce::top(&single, k).unwrap(), "lists");
        check(&PlackettLuce::top(&double, k).unwrap(), "lists");
        check(&ConditionalBernoulli::new(&[100f32, 0.0, -100.0, 100.0, 1.0], k).unwrap(), "conditional");
        check(&ConditionalBernoulli::new(&[1e4, 0.0, -1e4, 1e4, 1.0], k).unwrap(), "conditional");
    }
    // Both of the huge ones come, in either order; then 4 or 1 by their own logits.
    let p = PlackettLuce::top(&double, 3).unwrap();
    let share = 1.0 / (1.0 + (-1f64).exp());
    assert!((p.log_prob(&[0.0, 3.0, 4.0]) - (0.5 * share).ln()).abs() < 1e-14);
    let p = Subsets::new(&double, 3).unwrap();
    assert!((p.log_prob(&[1.0, 0.0, 0.0, 1.0, 1.0]) - share.ln()).abs() < 1e-14);
    let all = ConditionalBernoulli::new(&[1e308, -1e308], 2).unwrap();
    let mut score = [f64::NAN; 2];
    all.score(&[1.0, 1.0], &mut score);
    assert_eq!((all.log_prob(&[1.0, 1.0]), score), (0.0, [0.0; 2]));
}

#[test]
fn what_is_no_set_or_ranking_has_no_probability_and_bad_numbers_are_refused() {
    let logits = [0.0, 1.0, 2.0];
    let set = Subsets::new(&logits, 2).unwrap();
    let conditional = ConditionalBernoulli::new(&logits, 2).unwrap();
    for z in [[1.0, 0.0, 0.0], [1.0; 3], [0.5, 0.5, 1.0], [2.0, 0.0, 0.0], [f64::NAN, 1.0, 1.0]] {
        assert_eq!((set.log_prob(&z), conditional.log_prob(&z)), (f64::NEG_INFINITY, f64::NEG_INFINITY));
    }
    let ranking = PlackettLuce::new(&logits).unwrap();
    for z in [[0.0, 1.0, 1.0], [0.0, 1.0, 3.0], [0.0, 0.5, 2.0], [-1.0, 0.0, 1.0], [0.0, 1.0, f64::NAN]] {
        assert_eq!(ranking.log_prob(&z), f64::NEG_INFINITY);
    }
    for k in [0, 4] {
        assert!(matches!(Subsets::new(&logits, k), Err(Error::Option { option: "chosen", .. })));
        assert!(matches!(ConditionalBernoulli::new(&logits, k), Err(Error::Option { .. })));
        assert!(matches!(PlackettLuce::top(&logits, k), Err(Error::Option { .. })));
    }
    assert!(matches!(Subsets::new(&[0.0; 40], 17), Err(Error::Option { .. })));
    assert!(matches!(PlackettLuce::<f64>::new(&[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(Subsets::new(&[f64::INFINITY, 0.0], 1), Err(Error::NonFiniteParameter { .. })));
    assert!(PlackettLuce::new(&[0.0; 30]).unwrap().outcomes().is_none());
    assert!(ConditionalBernoulli::new(&[0.0; 100], 50).unwrap().outcomes().is_none());
    assert_eq!(ConditionalBernoulli::new(&[0.0; 60], 30).unwrap().outcomes(), Some(118_264_581_564_861_424));
}

#[test]
fn unordered_sets_have_the_exact_total_variance() {
    let mut judged = 0;
    let cases = Table::parse(include_str!("../data/categorical_cases.csv"));
    for row in Table::parse(include_str!("../data/categorical_toy.csv")).rows() {
        let Some(name) = row.text("estimator").strip_prefix("unordered") else { continue };
        let draws = name.trim_end_matches("_bl").parse().unwrap();
        let mut estimator = UnorderedSet::new(draws);
        if name.ends_with("_bl") {
            estimator = estimator.with_built_in_baseline();
        }
        let case = || cases.rows().filter(|case| case.text("case") == row.text("case"));
        let f: Vec<f64> = case().map(|row| row.number("f")).collect();
        let p: Vec<f64> = case().map(|row| row.number("p")).collect();
        let sampled = if row.text("case") == "kool_eta0" {
            let bits = SharedBits::new(0.0);
            let f = |b: &[f64]| f[(4.0 * b[0] + 2.0 * b[1] + b[2]) as usize];
            sample_batches(&mut estimator, &bits, &f, 1500, 9)
        } else {
            let logits: Vec<f64> = p.iter().map(|p| p.ln() + 0.3).collect();
            let categorical = Categorical::from_logits(&logits, p.len()).unwrap();
            let f = |z: &[f64]| z.iter().zip(&f).map(|(z, f)| z * f).sum::<f64>();
            sample_batches(&mut estimator, &categorical, &f, 4000, 9)
        };
        let (label, expected) = (format!("{} {name}", row.text("case")), row.number("total_variance"));
        assert!(
            (sampled.total_variance - expected).abs() <= SIGMAS * sampled.total_variance_error + 1e-13,
            "{label}: {} ± {}, exact {expected}",
            sampled.total_variance,
            sampled.total_variance_error
        );
        let norm = sampled.mean.iter().map(|g| g * g).sum::<f64>().sqrt();
        let error = (expected / sampled.samples).sqrt();
        assert!((norm - row.number("grad_norm")).abs() <= SIGMAS * error + 1e-13, "{label}: {norm}");
        let value: f64 = f.iter().zip(&p).map(|(f, p)| f * p).sum();
        assert!((sampled.value - value).abs() <= SIGMAS * sampled.value_error + 1e-13, "{label}");
        judged += 1;
    }
    assert_eq!(judged, 14);
}

#[test]
fn unordered_sets_are_exact_where_they_are_everything_and_plain_where_they_are_one() {
    let two = Categorical::from_logits(&[0.3, -1.0, 0.8, 0.5, 0.5, -2.0], 3).unwrap();
    let product = |z: &[f64]| (z[0] - 2.0 * z[1]) * (z[3] + 3.0 * z[5]) + z[2];
    let exact = Enumerate.estimate(&two, &product, 2, &mut rng(1)).unwrap();
    for draws in [9, 16] {
        let all = UnorderedSet::new(draws).with_built_in_baseline();
        let all = { all }.estimate(&two, &product, 5, &mut rng(1)).unwrap();
        assert_eq!(all.evaluations(), 45);
        for i in 0..6 {
            assert!((all.gradient()[i] - exact.gradient()[i]).abs() < 1e-13 && all.variance()[i] < 1e-25);
        }
    }
    // Seven of nine: tables beyond the stack.
    for mut some in [UnorderedSet::new(7), UnorderedSet::new(4).with_built_in_baseline()] {
        let some = some.estimate(&two, &product, 10_000, &mut rng(2)).unwrap();
        for i in 0..6 {
            assert!((some.gradient()[i] - exact.gradient()[i]).abs() < 4.2 * some.standard_error()[i]);
        }
    }
    let one = sample_batches(&mut UnorderedSet::new(1), &two, &product, 2000, 3);
    let plain = sample_batches(&mut ScoreFunction::new(), &two, &product, 2000, 4);
    for i in 0..6 {
        let error = one.variance_error[i].hypot(plain.variance_error[i]);
        assert!((one.variance[i] - plain.variance[i]).abs() < 4.2 * error);
    }
    // With the baseline a constant has no gradient at all.
    let constant = UnorderedSet::new(2).with_built_in_baseline();
    let constant = { constant }.estimate(&two, &|_: &[f64]| 7.0, 100, &mut rng(1)).unwrap();
    assert_eq!((constant.value(), constant.gradient()), (7.0, &[0.0; 6][..]));
}

#[test]
fn impossible_outcomes_are_not_drawn_and_bad_options_are_refused() {
    let p = Categorical::from_logits(&[1e38f32, -1e38, 1e38], 3).unwrap();
    let f = |z: &[f32]| if z[1] == 1.0 { f32::NAN } else { z[0] };
    let estimate = UnorderedSet::new(2).estimate(&p, &f, 50, &mut rng(1)).unwrap();
    assert!((estimate.gradient()[0] - 0.25).abs() < 1e-6 && estimate.variance()[0] < 1e-12);
    assert!((estimate.value() - 0.5).abs() < 1e-6);
    let certain = Categorical::from_logits(&[1e308, 0.0, -1e308], 3).unwrap();
    let first = |z: &[f64]| z[0];
    let three = UnorderedSet::new(3).with_built_in_baseline();
    let estimate = { three }.estimate(&certain, &first, 50, &mut rng(1)).unwrap();
    assert_eq!((estimate.value(), estimate.gradient()), (1.0, &[0.0; 3][..]));
    for draws in [0, 17] {
        let refused = UnorderedSet::new(draws).estimate(&certain, &first, 50, &mut rng(1));
        assert!(matches!(refused, Err(Error::Option { option: "draws", .. })));
    }
    let one = UnorderedSet::new(1).with_built_in_baseline().estimate(&certain, &first, 50, &mut rng(1));
    assert!(matches!(one, Err(Error::TooFewDraws { draws: 1 })));
    let many = Bernoulli::from_logits(&[0.0; 40]).unwrap();
    let sum = |z: &[f64]| z.iter().sum::<f64>();
    let error = UnorderedSet::new(2).estimate(&many, &sum, 2, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::Option { option: "outcomes", .. }));
    let nan = |z: &[f64]| if z[1] == 1.0 { f64::NAN } else { 1.0 };
    let p = Categorical::from_logits(&[0.0, 0.0, 0.0], 3).unwrap();
    let error = UnorderedSet::new(2).estimate(&p, &nan, 50, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjective { value, .. } if value.is_nan()));
}
