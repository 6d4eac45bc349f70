//! What is wrong with a file, where, and what to do about it.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::text::{At, QuantityError};

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The bytes at fault.
    pub span: Range<usize>,
    /// What is wrong: lower case, values in backticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Collects what is wrong with one file.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Reports an error at `span`.
    pub fn error(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        self.found.push(Diagnostic { span, message: message.into(), hint: None });
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Reports a name that means nothing, with the nearest that does.
    pub fn unknown<'a>(&mut self, what: &str, name: &At<String>, known: impl IntoIterator<Item = &'a str>) {
        let hint = super::suggestion(&name.value, known);
        self.error(name.span.clone(), format!("unknown {what} `{}`", name.value)).hint(hint);
    }

    /// The number of a quantity; reports why a text is none, with `hint`.
    pub fn quantity<T, N>(&mut self, at: &At<T>, parsed: Result<N, QuantityError>, hint: impl FnOnce() -> String) -> Option<N> {
        match parsed {
            Ok(number) => Some(number),
            Err(error) => {
                self.error(at.span.clone(), error.to_string()).hint(hint());
                None
            }
        }
    }

    /// Reports every name that stands more than once.
    pub fn duplicates<'a>(&mut self, what: &str, names: impl IntoIterator<Item = &'a At<String>>) {
        let mut seen: Vec<&str> = Vec::new();
        for name in names {
            if seen.contains(&name.value.as_str()) {
                self.error(name.span.clone(), format!("duplicate {what} `{}`", name.value)).hint("names must be unique");
            }
            seen.push(&name.value);
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The value, if nothing is wrong with the file; else the errors, in the order of the file.
    pub(crate) fn finish<T>(mut self, file: &str, text: &str, value: Option<T>) -> Result<T, FileErrors> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => {
                self.found.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
                self.found.dedup();
                Err(FileErrors { file: file.to_owned(), text: text.to_owned(), diagnostics: self.found })
            }
        }
    }
}

impl Diagnostic {
    /// Adds what to do about it.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything wrong with one file. Displays as a report with the lines at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileErrors {
    /// The file, as the user named it.
    pub file: String,
    /// Its text.
    text: String,
    /// What is wrong, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl FileErrors {
    /// Line and column, both from 1, of the start of a diagnostic.
    pub fn position(&self, diagnostic: &Diagnostic) -> (usize, usize) {
        let before = &self.text[..boundary(&self.text, diagnostic.span.start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The report, coloured for a terminal if `coloured`.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        let reports: Vec<String> = self.diagnostics.iter().map(|diagnostic| self.render_one(&renderer, diagnostic)).collect();
        reports.join("\n\n")
    }

    fn render_one(&self, renderer: &Renderer, diagnostic: &Diagnostic) -> String {
        let start = boundary(&self.text, diagnostic.span.start);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline);
        let end = boundary(&self.text, diagnostic.span.end).clamp(start, line_end);
        let snippet = Snippet::source(&self.text).path(&self.file).annotation(AnnotationKind::Primary.span(start..end));
        let mut group = Level::ERROR.primary_title(&diagnostic.message).element(snippet);
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.with_name("hint").message(hint));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for FileErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for FileErrors {}

/// The last character boundary at or before `offset`.
fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
