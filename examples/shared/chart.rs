//! The two charts of the examples and benches, as SVG.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One colour a family of estimators, apart for colour-blind eyes too (Okabe & Ito).
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const ORANGE: RGBColor = RGBColor(230, 159, 0);
#[allow(dead_code, reason = "not every picture has three families")]
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
#[allow(dead_code, reason = "not every picture has four families")]
pub(crate) const PINK: RGBColor = RGBColor(204, 121, 167);
const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(222, 222, 222);

/// Length of dash and gap, so that curves can be told apart in black and white; the first is a solid line.
const DASHES: [(u32, u32); 5] = [(10_000, 0), (9, 4), (3, 3), (14, 3), (2, 5)];

/// One bar: its name, its length, what is written behind it and its colour.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) note: String,
    pub(crate) color: RGBColor,
}

/// One curve: its name, its points and its colour.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) color: RGBColor,
}

/// Horizontal bars on a logarithmic axis, each with its note written behind it.
pub(crate) fn bars(path: &Path, title: &str, axis: &str, bars: &[Bar]) -> Result<()> {
    const LEFT: u32 = 300;
    let size = (980, 130 + 44 * bars.len() as u32);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    heading(&root, title)?;
    let range = decades(bars.iter().map(|bar| bar.value));
    let start = range.start;
    let mut chart = ChartBuilder::on(&root)
        .margin_top(50)
        .margin_right(200)
        .margin_bottom(10)
        .set_label_area_size(LabelAreaPosition::Left, LEFT)
        .set_label_area_size(LabelAreaPosition::Bottom, 54)
        .build_cartesian_2d(range.log_scale(), 0.0..bars.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_desc(axis)
        .x_label_formatter(&|x| power_of_ten(*x))
        .label_style(text(15, HPos::Center, VPos::Top))
        .axis_desc_style(text(16, HPos::Center, VPos::Top))
        .draw()?;
    for (i, bar) in bars.iter().enumerate() {
        let y = (bars.len() - 1 - i) as f64;
        let corners = [(start, y + 0.2), (bar.value, y + 0.8)];
        chart.draw_series([Rectangle::new(corners, bar.color.filled())])?;
        let (x, middle) = chart.backend_coord(&(bar.value, y + 0.5));
        root.draw_text(&bar.note, &text(15, HPos::Left, VPos::Center), (x + 8, middle))?;
        root.draw_text(&bar.name, &text(16, HPos::Right, VPos::Center), (LEFT as i32 - 10, middle))?;
    }
    root.present()?;
    Ok(())
}

/// Curves on two logarithmic axes.
pub(crate) fn curves(path: &Path, title: &str, x_axis: &str, y_axis: &str, curves: &[Curve]) -> Result<()> {
    curves_and_dots(path, title, (x_axis, y_axis), (curves, &[]), SeriesLabelPosition::UpperRight)
}

/// Curves on two logarithmic axes, with dots on top: what was measured and what is exact, say.
pub(crate) fn curves_and_dots(
    path: &Path,
    title: &str,
    (x_axis, y_axis): (&str, &str),
    (curves, dots): (&[Curve], &[Curve]),
    legend: SeriesLabelPosition,
) -> Result<()> {
    let root = SVGBackend::new(path, (900, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    heading(&root, title)?;
    let points = || curves.iter().chain(dots).flat_map(|curve| &curve.points);
    // A hair more, so that rounding does not lose the labels at both ends.
    let x_range = points().map(|p| p.0).fold(f64::INFINITY, f64::min) * (1.0 - 1e-9)
        ..points().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max) * (1.0 + 1e-9);
    let mut chart = ChartBuilder::on(&root)
        .margin_top(50)
        .margin_left(14)
        .margin_right(40)
        .margin_bottom(10)
        .set_label_area_size(LabelAreaPosition::Left, 84)
        .set_label_area_size(LabelAreaPosition::Bottom, 54)
        .build_cartesian_2d(x_range.log_scale(), decades(points().map(|p| p.1)).log_scale())?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_desc(x_axis)
        .y_desc(y_axis)
        .x_label_formatter(&|x| power_of_ten(*x))
        .y_label_formatter(&|y| power_of_ten(*y))
        .label_style(("sans-serif", 15).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 16).into_font().color(&INK))
        .draw()?;
    for (curve, (dash, gap)) in curves.iter().zip(DASHES.into_iter().cycle()) {
        let style = curve.color.stroke_width(2);
        chart
            .draw_series(DashedLineSeries::new(curve.points.iter().copied(), dash, gap, style))?
            .label(&curve.name)
            .legend(move |(x, y)| DashedPathElement::new([(x, y), (x + 34, y)], dash, gap, style));
    }
    for dots in dots {
        let style = dots.color.filled();
        let dot = move |point: &(f64, f64)| Circle::new(*point, 4, style);
        let series = chart.draw_series(dots.points.iter().map(dot))?;
        if !dots.name.is_empty() {
            series.label(&dots.name).legend(move |(x, y)| Circle::new((x + 12, y), 4, style));
        }
    }
    chart
        .configure_series_labels()
        .position(legend)
        .legend_area_size(44)
        .margin(14)
        .label_font(("sans-serif", 16).into_font().color(&INK))
        .background_style(WHITE.filled())
        .border_style(GRID)
        .draw()?;
    root.present()?;
    Ok(())
}

fn heading(root: &DrawingArea<SVGBackend<'_>, Shift>, title: &str) -> Result<()> {
    root.draw_text(title, &text(20, HPos::Left, VPos::Top), (20, 16))?;
    Ok(())
}

fn text(size: u32, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK).pos(Pos::new(horizontal, vertical))
}

/// Whole powers of ten around all values.
fn decades(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (x.min(low), x.max(high)));
    // A hair more, so that rounding does not lose the labels at both ends.
    10f64.powf(low.log10().floor()) * (1.0 - 1e-9)..10f64.powf(high.log10().ceil()) * (1.0 + 1e-9)
}

/// 10⁴ for 10000; nothing for what is not a power of ten.
fn power_of_ten(x: f64) -> String {
    let exponent = x.log10();
    if (exponent - exponent.round()).abs() > 1e-6 {
        return String::new();
    }
    let raised = |c| match c {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        _ => '⁹',
    };
    format!("10{}", format!("{exponent:.0}").chars().map(raised).collect::<String>())
}
