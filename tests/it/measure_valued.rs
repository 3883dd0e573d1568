//! Measure-valued derivatives against exact means and variances: the Gaussian table, counts, waiting times, bits and categories.

use crate::common::counts::{moments, objective_of_counts, setting};
use crate::common::gaussian::{Case, TABLE, Tally};
use crate::common::{BATCHES, Row, Sampled, Table, rng, sample_batches};
use reparam::prelude::*;
use reparam::{Coupling, Engine, WeakDerivative, WeakSides};

/// Bonferroni: at most 300 comparisons in one test; 5.2 standard errors with 63 degrees of freedom keep the chance of one false alarm
/// below 0.1 %.
const SIGMAS: f64 = 5.2;

#[test]
fn every_gaussian_row_has_the_exact_mean_and_variance_coupled_and_not() {
    let mut tally = Tally::default();
    for (i, row) in Table::parse(TABLE).rows().enumerate() {
        let case = Case::of(&row);
        let (samples, seed) = (3000, 100 + i as u64);
        if case.is_out_of_reach(row.number("Ef"), samples * BATCHES) || case.defeats_sampling() {
            tally.skipped += 1;
            continue;
        }
        for (mut estimator, columns) in [
            (MeasureValued::uncoupled(), ["var_mv_mu_indep", "var_mv_sigma_indep"]),
            (MeasureValued::coupled(), ["var_mv_mu_coupled", "var_mv_sigma_coupled"]),
        ] {
            let sampled = sample_batches(&mut estimator, &case.normal(), &case.objective(), samples, seed);
            tally.check(&case, &row, &sampled, columns, SIGMAS);
        }
    }
    let Tally { judged, heavy, skipped } = tally;
    assert!(judged >= 250 && heavy <= 20 && skipped <= 6, "{judged} {heavy} {skipped}");
}

#[test]
fn counts_have_the_exact_mean_and_variance_under_the_score_function_and_the_weak_derivative() {
    let mut rows = 0;
    for (i, row) in Table::parse(include_str!("../data/integer_valued.csv")).rows().enumerate() {
        let (f, seed) = (objective_of_counts(row.text("f")), 200 + i as u64);
        if row.number("grad").abs() < 1e-20 {
            continue; // nothing ever happens: P(x < 3) = 1e-24
        }
        let objective = move |x: &[f64]| f(x[0]);
        let (mean, label) = (row.number("grad"), format!("{} {}", row.text("family"), row.text("params")));
        let judge = |sampled: Sampled, variance: f64| {
            // A variance that rare draws make says nothing; nearly all rows must speak.
            usize::from(sampled.check(0, mean, variance, SIGMAS, &label))
        };
        match row.text("family") {
            "Poisson" => {
                let rate = setting(&row, "lambda");
                let p = Poisson::new(&[rate]).unwrap();
                let value = p.log_prob(&[0.0]).exp();
                assert!((value - (-rate).exp()).abs() < 1e-15 * value);
                rows += judge(
                    sample_batches(&mut ScoreFunction::new(), &p, &objective, 6000, seed),
                    row.number("var_sf"),
                );
                rows += judge(
                    sample_batches(&mut MeasureValued::coupled(), &p, &objective, 6000, seed),
                    row.number("var_jump_coupled"),
                );
                // Two independent counts, one of them with one event more.
                let law = |k: usize| p.log_prob(&[k as f64]).exp();
                let variance = |shift: f64| {
                    let cases = (0..200).map(|k| (law(k), f(k as f64 + shift)));
                    moments(cases).1
                };
                rows += judge(
                    sample_batches(&mut MeasureValued::uncoupled(), &p, &objective, 6000, seed),
                    variance(0.0) + variance(1.0),
                );
            }
            "Binomial" => {
                let (n, p) = (setting(&row, "n"), setting(&row, "p"));
                let counts = Binomial::from_probs(&[n as u64], &[p]).unwrap();
                rows += judge(
                    sample_batches(&mut ScoreFunction::new(), &counts, &objective, 6000, seed),
                    row.number("var_sf"),
                );
                // b of n − 1 trials: the count with and without one more success.
                let fewer = Binomial::from_probs(&[n as u64 - 1], &[p]).unwrap();
                let law = |k: usize| (fewer.log_prob(&[k as f64]).exp(), k as f64);
                let coupled = moments((0..n as usize).map(law).map(|(w, k)| (w, n * (f(k + 1.0) - f(k)))));
                assert!((coupled.0 - mean).abs() < 1e-12 * (mean.abs() + 1.0), "{label}");
                rows += judge(
                    sample_batches(&mut MeasureValued::coupled(), &counts, &objective, 6000, seed),
                    coupled.1,
                );
                let variance =
                    |shift: f64| moments((0..n as usize).map(law).map(|(w, k)| (w, n * f(k + shift)))).1;
                rows += judge(
                    sample_batches(&mut MeasureValued::uncoupled(), &counts, &objective, 6000, seed),
                    variance(0.0) + variance(1.0),
                );
            }
            _ => {}
        }
    }
    assert!(rows >= 30, "{rows}");
}

