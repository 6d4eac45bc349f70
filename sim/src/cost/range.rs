//! The range of shapes that a model was fitted on.

use crate::cost::KernelShape;

/// Number of dimensions of a range.
pub const DIMENSIONS: usize = 7;

/// A dimension of a fit range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Side of the input.
    InSize,
    /// Input channels.
    InChannels,
    /// Side of the output.
    OutSize,
    /// Output channels.
    OutChannels,
    /// Side of the window; number of inputs of a concatenation.
    Kernel,
    /// Stride.
    Stride,
    /// Input channels of one group.
    GroupChannels,
}

impl Dimension {
    /// All dimensions, in the order of ranges and keys.
    pub const ALL: [Self; DIMENSIONS] =
        [Self::InSize, Self::InChannels, Self::OutSize, Self::OutChannels, Self::Kernel, Self::Stride, Self::GroupChannels];

    /// The name used in profiles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InSize => "in_size",
            Self::InChannels => "in_channels",
            Self::OutSize => "out_size",
            Self::OutChannels => "out_channels",
            Self::Kernel => "kernel",
            Self::Stride => "stride",
            Self::GroupChannels => "group_channels",
        }
    }

    /// All dimensions of a shape.
    pub fn values(shape: &KernelShape) -> [f64; DIMENSIONS] {
        [
            shape.in_size(),
            shape.in_channels,
            shape.out_size(),
            shape.out_channels,
            shape.kernel(),
            shape.stride,
            shape.group_channels,
        ]
    }
}

/// Smallest and largest value of each [`Dimension`] in the training data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitRange {
    /// Smallest values.
    pub minimum: [f64; DIMENSIONS],
    /// Largest values.
    pub maximum: [f64; DIMENSIONS],
}

impl FitRange {
    /// The smallest range that holds all shapes; `None` of no shapes.
    pub fn around<'a>(shapes: impl IntoIterator<Item = &'a KernelShape>) -> Option<Self> {
        let mut range: Option<Self> = None;
        for shape in shapes {
            let values = Dimension::values(shape);
            let range = range.get_or_insert(Self { minimum: values, maximum: values });
            for (index, value) in values.into_iter().enumerate() {
                range.minimum[index] = range.minimum[index].min(value);
                range.maximum[index] = range.maximum[index].max(value);
            }
        }
        range
    }

    /// How far outside a shape lies, in octaves summed over the dimensions; 0 inside.
    pub fn octaves_outside(&self, shape: &KernelShape) -> f64 {
        let values = Dimension::values(shape);
        (0..DIMENSIONS)
            .map(|index| {
                let above = values[index] / self.maximum[index];
                let below = self.minimum[index] / values[index];
                libm::log2(above.max(below)).max(0.0)
            })
            .sum()
    }
}
