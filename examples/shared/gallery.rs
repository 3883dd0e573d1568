//! Grids of small images, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(222, 222, 222);

/// A block of square images of one width, row by row, with what is written above it. Pixels go from 0, white, to 1, black.
pub(crate) struct Block<'a> {
    pub(crate) title: &'a str,
    pub(crate) columns: usize,
    pub(crate) images: Vec<&'a [f32]>,
}

/// Draws blocks of images side by side.
pub(crate) fn gallery(path: &Path, title: &str, side: usize, blocks: &[Block<'_>]) -> Result<()> {
    const CELL: i32 = 5;
    const GAP: i32 = 6;
    const LEFT: i32 = 24;
    const TOP: i32 = 84;
    let step = side as i32 * CELL + GAP;
    let width = |block: &Block<'_>| block.columns as i32 * step + LEFT;
    let rows = blocks.iter().map(|block| block.images.len().div_ceil(block.columns)).max().unwrap_or(0);
    let size = (blocks.iter().map(width).sum::<i32>() + LEFT, TOP + rows as i32 * step + 14);
    let root = SVGBackend::new(path, (size.0 as u32, size.1 as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw_text(title, &("sans-serif", 20).into_font().color(&INK), (LEFT, 16))?;
    let mut left = LEFT;
    for block in blocks {
        root.draw_text(block.title, &("sans-serif", 16).into_font().color(&INK), (left, TOP - 26))?;
        for (i, image) in block.images.iter().enumerate() {
            let x = left + (i % block.columns) as i32 * step;
            let y = TOP + (i / block.columns) as i32 * step;
            for (row, line) in image.chunks_exact(side).enumerate() {
                // Pixels of one shade that lie side by side are one rectangle.
                let shade = |v: f32| 255 - (v.clamp(0.0, 1.0) * 10.0).round() as u8 * 25;
                let mut from = 0;
                while from < side {
                    let same = line[from..].iter().take_while(|&&v| shade(v) == shade(line[from])).count();
                    let (x0, y0) = (x + from as i32 * CELL, y + row as i32 * CELL);
                    let (x1, y1) = (x0 + same as i32 * CELL, y0 + CELL);
                    let gray = shade(line[from]);
                    if gray < 255 {
                        root.draw(&Rectangle::new(
                            [(x0, y0), (x1, y1)],
                            RGBColor(gray, gray, gray).filled(),
                        ))?;
                    }
                    from += same;
                }
            }
            let frame = [(x - 1, y - 1), (x + side as i32 * CELL, y + side as i32 * CELL)];
            root.draw(&Rectangle::new(frame, GRID.stroke_width(1)))?;
        }
        left += width(block);
    }
    root.present()?;
    Ok(())
}
