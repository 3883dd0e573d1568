//! Mixtures: the implicit derivative against the distribution function, the continuity equation and exact gradients; samplers and tails.

use crate::common::rng;
use crate::common::uniformity::kolmogorov;
use reparam::distributions::{
    ExponentialFamily, FamilyCdf, GammaFamily, StudentTFamily, UniformFamily, VonMisesFamily,
};
use reparam::prelude::*;
use reparam::special::{normal_cdf, normal_survival};
use reparam::verify;
use reparam::{MeanVariance, Probability, Reparameterizable};

fn one_dimension() -> GaussianMixture<f64> {
    GaussianMixture::new(&[0.3, -0.5, 0.1], &[-1.5, 0.2, 2.0], &[0.5, 1.0, 0.7]).unwrap()
}

fn three_dimensions() -> GaussianMixture<f64> {
    let mu = [-1.0, 0.3, 0.5, 0.8, -0.6, 1.2];
    GaussianMixture::new(&[0.4, -0.2], &mu, &[0.7, 1.1, 0.9, 0.5, 0.8, 1.3]).unwrap()
}

fn by_weights() -> GaussianMixture<f64> {
    GaussianMixture::from_weights(&[0.2, 0.5, 0.3], &[-1.5, 0.2, 2.0], &[0.5, 1.0, 0.7]).unwrap()
}

/// The distribution function of a mixture in one dimension, by the tail that is small: minus the upper one above the middle.
fn tail(p: &GaussianMixture<f64>, z: f64) -> f64 {
    let k = p.components();
    let (weights, mu, sigma) = (p.weights(), &p.params()[k..2 * k], &p.params()[2 * k..]);
    let sum = |f: fn(f64) -> f64| (0..k).map(|k| weights[k] * f((z - mu[k]) / sigma[k])).sum::<f64>();
    let lower = sum(normal_cdf);
    if lower < 0.5 { lower } else { -sum(normal_survival) }
}

#[test]
fn in_one_dimension_the_pullback_is_the_implicit_derivative_in_both_tails() {
    for p in [one_dimension(), by_weights()] {
        for z in [-6.0, -2.0, -0.8, 0.0, 0.9, 1.3, 3.0, 5.0, 9.0] {
            let report = verify::implicit_pullback(&p, z, tail).unwrap();
            report.within(1e-6).unwrap_or_else(|e| panic!("at {z}: {e}"));
        }
    }
    // The transform inverts the same function, so its difference is the same derivative.
    let p = one_dimension();
    for e in [0.01, 0.3, 0.5, -0.3, -1e-6] {
        verify::pullback(&p, &[e], &[1.3]).unwrap().within(1e-7).unwrap();
        let mut z = [0.0];
        p.transform(&[e], &mut z);
        let reached = tail(&p, z[0]);
        assert!((reached.abs() / e.abs() - 1.0).abs() < 1e-12, "{e}: {reached}");
    }
}

#[test]
fn in_three_dimensions_the_field_transports_the_density() {
    let p = three_dimensions();
    let identity = |x: &[f64], z: &mut [f64]| z.copy_from_slice(x);
    for x in [[0.1, -0.4, 0.9], [-2.0, 1.0, 0.0], [1.5, -1.5, 3.0], [0.0, 0.0, 0.0]] {
        verify::continuity(&p, &x, identity).unwrap().within(1e-6).unwrap();
        verify::score(&p, &x).unwrap().within(1e-7).unwrap();
        verify::log_prob_gradient(&p, &x).unwrap().within(1e-7).unwrap();
    }
    for noise in [[0.2, -0.3, 0.4], [0.01, -0.02, -0.4]] {
        verify::pullback(&p, &noise, &[0.7, -1.1, 0.4]).unwrap().within(1e-7).unwrap();
    }
    verify::score(&by_weights(), &[0.4]).unwrap().within(1e-7).unwrap();
}

