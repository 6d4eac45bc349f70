//! The page as a backend of `plotters`: what its elements draw becomes shapes and texts.
//!
//! A pixel is a hundredth of a point, as fine as files are written. What a style of `plotters` cannot say (dashes, an outline around
//! a fill, a hint) an element leaves in [`Extras`] before it draws.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle, FontTransform,
};

use crate::font::{CAPITAL, DESCENT};
use crate::geometry::{Path, Point, Rectangle};
use crate::scene::{Anchor, Dash, Scene, Shape, Stroke, Text, Weight, width};
use crate::style::Colour;

/// Pixels of a point.
pub(crate) const PIXELS: f64 = 100.0;

/// What drawing on a page returns: there is nothing that it refuses.
pub(crate) type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// What is drawn next has, besides its style.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Extras {
    /// Dashes of lines.
    pub(crate) dash: Dash,
    /// Around what is filled.
    pub(crate) outline: Option<Stroke>,
    /// What a browser shows when it is pointed at; empty for nothing.
    pub(crate) hint: String,
}

/// A length in points as pixels.
pub(crate) fn pixels(points: f64) -> i32 {
    libm::round(points * PIXELS) as i32
}

/// A place in points as pixels.
pub(crate) fn pixel(at: Point) -> BackendCoord {
    (pixels(at.x), pixels(at.y))
}

/// A place in pixels as points.
pub(crate) fn point((x, y): BackendCoord) -> Point {
    Point::new(f64::from(x) / PIXELS, f64::from(y) / PIXELS)
}

fn colour(BackendColor { alpha, rgb: (red, green, blue) }: BackendColor) -> Colour {
    Colour::new(red, green, blue).with_alpha(alpha)
}

impl Scene {
    /// Draws a path in a style, filled or as a line, with what was left in the extras.
    pub(crate) fn draw_outline<S: BackendStyle>(&mut self, path: Path, style: &S, filled: bool) {
        let colour = colour(style.color());
        let Extras { dash, outline, hint } = self.extras.clone();
        let shape = if filled {
            Shape { path, fill: Some(colour), stroke: outline, hint }
        } else {
            let stroke = Stroke { colour, width: f64::from(style.stroke_width()) / PIXELS, dash };
            Shape { path, fill: None, stroke: Some(stroke), hint }
        };
        if !shape.path.0.is_empty() {
            self.shapes.push(shape);
        }
    }
}

impl DrawingBackend for Scene {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        let side = |points: f64| libm::ceil(points * PIXELS - 1e-6).max(0.0) as u32;
        (side(self.width), side(self.height))
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drawn {
        self.draw_rect(at, (at.0.saturating_add(1), at.1.saturating_add(1)), &colour, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(&mut self, one: BackendCoord, other: BackendCoord, style: &S, filled: bool) -> Drawn {
        let (Point { x: left, y: top }, Point { x: right, y: bottom }) = (point(one), point(other));
        self.draw_outline(Path::rectangle(Rectangle::new(left, top, right, bottom)), style, filled);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.draw_outline(Path::line(path.into_iter().map(point)), style, false);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, centre: BackendCoord, radius: u32, style: &S, filled: bool) -> Drawn {
        self.draw_outline(Path::circle(point(centre), f64::from(radius) / PIXELS), style, filled);
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, corners: I, style: &S) -> Drawn {
        self.draw_outline(Path::polygon(corners.into_iter().map(point)), style, true);
        Ok(())
    }

    /// The top of a text is that of its capitals, its bottom the base line.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let anchor = match style.anchor().h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        };
        let across = match style.anchor().v_pos {
            VPos::Top => Anchor::Start,
            VPos::Center => Anchor::Middle,
            VPos::Bottom => Anchor::End,
        };
        self.texts.push(Text {
            content: text.to_owned(),
            at: point(at),
            size: size(style),
            weight: weight(style),
            anchor,
            across,
            upwards: matches!(style.transform(), FontTransform::Rotate270),
            colour: colour(style.color()),
        });
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let side = |points: f64| libm::ceil(points * PIXELS - 1e-6) as u32;
        Ok((side(width(text, size(style), weight(style))), side((CAPITAL + DESCENT) * size(style))))
    }
}

/// In points.
fn size(style: &impl BackendTextStyle) -> f64 {
    libm::round(style.size()) / PIXELS
}

fn weight(style: &impl BackendTextStyle) -> Weight {
    if matches!(style.style(), FontStyle::Bold) { Weight::Semibold } else { Weight::Regular }
}

#[cfg(test)]
mod tests {
    use plotters::drawing::DrawingArea;
    use plotters::element::{Circle, PathElement, Rectangle as Box};
    use plotters::style::{RGBColor, ShapeStyle};

    use super::*;
    use crate::style::INK;

    fn drawn(draw: impl Fn(&DrawingArea<Scene, plotters::coord::Shift>)) -> Scene {
        let page = std::rc::Rc::new(std::cell::RefCell::new(Scene::new(50.0, 40.0, "a")));
        draw(&DrawingArea::from(&page));
        page.take()
    }

    /// What plotters draws arrives as it was meant, to the hundredth of a point.
    #[test]
    fn elements_of_plotters_become_shapes() {
        let style = ShapeStyle { color: RGBColor(1, 2, 3).into(), filled: true, stroke_width: 45 };
        let scene = drawn(|area| {
            area.draw(&Box::new([(3_00, 4_01), (1_00, 2_00)], style)).expect("drawn");
            area.draw(&Circle::new((10_00, 20_00), 2_50, style)).expect("drawn");
            area.draw(&PathElement::new(vec![(0, 0), (90_00, 10_00)], style)).expect("drawn");
        });
        let [rectangle, circle, line] = &scene.shapes[..] else { panic!("three shapes") };
        assert_eq!(rectangle.path, Path::rectangle(Rectangle::new(1.0, 2.0, 3.0, 4.01)));
        assert_eq!((rectangle.fill, rectangle.stroke), (Some(Colour::new(1, 2, 3)), None));
        assert_eq!(circle.path, Path::circle(Point::new(10.0, 20.0), 2.5));
        // What would leave the page ends at its edge.
        assert_eq!(line.path, Path::line([Point::new(0.0, 0.0), Point::new(50.0, 10.0)]));
        assert_eq!(line.stroke, Some(Stroke::solid(Colour::new(1, 2, 3), 0.45)));
    }

    /// A text comes back as it was given, and plotters measures it with its outlines.
    #[test]
    fn texts_keep_everything() {
        let one = Text::new("Ångström 12", Point::new(10.0, 20.25), 6.2, INK).anchored(Anchor::End, Anchor::Start).semibold();
        for text in [one.clone(), one.upwards()] {
            let scene = drawn(|area| area.draw(&text.element()).expect("drawn"));
            assert!(scene.texts.iter().eq([&text]));
            let page = std::rc::Rc::new(std::cell::RefCell::new(Scene::new(50.0, 40.0, "a")));
            let (length, height) = DrawingArea::from(&page).estimate_text_size(&text.content, &text.style()).expect("measured");
            assert!((f64::from(length) / PIXELS - text.length()).abs() < 0.011);
            assert!((f64::from(height) / PIXELS - 6.2 * (CAPITAL + DESCENT)).abs() < 0.011);
        }
    }
}
