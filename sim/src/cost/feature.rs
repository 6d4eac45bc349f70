//! The physical quantities that durations are linear in.

use crate::cost::KernelShape;

/// Activation elements above which a depthwise convolution is taken to leave the cache (512 kB of fp32).
const DEPTHWISE_CACHE_ELEMENTS: f64 = 128e3;
/// Activation elements above which a 1x1 convolution is taken to leave the last-level cache (1 MiB of fp32).
const POINTWISE_CACHE_ELEMENTS: f64 = 262_144.0;
/// Input channels up to which a convolution counts as the one that reads the image.
const IMAGE_CHANNELS: f64 = 4.0;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident $name:literal $value:expr;)*) => {
        /// A physical quantity of a kernel; a duration model is a non-negative combination of them.
        ///
        /// Notation: `M` output positions, `K` length of a dot product, `S_o` and `S_i` groups of four output and input channels,
        /// `k^2` window area. *Image* convolutions have a window and at most 4 input channels, *window* convolutions a window and
        /// more, *pointwise* ones a 1x1 window.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature {
            $($(#[$doc])* $variant,)*
        }

        impl Feature {
            /// Every feature, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name used in profiles.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Its value for a kernel.
            pub fn value(self, shape: &KernelShape) -> f64 {
                match self { $(Self::$variant => ($value)(shape),)* }
            }
        }
    };
}

type S = KernelShape;

