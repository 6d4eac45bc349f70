//! From a raw sweep to a validated one.

use std::ops::Range as Span;
use std::path::{Path as FilePath, PathBuf};

use serde_json::Value as Schema;
use toml::{Table, Value};

use crate::library;
use crate::profile::{Profile, RawProfile};
use crate::read::{Document, Reference};
use crate::scenario::{RawScenario, Scenario};
use crate::sweep::axis::quantity;
use crate::sweep::path::{self, Field};
use crate::sweep::{
    Axis, Base, Design, MOST_RUNS, PROFILE, Path, Range, RawAny, RawAxis, RawDesign, RawRange, RawScale, RawSweep, Scalar,
    Setting, Sweep, Unit, profile_of, scenario_of,
};
use crate::text::{At, Diagnostics, schema_of};

/// Values of a range at most.
const MOST_VALUES: u64 = 1_000_000;

/// Values of an axis of which each is tried; of more, only the first and the last.
const MOST_TRIED: usize = 256;

/// Validates a raw sweep. Absent where something needed is missing, which has been reported then.
pub(super) fn sweep(raw: &RawSweep, folder: &FilePath, diagnostics: &mut Diagnostics) -> Option<Sweep> {
    let name = raw.name.as_ref()?;
    folder_name(name, diagnostics);
    let at = raw.scenario.as_ref()?;
    let base = base(at, folder, diagnostics)?;
    let axes = axes(raw, diagnostics);
    let base = with_overrides(base, raw);
    if !diagnostics.is_empty() {
        return None;
    }
    let axes: Vec<(Axis, &At<RawAxis>)> = axes?;
    let design = design(raw, &axes, diagnostics)?;
    let first = try_values(&base, &axes, &at.span, diagnostics)?;
    let strategies = first.strategies.clone();
    let replicates = first.replicates;
    let sweep = Sweep {
        name: name.value.clone(),
        description: raw.description.clone().unwrap_or_default(),
        base,
        strategies,
        design,
        replicates,
        figures: raw.figures.iter().flat_map(|list| &list.value).map(|figure| figure.value.clone()).collect(),
        axes: axes.into_iter().map(|(axis, _)| axis).collect(),
    };
    let runs = u128::from(sweep.points()) * sweep.strategies.len() as u128 * u128::from(sweep.replicates);
    if runs > MOST_RUNS {
        let message = format!(
            "{} points under {} strategies with {} replicates are {runs} runs, the limit is {MOST_RUNS}",
            sweep.points(),
            sweep.strategies.len(),
            sweep.replicates
        );
        let span = raw.axis.as_ref().map_or(0..0, |axes| axes.span.clone());
        diagnostics.error(span, message).hint("lower the points, the strategies or the replicates");
    }
    Some(sweep)
}

/// A name that is one folder and no way out of it.
fn folder_name(name: &At<String>, diagnostics: &mut Diagnostics) {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if !name.value.chars().all(letter) || name.value.chars().all(|letter| letter == '.') {
        let message = format!("`{}` cannot be a name: results stand in a folder of that name", name.value);
        diagnostics.error(name.span.clone(), message).hint("use letters, digits, `.`, `_` and `-`, and not dots alone");
    }
}

fn base(at: &At<RawAny>, folder: &FilePath, diagnostics: &mut Diagnostics) -> Option<Base> {
    let (name, text, folder) = match &at.value.0 {
        Value::Table(table) => {
            let text = toml::to_string(table).ok()?;
            ("scenario".to_owned(), text, folder.to_owned())
        }
        Value::String(text) => match Reference::of(text, folder) {
            Reference::BuiltIn(name) => {
                let Some(entry) = library::scenarios().iter().find(|entry| entry.name == name) else {
                    let known = library::scenarios().iter().map(|entry| entry.name);
                    diagnostics.unknown("scenario", &At { value: name, span: at.span.clone() }, known);
                    return None;
                };
                (entry.name.to_owned(), entry.text.to_owned(), PathBuf::new())
            }
            Reference::File(path) => match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    (name, text, path.parent().unwrap_or_else(|| FilePath::new("")).to_owned())
                }
                Err(error) => {
                    let message = format!("cannot read scenario `{}`: {error}", path.display());
                    diagnostics.error(at.span.clone(), message).hint("paths are relative to the folder of this file");
                    return None;
                }
            },
        },
        _ => {
            let hint = "write a name, a path, or a table `[scenario]`";
            diagnostics.error(at.span.clone(), "expected a scenario").hint(hint);
            return None;
        }
    };
    match text.parse::<Table>() {
        Ok(table) => Some(Base { name, text, table, folder }),
        Err(error) => {
            diagnostics.error(at.span.clone(), format!("scenario `{name}` cannot be read: {}", error.message()));
            None
        }
    }
}

