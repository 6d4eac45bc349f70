//! The table of passes: one line each. It feeds the command line and the tests.

use thiserror::Error;

use super::compress::{channels, int8, svd};
use super::edit::Rewrite;
use super::{batch_norm, common, dead, fold, identity, layout, reshape, transpose};
use crate::graph::Graph;

/// A number that a pass takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// Value where none is given.
    pub default: f64,
    /// Smallest and largest value.
    pub range: (f64, f64),
    /// One line on what it means.
    pub summary: &'static str,
}

/// What a pass makes of a graph; `None` if it leaves it as it is.
pub(super) type Outcome = Option<Rewrite>;

/// One pass.
#[derive(Debug)]
pub struct Pass {
    /// Name, as written in lists of passes.
    pub name: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// Whether the outputs stay the same but for rounding. Exact passes run until nothing changes, others once.
    pub is_exact: bool,
    /// What it takes.
    pub parameters: &'static [Parameter],
    pub(super) run: fn(&Graph, &Values<'_>) -> Outcome,
}

const fn compressing(
    name: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    run: fn(&Graph, &Values<'_>) -> Outcome,
) -> Pass {
    Pass { name, summary, is_exact: false, parameters, run }
}

const fn exact(name: &'static str, summary: &'static str, run: fn(&Graph, &Values<'_>) -> Outcome) -> Pass {
    Pass { name, summary, is_exact: true, parameters: &[], run }
}

/// All passes. The exact ones are in the order in which they are best run.
#[rustfmt::skip]
pub static PASSES: &[Pass] = &[
    exact("dead", "remove operators and initialisers that no output depends on", dead::run),
    exact("fold", "replace operators whose results are known by constants", fold::run),
    exact("identity", "remove operators that give their input back", identity::run),
    exact("reshape", "merge and cancel chains of reshapes", reshape::run),
    exact("transpose", "merge and cancel chains of transpositions, make those that move nothing reshapes", transpose::run),
    exact("layout", "cancel transpositions through element-wise operators where that moves less", layout::run),
    exact("cse", "compute equal operators once", common::run),
    exact("batch_norm", "fold batch normalisation into the weights before it", batch_norm::run),
    compressing("svd", "what if weights were factors of low rank", svd::PARAMETERS, svd::run),
    compressing("channels", "what if channels were pruned", channels::PARAMETERS, channels::run),
    compressing("int8", "what if convolutions and products were of 8-bit integers", &[], int8::run),
];

/// Why a list of passes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PassError {
    /// No pass of that name.
    #[error("unknown pass `{name}`: did you mean `{nearest}`?")]
    UnknownName {
        /// What was written.
        name: String,
        /// The nearest name there is.
        nearest: String,
    },
    /// No parameter of that name.
    #[error("pass `{pass}` has no parameter `{name}`: it has {allowed}")]
    UnknownParameter {
        /// The pass.
        pass: String,
        /// What was written.
        name: String,
        /// What there is.
        allowed: String,
    },
    /// A value that a parameter cannot take.
    #[error("parameter `{name}` of pass `{pass}` cannot be `{value}`: it must be a number from {lowest} to {highest}")]
    BadValue {
        /// The pass.
        pass: String,
        /// The parameter.
        name: String,
        /// What was written.
        value: String,
        /// Smallest value.
        lowest: String,
        /// Largest value.
        highest: String,
    },
    /// The list does not have the form `name,name[parameter=value]`.
    #[error("cannot read passes `{text}`: write `name,name[parameter=value,...]`, or `exact` for all exact ones")]
    Syntax {
        /// What was written.
        text: String,
    },
}

/// The values of a pass's parameters.
pub(super) struct Values<'a> {
    pub(super) chosen: &'a Chosen,
}

impl Values<'_> {
    /// The value of a declared parameter.
    pub(super) fn number(&self, name: &str) -> f64 {
        let index = self.chosen.pass.parameters.iter().position(|parameter| parameter.name == name);
        index.map_or(0.0, |index| self.chosen.values[index])
    }
}