features! {
    /// 1: a launch.
    Launch "launch" |_: &S| 1.0;
    /// Multiply-accumulates.
    Macs "macs" |s: &S| s.macs;
    /// Filter elements.
    Weights "weights" S::weights;
    /// Elements read.
    InputElements "input_elements" |s: &S| s.input_elements;
    /// Elements written.
    OutputElements "output_elements" |s: &S| s.output_elements;
    /// Elements read and written.
    TouchedElements "touched_elements" |s: &S| s.input_elements + s.output_elements;
    /// Window positions over all outputs: outputs x `k^2`.
    WindowPositions "window_positions" |s: &S| s.output_elements * s.kernel_area;
    /// `M ceil(out channels / 8)` where `K < 32`: blocks of outputs whose dot products are too short to hide loads.
    ShallowBlocks "shallow_blocks" |s: &S| if s.depth() < 32.0 { s.positions * libm::ceil(s.out_channels / 8.0) } else { 0.0 };
    /// Multiply-accumulates of a pointwise convolution.
    PointwiseMacs "pointwise_macs" |s: &S| pointwise(s, s.macs);
    /// Filter elements of a pointwise convolution.
    PointwiseWeights "pointwise_weights" |s: &S| pointwise(s, s.weights());
    /// Activations of a pointwise convolution that do not fit 1 MiB.
    PointwiseSpill "pointwise_spill" |s: &S| pointwise(s, spill(s, POINTWISE_CACHE_ELEMENTS));
    /// Multiply-accumulates of an image convolution.
    ImageMacs "image_macs" |s: &S| image(s, s.macs);
    /// Outputs of an image convolution.
    ImageOutputs "image_outputs" |s: &S| image(s, s.output_elements);
    /// Patch elements of an image convolution: `M K`.
    ImagePatches "image_patches" |s: &S| image(s, s.positions * s.depth());
    /// Multiply-accumulates of a window convolution.
    WindowMacs "window_macs" |s: &S| window(s, s.macs);
    /// Activations of a window convolution.
    WindowTouched "window_touched" |s: &S| window(s, s.input_elements + s.output_elements);
    /// Filter elements of a window convolution.
    WindowWeights "window_weights" |s: &S| window(s, s.weights());
    /// Patch elements of a window convolution: `M K`.
    WindowPatches "window_patches" |s: &S| window(s, s.positions * s.depth());
    /// `M k^2 ceil(out channels / 8)` of a window convolution: pointer reads of an indirection buffer.
    WindowIndirections "window_indirections"
        |s: &S| window(s, s.positions * s.kernel_area * libm::ceil(s.out_channels / 8.0));
    /// Inputs of a windowed kernel that reads explicit padding.
    PaddedInputs "padded_inputs" |s: &S| if s.is_padded() { s.input_elements } else { 0.0 };
    /// Activations of a depthwise convolution that do not fit 512 kB.
    DepthwiseSpill "depthwise_spill" |s: &S| spill(s, DEPTHWISE_CACHE_ELEMENTS);
    /// Elements that a mean over all of height and width reads (`MEAN` kernels).
    MeanElements "mean_elements" |s: &S| if s.is_average { 0.0 } else { s.input_elements };
    /// Elements that an average pooling with one output position reads (`AVERAGE_POOL_2D` kernels).
    AveragedElements "averaged_elements" |s: &S| if s.is_average { s.input_elements } else { 0.0 };
    /// `S_o`.
    OutSlices "out_slices" S::out_slices;
    /// `S_i`.
    InSlices "in_slices" S::in_slices;
    /// `S_o S_i`.
    SliceProducts "slice_products" |s: &S| s.out_slices() * s.in_slices();
    /// `max(S_o - 256, 0) S_i`.
    WideSliceProducts "wide_slice_products" |s: &S| (s.out_slices() - 256.0).max(0.0) * s.in_slices();
    /// Texels written: `M S_o`.
    OutTexels "out_texels" texels;
    /// Texels read: input area x `S_i`.
    InTexels "in_texels" |s: &S| s.in_area * s.in_slices();
    /// Input area.
    InArea "in_area" |s: &S| s.in_area;
    /// Input rows.
    InRows "in_rows" S::in_size;
    /// Padded filter: `16 S_o S_g k^2`, where `S_g` counts the channels of one group.
    SliceWeights "slice_weights" |s: &S| 16.0 * s.out_slices() * loops(s);
    /// `M S_o k^2`.
    TexelWindows "texel_windows" |s: &S| texels(s) * s.kernel_area;
    /// `M S_o k^2` of an average.
    AverageTexelWindows "average_texel_windows" |s: &S| if s.is_average { texels(s) * s.kernel_area } else { 0.0 };
    /// `S_o k^2`.
    SliceWindows "slice_windows" |s: &S| s.out_slices() * s.kernel_area;
    /// `M S_o` where the stride is above 1.
    StridedTexels "strided_texels" |s: &S| if s.stride > 1.0 { texels(s) } else { 0.0 };
    /// `S_o max(M - 784, 0)`.
    LargeMapTexels "large_map_texels" |s: &S| s.out_slices() * (s.positions - 784.0).max(0.0);
    /// Inputs.
    Inputs "inputs" |s: &S| s.input_count;
    /// `M` x inputs.
    InputPositions "input_positions" |s: &S| s.positions * s.input_count;
    /// Loop trips of one work item: `S_g k^2`.
    Loops "loops" loops;
    /// Loop trips of all work items: `M S_o S_g k^2`.
    TexelLoops "texel_loops" |s: &S| texels(s) * loops(s);
    /// `S_g k^2 min(M S_o, 4096)`.
    CappedTexelLoops "capped_texel_loops" |s: &S| loops(s) * texels(s).min(4096.0);
    /// Loop trips of all work items where `S_i <= 2`.
    ThinTexelLoops "thin_texel_loops" |s: &S| if s.in_slices() <= 2.0 { texels(s) * loops(s) } else { 0.0 };
    /// `S_o S_g k^2` on maps of at most 14 x 14.
    SmallMapLoops "small_map_loops" |s: &S| if s.positions <= 196.0 { s.out_slices() * loops(s) } else { 0.0 };
    /// Loop trips of all work items where the stride is above 1.
    StridedTexelLoops "strided_texel_loops" |s: &S| if s.stride > 1.0 { texels(s) * loops(s) } else { 0.0 };
    /// Loop trips x share of the occupancy knot at up to 2^8 work items.
    Occupancy8 "occupancy_8" |s: &S| occupancy(s, 8.0);
    /// Loop trips x share of the occupancy knot at 2^9 work items.
    Occupancy9 "occupancy_9" |s: &S| occupancy(s, 9.0);
    /// Loop trips x share of the occupancy knot at 2^10 work items.
    Occupancy10 "occupancy_10" |s: &S| occupancy(s, 10.0);
    /// Loop trips x share of the occupancy knot at 2^11 work items.
    Occupancy11 "occupancy_11" |s: &S| occupancy(s, 11.0);
    /// Loop trips x share of the occupancy knot at 2^12 work items.
    Occupancy12 "occupancy_12" |s: &S| occupancy(s, 12.0);
    /// Loop trips x share of the occupancy knot at 2^13 work items.
    Occupancy13 "occupancy_13" |s: &S| occupancy(s, 13.0);
    /// Loop trips x share of the occupancy knot at 2^14 work items.
    Occupancy14 "occupancy_14" |s: &S| occupancy(s, 14.0);
    /// Loop trips x share of the occupancy knot at 2^15 work items.
    Occupancy15 "occupancy_15" |s: &S| occupancy(s, 15.0);
    /// Loop trips x share of the occupancy knot at 2^16 work items; above, in proportion to the work items.
    Occupancy16 "occupancy_16" |s: &S| occupancy(s, 16.0);
    /// Output positions: `M`.
    Positions "positions" |s: &S| s.positions;
    /// Patch elements: `M K`.
    Patches "patches" |s: &S| s.positions * s.depth();
    /// Multiply-accumulates with output channels rounded up to 8.
    TiledMacs8 "tiled_macs_8" |s: &S| tiled_macs(s, 8.0);
    /// The same of a pointwise convolution.
    PointwiseTiledMacs8 "pointwise_tiled_macs_8" |s: &S| pointwise(s, tiled_macs(s, 8.0));
    /// The same of a convolution with a window.
    WindowTiledMacs8 "window_tiled_macs_8" |s: &S| windowed(s, tiled_macs(s, 8.0));
    /// Multiply-accumulates with output channels rounded up to 16.
    TiledMacs16 "tiled_macs_16" |s: &S| tiled_macs(s, 16.0);
    /// The same of a pointwise convolution.
    PointwiseTiledMacs16 "pointwise_tiled_macs_16" |s: &S| pointwise(s, tiled_macs(s, 16.0));
    /// The same of a convolution with a window.
    WindowTiledMacs16 "window_tiled_macs_16" |s: &S| windowed(s, tiled_macs(s, 16.0));
    /// Multiply-accumulates with output channels rounded up to 32.
    TiledMacs32 "tiled_macs_32" |s: &S| tiled_macs(s, 32.0);
    /// The same of a pointwise convolution.
    PointwiseTiledMacs32 "pointwise_tiled_macs_32" |s: &S| pointwise(s, tiled_macs(s, 32.0));
    /// The same of a convolution with a window.
    WindowTiledMacs32 "window_tiled_macs_32" |s: &S| windowed(s, tiled_macs(s, 32.0));
    /// Multiply-accumulates with output channels rounded up to 64.
    TiledMacs64 "tiled_macs_64" |s: &S| tiled_macs(s, 64.0);
    /// The same of a pointwise convolution.
    PointwiseTiledMacs64 "pointwise_tiled_macs_64" |s: &S| pointwise(s, tiled_macs(s, 64.0));
    /// The same of a convolution with a window.
    WindowTiledMacs64 "window_tiled_macs_64" |s: &S| windowed(s, tiled_macs(s, 64.0));
    /// Multiply-accumulates with output positions rounded up to 8.
    PositionMacs8 "position_macs_8" |s: &S| libm::ceil(s.positions / 8.0) * 8.0 * s.weights();
    /// Multiply-accumulates with output positions rounded up to 16.
    PositionMacs16 "position_macs_16" |s: &S| libm::ceil(s.positions / 16.0) * 16.0 * s.weights();
    /// Elements read and written, filter included, beyond the first 2^14.
    TrafficBeyond14 "traffic_beyond_14" |s: &S| beyond(s, 14.0);
    /// Elements read and written, filter included, beyond the first 2^16.
    TrafficBeyond16 "traffic_beyond_16" |s: &S| beyond(s, 16.0);
    /// Elements read and written, filter included, beyond the first 2^18.
    TrafficBeyond18 "traffic_beyond_18" |s: &S| beyond(s, 18.0);
    /// Elements read and written, filter included, beyond the first 2^20.
    TrafficBeyond20 "traffic_beyond_20" |s: &S| beyond(s, 20.0);
    /// Elements read and written, filter included, beyond the first 2^22.
    TrafficBeyond22 "traffic_beyond_22" |s: &S| beyond(s, 22.0);
    /// Elements that fused operators read and write besides.
    JoinedElements "joined_elements" |s: &S| s.joined_elements;
    /// Outputs x fused operators that are functions or arithmetic of two tensors.
    JoinedOutputs "joined_outputs" |s: &S| s.output_elements * (s.joined[1] + s.joined[2]);
    /// Stretches that are folded: inputs / elements folded into one.
    Folds "folds" |s: &S| if s.access.depth > 1 { s.input_elements / s.access.depth as f64 } else { 0.0 };
    /// Stretches that are moved: outputs / run.
    Runs "runs" |s: &S| if s.access.run > 0 { s.output_elements / s.access.run as f64 } else { 0.0 };
    /// Elements that are moved one by one, from places apart.
    ScatteredElements "scattered_elements"
        |s: &S| if s.access.run == 1 && s.access.stride > 1 { s.output_elements } else { 0.0 };
    /// Elements that are folded across stretches.
    StackedElements "stacked_elements" |s: &S| if s.access.run > 1 && s.access.depth > 1 { s.input_elements } else { 0.0 };
    /// Outputs of the second variant and those beyond: a resize that interpolates, an operand that is spread.
    VariedOutputs "varied_outputs" |s: &S| if s.access.variant % 4 >= 2 { s.output_elements } else { 0.0 };
    /// Multiply-accumulates whose channels do not fill blocks of 4 (input) or, in groups, of 16 (output).
    RaggedMacs "ragged_macs" |s: &S| ragged(s, s.macs);
    /// Patch elements of the same: `M K` for each group.
    RaggedPatches "ragged_patches" |s: &S| ragged(s, s.positions * s.kernel_area * s.in_channels);
    /// Outputs of the same.
    RaggedOutputs "ragged_outputs" |s: &S| ragged(s, s.output_elements);
    /// Patch elements of all groups.
    GroupPatches "group_patches" |s: &S| s.positions * s.kernel_area * s.in_channels;
    /// Rows of outputs: outputs / columns.
    OutRows "out_rows" |s: &S| s.output_elements / s.out_width;
    /// Groups.
    Groups "groups" |s: &S| s.geometry.groups.max(1) as f64;
    /// Multiply-accumulates that Winograd's algorithm needs for a 3x3 convolution of stride 1 with at least 8 channels in and out:
    /// `(t + 2)^2` for each tile of `t x t` outputs, where `t` is 2 up to 16 rows or columns, 4 up to 64, 6 beyond (as in MACE).
    WinogradMacs "winograd_macs" |s: &S| if is_winograd(s) { winograd_macs(s) } else { 0.0 };
    /// Multiply-accumulates of other convolutions with a window of up to 7x7.
    DirectMacs "direct_macs" |s: &S| if is_winograd(s) || is_wide(s) { 0.0 } else { windowed(s, s.macs) };
    /// Multiply-accumulates of convolutions with a window beyond 7x7.
    WideMacs "wide_macs" |s: &S| if is_wide(s) { s.macs } else { 0.0 };
    /// Multiply-accumulates that Winograd's algorithm needs with tiles of 4 x 4 outputs, whatever the size of the map.
    Winograd4Macs "winograd_4_macs" |s: &S| if is_winograd(s) { tiled_winograd_macs(s, 4.0) } else { 0.0 };
    /// Multiply-accumulates of a convolution whose channels (of a group) do not come in fours, the image's input channels aside: layouts that
    /// pack four channels fall back to single ones.
    UnpackedMacs "unpacked_macs" |s: &S| if is_packed(s) { 0.0 } else { s.macs };
}

