//! One fixed look for each strategy and each kind of processor, in every figure.

use super::palette::{BLUE, Colour, GREEN, INK, MUTED, ORANGE, PALETTE, PINK, SKY, VERMILLION, WHITE};
use crate::geometry::{Path, Point, Step};
use crate::scene::{Dash, Hatch};

/// What a series is told apart by: in colour, as points, as a line, as an area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series {
    /// Its colour.
    pub colour: Colour,
    /// Its points.
    pub marker: Marker,
    /// Its line.
    pub dash: Dash,
    /// Its areas.
    pub hatch: Hatch,
}

/// The form of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Marker {
    /// A circle.
    Circle,
    /// A square.
    Square,
    /// A triangle that points up.
    Up,
    /// A square on its corner.
    Diamond,
    /// A triangle that points down.
    Down,
    /// A star with five points.
    Star,
    /// A plus sign.
    Plus,
    /// A plus sign, turned.
    Cross,
}

const MARKERS: [Marker; 8] =
    [Marker::Circle, Marker::Square, Marker::Up, Marker::Diamond, Marker::Down, Marker::Plus, Marker::Cross, Marker::Star];
const DASHES: [Dash; 4] = [Dash::Solid, Dash::Dashed, Dash::Dotted, Dash::DashDot];
const HATCHES: [Hatch; 4] = [Hatch::Plain, Hatch::Rising, Hatch::Falling, Hatch::Crossed];

/// Families share a colour; within one, forms differ.
const STRATEGIES: [(&str, Colour, Marker, usize); 18] = [
    ("cpu", INK, Marker::Circle, 0),
    ("exact", INK, Marker::Square, 1),
    ("gpu", ORANGE, Marker::Square, 0),
    ("haxconn", ORANGE, Marker::Diamond, 1),
    ("puzzle", ORANGE, Marker::Up, 2),
    ("npu", GREEN, Marker::Up, 0),
    ("pipe-it", GREEN, Marker::Diamond, 1),
    ("dart", GREEN, Marker::Circle, 2),
    ("heft", BLUE, Marker::Diamond, 0),
    ("cpop", BLUE, Marker::Square, 1),
    ("peft", BLUE, Marker::Down, 2),
    ("codl", PINK, Marker::Up, 0),
    ("split", PINK, Marker::Circle, 1),
    ("mulayer", PINK, Marker::Diamond, 2),
    ("band", SKY, Marker::Square, 0),
    ("adms", SKY, Marker::Circle, 1),
    ("blastnet", SKY, Marker::Down, 2),
    ("socrates", VERMILLION, Marker::Star, 0),
];

/// Late frames, which stand beside models, not beside strategies.
const LATE: (&str, Colour, Marker, usize) = ("late", VERMILLION, Marker::Cross, 0);

impl Series {
    const fn new(colour: Colour, marker: Marker, form: usize) -> Self {
        Self { colour, marker, dash: DASHES[form % 4], hatch: HATCHES[form % 4] }
    }

    /// The look of the `index`-th of names that have no fixed one: networks, groups. The first 56 differ.
    pub fn numbered(index: usize) -> Self {
        let round = index / PALETTE.len();
        Self::new(PALETTE[index % PALETTE.len()], MARKERS[(index % PALETTE.len() + round) % MARKERS.len()], round)
    }
}

/// The looks of groups: those of processors where one is a processor by its name; else a strategy's where the name is one, with
/// parameters or without; else by place in the list.
pub fn looks(names: &[String]) -> Vec<Series> {
    const CLUSTERS: [&str; 7] = ["large", "medium", "mid", "small", "big", "little", "prime"];
    let is_processor = |name: &String| {
        name.starts_with("cpu.") || name.contains("gpu:") || name.contains("gpu.") || CLUSTERS.contains(&name.as_str())
    };
    if names.iter().any(is_processor) { processors(names) } else { strategies(names) }
}

/// The looks of groups that may be strategies.
///
/// Strategies that differ only in parameters have one colour and different forms.
fn strategies(names: &[String]) -> Vec<Series> {
    let mut given: Vec<Series> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let base = name.split(['[', ' ']).next().unwrap_or_default();
        let found = STRATEGIES.iter().chain([&LATE]).find(|(known, ..)| *known == base);
        let series =
            found.map_or_else(|| Series::numbered(index), |&(_, colour, marker, form)| Series::new(colour, marker, form));
        given.push(unlike(&given, series));
    }
    given
}

/// The series, with the next form that no other of its colour has, if one is left.
fn unlike(given: &[Series], series: Series) -> Series {
    let same = |candidate: &Series| {
        given.iter().any(|it| it.colour == candidate.colour && it.marker == candidate.marker && it.dash == candidate.dash)
    };
    if !same(&series) {
        return series;
    }
    let first = DASHES.iter().position(|dash| *dash == series.dash).unwrap_or(0);
    let candidates = MARKERS.iter().enumerate().map(|(index, marker)| Series::new(series.colour, *marker, first + index + 1));
    let free = |candidate: &Series| {
        given.iter().all(|it| it.colour != candidate.colour || (it.marker != candidate.marker && it.dash != candidate.dash))
    };
    candidates.clone().find(free).or_else(|| candidates.clone().find(|it| !same(it))).unwrap_or(series)
}

