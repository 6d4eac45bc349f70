//! Hatches: lines over areas.

use crate::geometry::{Point, Rectangle};
use crate::scene::Hatch;

/// Lines at 45 degrees within a rectangle, 2.6 points apart; they begin at places of the page, so that bars side by side match.
pub(crate) fn hatching(rectangle: Rectangle, hatch: Hatch) -> Vec<[Point; 2]> {
    const APART: f64 = 3.7;
    let Rectangle { left, top, right, bottom } = rectangle;
    // A rising line has x + y constant, a falling one x - y.
    let rising = || {
        let first = libm::ceil((left + top) / APART);
        let line = move |index: f64| {
            let sum = (first + index) * APART;
            let begin = Point::new(left.max(sum - bottom), (sum - left).min(bottom));
            let end = Point::new((sum - top).min(right), top.max(sum - right));
            (end.x > begin.x).then_some([begin, end])
        };
        (0..count(right + bottom - left - top, APART)).filter_map(move |index| line(f64::from(index)))
    };
    let falling = || {
        let first = libm::ceil((left - bottom) / APART);
        let line = move |index: f64| {
            let difference = (first + index) * APART;
            let begin = Point::new(left.max(difference + top), (left - difference).max(top));
            let end = Point::new((difference + bottom).min(right), (right - difference).min(bottom));
            (end.x > begin.x).then_some([begin, end])
        };
        (0..count(right - left + bottom - top, APART)).filter_map(move |index| line(f64::from(index)))
    };
    match hatch {
        Hatch::Plain => Vec::new(),
        Hatch::Rising => rising().collect(),
        Hatch::Falling => falling().collect(),
        Hatch::Crossed => rising().chain(falling()).collect(),
    }
}

fn count(extent: f64, apart: f64) -> u32 {
    libm::ceil(extent / apart).clamp(0.0, 10_000.0) as u32
}
