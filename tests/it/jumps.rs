//! `SmoothedPerturbation`, and the counts that wait, against exact means and variances.

use crate::common::counts::{moments, objective_of_counts, setting};
use crate::common::{Sampled, Table, rng, sample_batches};
use reparam::prelude::*;
use reparam::{Distribution, Jump};

/// Bonferroni: about 120 comparisons in one test; 5 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 5.0;

#[test]
fn every_row_of_counts_has_the_exact_mean_and_variance() {
    fn judge<E, D, F>(estimator: &mut E, p: &D, f: &F, exact: (f64, f64), label: &str, seed: u64) -> usize
    where
        D: Distribution<f64>,
        F: Objective<f64>,
        E: GradientEstimator<f64, D, F>,
    {
        let sampled: Sampled = sample_batches(estimator, p, f, 6000, seed);
        usize::from(sampled.check(0, exact.0, exact.1, SIGMAS, label))
    }
    let (mut jumps, mut others, mut all) = (0, 0, 0);
    for (i, row) in Table::parse(include_str!("../data/integer_valued.csv")).rows().enumerate() {
        let (f, seed) = (objective_of_counts(row.text("f")), 300 + i as u64);
        let objective = move |x: &[f64]| f(x[0]);
        let label = format!("{} {} {}", row.text("family"), row.text("params"), row.text("f"));
        let jump = (row.number("grad"), row.number("var_jump_coupled"));
        let (score, pair) =
            ((row.number("grad"), row.number("var_sf")), (row.number("grad"), row.number("var_sf_loo2")));
        let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 2 });
        let mut smoothed = SmoothedPerturbation;
        macro_rules! judge_all {
            ($p:expr) => {{
                let p = $p;
                // Without sampling: over all counts.
                let cases = (0..3000).map(|k| {
                    let (mut z, at) = ([f64::from(k)], f(f64::from(k)));
                    let mass = p.log_prob(&z).exp();
                    let weight = if mass > 0.0 { p.jump(0, &mut z) } else { 0.0 };
                    (mass, weight * (f(z[0]) - at))
                });
                let (mean, variance) = moments(cases);
                // The table has 11 digits of the smallest, which is 30 · 406 · 0.9² · 10⁻²⁷.
                assert!((mean / jump.0 - 1.0).abs() < 2e-11, "{label}: {mean}");
                assert!((variance / jump.1 - 1.0).abs() < 1e-10, "{label}: {variance}");
                if mean.abs() < 1e-20 {
                    continue; // P(x < 3) = 1e-24: no sampling can speak
                }
                jumps += judge(&mut smoothed, &p, &objective, jump, &label, seed);
                others += judge(&mut ScoreFunction::new(), &p, &objective, score, &label, seed);
                others += judge(&mut loo, &p, &objective, pair, &label, seed);
            }};
        }
        let waiting = |r: f64, p: f64| {
            // The failures before one more success, with and without a further one.
            let law = NegativeBinomial::from_probs(&[r + 1.0], &[p]).unwrap();
            let at = move |k: usize| (law.log_prob(&[k as f64]).exp(), k as f64);
            let weight = r / p / p;
            let coupled = moments((0..2000).map(at.clone()).map(|(w, k)| (w, weight * (f(k) - f(k + 1.0)))));
            let side =
                |shift: f64| moments((0..2000).map(at.clone()).map(|(w, k)| (w, weight * f(k + shift)))).1;
            assert!((coupled.0 - jump.0).abs() < 1e-11 * jump.0.abs(), "{label}");
            [coupled, (jump.0, side(0.0) + side(1.0))]
        };
        let weak = [MeasureValued::coupled(), MeasureValued::uncoupled()];
        match row.text("family") {
            "Poisson" => judge_all!(Poisson::new(&[setting(&row, "lambda")]).unwrap()),
            "Binomial" => {
                judge_all!(
                    Binomial::from_probs(&[setting(&row, "n") as u64], &[setting(&row, "p")]).unwrap()
                );
            }
            "Geometric" => {
                let p = setting(&row, "p");
                let law = Geometric::from_probs(&[p]).unwrap();
                for (mut weak, exact) in weak.into_iter().zip(waiting(1.0, p)) {
                    others += judge(&mut weak, &law, &objective, exact, &label, seed);
                }
                judge_all!(law);
            }
            _ => {
                let (r, p) = (setting(&row, "r"), setting(&row, "p"));
                let law = Frozen::new(NegativeBinomial::from_probs(&[r], &[p]).unwrap(), &["r"]).unwrap();
                for (mut weak, exact) in weak.into_iter().zip(waiting(r, p)) {
                    others += judge(&mut weak, &law, &objective, exact, &label, seed);
                }
                judge_all!(law);
            }
        }
        all += 1;
    }
    assert!(all == 15 && jumps >= 14 && others >= 34, "{all} {jumps} {others}");
}