/// The look of a processor, a worker or a link, by its name: `cpu.large`, `cpu.3medium`, `gpu`, `npu`; copies and anything else are grey.
pub fn processor(name: &str) -> Series {
    let lower = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let parts = lower.split(['.', '+', ' ']).collect::<Vec<_>>();
    let (large, medium, small) = (has(&["large", "big", "prime"]), has(&["medium", "mid"]), has(&["small", "little"]));
    if lower.starts_with("copies") {
        Series::new(MUTED, Marker::Cross, 3)
    } else if parts.iter().any(|part| part.starts_with("gpu")) {
        Series::new(ORANGE, Marker::Square, 0)
    } else if parts.iter().any(|part| part.starts_with("npu") || part.starts_with("tpu")) {
        Series::new(GREEN, Marker::Up, 0)
    } else if parts.iter().any(|part| part.starts_with("dsp")) {
        Series::new(PINK, Marker::Diamond, 0)
    } else if small {
        Series::new(BLUE.mixed(WHITE, 0.66), Marker::Down, 2)
    } else if medium && !large {
        Series::new(BLUE.mixed(WHITE, 0.36), Marker::Diamond, 1)
    } else if large || lower.starts_with("cpu") {
        Series::new(BLUE, Marker::Circle, 0)
    } else {
        Series::new(MUTED, Marker::Cross, 3)
    }
}

/// The looks of several processors in one figure: different ones where two would look the same.
pub fn processors(names: &[String]) -> Vec<Series> {
    let mut given: Vec<Series> = Vec::new();
    for name in names {
        let series = processor(name);
        given.push(unlike(&given, Series { dash: DASHES[0], hatch: HATCHES[0], ..series }));
    }
    given
}

impl Marker {
    /// The marker as a path of about the area of a circle of this radius; [`Self::is_open`] ones are to be stroked.
    pub fn path(self, centre: Point, radius: f64) -> Path {
        let at = |x: f64, y: f64| Point::new(centre.x + radius * x, centre.y + radius * y);
        let polygon = |points: &[(f64, f64)]| Path::polygon(points.iter().map(|&(x, y)| at(x, y)));
        match self {
            Self::Circle => Path::circle(centre, radius),
            Self::Square => polygon(&[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]),
            Self::Up => polygon(&[(0.0, -1.2), (1.15, 0.8), (-1.15, 0.8)]),
            Self::Down => polygon(&[(0.0, 1.2), (1.15, -0.8), (-1.15, -0.8)]),
            Self::Diamond => polygon(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            Self::Star => Path::polygon((0..10).map(|index| {
                let angle = f64::from(index) * std::f64::consts::PI / 5.0;
                let length = if index % 2 == 0 { 1.5 } else { 0.65 };
                at(length * libm::sin(angle), -length * libm::cos(angle))
            })),
            Self::Plus | Self::Cross => {
                let (straight, turned) = if self == Self::Plus { (1.2, 0.0) } else { (0.9, 0.9) };
                Path(vec![
                    Step::Move(at(-straight, -turned)),
                    Step::Line(at(straight, turned)),
                    Step::Move(at(turned, -straight)),
                    Step::Line(at(-turned, straight)),
                ])
            }
        }
    }

    /// Whether it is lines, not an area.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Plus | Self::Cross)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distinct(all: &[Series], what: &str) {
        for (index, one) in all.iter().enumerate() {
            for other in &all[index + 1..] {
                assert!(one.colour != other.colour || one.dash != other.dash, "{what}: lines {one:?} {other:?}");
                assert!(one.colour != other.colour || one.hatch != other.hatch, "{what}: areas {one:?} {other:?}");
                assert!(one.colour != other.colour || one.marker != other.marker, "{what}: points {one:?} {other:?}");
            }
        }
    }

    #[test]
    fn strategies_differ() {
        let names: Vec<String> = STRATEGIES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        distinct(&strategies(&names), "all");
        let names = ["gpu[fallback=operator]", "gpu[fallback=partitions]", "gpu", "socrates", "socrates[splits=off]", "cpu"];
        let given = strategies(&names.map(str::to_owned));
        distinct(&given, "parameters");
        assert_eq!(given[0].colour, given[1].colour);
        assert_eq!(given[3], strategies(&["socrates".to_owned()])[0], "alone as among others");
    }

    #[test]
    fn groups_differ() {
        distinct(&(0..28).map(Series::numbered).collect::<Vec<_>>(), "numbered");
    }

    #[test]
    fn processors_of_a_phone_differ() {
        let names = ["cpu.large", "cpu.medium", "cpu.small", "gpu", "npu", "dsp", "link"].map(str::to_owned);
        distinct(&processors(&names), "phone");
        distinct(&looks(&["cpu.1small", "cpu.2small", "cpu.3small", "cpu.4small"].map(str::to_owned)), "threads");
        assert_eq!(processor("gpu:opencl").colour, ORANGE);
        assert_eq!(looks(&["cpu.1large".to_owned(), "gpu".to_owned()])[1], processor("gpu"));
    }
}
