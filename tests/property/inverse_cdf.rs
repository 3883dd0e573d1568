//! Inverse-transform distributions: hand-written derivatives against differences, tails, numerical inversion, exact gradients.

use crate::common::*;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reparam::distributions::{
    CauchyFamily, Cdf, Density, ExponentialFamily, Family, GumbelFamily, InverseCdf, KumaraswamyFamily,
    LaplaceFamily, LogisticFamily, NumericInverse, ParetoFamily, Quantile, UniformFamily, WeibullFamily,
};
use reparam::prelude::*;
use reparam::{
    Conditional, DifferentiableLogDensity, Domain, DrawsMut, LogDensity, Probability, Real, Reparameterizable,
};

/// 64 cases of a strategy, always the same ones.
fn cases<S: Strategy>(strategy: S, test: impl Fn(S::Value)) {
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let run = runner.run(&strategy, |value| {
        test(value);
        Ok(())
    });
    if let Err(failure) = run {
        panic!("{failure}");
    }
}

/// Uniform in the logarithm.
fn log_uniform(low: f64, high: f64) -> impl Strategy<Value = f64> + Clone {
    (low.ln()..high.ln()).prop_map(f64::exp)
}

/// A signed tail between 1e-6 and 0.49: both tails and the middle, but for the median itself, where Laplace has its kink.
fn tail() -> impl Strategy<Value = f64> + Clone {
    (log_uniform(1e-6, 0.49), proptest::bool::ANY).prop_map(|(size, upper)| if upper { -size } else { size })
}

fn pair<S: Strategy + Clone>(strategy: S) -> [S; 2] {
    [strategy.clone(), strategy]
}

fn mu() -> impl Strategy<Value = f64> + Clone {
    -5.0..5.0
}

fn drawn(distribution: &impl Reparameterizable<f64>, noise: &[f64]) -> Vec<f64> {
    let mut z = vec![0.0; distribution.dim()];
    distribution.transform(noise, &mut z);
    z
}

/// Two values a parameter from two strategies, and the noise: a distribution of two coordinates.
fn check_family<D>(
    first: impl Strategy<Value = f64> + Clone,
    second: impl Strategy<Value = f64> + Clone,
    new: impl Fn(&[f64], &[f64]) -> D,
    lengths: impl Fn(f64, f64, f64, f64) -> Lengths,
) where
    D: Reparameterizable<f64> + DifferentiableLogDensity<f64> + Clone,
{
    cases((pair(first), pair(second), pair(tail())), |(first, second, noise)| {
        let distribution = new(&first, &second);
        let z = drawn(&distribution, &noise);
        let lengths: Vec<_> = (0..2).map(|i| lengths(first[i], second[i], noise[i], z[i])).collect();
        let of = |part: fn(&Lengths) -> f64| lengths.iter().map(part).collect::<Vec<_>>();
        let params = [of(|l| l.pullback[0]), of(|l| l.pullback[1])].concat();
        check_pullback(&distribution, &noise, &[1.0, -0.7], &params);
        let params = [of(|l| l.score[0]), of(|l| l.score[1])].concat();
        check_score(&distribution, &z, &params);
        check_log_prob_gradient(&distribution, &z, &of(|l| l.z));
    });
}

/// The lengths over which transform and log-density change, in each parameter and in z.
struct Lengths {
    pullback: [f64; 2],
    score: [f64; 2],
    z: f64,
}

/// A location-scale family: all lengths are the scale.
fn location_scale(_: f64, scale: f64, _: f64, _: f64) -> Lengths {
    Lengths { pullback: [scale; 2], score: [scale; 2], z: scale }
}

/// −ln(1 − u), as a test writes it.
fn exponential_of(tail: f64) -> f64 {
    if tail > 0.0 { -(-tail).ln_1p() } else { -(-tail).ln() }
}

#[test]
fn logistic_derivatives_match_differences() {
    check_family(mu(), log_uniform(1e-3, 1e3), |a, b| Logistic::new(a, b).unwrap(), location_scale);
}

#[test]
fn gumbel_derivatives_match_differences() {
    check_family(
        mu(),
        log_uniform(1e-3, 1e3),
        |a, b| Gumbel::new(a, b).unwrap(),
        |_, scale, tail, _| {
            // Lower tail: e^(−t) is ln(1/u), and the log-density bends over that much less.
            let bend = scale / if tail > 0.0 { -tail.ln() } else { 1.0 };
            Lengths { pullback: [scale; 2], score: [bend; 2], z: bend }
        },
    );
}

#[test]
fn laplace_derivatives_match_differences() {
    check_family(mu(), log_uniform(1e-3, 1e3), |a, b| Laplace::new(a, b).unwrap(), location_scale);
}

#[test]
fn cauchy_derivatives_match_differences() {
    check_family(
        mu(),
        log_uniform(1e-3, 1e3),
        |a, b| Cauchy::new(a, b).unwrap(),
        |mu, scale, _, z| {
            let length = scale + (z - mu).abs();
            Lengths { pullback: [length, scale], score: [length, scale], z: length }
        },
    );
}

#[test]
fn weibull_derivatives_match_differences() {
    let new = |a: &[f64], b: &[f64]| Weibull::new(a, b).unwrap();
    check_family(log_uniform(1e-3, 1e3), log_uniform(0.2, 20.0), new, |scale, shape, tail, z| {
        let ln_e = exponential_of(tail).ln().abs();
        let steep = 1.0f64.max(shape);
        Lengths {
            pullback: [scale, shape / 1f64.max(ln_e / shape)],
            score: [scale / steep, shape / 1f64.max(ln_e)],
            z: z / steep,
        }
    });
}

