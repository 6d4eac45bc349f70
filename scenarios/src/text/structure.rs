//! Checks a parsed text against the JSON Schema of its format and drops what does not fit.

use std::any::TypeId;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value as Schema;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::text::{Diagnostics, suggestion};

/// The schema of a format, all definitions in place.
///
/// Made once for each format: a sweep reads a scenario for each of its points.
pub(crate) fn schema_of<T: JsonSchema + 'static>() -> Arc<Schema> {
    static MADE: Mutex<Vec<(TypeId, Arc<Schema>)>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, schema)) = made.iter().find(|(of, _)| *of == TypeId::of::<T>()) {
        return Arc::clone(schema);
    }
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = Arc::new(settings.into_generator().into_root_schema_for::<T>().to_value());
    made.push((TypeId::of::<T>(), Arc::clone(&schema)));
    schema
}

/// Whether a value may stay where it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    Drop,
}

type Value<'i> = Spanned<DeValue<'i>>;

/// Reports a file of another version. Nothing else is worth a report then: another version has other keys.
pub(crate) fn check_version(document: &Value<'_>, schema: &Schema, diagnostics: &mut Diagnostics) {
    const KEY: &str = "schema_version";
    let (DeValue::Table(table), Some(read)) = (document.get_ref(), schema["properties"][KEY]["maximum"].as_u64()) else { return };
    let Some(value) = table.get(KEY) else { return };
    let DeValue::Integer(integer) = value.get_ref() else { return };
    if u64::from_str_radix(integer.as_str(), integer.radix()) != Ok(read) {
        let message = format!("the file is of version {integer}, this program reads {read}");
        let hint = "`socrates schema` prints the format of this version";
        diagnostics.error(value.span(), message).hint(hint);
    }
}

/// Reports everything in `value` that `schema` does not allow, and removes it.
pub(crate) fn check(value: &mut Value<'_>, schema: &Schema, diagnostics: &mut Diagnostics) -> Fate {
    let span = value.span();
    if schema.as_object().is_some_and(|schema| !schema.contains_key("type") && !is_choice(schema)) {
        // A value of any type.
        return Fate::Keep;
    }
    if let Some(alternatives) = alternatives(schema) {
        return check_choice(value, &alternatives, diagnostics);
    }
    if let Some(names) = schema["enum"].as_array() {
        let names: Vec<&str> = names.iter().filter_map(Schema::as_str).collect();
        return check_name(value, &names, diagnostics);
    }
    match (value.get_mut(), schema_type(schema)) {
        (DeValue::Table(table), "object") => check_table(table, span, schema, diagnostics),
        (DeValue::Array(array), "array") => check_array(array, span, schema, diagnostics),
        (DeValue::Integer(integer), "integer" | "number") => match i128::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => check_integer(number, span, schema, diagnostics),
            Err(_) => out_of_range(integer.as_str(), "a number of at most 64 bits", span, diagnostics),
        },
        (DeValue::Float(float), "number") => check_float(float.as_str(), span, schema, diagnostics),
        (DeValue::String(text), "string") => check_text(text, span, schema, diagnostics),
        (DeValue::Boolean(_), "boolean") => Fate::Keep,
        (found, expected) => wrong_type(found, expected, span, schema, diagnostics),
    }
}

fn is_choice(schema: &serde_json::Map<String, Schema>) -> bool {
    ["oneOf", "anyOf", "enum", "const"].iter().any(|keyword| schema.contains_key(*keyword))
}

/// The schemas of which one must fit; `None` where there is only one (`null` does not count: TOML has none).
fn alternatives(schema: &Schema) -> Option<Vec<&Schema>> {
    let list = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array())?;
    Some(list.iter().filter(|one| schema_type(one) != "null").collect())
}

fn schema_type(schema: &Schema) -> &str {
    match &schema["type"] {
        Schema::String(name) => name,
        Schema::Array(names) => names.iter().filter_map(Schema::as_str).find(|&name| name != "null").unwrap_or(""),
        _ => "",
    }
}