/// `E sin(a·z + b)` under a Gaussian mixture: `Σ w e^(−½ Σ a² σ²) sin(a·μ + b)`, with its gradient by logits, means and scales.
fn exact(p: &GaussianMixture<f64>, a: &[f64], b: f64) -> (f64, Vec<f64>) {
    let (k, dim) = (p.components(), a.len());
    let weights = p.weights();
    let (mu, sigma) = p.params()[k..].split_at(k * dim);
    let mut parts = vec![0.0; k];
    let mut gradient = vec![0.0; k + 2 * k * dim];
    for i in 0..k {
        let row = |x: &[f64]| x[i * dim..][..dim].to_vec();
        let (mu, sigma) = (row(mu), row(sigma));
        let phase: f64 = b + mu.iter().zip(a).map(|(m, a)| m * a).sum::<f64>();
        let damping = (-0.5 * sigma.iter().zip(a).map(|(s, a)| s * s * a * a).sum::<f64>()).exp();
        parts[i] = damping * phase.sin();
        for d in 0..dim {
            gradient[k + i * dim + d] = weights[i] * damping * phase.cos() * a[d];
            gradient[k + k * dim + i * dim + d] = -weights[i] * parts[i] * a[d] * a[d] * sigma[d];
        }
    }
    let value: f64 = weights.iter().zip(&parts).map(|(w, p)| w * p).sum();
    for i in 0..k {
        gradient[i] = weights[i] * (parts[i] - value);
    }
    (value, gradient)
}

#[test]
fn pathwise_and_score_function_find_the_exact_gradient() {
    for (p, a) in [(one_dimension(), vec![0.9]), (three_dimensions(), vec![0.8, -0.5, 0.6])] {
        let b = 0.3;
        let (value, gradient) = exact(&p, &a, b);
        let phase = |z: &[f64]| b + z.iter().zip(&a).map(|(z, a)| z * a).sum::<f64>();
        let f = (
            |z: &[f64]| phase(z).sin(),
            |z: &[f64], dz: &mut [f64]| {
                for (dz, a) in dz.iter_mut().zip(&a) {
                    *dz = a * phase(z).cos();
                }
                phase(z).sin()
            },
        );
        let test = verify::UnbiasednessTest::new(1e-4, 1e-3).unwrap();
        let pathwise = Pathwise.estimate(&p, &f, 100_000, &mut rng(1)).unwrap();
        let judged = test.judge(&pathwise, &gradient).unwrap();
        assert!(judged.passes(), "{:?}", judged.deviations);
        assert!((pathwise.value() - value).abs() < 4.0 * pathwise.value_standard_error());
        let mut loo = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
        let score = loo.estimate(&p, &f, 50_000, &mut rng(2)).unwrap();
        assert!(test.judge(&score, &gradient).unwrap().passes());
        // What it is for: less variance a call of f, weights included.
        assert!(pathwise.total_variance() < score.total_variance() * 4.0);
    }
}

#[test]
fn the_variance_of_the_weight_gradient_is_that_of_the_implicit_derivative() {
    // f = z, K = 2: the pathwise sample by a logit is −w (Φ₁ − F)/p, whose moments are integrals over z.
    let p = GaussianMixture::new(&[0.2, -0.3], &[-0.5, 0.9], &[0.8, 0.6]).unwrap();
    let (w, first) = (p.weights()[0], |z: f64| normal_cdf((z + 0.5) / 0.8));
    let sample = |z: f64| {
        let f = w * first(z) + (1.0 - w) * normal_cdf((z - 0.9) / 0.6);
        -w * (first(z) - f) / p.log_prob(&[z]).exp()
    };
    let (mut mean, mut square) = (0.0, 0.0);
    for i in -8000..8000 {
        let z = f64::from(i) * 1e-3;
        let weight = p.log_prob(&[z]).exp() * 1e-3;
        mean += weight * sample(z);
        square += weight * sample(z).powi(2);
    }
    let exact = w * (1.0 - w) * (-0.5 - 0.9);
    assert!((mean - exact).abs() < 1e-9);
    let f = (
        |z: &[f64]| z[0],
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 1.0;
            z[0]
        },
    );
    let sampled = crate::common::sample_batches(&mut Pathwise, &p, &f, 3000, 3);
    assert!(sampled.check(0, exact, square - mean * mean, 4.5, "weight"));
}

