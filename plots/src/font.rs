//! Outlines of glyphs: what text measures and how it is drawn. See `font/README.md`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::geometry::{Path, Point, Step};
use crate::scene::Weight;

const REGULAR: &str = include_str!("../font/inter-regular.txt");
const SEMIBOLD: &str = include_str!("../font/inter-semibold.txt");

/// Units of the outlines: thousandths of the font size.
const EM: f64 = 1_000.0;

/// Height of capitals and digits over the font size.
pub(crate) const CAPITAL: f64 = 0.727;

/// How far letters reach below the base line over the font size.
pub(crate) const DESCENT: f64 = 0.21;

/// One glyph.
pub(crate) struct Glyph {
    /// Over the font size.
    advance: f64,
    /// Over the font size, from the base line, `y` downwards.
    pub(crate) outline: Path,
}

/// A weight of the font.
pub(crate) struct Font {
    glyphs: BTreeMap<char, Glyph>,
}

impl Font {
    /// The font of a weight.
    pub(crate) fn of(weight: Weight) -> &'static Self {
        static FONTS: [OnceLock<Font>; 2] = [OnceLock::new(), OnceLock::new()];
        match weight {
            Weight::Regular => FONTS[0].get_or_init(|| Self::parse(REGULAR)),
            Weight::Semibold => FONTS[1].get_or_init(|| Self::parse(SEMIBOLD)),
        }
    }

    fn parse(text: &str) -> Self {
        let glyph = |line: &str| {
            let mut fields = line.splitn(3, ' ');
            let code = u32::from_str_radix(fields.next()?, 16).ok()?;
            let advance: f64 = fields.next()?.parse().ok()?;
            let outline = outline(fields.next().unwrap_or_default());
            Some((char::from_u32(code)?, Glyph { advance: advance / EM, outline }))
        };
        Self { glyphs: text.lines().filter(|line| !line.starts_with('#')).filter_map(glyph).collect() }
    }

    /// The glyph of a character; a question mark's where the font has none.
    pub(crate) fn glyph(&self, character: char) -> (char, Option<&Glyph>) {
        let known = if self.glyphs.contains_key(&character) { character } else { '?' };
        (known, self.glyphs.get(&known))
    }

    /// Width of a text of font size 1.
    pub(crate) fn width(&self, text: &str) -> f64 {
        text.chars().map(|character| self.glyph(character).1.map_or(0.0, |glyph| glyph.advance)).sum()
    }

    /// The glyphs of a text of font size 1, each with where it begins.
    pub(crate) fn placed<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (f64, char, &'a Glyph)> {
        text.chars()
            .scan(0.0, |x, character| {
                let (known, glyph) = self.glyph(character);
                let at = *x;
                *x += glyph.map_or(0.0, |glyph| glyph.advance);
                Some(glyph.map(|glyph| (at, known, glyph)))
            })
            .flatten()
    }
}

/// Steps of an outline as `M1 2L3 4C1 2 3 4 5 6Z`.
fn outline(text: &str) -> Path {
    let mut path = Path::default();
    let mut rest = text;
    while let Some(verb) = rest.chars().next() {
        let end = rest[1..].find(|it: char| it.is_ascii_alphabetic()).map_or(rest.len(), |at| at + 1);
        let numbers: Vec<f64> = rest[1..end].split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let points: Vec<Point> = numbers.chunks_exact(2).map(|pair| Point::new(pair[0] / EM, -pair[1] / EM)).collect();
        match (verb, points.as_slice()) {
            ('M', &[point]) => path.0.push(Step::Move(point)),
            ('L', &[point]) => path.0.push(Step::Line(point)),
            ('C', &[first, second, last]) => path.0.push(Step::Cubic(first, second, last)),
            _ => path.0.push(Step::Close),
        }
        rest = &rest[end..];
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lines_are_glyphs() {
        for (text, weight) in [(REGULAR, Weight::Regular), (SEMIBOLD, Weight::Semibold)] {
            let font = Font::of(weight);
            assert_eq!(font.glyphs.len(), text.lines().count() - 1);
            for (character, glyph) in &font.glyphs {
                let bounds = glyph.outline.bounds();
                assert_eq!(bounds.is_none(), *character == ' ', "{character:?}");
                assert!(glyph.advance > 0.1 && glyph.advance < 1.5, "{character:?}");
            }
        }
    }

    #[test]
    fn heights_are_those_of_the_font() {
        let font = Font::of(Weight::Regular);
        let bounds = |character| font.glyph(character).1.and_then(|glyph| glyph.outline.bounds()).expect("drawn");
        assert!((bounds('H').top + CAPITAL).abs() < 1e-9);
        assert!(bounds('p').bottom <= DESCENT && bounds('p').bottom > DESCENT - 0.02);
        assert_eq!(font.glyph('漢').0, '?');
    }
}
