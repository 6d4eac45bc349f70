//! The table of strategies: one line each. It feeds the command line, the schema, the docs and the conformance test.

use thiserror::Error;

use crate::plan::PlanError;
use crate::platform::{Device, ProcessorKind};
use crate::strategy::parameters::{Parameter, Parameters};
use crate::strategy::{
    Strategy, adms, band, blastnet, codl, cpop, dart, delegate, exact, fixed_mapping, haxconn, heft, mulayer, peft, pipe_it,
    puzzle, socrates, solo_cpu, split as split_strategy,
};

/// One strategy.
pub struct Entry {
    /// Name, as written in scenarios.
    pub name: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// What it places as one.
    pub granularity: &'static str,
    /// What it makes least or most of.
    pub optimises: &'static str,
    /// What it does not see.
    pub ignores: &'static str,
    /// The kind of processor that it means models to run on; work elsewhere is fallback. `None` where it means none.
    pub accelerator: Option<ProcessorKind>,
    /// Its parameters with their defaults.
    pub parameters: &'static [Parameter],
    /// Makes one.
    pub build: fn(&Parameters) -> Result<Box<dyn Strategy>, StrategyError>,
}

/// All strategies, in the order in which they are listed.
pub const STRATEGIES: &[Entry] = &[
    solo_cpu::ENTRY,
    delegate::GPU,
    delegate::NPU,
    heft::ENTRY,
    cpop::ENTRY,
    peft::ENTRY,
    split_strategy::ENTRY,
    mulayer::ENTRY,
    codl::ENTRY,
    exact::ENTRY,
    band::ENTRY,
    adms::ENTRY,
    pipe_it::ENTRY,
    dart::ENTRY,
    haxconn::ENTRY,
    puzzle::ENTRY,
    blastnet::ENTRY,
    fixed_mapping::ENTRY,
    socrates::ENTRY,
];

/// Why a strategy cannot be made from its description.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StrategyError {
    /// No strategy of that name.
    #[error("unknown strategy `{name}`: did you mean `{nearest}`?")]
    UnknownName {
        /// What was written.
        name: String,
        /// The nearest name there is.
        nearest: String,
    },
    /// No parameter of that name.
    #[error("strategy `{strategy}` has no parameter `{name}`: it has {allowed}")]
    UnknownParameter {
        /// The strategy.
        strategy: String,
        /// What was written.
        name: String,
        /// What there is.
        allowed: String,
    },
    /// A value that a parameter cannot take.
    #[error("parameter `{name}` of strategy `{strategy}` cannot be `{value}`: {right}")]
    BadValue {
        /// The strategy.
        strategy: String,
        /// The parameter.
        name: String,
        /// What was written.
        value: String,
        /// What would be right.
        right: String,
    },
    /// The description does not have the form `name[parameter=value,...]`.
    #[error("cannot read strategy `{text}`: write `name` or `name[parameter=value, ...]`")]
    Syntax {
        /// What was written.
        text: String,
    },
}

/// Makes the strategy that `text` describes: `heft`, `gpu[fallback=operator]`, ...
pub fn build(text: &str) -> Result<Box<dyn Strategy>, StrategyError> {
    let (entry, parameters) = describe(text)?;
    (entry.build)(&parameters)
}

/// The line of the registry that `text` describes.
pub fn entry(text: &str) -> Result<&'static Entry, StrategyError> {
    describe(text).map(|(entry, _)| entry)
}

/// Checks that the workers named in `text` exist on a device; a strategy that cannot be made names none.
pub fn check_workers(text: &str, device: &Device) -> Result<(), PlanError> {
    describe(text).map_or(Ok(()), |(entry, parameters)| parameters.check_workers(entry.parameters, device))
}

fn describe(text: &str) -> Result<(&'static Entry, Parameters), StrategyError> {
    let (name, given) = split(text)?;
    let entry = STRATEGIES.iter().find(|entry| entry.name == name).ok_or_else(|| unknown_name(name))?;
    Ok((entry, Parameters::of(entry.name, entry.parameters, &given)?))
}

/// A name and the values given in brackets behind it.
type Description<'a> = (&'a str, Vec<(&'a str, &'a str)>);

fn split(text: &str) -> Result<Description<'_>, StrategyError> {
    let syntax = || StrategyError::Syntax { text: text.to_owned() };
    let text = text.trim();
    let Some((name, rest)) = text.split_once('[') else {
        return if text.is_empty() || text.contains(']') { Err(syntax()) } else { Ok((text, Vec::new())) };
    };
    let inner = rest.strip_suffix(']').ok_or_else(syntax)?;
    let mut given = Vec::new();
    for pair in inner.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(syntax)?;
        given.push((key.trim(), value.trim()));
    }
    Ok((name.trim(), given))
}

fn unknown_name(name: &str) -> StrategyError {
    let nearest = STRATEGIES
        .iter()
        .min_by_key(|entry| strsim::damerau_levenshtein(entry.name, name))
        .map_or_else(String::new, |entry| entry.name.to_owned());
    StrategyError::UnknownName { name: name.to_owned(), nearest }
}
