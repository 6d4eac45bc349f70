//! Points, rectangles and paths, in points (1/72 inch) with `y` downwards.

/// A place on the page.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

impl Point {
    /// The point at these coordinates.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

/// A rectangle with sides along the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rectangle {
    /// Left side.
    pub left: f64,
    /// Upper side.
    pub top: f64,
    /// Right side.
    pub right: f64,
    /// Lower side.
    pub bottom: f64,
}

impl Rectangle {
    /// The rectangle with these sides.
    pub const fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { left, top, right, bottom }
    }

    /// Extent along `x`.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Extent along `y`.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Its centre.
    pub fn centre(&self) -> Point {
        Point::new(f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom))
    }

    /// Whether the insides of both have a point in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    /// Whether the other lies within, sides included, up to `tolerance`.
    pub fn contains(&self, other: &Self, tolerance: f64) -> bool {
        self.left <= other.left + tolerance
            && self.top <= other.top + tolerance
            && self.right >= other.right - tolerance
            && self.bottom >= other.bottom - tolerance
    }

    /// The rectangle grown by a margin on all sides.
    #[must_use]
    pub fn grown(&self, margin: f64) -> Self {
        Self::new(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)
    }
}

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Begins a new piece.
    Move(Point),
    /// A straight line.
    Line(Point),
    /// A cubic Bézier curve with two control points.
    Cubic(Point, Point, Point),
    /// Back to the beginning of the piece.
    Close,
}

/// Lines and curves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path(pub Vec<Step>);

/// Distance of a control point that makes a cubic curve a quarter of a circle of radius 1, to 0.03 %.
const QUARTER: f64 = 0.552_284_75;

impl Path {
    /// An open line through points.
    pub fn line(points: impl IntoIterator<Item = Point>) -> Self {
        let step = |(index, point)| if index == 0 { Step::Move(point) } else { Step::Line(point) };
        Self(points.into_iter().enumerate().map(step).collect())
    }

    /// A closed polygon.
    pub fn polygon(points: impl IntoIterator<Item = Point>) -> Self {
        let mut path = Self::line(points);
        path.0.push(Step::Close);
        path
    }

    /// A rectangle.
    pub fn rectangle(rectangle: Rectangle) -> Self {
        let Rectangle { left, top, right, bottom } = rectangle;
        Self::polygon([Point::new(left, top), Point::new(right, top), Point::new(right, bottom), Point::new(left, bottom)])
    }

    /// A circle.
    pub fn circle(centre: Point, radius: f64) -> Self {
        let at = |x: f64, y: f64| Point::new(centre.x + radius * x, centre.y + radius * y);
        let k = QUARTER;
        Self(vec![
            Step::Move(at(1.0, 0.0)),
            Step::Cubic(at(1.0, k), at(k, 1.0), at(0.0, 1.0)),
            Step::Cubic(at(-k, 1.0), at(-1.0, k), at(-1.0, 0.0)),
            Step::Cubic(at(-1.0, -k), at(-k, -1.0), at(0.0, -1.0)),
            Step::Cubic(at(k, -1.0), at(1.0, -k), at(1.0, 0.0)),
            Step::Close,
        ])
    }

    /// Each point moved.
    #[must_use]
    pub fn mapped(&self, by: impl Fn(Point) -> Point) -> Self {
        let step = |step: &Step| match *step {
            Step::Move(point) => Step::Move(by(point)),
            Step::Line(point) => Step::Line(by(point)),
            Step::Cubic(first, second, end) => Step::Cubic(by(first), by(second), by(end)),
            Step::Close => Step::Close,
        };
        Self(self.0.iter().map(step).collect())
    }

    /// The least rectangle that holds all points, control points included; `None` of an empty path.
    pub fn bounds(&self) -> Option<Rectangle> {
        let points = self.0.iter().flat_map(|step| match *step {
            Step::Move(point) | Step::Line(point) => vec![point],
            Step::Cubic(first, second, end) => vec![first, second, end],
            Step::Close => Vec::new(),
        });
        points.fold(None, |bounds: Option<Rectangle>, point| {
            let bounds = bounds.unwrap_or(Rectangle::new(point.x, point.y, point.x, point.y));
            Some(Rectangle::new(
                bounds.left.min(point.x),
                bounds.top.min(point.y),
                bounds.right.max(point.x),
                bounds.bottom.max(point.y),
            ))
        })
    }
}
