//! What a chart draws: shapes and texts on a page.

use thiserror::Error;

use crate::backend::Extras;
use crate::font::{CAPITAL, DESCENT, Font};
use crate::geometry::{Path, Point, Rectangle};
use crate::style::Colour;
use crate::{png, svg};

/// Points in a millimetre.
pub(crate) const POINTS_PER_MM: f64 = 72.0 / 25.4;

/// Why a figure cannot be written as pixels.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DrawError {
    /// The picture has no pixels, or too many.
    #[error("a picture of {width} x {height} pixels cannot be drawn: 1 to {} a side can", png::MOST_PIXELS)]
    Size {
        /// Pixels across.
        width: u64,
        /// Pixels down.
        height: u64,
    },
    /// The picture cannot be encoded.
    #[error("the picture cannot be encoded as PNG: {0}")]
    Encode(String),
}

/// A page. It is a backend of `plotters`, whose pixels are hundredths of a point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// In points.
    pub width: f64,
    /// In points.
    pub height: f64,
    /// What it shows, for readers that do not see it.
    pub title: String,
    /// Shapes, those behind first; texts are above all of them.
    pub shapes: Vec<Shape>,
    /// Texts.
    pub texts: Vec<Text>,
    /// What is drawn next has.
    pub(crate) extras: Extras,
}

/// A path, filled or stroked or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// The path.
    pub path: Path,
    /// What it is filled with.
    pub fill: Option<Colour>,
    /// What it is outlined with.
    pub stroke: Option<Stroke>,
    /// What a browser shows when it is pointed at; empty for nothing.
    pub hint: String,
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub colour: Colour,
    /// In points.
    pub width: f64,
    /// Its dashes.
    pub dash: Dash,
}

/// Dashes of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dash {
    /// None.
    #[default]
    Solid,
    /// Dashes.
    Dashed,
    /// Dots.
    Dotted,
    /// A dash, a dot.
    DashDot,
}

/// Lines over a fill, so that it is told apart without colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hatch {
    /// None.
    #[default]
    Plain,
    /// Rising to the right.
    Rising,
    /// Falling to the right.
    Falling,
    /// Both.
    Crossed,
}

/// A text on one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// What it says.
    pub content: String,
    /// Where its anchor is.
    pub at: Point,
    /// In points.
    pub size: f64,
    /// Its weight.
    pub weight: Weight,
    /// Which of its points is at `at`, along the line.
    pub anchor: Anchor,
    /// Which of its points is at `at`, across the line.
    pub across: Anchor,
    /// Whether it runs upwards.
    pub upwards: bool,
    /// Its colour.
    pub colour: Colour,
}

/// Which point of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Left, or the top of capitals.
    Start,
    /// The middle.
    Middle,
    /// Right, or the base line.
    End,
}

/// How heavy a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// For most.
    Regular,
    /// For headings and what is best.
    Semibold,
}

impl Dash {
    /// Lengths of dashes and gaps, for a line of width 1.
    pub const fn lengths(self) -> &'static [f64] {
        match self {
            Self::Solid => &[],
            Self::Dashed => &[4.0, 2.0],
            Self::Dotted => &[1.0, 1.6],
            Self::DashDot => &[5.0, 1.6, 1.0, 1.6],
        }
    }
}

impl Stroke {
    /// A line without dashes.
    pub const fn solid(colour: Colour, width: f64) -> Self {
        Self { colour, width, dash: Dash::Solid }
    }
}

impl Scene {
    /// An empty page.
    pub fn new(width: f64, height: f64, title: impl Into<String>) -> Self {
        Self { width, height, title: title.into(), ..Self::default() }
    }

    /// The page.
    pub fn page(&self) -> Rectangle {
        Rectangle::new(0.0, 0.0, self.width, self.height)
    }

    /// The figure as SVG.
    pub fn svg(&self) -> String {
        svg::write(self)
    }

    /// The figure as PNG, on white.
    ///
    /// # Errors
    /// If it would have more than 16,384 pixels a side.
    pub fn png(&self, dots_per_inch: f64) -> Result<Vec<u8>, DrawError> {
        png::write(self, dots_per_inch)
    }

    /// Pairs of texts that overlap, and texts that leave the page; empty in a good figure.
    pub fn collisions(&self) -> Vec<String> {
        let boxes: Vec<(Rectangle, &str)> = self.texts.iter().map(|text| (text.bounds(), text.content.as_str())).collect();
        let mut found = Vec::new();
        for (index, (one, content)) in boxes.iter().enumerate() {
            if !self.page().contains(one, 0.01) {
                found.push(format!("`{content}` leaves the page"));
            }
            for (other, beside) in &boxes[index + 1..] {
                if one.overlaps(other) {
                    found.push(format!("`{content}` overlaps `{beside}`"));
                }
            }
        }
        found
    }
}

impl Text {
    /// A text in regular weight, its middle at a point.
    pub fn new(content: impl Into<String>, at: Point, size: f64, colour: Colour) -> Self {
        let content = content.into();
        let (anchor, across) = (Anchor::Middle, Anchor::Middle);
        Self { content, at, size, weight: Weight::Regular, anchor, across, upwards: false, colour }
    }

    /// The text with these anchors.
    #[must_use]
    pub fn anchored(mut self, along: Anchor, across: Anchor) -> Self {
        (self.anchor, self.across) = (along, across);
        self
    }

    /// The text running upwards.
    #[must_use]
    pub fn upwards(mut self) -> Self {
        self.upwards = true;
        self
    }

    /// The text in semibold.
    #[must_use]
    pub fn semibold(mut self) -> Self {
        self.weight = Weight::Semibold;
        self
    }

    /// How long it is, in points.
    pub fn length(&self) -> f64 {
        width(&self.content, self.size, self.weight)
    }

    /// Where its base line begins.
    pub(crate) fn origin(&self) -> Point {
        let along = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => self.length() / 2.0,
            Anchor::End => self.length(),
        };
        let down = match self.across {
            Anchor::Start => CAPITAL * self.size,
            Anchor::Middle => CAPITAL * self.size / 2.0,
            Anchor::End => 0.0,
        };
        if self.upwards {
            Point::new(self.at.x + down, self.at.y + along)
        } else {
            Point::new(self.at.x - along, self.at.y + down)
        }
    }

    /// What it covers: from the top of capitals to the ends of descenders.
    pub fn bounds(&self) -> Rectangle {
        let origin = self.origin();
        let (length, ascent, descent) = (self.length(), CAPITAL * self.size, DESCENT * self.size);
        if self.upwards {
            Rectangle::new(origin.x - ascent, origin.y - length, origin.x + descent, origin.y)
        } else {
            Rectangle::new(origin.x, origin.y - ascent, origin.x + length, origin.y + descent)
        }
    }
}

/// How long a text is, in points.
pub(crate) fn width(content: &str, size: f64, weight: Weight) -> f64 {
    size * Font::of(weight).width(content)
}

/// A text cut to a length, with an ellipsis where something is cut; empty where not even that fits.
pub(crate) fn shortened(content: &str, size: f64, weight: Weight, most: f64) -> String {
    if width(content, size, weight) <= most {
        return content.to_owned();
    }
    let mut kept: Vec<char> = content.chars().collect();
    while kept.pop().is_some() {
        let text: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if kept.len() > 1 && width(&text, size, weight) <= most {
            return text;
        }
    }
    String::new()
}
