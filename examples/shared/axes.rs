//! What the pictures share: colours, text, and axes with a few round ticks. Ticks of a logarithmic axis are written 10ᵏ.
#![allow(dead_code, reason = "each program draws some of it")]

use std::error::Error;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Text and axes.
pub(crate) const INK: RGBColor = RGBColor(40, 40, 40);
pub(crate) const GRID: RGBColor = RGBColor(222, 222, 222);

/// Colours that colour-blind eyes can tell apart too (Okabe & Ito).
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const PINK: RGBColor = RGBColor(204, 121, 167);

/// How numbers are laid out along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    Log,
}

/// An axis. A number has its place on it: itself on a linear axis, its decimal logarithm on a logarithmic one.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    scale: Scale,
    /// Both in places.
    range: Range<f64>,
    ticks: Vec<f64>,
    /// Digits behind the point of a linear tick.
    digits: usize,
}

impl Axis {
    /// Around all values that it can show, with a margin on both sides, as a share of the range.
    pub(crate) fn around(scale: Scale, values: impl Iterator<Item = f64>, margin: f64) -> Self {
        let (low, high) = values
            .map(|x| place(scale, x))
            .filter(|place| place.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (x.min(low), x.max(high)));
        let (low, high) = match high - low {
            none if none < 0.0 => (0.0, 1.0),
            span if span < 1e-12 => (low - 0.5, high + 0.5),
            span => (low - margin * span, high + margin * span),
        };
        Self::over(scale, low..high)
    }

    /// Over whole powers of ten around all values.
    pub(crate) fn decades(values: impl Iterator<Item = f64>) -> Self {
        let around = Self::around(Scale::Log, values, 0.0).range;
        Self::over(Scale::Log, around.start.floor()..around.end.ceil())
    }

    /// Over so many rows, the first at the bottom, without ticks.
    pub(crate) fn rows(count: usize) -> Self {
        Self { ticks: Vec::new(), ..Self::over(Scale::Linear, 0.0..count as f64) }
    }

    /// Over a range of places.
    pub(crate) fn over(scale: Scale, range: Range<f64>) -> Self {
        let span = range.end - range.start;
        // Rounding must not lose a tick at an end.
        let near = 1e-9 * span;
        let multiples = |step: f64| -> Vec<f64> {
            let (first, last) = ((range.start - near) / step, (range.end + near) / step);
            let all = first.ceil() as i64..=last.floor() as i64;
            all.map(|k| (k as f64 * step).clamp(range.start, range.end)).collect()
        };
        let round = |step: f64| {
            let unit = 10f64.powf(step.log10().floor());
            let wanted = [1.0, 2.0, 5.0].into_iter().find(|times| times * unit >= step * (1.0 - 1e-9));
            wanted.unwrap_or(10.0) * unit
        };
        let (ticks, step) = match scale {
            Scale::Linear => {
                let step = round(span / 6.0);
                (multiples(step), step)
            }
            Scale::Log => {
                let between = |of: &[f64]| -> Vec<f64> {
                    let decades = range.start.floor() as i64..=range.end.floor() as i64;
                    let all = decades.flat_map(|k| of.iter().map(move |m| k as f64 + m.log10()));
                    all.filter(|x| (range.start - near..=range.end + near).contains(x)).collect()
                };
                let mut ticks = multiples(round((span / 9.0).max(1.0)));
                // Over less than two powers of ten there are others between them.
                for of in [&[1.0, 2.0, 5.0][..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]] {
                    if ticks.len() < 2 {
                        ticks = between(of);
                    }
                }
                (ticks, 1.0)
            }
        };
        let digits = (-step.log10().floor()).max(0.0) as usize;
        Self { scale, range, ticks, digits }
    }

    /// The number at a place.
    fn at(&self, place: f64) -> f64 {
        if self.scale == Scale::Log { 10f64.powf(place) } else { place }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, x: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (place(self.scale, *x) - self.range.start) / (self.range.end - self.range.start);
        // What lies outside, or has no logarithm, ends at the edge.
        first + (f64::from(last - first) * share.clamp(0.0, 1.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let ticks = if hint.weight().allow_light_points() { &[] } else { &self.ticks[..] };
        ticks.iter().map(|place| self.at(*place)).collect()
    }

    fn range(&self) -> Range<f64> {
        self.at(self.range.start)..self.at(self.range.end)
    }
}

impl ValueFormatter<f64> for Axis {
    /// What is written beside a tick.
    fn format_ext(&self, x: &f64) -> String {
        let place = place(self.scale, *x);
        match self.scale {
            Scale::Linear => format!("{:.*}", self.digits, place + 0.0).replace('-', "−"),
            Scale::Log => {
                let exponent = (place + 1e-6).floor();
                let power = format!("10{}", superscript(exponent as i32));
                match 10f64.powf(place - exponent).round() {
                    1.0 => power,
                    times => format!("{times}·{power}"),
                }
            }
        }
    }
}

fn place(scale: Scale, x: f64) -> f64 {
    if scale == Scale::Log { x.log10() } else { x }
}

fn superscript(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |c: char| c.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize]);
    exponent.to_string().chars().map(raised).collect()
}

/// Two axes with their names and a grid.
pub(crate) fn chart<'a, 'b: 'a>(
    builder: &mut ChartBuilder<'a, 'b, SVGBackend<'b>>,
    (x, x_name): (&Axis, &str),
    (y, y_name): (&Axis, &str),
) -> Result<Chart<'a, 'b>> {
    let mut chart = builder.build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_desc(x_name)
        .y_desc(y_name)
        .label_style(text(15, HPos::Center, VPos::Top))
        .axis_desc_style(text(16, HPos::Center, VPos::Top))
        .draw()?;
    Ok(chart)
}

/// The points that an axis upwards can show.
pub(crate) fn shown(y: &Axis, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.iter().copied().filter(|point| place(y.scale, point.1).is_finite()).collect()
}

/// A band around a curve, from an error below it to an error above. Without errors there is none.
pub(crate) fn band(
    chart: &mut Chart<'_, '_>,
    points: &[(f64, f64)],
    errors: &[f64],
    color: RGBColor,
) -> Result<()> {
    let side = |sign: f64| -> Vec<(f64, f64)> {
        let end = points.iter().zip(errors).filter(|(_, error)| error.is_finite());
        end.map(|(point, error)| (point.0, point.1 + sign * error)).collect()
    };
    let corners: Vec<_> = side(1.0).into_iter().chain(side(-1.0).into_iter().rev()).collect();
    if !corners.is_empty() {
        chart.draw_series([Polygon::new(corners, color.mix(0.18).filled())])?;
    }
    Ok(())
}

pub(crate) fn heading(root: &Area<'_>, title: &str) -> Result<()> {
    root.draw_text(title, &text(20, HPos::Left, VPos::Top), (20, 16))?;
    Ok(())
}

pub(crate) fn text(size: u32, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK).pos(Pos::new(horizontal, vertical))
}
