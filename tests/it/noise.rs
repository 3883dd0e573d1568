//! Noise from uniforms and its mirror image, and the sources of noise: replay, independent points, point sets made in parts.

use crate::common::gaussian::TABLE as GAUSSIAN;
use crate::common::uniformity::two_sample_kolmogorov;
use crate::common::{Table, rng, sample_batches};
use reparam::prelude::*;
use reparam::{NoiseSource, Probability, Real, UniformNoise};

/// Signed tails from the smallest that noise is made of to 1/2, on both sides.
fn tails() -> Vec<f64> {
    let sizes =
        [1e-300, 1e-100, 1e-30, 1e-17, 1e-12, 1e-6, 1e-3, 0.02, 0.1, 0.25, 0.36, 0.4, 0.49, 0.499_999, 0.5];
    sizes.iter().flat_map(|&size| [size, -size]).collect()
}

fn noise_of<D: UniformNoise<f64>>(distribution: &D, tail: f64) -> f64 {
    let mut noise = [tail];
    distribution.noise_from_uniforms(&mut noise);
    noise[0]
}

#[test]
fn normal_noise_is_the_normal_quantile_in_both_tails() {
    let normal = Normal::new(&[3.0], &[2.0]).unwrap();
    let log_normal = LogNormal::new(&[3.0], &[2.0]).unwrap();
    let mut rows = 0;
    for row in Table::parse(include_str!("../data/special.csv")).rows() {
        if row.text("function") != "normal_quantile" {
            continue;
        }
        let (u, expected) = (row.number("x"), row.number("value"));
        for found in [noise_of(&normal, u), -noise_of(&normal, -u), noise_of(&log_normal, u)] {
            assert!((found - expected).abs() <= 2e-15 * expected.abs(), "{u}: {found} {expected}");
        }
        rows += 1;
    }
    assert_eq!(rows, 16);
}

#[test]
fn gumbel_noise_returns_its_probability_in_both_tails() {
    let relaxed = GumbelSoftmax::new(&[0.0], 1, 1.0).unwrap();
    for tail in tails() {
        let g = noise_of(&relaxed, tail);
        // F(g) = exp(−e^(−g)), so −ln u is e^(−g).
        let expected = -Probability::from_tail(tail).ln_lower();
        let error = ((-g).exp() - expected).abs() / expected;
        assert!(error < 1e-15 * (2.0 + g.abs()), "{tail}: {g}, relative error {error:e}");
    }
}

#[test]
fn logistic_noise_returns_its_probability_in_both_tails() {
    let bit = BinaryConcrete::new(&[0.0], 1.0).unwrap();
    for tail in tails() {
        let l = noise_of(&bit, tail);
        let size = reparam::special::sigmoid(-l.abs());
        assert!((size / tail.abs() - 1.0).abs() < 1e-15 * (2.0 + l.abs()), "{tail}: {l}");
        assert!(l == 0.0 || (l < 0.0) == (tail > 0.0));
    }
}

#[test]
fn inverse_transform_noise_is_the_uniforms() {
    let uniform = Uniform::new(&[0.0], &[1.0]).unwrap();
    for tail in tails() {
        assert_eq!(noise_of(&uniform, tail), tail);
    }
}

/// `reflect` of the noise of u against the noise of 1 − u.
fn check_reflection<D: UniformNoise<f64>>(distribution: &D) {
    let dim = distribution.noise_dim();
    let tails = tails();
    for start in 0..tails.len() {
        // Every coordinate gets another tail; two rows at once.
        let row: Vec<f64> = (0..2 * dim).map(|i| tails[(start + 7 * i) % tails.len()]).collect();
        let (mut found, mut expected) = (row.clone(), row.iter().map(|e| -e).collect::<Vec<_>>());
        distribution.noise_from_uniforms(&mut found);
        distribution.reflect(&mut found);
        distribution.noise_from_uniforms(&mut expected);
        for ((found, expected), tail) in found.iter().zip(&expected).zip(&row) {
            assert!(
                (found - expected).abs() <= 4e-15 * expected.abs().max(1.0),
                "{tail}: {found} {expected}"
            );
        }
    }
}

