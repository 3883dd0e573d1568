//! Estimators that relax bits and categories: exact bias and variance (`tests/data/gumbel_softmax_*.csv`, `bernoulli_*.csv`), unbiased ones
//! too (`rebar_toy.csv`), and extremes.

use crate::common::{Row, Sampled, Table, rng, sample_batches, square_of_first};
use reparam::estimators::{ConditionalNoise, QuadraticSurrogate, Surrogate};
use reparam::prelude::*;

/// Bonferroni: about 800 comparisons in the largest of these tests; 5.4 standard errors with 63 degrees of freedom.
const SIGMAS: f64 = 5.4;

/// `(x₀ − p₀)²`.
#[test]
fn one_bit_has_the_exact_bias_and_variance_under_straight_through() {
    let mut judged = 0;
    for (i, row) in Table::parse(include_str!("../data/bernoulli_toy.csv")).rows().enumerate() {
        let (logit, f) = (row.number("logit"), square_of_first(row.number("p0")));
        let mean = row.number("grad_logit") + row.number("bias_st");
        let variance = row.number("var_st");
        let bit = Bernoulli::from_logits(&[logit]).unwrap();
        let classes = Categorical::from_logits(&[logit, 0.0], 2).unwrap();
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
    let table = Table::parse(include_str!("../data/bernoulli_nd.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    for rows in rows.chunks(4) {
        let logits: Vec<f64> = rows.iter().map(|row| row.number("logit")).collect();
        let sampled = sample_batches(
            &mut StraightThrough,
            &Bernoulli::from_logits(&logits).unwrap(),
            &weighted(),
            6000,
            5,
        );
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
    let (logit, f) = (row.number("logit"), square_of_first(row.number("p0")));
    let f: (Box<dyn Fn(&[f64]) -> f64>, Gradient) = (Box::new(f.0), Box::new(f.1));
    let bit = Bernoulli::from_logits(&[logit]).unwrap();
    let classes = Categorical::from_logits(&[logit, 0.0], 2).unwrap();
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
    for (i, row) in Table::parse(include_str!("../data/gumbel_softmax_k2.csv")).rows().enumerate() {
        let tau = row.number("tau");
        let mean = row.number("grad_exact") + row.number("bias_stgs");
        let plain = StraightThroughGumbelSoftmax::new(tau);
        judged += check_k2(plain, &row, (mean, row.number("var_stgs")), 1000 + i as u64);
        for inner in [1, 2, 10] {
            let variance = row.number("var_gumbel_rao_inf") + row.number("within_var") / inner as f64;
            let averaged = GumbelRao::new(tau, inner);
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
    for (i, row) in Table::parse(include_str!("../data/gumbel_softmax_k3.csv")).rows().enumerate() {
        let logits = if row.text("case") == "uniform" { [0.0; 3] } else { [1.0, 0.0, -1.0] };
        let (p, f) = (Categorical::from_logits(&logits, 3).unwrap(), three(row.text("f") == "quadratic"));
        let (tau, seed) = (row.number("tau"), 3000 + i as u64);
        let label = |name: &str| format!("{name}: {} {} τ {tau}", row.text("f"), row.text("case"));
        let (bias, number) = (row.number("bias_norm_stgs"), |column: &str| row.number(column));

        let mut plain = StraightThroughGumbelSoftmax::new(tau);
        let sampled = sample_batches(&mut plain, &p, &f, 4000, seed);
        check_k3(&sampled, &row, (bias, number("totvar_stgs")), &label("stgs"));
        for inner in [1, 8] {
            let variance = number("totvar_gumbel_rao_inf") + number("totvar_within") / inner as f64;
            let mut averaged = GumbelRao::new(tau, inner);
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
        let bit = Bernoulli::from_logits(&[logit]).unwrap();
        let classes = Categorical::from_logits(&[logit, 0.0], 2).unwrap();
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
    let by_logits = Bernoulli::from_logits(&logits).unwrap();
    let by_probs = Bernoulli::from_probs(&by_logits.probs()).unwrap();
    let gumbel_softmax = StraightThroughGumbelSoftmax::new(0.5);
    let a = { gumbel_softmax }.estimate(&by_logits, &f, 100, &mut rng(1)).unwrap();
    let b = { gumbel_softmax }.estimate(&by_probs, &f, 100, &mut rng(1)).unwrap();
    for ((a, b), p) in a.gradient().iter().zip(b.gradient()).zip(by_logits.probs()) {
        assert!((a - b * p * (1.0 - p)).abs() < 1e-12 * a.abs(), "{a} {b}");
    }
    // The same of those that learn: what they learn is in terms of logits, too.
    let rebar = || Rebar::new().adaptive().with_adaptive_temperature(0.1);
    let relax = || Relax::new(QuadraticSurrogate::new(4, 0.5).unwrap()).with_rate(0.1);
    let (mut rebars, mut relaxes) = ([rebar(), rebar()], [relax(), relax()]);
    for call in 0..3 {
        let mut generators = [rng(call), rng(call), rng(call), rng(call)];
        let gradients = [
            rebars[0].estimate(&by_logits, &f, 100, &mut generators[0]).unwrap(),
            rebars[1].estimate(&by_probs, &f, 100, &mut generators[1]).unwrap(),
            relaxes[0].estimate(&by_logits, &f, 100, &mut generators[2]).unwrap(),
            relaxes[1].estimate(&by_probs, &f, 100, &mut generators[3]).unwrap(),
        ]
        .map(|estimate| estimate.gradient().to_vec());
        for (i, p) in by_logits.probs().into_iter().enumerate() {
            for pair in gradients.chunks(2) {
                let (a, b) = (pair[0][i], pair[1][i] * p * (1.0 - p));
                assert!((a - b).abs() < 1e-9 * (1.0 + a.abs()), "call {call}: {a} {b}");
            }
        }
    }
    let rows = Categorical::from_logits(&[0.3, -1.0, 2.0], 3).unwrap();
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

use reparam::{Distribution, Real, Relaxable};

fn extremes_are_finite<T: Real>(huge: f64, tiny: f64) {
    let f = squares::<T>();
    fn run<T: Real, D, F, E>(mut estimator: E, p: &D, f: &F)
    where
        D: Relaxable<T>,
        F: Objective<T>,
        E: GradientEstimator<T, D, F>,
    {
        let estimate = estimator.estimate(p, f, 50, &mut rng(3)).unwrap();
        assert!(estimate.gradient().iter().all(|g| g.is_finite()));
    }
    for tau in [tiny, 1e-3, 1.0, 1e3] {
        let logits = [huge, -huge, 0.0, 1.0, 0.1 * huge, -1.0].map(T::of);
        let bits = Bernoulli::from_logits(&logits).unwrap();
        let rows = Categorical::from_logits(&logits, 3).unwrap();
        let plain = StraightThroughGumbelSoftmax::new(tau);
        let averaged = GumbelRao::new(tau, 4);
        // A bit or row that is tossed up has a slope of 1/τ, which may be beyond the scalar: only certain ones then.
        if tau < 1e-30 {
            let certain = [huge, -huge, huge, -huge, -huge, huge].map(T::of);
            let (bits, rows) = (
                Bernoulli::from_logits(&certain).unwrap(),
                Categorical::from_logits(&certain[..2], 2).unwrap(),
            );
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
        let p = Categorical::from_logits(&[0.1, 0.7, -0.3], 3).unwrap();
        let f: Differentiable<Objective3> = Differentiable(Box::new(three(false).0));
        let a = estimator.clone().estimate(&p, &f, 1000, &mut rng(5)).unwrap();
        assert_eq!(a, estimator.estimate(&p, &f, 1000, &mut rng(5)).unwrap());
    }
    twice(StraightThrough);
    twice(ReinMax);
    twice(StraightThroughGumbelSoftmax::new(0.5));
    twice(GumbelRao::new(0.5, 3));
}

type Objective3 = Box<dyn Fn(&[f64], Option<&mut [f64]>) -> f64>;

#[test]
fn bad_options_are_refused_by_name() {
    let option = |error: Error| match error {
        Error::Option { option, .. } => option,
        _ => "another",
    };
    for tau in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let row = Categorical::from_logits(&[0.0, 0.5], 2).unwrap();
        let plain = StraightThroughGumbelSoftmax::new(tau).estimate(&row, &squares(), 10, &mut rng(1));
        assert_eq!(option(plain.unwrap_err()), "temperature");
        let averaged = GumbelRao::new(tau, 1).estimate(&row, &squares(), 10, &mut rng(1));
        assert_eq!(option(averaged.unwrap_err()), "temperature");
    }
    let row = Categorical::from_logits(&[0.0, 0.5], 2).unwrap();
    let averaged = GumbelRao::new(1.0, 0).estimate(&row, &squares(), 10, &mut rng(1));
    assert_eq!(option(averaged.unwrap_err()), "inner");
    // A temperature that f32 cannot hold.
    let bit = Bernoulli::from_logits(&[0.0f32]).unwrap();
    let mut plain = StraightThroughGumbelSoftmax::new(1e-60);
    assert_eq!(option(plain.estimate(&bit, &squares(), 10, &mut rng(1)).unwrap_err()), "temperature");
    // A NaN of the objective is an error, and not a number.
    let f = (|_: &[f64]| f64::NAN, |_: &[f64], _: &mut [f64]| f64::NAN);
    let bit = Bernoulli::from_logits(&[0.0]).unwrap();
    assert!(matches!(
        StraightThrough.estimate(&bit, &f, 10, &mut rng(1)),
        Err(Error::NonFiniteObjective { .. })
    ));
}

fn conditional(text: &str) -> ConditionalNoise {
    match text {
        "coupled" => ConditionalNoise::Shared,
        "independent" => ConditionalNoise::Independent,
        other => panic!("no coupling {other}"),
    }
}

#[test]
fn rebar_has_the_exact_mean_and_variance_at_every_eta_temperature_and_coupling() {
    let (mut judged, mut rows) = (0, 0);
    for (i, row) in Table::parse(include_str!("../data/rebar_toy.csv")).rows().enumerate() {
        let (logit, tau, f) = (row.number("logit"), row.number("lambda"), square_of_first(row.number("p0")));
        let bit = Bernoulli::from_logits(&[logit]).unwrap();
        let rebar =
            Rebar::new().with_temperature(tau).with_conditional_noise(conditional(row.text("coupling")));
        for (eta, variance) in [
            (0.0, row.number("var_eta0")),
            (1.0, row.number("var_eta1")),
            (row.number("eta_opt"), row.number("var_eta_opt")),
        ] {
            let mut rebar = rebar.clone().with_eta(eta);
            let sampled = sample_batches(&mut rebar, &bit, &f, 2500, 4000 + i as u64);
            let label =
                format!("p0 {}, logit {logit}, τ {tau}, {}, η {eta}", row.text("p0"), row.text("coupling"));
            judged += usize::from(sampled.check(0, row.number("grad_logit"), variance, SIGMAS, &label));
            // The value is that at the bit.
            let p = 1.0 / (1.0 + (-logit).exp());
            let p0 = row.number("p0");
            let exact = p * (1.0 - p0).powi(2) + (1.0 - p) * p0 * p0;
            assert!((sampled.value - exact).abs() <= SIGMAS * sampled.value_error + 1e-14, "{label}: value");
        }
        rows += 1;
    }
    assert!(rows == 90 && judged >= 260, "{judged} of 270");
}

#[test]
fn rebar_learns_the_best_eta_and_is_unbiased_from_the_first_call_on() {
    // Rows where the best η is worth something: f far from even in the bit.
    let table = Table::parse(include_str!("../data/rebar_toy.csv"));
    let (mut rows, mut judged) = (0, 0);
    for row in table.rows().filter(|row| row.number("var_eta_opt") < 0.97 * row.number("var_eta0")) {
        let f = square_of_first(row.number("p0"));
        let bit = Bernoulli::from_logits(&[row.number("logit")]).unwrap();
        let start = Rebar::new()
            .with_temperature(row.number("lambda"))
            .with_conditional_noise(conditional(row.text("coupling")))
            .adaptive();
        assert!(start.learned().is_empty());
        // The first two calls, of a few samples each, over and over: what call 1 learns is not from the samples of call 2.
        let (mut sums, calls) = ([[0.0; 2]; 2], 20_000);
        let mut generator = rng(17 + rows);
        for _ in 0..calls {
            let mut fresh = start.clone();
            for [sum, squares] in &mut sums {
                let g = fresh.estimate(&bit, &f, 4, &mut generator).unwrap().gradient()[0];
                *sum += g;
                *squares += g * g;
            }
        }
        let n = f64::from(calls);
        for [sum, squares] in sums {
            let mean = sum / n;
            let error = ((squares / n - mean * mean) / n).sqrt();
            assert!((mean - row.number("grad_logit")).abs() <= SIGMAS * error, "{mean} ± {error}");
        }
        // After some long calls the coefficient and the variance are the best ones.
        let mut rebar = start;
        for _ in 0..5 {
            rebar.estimate(&bit, &f, 100_000, &mut generator).unwrap();
        }
        let sampled = sample_batches(&mut rebar, &bit, &f, 4000, 5000 + rows);
        assert!((rebar.learned()[0] / row.number("eta_opt") - 1.0).abs() < 0.05, "{:?}", rebar.learned());
        // A coefficient that is off by 5 % adds 1/400 of what the best one saves, which is below the tolerance.
        let label = format!("p0 {}, logit {}, τ {}", row.text("p0"), row.text("logit"), row.text("lambda"));
        judged +=
            u64::from(sampled.check(0, row.number("grad_logit"), row.number("var_eta_opt"), SIGMAS, &label));
        rows += 1;
    }
    assert!(rows >= 5 && judged == rows, "{judged} of {rows}");
}

#[test]
fn four_bits_are_unbiased_under_rebar_and_relax() {
    let table = Table::parse(include_str!("../data/bernoulli_nd.csv"));
    let rows: Vec<Row<'_>> = table.rows().collect();
    let f = weighted();
    for rows in rows.chunks(4) {
        let logits: Vec<f64> = rows.iter().map(|row| row.number("logit")).collect();
        let bits = Bernoulli::from_logits(&logits).unwrap();
        for coupling in [ConditionalNoise::Shared, ConditionalNoise::Independent] {
            let rebar = Rebar::new().with_conditional_noise(coupling);
            let two = { rebar.clone() }.estimate(&bits, &f, 10, &mut rng(1)).unwrap().evaluations();
            assert_eq!(two, if coupling == ConditionalNoise::Shared { 20 } else { 30 });
            let fixed = sample_batches(&mut rebar.clone(), &bits, &f, 2500, 1);
            let mut learning = rebar.adaptive().with_adaptive_temperature(0.05);
            let learned = sample_batches(&mut learning, &bits, &f, 2500, 2);
            assert_eq!(learning.learned().len(), 4);
            let surrogate = QuadraticSurrogate::new(4, 0.5).unwrap();
            let mut relax = Relax::new(surrogate).with_rate(0.05).with_conditional_noise(coupling);
            let surrogate = sample_batches(&mut relax, &bits, &f, 2500, 3);
            for sampled in [fixed, learned, surrogate] {
                for (i, row) in rows.iter().enumerate() {
                    let error = (sampled.variance[i] / sampled.samples).sqrt();
                    let off = sampled.mean[i] - row.number("grad_logit");
                    assert!(off.abs() <= SIGMAS * error, "{} {i}: {off} ± {error}", row.text("case"));
                }
                assert!((sampled.value - rows[0].number("Ef")).abs() <= SIGMAS * sampled.value_error);
            }
        }
    }
}

#[test]
fn the_temperature_of_rebar_goes_where_the_variance_is_less() {
    let f = square_of_first(0.4);
    let bit = Bernoulli::from_logits(&[1.0]).unwrap();
    let p = 1.0 / (1.0 + f64::exp(-1.0));
    let exact = p * (1.0 - p) * 0.2;
    for coupling in [ConditionalNoise::Independent, ConditionalNoise::Shared] {
        let still = Rebar::new().with_temperature(0.1).with_conditional_noise(coupling);
        // With η fixed at 1 the table says: the variance at τ = 0.1 is some nine times that at 2.
        let mut walking = still.clone().with_adaptive_temperature(0.05);
        let mut generator = rng(8);
        for _ in 0..100 {
            walking.estimate(&bit, &f, 1000, &mut generator).unwrap();
        }
        assert!(walking.temperature() > 0.5, "{coupling:?}: {}", walking.temperature());
        // And with η learned it is the larger the better: against the exact best at τ = 5 (the table), and still unbiased.
        let mut walking = still.adaptive().with_adaptive_temperature(0.05);
        for _ in 0..200 {
            walking.estimate(&bit, &f, 2000, &mut generator).unwrap();
        }
        let sampled = sample_batches(&mut walking, &bit, &f, 2500, 10);
        assert!(walking.temperature() > 5.0, "{coupling:?}: {}", walking.temperature());
        assert!(sampled.variance[0] + SIGMAS * sampled.variance_error[0] < 0.5 * 0.006_558, "{coupling:?}");
        let error = (sampled.variance[0] / sampled.samples).sqrt();
        assert!((sampled.mean[0] - exact).abs() <= SIGMAS * error);
    }
}

#[test]
fn relax_is_unbiased_while_it_learns_and_its_variance_falls() {
    for (p0, logit) in [(0.499, 0.0), (0.4, -1.0), (0.45, 2.0)] {
        let (f, exact) = (square_of_first(p0), {
            let p = 1.0 / (1.0 + f64::exp(-logit));
            p * (1.0 - p) * (1.0 - 2.0 * p0)
        });
        let bit = Bernoulli::from_logits(&[logit]).unwrap();
        // Values are all that it needs.
        let f = |b: &[f64]| f.0(b);
        let start = Relax::new(QuadraticSurrogate::new(1, 0.5).unwrap()).with_rate(0.02);
        // Many walks of some steps of few samples: unbiased at each step.
        let (walks, steps) = (4000, 6);
        let mut sums = vec![[0.0; 2]; steps];
        let mut generator = rng(21);
        for _ in 0..walks {
            let mut relax = start.clone();
            for [sum, squares] in &mut sums {
                let g = relax.estimate(&bit, &f, 4, &mut generator).unwrap().gradient()[0];
                *sum += g;
                *squares += g * g;
            }
        }
        let n = f64::from(walks);
        for [sum, squares] in sums {
            let mean = sum / n;
            let error = ((squares / n - mean * mean) / n).sqrt();
            assert!((mean - exact).abs() <= SIGMAS * error, "{p0} {logit}: {mean} ± {error}, not {exact}");
        }
        // A long walk: the variance at the end, against that at the start, both with their errors.
        let mut relax = start.clone();
        let before = sample_batches(&mut start.with_rate(0.0), &bit, &f, 2000, 22);
        for _ in 0..400 {
            relax.estimate(&bit, &f, 200, &mut generator).unwrap();
        }
        let mut still = relax.with_rate(0.0);
        let after = sample_batches(&mut still, &bit, &f, 2000, 23);
        assert!(
            after.variance[0] + 5.0 * after.variance_error[0] < 0.2 * before.variance[0],
            "{p0} {logit}: {} after {}",
            after.variance[0],
            before.variance[0]
        );
        let error = (after.variance[0] / after.samples).sqrt();
        assert!((after.mean[0] - exact).abs() <= SIGMAS * error);
    }
}

#[test]
fn relax_steps_against_the_gradient_of_its_variance() {
    // The mean square of the gradient samples is quadratic in φ: central differences with the same seed are exact, and the first step of
    // Adam goes by the rate against their sign.
    let f = |b: &[f64]| 1.0 + b[0] - 2.0 * b[0] * b[1];
    let bits = Bernoulli::from_logits(&[0.4, -0.7]).unwrap();
    let mut judged = 0;
    for (point, coupling) in
        [ConditionalNoise::Shared, ConditionalNoise::Independent].into_iter().cycle().take(30).enumerate()
    {
        let params: Vec<f64> = (0..6).map(|k| (1.3 * point as f64 + 2.1 * f64::from(k)).sin()).collect();
        let relax = |params: &[f64], rate: f64| {
            let mut surrogate = QuadraticSurrogate::new(2, 0.8).unwrap();
            Surrogate::<f64>::params_mut(&mut surrogate).copy_from_slice(params);
            Relax::new(surrogate).with_rate(rate).with_conditional_noise(coupling)
        };
        let samples = 200;
        let mean_square = |params: &[f64]| {
            let estimate = relax(params, 0.0).estimate(&bits, &f, samples, &mut rng(point as u64)).unwrap();
            let n = samples as f64;
            let squares = estimate.variance().into_iter().zip(estimate.gradient());
            squares.map(|(variance, g)| variance * (n - 1.0) / n + g * g).sum::<f64>()
        };
        let mut learning = relax(&params, 0.125);
        learning.estimate(&bits, &f, samples, &mut rng(point as u64)).unwrap();
        let learned = Surrogate::<f64>::params(learning.surrogate()).to_vec();
        for k in 0..6 {
            let at = |phi: f64| {
                let mut moved = params.clone();
                moved[k] = phi;
                mean_square(&moved)
            };
            let slope = 0.5 * (at(params[k] + 1.0) - at(params[k] - 1.0));
            assert!((learned[k] - (params[k] - 0.125 * slope.signum())).abs() < 1e-6, "{point} {k}: {slope}");
            judged += 1;
        }
    }
    assert_eq!(judged, 180);
}

#[test]
fn the_surrogate_of_relax_has_the_derivatives_that_it_says() {
    let mut surrogate = QuadraticSurrogate::new(3, 0.7).unwrap();
    let params: Vec<f64> = (0..10).map(|i| (f64::from(i) * 1.7).sin()).collect();
    Surrogate::<f64>::params_mut(&mut surrogate).copy_from_slice(&params);
    let (z, direction, weight) = ([0.3, -1.1, 0.8], [0.5, 2.0, -1.0], 1.3);
    let (mut dz, mut scratch, mut unused) = ([0.0; 3], [0.0; 6], [0.0; 3]);
    surrogate.value_and_gradient(&z, &mut dz, &mut scratch);
    for i in 0..3 {
        let mut value = |x: f64| {
            let mut z = z;
            z[i] = x;
            surrogate.value_and_gradient(&z, &mut unused, &mut scratch)
        };
        let h = 1e-5;
        let difference = (value(z[i] + h) - value(z[i] - h)) / (2.0 * h);
        assert!((dz[i] - difference).abs() < 1e-9, "{i}");
    }
    let mut found = vec![0.0; 10];
    surrogate.add_parameter_gradient(&z, weight, &direction, &mut scratch, &mut found);
    for (k, found) in found.iter().enumerate() {
        let mut at = |phi: f64| {
            let mut moved = surrogate.clone();
            Surrogate::<f64>::params_mut(&mut moved)[k] = phi;
            let value = moved.value_and_gradient(&z, &mut dz, &mut scratch);
            weight * value + dz.iter().zip(direction).map(|(dz, d)| dz * d).sum::<f64>()
        };
        let difference = (at(params[k] + 1e-4) - at(params[k] - 1e-4)) / 2e-4;
        assert!((found - difference).abs() < 1e-9, "{k}: {found} {difference}");
    }
}

#[test]
fn the_learning_estimators_take_extremes_and_refuse_nonsense() {
    fn extreme<T: Real>(huge: f64) {
        let logits = [huge, -huge, 0.0, 1.0].map(T::of);
        let bits = Bernoulli::from_logits(&logits).unwrap();
        for coupling in [ConditionalNoise::Shared, ConditionalNoise::Independent] {
            for tau in [1e-3, 1.0, 1e3] {
                let rebar = Rebar::new().with_temperature(tau).with_conditional_noise(coupling).adaptive();
                let mut rebar = rebar.with_adaptive_temperature(0.1);
                let mut relax =
                    Relax::new(QuadraticSurrogate::new(4, tau).unwrap()).with_conditional_noise(coupling);
                for _ in 0..3 {
                    rebar.estimate(&bits, &squares::<T>(), 50, &mut rng(1)).unwrap();
                    relax.estimate(&bits, &squares::<T>(), 50, &mut rng(1)).unwrap();
                }
                assert!(rebar.learned().iter().all(|eta| eta.is_finite()));
            }
        }
    }
    extreme::<f32>(1e38);
    extreme::<f64>(1e308);

    let option = |error: Error| match error {
        Error::Option { option, .. } => option,
        _ => "another",
    };
    let bit = Bernoulli::from_logits(&[0.0]).unwrap();
    for (mut rebar, name) in [
        (Rebar::new().with_temperature(0.0), "temperature"),
        (Rebar::new().with_adaptive_temperature(0.0), "rate"),
        (Rebar::new().with_eta(f64::NAN), "eta"),
    ] {
        assert_eq!(option(rebar.estimate(&bit, &squares(), 10, &mut rng(1)).unwrap_err()), name);
    }
    assert_eq!(option(QuadraticSurrogate::new(1, -1.0).unwrap_err()), "temperature");
    let relax = || Relax::new(QuadraticSurrogate::new(2, 1.0).unwrap());
    let two = Bernoulli::from_logits(&[0.0; 2]).unwrap();
    let refused = relax().with_rate(f64::NAN).estimate(&two, &squares(), 10, &mut rng(1));
    assert_eq!(option(refused.unwrap_err()), "rate");
    assert!(matches!(relax().estimate(&bit, &squares(), 10, &mut rng(1)), Err(Error::Length { .. })));
    // What was learned for one bit is not for two.
    let mut rebar = Rebar::new().adaptive();
    rebar.estimate(&bit, &squares(), 10, &mut rng(1)).unwrap();
    let two = Bernoulli::from_logits(&[0.0, 0.0]).unwrap();
    assert!(matches!(rebar.estimate(&two, &squares(), 10, &mut rng(1)), Err(Error::Length { .. })));
}

/// A sum over rows or bits is estimated row by row: each has mean and variance as if it were alone.
#[test]
fn several_rows_or_bits_are_estimated_as_each_alone() {
    // Σ over coordinates of x³ + x, so that ∂f/∂x is 3 x² + 1: any row's gradient depends on that row alone.
    let f: Differentiable<Objective3> = Differentiable(Box::new(|x: &[f64], dx: Option<&mut [f64]>| {
        let weight = |i: usize| 1.0 + 0.5 * (i % 3) as f64;
        if let Some(dx) = dx {
            dx.iter_mut().zip(x).enumerate().for_each(|(i, (dx, x))| *dx = weight(i) * (3.0 * x * x + 1.0));
        }
        x.iter().enumerate().map(|(i, x)| weight(i) * (x.powi(3) + x)).sum()
    }));
    let logits = [1.0, 0.0, -1.0, -0.3, 0.2, 1.5, 0.0, 0.0, 2.0];
    fn check<E, D>(estimator: &E, all: &D, parts: &[D], f: &Differentiable<Objective3>)
    where
        D: Distribution<f64>,
        E: GradientEstimator<f64, D, Differentiable<Objective3>> + Clone,
    {
        let whole = sample_batches(&mut estimator.clone(), all, f, 2000, 61);
        let mut at = 0;
        for (seed, part) in parts.iter().enumerate() {
            let alone = sample_batches(&mut estimator.clone(), part, f, 2000, 62 + seed as u64);
            for k in 0..part.dim() {
                let error = ((alone.variance[k] + whole.variance[at]) / alone.samples).sqrt();
                let label = format!("part {seed}, coordinate {k}");
                assert!((whole.mean[at] - alone.mean[k]).abs() <= SIGMAS * error, "{label}: mean");
                let error = alone.variance_error[k].hypot(whole.variance_error[at]);
                assert!(error < 0.05 * alone.variance[k], "{label}: too heavy");
                assert!(
                    (whole.variance[at] - alone.variance[k]).abs() <= SIGMAS * error,
                    "{label}: variance"
                );
                at += 1;
            }
        }
        assert_eq!(at, all.dim());
    }
    let rows = Categorical::from_logits(&logits, 3).unwrap();
    let alone: Vec<_> = logits.chunks(3).map(|row| Categorical::from_logits(row, 3).unwrap()).collect();
    // Weights repeat every three coordinates, so bits come in threes as well.
    let bits = Bernoulli::from_logits(&logits).unwrap();
    let threes: Vec<_> = logits.chunks(3).map(|part| Bernoulli::from_logits(part).unwrap()).collect();
    let (plain, averaged) = (StraightThroughGumbelSoftmax::new(0.7), GumbelRao::new(0.7, 3));
    check(&StraightThrough, &rows, &alone, &f);
    check(&ReinMax, &rows, &alone, &f);
    check(&plain, &rows, &alone, &f);
    check(&averaged, &rows, &alone, &f);
    check(&StraightThrough, &bits, &threes, &f);
    check(&ReinMax, &bits, &threes, &f);
    check(&plain, &bits, &threes, &f);
    check(&averaged, &bits, &threes, &f);
}

#[test]
fn a_boxed_surrogate_is_the_surrogate_and_relax_never_looks_between_the_bits() {
    // An objective that is NaN anywhere else.
    let f = Differentiable(|b: &[f64], db: Option<&mut [f64]>| {
        if let Some(db) = db {
            db.fill(1.0);
        }
        if b.iter().all(|b| *b == 0.0 || *b == 1.0) { b.iter().sum::<f64>() } else { f64::NAN }
    });
    let bits = Bernoulli::from_logits(&[0.3, -0.2]).unwrap();
    let surrogate = || QuadraticSurrogate::new(2, 0.5).unwrap();
    let mut plain = Relax::new(surrogate());
    let mut boxed = Relax::new(Box::new(surrogate()) as Box<dyn Surrogate<f64>>);
    for call in 0..3 {
        let a = plain.estimate(&bits, &f, 100, &mut rng(call)).unwrap();
        assert_eq!(a, boxed.estimate(&bits, &f, 100, &mut rng(call)).unwrap());
    }
    assert_eq!(Surrogate::<f64>::params(plain.surrogate()), boxed.surrogate().params());
    // The hard-draw estimators do not look there either; REBAR does, says so, and learns nothing from it.
    StraightThroughGumbelSoftmax::new(0.5).estimate(&bits, &f, 100, &mut rng(1)).unwrap();
    GumbelRao::new(0.5, 2).estimate(&bits, &f, 100, &mut rng(1)).unwrap();
    let mut rebar = Rebar::new().adaptive();
    let error = rebar.estimate(&bits, &f, 100, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteObjective { sample: 0, draw: 1, .. }), "{error}");
    assert!(rebar.learned().is_empty());
}
