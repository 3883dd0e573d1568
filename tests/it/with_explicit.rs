//! Objectives that depend on θ directly: each estimator that adds the explicit gradient has the exact mean and variance of the sum.
//!
//! Tolerance: 4.8 standard errors. Some 60 numbers are compared, so that a false alarm has probability 1e-4 in all.

use crate::common::{Sampled, gaussian_expectation, rng, sample_batches};
use reparam::prelude::*;
use reparam::verify;
use reparam::{Block, BlockRng, BlockShape, Evaluator};

const SIGMAS: f64 = 4.8;
const MU: f64 = 0.7;
const SIGMA: f64 = 0.6;

/// `f_θ(z) = a z²` with `a = 1 + μσ`: `E f = a (μ² + σ²)`.
#[derive(Clone, Copy)]
struct Scaled {
    mu: f64,
    sigma: f64,
}

const F: Scaled = Scaled { mu: MU, sigma: SIGMA };

impl Scaled {
    fn a(self) -> f64 {
        1.0 + self.mu * self.sigma
    }
}

impl Objective<f64> for Scaled {
    fn value(&self, z: &[f64]) -> f64 {
        self.a() * z[0] * z[0]
    }

    fn depends_on_parameters(&self) -> bool {
        true
    }

    fn add_parameter_gradient(&self, z: &[f64], weight: f64, dtheta: &mut [f64]) {
        dtheta[0] += weight * self.sigma * z[0] * z[0];
        dtheta[1] += weight * self.mu * z[0] * z[0];
    }
}

impl DifferentiableObjective<f64> for Scaled {
    fn value_and_gradient(&self, z: &[f64], dz: &mut [f64]) -> f64 {
        dz[0] = 2.0 * self.a() * z[0];
        self.value(z)
    }
}

fn normal() -> Normal<f64> {
    Normal::new(&[MU], &[SIGMA]).unwrap()
}

/// The derivative of `a (μ² + σ²)`.
fn exact() -> [f64; 2] {
    let square = MU * MU + SIGMA * SIGMA;
    [2.0 * F.a() * MU + SIGMA * square, 2.0 * F.a() * SIGMA + MU * square]
}

/// The explicit gradient at `z = μ + σe`.
fn explicit(e: f64) -> [f64; 2] {
    let z = MU + SIGMA * e;
    [SIGMA * z * z, MU * z * z]
}

fn pathwise(e: f64) -> [f64; 2] {
    let slope = 2.0 * F.a() * (MU + SIGMA * e);
    let [mu, sigma] = explicit(e);
    [slope + mu, slope * e + sigma]
}

fn score(e: f64) -> [f64; 2] {
    [e / SIGMA, (e * e - 1.0) / SIGMA]
}

fn value(e: f64) -> f64 {
    F.value(&[MU + SIGMA * e])
}

fn score_function(e: f64, baseline: f64) -> [f64; 2] {
    let (s, h) = (score(e), explicit(e));
    [0, 1].map(|i| (value(e) - baseline) * s[i] + h[i])
}

fn expectation(h: impl Fn(f64) -> f64) -> f64 {
    gaussian_expectation(h, [], 12.0)
}

/// The variance of a gradient sample that is a function of one standard normal, whose mean must be the exact gradient.
fn variance(sample: impl Fn(f64) -> [f64; 2]) -> [f64; 2] {
    [0, 1].map(|i| {
        let mean = expectation(|e| sample(e)[i]);
        assert!((mean - exact()[i]).abs() < 1e-9, "the test's own formula: {mean}");
        expectation(|e| (sample(e)[i] - mean).powi(2))
    })
}

#[track_caller]
fn check(found: &Sampled, mean: [f64; 2], variance: [f64; 2], what: &str) {
    for i in 0..2 {
        assert!(found.check(i, mean[i], variance[i], SIGMAS, &format!("{what}, parameter {i}")), "{what}");
    }
}

#[test]
fn pathwise_has_the_variance_of_the_sum() {
    let found = sample_batches(&mut Pathwise, &normal(), &F, 8000, 1);
    check(&found, exact(), variance(pathwise), "pathwise");
}

