//! The JSON Schemas of the formats, for editors and other tools.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::profile::RawProfile;
use crate::scenario::RawScenario;
use crate::sweep::RawSweep;

/// The JSON Schema of a scenario file.
pub fn scenario() -> String {
    text_of::<RawScenario>()
}

/// The JSON Schema of a device profile.
pub fn profile() -> String {
    text_of::<RawProfile>()
}

/// The JSON Schema of a sweep file.
pub fn sweep() -> String {
    text_of::<RawSweep>()
}

fn text_of<T: JsonSchema>() -> String {
    let settings = SchemaSettings::draft2020_12().with_transform(without_null);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    format!("{:#}\n", schema.to_value())
}

/// Removes the `null` that optional fields allow in JSON: TOML has none, a value is absent instead.
fn without_null(schema: &mut Schema) {
    let mut value = schema.clone().to_value();
    strip(&mut value);
    if let Ok(stripped) = Schema::try_from(value) {
        *schema = stripped;
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(members) => {
            members.values_mut().for_each(strip);
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
                choices.retain(|choice| choice["type"] != "null");
                if let [only] = choices.as_slice() {
                    let only = only.as_object().cloned().unwrap_or_default();
                    members.remove("anyOf");
                    members.extend(only);
                }
            }
        }
        _ => {}
    }
}