#[test]
fn pareto_derivatives_match_differences() {
    let new = |a: &[f64], b: &[f64]| Pareto::new(a, b).unwrap();
    check_family(log_uniform(1e-3, 1e3), log_uniform(0.5, 20.0), new, |scale, shape, tail, z| {
        let steep = 1f64.max(exponential_of(tail) / shape);
        let inside = scale.min(z - scale);
        Lengths { pullback: [scale, shape / steep], score: [inside, shape], z: inside }
    });
}

#[test]
fn uniform_derivatives_match_differences() {
    let new = |low: &[f64], width: &[f64]| {
        let high: Vec<_> = low.iter().zip(width).map(|(low, width)| low + width).collect();
        Uniform::new(low, &high).unwrap()
    };
    check_family(mu(), log_uniform(1e-2, 1e3), new, |low, width, _, z| {
        let inside = (z - low).min(low + width - z);
        Lengths { pullback: [width; 2], score: [inside; 2], z: inside }
    });
}

#[test]
fn exponential_derivatives_match_differences() {
    cases((log_uniform(1e-3, 1e3), tail()), |(rate, noise)| {
        let exponential = Exponential::new(&[rate]).unwrap();
        let z = drawn(&exponential, &[noise]);
        check_pullback(&exponential, &[noise], &[1.3], &[rate]);
        check_score(&exponential, &z, &[rate]);
        check_log_prob_gradient(&exponential, &z, &z);
    });
}

#[test]
fn kumaraswamy_derivatives_match_differences() {
    // z is chosen, not drawn: a small b puts draws so near to 1 that differences see nothing.
    let z = (log_uniform(1e-4, 0.5), proptest::bool::ANY).prop_map(|(z, top)| if top { 1.0 - z } else { z });
    let shapes = || log_uniform(0.1, 20.0);
    cases((shapes(), shapes(), tail(), z), |(a, b, noise, z)| {
        let kumaraswamy = Kumaraswamy::new(&[a], &[b]).unwrap();
        let e = exponential_of(noise) / b;
        let ln_x = (-(-e).exp_m1()).ln().abs();
        let lengths = [a / 1f64.max(ln_x / a), b * a.min(1.0) / 1f64.max(e)];
        check_pullback(&kumaraswamy, &[noise], &[1.3], &lengths);
        let steep = 1f64.max(a * z.ln().abs());
        check_score(&kumaraswamy, &[z], &[a / steep, b]);
        check_log_prob_gradient(&kumaraswamy, &[z], &[z.min(1.0 - z) / 1f64.max(a)]);
    });
}

/// Entropy, its gradient, and the mean score of a distribution where the score is valid.
macro_rules! entropy_and_mean_score {
    ($($name:ident: $distribution:expr;)*) => {$(
        #[test]
        fn $name() {
            let (draws, distribution) = (40_000, $distribution.unwrap());
            let lengths: Vec<f64> = distribution.params().iter().copied().map(f64::abs).collect();
            check_entropy(&distribution, &lengths, draws, 1);
            if distribution.layout().check_score().is_ok() {
                check_mean_score(&distribution, draws, 4.5, 2);
            }
        }
    )*};
}

entropy_and_mean_score! {
    exponential_entropy_and_mean_score: Exponential::new(&[0.3, 7.0]);
    logistic_entropy_and_mean_score: Logistic::new(&[1.0, -2.0], &[0.3, 5.0]);
    gumbel_entropy_and_mean_score: Gumbel::new(&[1.0, -2.0], &[0.3, 5.0]);
    laplace_entropy_and_mean_score: Laplace::new(&[1.0, -2.0], &[0.3, 5.0]);
    cauchy_entropy_and_mean_score: Cauchy::new(&[1.0, -2.0], &[0.3, 5.0]);
    weibull_entropy_and_mean_score: Weibull::new(&[0.3, 5.0], &[0.6, 4.0]);
    pareto_entropy_and_mean_score: Pareto::new(&[0.6, 4.0], &[0.8, 5.0]);
    uniform_entropy: Uniform::new(&[0.6, -4.0], &[0.8, 5.0]);
    kumaraswamy_entropy_and_mean_score: Kumaraswamy::new(&[0.6, 4.0], &[0.8, 5.0]);
}

/// The entropy of a small b: `H(b)` must not cancel. (1 − 1/a) H(b) + 1 − 1/b − ln ab with H(b) → π²/6 b.
#[test]
fn kumaraswamy_entropy_gradient_keeps_its_digits_for_a_tiny_b() {
    let (a, b) = (1e-9, 1e-6);
    let kumaraswamy = Kumaraswamy::new(&[a], &[b]).unwrap();
    let mut gradient = [0.0; 2];
    kumaraswamy.entropy_gradient(&mut gradient);
    let harmonic = b * (std::f64::consts::PI.powi(2) / 6.0 - b * 1.202_056_903_159_594_3);
    assert_relative(gradient[0], harmonic / a / a - 1.0 / a, 1e-11, 0.0, "entropy gradient of a");
}

type Formula = fn(f64, [f64; 2]) -> f64;

/// A law of two parameters with its CDF and survival, written independently of the quantile function.
#[derive(Debug, Clone)]
struct ByCdf<L> {
    law: L,
    cdf: Formula,
    survival: Formula,
    gradient: fn(f64, [f64; 2]) -> [f64; 2],
    support: fn([f64; 2]) -> (f64, f64),
}

impl<L: Family<f64, Theta = [f64; 2]>> Family<f64> for ByCdf<L> {
    type Theta = [f64; 2];
    fn parameters(&self) -> &'static [(&'static str, Domain)] {
        self.law.parameters()
    }
    fn moving_support(&self) -> &'static [&'static str] {
        self.law.moving_support()
    }
}

