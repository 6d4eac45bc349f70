//! A scene as SVG. Text is drawn as outlines, each glyph defined once; what it says stands in `aria-label`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::font::Font;
use crate::geometry::{Path, Point, Step};
use crate::scene::{POINTS_PER_MM, Scene, Shape, Text, Weight};

/// Glyph outlines in a file: thousandths of the font size.
const EM: f64 = 1_000.0;

pub(crate) fn write(scene: &Scene) -> String {
    let (width, height) = (scene.width, scene.height);
    let mut file = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {} {}\" role=\"img\">\n<title>{}</title>\n",
        number(width / POINTS_PER_MM),
        number(height / POINTS_PER_MM),
        number(width),
        number(height),
        escaped(&scene.title),
    );
    define_glyphs(scene, &mut file);
    let _ = writeln!(file, "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>");
    for shape in &scene.shapes {
        write_shape(shape, &mut file);
    }
    for text in &scene.texts {
        write_text(text, &mut file);
    }
    file.push_str("</svg>\n");
    file
}

fn define_glyphs(scene: &Scene, file: &mut String) {
    let mut glyphs = BTreeMap::new();
    for text in &scene.texts {
        for (_, character, glyph) in Font::of(text.weight).placed(&text.content) {
            if !glyph.outline.0.is_empty() {
                glyphs.insert((text.weight, character), &glyph.outline);
            }
        }
    }
    if glyphs.is_empty() {
        return;
    }
    file.push_str("<defs>\n");
    for ((weight, character), outline) in glyphs {
        let scaled = outline.mapped(|point| Point::new(EM * point.x, EM * point.y));
        let _ = writeln!(file, "<path id=\"{}\" d=\"{}\"/>", glyph_name(weight, character), data(&scaled));
    }
    file.push_str("</defs>\n");
}

fn glyph_name(weight: Weight, character: char) -> String {
    let letter = if weight == Weight::Regular { 'r' } else { 's' };
    format!("{letter}{:x}", u32::from(character))
}

fn write_shape(shape: &Shape, file: &mut String) {
    let _ = write!(file, "<path d=\"{}\"", data(&shape.path));
    match shape.fill {
        None => file.push_str(" fill=\"none\""),
        Some(colour) => {
            let _ = write!(file, " fill=\"{}\"", colour.hexadecimal());
            if colour.alpha < 1.0 {
                let _ = write!(file, " fill-opacity=\"{}\"", number(colour.alpha));
            }
        }
    }
    if let Some(stroke) = shape.stroke {
        let _ = write!(file, " stroke=\"{}\" stroke-width=\"{}\"", stroke.colour.hexadecimal(), number(stroke.width));
        if stroke.colour.alpha < 1.0 {
            let _ = write!(file, " stroke-opacity=\"{}\"", number(stroke.colour.alpha));
        }
        let dashes: Vec<String> = stroke.dash.lengths().iter().map(|length| number(length * stroke.width)).collect();
        if !dashes.is_empty() {
            let _ = write!(file, " stroke-dasharray=\"{}\"", dashes.join(" "));
        }
        file.push_str(" stroke-linejoin=\"round\"");
    }
    if shape.hint.is_empty() {
        file.push_str("/>\n");
    } else {
        let _ = writeln!(file, "><title>{}</title></path>", escaped(&shape.hint));
    }
}

fn write_text(text: &Text, file: &mut String) {
    let origin = text.origin();
    let scale = text.size / EM;
    let turn = if text.upwards { " rotate(-90)" } else { "" };
    let _ = write!(
        file,
        "<g aria-label=\"{}\" fill=\"{}\" transform=\"translate({} {}){turn} scale({scale})\">",
        escaped(&text.content),
        text.colour.hexadecimal(),
        number(origin.x),
        number(origin.y),
    );
    for (x, character, glyph) in Font::of(text.weight).placed(&text.content) {
        if !glyph.outline.0.is_empty() {
            let _ = write!(file, "<use href=\"#{}\" x=\"{}\"/>", glyph_name(text.weight, character), number(EM * x));
        }
    }
    file.push_str("</g>\n");
}

/// Path data: `M1 2L3 4Z`.
pub(crate) fn data(path: &Path) -> String {
    let mut text = String::new();
    let point = |point: Point| format!("{} {}", number(point.x), number(point.y));
    for step in &path.0 {
        let _ = match *step {
            Step::Move(to) => write!(text, "M{}", point(to)),
            Step::Line(to) => write!(text, "L{}", point(to)),
            Step::Cubic(first, second, to) => write!(text, "C{} {} {}", point(first), point(second), point(to)),
            Step::Close => write!(text, "Z"),
        };
    }
    text
}

/// A number to a hundredth of a point, which is 3.5 micrometres on paper.
fn number(value: f64) -> String {
    let rounded = libm::round(value * 100.0) / 100.0;
    // No `-0`.
    format!("{}", rounded + 0.0)
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
