//! The gamma functions against mpmath (`gamma_special.csv`, made by `generate_gamma.py`) and the reference tables.

use std::collections::BTreeMap;

use crate::common::Table;
use reparam::Probability;
use reparam::special::{
    gamma_cdf, gamma_cdf_gradient, gamma_implicit_gradient, gamma_log_implicit_gradient, gamma_log_quantile,
    gamma_quantile, gamma_survival, ln_beta, ln_gamma, mills_defect, mills_ratio,
};

/// The largest and the median relative error that each function's documentation promises.
const BUDGET: [(&str, f64, f64); 7] = [
    ("gamma_p", 1e-12, 1e-14),
    ("gamma_q", 1e-12, 1e-14),
    ("shape_derivative", 1e-13, 1e-15),
    ("ln_gamma", 1e-14, 1e-15),
    ("ln_beta", 1e-14, 1e-15),
    ("mills_ratio", 2e-15, 1e-15),
    ("mills_defect", 2e-15, 1e-15),
];

#[test]
fn every_gamma_function_keeps_its_error_budget() {
    let mut errors: BTreeMap<String, Vec<(f64, f64, f64)>> = BTreeMap::new();
    for row in Table::parse(include_str!("../data/gamma_special.csv")).rows() {
        let (name, x, exact) = (row.text("function"), row.number("x"), row.number("value"));
        let y = || row.number("y");
        let (found, size) = match name {
            "gamma_p" => (gamma_cdf(y(), x), exact),
            "gamma_q" => (gamma_survival(y(), x), exact),
            "shape_derivative" => (gamma_implicit_gradient(y(), x), exact),
            "ln_gamma" => (ln_gamma(x), exact.abs()),
            "ln_beta" => (ln_beta(x, y()), exact.abs().max(1.0)),
            "mills_ratio" => (mills_ratio(x), exact),
            "mills_defect" => (mills_defect(x), exact),
            other => unreachable!("{other}"),
        };
        let error = if found == exact { 0.0 } else { (found - exact).abs() / size };
        let y = if row.text("y").is_empty() { 0.0 } else { y() };
        errors.entry(name.into()).or_default().push((
            if error.is_nan() { f64::INFINITY } else { error },
            x,
            y,
        ));
    }
    assert_eq!(errors.len(), BUDGET.len());
    for (name, worst, median) in BUDGET {
        let list = errors.get_mut(name).unwrap();
        list.sort_by(|a, b| b.0.total_cmp(&a.0));
        println!("{name}: worst {:?} median {:e}", &list[..3], list[list.len() / 2].0);
        let (error, x, y) = list[0];
        assert!(error <= worst, "{name}({x}, {y}): error {error:e}, allowed {worst:e}");
        assert!(list[list.len() / 2].0 <= median, "{name}: median {:e}", list[list.len() / 2].0);
    }
}

/// The bars of the reference tables: 1e-13 up to a shape of 1000, 1e-12 above, 5e-7 in f32.
#[test]
fn the_shape_derivative_keeps_the_reference_table() {
    let (mut worst, mut worst_f32) = ([0.0f64; 2], 0.0f64);
    for row in Table::parse(include_str!("../data/gamma.csv")).rows() {
        let (alpha, z, exact) = (row.number("alpha"), row.number("z"), row.number("dz_dalpha"));
        let error = (gamma_implicit_gradient(z, alpha) / exact - 1.0).abs();
        let place = usize::from(alpha > 1000.5);
        worst[place] = worst[place].max(error);
        assert!(error <= [1e-13, 1e-12][place], "α = {alpha}, z = {z}: {error:e}");
        if row.number("f32") == 1.0 {
            let found =
                f64::from(gamma_implicit_gradient(f64::from(z as f32), f64::from(alpha as f32)) as f32);
            worst_f32 = worst_f32.max((found / exact - 1.0).abs());
        }
    }
    println!("dz/dα: worst {worst:?}, f32 {worst_f32:e}");
    assert!(worst_f32 <= 5e-7, "{worst_f32:e}");
}

