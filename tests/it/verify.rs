//! The verification kit: it passes what is right, names what is wrong, and has the error rates that it states.

use crate::common::rng;
use rand::Rng;
use reparam::prelude::*;
use reparam::verify::{self, UnbiasednessTest, VarianceRatioTest};
use reparam::{
    DifferentiableLogDensity, Distribution, Entropy, Layout, LogDensity, Reparameterizable, special,
};

/// A Gaussian with one thing wrong.
#[derive(Debug, Clone)]
struct Broken {
    inner: Normal<f64>,
    what: &'static str,
}

impl Broken {
    fn new(what: &'static str) -> Self {
        Self { inner: Normal::new(&[0.7, -2.0], &[0.5, 3.0]).unwrap(), what }
    }

    fn factor(&self, what: &str) -> f64 {
        if self.what == what { 1.0 + 1e-5 } else { 1.0 }
    }
}

impl Distribution<f64> for Broken {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
    fn params(&self) -> &[f64] {
        self.inner.params()
    }
    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.inner.set_params(params)
    }
    fn layout(&self) -> &Layout {
        self.inner.layout()
    }
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        self.inner.sample(rng, z);
        if self.what == "sampler" {
            z[0] += 0.05;
        }
    }
}

impl Reparameterizable<f64> for Broken {
    fn noise_dim(&self) -> usize {
        2
    }
    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [f64]) {
        self.inner.draw_noise(rng, noise);
    }
    fn transform(&self, noise: &[f64], z: &mut [f64]) {
        self.inner.transform(noise, z);
    }
    fn pullback(&self, noise: &[f64], z: &[f64], dz: &[f64], dtheta: &mut [f64]) {
        self.inner.pullback(noise, z, dz, dtheta);
        dtheta[3] *= self.factor("pullback");
    }
}

impl LogDensity<f64> for Broken {
    fn log_prob(&self, z: &[f64]) -> f64 {
        self.inner.log_prob(z)
    }
    fn score(&self, z: &[f64], score: &mut [f64]) {
        self.inner.score(z, score);
        score[1] *= self.factor("score");
        if self.what == "information" {
            // The mean is still 0.
            score[0] *= 1.2;
        }
    }
}

impl DifferentiableLogDensity<f64> for Broken {
    fn log_prob_gradient(&self, z: &[f64], dz: &mut [f64]) {
        self.inner.log_prob_gradient(z, dz);
        dz[1] *= self.factor("log_prob_gradient");
    }
}

impl Entropy<f64> for Broken {
    fn entropy(&self) -> f64 {
        self.inner.entropy()
    }
    fn entropy_gradient(&self, gradient: &mut [f64]) {
        self.inner.entropy_gradient(gradient);
        gradient[2] *= self.factor("entropy_gradient");
    }
}

#[test]
fn a_derivative_that_is_off_by_a_hundred_thousandth_is_found_and_named() {
    let (noise, z, v) = ([0.4, -1.1], [0.9, 1.3], [1.0, 0.5]);
    let all = |p: &Broken| {
        [
            ("pullback", verify::pullback(p, &noise, &v).unwrap(), "sigma", 1),
            ("score", verify::score(p, &z).unwrap(), "mu", 1),
            ("log_prob_gradient", verify::log_prob_gradient(p, &z).unwrap(), "z", 1),
            ("entropy_gradient", verify::entropy_gradient(p), "sigma", 0),
        ]
    };
    for what in ["nothing", "pullback", "score", "log_prob_gradient", "entropy_gradient"] {
        for (check, comparisons, name, index) in all(&Broken::new(what)) {
            let worst = comparisons.worst().unwrap();
            if check == what {
                let mismatch = comparisons.within(1e-7).unwrap_err();
                let found = (&*mismatch.comparison.name, mismatch.comparison.index);
                assert_eq!(found, (name, index), "{what}");
                assert!(mismatch.decided && (worst.relative_error() / 1e-5 - 1.0).abs() < 0.01);
            } else {
                assert_eq!(comparisons.within(1e-9), Ok(()), "{what} {check}: {worst}");
            }
        }
    }
}

#[test]
fn every_domain_is_moved_inside_itself() {
    let z = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let probs = Categorical::from_probs(&[0.2, 0.3, 0.5, 1e-6, 0.4, 0.6 - 1e-6], 3).unwrap();
    verify::score(&probs, &z).unwrap().within(1e-7).unwrap();
    verify::entropy_gradient(&probs).within(1e-7).unwrap();
    verify::score(&Bernoulli::from_probs(&[0.01, 0.99]).unwrap(), &[1.0, 0.0]).unwrap().within(1e-7).unwrap();
    verify::pullback(&Uniform::new(&[-1.0], &[-1.0 + 1e-6]).unwrap(), &[0.2], &[1.0])
        .unwrap()
        .within(1e-7)
        .unwrap();
    for shape in [1e-6, 0.3, 1.0, 1e6] {
        verify::score(&LogGamma::from_rate(&[shape], &[3.0]).unwrap(), &[-0.5])
            .unwrap()
            .within(1e-6)
            .unwrap();
    }
    let (p, q) = (Beta::new(&[0.4], &[3.0]).unwrap(), Beta::new(&[1.5], &[2.0]).unwrap());
    verify::kl_gradient(&p, &q).unwrap().within(1e-7).unwrap();
}

