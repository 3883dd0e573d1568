//! Gamma, its relatives, von Mises and inverse Gaussian: derivatives against differences, samplers against CDFs, exact gradients.

use crate::common::*;
use reparam::distributions::{ChiSquared, Gamma, InverseGamma, InverseGaussian, LogGamma, VonMises};
use reparam::prelude::*;
use reparam::{
    Conditional, DifferentiableLogDensity, DrawsMut, Entropy, Error, KlDivergence, MeanVariance,
    Reparameterizable,
};

/// Everything that one-coordinate distributions of this file can do.
trait Law:
    Conditional<f64>
    + DifferentiableLogDensity<f64>
    + Entropy<f64>
    + MeanVariance<f64>
    + KlDivergence<f64>
    + Clone
{
}

impl<D> Law for D where
    D: Conditional<f64>
        + DifferentiableLogDensity<f64>
        + Entropy<f64>
        + MeanVariance<f64>
        + KlDivergence<f64>
        + Clone
{
}

fn drawn(law: &impl Reparameterizable<f64>, tail: f64) -> f64 {
    let mut z = [f64::NAN];
    law.transform(&[tail], &mut z);
    z[0]
}

/// Signed tails for the checks by differences.
const TAILS: [f64; 7] = [1e-5, 0.01, 0.2, 0.45, -0.3, -0.02, -1e-5];

/// Pullback, score, log-density gradient and entropy against differences. `length` of z is the least of |z| and 1 over the log-density's slope.
fn check_derivatives(law: &impl Law) {
    let theta: Vec<f64> = law.params().to_vec();
    for tail in TAILS {
        let z = drawn(law, tail);
        let scales: Vec<f64> = theta.iter().map(|p| 0.1 * p.abs()).collect();
        check_pullback(law, &[tail], &[1.3], &scales);
        check_score(law, &[z], &scales);
        let mut variance = [0.0];
        law.variance(&mut variance);
        let spread = if variance[0].is_finite() { variance[0].sqrt() } else { 1.0 };
        check_log_prob_gradient(law, &[z], &[0.1 * spread.min(z.abs())]);
    }
    let scales: Vec<f64> = theta.iter().map(|p| 0.1 * p.abs()).collect();
    check_entropy(law, &scales, 40_000, 1);
    check_mean_score(law, 40_000, 4.5, 2);
}

/// `E h(z, ∂z/∂θ, score)` by the trapezoidal rule in the logit of u, with the law's own quantile function and derivative.
fn expectation(law: &impl Law, h: impl Fn(f64, &[f64], &[f64]) -> f64) -> f64 {
    let parameters = law.params().len();
    let (mut slope, mut score) = (vec![0.0; parameters], vec![0.0; parameters]);
    let step = 0.125;
    let mut sum = 0.0;
    for k in -3200..=3200 {
        let t = f64::from(k) * step;
        let small = (-t.abs()).exp();
        let tail = (small / (1.0 + small)).copysign(-t);
        let z = drawn(law, tail);
        law.pullback(&[f64::NAN], &[z], &[1.0], &mut slope);
        law.score(&[z], &mut score);
        let value = h(z, &slope, &score) * small / ((1.0 + small) * (1.0 + small));
        // In the far tail z may be 0 or ∞ to f64, and weighs nothing.
        if value.is_finite() {
            sum += value;
        }
    }
    sum * step
}