impl<L: Density<f64> + Family<f64, Theta = [f64; 2]>> Density<f64> for ByCdf<L> {
    fn log_density(&self, z: f64, theta: [f64; 2]) -> f64 {
        self.law.log_density(z, theta)
    }
}

impl<L: Density<f64> + Family<f64, Theta = [f64; 2]>> Cdf<f64> for ByCdf<L> {
    fn cdf(&self, z: f64, theta: [f64; 2]) -> f64 {
        (self.cdf)(z, theta)
    }
    fn survival(&self, z: f64, theta: [f64; 2]) -> f64 {
        (self.survival)(z, theta)
    }
    fn cdf_gradient(&self, z: f64, theta: [f64; 2]) -> [f64; 2] {
        (self.gradient)(z, theta)
    }
    fn support(&self, theta: [f64; 2]) -> (f64, f64) {
        (self.support)(theta)
    }
}

const LINE: fn([f64; 2]) -> (f64, f64) = |_| (f64::NEG_INFINITY, f64::INFINITY);
const POSITIVE: fn([f64; 2]) -> (f64, f64) = |_| (0.0, f64::INFINITY);

fn logistic_by_cdf() -> ByCdf<LogisticFamily> {
    fn lower(t: f64) -> f64 {
        if t < 0.0 { t.exp() / (1.0 + t.exp()) } else { 1.0 / (1.0 + (-t).exp()) }
    }
    ByCdf {
        law: LogisticFamily,
        cdf: |z, [mu, s]| lower((z - mu) / s),
        survival: |z, [mu, s]| lower((mu - z) / s),
        gradient: |z, [mu, s]| {
            let t = (z - mu) / s;
            let p = lower(t) * lower(-t) / s;
            [-p, -t * p]
        },
        support: LINE,
    }
}

fn gumbel_by_cdf() -> ByCdf<GumbelFamily> {
    ByCdf {
        law: GumbelFamily,
        cdf: |z, [mu, s]| (-(-(z - mu) / s).exp()).exp(),
        survival: |z, [mu, s]| -(-(-(z - mu) / s).exp()).exp_m1(),
        gradient: |z, [mu, s]| {
            let t = (z - mu) / s;
            let p = (-t - (-t).exp()).exp() / s;
            [-p, -t * p]
        },
        support: LINE,
    }
}

fn laplace_by_cdf() -> ByCdf<LaplaceFamily> {
    fn lower(t: f64) -> f64 {
        if t < 0.0 { 0.5 * t.exp() } else { 1.0 - 0.5 * (-t).exp() }
    }
    ByCdf {
        law: LaplaceFamily,
        cdf: |z, [mu, s]| lower((z - mu) / s),
        survival: |z, [mu, s]| lower((mu - z) / s),
        gradient: |z, [mu, s]| {
            let t = (z - mu) / s;
            let p = 0.5 * (-t.abs()).exp() / s;
            [-p, -t * p]
        },
        support: LINE,
    }
}

fn cauchy_by_cdf() -> ByCdf<CauchyFamily> {
    fn lower(t: f64) -> f64 {
        if t < 0.0 { (-1.0 / t).atan() / std::f64::consts::PI } else { 0.5 + t.atan() / std::f64::consts::PI }
    }
    ByCdf {
        law: CauchyFamily,
        cdf: |z, [mu, s]| lower((z - mu) / s),
        survival: |z, [mu, s]| lower((mu - z) / s),
        gradient: |z, [mu, s]| {
            let t = (z - mu) / s;
            let p = (1.0 / t.hypot(1.0)).powi(2) / std::f64::consts::PI / s;
            [-p, -t * p]
        },
        support: LINE,
    }
}

fn weibull_by_cdf() -> ByCdf<WeibullFamily> {
    ByCdf {
        law: WeibullFamily,
        cdf: |z, [s, k]| -(-(z / s).powf(k)).exp_m1(),
        survival: |z, [s, k]| (-(z / s).powf(k)).exp(),
        gradient: |z, [s, k]| {
            let e = (z / s).powf(k);
            [-(-e).exp() * e * k / s, (-e).exp() * e * (z / s).ln()]
        },
        support: POSITIVE,
    }
}

fn pareto_by_cdf() -> ByCdf<ParetoFamily> {
    ByCdf {
        law: ParetoFamily,
        cdf: |z, [m, alpha]| -(-alpha * ((z - m) / m).ln_1p()).exp_m1(),
        survival: |z, [m, alpha]| (m / z).powf(alpha),
        gradient: |z, [m, alpha]| {
            let survival = (m / z).powf(alpha);
            [-alpha / m * survival, (z / m).ln() * survival]
        },
        support: |[m, _]| (m, f64::INFINITY),
    }
}

fn kumaraswamy_by_cdf() -> ByCdf<KumaraswamyFamily> {
    ByCdf {
        law: KumaraswamyFamily,
        cdf: |z, [a, b]| -(b * (-z.powf(a)).ln_1p()).exp_m1(),
        survival: |z, [a, b]| (1.0 - z.powf(a)).powf(b),
        gradient: |z, [a, b]| {
            let x = z.powf(a);
            [b * (1.0 - x).powf(b - 1.0) * x * z.ln(), -(1.0 - x).powf(b) * (-x).ln_1p()]
        },
        support: |_| (0.0, 1.0),
    }
}

