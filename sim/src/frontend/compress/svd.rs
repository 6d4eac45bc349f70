//! Low-rank factors in the place of weights, as a singular value decomposition cut off at a share of the full rank gives them.
//!
//! A matrix of `K x N` becomes `K x R` and `R x N`; a convolution of `k x k` one of `k x 1` to `R` channels and one of `1 x k` (Jaderberg et
//! al., "Speeding up Convolutional Neural Networks with Low Rank Expansions", 2014); one of `1 x 1`, or of a window in one direction only,
//! one to `R` channels and one of `1 x 1` (Zhang et al., "Accelerating Very Deep Convolutional Networks", 2016). Only where the two cost
//! less than the one.

use super::{own_weight, share_of};
use crate::frontend::edit::{Edit, Rewrite};
use crate::frontend::registry::{Outcome, Parameter, Values};
use crate::graph::{AttributeValue, Attributes, DataType, Graph, Operator};

/// Parameters.
pub(in crate::frontend) const PARAMETERS: &[Parameter] =
    &[Parameter { name: "rank", default: 0.5, range: (0.01, 1.0), summary: "share of the full rank that is kept" }];

/// Replaces convolutions and products with weights by two of lower rank each.
pub(in crate::frontend) fn run(graph: &Graph, values: &Values<'_>) -> Outcome {
    let share = values.number("rank");
    let mut edit = Edit::new(graph);
    let (mut factorized, mut candidates) = (0, 0);
    for operator in graph.operators().iter().filter(|operator| operator.domain.is_empty() && !graph.is_static(operator.id)) {
        let done = match operator.op_type.as_str() {
            "Conv" if operator.attributes.integer("group").unwrap_or(1) == 1 => convolution(&mut edit, operator, share),
            "MatMul" | "Gemm" => product(&mut edit, operator, share),
            _ => continue,
        };
        candidates += 1;
        factorized += usize::from(done.is_some());
    }
    let note = format!(
        "{factorized} of {candidates} convolutions and products factorised; the others would cost more, or have no weights of their own"
    );
    edit.finish().map(|raw| Rewrite { raw, notes: vec![note] })
}

/// Pads of both ends, strides and dilations, by axis: height, then width.
struct Window {
    pads: [[i64; 2]; 2],
    strides: [i64; 2],
    dilations: [i64; 2],
}

impl Window {
    fn of(operator: &Operator) -> Option<Self> {
        if operator.attributes.text("auto_pad").is_some_and(|mode| mode != "NOTSET" && mode != "VALID") {
            return None;
        }
        let two = |name: &str| match operator.attributes.integers(name) {
            None => Some([1, 1]),
            Some(&[height, width]) => Some([height, width]),
            Some(_) => None,
        };
        let pads = match operator.attributes.integers("pads") {
            None => [[0; 2]; 2],
            Some(&[top, left, bottom, right]) => [[top, bottom], [left, right]],
            Some(_) => return None,
        };
        Some(Self { pads, strides: two("strides")?, dilations: two("dilations")? })
    }

    /// The attributes of a convolution with this window in some directions and none in the others.
    fn attributes(&self, kernel: [u64; 2], along: [bool; 2]) -> Attributes {
        let only = |values: [i64; 2], neutral: i64| {
            AttributeValue::Integers((0..2).map(|axis| if along[axis] { values[axis] } else { neutral }).collect())
        };
        let pads = (0..2).flat_map(|end| (0..2).map(move |axis| (axis, end)));
        let pads = pads.map(|(axis, end)| if along[axis] { self.pads[axis][end] } else { 0 }).collect();
        Attributes::new()
            .with("kernel_shape", AttributeValue::Integers(kernel.map(|size| size as i64).to_vec()))
            .with("pads", AttributeValue::Integers(pads))
            .with("strides", only(self.strides, 1))
            .with("dilations", only(self.dilations, 1))
    }
}

fn convolution(edit: &mut Edit<'_>, operator: &Operator, share: f64) -> Option<()> {
    let graph = edit.graph;
    let weight = own_weight(graph, operator, 1)?;
    let window = Window::of(operator)?;
    let &[outer, inner, height, width] = weight.shape.as_slice() else { return None };
    let input = graph.tensor(operator.input(0)?);
    let &[batch, _, _, in_width] = input.shape.as_slice() else { return None };
    let output = &graph.tensor(operator.outputs[0]).shape;
    let out_plane = output[2] * output[3];
    let is_split = height > 1 && width > 1;
    let (rank, first_plane, shapes, along) = if is_split {
        let rank = share_of((inner * height).min(outer * width), share);
        (rank, output[2] * in_width, [[rank, inner, height, 1], [outer, rank, 1, width]], [[true, false], [false, true]])
    } else {
        let rank = share_of((inner * height * width).min(outer), share);
        (rank, out_plane, [[rank, inner, height, width], [outer, rank, 1, 1]], [[true, true], [false, false]])
    };
    let costs = |shape: [u64; 4], plane: u64| batch * plane * shape.iter().product::<u64>();
    if costs(shapes[0], first_plane) + costs(shapes[1], out_plane) >= graph.work(operator.id).macs || rank == 0 {
        return None;
    }
    let weights = [("first", shapes[0]), ("second", shapes[1])]
        .map(|(which, shape)| edit.initializer(&format!("{}.{which}", weight.name), DataType::Float32, &shape, None));
    let base = format!("{}.first", operator.name);
    let kernel = |shape: [u64; 4]| [shape[2], shape[3]];
    let first =
        edit.insert(operator.id, "Conv", &[&input.name, &weights[0]], &base, window.attributes(kernel(shapes[0]), along[0]));
    let bias = operator.input(2).map(|bias| edit.name(bias));
    let inputs = [first, weights[1].clone()].into_iter().chain(bias).collect();
    edit.replace(operator.id, "Conv", inputs, window.attributes(kernel(shapes[1]), along[1]));
    forget(edit, &weight.name);
    Some(())
}

