//! Rules as objects, rules that fail, objectives that depend on θ, and draws that carry what squashing has rounded away.

use crate::common::rng;
use reparam::bijections::{SigmoidMap, TanhMap};
use reparam::prelude::*;
use reparam::{Block, BlockRng, BlockShape, Distribution, Draws, DrawsMut, Engine, Evaluator, LogDensity};
use reparam::{DifferentiableLogDensity, Estimate, Reparameterizable};

type Rule<F> = Box<dyn GradientEstimator<f64, Normal<f64>, F> + Sync>;

fn rules<F: DifferentiableObjective<f64>>() -> Vec<(&'static str, Rule<F>)> {
    vec![
        ("pathwise", Box::new(Pathwise)),
        ("leave-one-out", Box::new(ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 }))),
        ("measure-valued", Box::new(MeasureValued::coupled())),
        ("antithetic", Box::new(Pathwise.over(Antithetic))),
        ("Sobol", Box::new(ScoreFunction::new().over(ScrambledSobol::base2(4)))),
        ("bound", Box::new(Elbo::analytic())),
    ]
}

#[test]
fn a_boxed_rule_gives_the_bits_of_the_rule() {
    let normal = Normal::new(&[0.3, -1.0], &[0.5, 2.0]).unwrap();
    let f = (
        |z: &[f64]| z[0] * z[1],
        |z: &[f64], dz: &mut [f64]| {
            dz.copy_from_slice(&[z[1], z[0]]);
            z[0] * z[1]
        },
    );
    let mut engine = Engine::new();
    for (name, mut rule) in rules() {
        let boxed = rule.estimate(&normal, &f, 500, &mut rng(3)).unwrap();
        let kept = engine.estimate(&mut *rule, &normal, &f, 500, &mut rng(3)).unwrap();
        assert_eq!(&boxed, kept, "{name}");
        #[cfg(feature = "rayon")]
        assert_eq!(boxed, rule.par_estimate(&normal, &f, 500, &mut rng(3)).unwrap(), "{name}");
        let plain = match name {
            "pathwise" => Pathwise.estimate(&normal, &f, 500, &mut rng(3)),
            "measure-valued" => MeasureValued::coupled().estimate(&normal, &f, 500, &mut rng(3)),
            _ => continue,
        };
        assert_eq!(boxed, plain.unwrap(), "{name}");
    }
}

/// Fails at one gradient sample, and before it, if asked to, gives a NaN.
#[derive(Clone, Default)]
struct Failing {
    at: u64,
    nan_at: Option<u64>,
    updated: bool,
}

impl<F: Objective<f64>> GradientEstimator<f64, Normal<f64>, F> for Failing {
    fn shape(&self, _: &Normal<f64>) -> BlockShape {
        BlockShape::of_own_draws(1).with_statistics(1)
    }

    fn gradient_samples(
        &self,
        p: &Normal<f64>,
        f: Evaluator<'_, F>,
        block: Block<'_, f64>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        assert_eq!(f.samples(), block.first..block.first + block.samples as u64);
        p.sample(rng, block.z);
        f.value_block(block.z, p.dim(), block.values);
        p.score_block(Draws::of(block.z), block.gradients);
        for i in 0..block.samples {
            let sample = block.first + i as u64;
            assert_eq!(f.sample(i).samples(), sample..sample + 1);
            if Some(sample) == self.nan_at {
                block.gradients[i * p.params().len()] = f64::NAN;
            }
            if sample == self.at {
                return Err(Error::Estimator { sample, what: "out of luck".into() });
            }
        }
        Ok(())
    }

    fn update(&mut self, _: reparam::Statistics<'_>) {
        self.updated = true;
    }
}

