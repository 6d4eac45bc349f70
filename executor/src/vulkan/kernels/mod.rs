//! Kernels in WGSL: one file each, from the operator to the text of the shader and its parameters.
//!
//! A text holds what a compiler unrolls by (window, strides, blocking) and which operators are fused; sizes are parameters,
//! so that the layers of a model share few compiled kernels.

pub(super) mod arithmetic;
pub(super) mod convolution;
pub(super) mod matrix;
pub(super) mod movement;
pub(super) mod pooling;
pub(super) mod rows;

use std::fmt::Write as _;

use sim::identifiers::TensorId;

use super::plan::{Source, Step};

/// What a shader is built from. Its parameters are `p.name`, its inputs and its output arrays of the given names.
#[derive(Clone, Debug, Default)]
pub(super) struct Shader {
    parameters: Vec<(&'static str, &'static str, u32)>,
    reads: Vec<(&'static str, &'static str, Source)>,
    /// Declarations outside of `main`.
    pub(super) declarations: String,
    /// Statements of `main`; it knows `group_id`, `local`, `group_count` and `linear`, the index of the invocation.
    pub(super) body: String,
    /// Invocations of a group.
    pub(super) invocations: u32,
}

impl Shader {
    pub(super) fn new(invocations: u32) -> Self {
        Self { invocations, ..Self::default() }
    }

    /// A parameter of type `u32`.
    pub(super) fn size(&mut self, name: &'static str, value: u64) {
        self.parameters.push((name, "u32", value as u32));
    }

    /// A parameter of type `i32`.
    pub(super) fn signed(&mut self, name: &'static str, value: i64) {
        self.parameters.push((name, "i32", value as i32 as u32));
    }

    /// A parameter of type `f32`.
    pub(super) fn number(&mut self, name: &'static str, value: f32) {
        self.parameters.push((name, "f32", value.to_bits()));
    }

    /// An input, as an array of `element`.
    pub(super) fn read(&mut self, name: &'static str, element: &'static str, source: Source) {
        self.reads.push((name, element, source));
    }

    /// The step of an operator that runs it in so many groups and writes the output `y`.
    pub(super) fn step(self, operator: usize, label: &'static str, groups: [u64; 3], writes: TensorId) -> Step {
        let source = self.text();
        // Uniform buffers come in units of 16 bytes.
        let mut parameters: Vec<u32> = self.parameters.iter().map(|&(_, _, value)| value).collect();
        parameters.resize(parameters.len().next_multiple_of(4).max(4), 0);
        let reads = self.reads.into_iter().map(|(_, _, source)| source).collect();
        Step { operator, label, source, parameters, reads, writes, groups: groups.map(|count| count as u32) }
    }

    fn text(&self) -> String {
        let mut text = String::from("struct Parameters {\n");
        for (name, kind, _) in &self.parameters {
            let _ = writeln!(text, "    {name}: {kind},");
        }
        text.push_str("}\n@group(0) @binding(0) var<uniform> p: Parameters;\n");
        for (index, (name, element, _)) in self.reads.iter().enumerate() {
            let _ = writeln!(text, "@group(0) @binding({}) var<storage, read> {name}: array<{element}>;", index + 1);
        }
        let _ = writeln!(text, "@group(0) @binding({}) var<storage, read_write> y: array<f32>;", self.reads.len() + 1);
        let invocations = self.invocations;
        let _ = write!(
            text,
            "{}@compute @workgroup_size({invocations})
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {{
    let linear = (group_id.y * group_count.x + group_id.x) * {invocations}u + local;
{}}}
",
            self.declarations, self.body
        );
        text
    }
}

/// A number as WGSL writes it. The caller has made sure that it is finite.
pub(super) fn literal(value: f32) -> String {
    format!("{value:?}f")
}

/// The statement that ends all invocations beyond the parameter `count`.
pub(super) const WITHIN_COUNT: &str = "    if (linear >= p.count) { return; }\n";
