//! Which processor of this machine to open, as text: `cpu[cores=0]`, `cpu[cores=0+1, kernels=builtin]`, `opencl[cores=1]`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::processor::Transfer;

/// Where a CPU worker's kernels come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kernels {
    /// ONNX Runtime where its library is found, else the built-in ones.
    #[default]
    Best,
    /// ONNX Runtime.
    OnnxRuntime,
    /// Those of this crate.
    BuiltIn,
}

/// Memory that a GPU's tensors lie in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceMemory {
    /// Linear buffers.
    #[default]
    Buffer,
    /// Two-dimensional images of four channels.
    Image,
}

/// A processor to open. The thread that opens it is pinned to `cores` first, where there are any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Specification {
    /// CPU cores, one thread on each.
    Cpu {
        /// The cores, at least one, each once.
        cores: Vec<usize>,
        /// Whose kernels.
        kernels: Kernels,
    },
    /// A device by OpenCL.
    OpenCl {
        /// Which of all devices, in the order of platforms and devices.
        device: usize,
        /// Cores that it is confined to, where its driver computes on this machine's CPU (PoCL); empty for a real GPU.
        cores: Vec<usize>,
        /// Memory of its tensors.
        memory: DeviceMemory,
        /// How tensors get there: by copy or by mapping.
        transfer: Transfer,
    },
    /// A device by Vulkan.
    Vulkan {
        /// Which of all adapters.
        device: usize,
        /// Cores that it is confined to, where its driver computes on this machine's CPU (Lavapipe); empty for a real GPU.
        cores: Vec<usize>,
    },
    /// An execution provider of ONNX Runtime, for whole sub-graphs.
    Delegate {
        /// Its name in lower case, e.g. `xnnpack`.
        provider: String,
        /// Cores of the thread that drives it.
        cores: Vec<usize>,
    },
}

/// Why a text names no processor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` names no processor: {why}; write e.g. `cpu[cores=0]`, `cpu[cores=0+1, kernels=builtin]`, `opencl[cores=1, transfer=map]`"
)]
pub struct SpecificationError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl Specification {
    /// Cores of this machine that it computes on.
    pub fn cores(&self) -> &[usize] {
        match self {
            Self::Cpu { cores, .. } | Self::OpenCl { cores, .. } | Self::Vulkan { cores, .. } | Self::Delegate { cores, .. } => {
                cores
            }
        }
    }
}

impl FromStr for Specification {
    type Err = SpecificationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|why| SpecificationError { text: text.to_owned(), why })
    }
}

fn parse(text: &str) -> Result<Specification, String> {
    let (name, inside) = match text.split_once('[') {
        None => (text.trim(), ""),
        Some((name, rest)) => (name.trim(), rest.strip_suffix(']').ok_or("`]` is missing at the end")?),
    };
    let mut settings = Settings::read(inside)?;
    let specification = match name {
        "cpu" => {
            let cores = settings.cores()?;
            if cores.is_empty() {
                return Err("`cpu` needs `cores`".to_owned());
            }
            let kernels = settings.choice(
                "kernels",
                &[("best", Kernels::Best), ("onnxruntime", Kernels::OnnxRuntime), ("builtin", Kernels::BuiltIn)],
            )?;
            Specification::Cpu { cores, kernels }
        }
        "opencl" => Specification::OpenCl {
            device: settings.device()?,
            cores: settings.cores()?,
            memory: settings.choice("memory", &[("buffer", DeviceMemory::Buffer), ("image", DeviceMemory::Image)])?,
            transfer: settings.choice("transfer", &[("copy", Transfer::Copy), ("map", Transfer::Map)])?,
        },
        "vulkan" => Specification::Vulkan { device: settings.device()?, cores: settings.cores()? },
        "delegate" => {
            let provider = settings.take("provider").ok_or("`delegate` needs `provider`")?;
            Specification::Delegate { provider: provider.to_lowercase(), cores: settings.cores()? }
        }
        other => return Err(format!("there is no kind `{other}`; there are cpu, opencl, vulkan, delegate")),
    };
    match settings.0.first() {
        None => Ok(specification),
        Some((key, _)) => Err(format!("`{name}` has no setting `{key}`")),
    }
}