#[test]
fn a_rule_that_fails_in_the_middle_of_a_block_ends_the_estimate_with_its_error() {
    let normal = Normal::new(&[0.0], &[1.0]).unwrap();
    let f = |z: &[f64]| z[0];
    for at in [0, 100, 4_321, 99_999] {
        let failed = Error::Estimator { sample: at, what: "out of luck".into() };
        let mut rule = Failing { at, ..Failing::default() };
        assert_eq!(rule.estimate(&normal, &f, 100_000, &mut rng(1)).unwrap_err(), failed);
        let mut engine = Engine::new().with_callers_generator();
        assert_eq!(engine.estimate(&mut rule, &normal, &f, 100_000, &mut rng(1)).unwrap_err(), failed);
        #[cfg(feature = "rayon")]
        assert_eq!(rule.par_estimate(&normal, &f, 100_000, &mut rng(1)).unwrap_err(), failed);
        assert!(!rule.updated, "nothing is learned from a call that failed");
        assert_eq!(failed.to_string(), format!("gradient sample {at}: out of luck"));
        // The engine is as good as new.
        let kept = engine.estimate(&mut ScoreFunction::new(), &normal, &f, 100, &mut rng(2)).unwrap();
        let mut other = Engine::new().with_callers_generator();
        assert_eq!(kept, other.estimate(&mut ScoreFunction::new(), &normal, &f, 100, &mut rng(2)).unwrap());
    }
    // What was wrong first is what is named: also within a block.
    let mut rule = Failing { at: 50_000, nan_at: Some(20), ..Failing::default() };
    let error = rule.estimate(&normal, &f, 100_000, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::NonFiniteGradient { sample: 20, .. }), "{error}");
    let mut rule = Failing { at: 3_000, nan_at: Some(3_001), ..Failing::default() };
    let error = rule.estimate(&normal, &f, 100_000, &mut rng(1)).unwrap_err();
    assert!(matches!(error, Error::Estimator { sample: 3_000, .. }), "{error}");
}

/// At fixed noise a plain gradient sample of the bound is the derivative of `ln 1/K Σ exp(f_θ(zₖ) − ln q_θ(zₖ))`, draw by draw from a
/// point set of its own, with the explicit derivative of f weighted as the draws count.
#[test]
fn a_bound_over_stored_noise_is_the_one_of_its_draws_and_its_gradient_the_derivative() {
    let (draws, samples, points) = (3, 10, 4);
    let at = |mu: f64| Normal::new(&[mu], &[0.8]).unwrap();
    let f = |mu: f64| {
        Parametric(
            (
                move |z: &[f64]| -mu * z[0] * z[0],
                move |z: &[f64], dz: &mut [f64]| {
                    dz[0] = -2.0 * mu * z[0];
                    -mu * z[0] * z[0]
                },
            ),
            |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] -= weight * z[0] * z[0],
        )
    };
    let source = Independent::new(points);
    let noise = Replay::record_from(&source, &at(0.6), samples * draws, &mut rng(9));
    let run = |mu: f64| {
        let mut rule = ImportanceWeighted::plain(draws).over(noise.clone());
        rule.estimate(&at(mu), &f(mu), samples, &mut rng(1)).unwrap()
    };
    let estimate = run(0.6);
    let mut bounds = 0.0;
    for sample in 0..samples {
        for point in 0..points {
            let ratio = |draw: usize| {
                let e = noise.noise()[(sample * draws + draw) * points + point];
                let z = 0.6 + 0.8 * e;
                -0.6 * z * z + 0.5 * e * e + 0.8f64.ln() + 0.5 * std::f64::consts::TAU.ln()
            };
            let mean = (0..draws).map(|draw| ratio(draw).exp()).sum::<f64>() / draws as f64;
            bounds += mean.ln() / (samples * points) as f64;
        }
    }
    assert!((estimate.value() - bounds).abs() < 1e-13, "{} {bounds}", estimate.value());
    let h = 1e-5;
    let slope = (run(0.6 + h).value() - run(0.6 - h).value()) / (2.0 * h);
    assert!((estimate.gradient()[0] - slope).abs() < 1e-8, "{} {slope}", estimate.gradient()[0]);
    assert!(matches!(
        ImportanceWeighted::plain(draws).over(noise).estimate(&at(0.6), &f(0.6), samples + 1, &mut rng(1)),
        Err(Error::Length { .. })
    ));
}

/// The score function of somebody who does not say what the rows are.
struct Silent;

