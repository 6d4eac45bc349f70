//! Observations of one worker: operators and slices of them.

use std::collections::BTreeMap;

use sim::cost::{KernelClass, KernelShape, slice_work};
use sim::graph::OperatorWork;
use sim::plan::Part;

use crate::host::design::CORNER;
use crate::host::sample::{Experiment, LaunchMode, Sample, SliceDimension};

/// One observation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Key of its sample.
    pub(crate) key: String,
    /// Class of the work.
    pub(crate) class: KernelClass,
    /// ONNX type of the leading operator.
    pub(crate) op_type: String,
    /// ONNX types of what is fused into it.
    pub(crate) fused: Vec<String>,
    /// Work, of the slice where it is one.
    pub(crate) work: OperatorWork,
    /// Shape of the work.
    pub(crate) shape: KernelShape,
    /// Measured duration.
    pub(crate) duration_ns: f64,
    /// The distinct operator it is of: slices share that of the whole.
    pub(crate) group: usize,
    /// Whether it is a slice.
    pub(crate) is_slice: bool,
    /// Whether it was drawn from the whole space of shapes, and not from what models have.
    pub(crate) is_corner: bool,
}

impl Row {
    /// Fused types as the cost models take them.
    pub(crate) fn fused(&self) -> Vec<&str> {
        self.fused.iter().map(String::as_str).collect()
    }
}

/// What tells distinct operators apart.
type Identity = (String, Vec<String>, String);

/// All observations of a worker, in the order of the samples. Back-to-back launches count; where there is none, launches alone do.
pub(crate) fn rows(samples: &[Sample], worker: &str) -> Vec<Row> {
    let own = || samples.iter().filter(|sample| sample.worker == worker && sample.timing.p10_ns > 0);
    let mut groups: BTreeMap<Identity, usize> = BTreeMap::new();
    let mut wholes: BTreeMap<&str, (usize, &str, &[String])> = BTreeMap::new();
    let mut measured: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    for sample in own() {
        let Experiment::Operator { work, op_type, fused, launch, source } = &sample.experiment else { continue };
        let next = groups.len();
        let group = *groups.entry((op_type.clone(), fused.clone(), format!("{work:?}"))).or_insert(next);
        wholes.insert(&sample.key, (group, op_type, fused));
        if let Some(mut row) = row(sample, op_type, fused, OperatorWork::from(work), group, false) {
            row.is_corner = source == CORNER;
            let same = measured.entry(group).or_default();
            if *launch == LaunchMode::BackToBack {
                same.insert(0, row);
            } else {
                same.push(row);
            }
        }
    }
    let mut rows: Vec<Row> = measured.into_values().filter_map(|same| same.into_iter().next()).collect();
    for sample in own() {
        let Experiment::Slice { work, dimension, begin, end, of, whole_key } = &sample.experiment else { continue };
        let bound = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let (begin, end, of) = (bound(*begin), bound(*end), bound(*of));
        let part = match dimension {
            SliceDimension::Rows => Part::Rows { begin, end, of },
            SliceDimension::Channels => Part::Channels { begin, end, of },
        };
        let Some(&(group, op_type, fused)) = wholes.get(whole_key.as_str()) else { continue };
        rows.extend(row(sample, op_type, fused, slice_work(&OperatorWork::from(work), part), group, true));
    }
    rows
}

/// Nothing of views and of empty slices: they cost nothing.
fn row(sample: &Sample, op_type: &str, fused: &[String], work: OperatorWork, group: usize, is_slice: bool) -> Option<Row> {
    if work.output_elements == 0 {
        return None;
    }
    Some(Row {
        key: sample.key.clone(),
        class: KernelClass::of(&work)?,
        op_type: op_type.to_owned(),
        fused: fused.to_vec(),
        shape: KernelShape::of_kernel(&work, &fused.iter().map(String::as_str).collect::<Vec<_>>()),
        work,
        duration_ns: sample.timing.p10_ns as f64,
        group,
        is_slice,
        is_corner: false,
    })
}