#[test]
fn one_component_is_the_normal_and_equal_ones_are_one() {
    let normal = Normal::new(&[0.5, -1.0], &[2.0, 0.3]).unwrap();
    let single = GaussianMixture::new(&[7.0], &[0.5, -1.0], &[2.0, 0.3]).unwrap();
    let double = GaussianMixture::new(&[1.0, 1.0], &[0.5, -1.0, 0.5, -1.0], &[2.0, 0.3, 2.0, 0.3]).unwrap();
    let (z, dz) = ([1.3, -0.8], [0.7, -2.0]);
    let noise = [(1.3 - 0.5) / 2.0, (-0.8 + 1.0) / 0.3];
    let (mut a, mut b, mut c) = ([0.0; 4], [f64::NAN; 5], [f64::NAN; 10]);
    normal.pullback(&noise, &z, &dz, &mut a);
    single.pullback(&[f64::NAN; 2], &z, &dz, &mut b);
    double.pullback(&[f64::NAN; 2], &z, &dz, &mut c);
    assert_eq!(b[0], 0.0);
    for i in 0..4 {
        assert!((a[i] - b[1 + i]).abs() < 1e-13 * a[i].abs());
        let at = 2 + i / 2 * 4 + i % 2;
        assert!((a[i] - c[at] - c[at + 2]).abs() < 1e-13 * a[i].abs());
    }
    assert!((normal.log_prob(&z) - single.log_prob(&z)).abs() < 1e-14);
    assert!((normal.log_prob(&z) - double.log_prob(&z)).abs() < 1e-14);
}

#[test]
fn far_components_and_far_draws_give_no_nan() {
    let apart = GaussianMixture::new(&[0.0, 0.0], &[-1e3, 1e3], &[1.0, 1e-3]).unwrap();
    let mut row = [f64::NAN; 6];
    for z in [-1e3, 1e3, 0.0, 5e3, 1e160, -1e200] {
        apart.pullback(&[f64::NAN], &[z], &[1.0], &mut row);
        assert!(row.iter().all(|x| !x.is_nan()), "{z}: {row:?}");
        apart.score(&[z], &mut row);
        assert!(row.iter().all(|x| !x.is_nan()), "{z}: {row:?}");
        assert!(!apart.log_prob(&[z]).is_nan());
        let mut dz = [f64::NAN];
        apart.log_prob_gradient(&[z], &mut dz);
        assert!(!dz[0].is_nan());
    }
    // A draw of the narrow one moves with its own mean alone.
    apart.pullback(&[f64::NAN], &[1e3 + 5e-4], &[1.0], &mut row);
    assert!((row[3] - 1.0).abs() < 1e-12 && row[2] == 0.0);
    for e in [0.2, 0.499, -0.499, -0.2] {
        let mut z = [0.0];
        apart.transform(&[e], &mut z);
        assert!((z[0].abs() - 1e3).abs() < 5.0 && (z[0] > 0.0) == (e < 0.0), "{e} {}", z[0]);
    }
}

/// Draws are uniform under the distribution function: Kolmogorov–Smirnov beyond 2.2/√n has probability 1.2e-4.
fn uniform(u: Vec<f64>) {
    let statistic = kolmogorov(u);
    assert!(statistic < 2.2, "{statistic}");
}

#[test]
fn draws_have_the_distribution_its_moments_and_its_score() {
    let p = one_dimension();
    let mut z = vec![0.0; 50_000];
    p.sample(&mut rng(4), &mut z);
    uniform(z.iter().map(|&z| if tail(&p, z) > 0.0 { tail(&p, z) } else { 1.0 + tail(&p, z) }).collect());
    for p in [three_dimensions(), by_weights()] {
        assert!(verify::score_identities(&p, 20_000, &mut rng(5)).unwrap().p_value() > 1e-4);
        let dim = p.dim();
        let (mut mean, mut variance) = (vec![0.0; dim], vec![0.0; dim]);
        p.mean(&mut mean);
        p.variance(&mut variance);
        let (n, mut rng, mut z) = (100_000, rng(6), vec![0.0; dim]);
        let mut sums = vec![(0.0, 0.0); dim];
        for _ in 0..n {
            p.sample(&mut rng, &mut z);
            for d in 0..dim {
                sums[d].0 += z[d] - mean[d];
                sums[d].1 += (z[d] - mean[d]).powi(2);
            }
        }
        for (d, (sum, squares)) in sums.into_iter().enumerate() {
            assert!(sum.abs() < 4.0 * (f64::from(n) * variance[d]).sqrt());
            // The fourth moment is below that of three Gaussians: 4 standard errors of √(2/n).
            assert!((squares / f64::from(n) / variance[d] - 1.0).abs() < 4.0 * (2.0 / f64::from(n)).sqrt());
        }
    }
}