#[test]
fn by_logits_each_jump_is_that_by_probabilities_times_the_slope() {
    let (logits, f) = ([0.4, -1.5], |k: &[f64]| (0.3 * k[0]).sin() + k[1] * k[0]);
    let probs = logits.map(|l: f64| 1.0 / (1.0 + (-l).exp()));
    fn check<A, B>(a: &A, b: &B, f: &impl Fn(&[f64]) -> f64, probs: [f64; 2])
    where
        A: Jump<f64>,
        B: Jump<f64>,
    {
        let a = SmoothedPerturbation.estimate(a, f, 1000, &mut rng(1)).unwrap();
        let b = SmoothedPerturbation.estimate(b, f, 1000, &mut rng(1)).unwrap();
        assert_eq!(a.evaluations(), 3000);
        for (i, p) in probs.into_iter().enumerate() {
            let slope = p * (1.0 - p);
            assert!(
                (a.gradient()[i] - slope * b.gradient()[i]).abs() < 1e-12 * (1.0 + a.gradient()[i].abs())
            );
        }
    }
    check(
        &Binomial::from_logits(&[7, 12], &logits).unwrap(),
        &Binomial::from_probs(&[7, 12], &probs).unwrap(),
        &f,
        probs,
    );
    check(&Geometric::from_logits(&logits).unwrap(), &Geometric::from_probs(&probs).unwrap(), &f, probs);
    check(&Bernoulli::from_logits(&logits).unwrap(), &Bernoulli::from_probs(&probs).unwrap(), &f, probs);
    let frozen = |p: NegativeBinomial<f64>| Frozen::new(p, &["r"]).unwrap();
    check(
        &frozen(NegativeBinomial::from_logits(&[0.7, 3.0], &logits).unwrap()),
        &frozen(NegativeBinomial::from_probs(&[0.7, 3.0], &probs).unwrap()),
        &f,
        probs,
    );
}

#[test]
fn bits_and_categories_have_the_exact_mean_and_variance() {
    let w = [1.0, -0.5, 0.75, 0.25];
    let f = move |b: &[f64]| (b.iter().zip(w).map(|(b, w)| b * w).sum::<f64>() - 0.6).powi(2);
    for logits in [[0.4, -1.5, 2.0, 0.0], [-3.0, 1.0, 0.2, -0.2]] {
        let bits = Bernoulli::from_logits(&logits).unwrap();
        let sampled = sample_batches(&mut SmoothedPerturbation, &bits, &f, 5000, 5);
        let probs = bits.probs();
        for (i, &p) in probs.iter().enumerate() {
            // min(p, q) (f(1) − f(0)) where the bit has its likelier value.
            let cases = (0..16).map(|index| {
                let mut z = [0.0; 4];
                bits.outcome(index, &mut z);
                let mass = bits.log_prob(&z).exp();
                let likelier = (z[i] == 1.0) == (p > 0.5);
                z[i] = 1.0;
                let above = f(&z);
                z[i] = 0.0;
                (mass, if likelier { p.min(1.0 - p) * (above - f(&z)) } else { 0.0 })
            });
            let (mean, variance) = moments(cases);
            let exact = Enumerate.estimate(&bits, &f, 2, &mut rng(1)).unwrap();
            assert!((exact.gradient()[i] - mean).abs() < 1e-14);
            assert!(sampled.check(i, mean, variance, SIGMAS, "bits"));
        }
    }
    // Categories by logits: the jump is the weak derivative. By probabilities, along the simplex.
    let logits = [0.3, -1.0, 0.8, 0.5, 0.5, -2.0];
    let f = |z: &[f64]| (z[0] - 2.0 * z[1]) * (z[3] + 3.0 * z[5]) + z[2];
    let by_logits = Categorical::from_logits(&logits, 3).unwrap();
    let jump = SmoothedPerturbation.estimate(&by_logits, &f, 3000, &mut rng(2)).unwrap();
    let weak = MeasureValued::coupled().estimate(&by_logits, &f, 3000, &mut rng(2)).unwrap();
    assert_eq!(jump.variance(), weak.variance());
    let by_probs = Categorical::from_probs(by_logits.probs(), 3).unwrap();
    let along = SmoothedPerturbation.estimate(&by_probs, &f, 3000, &mut rng(2)).unwrap();
    for (i, p) in by_logits.probs().iter().enumerate() {
        assert!((along.gradient()[i] * p - jump.gradient()[i]).abs() < 1e-13);
    }
}

