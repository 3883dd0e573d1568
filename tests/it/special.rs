//! Special functions against mpmath (`special.csv`, made by `generate_special.py`): one table of functions and
//! allowed errors.

use std::collections::BTreeMap;

use crate::common::Table;
use reparam::special::{
    digamma, normal_cdf, normal_log_cdf, normal_log_survival, normal_quantile, normal_quantile_from_log,
    normal_survival, student_t_integer_quantile, trigamma,
};

/// The largest relative error that each function's documentation promises.
const BUDGET: [(&str, f64); 9] = [
    ("digamma", 1e-15),
    ("trigamma", 1e-15),
    ("normal_quantile", 1e-15),
    ("normal_cdf", 1e-15),
    ("normal_survival", 1e-15),
    ("normal_ln_cdf", 1e-15),
    ("normal_ln_survival", 1e-15),
    ("normal_quantile_ln", 1e-15),
    ("student_t_quantile", 1e-11),
];

#[test]
fn every_function_keeps_its_error_budget() {
    let mut worst: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for row in Table::parse(include_str!("../data/special.csv")).rows() {
        let (name, x, exact) = (row.text("function"), row.number("x"), row.number("value"));
        let (found, size) = match name {
            // Absolute near the root.
            "digamma" => (digamma(x), exact.abs().max(1.0)),
            "trigamma" => (trigamma(x), exact.abs()),
            "normal_quantile" => (normal_quantile(x), exact.abs()),
            "normal_cdf" => (normal_cdf(x), exact.abs()),
            "normal_survival" => (normal_survival(x), exact.abs()),
            "normal_ln_cdf" => (normal_log_cdf(x), exact.abs()),
            "normal_ln_survival" => (normal_log_survival(x), exact.abs()),
            "normal_quantile_ln" => (normal_quantile_from_log(x), exact.abs()),
            "student_t_quantile" => (student_t_integer_quantile(x, row.number("y") as u64), exact.abs()),
            other => unreachable!("{other}"),
        };
        let error = (found - exact).abs() / size;
        let entry = worst.entry(name.into()).or_insert((0.0, x));
        if error > entry.0 || error.is_nan() {
            *entry = (error, x);
        }
    }
    println!("{worst:?}");
    assert_eq!(worst.len(), BUDGET.len());
    for (name, allowed) in BUDGET {
        let (error, x) = worst[name];
        assert!(error <= allowed, "{name}({x}): error {error:e}, allowed {allowed:e}");
    }
}

#[test]
fn quantiles_are_symmetric_and_have_the_documented_limits() {
    for u in [0.0078125, 0.25, 0.375, 0.5] {
        assert_eq!(normal_quantile(u), -normal_quantile(1.0 - u));
        assert_eq!(student_t_integer_quantile(u, 7), -student_t_integer_quantile(1.0 - u, 7));
    }
    assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
    assert_eq!(normal_quantile(1.0), f64::INFINITY);
    assert!(
        normal_quantile(-0.1f64).is_nan()
            && normal_quantile(1.1f64).is_nan()
            && normal_quantile(f64::NAN).is_nan()
    );
    for x in [0.0, -1.0, f64::NAN] {
        assert!(digamma(x).is_nan() && trigamma(x).is_nan());
    }
}