/// A pass with values for all its parameters.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) pass: &'static Pass,
    pub(super) values: Vec<f64>,
}

impl PartialEq for Chosen {
    fn eq(&self, other: &Self) -> bool {
        self.pass.name == other.pass.name && self.values == other.values
    }
}

/// A list of passes, run in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passes(pub(super) Vec<Chosen>);

impl Passes {
    /// Every exact pass.
    pub fn exact() -> Self {
        Self(PASSES.iter().filter(|pass| pass.is_exact).map(chosen).collect())
    }

    /// The passes that a text lists: `dead,identity,svd[rank=0.5]`; `exact` stands for all exact ones, an empty text for none.
    pub fn parse(text: &str) -> Result<Self, PassError> {
        let mut passes = Vec::new();
        for entry in entries(text)? {
            if entry.name == "exact" {
                passes.extend(Self::exact().0);
            } else {
                passes.push(choose(&entry)?);
            }
        }
        Ok(Self(passes))
    }

    /// The passes, each once for each time that it is listed.
    pub fn passes(&self) -> impl Iterator<Item = &'static Pass> + '_ {
        self.0.iter().map(|chosen| chosen.pass)
    }

    /// Whether all of them leave the outputs as they are.
    pub fn are_exact(&self) -> bool {
        self.passes().all(|pass| pass.is_exact)
    }

    /// These passes and then others.
    #[must_use]
    pub fn then(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }
}

/// A pass as written, with the values given in brackets behind it.
struct Entry<'a> {
    name: &'a str,
    given: Vec<(&'a str, &'a str)>,
}

fn entries(text: &str) -> Result<Vec<Entry<'_>>, PassError> {
    let syntax = || PassError::Syntax { text: text.to_owned() };
    let mut entries = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find([',', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let mut entry = Entry { name: name.trim(), given: Vec::new() };
        rest = after;
        if let Some(inner) = rest.strip_prefix('[') {
            let (inner, after) = inner.split_once(']').ok_or_else(syntax)?;
            for pair in inner.split(',').filter(|pair| !pair.trim().is_empty()) {
                let (key, value) = pair.split_once('=').ok_or_else(syntax)?;
                entry.given.push((key.trim(), value.trim()));
            }
            rest = after;
        }
        if entry.name.is_empty() {
            return Err(syntax());
        }
        entries.push(entry);
        rest = rest.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(more) if !more.trim().is_empty() => more.trim_start(),
            None if rest.is_empty() => rest,
            _ => return Err(syntax()),
        };
    }
    Ok(entries)
}

fn chosen(pass: &'static Pass) -> Chosen {
    Chosen { pass, values: pass.parameters.iter().map(|parameter| parameter.default).collect() }
}

fn choose(entry: &Entry<'_>) -> Result<Chosen, PassError> {
    let pass = PASSES.iter().find(|pass| pass.name == entry.name).ok_or_else(|| unknown_name(entry.name))?;
    let mut chosen = chosen(pass);
    for (name, value) in &entry.given {
        let Some(index) = pass.parameters.iter().position(|parameter| parameter.name == *name) else {
            let names: Vec<String> = pass.parameters.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
            let allowed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(PassError::UnknownParameter { pass: pass.name.to_owned(), name: (*name).to_owned(), allowed });
        };
        let (lowest, highest) = pass.parameters[index].range;
        chosen.values[index] = value.parse().ok().filter(|value| (lowest..=highest).contains(value)).ok_or_else(|| {
            let (pass, name, value) = (pass.name.to_owned(), (*name).to_owned(), (*value).to_owned());
            PassError::BadValue { pass, name, value, lowest: lowest.to_string(), highest: highest.to_string() }
        })?;
    }
    Ok(chosen)
}

fn unknown_name(name: &str) -> PassError {
    let names = PASSES.iter().map(|pass| pass.name).chain(["exact"]);
    let nearest = names.min_by_key(|known| strsim::damerau_levenshtein(known, name)).unwrap_or_default();
    PassError::UnknownName { name: name.to_owned(), nearest: nearest.to_owned() }
}
