//! Means and standard deviations side by side, row by row, as SVG. Series differ in colour and in marker, so that they can be told apart in black
//! and white.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(222, 222, 222);

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
    let path = path.to_path_buf();
    let root = SVGBackend::new(&path, size).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw_text(title, &text(20, HPos::Left), (20, 26))?;
    let ends =
        || series.iter().flat_map(|series| &series.rows).flat_map(|&(mean, sd)| [mean - sd, mean + sd]);
    let (low, high) = (ends().fold(f64::INFINITY, f64::min), ends().fold(f64::NEG_INFINITY, f64::max));
    let room = 0.03 * (high - low);
    let mut chart = ChartBuilder::on(&root)
        .margin_top(84)
        .margin_right(24)
        .set_label_area_size(LabelAreaPosition::Left, LEFT)
        .set_label_area_size(LabelAreaPosition::Bottom, 54)
        .build_cartesian_2d(low - room..high + room, 0.0..names.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_desc(axis)
        .label_style(("sans-serif", 14).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 16).into_font().color(&INK))
        .draw()?;
    let place = |x: f64, y: f64| chart.backend_coord(&(x, y));
    for (row, name) in names.iter().enumerate() {
        let (_, top) = place(low, (names.len() - row) as f64);
        let middle = top + step as i32 / 2;
        root.draw_text(name, &text(15, HPos::Right), (LEFT as i32 - 10, middle))?;
        if row > 0 {
            let (left, right) = (place(low - room, 0.0).0, place(high + room, 0.0).0);
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
        root.draw_text(series.name, &text(15, HPos::Left), (x + 46, 62))?;
    }
    root.present()?;
    Ok(())
}

/// A line with a dot, a square or a cross on it.
fn mark(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    series: usize,
    y: i32,
    [from, at, to]: [i32; 3],
) -> Result<()> {
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

fn text(size: u32, horizontal: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK).pos(Pos::new(horizontal, VPos::Center))
}