impl<F: Objective<f64>> GradientEstimator<f64, Normal<f64>, F> for Silent {
    fn shape(&self, _: &Normal<f64>) -> BlockShape {
        BlockShape::of_draws(1)
    }

    fn gradient_samples(
        &self,
        p: &Normal<f64>,
        f: Evaluator<'_, F>,
        block: Block<'_, f64>,
        rng: &mut BlockRng<'_>,
    ) -> Result<(), Error> {
        ScoreFunction::new().gradient_samples(p, f, block, rng)
    }
}

#[test]
fn an_explicit_gradient_is_added_or_refused_and_never_forgotten() {
    let normal = Normal::new(&[1.5], &[0.5]).unwrap();
    let f = Parametric(
        |z: &[f64]| 1.5 * z[0],
        |z: &[f64], weight: f64, dtheta: &mut [f64]| dtheta[0] += weight * z[0],
    );
    assert_eq!(Silent.estimate(&normal, &f, 100, &mut rng(1)), Err(Error::ExplicitGradient));
    assert!(Silent.estimate(&normal, &|z: &[f64]| z[0], 100, &mut rng(1)).is_ok());
    // E[μ z] = μ²: with the explicit term 2μ = 3, five standard errors.
    let estimate = ScoreFunction::new().estimate(&normal, &f, 20_000, &mut rng(1)).unwrap();
    assert!((estimate.gradient()[0] - 3.0).abs() < 5.0 * estimate.standard_error()[0]);
}

#[test]
fn a_moving_average_can_be_given_its_start() {
    let normal = Normal::new(&[3.0], &[1.0]).unwrap();
    let f = |z: &[f64]| z[0];
    let moving = ScoreFunction::new().with_baseline(Baseline::MovingAverage { decay: 0.9 });
    let mut started = moving.clone().with_learned(&[3.0]).unwrap();
    assert_eq!(started.learned(), [3.0]);
    let constant = ScoreFunction::new().with_baseline(Baseline::Constant(3.0));
    let found = started.estimate(&normal, &f, 100, &mut rng(1)).unwrap();
    assert_eq!(found, constant.clone().estimate(&normal, &f, 100, &mut rng(1)).unwrap());
    assert_eq!(started.learned(), [0.9 * 3.0 + (1.0 - 0.9) * found.value()]);
    assert!(matches!(moving.clone().with_learned(&[]), Err(Error::Length { .. })));
    assert!(matches!(moving.with_learned(&[f64::NAN]), Err(Error::Option { .. })));
}

#[test]
fn leave_one_out_over_dependent_points_is_refused() {
    let normal = Normal::new(&[0.0], &[1.0]).unwrap();
    let baseline = Baseline::LeaveOneOut { draws: 2 };
    let mut rule = ScoreFunction::new().with_baseline(baseline).over(Antithetic);
    let refused = rule.estimate(&normal, &|z: &[f64]| z[0], 10, &mut rng(1));
    assert!(matches!(refused, Err(Error::Option { .. })), "{refused:?}");
}

/// The score function of a squashed normal in f32, where half of the draws are 1 to the last bit. Right values by quadrature of
/// `E[f(tanh x) s(x)]`; five standard errors.
#[test]
fn a_saturated_draw_has_the_score_of_what_it_was_before() {
    let squashed = |mu: &[f32], sigma: &[f32]| {
        Transformed::new(Normal::new(mu, sigma).unwrap(), TanhMap::new(mu.len()).unwrap()).unwrap()
    };
    let p = squashed(&[5.0], &[3.0]);
    let f = |z: &[f32]| z[0];
    for baseline in [Baseline::None, Baseline::LeaveOneOut { draws: 4 }, Baseline::Optimal] {
        let mut rule = ScoreFunction::new().with_baseline(baseline);
        let found = rule.estimate(&p, &f, 200_000, &mut rng(1)).unwrap();
        for (found, (error, exact)) in
            found.gradient().iter().zip(found.standard_error().iter().zip([0.0712f64, -0.1088]))
        {
            assert!((f64::from(*found) - exact).abs() < 5.0 * error + 1e-4, "{found} ± {error}, {exact}");
        }
    }
    // The other coordinate is saturated nearly always: its row counts all the same.
    let p = squashed(&[9.5, 0.0], &[0.5, 1.0]);
    let mut rule = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let found = rule.estimate(&p, &|z: &[f32]| z[1], 100_000, &mut rng(2)).unwrap();
    let (gradient, error) = (f64::from(found.gradient()[1]), found.standard_error()[1]);
    assert!((gradient - 0.6057).abs() < 5.0 * error + 1e-4, "{gradient} ± {error}");
}