#[test]
fn an_implicit_pullback_is_judged_by_the_distribution_function() {
    for (z, alpha, beta) in [(0.01, 0.4, 2.0), (0.6, 3.0, 1.5), (0.999, 8.0, 0.3)] {
        let p = Beta::new(&[alpha], &[beta]).unwrap();
        let cdf = |p: &Beta<f64>, z: f64| special::beta_cdf(z, p.alpha()[0], p.beta()[0]);
        verify::implicit_pullback(&p, z, cdf).unwrap().within(1e-7).unwrap();
        // Another distribution's function is found out.
        let other = |p: &Beta<f64>, z: f64| special::beta_cdf(z, p.alpha()[0] + 0.01, p.beta()[0]);
        assert!(verify::implicit_pullback(&p, z, other).unwrap().within(1e-4).is_err());
    }
    let two = Beta::new(&[1.0, 1.0], &[1.0, 1.0]).unwrap();
    assert!(matches!(verify::implicit_pullback(&two, 0.5, |_, _| 0.0), Err(Error::Length { .. })));
}

#[test]
fn what_cannot_be_decided_is_not_a_success() {
    let step = |z: &[f64]| f64::from(z[0] > 0.5);
    let f = (step, move |z: &[f64], dz: &mut [f64]| {
        dz[0] = 0.0;
        step(z)
    });
    let mismatch = verify::objective_gradient(&f, &[0.5]).within(1e-7).unwrap_err();
    assert!(!mismatch.decided, "{mismatch}");
    assert!(mismatch.to_string().contains("not decided"));
    // Value and gradient of the pair must belong together.
    let apart = (
        |z: &[f64]| z[0],
        |_: &[f64], dz: &mut [f64]| {
            dz[0] = 1.0;
            7.0
        },
    );
    let mismatch = verify::objective_gradient(&apart, &[2.0]).within(1e-7).unwrap_err();
    assert_eq!(&*mismatch.comparison.name, "value");
}

#[test]
fn wrong_lengths_are_errors() {
    let p = Normal::new(&[0.0, 0.0], &[1.0, 1.0]).unwrap();
    assert!(matches!(verify::pullback(&p, &[0.0], &[1.0, 1.0]), Err(Error::Length { .. })));
    assert!(matches!(verify::pullback(&p, &[0.0, 0.0], &[1.0]), Err(Error::Length { .. })));
    assert!(matches!(verify::score(&p, &[0.0]), Err(Error::Length { .. })));
    assert!(matches!(verify::log_prob_gradient(&p, &[0.0; 3]), Err(Error::Length { .. })));
    let test = UnbiasednessTest::new(0.01, 0.01).unwrap();
    let run = test.run(&mut ScoreFunction::new(), &p, &|z: &[f64]| z[0], &[0.0], 100, &mut rng(1));
    assert!(matches!(run, Err(Error::Length { .. })));
    let one = ScoreFunction::new().estimate(&p, &|z: &[f64]| z[0], 1, &mut rng(1)).unwrap();
    assert!(matches!(test.judge(&one, &[0.0; 4]), Err(Error::Option { option: "samples", .. })));
    assert!(matches!(UnbiasednessTest::new(0.0, 0.1), Err(Error::Option { option: "false_alarm", .. })));
    assert!(matches!(UnbiasednessTest::new(0.1, 0.5), Err(Error::Option { option: "missed", .. })));
    let f = |z: &[f64]| z[0];
    let (a, b) = (&mut ScoreFunction::new(), &mut ScoreFunction::new());
    let small = VarianceRatioTest { batches: 10, samples: 10, level: 0.9 };
    assert!(small.run(a, b, &p, &f, &mut rng(1)).is_ok());
    for (test, name) in [
        (VarianceRatioTest { batches: 1, ..small }, "batches"),
        (VarianceRatioTest { samples: 1, ..small }, "samples"),
        (VarianceRatioTest { level: 1.0, ..small }, "level"),
    ] {
        let refused = test.run(a, b, &p, &f, &mut rng(1));
        assert!(matches!(refused, Err(Error::Option { option, .. }) if option == name), "{name}");
    }
}

