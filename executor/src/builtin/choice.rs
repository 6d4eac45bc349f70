//! Element by element, whatever the type: choice between two tensors, conversion, negation of truth values.

use sim::graph::DataType;

use super::broadcast::Broadcast;
use super::build::{Built, Fusible};
use super::elementwise::GRANULE;
use super::kernel::{Arguments, Kernel};
use super::node::{Node, Refusal, product};

/// Elements of one tensor or another, as a third says.
pub(super) struct Where {
    broadcast: Broadcast<3>,
    elements: usize,
    width: usize,
}

impl Where {
    pub(super) fn build(node: &Node<'_>) -> Result<Built, Refusal> {
        let shapes = [node.shape(0)?, node.shape(1)?, node.shape(2)?];
        let result = node.result()?;
        let kernel = Self {
            broadcast: Broadcast::of([&shapes[0], &shapes[1], &shapes[2]], &result)?,
            elements: product(&result),
            width: node.required(1)?.data_type.bytes() as usize,
        };
        Ok(Built::new(kernel, node.inputs(), vec![node.output(0)?.id]))
    }

    unsafe fn typed<T: Copy>(&self, arguments: &Arguments<'_>) {
        let strides = [0, 1, 2].map(|operand| self.broadcast.inner_stride(operand));
        self.broadcast.each_line(arguments.share.range(self.elements, GRANULE), |offsets, at, len| {
            // SAFETY: offsets lie within the tensors.
            unsafe {
                let target = arguments.output::<T>(0, at..at + len);
                for (index, target) in target.iter_mut().enumerate() {
                    let place = |operand: usize| offsets[operand] + index * strides[operand];
                    let side = if *arguments.inputs[0].add(place(0)) == 0 { 2 } else { 1 };
                    *target = *arguments.inputs[side].cast::<T>().add(place(side));
                }
            }
        });
    }
}

impl Fusible for Where {}

impl Kernel for Where {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        // SAFETY: the elements are as wide as the type.
        unsafe {
            match self.width {
                1 => self.typed::<u8>(arguments),
                2 => self.typed::<u16>(arguments),
                4 => self.typed::<u32>(arguments),
                8 => self.typed::<u64>(arguments),
                _ => self.typed::<u128>(arguments),
            }
        }
    }
}

/// Conversion between types of elements.
pub(super) struct Cast {
    from: DataType,
    to: DataType,
    elements: usize,
}

/// Types that [`Cast`] converts between.
const CAST_TYPES: [DataType; 6] =
    [DataType::Float32, DataType::Float64, DataType::Int64, DataType::Int32, DataType::Bool, DataType::Uint8];

impl Cast {
    pub(super) fn build(node: &Node<'_>) -> Result<Built, Refusal> {
        let (input, output) = (node.required(0)?, node.output(0)?);
        let kernel = Self { from: input.data_type, to: output.data_type, elements: input.elements() as usize };
        if !CAST_TYPES.contains(&kernel.from) || !CAST_TYPES.contains(&kernel.to) {
            return Err(format!(
                "from {} to {}: float32, float64, int64, int32, uint8 and bool are supported",
                kernel.from, kernel.to
            ));
        }
        Ok(Built::new(kernel, vec![input.id], vec![output.id]))
    }
}

impl Fusible for Cast {}

impl Kernel for Cast {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let range = arguments.share.range(self.elements, GRANULE);
        macro_rules! convert {
            ($from:ty, $to:ty, $function:expr) => {{
                // SAFETY: threads write to different parts.
                let target = unsafe { arguments.output::<$to>(0, range.clone()) };
                let source = &arguments.input::<$from>(0, self.elements)[range.clone()];
                for (target, &value) in target.iter_mut().zip(source) {
                    *target = $function(value);
                }
            }};
        }
        macro_rules! from {
            ($from:ty, $zero:expr) => {
                match self.to {
                    DataType::Float32 => convert!($from, f32, |value| value as f32),
                    DataType::Float64 => convert!($from, f64, |value| value as f64),
                    DataType::Int64 => convert!($from, i64, |value| value as i64),
                    DataType::Int32 => convert!($from, i32, |value| value as i32),
                    DataType::Bool => convert!($from, u8, |value| u8::from(value != $zero)),
                    _ => convert!($from, u8, |value| value as i64 as u8),
                }
            };
        }
        #[allow(clippy::float_cmp, clippy::unnecessary_cast, clippy::cast_lossless, reason = "every pair of types by one macro")]
        match self.from {
            DataType::Float32 => from!(f32, 0.0),
            DataType::Float64 => from!(f64, 0.0),
            DataType::Int64 => from!(i64, 0),
            DataType::Int32 => from!(i32, 0),
            _ => from!(u8, 0),
        }
    }
}

/// Negation of truth values.
pub(super) struct Not(pub(super) usize);

impl Fusible for Not {}

impl Kernel for Not {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let range = arguments.share.range(self.0, GRANULE);
        let source = &arguments.input::<u8>(0, self.0)[range.clone()];
        // SAFETY: threads write to different parts.
        let target = unsafe { arguments.output::<u8>(0, range) };
        target.iter_mut().zip(source).for_each(|(target, &value)| *target = u8::from(value == 0));
    }
}
