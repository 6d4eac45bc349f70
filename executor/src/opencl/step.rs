//! What a graph is lowered to: kernels with their arguments, in order, and the memory that they use.

/// Index of a storage.
pub(super) type StorageId = usize;

/// Bytes past the end of temporary and constant memory that kernels may read (whole vectors) and nobody uses.
pub(super) const SLACK_BYTES: usize = 1024;

/// Width and height of an image, in texels of four floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ImageSize {
    pub(super) width: usize,
    pub(super) height: usize,
}

impl ImageSize {
    /// Floats in it.
    pub(super) const fn elements(self) -> usize {
        self.width * self.height * 4
    }

    /// Bytes of it as single-precision floats.
    pub(super) const fn bytes(self) -> u64 {
        self.elements() as u64 * 4
    }

    /// Whether an image of this size holds another.
    pub(super) const fn holds(self, other: Self) -> bool {
        self.width >= other.width && self.height >= other.height
    }

    /// The smallest that holds both.
    pub(super) fn union(self, other: Self) -> Self {
        Self { width: self.width.max(other.width), height: self.height.max(other.height) }
    }
}

/// Memory that kernels read and write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Storage {
    /// An input of the unit.
    Input(usize),
    /// An output of the unit.
    Output(usize),
    /// Values known when the unit is prepared; empty where only support was asked for.
    Constant(Vec<u8>),
    /// Bytes that live between kernels of one launch.
    Temporary(usize),
    /// An image that lives between kernels of one launch.
    Image(ImageSize),
    /// An image of values known when the unit is prepared; empty where only support was asked for.
    ConstantImage(ImageSize, Vec<f32>),
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Argument {
    Storage(StorageId),
    Integer(i32),
    Float(f32),
    /// Bytes of local memory.
    Local(usize),
}

/// Which file of kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Matrix,
    Stage,
    Window,
    Elementwise,
    Movement,
    Reduction,
    ImagePack,
    ImageProduct,
    ImageWindow,
    ImageElementwise,
}

impl Source {
    /// Whether its kernels work on images.
    pub(super) const fn is_on_images(self) -> bool {
        matches!(self, Self::ImagePack | Self::ImageProduct | Self::ImageWindow | Self::ImageElementwise)
    }
}

/// One kernel to be enqueued.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Index of the operator that it computes, or of the first of several.
    pub(super) operator: usize,
    pub(super) source: Source,
    pub(super) kernel: &'static str,
    /// Options of the compiler.
    pub(super) options: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) global: [usize; 3],
    /// Work-items of a group, where the kernel asks for so many.
    pub(super) local: Option<[usize; 3]>,
}

/// What a device's kernels are tuned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Whether it computes on CPU cores.
    pub(super) is_cpu: bool,
    /// The largest image, where tensors lie in images.
    pub(super) largest_image: Option<ImageSize>,
}

impl Target {
    /// Floats in a vector of the kernels.
    pub(super) const fn vector(self) -> usize {
        if self.is_cpu { 16 } else { 4 }
    }

    /// Elements to stage in local memory at once: on a CPU that is its cache of the first level, and some of the second.
    pub(super) const fn staged_elements(self) -> usize {
        if self.is_cpu { 16 * 1024 } else { 4 * 1024 }
    }

    /// Most elements of local memory that a kernel may ask for; OpenCL promises 32 KiB, PoCL has more.
    pub(super) const fn largest_local_elements(self) -> usize {
        if self.is_cpu { 128 * 1024 } else { 8 * 1024 }
    }
}

/// A lowered graph.
#[derive(Debug, Default)]
pub(super) struct Lowered {
    pub(super) storages: Vec<Storage>,
    pub(super) steps: Vec<Step>,
}
