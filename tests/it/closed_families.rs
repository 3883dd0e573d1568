//! Half-normal, half-Cauchy, log-logistic, Gompertz, triangular, logit-normal and truncated normal: derivatives by differences, bad
//! inputs, ends of the support; and every scalar family at extreme parameters.

use crate::common::{
    assert_relative, check_entropy, check_log_prob_gradient, check_mean_score, check_pullback, check_score,
    rng,
};
use reparam::Real;
use reparam::distributions::{
    Density, FamilyCdf, GompertzFamily, HalfCauchyFamily, HalfNormalFamily, LogLogisticFamily, Quantile,
    TriangularFamily, TruncatedNormalFamily,
};
use reparam::prelude::*;
use reparam::{DifferentiableLogDensity, DrawsMut, Reparameterizable, UniformNoise};

/// Lower tails, the middle and upper tails.
const TAILS: [f64; 9] = [1e-9, 1e-3, 0.08, 0.3, 0.49, -0.4, -0.1, -1e-3, -1e-9];

/// Pullback at every tail, and score and log-density gradient at the draws; `scales` over which θ matters, and z as a share of its distance from what
/// is given.
#[track_caller]
fn check_derivatives<D>(distribution: &D, scales: &[f64], length: impl Fn(f64) -> f64, tails: &[f64])
where
    D: UniformNoise<f64> + DifferentiableLogDensity<f64> + Clone,
{
    for &tail in tails {
        let (mut noise, mut z) = ([tail], [0.0]);
        distribution.noise_from_uniforms(&mut noise);
        distribution.transform(&noise, &mut z);
        check_pullback(distribution, &noise, &[1.3], scales);
        check_log_prob_gradient(distribution, &z, &[length(z[0])]);
        // A parameter that moves the support must not move it over z.
        let moves = distribution.layout().check_score().is_err();
        let shorter: Vec<f64> = scales.iter().map(|&s| if moves { s.min(length(z[0])) } else { s }).collect();
        check_score(distribution, &z, &shorter);
    }
}

#[test]
fn half_normal_derivatives_hold() {
    for sigma in [0.3, 2.0] {
        let law = HalfNormal::new(&[sigma]).unwrap();
        check_derivatives(&law, &[sigma], |z| sigma.min(z), &TAILS);
        check_entropy(&law, &[sigma], 100_000, 1);
        check_mean_score(&law, 100_000, 4.0, 2);
    }
}

#[test]
fn half_cauchy_derivatives_hold() {
    for scale in [0.3, 2.0] {
        let law = HalfCauchy::new(&[scale]).unwrap();
        check_derivatives(&law, &[scale], |z| z, &TAILS);
        check_entropy(&law, &[scale], 100_000, 1);
        check_mean_score(&law, 100_000, 4.0, 2);
    }
}

#[test]
fn log_logistic_derivatives_hold() {
    for [scale, shape] in [[0.3f64, 1.0], [2.0, 5.0], [1.0, 0.5]] {
        let law = LogLogistic::new(&[scale], &[shape]).unwrap();
        let scales = [0.3 * scale / shape.max(1.0), 0.05 * shape];
        check_derivatives(&law, &scales, |z| 0.3 * z / shape.max(1.0), &TAILS);
        check_entropy(&law, &[scale, shape], 100_000, 1);
        check_mean_score(&law, 100_000, 4.0, 2);
    }
}

#[test]
fn gompertz_derivatives_hold() {
    for [shape, rate] in [[0.1f64, 2.0], [3.0, 0.5], [1e-4, 1.0]] {
        let law = Gompertz::new(&[shape], &[rate]).unwrap();
        let reach = 0.1 * (1.0 / shape).ln_1p() / rate;
        check_derivatives(&law, &[0.3 * shape, 0.02 * rate], |z| reach.min(z), &TAILS);
        check_entropy(&law, &[shape, rate], 100_000, 1);
        check_mean_score(&law, 100_000, 4.0, 2);
    }
}