#[test]
fn a_product_and_many_parameters_jump_each_on_its_own() {
    let joint = Product::new(Binomial::from_logits(&[9], &[0.4]).unwrap(), Poisson::new(&[3.0]).unwrap());
    let f = |z: &[f64]| z[0] * z[0] * z[1];
    let estimate = SmoothedPerturbation.estimate(&joint, &f, 40_000, &mut rng(2)).unwrap();
    let exact = MeasureValued::coupled().estimate(&joint, &f, 40_000, &mut rng(3)).unwrap();
    for i in 0..2 {
        let error = estimate.standard_error()[i].hypot(exact.standard_error()[i]);
        assert!((estimate.gradient()[i] - exact.gradient()[i]).abs() < 4.0 * error, "{i}");
    }
    // 1,500 parameters pass through fewer rows: each gets its own jump, exactly.
    let dim = 1500;
    let rates = vec![2.0; dim];
    let linear = |z: &[f64]| z.iter().enumerate().map(|(i, z)| i as f64 * z).sum::<f64>();
    let many = Poisson::new(&rates).unwrap();
    let estimate = SmoothedPerturbation.estimate(&many, &linear, 3, &mut rng(4)).unwrap();
    assert_eq!(estimate.evaluations(), 3 * 1501);
    assert!((0..dim).all(|i| estimate.gradient()[i] == i as f64));
}

#[test]
fn what_does_not_jump_is_named_and_nothing_jumps_out_of_the_support() {
    let p = NegativeBinomial::from_logits(&[2.0], &[0.0]).unwrap();
    let f = |k: &[f64]| k[0];
    let error = SmoothedPerturbation.estimate(&p, &f, 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::NoWeakDerivative { parameter: "r".into() });
    let error = MeasureValued::coupled().estimate(&p, &f, 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::NoWeakDerivative { parameter: "r".into() });
    // No evaluation below 0 or beyond n.
    let inside = |k: &[f64]| if (0.0..=4.0).contains(&k[0]) { k[0].sqrt() } else { f64::NAN };
    for logit in [-1e308, -2.0, 0.0, 2.0, 1e308] {
        let p = Binomial::from_logits(&[4], &[logit]).unwrap();
        assert!(SmoothedPerturbation.estimate(&p, &inside, 500, &mut rng(1)).is_ok());
    }
    let not_below = |k: &[f64]| if k[0] >= 0.0 { k[0].sqrt() } else { f64::NAN };
    let p = Geometric::from_logits(&[3.0]).unwrap();
    assert!(SmoothedPerturbation.estimate(&p, &not_below, 500, &mut rng(1)).is_ok());
    let certain = Bernoulli::from_logits(&[1e38f32, -1e38]).unwrap();
    let sum = |b: &[f32]| b[0] + b[1];
    let estimate = SmoothedPerturbation.estimate(&certain, &sum, 100, &mut rng(1)).unwrap();
    assert_eq!(estimate.gradient(), [0.0, 0.0]);
    // A NaN is found where it is.
    let nan = |k: &[f64]| if k[0] > 1.0 { f64::NAN } else { 1.0 };
    let error = SmoothedPerturbation.estimate(&p, &nan, 5000, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjective { .. }), "{error}");
}
