//! Convolutions, blocked in registers: an invocation computes several output channels of several pixels, so that every input
//! that it loads is used for all its channels and every weight for all its pixels. No shared memory: caches do on mobile GPUs
//! what it would do, and what runs on a CPU has none.

use std::fmt::Write as _;

use super::Shader;
use super::matrix;
use crate::processor::ProcessorError;
use crate::vulkan::activation;
use crate::vulkan::constants::{Blocking, Recipe};
use crate::vulkan::fusion::Chain;
use crate::vulkan::plan::{Lowering, input as input_of, refusal};
use crate::vulkan::window::{Window, image};

/// Most columns of an input row that an invocation keeps.
const MAXIMUM_COLUMNS: u64 = 24;

/// Sizes of one convolution.
struct Layer {
    window: Window,
    /// Batch, channels, height, width.
    input: [u64; 4],
    output: [u64; 4],
    blocking: Blocking,
    /// Input channels of a group.
    depth: u64,
}

impl Layer {
    /// Whether each plane of a pointwise convolution is a whole number of vectors of four elements.
    fn has_whole_fours(&self) -> bool {
        self.window.is_pointwise() && (self.input[2] * self.input[3]).is_multiple_of(4)
    }
}

pub(in crate::vulkan) fn lower(lowering: &mut Lowering<'_>, chain: &Chain<'_>) -> Result<(), ProcessorError> {
    let operator = chain.head;
    let graph = lowering.graph;
    let (input, weight) = (input_of(operator, 0)?, input_of(operator, 1)?);
    let filter = &graph.tensor(weight).shape;
    let (from, to) = (&graph.tensor(input).shape, &graph.tensor(operator.outputs[0]).shape);
    let window = Window::of(operator, &filter[2..], from, to)?;
    if graph.tensor(weight).role.is_dynamic() || operator.input(2).is_some_and(|bias| graph.tensor(bias).role.is_dynamic()) {
        return Err(refusal(operator, "its filter and its bias must be constants"));
    }
    let (from, to) = (image(from), image(to));
    let groups = operator.attributes.integer("group").unwrap_or(1) as u64;
    let channels = filter[0] / groups;
    let block = match channels {
        1 => 1,
        2..=7 => 4,
        _ => 8,
    };
    let blocking = Blocking { groups, channels, block };
    let layer = Layer { window, input: from, output: to, blocking, depth: filter[1] };
    if window.is_pointwise() && groups == 1 && from[2] * from[3] == 1 {
        return matrix::lower_single_pixel(lowering, chain, from[0], channels, layer.depth);
    }
    let filter = Recipe::Filter { weight, norm: chain.norm.clone(), blocking };
    let bias = Recipe::Bias { bias: operator.input(2), norm: chain.norm.clone(), blocking };
    let element = if block == 1 { "f32" } else { "vec4<f32>" };
    let is_pointwise = window.is_pointwise();
    let pixels = to[2] * to[3];
    let invocations = match pixels.div_ceil(4) {
        0..=8 => 8,
        9..=16 => 16,
        17..=128 => 32,
        _ => 64,
    };
    let mut shader = Shader::new(invocations);
    shader.read("x", if layer.has_whole_fours() { "vec4<f32>" } else { "f32" }, lowering.source(operator, input)?);
    shader.read("weights", element, lowering.constant(operator, filter, blocking.padded() * layer.depth * kernel_size(&window))?);
    shader.read("bias", element, lowering.constant(operator, bias, blocking.padded())?);
    if let Some(residual) = chain.residual {
        shader.read("residual", "f32", lowering.source(operator, residual)?);
    }
    shader.size("blocks", blocking.blocks());
    shader.size("depth", layer.depth);
    shader.size("in_channels", from[1]);
    shader.size("out_channels", to[1]);
    shader.size("group_channels", channels);
    shader.size("pixels", pixels);
    shader.declarations = activation::function(chain.activation.as_deref());
    let has_residual = chain.residual.is_some();
    let groups_x =
        if is_pointwise { pointwise(&mut shader, &layer, has_residual) } else { windowed(&mut shader, &layer, has_residual) };
    let label = if is_pointwise { "pointwise convolution" } else { "convolution" };
    let step = shader.step(operator.id.index(), label, [groups_x, groups * blocking.blocks(), to[0]], chain.output);
    lowering.push(operator, step)
}

fn kernel_size(window: &Window) -> u64 {
    window.kernel[0] * window.kernel[1]
}

