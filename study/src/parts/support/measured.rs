//! Where the layers of published models ran, measured: AI Hub's tables.

use crate::parts::common::distinct;
use crate::{Cell, Chart, Figure, HeatMap, Kind, Panel, Stacks, Table, Width};

/// Layers by unit, with its source in the README beside it.
const TABLE: &str = include_str!("../../../data/aihub_layers.csv");

/// The device of the maps: the phone whose profile has the simulated NPU.
const DEVICE: &str = "galaxy-s24";

/// Runtimes and precisions that are drawn, by how they are written.
const WAYS: [(&str, &str, &str); 6] = [
    ("tflite", "float", "TFLite fp16"),
    ("tflite", "w8a8", "TFLite int8"),
    ("qnn_dlc", "float", "QNN fp16"),
    ("qnn_dlc", "w8a8", "QNN int8"),
    ("onnx", "float", "ONNX fp16"),
    ("onnx", "w8a8", "ONNX int8"),
];

/// Models of the zoo under AI Hub's names.
const SAME: [(&str, &str); 6] = [
    ("densenet121", "densenet121"),
    ("inception_v3", "inception_v3"),
    ("mobilenet_v2", "mobilenet_v2"),
    ("mobilenet_v3_large", "mobilenet_v3_large"),
    ("resnet50", "resnet50"),
    ("shufflenet_v2_x1_0", "shufflenet_v2"),
];

/// A model on a device by a runtime in a precision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    device: &'static str,
    runtime: &'static str,
    precision: &'static str,
    model: &'static str,
    layers: u64,
    npu: u64,
    gpu: u64,
    cpu: u64,
}

impl Measured {
    /// A line of the table; `None` if it is none.
    fn read(line: &'static str) -> Option<Self> {
        let mut fields = line.split(',');
        let mut next = || fields.next();
        let (device, runtime, precision, model) = (next()?, next()?, next()?, next()?);
        let mut count = || next()?.parse::<u64>().ok();
        Some(Self { device, runtime, precision, model, layers: count()?, npu: count()?, gpu: count()?, cpu: count()? })
    }

    fn share(&self) -> f64 {
        self.npu as f64 / self.layers.max(1) as f64
    }

    fn ran(&self, (runtime, precision, _): (&str, &str, &str)) -> bool {
        self.runtime == runtime && self.precision == precision
    }
}

/// All rows.
pub(super) fn read() -> Vec<Measured> {
    TABLE.lines().skip(1).filter_map(Measured::read).collect()
}

/// Models wholly, partly and not at all on the NPU.
fn thirds<'a>(of: impl Iterator<Item = &'a Measured>) -> [f64; 3] {
    of.fold([0.0; 3], |mut counts, it| {
        let third = if it.npu == it.layers { 0 } else { usize::from(it.npu == 0) + 1 };
        counts[third] += 1.0;
        counts
    })
}

pub(super) fn table(all: &[Measured]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("runtime", "", Kind::Text),
        ("precision", "", Kind::Text),
        ("model", "", Kind::Text),
        ("layers", "", Kind::Count),
        ("npu", "", Kind::Count),
        ("gpu", "", Kind::Count),
        ("cpu", "", Kind::Count),
    ];
    let mut table = Table::new("measured", "Layers of published models by the unit that ran them, measured.", &columns);
    for it in all {
        let words = [it.device, it.runtime, it.precision, it.model].map(Into::into);
        table.push(words.into_iter().chain([it.layers, it.npu, it.gpu, it.cpu].map(Into::into)));
    }
    table
}

