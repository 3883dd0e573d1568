//! Beta, its log-odds and Student's t: derivatives against differences, exact gradients and variances, tiny shapes, samplers, bad input.

use crate::common::uniformity::kolmogorov;
use crate::common::*;
use reparam::distributions::Quantile;
use reparam::prelude::*;
use reparam::special::{beta_cdf, beta_log_odds_implicit_gradient, beta_log_odds_tails, student_t_cdf};
use reparam::{Distribution, KlDivergence, LogDensity, MeanVariance, Probability, Real, Reparameterizable};

const SHAPES: [f64; 7] = [0.05, 0.3, 0.9, 1.0, 4.0, 25.0, 300.0];
const TAILS: [f64; 6] = [1e-5, 0.02, 0.3, -0.4, -0.03, -1e-4];

fn drawn(distribution: &impl Reparameterizable<f64>, noise: &[f64]) -> Vec<f64> {
    let mut z = vec![0.0; distribution.dim()];
    distribution.transform(noise, &mut z);
    z
}

#[test]
fn beta_derivatives_match_differences() {
    let mut checked = 0;
    for a in SHAPES {
        for b in SHAPES {
            let beta = Beta::new(&[a], &[b]).unwrap();
            for tail in TAILS {
                let z = drawn(&beta, &[tail])[0];
                // Differences see nothing of a draw that has rounded to an end; the log-odds below have all of them.
                if !(1e-100..=1.0 - 1e-3).contains(&z) {
                    continue;
                }
                checked += 1;
                let size = 1.0f64.max(-z.ln());
                check_pullback(&beta, &[tail], &[1.3], &[0.3 * a / size.max(a.sqrt()), 0.3 * b / size]);
                let steep = 1.0f64.max(a).max(b);
                check_score(&beta, &[z], &[a / size, b]);
                check_log_prob_gradient(&beta, &[z], &[0.3 * z.min(1.0 - z) / steep.sqrt()]);
            }
        }
    }
    assert!(checked > 180, "{checked}");
}

#[test]
fn logit_beta_derivatives_match_differences() {
    for a in SHAPES {
        for b in SHAPES {
            let beta = LogitBeta::new(&[a], &[b]).unwrap();
            for tail in TAILS {
                let l = drawn(&beta, &[tail])[0];
                check_pullback(&beta, &[tail], &[1.3], &[0.3 * a, 0.3 * b]);
                let size = 1.0f64.max(l.abs());
                check_score(&beta, &[l], &[a / size, b / size]);
                check_log_prob_gradient(&beta, &[l], &[1.0]);
            }
        }
    }
}

#[test]
fn student_t_derivatives_match_differences() {
    for nu in [0.3, 1.0, 2.5, 8.0, 30.0, 45.0, 500.0] {
        let t = StudentT::new(&[nu], &[0.7], &[2.5]).unwrap();
        for tail in TAILS {
            let z = drawn(&t, &[tail])[0];
            let size = (z - 0.7).abs();
            let bend = nu / (1.0 + (1.0 / tail.abs()).ln() / nu);
            check_pullback(&t, &[tail], &[1.3], &[0.2 * bend, 2.5, 2.5]);
            check_score(&t, &[z], &[nu / size.max(1.0).ln().max(1.0), 0.5 * (2.5 + size), 1.0]);
            check_log_prob_gradient(&t, &[z], &[0.5 * (2.5 + size)]);
        }
    }
}

#[test]
fn entropies_have_their_gradients_and_their_sampled_values() {
    let shapes = ([0.4, 3.0, 90.0], [1.5, 0.7, 60.0]);
    let lengths = [shapes.0, shapes.1].concat();
    check_entropy(&Beta::new(&shapes.0, &shapes.1).unwrap(), &lengths, 40_000, 1);
    check_entropy(&LogitBeta::new(&shapes.0, &shapes.1).unwrap(), &lengths, 40_000, 2);
    let t = StudentT::new(&[0.6, 5.0, 70.0], &[1.0, -2.0, 0.0], &[0.5, 2.0, 3.0]).unwrap();
    check_entropy(&t, &[0.6, 5.0, 20.0, 1.0, 1.0, 1.0, 0.5, 2.0, 3.0], 400_000, 3);
    check_mean_score(&Beta::new(&shapes.0, &shapes.1).unwrap(), 40_000, 4.5, 4);
    check_mean_score(&LogitBeta::new(&shapes.0, &shapes.1).unwrap(), 40_000, 4.5, 5);
    check_mean_score(&t, 40_000, 4.5, 6);
    // A tiny shape: H(l) → 2 − ln a at a = b, its digits not those of ln B.
    let entropy = LogitBeta::new(&[1e-8], &[1e-8]).unwrap().entropy();
    assert!((entropy - (1.0 - 0.5e-8f64.ln())).abs() < 1e-6, "{entropy}");
}