#[test]
fn triangular_derivatives_hold() {
    for theta in [[0.0, 1.0, 4.0], [-3.0, 1.0, 1.5]] {
        let law = Triangular::new(&theta[..1], &theta[1..2], &theta[2..]).unwrap();
        let length = |z: f64| 0.3 * (z - theta[0]).min(theta[2] - z).min((z - theta[1]).abs());
        check_derivatives(&law, &[0.1; 3], length, &[1e-3, 0.08, 0.4, -0.4, -0.3, -0.08, -1e-3]);
        // The mode is the parameter whose score is valid; the others have an infinite variance.
        let mut rng = rng(3);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..100_000 {
            let (mut z, mut score) = ([0.0], [0.0; 3]);
            law.sample(&mut rng, &mut z);
            law.score(&z, &mut score);
            sum += score[1];
            squares += score[1] * score[1];
        }
        assert!(sum.abs() <= 4.0 * f64::sqrt(squares), "{sum} ± {}", squares.sqrt());
        let variance = 1.0 / ((theta[1] - theta[0]) * (theta[2] - theta[1]));
        assert_relative(squares / 1e5, variance, 0.02, 0.0, "variance of the mode's score");
        check_entropy(&law, &[0.1; 3], 100_000, 4);
        assert_eq!(
            law.layout().check_score(),
            Err(Error::SupportDependsOnParameter { parameter: "low".into() })
        );
    }
}

#[test]
fn logit_normal_derivatives_hold() {
    for [mu, sigma] in [[0.5, 1.0], [-4.0, 0.3], [1.0, 2.0]] {
        let law = LogitNormal::new(&[mu], &[sigma]).unwrap();
        check_derivatives(
            &law,
            &[sigma, sigma],
            |z| 0.1 * z * (1.0 - z) * sigma.min(1.0),
            &[1e-3, 0.08, 0.3, 0.49, -0.4, -0.1],
        );
        check_entropy(&law, &[sigma, 0.3 * sigma], 4_000, 1);
        check_mean_score(&law, 100_000, 4.0, 2);
    }
}

#[test]
fn truncated_normal_derivatives_hold() {
    for [mu, sigma, low, high] in [
        [0.5f64, 1.2, 0.0, 2.0],
        [0.0, 1.0, -1.0, 1.0],
        [0.538, 0.05, 0.809, 0.869],
        [0.0, 1.0, -9.0, -8.0],
        [1.0, 0.5, -2.0, 9.0],
    ] {
        let law = TruncatedNormal::new(&[mu], &[sigma], &[low], &[high]).unwrap();
        let far = ((mu - low) / sigma).abs().max(1.0);
        let scale = (0.3 * sigma / far).min(0.1 * (high - low));
        let length = |z: f64| 0.3 * (z - low).min(high - z).min(sigma);
        check_derivatives(&law, &[scale; 4], length, &[0.02, 0.3, 0.49, -0.4, -0.1]);
        check_entropy(&law, &[scale; 4], 4_000, 1);
        assert_eq!(
            law.layout().check_score(),
            Err(Error::SupportDependsOnParameter { parameter: "low".into() })
        );
        // μ and σ do not move the support: their scores have mean 0.
        let (mut rng, mut sums, mut squares) = (rng(5), [0.0; 2], [0.0; 2]);
        for _ in 0..100_000 {
            let (mut z, mut score) = ([0.0], [0.0; 4]);
            law.sample(&mut rng, &mut z);
            law.score(&z, &mut score);
            for i in 0..2 {
                sums[i] += score[i];
                squares[i] += score[i] * score[i];
            }
        }
        for i in 0..2 {
            assert!(sums[i].abs() <= 4.0 * f64::sqrt(squares[i]), "{i}: {} ± {}", sums[i], squares[i].sqrt());
        }
    }
}

