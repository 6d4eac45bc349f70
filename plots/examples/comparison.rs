//! Draws the figures of a comparison: `comparison COMPARISON.json FOLDER`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use plots::charts::Comparison;
use plots::style::Width;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(file), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("two arguments are needed: a serialised comparison, a folder".into());
    };
    let comparison: Comparison = serde_json::from_slice(&fs::read(file)?)?;
    fs::create_dir_all(&folder)?;
    for (kind, scene) in comparison.figures(Width::Single) {
        fs::write(folder.join(format!("{}-{kind}.svg", comparison.name)), scene.svg())?;
        fs::write(folder.join(format!("{}-{kind}.png", comparison.name)), scene.png(300.0)?)?;
        assert_eq!(scene.collisions(), Vec::<String>::new(), "labels of {kind}");
    }
    Ok(())
}