#[test]
fn divergences_have_their_gradients_and_their_sampled_values() {
    let p = Beta::new(&[0.4, 3.0, 90.0], &[1.5, 0.7, 60.0]).unwrap();
    let q = Beta::new(&[0.9, 2.0, 110.0], &[0.8, 1.7, 65.0]).unwrap();
    let kl = p.kl(&q).unwrap();
    let (mut dp, mut dq) = ([0.0; 6], [0.0; 6]);
    p.kl_gradient(&q, &mut dp, &mut dq).unwrap();
    for i in 0..6 {
        let moved = |d: &Beta<f64>, x: f64| {
            let (mut params, mut moved) = (d.params().to_vec(), d.clone());
            params[i] = x;
            moved.set_params(&params).unwrap();
            moved
        };
        let (x, y) = (p.params()[i], q.params()[i]);
        assert_relative(
            dp[i],
            derivative(|x| moved(&p, x).kl(&q).unwrap(), x, 0.3 * x),
            1e-8,
            1e-10,
            "KL, p",
        );
        assert_relative(
            dq[i],
            derivative(|y| p.kl(&moved(&q, y)).unwrap(), y, 0.3 * y),
            1e-8,
            1e-10,
            "KL, q",
        );
    }
    let (mut rng, mut z, n) = (rng(7), [0.0; 3], 200_000);
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..n {
        p.sample(&mut rng, &mut z);
        let difference = p.log_prob(&z) - q.log_prob(&z) - kl;
        sum += difference;
        squares += difference * difference;
    }
    assert!(sum.abs() < 4.0 * squares.sqrt(), "{} ± {}", sum / f64::from(n), squares.sqrt() / f64::from(n));
    // The same for the log-odds, 0 for equal parameters, and the shapes must agree.
    let in_log_odds = |d: &Beta<f64>| LogitBeta::new(d.alpha(), d.beta()).unwrap();
    assert_eq!(in_log_odds(&p).kl(&in_log_odds(&q)).unwrap(), kl);
    assert!(p.kl(&p).unwrap().abs() < 1e-12);
    assert!(p.kl(&Beta::new(&[1.0], &[1.0]).unwrap()).is_err());
    assert!(p.kl_gradient(&q, &mut [0.0; 5], &mut dq).is_err());
}

#[test]
fn means_and_variances_are_those_of_the_draws() {
    let shapes = ([0.02, 0.4, 3.0, 90.0], [0.05, 1.5, 0.7, 60.0]);
    check_moments(&Beta::new(&shapes.0, &shapes.1).unwrap(), 1);
    check_moments(&LogitBeta::new(&shapes.0, &shapes.1).unwrap(), 2);
    check_moments(&StudentT::new(&[5.0, 20.0], &[1.0, -2.0], &[0.5, 3.0]).unwrap(), 3);
    let heavy = StudentT::new(&[0.5, 1.5], &[1.0, 1.0], &[1.0, 1.0]).unwrap();
    let (mut mean, mut variance) = ([0.0f64; 2], [0.0f64; 2]);
    heavy.mean(&mut mean);
    heavy.variance(&mut variance);
    assert!(mean[0].is_nan() && mean[1] == 1.0 && variance[0].is_nan() && variance[1] == f64::INFINITY);
}