#[test]
fn score_function_with_constants_has_the_variance_of_the_sum() {
    for (baseline, b, seed) in [(Baseline::None, 0.0, 2), (Baseline::Constant(1.3), 1.3, 3)] {
        let mut estimator = ScoreFunction::new().with_baseline(baseline);
        let found = sample_batches(&mut estimator, &normal(), &F, 8000, seed);
        check(&found, exact(), variance(|e| score_function(e, b)), "score function");
    }
}

/// A leave-one-out sample of K draws is a U-statistic of `½ [(f₁ − f₂)(s₁ − s₂) + h₁ + h₂]`, whose variance is `(4 (K − 2) ζ₁ + 2 ζ₂)/(K (K − 1))`
/// (Hoeffding 1948).
#[test]
fn leave_one_out_averages_the_explicit_gradient_over_its_group() {
    let mean_value = expectation(value);
    for group in [2usize, 3] {
        let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: group });
        let found = sample_batches(&mut estimator, &normal(), &F, 8000, 4 + group as u64);
        let expected = [0, 1].map(|i| {
            let exact = exact()[i];
            let kernel = |a: f64, b: f64| {
                0.5 * ((value(a) - value(b)) * (score(a)[i] - score(b)[i]) + explicit(a)[i] + explicit(b)[i])
            };
            let mean_explicit = expectation(|e| explicit(e)[i]);
            let one = |e: f64| {
                0.5 * ((value(e) - mean_value) * score(e)[i] + exact - mean_explicit
                    + explicit(e)[i]
                    + mean_explicit)
            };
            let zeta_1 = expectation(|e| (one(e) - exact).powi(2));
            let inner = |a: f64| gaussian_expectation(|b| (kernel(a, b) - exact).powi(2), [], 9.0);
            let zeta_2 = gaussian_expectation(inner, [], 9.0);
            let k = group as f64;
            (4.0 * (k - 2.0) * zeta_1 + 2.0 * zeta_2) / (k * (k - 1.0))
        });
        check(&found, exact(), expected, "leave-one-out");
    }
}

#[test]
fn over_a_source_every_point_counts_in_whatever_parts_they_come() {
    let pair = |e: f64| [0, 1].map(|i| 0.5 * (pathwise(e)[i] + pathwise(-e)[i]));
    let found = sample_batches(&mut Pathwise.over(Antithetic), &normal(), &F, 8000, 10);
    check(&found, exact(), variance(pair), "antithetic");

    // 3000 points are more than fit into the rows at once, and the last part is shorter than the others.
    for points in [3, 3000] {
        let samples = if points == 3 { 8000 } else { 60 };
        let divided = |v: [f64; 2]| v.map(|v| v / points as f64);
        let mut estimator = Pathwise.over(Independent::new(points));
        let found = sample_batches(&mut estimator, &normal(), &F, samples, 11);
        check(&found, exact(), divided(variance(pathwise)), "pathwise over");
        let mut source =
            ScoreFunction::new().with_baseline(Baseline::Constant(0.9)).over(Independent::new(points));
        let found = sample_batches(&mut source, &normal(), &F, samples, 12);
        check(&found, exact(), divided(variance(|e| score_function(e, 0.9))), "score function over");
    }
}

/// `Var R` of a Rayleigh variate.
const RAYLEIGH: f64 = 2.0 - std::f64::consts::FRAC_PI_2;

