//! Panels side by side, as SVG: an exact curve in each, and estimates as points with error bars. Points differ in shape, so that they can
//! be told apart in black and white.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use super::axes::{self, Axis, INK, Scale, heading};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Estimates by one estimator: `(x, estimate, half the error bar)`.
pub(crate) struct Points {
    pub(crate) name: &'static str,
    pub(crate) color: RGBColor,
    pub(crate) points: Vec<(f64, f64, f64)>,
}

/// One panel: an exact curve and the estimates beside it.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) y_axis: &'static str,
    pub(crate) exact: Vec<(f64, f64)>,
    pub(crate) estimates: Vec<Points>,
}

/// Draws the panels, with one legend below.
pub(crate) fn draw(path: &Path, title: &str, x_axis: &str, panels: &[Panel]) -> Result<()> {
    let root = SVGBackend::new(path, (560 * panels.len() as u32, 500)).into_drawing_area();
    root.fill(&WHITE)?;
    heading(&root, title)?;
    let (_, below) = root.split_vertically(44);
    let (charts, key) = below.split_vertically(410);
    for (area, panel) in charts.split_evenly((1, panels.len())).iter().zip(panels) {
        let bars = panel.estimates.iter().flat_map(|points| &points.points);
        let ends = bars.flat_map(|&(_, y, error)| [y - error, y + error]);
        let x = Axis::around(Scale::Linear, panel.exact.iter().map(|point| point.0), 0.0);
        let y = Axis::around(Scale::Linear, ends.chain(panel.exact.iter().map(|point| point.1)), 0.06);
        let mut builder = ChartBuilder::on(area);
        builder
            .caption(panel.title, ("sans-serif", 17).into_font().color(&INK))
            .margin(10)
            .margin_right(24)
            .set_label_area_size(LabelAreaPosition::Left, 72)
            .set_label_area_size(LabelAreaPosition::Bottom, 48);
        let mut chart = axes::chart(&mut builder, (&x, x_axis), (&y, panel.y_axis))?;
        chart.draw_series(LineSeries::new(panel.exact.iter().copied(), INK.stroke_width(2)))?;
        for (shape, points) in panel.estimates.iter().enumerate() {
            let style = points.color.stroke_width(2);
            for &(x, y, error) in &points.points {
                let bar = PathElement::new([(x, y - error), (x, y + error)], style);
                chart.draw_series([bar])?;
                let at = chart.backend_coord(&(x, y));
                mark(&root, shape, at, points.color)?;
            }
        }
    }
    let mut names = vec![("exact", INK, None)];
    for panel in panels {
        for (shape, points) in panel.estimates.iter().enumerate() {
            if names.iter().all(|(name, ..)| *name != points.name) {
                names.push((points.name, points.color, Some(shape)));
            }
        }
    }
    let mut x = 40;
    let (corner, _) = key.get_pixel_range();
    let top = key.get_pixel_range().1.start;
    for (name, color, shape) in names {
        match shape {
            None => key.draw(&PathElement::new([(x - 14, 20), (x + 14, 20)], color.stroke_width(2)))?,
            Some(shape) => mark(&root, shape, (corner.start + x, top + 20), color)?,
        }
        key.draw_text(name, &("sans-serif", 15).into_font().color(&INK), (x + 22, 12))?;
        x += 60 + 8 * name.chars().count() as i32;
    }
    root.present()?;
    Ok(())
}

/// A disc, a square, a triangle, a cross.
fn mark(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    shape: usize,
    (x, y): (i32, i32),
    color: RGBColor,
) -> Result<()> {
    match shape {
        0 => root.draw(&Circle::new((x, y), 5, color.filled()))?,
        1 => root.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], color.filled()))?,
        2 => root.draw(&TriangleMarker::new((x, y), 6, color.filled()))?,
        _ => root.draw(&Cross::new((x, y), 5, color.stroke_width(2)))?,
    }
    Ok(())
}
