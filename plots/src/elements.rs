//! What is drawn on a page: elements of `plotters`, and own ones where it has none.
//!
//! `C` is the type of places: pixels on a page, values in a frame.

use plotters::element::{Drawable, PathElement, PointCollection, Polygon, Rectangle as Area};
use plotters::style::{FontDesc, FontStyle, FontTransform, RGBAColor, ShapeStyle, TextStyle};
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{BackendCoord, DrawingBackend, FontFamily};

use crate::backend::{Drawn, Extras, PIXELS, pixel, pixels, point};
use crate::geometry::{Path, Point, Rectangle, Step};
use crate::hatching::hatching;
use crate::scene::{Anchor, Dash, Hatch, Scene, Stroke, Text, Weight};
use crate::style::{Colour, Marker, Series, WHITE};

/// A style of `plotters` for areas.
pub(crate) fn filled(colour: Colour) -> ShapeStyle {
    ShapeStyle { color: colour.into(), filled: true, stroke_width: 0 }
}

/// A style of `plotters` for lines; it says all of them but dashes.
pub(crate) fn lined(stroke: Stroke) -> ShapeStyle {
    ShapeStyle { color: stroke.colour.into(), filled: false, stroke_width: pixels(stroke.width).max(0) as u32 }
}

impl From<Colour> for RGBAColor {
    fn from(Colour { red, green, blue, alpha }: Colour) -> Self {
        Self(red, green, blue, alpha)
    }
}

/// A line through places.
pub(crate) fn line<C>(places: impl IntoIterator<Item = C>, stroke: Stroke) -> With<C> {
    let element = PathElement::new(places.into_iter().collect::<Vec<C>>(), lined(stroke));
    With { element: Element::Line(element), extras: Extras { dash: stroke.dash, ..Extras::default() } }
}

/// A filled polygon.
pub(crate) fn polygon<C>(corners: impl IntoIterator<Item = C>, colour: Colour) -> With<C> {
    let element = Polygon::new(corners.into_iter().collect::<Vec<C>>(), filled(colour));
    With { element: Element::Polygon(element), extras: Extras::default() }
}

/// A rectangle between two corners.
pub(crate) fn rectangle<C>(corners: [C; 2], style: ShapeStyle) -> With<C> {
    With { element: Element::Rectangle(Area::new(corners, style)), extras: Extras::default() }
}

/// The corners of a rectangle on a page.
pub(crate) fn corners(rectangle: Rectangle) -> [BackendCoord; 2] {
    [pixel(Point::new(rectangle.left, rectangle.top)), pixel(Point::new(rectangle.right, rectangle.bottom))]
}

/// An element of `plotters` with what its style cannot say.
pub(crate) struct With<C> {
    element: Element<C>,
    extras: Extras,
}

enum Element<C> {
    Line(PathElement<C>),
    Polygon(Polygon<C>),
    Rectangle(Area<C>),
}

impl<C> With<C> {
    /// With something said when it is pointed at.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.extras.hint = hint.into();
        self
    }

    /// With a line around what is filled.
    pub(crate) fn outline(mut self, outline: Stroke) -> Self {
        self.extras.outline = Some(outline);
        self
    }

    /// With dashes, for what is not filled.
    pub(crate) fn dashed(mut self, dash: Dash) -> Self {
        self.extras.dash = dash;
        self
    }
}

impl<'a, C> PointCollection<'a, C> for &'a With<C> {
    type Point = &'a C;
    type IntoIter = Vec<&'a C>;

    fn point_iter(self) -> Self::IntoIter {
        match &self.element {
            Element::Line(element) => element.point_iter().iter().collect(),
            Element::Polygon(element) => element.point_iter().iter().collect(),
            Element::Rectangle(element) => element.point_iter().iter().collect(),
        }
    }
}

impl<C> Drawable<Scene> for With<C> {
    fn draw<I: Iterator<Item = BackendCoord>>(&self, places: I, page: &mut Scene, size: (u32, u32)) -> Drawn {
        page.extras = self.extras.clone();
        let drawn = match &self.element {
            Element::Line(element) => element.draw(places, page, size),
            Element::Polygon(element) => element.draw(places, page, size),
            Element::Rectangle(element) => element.draw(places, page, size),
        };
        page.extras = Extras::default();
        drawn
    }
}

/// A filled rectangle with lines over it; what is too thin to be seen is widened to a tenth of a point.
pub(crate) struct Bar<C> {
    pub(crate) corners: [C; 2],
    pub(crate) colour: Colour,
    pub(crate) hatch: Hatch,
    pub(crate) hint: String,
}

impl<'a, C> PointCollection<'a, C> for &'a Bar<C> {
    type Point = &'a C;
    type IntoIter = &'a [C];

    fn point_iter(self) -> Self::IntoIter {
        &self.corners
    }
}

