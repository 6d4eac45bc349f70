//! What is kept of outcomes.

use std::collections::BTreeMap;

use super::Run;
use crate::host::design::{Job, What};
use crate::host::drift;
use crate::host::journal::{Entry, Measured};
use crate::host::measure::MeasureError;
use crate::host::rounds::Outcome;
use crate::host::sample::{Experiment, Refusal, RefusalKind, Sample, Timing};
use crate::host::samples::{End, Samples};
use crate::host::timing::merged;

impl Run<'_> {
    pub(super) fn record(&mut self, job: &Job, key: String, outcome: Outcome, is_provisional: bool) -> Result<(), MeasureError> {
        let mut timing = match outcome {
            Outcome::Timed(timing) => timing,
            Outcome::Refused(why, message) => return self.refuse(job, key, why, message),
            Outcome::Unfinished | Outcome::Crowded => return Ok(()),
        };
        timing.visits_ns = vec![timing.p10_ns];
        timing.batches_ms = vec![self.batch_ms];
        if let Some(Measured::Sample(sample)) = self.done.get(&key).map(|entry| &entry.result) {
            let mut sample = sample.clone();
            sample.timing = merged(&sample.timing, &timing);
            return self.append(Measured::Sample(sample));
        }
        let Some(experiment) = self.experiment(job, &key, &timing) else { return Ok(()) };
        let before_ns = match self.provisional.get(&key) {
            Some(Measured::Sample(sample)) => sample.timing.p10_ns,
            _ => u64::MAX,
        };
        if timing.p10_ns < before_ns {
            let worker = self.workers[job.worker].name.clone();
            self.provisional.insert(key.clone(), Measured::Sample(Sample { key: key.clone(), worker, experiment, timing }));
        }
        match self.provisional.remove(&key) {
            Some(result) if !is_provisional => self.append(result),
            Some(result) => {
                self.provisional.insert(key, result);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What a timing is of. `None` for a repetition of something that was not measured.
    pub(super) fn experiment(&self, job: &Job, key: &str, timing: &Timing) -> Option<Experiment> {
        match &job.what {
            What::Unit { measurements, .. } => {
                measurements.iter().find(|measurement| measurement.key == key).map(|measurement| measurement.experiment.clone())
            }
            What::Copy { direction, bytes, .. } => Some(Experiment::Copy { direction: *direction, bytes: *bytes }),
            What::Noise { of, .. } => {
                let first = self.done.get(of)?;
                let Measured::Sample(sample) = &first.result else { return None };
                Some(Experiment::Noise {
                    of: of.clone(),
                    first_ns: sample.timing.p10_ns,
                    second_ns: timing.p10_ns,
                    apart_ns: self.clock.unix_ms().saturating_sub(first.unix_ms) * 1_000_000,
                })
            }
            _ => None,
        }
    }

    pub(super) fn keep(
        &mut self,
        worker: usize,
        key: String,
        experiment: Experiment,
        timing: Timing,
    ) -> Result<(), MeasureError> {
        let worker = self.workers[worker].name.clone();
        self.append(Measured::Sample(Sample { key, worker, experiment, timing }))
    }

    pub(super) fn refuse(&mut self, job: &Job, key: String, why: RefusalKind, message: String) -> Result<(), MeasureError> {
        let operator = match &job.what {
            What::Unit { source, .. } if why == RefusalKind::Unsupported => source.refused(&message),
            What::Unit { source, .. } => source.lead(),
            _ => None,
        };
        let (op_type, work) = operator.map_or((String::new(), None), |(op_type, work)| (op_type, Some(work)));
        let worker = self.workers[job.worker].name.clone();
        self.append(Measured::Refusal(Refusal { key, worker, why, op_type, work, message }))
    }

    pub(super) fn append(&mut self, result: Measured) -> Result<(), MeasureError> {
        let entry = Entry { unix_ms: self.clock.unix_ms(), result };
        self.journal.append(&entry)?;
        self.done.insert(entry.key().to_owned(), entry);
        Ok(())
    }

    pub(super) fn samples(mut self) -> Samples {
        let remaining = self.places.len() - self.done.len();
        let is_interrupted = self.is_interrupted();
        let has_time = self.clock.now_ns() < self.begin_ns + self.budget_ns();
        let end = match remaining {
            _ if is_interrupted => End::Interrupted,
            0 => End::Complete,
            // Everything was tried; what is missing was disturbed too much, or repeats what was refused.
            _ if has_time && self.queue.is_empty() => End::Complete,
            _ => End::Budget,
        };
        self.close_provenance();
        self.close_repetitions();
        let mut results: Vec<(usize, Measured)> =
            self.done.into_iter().filter_map(|(key, entry)| self.places.get(&key).map(|&place| (place, entry.result))).collect();
        results.sort_by_key(|(place, _)| *place);
        Samples::new(self.provenance, results.into_iter().map(|(_, result)| result), remaining, end)
    }

    /// Slow batches are taken out of durations; and both durations of what was measured twice are those of all visits.
    fn close_repetitions(&mut self) {
        let mut samples: Vec<&mut Sample> = self
            .done
            .values_mut()
            .filter_map(|entry| match &mut entry.result {
                Measured::Sample(sample) => Some(sample),
                Measured::Refusal(_) => None,
            })
            .collect();
        drift::correct(&mut samples);
        let timings: BTreeMap<String, u64> = self
            .done
            .iter()
            .filter_map(|(key, entry)| match &entry.result {
                Measured::Sample(sample) => Some((key.clone(), sample.timing.p10_ns)),
                Measured::Refusal(_) => None,
            })
            .collect();
        for entry in self.done.values_mut() {
            if let Measured::Sample(Sample { experiment: Experiment::Noise { of, first_ns, second_ns, .. }, timing, .. }) =
                &mut entry.result
            {
                *first_ns = timings.get(of.as_str()).copied().unwrap_or(*first_ns);
                *second_ns = timing.p10_ns;
            }
        }
    }

    pub(super) fn close_provenance(&mut self) {
        let provenance = &mut self.provenance;
        provenance.session_ns = self.clock.now_ns() - self.begin_ns;
        provenance.last_celsius = self.machine.celsius();
        for (facts, canaries) in provenance.workers.iter_mut().zip(&self.canaries) {
            facts.canary_ns = canaries.undisturbed_ns();
        }
        if let Some((first, last)) = self.first_ticks.0.zip(self.machine.ticks()) {
            let passed = |index: usize| last[index].saturating_sub(first[index]) as f64;
            let all = passed(0).max(1.0);
            provenance.steal_share = passed(2) / all;
            let own = self.first_ticks.1.zip(self.machine.own_ticks()).map(|(first, last)| last.saturating_sub(first) as f64);
            provenance.others_share = own.map(|own| ((all - passed(1) - passed(2) - own) / all).max(0.0));
        }
    }
}
