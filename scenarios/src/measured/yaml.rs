//! The part of YAML that programs write tables in: nested keys and lists by indentation, one plain or quoted scalar a line.
//!
//! Flow style (`{}` and `[]` but for empty ones), anchors, tags and block texts are refused, with the line.

use serde_json::{Map, Value};

/// What is wrong in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) line: usize,
    pub(super) problem: String,
}

/// Deepest nesting.
const DEEPEST: usize = 64;

struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

pub(super) fn read(text: &str) -> Result<Value, YamlError> {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let body = line.trim_end();
        let content = body.trim_start_matches(' ');
        if content.is_empty() || content.starts_with('#') || content == "---" {
            continue;
        }
        if content.starts_with('\t') {
            return Err(YamlError { line: index + 1, problem: "a tab cannot indent".to_owned() });
        }
        lines.push(Line { number: index + 1, indent: body.len() - content.len(), text: content });
    }
    if lines.is_empty() {
        return Ok(Value::Null);
    }
    let mut position = 0;
    let value = block(&mut lines, &mut position, 0)?;
    match lines.get(position) {
        None => Ok(value),
        Some(line) => Err(YamlError { line: line.number, problem: "indented less than what it belongs to".to_owned() }),
    }
}

/// The map or list that begins at a line.
fn block(lines: &mut [Line<'_>], position: &mut usize, depth: usize) -> Result<Value, YamlError> {
    let indent = lines[*position].indent;
    if depth > DEEPEST {
        return Err(YamlError { line: lines[*position].number, problem: format!("nested deeper than {DEEPEST} levels") });
    }
    if is_item(lines[*position].text) { list(lines, position, indent, depth) } else { map(lines, position, indent, depth) }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn list(lines: &mut [Line<'_>], position: &mut usize, indent: usize, depth: usize) -> Result<Value, YamlError> {
    let mut items = Vec::new();
    while let Some(line) = lines.get_mut(*position).filter(|line| line.indent == indent && is_item(line.text)) {
        let rest = line.text[1..].trim_start_matches(' ');
        if rest.is_empty() {
            *position += 1;
            items.push(nested(lines, position, indent, depth)?);
        } else if is_item(rest) || key(rest).is_some() {
            // What follows the dash is a block of its own, indented by where it stands.
            line.indent += line.text.len() - rest.len();
            line.text = rest;
            items.push(block(lines, position, depth + 1)?);
        } else {
            items.push(scalar(rest, line.number)?);
            *position += 1;
        }
    }
    check_indent(lines, *position, indent)?;
    Ok(Value::Array(items))
}

fn map(lines: &mut [Line<'_>], position: &mut usize, indent: usize, depth: usize) -> Result<Value, YamlError> {
    let mut entries = Map::new();
    while let Some(line) = lines.get(*position).filter(|line| line.indent == indent && !is_item(line.text)) {
        let number = line.number;
        let wrong = |problem: String| YamlError { line: number, problem };
        let (name, rest) =
            key(line.text).ok_or_else(|| wrong(format!("`{}` is neither a key nor an item of a list", line.text)))?;
        let name = match scalar(name, number)? {
            Value::String(name) => name,
            other => other.to_string(),
        };
        *position += 1;
        let value = if rest.is_empty() { nested(lines, position, indent, depth)? } else { scalar(rest, number)? };
        if entries.insert(name.clone(), value).is_some() {
            return Err(wrong(format!("key `{name}` is there twice")));
        }
    }
    check_indent(lines, *position, indent)?;
    Ok(Value::Object(entries))
}

/// What a key or dash without a value holds: the deeper block below, or a list at the same depth, or nothing.
fn nested(lines: &mut [Line<'_>], position: &mut usize, indent: usize, depth: usize) -> Result<Value, YamlError> {
    match lines.get(*position) {
        Some(line) if line.indent > indent || (line.indent == indent && is_item(line.text)) => block(lines, position, depth + 1),
        _ => Ok(Value::Null),
    }
}

fn check_indent(lines: &[Line<'_>], position: usize, indent: usize) -> Result<(), YamlError> {
    match lines.get(position) {
        Some(line) if line.indent > indent => {
            Err(YamlError { line: line.number, problem: "indented more than the line above it".to_owned() })
        }
        _ => Ok(()),
    }
}

/// Key and the rest of a line.
fn key(text: &str) -> Option<(&str, &str)> {
    let end = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => 2 + text[1..].find(quote)?,
        _ => text.find(": ").or_else(|| text.strip_suffix(':').map(str::len))?,
    };
    let rest = text.get(end..)?.strip_prefix(':')?;
    Some((&text[..end], rest.trim()))
}

fn scalar(text: &str, line: usize) -> Result<Value, YamlError> {
    let wrong = |problem: &str| YamlError { line, problem: format!("`{text}`: {problem}") };
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            let inner = rest.strip_suffix(quote).ok_or_else(|| wrong("the quotation does not end in its line"))?;
            return Ok(Value::String(inner.to_owned()));
        }
    }
    let text = text.split(" #").next().unwrap_or(text).trim();
    match text {
        "null" | "~" => return Ok(Value::Null),
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        "[]" => return Ok(Value::Array(Vec::new())),
        "{}" => return Ok(Value::Object(Map::new())),
        _ => {}
    }
    if text.starts_with(['{', '[', '&', '*', '!', '|', '>', '%', '@', '`']) {
        return Err(wrong("only keys, lists and plain values are read, each in a line of its own"));
    }
    let number = text.parse::<i64>().map(Value::from).ok();
    let number = number.or_else(|| text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::from));
    Ok(number.unwrap_or_else(|| Value::String(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn blocks_read_as_json() {
        let check = |text: &str, expected: serde_json::Value| assert_eq!(read(text).as_ref(), Ok(&expected), "{text}");
        check("a: 1\nb:\n  c: x y\n  d: -2.5\n", json!({"a": 1, "b": {"c": "x y", "d": -2.5}}));
        check("a:\n- 1\n- two\nb: null\n", json!({"a": [1, "two"], "b": null}));
        check("- a: 1\n  b: 2\n-\n  a: 3\n", json!([{"a": 1, "b": 2}, {"a": 3}]));
        check("QCS (Proxy):\n  t: \"1: 2\"  \n# end\n", json!({"QCS (Proxy)": {"t": "1: 2"}}));
        check("'a b': true\nc: []\nd:\n", json!({"a b": true, "c": [], "d": null}));
        check("", json!(null));
    }

    #[test]
    fn what_is_not_read_is_named_by_its_line() {
        let check = |text: &str, line: usize, part: &str| {
            let error = read(text).expect_err(text);
            assert!(error.line == line && error.problem.contains(part), "{text}: {error:?}");
        };
        check("a: {b: 1}", 1, "plain values");
        check("a: 1\na: 2", 2, "twice");
        check("a: 1\n   b: 2", 2, "indented more");
        check("  a: 1\nb: 2", 2, "indented less");
        check("a:\n\tb: 1", 2, "tab");
        check("a: \"x", 1, "does not end");
        check("just words", 1, "neither a key");
        let nested: Vec<String> = (0..80).map(|depth| format!("{}a:", " ".repeat(depth))).collect();
        check(&nested.join("\n"), 66, "nested deeper");
    }
}
