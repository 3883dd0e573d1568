//! The rows of `tests/data/integer_valued.csv`, and exact moments of gradient samples.

use super::Row;

/// The objectives of the table.
pub fn objective_of_counts(name: &str) -> fn(f64) -> f64 {
    match name {
        "x^2" => |x| x * x,
        "exp(-x/2)" => |x| (-0.5 * x).exp(),
        "x>=3" => |x| f64::from(x >= 3.0),
        "1/(1+x)" => |x| 1.0 / (1.0 + x),
        other => panic!("{other}"),
    }
}

/// A column such as `r=3;p=0.4 (failures before r successes)`.
pub fn setting(row: &Row<'_>, name: &str) -> f64 {
    let text = row.text("params");
    let part = text.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    part.unwrap().split(' ').next().unwrap().parse().unwrap()
}

/// Exact moments of `(probability, gradient)` a case.
pub fn moments(cases: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    let cases: Vec<_> = cases.collect();
    let mean = cases.iter().map(|(p, g)| p * g).sum::<f64>();
    (mean, cases.iter().map(|(p, g)| p * (g - mean).powi(2)).sum())
}