#[test]
fn the_mirror_image_of_noise_is_the_noise_of_the_mirrored_uniform() {
    check_reflection(&Normal::new(&[1.0, 2.0], &[0.5, 3.0]).unwrap());
    check_reflection(&LogNormal::new(&[1.0], &[0.5]).unwrap());
    check_reflection(&Weibull::new(&[0.5], &[1.5]).unwrap());
    check_reflection(&BinaryConcrete::new(&[0.3, 0.1], 0.5).unwrap());
    check_reflection(&GumbelSoftmax::new(&[0.3, 0.1, 2.0], 3, 0.5).unwrap());
    check_reflection(&ExpConcrete::new(&[0.3, 0.1, 2.0], 3, 0.5).unwrap());
    let joint = Product::new(
        GumbelSoftmax::new(&[0.3, 0.1, 2.0], 3, 0.5).unwrap(),
        Normal::new(&[1.0, 2.0], &[0.5, 3.0]).unwrap(),
    );
    check_reflection(&joint);
    check_reflection(&Unconstrained::new(joint).unwrap());
}

#[test]
fn a_reflected_gumbel_is_finite_where_its_exponential_underflows() {
    // u = exp(−e^7): 1 − u is 1 to the last digit and its Gumbel variate is e^7.
    let relaxed = GumbelSoftmax::new(&[0.0], 1, 1.0).unwrap();
    let mut noise = [-7.0f64];
    relaxed.reflect(&mut noise);
    assert_eq!(noise, [7.0f64.exp()]);
    let mut single = [-7.0f32];
    GumbelSoftmax::new(&[0.0f32], 1, 1.0).unwrap().reflect(&mut single);
    assert_eq!(single, [7.0f32.exp()]);
}

fn check_law<T: Real, D: UniformNoise<T>>(distribution: &D, seed: u64) {
    let (n, dim) = (20_000, distribution.noise_dim());
    let mut rng = rng(seed);
    let mut drawn = vec![T::zero(); n * dim];
    distribution.draw_noise(&mut rng, &mut drawn);
    let mut made: Vec<T> = (0..n * dim).map(|_| T::signed_tail(&mut rng)).collect();
    distribution.noise_from_uniforms(&mut made);
    let mut mirrored = made.clone();
    distribution.reflect(&mut mirrored);
    for column in 0..dim {
        let take = |noise: &[T]| noise.iter().skip(column).step_by(dim).map(|e| e.f64()).collect::<Vec<_>>();
        for other in [&made, &mirrored] {
            // P(statistic > 2.4) = 2 e^(−2 · 2.4²) = 2e-5; about 20 comparisons.
            let statistic = two_sample_kolmogorov(take(&drawn), take(other));
            assert!(statistic < 2.4, "column {column}: {statistic}");
        }
    }
}

#[test]
fn noise_from_uniforms_and_its_mirror_image_have_the_law_of_drawn_noise() {
    check_law(&Normal::new(&[1.0], &[0.5]).unwrap(), 1);
    check_law(&Normal::new(&[1.0f32], &[0.5]).unwrap(), 2);
    check_law(&LogNormal::new(&[1.0], &[0.5]).unwrap(), 3);
    check_law(&Cauchy::new(&[1.0], &[0.5]).unwrap(), 4);
    check_law(&BinaryConcrete::new(&[0.3], 0.5).unwrap(), 5);
    check_law(&GumbelSoftmax::new(&[0.3f32, 0.1], 2, 0.5).unwrap(), 6);
    let normal = Normal::new(&[1.0], &[0.5]).unwrap();
    let relaxed = GumbelSoftmax::new(&[0.3, 0.1], 2, 0.5).unwrap();
    check_law(&Unconstrained::new(Product::new(normal, relaxed)).unwrap(), 7);
}

fn square() -> impl DifferentiableObjective<f64> {
    Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz.iter_mut().zip(z).for_each(|(dz, z)| *dz = 2.0 * z);
        }
        z.iter().map(|z| z * z).sum()
    })
}

