//! Operators that no model has, drawn to fill the space of shapes of each kind of kernel.

use sim::graph::work::KernelKind;
use sim::graph::{AttributeValue, Attributes, DataType, RawGraph};

use super::sequence::{COORDINATES, Halton};

/// Most multiply-accumulates of a point.
const MOST_MACS: u64 = 600_000_000;
/// Most elements of a tensor of a point.
const MOST_ELEMENTS: u64 = 4_000_000;

/// Coordinates of a point.
const IN: usize = 0;
const OUT: usize = 1;
const SIZE: usize = 2;
const WINDOW: usize = 3;
const STRIDE: usize = 4;
const VARIANT: usize = 5;
const MORE: usize = 6;
const GRANULES: usize = 7;

/// Kinds that points are drawn of, each with how many in a full run.
pub(super) const KINDS: [(KernelKind, usize); 18] = [
    (KernelKind::Convolution, 240),
    (KernelKind::DepthwiseConvolution, 80),
    (KernelKind::GroupedConvolution, 50),
    (KernelKind::TransposedConvolution, 40),
    (KernelKind::FullyConnected, 80),
    (KernelKind::MatrixMultiply, 50),
    (KernelKind::MaxPool, 40),
    (KernelKind::AveragePool, 30),
    (KernelKind::GlobalPool, 24),
    (KernelKind::Reduce, 24),
    (KernelKind::Concatenate, 40),
    (KernelKind::Activation, 50),
    (KernelKind::Elementwise, 60),
    (KernelKind::Normalization, 24),
    (KernelKind::Softmax, 24),
    (KernelKind::DataMovement, 50),
    (KernelKind::Resize, 24),
    (KernelKind::Embedding, 12),
];

/// Graphs of one operator each, `input` the only name that matters.
pub(super) fn points(kind: KernelKind, seed: u64, count: usize) -> Vec<RawGraph> {
    let mut halton = Halton::new(seed, kind.name());
    // Points too large are left out: as many again are drawn, but not for ever.
    let candidates = (0..20 * count).map(|_| halton.next());
    candidates.filter_map(|point| graph(kind, &Point(point))).take(count).collect()
}

/// Coordinates in 0..1, read as sizes.
struct Point([f64; COORDINATES]);

impl Point {
    /// A size between two, evenly in its logarithm.
    fn size(&self, axis: usize, lowest: u64, highest: u64) -> u64 {
        let (low, high) = ((lowest as f64).ln(), ((highest + 1) as f64).ln());
        (libm::exp(low + self.0[axis] * (high - low)) as u64).clamp(lowest, highest)
    }

    /// Channels: two in three next to a multiple of 4, 8, 16 or 32 (one less, the multiple, one more), where latency has its steps.
    fn channels(&self, axis: usize, lowest: u64, highest: u64) -> u64 {
        let size = self.size(axis, lowest, highest);
        let choice = (self.0[GRANULES] * 24.0) as usize + 7 * axis;
        let granule = [4, 8, 16, 32][choice % 4];
        if choice.is_multiple_of(3) || size < granule {
            return size;
        }
        let offset = [-1, 0, 0, 1][(choice / 4) % 4];
        (size.div_ceil(granule) * granule).saturating_add_signed(offset).clamp(lowest, highest)
    }

    /// One of several.
    fn choice<T: Copy>(&self, axis: usize, of: &[T]) -> T {
        of[((self.0[axis] * of.len() as f64) as usize).min(of.len() - 1)]
    }
}

/// The graph of a point; `None` where it is too large or does not exist.
fn graph(kind: KernelKind, point: &Point) -> Option<RawGraph> {
    let raw = match kind {
        KernelKind::Convolution => convolution(point, |_, _| 1),
        KernelKind::DepthwiseConvolution => convolution(point, |channels, _| channels),
        KernelKind::GroupedConvolution => convolution(point, |_, point| point.choice(VARIANT, &[2, 4, 8, 16, 32])),
        KernelKind::TransposedConvolution => transposed_convolution(point),
        KernelKind::FullyConnected => fully_connected(point),
        KernelKind::MatrixMultiply => matrix_multiply(point),
        KernelKind::MaxPool => pool(point, "MaxPool"),
        KernelKind::AveragePool => pool(point, "AveragePool"),
        KernelKind::GlobalPool => {
            image(point, |raw, _| raw.with_operator("GlobalAveragePool", &["x"], &["y"], Attributes::new()))
        }
        KernelKind::Reduce => reduce(point),
        KernelKind::Concatenate => concatenate(point),
        KernelKind::Activation => activation(point),
        KernelKind::Elementwise => elementwise(point),
        KernelKind::Normalization => normalization(point),
        KernelKind::Softmax => softmax(point),
        KernelKind::DataMovement => data_movement(point),
        KernelKind::Resize => resize(point),
        KernelKind::Embedding => embedding(point),
        KernelKind::View | KernelKind::Recurrent | KernelKind::Other => None,
    }?;
    Some(raw.with_output("y"))
}

