//! Makes parts of the study, draws them, and lays them down as files.

mod drawn;
mod files;
mod made;

pub(crate) use drawn::drawn;
pub(crate) use files::{Laid, page_of, part_files, study_file, with_folders};
pub(crate) use made::{Study, make};