/// Both tails from one half down to 1e-300.
fn both_tails() -> impl Iterator<Item = Probability<f64>> {
    (0..=300).flat_map(|exponent| {
        let size = 10f64.powi(-exponent);
        let sizes = if exponent == 0 { [0.499_999, 0.2] } else { [size, 0.37 * size] };
        [sizes[0], -sizes[0], sizes[1], -sizes[1]].map(Probability::from_tail)
    })
}

/// The formula of the quantile function in the CDF: the relative error of the smaller tail, over what a rounding of z alone does.
#[track_caller]
fn check_round_trip<L: Quantile<f64> + Density<f64> + Family<f64, Theta = [f64; 2]>>(
    known: &ByCdf<L>,
    theta: [f64; 2],
) {
    for u in both_tails() {
        let z = known.law.quantile(u, theta);
        let (found, exact) = if u.tail() > 0.0 {
            (known.cdf(z, theta), u.lower())
        } else {
            (known.survival(z, theta), u.upper())
        };
        let condition = (z * known.law.log_density(z, theta).exp() / exact).abs().max(1.0 + exact.ln().abs());
        if z < (known.support)(theta).1 && z > f64::MIN_POSITIVE.copysign((known.support)(theta).0) {
            assert_relative(found, exact, 8.0 * f64::EPSILON * condition, 0.0, &format!("{u:?} -> {z:e}"));
        }
    }
}

#[test]
fn quantile_functions_invert_their_cdf_in_both_tails() {
    for scale in [1e-3, 1.3, 1e3] {
        check_round_trip(&logistic_by_cdf(), [0.0, scale]);
        check_round_trip(&gumbel_by_cdf(), [0.0, scale]);
        check_round_trip(&laplace_by_cdf(), [0.0, scale]);
        check_round_trip(&cauchy_by_cdf(), [0.0, scale]);
        for shape in [1.5, 4.0, 30.0] {
            check_round_trip(&weibull_by_cdf(), [scale, shape]);
            check_round_trip(&pareto_by_cdf(), [scale, shape]);
        }
    }
    for (a, b) in [(2.0, 3.0), (0.7, 1.5), (5.0, 20.0), (1.5, 0.6)] {
        check_round_trip(&kumaraswamy_by_cdf(), [a, b]);
    }
}

#[test]
fn exponential_and_uniform_quantiles_are_exact_in_both_tails() {
    for u in both_tails() {
        let z = ExponentialFamily.quantile(u, [2.0]);
        let (found, exact) =
            if u.tail() > 0.0 { (-(-2.0 * z).exp_m1(), u.lower()) } else { ((-2.0 * z).exp(), u.upper()) };
        assert_relative(found, exact, 4e-16 * exact.ln().abs().max(1.0), 0.0, "exponential");
        assert_eq!(UniformFamily.quantile(u, [0.0, 1.0]), u.lower());
        assert_eq!(UniformFamily.quantile(u, [-1.0, 0.0]), -u.upper());
        let z = UniformFamily.quantile(u, [1e16, 1e16 + 4.0]);
        assert!((1e16..=1e16 + 4.0).contains(&z));
    }
}

#[test]
fn densities_are_derivatives_of_their_cdf() {
    fn check<L: Quantile<f64> + Density<f64> + Family<f64, Theta = [f64; 2]>>(
        known: &ByCdf<L>,
        theta: [f64; 2],
    ) {
        for tail in [1e-3, 0.1, 0.3, 0.45, -0.45, -0.3, -0.1, -1e-3] {
            let z = known.law.quantile(Probability::from_tail(tail), theta);
            let density = known.law.log_density(z, theta).exp();
            // A length over which the smaller tail changes by a part of itself, within the support.
            let length = (tail.abs() / density).min((z - (known.support)(theta).0).abs());
            let slope = if tail > 0.0 {
                derivative(|z| known.cdf(z, theta), z, length)
            } else {
                -derivative(|z| known.survival(z, theta), z, length)
            };
            assert_relative(density, slope, 1e-9, 0.0, &format!("density at {z}"));
        }
    }
    check(&logistic_by_cdf(), [0.3, 0.7]);
    check(&gumbel_by_cdf(), [0.3, 0.7]);
    check(&laplace_by_cdf(), [0.3, 0.7]);
    check(&cauchy_by_cdf(), [0.3, 0.7]);
    check(&weibull_by_cdf(), [1.5, 0.8]);
    check(&weibull_by_cdf(), [1.5, 6.0]);
    check(&pareto_by_cdf(), [2.0, 3.0]);
    check(&kumaraswamy_by_cdf(), [2.0, 3.0]);
    check(&kumaraswamy_by_cdf(), [0.7, 1.5]);
}

/// Numerical inversion against the closed form: quantile to 1e-12, implicit derivative to 1e-11. `tails` says from which size of
/// the (lower, upper) tail on the derivative can be compared: where z itself keeps the digits of the small probability.
#[track_caller]
fn check_inversion<L>(known: &ByCdf<L>, theta: [f64; 2], tails: (f64, f64))
where
    L: Quantile<f64> + Density<f64> + Family<f64, Theta = [f64; 2]> + Clone,
{
    let inverse = NumericInverse::new(known.clone());
    for u in both_tails() {
        let exact = known.law.quantile(u, theta);
        if exact.abs() < f64::MIN_POSITIVE || exact.is_infinite() {
            continue;
        }
        let found = inverse.try_quantile(u, theta).unwrap();
        // A location of order 1 is added to the draw, and its last digit with it.
        let rounding = if (known.support)(theta).0.is_finite() { 0.0 } else { 1e-15 };
        assert_relative(found, exact, 1e-12, rounding, &format!("quantile of {u:?}"));
        let least = if u.tail() > 0.0 { tails.0 } else { tails.1 };
        if u.tail().abs() >= least {
            let exact = known.law.quantile_gradient(u, exact, theta);
            let found = inverse.quantile_gradient(u, found, theta);
            for (found, exact) in found.iter().zip(exact) {
                assert_relative(*found, exact, 1e-11, rounding, &format!("implicit derivative at {u:?}"));
            }
        }
    }
}