#[test]
fn the_score_identities_hold_and_their_breaches_are_seen() {
    // A right score fails at 1e-4 once in 10,000 runs; the seeds are fixed.
    let right = verify::score_identities(&Broken::new("nothing"), 20_000, &mut rng(1)).unwrap();
    assert!(right.p_value() > 1e-4, "{}", right.p_value());
    // The information of a Gaussian: 1/σ² and 2/σ², no cross terms; in 5 standard errors, which are √2/√n and √14/√n of them.
    for (i, exact) in [4.0, 1.0 / 9.0, 8.0, 2.0 / 9.0].into_iter().enumerate() {
        assert!((right.information[5 * i] / exact - 1.0).abs() < 5.0 * (14.0f64 / 20_000.0).sqrt());
    }
    for what in ["sampler", "information"] {
        let wrong = verify::score_identities(&Broken::new(what), 20_000, &mut rng(1)).unwrap();
        assert!(wrong.p_value() < 1e-6, "{what}: {}", wrong.p_value());
    }
    let probs = Categorical::from_probs(&[0.2, 0.3, 0.5], 3).unwrap();
    let simplex = verify::score_identities(&probs, 20_000, &mut rng(2)).unwrap();
    assert!(simplex.p_value() > 1e-4, "{}", simplex.p_value());
    for identities in [
        verify::score_identities(&StudentT::new(&[3.0], &[0.5], &[2.0]).unwrap(), 20_000, &mut rng(3)),
        verify::score_identities(&Gamma::from_rate(&[0.5], &[2.0]).unwrap(), 20_000, &mut rng(4)),
        verify::score_identities(&Dirichlet::new(&[0.5, 2.0, 1.0], 3).unwrap(), 20_000, &mut rng(5)),
        verify::score_identities(&Poisson::new(&[0.4, 7.0]).unwrap(), 20_000, &mut rng(6)),
    ] {
        let identities = identities.unwrap();
        assert!(identities.p_value() > 1e-4, "{identities:?}");
    }
    let pareto = Pareto::new(&[1.0], &[2.0]).unwrap();
    let error = verify::score_identities(&pareto, 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::SupportDependsOnParameter { parameter: "scale".into() });
    let none = verify::score_identities(&probs, 0, &mut rng(1));
    assert_eq!(none, Err(Error::ZeroSamples));
}

/// Two gammas that are normalised: the Dirichlet's transform differentiated with one of the two derivatives of the gamma forgotten.
#[derive(Debug, Clone)]
struct WrongField(Beta<f64>);

impl Distribution<f64> for WrongField {
    fn dim(&self) -> usize {
        1
    }
    fn params(&self) -> &[f64] {
        self.0.params()
    }
    fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        self.0.set_params(params)
    }
    fn layout(&self) -> &Layout {
        self.0.layout()
    }
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, z: &mut [f64]) {
        self.0.sample(rng, z);
    }
}

impl Reparameterizable<f64> for WrongField {
    fn noise_dim(&self) -> usize {
        1
    }
    fn draw_noise<R: Rng + ?Sized>(&self, rng: &mut R, noise: &mut [f64]) {
        self.0.draw_noise(rng, noise);
    }
    fn transform(&self, noise: &[f64], z: &mut [f64]) {
        self.0.transform(noise, z);
    }
    fn pullback(&self, noise: &[f64], z: &[f64], dz: &[f64], dtheta: &mut [f64]) {
        self.0.pullback(noise, z, dz, dtheta);
        dtheta[0] += 1e-3 * z[0] * dz[0];
    }
}

impl LogDensity<f64> for WrongField {
    fn log_prob(&self, z: &[f64]) -> f64 {
        self.0.log_prob(z)
    }
    fn score(&self, z: &[f64], score: &mut [f64]) {
        self.0.score(z, score);
    }
}

#[test]
fn a_field_that_does_not_transport_the_density_is_found() {
    let beta = Beta::new(&[0.6], &[2.5]).unwrap();
    let identity = |x: &[f64], z: &mut [f64]| z.copy_from_slice(x);
    for x in [0.01, 0.3, 0.9] {
        verify::continuity(&beta, &[x], identity).unwrap().within(1e-6).unwrap();
        let wrong = verify::continuity(&WrongField(beta.clone()), &[x], identity).unwrap();
        let mismatch = wrong.within(1e-6).unwrap_err();
        assert!(mismatch.decided && &*mismatch.comparison.name == "alpha");
    }
    let too_many = verify::continuity(&beta, &[0.1, 0.2], |_, z| z[0] = 0.5);
    assert!(matches!(too_many, Err(Error::Length { .. })));
}

