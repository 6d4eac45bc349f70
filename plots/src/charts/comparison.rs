//! Figures of a comparison of predictions with measurements, as the validation hands it on.

use serde::Deserialize;

use crate::charts::{Boxes, ErrorCurves, Pair, Sample, Scatter, distinct};
use crate::scene::Scene;
use crate::style::Width;

/// Pairs of predicted and measured values, as serialised by the validation.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Comparison {
    /// File name stem of its figures.
    pub name: String,
    /// Caption.
    pub caption: String,
    /// Unit of both values, such as `ms`.
    pub unit: String,
    /// The pairs.
    pub pairs: Vec<Pair>,
}

impl Comparison {
    /// A scatter, the distribution of errors and boxes by group, each with the end of its file name; groups as they come.
    pub fn figures(&self, width: Width) -> Vec<(&'static str, Scene)> {
        let title = self.caption.clone();
        let quantity = self.unit.clone();
        let scatter = Scatter { title: title.clone(), quantity, pairs: self.pairs.clone(), width };
        let curves = ErrorCurves { title: title.clone(), pairs: self.pairs.clone(), width };
        let sample = |group: String| {
            let of_group = self.pairs.iter().filter(|pair| pair.group == group);
            Sample { values: of_group.map(Pair::error_percent).collect(), name: group }
        };
        let samples = distinct(self.pairs.iter().map(|pair| &pair.group)).into_iter().map(sample).collect();
        let quantity = "error of the prediction, %".to_owned();
        let boxes = Boxes { title, quantity, samples, mark: Some(0.0), logarithmic: false, width };
        vec![("scatter", scatter.draw()), ("errors", curves.draw()), ("boxes", boxes.draw())]
    }
}