/// Moments and divergence.
fn check_moments_and_divergence<D: Law>(p: &D, q: &D) {
    let (mut mean, mut variance) = ([f64::NAN], [f64::NAN]);
    p.mean(&mut mean);
    p.variance(&mut variance);
    let found = expectation(p, |z, _, _| z);
    assert_relative(found, mean[0], 1e-10, 1e-12, "mean");
    let found = expectation(p, |z, _, _| (z - mean[0]).powi(2));
    assert_relative(found, variance[0], 1e-10, 0.0, "variance");

    let divergence = p.kl(q).unwrap();
    let found = expectation(p, |z, _, _| p.log_prob(&[z]) - q.log_prob(&[z]));
    assert_relative(found, divergence, 1e-9, 1e-12, "divergence");
    assert!(p.kl(p).unwrap().abs() < 1e-14);
    let n = p.params().len();
    let (mut dp, mut dq) = (vec![f64::NAN; n], vec![f64::NAN; n]);
    p.kl_gradient(q, &mut dp, &mut dq).unwrap();
    for i in 0..n {
        let moved = |d: &D, x: f64| {
            let mut params = d.params().to_vec();
            params[i] = x;
            let mut d = d.clone();
            d.set_params(&params).unwrap();
            d
        };
        let (a, b) = (p.params()[i], q.params()[i]);
        let floor = 1e-10 * divergence.max(1.0) / a.abs().min(b.abs());
        let expected = derivative(|x| moved(p, x).kl(q).unwrap(), a, 0.1 * a.abs());
        assert_relative(dp[i], expected, 1e-7, floor, "divergence's gradient in p");
        let expected = derivative(|x| p.kl(&moved(q, x)).unwrap(), b, 0.1 * b.abs());
        assert_relative(dq[i], expected, 1e-7, floor, "divergence's gradient in q");
    }
    p.kl_gradient(p, &mut dp, &mut dq).unwrap();
    assert!(dp.iter().chain(&dq).all(|d| d.abs() < 1e-13), "{dp:?} {dq:?}");
}

/// The sampler against the quantile function: how often a draw lies below eleven quantiles, in 4.5 standard errors.
fn check_sampler(law: &impl Law, seed: u64) {
    let tails = [1e-3, 0.01, 0.05, 0.15, 0.3, 0.5, -0.3, -0.15, -0.05, -0.01, -1e-3];
    let ends = tails.map(|tail| drawn(law, tail));
    let draws = 200_000;
    let (mut z, mut noise) = (vec![0.0; draws], vec![0.0; draws]);
    law.draw_block(&mut rng(seed), &mut noise, DrawsMut::of(&mut z));
    assert!(noise.iter().all(|e| e.is_nan()), "independent draws have no uniform behind them");
    for (tail, end) in tails.into_iter().zip(ends) {
        let u = if tail > 0.0 { tail } else { 1.0 + tail };
        let below = z.iter().filter(|&&z| z < end).count() as f64 / draws as f64;
        let error = (u * (1.0 - u) / draws as f64).sqrt();
        assert!((below - u).abs() < 4.5 * error, "P(z < {end}) is {below}, expected {u} ± {error:e}");
    }
}

macro_rules! laws {
    ($($name:ident: $first:expr, $second:expr;)*) => {$(
        #[test]
        fn $name() {
            let (p, q) = ($first.unwrap(), $second.unwrap());
            check_derivatives(&p);
            check_moments_and_divergence(&p, &q);
            check_sampler(&p, 3);
        }
    )*};
}

laws! {
    gamma_of_small_shape: Gamma::from_rate(&[0.3], &[2.0]), Gamma::from_rate(&[0.5], &[0.7]);
    gamma_of_shape_one: Gamma::from_rate(&[1.0], &[2.0]), Gamma::from_rate(&[1.3], &[2.7]);
    gamma_of_middling_shape: Gamma::from_rate(&[4.2], &[0.3]), Gamma::from_rate(&[11.0], &[0.7]);
    gamma_of_large_shape: Gamma::from_rate(&[60.0], &[5.0]), Gamma::from_rate(&[50.0], &[4.0]);
    gamma_of_huge_shape: Gamma::from_rate(&[5000.0], &[5.0]), Gamma::from_rate(&[5100.0], &[5.0]);
    log_gamma_of_tiny_shape: LogGamma::from_rate(&[1e-3], &[2.0]), LogGamma::from_rate(&[2e-3], &[0.7]);
    log_gamma_of_middling_shape: LogGamma::from_rate(&[2.7], &[2.0]), LogGamma::from_rate(&[3.5], &[0.7]);
    log_gamma_of_large_shape: LogGamma::from_rate(&[70.0], &[2.0]), LogGamma::from_rate(&[80.0], &[2.5]);
    inverse_gamma: InverseGamma::new(&[5.5], &[2.0]), InverseGamma::new(&[4.0], &[3.0]);
    inverse_gamma_of_large_shape: InverseGamma::new(&[40.0], &[20.0]), InverseGamma::new(&[45.0], &[20.0]);
    chi_squared_of_one_degree: ChiSquared::new(&[1.0]), ChiSquared::new(&[2.5]);
    chi_squared_of_many_degrees: ChiSquared::new(&[37.0]), ChiSquared::new(&[30.0]);
    von_mises_nearly_uniform: VonMises::new(&[0.5], &[0.2]), VonMises::new(&[-1.0], &[0.7]);
    von_mises_of_middling_concentration: VonMises::new(&[0.5], &[2.0]), VonMises::new(&[1.0], &[6.0]);
    von_mises_of_large_concentration: VonMises::new(&[0.5], &[80.0]), VonMises::new(&[0.7], &[12.0]);
    inverse_gaussian_skewed: InverseGaussian::new(&[2.0], &[1.0]), InverseGaussian::new(&[1.5], &[3.0]);
    inverse_gaussian_nearly_normal: InverseGaussian::new(&[2.0], &[300.0]), InverseGaussian::new(&[2.1], &[400.0]);
}

