//! Channels that can only be pruned together.

/// A run of channels along an axis: all channels of a group, each `repeat` times in a row (a flattened image).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) group: usize,
    pub(super) repeat: u64,
}

/// Where a tensor has its channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) axis: usize,
    pub(super) runs: Vec<Run>,
}

/// Sets of channels, joined where an operator needs them to be the same (union and find).
#[derive(Debug, Default)]
pub(super) struct Groups {
    parent: Vec<usize>,
    size: Vec<u64>,
    is_fixed: Vec<bool>,
}

impl Groups {
    /// New channels.
    pub(super) fn add(&mut self, size: u64, is_fixed: bool) -> usize {
        self.parent.push(self.parent.len());
        self.size.push(size);
        self.is_fixed.push(is_fixed);
        self.parent.len() - 1
    }

    fn root(&self, group: usize) -> usize {
        let mut root = group;
        while self.parent[root] != root {
            root = self.parent[root];
        }
        root
    }

    /// Makes the channels of two layouts the same; all are fixed if they cannot be.
    pub(super) fn join(&mut self, one: &Layout, other: &Layout) {
        let fits = |(a, b): (&Run, &Run)| a.repeat == b.repeat && self.size[self.root(a.group)] == self.size[self.root(b.group)];
        if one.axis != other.axis || one.runs.len() != other.runs.len() || !one.runs.iter().zip(&other.runs).all(fits) {
            self.fix(one);
            self.fix(other);
            return;
        }
        for (a, b) in one.runs.iter().zip(&other.runs) {
            let (a, b) = (self.root(a.group), self.root(b.group));
            self.is_fixed[a] |= self.is_fixed[b];
            self.parent[b] = a;
        }
    }

    /// Keeps all channels of a layout.
    pub(super) fn fix(&mut self, layout: &Layout) {
        for run in &layout.runs {
            let root = self.root(run.group);
            self.is_fixed[root] = true;
        }
    }

    pub(super) fn is_fixed(&self, group: usize) -> bool {
        self.is_fixed[self.root(group)]
    }

    /// Channels along the axis of a layout once groups that are not fixed keep what `kept` says.
    pub(super) fn channels(&self, runs: &[Run], kept: impl Fn(u64) -> u64) -> u64 {
        let of = |run: &Run| {
            let size = self.size[self.root(run.group)];
            run.repeat * if self.is_fixed(run.group) { size } else { kept(size) }
        };
        runs.iter().map(of).sum()
    }
}
