//! Entropies, moments and divergences of the scalar families, of bits, categories and compositions: against mpmath (`divergences.csv`, made by
//! `generate_divergences.py`), by differences, and where they are infinite.

use crate::common::{Table, assert_relative, rng};
use reparam::prelude::*;
use reparam::{KlDivergence, LogDensity, MeanVariance, verify};

fn numbers(text: &str) -> Vec<f64> {
    text.split(';').map(|x| x.parse().unwrap()).collect()
}

/// Both gradients of a divergence against differences of its value.
#[track_caller]
fn check_kl_gradient<D: KlDivergence<f64> + Clone>(p: &D, q: &D, what: &str) {
    if let Err(mismatch) = verify::kl_gradient(p, q).unwrap().within(1e-7) {
        panic!("{what}: {mismatch}");
    }
}

/// What a row of the table holds, against what the distribution says.
#[track_caller]
fn check_row<D>(row: &crate::common::Row<'_>, [p, q]: [D; 2], entropy: Option<f64>, tolerance: f64)
where
    D: MeanVariance<f64> + KlDivergence<f64>,
{
    let what = format!("{} {} {}", row.text("family"), row.text("p"), row.text("q"));
    if let Some(entropy) = entropy {
        assert_relative(entropy, row.number("entropy"), tolerance, tolerance, &format!("{what}: entropy"));
    }
    let (mut mean, mut variance) = ([f64::NAN], [f64::NAN]);
    p.mean(&mut mean);
    p.variance(&mut variance);
    if row.text("mean").is_empty() {
        assert!(!variance[0].is_finite(), "{what}");
    } else {
        let spread = row.number("variance").sqrt();
        assert_relative(mean[0], row.number("mean"), tolerance, 1e-14 * spread, &format!("{what}: mean"));
        assert_relative(variance[0], row.number("variance"), tolerance, 0.0, &format!("{what}: variance"));
    }
    let kl = p.kl(&q).unwrap();
    // Near p = q a divergence is a difference of terms of size 1, except where it is written as a sum of terms of one sign.
    assert_relative(kl, row.number("kl"), tolerance, 4e-14, &format!("{what}: divergence"));
    assert!(p.kl(&p).unwrap().abs() <= 1e-13, "{what}: KL(p, p) = {:e}", p.kl(&p).unwrap());
}

#[test]
fn entropy_moments_and_divergence_are_those_of_mpmath() {
    let mut rows = 0;
    for row in Table::parse(include_str!("../data/divergences.csv")).rows() {
        let (p, q) = (numbers(row.text("p")), numbers(row.text("q")));
        macro_rules! check {
            ($name:ident, $tolerance:expr, no entropy, $($i:expr),+) => {{
                let law = |theta: &[f64]| $name::new($(&theta[$i..=$i]),+).unwrap();
                check_row(&row, [law(&p), law(&q)], None, $tolerance);
                check_kl_gradient(&law(&p), &law(&q), row.text("family"));
            }};
            ($name:ident, $tolerance:expr, $($i:expr),+) => {{
                let law = |theta: &[f64]| $name::new($(&theta[$i..=$i]),+).unwrap();
                check_row(&row, [law(&p), law(&q)], Some(law(&p).entropy()), $tolerance);
                if row.text("family") != "TruncatedNormal" && row.text("family") != "Uniform" && row.text("family") != "Triangular" {
                    check_kl_gradient(&law(&p), &law(&q), row.text("family"));
                }
            }};
        }
        match row.text("family") {
            "Exponential" => check!(Exponential, 1e-13, 0),
            "Normal" => check!(Normal, 1e-13, 0, 1),
            "LogNormal" => check!(LogNormal, 1e-12, 0, 1),
            "Logistic" => check!(Logistic, 1e-11, 0, 1),
            "Gumbel" => check!(Gumbel, 1e-13, 0, 1),
            "Laplace" => check!(Laplace, 1e-13, 0, 1),
            "Cauchy" => check!(Cauchy, 1e-13, 0, 1),
            "Weibull" => check!(Weibull, 1e-12, 1, 0),
            "Pareto" => check!(Pareto, 1e-13, 0, 1),
            "Uniform" => check!(Uniform, 1e-12, 0, 1),
            "Kumaraswamy" => check!(Kumaraswamy, 1e-11, 0, 1),
            "HalfNormal" => check!(HalfNormal, 1e-13, 0),
            "HalfCauchy" => check!(HalfCauchy, 1e-13, 0),
            "LogLogistic" => check!(LogLogistic, 1e-11, 0, 1),
            "Gompertz" => check!(Gompertz, 1e-12, 0, 1),
            "StudentT" => check!(StudentT, 1e-10, 0, 1, 2),
            "LogitNormal" => check!(LogitNormal, 1e-11, 0, 1),
            "SoftplusNormal" => check!(SoftplusNormal, 1e-11, no entropy, 0, 1),
            "Triangular" => check!(Triangular, 1e-12, 0, 1, 2),
            "TruncatedNormal" => check!(TruncatedNormal, 1e-12, 0, 1, 2, 3),
            other => unreachable!("{other}"),
        }
        rows += 1;
    }
    assert!(rows >= 60, "{rows}");
}

/// Bounds inside which the differences can move, and the bounds apart: KL is defined on one side of a common bound only.
#[test]
fn gradients_of_divergences_with_moving_bounds_hold_by_differences() {
    check_kl_gradient(
        &Uniform::new(&[0.2], &[1.1]).unwrap(),
        &Uniform::new(&[-1.0], &[1.5]).unwrap(),
        "uniform",
    );
    let p = Triangular::new(&[0.1], &[1.0], &[4.0]).unwrap();
    for mode in [0.5, 1.0, 3.0] {
        check_kl_gradient(&p, &Triangular::new(&[-1.0], &[mode], &[5.0]).unwrap(), "triangular");
    }
    for (p, q) in [
        ([0.5, 1.2, 0.1, 2.0], [0.3, 1.0, -1.0, 3.0]),
        ([0.5, 0.8, -3.0, 1.0], [1.0, 2.0, -4.0, 1.5]),
        ([0.538, 0.05, 0.809, 0.869], [0.5, 0.06, 0.79, 0.9]),
        ([1.0, 0.5, -1.0, -0.5], [0.5, 1.0, -2.0, 0.5]),
        ([0.1, 1.0, 8.0, 9.0], [0.2, 2.0, 1.0, 10.0]),
    ] {
        let law = |t: [f64; 4]| TruncatedNormal::new(&[t[0]], &[t[1]], &[t[2]], &[t[3]]).unwrap();
        check_kl_gradient(&law(p), &law(q), "truncated normal");
    }
}

#[test]
fn a_divergence_that_is_not_covered_is_infinite_and_has_no_gradient() {
    macro_rules! check {
        ($p:expr, $q:expr) => {{
            let (p, q) = ($p.unwrap(), $q.unwrap());
            assert_eq!(p.kl(&q), Ok(f64::INFINITY));
            let len = p.params().len();
            let (mut dp, mut dq) = (vec![7.0; len], vec![7.0; len]);
            assert!(matches!(p.kl_gradient(&q, &mut dp, &mut dq), Err(Error::NotCovered { coordinate: 1 })));
            assert!(dp.iter().chain(&dq).all(|&x| x == 7.0));
        }};
    }
    check!(Uniform::new(&[0.0, 0.0], &[1.0, 1.0]), Uniform::new(&[0.0, 0.1], &[1.0, 2.0]));
    check!(Pareto::new(&[1.0, 1.0], &[1.0, 1.0]), Pareto::new(&[1.0, 1.5], &[1.0, 1.0]));
    check!(
        Triangular::new(&[0.0; 2], &[1.0; 2], &[2.0; 2]),
        Triangular::new(&[0.0; 2], &[1.0; 2], &[2.0, 1.9])
    );
    check!(
        TruncatedNormal::new(&[0.0; 2], &[1.0; 2], &[-1.0; 2], &[2.0; 2]),
        TruncatedNormal::new(&[0.0; 2], &[1.0; 2], &[-1.0, -0.5], &[2.0; 2])
    );
    let joint = |low: f64| {
        Product::new(Normal::new(&[0.0; 3], &[1.0; 3]).unwrap(), Uniform::new(&[low], &[2.0]).unwrap())
    };
    // Lengths are looked at first.
    let normal = Normal::new(&[0.0; 2], &[1.0; 2]).unwrap();
    let gumbel = Gumbel::new(&[0.0; 2], &[1.0; 2]).unwrap();
    for (short, other) in [(3, 4), (4, 3)] {
        let (mut dp, mut dq) = (vec![7.0; short], vec![7.0; other]);
        assert!(matches!(normal.kl_gradient(&normal, &mut dp, &mut dq), Err(Error::Length { .. })));
        assert!(matches!(gumbel.kl_gradient(&gumbel, &mut dp, &mut dq), Err(Error::Length { .. })));
        assert!(dp.iter().chain(&dq).all(|&x| x == 7.0));
    }
    assert!(matches!(normal.kl(&Normal::standard(3).unwrap()), Err(Error::Length { .. })));
    assert!(matches!(gumbel.kl(&Gumbel::new(&[0.0], &[1.0]).unwrap()), Err(Error::Length { .. })));
    let error = joint(0.0).kl_gradient(&joint(0.5), &mut [0.0; 8], &mut [0.0; 8]);
    assert_eq!(error, Err(Error::NotCovered { coordinate: 3 }));
}

#[test]
fn small_divergences_keep_their_digits() {
    // Half the Fisher information times the square of the step, to the step's relative size.
    let step = 1e-9;
    let check = |kl: f64, fisher: f64, what: &str| {
        assert_relative(kl, 0.5 * fisher * step * step, 1e-6, 0.0, what);
    };
    let normal = |mu: f64| Normal::new(&[mu], &[2.0]).unwrap();
    check(normal(0.0).kl(&normal(step)).unwrap(), 0.25, "normal");
    let exponential = |rate: f64| Exponential::new(&[rate]).unwrap();
    check(exponential(1.0).kl(&exponential(1.0 + step)).unwrap(), 1.0, "exponential");
    let cauchy = |mu: f64| Cauchy::new(&[mu], &[1.0]).unwrap();
    check(cauchy(0.0).kl(&cauchy(step)).unwrap(), 0.5, "cauchy");
    let logistic = |mu: f64| Logistic::new(&[mu], &[1.0]).unwrap();
    check(logistic(0.0).kl(&logistic(step)).unwrap(), 1.0 / 3.0, "logistic");
    let student = |mu: f64| StudentT::new(&[4.0], &[mu], &[1.0]).unwrap();
    check(student(0.0).kl(&student(step)).unwrap(), 5.0 / 7.0, "student");
    let bits = |p: f64| Bernoulli::from_probs(&[p]).unwrap();
    check(bits(0.25).kl(&bits(0.25 + step)).unwrap(), 16.0 / 3.0, "bernoulli");
}

#[test]
fn bits_and_categories_have_divergences_in_either_parameterisation() {
    let logits = [0.3, -2.0, 4.0];
    let others = [-1.0, 0.5, 3.0];
    let by_logits = Bernoulli::from_logits(&logits).unwrap();
    let probs = by_logits.probs();
    let by_probs = Bernoulli::from_probs(&probs).unwrap();
    let other = Bernoulli::from_logits(&others).unwrap();
    let other_probs = Bernoulli::from_probs(&other.probs()).unwrap();
    let exact: f64 = probs
        .iter()
        .zip(other.probs())
        .map(|(p, q): (&f64, f64)| p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln())
        .sum();
    for (p, q) in
        [(&by_logits, &other), (&by_probs, &other), (&by_logits, &other_probs), (&by_probs, &other_probs)]
    {
        assert_relative(p.kl(q).unwrap(), exact, 1e-13, 0.0, "bits");
        check_kl_gradient(p, q, "bits");
        assert_eq!(p.kl(p), Ok(0.0));
    }
    let (mut mean, mut variance) = ([0.0; 3], [0.0; 3]);
    by_logits.mean(&mut mean);
    by_logits.variance(&mut variance);
    assert_eq!(mean[..], probs[..]);
    assert_relative(variance[0], probs[0] * (1.0 - probs[0]), 1e-15, 0.0, "variance of a bit");

    let p = Categorical::from_logits(&[0.1, -1.0, 2.0, 0.0, 0.0, 1.0], 3).unwrap();
    let q = Categorical::from_logits(&[0.5, 0.0, 0.3, -1.0, 0.2, 0.4], 3).unwrap();
    let exact: f64 = p.probs().iter().zip(q.probs()).map(|(p, q): (&f64, &f64)| p * (p / q).ln()).sum();
    assert_relative(p.kl(&q).unwrap(), exact, 1e-13, 0.0, "categories");
    check_kl_gradient(&p, &q, "categories");
    let (by_probs, other) =
        (Categorical::from_probs(p.probs(), 3).unwrap(), Categorical::from_probs(q.probs(), 3).unwrap());
    assert_relative(by_probs.kl(&other).unwrap(), exact, 1e-13, 0.0, "categories by probability");
    // On the simplex only differences matter: the gradient by probabilities is the exact one up to a constant.
    let (mut dp, mut dq) = ([0.0; 6], [0.0; 6]);
    by_probs.kl_gradient(&other, &mut dp, &mut dq).unwrap();
    let (mut dl, mut dm) = ([0.0; 6], [0.0; 6]);
    p.kl_gradient(&q, &mut dl, &mut dm).unwrap();
    for row in [0, 3] {
        let inner = |g: &[f64; 6], p: &[f64]| (row..row + 3).map(|i| g[i] * p[i]).sum::<f64>();
        for i in row..row + 3 {
            assert_relative(p.probs()[i] * (dp[i] - inner(&dp, p.probs())), dl[i], 1e-13, 1e-16, "p");
            assert_relative(q.probs()[i] * (dq[i] - inner(&dq, q.probs())), dm[i], 1e-13, 1e-16, "q");
        }
    }
    // A certain bit costs nothing to encode as itself, and what it costs to encode as its opposite is finite by logits.
    let (sure, opposite) =
        (Bernoulli::from_logits(&[800.0]).unwrap(), Bernoulli::from_logits(&[-800.0]).unwrap());
    assert_eq!((sure.kl(&sure), sure.kl(&opposite)), (Ok(0.0), Ok(799.0 + 1.0)));
    assert!(matches!(by_logits.kl(&sure), Err(Error::Length { .. })));
    let other_rows = Categorical::from_logits(&[0.0; 6], 2).unwrap();
    assert!(matches!(p.kl(&other_rows), Err(Error::Length { .. })));
}

#[test]
fn products_and_unconstrained_parameters_pass_divergences_on() {
    let joint = |x: f64| {
        Product::new(
            Gumbel::new(&[x, 0.5], &[1.0, 2.0 + x]).unwrap(),
            Product::new(
                Gamma::from_rate(&[2.0 + x], &[1.5]).unwrap(),
                Bernoulli::from_logits(&[0.3 + x]).unwrap(),
            ),
        )
    };
    let (p, q) = (joint(0.2), joint(0.7));
    check_kl_gradient(&p, &q, "product");
    let parts = p.first().kl(q.first()).unwrap() + p.second().kl(q.second()).unwrap();
    assert_eq!(p.kl(&q), Ok(parts));
    let (mut mean, mut variance) = ([0.0; 4], [0.0; 4]);
    p.mean(&mut mean);
    p.variance(&mut variance);
    assert_relative(mean[2], 2.2 / 1.5, 1e-15, 0.0, "mean of the third coordinate");
    assert_relative(variance[2], 2.2 / 2.25, 1e-15, 0.0, "its variance");

    let free = |x: f64| Unconstrained::new(Weibull::new(&[2.0], &[1.5 + x]).unwrap()).unwrap();
    check_kl_gradient(&free(0.0), &free(0.4), "unconstrained Weibull");
    let free = |x: f64| {
        Unconstrained::with_bijector(
            TruncatedNormal::new(&[0.3], &[1.0], &[-x], &[x]).unwrap(),
            reparam::PositiveBijector::Softplus,
        )
        .unwrap()
    };
    check_kl_gradient(&free(1.0), &free(2.0), "unconstrained truncated normal");
    let (mut mean, mut inner) = ([0.0], [0.0]);
    free(1.0).mean(&mut mean);
    free(1.0).inner().mean(&mut inner);
    assert_eq!(mean, inner);
}

/// Sampled log ratios, mean and variance, in five standard errors: 51 comparisons would see a false alarm once in 30,000 seeds.
#[test]
fn sampled_log_ratios_and_moments_agree() {
    fn check<D>(p: &D, q: &D, seed: u64, what: &str)
    where
        D: KlDivergence<f64> + MeanVariance<f64> + LogDensity<f64>,
    {
        let draws = 400_000;
        let (mut rng, mut z) = (rng(seed), [0.0]);
        let (mut mean, mut variance) = ([0.0], [0.0]);
        p.mean(&mut mean);
        p.variance(&mut variance);
        let exact = [p.kl(q).unwrap(), mean[0], variance[0]];
        let (mut sums, mut squares) = ([0.0; 3], [0.0; 3]);
        for _ in 0..draws {
            p.sample(&mut rng, &mut z);
            let terms = [p.log_prob(&z) - q.log_prob(&z), z[0], (z[0] - mean[0]).powi(2)];
            for i in 0..3 {
                let off = terms[i] - exact[i];
                sums[i] += off;
                squares[i] += off * off;
            }
        }
        let n = f64::from(draws);
        for i in 0..3 {
            let error = (squares[i] / n / n).sqrt();
            assert!((sums[i] / n).abs() <= 5.0 * error, "{what}, {i}: off by {} ± {error}", sums[i] / n);
        }
    }
    check(&Normal::new(&[1.0], &[0.5]).unwrap(), &Normal::new(&[0.0], &[1.0]).unwrap(), 1, "normal");
    check(&HalfNormal::new(&[1.0]).unwrap(), &HalfNormal::new(&[1.5]).unwrap(), 2, "half-normal");
    check(
        &LogLogistic::new(&[1.0], &[9.0]).unwrap(),
        &LogLogistic::new(&[1.1], &[6.0]).unwrap(),
        3,
        "log-logistic",
    );
    check(&Gompertz::new(&[0.1], &[2.0]).unwrap(), &Gompertz::new(&[0.2], &[1.5]).unwrap(), 4, "gompertz");
    let triangular = |a, b, c| Triangular::new(&[a], &[b], &[c]).unwrap();
    check(&triangular(0.0, 1.0, 4.0), &triangular(-1.0, 2.0, 5.0), 5, "triangular");
    let truncated = |a, b, c, d| TruncatedNormal::new(&[a], &[b], &[c], &[d]).unwrap();
    check(&truncated(0.0, 1.0, -0.5, 2.0), &truncated(1.0, 0.7, -1.0, 3.0), 6, "truncated normal");
    check(&truncated(0.538, 0.05, 0.809, 0.869), &truncated(0.5, 0.1, 0.8, 1.0), 7, "far truncated normal");
    check(
        &LogitNormal::new(&[0.5], &[2.0]).unwrap(),
        &LogitNormal::new(&[0.0], &[1.5]).unwrap(),
        8,
        "logit-normal",
    );
    check(
        &Kumaraswamy::new(&[2.0], &[3.0]).unwrap(),
        &Kumaraswamy::new(&[1.5], &[2.0]).unwrap(),
        9,
        "kumaraswamy",
    );
    check(&Logistic::new(&[0.0], &[1.0]).unwrap(), &Logistic::new(&[1.0], &[0.5]).unwrap(), 10, "logistic");
    let student = |a, b, c| StudentT::new(&[a], &[b], &[c]).unwrap();
    check(&student(9.0, 0.0, 1.0), &student(3.0, 1.0, 0.5), 11, "student");
    check(&Weibull::new(&[2.0], &[1.5]).unwrap(), &Weibull::new(&[3.0], &[2.0]).unwrap(), 12, "weibull");
    check(&Pareto::new(&[2.0], &[9.0]).unwrap(), &Pareto::new(&[1.0], &[3.0]).unwrap(), 13, "pareto");
    check(&Gumbel::new(&[0.0], &[1.0]).unwrap(), &Gumbel::new(&[1.0], &[1.5]).unwrap(), 14, "gumbel");
    check(&Laplace::new(&[0.0], &[1.0]).unwrap(), &Laplace::new(&[1.0], &[1.5]).unwrap(), 15, "laplace");
    check(
        &LogNormal::new(&[0.0], &[0.4]).unwrap(),
        &LogNormal::new(&[0.3], &[0.5]).unwrap(),
        16,
        "log-normal",
    );
    check(
        &SoftplusNormal::new(&[0.0], &[2.0]).unwrap(),
        &SoftplusNormal::new(&[0.3], &[1.5]).unwrap(),
        17,
        "softplus",
    );
}
