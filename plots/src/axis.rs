//! What an axis measures, and which of its ticks have room.

use crate::canvas::Canvas;
use crate::geometry::{Point, Rectangle};
use crate::scale::Scale;
use crate::scene::{Anchor, Text, Weight, shortened, width};
use crate::style::{INK, SMALL, TEXT};

/// Between a tick's label and the axis.
pub(crate) const GAP: f64 = 3.0;
/// Most ticks with labels.
const MOST: usize = 9;
/// Longest name that stands upright under a chart.
const MOST_TURNED: f64 = 90.0;

/// What an axis measures.
#[derive(Clone, Debug)]
pub(crate) enum Axis {
    /// Numbers.
    Numbers {
        /// What, with its unit.
        label: String,
        domain: (f64, f64),
        logarithmic: bool,
    },
    /// Names, one beside the other; their places are 0.5, 1.5, ..., on a vertical axis from the top.
    Names { label: String, names: Vec<String> },
}

impl Axis {
    pub(crate) fn label(&self) -> &str {
        match self {
            Self::Numbers { label, .. } | Self::Names { label, .. } => label,
        }
    }

    /// Room for the label.
    pub(crate) fn heading(&self) -> f64 {
        if self.label().is_empty() { 0.0 } else { TEXT + 3.5 }
    }

    /// The coordinate, with as many ticks along `length` points that labels do not touch, where `size` gives the extent of a label
    /// along the axis.
    pub(crate) fn scale(&self, length: f64, size: impl Fn(&str) -> f64) -> Scale {
        let (domain, logarithmic) = match self {
            Self::Numbers { domain, logarithmic, .. } => (*domain, *logarithmic),
            Self::Names { names, .. } => {
                return Scale { domain: (0.0, names.len().max(1) as f64), logarithmic: false, most_ticks: 0 };
            }
        };
        let with = |most_ticks: usize| Scale { domain, logarithmic, most_ticks };
        let fits = |scale: &Scale| {
            let mut ends: Vec<(f64, f64)> = scale
                .ticks()
                .iter()
                .filter(|tick| !tick.label.is_empty())
                .map(|tick| {
                    let (at, half) = (length * scale.share(tick.value), size(&tick.label) / 2.0 + 2.0);
                    (at - half, at + half)
                })
                .collect();
            ends.sort_by(|one, other| one.0.total_cmp(&other.0));
            ends.windows(2).all(|pair| pair[0].1 <= pair[1].0) && ends.len() as f64 * 14.0 <= length.max(30.0)
        };
        (2..=MOST).rev().map(with).find(fits).unwrap_or(with(1))
    }

    /// The most that `measure` gives of a tick, whichever are chosen; it is told the label and where on the axis it is, from 0 to 1.
    fn widest(&self, measure: impl Fn(&str, f64) -> f64) -> f64 {
        let Self::Numbers { domain, logarithmic, .. } = self else { return 0.0 };
        let scales = (2..=MOST).map(|most_ticks| Scale { domain: *domain, logarithmic: *logarithmic, most_ticks });
        let of = |scale: Scale| scale.ticks().into_iter().map(move |tick| (scale.share(tick.value), tick.label));
        scales.flat_map(of).map(|(share, label)| measure(&label, share)).fold(0.0, f64::max)
    }

    /// Room for the labels left of a chart on a page of this width; names take at most half of it.
    pub(crate) fn left_labels(&self, across: f64) -> f64 {
        match self {
            Self::Names { names, .. } => longest(names).min(0.5 * across),
            Self::Numbers { .. } => self.widest(|label, _| small(label)),
        }
    }

    /// Room for the right half of the last label under a chart.
    pub(crate) fn right_margin(&self) -> f64 {
        self.widest(|label, share| small(label) / 2.0 - 100.0 * (1.0 - share))
    }

    /// Room for the labels under a chart of this width.
    pub(crate) fn bottom_labels(&self, across: f64) -> f64 {
        match self {
            Self::Names { names, .. } if turned(names, across) => longest(names).min(MOST_TURNED),
            Self::Numbers { .. } | Self::Names { .. } => SMALL,
        }
    }
}

/// How long a text of the size of labels is.
pub(crate) fn small(content: &str) -> f64 {
    width(content, SMALL, Weight::Regular)
}

fn longest(names: &[String]) -> f64 {
    names.iter().map(|name| small(name)).fold(0.0, f64::max)
}

/// Whether names do not fit beside each other.
fn turned(names: &[String], across: f64) -> bool {
    let each = across / names.len().max(1) as f64;
    names.iter().any(|name| small(name) > each - 3.0)
}

/// Writes names under an area.
pub(crate) fn names_below(canvas: &Canvas, names: &[String], area: Rectangle) {
    let each = area.width() / names.len().max(1) as f64;
    let upright = turned(names, area.width());
    // Where even upright names do not fit, only each so many is named.
    let every = if upright { libm::ceil((SMALL + 2.0) / each).max(1.0) as usize } else { 1 };
    for (index, name) in names.iter().enumerate().step_by(every) {
        let at = Point::new(area.left + each * (index as f64 + 0.5), area.bottom + GAP);
        let text = if upright {
            let content = shortened(name, SMALL, Weight::Regular, MOST_TURNED);
            Text::new(content, at, SMALL, INK).anchored(Anchor::End, Anchor::Middle).upwards()
        } else {
            Text::new(name.clone(), at, SMALL, INK).anchored(Anchor::Middle, Anchor::Start)
        };
        canvas.write(&text);
    }
}

/// Writes names left of an area, each no longer than `most`.
pub(crate) fn names_left(canvas: &Canvas, names: &[String], area: Rectangle, most: f64) {
    for (index, name) in names.iter().enumerate() {
        // The first name stands on top.
        let y = area.top + area.height() * (index as f64 + 0.5) / names.len() as f64;
        label_left(canvas, shortened(name, SMALL, Weight::Regular, most), area.left - GAP, y);
    }
}

/// Writes a label left of a place.
pub(crate) fn label_left(canvas: &Canvas, content: String, x: f64, y: f64) {
    canvas.write(&Text::new(content, Point::new(x, y), SMALL, INK).anchored(Anchor::End, Anchor::Middle));
}
