//! How does an option's price move with the market? Delta, vega and rho are a gradient of an expectation, `∇_θ E[e^{−rT} payoff]` with
//! θ = (spot, volatility, rate). This estimates them by the pathwise, the likelihood-ratio (score function) and the measure-valued estimator
//! beside the formulas of Black and Scholes: of a call, of a digital whose pathwise gradient is a confident zero, and of Asian options on
//! twelve monthly prices; gamma too, as the gradient of delta. The price path is a distribution written for this program
//! (`shared/price_path.rs`), the options are objectives that depend on the rate directly (`shared/option_payoffs.rs`).
//!
//! ```text
//! cargo run --release --example greeks -- [--quick] [--out DIR]
//! ```

#[path = "shared/axes.rs"]
mod axes;
#[path = "shared/chart.rs"]
mod chart;
#[path = "shared/error_bars.rs"]
mod error_bars;
#[path = "shared/option_payoffs.rs"]
mod option_payoffs;
#[path = "shared/price_path.rs"]
mod price_path;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use reparam::noise::{Antithetic, ScrambledSobol};
use reparam::prelude::*;
use reparam::{GradientEstimate, GradientEstimator, Objective, verify};

use chart::Curve;
use error_bars::{Panel, Points};
use option_payoffs::{OptionContract, PathwiseDelta, Payoff, ScoreDelta, SmoothedDigital, closed_form};
use price_path::{PricePath, SPOT};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Estimate = GradientEstimate<f64>;
/// Draws a picture into a file, from so many paths.
type Draw = fn(&Path, usize, &mut Xoshiro256PlusPlus) -> Result<()>;

/// The market: spot, volatility and rate, no dividend; a year to go, struck at the money.
const MARKET: [f64; 3] = [100.0, 0.2, 0.05];
const STRIKE: f64 = 100.0;
const MATURITY: f64 = 1.0;
const GREEKS: [&str; 3] = ["delta", "vega", "rho"];

/// An estimate farther than this many standard errors from what is exact is an error of this program.
const FARTHEST: f64 = 4.0;

