//! `Resize`: nearest element, or linear between two.

use super::build::{Built, Fusible};
use super::kernel::{Arguments, Kernel};
use super::movement::dense;
use super::moves::mapped;
use super::node::{Node, Refusal, axis_of, product};

/// Where along one axis an output lies in the input (ONNX, `Resize`: `coordinate_transformation_mode`).
fn coordinates(node: &Node<'_>, size: usize, result: usize, scale: f64) -> Result<Vec<f64>, Refusal> {
    let mode = node.text("coordinate_transformation_mode", "half_pixel");
    let length = result as f64;
    (0..result)
        .map(|at| {
            let at = at as f64;
            Ok(match mode {
                "pytorch_half_pixel" | "align_corners" if result <= 1 => 0.0,
                "half_pixel" | "pytorch_half_pixel" => (at + 0.5) / scale - 0.5,
                "asymmetric" => at / scale,
                // The specification divides by the length before it is rounded down.
                "align_corners" => at * (size as f64 - 1.0) / (scale * size as f64 - 1.0),
                "half_pixel_symmetric" => {
                    let adjustment = length / (scale * size as f64);
                    let offset = size as f64 / 2.0 * (1.0 - adjustment);
                    offset + (at + 0.5) / scale - 0.5
                }
                other => return Err(format!("`coordinate_transformation_mode` is `{other}`, which is not supported")),
            })
        })
        .collect()
}

/// The scale of each axis: given, or of the sizes.
fn scales(node: &Node<'_>, sizes: &[usize], result: &[usize]) -> Result<Vec<f64>, Refusal> {
    let position = if node.operator.inputs.len() == 2 { 1 } else { 2 };
    let mut all: Vec<f64> = result.iter().zip(sizes).map(|(&to, &from)| to as f64 / from as f64).collect();
    let given = match node.operator.attributes.floats("scales") {
        Some(scales) => Some(scales.iter().map(|&scale| f64::from(scale)).collect()),
        None => node.numbers("scales", position)?,
    };
    let axes: Vec<i64> = match node.operator.attributes.integers("axes") {
        Some(axes) => axes.to_vec(),
        None => (0..sizes.len() as i64).collect(),
    };
    for (&axis, scale) in axes.iter().zip(given.unwrap_or_default()) {
        all[axis_of(axis, sizes.len())?] = scale;
    }
    Ok(all)
}

pub(super) fn build(node: &Node<'_>) -> Result<Built, Refusal> {
    let (sizes, result) = (node.shape(0)?, node.result()?);
    let scales = scales(node, &sizes, &result)?;
    if node.integer("antialias", 0) != 0 {
        return Err("`antialias` is not supported".to_owned());
    }
    if node.operator.attributes.text("keep_aspect_ratio_policy").is_some_and(|policy| policy != "stretch") {
        return Err("`keep_aspect_ratio_policy` other than `stretch` is not supported".to_owned());
    }
    match node.text("mode", "nearest") {
        "nearest" => nearest(node, &sizes, &result, &scales),
        "linear" => Linear::build(node, &sizes, &result, &scales),
        other => Err(format!("`mode` is `{other}`: nearest and linear are supported")),
    }
}

fn nearest(node: &Node<'_>, sizes: &[usize], result: &[usize], scales: &[f64]) -> Result<Built, Refusal> {
    let rounding = node.text("nearest_mode", "round_prefer_floor");
    let strides = dense(sizes);
    let is_legacy = node.opset() < 11;
    let table = |axis: usize| -> Result<Vec<usize>, Refusal> {
        let places = if is_legacy {
            (0..result[axis]).map(|at| at as f64 / scales[axis]).collect()
        } else {
            coordinates(node, sizes[axis], result[axis], scales[axis])?
        };
        places
            .into_iter()
            .map(|place| {
                let nearest = match rounding {
                    _ if is_legacy => place.floor(),
                    "round_prefer_floor" => (place - 0.5).ceil(),
                    "round_prefer_ceil" => (place + 0.5).floor(),
                    "floor" => place.floor(),
                    "ceil" => place.ceil(),
                    other => return Err(format!("`nearest_mode` is `{other}`, which is not known")),
                };
                Ok((nearest.max(0.0) as usize).min(sizes[axis] - 1) * strides[axis] as usize)
            })
            .collect()
    };
    mapped(node, (0..sizes.len()).map(table).collect::<Result<_, _>>()?)
}

/// For each output along an axis two inputs and the weight of the second.
type Taps = Vec<(usize, usize, f32)>;

/// Bilinear in the last two dimensions.
struct Linear {
    planes: usize,
    input: [usize; 2],
    rows: Taps,
    columns: Taps,
}

impl Linear {
    fn build(node: &Node<'_>, sizes: &[usize], result: &[usize], scales: &[f64]) -> Result<Built, Refusal> {
        node.only_floats_first()?;
        let rank = sizes.len();
        if rank < 2 || sizes[..rank - 2] != result[..rank - 2] {
            return Err(format!("from {sizes:?} to {result:?}: linear resizing of the last two dimensions is supported"));
        }
        let taps = |axis: usize| -> Result<Taps, Refusal> {
            let last = sizes[axis] - 1;
            let places = coordinates(node, sizes[axis], result[axis], scales[axis])?;
            Ok(places
                .into_iter()
                .map(|place| {
                    let place = place.clamp(0.0, last as f64);
                    let below = place.floor();
                    (below as usize, (below as usize + 1).min(last), (place - below) as f32)
                })
                .collect())
        };
        let kernel = Self {
            planes: product(&sizes[..rank - 2]),
            input: [sizes[rank - 2], sizes[rank - 1]],
            rows: taps(rank - 2)?,
            columns: taps(rank - 1)?,
        };
        Ok(Built::new(kernel, vec![node.required(0)?.id], vec![node.output(0)?.id]))
    }
}

impl Fusible for Linear {}

impl Kernel for Linear {
    fn scratch_bytes(&self) -> usize {
        4 * self.input[1]
    }

    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let [height, width] = self.input;
        let input: &[f32] = arguments.input(0, self.planes * height * width);
        // SAFETY: as many as were asked for.
        let line = unsafe { arguments.scratch(width) };
        for row in arguments.share.range(self.planes * self.rows.len(), 1) {
            let (plane, y) = (row / self.rows.len(), row % self.rows.len());
            let (above, below, weight) = self.rows[y];
            let source = &input[plane * height * width..][..height * width];
            let (above, below) = (&source[above * width..][..width], &source[below * width..][..width]);
            for ((value, &above), &below) in line.iter_mut().zip(above).zip(below) {
                *value = above + (below - above) * weight;
            }
            let count = self.columns.len();
            // SAFETY: rows belong to one thread each.
            let target = unsafe { arguments.output::<f32>(0, row * count..(row + 1) * count) };
            for (target, &(left, right, weight)) in target.iter_mut().zip(&self.columns) {
                *target = line[left] + (line[right] - line[left]) * weight;
            }
        }
    }
}
