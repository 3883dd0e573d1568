//! The Greeks of the example: its path and its options have the right derivatives, and its estimates the mean and the variance of the table.
//!
//! Tolerance: 4.8 standard errors. Some 150 numbers are compared, so that a false alarm has probability 3e-4 in all.

#[path = "../../examples/shared/option_payoffs.rs"]
mod option_payoffs;
#[path = "../../examples/shared/price_path.rs"]
mod price_path;

use std::collections::BTreeMap;

use crate::common::{Row, Sampled, Table, rng, sample_batches};
use option_payoffs::{
    Greeks, OptionContract, PathwiseDelta, Payoff, ScoreDelta, SmoothedDigital, closed_form,
};
use price_path::{PricePath, RATE, SPOT, VOLATILITY};
use reparam::prelude::*;
use reparam::{Coupling, Objective, verify};

const SIGMAS: f64 = 4.8;

fn table() -> Table {
    Table::parse(include_str!("../data/black_scholes_greeks.csv"))
}

struct Case {
    path: PricePath,
    contract: OptionContract,
    label: String,
}

fn case(row: &Row<'_>) -> Case {
    let mut market =
        row.text("params").split(';').map(|part| part.split_once('=').unwrap().1.parse().unwrap());
    let mut next = || -> f64 { market.next().unwrap() };
    let (rate, dividend, strike, sigma, maturity) = (next(), next(), next(), next(), next());
    let path = PricePath::new([row.number("S0"), sigma, rate], dividend, &[maturity]).unwrap();
    let payoff = if row.text("payoff") == "call" { Payoff::Call } else { Payoff::Digital };
    let label = ["params", "S0", "payoff", "greek", "estimator"].map(|column| row.text(column)).join(" ");
    Case { path, contract: OptionContract { payoff, strike, rate, maturity }, label }
}

fn parameter(greek: &str) -> usize {
    match greek {
        "delta" | "gamma" => SPOT,
        "vega" => VOLATILITY,
        "rho" => RATE,
        other => panic!("{other}"),
    }
}

fn close(found: f64, expected: f64, what: &str) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs().max(1e-3),
        "{what}: {found} is not {expected}"
    );
}

#[test]
fn the_closed_formulas_are_those_of_the_table() {
    for row in table().rows() {
        let Case { path, contract, label } = case(&row);
        let Greeks { price, gradient, gamma } = closed_form(&path, &contract).unwrap();
        close(price, row.number("price"), &label);
        let greek = row.text("greek");
        let found = if greek == "gamma" { gamma } else { gradient[parameter(greek)] };
        close(found, row.number("exact"), &label);
    }
}

#[test]
fn every_row_of_the_table_has_its_mean_and_its_variance() {
    let (mut judged, mut heavy) = (0, Vec::new());
    // Delta, vega and rho of one estimator are parameters of one estimate.
    let mut estimates = BTreeMap::new();
    for (seed, row) in table().rows().enumerate() {
        let Case { path, contract, label } = case(&row);
        let spot = path.params()[SPOT];
        // 64 times as many: 10⁶ paths, 4 · 10⁶ where fourth moments are large.
        let long = row.text("greek") == "gamma" || row.text("payoff") == "call" && row.number("S0") == 80.0;
        let (samples, seed) = (if long { 62_500 } else { 15_625 }, 100 + seed as u64);
        let second = (row.text("greek") == "gamma").to_string();
        let key = ["params", "S0", "payoff", "estimator"].map(|column| row.text(column).to_string());
        let estimate = || match (row.text("greek"), row.text("estimator")) {
            ("gamma", "likelihood_ratio") => {
                let f = ScoreDelta { contract, path: path.clone() };
                sample_batches(&mut ScoreFunction::new(), &path, &f, samples, seed)
            }
            // The names say what comes first: the likelihood ratio for delta, differentiated pathwise.
            ("gamma", "mixed_lr_pathwise") => {
                let f = ScoreDelta { contract, path: path.clone() };
                sample_batches(&mut Pathwise, &path, &f, samples, seed)
            }
            ("gamma", "mixed_pathwise_lr") => {
                let f = PathwiseDelta { contract, spot };
                sample_batches(&mut ScoreFunction::new(), &path, &f, samples, seed)
            }
            (_, "pathwise" | "pathwise(biased)") => {
                sample_batches(&mut Pathwise, &path, &contract, samples, seed)
            }
            (_, "likelihood_ratio") => {
                sample_batches(&mut ScoreFunction::new(), &path, &contract, samples, seed)
            }
            other => panic!("{other:?}"),
        };
        let found = estimates.entry((key, second)).or_insert_with(estimate);
        let i = parameter(row.text("greek"));
        let (mean, variance) = (row.number("mean"), row.number("variance_per_path"));
        if found.check(i, mean, variance, SIGMAS, &label) {
            judged += 1;
            // The figure asked for: within 5 % of the table.
            assert!(
                (found.variance[i] - variance).abs() <= 0.05 * variance,
                "{label}: {}",
                found.variance[i]
            );
        } else {
            heavy.push(label);
        }
    }
    assert!(heavy.is_empty(), "{heavy:?}");
    assert_eq!(judged, 65);
}