#[test]
fn binomial_logits_are_the_same_derivative_times_the_slope_of_the_sigmoid() {
    let f = |k: &[f64]| (0.3 * k[0]).sin() + k[1];
    let logits = [0.4, -1.5];
    let by_logits = Binomial::from_logits(&[7, 12], &logits).unwrap();
    let probs = logits.map(|l: f64| 1.0 / (1.0 + (-l).exp()));
    let by_probs = Binomial::from_probs(&[7, 12], &probs).unwrap();
    for mut estimator in [MeasureValued::coupled(), MeasureValued::uncoupled()] {
        let a = estimator.estimate(&by_logits, &f, 2000, &mut rng(1)).unwrap();
        let b = estimator.estimate(&by_probs, &f, 2000, &mut rng(1)).unwrap();
        for (i, p) in probs.into_iter().enumerate() {
            let slope = p * (1.0 - p);
            assert!((a.gradient()[i] - slope * b.gradient()[i]).abs() < 1e-13);
        }
    }
}

/// `∫₀^∞ h(x) dx` by the trapezoidal rule in `x = exp(t − exp(−t))`, which converges faster than any power.
fn integral(h: impl Fn(f64) -> f64) -> f64 {
    let step = 1.0 / 64.0;
    (-320..448)
        .map(|i| {
            let t = f64::from(i) * step;
            let x = (t - (-t).exp()).exp();
            h(x) * x * (1.0 + (-t).exp()) * step
        })
        .filter(|x| x.is_finite())
        .sum()
}

#[test]
fn waiting_times_have_the_exact_mean_and_variance() {
    let f = |z: f64| (-0.7 * z).exp() + 0.1 * z * z;
    let objective = move |z: &[f64]| f(z[0]);
    for (shape, rate) in [(1.0, 0.5), (0.3, 1.0), (4.0, 3.0)] {
        // A gamma of shape a beside one that is an exponential longer: moments of f at both, alone and together.
        let gamma = |a: f64| Gamma::from_rate(&[a], &[rate]).unwrap();
        let mean_of = |a: f64, h: &dyn Fn(f64) -> f64| {
            let law = gamma(a);
            integral(|z| law.log_prob(&[z]).exp() * h(z))
        };
        let (low, high) = (mean_of(shape, &f), mean_of(shape + 1.0, &f));
        let square = |z: f64| f(z) * f(z);
        let (low_square, high_square) = (mean_of(shape, &square), mean_of(shape + 1.0, &square));
        let joint = mean_of(shape, &|z| f(z) * integral(|e| rate * (-rate * e).exp() * f(z + e)));
        let weight = shape / rate;
        let mean = weight * (low - high);
        let both = low_square - low * low + high_square - high * high;
        let variances = [both - 2.0 * (joint - low * high), both].map(|v| weight * weight * v);
        for (mut estimator, variance) in
            [MeasureValued::coupled(), MeasureValued::uncoupled()].into_iter().zip(variances)
        {
            let label = format!("shape {shape}, rate {rate}, {:?}", estimator.coupling());
            let sampled = if shape == 1.0 {
                let p = Exponential::new(&[rate]).unwrap();
                let sampled = sample_batches(&mut estimator, &p, &objective, 6000, 3);
                assert!(sampled.check(0, mean, variance, 4.0, &label));
                sampled
            } else {
                let p = Frozen::new(gamma(shape), &["shape"]).unwrap();
                let sampled = sample_batches(&mut estimator, &p, &objective, 6000, 4);
                assert!(sampled.check(0, mean, variance, 4.0, &label));
                sampled
            };
            assert!((sampled.value - low).abs() < 4.0 * sampled.value_error, "{label}");
        }
    }
}