/// Whether layouts that pack four channels hold a convolution's input and output.
fn is_packed(shape: &KernelShape) -> bool {
    let is_filled = |channels: f64| libm::fmod(channels, 4.0) < 0.5;
    let outputs = shape.out_channels / shape.geometry.groups.max(1) as f64;
    is_filled(outputs) && (shape.group_channels <= IMAGE_CHANNELS || is_filled(shape.group_channels))
}

/// Blocked layouts hold 16 channels; a convolution whose channels fill no blocks is computed otherwise.
fn ragged(shape: &KernelShape, value: f64) -> f64 {
    let is_filled = |channels: f64, block: f64| libm::fmod(channels, block) < 0.5;
    let is_blocked = if shape.geometry.groups > 1 {
        is_filled(shape.out_channels, 16.0)
    } else {
        shape.in_channels <= IMAGE_CHANNELS || is_filled(shape.in_channels, 4.0)
    };
    if is_blocked { 0.0 } else { value }
}

const FIRST_KNOT: f64 = 8.0;
const LAST_KNOT: f64 = 16.0;

impl Feature {
    /// The feature of a given name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|feature| feature.name() == name)
    }
}

fn pointwise(shape: &KernelShape, value: f64) -> f64 {
    if shape.kernel_area <= 1.0 { value } else { 0.0 }
}

