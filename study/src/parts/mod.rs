//! The parts of the study, a file each.

mod devices;

use crate::Part;

/// All parts, in the order of the page. The command line, the page and the tests loop over it.
pub const PARTS: &[Part] = &[devices::PART];