/// The scenario with what the sweep says instead.
fn with_overrides(mut base: Base, raw: &RawSweep) -> Base {
    if let Some(strategies) = &raw.strategies {
        let list = strategies.value.iter().map(|strategy| Value::String(strategy.value.clone())).collect();
        base.table.insert("strategies".to_owned(), Value::Array(list));
    }
    if let Some(replicates) = &raw.replicates {
        base.table.insert("replicates".to_owned(), Value::Integer(i64::from(replicates.value)));
    }
    base
}

fn axes<'a>(raw: &'a RawSweep, diagnostics: &mut Diagnostics) -> Option<Vec<(Axis, &'a At<RawAxis>)>> {
    let schema = whole_schema();
    let mut axes: Vec<(Axis, &At<RawAxis>)> = Vec::new();
    let is_grid = raw.design.as_ref().is_none_or(|design| matches!(design.value, RawDesign::Grid));
    for at in &raw.axis.as_ref()?.value {
        let Some(next) = one_axis(at, &schema, is_grid, diagnostics) else { continue };
        for (index, path) in next.paths.iter().enumerate() {
            let earlier = axes.iter().flat_map(|(axis, _)| &axis.paths).chain(&next.paths[..index]);
            if let Some(other) = earlier.into_iter().find(|other| other.overlaps(path)) {
                let message = format!("`{}` is varied already, by `{}`", path.text, other.text);
                diagnostics.error(at.span.clone(), message).hint("leave one of them out, or name entries by number");
            }
        }
        for column in &next.columns {
            if axes.iter().any(|(other, _)| other.columns.contains(column)) {
                let message = format!("two axes are called `{column}`");
                diagnostics.error(at.span.clone(), message).hint("give one a `name`");
            }
        }
        axes.push((next, at));
    }
    Some(axes)
}

/// The schema of a scenario, with that of a profile as one of its fields.
fn whole_schema() -> Schema {
    let mut schema = (*schema_of::<RawScenario>()).clone();
    schema["properties"][PROFILE] = (*schema_of::<RawProfile>()).clone();
    schema
}

fn one_axis(at: &At<RawAxis>, schema: &Schema, is_grid: bool, diagnostics: &mut Diagnostics) -> Option<Axis> {
    let raw = &at.value;
    let texts: Vec<&At<String>> = match (&raw.path, &raw.paths) {
        (Some(path), None) => vec![path],
        (None, Some(paths)) => paths.value.iter().collect(),
        (Some(_), Some(paths)) => {
            diagnostics.error(paths.span.clone(), "an axis has `path` or `paths`").hint("leave one of them out");
            return None;
        }
        (None, None) => {
            diagnostics.error(at.span.clone(), "missing key `path`").hint("add e.g. `path = \"stream[0].deadline\"`");
            return None;
        }
    };
    let fields: Vec<Option<(Path, Field)>> = texts.iter().map(|text| field(text, schema, diagnostics)).collect();
    let fields: Vec<(Path, Field)> = fields.into_iter().collect::<Option<_>>()?;
    let (settings, range) = match (&raw.values, &raw.range) {
        (Some(values), None) => (listed(values, texts.len(), diagnostics)?, None),
        (None, Some(range)) => {
            if texts.len() != 1 {
                diagnostics
                    .error(range.span.clone(), "a range sets one field")
                    .hint("list `values`, each with one for each path");
                return None;
            }
            ranged(range, fields[0].1, is_grid, diagnostics)?
        }
        (Some(_), Some(range)) => {
            diagnostics.error(range.span.clone(), "an axis has `values` or a `range`").hint("leave one of them out");
            return None;
        }
        (None, None) => {
            diagnostics.error(at.span.clone(), "missing key `values`").hint("add e.g. `values = [1, 2, 4]`");
            return None;
        }
    };
    let paths: Vec<Path> = fields.into_iter().map(|(path, _)| path).collect();
    let names = paths.iter().map(|path| match (&raw.name, paths.len()) {
        (Some(name), 1) => name.value.clone(),
        (Some(name), _) => format!("{}.{}", name.value, path.text),
        (None, _) => path.text.clone(),
    });
    let columns: Vec<String> =
        names.enumerate().map(|(index, name)| format!("{name}{}", suffix(&settings, range.as_ref(), index))).collect();
    Some(Axis { paths, columns, settings, range })
}

/// The unit in which a column is written, where all its values have one.
fn suffix(settings: &[Setting], range: Option<&Range>, index: usize) -> &'static str {
    if let Some(range) = range {
        return range.unit.suffix();
    }
    let mut found: Option<&'static str> = None;
    for setting in settings {
        let suffix = match setting.get(index).map(Scalar::of) {
            Some(Scalar::Number(_, unit)) => unit.suffix(),
            _ => return "",
        };
        if found.is_some_and(|found| found != suffix) {
            return "";
        }
        found = Some(suffix);
    }
    found.unwrap_or("")
}