/// The objectives of the tables with their derivatives.
fn objective(name: &str, z: f64) -> (f64, f64) {
    match name {
        "z" => (z, 1.0),
        "z^2" => (z * z, 2.0 * z),
        "log z" => (z.ln(), 1.0 / z),
        "exp(-z)" => ((-z).exp(), -(-z).exp()),
        "cos z" => (z.cos(), -z.sin()),
        "sin z" => (z.sin(), z.cos()),
        "cos 2z" => ((2.0 * z).cos(), -2.0 * (2.0 * z).sin()),
        _ => panic!("unknown objective {name}"),
    }
}

/// The values of a table's parameters by name.
fn parameters(text: &str) -> impl Fn(&str) -> f64 {
    let list: Vec<(String, f64)> = text
        .split(';')
        .map(|part| part.split_once('=').unwrap())
        .map(|(name, value)| (name.into(), value.parse().unwrap()))
        .collect();
    move |name| list.iter().find(|(n, _)| n == name).map_or(0.0, |(_, value)| *value)
}

/// Calls `$use` with the law of a row and the place of the parameter `wrt`.
macro_rules! with_law {
    ($row:expr, $use:expr) => {{
        let value = parameters($row.text("params"));
        let wrt = $row.text("wrt");
        let place = usize::from(matches!(wrt, "rate" | "scale" | "kappa"));
        match $row.text("family") {
            "Gamma" => $use(&Gamma::from_rate(&[value("alpha")], &[value("rate")]).unwrap(), place),
            "InverseGamma" => $use(&InverseGamma::new(&[value("a")], &[value("scale")]).unwrap(), place),
            "VonMises" => $use(&VonMises::new(&[value("mu")], &[value("kappa")]).unwrap(), place),
            _ => continue,
        }
    }};
}

/// Exact expectation and gradient of every row of the three families, by quadrature with the crate's quantile and derivative.
#[test]
fn exact_gradients_are_met() {
    fn check(law: &impl Law, place: usize, row: &Row<'_>) {
        let f = row.text("f");
        let mean = expectation(law, |z, _, _| objective(f, z).0);
        let gradient = expectation(law, |z, slope, _| {
            let slope = objective(f, z).1 * slope[place];
            if z == 0.0 { 0.0 } else { slope }
        });
        let what = format!("{} {} {f} {}", row.text("family"), row.text("params"), row.text("wrt"));
        // Where z underflows (α = 0.1 below u = 1e-31) nothing of the mass is lost; ln z of it is, at 1e-29.
        assert_relative(mean, row.number("Ef"), 1e-10, 1e-12, &what);
        assert_relative(gradient, row.number("grad"), 1e-9, 1e-12, &what);
    }
    let text =
        include_str!("../data/families_exact_gradients.csv").replace("\"z^2 on (-pi,pi], mu=0\"", "z^2");
    let mut rows = 0;
    for row in Table::parse(&text).rows() {
        fn go<D: Law>(law: &D, place: usize, row: &Row<'_>) {
            check(law, place, row);
        }
        with_law!(row, |law: &_, place| go(law, place, &row));
        rows += 1;
    }
    assert_eq!(rows, 53);
}