/// How many elements of `weights` make a block.
fn quads(blocking: Blocking) -> u64 {
    blocking.block.div_ceil(4)
}

/// Where block, group and batch of the invocation are, and accumulators that hold the bias.
fn head(blocking: Blocking, pixels: u64) -> String {
    let quads = quads(blocking);
    let mut text = String::from(
        "    let block = group_id.y;
    let group = block / p.blocks;
    let batch = group_id.z;
",
    );
    for quad in 0..quads {
        for pixel in 0..pixels {
            let _ = writeln!(text, "    var sum_{quad}_{pixel} = bias[block * {quads}u + {quad}u];");
        }
    }
    text
}

/// Adds what is fused and writes the accumulators; `at_{pixel}` is the place in the plane, `is_{pixel}` whether it is one.
fn tail(blocking: Blocking, pixels: u64, has_residual: bool) -> String {
    let mut text = format!(
        "    let first = (block % p.blocks) * {block}u;
    let plane_0 = (batch * p.out_channels + group * p.group_channels + first) * p.pixels;
",
        block = blocking.block
    );
    // Blocks that are full need no check of their channels.
    let is_ragged = !blocking.channels.is_multiple_of(blocking.block);
    for channel in 0..blocking.block {
        let (quad, component) = (channel / 4, ["x", "y", "z", "w"][(channel % 4) as usize]);
        let _ = writeln!(text, "    {{ let plane = plane_0 + {channel}u * p.pixels;");
        if is_ragged {
            let _ = writeln!(text, "    if (first + {channel}u < p.group_channels) {{");
        }
        for pixel in 0..pixels {
            let component = if blocking.block == 1 { String::new() } else { format!(".{component}") };
            let residual = if has_residual { format!(" + residual[plane + at_{pixel}]") } else { String::new() };
            let _ = writeln!(
                text,
                "    if (is_{pixel}) {{ y[plane + at_{pixel}] = activate(sum_{quad}_{pixel}{component}{residual}); }}"
            );
        }
        text.push_str(if is_ragged { "    } }\n" } else { "    }\n" });
    }
    text
}

/// A 1x1 convolution: the product of the filter and the image as matrices. An invocation loads four neighbouring pixels at
/// once where planes are whole fours; elsewhere its pixels lie one group apart, so that neighbours read neighbouring addresses.
fn pointwise(shader: &mut Shader, layer: &Layer, has_residual: bool) -> u64 {
    let (pixels, quads) = (4, quads(layer.blocking));
    let invocations = u64::from(shader.invocations);
    let are_fours = layer.has_whole_fours();
    let (start, apart) = if are_fours {
        ("(group_id.x * INVOCATIONSu + local) * 4u", 1)
    } else {
        ("group_id.x * INVOCATIONSu * 4u + local", invocations)
    };
    let mut text = head(layer.blocking, pixels);
    let _ = writeln!(text, "    let start = {};", start.replace("INVOCATIONS", &invocations.to_string()));
    text.push_str("    let image = (batch * p.in_channels + group * p.depth) * p.pixels;\n");
    for pixel in 0..pixels {
        let _ = writeln!(
            text,
            "    let place_{pixel} = start + {offset}u; let is_{pixel} = place_{pixel} < p.pixels;
    let at_{pixel} = min(place_{pixel}, p.pixels - 1u); var from_{pixel} = image + at_{pixel};",
            offset = apart * pixel
        );
    }
    let _ = writeln!(text, "    var tap = block * p.depth * {quads}u;\n    for (var i = 0u; i < p.depth; i++) {{");
    if are_fours {
        text.push_str("        let v = x[from_0 / 4u]; from_0 += p.pixels;\n");
    }
    for pixel in 0..pixels {
        let component = ["x", "y", "z", "w"][pixel as usize];
        let _ = if are_fours {
            writeln!(text, "        let v_{pixel} = v.{component};")
        } else {
            writeln!(text, "        let v_{pixel} = x[from_{pixel}]; from_{pixel} += p.pixels;")
        };
    }
    for quad in 0..quads {
        let _ = writeln!(text, "        let w_{quad} = weights[tap + {quad}u];");
        for pixel in 0..pixels {
            let _ = writeln!(text, "        sum_{quad}_{pixel} += w_{quad} * v_{pixel};");
        }
    }
    let _ = writeln!(text, "        tap += {quads}u;\n    }}");
    text.push_str(&tail(layer.blocking, pixels, has_residual));
    shader.body = text;
    (layer.output[2] * layer.output[3]).div_ceil(invocations * pixels)
}

