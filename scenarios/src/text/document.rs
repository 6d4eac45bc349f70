//! Reading a text into a raw type, past everything wrong with it.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use crate::text::{Diagnostics, structure};

/// Reads `text` as a `T`, reporting everything that does not fit its schema. What does not fit is absent from the result; the
/// result itself is absent where the text is not TOML at all, or of another version of the format.
pub(crate) fn read<T: DeserializeOwned + JsonSchema + 'static>(text: &str, diagnostics: &mut Diagnostics) -> Option<T> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            diagnostics.error(error.span().unwrap_or(0..0), error.message().trim_end());
        }
        return None;
    }
    let mut document = Spanned::new(0..0, DeValue::Table(table.into_inner()));
    let schema = structure::schema_of::<T>();
    structure::check_version(&document, &schema, diagnostics);
    if !diagnostics.is_empty() {
        return None;
    }
    structure::check(&mut document, &schema, diagnostics);
    let DeValue::Table(table) = document.into_inner() else { return None };
    match T::deserialize(Deserializer::from(Spanned::new(0..text.len(), table))) {
        Ok(value) => Some(value),
        Err(error) => {
            diagnostics.error(error.span().unwrap_or(0..0), error.message());
            None
        }
    }
}