#[test]
fn a_mixture_of_any_family_has_its_derivatives() {
    let gammas =
        Mixture::new(GammaFamily, 2, &[0.3, -0.2, 1.0, 0.0], &[&[0.7, 4.0, 2.0, 9.0], &[1.0, 2.0, 0.5, 3.0]])
            .unwrap();
    assert_eq!(gammas.dim(), 2);
    assert_eq!(gammas.layout().range("shape"), Some(4..8));
    for noise in [[0.2, -0.3], [0.01, -0.001], [0.45, 0.3]] {
        verify::pullback(&gammas, &noise, &[0.7, -1.1]).unwrap().within(1e-6).unwrap();
        let mut z = [0.0; 2];
        gammas.transform(&noise, &mut z);
        verify::score(&gammas, &z).unwrap().within(1e-7).unwrap();
        verify::log_prob_gradient(&gammas, &z).unwrap().within(1e-7).unwrap();
        // The transform inverts the distribution function.
        for i in 0..2 {
            let (rest, tail) = (&gammas.params()[4..], noise[i]);
            let weight = 1.0 / (1.0 + (gammas.params()[2 * i + 1] - gammas.params()[2 * i]).exp());
            let upper = |k: usize| {
                let u = GammaFamily.cdf(z[i], [rest[2 * i + k], rest[4 + 2 * i + k]]);
                if tail > 0.0 { u.lower() } else { u.upper() }
            };
            let reached = weight * upper(0) + (1.0 - weight) * upper(1);
            assert!((reached / tail.abs() - 1.0).abs() < 1e-11, "{reached} {tail}");
        }
    }
    assert!(verify::score_identities(&gammas, 20_000, &mut rng(7)).unwrap().p_value() > 1e-4);
    let students =
        Mixture::from_weights(StudentTFamily, 2, &[0.4, 0.6], &[&[4.0, 9.0], &[-1.0, 2.0], &[0.5, 1.5]])
            .unwrap();
    verify::pullback(&students, &[0.3], &[1.0]).unwrap().within(1e-6).unwrap();
    verify::score(&students, &[0.4]).unwrap().within(1e-7).unwrap();
    let angles = Mixture::new(VonMisesFamily, 2, &[0.0, 0.5], &[&[-1.0, 1.0], &[2.0, 5.0]]);
    assert!(angles.is_ok_and(|p| p.pullback_is_finite()));
}

trait Finite {
    fn pullback_is_finite(&self) -> bool;
}

impl<D: Reparameterizable<f64>> Finite for D {
    fn pullback_is_finite(&self) -> bool {
        let mut row = vec![f64::NAN; self.params().len()];
        self.pullback(&[f64::NAN], &[0.3], &[1.0], &mut row);
        row.iter().all(|x| x.is_finite())
    }
}

#[test]
fn a_mixture_of_families_finds_exact_gradients_and_moments() {
    // Two waiting times: E z² = Σ 2 w/λ².
    let p = Mixture::new(ExponentialFamily, 2, &[0.4, 0.0], &[&[0.5, 2.0]]).unwrap();
    let w = 1.0 / (1.0 + (-0.4f64).exp());
    let f = (
        |z: &[f64]| z[0] * z[0],
        |z: &[f64], dz: &mut [f64]| {
            dz[0] = 2.0 * z[0];
            z[0] * z[0]
        },
    );
    let by_logit = w * (1.0 - w) * (2.0 / 0.25 - 2.0 / 4.0);
    let exact = [by_logit, -by_logit, -4.0 * w / 0.125, -4.0 * (1.0 - w) / 8.0];
    let test = verify::UnbiasednessTest::new(1e-4, 1e-3).unwrap();
    let result = test.run(&mut Pathwise, &p, &f, &exact, 200_000, &mut rng(8)).unwrap();
    assert!(result.passes(), "{:?}", result.deviations);
    let (mut mean, mut variance) = ([0.0], [0.0]);
    p.mean(&mut mean);
    p.variance(&mut variance);
    let first = w * 2.0 + (1.0 - w) * 0.5;
    assert!((mean[0] - first).abs() < 1e-14);
    assert!((variance[0] - (w * 8.0 + (1.0 - w) * 0.5 - first * first)).abs() < 1e-13);
    // Supports that move with a parameter are refused, by the family's own name for it.
    let uniforms = Mixture::new(UniformFamily, 2, &[0.0, 0.0], &[&[0.0, 1.0], &[2.0, 3.0]]).unwrap();
    let error = ScoreFunction::new().estimate(&uniforms, &|z: &[f64]| z[0], 10, &mut rng(1)).unwrap_err();
    assert_eq!(error, Error::SupportDependsOnParameter { parameter: "low".into() });
    // Outside one component, inside the other; and outside both.
    let mut row = [f64::NAN; 6];
    uniforms.pullback(&[f64::NAN], &[2.5], &[1.0], &mut row);
    assert!(row.iter().all(|x| x.is_finite()) && row[2] == 0.0 && row[4] == 0.0);
    uniforms.pullback(&[f64::NAN], &[7.0], &[1.0], &mut row);
    assert_eq!(row, [0.0; 6]);
    assert_eq!(uniforms.log_prob(&[7.0]), f64::NEG_INFINITY);
    let mut z = [0.0];
    uniforms.transform(&[Probability::from_lower(0.5).tail()], &mut z);
    assert!((z[0] - 1.5f64).abs() < 1e-12);
}