fn product(edit: &mut Edit<'_>, operator: &Operator, share: f64) -> Option<()> {
    let graph = edit.graph;
    let weight = own_weight(graph, operator, 1)?;
    let &[rows, columns] = weight.shape.as_slice() else { return None };
    let is_transposed = operator.attributes.integer("transB").unwrap_or(0) == 1;
    let (inner, outer) = if is_transposed { (columns, rows) } else { (rows, columns) };
    let rank = share_of(inner.min(outer), share);
    if rank * (inner + outer) >= inner * outer {
        return None;
    }
    let shapes = if is_transposed { [[rank, inner], [outer, rank]] } else { [[inner, rank], [rank, outer]] };
    let weights = [("first", shapes[0]), ("second", shapes[1])]
        .map(|(which, shape)| edit.initializer(&format!("{}.{which}", weight.name), DataType::Float32, &shape, None));
    let base = format!("{}.first", operator.name);
    let kept = |names: &[&str]| -> Attributes {
        let kept = operator.attributes.iter().filter(|(name, _)| names.contains(name));
        kept.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    };
    let input = edit.name(operator.input(0)?);
    let first = edit.insert(operator.id, &operator.op_type, &[&input, &weights[0]], &base, kept(&["transA", "transB"]));
    let bias = operator.input(2).map(|bias| edit.name(bias));
    let inputs = [first, weights[1].clone()].into_iter().chain(bias).collect();
    edit.replace(operator.id, &operator.op_type, inputs, kept(&["transB", "alpha", "beta"]));
    forget(edit, &weight.name);
    Some(())
}

fn forget(edit: &mut Edit<'_>, weight: &str) {
    edit.retain_initializers(|tensor| tensor.name != weight);
}

#[cfg(test)]
mod tests {
    use crate::frontend::tests::check;
    use crate::graph::{AttributeValue, Attributes, RawGraph};

    #[test]
    fn windows_split_by_direction() {
        let window = Attributes::new()
            .with("pads", AttributeValue::Integers(vec![1, 2, 1, 2]))
            .with("strides", AttributeValue::Integers(vec![2, 1]));
        let raw =
            RawGraph::new("test").with_input("x", &[1, 32, 16, 16]).with_weight("w", &[64, 32, 3, 5]).with_weight("b", &[64]);
        let raw = raw.with_operator("Conv", &["x", "w", "b"], &["y"], window).with_output("y");
        let after = check("svd[rank=0.25]", raw, &["y.first = Conv(x, w.first)", "y = Conv(y.first, w.second, b)"]);
        // The full rank is 32 x 3: a quarter of it is 24.
        let shape = |name: &str| after.tensor_named(name).map(|tensor| tensor.shape.clone()).unwrap_or_default();
        assert_eq!(
            [shape("w.first"), shape("w.second"), shape("y.first")],
            [vec![24, 32, 3, 1], vec![64, 24, 1, 5], vec![1, 24, 8, 16]]
        );
        assert_eq!(after.total_macs(), 8 * 16 * 24 * 32 * 3 + 8 * 16 * 64 * 24 * 5);
    }

    #[test]
    fn products_get_a_bottleneck_where_it_pays() {
        let transposed = || Attributes::new().with("transB", AttributeValue::Integer(1));
        let raw = RawGraph::new("test").with_input("x", &[2, 100]).with_weight("w", &[200, 100]).with_weight("v", &[16, 200]);
        let raw =
            raw.with_operator("Gemm", &["x", "w"], &["a"], transposed()).with_operator("Gemm", &["a", "v"], &["y"], transposed());
        let after = check(
            "svd[rank=0.5]",
            raw.with_output("y"),
            &[
                "a.first = Gemm(x, w.first)",
                "a = Gemm(a.first, w.second)",
                "y.first = Gemm(a, v.first)",
                "y = Gemm(y.first, v.second)",
            ],
        );
        assert_eq!(after.total_macs(), 2 * (56 * 300 + 8 * 216));
        let small = RawGraph::new("test").with_input("x", &[2, 8]).with_weight("w", &[8, 8]);
        check(
            "svd",
            small.with_operator("MatMul", &["x", "w"], &["y"], Attributes::new()).with_output("y"),
            &["y = MatMul(x, w)"],
        );
    }
}