#[test]
fn cdfs_invert_their_quantiles_in_both_tails() {
    #[track_caller]
    fn check<Q: Quantile<f64> + FamilyCdf<f64> + Density<f64>>(family: &Q, theta: Q::Theta, shift: f64) {
        for tail in TAILS.into_iter().chain([2f64.powi(-77), -(2f64.powi(-77))]) {
            let u = reparam::Probability::from_tail(tail);
            let z = family.quantile(u, theta);
            let side = |p: reparam::Probability<f64>| if tail > 0.0 { p.lower() } else { p.upper() };
            let condition = (z.abs() + shift) * family.log_density(z, theta).exp() / side(u);
            let error = (side(family.cdf(z, theta)) / side(u) - 1.0).abs();
            assert!(error <= 1e-12 + 4.0 * f64::EPSILON * condition, "{theta:?} {tail:e} {z}: {error:e}");
        }
        assert_eq!(family.cdf(f64::NEG_INFINITY, theta).lower(), 0.0);
        assert_eq!(family.cdf(f64::INFINITY, theta).upper(), 0.0);
        assert!(family.cdf(f64::NAN, theta).lower().is_nan());
    }
    check(&HalfNormalFamily, [2.0], 0.0);
    check(&HalfCauchyFamily, [2.0], 0.0);
    check(&LogLogisticFamily, [2.0, 3.0], 0.0);
    check(&GompertzFamily, [0.1, 2.0], 0.0);
    check(&GompertzFamily, [1e-6, 2.0], 0.0);
    check(&TriangularFamily, [-1.0, 0.5, 3.0], 3.0);
    check(&TruncatedNormalFamily, [0.5, 1.2, 0.0, 2.0], 2.0);
    check(&TruncatedNormalFamily, [0.538, 0.05, 0.809, 0.869], 1.0);
    check(&TruncatedNormalFamily, [0.0, 1.0, -41.0, -40.0], 41.0);
    check(&TruncatedNormalFamily, [0.0, 1.0, -3.0, 50.0], 50.0);
}

#[test]
fn bad_parameters_are_refused_by_name_index_and_value() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let name = |error: Option<Error>| match error {
        Some(
            Error::ParameterDomain { parameter, index: 0, .. }
            | Error::NonFiniteParameter { parameter, index: 0, .. },
        ) => parameter.into_owned(),
        other => format!("{other:?}"),
    };
    for bad in [0.0, -1.0, nan, inf, -inf] {
        let b = [bad];
        assert_eq!(name(HalfNormal::new(&b).err()), "sigma");
        assert_eq!(name(HalfCauchy::new(&b).err()), "scale");
        assert_eq!(name(LogLogistic::new(&b, &[1.0]).err()), "scale");
        assert_eq!(name(LogLogistic::new(&[1.0], &b).err()), "shape");
        assert_eq!(name(Gompertz::new(&b, &[1.0]).err()), "shape");
        assert_eq!(name(Gompertz::new(&[1.0], &b).err()), "rate");
        assert_eq!(name(LogitNormal::new(&[0.0], &b).err()), "sigma");
        assert_eq!(name(TruncatedNormal::new(&[0.0], &b, &[-1.0], &[1.0]).err()), "sigma");
        assert_eq!(name(TruncatedNormal::new(&[0.0], &[1.0], &[0.0], &b).err()), "high");
        assert_eq!(name(Triangular::new(&[0.0], &b, &[1.0]).err()), "mode");
        assert_eq!(name(Triangular::new(&[-1.0], &[0.0], &b).err()), "high");
    }
    for bad in [nan, inf, -inf] {
        assert_eq!(name(TruncatedNormal::new(&[bad], &[1.0], &[-1.0], &[1.0]).err()), "mu");
        assert_eq!(name(TruncatedNormal::new(&[0.0], &[1.0], &[bad], &[1.0]).err()), "low");
        assert_eq!(name(Triangular::new(&[bad], &[0.0], &[1.0]).err()), "low");
        assert_eq!(name(LogitNormal::new(&[bad], &[1.0]).err()), "mu");
    }
    assert!(matches!(LogLogistic::new(&[1.0; 2], &[1.0]).err(), Some(Error::Length { .. })));
    assert!(matches!(TruncatedNormal::above(&[1.0; 2], &[1.0; 2], &[1.0]).err(), Some(Error::Length { .. })));
    assert!(matches!(Triangular::<f64>::new(&[], &[], &[]).err(), Some(Error::EmptySupport { .. })));
    let mut law = Triangular::new(&[0.0], &[1.0], &[2.0]).unwrap();
    assert!(law.set_params(&[0.0, 3.0, 2.0]).is_err());
    assert_eq!(law.params(), [0.0, 1.0, 2.0]);
}

