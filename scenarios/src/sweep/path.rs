//! Paths of fields, `stream[0].arrivals.poisson.rate_per_second`: read, held against the schema, followed in a table.

use std::ops::Range;

use serde_json::Value as Schema;
use toml::{Table, Value};

use crate::text::{Diagnostics, suggestion};

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a table.
    Key(String),
    /// Into an array, by position.
    Index(usize),
    /// Into an array of tables, by the `name` of one, or else its `model`.
    Name(String),
    /// Into every entry of an array.
    All,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// As written.
    pub text: String,
    /// The way to it.
    pub steps: Vec<Step>,
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Whole numbers only.
    pub(super) is_integer: bool,
}

/// Something, and where it stands in a text.
type Placed<T> = (T, Range<usize>);

/// The steps of a text, each with where it stands in it.
fn steps(text: &str) -> Result<Vec<Placed<Step>>, Placed<String>> {
    let mut steps = Vec::new();
    let mut at = 0;
    for part in text.split('.') {
        let (key, brackets) = part.split_once('[').map_or((part, None), |(key, rest)| (key, Some(rest)));
        if key.is_empty() {
            return Err(("a name is missing".to_owned(), at..at + part.len()));
        }
        steps.push((Step::Key(key.to_owned()), at..at + key.len()));
        if let Some(rest) = brackets {
            let start = at + key.len() + 1;
            let Some(inside) = rest.strip_suffix(']').filter(|inside| !inside.is_empty() && !inside.contains(['[', ']'])) else {
                return Err(("expected a number, a name or `*` in brackets".to_owned(), start - 1..at + part.len()));
            };
            let step = match inside.parse::<usize>() {
                Ok(index) => Step::Index(index),
                Err(_) if inside == "*" => Step::All,
                Err(_) => Step::Name(inside.to_owned()),
            };
            steps.push((step, start..start + inside.len()));
        }
        at += part.len() + 1;
    }
    Ok(steps)
}

/// Reads a path, quoted at `span`, and follows it through a schema. Reports what is wrong with it.
pub(super) fn read(text: &str, span: &Range<usize>, schema: &Schema, diagnostics: &mut Diagnostics) -> Option<(Path, Field)> {
    // Behind the opening quote.
    let within = |at: &Range<usize>| span.start + 1 + at.start..span.start + 1 + at.end;
    let steps = match steps(text) {
        Ok(steps) => steps,
        Err((message, at)) => {
            diagnostics.error(within(&at), message).hint("write e.g. `stream[0].deadline`");
            return None;
        }
    };
    let mut here: Vec<&Schema> = vec![schema];
    for (step, at) in &steps {
        here = here.into_iter().flat_map(alternatives).collect();
        let next: Vec<&Schema> = match step {
            Step::Key(key) => {
                let tables = here.iter().filter(|one| one["properties"].is_object() || one["additionalProperties"].is_object());
                let tables: Vec<&&Schema> = tables.collect();
                if tables.is_empty() {
                    let before = &text[..at.start.saturating_sub(1)];
                    let is_list = here.iter().any(|one| one["items"].is_object());
                    let hint = if is_list {
                        format!("it is a list: write `{before}[0].{key}`")
                    } else {
                        format!("end it at `{before}`")
                    };
                    diagnostics.error(within(at), format!("`{before}` has no fields")).hint(hint);
                    return None;
                }
                let found: Vec<&Schema> = tables
                    .iter()
                    .filter_map(|one| {
                        one["properties"].get(key).or_else(|| one.get("additionalProperties").filter(|it| it.is_object()))
                    })
                    .collect();
                if found.is_empty() {
                    let known = tables.iter().filter_map(|one| one["properties"].as_object()).flat_map(|all| all.keys());
                    let hint = suggestion(key, known.map(String::as_str));
                    diagnostics.error(within(at), format!("unknown field `{key}`")).hint(hint);
                    return None;
                }
                found
            }
            Step::Index(_) | Step::Name(_) | Step::All => {
                let found: Vec<&Schema> = here.iter().filter_map(|one| one.get("items")).collect();
                if found.is_empty() {
                    let before = &text[..at.start.saturating_sub(1)];
                    diagnostics.error(within(at), format!("`{before}` is not a list")).hint("leave out the brackets");
                    return None;
                }
                found
            }
        };
        here = next;
    }
    let of: Vec<&Schema> = here.into_iter().flat_map(alternatives).collect();
    let is_integer = of.iter().any(|one| has_type(one, "integer")) && !of.iter().any(|one| has_type(one, "number"));
    Some((Path { text: text.to_owned(), steps: steps.into_iter().map(|(step, _)| step).collect() }, Field { is_integer }))
}