fn monthly() -> PricePath {
    let dates: Vec<f64> = (1..=12).map(|month| f64::from(month) / 12.0).collect();
    PricePath::new([100.0, 0.2, 0.05], 0.02, &dates).unwrap()
}

fn contract(payoff: Payoff) -> OptionContract {
    OptionContract { payoff, strike: 100.0, rate: 0.05, maturity: 1.0 }
}

#[test]
fn the_path_has_the_derivatives_that_it_says() {
    let uneven = PricePath::new([90.0, 0.3, 0.1], 0.03, &[0.1, 0.15, 0.7]).unwrap();
    let (noise, cotangent) = ([0.7, -1.2, 0.4], [1.0, -2.0, 0.5]);
    verify::pullback(&uneven, &noise, &cotangent).unwrap().within(1e-7).unwrap();
    let mut z = [0.0; 3];
    uneven.transform(&noise, &mut z);
    verify::score(&uneven, &z).unwrap().within(1e-7).unwrap();
    let identities = verify::score_identities(&uneven, 100_000, &mut rng(1)).unwrap();
    assert!(identities.p_value() > 1e-4, "{identities:?}");
    // By hand, at one date.
    let one = PricePath::new([100.0, 0.2, 0.05], 0.01, &[0.25]).unwrap();
    one.transform(&[1.0], &mut z[..1]);
    close(z[0], 100.0 * (0.02f64 * 0.25 + 0.1).exp(), "one step up");
}

/// Quantiles of the normal, and mirror images: increasing in u, which 0.025 and the upper tail −0.025 show.
#[test]
fn the_noise_comes_from_uniforms_as_that_of_a_normal_does() {
    let (path, normal) = (monthly(), Normal::standard(12).unwrap());
    let uniforms: Vec<f64> = (0..12).map(|i| if i % 2 == 0 { 0.025 } else { -0.04 }).collect();
    let (mut found, mut expected) = (uniforms.clone(), uniforms);
    path.noise_from_uniforms(&mut found);
    normal.noise_from_uniforms(&mut expected);
    assert_eq!(found, expected);
    close(found[0], -1.959_963_984_540_054, "2.5 %");
    path.reflect(&mut found);
    assert!(found.iter().zip(&expected).all(|(a, b)| *a == -b));
}

/// Coupled sides of one step: `±R` for its mean; for its deviation the draw itself and a longer shock to the same side.
#[test]
fn coupled_sides_are_next_to_the_draw() {
    let path = PricePath::new([100.0, 0.2, 0.05], 0.02, &[0.5]).unwrap();
    let shock = |z: f64| path.shocks(&[z]).next().unwrap().0;
    let mut rng = rng(60);
    let mut terms = [0, 0];
    for _ in 0..2000 {
        let mut z = [0.0];
        path.sample(&mut rng, &mut z);
        let (mut plus, mut minus) = (z, z);
        let weight = path.weak_pair(VOLATILITY, Coupling::Coupled, &mut plus, &mut minus, &mut rng);
        let (draw, up, down) = (shock(z[0]), shock(plus[0]), shock(minus[0]));
        // 1/σ for the deviation, √(Δ/2π) for the mean, which the volatility moves down.
        close(weight.abs(), 5.0 + (0.5 / std::f64::consts::TAU).sqrt(), "both weights");
        if weight < 0.0 {
            assert!((up + down).abs() < 1e-9 && up > 0.0);
        } else {
            assert!((down - draw).abs() < 1e-9 && up.abs() >= draw.abs() && up * draw > 0.0);
        }
        terms[usize::from(weight > 0.0)] += 1;
    }
    // The share of the mean is 0.282/5.282: 107 of 2000, with a standard deviation of 10.
    assert!((60..154).contains(&terms[0]), "{terms:?}");
}