/// Settings not yet used.
struct Settings(Vec<(String, String)>);

impl Settings {
    fn read(inside: &str) -> Result<Self, String> {
        let mut settings: Vec<(String, String)> = Vec::new();
        for one in inside.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            let (key, value) = one.split_once('=').ok_or_else(|| format!("`{one}` is not of the form key=value"))?;
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            if settings.iter().any(|(known, _)| *known == key) {
                return Err(format!("`{key}` is given twice"));
            }
            settings.push((key, value));
        }
        Ok(Self(settings))
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.remove(at).1)
    }

    fn device(&mut self) -> Result<usize, String> {
        let Some(value) = self.take("device") else { return Ok(0) };
        value.parse().map_err(|_| format!("`device` is `{value}`: must be a number from 0 on"))
    }

    fn cores(&mut self) -> Result<Vec<usize>, String> {
        let Some(value) = self.take("cores") else { return Ok(Vec::new()) };
        let mut cores = Vec::new();
        for core in value.split('+') {
            let core: usize = core.trim().parse().map_err(|_| format!("`cores` is `{value}`: must be numbers joined by `+`"))?;
            if cores.contains(&core) {
                return Err(format!("core {core} is given twice"));
            }
            cores.push(core);
        }
        Ok(cores)
    }

    /// One of several words; the first where none is given.
    fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Result<T, String> {
        let Some(value) = self.take(key) else { return Ok(choices[0].1) };
        choices.iter().find(|(word, _)| *word == value).map(|&(_, choice)| choice).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|&(word, _)| word).collect();
            format!("`{key}` is `{value}`: must be one of {}", words.join(", "))
        })
    }
}

/// The text that reads back as the same; defaults are left out.
impl fmt::Display for Specification {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut settings: Vec<String> = Vec::new();
        let name = match self {
            Self::Cpu { kernels, .. } => {
                match kernels {
                    Kernels::Best => {}
                    Kernels::OnnxRuntime => settings.push("kernels=onnxruntime".to_owned()),
                    Kernels::BuiltIn => settings.push("kernels=builtin".to_owned()),
                }
                "cpu"
            }
            Self::OpenCl { device, memory, transfer, .. } => {
                push_device(&mut settings, *device);
                if *memory == DeviceMemory::Image {
                    settings.push("memory=image".to_owned());
                }
                if *transfer == Transfer::Map {
                    settings.push("transfer=map".to_owned());
                }
                "opencl"
            }
            Self::Vulkan { device, .. } => {
                push_device(&mut settings, *device);
                "vulkan"
            }
            Self::Delegate { provider, .. } => {
                settings.push(format!("provider={provider}"));
                "delegate"
            }
        };
        if !self.cores().is_empty() {
            let cores: Vec<String> = self.cores().iter().map(ToString::to_string).collect();
            settings.insert(0, format!("cores={}", cores.join("+")));
        }
        if settings.is_empty() { formatter.write_str(name) } else { write!(formatter, "{name}[{}]", settings.join(", ")) }
    }
}

fn push_device(settings: &mut Vec<String>, device: usize) {
    if device > 0 {
        settings.push(format!("device={device}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "cpu[cores=0]",
            "cpu[cores=0+1, kernels=builtin]",
            "opencl",
            "opencl[cores=1, device=2, memory=image, transfer=map]",
            "vulkan[device=1]",
            "delegate[provider=xnnpack]",
        ] {
            let specification: Specification = text.parse().expect(text);
            assert_eq!(specification.to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Specification>().expect_err(text).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("cpu", "`cpu` needs `cores`");
        check("cpu[cores=a]", "`cores` is `a`: must be numbers joined by `+`");
        check("cpu[cores=1+1]", "core 1 is given twice");
        check("cpu[cores=0", "`]` is missing");
        check("opencl[cores]", "`cores` is not of the form key=value");
        check("opencl[memory=tape]", "`memory` is `tape`: must be one of buffer, image");
        check("vulkan[memory=image]", "`vulkan` has no setting `memory`");
        check("tpu", "there is no kind `tpu`");
        check("cpu[cores=0, cores=1]", "`cores` is given twice");
    }
}