struct Options {
    out: PathBuf,
    paths: usize,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { out: "out".into(), paths: 1_000_000 };
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--quick" => options.paths = 100_000,
                "--out" => options.out = arguments.next().ok_or("--out wants a directory")?.into(),
                other => return Err(format!("unknown argument {other}; known: --quick, --out DIR").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<()> {
    let options = Options::from_arguments(std::env::args().skip(1))?;
    std::fs::create_dir_all(&options.out)?;
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    let progress = bar(5 + 3)?;
    check_derivatives()?;
    let mut report = Vec::new();
    for payoff in [Payoff::Call, Payoff::Digital, Payoff::GeometricAsian, Payoff::ArithmeticAsian] {
        report.push(compare(payoff, options.paths, rng)?);
        progress.inc(1);
    }
    report.push(reference_table(options.paths, rng)?);
    progress.inc(1);
    let pictures: [(&str, Draw); 3] = [
        ("greeks_delta.svg", picture_of_deltas),
        ("greeks_dates.svg", picture_of_dates),
        ("greeks_digital.svg", picture_of_digitals),
    ];
    for (name, draw) in pictures {
        let path = options.out.join(name);
        draw(&path, options.paths, rng)?;
        report.push(format!("wrote {}", path.display()));
        progress.inc(1);
    }
    progress.finish();
    println!("{}", report.join("\n"));
    Ok(())
}

fn bar(length: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg:<10} {bar:40} {pos}/{len} {elapsed}")?;
    Ok(ProgressBar::new(length).with_style(style).with_message("estimating"))
}

/// One price at the end, or twelve on the way.
fn path_of(payoff: Payoff) -> Result<PricePath> {
    Ok(match payoff {
        Payoff::Call | Payoff::Digital => PricePath::new(MARKET, 0.0, &[MATURITY])?,
        _ => path_of_dates(12)?,
    })
}

fn path_of_dates(count: u32) -> Result<PricePath> {
    let dates: Vec<f64> = (1..=count).map(|i| MATURITY * f64::from(i) / f64::from(count)).collect();
    Ok(PricePath::new(MARKET, 0.0, &dates)?)
}

fn contract(payoff: Payoff) -> OptionContract {
    OptionContract { payoff, strike: STRIKE, rate: MARKET[2], maturity: MATURITY }
}

fn smoothed(last_step: f64) -> Result<(PricePath, SmoothedDigital)> {
    let path = PricePath::new(MARKET, 0.0, &[MATURITY - last_step])?;
    let contract = contract(Payoff::Digital);
    Ok((path, SmoothedDigital { contract, volatility: MARKET[1], dividend: 0.0, last_step }))
}

fn leave_one_out() -> ScoreFunction {
    ScoreFunction::new().with_baseline(Baseline::LeaveOneOut { draws: 4 })
}

/// What was written by hand, against differences: before anything is estimated by it.
fn check_derivatives() -> Result<()> {
    let path = path_of_dates(3)?;
    let mut z = [0.0; 3];
    path.transform(&[0.3, -0.8, 1.1], &mut z);
    verify::pullback(&path, &[0.3, -0.8, 1.1], &[1.0, -2.0, 0.5])?.within(1e-7)?;
    verify::score(&path, &z)?.within(1e-7)?;
    let at_rate = |theta: &[f64]| OptionContract { rate: theta[2], ..contract(Payoff::ArithmeticAsian) };
    verify::parameter_gradient(at_rate, &MARKET, &z).within(1e-7)?;
    verify::objective_gradient(&contract(Payoff::ArithmeticAsian), &z).within(1e-7)?;
    Ok(())
}

/// An estimate with its name, and the time of one gradient sample.
struct Measured {
    name: &'static str,
    estimate: Estimate,
    nanoseconds: f64,
    /// Whether it is what it says.
    wrong: bool,
}

/// Every estimate here is of an objective that depends on the rate: the explicit term is added to all.
fn measure<E, F>(
    rng: &mut Xoshiro256PlusPlus,
    name: &'static str,
    mut estimator: E,
    (path, f): (&PricePath, &F),
    samples: usize,
) -> Result<Measured>
where
    E: GradientEstimator<f64, PricePath, F>,
    F: Objective<f64>,
{
    let start = Instant::now();
    let estimate = estimator.estimate(path, f, samples, rng)?;
    let nanoseconds = start.elapsed().as_secs_f64() * 1e9 / samples as f64;
    Ok(Measured { name, estimate, nanoseconds, wrong: false })
}

const MEASURE: &str = "measure-valued";

/// All estimators on one option: a table, and errors where one is off.
fn compare(payoff: Payoff, paths: usize, rng: &mut Xoshiro256PlusPlus) -> Result<String> {
    let (path, f) = (path_of(payoff)?, contract(payoff));
    let digital = payoff == Payoff::Digital;
    let mut pathwise = measure(rng, "pathwise", Pathwise, (&path, &f), paths)?;
    pathwise.wrong = digital;
    let mut rows = vec![
        pathwise,
        measure(rng, "likelihood ratio", ScoreFunction::new(), (&path, &f), paths)?,
        measure(rng, "likelihood ratio, leave-one-out 4", leave_one_out(), (&path, &f), paths / 4)?,
        measure(rng, MEASURE, MeasureValued::coupled(), (&path, &f), paths)?,
    ];
    if digital {
        for (name, last_step) in
            [("pathwise, last month smoothed", 1.0 / 12.0), ("pathwise, last half smoothed", 0.5)]
        {
            let (path, f) = smoothed(last_step)?;
            rows.push(measure(rng, name, Pathwise, (&path, &f), paths)?);
        }
    } else {
        rows.push(measure(rng, "pathwise, antithetic", Pathwise.over(Antithetic), (&path, &f), paths / 2)?);
        let sobol = Pathwise.over(ScrambledSobol::base2(10));
        rows.push(measure(rng, "pathwise, 1024 Sobol points", sobol, (&path, &f), (paths / 1024).max(32))?);
    }

    let exact = closed_form(&path, &f);
    let yardstick = match (&exact, rows.last()) {
        (Some(exact), _) => (exact.gradient, [0.0; 3]),
        (None, Some(sobol)) => {
            let error = sobol.estimate.standard_error();
            let of = |row: &[f64]| [row[0], row[1], row[2]];
            (of(sobol.estimate.gradient()), of(&error))
        }
        (None, None) => return Err("nothing to compare with".into()),
    };
    let mut text = format!(
        "\n{}\n{:<34}{:>7}{:>7} {:>24}{:>8}{:>14}{:>10}{:>13}\n",
        headline(payoff, &yardstick.0, exact.is_some()),
        "estimator",
        "evals",
        "greek",
        "estimate ± std. error",
        "off",
        "variance",
        "ns",
        "var × time",
    );
    for row in &rows {
        let is_yardstick = exact.is_none() && row.name.contains("Sobol");
        let (gradient, error, variance) =
            (row.estimate.gradient(), row.estimate.standard_error(), row.estimate.variance());
        for (i, greek) in GREEKS.into_iter().enumerate() {
            let off = (gradient[i] - yardstick.0[i]) / error[i].hypot(yardstick.1[i]);
            let off =
                if off.is_finite() { off } else { f64::INFINITY.copysign(gradient[i] - yardstick.0[i]) };
            if off.abs() > FARTHEST && !row.wrong && !is_yardstick {
                return Err(
                    format!("{payoff:?} {greek} by {}: {off:.1} standard errors off", row.name).into()
                );
            }
            let evaluations = row.estimate.evaluations() / row.estimate.samples();
            let (name, evaluations, nanoseconds) = if i == 0 {
                (row.name, evaluations.to_string(), format!("{:.0}", row.nanoseconds))
            } else {
                Default::default()
            };
            let off = match (row.wrong, is_yardstick) {
                (true, _) => "WRONG".to_string(),
                (_, true) => "–".to_string(),
                _ => format!("{off:+.1} σ"),
            };
            let estimate = format!("{:.6} ± {:.6}", gradient[i], error[i]);
            let cost = variance[i] * row.nanoseconds * 1e-9;
            text += &format!(
                "{name:<34}{evaluations:>7}{greek:>7} {estimate:>24}{off:>8}{:>14.4e}{nanoseconds:>10}{cost:>13.2e}\n",
                variance[i]
            );
        }
    }
    if digital {
        text += &warning()?;
    }
    Ok(text.trim_end().to_string())
}

fn headline(payoff: Payoff, greeks: &[f64; 3], exact: bool) -> String {
    let name = match payoff {
        Payoff::Call => "European call",
        Payoff::Digital => "Digital, pays 1 above the strike",
        Payoff::GeometricAsian => "Asian call on the geometric mean of 12 months",
        Payoff::ArithmeticAsian => "Asian call on the arithmetic mean of 12 months",
    };
    let [delta, vega, rho] = greeks;
    let source = if exact { "exact" } else { "by Sobol points, no formula known" };
    format!("{name} ({source}: delta {delta:.5}, vega {vega:.5}, rho {rho:.5})")
}

/// How a user finds out that the digital has no pathwise gradient.
fn warning() -> Result<String> {
    let Err(mismatch) = verify::objective_gradient(&contract(Payoff::Digital), &[STRIKE]).within(1e-7) else {
        return Err("the check of the objective's gradient did not see the jump".into());
    };
    Ok(format!(
        "The pathwise delta and vega are exactly 0, with an error of 0: the slope of a jump. No type can tell, but a check at the jump does:\n  \
         verify::objective_gradient: {mismatch}\n\
         Use what needs values only, or smooth the jump: the expectation over the last step is known, and pathwise is right again.\n"
    ))
}

/// The reference table: every row's mean within 4 standard errors, and its variance within 5 % at 10⁶ paths.
fn reference_table(paths: usize, rng: &mut Xoshiro256PlusPlus) -> Result<String> {
    let mut lines = include_str!("../tests/data/black_scholes_greeks.csv").lines();
    let columns: Vec<&str> = lines.next().ok_or("an empty table")?.split(',').collect();
    let mut text = format!(
        "\nGamma, the gradient of delta (S₀ = 100 in the reference table)\n{:<46}{:>12}{:>24}{:>8}{:>13}{:>13}\n",
        "market; option; estimator", "exact", "estimate ± std. error", "off", "variance", "exact var."
    );
    let (mut rows, mut farthest, mut widest) = (0, 0.0f64, 0.0f64);
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| -> Result<&str> {
            Ok(cells[columns.iter().position(|column| *column == name).ok_or("a column is missing")?])
        };
        let number = |name: &str| -> Result<f64> { Ok(cell(name)?.parse()?) };
        let mut market = Vec::new();
        for part in cell("params")?.split(';') {
            market.push(part.split_once('=').ok_or("a parameter without a value")?.1.parse::<f64>()?);
        }
        let [rate, dividend, strike, sigma, maturity] = market[..] else {
            return Err("five parameters".into());
        };
        let spot = number("S0")?;
        let path = PricePath::new([spot, sigma, rate], dividend, &[maturity])?;
        let payoff = if cell("payoff")? == "call" { Payoff::Call } else { Payoff::Digital };
        let contract = OptionContract { payoff, strike, rate, maturity };
        let (greek, estimator) = (cell("greek")?, cell("estimator")?);
        let likelihood_ratio = ScoreFunction::new;
        let measured = match (greek, estimator) {
            // Second derivatives: the gradient of a delta that is an expectation itself.
            ("gamma", "likelihood_ratio") => {
                let f = ScoreDelta { contract, path: path.clone() };
                measure(rng, "", likelihood_ratio(), (&path, &f), paths)?
            }
            // The likelihood-ratio delta differentiated pathwise; the other way round below.
            ("gamma", "mixed_lr_pathwise") => {
                let f = ScoreDelta { contract, path: path.clone() };
                measure(rng, "", Pathwise, (&path, &f), paths)?
            }
            ("gamma", _) => {
                measure(rng, "", likelihood_ratio(), (&path, &PathwiseDelta { contract, spot }), paths)?
            }
            (_, "likelihood_ratio") => measure(rng, "", likelihood_ratio(), (&path, &contract), paths)?,
            _ => measure(rng, "", Pathwise, (&path, &contract), paths)?,
        };
        let i = GREEKS.iter().position(|name| *name == greek).unwrap_or(SPOT);
        let estimate = measured.estimate;
        let (found, variance) = (estimate.gradient()[i], estimate.variance()[i]);
        let (mean, exact) = (number("mean")?, number("variance_per_path")?);
        rows += 1;
        if exact == 0.0 {
            if (found, variance) != (0.0, 0.0) {
                return Err(format!("{line}: {found}, not 0").into());
            }
            continue;
        }
        let error = (exact / estimate.samples() as f64).sqrt();
        let off = (found - mean) / error;
        let ratio = variance / exact - 1.0;
        if off.abs() > FARTHEST || (paths >= 1_000_000 && ratio.abs() > 0.05) {
            return Err(format!("{line}: {off:.1} standard errors off, variance off by {ratio:.3}").into());
        }
        (farthest, widest) = (farthest.max(off.abs()), widest.max(ratio.abs()));
        if greek == "gamma" && spot == 100.0 {
            let name = format!("σ = {sigma}, T = {maturity}; {}; {estimator}", cell("payoff")?);
            let with_error = format!("{found:.6} ± {error:.6}");
            text += &format!(
                "{name:<46}{:>12.6}{with_error:>24}{:>8}{variance:>13.4e}{exact:>13.4e}\n",
                number("exact")?,
                format!("{off:+.1} σ"),
            );
        }
    }
    Ok(text
        + &format!(
            "\nReference table, {rows} rows of {paths} paths: farthest mean {farthest:.2} standard errors off, widest variance {:.2} % off\n",
            100.0 * widest
        ))
}

