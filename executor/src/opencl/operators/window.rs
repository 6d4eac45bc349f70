//! Sliding windows: their geometry, the staged image that they read, depthwise convolution and pooling.

use sim::graph::Operator;

use super::super::function::Function;
use super::super::lowering::Lowering;
use super::super::step::{Argument, Source, StorageId};
use super::epilogue::{Allowed, Epilogue};
use super::{integer, integers, product, required};

/// Geometry of a two-dimensional window over planes; one-dimensional images have height 1.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Batch times channels.
    pub(super) planes: usize,
    pub(super) input: [usize; 2],
    pub(super) output: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) dilations: [usize; 2],
    pub(super) pads_begin: [i64; 2],
}

/// A list of an attribute, one number a spatial dimension, with height 1 put before a single one.
fn pair(operator: &Operator, name: &str, default: i64, rank: usize) -> Result<[i64; 2], String> {
    match operator.attributes.integers(name) {
        None => Ok([default; 2]),
        Some(&[width]) if rank == 1 => Ok([default, width]),
        Some(&[height, width]) if rank == 2 => Ok([height, width]),
        Some(other) => Err(format!("{name} {other:?} is not supported: one or two spatial dimensions are")),
    }
}

/// Padding before the first row and column; negative crops.
fn pads_begin(operator: &Operator, window: &Window, rank: usize) -> Result<[i64; 2], String> {
    let automatic = operator.attributes.text("auto_pad").unwrap_or("NOTSET");
    if automatic == "SAME_UPPER" || automatic == "SAME_LOWER" {
        return Ok([0, 1].map(|axis| {
            let span = (window.kernel[axis] - 1) * window.dilations[axis] + 1;
            let needed = (window.output[axis].max(1) - 1) * window.strides[axis] + span;
            let total = needed.saturating_sub(window.input[axis]) as i64;
            if automatic == "SAME_UPPER" { total / 2 } else { total - total / 2 }
        }));
    }
    match operator.attributes.integers("pads").filter(|_| automatic != "VALID") {
        None => Ok([0, 0]),
        Some(pads) if pads.len() == 2 * rank => Ok(if rank == 1 { [0, pads[0]] } else { [pads[0], pads[1]] }),
        Some(pads) => Err(format!("pads {pads:?} do not fit {rank} spatial dimensions")),
    }
}

impl Window {
    /// The window of an operator with an input and an output of such shapes.
    pub(super) fn of(operator: &Operator, input: &[u64], output: &[u64], kernel: &[u64]) -> Result<Self, String> {
        let rank = input.len().saturating_sub(2);
        if rank != 1 && rank != 2 {
            return Err(format!("images of {rank} spatial dimensions are not supported: one or two are"));
        }
        let plane = |sizes: &[u64]| match *sizes {
            [width] => [1, width as usize],
            [height, width, ..] => [height as usize, width as usize],
            [] => [1, 1],
        };
        let positive = |sizes: [i64; 2]| sizes.map(|size| size.max(1) as usize);
        let mut window = Self {
            planes: product(&input[..2]),
            input: plane(&input[2..]),
            output: plane(&output[2..]),
            kernel: plane(kernel),
            strides: positive(pair(operator, "strides", 1, rank)?),
            dilations: positive(pair(operator, "dilations", 1, rank)?),
            pads_begin: [0, 0],
        };
        window.pads_begin = pads_begin(operator, &window, rank)?;
        Ok(window)
    }

