//! Table 2: the devices, and where the numbers of each come from.

use scenarios::profile::{Origin, Processor, ProcessorKind};
use scenarios::{Profile, Reference, library};

use crate::{Context, Determinism, Kind, Part, PartData, StudyError, Table};

pub(crate) const PART: Part = Part {
    name: "table2",
    title: "the devices, and where their numbers come from",
    determinism: Determinism::Deterministic,
    scenarios: &[],
    make,
};

const COLUMNS: &[(&str, &str, Kind)] = &[
    ("device", "", Kind::Text),
    ("CPU cores", "", Kind::Text),
    ("GPU", "", Kind::Flag),
    ("NPU or DSP", "", Kind::Flag),
    ("fitted on", "", Kind::Text),
    ("sharing", "", Kind::Text),
    ("power", "", Kind::Text),
    ("heat", "", Kind::Text),
    ("sources", "", Kind::Count),
];

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let mut devices = Table::new("", "Devices of the library.", COLUMNS).shown();
    let mut sources = Table::new(
        "sources",
        "What the numbers of each device rest on.",
        &[
            ("device", "", Kind::Text),
            ("source", "", Kind::Text),
            ("licence", "", Kind::Text),
            ("location", "", Kind::Text),
            ("note", "", Kind::Text),
        ],
    );
    let (mut all, mut measured) = (0, 0);
    for entry in library::devices() {
        let document = Profile::open(&Reference::BuiltIn(entry.name.to_owned()))?;
        context.note_profile(&document);
        let profile = document.value;
        all += 1;
        measured += usize::from(profile.provenance.fitted_on.is_some());
        let has = |kinds: &[ProcessorKind]| profile.processors.iter().any(|processor| kinds.contains(&processor.kind));
        let links = profile.links.iter().map(|link| link.origin);
        let power = profile.power.iter().flat_map(|power| power.clocks.iter().map(|clock| clock.power_origin));
        let heat = profile.thermal.iter().map(|thermal| thermal.origin);
        devices.push([
            entry.name.into(),
            cores(&profile.processors).into(),
            has(&[ProcessorKind::Gpu]).into(),
            has(&[ProcessorKind::Npu, ProcessorKind::Dsp]).into(),
            profile.provenance.fitted_on.clone().into(),
            origins(links).into(),
            origins(power).into(),
            origins(heat).into(),
            profile.provenance.sources.len().into(),
        ]);
        for source in profile.provenance.sources {
            sources.push([
                entry.name.into(),
                source.name.into(),
                source.licence.into(),
                source.location.into(),
                source.note.into(),
            ]);
        }
    }
    let caption = format!(
        "The {all} devices of the library: processors, what their costs were fitted on, and where the numbers for sharing data between processors, for \
         power and for heat come from; – where a profile has none."
    );
    let findings =
        vec![format!("The costs of {measured} of {all} devices are fitted to measurements; the rest is assembled as told.")];
    Ok(PartData { caption, tables: vec![devices, sources], findings, ..PartData::default() })
}

/// Cores of each cluster: `1 large, 3 medium, 4 small`.
fn cores(processors: &[Processor]) -> String {
    let cpus = processors.iter().filter(|processor| processor.kind == ProcessorKind::Cpu);
    let words: Vec<String> = cpus.map(|processor| format!("{} {}", processor.cores, processor.name)).collect();
    words.join(", ")
}

/// The different origins, in their order; `None` of nothing.
fn origins(all: impl Iterator<Item = Option<Origin>>) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for origin in all {
        let word = match origin {
            Some(Origin::Measured) => "measured",
            Some(Origin::Fitted) => "fitted",
            Some(Origin::Published) => "published",
            Some(Origin::Assumed) => "assumed",
            None => "not told",
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    (!words.is_empty()).then(|| words.join(", "))
}
