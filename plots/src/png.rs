//! A scene as pixels.

use tiny_skia::{FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, StrokeDash, Transform};

use crate::font::Font;
use crate::geometry::{Path, Step};
use crate::scene::{DrawError, Scene, Shape, Stroke};
use crate::style::Colour;

/// Most pixels a side.
pub(crate) const MOST_PIXELS: u32 = 16_384;

pub(crate) fn write(scene: &Scene, dots_per_inch: f64) -> Result<Vec<u8>, DrawError> {
    let scale = dots_per_inch / 72.0;
    let pixels = |points: f64| libm::ceil(points * scale - 1e-6).max(0.0) as u64;
    let (width, height) = (pixels(scene.width), pixels(scene.height));
    let refused = DrawError::Size { width, height };
    let small = |side: u64| u32::try_from(side).ok().filter(|side| *side <= MOST_PIXELS);
    let (Some(across), Some(down)) = (small(width), small(height)) else { return Err(refused) };
    let mut pixmap = Pixmap::new(across, down).ok_or(refused)?;
    pixmap.fill(tiny_skia::Color::WHITE);
    let page = Transform::from_scale(scale as f32, scale as f32);
    for shape in &scene.shapes {
        draw(&mut pixmap, shape, page);
    }
    for text in &scene.texts {
        let origin = text.origin();
        let turn = if text.upwards { -90.0 } else { 0.0 };
        let line = page.pre_translate(origin.x as f32, origin.y as f32).pre_rotate(turn);
        let line = line.pre_scale(text.size as f32, text.size as f32);
        for (x, _, glyph) in Font::of(text.weight).placed(&text.content) {
            let shape = Shape { path: glyph.outline.clone(), fill: Some(text.colour), ..Shape::default() };
            draw(&mut pixmap, &shape, line.pre_translate(x as f32, 0.0));
        }
    }
    pixmap.encode_png().map_err(|error| DrawError::Encode(error.to_string()))
}

fn draw(pixmap: &mut Pixmap, shape: &Shape, transform: Transform) {
    let Some(path) = built(&shape.path) else { return };
    if let Some(colour) = shape.fill {
        pixmap.fill_path(&path, &paint(colour), FillRule::Winding, transform, None);
    }
    if let Some(Stroke { colour, width, dash }) = shape.stroke {
        let lengths = dash.lengths().iter().map(|length| (length * width) as f32).collect();
        let stroke = tiny_skia::Stroke {
            width: width as f32,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash: StrokeDash::new(lengths, 0.0),
            ..tiny_skia::Stroke::default()
        };
        pixmap.stroke_path(&path, &paint(colour), &stroke, transform, None);
    }
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    let alpha = libm::round(colour.alpha.clamp(0.0, 1.0) * 255.0) as u8;
    paint.set_color_rgba8(colour.red, colour.green, colour.blue, alpha);
    paint
}

/// `None` of an empty path.
fn built(path: &Path) -> Option<tiny_skia::Path> {
    let mut builder = PathBuilder::new();
    for step in &path.0 {
        match *step {
            Step::Move(to) => builder.move_to(to.x as f32, to.y as f32),
            Step::Line(to) => builder.line_to(to.x as f32, to.y as f32),
            Step::Cubic(one, two, to) => {
                builder.cubic_to(one.x as f32, one.y as f32, two.x as f32, two.y as f32, to.x as f32, to.y as f32);
            }
            Step::Close => builder.close(),
        }
    }
    builder.finish()
}