#[test]
fn one_independent_point_is_as_good_as_the_plain_pathwise_estimator() {
    // The bits differ: noise is drawn in pieces of other lengths. Mean and variance do not; 8 comparisons, 4 standard errors.
    let normal = Normal::new(&[1.0, -2.0], &[0.5, 0.1]).unwrap();
    let plain = sample_batches(&mut Pathwise, &normal, &square(), 2000, 1);
    let over = sample_batches(&mut Pathwise.over(Independent::default()), &normal, &square(), 2000, 2);
    for i in 0..4 {
        let error = ((plain.variance[i] + over.variance[i]) / plain.samples).sqrt();
        assert!((plain.mean[i] - over.mean[i]).abs() < 4.0 * error, "mean {i}");
        let error = plain.variance_error[i].hypot(over.variance_error[i]);
        assert!((plain.variance[i] - over.variance[i]).abs() < 4.0 * error, "variance {i}");
    }
}

#[test]
fn independent_points_divide_the_variance_by_their_number() {
    let table = Table::parse(GAUSSIAN);
    let row = table
        .rows()
        .find(|row| row.text("f") == "cos" && row.number("sigma") == 1.0 && row.number("var_pw_mu") > 0.01)
        .unwrap();
    let (k, normal) = (row.number("k"), Normal::new(&[row.number("mu")], &[1.0]).unwrap());
    let f = (
        move |z: &[f64]| (k * z[0]).cos(),
        move |z: &[f64], dz: &mut [f64]| {
            dz[0] = -k * (k * z[0]).sin();
            (k * z[0]).cos()
        },
    );
    // Three points, not a power of two. Eight comparisons at 4.5 standard errors with 63 degrees of freedom: 2e-4.
    let source = Independent::new(3);
    let pathwise = sample_batches(&mut Pathwise.over(source), &normal, &f, 2000, 1);
    let score = sample_batches(&mut ScoreFunction::new().over(source), &normal, &f, 2000, 2);
    let value = row.number("Ef");
    let baseline = sample_batches(
        &mut ScoreFunction::new().with_baseline(Baseline::Constant(value)).over(source),
        &normal,
        &f,
        2000,
        3,
    );
    for (i, parameter) in ["mu", "sigma"].into_iter().enumerate() {
        let exact = row.number(&format!("grad_{parameter}"));
        for (sampled, column) in [
            (&pathwise, format!("var_pw_{parameter}")),
            (&score, format!("var_sf_{parameter}")),
            (&baseline, format!("var_sf_{parameter}_bmean")),
        ] {
            assert!(sampled.check(i, exact, row.number(&column) / 3.0, 4.5, &column));
        }
    }
}

#[test]
fn replayed_noise_is_the_same_sample_by_sample_whatever_is_estimated() {
    // f = z: the gradient samples of the score function are z (z − μ)/σ², those of the pathwise one by σ are ε.
    let normal = Normal::new(&[2.0], &[3.0]).unwrap();
    let replay = Replay::record(&normal, 700, &mut rng(1));
    let f = (
        |z: &[f64]| z[0],
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 1.0;
            z[0]
        },
    );
    let n = 600.0;
    let used = &replay.noise()[..600];
    let mean = used.iter().sum::<f64>() / n;
    let pathwise = Pathwise.over(replay.clone()).estimate(&normal, &f, 600, &mut rng(2)).unwrap();
    assert!((pathwise.gradient()[1] - mean).abs() < 1e-13);
    let score = ScoreFunction::new().over(replay.clone()).estimate(&normal, &f, 600, &mut rng(3)).unwrap();
    let expected = used.iter().map(|e| (2.0 + 3.0 * e) * e / 3.0).sum::<f64>() / n;
    assert!((score.gradient()[0] - expected).abs() < 1e-12);
    // Whatever the generator, the same bits.
    let again = Pathwise.over(replay).estimate(&normal, &f, 600, &mut rng(9)).unwrap();
    assert_eq!(pathwise, again);
}

