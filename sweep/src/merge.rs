//! Shards put together.

use results::SweepFile;
use results::points::{Cells, PointsColumn, PointsTable};

use crate::shard::{ShardResult, Tally, WHOLE};
use crate::{ShardOf, SweepError};

/// The whole sweep from all its shards, in any order: equal, byte for byte once written, to the sweep run as a whole.
///
/// # Errors
/// Where shards are of different sweeps, one is missing or there twice, or one does not hold its points.
pub fn merge(mut shards: Vec<ShardResult>) -> Result<ShardResult, SweepError> {
    let wrong = |why: String| Err(SweepError::Merge(why));
    shards.sort_by_key(|shard| shard_of(&shard.about).index);
    let Some(first) = shards.first() else { return wrong("there are no shards".to_owned()) };
    let (about, count) = (first.about.clone(), shard_of(&first.about).count);
    for shard in &shards {
        if shard.about.digest != about.digest {
            return wrong(format!(
                "shards are of different sweeps: `{}` ({}) and `{}` ({}); the sweep file, something that it refers to, or the program changed",
                about.name, about.digest, shard.about.name, shard.about.digest
            ));
        }
        let of = shard_of(&shard.about);
        if of.count != count {
            return wrong(format!("one shard is of {count} parts, another of {}", of.count));
        }
        let names = |shard: &ShardResult| shard.table.columns.iter().map(|column| column.name.clone()).collect::<Vec<String>>();
        if names(shard) != names(first) {
            return wrong(format!("shard {} has other columns than shard {}", of.index, shard_of(&first.about).index));
        }
    }
    let indices: Vec<u64> = shards.iter().map(|shard| shard_of(&shard.about).index).collect();
    if let Some(&[twice, _]) = indices.array_windows().find(|[one, other]| one == other) {
        return wrong(format!("shard {twice} is there twice"));
    }
    let missing: Vec<String> = (0..count.min(about.points))
        .filter(|index| indices.binary_search(index).is_err())
        .map(|index| index.to_string())
        .collect();
    if !missing.is_empty() {
        const MOST: usize = 20;
        let listed = missing.iter().take(MOST).cloned().collect::<Vec<String>>().join(", ");
        let more = if missing.len() > MOST { format!(" and {} more", missing.len() - MOST) } else { String::new() };
        return wrong(format!("{} of {count} shards are missing: {listed}{more}", missing.len()));
    }
    let mut cursors = Vec::new();
    for shard in &shards {
        cursors.push((points_of(shard, count)?, 0_usize));
    }
    let emptied = |column: &PointsColumn| PointsColumn { name: column.name.clone(), cells: column.cells.emptied() };
    let mut columns: Vec<PointsColumn> = first.table.columns.iter().map(emptied).collect();
    for point in 0..about.points {
        let number = (point % count) as usize;
        let (points, cursor) = &mut cursors[number];
        while points.get(*cursor) == Some(&Some(point as i64)) {
            for (to, from) in columns.iter_mut().zip(&shards[number].table.columns) {
                to.cells.push_from(&from.cells, *cursor);
            }
            *cursor += 1;
        }
    }
    let failed_rows = shards.iter().map(|shard| shard.about.failed_rows).sum();
    let about = SweepFile { shard: None, failed_rows, files: Vec::new(), ..about };
    Ok(ShardResult { about, table: PointsTable { columns }, tally: Tally::default() })
}

/// Which part it is; a whole sweep is its only one.
fn shard_of(about: &SweepFile) -> ShardOf {
    about.shard.unwrap_or(WHOLE)
}

/// The points of the rows of a shard: its own, each of them, ascending.
fn points_of(shard: &ShardResult, count: u64) -> Result<Vec<Option<i64>>, SweepError> {
    let ShardOf { index, .. } = shard_of(&shard.about);
    let wrong = |why: String| SweepError::Merge(format!("shard {index} {why}"));
    let Some(Cells::Integer(points)) = shard.table.column("point") else { return Err(wrong("has no column `point`".to_owned())) };
    let mut expected = (index..shard.about.points).step_by(count as usize);
    let mut last = None;
    for point in points {
        if *point == last {
            continue;
        }
        let (found, next) = (point.map(i64::cast_unsigned), expected.next());
        if found != next || found.is_none() {
            let told = |point: Option<u64>| point.map_or_else(|| "none".to_owned(), |point| point.to_string());
            return Err(wrong(format!("does not hold its points: {} where {} should be", told(found), told(next))));
        }
        last = *point;
    }
    match expected.next() {
        Some(point) => Err(wrong(format!("does not hold its points: {point} is missing"))),
        None => Ok(points.clone()),
    }
}