#[test]
fn the_logarithmic_shape_derivative_keeps_the_reference_table() {
    let mut worst = [0.0f64; 2];
    for row in Table::parse(include_str!("../data/gamma_log.csv")).rows() {
        let (alpha, ln_z, exact) = (row.number("alpha"), row.number("log_z"), row.number("dlogz_dalpha"));
        let error = (gamma_log_implicit_gradient(ln_z, alpha) / exact - 1.0).abs();
        let place = usize::from(alpha > 1000.5);
        worst[place] = worst[place].max(error);
        assert!(error <= [1e-13, 1e-12][place], "α = {alpha}, ln z = {ln_z}: {error:e}");
    }
    println!("d ln z/dα: worst {worst:?}");
}

/// z and ln z of both tails down to 1e-300, put back into the CDF. The allowed error of the probability is what a rounding of z makes.
#[test]
fn quantiles_invert_both_tails() {
    let mut worst = 0.0f64;
    for alpha in [1e-8, 1e-3, 0.05, 0.3, 0.7, 1.0, 1.7, 2.6, 8.0, 33.0, 200.0, 251.0, 3e3, 1e6, 1e12] {
        for exponent in 0..=600 {
            let size = 0.49 * 10f64.powf(f64::from(exponent) * -0.5);
            for tail in [size, -size] {
                let u = Probability::from_tail(tail);
                let (z, ln_z) = (gamma_quantile(u, alpha), gamma_log_quantile(u, alpha));
                if z < f64::MIN_POSITIVE {
                    // The power law P = z^α/Γ(1 + α); rounding 1 + α costs the test 1e-16.
                    let found = alpha * ln_z - ln_gamma(1.0 + alpha);
                    let allowed = 1e-14 * u.ln_lower().abs() + 1.5e-16;
                    assert!((found - u.ln_lower()).abs() < allowed, "{alpha} {tail:e}: {ln_z}");
                    continue;
                }
                assert!((ln_z - z.ln()).abs() <= 4.0 * f64::EPSILON * ln_z.abs().max(1.0));
                let (found, exact) =
                    if tail > 0.0 { (gamma_cdf(z, alpha), tail) } else { (gamma_survival(z, alpha), -tail) };
                // z p/P: how much steeper than z the probability is.
                let kernel = (alpha * z.ln() - z - ln_gamma(alpha)).exp().min(1.0 + alpha);
                let steep = 1.0 + if alpha < 1e3 { kernel / exact } else { alpha.sqrt() * 40.0 };
                let error = (found / exact - 1.0).abs() / steep.max(exact.ln().abs());
                worst = worst.max(error);
                assert!(error < 8.0 * f64::EPSILON, "α = {alpha}, {tail:e}: z = {z:e}, P or Q = {found:e}");
            }
        }
    }
    println!("worst {:.1} ε", worst / f64::EPSILON);
}