#[test]
fn a_path_is_refused_by_name() {
    let new =
        |theta, dividend, dates: &[f64]| PricePath::new(theta, dividend, dates).unwrap_err().to_string();
    assert!(new([0.0, 0.2, 0.1], 0.0, &[1.0]).starts_with("parameter spot[0] is 0"));
    assert!(new([1.0, f64::NAN, 0.1], 0.0, &[1.0]).starts_with("parameter volatility[0]"));
    assert!(new([1.0, 0.2, 0.1], f64::INFINITY, &[1.0]).starts_with("parameter dividend[0]"));
    assert!(new([1.0, 0.2, 0.1], 0.0, &[1.0, 1.0]).starts_with("parameter dates[1] is 1"));
    PricePath::new([1.0, 0.2, 0.1], 0.0, &[]).unwrap_err();
}

#[test]
fn the_objectives_have_the_derivatives_that_they_say() {
    let path = PricePath::new([100.0, 0.2, 0.05], 0.02, &[0.3, 1.0]).unwrap();
    let theta = [100.0, 0.2, 0.05];
    let z = [104.0, 108.0];
    let at = |theta: &[f64]| {
        let mut moved = path.clone();
        moved.set_params(theta).unwrap();
        moved
    };
    let rated = |payoff, theta: &[f64]| OptionContract { rate: theta[RATE], ..contract(payoff) };
    for payoff in [Payoff::Call, Payoff::ArithmeticAsian, Payoff::GeometricAsian] {
        verify::objective_gradient(&contract(payoff), &z).within(1e-7).unwrap();
        verify::parameter_gradient(|theta| rated(payoff, theta), &theta, &z).within(1e-7).unwrap();
    }
    let delta = |theta: &[f64]| PathwiseDelta { contract: rated(Payoff::Call, theta), spot: theta[SPOT] };
    verify::parameter_gradient(delta, &theta, &z).within(1e-7).unwrap();
    let score = |theta: &[f64]| ScoreDelta { contract: rated(Payoff::Call, theta), path: at(theta) };
    verify::parameter_gradient(score, &theta, &z).within(1e-7).unwrap();
    verify::objective_gradient(&score(&theta), &z).within(1e-7).unwrap();
    let smoothed = |theta: &[f64]| SmoothedDigital {
        contract: rated(Payoff::Digital, theta),
        volatility: theta[VOLATILITY],
        dividend: 0.02,
        last_step: 0.25,
    };
    verify::parameter_gradient(smoothed, &theta, &z[..1]).within(1e-7).unwrap();
    verify::objective_gradient(&smoothed(&theta), &z[..1]).within(1e-7).unwrap();

    // The digital: at its strike the checker sees the jump that the slope of 0 leaves out.
    verify::objective_gradient(&contract(Payoff::Digital), &[108.0]).within(1e-7).unwrap();
    verify::objective_gradient(&contract(Payoff::Digital), &[100.0]).within(1e-7).unwrap_err();
}

fn check_means(found: &Sampled, exact: [f64; 3], what: &str) {
    for (i, exact) in exact.into_iter().enumerate() {
        let error = (found.variance[i] / found.samples).sqrt();
        let off = (found.mean[i] - exact) / error;
        assert!(
            off.abs() < SIGMAS,
            "{what}, parameter {i}: {} is {off:.1} errors from {exact}",
            found.mean[i]
        );
    }
}

/// Twelve dates: the geometric mean, the call and the digital at the end, by every estimator.
#[test]
fn paths_of_many_dates_have_the_exact_greeks() {
    let path = monthly();
    for (payoff, seed) in [(Payoff::GeometricAsian, 1), (Payoff::Call, 2), (Payoff::Digital, 3)] {
        let contract = contract(payoff);
        let exact = closed_form(&path, &contract).unwrap().gradient;
        if payoff != Payoff::Digital {
            let found = sample_batches(&mut Pathwise, &path, &contract, 2000, seed);
            check_means(&found, exact, "pathwise");
        }
        let found = sample_batches(&mut ScoreFunction::new(), &path, &contract, 4000, seed + 10);
        check_means(&found, exact, "likelihood ratio");
        for mut measure in [MeasureValued::coupled(), MeasureValued::uncoupled()] {
            let found = sample_batches(&mut measure, &path, &contract, 4000, seed + 20);
            check_means(&found, exact, "measure-valued");
        }
    }
}