/// Any other window: pixels of an invocation are neighbours in a row, and share the columns that they read.
fn windowed(shader: &mut Shader, layer: &Layer, has_residual: bool) -> u64 {
    let Window { kernel, strides, dilations, begin, end } = layer.window;
    let columns = |pixels: u64| (pixels - 1) * strides[1] + (kernel[1] - 1) * dilations[1] + 1;
    let pixels = [4, 2].into_iter().find(|&pixels| pixels <= layer.output[3] && columns(pixels) <= MAXIMUM_COLUMNS).unwrap_or(1);
    // Only columns that some pixel reads.
    let needed: Vec<u64> = (0..columns(pixels))
        .filter(|column| {
            (0..pixels).any(|pixel| {
                let within = column.checked_sub(pixel * strides[1]);
                within.is_some_and(|within| within % dilations[1] == 0 && within / dilations[1] < kernel[1])
            })
        })
        .collect();
    let quads = quads(layer.blocking);
    let is_padded = begin[1] > 0 || end[1] > 0;
    let per_row = layer.output[3].div_ceil(pixels);
    let tiles = layer.output[2] * per_row;
    shader.size("tiles", tiles);
    shader.size("per_row", per_row);
    shader.size("in_height", layer.input[2]);
    shader.size("in_width", layer.input[3]);
    shader.size("out_width", layer.output[3]);
    shader.signed("top", begin[0]);
    shader.signed("left", begin[1]);
    let mut text = format!(
        "    let tile = group_id.x * {invocations}u + local;
    if (tile >= p.tiles) {{ return; }}
    let out_row = tile / p.per_row;
    let out_column = (tile % p.per_row) * {pixels}u;
    let row_0 = i32(out_row * {}u) - p.top;
    let column_0 = i32(out_column * {}u) - p.left;
",
        strides[0],
        strides[1],
        invocations = shader.invocations
    );
    text.push_str(&head(layer.blocking, pixels));
    for column in &needed {
        let _ = writeln!(text, "    let u_{column} = column_0 + {column}i;");
        let _ = writeln!(text, "    let c_{column} = u32(clamp(u_{column}, 0i, i32(p.in_width) - 1i));");
        if is_padded {
            let _ = writeln!(text, "    let k_{column} = u_{column} >= 0i && u_{column} < i32(p.in_width);");
        }
    }
    let _ = writeln!(
        text,
        "    var tap = block * p.depth * {taps}u;
    var plane = (batch * p.in_channels + group * p.depth) * p.in_height * p.in_width;
    for (var i = 0u; i < p.depth; i++) {{
        for (var kernel_row = 0u; kernel_row < {height}u; kernel_row++) {{
            let row = row_0 + i32(kernel_row * {dilation}u);
            if (row >= 0i && row < i32(p.in_height)) {{
                let origin = plane + u32(row) * p.in_width;",
        taps = kernel_size(&layer.window) * quads,
        height = kernel[0],
        dilation = dilations[0]
    );
    for column in &needed {
        if is_padded {
            let _ = writeln!(text, "                let v_{column} = select(0.0f, x[origin + c_{column}], k_{column});");
        } else {
            let _ = writeln!(text, "                let v_{column} = x[origin + c_{column}];");
        }
    }
    for tap in 0..kernel[1] {
        for quad in 0..quads {
            let _ = writeln!(
                text,
                "                let w_{tap}_{quad} = weights[tap + kernel_row * {}u + {}u];",
                kernel[1] * quads,
                tap * quads + quad
            );
            for pixel in 0..pixels {
                let column = pixel * strides[1] + tap * dilations[1];
                let _ = writeln!(text, "                sum_{quad}_{pixel} += w_{tap}_{quad} * v_{column};");
            }
        }
    }
    let _ = writeln!(
        text,
        "            }}
        }}
        tap += {}u;
        plane += p.in_height * p.in_width;
    }}",
        kernel_size(&layer.window) * quads
    );
    for pixel in 0..pixels {
        let _ = writeln!(
            text,
            "    let is_{pixel} = out_column + {pixel}u < p.out_width; let at_{pixel} = out_row * p.out_width + out_column + {pixel}u;"
        );
    }
    text.push_str(&tail(layer.blocking, pixels, has_residual));
    shader.body = text;
    tiles.div_ceil(u64::from(shader.invocations))
}