/// The schemas of which one fits.
fn alternatives(schema: &Schema) -> Vec<&Schema> {
    let list = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    list.map_or_else(|| vec![schema], |list| list.iter().flat_map(alternatives).collect())
}

fn has_type(schema: &Schema, name: &str) -> bool {
    match &schema["type"] {
        Schema::String(one) => one == name,
        Schema::Array(several) => several.iter().any(|one| one == name),
        _ => false,
    }
}

impl Path {
    /// Whether setting one field changes the other: they are the same, or one holds the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        let same = |(one, other): (&Step, &Step)| match (one, other) {
            (Step::Key(one), Step::Key(other)) | (Step::Name(one), Step::Name(other)) => one == other,
            (Step::Index(one), Step::Index(other)) => one == other,
            // Which entry a name stands for is not known here.
            _ => true,
        };
        self.steps.iter().zip(&other.steps).all(same)
    }

    /// The path within the profile, or itself.
    pub(super) fn below(&self, profile: bool) -> Self {
        Self { text: self.text.clone(), steps: self.steps[usize::from(profile)..].to_vec() }
    }

    /// Sets the field in a table. Tables on the way are made; entries of arrays must exist.
    ///
    /// # Errors
    /// Says which part of the path leads nowhere.
    pub fn set(&self, table: &mut Table, value: &Value) -> Result<(), String> {
        let Some((Step::Key(key), rest)) = self.steps.split_first() else { return Err("the path is empty".to_owned()) };
        set_key(table, key, rest, value)
    }
}

fn set_key(table: &mut Table, key: &str, rest: &[Step], value: &Value) -> Result<(), String> {
    let Some((next, after)) = rest.split_first() else {
        table.insert(key.to_owned(), value.clone());
        return Ok(());
    };
    match next {
        Step::Key(inner) => match table.entry(key).or_insert_with(|| Value::Table(Table::new())) {
            Value::Table(table) => set_key(table, inner, after, value),
            _ => Err(format!("`{key}` is not a table in the scenario")),
        },
        Step::Index(_) | Step::Name(_) | Step::All => {
            let Some(Value::Array(entries)) = table.get_mut(key) else { return Err(format!("the scenario has no list `{key}`")) };
            let chosen: Vec<usize> = match next {
                Step::Index(index) if *index < entries.len() => vec![*index],
                Step::All => (0..entries.len()).collect(),
                Step::Name(name) => {
                    let is = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str) == Some(name);
                    let named =
                        entries.iter().position(|it| is(it, "name")).or_else(|| entries.iter().position(|it| is(it, "model")));
                    named.into_iter().collect()
                }
                _ => Vec::new(),
            };
            if chosen.is_empty() {
                let names = entries.iter().filter_map(|it| it.get("name").or_else(|| it.get("model"))).filter_map(Value::as_str);
                let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                let what = match next {
                    Step::Name(name) => format!("named `{name}`"),
                    Step::Index(index) => format!("with number {index}"),
                    _ => "at all".to_owned(),
                };
                return Err(format!(
                    "`{key}` has no entry {what}: it has {} ({}), counted from 0",
                    entries.len(),
                    names.join(", ")
                ));
            }
            for index in chosen {
                match (after.split_first(), &mut entries[index]) {
                    (None, entry) => *entry = value.clone(),
                    (Some((Step::Key(inner), rest)), Value::Table(table)) => set_key(table, inner, rest, value)?,
                    _ => return Err(format!("an entry of `{key}` is not a table")),
                }
            }
            Ok(())
        }
    }
}
