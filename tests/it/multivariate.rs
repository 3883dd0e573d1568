//! The multivariate normal, the low-rank normal and the multivariate t: derivatives by differences, samplers, densities and divergences
//! against each other, exact expectations, and everything that is refused.

use crate::common::{assert_relative, check_consistency, numbers, rng};
use reparam::prelude::*;
use reparam::verify;
use reparam::{
    DifferentiableLogDensity, Distribution, Domain, DrawsMut, Entropy, KlDivergence, LogDensity,
    MeanVariance, Reparameterizable, StochasticNode,
};

const SEEDS: u64 = 24;

fn positive(len: usize, seed: u64) -> Vec<f64> {
    numbers(len, seed, 0.6).iter().map(|x| x.exp()).collect()
}

/// A lower-triangular factor, row-major.
fn triangle(dim: usize, seed: u64) -> Vec<f64> {
    let (diagonal, mut factor) = (positive(dim, seed), numbers(dim * dim, seed + 1, 0.8));
    for i in 0..dim {
        factor[i * dim + i] = diagonal[i];
        factor[i * dim + i + 1..(i + 1) * dim].fill(0.0);
    }
    factor
}

fn normal(dim: usize, seed: u64) -> MultivariateNormal<f64> {
    MultivariateNormal::new(&numbers(dim, seed + 500, 1.5), &triangle(dim, seed)).unwrap()
}

/// Dimensions 1 to 5 with many seeds each.
fn cases() -> impl Iterator<Item = (usize, u64)> {
    (1..=5).flat_map(|dim| (0..SEEDS).map(move |seed| (dim, 1000 * dim as u64 + 10 * seed)))
}

/// Score, gradient in z and gradient of the entropy against differences.
fn check_density<D>(p: &D, z: &[f64])
where
    D: DifferentiableLogDensity<f64> + Entropy<f64> + Clone,
{
    verify::score(p, z).unwrap().within(1e-7).unwrap();
    verify::log_prob_gradient(p, z).unwrap().within(1e-7).unwrap();
    verify::entropy_gradient(p).within(1e-7).unwrap();
    assert!(p.covers_space());
}

/// Mean and covariance of `draws` draws in standard errors, of which 5 are allowed: the largest of some 40 numbers is beyond them once in 4e4
/// runs, and the seed is fixed.
fn check_moments(p: &impl MeanVariance<f64>, covariance: &[f64], draws: usize, seed: u64) {
    let dim = p.dim();
    let (mut mean, mut variance) = (vec![0.0; dim], vec![0.0; dim]);
    p.mean(&mut mean);
    p.variance(&mut variance);
    let mut block = vec![0.0; draws * dim];
    p.sample(&mut rng(seed), &mut block);
    let check = |of_row: &dyn Fn(&[f64]) -> f64, what: &str| {
        let (mut sum, mut squares) = (0.0, 0.0);
        for z in block.chunks_exact(dim) {
            let x = of_row(z);
            sum += x;
            squares += x * x;
        }
        let off = sum / squares.sqrt();
        assert!(off.abs() < 5.0, "{what}: {off} standard errors");
    };
    for i in 0..dim {
        assert_relative(variance[i], covariance[i * (dim + 1)], 1e-13, 0.0, "variance and covariance");
        check(&|z| z[i] - mean[i], "mean");
        for j in 0..=i {
            let expected = covariance[i * dim + j];
            check(&|z| (z[i] - mean[i]) * (z[j] - mean[j]) - expected, "covariance");
        }
    }
}

/// The closed divergence against the mean of `ln p − ln q` over draws of p, and the entropy against that of `−ln p`; 4 standard errors.
fn check_divergence<D>(p: &D, q: &D, draws: usize, seed: u64)
where
    D: KlDivergence<f64> + Entropy<f64> + LogDensity<f64>,
{
    let mut z = vec![0.0; p.dim()];
    let mut rng = rng(seed);
    let (kl, entropy) = (p.kl(q).unwrap(), p.entropy());
    let mut sums = [(0.0, 0.0); 2];
    for _ in 0..draws {
        p.sample(&mut rng, &mut z);
        let ln_p = p.log_prob(&z);
        for ((sum, squares), x) in sums.iter_mut().zip([ln_p - q.log_prob(&z) - kl, -ln_p - entropy]) {
            *sum += x;
            *squares += x * x;
        }
    }
    for (sum, squares) in sums {
        assert!(sum.abs() < 4.0 * squares.sqrt(), "{} standard errors", sum / squares.sqrt());
    }
}

/// `sin z₁ + z₁ z₂ + … + ½ cos(z₁ + z₂ + …)`, nonlinear in every coordinate.
fn wave() -> impl DifferentiableObjective<f64> {
    Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        let sum: f64 = z.iter().sum();
        let ring = |i: usize| z[(i + 1) % z.len()];
        let value =
            z.iter().enumerate().map(|(i, x)| x.sin() + 0.2 * x * ring(i)).sum::<f64>() + 0.5 * sum.cos();
        if let Some(dz) = dz {
            for i in 0..z.len() {
                let before = z[(i + z.len() - 1) % z.len()];
                dz[i] = z[i].cos() + 0.2 * (ring(i) + before) - 0.5 * sum.sin();
            }
        }
        value
    })
}