/// Delta of the call and of the digital over the spot: exact curves, and few paths so that error bars can be seen.
fn picture_of_deltas(file: &Path, _: usize, rng: &mut Xoshiro256PlusPlus) -> Result<()> {
    const PATHS: usize = 4000;
    let at = |spot: f64| PricePath::new([spot, MARKET[1], MARKET[2]], 0.0, &[MATURITY]);
    let mut panels = Vec::new();
    for (payoff, title) in
        [(Payoff::Call, "call"), (Payoff::Digital, "digital: pathwise is 0 without an error bar")]
    {
        let f = contract(payoff);
        let exact = (0..=160).map(|i| 60.0 + 0.5 * f64::from(i));
        let exact = exact.map(|spot| -> Result<(f64, f64)> {
            let greeks = closed_form(&at(spot)?, &f).ok_or("no formula")?;
            Ok((spot, greeks.gradient[SPOT]))
        });
        let exact = exact.collect::<Result<Vec<_>>>()?;
        let mut estimates = [
            Points { name: "pathwise", color: axes::BLUE, points: vec![] },
            Points { name: "likelihood ratio", color: axes::ORANGE, points: vec![] },
            Points { name: MEASURE, color: axes::GREEN, points: vec![] },
            Points { name: "pathwise, last half smoothed", color: axes::PINK, points: vec![] },
        ];
        for i in 0..8 {
            let spot = 64.0 + 10.0 * f64::from(i);
            let mut add = |k: usize, measured: Measured| {
                let (delta, error) =
                    (measured.estimate.gradient()[SPOT], measured.estimate.standard_error()[SPOT]);
                // Side by side, so that they do not cover each other.
                estimates[k].points.push((spot + 1.6 * k as f64, delta, 2.0 * error));
            };
            let here = |k: u32| at(spot + 1.6 * f64::from(k));
            add(0, measure(rng, "", Pathwise, (&here(0)?, &f), PATHS)?);
            add(1, measure(rng, "", ScoreFunction::new(), (&here(1)?, &f), PATHS)?);
            add(2, measure(rng, MEASURE, MeasureValued::coupled(), (&here(2)?, &f), PATHS)?);
            if payoff == Payoff::Digital {
                let (mut path, smooth) = smoothed(0.5)?;
                path.set_params(&[spot + 4.8, MARKET[1], MARKET[2]])?;
                add(3, measure(rng, "", Pathwise, (&path, &smooth), PATHS)?);
            }
        }
        let estimates = estimates.into_iter().filter(|points| !points.points.is_empty()).collect();
        panels.push(Panel { title, y_axis: "delta, per unit of spot", exact, estimates });
    }
    let title = "Delta over the spot: 4000 gradient samples each, bars of two standard errors";
    error_bars::draw(file, title, "spot (strike 100, one year, σ = 20 %, r = 5 %)", &panels)
}