fn image(shape: &KernelShape, value: f64) -> f64 {
    if shape.kernel_area > 1.0 && shape.in_channels <= IMAGE_CHANNELS { value } else { 0.0 }
}

fn window(shape: &KernelShape, value: f64) -> f64 {
    if shape.kernel_area > 1.0 && shape.in_channels > IMAGE_CHANNELS { value } else { 0.0 }
}

fn windowed(shape: &KernelShape, value: f64) -> f64 {
    if shape.kernel_area > 1.0 { value } else { 0.0 }
}

fn is_winograd(shape: &KernelShape) -> bool {
    let g = &shape.geometry;
    let is_3x3 = (g.kernel_height, g.kernel_width) == (3, 3) && (g.stride_height, g.stride_width) == (1, 1);
    is_3x3 && g.dilation_height <= 1 && g.dilation_width <= 1 && shape.group_channels >= 8.0 && shape.out_channels >= 8.0
}

fn winograd_macs(shape: &KernelShape) -> f64 {
    let (rows, columns) = (shape.geometry.out_height as f64, shape.geometry.out_width as f64);
    let side = rows.min(columns);
    let tile = if side > 64.0 {
        6.0
    } else if side > 16.0 {
        4.0
    } else {
        2.0
    };
    tiled_winograd_macs(shape, tile)
}

