//! Which storages share memory: those that do not live together.

use std::collections::BTreeMap;

use super::step::{Argument, ImageSize, Lowered, Storage, StorageId};

/// First and last step that uses each storage.
pub(super) fn lifetimes(lowered: &Lowered) -> BTreeMap<StorageId, (usize, usize)> {
    let mut lifetimes = BTreeMap::new();
    for (index, step) in lowered.steps.iter().enumerate() {
        for argument in &step.arguments {
            if let Argument::Storage(storage) = *argument {
                lifetimes.entry(storage).or_insert((index, index)).1 = index;
            }
        }
    }
    lifetimes
}

/// Which of a few pieces of memory each temporary storage lies in, and the size of each piece.
///
/// Greedy in the order of first use: the smallest free piece that is large enough, else the largest free one grown, else a new
/// one.
pub(super) fn assign(lowered: &Lowered) -> (BTreeMap<StorageId, usize>, Vec<usize>) {
    let lifetimes = lifetimes(lowered);
    let mut order: Vec<(usize, usize, StorageId, usize)> = Vec::new();
    for (&storage, &(first, last)) in &lifetimes {
        if let Storage::Temporary(bytes) = lowered.storages[storage] {
            order.push((first, last, storage, bytes));
        }
    }
    order.sort_unstable();
    let mut pieces: Vec<(usize, Option<usize>)> = Vec::new();
    let mut places = BTreeMap::new();
    for (first, last, storage, bytes) in order {
        let is_free = |piece: &(usize, Option<usize>)| piece.1.is_none_or(|busy_until| busy_until < first);
        let free = || pieces.iter().enumerate().filter(|(_, piece)| is_free(piece));
        let fitting = free().filter(|(_, piece)| piece.0 >= bytes).min_by_key(|(_, piece)| piece.0);
        let chosen = fitting.or_else(|| free().max_by_key(|(_, piece)| piece.0)).map(|(index, _)| index);
        let index = chosen.unwrap_or_else(|| {
            pieces.push((0, None));
            pieces.len() - 1
        });
        pieces[index] = (pieces[index].0.max(bytes), Some(last));
        places.insert(storage, index);
    }
    (places, pieces.into_iter().map(|(bytes, _)| bytes).collect())
}

/// Which of a few images each image lies in, and the size of each: kernels use the first rows and columns.
///
/// Greedy as [`assign`]: the smallest free one that holds it, else the free one that grows least, unless a new one is smaller
/// than the growth.
pub(super) fn assign_images(lowered: &Lowered) -> (BTreeMap<StorageId, usize>, Vec<ImageSize>) {
    let mut order: Vec<(usize, usize, StorageId, ImageSize)> = Vec::new();
    for (storage, (first, last)) in lifetimes(lowered) {
        if let Storage::Image(size) = lowered.storages[storage] {
            order.push((first, last, storage, size));
        }
    }
    order.sort_unstable_by_key(|&(first, _, storage, _)| (first, storage));
    let mut pieces: Vec<(ImageSize, usize)> = Vec::new();
    let mut places = BTreeMap::new();
    for (first, last, storage, size) in order {
        let growth = |piece: ImageSize| piece.union(size).elements() - piece.elements();
        let free = pieces.iter().enumerate().filter(|(_, piece)| piece.1 < first);
        let least = free.min_by_key(|(_, piece)| (growth(piece.0), piece.0.elements()));
        let index = match least {
            Some((index, piece)) if growth(piece.0) < size.elements() => index,
            _ => {
                pieces.push((size, last));
                pieces.len() - 1
            }
        };
        pieces[index] = (pieces[index].0.union(size), last);
        places.insert(storage, index);
    }
    (places, pieces.into_iter().map(|(size, _)| size).collect())
}

#[cfg(test)]
mod tests {
    use super::super::step::{Source, Step};
    use super::*;

    fn step(storages: &[StorageId]) -> Step {
        Step {
            operator: 0,
            source: Source::Stage,
            kernel: "test",
            options: String::new(),
            arguments: storages.iter().map(|&storage| Argument::Storage(storage)).collect(),
            global: [1; 3],
            local: None,
        }
    }

    #[test]
    fn images_share_memory_where_that_costs_little() {
        let image = |width, height| Storage::Image(ImageSize { width, height });
        let storages = vec![image(10, 10), image(8, 12), image(10, 9), image(1, 90), image(2, 12)];
        // A chain, but the first is read again by the last step but one.
        let steps = vec![step(&[0, 1]), step(&[1, 2]), step(&[2, 0, 3]), step(&[3, 4])];
        let (places, pieces) = assign_images(&Lowered { storages, steps });
        assert_eq!(places, BTreeMap::from([(0, 0), (1, 1), (2, 2), (3, 3), (4, 1)]));
        let sizes: Vec<_> = pieces.iter().map(|piece| (piece.width, piece.height)).collect();
        assert_eq!(sizes, [(10, 10), (8, 12), (10, 9), (1, 90)]);
        let storages = vec![image(10, 10), image(8, 12), image(9, 11)];
        let (places, pieces) = assign_images(&Lowered { storages, steps: vec![step(&[0, 1]), step(&[1, 2])] });
        assert_eq!(places, BTreeMap::from([(0, 0), (1, 1), (2, 0)]));
        assert_eq!(pieces[0], ImageSize { width: 10, height: 11 });
    }

    #[test]
    fn temporaries_share_memory_only_when_they_do_not_live_together() {
        let storages = vec![
            Storage::Input(0),
            Storage::Temporary(100),
            Storage::Temporary(300),
            Storage::Temporary(80),
            Storage::Temporary(400),
            Storage::Output(0),
        ];
        // A chain: 0 -> 1 -> 2 -> 3 -> 4 -> 5, with 1 read again by the last.
        let steps = vec![step(&[0, 1]), step(&[1, 2]), step(&[2, 3]), step(&[3, 4]), step(&[4, 1, 5])];
        let (places, pieces) = assign(&Lowered { storages, steps });
        assert_eq!(places, BTreeMap::from([(1, 0), (2, 1), (3, 2), (4, 1)]));
        assert_eq!(pieces, [100, 400, 80]);
    }
}