#[test]
fn outside_the_support_the_density_is_0_and_so_are_its_derivatives() {
    let inf = f64::INFINITY;
    macro_rules! check {
        ($law:expr, $outside:expr) => {{
            let law = $law.unwrap();
            for z in $outside {
                assert_eq!(law.log_prob(&[z]), -inf, "{z}");
                let (mut score, mut dz) = (vec![f64::NAN; law.params().len()], [f64::NAN]);
                law.score(&[z], &mut score);
                law.log_prob_gradient(&[z], &mut dz);
                if z.is_finite() {
                    assert!(score.iter().chain(&dz).all(|&x| x == 0.0), "{z}: {score:?} {dz:?}");
                }
            }
            assert!(law.log_prob(&[f64::NAN]).is_nan());
        }};
    }
    check!(HalfNormal::new(&[2.0]), [-1e-300, -1.0, -inf, inf]);
    check!(HalfCauchy::new(&[2.0]), [-1e-300, -1.0, -inf, inf]);
    check!(LogLogistic::new(&[2.0], &[0.7]), [-1e-300, -1.0, -inf, inf]);
    check!(LogLogistic::new(&[2.0], &[3.0]), [-1e-300, -1.0, -inf, inf]);
    check!(Gompertz::new(&[2.0], &[3.0]), [-1e-300, -1.0, -inf, inf]);
    check!(Triangular::new(&[0.0], &[1.0], &[3.0]), [-1e-300, -1.0, 3.1, -inf, inf]);
    check!(TruncatedNormal::new(&[0.0], &[1.0], &[1.0], &[3.0]), [0.9, 3.1, -inf, inf]);
    assert_eq!(LogitNormal::new(&[0.0], &[1.0]).unwrap().log_prob(&[1.0]), -inf);
    assert_eq!(LogitNormal::new(&[0.0], &[1.0]).unwrap().log_prob(&[-0.1]), -inf);
    // The kink.
    let (law, mut score, mut dz) = (Triangular::new(&[0.0], &[1.0], &[3.0]).unwrap(), [0.0; 3], [0.0]);
    law.score(&[1.0], &mut score);
    law.log_prob_gradient(&[1.0], &mut dz);
    assert_eq!((score[1], dz[0]), (0.5 * (0.5 - 1.0), 0.5 * (1.0 - 0.5)));
    // A log-logistic starts at 0, at a number or at infinity.
    let start = |shape: f64| LogLogistic::new(&[2.0], &[shape]).unwrap().log_prob(&[0.0]);
    assert_eq!((start(2.0), start(1.0), start(0.5)), (-inf, 0.5f64.ln(), inf));
}

#[test]
fn one_sided_truncation_is_as_good_as_infinite() {
    let above = TruncatedNormal::above(&[0.0], &[1.0], &[1.0]).unwrap();
    let (mut z, mut dtheta) = ([0.0], [0.0; 4]);
    above.transform(&[0.5], &mut z);
    above.pullback(&[0.5], &z, &[1.0], &mut dtheta);
    // Φ(x) = (1 + Φ(1))/2.
    let exact = -reparam::special::normal_quantile(0.5 * reparam::special::normal_survival(1.0));
    assert_relative(z[0], exact, 1e-15, 0.0, "median");
    assert_eq!(dtheta[3], 0.0);
    assert_relative(dtheta[0] + dtheta[2], 1.0, 1e-14, 0.0, "shift");
    let below = TruncatedNormal::below(&[0.0f32], &[1.0], &[-1.0]).unwrap();
    let mut low = [0.0f32];
    below.transform(&[0.5], &mut low);
    assert!((low[0] + exact as f32).abs() < 1e-6);
    // Untruncated: half of the largest number on both sides.
    let far = 0.5 * f64::MAX;
    let whole = TruncatedNormal::new(&[3.0], &[2.0], &[-far], &[far]).unwrap();
    whole.transform(&[0.025], &mut z);
    whole.pullback(&[0.025], &z, &[1.0], &mut dtheta);
    assert_relative(z[0], 3.0 - 2.0 * 1.959_963_984_540_054, 1e-14, 0.0, "quantile of a normal");
    assert_eq!(dtheta[2..], [0.0; 2]);
    assert_relative(dtheta[0], 1.0, 1e-14, 0.0, "dmu");
    assert_relative(dtheta[1], -1.959_963_984_540_054, 1e-14, 0.0, "dsigma");
    let (mut mean, mut variance) = ([0.0], [0.0]);
    whole.mean(&mut mean);
    whole.variance(&mut variance);
    assert_relative(mean[0], 3.0, 1e-13, 0.0, "mean");
    assert_relative(variance[0], 4.0, 1e-13, 0.0, "variance");
    assert_relative(whole.entropy(), Normal::new(&[3.0], &[2.0]).unwrap().entropy(), 1e-14, 0.0, "entropy");
    // On unconstrained parameters the far bound comes back to itself.
    let mut free = Unconstrained::new(above.clone()).unwrap();
    let phi = free.params().to_vec();
    free.set_params(&phi).unwrap();
    assert!(free.inner().high()[0] > 1e300);
}

