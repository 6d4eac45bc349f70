//! Standard output: what was asked for and nothing else.

use std::io::{self, Write};

use crate::failure::Failure;

/// Writes a text that ends with a newline.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}
