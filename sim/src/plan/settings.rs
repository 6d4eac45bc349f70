//! Compiling what a plan asks of clocks.

use std::sync::Arc;

use crate::identifiers::{SegmentId, TaskId, WorkerId};
use crate::plan::program::{NO_SEGMENT, Program};
use crate::plan::{Plan, PlanError};
use crate::task::settings::{Place, SettingId};
use crate::task::{CostTable, KernelCost, Settings};

/// What the segments of a program ask of clocks, and what entering them costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramSettings {
    /// For each segment, where it runs and how; `None` where it asks for nothing.
    places: Vec<Option<Place>>,
    entry_ns: Vec<u64>,
    settings: Arc<Settings>,
}

impl ProgramSettings {
    /// Where a segment runs, and how its clocks are to be set.
    pub fn place(&self, segment: u32) -> Option<Place> {
        self.places[segment as usize]
    }

    /// What entering a segment costs, before its first kernel.
    pub fn entry_ns(&self, segment: u32) -> u64 {
        self.entry_ns[segment as usize]
    }

    /// The costs at each setting.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Program {
    /// Costs of kernels at the settings that the plan asks for, and what entering segments costs.
    ///
    /// The segment before is the last of those that make what a segment reads.
    pub(super) fn add_settings(&mut self, plan: &Plan, costs: &CostTable) -> Result<(), PlanError> {
        let refuse = |segment: usize, setting: SettingId, worker: Option<WorkerId>| PlanError::NoSetting {
            segment: segment as u32,
            setting: setting.0,
            worker: worker.map_or(u32::MAX, |worker| worker.0),
        };
        let mut places = Vec::with_capacity(self.segments.len());
        let mut segments_of = vec![0u32; costs.worker_count()];
        for (index, segment) in self.segments.iter().enumerate() {
            let asked = plan.setting(SegmentId::from_index(index));
            let place = asked.zip(segment.worker).map(|(setting, worker)| Place { worker, setting });
            if let (Some(setting), None) = (asked, place) {
                return Err(refuse(index, setting, None));
            }
            if let Some(worker) = segment.worker {
                segments_of[worker.index()] += 1;
            }
            places.push(place);
        }
        let Some(settings) = costs.settings() else {
            let first = places.iter().position(Option::is_some).unwrap_or(0);
            let place = places[first].unwrap_or(Place { worker: WorkerId(0), setting: SettingId(0) });
            return Err(refuse(first, place.setting, Some(place.worker)));
        };
        let mut entry_ns = Vec::with_capacity(self.segments.len());
        for (index, place) in places.iter().enumerate() {
            let Some(place) = *place else {
                entry_ns.push(0);
                continue;
            };
            let kernels = self.kernel_range(index as u32);
            let mut tasks: Vec<TaskId> = Vec::with_capacity(kernels.len());
            for kernel in kernels {
                let kernel = &mut self.kernels[kernel as usize];
                let whole = settings.duration_ns(kernel.piece.task, place).filter(|_| kernel.piece.part.is_whole());
                let duration_ns = whole.ok_or_else(|| refuse(index, place.setting, Some(place.worker)))?;
                kernel.cost = KernelCost { duration_ns, ..kernel.cost };
                tasks.push(kernel.piece.task);
            }
            let makers = self.needs(index as u32).iter().map(|&fragment| self.fragments[fragment as usize].maker);
            let before = makers.filter(|&maker| maker != NO_SEGMENT).max().and_then(|maker| places[maker as usize]);
            let is_resident = segments_of[place.worker.index()] == 1;
            entry_ns.push(settings.entry_ns(&tasks, place, before, is_resident));
        }
        self.settings = Some(Box::new(ProgramSettings { places, entry_ns, settings: Arc::clone(settings) }));
        Ok(())
    }
}