/// Mean and variance within 4.5 standard errors.
fn check_moments(distribution: &impl MeanVariance<f64>, seed: u64) {
    let dim = distribution.dim();
    let (mut mean, mut variance, mut z) = (vec![0.0; dim], vec![0.0; dim], vec![0.0; dim]);
    distribution.mean(&mut mean);
    distribution.variance(&mut variance);
    let mut rng = rng(seed);
    let n = 400_000;
    let mut sums = vec![[0.0; 4]; dim];
    for _ in 0..n {
        distribution.sample(&mut rng, &mut z);
        for i in 0..dim {
            let d = z[i] - mean[i];
            let e = d * d - variance[i];
            for (sum, term) in sums[i].iter_mut().zip([d, d * d, e, e * e]) {
                *sum += term;
            }
        }
    }
    for (i, [d, dd, e, ee]) in sums.into_iter().enumerate() {
        assert!(d.abs() < 4.5 * dd.sqrt(), "mean of {i}: {}", d / f64::from(n));
        assert!(e.abs() < 4.5 * ee.sqrt(), "variance of {i}: {}", e / f64::from(n));
    }
}

/// Probability transforms of draws are uniform: Kolmogorov–Smirnov, which is above 2.2/√n with probability 1.2e-4.
fn check_sampler<D: Distribution<f64>>(distribution: &D, cdf: impl Fn(f64) -> f64, seed: u64) {
    let (mut rng, n) = (rng(seed), 100_000);
    let mut z = vec![0.0; n];
    distribution.sample(&mut rng, &mut z);
    let statistic = kolmogorov(z.into_iter().map(cdf).collect());
    assert!(statistic < 2.2, "{:?}: {statistic}", distribution.params());
}

#[test]
fn samplers_draw_from_their_distribution() {
    for a in [1e-8, 0.03, 0.7, 1.0, 2.5, 40.0, 5000.0] {
        for b in [1e-8, 0.2, 1.0, 7.0, 800.0] {
            let cdf = |l: f64| beta_log_odds_tails(l, a, b).0;
            check_sampler(&LogitBeta::new(&[a], &[b]).unwrap(), cdf, 1);
            if a.min(b) > 0.1 {
                check_sampler(&Beta::new(&[a], &[b]).unwrap(), |z| beta_cdf(z, a, b), 2);
            }
        }
    }
    for nu in [0.05, 0.6, 1.0, 3.0, 12.0, 700.0] {
        check_sampler(&StudentT::new(&[nu], &[0.0], &[1.0]).unwrap(), |t| student_t_cdf(t, nu), 3);
    }
    // z rounds to an end as often as it should: P(z = 0) ≈ ½ for Beta(1e-8, 1e-8).
    let (mut rng, mut z) = (rng(4), vec![0.0; 20_000]);
    Beta::new(&[1e-8], &[1e-8]).unwrap().sample(&mut rng, &mut z);
    let zeros = z.iter().filter(|&&z| z == 0.0).count() as f64;
    assert!((zeros - 10_000.0).abs() < 4.0 * 5000f64.sqrt() && z.iter().all(|&z| z == 0.0 || z == 1.0));
}

/// `(f, f′)` of the tables.
fn objective(name: &str) -> fn(f64) -> (f64, f64) {
    match name {
        "z" => |z| (z, 1.0),
        "z^2" => |z| (z * z, 2.0 * z),
        "log z" => |z| (z.ln(), 1.0 / z),
        "|z| (loc=0)" => |z| (z.abs(), z.signum()),
        "log|z| (loc=0)" => |z| (z.abs().ln(), 1.0 / z),
        "log(1+z^2)" => |z| ((z * z).ln_1p(), 2.0 * z / (1.0 + z * z)),
        other => panic!("{other}"),
    }
}

/// `∫ h(u) du` over (0, 1): either half in the log-odds of 2u by the trapezoidal rule, which converges faster than any power with
/// singularities at both ends and at the median.
fn over_uniform(h: impl Fn(f64) -> f64) -> f64 {
    let step = 1.0 / 16.0;
    (-45 * 16..200 * 16)
        .map(|i| {
            let e = (-f64::from(i) * step).exp();
            let tail = 0.5 * e / (1.0 + e);
            let weight = tail / (1.0 + e) * step;
            if tail < 0.5 { weight * (h(tail) + h(-tail)) } else { 0.0 }
        })
        .sum()
}