fn field(text: &At<String>, schema: &Schema, diagnostics: &mut Diagnostics) -> Option<(Path, Field)> {
    let instead = match text.value.as_str() {
        "strategies" => Some("write `strategies = [...]` at the top: every point runs under each"),
        "replicates" => Some("write `replicates = 10` at the top"),
        "schema_version" | "name" => Some("it decides nothing about a run"),
        _ => None,
    };
    if let Some(hint) = instead {
        diagnostics.error(text.span.clone(), format!("`{}` cannot be an axis", text.value)).hint(hint);
        return None;
    }
    path::read(&text.value, &text.span, schema, diagnostics)
}

fn listed(values: &At<Vec<At<RawAny>>>, fields: usize, diagnostics: &mut Diagnostics) -> Option<Vec<Setting>> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut is_right = true;
    for value in &values.value {
        let setting = match (&value.value.0, fields) {
            (one, 1) => vec![one.clone()],
            (Value::Array(several), _) if several.len() == fields => several.clone(),
            _ => {
                diagnostics.error(value.span.clone(), format!("expected a list of {fields} values, one for each path"));
                is_right = false;
                continue;
            }
        };
        if settings.contains(&setting) {
            diagnostics.error(value.span.clone(), format!("duplicate value `{}`", value.value.0)).hint("values must be unique");
            is_right = false;
        }
        settings.push(setting);
    }
    is_right.then_some(settings)
}

fn ranged(
    at: &At<RawRange>,
    field: Field,
    is_grid: bool,
    diagnostics: &mut Diagnostics,
) -> Option<(Vec<Setting>, Option<Range>)> {
    let raw = &at.value;
    let (from, to) = (raw.from.as_ref()?, raw.to.as_ref()?);
    let mut number = |end: &At<RawAny>| {
        let found = match &end.value.0 {
            Value::Integer(number) => Some((*number as f64, if field.is_integer { Unit::Whole } else { Unit::Real })),
            Value::Float(number) if number.is_finite() && !field.is_integer => Some((*number, Unit::Real)),
            Value::String(text) => quantity(text),
            _ => None,
        };
        if found.is_none() {
            let right = if field.is_integer { "a whole number" } else { "a number, or a text of one with its unit" };
            diagnostics.error(end.span.clone(), format!("`{}` cannot end a range", end.value.0)).hint(format!("write {right}"));
        }
        found
    };
    let ((from_number, unit), (to_number, other)) = (number(from)?, number(to)?);
    let scale = raw.scale.unwrap_or_default();
    if unit != other {
        diagnostics.error(to.span.clone(), "the ends of the range have different units").hint("write both in one unit");
        return None;
    }
    if from_number >= to_number {
        diagnostics.error(to.span.clone(), "the range is empty").hint("`to` must be above `from`");
        return None;
    }
    if scale == RawScale::Log && from_number <= 0.0 {
        diagnostics.error(from.span.clone(), "a logarithmic range begins above 0").hint("raise `from`, or use a linear scale");
        return None;
    }
    let range = Range { from: from_number, to: to_number, scale, unit };
    if !is_grid {
        return Some((Vec::new(), Some(range)));
    }
    let Some(count) = &raw.count else {
        diagnostics.error(at.span.clone(), "a range in a grid has a number of values").hint("add e.g. `count = 10`");
        return None;
    };
    if count.value > MOST_VALUES {
        let hint = format!("must be at most {MOST_VALUES}");
        diagnostics.error(count.span.clone(), format!("`{}` is out of range", count.value)).hint(hint);
        return None;
    }
    let last = (count.value - 1) as f64;
    let mut settings: Vec<Setting> = (0..count.value).map(|index| vec![range.at(index as f64 / last)]).collect();
    settings.dedup();
    Some((settings, Some(range)))
}

fn design(raw: &RawSweep, axes: &[(Axis, &At<RawAxis>)], diagnostics: &mut Diagnostics) -> Option<Design> {
    let span = raw.design.as_ref().or(None).map(|design| design.span.clone());
    match raw.design.as_ref().map(|design| &design.value) {
        None | Some(RawDesign::Grid) => {
            let size: u128 = axes.iter().fold(1, |size: u128, (axis, _)| size.saturating_mul(axis.count() as u128));
            if size > MOST_RUNS {
                let factors: Vec<String> = axes.iter().map(|(axis, _)| axis.count().to_string()).collect();
                let span = raw.axis.as_ref().map_or(0..0, |axes| axes.span.clone());
                let message = format!("the grid has {size} points ({}), the limit is {MOST_RUNS} runs", factors.join(" x "));
                let hint = "list fewer values, or draw points: `design = { sobol = { points = 1024 } }`";
                diagnostics.error(span, message).hint(hint);
                return None;
            }
            Some(Design::Grid)
        }
        Some(RawDesign::LatinHypercube(sampled)) => {
            let points = points(sampled.points.as_ref()?, diagnostics)?;
            Some(Design::LatinHypercube { points, seed: sampled.seed.as_ref().map_or(0, |seed| seed.value) })
        }
        Some(RawDesign::Sobol(sampled)) => {
            let points = points(sampled.points.as_ref()?, diagnostics)?;
            if axes.len() > MOST_SOBOL_AXES {
                let message = format!("{} axes, a Sobol sequence has at most {MOST_SOBOL_AXES} here", axes.len());
                diagnostics.error(span?, message).hint("use `latin_hypercube`");
                return None;
            }
            Some(Design::Sobol { points, shift_seed: sampled.seed.as_ref().map(|seed| seed.value) })
        }
    }
}

