//! Estimators that relax bits and categories: exact bias and variance (`tests/data/gumbel_softmax_*.csv`, `bernoulli_*.csv`), unbiased ones
//! too (`rebar_toy.csv`), and extremes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;

use common::{Row, Sampled, Table, rng, sample_batches};
use reparam::Relaxable;
use reparam::prelude::*;

/// Bonferroni: about 800 comparisons in the largest of these tests; 5.4 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 5.4;

/// `(x₀ − p₀)²`.
fn square(p0: f64) -> (impl Fn(&[f64]) -> f64, impl Fn(&[f64], &mut [f64]) -> f64) {
    (
        move |x: &[f64]| (x[0] - p0).powi(2),
        move |x: &[f64], dx: &mut [f64]| {
            dx.fill(0.0);
            dx[0] = 2.0 * (x[0] - p0);
            (x[0] - p0).powi(2)
        },
    )
}

#[test]
fn one_bit_has_the_exact_bias_and_variance_under_straight_through() {
    let mut judged = 0;
    for (i, row) in Table::parse(include_str!("data/bernoulli_toy.csv")).rows().enumerate() {
        let (logit, f) = (row.number("logit"), square(row.number("p0")));
        let mean = row.number("grad_logit") + row.number("bias_st");
        let variance = row.number("var_st");
        let bit = Bernoulli::new(&[logit]).unwrap();
        let classes = Categorical::new(&[logit, 0.0], 2).unwrap();
        let seed = 900 + i as u64;
        for sampled in [
            sample_batches(&mut StraightThrough, &bit, &f, 4000, seed),
            sample_batches(&mut StraightThrough, &classes, &f, 4000, seed),
        ] {
            let label = format!("p0 {}, logit {logit}", row.text("p0"));
            judged += usize::from(sampled.check(0, mean, variance, SIGMAS, &label));
            assert!((sampled.value - row.number("Ef")).abs() <= SIGMAS * sampled.value_error + 1e-14);
        }
    }
    assert!(judged >= 50, "{judged}");
}

/// `(w·b − 0.6)²`.
const WEIGHTS: [f64; 4] = [1.0, -0.5, 0.75, 0.25];

fn excess(b: &[f64]) -> f64 {
    b.iter().zip(WEIGHTS).map(|(b, w)| b * w).sum::<f64>() - 0.6
}

fn weighted() -> (impl Fn(&[f64]) -> f64, impl Fn(&[f64], &mut [f64]) -> f64) {
    (
        |b: &[f64]| excess(b).powi(2),
        |b: &[f64], db: &mut [f64]| {
            db.iter_mut().zip(WEIGHTS).for_each(|(db, w)| *db = 2.0 * w * excess(b));
            excess(b).powi(2)
        },
    )
}