/// Draws, pullbacks, log-densities and scores are numbers, or infinite, and never NaN: what is, by name.
fn nans<T: Real, D>(distribution: Result<D, Error>, what: &str, found: &mut Vec<String>)
where
    D: UniformNoise<T> + DifferentiableLogDensity<T>,
{
    // Refusing is an answer too.
    let Ok(law) = distribution else { return };
    let tiny = 2f64.powi(-77);
    let (mut rng, mut row, mut dz) = (rng(11), vec![T::zero(); law.params().len()], [T::zero()]);
    let mut see = |values: &[T], method: &str, z: &[T]| {
        if values.iter().any(|x| x.is_nan()) {
            found.push(format!("{what} {:?}: {method} {values:?} at {z:?}", law.params()));
        }
    };
    for tail in [tiny, -tiny, 1e-9, -1e-9, 0.1, 0.3, -0.2, 0.5 * (1.0 - f64::from(f32::EPSILON))] {
        let (mut noise, mut z, mut drawn) = ([T::of(tail)], [T::zero()], [T::zero()]);
        law.noise_from_uniforms(&mut noise);
        law.transform(&noise, &mut z);
        let mut own_noise = noise;
        law.draw_block(&mut rng, &mut own_noise, DrawsMut::of(&mut drawn));
        for (noise, z) in [(noise, z), (own_noise, drawn)] {
            see(&z, "draw", &[T::of(tail)]);
            // A draw that overflowed is reported by the engine before anything is made of it.
            if z[0].is_finite() {
                law.pullback(&noise, &z, &[T::one()], &mut row);
                see(&row, "pullback", &z);
                see(&[law.log_prob(&z)], "log_prob", &z);
                law.score(&z, &mut row);
                see(&row, "score", &z);
                law.log_prob_gradient(&z, &mut dz);
                see(&dz, "log_prob_gradient", &z);
            }
        }
    }
}