fn params(row: &Row<'_>) -> Vec<(String, f64)> {
    let text = row.text("params").replace("loc=", "mu=").replace("scale=", "sigma=");
    let text = text.replace("a=", "alpha=").replace("sigmalpha=", "sigma=").replace("b=", "beta=");
    text.split(';')
        .map(|part| part.split_once('=').unwrap())
        .map(|(n, v)| (n.into(), v.parse().unwrap()))
        .collect()
}

/// Beta or Student's t of a row, behind one face.
enum Law {
    Beta(Beta<f64>),
    StudentT(StudentT<f64>),
}

impl Law {
    fn of(row: &Row<'_>) -> Option<(Self, usize)> {
        if !["Beta", "StudentT"].contains(&row.text("family")) {
            return None;
        }
        let params = params(row);
        let of = |name: &str| [params.iter().find(|p| p.0 == name).map_or(0.0, |p| p.1)];
        let wrt = match row.text("wrt") {
            "a" | "nu" => 0,
            "b" | "loc" => 1,
            "scale" => 2,
            other => panic!("{other}"),
        };
        match row.text("family") {
            "Beta" => Some((Self::Beta(Beta::new(&of("alpha"), &of("beta")).unwrap()), wrt)),
            "StudentT" => {
                let sigma = of("sigma").map(|s| if s == 0.0 { 1.0 } else { s });
                Some((Self::StudentT(StudentT::new(&of("nu"), &of("mu"), &sigma).unwrap()), wrt))
            }
            _ => None,
        }
    }

    /// z, `∂z/∂θᵢ` and the score of θᵢ at a signed tail.
    fn at(&self, tail: f64, i: usize) -> (f64, f64, f64) {
        fn of<D: Reparameterizable<f64> + LogDensity<f64>>(d: &D, tail: f64, i: usize) -> (f64, f64, f64) {
            let (mut z, mut slope, mut score) = ([0.0], [0.0; 3], [0.0; 3]);
            let n = d.params().len();
            d.transform(&[tail], &mut z);
            d.pullback(&[tail], &z, &[1.0], &mut slope[..n]);
            d.score(&z, &mut score[..n]);
            (z[0], slope[i], score[i])
        }
        match self {
            // The score where z has not rounded to 1: that of the log-odds is the same.
            Self::Beta(d) => {
                let (z, slope, _) = of(d, tail, i);
                (z, slope, of(&LogitBeta::new(d.alpha(), d.beta()).unwrap(), tail, i).2)
            }
            Self::StudentT(d) => of(d, tail, i),
        }
    }

    fn slope(&self, z: f64, i: usize) -> f64 {
        let mut slope = [0.0; 3];
        match self {
            Self::Beta(d) => d.pullback(&[f64::NAN], &[z], &[1.0], &mut slope[..2]),
            Self::StudentT(d) => d.pullback(&[f64::NAN], &[z], &[1.0], &mut slope),
        }
        slope[i]
    }

    fn sampled(&self, f: fn(f64) -> (f64, f64), pathwise: bool, samples: usize, seed: u64) -> Sampled {
        let objective = Differentiable(move |z: &[f64], dz: Option<&mut [f64]>| {
            let (value, slope) = f(z[0]);
            if let Some(dz) = dz {
                dz[0] = slope;
            }
            value
        });
        match (self, pathwise) {
            (Self::Beta(d), true) => sample_batches(&mut Pathwise, d, &objective, samples, seed),
            (Self::Beta(d), false) => sample_batches(&mut ScoreFunction::new(), d, &objective, samples, seed),
            (Self::StudentT(d), true) => sample_batches(&mut Pathwise, d, &objective, samples, seed),
            (Self::StudentT(d), false) => {
                sample_batches(&mut ScoreFunction::new(), d, &objective, samples, seed)
            }
        }
    }
}

