//! The work of a part of an operator.

use crate::graph::work::{Geometry, KernelKind, OperatorWork};
use crate::plan::Part;

/// The work of a part of an operator: some of its output rows or output channels.
///
/// - Rows: the outputs' share; of the input the rows that these outputs read, halo included; all weights. Of a matrix product
///   the rows of the first operand, and all of the second.
/// - Channels: the outputs' share; all of the input and the weights' share. Kernels that map each channel to itself (depthwise
///   convolution, pooling, element-wise ones) read the channels' share of the input.
///
/// `of` may be the number of rows or channels, or coarser or finer (tenths, say): boundaries are rounded down to whole ones.
/// Multiply-accumulates, outputs and (by channels) weights of parts that tile the whole add up exactly.
pub fn slice_work(work: &OperatorWork, part: Part) -> OperatorWork {
    match part {
        Part::Whole => work.clone(),
        Part::Rows { begin, end, of } => by_rows(work, begin, end, of),
        Part::Channels { begin, end, of } => by_channels(work, begin, end, of),
    }
}

/// A stretch of a dimension.
#[derive(Clone, Copy)]
struct Stretch {
    begin: u64,
    end: u64,
    of: u64,
}

impl Stretch {
    /// The part `begin..end` of `of` of a dimension of the given size.
    fn of_dimension(size: u64, begin: u32, end: u32, of: u32) -> Self {
        let at = |boundary: u32| scaled(size, u64::from(boundary), u64::from(of));
        Self { begin: at(begin), end: at(end), of: size }
    }

    fn len(self) -> u64 {
        self.end - self.begin
    }

    /// This stretch's share of an amount; shares of stretches that tile the dimension add up exactly.
    fn share(self, amount: u64) -> u64 {
        scaled(amount, self.end, self.of) - scaled(amount, self.begin, self.of)
    }
}

/// `amount x numerator / denominator`, rounded down.
fn scaled(amount: u64, numerator: u64, denominator: u64) -> u64 {
    if denominator == 0 { 0 } else { (u128::from(amount) * u128::from(numerator) / u128::from(denominator)) as u64 }
}

fn by_rows(work: &OperatorWork, begin: u32, end: u32, of: u32) -> OperatorWork {
    let geometry = &work.geometry;
    let rows = Stretch::of_dimension(geometry.out_height, begin, end, of);
    let in_rows = input_rows(work, rows);
    let input = |amount: u64| match work.kind {
        KernelKind::MatrixMultiply | KernelKind::FullyConnected => {
            let first = first_operand(work, amount);
            rows.share(first) + (amount - first)
        }
        _ => scaled(amount, in_rows, geometry.in_height),
    };
    OperatorWork {
        macs: rows.share(work.macs),
        input_elements: input(work.input_elements),
        output_elements: rows.share(work.output_elements),
        input_bytes: input(work.input_bytes),
        output_bytes: rows.share(work.output_bytes),
        joined_elements: rows.share(work.joined_elements),
        geometry: Geometry { out_height: rows.len(), in_height: in_rows, ..*geometry },
        ..work.clone()
    }
}

/// Input rows, padding included, that a stretch of output rows reads.
fn input_rows(work: &OperatorWork, rows: Stretch) -> u64 {
    let geometry = &work.geometry;
    if rows.len() == 0 {
        return 0;
    }
    match work.kind {
        KernelKind::Convolution
        | KernelKind::DepthwiseConvolution
        | KernelKind::GroupedConvolution
        | KernelKind::MaxPool
        | KernelKind::AveragePool => {
            let window = geometry.kernel_height.saturating_sub(1) * geometry.dilation_height.max(1) + 1;
            ((rows.len() - 1) * geometry.stride_height.max(1) + window).min(geometry.in_height)
        }
        KernelKind::TransposedConvolution | KernelKind::Resize => {
            // One row of halo on each side, as far as there is one.
            let share = (rows.len() * geometry.in_height).div_ceil(rows.of.max(1));
            (share + 2).min(geometry.in_height)
        }
        _ if geometry.out_height == geometry.in_height => rows.len(),
        _ => geometry.in_height,
    }
}