#[test]
fn four_bits_have_the_exact_bias_and_variance_under_straight_through() {
    let table = Table::parse(include_str!("data/bernoulli_nd.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    for rows in rows.chunks(4) {
        let logits: Vec<f64> = rows.iter().map(|row| row.number("logit")).collect();
        let sampled =
            sample_batches(&mut StraightThrough, &Bernoulli::new(&logits).unwrap(), &weighted(), 6000, 5);
        for (i, row) in rows.iter().enumerate() {
            let mean = row.number("grad_logit") + row.number("bias_st");
            assert!(sampled.check(i, mean, row.number("var_st"), SIGMAS, row.text("case")));
        }
        assert!((sampled.value - rows[0].number("Ef")).abs() <= SIGMAS * sampled.value_error);
    }
}

/// Bits and two classes under an estimator, against the same numbers.
fn check_k2<E>(mut estimator: E, row: &Row<'_>, (mean, variance): (f64, f64), seed: u64) -> usize
where
    E: GradientEstimator<f64, Bernoulli<f64>, (Box<dyn Fn(&[f64]) -> f64>, Gradient)>
        + GradientEstimator<f64, Categorical<f64>, (Box<dyn Fn(&[f64]) -> f64>, Gradient)>,
{
    let (logit, f) = (row.number("logit"), square(row.number("p0")));
    let f: (Box<dyn Fn(&[f64]) -> f64>, Gradient) = (Box::new(f.0), Box::new(f.1));
    let bit = Bernoulli::new(&[logit]).unwrap();
    let classes = Categorical::new(&[logit, 0.0], 2).unwrap();
    let mut judged = 0;
    for sampled in [
        sample_batches(&mut estimator, &bit, &f, 2500, seed),
        sample_batches(&mut estimator, &classes, &f, 2500, seed),
    ] {
        let label = format!("p0 {}, logit {logit}, τ {}", row.text("p0"), row.text("tau"));
        judged += usize::from(sampled.check(0, mean, variance, SIGMAS, &label));
        assert!(
            (sampled.value - row.number("Ef_exact")).abs() <= SIGMAS * sampled.value_error,
            "{label}: value"
        );
    }
    judged
}

type Gradient = Box<dyn Fn(&[f64], &mut [f64]) -> f64>;

#[test]
fn a_bit_and_two_classes_have_the_exact_bias_and_variance_through_the_relaxation() {
    let mut judged = 0;
    for (i, row) in Table::parse(include_str!("data/gumbel_softmax_k2.csv")).rows().enumerate() {
        let tau = row.number("tau");
        let mean = row.number("grad_exact") + row.number("bias_stgs");
        let plain = StraightThroughGumbelSoftmax::new(tau).unwrap();
        judged += check_k2(plain, &row, (mean, row.number("var_stgs")), 1000 + i as u64);
        for inner in [1, 2, 10] {
            let variance = row.number("var_gumbel_rao_inf") + row.number("within_var") / inner as f64;
            let averaged = GumbelRao::new(tau, inner).unwrap();
            judged += check_k2(averaged, &row, (mean, variance), 2000 + i as u64);
        }
    }
    assert!(judged >= 235, "{judged} of 240");
}

/// The two objectives of `gumbel_softmax_k3.csv`.
fn three(quadratic: bool) -> Differentiable<impl Fn(&[f64], Option<&mut [f64]>) -> f64> {
    let (c, w, e) = ([0.45, 0.3, 0.25], [1.0, 1.5, 0.5], [1.0, -0.5, 0.25]);
    Differentiable(move |x: &[f64], dx: Option<&mut [f64]>| {
        let inner: f64 = x.iter().zip(e).map(|(x, e)| x * e).sum();
        if let Some(dx) = dx {
            for k in 0..3 {
                dx[k] = if quadratic { 2.0 * w[k] * (x[k] - c[k]) } else { e[k] * inner.exp() };
            }
        }
        if quadratic { (0..3).map(|k| w[k] * (x[k] - c[k]).powi(2)).sum() } else { inner.exp() }
    })
}

/// The norm of the bias, to the standard error of the mean's length, and the total variance.
fn check_k3(sampled: &Sampled, row: &Row<'_>, (bias, variance): (f64, f64), label: &str) {
    let distance =
        (0..3).map(|k| (sampled.mean[k] - row.number(&format!("g{k}"))).powi(2)).sum::<f64>().sqrt();
    let error = (variance / sampled.samples).sqrt();
    assert!((distance - bias).abs() <= SIGMAS * error, "{label}: bias {distance} should be {bias} ± {error}");
    assert!(sampled.total_variance_error < 0.05 * variance, "{label}: too heavy");
    assert!(
        (sampled.total_variance - variance).abs() <= SIGMAS * sampled.total_variance_error,
        "{label}: variance {} should be {variance} ± {}",
        sampled.total_variance,
        sampled.total_variance_error
    );
    assert!((sampled.value - row.number("Ef_exact")).abs() <= SIGMAS * sampled.value_error, "{label}: value");
}

#[test]
fn three_classes_have_the_exact_bias_and_total_variance() {
    let mut rows = 0;
    for (i, row) in Table::parse(include_str!("data/gumbel_softmax_k3.csv")).rows().enumerate() {
        let logits = if row.text("case") == "uniform" { [0.0; 3] } else { [1.0, 0.0, -1.0] };
        let (p, f) = (Categorical::new(&logits, 3).unwrap(), three(row.text("f") == "quadratic"));
        let (tau, seed) = (row.number("tau"), 3000 + i as u64);
        let label = |name: &str| format!("{name}: {} {} τ {tau}", row.text("f"), row.text("case"));
        let (bias, number) = (row.number("bias_norm_stgs"), |column: &str| row.number(column));

        let mut plain = StraightThroughGumbelSoftmax::new(tau).unwrap();
        let sampled = sample_batches(&mut plain, &p, &f, 4000, seed);
        check_k3(&sampled, &row, (bias, number("totvar_stgs")), &label("stgs"));
        for inner in [1, 8] {
            let variance = number("totvar_gumbel_rao_inf") + number("totvar_within") / inner as f64;
            let mut averaged = GumbelRao::new(tau, inner).unwrap();
            let rao = sample_batches(&mut averaged, &p, &f, 4000, seed + 50);
            check_k3(&rao, &row, (bias, variance), &label("gumbel-rao"));
            // The mean is that of straight-through, coordinate by coordinate.
            for k in 0..3 {
                let error = ((sampled.variance[k] + rao.variance[k]) / sampled.samples).sqrt();
                assert!((sampled.mean[k] - rao.mean[k]).abs() <= SIGMAS * error, "{}", label("mean"));
            }
        }
        let sampled = sample_batches(&mut StraightThrough, &p, &f, 4000, seed);
        check_k3(&sampled, &row, (number("bias_norm_st"), number("totvar_st")), &label("st"));
        let sampled = sample_batches(&mut ReinMax, &p, &f, 4000, seed);
        check_k3(&sampled, &row, (number("bias_norm_reinmax"), number("totvar_reinmax")), &label("reinmax"));
        rows += 1;
    }
    assert_eq!(rows, 12);
}

#[test]
fn reinmax_of_a_bit_is_reinmax_of_two_classes() {
    // f = b³ + 2 b of a bit, and of the first of two classes: E g = p q (f′(0) + f′(1))/2, and the variance by enumeration.
    let f = Differentiable(|x: &[f64], dx: Option<&mut [f64]>| {
        if let Some(dx) = dx {
            dx.fill(0.0);
            dx[0] = 3.0 * x[0] * x[0] + 2.0;
        }
        x[0].powi(3) + 2.0 * x[0]
    });
    for (i, logit) in [-2.0, 0.0, 0.7].into_iter().enumerate() {
        let p = 1.0 / (1.0 + f64::exp(-logit));
        let q = 1.0 - p;
        let at = |b: f64| {
            let middle = 0.5 * (p + b);
            (3.0 * b * b + 2.0) * (2.0 * middle * (1.0 - middle) - 0.5 * p * q)
        };
        let mean = p * at(1.0) + q * at(0.0);
        assert!((mean - p * q * (2.0 + 5.0) / 2.0).abs() < 1e-15);
        let variance = p * q * (at(1.0) - at(0.0)).powi(2);
        let bit = Bernoulli::new(&[logit]).unwrap();
        let classes = Categorical::new(&[logit, 0.0], 2).unwrap();
        let sampled = sample_batches(&mut ReinMax, &bit, &f, 4000, i as u64);
        assert!(sampled.check(0, mean, variance, SIGMAS, "bit"));
        let sampled = sample_batches(&mut ReinMax, &classes, &f, 4000, i as u64);
        assert!(sampled.check(0, mean, variance, SIGMAS, "classes"));
        assert!(sampled.check(1, -mean, variance, SIGMAS, "classes"));
    }
}

#[test]
fn probabilities_as_parameters_have_the_gradient_by_logits_over_p_q() {
    let f = weighted();
    let logits = [0.3, -1.0, 2.0, 0.1];
    let by_logits = Bernoulli::new(&logits).unwrap();
    let by_probs = Bernoulli::from_probs(&by_logits.probs()).unwrap();
    let gumbel_softmax = StraightThroughGumbelSoftmax::new(0.5).unwrap();
    let a = { gumbel_softmax }.estimate(&by_logits, &f, 100, &mut rng(1)).unwrap();
    let b = { gumbel_softmax }.estimate(&by_probs, &f, 100, &mut rng(1)).unwrap();
    for ((a, b), p) in a.gradient().iter().zip(b.gradient()).zip(by_logits.probs()) {
        assert!((a - b * p * (1.0 - p)).abs() < 1e-12 * a.abs(), "{a} {b}");
    }
    let rows = Categorical::new(&[0.3, -1.0, 2.0], 3).unwrap();
    let by_probs = Categorical::from_probs(rows.probs(), 3).unwrap();
    let f = three(true);
    let a = { gumbel_softmax }.estimate(&rows, &f, 100, &mut rng(1)).unwrap();
    let b = { gumbel_softmax }.estimate(&by_probs, &f, 100, &mut rng(1)).unwrap();
    for ((a, b), p) in a.gradient().iter().zip(b.gradient()).zip(rows.probs()) {
        assert!((a - b * p).abs() < 1e-12 * a.abs(), "{a} {b}");
    }
}

/// Σ x², with its gradient.
fn squares<T: Real>() -> Differentiable<impl Fn(&[T], Option<&mut [T]>) -> T> {
    Differentiable(|x: &[T], dx: Option<&mut [T]>| {
        if let Some(dx) = dx {
            dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = T::of(2.0) * x);
        }
        x.iter().map(|&x| x * x).sum()
    })
}

use reparam::Real;

fn extremes_are_finite<T: Real>(huge: f64, tiny: f64) {
    let f = squares::<T>();
    fn run<T: Real, D, F, E>(mut estimator: E, p: &D, f: &F)
    where
        D: Relaxable<T>,
        E: GradientEstimator<T, D, F>,
    {
        let estimate = estimator.estimate(p, f, 50, &mut rng(3)).unwrap();
        assert!(estimate.gradient().iter().all(|g| g.is_finite()));
    }
    for tau in [tiny, 1e-3, 1.0, 1e3] {
        let logits = [huge, -huge, 0.0, 1.0, 0.1 * huge, -1.0].map(T::of);
        let bits = Bernoulli::new(&logits).unwrap();
        let rows = Categorical::new(&logits, 3).unwrap();
        let plain = StraightThroughGumbelSoftmax::new(tau).unwrap();
        let averaged = GumbelRao::new(tau, 4).unwrap();
        // A bit or row that is tossed up has a slope of 1/τ, which may be beyond the scalar: only certain ones then.
        if tau < 1e-30 {
            let certain = [huge, -huge, huge, -huge, -huge, huge].map(T::of);
            let (bits, rows) =
                (Bernoulli::new(&certain).unwrap(), Categorical::new(&certain[..2], 2).unwrap());
            run(plain, &bits, &f);
            run(averaged, &bits, &f);
            run(plain, &rows, &f);
            run(averaged, &rows, &f);
            continue;
        }
        run(plain, &bits, &f);
        run(averaged, &bits, &f);
        run(StraightThrough, &bits, &f);
        run(ReinMax, &bits, &f);
        run(plain, &rows, &f);
        run(averaged, &rows, &f);
        run(StraightThrough, &rows, &f);
        run(ReinMax, &rows, &f);
    }
}

#[test]
fn tiny_temperatures_and_huge_logits_give_no_nan() {
    extremes_are_finite::<f32>(1e38, 2e-38);
    extremes_are_finite::<f64>(1e308, 3e-308);
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    fn twice<E>(mut estimator: E)
    where
        E: GradientEstimator<f64, Categorical<f64>, Differentiable<Objective3>> + Clone,
    {
        let p = Categorical::new(&[0.1, 0.7, -0.3], 3).unwrap();
        let f: Differentiable<Objective3> = Differentiable(Box::new(three(false).0));
        let a = estimator.clone().estimate(&p, &f, 1000, &mut rng(5)).unwrap();
        assert_eq!(a, estimator.estimate(&p, &f, 1000, &mut rng(5)).unwrap());
    }
    twice(StraightThrough);
    twice(ReinMax);
    twice(StraightThroughGumbelSoftmax::new(0.5).unwrap());
    twice(GumbelRao::new(0.5, 3).unwrap());
}

type Objective3 = Box<dyn Fn(&[f64], Option<&mut [f64]>) -> f64>;

#[test]
fn bad_options_are_refused_by_name() {
    let option = |error: Error| match error {
        Error::Option { option, .. } => option,
        _ => "another",
    };
    for tau in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(option(StraightThroughGumbelSoftmax::new(tau).unwrap_err()), "temperature");
        assert_eq!(option(GumbelRao::new(tau, 1).unwrap_err()), "temperature");
    }
    assert_eq!(option(GumbelRao::new(1.0, 0).unwrap_err()), "inner");
    // A temperature that f32 cannot hold.
    let bit = Bernoulli::new(&[0.0f32]).unwrap();
    let mut plain = StraightThroughGumbelSoftmax::new(1e-60).unwrap();
    assert_eq!(option(plain.estimate(&bit, &squares(), 10, &mut rng(1)).unwrap_err()), "temperature");
    // A NaN of the objective is an error, and not a number.
    let f = (|_: &[f64]| f64::NAN, |_: &[f64], _: &mut [f64]| f64::NAN);
    let bit = Bernoulli::new(&[0.0]).unwrap();
    assert!(matches!(
        StraightThrough.estimate(&bit, &f, 10, &mut rng(1)),
        Err(Error::NonFiniteObjective { .. })
    ));
}