/// Variance of one gradient sample times its evaluations.
fn cost(measured: &Measured) -> f64 {
    let estimate = &measured.estimate;
    estimate.variance()[SPOT] * (estimate.evaluations() as f64 / estimate.samples() as f64)
}

/// Delta of the arithmetic Asian over the number of dates: the score of the spot knows the first step only, and blows up as it shortens.
fn picture_of_dates(file: &Path, paths: usize, rng: &mut Xoshiro256PlusPlus) -> Result<()> {
    let mut curves = [
        Curve::new("likelihood ratio", axes::ORANGE),
        Curve::new("likelihood ratio, leave-one-out 4", axes::PINK),
        Curve::new(MEASURE, axes::GREEN),
        Curve::new("pathwise", axes::BLUE),
    ];
    let f = contract(Payoff::ArithmeticAsian);
    for dates in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
        let (path, paths) = (path_of_dates(dates)?, paths / 25);
        let measured = [
            measure(rng, "", ScoreFunction::new(), (&path, &f), paths)?,
            measure(rng, "", leave_one_out(), (&path, &f), paths / 4)?,
            measure(rng, MEASURE, MeasureValued::coupled(), (&path, &f), paths)?,
            measure(rng, "", Pathwise, (&path, &f), paths)?,
        ];
        for (curve, measured) in curves.iter_mut().zip(&measured) {
            curve.points.push((f64::from(dates), cost(measured)));
        }
    }
    let title = "Delta of an Asian call: what more dates do to the variance";
    chart::curves_and_dots(
        file,
        title,
        ("dates in a year", "variance × evaluations"),
        (&curves, &[]),
        plotters::chart::SeriesLabelPosition::UpperLeft,
    )
}