#[test]
fn the_unbiasedness_test_has_the_error_rates_that_it_states() {
    // f = z² under N(1, ½²): the gradient is (2, 1). 4,000 tests at α = 0.02, and as many against a gradient that is off by the bias which each
    // says it misses with probability 0.05.
    let normal = Normal::new(&[1.0], &[0.5]).unwrap();
    let f = |z: &[f64]| z[0] * z[0];
    let test = UnbiasednessTest::new(0.02, 0.05).unwrap();
    let (mut rng, runs) = (rng(7), 4000);
    let (mut alarms, mut missed) = (0.0, 0.0);
    for _ in 0..runs {
        let estimate = ScoreFunction::new().estimate(&normal, &f, 2000, &mut rng).unwrap();
        let fair = test.judge(&estimate, &[2.0, 1.0]).unwrap();
        alarms += f64::from(!fair.passes());
        assert_eq!(fair.passes(), fair.p_value() > 0.02);
        let biased = test.judge(&estimate, &[2.0 + fair.detectable_bias[0], 1.0]).unwrap();
        missed += f64::from(!biased.biased().any(|i| i == 0));
    }
    // Bonferroni is cautious by little for two parameters; four standard errors of a count, and the skewness of 2,000 products.
    let within = |count: f64, rate: f64| {
        (count / f64::from(runs) - rate).abs() < 4.0 * (rate / f64::from(runs)).sqrt() + 0.15 * rate
    };
    assert!(within(alarms, 0.02), "alarms {alarms}");
    assert!(within(missed, 0.05), "missed {missed}");

    // The plan and the report agree: so many gradient samples see that bias.
    let variance = ScoreFunction::new().estimate(&normal, &f, 100_000, &mut rng).unwrap().variance()[0];
    let samples = test.samples_for(0.1, variance, 2).unwrap();
    let estimate = ScoreFunction::new().estimate(&normal, &f, samples as usize, &mut rng).unwrap();
    let detectable = test.judge(&estimate, &[2.0, 1.0]).unwrap().detectable_bias[0];
    assert!((detectable / 0.1 - 1.0).abs() < 0.1, "{detectable}");
    assert!(test.samples_for(0.0, 1.0, 1).is_err());
}

#[test]
fn an_estimator_without_variance_is_right_or_wrong() {
    let normal = Normal::new(&[1.0], &[0.5]).unwrap();
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz[0] = 3.0;
        }
        3.0 * z[0]
    });
    let test = UnbiasednessTest::new(1e-9, 1e-3).unwrap();
    let right = test.run(&mut Pathwise, &normal, &f, &[3.0, 0.0], 1000, &mut rng(1)).unwrap();
    assert!(right.passes());
    let wrong = test.run(&mut Pathwise, &normal, &f, &[3.000_001, 0.0], 1000, &mut rng(1)).unwrap();
    assert_eq!(wrong.biased().collect::<Vec<_>>(), [0]);
}

#[test]
fn the_interval_of_a_variance_ratio_covers_the_exact_one_as_often_as_it_says() {
    // f = z under N(0, 1), score function for μ and σ: no baseline 2 + 10 (z² and z³ − z), constant b adds b² (1 + 2).
    let normal = Normal::new(&[0.0], &[1.0]).unwrap();
    let f = |z: &[f64]| z[0];
    let exact = 12.0 / 15.0;
    let mut covered = 0;
    let mut rng = rng(3);
    for _ in 0..200 {
        let mut shifted = ScoreFunction::new().with_baseline(Baseline::Constant(1.0));
        let test = VarianceRatioTest { batches: 16, samples: 2000, level: 0.9 };
        let ratio = test.run(&mut ScoreFunction::new(), &mut shifted, &normal, &f, &mut rng).unwrap();
        assert_eq!(ratio.evaluations, 1.0);
        covered += i32::from(ratio.allows(exact));
    }
    // 180 expected; four standard errors are 17. The interval is cautious, and heavy tails make it less so.
    assert!((163..=200).contains(&covered), "{covered}");
}

#[test]
fn a_verdict_reads_as_a_sentence() {
    let p = Normal::new(&[0.0], &[1.0]).unwrap();
    let test = UnbiasednessTest::new(1e-3, 1e-3).unwrap();
    let estimate = ScoreFunction::new().estimate(&p, &|z: &[f64]| z[0], 1000, &mut rng(1)).unwrap();
    let right = test.judge(&estimate, &[1.0, 0.0]).unwrap();
    assert!(
        right.to_string().starts_with("no bias seen: 1000 gradient samples, 2 parameters, p = "),
        "{right}"
    );
    let wrong = test.judge(&estimate, &[2.0, 0.0]).unwrap();
    let text = wrong.to_string();
    assert!(text.starts_with("BIASED") && text.contains("\n  parameter 0: off by -"), "{text}");
    assert!(!text.contains("parameter 1:"), "{text}");
}