#[test]
fn implicit_derivatives_keep_the_reference_table() {
    let mut worst = (0.0f64, 0);
    for row in Table::parse(include_str!("../data/implicit_dz_dtheta.csv")).rows() {
        fn slope(law: &impl Law, place: usize, z: f64) -> f64 {
            let mut dtheta = [0.0; 2];
            law.pullback(&[f64::NAN], &[z], &[1.0], &mut dtheta);
            dtheta[place]
        }
        let z = row.number("z");
        let found = with_law!(row, |law: &_, place| slope(law, place, z));
        // The table gives z to 15 digits: α = 1e-2 … 1e3 and its own rounding set the bar.
        let error = (found / row.number("dz_dtheta") - 1.0).abs();
        assert!(error < 1e-11, "{} {} at {z}: {error:e}", row.text("family"), row.text("params"));
        worst = (worst.0.max(error), worst.1 + 1);
    }
    println!("worst {worst:?}");
    assert_eq!(worst.1, 42);
}

#[test]
fn exact_variances_are_met() {
    let mut rows = 0;
    for row in Table::parse(include_str!("../data/implicit_variances.csv")).rows() {
        fn check(law: &impl Law, place: usize, row: &Row<'_>) {
            let f = row.text("f");
            let gradient = row.number("grad");
            let pathwise = expectation(law, |z, slope, _| (objective(f, z).1 * slope[place]).powi(2));
            let score = expectation(law, |z, _, score| (objective(f, z).0 * score[place]).powi(2));
            let what = format!("{} {} {f}", row.text("family"), row.text("params"));
            assert_relative(
                pathwise - gradient * gradient,
                row.number("var_implicit_pathwise"),
                1e-9,
                1e-11,
                &what,
            );
            assert_relative(score - gradient * gradient, row.number("var_score"), 1e-9, 0.0, &what);
        }
        with_law!(row, |law: &_, place| check(law, place, &row));
        rows += 1;
    }
    assert_eq!(rows, 8);
}

/// The whole machinery: estimates by independent draws, and by antithetic uniforms through the quantile function.
#[test]
fn sampled_gradients_have_the_exact_mean_and_variance() {
    let f = (
        |z: &[f64]| z[0] * z[0],
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 2.0 * z[0];
            z[0] * z[0]
        },
    );
    let law = Gamma::from_rate(&[20.0], &[1.0]).unwrap();
    let found = sample_batches(&mut Pathwise, &law, &f, 4000, 5);
    let error = (found.variance[0] / found.samples).sqrt();
    assert!((found.mean[0] - 41.0).abs() < 4.0 * error, "{} ± {error}", found.mean[0]);
    let off = found.variance[0] - 188.964_475_495_014_973;
    assert!(off.abs() < 4.0 * found.variance_error[0], "variance {}", found.variance[0]);
    let law = VonMises::new(&[0.0], &[1.0]).unwrap();
    let cosine = (
        |z: &[f64]| z[0].cos(),
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = -z[0].sin();
            z[0].cos()
        },
    );
    let found = sample_batches(&mut Pathwise, &law, &cosine, 4000, 6);
    let error = (found.variance[1] / found.samples).sqrt();
    assert!((found.mean[1] - 0.354_346_032_450_356).abs() < 4.0 * error, "{} ± {error}", found.mean[1]);
    let off = found.variance[1] - 0.095_716_364_431_363;
    assert!(off.abs() < 4.0 * found.variance_error[1], "variance {}", found.variance[1]);
}