#[test]
fn numerical_inversion_matches_closed_forms_in_both_tails() {
    check_inversion(&logistic_by_cdf(), [0.7, 1.3], (0.0, 0.0));
    check_inversion(&gumbel_by_cdf(), [0.7, 1.3], (0.0, 0.0));
    check_inversion(&laplace_by_cdf(), [0.7, 1.3], (0.0, 0.0));
    // The density of a Cauchy is the square of its tail, and underflows first.
    check_inversion(&cauchy_by_cdf(), [0.7, 1.3], (1e-150, 1e-150));
    check_inversion(&weibull_by_cdf(), [1.3, 1.7], (0.0, 0.0));
    check_inversion(&weibull_by_cdf(), [1e-5, 0.7], (0.0, 0.0));
    check_inversion(&weibull_by_cdf(), [1e5, 12.0], (0.0, 0.0));
    // z − m and 1 − z have few digits left near those ends of the support; the density of a Pareto underflows like a Cauchy's.
    check_inversion(&pareto_by_cdf(), [2.0, 3.0], (1e-3, 1e-220));
    check_inversion(&kumaraswamy_by_cdf(), [2.0, 3.0], (0.0, 1e-3));
    check_inversion(&kumaraswamy_by_cdf(), [0.7, 1.5], (0.0, 1e-3));
}

#[test]
fn a_numerically_inverted_family_gives_the_same_estimate_as_the_closed_form() {
    let closed = Weibull::new(&[1.3, 2.0], &[1.7, 0.8]).unwrap();
    let inverted = InverseCdf::from_cdf(weibull_by_cdf(), &[&[1.3, 2.0], &[1.7, 0.8]]).unwrap();
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz.copy_from_slice(&[z[1].cos(), -z[0] * z[1].sin()]);
        }
        z[0] * z[1].cos()
    });
    let expected = Pathwise.estimate(&closed, &f, 2000, &mut rng(1)).unwrap();
    let found = Pathwise.estimate(&inverted, &f, 2000, &mut rng(1)).unwrap();
    assert_eq!(found.layout(), expected.layout());
    for (found, expected) in found.gradient().iter().zip(expected.gradient()) {
        assert_relative(*found, *expected, 1e-11, 0.0, "gradient");
    }
}

#[test]
fn a_cdf_that_cannot_be_inverted_is_an_error_of_the_estimate() {
    let stuck = ByCdf { cdf: |_, _| 0.6, survival: |_, _| 0.4, ..logistic_by_cdf() };
    let distribution = InverseCdf::from_cdf(stuck, &[&[0.0], &[1.0]]).unwrap();
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = 1.0;
        }
        z[0]
    });
    let error = Pathwise.estimate(&distribution, &f, 10, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteTransform { sample: 0, coordinate: 0, value } if value.is_nan()));
}

type Curve = fn(f64) -> f64;

/// An objective of the reference table with its derivative.
fn objective(name: &str) -> (Curve, Curve) {
    match name {
        "z" => (|z| z, |_| 1.0),
        "z^2" => (|z| z * z, |z| 2.0 * z),
        "log z" => (f64::ln, f64::recip),
        "cos z" => (f64::cos, |z| -z.sin()),
        "exp(-z)" => (|z| (-z).exp(), |z| -(-z).exp()),
        other => panic!("objective {other}"),
    }
}

/// Within four standard errors of the exact value (and the rounding of a sum), with an error bar that a mistake would be seen against.
#[track_caller]
fn assert_estimate(found: f64, error: f64, exact: f64, what: &str) {
    assert!(
        (found - exact).abs() <= 4.0 * error + 1e-12 * exact.abs(),
        "{what}: {found} ± {error}, exact {exact}"
    );
    assert!(error <= 0.03 * exact.abs(), "{what}: {error} says nothing about {exact}");
}

fn check_row<D>(distribution: &D, row: &Row<'_>, parameter: &str, pathwise: bool, seed: u64)
where
    D: Reparameterizable<f64> + LogDensity<f64>,
{
    let (value, slope) = objective(row.text("f"));
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = slope(z[0]);
        }
        value(z[0])
    });
    let (exact, exact_value) = (row.number("grad"), row.number("Ef"));
    let what = format!("{} {} {} {parameter}", row.text("family"), row.text("params"), row.text("f"));
    if pathwise {
        let estimate = Pathwise.estimate(distribution, &f, 300_000, &mut rng(seed)).unwrap();
        let part = estimate.get(parameter).unwrap();
        assert_estimate(part.gradient[0], part.standard_error[0], exact, &format!("pathwise {what}"));
        let value_error = estimate.value_standard_error();
        assert_estimate(estimate.value(), value_error, exact_value, &format!("value {what}"));
    }
    let mut score = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let estimate = score.estimate(distribution, &f, 100_000, &mut rng(seed + 1000));
    if distribution.layout().check_score().is_ok() {
        let estimate = estimate.unwrap();
        let part = estimate.get(parameter).unwrap();
        assert_estimate(part.gradient[0], part.standard_error[0], exact, &format!("score function {what}"));
    } else {
        assert!(matches!(estimate, Err(Error::SupportDependsOnParameter { .. })), "{what}");
    }
}