/// Density, score and slope of saturated draws in f64, through wrappers and joints, against those of the base and the exact volume.
#[test]
fn wrappers_and_joints_hand_the_preimage_through() {
    let squashed =
        |mu: f64| Transformed::new(Normal::new(&[mu], &[1.5]).unwrap(), SigmoidMap::new(1).unwrap()).unwrap();
    let joint = Product::new(squashed(60.0), Unconstrained::new(squashed(-2.0)).unwrap());
    assert_eq!(joint.preimage_dim(), 2);
    let mut noise = vec![0.0; 8];
    let (mut z, mut preimage) = (vec![0.0; 8], vec![0.0; 8]);
    joint.draw_block(&mut rng(4), &mut noise, DrawsMut { z: &mut z, preimage: &mut preimage });
    let draws = Draws { z: &z, preimage: &preimage };
    let (mut log_probs, mut scores, mut slopes) = ([0.0; 4], vec![0.0; 16], vec![0.0; 8]);
    joint.log_prob_block(draws, &mut log_probs);
    joint.score_block(draws, &mut scores);
    joint.log_prob_gradient_block(draws, &mut slopes);
    for (row, x) in preimage.chunks(2).enumerate() {
        assert_eq!(z[2 * row], 1.0, "saturated");
        let ln_normal = |x: f64, mu: f64| {
            -0.5 * ((x - mu) / 1.5).powi(2) - 1.5f64.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
        };
        // ln σ′(x) = −x − 2 ln(1 + e^−x), from either end.
        let ln_slope = |x: f64| -x.abs() - 2.0 * (-x.abs()).exp().ln_1p();
        let exact = ln_normal(x[0], 60.0) - ln_slope(x[0]) + ln_normal(x[1], -2.0) - ln_slope(x[1]);
        assert!((log_probs[row] / exact - 1.0).abs() < 1e-13, "{} {exact}", log_probs[row]);
        let e = [(x[0] - 60.0) / 1.5, (x[1] + 2.0) / 1.5];
        let exact = [e[0] / 1.5, (e[0] * e[0] - 1.0) / 1.5, e[1] / 1.5, e[1] * e[1] - 1.0];
        for (found, exact) in scores[4 * row..].iter().zip(exact) {
            assert!((found - exact).abs() < 1e-12 * (1.0 + exact.abs()), "{found} {exact}");
        }
        // ∂ ln p/∂z = (∂ ln p/∂x − ∂ ln σ′/∂x)/σ′(x).
        let exact = (-e[0] / 1.5 + (0.5 * x[0]).tanh()) * (-ln_slope(x[0])).exp();
        assert!((slopes[2 * row] / exact - 1.0).abs() < 1e-10, "{} {exact}", slopes[2 * row]);
    }
}

#[test]
fn estimates_are_shown_in_plain_numbers_where_they_are_of_ordinary_size() {
    let normal = Normal::new(&[2.0], &[1e-9]).unwrap();
    let f = (
        |z: &[f64]| 3.0 * z[0],
        |_: &[f64], dz: &mut [f64]| {
            dz[0] = 3.0;
            6.0
        },
    );
    let estimate = Pathwise.estimate(&normal, &f, 100, &mut rng(1)).unwrap();
    let text = format!("{estimate:.2}");
    assert!(text.contains("E[f] = 6.00 ± 0.00") && text.contains("mu[0]"), "{text}");
    assert!(format!("{estimate:.2e}").contains("E[f] = 6.00e0 ± 0.00e0"), "{estimate:.2e}");
}