fn integers(values: &[u64]) -> AttributeValue {
    AttributeValue::Integers(values.iter().map(|&value| value as i64).collect())
}

fn integer(value: u64) -> AttributeValue {
    AttributeValue::Integer(value as i64)
}

/// An empty graph, unless one of the tensors or the work would be too large.
fn within_limits(macs: u64, shapes: &[&[u64]]) -> Option<RawGraph> {
    let is_small = |shape: &&[u64]| shape.iter().product::<u64>() <= MOST_ELEMENTS;
    (macs <= MOST_MACS && shapes.iter().all(is_small)).then(|| RawGraph::new("design"))
}

/// Kernel, stride and padding; the output's side of an input's.
fn window(kernel: u64, stride: u64, side: u64) -> Option<(Attributes, u64)> {
    let padding = kernel / 2;
    let out = (side + 2 * padding).checked_sub(kernel)? / stride + 1;
    let attributes = Attributes::new()
        .with("kernel_shape", integers(&[kernel, kernel]))
        .with("strides", integers(&[stride, stride]))
        .with("pads", integers(&[padding; 4]));
    Some((attributes, out))
}

/// Kernels and sides as models have them; `groups` makes groups of the input channels.
fn convolution(point: &Point, groups: impl Fn(u64, &Point) -> u64) -> Option<RawGraph> {
    let channels = point.channels(IN, 3, 1024);
    let groups = groups(channels, point);
    let is_depthwise = groups == channels;
    let kernel = if is_depthwise { point.choice(WINDOW, &[3, 3, 5, 7]) } else { point.choice(WINDOW, &[1, 1, 1, 3, 3, 3, 5, 7]) };
    let stride = point.choice(STRIDE, &[1, 1, 2]);
    let side = point.size(SIZE, 7, 224);
    let (mut attributes, out_side) = window(kernel, stride, side)?;
    let (channels, out_channels) = if is_depthwise {
        (channels, channels)
    } else {
        // Every group gets the same number of channels of both.
        let whole = |channels: u64| channels.div_ceil(groups).max(2) * groups;
        if groups == 1 {
            (channels, point.channels(OUT, 3, 1024))
        } else {
            (whole(channels), whole(point.channels(OUT, 8, 1024)))
        }
    };
    let weight = [out_channels, channels / groups, kernel, kernel];
    let (x, y) = ([1, channels, side, side], [1, out_channels, out_side, out_side]);
    let raw = within_limits(y.iter().product::<u64>() * weight[1..].iter().product::<u64>(), &[&x, &y, &weight])?;
    attributes.insert("group", integer(groups));
    Some(raw.with_input("x", &x).with_weight("w", &weight).with_weight("b", &[out_channels]).with_operator(
        "Conv",
        &["x", "w", "b"],
        &["y"],
        attributes,
    ))
}

fn transposed_convolution(point: &Point) -> Option<RawGraph> {
    let (channels, out_channels) = (point.channels(IN, 8, 512), point.channels(OUT, 3, 512));
    let (kernel, stride) = point.choice(WINDOW, &[(2, 2), (3, 1), (3, 2), (4, 2)]);
    let side = point.size(SIZE, 7, 128);
    let (x, weight) = ([1, channels, side, side], [channels, out_channels, kernel, kernel]);
    let out_side = side * stride + kernel;
    let macs = x.iter().product::<u64>() * weight[1..].iter().product::<u64>();
    let raw = within_limits(macs, &[&x, &weight, &[out_channels, out_side, out_side]])?;
    let attributes =
        Attributes::new().with("kernel_shape", integers(&[kernel, kernel])).with("strides", integers(&[stride, stride]));
    Some(raw.with_input("x", &x).with_weight("w", &weight).with_weight("b", &[out_channels]).with_operator(
        "ConvTranspose",
        &["x", "w", "b"],
        &["y"],
        attributes,
    ))
}

/// One row (classifiers), or many (tokens).
fn fully_connected(point: &Point) -> Option<RawGraph> {
    let (inner, columns) = (point.channels(IN, 16, 4096), point.channels(OUT, 10, 4096));
    let is_vector = point.0[VARIANT] < 0.4;
    let rows = if is_vector { 1 } else { point.channels(SIZE, 2, 512) };
    let raw = within_limits(rows * inner * columns, &[&[inner, columns], &[rows, columns], &[rows, inner]])?;
    Some(if is_vector {
        raw.with_input("x", &[1, inner]).with_weight("w", &[columns, inner]).with_weight("b", &[columns]).with_operator(
            "Gemm",
            &["x", "w", "b"],
            &["y"],
            Attributes::new().with("transB", integer(1)),
        )
    } else {
        let raw = raw.with_input("x", &[1, rows, inner]).with_weight("w", &[inner, columns]);
        raw.with_operator("MatMul", &["x", "w"], &["y"], Attributes::new())
    })
}