    /// Elements of an output plane.
    pub(super) const fn columns(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Elements that the window reads at one position.
    pub(super) const fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether it reads each element of the input at its own place.
    pub(super) fn is_pointwise(&self) -> bool {
        self.taps() == 1 && self.strides == [1, 1] && self.pads_begin == [0, 0] && self.input == self.output
    }

    /// How the input is laid out for `output_rows` rows of the result.
    pub(super) fn staging(&self, output_rows: usize) -> Staging {
        let down = |row: usize| (row * self.dilations[0] / self.strides[0], row * self.dilations[0] % self.strides[0]);
        let phases = (0..self.kernel[0]).map(|row| down(row).1 + 1).max().unwrap_or(1);
        let rows = output_rows + down(self.kernel[0] - 1).0;
        // An odd number of cache lines, so that planes do not fall on the same sets of a cache.
        let place = ((rows * self.output[1]).div_ceil(16) | 1) * 16;
        let taps = (0..self.kernel[0])
            .flat_map(|row| (0..self.kernel[1]).map(move |column| (row, column)))
            .map(|(row, column)| (column * phases + down(row).1) * place + down(row).0 * self.output[1])
            .collect();
        Staging { phases, rows, place, plane: place * phases * self.kernel[1], taps }
    }
}

/// Layout of a staged image, see `kernels/stage.cl`; sizes in elements.
#[derive(Clone, Debug)]
pub(super) struct Staging {
    phases: usize,
    rows: usize,
    place: usize,
    /// From one channel to the next.
    pub(super) plane: usize,
    /// Where each tap's rows begin in a channel.
    pub(super) taps: Vec<usize>,
}

/// Stages an image; gives the memory and its layout.
pub(super) fn stage(
    lowering: &mut Lowering<'_>,
    window: &Window,
    input: StorageId,
    filler: f32,
) -> Result<(StorageId, Staging), String> {
    let staging = window.staging(window.output[0]);
    let staged = lowering.temporary(window.planes * staging.plane);
    integer(window.planes * staging.plane)?;
    let mut arguments = vec![Argument::Storage(input), Argument::Storage(staged)];
    let sizes = [
        window.input[0],
        window.input[1],
        staging.rows,
        window.output[1],
        staging.phases,
        window.strides[0],
        window.strides[1],
        window.dilations[1],
    ];
    for size in sizes {
        arguments.push(integer(size)?);
    }
    arguments.extend(window.pads_begin.map(|pad| Argument::Integer(pad as i32)));
    arguments.push(integer(staging.place)?);
    arguments.push(Argument::Float(filler));
    lowering.step(Source::Stage, "stage", "", arguments, [window.kernel[1] * staging.phases, window.planes, 1]);
    Ok((staged, staging))
}

/// What a window does with the elements that it reads.
pub(super) enum Mode {
    /// Weighted sum, with a bias for each channel.
    Depthwise { weights: StorageId, bias: Option<StorageId>, multiplier: usize },
    /// The largest.
    Largest,
    /// The sum times a factor for each position.
    Average { factors: StorageId },
}

/// Adds the kernels of a window; `channels` are the output's.
pub(super) fn slide(
    lowering: &mut Lowering<'_>,
    window: &Window,
    (input, output): (StorageId, StorageId),
    (channels, planes): (usize, usize),
    mode: &Mode,
    function: Function,
) -> Result<(), String> {
    let filler = if matches!(mode, Mode::Largest) { f32::MIN } else { 0.0 };
    let target = lowering.target;
    let whole = window.staging(window.output[0]);
    let beyond = whole.rows - window.output[0];
    // As many output rows as fit: a plane has `place` elements for each kernel column and phase.
    let row_elements = window.kernel[1] * whole.phases * window.output[1];
    let budget = target.staged_elements();
    let bands = whole.rows * row_elements;
    let band = if bands <= budget { window.output[0] } else { (budget / row_elements.max(1)).saturating_sub(beyond).max(1) };
    let staging = window.staging(band);
    let slack = 4 * target.vector();
    let local_elements = staging.plane + slack;
    if local_elements > target.largest_local_elements() {
        let message = "rows of {} elements under a window of {:?} do not fit into local memory";
        return Err(message.replacen("{}", &window.input[1].to_string(), 1).replacen("{:?}", &format!("{:?}", window.kernel), 1));
    }
    let taps = integers(staging.taps.iter().copied())?;
    let taps = lowering.integers(&taps);
    let nothing = lowering.nothing();
    let (number, weights, bias, multiplier) = match *mode {
        Mode::Depthwise { weights, bias, multiplier } => (0, weights, bias, multiplier),
        Mode::Largest => (1, nothing, None, 1),
        Mode::Average { factors } => (2, factors, None, 1),
    };
    let mut arguments = [input, taps, weights, bias.unwrap_or(nothing), output].map(Argument::Storage).to_vec();
    arguments.push(Argument::Local(local_elements * 4));
    let sizes = [
        window.input[0],
        window.input[1],
        window.output[0],
        window.output[1],
        band,
        staging.rows,
        window.kernel[1],
        staging.phases,
        window.strides[0],
        window.strides[1],
        window.dilations[1],
    ];
    for size in sizes {
        arguments.push(integer(size)?);
    }
    arguments.extend(window.pads_begin.map(|pad| Argument::Integer(pad as i32)));
    for size in [staging.place, window.taps(), channels, multiplier] {
        arguments.push(integer(size)?);
    }
    arguments.extend([Argument::Float(filler), Argument::Integer(i32::from(bias.is_some()))]);
    arguments.extend(Epilogue::function_arguments(function));
    let items = if target.is_cpu { 1 } else { 64 };
    let global = [window.output[0].div_ceil(band), planes, items];
    lowering.step_in_groups(Source::Window, "window", &format!("-DMODE={number}"), arguments, global, [1, 1, items]);
    Ok(())
}

/// The window of a pooling that can run.
pub(super) fn pooling_window(lowering: &Lowering<'_>, operator: &Operator) -> Result<Window, String> {
    let (input_shape, output_shape) = (lowering.shape(required(operator, 0)?), lowering.shape(operator.outputs[0]));
    if operator.outputs.len() > 1 {
        return Err("indices of the largest elements are not supported".to_owned());
    }
    if operator.attributes.integer("storage_order").unwrap_or(0) != 0 {
        return Err("column-major storage is not supported".to_owned());
    }
    let kernel = operator.attributes.integers("kernel_shape").ok_or("kernel_shape is missing")?;
    let kernel: Vec<u64> = kernel.iter().map(|&size| size.max(1) as u64).collect();
    Window::of(operator, input_shape, output_shape, &kernel)
}

/// `MaxPool` and `AveragePool`.
pub(super) fn pool(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let input_id = required(operator, 0)?;
    let window = pooling_window(lowering, operator)?;
    let channels = lowering.shape(input_id)[1] as usize;
    let input = lowering.read_floats(input_id)?;
    let allowed = Allowed { normalization: false, residual: false, column_bias: false };
    let mode = if operator.op_type == "MaxPool" {
        Mode::Largest
    } else {
        let factors = average_factors(operator, &window);
        Mode::Average { factors: lowering.floats(|| factors) }
    };
    let epilogue = Epilogue::after(lowering, operator, allowed)?;
    let output = lowering.write(epilogue.output)?;
    slide(lowering, &window, (input, output), (channels, window.planes), &mode, epilogue.function)
}

/// The reciprocal of the elements that count at each position. Padding counts where asked, but never what lies beyond it.
pub(super) fn average_factors(operator: &Operator, window: &Window) -> Vec<f32> {
    let counts_padding = operator.attributes.integer("count_include_pad").unwrap_or(0) != 0;
    let pads = operator.attributes.integers("pads").map_or(&[][..], |pads| pads);
    let counted = |axis: usize| -> Vec<usize> {
        let end_pad = if pads.len() == 4 { pads[2 + axis] } else { pads.get(1).copied().filter(|_| axis == 1).unwrap_or(0) };
        let (low, high) = if counts_padding {
            (-window.pads_begin[axis], window.input[axis] as i64 + end_pad.max(0))
        } else {
            (0, window.input[axis] as i64)
        };
        (0..window.output[axis])
            .map(|position| {
                let start = (position * window.strides[axis]) as i64 - window.pads_begin[axis];
                let places = (0..window.kernel[axis]).map(|tap| start + (tap * window.dilations[axis]) as i64);
                places.filter(|&place| place >= low && place < high).count()
            })
            .collect()
    };
    let (down, across) = (counted(0), counted(1));
    down.iter().flat_map(|&rows| across.iter().map(move |&columns| 1.0 / (rows * columns).max(1) as f32)).collect()
}
