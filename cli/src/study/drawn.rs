//! Charts of the study, drawn.

use plots::Scene;
use plots::charts::Panels;
use study::Figure;

use crate::failure::Failure;

/// A figure of the study, drawn: `plots` reads the data in the form in which they are written.
pub(crate) fn drawn(figure: &Figure) -> Result<Scene, Failure> {
    let value = serde_json::json!({ "caption": figure.caption, "columns": figure.columns, "panels": figure.panels });
    let panels: Panels = serde_json::from_value(value).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("figure `{}` cannot be drawn", figure.caption));
        Failure::output(error)
    })?;
    Ok(panels.draw())
}
