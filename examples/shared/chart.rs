//! Charts of the examples and benches, as SVG: dots with error bars on a logarithmic axis, and curves on two logarithmic axes.
#![allow(dead_code, reason = "each program draws some of it")]

use std::error::Error;
use std::path::Path;

use plotters::coord::ranged1d::Ranged;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axes::{self, Axis, GRID, INK, Scale, heading, text};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Length of dash and gap, so that curves can be told apart in black and white; the first is a solid line.
const DASHES: [(u32, u32); 5] = [(10_000, 0), (9, 4), (3, 3), (14, 3), (2, 5)];

/// One dot: its name, where it stands, half its error bar, what is written behind it and its colour.
pub(crate) struct Dot {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) error: f64,
    pub(crate) note: String,
    pub(crate) color: RGBColor,
}

/// One curve: its name, its points, its colour, and for each point half the width of a band, or none.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) errors: Vec<f64>,
    pub(crate) color: RGBColor,
}

impl Curve {
    /// A curve without points and without a band.
    pub(crate) fn new(name: impl Into<String>, color: RGBColor) -> Self {
        Self { name: name.into(), points: Vec::new(), errors: Vec::new(), color }
    }
}

/// Dots on a logarithmic axis, one per line, each with its error bar and its note.
pub(crate) fn dots(path: &Path, title: &str, axis: &str, dots: &[Dot]) -> Result<()> {
    const LEFT: u32 = 300;
    const RIGHT: u32 = 190;
    const LINE: u32 = 30;
    let size = (1000, 120 + LINE * dots.len() as u32);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    heading(&root, title)?;
    let ends = dots.iter().flat_map(|dot| [dot.value - dot.error, dot.value, dot.value + dot.error]);
    let x = Axis::around(Scale::Log, ends, 0.04);
    let y = Axis::rows(dots.len());
    let mut builder = ChartBuilder::on(&root);
    builder
        .margin_top(50)
        .margin_right(RIGHT)
        .margin_bottom(10)
        .set_label_area_size(LabelAreaPosition::Left, LEFT)
        .set_label_area_size(LabelAreaPosition::Bottom, 54);
    let chart = axes::chart(&mut builder, (&x, axis), (&y, ""))?;
    for (i, dot) in dots.iter().enumerate() {
        let line = (dots.len() - i) as f64 - 0.5;
        let at = |value: f64| chart.backend_coord(&(value, line));
        let (center, style) = (at(dot.value), dot.color.stroke_width(2));
        let (left, right) = (at(x.range().start), at(x.range().end));
        root.draw(&PathElement::new([left, right], GRID.stroke_width(1)))?;
        let (low, high) = (at(dot.value - dot.error), at(dot.value + dot.error));
        root.draw(&PathElement::new([low, high], style))?;
        // Caps would hide behind the dot, and make a square of it.
        let caps = if high.0 - low.0 > 16 { &[low, high][..] } else { &[] };
        for end in caps {
            root.draw(&PathElement::new([(end.0, end.1 - 5), (end.0, end.1 + 5)], style))?;
        }
        root.draw(&Circle::new(center, 5, dot.color.filled()))?;
        root.draw_text(&dot.name, &text(16, HPos::Right, VPos::Center), (LEFT as i32 - 10, center.1))?;
        root.draw_text(&dot.note, &text(15, HPos::Left, VPos::Center), (right.0 + 12, center.1))?;
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
    let x = Axis::around(Scale::Log, points().map(|point| point.0), 0.0);
    let y = Axis::decades(points().map(|point| point.1));
    let mut builder = ChartBuilder::on(&root);
    builder
        .margin_top(50)
        .margin_left(14)
        .margin_right(40)
        .margin_bottom(10)
        .set_label_area_size(LabelAreaPosition::Left, 84)
        .set_label_area_size(LabelAreaPosition::Bottom, 54);
    let mut chart = axes::chart(&mut builder, (&x, x_axis), (&y, y_axis))?;
    for curve in curves {
        axes::band(&mut chart, &curve.points, &curve.errors, curve.color)?;
    }
    for (curve, (dash, gap)) in curves.iter().zip(DASHES.into_iter().cycle()) {
        let style = curve.color.stroke_width(2);
        chart
            .draw_series(DashedLineSeries::new(axes::shown(&y, &curve.points), dash, gap, style))?
            .label(&curve.name)
            .legend(move |(x, y)| DashedPathElement::new([(x, y), (x + 34, y)], dash, gap, style));
    }
    for dots in dots {
        let style = dots.color.filled();
        let points = axes::shown(&y, &dots.points).into_iter();
        let series = chart.draw_series(points.map(|point| Circle::new(point, 4, style)))?;
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