#[test]
fn estimates_match_the_exact_gradients_of_the_reference_table() {
    let table = Table::parse(include_str!("../data/families_exact_gradients.csv"));
    let mut checked = 0;
    for (seed, row) in (1..).zip(table.rows()) {
        let params: Vec<(&str, f64)> = row
            .text("params")
            .split(';')
            .map(|part| part.split_once('=').unwrap())
            .map(|(name, value)| (name, value.parse().unwrap()))
            .collect();
        let of = |name: &str| [params.iter().find(|p| p.0 == name).unwrap().1];
        let ours = match (row.text("family"), row.text("wrt")) {
            (_, "lam") => "rate",
            (_, "k") | ("Pareto", "alpha") => "shape",
            (_, "loc") => "mu",
            (_, "xm") => "scale",
            (_, same) => same,
        };
        macro_rules! check {
            ($distribution:expr, $pathwise:expr) => {
                check_row(&$distribution.unwrap(), &row, ours, $pathwise, seed)
            };
        }
        match row.text("family") {
            "Exponential" => check!(Exponential::new(&of("lam")), true),
            "Weibull" => check!(Weibull::new(&of("scale"), &of("k")), true),
            "Laplace" => check!(Laplace::new(&of("loc"), &of("scale")), true),
            "Logistic" => check!(Logistic::new(&of("loc"), &of("scale")), true),
            "Gumbel" => check!(Gumbel::new(&of("loc"), &of("scale")), true),
            // cos z with respect to the scale: the pathwise sample −q sin z has no mean (see the docs of Cauchy).
            "Cauchy" => check!(Cauchy::new(&of("loc"), &of("scale")), false),
            "Kumaraswamy" => check!(Kumaraswamy::new(&of("a"), &of("b")), true),
            "Pareto" => check!(Pareto::new(&of("xm"), &of("alpha")), true),
            _ => continue,
        }
        checked += 1;
    }
    assert_eq!(checked, 24);
}

/// What the table does not hold: Uniform, E z² = (l² + l h + h²)/3, and the location of a Cauchy, E cos z = e^(−γ) cos μ.
#[test]
fn pathwise_estimates_match_closed_forms_for_uniform_and_cauchy_location() {
    let square = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = 2.0 * z[0];
        }
        z[0] * z[0]
    });
    let uniform = Uniform::new(&[1.0], &[3.0]).unwrap();
    let estimate = Pathwise.estimate(&uniform, &square, 100_000, &mut rng(1)).unwrap();
    for (i, exact) in [(2.0 + 3.0) / 3.0, (1.0 + 6.0) / 3.0].into_iter().enumerate() {
        assert_estimate(estimate.gradient()[i], estimate.standard_error()[i], exact, "uniform");
    }
    let cosine = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = -z[0].sin();
        }
        z[0].cos()
    });
    let cauchy = Cauchy::new(&[0.9], &[0.7]).unwrap();
    let exact = -(-0.7f64).exp() * 0.9f64.sin();
    let estimate = Pathwise.estimate(&cauchy, &cosine, 100_000, &mut rng(2)).unwrap();
    assert_estimate(estimate.gradient()[0], estimate.standard_error()[0], exact, "Cauchy, pathwise");
    let mut score = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let estimate = score.estimate(&cauchy, &cosine, 100_000, &mut rng(3)).unwrap();
    assert_estimate(estimate.gradient()[0], estimate.standard_error()[0], exact, "Cauchy, score function");
}