#[test]
fn the_smoothed_digital_has_the_exact_greeks_and_less_variance() {
    let whole = PricePath::new([100.0, 0.2, 0.05], 0.02, &[1.0]).unwrap();
    let exact = closed_form(&whole, &contract(Payoff::Digital)).unwrap().gradient;
    let likelihood_ratio =
        sample_batches(&mut ScoreFunction::new(), &whole, &contract(Payoff::Digital), 4000, 30);
    for last_step in [0.25, 0.5] {
        let seen = PricePath::new([100.0, 0.2, 0.05], 0.02, &[1.0 - last_step]).unwrap();
        let f = SmoothedDigital {
            contract: contract(Payoff::Digital),
            volatility: 0.2,
            dividend: 0.02,
            last_step,
        };
        let found = sample_batches(&mut Pathwise, &seen, &f, 4000, 31);
        check_means(&found, exact, "smoothed");
        for i in 0..3 {
            assert!(found.variance[i] < 0.5 * likelihood_ratio.variance[i], "{i}: {}", found.variance[i]);
        }
    }
}

/// At one date the sides of delta are `exp(±σ√T R)` away, R Rayleigh: the variance of their difference by quadrature.
#[test]
fn measure_valued_delta_has_the_variance_of_its_pair() {
    let path = PricePath::new([100.0, 0.2, 0.05], 0.02, &[1.0]).unwrap();
    let f = contract(Payoff::Call);
    let weight = 1.0 / (100.0 * 0.2 * std::f64::consts::TAU.sqrt());
    let price = |e: f64| 100.0 * ((0.05f64 - 0.02 - 0.02) + 0.2 * e).exp();
    let pair = |r: f64| weight * (f.value(&[price(r)]) - f.value(&[price(-r)]));
    let moment = |power: i32| {
        let n = 200_000;
        let step = 12.0 / f64::from(n);
        let at = |i: i32| step * (f64::from(i) + 0.5);
        (0..n).map(|i| step * at(i) * (-0.5 * at(i) * at(i)).exp() * pair(at(i)).powi(power)).sum::<f64>()
    };
    let mean = closed_form(&path, &f).unwrap().gradient[SPOT];
    assert!((moment(1) - mean).abs() < 1e-8);
    let found = sample_batches(&mut MeasureValued::coupled(), &path, &f, 8000, 40);
    assert!(found.check(SPOT, mean, moment(2) - mean * mean, SIGMAS, "measure-valued delta"));
}

/// The arithmetic mean has no formula: all estimators must agree with scrambled Sobol points, whose error is much smaller.
#[test]
fn estimators_of_the_arithmetic_asian_agree() {
    let (path, f) = (monthly(), contract(Payoff::ArithmeticAsian));
    let mut sobol = Pathwise.over(ScrambledSobol::base2(12));
    let yardstick = sobol.estimate(&path, &f, 128, &mut rng(50)).unwrap();
    fn within<E, F>(mut estimator: E, f: &F, yardstick: &GradientEstimate<f64>, samples: usize)
    where
        E: GradientEstimator<f64, PricePath, F>,
        F: Objective<f64>,
    {
        let found = estimator.estimate(&monthly(), f, samples, &mut rng(51)).unwrap();
        for i in 0..3 {
            let (a, b) = (found.standard_error()[i], yardstick.standard_error()[i]);
            assert!(b < 0.35 * a, "the yardstick is no yardstick: {b} against {a}");
            let off = (found.gradient()[i] - yardstick.gradient()[i]) / a.hypot(b);
            assert!(off.abs() < SIGMAS, "parameter {i}: {off:.1} errors apart");
        }
    }
    within(Pathwise, &f, &yardstick, 100_000);
    within(ScoreFunction::new(), &f, &yardstick, 100_000);
    within(MeasureValued::coupled(), &f, &yardstick, 100_000);
}
