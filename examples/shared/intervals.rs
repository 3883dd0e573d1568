//! Means and standard deviations side by side, row by row, as SVG. Series differ in colour and in marker, so that they can be told apart
//! in black and white.

use std::error::Error;
use std::path::Path;

use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axes::{self, Area, Axis, GRID, Scale, heading, text};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Apart for colour-blind eyes too (Okabe & Ito).
const COLORS: [RGBColor; 3] = [RGBColor(0, 0, 0), RGBColor(0, 114, 178), RGBColor(213, 94, 0)];

/// One series: its name, and a mean and a standard deviation for each row.
pub(crate) struct Series<'a> {
    pub(crate) name: &'a str,
    pub(crate) rows: Vec<(f64, f64)>,
}

/// Draws up to three series: for each row a marker at the mean and a line over ± one standard deviation.
pub(crate) fn intervals(
    path: &Path,
    title: &str,
    axis: &str,
    names: &[String],
    series: &[Series<'_>],
) -> Result<()> {
    const LEFT: u32 = 210;
    let step = 13 * series.len() as u32 + 6;
    let size = (900, 150 + step * names.len() as u32);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    heading(&root, title)?;
    let rows = series.iter().flat_map(|series| &series.rows);
    let x = Axis::around(Scale::Linear, rows.flat_map(|&(mean, sd)| [mean - sd, mean + sd]), 0.03);
    let y = Axis::rows(names.len());
    let mut builder = ChartBuilder::on(&root);
    builder
        .margin_top(84)
        .margin_right(24)
        .set_label_area_size(LabelAreaPosition::Left, LEFT)
        .set_label_area_size(LabelAreaPosition::Bottom, 54);
    let chart = axes::chart(&mut builder, (&x, axis), (&y, ""))?;
    let place = |x: f64, y: f64| chart.backend_coord(&(x, y));
    for (row, name) in names.iter().enumerate() {
        let (_, top) = place(x.range().start, (names.len() - row) as f64);
        let middle = top + step as i32 / 2;
        root.draw_text(name, &text(15, HPos::Right, VPos::Center), (LEFT as i32 - 10, middle))?;
        if row > 0 {
            let (left, right) = (place(x.range().start, 0.0).0, place(x.range().end, 0.0).0);
            root.draw(&PathElement::new([(left, top), (right, top)], GRID.stroke_width(1)))?;
        }
        for (i, series) in series.iter().enumerate() {
            let (mean, sd) = series.rows[row];
            let y = top + 10 + 13 * i as i32;
            let x = |value: f64| place(value, 0.0).0;
            mark(&root, i, y, [x(mean - sd), x(mean), x(mean + sd)])?;
        }
    }
    for (i, series) in series.iter().enumerate() {
        let x = LEFT as i32 + 230 * i as i32;
        mark(&root, i, 62, [x, x + 18, x + 36])?;
        root.draw_text(series.name, &text(15, HPos::Left, VPos::Center), (x + 46, 62))?;
    }
    root.present()?;
    Ok(())
}

/// A line with a dot, a square or a cross on it.
fn mark(root: &Area<'_>, series: usize, y: i32, [from, at, to]: [i32; 3]) -> Result<()> {
    let color = COLORS[series % COLORS.len()];
    root.draw(&PathElement::new([(from, y), (to, y)], color.stroke_width(2)))?;
    match series {
        0 => root.draw(&Circle::new((at, y), 4, color.filled()))?,
        1 => {
            let corners = [(at - 4, y - 4), (at + 4, y + 4)];
            root.draw(&Rectangle::new(corners, WHITE.filled()))?;
            root.draw(&Rectangle::new(corners, color.stroke_width(2)))?;
        }
        _ => root.draw(&Cross::new((at, y), 4, color.stroke_width(2)))?,
    }
    Ok(())
}
