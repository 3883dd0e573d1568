//! The von Mises functions against mpmath (`von_mises_special.csv`, made by `generate_von_mises.py`) and the reference table.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use crate::common::Table;
use reparam::Probability;
use reparam::special::{
    bessel_i0_scaled, bessel_ratio, bessel_ratio_complement, bessel_ratio_derivative,
    von_mises_implicit_gradient, von_mises_quantile, von_mises_survival,
};

/// The largest and the median relative error that each function's documentation promises.
const BUDGET: [(&str, f64, f64); 6] = [
    ("bessel_i0_scaled", 1e-15, 5e-16),
    ("bessel_ratio", 1e-15, 5e-16),
    ("bessel_ratio_complement", 1e-15, 5e-16),
    ("bessel_ratio_derivative", 4e-15, 1e-15),
    ("survival", 1e-13, 1e-14),
    ("concentration_derivative", 1e-13, 1e-14),
];

#[test]
fn every_von_mises_function_keeps_its_error_budget() {
    let mut errors: BTreeMap<String, Vec<(f64, f64, f64)>> = BTreeMap::new();
    for row in Table::parse(include_str!("../data/von_mises_special.csv")).rows() {
        let (name, kappa, exact) = (row.text("function"), row.number("x"), row.number("value"));
        let x = if row.text("y").is_empty() { 0.0 } else { row.number("y") };
        let found = match name {
            "bessel_i0_scaled" => bessel_i0_scaled(kappa),
            "bessel_ratio" => bessel_ratio(kappa),
            "bessel_ratio_complement" => bessel_ratio_complement(kappa),
            "bessel_ratio_derivative" => bessel_ratio_derivative(kappa),
            "survival" => von_mises_survival(x, kappa),
            "concentration_derivative" => von_mises_implicit_gradient(x, kappa),
            other => unreachable!("{other}"),
        };
        let error = ((found - exact) / exact).abs();
        errors.entry(name.into()).or_default().push((
            if error.is_nan() { f64::INFINITY } else { error },
            kappa,
            x,
        ));
    }
    assert_eq!(errors.len(), BUDGET.len());
    for (name, list) in &mut errors {
        list.sort_by(|a, b| b.0.total_cmp(&a.0));
        println!("{name}: worst {:?} median {:e}", &list[..3], list[list.len() / 2].0);
    }
    for (name, worst, median) in BUDGET {
        let list = &errors[name];
        let (error, kappa, x) = list[0];
        assert!(error <= worst, "{name}({kappa}, {x}): error {error:e}, allowed {worst:e}");
        assert!(list[list.len() / 2].0 <= median, "{name}: median {:e}", list[list.len() / 2].0);
    }
}

/// The bars of the reference table: 1e-13 in f64 and 1e-6 in f32, on both sides of κ = 10.
#[test]
fn the_concentration_derivative_keeps_the_reference_table() {
    let (mut worst, mut worst_f32) = (0.0f64, 0.0f64);
    for row in Table::parse(include_str!("../data/vonmises.csv")).rows() {
        let (kappa, x, exact) = (row.number("kappa"), row.number("x"), row.number("dx_dkappa"));
        let error = (von_mises_implicit_gradient(x, kappa) / exact - 1.0).abs();
        worst = worst.max(error);
        assert!(error <= 1e-13, "κ = {kappa}, x = {x}: {error:e}");
        if row.number("f32") == 1.0 {
            let (kappa, x) = (f64::from(kappa as f32), f64::from(x as f32));
            let found = f64::from(von_mises_implicit_gradient(x, kappa) as f32);
            worst_f32 = worst_f32.max((found / exact - 1.0).abs());
        }
    }
    println!("dx/dκ: worst {worst:e}, f32 {worst_f32:e}");
    assert!(worst_f32 <= 1e-6, "{worst_f32:e}");
}