/// Pathwise and the score function have the same mean: within 4.5 standard errors of their difference for each of some 20 parameters.
fn check_estimators_agree<D>(p: &D, f: &impl DifferentiableObjective<f64>, samples: usize, seed: u64)
where
    D: Reparameterizable<f64> + LogDensity<f64>,
{
    let pathwise = Pathwise.estimate(p, f, samples, &mut rng(seed)).unwrap();
    let mut estimator = ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 });
    let score = estimator.estimate(p, f, samples / 2, &mut rng(seed + 1)).unwrap();
    let (a, b) = (pathwise.moments(), score.moments());
    let errors = a.standard_error().into_iter().zip(b.standard_error());
    for (i, ((a, b), (s, t))) in a.mean().iter().zip(b.mean()).zip(errors).enumerate() {
        let error = s.hypot(t);
        assert!((a - b).abs() < 4.5 * error, "parameter {i}: {a} and {b} ± {error}");
    }
}

/// Every parameter set to every number outside of its domain is refused by name and index, and nothing has changed.
fn check_refusals<D: Distribution<f64> + Clone + PartialEq + std::fmt::Debug>(p: &D) {
    let before = p.clone();
    let mut p = p.clone();
    for part in before.layout() {
        for (index, flat) in part.range.clone().enumerate() {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0] {
                let mut params = before.params().to_vec();
                params[flat] = bad;
                let name = part.name.clone();
                let expected = if !bad.is_finite() {
                    match p.set_params(&params) {
                        Err(Error::NonFiniteParameter { parameter, index: found, .. }) => {
                            assert_eq!((parameter, found), (name, index));
                        }
                        other => panic!("{other:?}"),
                    }
                    continue;
                } else if part.domain == Domain::Positive {
                    let expected = "a finite number above 0";
                    Err(Error::ParameterDomain { parameter: name, index, value: bad, expected })
                } else {
                    continue;
                };
                assert_eq!(p.set_params(&params), expected);
                assert_eq!(p, before);
            }
        }
    }
    let mut long = before.params().to_vec();
    long.push(1.0);
    assert!(matches!(p.set_params(&long), Err(Error::Length { .. })));
    assert!(matches!(p.set_params(&long[2..]), Err(Error::Length { .. })));
    assert_eq!(p, before);
}

/// Far out the log-density is very small or −∞, not NaN.
fn check_far_out(p: &impl LogDensity<f64>) {
    let dim = p.dim();
    for size in [1e10, 1e100, 1e155, 1e200, 1e308, f64::MAX] {
        for signs in 0..1usize << dim {
            let z: Vec<f64> = (0..dim).map(|i| if signs >> i & 1 == 1 { -size } else { size }).collect();
            let ln_p = p.log_prob(&z);
            assert!(ln_p < 0.0, "{z:?}: {ln_p}");
        }
    }
}

#[test]
fn normal_has_its_derivatives() {
    for (dim, seed) in cases() {
        let p = normal(dim, seed);
        verify::pullback(&p, &numbers(dim, seed + 2, 1.0), &numbers(dim, seed + 3, 1.0))
            .unwrap()
            .within(1e-7)
            .unwrap();
        check_density(&p, &numbers(dim, seed + 4, 2.0));
        verify::kl_gradient(&p, &normal(dim, seed + 5)).unwrap().within(1e-7).unwrap();
        check_consistency(&p, seed);
    }
}

#[test]
fn normal_is_the_independent_one_for_a_diagonal_factor() {
    let (mu, sigma) = ([0.5, -1.0, 2.0], [0.3, 2.0, 1.1]);
    let factor = [0.3, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.1];
    let p = MultivariateNormal::new(&mu, &factor).unwrap();
    let q = Normal::new(&mu, &sigma).unwrap();
    let z = [0.1, 2.0, -1.0];
    assert_relative(p.log_prob(&z), q.log_prob(&z), 1e-15, 0.0, "density");
    assert_relative(p.entropy(), q.entropy(), 1e-15, 0.0, "entropy");
    let other = (Normal::standard(3).unwrap(), MultivariateNormal::standard(3).unwrap());
    assert_relative(p.kl(&other.1).unwrap(), q.kl(&other.0).unwrap(), 1e-15, 0.0, "divergence");
    let (mut a, mut b) = ([f64::NAN; 9], [f64::NAN; 6]);
    p.score(&z, &mut a);
    q.score(&z, &mut b);
    for i in 0..6 {
        assert_relative(a[i], b[i], 1e-14, 0.0, "score");
    }
}

#[test]
fn normal_draws_have_their_law() {
    for dim in [1, 2, 4] {
        let p = normal(dim, 7);
        check_moments(&p, &p.covariance(), 200_000, 8);
        let identities = verify::score_identities(&p, 20_000, &mut rng(9)).unwrap();
        assert!(identities.p_value() > 1e-4, "{dim}: {}", identities.p_value());
        check_divergence(&p, &normal(dim, 19), 100_000, 10);
        check_estimators_agree(&p, &wave(), 200_000, 11);
    }
}

