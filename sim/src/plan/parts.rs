//! What segments read where tasks are cut: only the fragments whose rows they need, and of those only what no closer one has.

use crate::identifiers::DataId;
use crate::plan::program::{Moved, NO_SEGMENT, Program};
use crate::plan::{Part, PlanError};
use crate::task::{TaskGraph, boundary};

/// Rows, `begin..end`.
type Rows = (u32, u32);

impl Program {
    /// What each segment reads from outside itself, where some tasks are computed in parts.
    ///
    /// A kernel that needs rows of something in parts takes them from what its own segment has made, else from what its worker
    /// makes, else from others. So a chain of parts that recompute their halo reads nothing between its kernels.
    pub(super) fn add_needs_of_parts(&mut self, tasks: &TaskGraph, of_data: &[u32]) -> Result<(), PlanError> {
        self.needs.reserve(2 * self.fragments.len());
        let mut asked_by = vec![NO_SEGMENT; self.fragments.len()];
        let mut taken: Vec<(u32, Rows)> = Vec::new();
        for index in 0..self.segments.len() {
            let own = index as u32;
            self.segments[index].needs.0 = self.needs.len() as u32;
            for kernel in self.kernel_range(own) {
                let piece = self.kernel(kernel);
                for (position, &data) in tasks.inputs(piece.task).iter().enumerate() {
                    taken.clear();
                    let rows = tasks.rows_read(piece.task, position, piece.part);
                    self.take(tasks, data, &of_data[data.index()..data.index() + 2], (own, kernel), rows, &mut taken)?;
                    for &(id, _) in &taken {
                        if self.fragments[id as usize].maker != own && asked_by[id as usize] != own {
                            asked_by[id as usize] = own;
                            self.needs.push(id);
                        }
                    }
                }
            }
            self.segments[index].needs.1 = self.needs.len() as u32;
        }
        Ok(())
    }

