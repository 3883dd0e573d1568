//! Several line charts side by side with one legend, as SVG. Curves differ in dash and colour, so that they can be told apart in black and white.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One curve and its name in the legend.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One chart: what its axes say, and its curves. The legend is that of the first chart.
pub(crate) struct Panel<'a> {
    pub(crate) title: &'a str,
    pub(crate) x_axis: &'a str,
    pub(crate) y_axis: &'a str,
    pub(crate) lines: Vec<Line>,
}

const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(222, 222, 222);

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
    root.draw_text(title, &("sans-serif", 20).into_font().color(&INK), (20, 14))?;
    let (_, below) = root.split_vertically(44);
    let (charts, key) = below.split_vertically(height);
    for (area, panel) in charts.split_evenly((1, panels.len())).iter().zip(panels) {
        let points = || panel.lines.iter().flat_map(|line| &line.points).filter(|p| p.1.is_finite());
        let range = |of: fn(&(f64, f64)) -> f64, margin: f64| {
            let low = points().map(of).fold(f64::INFINITY, f64::min);
            let high = points().map(of).fold(f64::NEG_INFINITY, f64::max);
            let room = margin * (high - low).max(1e-12);
            low - room..high + room
        };
        let mut chart = ChartBuilder::on(area)
            .caption(panel.title, ("sans-serif", 17).into_font().color(&INK))
            .margin(10)
            .margin_right(24)
            .set_label_area_size(LabelAreaPosition::Left, 70)
            .set_label_area_size(LabelAreaPosition::Bottom, 48)
            .build_cartesian_2d(range(|p| p.0, 0.0), range(|p| p.1, 0.05))?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .x_desc(panel.x_axis)
            .y_desc(panel.y_axis)
            .x_labels(6)
            .x_label_formatter(&|x| number(*x))
            .y_label_formatter(&|y| number(*y))
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .axis_desc_style(("sans-serif", 15).into_font().color(&INK))
            .draw()?;
        for (i, line) in panel.lines.iter().enumerate() {
            let points = line.points.iter().copied().filter(|p| p.1.is_finite());
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

/// Without zeros that say nothing.
fn number(x: f64) -> String {
    let digits = format!("{x:.4}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    if digits == "-0" { "0".into() } else { digits.into() }
}