#[test]
fn common_random_numbers_take_the_variance_out_of_a_difference_of_gradients() {
    let (here, there) = (Normal::new(&[0.5], &[1.0]).unwrap(), Normal::new(&[0.6], &[1.0]).unwrap());
    let f = (
        |z: &[f64]| z[0].sin(),
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = z[0].cos();
            z[0].sin()
        },
    );
    let exact = (-0.5f64).exp() * (0.6f64.cos() - 0.5f64.cos());
    let (repeats, samples) = (400, 50);
    let mut generator = rng(4);
    let (mut common, mut independent) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        let mut replay = Pathwise.over(Replay::record(&here, samples, &mut generator));
        let mut estimate =
            |p: &Normal<f64>| replay.estimate(p, &f, samples, &mut rng(0)).unwrap().gradient()[0];
        common.push(estimate(&there) - estimate(&here));
        let mut estimate =
            |p: &Normal<f64>| Pathwise.estimate(p, &f, samples, &mut generator).unwrap().gradient()[0];
        independent.push(estimate(&there) - estimate(&here));
    }
    let moments = |x: &[f64]| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0))
    };
    let ((mean, variance), (_, without)) = (moments(&common), moments(&independent));
    // Var[cos(z + h) − cos(z)] = O(h²) against 2 Var[cos z]. Four standard errors.
    assert!((mean - exact).abs() < 4.0 * (variance / f64::from(repeats)).sqrt());
    assert!(variance < 0.02 * without, "{variance} {without}");
}

#[test]
fn more_samples_than_were_recorded_are_refused_before_anything_is_evaluated() {
    let normal = Normal::new(&[0.5], &[1.0]).unwrap();
    let replay = Replay::record_from(&Antithetic, &normal, 10, &mut rng(1));
    assert_eq!((replay.samples(), replay.noise().len()), (10, 20));
    let calls = std::cell::Cell::new(0);
    let f = |z: &[f64]| {
        calls.set(calls.get() + 1);
        z[0]
    };
    let wanted = Error::Length { what: "stored noise (in gradient samples)".into(), expected: 11, found: 10 };
    let mut score = ScoreFunction::new().over(replay.clone());
    assert_eq!(score.estimate(&normal, &f, 11, &mut rng(2)).unwrap_err(), wanted);
    let mut engine = Engine::new();
    assert_eq!(engine.estimate(&mut score, &normal, &f, 11, &mut rng(2)).unwrap_err(), wanted);
    let mut pathwise = Pathwise.over(replay.clone());
    assert_eq!(pathwise.estimate(&normal, &square(), 11, &mut rng(2)).unwrap_err(), wanted);
    assert_eq!(calls.get(), 0);
    assert!(score.estimate(&normal, &f, 10, &mut rng(2)).is_ok());
    // Whoever goes round the engine gets nothing that passes for noise.
    let mut noise = [0.0; 2];
    let mut at = NoiseSource::<f64, _>::begin(&replay, &normal, 10, &mut rng(1));
    replay.fill(&normal, &mut at, &mut noise, &mut rng(1));
    assert!(noise.iter().all(|e: &f64| e.is_nan()));
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    let normal = Normal::new(&[0.5, 1.0], &[1.0, 1.0]).unwrap();
    let f = |z: &[f64]| z[0];
    let generator = &mut rng(1);
    let no_points = Error::Option { option: "points", value: 0.0, expected: "at least 1" };
    let none = Independent::new(0);
    assert_eq!(Pathwise.over(none).estimate(&normal, &square(), 10, generator).unwrap_err(), no_points);
    let empty = Replay::record_from(&none, &normal, 10, generator);
    assert_eq!(ScoreFunction::new().over(empty).estimate(&normal, &f, 1, generator).unwrap_err(), no_points);
    assert_eq!(Replay::from_noise(vec![0.0; 4], 2, 0).unwrap_err(), no_points);
    assert!(matches!(Replay::from_noise(vec![0.0; 4], 0, 1), Err(Error::EmptySupport { .. })));
    assert!(matches!(
        Replay::from_noise(vec![0.0; 7], 2, 1),
        Err(Error::Length { expected: 6, found: 7, .. })
    ));
    assert_eq!(Replay::from_noise(vec![0.0; 12], 2, 3).unwrap().samples(), 2);

    let narrow = Replay::from_noise(vec![0.0; 4], 1, 1).unwrap();
    let wanted = Error::Length { what: "a row of the stored noise".into(), expected: 2, found: 1 };
    assert_eq!(ScoreFunction::new().over(narrow).estimate(&normal, &f, 1, generator).unwrap_err(), wanted);

    let mut infinite = ScoreFunction::new().with_baseline(Baseline::Constant(f64::INFINITY)).over(Antithetic);
    let error = infinite.estimate(&normal, &f, 1, generator).unwrap_err();
    assert!(matches!(error, Error::Option { option: "baseline", .. }));
    let uniform = Uniform::new(&[0.0], &[1.0]).unwrap();
    let error = ScoreFunction::new().over(Antithetic).estimate(&uniform, &f, 1, generator).unwrap_err();
    assert_eq!(error, Error::SupportDependsOnParameter { parameter: "low".into() });
}