#[test]
fn the_score_function_is_refused_by_name_where_the_support_moves() {
    let f = |z: &[f64]| z[0];
    let refused = |parameter: &'static str| Error::SupportDependsOnParameter { parameter: parameter.into() };
    let uniform = Uniform::new(&[0.0], &[2.0]).unwrap();
    assert_eq!(ScoreFunction::new().estimate(&uniform, &f, 10, &mut rng(1)).unwrap_err(), refused("low"));
    let pareto = Pareto::new(&[1.0], &[2.0]).unwrap();
    assert_eq!(ScoreFunction::new().estimate(&pareto, &f, 10, &mut rng(1)).unwrap_err(), refused("scale"));
    let moving = |layout: &reparam::Layout| {
        layout.iter().filter(|part| part.moves_support).map(|part| part.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(moving(uniform.layout()), ["low", "high"]);
    assert_eq!(moving(pareto.layout()), ["scale"]);
    // Also where the family is inverted numerically.
    let pareto = InverseCdf::from_cdf(pareto_by_cdf(), &[&[1.0], &[2.0]]).unwrap();
    assert_eq!(moving(pareto.layout()), ["scale"]);
}

#[test]
fn bad_parameters_are_refused_by_name_index_and_value() {
    let domain = |parameter: &'static str, index, value, expected| {
        Some(Error::ParameterDomain { parameter: parameter.into(), index, value, expected })
    };
    let positive = "a finite number above 0";
    assert_eq!(Exponential::new(&[1.0, -3.0]).err(), domain("rate", 1, -3.0, positive));
    assert_eq!(Logistic::new(&[0.0], &[0.0]).err(), domain("scale", 0, 0.0, positive));
    assert_eq!(Gumbel::new(&[0.0], &[-1.0]).err(), domain("scale", 0, -1.0, positive));
    assert_eq!(Laplace::new(&[0.0], &[-1.0]).err(), domain("scale", 0, -1.0, positive));
    assert_eq!(Cauchy::new(&[0.0], &[-1.0]).err(), domain("scale", 0, -1.0, positive));
    assert_eq!(Weibull::new(&[1.0], &[0.0]).err(), domain("shape", 0, 0.0, positive));
    assert_eq!(Pareto::new(&[1.0], &[-2.0]).err(), domain("shape", 0, -2.0, positive));
    assert_eq!(Pareto::new(&[0.0], &[2.0]).err(), domain("scale", 0, 0.0, positive));
    assert_eq!(Kumaraswamy::new(&[1.0], &[0.0]).err(), domain("b", 0, 0.0, positive));
    let above = "a finite number above the lower bound";
    assert_eq!(Uniform::new(&[0.0, 1.0], &[1.0, 1.0]).err(), domain("high", 1, 1.0, above));

    for bad in [f64::NAN, f64::INFINITY] {
        let error = Logistic::new(&[bad], &[1.0]).err();
        assert!(
            matches!(error, Some(Error::NonFiniteParameter { ref parameter, index: 0, .. }) if parameter == "mu")
        );
        let error = Uniform::new(&[0.0], &[bad]).err();
        assert!(
            matches!(error, Some(Error::NonFiniteParameter { ref parameter, index: 0, .. }) if parameter == "high")
        );
    }
    let length =
        |what: &'static str, expected, found| Some(Error::Length { what: what.into(), expected, found });
    assert_eq!(Weibull::new(&[1.0, 2.0], &[1.0]).err(), length("shape", 2, 1));
    assert!(matches!(Exponential::<f64>::new(&[]).err(), Some(Error::EmptySupport { .. })));
    let error = InverseCdf::from_quantile(WeibullFamily, &[&[1.0]]).err();
    assert_eq!(error, length("the list of parameters", 2, 1));

    let mut weibull = Weibull::new(&[1.0], &[2.0]).unwrap();
    assert_eq!(weibull.set_params(&[3.0, -4.0]).err(), domain("shape", 0, -4.0, positive));
    assert_eq!(weibull.set_params(&[3.0]).err(), length("params", 2, 1));
    assert_eq!(weibull.params(), [1.0, 2.0]);
    weibull.set_params(&[3.0, 4.0]).unwrap();
    assert_eq!((weibull.scale(), weibull.shape()), (&[3.0][..], &[4.0][..]));
}

#[test]
fn outside_the_support_the_log_density_is_minus_infinity_and_never_nan() {
    let inf = f64::INFINITY;
    let check = |distribution: &dyn Fn(f64) -> f64, outside: &[f64], name: &str| {
        for &z in outside {
            assert_eq!(distribution(z), f64::NEG_INFINITY, "{name} at {z}");
        }
        assert!(distribution(f64::NAN).is_nan(), "{name} at NaN");
    };
    macro_rules! check {
        ($distribution:expr, $outside:expr) => {{
            let distribution = $distribution.unwrap();
            check(&|z| distribution.log_prob(&[z]), &$outside, stringify!($distribution));
        }};
    }
    check!(Exponential::new(&[2.0]), [-1e-300, -1.0, -inf, inf]);
    check!(Logistic::new(&[0.0], &[2.0]), [-inf, inf]);
    check!(Gumbel::new(&[0.0], &[2.0]), [-inf, inf]);
    check!(Laplace::new(&[0.0], &[2.0]), [-inf, inf]);
    check!(Cauchy::new(&[0.0], &[2.0]), [-inf, inf]);
    check!(Weibull::new(&[2.0], &[0.7]), [-1e-300, -inf, inf]);
    check!(Weibull::new(&[2.0], &[1.0]), [-1e-300, -inf, inf]);
    check!(Weibull::new(&[2.0], &[3.0]), [0.0, -1e-300, -inf, inf]);
    check!(Pareto::new(&[2.0], &[3.0]), [1.999, 0.0, -1.0, -inf, inf]);
    check!(Uniform::new(&[2.0], &[3.0]), [1.999, 3.001, -inf, inf]);
    check!(Kumaraswamy::new(&[0.7], &[0.8]), [-1e-300, 1.0 + 1e-15, -inf, inf]);
    // An infinite density in one coordinate does not hide that another is outside.
    let both = Kumaraswamy::new(&[0.5, 0.5], &[2.0, 2.0]).unwrap();
    assert_eq!(both.log_prob(&[0.0, 2.0]), f64::NEG_INFINITY);
    assert_eq!(both.log_prob(&[2.0, 0.0]), f64::NEG_INFINITY);
}

#[test]
fn derivatives_are_zero_outside_the_support() {
    let (mut score, mut dz) = ([f64::NAN; 2], [f64::NAN]);
    macro_rules! check {
        ($distribution:expr, $z:expr) => {{
            let distribution = $distribution.unwrap();
            distribution.score(&[$z], &mut score);
            distribution.log_prob_gradient(&[$z], &mut dz);
            assert_eq!((score, dz), ([0.0; 2], [0.0]));
        }};
    }
    check!(Weibull::new(&[2.0], &[0.7]), -1.0);
    check!(Pareto::new(&[2.0], &[3.0]), 1.0);
    check!(Uniform::new(&[2.0], &[3.0]), 1.0);
    check!(Kumaraswamy::new(&[0.7], &[0.8]), 1.5);
}

#[test]
fn lent_parameters_give_the_same_draws_and_pullbacks() {
    let weibull = Weibull::new(&[1.0, 3.0, 0.2], &[0.7, 2.0, 5.0]).unwrap();
    let noise = [0.1, -0.2, 0.45];
    let z = drawn(&weibull, &noise);
    // An object that only says the shape.
    let shape = Weibull::new(&[1.0; 3], &[1.0; 3]).unwrap();
    let mut lent = [0.0; 3];
    shape.transform_with(&[weibull.scale(), weibull.shape()], &noise, &mut lent);
    assert_eq!(lent[..], z[..]);

    let dz = [1.0, -2.0, 0.5];
    let mut expected = [0.0; 6];
    weibull.pullback(&noise, &z, &dz, &mut expected);
    let mut found = [f64::NAN; 6];
    shape.pullback_with(&[weibull.scale(), weibull.shape()], &noise, &z, &dz, &mut found);
    assert_eq!(found, expected);
}

#[test]
fn a_sample_is_the_transform_of_the_noise() {
    let gumbel = Gumbel::new(&[1.0, 2.0], &[0.5, 3.0]).unwrap();
    let (mut noise, mut z, mut sampled) = ([0.0; 6], [0.0; 6], [0.0; 6]);
    gumbel.draw_noise(&mut rng(5), &mut noise);
    gumbel.transform_block(&noise, DrawsMut::of(&mut z));
    gumbel.sample(&mut rng(5), &mut sampled);
    assert_eq!(z, sampled);
}

/// A million draws in single precision, and everything that is made of them.
#[track_caller]
fn check_finite<D>(distribution: &D)
where
    D: Reparameterizable<f32> + DifferentiableLogDensity<f32>,
{
    let params = distribution.params().len();
    let mut rng = rng(9);
    let (mut noise, mut z, mut dz) = ([0.0f32], [0.0f32], [0.0f32]);
    let mut row = vec![0.0f32; params];
    for _ in 0..1_000_000 {
        distribution.draw_noise(&mut rng, &mut noise);
        distribution.transform(&noise, &mut z);
        assert!(z[0].is_finite() && distribution.log_prob(&z).is_finite(), "{noise:?} -> {z:?}");
        distribution.pullback(&noise, &z, &[1.0], &mut row);
        assert!(row.iter().all(|g| g.is_finite()), "pullback at {noise:?}: {row:?}");
        distribution.score(&z, &mut row);
        assert!(row.iter().all(|g| g.is_finite()), "score at {z:?}: {row:?}");
        distribution.log_prob_gradient(&z, &mut dz);
        assert!(dz[0].is_finite());
    }
}

#[test]
fn single_precision_is_finite_over_a_million_draws() {
    check_finite(&Exponential::new(&[2.0f32]).unwrap());
    check_finite(&Logistic::new(&[1.0f32], &[2.0]).unwrap());
    check_finite(&Gumbel::new(&[1.0f32], &[2.0]).unwrap());
    check_finite(&Laplace::new(&[1.0f32], &[2.0]).unwrap());
    check_finite(&Cauchy::new(&[1.0f32], &[2.0]).unwrap());
    check_finite(&Weibull::new(&[2.0], &[0.8f32]).unwrap());
    check_finite(&Pareto::new(&[1.0f32], &[2.0]).unwrap());
    check_finite(&Uniform::new(&[-1.0f32], &[2.0]).unwrap());
    check_finite(&Kumaraswamy::new(&[0.8f32], &[1.5]).unwrap());
}

/// The smallest and largest noise that exists: ±2⁻⁷⁷ and the neighbours of ±1/2.
#[test]
fn extreme_noise_gives_finite_draws() {
    fn check<T: Real>(distribution: &impl Reparameterizable<T>, half: T) {
        let tiny = T::of(2.0f64.powi(-77));
        for noise in [tiny, -tiny, half, -half] {
            let (mut z, mut row) = ([T::zero()], [T::zero(); 2]);
            distribution.transform(&[noise], &mut z);
            let params = distribution.params().len();
            distribution.pullback(&[noise], &z, &[T::one()], &mut row[..params]);
            assert!(z[0].is_finite() && row.iter().all(|g| g.is_finite()), "{noise} -> {z:?} {row:?}");
        }
    }
    macro_rules! check {
        ($new:expr) => {
            check::<f64>(&$new.unwrap(), 0.5 - f64::EPSILON / 4.0);
            check::<f32>(&$new.unwrap(), 0.5 - f32::EPSILON / 4.0);
        };
    }
    check!(Exponential::new(&[2.0]));
    check!(Logistic::new(&[1.0], &[2.0]));
    check!(Gumbel::new(&[1.0], &[2.0]));
    check!(Laplace::new(&[1.0], &[2.0]));
    check!(Cauchy::new(&[1.0], &[2.0]));
    check!(Weibull::new(&[2.0], &[0.8]));
    check!(Weibull::new(&[2.0], &[0.05]));
    check!(Pareto::new(&[1.0], &[1.0]));
    check!(Uniform::new(&[-1.0], &[2.0]));
    check!(Kumaraswamy::new(&[0.8], &[1.5]));
    check!(Kumaraswamy::new(&[0.01], &[0.01]));
    check!(Kumaraswamy::new(&[1e-3], &[1e3]));
}

#[test]
fn laplace_returns_the_middle_of_the_kink() {
    let laplace = Laplace::new(&[1.5], &[2.0]).unwrap();
    let (mut score, mut dz) = ([f64::NAN; 2], [f64::NAN]);
    laplace.score(&[1.5], &mut score);
    laplace.log_prob_gradient(&[1.5], &mut dz);
    assert_eq!((score, dz), ([0.0, -0.5], [0.0]));
}

#[test]
fn cauchy_slopes_do_not_overflow() {
    let cauchy = Cauchy::new(&[0.0], &[1e-3]).unwrap();
    let mut score = [f64::NAN; 2];
    cauchy.score(&[1e300], &mut score);
    assert_relative(score[0], 2e-300, 1e-15, 0.0, "score of mu");
    assert_eq!(score[1], 1e3);
    // ln p = ln γ − ln π − 2 ln z
    let expected = 1e-3f64.ln() - std::f64::consts::PI.ln() - 2.0 * 1e300f64.ln();
    assert_relative(cauchy.log_prob(&[1e300]), expected, 1e-15, 0.0, "far tail");
}
