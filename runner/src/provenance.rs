//! From what results are made: the command line and every file that was read.

use results::{InputEntry, Provenance, Tool};
use scenarios::scenario::{Arrivals, Trace};
use scenarios::{Document, ProfileInfo, Scenario};

use crate::Inputs;

/// The provenance of results that a command line makes of a scenario. Where they go and on how many threads is no part of it.
#[must_use]
pub fn provenance(command_line: Vec<String>, scenario: &Document<Scenario>, inputs: &Inputs) -> Provenance {
    let mut entries = vec![
        InputEntry::of("scenario", scenario.name.clone(), scenario.text.as_bytes()),
        InputEntry::of("profile", inputs.profile.name.clone(), inputs.profile.text.as_bytes()),
    ];
    entries.extend(inputs.models.iter().map(|model| InputEntry {
        role: "model".to_owned(),
        name: model.file.clone(),
        bytes: model.bytes,
        sha256: model.sha256.clone(),
    }));
    let traces = scenario.value.streams.iter().filter_map(|stream| match &stream.arrivals {
        Arrivals::Recorded { trace, .. } => trace.as_ref(),
        _ => None,
    });
    for trace in traces {
        let Trace { name, bytes, sha256 } = trace.clone();
        let entry = InputEntry { role: "trace".to_owned(), name, bytes, sha256 };
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    Provenance {
        tool: Tool { name: "socrates".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), revision: None },
        command_line,
        seed: scenario.value.seed,
        device: inputs.device.name().to_owned(),
        profile_fingerprint: Some(ProfileInfo::of(&inputs.profile).fingerprint),
        inputs: entries,
    }
}
