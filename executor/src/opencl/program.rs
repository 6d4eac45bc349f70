//! Compiled kernels, each source and set of options once for a processor.

use std::collections::BTreeMap;

use opencl3::context::Context;
use opencl3::kernel::Kernel;
use opencl3::program::Program;

use super::error::{OrFailed, error};
use super::step::{Source, Target};
use crate::processor::{ProcessorError, ProcessorErrorKind};

const PRELUDE: &str = include_str!("kernels/prelude.cl");
const COMBINE: &str = include_str!("kernels/combine.cl");
const IMAGE_PRELUDE: &str = include_str!("kernels/image_prelude.cl");

impl Source {
    /// The files that make its program, after the prelude.
    const fn texts(self) -> &'static [&'static str] {
        match self {
            Self::Matrix => &[include_str!("kernels/matrix.cl")],
            Self::Stage => &[include_str!("kernels/stage.cl")],
            Self::Window => &[include_str!("kernels/window.cl")],
            Self::Elementwise => &[COMBINE, include_str!("kernels/elementwise.cl")],
            Self::Movement => &[include_str!("kernels/movement.cl")],
            Self::Reduction => &[include_str!("kernels/reduction.cl")],
            Self::ImagePack => &[IMAGE_PRELUDE, include_str!("kernels/image_pack.cl")],
            Self::ImageProduct => &[IMAGE_PRELUDE, include_str!("kernels/image_product.cl")],
            Self::ImageWindow => &[IMAGE_PRELUDE, include_str!("kernels/image_window.cl")],
            Self::ImageElementwise => &[COMBINE, IMAGE_PRELUDE, include_str!("kernels/image_elementwise.cl")],
        }
    }
}

/// Programs built so far.
#[derive(Debug, Default)]
pub(super) struct Programs(BTreeMap<(Source, String), Program>);

impl Programs {
    /// A kernel of its own, so that its arguments stay as they were set.
    pub(super) fn kernel(
        &mut self,
        context: &Context,
        target: Target,
        (source, options): (Source, &str),
        name: &str,
    ) -> Result<Kernel, ProcessorError> {
        let key = (source, options.to_owned());
        if !self.0.contains_key(&key) {
            let program = build(context, target, source, options)?;
            self.0.insert(key.clone(), program);
        }
        Kernel::create(&self.0[&key], name).or_failed(&format!("creating kernel `{name}`"))
    }

    /// How many programs were built.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

fn build(context: &Context, target: Target, source: Source, options: &str) -> Result<Program, ProcessorError> {
    let what = format!("building the {source:?} kernels");
    let text = [&[PRELUDE], source.texts()].concat().concat();
    let mut program = Program::create_from_source(context, &text).or_failed(&what)?;
    let vector = if source.is_on_images() { 4 } else { target.vector() };
    let options = format!("-cl-mad-enable -DVW={vector} {options}");
    if let Err(code) = program.build(context.devices(), &options) {
        let log = context.devices().first().and_then(|&device| program.get_build_log(device).ok()).unwrap_or_default();
        let message = format!("{what} with {options} failed with {code}: {}", log.trim());
        return Err(error(ProcessorErrorKind::Failed, message));
    }
    Ok(program)
}