fn tiled_winograd_macs(shape: &KernelShape, tile: f64) -> f64 {
    let (rows, columns) = (shape.geometry.out_height as f64, shape.geometry.out_width as f64);
    let tiles = (shape.geometry.batch.max(1) as f64) * libm::ceil(rows / tile) * libm::ceil(columns / tile);
    tiles * (tile + 2.0) * (tile + 2.0) * shape.group_channels * shape.out_channels
}

fn is_wide(shape: &KernelShape) -> bool {
    shape.geometry.kernel_height > 7 || shape.geometry.kernel_width > 7
}

/// Multiply-accumulates of a kernel that computes whole tiles of output channels: a staircase in the channels.
fn tiled_macs(shape: &KernelShape, width: f64) -> f64 {
    shape.positions * libm::ceil(shape.out_channels / width) * width * shape.depth()
}

/// What goes beyond a level of the caches: its elements take longer.
fn beyond(shape: &KernelShape, log2_elements: f64) -> f64 {
    (shape.input_elements + shape.output_elements + filter(shape) - libm::exp2(log2_elements)).max(0.0)
}

/// Elements of the filter of what multiplies; others have none.
fn filter(shape: &KernelShape) -> f64 {
    if shape.macs > 0.0 { shape.weights() } else { 0.0 }
}

fn spill(shape: &KernelShape, cache_elements: f64) -> f64 {
    let touched = shape.input_elements + shape.output_elements;
    if touched > cache_elements { touched } else { 0.0 }
}

/// Work items of a GPU convolution: one for each texel written.
fn texels(shape: &KernelShape) -> f64 {
    shape.positions * shape.out_slices()
}

fn loops(shape: &KernelShape) -> f64 {
    shape.group_slices() * shape.kernel_area
}

/// A hat function of `log2(work items)` on integer knots, times the loop trips of one work item.
///
/// A GPU that is not full takes as long as one work item's loop; a full one takes time in proportion to the work items.
fn occupancy(shape: &KernelShape, knot: f64) -> f64 {
    let task = texels(shape);
    let position = libm::log2(task).max(FIRST_KNOT);
    let hat = if position >= LAST_KNOT {
        if knot >= LAST_KNOT { task / libm::exp2(LAST_KNOT) } else { 0.0 }
    } else {
        (1.0 - (position - knot).abs()).max(0.0)
    };
    hat * loops(shape)
}
