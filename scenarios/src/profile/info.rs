//! What results say about the profile they rest on.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::profile::{Profile, Provenance};
use crate::read::Document;

/// Identifies a profile in results.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileInfo {
    /// Name.
    pub name: String,
    /// SHA-256 of the text, in hexadecimal.
    pub fingerprint: String,
    /// Where its numbers come from.
    pub provenance: Provenance,
}

impl ProfileInfo {
    /// Of a profile and its text.
    pub fn of(document: &Document<Profile>) -> Self {
        Self {
            name: document.value.name.clone(),
            fingerprint: fingerprint(document.text.as_bytes()),
            provenance: document.value.provenance.clone(),
        }
    }
}

/// SHA-256 in hexadecimal.
pub fn fingerprint(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