fn matrix_multiply(point: &Point) -> Option<RawGraph> {
    let groups = point.choice(VARIANT, &[1, 3, 4, 8, 12, 16, 64]);
    let (rows, columns) = (point.channels(SIZE, 8, 512), point.channels(OUT, 8, 512));
    let inner = point.channels(IN, 16, 512);
    let (x, z) = ([1, groups, rows, inner], [1, groups, inner, columns]);
    let raw = within_limits(groups * rows * inner * columns, &[&x, &z, &[groups, rows, columns]])?;
    Some(raw.with_input("x", &x).with_input("z", &z).with_operator("MatMul", &["x", "z"], &["y"], Attributes::new()))
}

fn pool(point: &Point, op_type: &str) -> Option<RawGraph> {
    let (kernel, stride) = point.choice(WINDOW, &[(2, 2), (3, 1), (3, 2), (5, 1), (7, 7)]);
    image(point, |raw, _| {
        let padding = if stride == kernel { 0 } else { kernel / 2 };
        let attributes = Attributes::new()
            .with("kernel_shape", integers(&[kernel, kernel]))
            .with("strides", integers(&[stride, stride]))
            .with("pads", integers(&[padding; 4]));
        raw.with_operator(op_type, &["x"], &["y"], attributes)
    })
}

/// An operator of one image.
fn image(point: &Point, operator: impl FnOnce(RawGraph, &[u64; 4]) -> RawGraph) -> Option<RawGraph> {
    let (channels, side) = (point.channels(IN, 4, 2048), point.size(SIZE, 7, 224));
    let shape = [1, channels, side, side];
    Some(operator(within_limits(0, &[&shape])?.with_input("x", &shape), &shape))
}

/// An operator of rows of features.
fn rows(point: &Point, operator: impl FnOnce(RawGraph, &[u64; 3]) -> RawGraph) -> Option<RawGraph> {
    let shape = [point.choice(VARIANT, &[1, 4, 12]), point.channels(SIZE, 8, 1024), point.channels(IN, 16, 3072)];
    Some(operator(within_limits(0, &[&shape])?.with_input("x", &shape), &shape))
}

fn reduce(point: &Point) -> Option<RawGraph> {
    let attributes = Attributes::new().with("axes", AttributeValue::Integers(vec![-1])).with("keepdims", integer(1));
    rows(point, |raw, _| raw.with_operator("ReduceMean", &["x"], &["y"], attributes))
}

fn softmax(point: &Point) -> Option<RawGraph> {
    rows(point, |raw, _| {
        raw.with_operator("Softmax", &["x"], &["y"], Attributes::new().with("axis", AttributeValue::Integer(-1)))
    })
}

fn concatenate(point: &Point) -> Option<RawGraph> {
    let side = point.size(SIZE, 7, 112);
    let count = point.choice(VARIANT, &[2, 2, 3, 4]);
    let channels: Vec<u64> = [IN, OUT, IN, OUT][..count].iter().map(|&axis| point.channels(axis, 4, 512)).collect();
    let whole = [1, channels.iter().sum(), side, side];
    let names = ["x0", "x1", "x2", "x3"];
    let mut raw = within_limits(0, &[&whole])?;
    for (name, &channels) in names.iter().zip(&channels) {
        raw = raw.with_input(name, &[1, channels, side, side]);
    }
    Some(raw.with_operator("Concat", &names[..count], &["y"], Attributes::new().with("axis", integer(1))))
}

fn activation(point: &Point) -> Option<RawGraph> {
    let op_type = point.choice(VARIANT, &["Relu", "Sigmoid", "HardSwish", "LeakyRelu", "Tanh", "Erf", "HardSigmoid"]);
    image(point, |raw, _| raw.with_operator(op_type, &["x"], &["y"], Attributes::new()))
}

/// Of two images, of an image and a number per channel (squeeze and excitation), or of an image and a constant.
fn elementwise(point: &Point) -> Option<RawGraph> {
    let op_type = point.choice(VARIANT, &["Add", "Mul", "Add", "Mul", "Sub", "Div"]);
    let operands = point.choice(MORE, &["same", "same", "channels", "constant"]);
    image(point, |raw, shape| {
        let raw = match operands {
            "same" => raw.with_input("z", shape),
            "channels" => raw.with_input("z", &[1, shape[1], 1, 1]),
            _ => raw.with_weight("z", &[1, shape[1], 1, 1]),
        };
        raw.with_operator(op_type, &["x", "z"], &["y"], Attributes::new())
    })
}