/// Delta of the digital over the length of the step that is smoothed.
fn picture_of_digitals(file: &Path, paths: usize, rng: &mut Xoshiro256PlusPlus) -> Result<()> {
    let mut curves = [
        Curve::new("pathwise, last step smoothed", axes::BLUE),
        Curve::new("likelihood ratio", axes::ORANGE),
        Curve::new("likelihood ratio, leave-one-out 4", axes::PINK),
        Curve::new(MEASURE, axes::GREEN),
    ];
    let (path, f) = (path_of(Payoff::Digital)?, contract(Payoff::Digital));
    let level = [
        measure(rng, "", ScoreFunction::new(), (&path, &f), paths)?,
        measure(rng, "", leave_one_out(), (&path, &f), paths / 4)?,
        measure(rng, MEASURE, MeasureValued::coupled(), (&path, &f), paths)?,
    ];
    for years in [0.001, 0.003, 0.01, 0.03, 0.08, 0.16, 0.3, 0.5, 0.7, 0.8, 0.9] {
        let (path, f) = smoothed(years)?;
        let measured = measure(rng, "", Pathwise, (&path, &f), paths / 4)?;
        curves[0].points.push((years, cost(&measured)));
        for (curve, measured) in curves[1..].iter_mut().zip(&level) {
            curve.points.push((years, cost(measured)));
        }
    }
    let title = "Delta of a digital: smoothing makes pathwise right";
    chart::curves_and_dots(
        file,
        title,
        ("step whose expectation is taken, in years", "variance × evaluations"),
        (&curves, &[]),
        plotters::chart::SeriesLabelPosition::LowerLeft,
    )
}
