//! Several line charts side by side with one legend, as SVG. Curves differ in dash and colour, so that they can be told apart in black
//! and white.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use super::axes::{self, Axis, INK, Scale, heading};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One curve and its name in the legend, and for each point half the width of a band, or none.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) errors: Vec<f64>,
}

impl Line {
    /// A curve without a band.
    pub(crate) fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), points, errors: Vec::new() }
    }

    /// How far it reaches up and down, its band included.
    fn heights(&self) -> impl Iterator<Item = f64> {
        let errors = self.errors.iter().copied().chain(std::iter::repeat(0.0));
        self.points.iter().zip(errors).flat_map(|(point, error)| {
            let error = if error.is_finite() { error } else { 0.0 };
            [point.1 - error, point.1, point.1 + error]
        })
    }
}

/// One chart: what its axes say, how numbers are laid out upwards, and its curves. The legend is that of the first chart.
pub(crate) struct Panel<'a> {
    pub(crate) title: &'a str,
    pub(crate) x_axis: &'a str,
    pub(crate) y_axis: &'a str,
    pub(crate) y_scale: Scale,
    pub(crate) lines: Vec<Line>,
}

/// Apart for colour-blind eyes too (Okabe & Ito), and then black.
const COLORS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(120, 120, 120),
    RGBColor(0, 0, 0),
];

/// Length of dash and gap; the first is a solid line.
const DASHES: [(u32, u32); 5] = [(1, 0), (9, 4), (3, 3), (14, 3), (6, 8)];

/// Draws the panels side by side, with the legend below.
pub(crate) fn subplots(path: &Path, title: &str, panels: &[Panel<'_>]) -> Result<()> {
    let names: Vec<&str> = panels[0].lines.iter().map(|line| &*line.name).collect();
    let (width, height) = (520 * panels.len() as u32, 400);
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let columns = ((width as usize - 40) / (90 + 8 * longest)).clamp(1, 4);
    let legend = 34 + 26 * names.len().div_ceil(columns) as u32;
    let root = SVGBackend::new(path, (width, height + 44 + legend)).into_drawing_area();
    root.fill(&WHITE)?;
    heading(&root, title)?;
    let (_, below) = root.split_vertically(44);
    let (charts, key) = below.split_vertically(height);
    for (area, panel) in charts.split_evenly((1, panels.len())).iter().zip(panels) {
        let x =
            Axis::around(Scale::Linear, panel.lines.iter().flat_map(|line| &line.points).map(|p| p.0), 0.0);
        let y = Axis::around(panel.y_scale, panel.lines.iter().flat_map(Line::heights), 0.05);
        let mut builder = ChartBuilder::on(area);
        builder
            .caption(panel.title, ("sans-serif", 17).into_font().color(&INK))
            .margin(10)
            .margin_right(24)
            .set_label_area_size(LabelAreaPosition::Left, 70)
            .set_label_area_size(LabelAreaPosition::Bottom, 48);
        let mut chart = axes::chart(&mut builder, (&x, panel.x_axis), (&y, panel.y_axis))?;
        for (line, color) in panel.lines.iter().zip(COLORS.into_iter().cycle()) {
            axes::band(&mut chart, &line.points, &line.errors, color)?;
        }
        for (i, line) in panel.lines.iter().enumerate() {
            let points = axes::shown(&y, &line.points);
            let (dash, gap) = DASHES[i % DASHES.len()];
            let style = COLORS[i % COLORS.len()].stroke_width(2);
            if gap == 0 {
                chart.draw_series(LineSeries::new(points, style))?;
            } else {
                chart.draw_series(DashedLineSeries::new(points, dash, gap, style))?;
            }
        }
    }
    for (i, name) in names.iter().enumerate() {
        let (x, y) = (
            30 + (i % columns) as i32 * (width as i32 - 40) / columns as i32,
            20 + 26 * (i / columns) as i32,
        );
        let (dash, gap) = DASHES[i % DASHES.len()];
        let style = COLORS[i % COLORS.len()].stroke_width(3);
        let mut from = x;
        while from < x + 44 {
            let to = if gap == 0 { x + 44 } else { (from + dash as i32).min(x + 44) };
            key.draw(&PathElement::new([(from, y), (to, y)], style))?;
            from = to + gap as i32;
        }
        key.draw_text(name, &("sans-serif", 15).into_font().color(&INK), (x + 54, y - 8))?;
    }
    root.present()?;
    Ok(())
}