fn normalization(point: &Point) -> Option<RawGraph> {
    let is_batch = point.0[VARIANT] < 0.5;
    image(point, |mut raw, shape| {
        let names: &[&str] = if is_batch { &["x", "scale", "bias", "mean", "variance"] } else { &["x", "scale", "bias"] };
        for name in &names[1..] {
            raw = raw.with_weight(name, &[shape[1]]);
        }
        raw.with_operator(if is_batch { "BatchNormalization" } else { "InstanceNormalization" }, names, &["y"], Attributes::new())
    })
}

fn data_movement(point: &Point) -> Option<RawGraph> {
    let permutation = |order: [u64; 4]| Attributes::new().with("perm", integers(&order));
    match point.choice(VARIANT, &["heads", "last", "slice", "blocks", "rows"]) {
        "heads" => {
            let shape = [1, point.channels(SIZE, 16, 512), point.choice(MORE, &[3, 4, 8, 12]), point.choice(STRIDE, &[32, 64])];
            let raw = within_limits(0, &[&shape])?.with_input("x", &shape);
            Some(raw.with_operator("Transpose", &["x"], &["y"], permutation([0, 2, 1, 3])))
        }
        "last" => image(point, |raw, _| raw.with_operator("Transpose", &["x"], &["y"], permutation([0, 2, 3, 1]))),
        "slice" => image(point, |raw, shape| {
            let raw = raw.with_integers("begin", &[0]).with_integers("end", &[(shape[1] / 2).max(1) as i64]);
            raw.with_integers("axes", &[1]).with_operator("Slice", &["x", "begin", "end", "axes"], &["y"], Attributes::new())
        }),
        "blocks" => {
            let side = point.size(SIZE, 7, 112);
            let shape = [1, 4 * point.channels(IN, 1, 256), side, side];
            let raw = within_limits(0, &[&shape])?.with_input("x", &shape);
            Some(raw.with_operator("DepthToSpace", &["x"], &["y"], Attributes::new().with("blocksize", integer(2))))
        }
        _ => rows(point, |raw, _| {
            raw.with_operator("Transpose", &["x"], &["y"], Attributes::new().with("perm", integers(&[0, 2, 1])))
        }),
    }
}

fn resize(point: &Point) -> Option<RawGraph> {
    let (channels, side) = (point.channels(IN, 4, 512), point.size(SIZE, 7, 112));
    let shape = [1, channels, side, side];
    let raw = within_limits(0, &[&[1, channels, 2 * side, 2 * side]])?.with_input("x", &shape);
    let (mode, transformation) = point.choice(VARIANT, &[("nearest", "asymmetric"), ("linear", "half_pixel")]);
    let attributes = Attributes::new()
        .with("mode", AttributeValue::Text(mode.to_owned()))
        .with("coordinate_transformation_mode", AttributeValue::Text(transformation.to_owned()))
        .with("nearest_mode", AttributeValue::Text("floor".to_owned()));
    let sizes = [1, channels as i64, 2 * side as i64, 2 * side as i64];
    Some(raw.with_integers("sizes", &sizes).with_operator("Resize", &["x", "", "", "sizes"], &["y"], attributes))
}

fn embedding(point: &Point) -> Option<RawGraph> {
    let (rows, width, count) = (point.size(OUT, 64, 16_384), point.channels(IN, 16, 1024), point.size(SIZE, 1, 512));
    let raw = within_limits(0, &[&[rows, width]])?.with_weight("table", &[rows, width]);
    let raw = raw.with_typed_input("x", DataType::Int64, &[1, count]);
    Some(raw.with_operator("Gather", &["table", "x"], &["y"], Attributes::new().with("axis", integer(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_valid_points_of_that_kind() {
        for (kind, count) in KINDS {
            let points = points(kind, 1, count);
            assert_eq!(points.len(), count, "{}", kind.name());
            for raw in points {
                let graph = raw.build().unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
                assert_eq!(graph.work(graph.operators()[0].id).kind, kind, "{:?}", graph.operators()[0]);
            }
        }
    }

    /// Steps of a staircase are seen only by channels on either side of them.
    #[test]
    fn channels_lie_on_steps_and_beside_them() {
        let mut sides = [0; 3];
        for raw in points(KernelKind::Convolution, 1, 240) {
            let channels = raw.initializers[0].shape[0];
            for (side, residue) in sides.iter_mut().zip([0, 1, 7]) {
                *side += usize::from(channels % 8 == residue);
            }
        }
        assert!(sides[0] > 60 && sides[1] > 20 && sides[2] > 20, "of 240: {sides:?} multiples of 8, one more, one less");
    }
}