#[test]
fn extreme_parameters_never_give_nan() {
    fn all<T: Real>(extremes: &[f64], found: &mut Vec<String>) {
        let numbers: Vec<T> = extremes.iter().map(|&x| T::of(x)).collect();
        for &a in &numbers {
            nans::<T, _>(Exponential::new(&[a]), "exponential", found);
            nans::<T, _>(HalfNormal::new(&[a]), "half-normal", found);
            nans::<T, _>(HalfCauchy::new(&[a]), "half-Cauchy", found);
            nans::<T, _>(ChiSquared::new(&[a]), "chi-squared", found);
            for &b in &numbers {
                for mu in [T::zero(), T::one(), a, -a] {
                    nans::<T, _>(Normal::new(&[mu], &[b]), "normal", found);
                    nans::<T, _>(LogNormal::new(&[mu], &[b]), "log-normal", found);
                    nans::<T, _>(SoftplusNormal::new(&[mu], &[b]), "softplus normal", found);
                    nans::<T, _>(LogitNormal::new(&[mu], &[b]), "logit-normal", found);
                    nans::<T, _>(Logistic::new(&[mu], &[b]), "logistic", found);
                    nans::<T, _>(Gumbel::new(&[mu], &[b]), "gumbel", found);
                    nans::<T, _>(Laplace::new(&[mu], &[b]), "laplace", found);
                    nans::<T, _>(Cauchy::new(&[mu], &[b]), "cauchy", found);
                    nans::<T, _>(VonMises::new(&[mu], &[b]), "von mises", found);
                    nans::<T, _>(Uniform::new(&[mu], &[b]), "uniform", found);
                    nans::<T, _>(Triangular::new(&[-T::one()], &[mu], &[b]), "triangular", found);
                    for &nu in &numbers {
                        nans::<T, _>(StudentT::new(&[nu], &[mu], &[b]), "student", found);
                        nans::<T, _>(
                            TruncatedNormal::new(&[mu], &[nu], &[T::zero()], &[b]),
                            "truncated normal",
                            found,
                        );
                        nans::<T, _>(
                            TruncatedNormal::new(&[mu], &[nu], &[-b], &[T::one()]),
                            "truncated normal",
                            found,
                        );
                    }
                }
                nans::<T, _>(Weibull::new(&[b], &[a]), "weibull", found);
                nans::<T, _>(Pareto::new(&[a], &[b]), "pareto", found);
                nans::<T, _>(Kumaraswamy::new(&[a], &[b]), "kumaraswamy", found);
                nans::<T, _>(LogLogistic::new(&[a], &[b]), "log-logistic", found);
                nans::<T, _>(Gompertz::new(&[a], &[b]), "gompertz", found);
                nans::<T, _>(Gamma::from_rate(&[a], &[b]), "gamma", found);
                nans::<T, _>(LogGamma::from_rate(&[a], &[b]), "log-gamma", found);
                nans::<T, _>(InverseGamma::new(&[a], &[b]), "inverse gamma", found);
                nans::<T, _>(InverseGaussian::new(&[a], &[b]), "inverse gaussian", found);
                nans::<T, _>(Beta::new(&[a], &[b]), "beta", found);
                nans::<T, _>(LogitBeta::new(&[a], &[b]), "logit-beta", found);
            }
        }
    }
    let mut found = Vec::new();
    all::<f64>(&[1e-320, 1e-300, 1e-9, 1.0, 1e9, 1e300], &mut found);
    all::<f32>(&[1e-45, 1e-38, 1e-9, 1.0, 1e9, 1e38], &mut found);
    assert!(found.is_empty(), "{} of them:\n{}", found.len(), found.join("\n"));
}

/// A hundred thousand draws in single precision, and everything that is made of them; a draw never leaves its interval.
#[test]
fn single_precision_is_finite() {
    #[track_caller]
    fn check<D: Reparameterizable<f32> + DifferentiableLogDensity<f32>>(
        law: Result<D, Error>,
        low: f32,
        high: f32,
    ) {
        let law = law.unwrap();
        let (mut rng, mut row) = (rng(9), vec![0.0f32; law.params().len()]);
        let (mut noise, mut z, mut dz) = ([0.0f32], [0.0f32], [0.0f32]);
        for _ in 0..100_000 {
            law.draw_noise(&mut rng, &mut noise);
            law.transform(&noise, &mut z);
            assert!(z[0] >= low && z[0] <= high && law.log_prob(&z).is_finite(), "{noise:?} -> {z:?}");
            law.pullback(&noise, &z, &[1.0], &mut row);
            assert!(row.iter().all(|g| g.is_finite()), "pullback at {noise:?}: {row:?}");
            law.log_prob_gradient(&z, &mut dz);
            assert!(dz[0].is_finite() || z[0] == low || z[0] == high);
        }
    }
    let far = f32::MAX;
    check(HalfNormal::new(&[2.0]), 0.0, far);
    check(HalfCauchy::new(&[2.0]), 0.0, far);
    check(LogLogistic::new(&[2.0], &[3.0]), 0.0, far);
    check(Gompertz::new(&[0.1], &[2.0]), 0.0, far);
    check(LogitNormal::new(&[0.5], &[1.0]), 0.0, 1.0);
    check(TruncatedNormal::new(&[0.538], &[0.05], &[0.809], &[0.869]), 0.809, 0.869);
    check(TruncatedNormal::new(&[0.0], &[1.0], &[-41.0], &[-40.0]), -41.0, -40.0);
    check(TruncatedNormal::above(&[0.0], &[1.0], &[-0.5]), -0.5, far);
}