    /// The fragments of a data item from which a kernel takes the rows that it needs, with the rows that it takes from each.
    fn take(
        &self,
        tasks: &TaskGraph,
        data: DataId,
        of_data: &[u32],
        (own, kernel): (u32, u32),
        needed: Option<Rows>,
        taken: &mut Vec<(u32, Rows)>,
    ) -> Result<(), PlanError> {
        let fragments = of_data[0]..of_data[1];
        let is_made = |id: u32| {
            let fragment = &self.fragments[id as usize];
            fragment.maker == NO_SEGMENT || fragment.kernel < kernel
        };
        let order = PlanError::Order { segment: own };
        let rows = tasks.rows(data);
        let are_rows = fragments.len() == 1 || matches!(self.fragment_part(fragments.start), Part::Rows { .. });
        if rows == 0 || !are_rows {
            // Parts of something without rows, or channels: all of them.
            for id in fragments {
                if !is_made(id) {
                    return Err(order);
                }
                taken.push((id, (0, rows)));
            }
            return Ok(());
        }
        let mut missing = vec![needed.unwrap_or((0, rows))];
        missing.retain(|rows| rows.0 < rows.1);
        let worker = if own == NO_SEGMENT { None } else { self.worker(own) };
        for closeness in 0..3 {
            for id in fragments.clone().filter(|&id| is_made(id)) {
                let maker = self.fragments[id as usize].maker;
                let is_of_worker = maker != NO_SEGMENT && worker.is_some() && self.worker(maker) == worker;
                let is = if maker == own {
                    0
                } else if is_of_worker {
                    1
                } else {
                    2
                };
                if is == closeness && !missing.is_empty() {
                    let has = self.fragment_rows(id, rows);
                    let before = taken.len();
                    missing = missing.iter().flat_map(|&rows| without(rows, has, id, taken)).collect();
                    merge(taken, before);
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(order) }
    }

    fn fragment_part(&self, id: u32) -> Part {
        let fragment = &self.fragments[id as usize];
        if fragment.maker == NO_SEGMENT { Part::Whole } else { self.kernel(fragment.kernel).part }
    }

    /// The rows of its data item that a fragment has.
    fn fragment_rows(&self, id: u32, rows: u32) -> Rows {
        match self.fragment_part(id) {
            Part::Rows { begin, end, of } => (boundary(rows, begin, of), boundary(rows, end, of)),
            Part::Whole | Part::Channels { .. } => (0, rows),
        }
    }

    /// What a copy of each fragment moves: the rows that readers on other workers than its maker's take, from first to last.
    pub(super) fn add_moved(&mut self, tasks: &TaskGraph, of_data: &[u32]) -> Result<(), PlanError> {
        let all = |id: u32, fragment: &super::Fragment| self.fragment_rows(id, tasks.rows(fragment.data));
        let has: Vec<Rows> = self.fragments.iter().enumerate().map(|(id, fragment)| all(id as u32, fragment)).collect();
        let mut wanted: Vec<Rows> = vec![(0, 0); self.fragments.len()];
        let mut want = |id: u32, rows: Rows| {
            let known = &mut wanted[id as usize];
            *known = if known.0 < known.1 { (known.0.min(rows.0), known.1.max(rows.1)) } else { rows };
        };
        let mut taken = Vec::new();
        for own in 0..self.segments.len() as u32 {
            for kernel in self.kernel_range(own) {
                let piece = self.kernel(kernel);
                for (position, &data) in tasks.inputs(piece.task).iter().enumerate() {
                    taken.clear();
                    let rows = tasks.rows_read(piece.task, position, piece.part);
                    self.take(tasks, data, &of_data[data.index()..data.index() + 2], (own, kernel), rows, &mut taken)?;
                    for &(id, rows) in &taken {
                        let maker = self.fragments[id as usize].maker;
                        let is_of_worker =
                            maker != NO_SEGMENT && self.worker(maker).is_some() && self.worker(maker) == self.worker(own);
                        if maker != own && !is_of_worker {
                            want(id, if self.worker(own).is_none() { has[id as usize] } else { rows });
                        }
                    }
                }
            }
        }
        // The requester takes what it wants from the fragments in the order of the plan.
        for data in tasks.data().filter(|&data| tasks.is_output(data)) {
            taken.clear();
            self.take(tasks, data, &of_data[data.index()..data.index() + 2], (NO_SEGMENT, u32::MAX), None, &mut taken)?;
            for &(id, rows) in &taken {
                want(id, rows);
            }
        }
        let moved = self.fragments.iter().enumerate().map(|(id, fragment)| {
            let (rows, of) = (wanted[id], tasks.rows(fragment.data));
            if rows.0 >= rows.1 || rows == has[id] {
                return Moved { rows: (0, 0), bytes: fragment.bytes };
            }
            Moved { rows, bytes: Part::Rows { begin: rows.0, end: rows.1, of }.share(tasks.bytes(fragment.data)) }
        });
        self.moved = moved.collect();
        Ok(())
    }
}

/// What is left of `rows` without those that a fragment `has`, which are noted as taken from it.
fn without(rows: Rows, has: Rows, id: u32, taken: &mut Vec<(u32, Rows)>) -> impl Iterator<Item = Rows> + use<> {
    let common = (rows.0.max(has.0), rows.1.min(has.1));
    let left = if common.0 < common.1 {
        taken.push((id, common));
        [(rows.0, common.0), (common.1, rows.1)]
    } else {
        [rows, (0, 0)]
    };
    left.into_iter().filter(|rows| rows.0 < rows.1)
}

/// Stretches taken from one fragment, as one from the first to the last.
fn merge(taken: &mut Vec<(u32, Rows)>, from: usize) {
    if taken.len() > from + 1 {
        let (first, last) = (taken[from].1.0, taken[taken.len() - 1].1.1);
        taken.truncate(from + 1);
        taken[from].1 = (first, last);
    }
}