/// An externally tagged choice: names, and tables of exactly one key.
fn check_choice(value: &mut Value<'_>, alternatives: &[&Schema], diagnostics: &mut Diagnostics) -> Fate {
    if let [only] = alternatives {
        return check(value, only, diagnostics);
    }
    let span = value.span();
    let names = alternatives.iter().flat_map(|one| {
        one["const"].as_str().into_iter().chain(one["enum"].as_array().into_iter().flatten().filter_map(Schema::as_str))
    });
    let names: Vec<&str> = names.collect();
    let tables: Vec<(&str, &Schema)> = alternatives
        .iter()
        .filter_map(|one| one["properties"].as_object())
        .flat_map(|properties| properties.iter().map(|(key, schema)| (key.as_str(), schema)))
        .collect();
    let DeValue::Table(table) = value.get_mut() else {
        let all: Vec<&str> = names.iter().copied().chain(tables.iter().map(|(key, _)| *key)).collect();
        return check_name(value, &all, diagnostics);
    };
    let (mut kept, mut refused) = (0, 0);
    let mut entries = std::mem::take(table).into_iter().collect::<Vec<_>>();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, mut inner) in entries {
        let Some((_, schema)) = tables.iter().find(|(name, _)| *name == key.get_ref().as_ref()) else {
            let hint = suggestion(key.get_ref(), tables.iter().map(|(name, _)| *name));
            diagnostics.error(key.span(), format!("unknown choice `{}`", key.get_ref())).hint(hint);
            refused += 1;
            continue;
        };
        if kept > 0 {
            let hint = "keep one of the choices";
            diagnostics.error(key.span(), format!("`{}` is a second choice where one is allowed", key.get_ref())).hint(hint);
            continue;
        }
        kept += 1;
        if check(&mut inner, schema, diagnostics) == Fate::Keep {
            table.insert(key, inner);
        }
    }
    if kept + refused == 0 {
        let hint = suggestion("", tables.iter().map(|(name, _)| *name));
        diagnostics.error(span, "a choice is missing").hint(hint);
    }
    if table.is_empty() { Fate::Drop } else { Fate::Keep }
}

fn check_name(value: &Value<'_>, names: &[&str], diagnostics: &mut Diagnostics) -> Fate {
    match value.get_ref() {
        DeValue::String(text) if names.contains(&text.as_ref()) => Fate::Keep,
        DeValue::String(text) => {
            let hint = suggestion(text, names.iter().copied());
            diagnostics.error(value.span(), format!("unknown value `{text}`")).hint(hint);
            Fate::Drop
        }
        other => {
            let hint = suggestion("", names.iter().copied());
            diagnostics.error(value.span(), format!("expected one of a few names, found {}", described(other))).hint(hint);
            Fate::Drop
        }
    }
}

fn check_table(table: &mut DeTable<'_>, span: Range<usize>, schema: &Schema, diagnostics: &mut Diagnostics) -> Fate {
    let properties = schema["properties"].as_object();
    let allowed = |key: &str| properties.and_then(|properties| properties.get(key));
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Schema::as_str) {
        if !table.contains_key(name) {
            let error = diagnostics.error(span.clone(), format!("missing key `{name}`"));
            if let Some(example) = allowed(name).and_then(example) {
                error.hint(format!("add e.g. `{name} = {example}`"));
            }
        }
    }
    for (key, mut value) in std::mem::take(table) {
        let name = key.get_ref().as_ref();
        let fate = if let Some(schema) = allowed(name) {
            check(&mut value, schema, diagnostics)
        } else if schema["additionalProperties"].is_object() {
            check(&mut value, &schema["additionalProperties"], diagnostics)
        } else {
            let hint = suggestion(name, properties.into_iter().flat_map(|all| all.keys().map(String::as_str)));
            diagnostics.error(key.span(), format!("unknown key `{name}`")).hint(hint);
            Fate::Drop
        };
        if fate == Fate::Keep {
            table.insert(key, value);
        }
    }
    Fate::Keep
}