#[test]
fn measure_valued_takes_the_draw_and_not_its_sides() {
    let found = sample_batches(&mut MeasureValued::coupled(), &normal(), &F, 8000, 20);
    let a = F.a();
    // z² has the variance 2σ⁴ + 4μ²σ²; the sides of μ are apart by 4aμσR, R independent of the draw.
    let square = 2.0 * SIGMA.powi(4) + 4.0 * MU * MU * SIGMA * SIGMA;
    let sides = 16.0 * a * a * MU * MU / std::f64::consts::TAU * RAYLEIGH;
    // The side of σ is sign(e) √(e² + 2x), x exponential: against the draw.
    let sample = |e: f64, x: f64| {
        let longer = (e * e + 2.0 * x).sqrt().copysign(e);
        (value(longer) - value(e)) / SIGMA + explicit(e)[1]
    };
    let over_x = |h: &dyn Fn(f64) -> f64| {
        // Simpson's rule on [0, 40].
        let n = 800;
        let step = 40.0 / f64::from(n);
        let weight = |i: i32| if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        (0..=n).map(|i| weight(i) * step / 3.0 * h(step * f64::from(i)) * (-step * f64::from(i)).exp()).sum()
    };
    // In two pieces, since the sign jumps at 0.
    let moment = |h: &dyn Fn(f64) -> f64| -> f64 {
        gaussian_expectation(|e| over_x(&|x| h(sample(e, x))), [0.0], 9.0)
    };
    let mean = moment(&|g| g);
    // Simpson meets the root √(2x) at e = 0.
    assert!((mean - exact()[1]).abs() < 1e-5, "the test's own formula: {mean}");
    let variance = moment(&|g| (g - mean).powi(2));
    check(&found, exact(), [sides + SIGMA * SIGMA * square, variance], "measure-valued");
}

/// With so many parameters that the sides come in parts: `f = μ₀ Σ z²`.
#[test]
fn measure_valued_in_parts_still_has_its_draw() {
    let dim = 60;
    let mu: Vec<f64> = (0..dim).map(|i| 0.5 - 0.01 * i as f64).collect();
    let normal = Normal::new(&mu, &vec![SIGMA; dim]).unwrap();
    let mut estimator = MeasureValued::coupled();
    let shape = GradientEstimator::<f64, _, Scaled>::shape(&estimator, &normal);
    assert!(shape.draws < shape.evaluations);
    let scale = mu[0];
    let squares = |z: &[f64]| z.iter().map(|z| z * z).sum::<f64>();
    let f = Parametric(
        move |z: &[f64]| scale * squares(z),
        move |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * squares(z),
    );
    let found = sample_batches(&mut estimator, &normal, &f, 600, 21);
    let mean_squares: f64 = mu.iter().map(|m| m * m + SIGMA * SIGMA).sum();
    let spread: f64 = mu.iter().map(|m| 2.0 * SIGMA.powi(4) + 4.0 * m * m * SIGMA * SIGMA).sum();
    let sides = 16.0 * scale * scale * mu[0] * mu[0] / std::f64::consts::TAU * RAYLEIGH;
    let mean = 2.0 * scale * mu[0] + mean_squares;
    assert!(found.check(0, mean, sides + spread, SIGMAS, "in parts"));
}

/// One bit, `f = (1 + φ)(b − 0.4)²` with φ its logit.
fn bit(phi: f64) -> impl Objective<f64> {
    Parametric(
        move |b: &[f64]| (1.0 + phi) * (b[0] - 0.4).powi(2),
        |b: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * (b[0] - 0.4).powi(2),
    )
}

