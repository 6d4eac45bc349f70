//! Cumulative distributions of errors.

use crate::axis::Axis;
use crate::charts::{Pair, distinct, left_out, quantile};
use crate::elements::line;
use crate::frame::{Layout, nothing};
use crate::legend::{Entry, Symbol};
use crate::scale::drawable;
use crate::scene::{Dash, Scene, Stroke};
use crate::style::{LINE, MUTED, Width, looks};

/// Share of predictions within each error, a line a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorCurves {
    /// What it shows.
    pub title: String,
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// Width on paper.
    pub width: Width,
}

impl ErrorCurves {
    /// Draws it. The axis ends where 98 % of all predictions are in; how many are beyond is noted.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let height = across.min(Width::Single.points()) * 0.55;
        let groups = distinct(self.pairs.iter().map(|pair| &pair.group));
        let errors = |group: Option<&String>| -> Vec<f64> {
            let of_group = self.pairs.iter().filter(|pair| group.is_none_or(|group| pair.group == *group));
            let mut errors: Vec<f64> =
                of_group.map(|pair| pair.error_percent().abs()).filter(|error| drawable(*error, false)).collect();
            errors.sort_unstable_by(f64::total_cmp);
            errors
        };
        let all = errors(None);
        if all.is_empty() {
            return nothing(across, height, &self.title, "no pair of finite values");
        }
        let most = (1.05 * quantile(&all, 0.98)).max(11.0);
        let beyond = all.iter().filter(|error| **error > most).count();
        let mut notes = left_out(self.pairs.len() - all.len(), self.pairs.len(), "the error is not finite");
        if beyond > 0 {
            notes.push(format!(
                "{beyond} of {} errors are beyond the axis, the largest {:.0} %",
                all.len(),
                all[all.len() - 1].min(1e9)
            ));
        }
        let looks = looks(&groups);
        let entry = |(group, look): (&String, _)| {
            let label = format!("{group} (n = {})", errors(Some(group)).len());
            Entry::new(label, look, Symbol::Line)
        };
        let legend: Vec<Entry> = groups.iter().zip(looks.iter().copied()).map(entry).collect();
        let x = Axis::Numbers { label: "absolute error, %".to_owned(), domain: (0.0, most), logarithmic: false };
        let y = Axis::Numbers { label: "share of predictions, %".to_owned(), domain: (0.0, 100.0), logarithmic: false };
        let frame =
            Layout { title: &self.title, across, x: &x, y: &y, legend: &legend, notes: &notes, height: Some(height) }.draw();
        let guide = Stroke { colour: MUTED, width: 0.6, dash: Dash::Dotted };
        frame.draw(&line([(10.0, 0.0), (10.0, 100.0)], guide));
        for (group, look) in groups.iter().zip(&looks) {
            let errors = errors(Some(group));
            let mut points = vec![(0.0, 0.0)];
            for (index, error) in errors.iter().enumerate().filter(|(_, error)| **error <= most) {
                let share = |count: usize| 100.0 * count as f64 / errors.len() as f64;
                points.push((*error, share(index)));
                points.push((*error, share(index + 1)));
            }
            if let Some(last) = points.last().copied() {
                points.push((most, last.1));
            }
            frame.draw(&line(points, Stroke { colour: look.colour, width: LINE, dash: look.dash }));
        }
        frame.done()
    }
}
