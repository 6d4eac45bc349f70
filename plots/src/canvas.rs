//! A page that is drawn on through `plotters`.

use std::cell::RefCell;
use std::rc::Rc;

use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Drawable, PointCollection};
use plotters_backend::BackendCoord;

use crate::scale::Scale;
use crate::scene::{Scene, Text};

/// An area of a page whose places are values.
pub(crate) type Plot = DrawingArea<Scene, Cartesian2d<Scale, Scale>>;

/// A page; its places are pixels.
pub(crate) struct Canvas {
    page: Rc<RefCell<Scene>>,
    area: DrawingArea<Scene, Shift>,
}

impl Canvas {
    pub(crate) fn new(page: Scene) -> Self {
        let page = Rc::new(RefCell::new(page));
        Self { area: DrawingArea::from(&page), page }
    }

    /// Draws an element whose places are pixels.
    pub(crate) fn draw<'a, E>(&self, element: &'a E)
    where
        &'a E: PointCollection<'a, BackendCoord>,
        E: Drawable<Scene>,
    {
        drawn(&self.area.draw(element));
    }

    /// Writes a text.
    pub(crate) fn write(&self, text: &Text) {
        self.draw(&text.element());
    }

    /// The texts that are there.
    pub(crate) fn texts(&self) -> Vec<Text> {
        self.page.borrow().texts.clone()
    }

    /// The page with values as places: from left to right and from bottom to top, or as the ranges of pixels say.
    pub(crate) fn plot(&self, x: (Scale, (i32, i32)), y: (Scale, (i32, i32))) -> Plot {
        self.area.apply_coord_spec(Cartesian2d::new(x.0, y.0, (x.1.0..x.1.1, y.1.0..y.1.1)))
    }

    /// The page as it is.
    pub(crate) fn done(self) -> Scene {
        self.page.take()
    }
}

/// A page refuses nothing, and only one element at a time is drawn on it.
pub(crate) fn drawn<E: std::error::Error + Send + Sync>(result: &Result<(), DrawingAreaErrorKind<E>>) {
    debug_assert!(result.is_ok(), "{result:?}");
}
