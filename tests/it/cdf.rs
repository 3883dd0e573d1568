//! The CDF of every scalar family against its quantile function, in both tails.

use reparam::distributions::*;
use reparam::prelude::*;
use reparam::{DrawsMut, Probability, Real};

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
        let density = family.log_density(z, theta).f64().exp();
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
    check(&ExponentialFamily, [0.3], 0.0, bar);
    for theta in [[1.5f64, 0.4], [-20.0, 7.0]] {
        check(&LogisticFamily, theta, theta[0].abs(), bar);
        check(&GumbelFamily, theta, theta[0].abs(), bar);
        check(&LaplaceFamily, theta, theta[0].abs(), bar);
        check(&CauchyFamily, theta, theta[0].abs(), bar);
        check(&UniformFamily, [theta[0], theta[0] + theta[1]], theta[0].abs(), bar);
        for nu in [0.3, 1.0, 4.5, 1e3] {
            check(&StudentTFamily, [nu, theta[0], theta[1]], theta[0].abs(), bar);
        }
    }
    for theta in [[0.7f64, 2.0], [3.0, 0.01], [40.0, 50.0]] {
        check(&WeibullFamily, [theta[1], theta[0]], 0.0, bar);
        check(&ParetoFamily, theta, 0.0, bar);
        check(&FrechetFamily, [theta[1], theta[0]], 0.0, bar);
        check(&KumaraswamyFamily, theta, 0.0, bar);
        check(&GammaFamily, theta, 0.0, bar);
        check(&LogGammaFamily, theta, theta[1].ln().abs(), bar);
        check(&InverseGammaFamily, theta, 0.0, bar);
        check(&ChiSquaredFamily, [theta[0]], 0.0, bar);
        check(&NumericInverse::new(InverseGaussianFamily), theta, 0.0, 1e-11);
        check(&VonMisesFamily, [0.4, theta[0]], 0.4, bar);
        check(&BetaFamily, theta, 0.0, bar);
        check(&LogitBetaFamily, theta, 0.0, bar);
    }
    for sigma in [0.2f64, 50.0] {
        check(&HalfNormalFamily, [sigma], 0.0, bar);
        check(&HalfCauchyFamily, [sigma], 0.0, bar);
    }
    for theta in [[0.7f64, 2.0], [3.0, 0.5], [40.0, 50.0]] {
        check(&LogLogisticFamily, theta, 0.0, bar);
        check(&GompertzFamily, theta, 0.0, bar);
    }
    check(&TriangularFamily, [-1.0, 0.5, 3.0], 1.0, bar);
    check(&TruncatedNormalFamily, [0.3, 2.0, -1.0, 4.0], 1.0, bar);
    // Shapes at which a draw itself would underflow.
    check(&LogGammaFamily, [1e-8, 3.0], 2.0, bar);
    check(&LogitBetaFamily, [1e-6, 2e-6], 0.0, bar);
}