#[test]
fn von_mises_quantiles_invert_both_tails() {
    for kappa in [1e-300, 1e-6, 0.1, 1.0, 3.0, 9.0, 30.0, 1e3, 1e6, 1e12] {
        for exponent in 0..=120 {
            let size = 0.49 * 10f64.powf(f64::from(exponent) * -0.25);
            let x = von_mises_quantile(Probability::from_tail(-size), kappa);
            assert_eq!(von_mises_quantile(Probability::from_tail(size), kappa), -x);
            let found = von_mises_survival(x, kappa);
            // How much steeper than x the tail is; near π what is left of the period counts, and x is known to a few ulp.
            let steep = 1.0 + kappa * x * x.sin();
            let near_end = (1.0 + kappa.sqrt()) * (-2.0 * kappa).exp() / size;
            let allowed = 4e-14 + 5e-16 * steep + 3e-15 * near_end;
            assert!((found / size - 1.0).abs() < allowed, "κ = {kappa}, {size:e}: {x}, {found:e}");
        }
    }
}

#[test]
fn von_mises_functions_have_the_documented_limits() {
    for kappa in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(von_mises_survival(1.0, kappa).is_nan());
        assert!(von_mises_implicit_gradient(1.0, kappa).is_nan());
        assert!(von_mises_quantile(Probability::from_lower(0.3), kappa).is_nan());
    }
    for kappa in [0.0, 1e-320, 1e-10, 0.5, 2.0, 4.0, 6.0, 8.0, 12.0, 17.0, 30.0, 100.0, 1e4, 1e100, 1e300] {
        assert!(von_mises_implicit_gradient(4.0f64, kappa).is_nan());
        assert_eq!(von_mises_implicit_gradient(0.0, kappa), 0.0);
        assert_eq!(von_mises_quantile(Probability::from_tail(0.5), kappa), 0.0);
        assert_eq!(von_mises_quantile(Probability::from_upper(0.0), kappa), PI);
        for i in 0..=3141 {
            let x = f64::from(i) * 1e-3;
            let slope = von_mises_implicit_gradient(x, kappa);
            assert!(slope <= 0.0 && slope == -von_mises_implicit_gradient(-x, kappa), "{kappa} {x}: {slope}");
            let tail = von_mises_survival(x, kappa);
            assert!((0.0..=0.5 + 1e-15).contains(&tail), "{kappa} {x}: {tail}");
        }
    }
    assert!(bessel_i0_scaled(-1.0).is_nan() && bessel_ratio(f64::NAN).is_nan());
    assert!(bessel_ratio_complement(-1.0).is_nan() && bessel_ratio_derivative(-1.0).is_nan());
    assert_eq!((bessel_i0_scaled(0.0), bessel_ratio(0.0), bessel_ratio_derivative(0.0)), (1.0, 0.0, 0.5));
}

/// The pieces of the tables meet, and the quadrature beyond them.
#[test]
fn the_concentration_derivative_has_no_seams() {
    let ends = [1.0, 2.5, 5.0, 7.5, 10.0, 14.0, 20.0, 50.0, 200.0];
    let cosines = [-0.9, -0.7, -0.5, -0.3, -0.1, 0.0, 0.1, 0.3, 0.4, 0.5, 0.55, 0.65, 0.88, 0.99];
    for kappa in ends.into_iter().chain([0.5, 2.0, 3.0, 6.0, 8.0, 12.0, 17.0, 30.0, 100.0, 1e3]) {
        for cosine in cosines {
            let x = f64::acos(cosine);
            let (low, high) = (1.0 - 1e-14, 1.0 + 1e-14);
            let values = [(low, low), (low, high), (high, low), (high, high)]
                .map(|(a, b)| -von_mises_implicit_gradient(x * b, kappa * a));
            let (least, most) =
                (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(0.0, f64::max));
            // Near π the derivative is steep: sin x and the layer of width 1/κ.
            let steep = 1.0 + kappa.min(100.0);
            assert!(most / least - 1.0 < 2e-13 * steep, "κ = {kappa}, cos x = {cosine}: {values:?}");
        }
    }
}
