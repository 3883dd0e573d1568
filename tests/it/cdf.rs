//! The CDF of every scalar family against its quantile function, in both tails.

use reparam::distributions::{FamilyCdf, NumericInverse, Quantile};
use reparam::prelude::*;
use reparam::{Probability, Real};

/// Signed tails, from the median outwards.
fn tails() -> impl Iterator<Item = f64> {
    [0.5, 0.4, 0.25, 0.1, 0.03, 1e-3, 1e-6, 1e-12, 2f64.powi(-77)].into_iter().flat_map(|u| [u, -u])
}

/// `F(F⁻¹(u)) = u`, to `tolerance` relative and what a rounding of z costs: `z p/u` units of it. A draw at an end of the support or at
/// infinity has lost its tail, rightly, and is not looked at.
#[track_caller]
fn check<T: Real, Q: Quantile<T> + FamilyCdf<T> + Density<T>>(
    family: &Q,
    theta: Q::Theta,
    shift: f64,
    tolerance: f64,
) {
    let mut looked_at = 0;
    for tail in tails() {
        let u = Probability::from_tail(T::of(tail));
        let z = family.quantile(u, theta);
        let density = family.ln_density(z, theta).f64().exp();
        if !z.is_finite() || z == T::zero() || !density.is_normal() {
            continue;
        }
        looked_at += 1;
        let found = family.cdf(z, theta);
        // Both written as the tail that u has.
        let side = |p: Probability<T>| if tail > 0.0 { p.lower().f64() } else { p.upper().f64() };
        let condition = (z.f64().abs() + shift) * density / side(u);
        let error = (side(found) / side(u) - 1.0).abs();
        let allowed = tolerance + 4.0 * T::epsilon().f64() * condition;
        assert!(error <= allowed, "{tail:e} -> {z} -> {:e}: {error:e}, allowed {allowed:e}", side(found));
    }
    assert!(looked_at >= 6, "{looked_at}");
}

#[test]
fn the_cdf_is_the_inverse_of_the_quantile_in_both_tails() {
    let bar = 1e-12;
    check(&ExponentialLaw, [0.3], 0.0, bar);
    for theta in [[1.5f64, 0.4], [-20.0, 7.0]] {
        check(&LogisticLaw, theta, theta[0].abs(), bar);
        check(&GumbelLaw, theta, theta[0].abs(), bar);
        check(&LaplaceLaw, theta, theta[0].abs(), bar);
        check(&CauchyLaw, theta, theta[0].abs(), bar);
        check(&UniformLaw, [theta[0], theta[0] + theta[1]], theta[0].abs(), bar);
        for nu in [0.3, 1.0, 4.5, 1e3] {
            check(&StudentTLaw, [nu, theta[0], theta[1]], theta[0].abs(), bar);
        }
    }
    for theta in [[0.7f64, 2.0], [3.0, 0.01], [40.0, 50.0]] {
        check(&WeibullLaw, theta, 0.0, bar);
        check(&ParetoLaw, theta, 0.0, bar);
        check(&KumaraswamyLaw, theta, 0.0, bar);
        check(&GammaLaw, theta, 0.0, bar);
        check(&LogGammaLaw, theta, theta[1].ln().abs(), bar);
        check(&InverseGammaLaw, theta, 0.0, bar);
        check(&ChiSquaredLaw, [theta[0]], 0.0, bar);
        check(&NumericInverse::new(InverseGaussianLaw), theta, 0.0, 1e-11);
        check(&VonMisesLaw, [0.4, theta[0]], 0.4, bar);
        check(&BetaLaw, theta, 0.0, bar);
        check(&LogitBetaLaw, theta, 0.0, bar);
    }
    // Shapes at which a draw itself would underflow.
    check(&LogGammaLaw, [1e-8, 3.0], 2.0, bar);
    check(&LogitBetaLaw, [1e-6, 2e-6], 0.0, bar);
}