#[test]
fn a_point_set_made_in_parts_gives_the_mean_over_all_its_points() {
    // 30 dimensions: 2¹² points do not fit the buffers. Against a sum over stored noise, row by row.
    let dim = 30;
    let mu: Vec<f64> = (0..dim).map(|i| 0.1 * f64::from(i)).collect();
    let normal = Normal::new(&mu, &vec![0.5; dim as usize]).unwrap();
    let sobol = ScrambledSobol::base2(12);
    let mut over = Pathwise.over(Replay::record_from(&sobol, &normal, 3, &mut rng(1)));
    let estimate = over.estimate(&normal, &square(), 3, &mut rng(2)).unwrap();
    assert_eq!(estimate.evaluations(), 3 << 12);
    let mut expected = vec![0.0; 60];
    let (mut z, mut dz, mut row, mut value) = (vec![0.0; 30], vec![0.0; 30], vec![0.0; 60], 0.0);
    for noise in over.source().noise().chunks_exact(30) {
        normal.transform(noise, &mut z);
        value += square().value_and_gradient(&z, &mut dz);
        normal.pullback(noise, &z, &dz, &mut row);
        expected.iter_mut().zip(&row).for_each(|(sum, g)| *sum += g);
    }
    let n = f64::from(3 << 12);
    assert!((estimate.value() - value / n).abs() < 1e-12 * value / n);
    for (found, sum) in estimate.gradient().iter().zip(&expected) {
        assert!((found - sum / n).abs() < 1e-11, "{found} {}", sum / n);
    }
}

#[test]
fn a_constant_gradient_stays_exactly_that_over_a_million_points_in_single_precision() {
    let normal = Normal::new(&[0.5f32], &[1.0]).unwrap();
    let f = (
        |z: &[f32]| 0.1 * z[0],
        |z: &[f32], dz: &mut [f32]| {
            dz[0] = 0.1;
            0.1 * z[0]
        },
    );
    let mut estimator = Pathwise.over(ScrambledSobol::base2(20));
    let estimate = estimator.estimate(&normal, &f, 2, &mut rng(1)).unwrap();
    assert_eq!((estimate.gradient()[0], estimate.variance()[0]), (0.1, 0.0));
    // E[0.1 ε] = 0 and E[0.1 z] = 0.05, to what 24 bits of each point allow.
    assert!(
        estimate.gradient()[1].abs() < 1e-7 && (estimate.value() - 0.05).abs() < 1e-7,
        "{:e} {:e}",
        estimate.gradient()[1],
        estimate.value() - 0.05
    );
}

#[test]
fn a_number_that_is_not_finite_is_found_in_whatever_part_it_is() {
    let normal = Normal::new(&vec![0.0; 30], &vec![1.0; 30]).unwrap();
    let sobol = ScrambledSobol::base2(12);
    let replay = Replay::record_from(&sobol, &normal, 2, &mut rng(1));
    for point in [0, 1, 77, 2000, 4095, 4096 + 100] {
        let marked = replay.noise()[point * 30];
        let bad_value = |z: &[f64]| if z[0] == marked { f64::NAN } else { z[0] };
        let sample = (point / 4096) as u64;
        let error = ScoreFunction::new()
            .over(replay.clone())
            .estimate(&normal, &bad_value, 2, &mut rng(1))
            .unwrap_err();
        assert!(
            matches!(error, Error::NonFiniteObjective { sample: found, .. } if found == sample),
            "{point}: {error}"
        );
        let bad_slope = (
            |z: &[f64]| z[0],
            |z: &[f64], dz: &mut [f64]| {
                dz.fill(if z[0] == marked { f64::INFINITY } else { 1.0 });
                z[0]
            },
        );
        let error = Pathwise.over(replay.clone()).estimate(&normal, &bad_slope, 2, &mut rng(1)).unwrap_err();
        assert!(
            matches!(error, Error::NonFiniteObjectiveGradient { sample: found, .. } if found == sample),
            "{point}: {error}"
        );
    }
}