/// Axes of a Sobol sequence at most: direction numbers are known of so many.
pub(super) const MOST_SOBOL_AXES: usize = 32;

fn points(at: &At<u64>, diagnostics: &mut Diagnostics) -> Option<u64> {
    if u128::from(at.value) > MOST_RUNS {
        let message = format!("{} points, the limit is {MOST_RUNS} runs", at.value);
        diagnostics.error(at.span.clone(), message).hint("draw fewer");
        return None;
    }
    Some(at.value)
}

/// Where a value of an axis stands in the file.
fn span_of(at: &At<RawAxis>, index: usize) -> Span<usize> {
    let listed = at.value.values.as_ref().and_then(|values| values.value.get(index)).map(|value| value.span.clone());
    listed.or_else(|| at.value.range.as_ref().map(|range| range.span.clone())).unwrap_or_else(|| at.span.clone())
}

/// Values of an axis to try, by number.
fn tried(axis: &Axis) -> Vec<(usize, Setting)> {
    match (&axis.range, axis.settings.as_slice()) {
        (Some(range), []) => vec![(0, vec![range.at(0.0)]), (1, vec![range.at(1.0)])],
        (_, settings) if settings.len() > MOST_TRIED => {
            [0, settings.len() - 1].map(|index| (index, settings[index].clone())).to_vec()
        }
        (_, settings) => settings.iter().cloned().enumerate().collect(),
    }
}

/// Tries every value of every axis with the first of the others. Gives the scenario of the first point.
fn try_values(base: &Base, axes: &[(Axis, &At<RawAxis>)], at: &Span<usize>, diagnostics: &mut Diagnostics) -> Option<Scenario> {
    let plain: Vec<Axis> = axes.iter().map(|(axis, _)| axis.clone()).collect();
    let first: Vec<Setting> =
        plain.iter().filter_map(|axis| tried(axis).into_iter().next()).map(|(_, setting)| setting).collect();
    let varies_profile = plain.iter().any(|axis| axis.paths.iter().any(Axis::is_of_profile));
    let attempt = |settings: &[Setting]| -> Result<Scenario, String> {
        let mut table = base.table.clone();
        for (axis, setting) in plain.iter().zip(settings) {
            axis.apply(setting, false, &mut table)?;
        }
        let scenario = scenario_of(&table, base)?;
        if varies_profile {
            let profile: Document<Profile> = Profile::open(&scenario.device).map_err(|error| error.to_string())?;
            profile_of(&profile, &plain, settings)?
                .value
                .device()
                .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<String>>().join("; "))?;
        }
        Ok(scenario)
    };
    let whole = attempt(&first);
    let mut has_failed = false;
    for (number, (axis, raw)) in axes.iter().enumerate() {
        for (index, setting) in tried(axis).into_iter().skip(usize::from(whole.is_ok())) {
            let mut settings = first.clone();
            settings[number].clone_from(&setting);
            if let Err(why) = attempt(&settings) {
                // What is wrong with the first point is told of the axis without which it would be right.
                let is_own = whole.is_ok() || without(base, &plain, &first, number);
                if is_own {
                    let values: Vec<String> = setting.iter().map(ToString::to_string).collect();
                    diagnostics.error(span_of(raw, index), format!("with {}: {why}", values.join(", ")));
                    has_failed = true;
                }
            }
        }
    }
    match whole {
        Ok(scenario) => Some(scenario),
        Err(why) => {
            if !has_failed {
                diagnostics.error(at.clone(), format!("with the first value of every axis: {why}"));
            }
            None
        }
    }
}

/// Whether the first point is right once an axis is left as the scenario has it.
fn without(base: &Base, axes: &[Axis], first: &[Setting], left_out: usize) -> bool {
    let mut table = base.table.clone();
    for (index, (axis, setting)) in axes.iter().zip(first).enumerate() {
        if index != left_out && axis.apply(setting, false, &mut table).is_err() {
            return false;
        }
    }
    scenario_of(&table, base).is_ok()
}