#[test]
fn normal_divergence_is_zero_with_no_gradient_at_itself() {
    for (dim, seed) in cases() {
        let p = normal(dim, seed);
        let len = p.params().len();
        assert!(p.kl(&p).unwrap().abs() < 1e-14);
        let (mut dp, mut dq) = (vec![f64::NAN; len], vec![f64::NAN; len]);
        p.kl_gradient(&p, &mut dp, &mut dq).unwrap();
        assert!(dp.iter().chain(&dq).all(|d| d.abs() < 1e-12), "{dp:?} {dq:?}");
    }
}

#[test]
fn normal_from_a_covariance_has_it() {
    for (dim, seed) in cases() {
        let p = normal(dim, seed);
        let q = MultivariateNormal::from_covariance(p.mu(), &p.covariance()).unwrap();
        for (a, b) in p.params().iter().zip(q.params()) {
            assert_relative(*b, *a, 1e-10, 1e-12, "factor");
        }
    }
}

#[test]
fn normal_refuses_by_name() {
    check_refusals(&normal(1, 3));
    check_refusals(&normal(3, 3));
    check_far_out(&normal(1, 3));
    check_far_out(&normal(4, 3));
    type N = MultivariateNormal<f64>;
    assert!(matches!(N::new(&[], &[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(N::from_covariance(&[], &[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(N::standard(0), Err(Error::EmptySupport { .. })));
    let length = |found| Err(Error::Length { what: "scale_tril".into(), expected: 4, found });
    assert_eq!(N::new(&[0.0; 2], &[1.0; 3]), length(3));
    assert_eq!(N::new(&[0.0; 2], &[1.0; 5]), length(5));
    assert!(matches!(N::from_covariance(&[0.0; 2], &[1.0; 3]), Err(Error::Length { .. })));
    let error = N::new(&[0.0; 2], &[1.0, 0.5, 0.0, 1.0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameter scale_tril[1] is 0.5, expected 0: it is above the diagonal of a lower-triangular matrix"
    );
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(N::new(&[0.0; 2], &[1.0, 0.0, 0.0, bad]).is_err());
        assert!(N::from_covariance(&[0.0; 2], &[1.0, 0.0, 0.0, bad]).is_err());
    }
    assert!(N::new(&[f64::NAN, 0.0], &[1.0, 0.0, 0.0, 1.0]).is_err());
    let refused = |a: &[f64]| N::from_covariance(&[0.0; 2], a).unwrap_err().to_string();
    let symmetric = "parameter covariance[2] is 0.5, expected the value of its mirror image: \
                     the matrix must be symmetric";
    assert_eq!(refused(&[1.0, 0.25, 0.5, 1.0]), symmetric);
    let definite =
        "parameter covariance[3] is 1, expected more than the variance that earlier coordinates explain";
    assert!(refused(&[1.0, 2.0, 2.0, 1.0]).starts_with(definite));
    assert!(refused(&[1.0, 1.0, 1.0, 1.0]).starts_with(definite)); // of rank 1
    assert!(N::from_covariance(&[0.0; 2], &[1.0, 0.25 + 1e-16, 0.25, 1.0]).is_ok());
    // Of other shapes.
    let (p, q) = (normal(2, 3), normal(3, 3));
    assert!(matches!(p.kl(&q), Err(Error::Length { .. })));
    assert!(matches!(p.kl_gradient(&p, &mut [0.0; 4], &mut [0.0; 5]), Err(Error::Length { .. })));
    assert!(matches!(p.kl_gradient(&p, &mut [0.0; 5], &mut [0.0; 6]), Err(Error::Length { .. })));
}

#[test]
fn normal_of_a_scale_without_a_reciprocal_has_a_density() {
    let p = MultivariateNormal::new(&[0.0, 1.0], &[1e-320, 0.0, 0.0, 1.0]).unwrap();
    assert!(p.log_prob(&[0.0, 1.0]) > 700.0);
    for z in [[1.0, 1.0], [-1e-100, 0.0], [1e200, -1e200], [f64::MAX, f64::MIN]] {
        assert_eq!(p.log_prob(&z), f64::NEG_INFINITY);
    }
    let p = MultivariateNormal::new(&[0.0, 1.0], &[1.0, 0.0, 1.0, 1e-320]).unwrap();
    assert_eq!(p.log_prob(&[1.0, 1.0]), f64::NEG_INFINITY);
}

#[test]
fn noise_from_uniforms_is_mirrored() {
    let p = normal(2, 3);
    let mut noise = [0.025, -0.5 * 0.317];
    p.noise_from_uniforms(&mut noise);
    let before = noise;
    p.reflect(&mut noise);
    assert_eq!(noise, [-before[0], -before[1]]);
    assert!((before[0] + 1.959_963_984_540_054).abs() < 1e-14);
    let estimate = Pathwise.over(Antithetic).estimate(&p, &wave(), 1000, &mut rng(1));
    assert!(estimate.is_ok());
}

#[test]
fn single_precision_runs() {
    let p = MultivariateNormal::new(&[1.0f32, -1.0], &[0.5, 0.0, 0.25, 2.0]).unwrap();
    let f = Differentiable(|z: &[f32], dz: Option<&mut [f32]>| {
        if let Some(dz) = dz {
            dz.copy_from_slice(&[z[1], z[0]]);
        }
        z[0] * z[1]
    });
    let estimate = Pathwise.estimate(&p, &f, 10_000, &mut rng(1)).unwrap();
    // E z₁ z₂ = μ₁ μ₂ + L₁₁ L₂₁
    let exact = [-1.0, 1.0, 0.25, 0.0, 0.5];
    for (i, exact) in exact.into_iter().enumerate() {
        let error = estimate.moments().standard_error()[i];
        assert!((f64::from(estimate.gradient()[i]) - exact).abs() < 4.5 * error, "{i}");
    }
    let p64 = MultivariateNormal::new(&[1.0, -1.0], &[0.5, 0.0, 0.25, 2.0]).unwrap();
    assert!((f64::from(p.log_prob(&[0.5, 3.0])) - p64.log_prob(&[0.5, 3.0])).abs() < 1e-6);
    let t = MultivariateStudentT::new(&[50.0], &[1.0f32, -1.0], &[0.5, 0.0, 0.25, 2.0]).unwrap();
    let estimate = Pathwise.estimate(&t, &f, 20_000, &mut rng(1)).unwrap();
    // E z₁ z₂ = μ₁ μ₂ + L₁₁ L₂₁ ν/(ν − 2)
    let exact = [-0.25 / 48.0f64.powi(2), -1.0, 1.0, 0.25 * 50.0 / 48.0, 0.0, 0.5 * 50.0 / 48.0];
    for (i, exact) in exact.into_iter().enumerate() {
        let error = estimate.moments().standard_error()[i];
        assert!((f64::from(estimate.gradient()[i]) - exact).abs() < 4.5 * error, "{i}");
    }
    let p = LowRankNormal::new(&[1.0f32, -1.0], &[0.5, 0.25], &[0.3, 2.0]).unwrap();
    let estimate = Pathwise.estimate(&p, &f, 10_000, &mut rng(1)).unwrap();
    // E z₁ z₂ = μ₁ μ₂ + W₁ W₂
    let exact = [-1.0, 1.0, 0.25, 0.5, 0.0, 0.0];
    for (i, exact) in exact.into_iter().enumerate() {
        let error = estimate.moments().standard_error()[i];
        assert!((f64::from(estimate.gradient()[i]) - exact).abs() < 4.5 * error, "{i}");
    }
}

fn low_rank(dim: usize, rank: usize, seed: u64) -> LowRankNormal<f64> {
    let (mu, factor) = (numbers(dim, seed + 500, 1.5), numbers(dim * rank, seed + 1, 1.0));
    LowRankNormal::new(&mu, &factor, &positive(dim, seed)).unwrap()
}

#[test]
fn low_rank_has_its_derivatives() {
    for (dim, seed) in cases() {
        // Also more directions than coordinates.
        for rank in 1..=3 {
            let p = low_rank(dim, rank, seed);
            verify::pullback(&p, &numbers(dim + rank, seed + 2, 1.0), &numbers(dim, seed + 3, 1.0))
                .unwrap()
                .within(1e-7)
                .unwrap();
            check_density(&p, &numbers(dim, seed + 4, 2.0));
            verify::kl_gradient(&p, &low_rank(dim, rank, seed + 5)).unwrap().within(1e-7).unwrap();
            check_consistency(&p, seed);
        }
    }
}

#[test]
fn low_rank_is_the_full_one_of_the_same_covariance() {
    let full = |p: &LowRankNormal<f64>| MultivariateNormal::from_covariance(p.mu(), &p.covariance()).unwrap();
    for (dim, seed) in cases() {
        for rank in 1..=3 {
            let (p, q) = (low_rank(dim, rank, seed), low_rank(dim, rank, seed + 5));
            let z = numbers(dim, seed + 4, 2.0);
            assert_relative(p.log_prob(&z), full(&p).log_prob(&z), 1e-10, 1e-10, "density");
            assert_relative(p.entropy(), full(&p).entropy(), 1e-11, 1e-12, "entropy");
            assert_relative(p.kl(&q).unwrap(), full(&p).kl(&full(&q)).unwrap(), 1e-9, 1e-11, "divergence");
            let (mut a, mut b) = (vec![0.0; dim], vec![0.0; dim]);
            p.log_prob_gradient(&z, &mut a);
            full(&p).log_prob_gradient(&z, &mut b);
            for (a, b) in a.iter().zip(&b) {
                assert_relative(*a, *b, 1e-9, 1e-10, "gradient in z");
            }
            assert!(p.kl(&p).unwrap() < 1e-12);
        }
    }
}

#[test]
fn low_rank_keeps_its_digits_where_the_factor_is_long() {
    // Two directions, nearly the same: the sum of squares of the factor would lose one of them.
    let p = LowRankNormal::new(&[0.0; 3], &[1e9, 1e9, 1e9, 1e9, 1e9, 1e9 + 10.0], &[1.0; 3]).unwrap();
    // |C| of columns a = k(1, 1, 1), b = a + h e₃: 1 + |a|² + |b|² + |a|² |b|² − (a·b)², and the last two are 2 k² h².
    let (k, h) = (1e9, 10.0);
    let det: f64 = 1.0 + 3.0 * k * k + (2.0 * k * k + (k + h) * (k + h)) + 2.0 * k * k * h * h;
    let exact = 0.5 * det.ln() + 3.0 * 1.418_938_533_204_672_8;
    assert_relative(p.entropy(), exact, 1e-9, 0.0, "entropy");
}

#[test]
fn low_rank_draws_have_their_law() {
    for (dim, rank) in [(1, 1), (3, 2), (2, 3)] {
        let p = low_rank(dim, rank, 7);
        check_moments(&p, &p.covariance(), 200_000, 8);
        let identities = verify::score_identities(&p, 20_000, &mut rng(9)).unwrap();
        assert!(identities.p_value() > 1e-4, "{dim}: {}", identities.p_value());
        check_divergence(&p, &low_rank(dim, rank, 19), 100_000, 10);
        check_estimators_agree(&p, &wave(), 200_000, 11);
    }
}

#[test]
fn low_rank_refuses_by_name() {
    check_refusals(&low_rank(1, 1, 3));
    check_refusals(&low_rank(3, 2, 3));
    check_far_out(&low_rank(1, 2, 3));
    check_far_out(&low_rank(4, 2, 3));
    type N = LowRankNormal<f64>;
    assert!(matches!(N::new(&[], &[], &[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(N::new(&[0.0], &[], &[1.0]), Err(Error::EmptySupport { .. })));
    let length = Err(Error::Length { what: "factor".into(), expected: 4, found: 3 });
    assert_eq!(N::new(&[0.0; 2], &[1.0; 3], &[1.0; 2]), length);
    assert!(matches!(N::new(&[0.0; 2], &[1.0; 4], &[1.0; 3]), Err(Error::Length { .. })));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320] {
        let mut p = N::new(&[0.0; 2], &[1.0; 2], &[1.0; 2]).unwrap();
        let before = p.clone();
        match p.set_params(&[0.0, 0.0, 1.0, 1.0, 1.0, bad]) {
            Err(
                Error::ParameterDomain { parameter, index, .. }
                | Error::NonFiniteParameter { parameter, index, .. },
            ) => {
                assert_eq!((&*parameter, index), ("diagonal", 1));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(p, before);
        assert!(N::new(&[0.0; 2], &[1.0; 2], &[1.0, bad]).is_err());
    }
    // 12 parameters each.
    let (p, q) = (low_rank(2, 4, 1), low_rank(3, 2, 1));
    assert!(matches!(p.kl(&q), Err(Error::Length { .. })));
    assert!(matches!(p.kl_gradient(&p, &mut [0.0; 4], &mut [0.0; 12]), Err(Error::Length { .. })));
    assert!(matches!(p.kl_gradient(&p, &mut [0.0; 12], &mut [0.0; 11]), Err(Error::Length { .. })));
}

fn student(nu: f64, dim: usize, seed: u64) -> MultivariateStudentT<f64> {
    MultivariateStudentT::new(&[nu], &numbers(dim, seed + 500, 1.5), &triangle(dim, seed)).unwrap()
}

#[test]
fn student_has_its_derivatives() {
    for (dim, seed) in cases() {
        for nu in [0.3, 1.0, 2.7, 8.0, 60.0] {
            let p = student(nu, dim, seed);
            let mut noise = numbers(dim + 1, seed + 2, 1.0);
            noise[dim] = 0.49 * noise[dim].sin();
            // The field is that of the transform, and transports the density.
            let pullback = verify::pullback(&p, &noise, &numbers(dim, seed + 3, 1.0)).unwrap();
            pullback.within(1e-7).unwrap();
            let z = numbers(dim, seed + 4, 2.0);
            verify::continuity(&p, &z, |x, z| z.copy_from_slice(x)).unwrap().within(1e-7).unwrap();
            check_density(&p, &z);
        }
        check_consistency(&student(3.0, dim, seed), seed);
    }
}

#[test]
fn student_of_one_coordinate_is_the_scalar_one() {
    for nu in [0.2, 1.0, 3.5, 40.0, 1e3, 1e5, 1e7, 1e9, 1e12] {
        let p = MultivariateStudentT::new(&[nu], &[0.5], &[1.5]).unwrap();
        let q = StudentT::new(&[nu], &[0.5], &[1.5]).unwrap();
        assert_eq!(p.layout().range("lower"), Some(3..3));
        assert_relative(p.entropy(), q.entropy(), 1e-13, 0.0, "entropy");
        for z in [-1e200, -30.0, -1.0, 0.5, 0.50001, 2.0, 7.0, 1e6] {
            assert_relative(p.log_prob(&[z]), q.log_prob(&[z]), 1e-13, 1e-14, "density");
            let (mut a, mut b) = ([f64::NAN; 3], [f64::NAN; 3]);
            p.score(&[z], &mut a);
            q.score(&[z], &mut b);
            // The score of the scale is 0 at ±σ, but for rounding of 1/σ.
            for (i, floor) in [1e-13 / nu, 0.0, 1e-15].into_iter().enumerate() {
                assert_relative(a[i], b[i], 1e-12, floor, &format!("score {i} at {z}, {nu}"));
            }
            p.pullback(&[f64::NAN; 2], &[z], &[0.7], &mut a);
            q.pullback(&[f64::NAN], &[z], &[0.7], &mut b);
            for (i, tolerance) in [1e-11, 0.0, 1e-15].into_iter().enumerate() {
                assert_relative(a[i], b[i], tolerance, 0.0, &format!("pullback {i} at {z}, {nu}"));
            }
        }
    }
}

/// `d ln r/dν`: in two dimensions `1 − u = (1 + h)^(−ν/2)` with `h = r²/ν`; towards the normal limit `−(r² − D + 2)/(4ν²)` in any number.
#[test]
fn student_has_the_radius_that_is_known() {
    let found = |nu: f64, dim: usize, r: f64| {
        let factor: Vec<f64> = (0..dim * dim).map(|k| f64::from(u8::from(k % (dim + 1) == 0))).collect();
        let p = MultivariateStudentT::new(&[nu], &vec![0.0; dim], &factor).unwrap();
        let (mut z, mut dz, mut dtheta) = (vec![0.0; dim], vec![0.0; dim], vec![0.0; p.params().len()]);
        (z[dim - 1], dz[dim - 1]) = (r, 1.0 / r);
        p.pullback(&vec![f64::NAN; dim + 1], &z, &dz, &mut dtheta);
        dtheta[0]
    };
    for nu in [0.1, 1.0, 7.0, 79.0, 81.0, 1e3] {
        for r in [0.3f64, 1.0, 3.0, 20.0, 1e5] {
            let h = r * r / nu;
            let exact = 0.5 / nu * (1.0 - (1.0 + h) * h.ln_1p() / h);
            // The formula itself cancels where h is small.
            assert_relative(found(nu, 2, r), exact, 1e-11, 1e-15 / nu, &format!("{nu} {r}"));
        }
    }
    for dim in 1..=7 {
        for r in [0.5f64, 4.0] {
            let exact = -0.25 * (r * r + 2.0 - dim as f64) / 1e18;
            assert_relative(found(1e9, dim, r), exact, 1e-6, 0.0, &format!("{dim} {r}"));
        }
    }
}

#[test]
fn student_becomes_the_normal() {
    for (dim, seed) in cases() {
        let (p, q) = (student(1e11, dim, seed), normal(dim, seed));
        let z = numbers(dim, seed + 4, 2.0);
        let what = format!("density, {dim} {seed}");
        let r4 = (q.log_prob(&z) - q.log_prob(q.mu())).powi(2);
        assert_relative(p.log_prob(&z), q.log_prob(&z), 1e-10, 1e-11 * r4, &what);
        assert_relative(p.entropy(), q.entropy(), 1e-10, 1e-9, "entropy");
    }
}

#[test]
fn student_draws_have_their_law() {
    for dim in [1, 2, 3] {
        // The variance of a square is finite above 4, and its standard error is one above 8.
        let p = student(12.0, dim, 7);
        check_moments(&p, &p.covariance(), 200_000, 8);
        for nu in [0.8, 5.0] {
            let identities = verify::score_identities(&student(nu, dim, 7), 20_000, &mut rng(9)).unwrap();
            assert!(identities.p_value() > 1e-4, "{dim}: {}", identities.p_value());
        }
        check_estimators_agree(&student(6.0, dim, 7), &wave(), 200_000, 11);
    }
}

/// Draws from noise and draws by the fast sampler have one law: means of a bounded function, 4 standard errors.
#[test]
fn student_has_one_law_by_both_samplers() {
    for (nu, dim) in [(0.4, 1), (0.9, 2), (3.0, 4)] {
        let p = student(nu, dim, 7);
        let rows = 40_000;
        let (mut noise, mut a, mut b) =
            (vec![0.0; rows * (dim + 1)], vec![0.0; rows * dim], vec![0.0; rows * dim]);
        p.draw_noise(&mut rng(1), &mut noise);
        p.transform_block(&noise, DrawsMut::of(&mut a));
        p.draw_block(&mut rng(2), &mut noise, DrawsMut::of(&mut b));
        assert!(noise.iter().all(|e| e.is_nan()));
        let moments = |z: &[f64]| {
            let bounded = |z: &[f64]| z.iter().map(|z| z.atan()).sum::<f64>() + (z[0] * z[dim - 1]).tanh();
            let values: Vec<f64> = z.chunks_exact(dim).map(bounded).collect();
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n / n)
        };
        let ((a, s), (b, t)) = (moments(&a), moments(&b));
        assert!((a - b).abs() < 4.0 * (s + t).sqrt(), "{a} {b}");
    }
}

/// `E ln(1 + |y|²/ν) = ψ((ν + D)/2) − ψ(ν/2)`, exactly; with θ in the draw alone, its gradient for ν is that at a fixed ν′ = ν in f, which is
/// the whole derivative less `E ∂f/∂ν′ = −E (s/ν) = −D/(ν (ν + D))`. 4 standard errors, for pathwise and for the score function.
#[test]
fn student_expectations_are_exact() {
    use reparam::special::{digamma, trigamma};
    for (nu, dim) in [(0.7, 1), (1.5, 2), (4.0, 3), (9.0, 5)] {
        let p = student(nu, dim, 3);
        let standard = normal(dim, 3); // the same μ and L
        let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
            // |y|² = −2 (ln p(z) − ln p(μ)) of the normal.
            let square = -2.0 * (standard.log_prob(z) - standard.log_prob(standard.mu()));
            if let Some(dz) = dz {
                standard.log_prob_gradient(z, dz);
                for dz in dz {
                    *dz *= -2.0 / (nu + square);
                }
            }
            (square / nu).ln_1p()
        });
        let d = dim as f64;
        let value = digamma(0.5 * (nu + d)) - digamma(0.5 * nu);
        let whole = 0.5 * (trigamma(0.5 * (nu + d)) - trigamma(0.5 * nu));
        let exact = whole + d / (nu * (nu + d));
        let pathwise = Pathwise.estimate(&p, &f, 100_000, &mut rng(5)).unwrap();
        let score = ScoreFunction::new().estimate(&p, &f, 100_000, &mut rng(6)).unwrap();
        for estimate in [&pathwise, &score] {
            assert!((estimate.value() - value).abs() < 4.0 * estimate.value_standard_error());
            let error = estimate.moments().standard_error()[0];
            let found = estimate.gradient()[0];
            assert!((found - exact).abs() < 4.0 * error, "{nu}, {dim}: {found} {exact} ± {error}");
        }
    }
}

/// `E z₁² = μ₁² + L₁₁² ν/(ν − 2)`, with the derivative `−2 L₁₁²/(ν − 2)²` for ν; 4 standard errors, finite above ν = 4.
#[test]
fn student_second_moment_has_its_gradient() {
    let p = MultivariateStudentT::new(&[9.0], &[0.5, -1.0], &[1.5, 0.0, 0.4, 0.8]).unwrap();
    let f = Differentiable(|z: &[f64], dz: Option<&mut [f64]>| {
        if let Some(dz) = dz {
            dz.copy_from_slice(&[2.0 * z[0], 0.0]);
        }
        z[0] * z[0]
    });
    let estimate = Pathwise.estimate(&p, &f, 400_000, &mut rng(3)).unwrap();
    let (nu, l) = (9.0f64, 1.5f64);
    let exact = [-2.0 * l * l / (nu - 2.0).powi(2), 1.0, 0.0, 2.0 * l * nu / (nu - 2.0), 0.0, 0.0];
    for (i, exact) in exact.into_iter().enumerate() {
        let error = estimate.moments().standard_error()[i];
        assert!((estimate.gradient()[i] - exact).abs() <= 4.0 * error + 1e-14, "{i}");
    }
}

#[test]
fn student_has_the_moments_that_exist() {
    let of = |nu: f64| {
        let p = MultivariateStudentT::new(&[nu], &[0.5, 1.0], &[2.0, 0.0, 1.0, 1.0]).unwrap();
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        p.mean(&mut mean);
        p.variance(&mut variance);
        (mean, variance)
    };
    assert_eq!(of(4.0), ([0.5, 1.0], [8.0, 4.0]));
    assert_eq!(of(2.0), ([0.5, 1.0], [f64::INFINITY; 2]));
    let (mean, variance) = of(1.0);
    assert!(mean.iter().chain(&variance).all(|x| x.is_nan()));
}

#[test]
fn student_entropy_is_the_mean_surprise() {
    for (nu, dim) in [(0.6, 1), (2.0, 2), (7.0, 4)] {
        let p = student(nu, dim, 3);
        crate::common::check_entropy(&p, &vec![0.3; p.params().len()], 50_000, 4);
    }
}

#[test]
fn student_refuses_by_name_and_is_no_nan() {
    check_refusals(&student(2.0, 1, 3));
    check_refusals(&student(2.0, 3, 3));
    for nu in [1e-3, 2.0, 1e8] {
        check_far_out(&student(nu, 1, 3));
        check_far_out(&student(nu, 4, 3));
    }
    type S = MultivariateStudentT<f64>;
    assert!(matches!(S::new(&[1.0], &[], &[]), Err(Error::EmptySupport { .. })));
    assert!(matches!(S::new(&[1.0], &[0.0; 2], &[1.0; 3]), Err(Error::Length { .. })));
    assert!(matches!(S::new(&[1.0; 2], &[0.0; 2], &[1.0, 0.0, 0.0, 1.0]), Err(Error::Length { .. })));
    assert!(matches!(S::new(&[1.0], &[0.0; 2], &[1.0; 4]), Err(Error::ParameterDomain { index: 1, .. })));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(S::new(&[bad], &[0.0], &[1.0]).is_err());
        assert!(S::new(&[1.0], &[0.0], &[bad]).is_err());
        assert!(S::from_scale_matrix(&[bad], &[0.0], &[1.0]).is_err());
    }
    let error = S::from_scale_matrix(&[1.0], &[0.0; 2], &[1.0, 2.0, 2.0, 1.0]).unwrap_err();
    assert!(
        matches!(&error, Error::ParameterDomain { parameter, index: 3, .. } if parameter == "scale_matrix")
    );
    // A number of degrees or a scale without a reciprocal.
    for (nu, scale) in [(1e-320, 1.0), (1.0, 1e-320), (f64::MAX, 1.0)] {
        let p = S::new(&[nu], &[0.0; 2], &[scale, 0.0, 0.5, 1.0]).unwrap();
        for z in [[0.0, 0.0], [1.0, -1.0], [1e200, -1e200], [f64::MAX, f64::MIN]] {
            assert!(!p.log_prob(&z).is_nan(), "{nu} {scale} {z:?}");
        }
    }
    // The centre moves with μ alone, and no direction is the centre.
    let p = student(2.0, 2, 3);
    let (mut dtheta, mut z) = ([f64::NAN; 6], [f64::NAN; 2]);
    p.pullback(&[f64::NAN; 3], p.mu(), &[1.0, 2.0], &mut dtheta);
    assert_eq!(dtheta, [0.0, 1.0, 2.0, 0.0, 0.0, 0.0]);
    p.transform(&[0.0, 0.0, 0.3], &mut z);
    assert_eq!(z, p.mu());
    let antithetic = Pathwise.over(Antithetic).estimate(&student(5.0, 2, 3), &wave(), 1000, &mut rng(1));
    assert!(antithetic.unwrap().gradient().iter().all(|g| g.is_finite()));
}

/// Behind the doors that take any distribution: unconstrained parameters, a map, a node with lent heads, also without lower entries.
#[test]
fn the_rest_of_the_house_takes_them() {
    fn unconstrained<D: Reparameterizable<f64> + LogDensity<f64> + Clone>(p: D, z: &[f64]) {
        let p = Unconstrained::new(p).unwrap();
        verify::score(&p, z).unwrap().within(1e-7).unwrap();
    }
    let z = [0.3, -0.8];
    unconstrained(normal(2, 3), &z);
    unconstrained(low_rank(2, 1, 3), &z);
    unconstrained(student(3.0, 2, 3), &z);

    let map = reparam::bijections::AffineMap::new(&[1.0, -1.0], &[0.5, 2.0]).unwrap();
    let pushed = Transformed::new(student(3.0, 2, 3), map).unwrap();
    assert!(pushed.layout().check_score().is_ok());
    verify::score(&pushed, &z).unwrap().within(1e-7).unwrap();
    verify::continuity(&pushed, &z, |x, z| z.copy_from_slice(x)).unwrap().within(1e-6).unwrap();

    for dim in [1, 3] {
        let mut node = StochasticNode::new(student(3.0, dim, 3));
        let heads: Vec<Vec<f64>> =
            node.prototype().layout().iter().map(|part| vec![0.7; 2 * part.range.len()]).collect();
        let heads: Vec<&[f64]> = heads.iter().map(Vec::as_slice).collect();
        assert_eq!(node.forward(&heads, &mut rng(1)).unwrap().len(), 2 * dim);
        let mut gradients: Vec<Vec<f64>> = heads.iter().map(|head| vec![f64::NAN; head.len()]).collect();
        let mut lent: Vec<&mut [f64]> = gradients.iter_mut().map(Vec::as_mut_slice).collect();
        node.backward(&heads, &vec![1.0; 2 * dim], &mut lent).unwrap();
        assert!(gradients.iter().flatten().all(|g| g.is_finite()));
        assert_eq!(gradients[1], vec![1.0; 2 * dim]);
    }
}

#[test]
fn a_small_row_allocates_nothing() {
    fn check<D: Reparameterizable<f64> + DifferentiableLogDensity<f64>>(p: &D) {
        let (dim, len) = (p.dim(), p.params().len());
        let (mut noise, mut z, mut row) = (vec![0.0; p.noise_dim()], vec![0.0; dim], vec![0.0; len]);
        let (dz, mut generator) = (vec![1.0; dim], rng(1));
        let info = allocation_counter::measure(|| {
            p.draw_noise(&mut generator, &mut noise);
            p.transform(&noise, &mut z);
            p.pullback(&noise, &z, &dz, &mut row);
            p.score(&z, &mut row);
            p.log_prob_gradient(&z, &mut row[..dim]);
            row[0] = p.log_prob(&z);
            p.sample(&mut generator, &mut z);
        });
        assert_eq!(info.count_total, 0);
    }
    check(&normal(8, 3));
    check(&low_rank(8, 3, 3));
    check(&student(3.0, 8, 3));
}