#[test]
fn implicit_derivatives_match_the_table() {
    let mut checked = 0;
    for row in Table::parse(include_str!("../data/implicit_dz_dtheta.csv")).rows() {
        let Some((law, wrt)) = Law::of(&row) else { continue };
        let (found, exact) = (law.slope(row.number("z"), wrt), row.number("dz_dtheta"));
        // The table gives z to 15 digits: near 1 that is 1e-15/(1 − z) of the derivative.
        let z = row.number("z");
        let given = if row.text("family") == "Beta" { 2e-15 / (1.0 - z).min(1.0) } else { 2e-15 };
        assert!(
            (found / exact - 1.0).abs() < 2e-13 + 10.0 * given,
            "{}: {found} {exact}",
            row.text("params")
        );
        checked += 1;
    }
    assert_eq!(checked, 33);
}

#[test]
fn exact_gradients_of_expectations() {
    let (mut checked, mut by_sampling) = (0, 0);
    for (seed, row) in (1..).zip(Table::parse(include_str!("../data/families_exact_gradients.csv")).rows()) {
        let Some((law, wrt)) = Law::of(&row) else { continue };
        let (value, gradient) = (row.number("Ef"), row.number("grad"));
        let f = objective(row.text("f"));
        let what =
            format!("{} {} {} {}", row.text("family"), row.text("params"), row.text("f"), row.text("wrt"));
        let expectation = |h: &dyn Fn(f64, f64, f64) -> f64| {
            over_uniform(|tail| {
                let (z, slope, score) = law.at(tail, wrt);
                h(z, slope, score)
            })
        };
        // Beta(0.1, 3) has draws that round to 0, where ln z and the score have no value.
        assert_relative(expectation(&|z, _, _| f(z).0), value, 1e-9, 1e-10, &what);
        assert_relative(expectation(&|z, slope, _| f(z).1 * slope), gradient, 1e-9, 1e-9, &what);
        assert_relative(expectation(&|z, _, score| f(z).0 * score), gradient, 1e-8, 1e-8, &what);
        checked += 1;
        // By sampling where the variance is finite.
        let heavy = row.text("family") == "StudentT" && row.text("f") == "z^2" && params(&row)[0].1 <= 5.0;
        if !heavy {
            for pathwise in [true, false] {
                let sampled = law.sampled(f, pathwise, 4000, seed);
                let error = (sampled.variance[wrt] / sampled.samples).sqrt();
                let off = (sampled.mean[wrt] - gradient).abs();
                assert!(off <= 4.0 * error + 1e-12, "{what}: {} ± {error}", sampled.mean[wrt]);
                by_sampling += 1;
            }
        }
    }
    assert_eq!((checked, by_sampling), (33, 58));
}

