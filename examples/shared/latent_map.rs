//! A scatter plot of digits in a latent space of two numbers, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{self, Axis, Scale, heading};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Okabe & Ito, and three more that stay apart from them; the digit itself is drawn, so that colour is not needed.
const COLORS: [RGBColor; 10] = [
    RGBColor(0, 0, 0),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(190, 130, 0),
    RGBColor(120, 120, 120),
    RGBColor(110, 60, 160),
    RGBColor(150, 40, 40),
];

/// Draws each point of a plane as the digit that it is, in a colour of its own.
pub(crate) fn latent_map(
    path: &Path,
    title: &str,
    (x, y): (&str, &str),
    points: &[(f64, f64, u8)],
) -> Result<()> {
    let root = SVGBackend::new(path, (760, 760)).into_drawing_area();
    root.fill(&WHITE)?;
    heading(&root, title)?;
    let range = |of: fn(&(f64, f64, u8)) -> f64| {
        let most = points.iter().map(|point| of(point).abs()).fold(0.0, f64::max) * 1.05;
        Axis::over(Scale::Linear, -most..most)
    };
    let mut builder = ChartBuilder::on(&root);
    builder
        .margin_top(50)
        .margin_right(24)
        .set_label_area_size(LabelAreaPosition::Left, 64)
        .set_label_area_size(LabelAreaPosition::Bottom, 54);
    let mut chart = axes::chart(&mut builder, (&range(|p| p.0), x), (&range(|p| p.1), y))?;
    let middle = Pos::new(HPos::Center, VPos::Center);
    chart.draw_series(points.iter().map(|&(x, y, digit)| {
        let style = ("sans-serif", 14).into_font().color(&COLORS[digit as usize % 10]).pos(middle);
        Text::new(digit.to_string(), (x, y), style)
    }))?;
    root.present()?;
    Ok(())
}