pub(super) fn figure(all: &[Measured]) -> Figure {
    let devices = ["galaxy-s25", DEVICE, "sd8gen2", "sd8gen1", "qcs6490"];
    let mut wholes = Vec::new();
    let mut values = Vec::new();
    for device in devices {
        for way in WAYS {
            let counts = thirds(all.iter().filter(|it| it.device == device && it.ran(way)));
            let sum: f64 = counts.iter().sum();
            // Of fewer models a share says little. The other runtimes are shown of one device: they hardly differ between devices.
            if sum >= 20.0 && (way.0 == "tflite" || device == DEVICE) {
                wholes.push(format!("{device}, {} ({sum:.0})", way.2));
                values.push(counts.map(|count| count / sum * 100.0).to_vec());
            }
        }
    }
    let shares = Stacks {
        title: "Models by where their layers ran".to_owned(),
        quantity: "models, % (in brackets: how many)".to_owned(),
        wholes,
        parts: ["all layers on the NPU", "some on GPU or CPU", "none on the NPU"].map(str::to_owned).to_vec(),
        values,
        width: Width::Single,
    };
    let here = || all.iter().filter(|it| it.device == DEVICE && WAYS.iter().any(|&way| it.ran(way)));
    let models = distinct(here().filter(|it| it.npu < it.layers).map(|it| it.model.to_owned()).collect::<Vec<_>>().iter());
    let cell = |model: &String, way: (&str, &str, &str)| {
        let it = here().find(|it| it.model == *model && it.ran(way))?;
        Some(Cell { value: 100.0 * it.share(), group: None })
    };
    let split = HeatMap {
        title: "Layers on the NPU, of models that are not wholly on it".to_owned(),
        quantity: "layers on the NPU, %".to_owned(),
        cells: models.iter().map(|model| WAYS.iter().map(|&way| cell(model, way)).collect()).collect(),
        rows: models,
        columns: WAYS.map(|(.., name)| name.to_owned()).to_vec(),
        logarithmic: false,
        width: Width::Single,
    };
    let panels = vec![
        Panel::new("a  published models, by where their layers ran", Chart::Stacks(shares)),
        Panel::new(format!("b  {DEVICE}: models not wholly on the NPU"), Chart::Heat(split)),
    ];
    let caption =
        "Measured, not simulated: published models on Qualcomm's NPUs by runtime and precision. A dash: not published for it.";
    Figure::grid("measured", caption, 2, panels)
}

/// What was measured, and whether the rules of the profiles agree with it. `supported` tells of a model of the zoo whether the simulated NPU runs
/// all of it.
pub(super) fn findings(all: &[Measured], supported: impl Fn(&str) -> Option<bool>) -> Vec<String> {
    let count = |device: &str, way| thirds(all.iter().filter(|it| it.device == device && it.ran(way)));
    let told: Vec<String> = WAYS
        .iter()
        .map(|&way| {
            let [whole, some, none] = count(DEVICE, way);
            format!("{} {whole:.0} of {:.0}", way.2, whole + some + none)
        })
        .collect();
    let of = |zoo: &str, name: &str| {
        let measured = all.iter().find(|it| it.device == DEVICE && it.ran(WAYS[0]) && it.model == name)?;
        Some(supported(zoo)? == (measured.npu == measured.layers))
    };
    let agree: Vec<bool> = SAME.iter().filter_map(|(zoo, name)| of(zoo, name)).collect();
    vec![
        format!("Measured on the Galaxy S24 (AI Hub): models with all layers on the NPU: {}.", told.join(", ")),
        format!(
            "Of {} models that are both in the zoo and at AI Hub, {} run on the NPU as the profile's rules say (TFLite, fp16).",
            agree.len(),
            agree.iter().filter(|agrees| **agrees).count(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_layers_add_up() {
        let all = read();
        assert_eq!(all.len(), TABLE.lines().count() - 1);
        assert!(all.iter().all(|it| it.npu + it.gpu + it.cpu == it.layers && it.layers > 0));
        for (device, (runtime, precision, _)) in [("galaxy-s24", WAYS[0]), ("qcs6490", WAYS[1])] {
            assert!(all.iter().any(|it| (it.device, it.runtime, it.precision) == (device, runtime, precision)));
        }
        // Counted by hand of the source: 96 models by TFLite in fp16, 88 wholly on the NPU, 5 not at all.
        let counted = thirds(all.iter().filter(|it| it.device == DEVICE && it.ran(WAYS[0])));
        assert_eq!(counted.map(|count| count as u64), [88, 3, 5]);
    }
}