#[test]
fn single_precision_keeps_both_tails_too() {
    let bar = 2e-6;
    check(&ExponentialLaw, [0.3f32], 0.0, bar);
    check(&LogisticLaw, [0.5f32, 2.0], 0.5, bar);
    check(&GumbelLaw, [0.5f32, 2.0], 0.5, bar);
    check(&LaplaceLaw, [0.5f32, 2.0], 0.5, bar);
    check(&CauchyLaw, [0.5f32, 2.0], 0.5, bar);
    check(&WeibullLaw, [1.5f32, 2.0], 0.0, bar);
    check(&GammaLaw, [1.5f32, 2.0], 0.0, bar);
    check(&BetaLaw, [1.5f32, 2.0], 0.0, bar);
    check(&StudentTLaw, [3.0f32, 0.5, 2.0], 0.5, bar);
}

#[test]
fn outside_the_support_the_cdf_is_exactly_0_or_1() {
    #[track_caller]
    fn check<Q: FamilyCdf<f64>>(family: &Q, theta: Q::Theta, below: &[f64], above: &[f64]) {
        for &z in below {
            let p = family.cdf(z, theta);
            assert_eq!((p.lower(), p.upper()), (0.0, 1.0), "{z}");
        }
        for &z in above {
            let p = family.cdf(z, theta);
            assert_eq!((p.lower(), p.upper()), (1.0, 0.0), "{z}");
        }
        assert!(family.cdf(f64::NAN, theta).lower().is_nan());
    }
    let inf = f64::INFINITY;
    let positive = [-inf, -1.0, 0.0];
    check(&ExponentialLaw, [2.0], &positive, &[inf]);
    check(&LogisticLaw, [1.0, 2.0], &[-inf], &[inf]);
    check(&GumbelLaw, [1.0, 2.0], &[-inf], &[inf]);
    check(&LaplaceLaw, [1.0, 2.0], &[-inf], &[inf]);
    check(&CauchyLaw, [1.0, 2.0], &[-inf], &[inf]);
    check(&WeibullLaw, [1.0, 2.0], &positive, &[inf]);
    check(&ParetoLaw, [1.0, 2.0], &[-inf, 0.0, 1.0], &[inf]);
    check(&UniformLaw, [1.0, 2.0], &[-inf, 0.0, 1.0], &[2.0, 3.0, inf]);
    check(&KumaraswamyLaw, [3.0, 2.0], &positive, &[1.0, 2.0, inf]);
    check(&GammaLaw, [3.0, 2.0], &positive, &[inf]);
    check(&LogGammaLaw, [3.0, 2.0], &[-inf], &[inf]);
    check(&InverseGammaLaw, [3.0, 2.0], &positive, &[inf]);
    check(&ChiSquaredLaw, [3.0], &positive, &[inf]);
    check(&NumericInverse::new(InverseGaussianLaw), [3.0, 2.0], &positive, &[inf]);
    check(&VonMisesLaw, [0.0, 2.0], &[-inf, -4.0], &[4.0, inf]);
    check(&BetaLaw, [3.0, 2.0], &positive, &[1.0, 2.0, inf]);
    check(&LogitBetaLaw, [3.0, 2.0], &[-inf], &[inf]);
    check(&StudentTLaw, [3.0, 1.0, 2.0], &[-inf], &[inf]);
}

#[test]
fn a_distribution_writes_its_cdf_as_the_noise_of_its_transform() {
    let weibull = Weibull::new(&[0.7, 2.0], &[1.0, 3.0]).unwrap();
    let noise = [0.1f64, -1e-9, -0.4, 1e-7];
    let (mut z, mut found) = ([0.0; 4], [0.0; 4]);
    weibull.transform_block(&noise, &mut z);
    weibull.cdf(&z, &mut found).unwrap();
    for (found, noise) in found.iter().zip(noise) {
        assert!((found / noise - 1.0).abs() < 1e-13, "{found} {noise}");
    }
    assert!(matches!(weibull.cdf(&z[..3], &mut found[..3]), Err(Error::Length { .. })));
    assert!(matches!(weibull.cdf(&z, &mut found[..3]), Err(Error::Length { .. })));
}