#[test]
fn exact_variances_of_gradient_samples() {
    let mut checked = 0;
    for (seed, row) in (1..).zip(Table::parse(include_str!("../data/implicit_variances.csv")).rows()) {
        let Some((law, wrt)) = Law::of(&row) else { continue };
        let f = objective(row.text("f"));
        let mean = row.number("grad");
        for (pathwise, column) in [(true, "var_implicit_pathwise"), (false, "var_score")] {
            let what = format!("{} {} {column}", row.text("params"), row.text("f"));
            let exact = row.number(column);
            let square = over_uniform(|tail| {
                let (z, slope, score) = law.at(tail, wrt);
                let sample = if pathwise { f(z).1 * slope } else { f(z).0 * score };
                (sample - mean).powi(2)
            });
            assert_relative(square, exact, 1e-8, 0.0, &what);
            assert!(
                law.sampled(f, pathwise, 40_000, seed).check(wrt, mean, exact, 4.0, &what),
                "{what}: not judged"
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 14);
}

/// E z of Beta(1e-3, 1e-3) has the derivative 250; nearly every draw rounds to 0 or 1. Others report 38.9 ± 1.2 in f32 and 188 ± 6.5 in f64.
#[test]
fn the_gradient_of_a_tiny_beta_is_not_lost_in_rounding() {
    fn estimate<T: Real>(seed: u64) -> (f64, f64) {
        let beta = Beta::new(&[T::of(1e-3)], &[T::of(1e-3)]).unwrap();
        let f = (
            |z: &[T]| z[0],
            |z: &[T], dz: &mut [T]| {
                dz[0] = T::one();
                z[0]
            },
        );
        let estimate: GradientEstimate<T> = Pathwise.estimate(&beta, &f, 4_000_000, &mut rng(seed)).unwrap();
        let alpha = estimate.get("alpha").unwrap();
        (alpha.gradient[0].f64(), alpha.standard_error[0])
    }
    for (gradient, error) in [estimate::<f32>(1), estimate::<f64>(2)] {
        println!("{gradient} ± {error}");
        assert!(error < 5.0 && (gradient - 250.0).abs() < 3.0 * error, "{gradient} ± {error}");
    }
}

/// A draw that rounds to 0 keeps its derivatives in log-odds: `l ≈ (ln u + ln aB)/a`, so `dl/da → −l/a` to the relative size of 1/(a l).
#[test]
fn log_odds_of_tiny_shapes_keep_their_derivatives_in_both_precisions() {
    let law = |a: f64, l: f64| {
        let [da, db] = beta_log_odds_implicit_gradient(l, a, a);
        // Below: ln u = a l − ln aB(a, a), ln aB = ln 2 + O(a²), ∂ ln aB/∂a = ∂/∂b = ½(1/a − …) split evenly: 1/a − 1/(2a), −1/(2a).
        let (ea, eb) = ((-l + 0.5 / a) / a, -0.5 / (a * a));
        assert!((da / ea - 1.0).abs() < 1e-5 && (db / eb - 1.0).abs() < 1e-5, "{a} {l}: {da} {ea} {db} {eb}");
    };
    for a in [1e-8, 1e-6, 1e-4] {
        for scale in [0.5, 2.0, 20.0] {
            law(a, -scale / a);
        }
    }
    let single = LogitBeta::<f32>::new(&[1e-3], &[1e-3]).unwrap();
    let (mut l, mut gradient) = ([0.0f32], [0.0f32; 2]);
    single.transform(&[0.05], &mut l);
    assert!(l[0] < -2000.0); // e^l is 0 in either precision
    single.pullback(&[0.05], &l, &[1.0], &mut gradient);
    let exact = beta_log_odds_implicit_gradient(f64::from(l[0]), f64::from(1e-3f32), f64::from(1e-3f32));
    for (found, exact) in gradient.into_iter().zip(exact) {
        assert!((f64::from(found) / exact - 1.0).abs() < 1e-6);
    }
}

#[test]
fn bad_parameters_are_refused_by_name_and_bad_points_have_limits() {
    let name = |error: Error| match error {
        Error::ParameterDomain { parameter, index, .. }
        | Error::NonFiniteParameter { parameter, index, .. } => (parameter.into_owned(), index),
        other => panic!("{other}"),
    };
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(name(Beta::new(&[1.0, bad], &[1.0, 1.0]).unwrap_err()), ("alpha".into(), 1));
        assert_eq!(name(Beta::new(&[1.0], &[bad]).unwrap_err()), ("beta".into(), 0));
        assert_eq!(name(LogitBeta::new(&[bad], &[1.0]).unwrap_err()), ("alpha".into(), 0));
        assert_eq!(name(StudentT::new(&[bad], &[1.0], &[1.0]).unwrap_err()), ("nu".into(), 0));
        assert_eq!(name(StudentT::new(&[1.0], &[1.0], &[bad]).unwrap_err()), ("sigma".into(), 0));
        let mut beta = Beta::new(&[1.0], &[2.0]).unwrap();
        assert_eq!(name(beta.set_params(&[bad, 1.0]).unwrap_err()), ("alpha".into(), 0));
        assert_eq!(beta.params(), [1.0, 2.0]);
    }
    assert!(matches!(Beta::new(&[1.0], &[1.0, 2.0]), Err(Error::Length { .. })));
    assert!(matches!(Beta::<f64>::new(&[], &[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(StudentT::new(&[1.0], &[1.0, 2.0], &[1.0]), Err(Error::Length { .. })));

    // A shape of 1e-320 counts as 1e-150: numbers, or infinities where a limit is one, but no NaN.
    for (a, b) in
        [(1e-320f64, 1e-320f64), (1e-320, 2.0), (2.0, 1e-320), (1.0, 1.0), (1e-3, 300.0), (1e200, 1e-200)]
    {
        let beta = Beta::new(&[a], &[b]).unwrap();
        let logit = LogitBeta::new(&[a], &[b]).unwrap();
        let t = StudentT::new(&[a], &[0.5], &[b.max(1e-3)]).unwrap();
        for z in [-1.0, 0.0, 1e-320, 0.3, 1.0 - f64::EPSILON, 1.0, 2.0, f64::INFINITY, f64::NEG_INFINITY] {
            let mut numbers = vec![beta.log_prob(&[z]), logit.log_prob(&[z]), t.log_prob(&[z])];
            for i in 0..3 {
                let (mut pulled, mut score, mut slope) = (vec![0.0; 3], vec![0.0; 3], [0.0]);
                match i {
                    0 => {
                        beta.pullback(&[0.1], &[z], &[1.0], &mut pulled[..2]);
                        beta.score(&[z], &mut score[..2]);
                        beta.log_prob_gradient(&[z], &mut slope);
                    }
                    1 => {
                        logit.pullback(&[0.1], &[z], &[1.0], &mut pulled[..2]);
                        logit.score(&[z], &mut score[..2]);
                        logit.log_prob_gradient(&[z], &mut slope);
                    }
                    _ => {
                        t.pullback(&[0.1], &[z], &[1.0], &mut pulled);
                        t.score(&[z], &mut score);
                        t.log_prob_gradient(&[z], &mut slope);
                    }
                }
                numbers.extend([pulled, score, slope.to_vec()].concat());
            }
            assert!(numbers.iter().all(|x| !x.is_nan()), "({a}, {b}) at {z}: {numbers:?}");
            if !(0.0..=1.0).contains(&z) {
                assert_eq!(beta.log_prob(&[z]), f64::NEG_INFINITY);
            }
        }
        let (mut rng, mut draws) = (rng(1), [0.0; 50]);
        beta.sample(&mut rng, &mut draws);
        assert!(draws.iter().all(|z| (0.0..=1.0).contains(z)), "({a}, {b}): {draws:?}");
        logit.sample(&mut rng, &mut draws);
        assert!(draws.iter().all(|l| !l.is_nan()), "({a}, {b}): {draws:?}");
        t.sample(&mut rng, &mut draws);
        assert!(draws.iter().all(|l| !l.is_nan()), "({a}, {b}): {draws:?}");
    }
    assert!((Beta::new(&[1.0], &[3.0]).unwrap().log_prob(&[0.0]) - 3.0f64.ln()).abs() < 1e-14);
    assert_eq!(Beta::new(&[0.5], &[3.0]).unwrap().log_prob(&[0.0]), f64::INFINITY);
    assert_eq!(Beta::new(&[2.0], &[3.0]).unwrap().log_prob(&[1.0]), f64::NEG_INFINITY);
}

/// The noise is a uniform, so that antithetic pairs and point sets work although independent draws do not use it.
#[test]
fn other_noise_sources_serve_the_implicit_families() {
    let beta = Beta::new(&[2.0], &[5.0]).unwrap();
    let f = (
        |z: &[f64]| z[0],
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 1.0;
            z[0]
        },
    );
    let independent = Pathwise.estimate(&beta, &f, 4000, &mut rng(1)).unwrap();
    let antithetic = Pathwise.over(Antithetic).estimate(&beta, &f, 4000, &mut rng(2)).unwrap();
    for estimate in [&independent, &antithetic] {
        let error = estimate.standard_error();
        assert!((estimate.gradient()[0] - 5.0 / 49.0).abs() < 4.0 * error[0]);
        assert!((estimate.gradient()[1] + 2.0 / 49.0).abs() < 4.0 * error[1]);
    }
    let (mut z, mut mirror) = ([0.0], [0.0]);
    beta.transform(&[0.2], &mut z);
    beta.transform(&[-0.2], &mut mirror);
    let cdf = |z: f64| beta_cdf(z, 2.0, 5.0);
    assert!((cdf(z[0]) - 0.2).abs() < 1e-14 && (cdf(mirror[0]) - 0.8).abs() < 1e-14);
    assert_eq!(beta.family().quantile(Probability::from_lower(0.2), [2.0, 5.0]), z[0]);
}
