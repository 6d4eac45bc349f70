//! Parameters of strategies, `name[parameter=value,...]`: declared once, checked once.

use crate::identifiers::WorkerId;
use crate::plan::PlanError;
use crate::platform::{Device, ProcessorKind};
use crate::strategy::registry::StrategyError;

/// What the value of a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// A word or a number.
    Plain,
    /// Name of a CPU worker of the device, or `auto`.
    CpuWorker,
    /// Names of workers of the device, joined by `+`, or `auto`.
    Workers,
}

/// A parameter of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// What its value is.
    pub kind: ParameterKind,
    /// Value where none is given.
    pub default: &'static str,
    /// One line on what it means.
    pub summary: &'static str,
}

/// The values of one strategy's parameters, all declared and all present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    strategy: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Parameters {
    pub(super) fn of(
        strategy: &'static str,
        declared: &'static [Parameter],
        given: &[(&str, &str)],
    ) -> Result<Self, StrategyError> {
        for (index, (name, value)) in given.iter().enumerate() {
            if given[..index].iter().any(|(earlier, _)| earlier == name) {
                let right = "it is given twice, once is enough".to_owned();
                return Err(StrategyError::BadValue {
                    strategy: strategy.to_owned(),
                    name: (*name).to_owned(),
                    value: (*value).to_owned(),
                    right,
                });
            }
            if !declared.iter().any(|parameter| parameter.name == *name) {
                let names: Vec<String> = declared.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
                let allowed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(StrategyError::UnknownParameter { strategy: strategy.to_owned(), name: (*name).to_owned(), allowed });
            }
        }
        let value = |parameter: &Parameter| {
            let last = given.iter().rev().find(|(name, _)| *name == parameter.name);
            last.map_or(parameter.default, |(_, value)| value).to_owned()
        };
        Ok(Self { strategy, values: declared.iter().map(|parameter| (parameter.name, value(parameter))).collect() })
    }

    /// The value of a declared parameter.
    ///
    /// # Panics
    /// If the strategy did not declare it.
    pub fn text(&self, name: &str) -> &str {
        let value = self.values.iter().find(|(declared, _)| *declared == name);
        &value.expect("strategies read the parameters that they declare").1
    }

    /// The value as one of a set of words.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, StrategyError> {
        let text = self.text(name);
        choices.iter().find(|(word, _)| *word == text).map(|&(_, choice)| choice).ok_or_else(|| {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
            self.bad(name, format!("must be {}", words.join(" or ")))
        })
    }

    /// The value as a whole number of at least `least`.
    pub fn number(&self, name: &str, least: u32) -> Result<u32, StrategyError> {
        let right = || self.bad(name, format!("must be a whole number of at least {least}"));
        let number: u32 = self.text(name).parse().map_err(|_| right())?;
        if number < least { Err(right()) } else { Ok(number) }
    }

    /// Every worker that a parameter names, checked against a device.
    pub(super) fn check_workers(&self, declared: &[Parameter], device: &Device) -> Result<(), PlanError> {
        for parameter in declared {
            match parameter.kind {
                ParameterKind::CpuWorker if self.text(parameter.name) != "auto" => {
                    cpu_worker_named(self.strategy, device, self.text(parameter.name))?;
                }
                ParameterKind::Plain | ParameterKind::CpuWorker => {}
                ParameterKind::Workers => {
                    for name in self.names(parameter.name) {
                        worker_named(self.strategy, device, &name)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The value as names joined by `+`; empty for `auto`.
    pub fn names(&self, name: &str) -> Vec<String> {
        match self.text(name) {
            "auto" => Vec::new(),
            text => text.split('+').map(|part| part.trim().to_owned()).collect(),
        }
    }

    fn bad(&self, name: &str, right: String) -> StrategyError {
        let value = self.text(name).to_owned();
        StrategyError::BadValue { strategy: self.strategy.to_owned(), name: name.to_owned(), value, right }
    }
}

/// The device's CPU worker of a name that a parameter gives.
pub(super) fn cpu_worker_named(strategy: &str, device: &Device, name: &str) -> Result<WorkerId, PlanError> {
    let worker = worker_named(strategy, device, name)?;
    let kind = device.worker(worker).kind;
    if kind == ProcessorKind::CpuCluster {
        return Ok(worker);
    }
    let needs = format!("a CPU worker (`{name}` is of kind `{}`)", kind.name());
    Err(PlanError::Missing { strategy: strategy.to_owned(), needs, device: device.name().to_owned() })
}

/// The device's worker of a name that a parameter gives.
pub(super) fn worker_named(strategy: &str, device: &Device, name: &str) -> Result<WorkerId, PlanError> {
    device.worker_named(name).ok_or_else(|| {
        let nearest = device.workers().iter().min_by_key(|worker| strsim::damerau_levenshtein(&worker.name, name));
        let hint = nearest.map_or_else(String::new, |worker| format!(" (nearest: `{}`)", worker.name));
        PlanError::Missing {
            strategy: strategy.to_owned(),
            needs: format!("worker `{name}`{hint}"),
            device: device.name().to_owned(),
        }
    })
}