#[test]
fn pairs_and_groups_of_bits_are_draws_all_and_listed_outcomes_are_weighted() {
    let phi: f64 = -0.8;
    let (p, f) = (1.0 / (1.0 + (-phi).exp()), bit(phi));
    let (h1, h0) = (0.36, 0.16);
    let slope = (1.0 + phi) * (h1 - h0);
    let exact = slope * p * (1.0 - p) + p * h1 + (1.0 - p) * h0;
    let one = Bernoulli::from_logits(&[phi]).unwrap();

    let listed = Enumerate.estimate(&one, &f, 3, &mut rng(30)).unwrap();
    assert!((listed.gradient()[0] - exact).abs() < 1e-14);
    assert_eq!(listed.variance()[0], 0.0);

    // p < ½: both bits are never 1; one is with probability 2p, and the sample then ½ (f₁ − f₀)(1 − p) + ½ (h₁ + h₀).
    let (apart, alike) = (0.5 * slope * (1.0 - p) + 0.5 * (h1 + h0), h0);
    assert!((2.0 * p * apart + (1.0 - 2.0 * p) * alike - exact).abs() < 1e-14);
    let variance = 2.0 * p * (1.0 - 2.0 * p) * (apart - alike).powi(2);
    let found = sample_batches(&mut DisArm, &one, &f, 4000, 31);
    assert!(found.check(0, exact, variance, SIGMAS, "DisARM"));

    // ARM is (½ − u)(f(b) − f(b̃)) by the uniform u of the pair, where DisARM has its expectation given the bits.
    let both = 0.5 * (h1 + h0);
    let second =
        |e: f64| 2.0 * integral(0.0, p, |u| (slope * (0.5 - u) + e).powi(2)) + (1.0 - 2.0 * p) * h0 * h0;
    let found = sample_batches(&mut Arm, &one, &f, 4000, 33);
    assert!(found.check(0, exact, second(both) - exact * exact, SIGMAS, "ARM"));

    let found = Arms::new(4).estimate(&one, &f, 100_000, &mut rng(32)).unwrap();
    assert!((found.gradient()[0] - exact).abs() < SIGMAS * found.standard_error()[0]);
    // The explicit part alone: the mean of (b − 0.4)² over four draws, whose values are h₀ + (h₁ − h₀) × (ones/4).
    let only =
        Parametric(|_: &[f64]| 0.0, |b: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * b[0]);
    let alone = Arms::new(4).estimate(&one, &only, 100_000, &mut rng(32)).unwrap();
    assert!((alone.gradient()[0] - p).abs() < SIGMAS * alone.standard_error()[0]);
    assert!(alone.variance()[0] < p * (1.0 - p) / 4.0, "negatively dependent draws");
}

/// The integral of a quadratic, by Simpson's rule.
fn integral(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    (to - from) / 6.0 * (f(from) + 4.0 * f(0.5 * (from + to)) + f(to))
}

/// Two rows of three categories, `f = l₀ (z₀ − 2 z₁ z₃)`, against the sum over all outcomes; alone, the explicit part has the mean of a pair of draws.
#[test]
fn pairs_of_categories_are_draws_both() {
    let logits = [0.4, -0.3, 0.8, 0.1, -1.0, 0.5];
    let rows = Categorical::from_logits(&logits, 3).unwrap();
    let f = Parametric(
        move |z: &[f64]| logits[0] * (z[0] - 2.0 * z[1] * z[3]),
        |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * (z[0] - 2.0 * z[1] * z[3]),
    );
    let exact = Enumerate.estimate(&rows, &f, 2, &mut rng(1)).unwrap();
    let found = DisArmSticks.estimate(&rows, &f, 200_000, &mut rng(34)).unwrap();
    for (i, exact) in exact.gradient().iter().enumerate() {
        let (found, error) = (found.gradient()[i], found.standard_error()[i]);
        assert!((found - exact).abs() < SIGMAS * error, "{i}: {found} ± {error}, exact {exact}");
    }
    let only =
        Parametric(|_: &[f64]| 0.0, |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * z[2]);
    let alone = DisArmSticks.estimate(&rows, &only, 200_000, &mut rng(35)).unwrap();
    let p = rows.probs()[2];
    assert!((alone.gradient()[0] - p).abs() < SIGMAS * alone.standard_error()[0]);
    assert!(alone.variance()[0] < 0.5 * p * (1.0 - p), "negatively dependent draws");
}

