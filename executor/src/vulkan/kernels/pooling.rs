//! Pooling over windows: an invocation computes one output.

use sim::graph::Operator;

use super::{Shader, WITHIN_COUNT};
use crate::processor::ProcessorError;
use crate::vulkan::plan::{Lowering, input as input_of, refusal};
use crate::vulkan::window::{Window, image};

const INVOCATIONS: u32 = 64;

pub(in crate::vulkan) fn lower(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), ProcessorError> {
    let graph = lowering.graph;
    if operator.outputs.len() != 1 {
        return Err(refusal(operator, "its output of indices is not supported"));
    }
    let input = input_of(operator, 0)?;
    let kernel: Vec<u64> = operator.attributes.integers("kernel_shape").unwrap_or(&[]).iter().map(|&size| size as u64).collect();
    let (from, to) = (&graph.tensor(input).shape, &graph.tensor(operator.outputs[0]).shape);
    let Window { kernel, strides, dilations, begin, end } = Window::of(operator, &kernel, from, to)?;
    let (from, to) = (image(from), image(to));
    let is_set = |name: &str| operator.attributes.integer(name).is_some_and(|value| value != 0);
    let is_average = operator.op_type == "AveragePool";
    let count = to.iter().product();
    let mut shader = Shader::new(INVOCATIONS);
    shader.size("count", count);
    shader.size("out_height", to[2]);
    shader.size("out_width", to[3]);
    shader.signed("in_height", from[2] as i64);
    shader.signed("in_width", from[3] as i64);
    shader.signed("top", begin[0]);
    shader.signed("left", begin[1]);
    shader.signed("kernel_height", kernel[0] as i64);
    shader.signed("kernel_width", kernel[1] as i64);
    shader.signed("stride_height", strides[0] as i64);
    shader.signed("stride_width", strides[1] as i64);
    shader.signed("dilation_height", dilations[0] as i64);
    shader.signed("dilation_width", dilations[1] as i64);
    // What counts for an average: the image, or the image and its padding.
    let edges = if is_average && is_set("count_include_pad") { (begin, end) } else { ([0, 0], [0, 0]) };
    shader.signed("count_top", -edges.0[0]);
    shader.signed("count_left", -edges.0[1]);
    shader.signed("count_bottom", from[2] as i64 + edges.1[0]);
    shader.signed("count_right", from[3] as i64 + edges.1[1]);
    shader.read("x", "f32", lowering.source(operator, input)?);
    let (start, take, give) = if is_average {
        ("0.0f", "result += value;", "result / f32(max(taken, 1))")
    } else {
        ("-3.40282347e38f", "result = max(result, value);", "result")
    };
    shader.body = format!(
        "{WITHIN_COUNT}    let column = i32(linear % p.out_width);
    let rest = linear / p.out_width;
    let row = i32(rest % p.out_height);
    let plane = i32(rest / p.out_height) * p.in_height * p.in_width;
    var result = {start};
    var taken = 0i;
    for (var i = 0i; i < p.kernel_height; i++) {{
        let from_row = row * p.stride_height - p.top + i * p.dilation_height;
        for (var j = 0i; j < p.kernel_width; j++) {{
            let from_column = column * p.stride_width - p.left + j * p.dilation_width;
            if (from_row >= p.count_top && from_row < p.count_bottom && from_column >= p.count_left && from_column < p.count_right) {{
                taken++;
            }}
            if (from_row >= 0i && from_row < p.in_height && from_column >= 0i && from_column < p.in_width) {{
                let value = x[u32(plane + from_row * p.in_width + from_column)];
                {take}
            }}
        }}
    }}
    y[linear] = {give};
"
    );
    let groups = lowering.linear_groups(count, INVOCATIONS);
    lowering.push(operator, shader.step(operator.id.index(), "pooling", groups, operator.outputs[0]))
}