impl<C> Drawable<Scene> for Bar<C> {
    fn draw<I: Iterator<Item = BackendCoord>>(&self, mut places: I, page: &mut Scene, size: (u32, u32)) -> Drawn {
        let (Some(one), Some(other)) = (places.next(), places.next()) else { return Ok(()) };
        let (left, top) = (one.0.min(other.0), one.1.min(other.1));
        let (right, bottom) = (one.0.max(other.0).max(left + LEAST), one.1.max(other.1).max(top + LEAST));
        let seen = [(left, top), (right, bottom)];
        rectangle(seen, filled(self.colour)).hint(self.hint.clone()).draw(seen.into_iter(), page, size)?;
        let (first, last) = (point(seen[0]), point(seen[1]));
        let lines = lined(Stroke::solid(self.colour.hatching(), 0.5));
        for ends in hatching(Rectangle::new(first.x, first.y, last.x, last.y), self.hatch) {
            page.draw_path(ends.map(pixel), &lines)?;
        }
        Ok(())
    }
}

/// Least side of a bar, in pixels.
const LEAST: i32 = 10;

/// A point of a series.
pub(crate) struct Mark<C> {
    pub(crate) at: C,
    pub(crate) series: Series,
    /// In points.
    pub(crate) radius: f64,
    pub(crate) hint: String,
}

impl<'a, C> PointCollection<'a, C> for &'a Mark<C> {
    type Point = &'a C;
    type IntoIter = std::iter::Once<&'a C>;

    fn point_iter(self) -> Self::IntoIter {
        std::iter::once(&self.at)
    }
}

impl<C> Drawable<Scene> for Mark<C> {
    fn draw<I: Iterator<Item = BackendCoord>>(&self, mut places: I, page: &mut Scene, _: (u32, u32)) -> Drawn {
        let Some(at) = places.next() else { return Ok(()) };
        let Series { colour, marker, .. } = self.series;
        let open = lined(Stroke::solid(colour, 0.45 * self.radius));
        // A white rim tells points apart that lie on each other.
        page.extras = Extras { outline: Some(Stroke::solid(WHITE, 0.3)), hint: self.hint.clone(), ..Extras::default() };
        let drawn = if marker == Marker::Circle {
            page.draw_circle(at, pixels(self.radius).max(0) as u32, &filled(colour), true)
        } else {
            pieces(&marker.path(point(at), self.radius)).into_iter().try_for_each(|piece| {
                if marker.is_open() { page.draw_path(piece, &open) } else { page.fill_polygon(piece, &filled(colour)) }
            })
        };
        page.extras = Extras::default();
        drawn
    }
}

/// The corners of each piece of a path of straight lines.
fn pieces(path: &Path) -> Vec<Vec<BackendCoord>> {
    let mut pieces: Vec<Vec<BackendCoord>> = Vec::new();
    for step in &path.0 {
        match (*step, pieces.last_mut()) {
            (Step::Line(to) | Step::Cubic(_, _, to), Some(piece)) => piece.push(pixel(to)),
            (Step::Move(to) | Step::Line(to) | Step::Cubic(_, _, to), _) => pieces.push(vec![pixel(to)]),
            (Step::Close, _) => {}
        }
    }
    pieces
}

/// A curved line, which `plotters` has none of.
pub(crate) struct Curve {
    /// Where the path's origin is.
    pub(crate) from: BackendCoord,
    pub(crate) path: Path,
    pub(crate) stroke: Stroke,
}

impl<'a> PointCollection<'a, BackendCoord> for &'a Curve {
    type Point = &'a BackendCoord;
    type IntoIter = std::iter::Once<&'a BackendCoord>;

    fn point_iter(self) -> Self::IntoIter {
        std::iter::once(&self.from)
    }
}

impl Drawable<Scene> for Curve {
    fn draw<I: Iterator<Item = BackendCoord>>(&self, mut places: I, page: &mut Scene, _: (u32, u32)) -> Drawn {
        let Some(from) = places.next().map(point) else { return Ok(()) };
        let path = self.path.mapped(|at| Point::new(from.x + at.x, from.y + at.y));
        page.draw_outline(path, &lined(self.stroke), false);
        Ok(())
    }
}

impl Text {
    /// The text as an element of `plotters`.
    pub(crate) fn element(&self) -> plotters::element::Text<'static, BackendCoord, String> {
        plotters::element::Text::new(self.content.clone(), pixel(self.at), self.style())
    }

    /// How it looks and where its anchor is.
    pub(crate) fn style(&self) -> TextStyle<'static> {
        let weight = if self.weight == Weight::Semibold { FontStyle::Bold } else { FontStyle::Normal };
        let transform = if self.upwards { FontTransform::Rotate270 } else { FontTransform::None };
        let font = FontDesc::new(FontFamily::Name("Inter"), self.size * PIXELS, weight).transform(transform);
        let along = match self.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let across = match self.across {
            Anchor::Start => VPos::Top,
            Anchor::Middle => VPos::Center,
            Anchor::End => VPos::Bottom,
        };
        let Colour { red, green, blue, alpha } = self.colour;
        TextStyle { font, color: plotters_backend::BackendColor { alpha, rgb: (red, green, blue) }, pos: Pos::new(along, across) }
    }
}