/// Two normal steps with terms `μ₀ z₀` and `z₀ z₁`: `E f = μ₀² + μ₀ μ₁`. By hand, the sample for μ₁ is `z₀ z₁ (z₁ − μ₁)/σ²`, and for μ₀ the whole
/// score-function sample with the explicit z₀.
#[test]
fn a_sum_over_steps_may_depend_on_the_parameters_too() {
    let mu = [0.6, -0.4];
    let normal = Normal::new(&mu, &[SIGMA; 2]).unwrap();
    let f = Parametric(
        Terms(2, move |z: &[f64], terms: &mut [f64]| (terms[0], terms[1]) = (mu[0] * z[0], z[0] * z[1])),
        |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * z[0],
    );
    let found = sample_batches(&mut RewardToGo::new(), &normal, &f, 4000, 36);
    let exact = [2.0 * mu[0] + mu[1], mu[0]];
    let z = |i: usize, e: f64| mu[i] + SIGMA * e;
    let variance = |sample: &dyn Fn(f64, f64) -> f64, exact: f64| {
        expectation(|a| expectation(|b| (sample(a, b) - exact).powi(2)))
    };
    let first = variance(&|a, b| (mu[0] * z(0, a) + z(0, a) * z(1, b)) * a / SIGMA + z(0, a), exact[0]);
    let second = variance(&|a, b| z(0, a) * z(1, b) * b / SIGMA, exact[1]);
    assert!(found.check(0, exact[0], first, SIGMAS, "first step"));
    assert!(found.check(1, exact[1], second, SIGMAS, "second step"));
}

/// `f = μ z` in the three bounds of one draw: `∂E f/∂μ = 2μ`, and ln q as each of them has it.
#[test]
fn bounds_of_one_draw_add_it_once() {
    let f = Parametric(
        (
            |z: &[f64]| MU * z[0],
            |z: &[f64], dz: &mut [f64]| {
                dz[0] = MU;
                MU * z[0]
            },
        ),
        |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * z[0],
    );
    let normal = normal();
    let mean = [2.0 * MU, 1.0 / SIGMA];
    let z = |e: f64| MU + SIGMA * e;
    let of =
        |sample: &dyn Fn(f64) -> [f64; 2]| [0, 1].map(|i| expectation(|e| (sample(e)[i] - mean[i]).powi(2)));
    let found = sample_batches(&mut Elbo::analytic(), &normal, &f, 4000, 40);
    check(&found, mean, of(&|e| [MU + z(e), MU * e + 1.0 / SIGMA]), "analytic");
    let found = sample_batches(&mut Elbo::sampled(), &normal, &f, 4000, 41);
    check(&found, mean, of(&|e| [MU + z(e), MU * e + 1.0 / SIGMA]), "sampled");
    let found = sample_batches(&mut Elbo::sticking_the_landing(), &normal, &f, 4000, 42);
    check(&found, mean, of(&|e| [MU + e / SIGMA + z(e), MU * e + e * e / SIGMA]), "sticking the landing");
}

/// What an estimator refuses, learns and says of its cost is handed through.
#[test]
fn the_inner_estimator_is_asked() {
    let uniform = Uniform::new(&[0.0], &[2.0]).unwrap();
    let f = Parametric(|z: &[f64]| z[0], |_: &[f64], _: f64, _: &mut [f64]| {});
    let error = ScoreFunction::new().estimate(&uniform, &f, 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::SupportDependsOnParameter { parameter: "low".into() });

    let replay = Replay::record(&normal(), 5, &mut rng(2));
    let error = ScoreFunction::new().over(replay).estimate(&normal(), &F, 6, &mut rng(1));
    assert!(matches!(error, Err(Error::Length { expected: 6, found: 5, .. })), "{error:?}");

    let mut moving = ScoreFunction::new().with_baseline(Baseline::MovingAverage { decay: 0.9 });
    let first = moving.estimate(&normal(), &F, 100, &mut rng(3)).unwrap();
    assert_eq!(moving.learned(), [first.value()]);

    let measure = MeasureValued::coupled();
    assert_eq!(GradientEstimator::<f64, _, Scaled>::evaluations(&measure, &normal()), 4);
    let estimate = measure.clone().estimate(&normal(), &F, 10, &mut rng(4)).unwrap();
    assert_eq!(estimate.evaluations(), 40);
}

/// An estimator of one's own, whose samples say which they are.
struct Index;

impl GradientEstimator<f64, Normal<f64>, Scaled> for Index {
    fn shape(&self, _: &Normal<f64>) -> BlockShape {
        BlockShape::of_own_draws(1)
    }