#[test]
fn single_precision_keeps_both_tails_too() {
    let bar = 2e-6;
    check(&ExponentialFamily, [0.3f32], 0.0, bar);
    check(&LogisticFamily, [0.5f32, 2.0], 0.5, bar);
    check(&GumbelFamily, [0.5f32, 2.0], 0.5, bar);
    check(&LaplaceFamily, [0.5f32, 2.0], 0.5, bar);
    check(&CauchyFamily, [0.5f32, 2.0], 0.5, bar);
    check(&WeibullFamily, [2.0f32, 1.5], 0.0, bar);
    check(&GammaFamily, [1.5f32, 2.0], 0.0, bar);
    check(&BetaFamily, [1.5f32, 2.0], 0.0, bar);
    check(&StudentTFamily, [3.0f32, 0.5, 2.0], 0.5, bar);
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
    check(&ExponentialFamily, [2.0], &positive, &[inf]);
    check(&LogisticFamily, [1.0, 2.0], &[-inf], &[inf]);
    check(&GumbelFamily, [1.0, 2.0], &[-inf], &[inf]);
    check(&LaplaceFamily, [1.0, 2.0], &[-inf], &[inf]);
    check(&CauchyFamily, [1.0, 2.0], &[-inf], &[inf]);
    check(&WeibullFamily, [2.0, 1.0], &positive, &[inf]);
    check(&ParetoFamily, [1.0, 2.0], &[-inf, 0.0, 1.0], &[inf]);
    check(&FrechetFamily, [1.0, 2.0], &positive, &[inf]);
    check(&UniformFamily, [1.0, 2.0], &[-inf, 0.0, 1.0], &[2.0, 3.0, inf]);
    check(&KumaraswamyFamily, [3.0, 2.0], &positive, &[1.0, 2.0, inf]);
    check(&GammaFamily, [3.0, 2.0], &positive, &[inf]);
    check(&LogGammaFamily, [3.0, 2.0], &[-inf], &[inf]);
    check(&InverseGammaFamily, [3.0, 2.0], &positive, &[inf]);
    check(&ChiSquaredFamily, [3.0], &positive, &[inf]);
    check(&NumericInverse::new(InverseGaussianFamily), [3.0, 2.0], &positive, &[inf]);
    check(&VonMisesFamily, [0.0, 2.0], &[-inf, -4.0], &[4.0, inf]);
    check(&BetaFamily, [3.0, 2.0], &positive, &[1.0, 2.0, inf]);
    check(&LogitBetaFamily, [3.0, 2.0], &[-inf], &[inf]);
    check(&StudentTFamily, [3.0, 1.0, 2.0], &[-inf], &[inf]);
    check(&HalfNormalFamily, [2.0], &positive, &[inf]);
    check(&HalfCauchyFamily, [2.0], &positive, &[inf]);
    check(&LogLogisticFamily, [3.0, 2.0], &positive, &[inf]);
    check(&GompertzFamily, [3.0, 2.0], &positive, &[inf]);
    check(&TriangularFamily, [-1.0, 0.0, 2.0], &[-inf, -2.0, -1.0], &[2.0, 3.0, inf]);
    check(&TruncatedNormalFamily, [0.0, 1.0, -1.0, 2.0], &[-inf, -2.0, -1.0], &[2.0, 3.0, inf]);
}

#[test]
fn a_distribution_writes_its_cdf_as_the_noise_of_its_transform() {
    let weibull = Weibull::new(&[1.0, 3.0], &[0.7, 2.0]).unwrap();
    let noise = [0.1f64, -1e-9, -0.4, 1e-7];
    let (mut z, mut found) = ([0.0; 4], [0.0; 4]);
    weibull.transform_block(&noise, DrawsMut::of(&mut z));
    weibull.cdf_tails(&z, &mut found).unwrap();
    for (found, noise) in found.iter().zip(noise) {
        assert!((found / noise - 1.0).abs() < 1e-13, "{found} {noise}");
    }
    let tails: Vec<_> = weibull.cdf(&z).unwrap().iter().map(|p| p.tail()).collect();
    assert_eq!(tails, found);
    assert!(matches!(weibull.cdf(&z[..3]), Err(Error::Length { .. })));
    assert!(matches!(weibull.cdf_tails(&z[..3], &mut found[..3]), Err(Error::Length { .. })));
    assert!(matches!(weibull.cdf_tails(&z, &mut found[..3]), Err(Error::Length { .. })));
}

/// What a new family needs beside its file, read from the sources: this test is red until it is there.
#[test]
fn every_family_is_checked_here_and_named_in_the_table_and_the_changelog() {
    macro_rules! source {
        ($path:literal) => {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), $path))
        };
    }
    fn families(module: &str) -> impl Iterator<Item = &str> {
        let words = module.split(|c: char| !c.is_alphanumeric());
        words
            .filter_map(|word| word.strip_suffix("Family"))
            .filter(|name| !name.is_empty() && *name != "Count")
    }
    let checks = include_str!("cdf.rs");
    let changelog = source!("/CHANGELOG.md");
    let documented = source!("/src/distributions/mod.rs");
    let rows: Vec<_> = documented.lines().filter(|line| line.starts_with("//! |")).collect();

    let scalar: Vec<_> = families(source!("/src/distributions/scalar/mod.rs")).collect();
    let counts: Vec<_> = families(source!("/src/distributions/discrete/counts/mod.rs")).collect();
    assert!(scalar.len() >= 25 && counts.len() >= 4, "{scalar:?} {counts:?}");
    for name in &scalar {
        let by_quantile = checks.matches(&format!("check(&{name}Family,")).count();
        let by_cdf = checks.matches(&format!("check(&NumericInverse::new({name}Family),")).count();
        assert!(
            by_quantile + by_cdf >= 2,
            "the CDF of {name} is not checked inside and outside of its support"
        );
    }
    for name in scalar.iter().chain(&counts) {
        let word = format!("`{name}`");
        assert!(
            rows.iter().any(|row| row.contains(&word)),
            "no row for {name} in the table of distributions"
        );
        assert!(changelog.contains(&word), "{name} is not in CHANGELOG.md");
    }
}