#[test]
fn bad_parameters_are_named_and_change_nothing() {
    assert!(matches!(GaussianMixture::<f64>::new(&[], &[0.0], &[1.0]), Err(Error::EmptySupport { .. })));
    assert!(matches!(GaussianMixture::new(&[0.0, 0.0], &[0.0; 3], &[1.0; 3]), Err(Error::Length { .. })));
    assert!(matches!(GaussianMixture::new(&[0.0], &[0.0], &[1.0; 2]), Err(Error::Length { .. })));
    for bad in [0.0, -1.0] {
        let error = GaussianMixture::new(&[0.0], &[0.0], &[bad]).unwrap_err();
        assert!(matches!(error, Error::ParameterDomain { parameter, index: 0, .. } if parameter == "sigma"));
    }
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(matches!(
            GaussianMixture::new(&[bad], &[0.0], &[1.0]),
            Err(Error::NonFiniteParameter { .. })
        ));
    }
    assert!(GaussianMixture::from_weights(&[0.5, 0.6], &[0.0, 1.0], &[1.0, 1.0]).is_err());
    let tiny = GaussianMixture::new(&[0.0, 1.0], &[0.0, 1.0], &[1e-320, 1e-320]).unwrap();
    let mut row = [f64::NAN; 6];
    tiny.pullback(&[f64::NAN], &[1.0], &[1.0], &mut row);
    assert!(row.iter().all(|x| !x.is_nan()), "{row:?}");
    let mut p = one_dimension();
    let before = p.clone();
    assert!(p.set_params(&[0.0; 9]).is_err());
    assert_eq!(p, before);
    assert!(matches!(
        Mixture::new(GammaFamily, 0, &[0.0], &[&[1.0], &[1.0]]),
        Err(Error::EmptySupport { .. })
    ));
    assert!(matches!(
        Mixture::new(GammaFamily, 2, &[0.0; 3], &[&[1.0; 3], &[1.0; 3]]),
        Err(Error::Length { .. })
    ));
    assert!(matches!(Mixture::new(GammaFamily, 1, &[0.0], &[&[1.0]]), Err(Error::Length { .. })));
    assert!(matches!(Mixture::new(GammaFamily, 1, &[0.0], &[&[1.0], &[1.0; 2]]), Err(Error::Length { .. })));
    let error = Mixture::new(GammaFamily, 1, &[0.0], &[&[1.0], &[-1.0]]).unwrap_err();
    assert!(matches!(error, Error::ParameterDomain { parameter, .. } if parameter == "rate"));
    // In single precision too.
    let p = Mixture::new(GammaFamily, 2, &[0.0f32, 0.0], &[&[0.5, 3.0], &[1.0, 1.0]]).unwrap();
    let f = (
        |z: &[f32]| z[0],
        |z: &[f32], dz: &mut [f32]| {
            dz[0] = 1.0;
            z[0]
        },
    );
    let estimate = Pathwise.estimate(&p, &f, 20_000, &mut rng(9)).unwrap();
    assert!((f64::from(estimate.gradient()[2]) - 0.5).abs() < 4.0 * estimate.standard_error()[2]);
}