#[test]
fn bad_parameters_are_refused_by_name() {
    fn refused<D>(name: &str, distribution: Result<D, Error>) {
        match distribution.err() {
            Some(
                Error::ParameterDomain { parameter, index: 1, .. }
                | Error::NonFiniteParameter { parameter, index: 1, .. },
            ) => {
                assert_eq!(parameter, name);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let (fine, bad) = ([1.0, 1.0], [1.0, bad]);
        refused("shape", Gamma::from_rate(&bad, &fine));
        refused("rate", Gamma::from_rate(&fine, &bad));
        refused("shape", LogGamma::from_rate(&bad, &fine));
        refused("rate", LogGamma::from_rate(&fine, &bad));
        refused("shape", InverseGamma::new(&bad, &fine));
        refused("scale", InverseGamma::new(&fine, &bad));
        refused("df", ChiSquared::new(&bad));
        refused("kappa", VonMises::new(&fine, &bad));
        refused("mu", InverseGaussian::new(&bad, &fine));
        refused("shape", InverseGaussian::new(&fine, &bad));
    }
    refused("mu", VonMises::new(&[0.0, f64::NAN], &[1.0, 1.0]));
}

/// Outside the support, at its ends, and at shapes that f64 can hardly hold: a limit, never NaN.
#[test]
fn ends_of_the_support_give_limits() {
    fn check(law: &impl Law, z: f64) {
        let n = law.params().len();
        let (mut slope, mut score, mut dz) = (vec![0.0; n], vec![0.0; n], [0.0]);
        law.pullback(&[f64::NAN], &[z], &[1.0], &mut slope);
        law.score(&[z], &mut score);
        law.log_prob_gradient(&[z], &mut dz);
        let all =
            slope.iter().chain(&score).chain(&dz).chain([law.log_prob(&[z])].iter()).any(|x| x.is_nan());
        assert!(!all, "{:?} at {z}: {slope:?} {score:?} {dz:?} {}", law.params(), law.log_prob(&[z]));
        if z < 0.0 {
            assert_eq!(law.log_prob(&[z]), f64::NEG_INFINITY);
            assert!(score.iter().chain(&dz).all(|&x| x == 0.0));
        }
    }
    for shape in [1e-320, 1e-8, 0.5, 1.0, 3.0, 1e3, 1e15] {
        for z in [-1.0, 0.0, 1e-310, 1e-3, 1.0, 1e3, 1e300] {
            check(&Gamma::from_rate(&[shape], &[1.0]).unwrap(), z);
            check(&ChiSquared::new(&[shape]).unwrap(), z);
            check(&InverseGamma::new(&[shape], &[1.0]).unwrap(), z);
            check(&InverseGaussian::new(&[1.0], &[shape]).unwrap(), z);
        }
        let law = LogGamma::from_rate(&[shape], &[1.0]).unwrap();
        for z in [-1e300, -1e5, -700.0, 0.0, 5.0] {
            let mut slope = [0.0; 2];
            law.pullback(&[f64::NAN], &[z], &[1.0], &mut slope);
            assert!(slope[0] >= 0.0, "{shape} {z}: {slope:?}");
        }
        assert!(!law.entropy().is_nan() && law.entropy() < f64::INFINITY);
        for z in [-3.0, 0.0, 1.0, 3.0] {
            check_circle(&VonMises::new(&[0.0], &[shape]).unwrap(), z);
        }
    }
    fn check_circle(law: &impl Law, z: f64) {
        let mut slope = [0.0; 2];
        law.pullback(&[f64::NAN], &[z], &[1.0], &mut slope);
        assert!(slope.iter().all(|s| s.is_finite()) && !law.log_prob(&[z]).is_nan());
    }
}

/// f32 takes the f64 answer, rounded.
#[test]
fn single_precision_is_the_rounded_double() {
    for (shape, z) in [(0.1f32, 1e-20f32), (0.5, 0.3), (3.0, 2.0), (40.0, 55.0), (3e3, 3.1e3)] {
        let (mut single, mut double) = ([0.0f32; 2], [0.0f64; 2]);
        Gamma::from_rate(&[shape], &[1.0]).unwrap().pullback(&[f32::NAN], &[z], &[1.0], &mut single);
        Gamma::from_rate(&[f64::from(shape)], &[1.0]).unwrap().pullback(
            &[f64::NAN],
            &[f64::from(z)],
            &[1.0],
            &mut double,
        );
        assert_eq!(single, double.map(|d| d as f32));
    }
}
