//! Who sets a processor's clock.

use crate::environment::EnvironmentError;
use crate::identifiers::ProcessorId;
use crate::platform::Device;

/// A governor of one processor's clock. What it asks for is capped by thermal trip points, then in force after the clock's switching time.
#[derive(Clone, Debug, PartialEq)]
pub enum Governor {
    /// The highest operating point.
    Performance,
    /// The lowest.
    Powersave,
    /// After Linux: every `period_ns` the slowest point of at least `1.25 x f_max x u`, where `u` is the utilisation that the processor would
    /// have at its highest point: the share of time in which any core was occupied, times the present frequency over `f_max`,
    /// averaged exponentially with a half-life of 32 ms as the kernel's per-entity load tracking does.
    Schedutil {
        /// Time between two decisions (Linux: `rate_limit_us`).
        period_ns: u64,
    },
    /// Given frequencies from given times on, ascending; before the first, the highest.
    Trace(Vec<(u64, u64)>),
}

/// How much more than the utilisation `schedutil` asks for.
pub const SCHEDUTIL_HEADROOM: f64 = 1.25;

/// After this time, what a processor did counts half.
pub const PELT_HALF_LIFE_NS: u64 = 32_000_000;

impl Governor {
    /// One frequency for ever.
    pub fn fixed(frequency_khz: u64) -> Self {
        Self::Trace(vec![(0, frequency_khz)])
    }

    pub(super) fn check(&self, processor: ProcessorId, device: &Device) -> Result<(), EnvironmentError> {
        let count = device.processors().len();
        let index = processor.0;
        let Some(described) = device.processors().get(processor.index()) else {
            return Err(EnvironmentError::UnknownProcessor { what: "a governor", index, count });
        };
        let clock = device.power().map(|power| &power.clocks[processor.index()]);
        let Some(clock) = clock.filter(|clock| !clock.points.is_empty()) else {
            let device = device.name().to_owned();
            return Err(EnvironmentError::NoClock { device, processor: described.name.clone() });
        };
        let refuse = |what, value: String, right| {
            Err(EnvironmentError::OutOfRange { what, processor: described.name.clone(), value, right })
        };
        match self {
            Self::Schedutil { period_ns } if *period_ns == 0 => refuse("period of schedutil", "0 ns".to_owned(), "above 0"),
            Self::Performance | Self::Powersave | Self::Schedutil { .. } => Ok(()),
            Self::Trace(steps) => {
                if steps.windows(2).any(|pair| pair[0].0 > pair[1].0) {
                    return refuse("trace of frequencies", "not ascending in time".to_owned(), "ascending in time");
                }
                let known = |khz: u64| clock.points.iter().any(|point| point.frequency_khz == khz);
                match steps.iter().find(|(_, khz)| !known(*khz)) {
                    Some((_, khz)) => refuse("frequency", format!("{khz} kHz"), "one of its operating points"),
                    None => Ok(()),
                }
            }
        }
    }
}