    fn gradient_samples(
        &self,
        p: &Normal<f64>,
        f: Evaluator<'_, Scaled>,
        block: Block<'_, f64>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        p.sample(rng, block.z);
        f.value_block(block.z, 1, block.values);
        for (i, row) in block.gradients.chunks_exact_mut(2).enumerate() {
            row.fill((block.first + i as u64) as f64);
        }
        Ok(())
    }
}

#[test]
fn an_estimator_of_ones_own_takes_the_default_and_knows_its_samples() {
    let found = Index.estimate(&normal(), &F, 1000, &mut rng(7)).unwrap();
    // 0 + … + 999, and σ f/a, μ f/a.
    let explicit = [SIGMA, MU].map(|slope| slope * found.value() / F.a());
    for (found, explicit) in found.gradient().iter().zip(explicit) {
        assert!((found - 499.5 - explicit).abs() < 1e-9, "{found}");
    }
}

/// Says that it has more draws than rows, or none.
struct Boastful(usize);

impl GradientEstimator<f64, Normal<f64>, Scaled> for Boastful {
    fn shape(&self, _: &Normal<f64>) -> BlockShape {
        BlockShape::of_draws(2).with_own_draws(self.0)
    }

    fn gradient_samples(
        &self,
        p: &Normal<f64>,
        f: Evaluator<'_, Scaled>,
        block: Block<'_, f64>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        p.sample(rng, block.z);
        f.value_block(block.z, 1, block.values);
        block.gradients.fill(0.0);
        Ok(())
    }
}

#[test]
fn an_estimator_that_miscounts_its_draws_gets_those_there_are() {
    let of = |own: usize| Boastful(own).estimate(&normal(), &F, 100, &mut rng(8)).unwrap();
    assert_eq!(of(3), of(2));
    assert_eq!(of(0), of(1));
    assert_ne!(of(1), of(2));
}

/// The value reported is that of the inner estimator, and so is its part of the gradient: the explicit one adds to it.
#[test]
fn nothing_but_the_gradient_changes() {
    let with = Pathwise.estimate(&normal(), &F, 1000, &mut rng(5)).unwrap();
    let held = (|z: &[f64]| F.value(z), |z: &[f64], dz: &mut [f64]| F.value_and_gradient(z, dz));
    let without = Pathwise.estimate(&normal(), &held, 1000, &mut rng(5)).unwrap();
    assert_eq!(with.value(), without.value());
    // ∂f/∂μ = σ z² = σ f/a.
    let added = with.gradient()[0] - without.gradient()[0];
    assert!((added - SIGMA * with.value() / F.a()).abs() < 1e-12);
}

#[test]
fn an_explicit_gradient_that_is_not_finite_is_named() {
    let f = Parametric(
        |z: &[f64]| z[0],
        |z: &[f64], weight: f64, dtheta: &mut [f64]| {
            dtheta[1] += if z[0] > 1.5 { f64::NAN } else { weight };
        },
    );
    for error in [
        ScoreFunction::new().estimate(&normal(), &f, 1000, &mut rng(6)).unwrap_err(),
        MeasureValued::coupled().estimate(&normal(), &f, 1000, &mut rng(6)).unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::NonFiniteGradient { parameter, index: 0, .. } if parameter == "sigma"),
            "{error}"
        );
    }
}

#[test]
fn explicit_gradients_are_verified() {
    let make = |theta: &[f64]| Scaled { mu: theta[0], sigma: theta[1] };
    verify::parameter_gradient(make, &[MU, SIGMA], &[1.3]).within(1e-7).unwrap();
    // A lost weight, an overwritten row, a wrong factor.
    let broken: [fn(f64, &mut f64); 3] =
        [|_, d| *d += 1.0, |weight, d| *d = weight, |weight, d| *d += 1.001 * weight];
    for add in broken {
        let make = |theta: &[f64]| {
            let slope = theta[0];
            Parametric(
                move |_: &[f64]| slope,
                move |_: &[f64], w: f64, dtheta: &mut [f64]| add(w, &mut dtheta[0]),
            )
        };
        assert!(verify::parameter_gradient(make, &[0.5], &[0.0]).within(1e-7).is_err());
    }
}
