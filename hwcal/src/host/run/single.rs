//! Experiments that are no batches.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use executor::ProcessorError;

use super::Run;
use crate::host::clock::Clock;
use crate::host::design::{Job, Source, What, load_source};
use crate::host::long::{self, Load};
use crate::host::measure::MeasureError;
use crate::host::rounds::{self, Outcome};
use crate::host::sample::{Bound, Experiment, Timing, WorkRecord};
use crate::host::timing::Series;
use crate::host::worker::Gone;

impl Run<'_> {
    /// Experiments that take a worker, or two, for themselves.
    pub(super) fn measure_long(&mut self, job: &Job, deadline_ns: u64) -> Result<(), MeasureError> {
        let Some(key) = job.keys().next().map(str::to_owned) else { return Ok(()) };
        let (limits, interrupt, machine) = (self.limits, self.interrupt, self.machine.clone());
        let must_stop = move |clock: &dyn Clock| interrupt.load(Ordering::Relaxed) || clock.now_ns() >= deadline_ns;
        let measurable = &self.workers[job.worker];
        let compute = record_of(&load_source(Bound::Compute));
        let answer = match &job.what {
            What::WakeUp { .. } => {
                let timing = self.wake_up(job.worker, deadline_ns)?;
                Ok(timing.map(|timing| (Experiment::WakeUp, timing)))
            }
            &What::Contention { with, own, other, .. } => self.contention(job.worker, with, own, other, deadline_ns)?,
            &What::Sustained { duration_ns, .. } => {
                let call = measurable.worker.call(move |station| {
                    let clock = Rc::clone(&station.clock);
                    station.watch(|station| long::sustained(station, duration_ns, &|| must_stop(&*clock)))
                });
                let result = call.map_err(|Gone| MeasureError::Died(measurable.name.clone()))?;
                result.map(|done| done.map(|(timing, stretches)| (Experiment::Sustained { work: compute, stretches }, timing)))
            }
            &What::Frequency { core, .. } => {
                let call = measurable
                    .worker
                    .call(move |station| station.watch(|station| long::frequency(station, core, &machine, &limits)));
                let result = call.map_err(|Gone| MeasureError::Died(measurable.name.clone()))?;
                result.map(|done| {
                    done.map(|(timing, frequency_khz)| (Experiment::Frequency { work: compute, core, frequency_khz }, timing))
                })
            }
            What::Power { .. } => {
                let call = measurable.worker.call(move |station| {
                    let clock = Rc::clone(&station.clock);
                    station.watch(|station| long::power(station, &machine, &|| must_stop(&*clock)))
                });
                let result = call.map_err(|Gone| MeasureError::Died(measurable.name.clone()))?;
                result.map(|done| {
                    done.map(|(timing, idle_mw, busy_mw)| (Experiment::Power { work: compute, idle_mw, busy_mw }, timing))
                })
            }
            What::Unit { .. } | What::Noise { .. } | What::Copy { .. } => Ok(None),
        };
        match answer {
            Ok(Some((experiment, timing))) => self.keep(job.worker, key, experiment, timing),
            Ok(None) => Ok(()),
            Err(error) => match rounds::refusal(&error, true) {
                Outcome::Refused(why, message) => self.refuse(job, key, why, message),
                _ => Ok(()),
            },
        }
    }

    /// From handing over until the idle thread has it.
    pub(super) fn wake_up(&self, worker: usize, deadline_ns: u64) -> Result<Option<Timing>, MeasureError> {
        let measurable = &self.workers[worker];
        let mut series = Series::default();
        for _ in 0..self.limits.maximum {
            if self.is_interrupted() || self.clock.now_ns() >= deadline_ns {
                break;
            }
            self.clock.sleep(self.limits.gap_ns);
            let sent_ns = self.clock.now_ns();
            let received = measurable.worker.call(|station| station.clock.now_ns());
            let received_ns = received.map_err(|Gone| MeasureError::Died(measurable.name.clone()))?;
            series.push(received_ns.saturating_sub(sent_ns), None, false);
        }
        Ok(series.timing().filter(|_| series.used() >= self.limits.minimum))
    }

    pub(super) fn contention(
        &self,
        worker: usize,
        with: usize,
        own: Bound,
        other: Bound,
        deadline_ns: u64,
    ) -> Result<Result<Option<(Experiment, Timing)>, ProcessorError>, MeasureError> {
        let load = Arc::new(Load::default());
        let (limits, interrupt) = (self.limits, self.interrupt);
        let shared = Arc::clone(&load);
        let driven = self.workers[with].worker.begin(move |station| station.watch(|station| shared.drive(station, other)));
        let shared = Arc::clone(&load);
        let measured = self.workers[worker].worker.call(move |station| {
            let clock = Rc::clone(&station.clock);
            let must_stop = || interrupt.load(Ordering::Relaxed) || clock.now_ns() >= deadline_ns;
            station.watch(|station| long::contention(station, own, &shared, &limits, &must_stop))
        });
        load.stop();
        let driven = driven.recv().map_err(|_| MeasureError::Died(self.workers[with].name.clone()))?;
        let measured = measured.map_err(|Gone| MeasureError::Died(self.workers[worker].name.clone()))?;
        let result = driven.and(measured).map(|done| {
            done.map(|[alone, together]| {
                let experiment = Experiment::Contention {
                    with: self.workers[with].name.clone(),
                    own,
                    other,
                    work: record_of(&load_source(own)),
                    other_work: record_of(&load_source(other)),
                    alone_ns: alone.p10_ns,
                    together_ns: together.p10_ns,
                };
                (experiment, together)
            })
        });
        Ok(result)
    }
}

/// Work of a unit of one operator.
fn record_of(source: &Source) -> WorkRecord {
    source.lead().map_or_else(|| unreachable!("loads are single operators"), |(_, work)| work)
}