#[test]
fn a_bit_beside_sampled_ones_has_the_variance_of_its_local_expectation() {
    let w = [1.0, -0.5, 0.75, 0.25];
    let f = move |b: &[f64]| (b.iter().zip(w).map(|(b, w)| b * w).sum::<f64>() - 0.6).powi(2);
    let table = Table::parse(include_str!("../data/bernoulli_nd.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    for rows in rows.chunks(4) {
        let logits: Vec<f64> = rows.iter().map(|row| row.number("logit")).collect();
        let bits = Bernoulli::from_logits(&logits).unwrap();
        let sampled = sample_batches(&mut MeasureValued::coupled(), &bits, &f, 5000, 5);
        for (i, row) in rows.iter().enumerate() {
            let variance = row.number("var_local_expectation");
            assert!(sampled.check(i, row.number("grad_logit"), variance, SIGMAS, row.text("case")));
        }
        // By probabilities the derivative is that by logits over p (1 − p), the same in every sample.
        let probs: Vec<f64> = rows.iter().map(|row| row.number("p")).collect();
        let by_probs = Bernoulli::from_probs(&probs).unwrap();
        let estimate = MeasureValued::coupled().estimate(&by_probs, &f, 4000, &mut rng(6)).unwrap();
        let same = MeasureValued::coupled().estimate(&bits, &f, 4000, &mut rng(6)).unwrap();
        for (i, p) in probs.into_iter().enumerate() {
            let slope = p * (1.0 - p);
            assert!((estimate.gradient()[i] * slope - same.gradient()[i]).abs() < 1e-14);
        }
    }
}

#[test]
fn categories_have_the_exact_mean_and_variance() {
    let logits = [0.3, -1.0, 0.8, 0.5, 0.5, -2.0];
    let values = [1.0, -2.0, 0.5, 3.0, 0.25, -1.5];
    let f = move |z: &[f64]| {
        let row = |r: usize| (0..3).map(|k| z[3 * r + k] * values[3 * r + k]).sum::<f64>();
        (row(0) + row(1)).powi(2)
    };
    let at = |j: usize, k: usize| {
        let mut z = [0.0; 6];
        z[j] = 1.0;
        z[3 + k] = 1.0;
        f(&z)
    };
    let softmax = |l: &[f64]| {
        let sum: f64 = l.iter().map(|l| l.exp()).sum();
        l.iter().map(|l| l.exp() / sum).collect::<Vec<_>>()
    };
    let p = [softmax(&logits[..3]), softmax(&logits[3..])];
    let all = || (0..3).flat_map(|j| (0..3).map(move |k| (j, k)));
    let by_logits = Categorical::from_logits(&logits, 3).unwrap();
    let sampled = sample_batches(&mut MeasureValued::coupled(), &by_logits, &f, 5000, 7);
    let probs = p.concat();
    let by_probs = Categorical::from_probs(&probs, 3).unwrap();
    let alone = sample_batches(&mut MeasureValued::coupled(), &by_probs, &f, 5000, 8);
    for (i, p_i) in probs.into_iter().enumerate() {
        let moved = |j, k| if i < 3 { at(i, k) } else { at(j, i - 3) };
        let (mean, variance) =
            moments(all().map(|(j, k)| (p[0][j] * p[1][k], p_i * (moved(j, k) - at(j, k)))));
        assert!(sampled.check(i, mean, variance, 4.5, "logits"));
        let (mean, variance) = moments(all().map(|(j, k)| (p[0][j] * p[1][k], moved(j, k))));
        assert!(alone.check(i, mean, variance, 4.5, "probs"));
    }
    assert_eq!(
        <Categorical<f64> as WeakDerivative<f64>>::weak_sides(&by_probs, 0, Coupling::Coupled),
        Some(WeakSides::Alone)
    );
}

#[test]
fn many_parameters_stream_through_few_rows_with_the_same_numbers() {
    // 3,000 Gaussian parameters take 4,501 rows of 1,500 numbers: 54 MB if they were held at once.
    let dim = 1500;
    let normal = Normal::new(&vec![0.5; dim], &vec![2.0; dim]).unwrap();
    let f = |z: &[f64]| z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64;
    let mut engine = Engine::new();
    let estimate = engine.estimate(&mut MeasureValued::coupled(), &normal, &f, 24, &mut rng(1)).unwrap();
    assert_eq!(estimate.evaluations(), 24 * 4501);
    // Exact: 2μ/D and 2σ/D; the mean over the coordinates in 4.5 standard errors.
    for (range, exact) in [(0..dim, 1.0), (dim..2 * dim, 4.0)] {
        let mean = estimate.gradient()[range.clone()].iter().sum::<f64>();
        let error = estimate.standard_error()[range].iter().map(|e| e * e).sum::<f64>().sqrt();
        assert!((mean - exact).abs() < 4.5 * error, "{mean} {exact} {error}");
    }
    assert!((estimate.value() - 4.25).abs() < 4.5 * estimate.value_standard_error());
}

#[test]
fn a_product_pairs_each_parameter_with_its_own_factor() {
    let joint = Product::new(Normal::new(&[0.5], &[2.0]).unwrap(), Poisson::new(&[3.0]).unwrap());
    let f = |z: &[f64]| z[0] * z[0] * z[1]; // E = (μ² + σ²) λ
    let estimate = MeasureValued::coupled().estimate(&joint, &f, 40_000, &mut rng(2)).unwrap();
    for (i, exact) in [2.0 * 0.5 * 3.0, 2.0 * 2.0 * 3.0, 4.25].into_iter().enumerate() {
        assert!((estimate.gradient()[i] - exact).abs() < 4.0 * estimate.standard_error()[i], "{i}");
    }
    assert_eq!(estimate.evaluations(), 40_000 * 5);
}

#[test]
fn the_value_reported_is_that_of_the_draws_alone() {
    let normal = Normal::new(&[0.5], &[2.0]).unwrap();
    let f = |z: &[f64]| z[0].powi(2);
    let estimate = MeasureValued::coupled().estimate(&normal, &f, 20_000, &mut rng(3)).unwrap();
    // Var z² = 2σ⁴ + 4μ²σ²: the error bar is that of as many draws as gradient samples.
    let exact = ((2.0 * 16.0 + 4.0 * 0.25 * 4.0) / 20_000f64).sqrt();
    assert!((estimate.value_standard_error() / exact - 1.0).abs() < 0.05);
    assert!((estimate.value() - 4.25).abs() < 4.0 * exact);
}

#[test]
fn what_is_wrong_is_named() {
    let gamma = Gamma::from_rate(&[2.0, 3.0], &[1.0, 1.0]).unwrap();
    let error = MeasureValued::coupled().estimate(&gamma, &|z: &[f64]| z[0], 100, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::NoWeakDerivative { parameter: "shape".into() });
    let normal = Normal::new(&[0.0], &[1.0]).unwrap();
    let nan_above = |z: &[f64]| if z[0] > 2.0 { f64::NAN } else { z[0] };
    let error = MeasureValued::coupled().estimate(&normal, &nan_above, 1000, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjective { value, .. } if value.is_nan()));
    assert!(matches!(Poisson::new(&[0.0]), Err(Error::ParameterDomain { .. })));
    assert!(matches!(Poisson::new(&[f64::NAN]), Err(Error::NonFiniteParameter { .. })));
    assert!(matches!(Poisson::<f64>::new(&[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(Binomial::from_logits(&[0], &[0.0]), Err(Error::Option { option: "trials", .. })));
    assert!(matches!(Binomial::from_logits(&[3, 4], &[0.0]), Err(Error::Length { .. })));
    assert!(matches!(Binomial::from_probs(&[3], &[1.0]), Err(Error::ParameterDomain { .. })));
}

#[test]
fn an_unconstrained_walk_has_the_same_derivative_with_the_chain_rule() {
    let normal = || Normal::new(&[0.5, -1.0], &[2.0, 0.3]).unwrap();
    let walk = Unconstrained::new(normal()).unwrap();
    let f = |z: &[f64]| z[0] * z[1] + z[0].cos();
    let a = MeasureValued::coupled().estimate(&normal(), &f, 500, &mut rng(1)).unwrap();
    let b = MeasureValued::coupled().estimate(&walk, &f, 500, &mut rng(1)).unwrap();
    for (i, slope) in [1.0, 1.0, 2.0, 0.3].into_iter().enumerate() {
        assert!((a.gradient()[i] * slope - b.gradient()[i]).abs() < 1e-13);
    }
    let probs = Unconstrained::new(Bernoulli::from_probs(&[0.3, 0.8]).unwrap()).unwrap();
    let bits = Bernoulli::from_logits(&[(0.3f64 / 0.7).ln(), 4f64.ln()]).unwrap();
    let f = |b: &[f64]| b[0] + 2.0 * b[0] * b[1];
    let a = DisArm.estimate(&probs, &f, 500, &mut rng(2)).unwrap();
    let b = DisArm.estimate(&bits, &f, 500, &mut rng(2)).unwrap();
    let exact = Enumerate.estimate(&probs, &f, 2, &mut rng(2)).unwrap();
    for i in 0..2 {
        assert!((a.gradient()[i] - b.gradient()[i]).abs() < 1e-13);
        assert!((a.gradient()[i] - exact.gradient()[i]).abs() < 4.5 * a.standard_error()[i]);
    }
    // On a simplex every class moves all probabilities.
    let categories = Unconstrained::new(Categorical::from_probs(&[0.2, 0.8], 2).unwrap()).unwrap();
    let error = MeasureValued::coupled().estimate(&categories, &f, 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::NoWeakDerivative { parameter: "probs".into() });
}
