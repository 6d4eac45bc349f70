//! What results say about the profile they rest on.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::profile::{Profile, Provenance};

/// Identifies a profile in results.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub fn new(profile: &Profile, text: &str) -> Self {
        Self { name: profile.name.clone(), fingerprint: fingerprint(text.as_bytes()), provenance: profile.provenance.clone() }
    }
}

/// SHA-256 in hexadecimal.
pub fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