#[test]
fn the_derivative_of_the_cdf_is_minus_the_density_times_that_of_the_quantile() {
    for (alpha, z) in [(1e-4, 1e-20), (0.3, 0.2), (2.0, 3.0), (2.0, 20.0), (40.0, 35.0), (1e4, 1.01e4)] {
        let p = (alpha * f64::ln(z) - z - ln_gamma(alpha)).exp() / z;
        let found = gamma_cdf_gradient(z, alpha);
        assert!(
            (found / (-p * gamma_implicit_gradient(z, alpha)) - 1.0).abs() < 1e-11,
            "{alpha} {z}: {found}"
        );
        let log = gamma_log_implicit_gradient(z.ln(), alpha);
        assert!((log * z / gamma_implicit_gradient(z, alpha) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn gamma_functions_have_the_documented_limits() {
    for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(gamma_cdf(1.0, alpha).is_nan() && gamma_survival(1.0, alpha).is_nan());
        assert!(gamma_implicit_gradient(1.0, alpha).is_nan());
        assert!(gamma_log_implicit_gradient(1.0, alpha).is_nan());
        assert!(gamma_quantile(Probability::from_lower(0.5), alpha).is_nan());
    }
    for alpha in
        [1e-320, 1e-300, 1e-8, 0.5, 1.0, 2.4, 3.0, 7.0, 12.0, 30.0, 100.0, 1e3, 1e5, 1e15, 1e100, 1e300]
    {
        assert_eq!((gamma_cdf(0.0, alpha), gamma_survival(0.0, alpha)), (0.0, 1.0));
        assert_eq!((gamma_cdf(-1.0, alpha), gamma_survival(-1.0, alpha)), (0.0, 1.0));
        assert_eq!((gamma_cdf(f64::INFINITY, alpha), gamma_survival(f64::INFINITY, alpha)), (1.0, 0.0));
        assert_eq!(gamma_implicit_gradient(0.0, alpha), 0.0);
        assert_eq!(gamma_implicit_gradient(-1.0, alpha), 0.0);
        assert_eq!(gamma_implicit_gradient(f64::INFINITY, alpha), f64::INFINITY);
        assert_eq!(gamma_log_implicit_gradient(f64::INFINITY, alpha), 0.0);
        assert_eq!(gamma_log_implicit_gradient(f64::NEG_INFINITY, alpha), f64::INFINITY);
        assert_eq!(gamma_cdf_gradient(0.0, alpha), 0.0);
        assert_eq!(gamma_quantile(Probability::from_lower(0.0), alpha), 0.0);
        assert_eq!(gamma_quantile(Probability::from_upper(0.0), alpha), f64::INFINITY);
        for exponent in -640..=616 {
            let z = 10f64.powf(f64::from(exponent) * 0.5);
            let (p, q) = (gamma_cdf(z, alpha), gamma_survival(z, alpha));
            assert!((p + q - 1.0).abs() < 1e-14, "P({alpha}, {z}) = {p}, Q = {q}");
            let (d, log) = (gamma_implicit_gradient(z, alpha), gamma_log_implicit_gradient(z.ln(), alpha));
            assert!(d >= 0.0 && log >= 0.0, "α = {alpha}, z = {z}: {d}, {log}");
            assert!(gamma_cdf_gradient(z, alpha) <= 0.0);
        }
    }
    assert_eq!((ln_gamma(0.0), ln_gamma(f64::INFINITY)), (f64::INFINITY, f64::INFINITY));
    assert!(ln_gamma(-1.0).is_nan() && ln_gamma(f64::NAN).is_nan() && ln_beta(0.0, 1.0).is_nan());
    assert!(mills_ratio(-1.0).is_nan() && mills_defect(f64::NAN).is_nan());
    assert_eq!((mills_ratio(f64::INFINITY), mills_defect(f64::INFINITY)), (0.0, 0.0));
}

/// The pieces of the tables meet: the derivative is continuous across every boundary in α and in z.
#[test]
fn the_shape_derivative_has_no_seams() {
    let both = |alpha: f64, z: f64| {
        let (low, high) = (1.0 - 1e-13, 1.0 + 1e-13);
        let corners = [(low, low), (low, high), (high, low), (high, high)];
        let values = corners.map(|(a, b)| gamma_implicit_gradient(z * b, alpha * a));
        let (least, most) =
            (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(0.0, f64::max));
        assert!(most / least - 1.0 < 2e-12, "α = {alpha}, z = {z}: {values:?}");
    };
    for alpha in [0.5, 1.0, 2.4999] {
        for z in [0.08, 0.4, 1.5, 1.55f64.exp(), 15.0] {
            both(alpha, z);
        }
    }
    let bands: [(f64, &[f64]); 12] = [
        (2.5, &[-1.2, -0.1, 0.9, 1.8]),
        (4.9, &[-1.2, -0.1, 0.9, 1.8]),
        (5.0, &[-1.6, -0.5, 0.6, 1.5, 0.0]),
        (10.0, &[-1.6, -0.2, 1.2, 0.5]),
        (19.0, &[-1.6, -0.2, 1.2]),
        (20.0, &[-1.3, -0.2, 0.9, 0.1]),
        (50.0, &[-0.8, 0.0, 0.7]),
        (240.0, &[-0.8, 0.0, 0.7]),
        (250.0, &[-0.37, 0.1, 0.34]),
        (2400.0, &[-0.37, 0.34]),
        (2500.0, &[-0.12, 0.0, 0.12]),
        (1e9, &[-0.12, 0.0, 0.12]),
    ];
    for (alpha, ts) in bands {
        for t in ts {
            both(alpha, alpha * t.exp());
        }
    }
}