/// The part of a matrix product's activation inputs that is its first operand.
fn first_operand(work: &OperatorWork, amount: u64) -> u64 {
    if work.kind == KernelKind::FullyConnected || work.input_count < 2 {
        return amount;
    }
    let geometry = &work.geometry;
    scaled(amount, geometry.out_height, geometry.out_height + geometry.out_channels)
}

fn by_channels(work: &OperatorWork, begin: u32, end: u32, of: u32) -> OperatorWork {
    let geometry = &work.geometry;
    let channels = Stretch::of_dimension(geometry.out_channels, begin, end, of);
    let is_own_channel = match work.kind {
        KernelKind::Convolution
        | KernelKind::TransposedConvolution
        | KernelKind::FullyConnected
        | KernelKind::MatrixMultiply
        | KernelKind::Recurrent => false,
        _ => geometry.in_channels == geometry.out_channels || geometry.groups > 1,
    };
    let input = |amount: u64| match work.kind {
        KernelKind::MatrixMultiply => {
            let first = first_operand(work, amount);
            first + channels.share(amount - first)
        }
        _ if is_own_channel => channels.share(amount),
        _ => amount,
    };
    let in_channels = if is_own_channel { channels.share(geometry.in_channels) } else { geometry.in_channels };
    let groups = match work.kind {
        KernelKind::DepthwiseConvolution | KernelKind::GroupedConvolution => channels.share(geometry.groups).max(1),
        _ => geometry.groups,
    };
    OperatorWork {
        macs: channels.share(work.macs),
        input_elements: input(work.input_elements),
        output_elements: channels.share(work.output_elements),
        parameters: channels.share(work.parameters),
        input_bytes: input(work.input_bytes),
        output_bytes: channels.share(work.output_bytes),
        joined_elements: channels.share(work.joined_elements),
        weight_bytes: channels.share(work.weight_bytes),
        geometry: Geometry { out_channels: channels.len(), in_channels, groups, ..*geometry },
        ..work.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graph::work::Access;

    /// A convolution with `same` padding, its input counted without padding.
    fn convolution(size: u64, in_channels: u64, out_channels: u64, kernel: u64) -> OperatorWork {
        let input = size * size * in_channels;
        let output = size * size * out_channels;
        let weights = in_channels * out_channels * kernel * kernel;
        let padded = size + kernel - 1;
        OperatorWork {
            kind: KernelKind::Convolution,
            macs: size * size * weights,
            input_elements: input,
            output_elements: output,
            parameters: weights + out_channels,
            input_bytes: 4 * input,
            output_bytes: 4 * output,
            weight_bytes: 4 * (weights + out_channels),
            input_count: 1,
            geometry: Geometry {
                batch: 1,
                in_height: padded,
                in_width: padded,
                in_channels,
                out_height: size,
                out_width: size,
                out_channels,
                kernel_height: kernel,
                kernel_width: kernel,
                stride_height: 1,
                stride_width: 1,
                dilation_height: 1,
                dilation_width: 1,
                groups: 1,
            },
            access: Access::default(),
            joined_elements: 0,
        }
    }

    #[test]
    fn half_the_rows_of_a_3x3_convolution_read_a_halo() {
        let work = convolution(56, 64, 128, 3);
        let half = slice_work(&work, Part::Rows { begin: 0, end: 28, of: 56 });
        assert_eq!(half.macs * 2, work.macs);
        assert_eq!(half.geometry.out_height, 28);
        assert_eq!(half.geometry.in_height, 30);
        assert_eq!(half.input_elements, work.input_elements * 30 / 58);
        assert_eq!(half.parameters, work.parameters);
    }

    #[test]
    fn a_quarter_of_the_channels_reads_all_inputs_and_a_quarter_of_the_weights() {
        let work = convolution(56, 64, 128, 3);
        let part = slice_work(&work, Part::Channels { begin: 32, end: 64, of: 128 });
        assert_eq!(part.macs * 4, work.macs);
        assert_eq!(part.input_elements, work.input_elements);
        assert_eq!(part.parameters * 4, work.parameters);
        assert_eq!(part.geometry.out_channels, 32);
    }

    #[test]
    fn depthwise_channels_read_their_own_inputs() {
        let mut work = convolution(28, 64, 64, 3);
        work.kind = KernelKind::DepthwiseConvolution;
        work.geometry.groups = 64;
        let part = slice_work(&work, Part::Channels { begin: 0, end: 1, of: 4 });
        assert_eq!(part.geometry.in_channels, 16);
        assert_eq!(part.geometry.groups, 16);
        assert_eq!(part.input_elements * 4, work.input_elements);
    }

    #[test]
    fn rows_of_a_matrix_product_read_rows_of_the_first_operand_and_all_of_the_second() {
        let geometry =
            Geometry { out_height: 100, out_channels: 50, in_channels: 10, groups: 1, in_height: 100, ..Geometry::default() };
        let work = OperatorWork {
            kind: KernelKind::MatrixMultiply,
            macs: 50_000,
            input_elements: 1000 + 500,
            output_elements: 5000,
            parameters: 0,
            input_bytes: 6000,
            output_bytes: 20_000,
            weight_bytes: 0,
            input_count: 2,
            geometry,
            access: Access::default(),
            joined_elements: 0,
        };
        let rows = slice_work(&work, Part::Rows { begin: 0, end: 1, of: 2 });
        assert_eq!((rows.input_elements, rows.macs), (500 + 500, 25_000));
        let columns = slice_work(&work, Part::Channels { begin: 0, end: 1, of: 2 });
        assert_eq!((columns.input_elements, columns.macs), (1000 + 250, 25_000));
    }

    #[test]
    fn a_dimension_of_zero_parts_is_empty_and_does_not_panic() {
        let mut work = convolution(4, 4, 4, 1);
        work.geometry.out_height = 0;
        assert_eq!(slice_work(&work, Part::Rows { begin: 0, end: 1, of: 2 }).macs, 0);
        assert_eq!(slice_work(&work, Part::Channels { begin: 0, end: 0, of: 0 }).macs, 0);
    }

    proptest! {
        #[test]
        fn tiles_add_up(
            size in 1_u64..60, in_channels in 1_u64..40, out_channels in 1_u64..40, kernel in 1_u64..6,
            of in 1_u32..70, cuts in prop::collection::vec(0.0..1.0_f64, 0..4), rows in any::<bool>(),
        ) {
            let work = convolution(size, in_channels, out_channels, kernel);
            let mut boundaries: Vec<u32> = cuts.iter().map(|cut| (cut * f64::from(of)) as u32).collect();
            boundaries.extend([0, of]);
            boundaries.sort_unstable();
            let parts: Vec<OperatorWork> = boundaries.windows(2).map(|pair| {
                let (begin, end) = (pair[0], pair[1]);
                slice_work(&work, if rows { Part::Rows { begin, end, of } } else { Part::Channels { begin, end, of } })
            }).collect();
            let sum = |amount: fn(&OperatorWork) -> u64| parts.iter().map(amount).sum::<u64>();
            prop_assert_eq!(sum(|part| part.macs), work.macs);
            prop_assert_eq!(sum(|part| part.output_elements), work.output_elements);
            prop_assert_eq!(sum(|part| part.output_bytes), work.output_bytes);
            if rows {
                prop_assert_eq!(sum(|part| part.geometry.out_height), size);
                // Halos are read twice, never less than once.
                prop_assert!(sum(|part| part.geometry.in_height) >= work.geometry.in_height);
            } else {
                prop_assert_eq!(sum(|part| part.parameters), work.parameters);
                prop_assert_eq!(sum(|part| part.geometry.out_channels), out_channels);
            }
            for part in &parts {
                prop_assert!(part.input_elements <= work.input_elements);
            }
        }
    }
}
