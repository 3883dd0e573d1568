//! The incomplete beta function and Student's t against mpmath (`incomplete_beta.csv`, made by `generate_beta.py`) and against the wide
//! grids of implicit derivatives (`beta.csv`, `studentt.csv`).

use std::collections::BTreeMap;

use crate::common::Table;
use reparam::Probability;
use reparam::special::*;

/// Largest and median relative error that is allowed: (function, worst, median).
const BUDGET: [(&str, f64, f64); 11] = [
    ("incomplete_beta", 1e-12, 1e-13),
    ("incomplete_beta_upper", 1e-12, 1e-13),
    ("incomplete_beta_log_odds", 1e-12, 1e-13),
    ("incomplete_beta_gradient", 1e-12, 1e-13),
    ("beta_implicit_gradient", 1e-12, 1e-13),
    ("beta_log_odds_implicit_gradient", 1e-12, 1e-13),
    ("beta_quantile", 1e-12, 1e-13),
    ("student_t_cdf", 1e-12, 1e-13),
    ("student_t_cdf_gradient", 1e-12, 1e-13),
    ("student_t_implicit_gradient", 1e-13, 1e-14),
    ("student_t_inverse", 1e-12, 1e-13),
];

/// Relative errors by function.
#[derive(Default)]
struct Errors(BTreeMap<&'static str, Vec<(f64, String)>>);

impl Errors {
    fn note(&mut self, function: &'static str, found: f64, exact: f64, at: impl Fn() -> String) {
        let error = if found == exact { 0.0 } else { (found / exact - 1.0).abs() };
        self.0.entry(function).or_default().push((if error.is_nan() { f64::INFINITY } else { error }, at()));
    }

    /// (worst, where, median).
    fn summary(&mut self, function: &str) -> (f64, String, f64) {
        let errors = self.0.get_mut(function).unwrap();
        errors.sort_by(|p, q| p.0.total_cmp(&q.0));
        let (worst, at) = errors.last().unwrap().clone();
        (worst, at, errors[errors.len() / 2].0)
    }
}

/// A probability from its two tails as f64 can hold them.
fn probability(lower: f64, upper: f64) -> Probability<f64> {
    if lower < upper { Probability::from_lower(lower) } else { Probability::from_upper(upper) }
}

#[test]
fn every_function_keeps_its_error_budget() {
    let mut errors = Errors::default();
    for row in Table::parse(include_str!("../data/incomplete_beta.csv")).rows() {
        let (kind, a, b, p) = (row.text("kind"), row.number("a"), row.number("b"), row.number("point"));
        let (lower, upper) = (row.number("lower"), row.number("upper"));
        let (da, db) = (row.number("da"), row.number("db"));
        let at = || format!("{kind}({a}, {b}, {p})");
        let u = probability(lower, upper);
        match kind {
            "l" => {
                let (below, above) = beta_log_odds_tails(p, a, b);
                errors.note("incomplete_beta_log_odds", below, lower, at);
                errors.note("incomplete_beta_log_odds", above, upper, at);
                let [v, w] = beta_log_odds_implicit_gradient(p, a, b);
                errors.note("beta_log_odds_implicit_gradient", v, da, at);
                errors.note("beta_log_odds_implicit_gradient", w, db, at);
                // The log-odds are ill-conditioned in u where the density is small: the quantile has the tail that was asked for.
                let (below, above) = beta_log_odds_tails(beta_log_odds_quantile(u, a, b), a, b);
                let (found, exact) = if lower < upper { (below, lower) } else { (above, upper) };
                errors.note("beta_quantile", found, exact, at);
            }
            "x" => {
                errors.note("incomplete_beta", beta_cdf(p, a, b), lower, at);
                errors.note("incomplete_beta_upper", beta_survival(p, a, b), upper, at);
                let scale = p * (1.0 - p);
                let [v, w] = beta_implicit_gradient(p, a, b);
                errors.note("beta_implicit_gradient", v, scale * da, at);
                errors.note("beta_implicit_gradient", w, scale * db, at);
                // The common factor of both is tested by differences below.
                let [ga, gb] = beta_cdf_gradient(p, a, b);
                errors.note("incomplete_beta_gradient", ga / gb, da / db, at);
                errors.note("beta_quantile", beta_quantile(u, a, b), p, at);
            }
            "t" => {
                errors.note("student_t_cdf", student_t_cdf(p, a), lower, at);
                errors.note("student_t_cdf", student_t_cdf(-p, a), upper, at);
                errors.note("student_t_implicit_gradient", student_t_implicit_gradient(p, a), da, at);
                let t = student_t_quantile(Probability::from_upper(upper), a);
                assert_eq!(student_t_quantile(Probability::from_lower(upper), a), -t);
                errors.note("student_t_inverse", student_t_cdf(-t, a), upper, at);
            }
            other => unreachable!("{other}"),
        }
    }
    // The derivatives of the CDFs by central differences of the CDF in long steps, extrapolated: their factor q.
    for (a, b, x) in [(0.4, 0.7, 0.2f64), (3.0, 2.0, 0.6), (30.0, 45.0, 0.4), (120.0, 90.0, 0.55)] {
        let h = 1e-3 * f64::min(a, b);
        let slope = |h: f64| (beta_cdf(x, a + h, b) - beta_cdf(x, a - h, b)) / (2.0 * h);
        let expected = (4.0 * slope(0.5 * h) - slope(h)) / 3.0;
        assert!((beta_cdf_gradient(x, a, b)[0] / expected - 1.0).abs() < 1e-9, "{a} {b} {x}");
    }
    for (nu, t) in [(0.4, 3.0f64), (5.0, -1.2), (70.0, 2.0)] {
        let h = 1e-3 * nu;
        let slope = |h: f64| (student_t_cdf(t, nu + h) - student_t_cdf(t, nu - h)) / (2.0 * h);
        let expected = (4.0 * slope(0.5 * h) - slope(h)) / 3.0;
        let found = student_t_cdf_gradient(t, nu);
        assert!((found / expected - 1.0).abs() < 1e-7, "{nu} {t}: {found:e} {expected:e}");
        errors
            .note("student_t_cdf_gradient", student_t_cdf_gradient(-t, nu), -found, || format!("{nu}, {t}"));
    }
    for (function, worst_allowed, median_allowed) in BUDGET {
        let (worst, at, median) = errors.summary(function);
        println!("{function}: worst {worst:.1e} at {at}, median {median:.1e}");
        assert!(worst <= worst_allowed, "{function} at {at}: {worst:e}");
        assert!(median <= median_allowed, "{function}: median {median:e}");
    }
    assert_eq!(errors.0.len(), BUDGET.len());
}

#[test]
fn implicit_derivatives_match_the_wide_grids() {
    let mut errors = Errors::default();
    for row in Table::parse(include_str!("../data/beta.csv")).rows() {
        let (a, b, x) = (row.number("a"), row.number("b"), row.number("x"));
        let (da, db) = (row.number("dx_da"), row.number("dx_db"));
        let at = || format!("({a}, {b}, {x})");
        let found = beta_implicit_gradient(x, a, b);
        errors.note("beta", found[0], da, at);
        errors.note("beta", found[1], db, at);
        // The derivative may be below the normal range of f32 where z is not.
        if row.text("f32") == "1" && da.abs().min(db.abs()) > f64::from(f32::MIN_POSITIVE) {
            let found = beta_implicit_gradient(x as f32, a as f32, b as f32);
            errors.note("beta f32", f64::from(found[0]), da, at);
            errors.note("beta f32", f64::from(found[1]), db, at);
        }
    }
    for row in Table::parse(include_str!("../data/studentt.csv")).rows() {
        let (nu, t, exact) = (row.number("nu"), row.number("t"), row.number("dt_dnu"));
        let at = || format!("({nu}, {t})");
        errors.note("t", student_t_implicit_gradient(t, nu), exact, at);
        errors.note("t", -student_t_implicit_gradient(-t, nu), exact, at);
        if row.text("f32") == "1" && exact.abs() < f64::from(f32::MAX) {
            let found = student_t_implicit_gradient(t as f32, nu as f32);
            errors.note("t f32", f64::from(found), exact, at);
        }
    }
    let limits = [("beta", 1e-12, 1800), ("beta f32", 1e-6, 1200), ("t", 1e-13, 190), ("t f32", 1e-6, 85)];
    for (table, allowed, least) in limits {
        let count = errors.0[table].len();
        let (worst, at, median) = errors.summary(table);
        println!("{table}: worst {worst:.1e} at {at}, median {median:.1e} of {count}");
        assert!(worst <= allowed && count >= least, "{table} at {at}: {worst:e} of {count}");
    }
}

#[test]
fn limits_and_invalid_arguments() {
    for bad in [0.0, -1.0, f64::NAN] {
        for [a, b] in [[bad, 1.0], [1.0, bad]] {
            assert!(beta_cdf(0.5, a, b).is_nan() && beta_survival(0.5, a, b).is_nan());
            assert!(beta_implicit_gradient(0.5, a, b)[0].is_nan());
            assert!(beta_quantile(Probability::from_lower(0.5), a, b).is_nan());
        }
        assert!(student_t_cdf(0.5, bad).is_nan() && student_t_implicit_gradient(0.5, bad).is_nan());
        assert!(student_t_quantile(Probability::from_lower(0.5), bad).is_nan());
    }
    assert!(beta_cdf(f64::NAN, 1.0, 1.0).is_nan() && student_t_cdf(f64::NAN, 1.0).is_nan());
    for (a, b) in
        [(1e-320, 1e-320), (1e-320, 5.0), (2.0, 3.0), (f64::INFINITY, 1.0), (1e300, 1e300), (1e9, 1e-9)]
    {
        for z in [f64::NEG_INFINITY, -1.0, 0.0, 1.0, 2.0, f64::INFINITY] {
            assert_eq!(beta_implicit_gradient(z, a, b), [0.0; 2]);
            assert_eq!(beta_cdf_gradient(z, a, b), [0.0; 2]);
            assert_eq!(beta_cdf(z, a, b), if z >= 1.0 { 1.0 } else { 0.0 });
            assert_eq!(beta_survival(z, a, b), if z >= 1.0 { 0.0 } else { 1.0 });
        }
        for z in [1e-320, 1e-300, 1e-8, 0.5, 1.0 - f64::EPSILON] {
            let number = |x: f64| !x.is_nan();
            assert!(beta_cdf(z, a, b).is_finite(), "{a} {b} {z}");
            assert!(beta_implicit_gradient(z, a, b).into_iter().all(number), "{a} {b} {z}");
            assert!(beta_cdf_gradient(z, a, b).into_iter().all(number), "{a} {b} {z}");
        }
        for l in [f64::NEG_INFINITY, -1e300, -800.0, 0.0, 30.0, f64::MAX, f64::INFINITY] {
            let (lower, upper) = beta_log_odds_tails(l, a, b);
            assert!((lower + upper - 1.0).abs() < 1e-12, "{a} {b} {l}");
            assert!(beta_log_odds_implicit_gradient(l, a, b).into_iter().all(|x| !x.is_nan()), "{a} {b} {l}");
        }
        for tail in [1e-300, 0.3, 0.5, -0.3, -1e-300, 0.0, -0.0] {
            let x = beta_quantile(Probability::from_tail(tail), a, b);
            assert!((0.0..=1.0).contains(&x), "{a} {b} {tail}: {x}");
        }
    }
    for nu in [1e-320, 1e-8, 3.0, 1e9, 1e300, f64::INFINITY] {
        for t in [f64::NEG_INFINITY, -1e300, -3.0, 0.0, 1e-300, 2.0, f64::MAX] {
            assert!((0.0..=1.0).contains(&student_t_cdf(t, nu)), "{t} {nu}");
            assert!(!student_t_implicit_gradient(t, nu).is_nan(), "{t} {nu}");
            assert!(!student_t_cdf_gradient(t, nu).is_nan(), "{t} {nu}");
        }
        assert_eq!(student_t_cdf(0.0, nu), 0.5);
        assert_eq!(student_t_implicit_gradient(0.0, nu), 0.0);
        assert_eq!(student_t_quantile(Probability::from_lower(0.5), nu), 0.0);
        assert!(!student_t_quantile(Probability::from_lower(1e-10), nu).is_nan());
    }
    assert_eq!(student_t_cdf(f64::INFINITY, 3.0), 1.0);
}

#[test]
fn whole_degrees_of_freedom_agree_with_the_older_quantile() {
    for degrees in [1u64, 2, 3, 7, 100, 1000, 5000] {
        for u in [1e-9, 1e-3, 0.025, 0.2, 0.45] {
            let (old, new) = (
                student_t_integer_quantile(u, degrees),
                student_t_quantile(Probability::from_lower(u), degrees as f64),
            );
            assert!((new / old - 1.0).abs() < 2e-11, "{degrees} {u}: {old} {new}");
        }
    }
}