fn check_array(array: &mut DeArray<'_>, span: Range<usize>, schema: &Schema, diagnostics: &mut Diagnostics) -> Fate {
    if let Some(minimum) = schema["minItems"].as_u64()
        && (array.len() as u64) < minimum
    {
        let error = diagnostics.error(span, format!("too few entries: {} of at least {minimum}", array.len()));
        if let Some(example) = example(schema) {
            error.hint(format!("write e.g. {example}"));
        }
    }
    let items = std::mem::replace(array, DeArray::new()).into_iter();
    *array =
        items.filter_map(|mut item| (check(&mut item, &schema["items"], diagnostics) == Fate::Keep).then_some(item)).collect();
    Fate::Keep
}

fn check_integer(number: i128, span: Range<usize>, schema: &Schema, diagnostics: &mut Diagnostics) -> Fate {
    let (least, most) = match schema["format"].as_str() {
        Some("uint64") => (0, i128::from(u64::MAX)),
        Some("uint32") => (0, i128::from(u32::MAX)),
        Some("int32") => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    let least = schema["minimum"].as_i64().map_or(least, i128::from).max(least);
    let most = schema["maximum"].as_i64().map_or(most, i128::from).min(most);
    if number < least {
        return out_of_range(&number.to_string(), &format!("at least {least}"), span, diagnostics);
    }
    if number > most {
        return out_of_range(&number.to_string(), &format!("at most {most}"), span, diagnostics);
    }
    check_float(&number.to_string(), span, schema, diagnostics)
}

fn check_float(text: &str, span: Range<usize>, schema: &Schema, diagnostics: &mut Diagnostics) -> Fate {
    let number = text.parse::<f64>().unwrap_or(f64::NAN);
    if !number.is_finite() {
        return out_of_range(text, "a finite number", span, diagnostics);
    }
    let bounds = [
        ("minimum", "at least", Ordering::is_ge as fn(Ordering) -> bool),
        ("exclusiveMinimum", "above", Ordering::is_gt),
        ("maximum", "at most", Ordering::is_le),
        ("exclusiveMaximum", "below", Ordering::is_lt),
    ];
    for (keyword, words, holds) in bounds {
        if let Some(bound) = schema[keyword].as_f64()
            && !holds(number.total_cmp(&bound))
        {
            return out_of_range(text, &format!("{words} {bound}"), span, diagnostics);
        }
    }
    Fate::Keep
}

fn check_text(text: &str, span: Range<usize>, schema: &Schema, diagnostics: &mut Diagnostics) -> Fate {
    if schema["minLength"].as_u64().is_some_and(|minimum| (text.chars().count() as u64) < minimum) {
        diagnostics.error(span, "empty text").hint("write something between the quotes");
        return Fate::Drop;
    }
    Fate::Keep
}

fn out_of_range(number: &str, right: &str, span: Range<usize>, diagnostics: &mut Diagnostics) -> Fate {
    diagnostics.error(span, format!("`{number}` is out of range")).hint(format!("must be {right}"));
    Fate::Drop
}

fn wrong_type(found: &DeValue<'_>, expected: &str, span: Range<usize>, schema: &Schema, diagnostics: &mut Diagnostics) -> Fate {
    let number = matches!(found, DeValue::Integer(_) | DeValue::Float(_));
    let message = match (schema["pattern"].is_string(), schema["title"].as_str()) {
        (true, Some(what)) if number => format!("a {what} needs a unit"),
        _ => format!("expected {}, found {}", name_of(expected), described(found)),
    };
    let error = diagnostics.error(span, message);
    if let Some(example) = example(schema) {
        error.hint(format!("write e.g. {example}"));
    }
    Fate::Drop
}

/// An example of what a schema allows, as TOML.
fn example(schema: &Schema) -> Option<String> {
    toml::Value::try_from(schema["examples"].get(0)?).ok().map(|value| value.to_string())
}

fn name_of(schema_type: &str) -> &str {
    match schema_type {
        "object" => "a table",
        "array" => "an array",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        _ => "a text in quotes",
    }
}

fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
