//! What the numbers say.

use super::map::ranked;
use super::order::Path;
use super::{Gain, TIE, signed_percent};
use crate::{PartData, Support, Verdict};

pub(super) fn say(gains: &[Gain], paths: &[Path], data: &mut PartData) {
    let ranked = ranked(gains);
    let most = |name: &str| {
        let of = gains.iter().filter(|gain| gain.added.as_deref() == Some(name));
        of.filter_map(|gain| Some((gain.of_delegate()?, gain))).max_by(|one, other| one.0.total_cmp(&other.0))
    };
    let told: Vec<String> = ranked
        .iter()
        .take(3)
        .filter_map(|(name, ..)| {
            let (saved, gain) = most(name)?;
            Some(format!("`{name}` ({} at most: {}, {})", signed_percent(-saved), gain.model, gain.device))
        })
        .collect();
    data.findings.push(format!("Single types that save most of the delegate's time: {}.", told.join(", ")));
    let singles: Vec<f64> = gains.iter().filter(|gain| gain.added.is_some()).filter_map(Gain::of_delegate).collect();
    let none = singles.iter().filter(|saved| saved.abs() <= TIE).count();
    let slower = singles.iter().filter(|saved| **saved < -TIE).count();
    data.findings.push(format!(
        "One type alone often buys nothing: {none} of {} additions change the delegate's time by 2 % or less, {slower} \
         make it slower by more.",
        singles.len()
    ));
    let mut saved: Vec<(f64, f64, &Gain)> = gains
        .iter()
        .filter(|gain| gain.added.is_none())
        .filter_map(|gain| Some((gain.of_delegate()?, gain.of_best()?, gain)))
        .collect();
    saved.sort_by(|one, other| other.0.total_cmp(&one.0));
    if let (Some((most, best, gain)), Some((least, _, last))) = (saved.first(), saved.last()) {
        data.findings.push(format!(
            "Everything supported, the delegate takes {} ({}, {}) to {} ({}, {}) less or more; the fastest strategy, which avoids the GPU where it has to, {} in the first of these.",
            signed_percent(-most),
            gain.model,
            gain.device,
            signed_percent(-least),
            last.model,
            last.device,
            signed_percent(-best),
        ));
    }
    let behind: Vec<&Path> = paths
        .iter()
        .filter(|path| path.cpu_ms.zip(path.steps.first()).is_some_and(|(cpu, (_, first))| *first > cpu * (1.0 + TIE)))
        .collect();
    let overtakes = behind.iter().filter_map(|path| {
        let cpu_ms = path.cpu_ms?;
        path.steps.iter().position(|(_, ms)| *ms < cpu_ms * (1.0 - TIE))
    });
    let overtakes: Vec<usize> = overtakes.collect();
    let told = if overtakes.is_empty() {
        "never".to_owned()
    } else {
        format!("after {} to {} types", overtakes.iter().min().unwrap_or(&0), overtakes.iter().max().unwrap_or(&0))
    };
    data.findings.push(format!(
        "In {} of {} cases the delegate is slower than the CPU alone with today's list; adding what helps most, it overtakes the CPU in {} of them, {told}.",
        behind.len(),
        paths.len(),
        overtakes.len(),
    ));
    let ratio =
        format!("falling back leaves the delegate slower than the CPU alone in {} of {} cases", behind.len(), paths.len());
    data.verdicts.push(Verdict::new("H2", Support::of(behind.len(), paths.len()), ratio));
}
