//! The tables' rows, each declared once.

use super::columns::{Cell, Column, Kind, Values};

/// A row of a table.
pub trait Row: Sized {
    /// The file that holds the table.
    const FILE: &'static str;
    /// Its columns.
    const COLUMNS: &'static [Column];

    /// Appends the row to columns in the order of [`Self::COLUMNS`].
    fn put(&self, columns: &mut [Values]);

    /// Rows from columns in the order of [`Self::COLUMNS`]; an error names the column.
    fn take(columns: Vec<Values>) -> Result<Vec<Self>, String>;
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident in $file:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)+
        }

        impl Row for $name {
            const FILE: &'static str = $file;
            const COLUMNS: &'static [Column] = &[$(Column { name: stringify!($field), kind: <$type as Cell>::KIND }),+];

            fn put(&self, columns: &mut [Values]) {
                let mut columns = columns.iter_mut();
                $(if let Some(column) = columns.next() {
                    self.$field.put(column);
                })+
            }

            fn take(columns: Vec<Values>) -> Result<Vec<Self>, String> {
                let mut columns = columns.into_iter();
                $(
                    let column = columns.next().unwrap_or(Values::new(Kind::Text));
                    let $field = <$type as Cell>::take(column).map_err(|why| format!("column `{}`: {why}", stringify!($field)))?;
                )+
                $(let mut $field = $field.into_iter();)+
                Ok(std::iter::from_fn(|| Some(Self { $($field: $field.next()?,)+ })).collect())
            }
        }
    )+};
}

rows! {
    /// One request, in order of its end.
    RequestRow in "requests.parquet" {
        /// The case.
        case: String,
        /// The strategy.
        strategy: String,
        /// Number of the request in order of arrival over all models of the run.
        request: u64,
        /// Index of its stream in the run.
        stream: u64,
        /// Its model.
        model: String,
        /// `completed`, `dropped` or `unfinished`.
        outcome: String,
        /// When it arrived.
        arrived_ns: u64,
        /// When it ended; for an unfinished one the end of the run.
        ended_ns: u64,
        /// Its absolute deadline, if it has one.
        deadline_ns: Option<u64>,
    }

    /// One kernel, in order of its end.
    OperatorRow in "operators.parquet" {
        /// The case.
        case: String,
        /// The strategy.
        strategy: String,
        /// The request.
        request: u64,
        /// Its model.
        model: String,
        /// The segment of the plan.
        segment: u64,
        /// The task.
        task: u64,
        /// Name of the task.
        name: String,
        /// Kernel kind of the task.
        kind: String,
        /// `whole`, `rows` or `channels`.
        part: String,
        /// First row or channel of the part; 0 for the whole.
        part_begin: u64,
        /// One past the last row or channel of the part; 1 for the whole.
        part_end: u64,
        /// Rows or channels of the task; 1 for the whole.
        part_of: u64,
        /// Kernels that the times are of: 1; of kernels run as one unit all at the first, 0 at the others.
        kernels: u64,
        /// The worker it ran on.
        worker: String,
        /// The worker's processors, joined by `+`.
        processors: String,
        /// When it was ready to run.
        ready_ns: u64,
        /// When it began.
        start_ns: u64,
        /// When it ended.
        end_ns: u64,
        /// What it was expected to take with nothing else running.
        solo_ns: u64,
    }

    /// One copy, in order of its end.
    CopyRow in "copies.parquet" {
        /// The case.
        case: String,
        /// The strategy.
        strategy: String,
        /// The request.
        request: u64,
        /// Its model.
        model: String,
        /// The data item.
        data: u64,
        /// The task that made it; none if it came with the request.
        producer_task: Option<u64>,
        /// The link.
        link: String,
        /// The memory it came from.
        from_memory: String,
        /// The memory it went to.
        to_memory: String,
        /// How much was copied.
        size_bytes: u64,
        /// When it was wanted.
        requested_ns: u64,
        /// When it began.
        start_ns: u64,
        /// When it ended.
        end_ns: u64,
        /// What it was expected to take with nothing else running.
        solo_ns: u64,
    }

    /// One frame of the user interface, in order of its end.
    FrameRow in "frames.parquet" {
        /// The case.
        case: String,
        /// The strategy.
        strategy: String,
        /// The beat of the display at which it began, or could not.
        beat: u64,
        /// `shown`, `skipped` (no frame could begin at the beat) or `unfinished`.
        outcome: String,
        /// When it began.
        begun_ns: u64,
        /// When it left the CPU.
        cpu_end_ns: u64,
        /// When the GPU began with it.
        gpu_start_ns: u64,
        /// When the GPU ended with it.
        gpu_end_ns: u64,
        /// When it was shown; else the end of the run.
        ended_ns: u64,
        /// Until when the GPU should have ended.
        due_ns: u64,
    }

    /// One change of the device, in order of time: frequencies, temperatures, power, availability.
    StateRow in "states.parquet" {
        /// The case.
        case: String,
        /// The strategy.
        strategy: String,
        /// From when on.
        at_ns: u64,
        /// What changed, with its unit: `frequency_khz`, `temperature_celsius`, `power_w`, ...
        quantity: String,
        /// The processor or the node of the thermal network; empty for the whole device.
        of: String,
        /// Its value.
        value: f64,
    }
}
