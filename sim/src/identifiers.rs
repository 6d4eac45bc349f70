//! Dense identifiers: an index into the vector that holds the thing, typed so that two kinds never mix.

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The identifier as a vector index.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The identifier of the thing at `index`.
            ///
            /// # Panics
            /// If `index` does not fit in 32 bits.
            #[inline]
            pub fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("fewer than 2^32 things of one kind"))
            }
        }
    };
}

identifier! {
    /// An operator (node) of a [`crate::graph::Graph`].
    OperatorId
}
identifier! {
    /// A tensor (value) of a [`crate::graph::Graph`].
    TensorId
}
identifier! {
    /// A task of a [`crate::task::TaskGraph`]: one kernel launch, covering one or more operators.
    TaskId
}
identifier! {
    /// A data item of a [`crate::task::TaskGraph`]: bytes that a task (or the request) makes and tasks read.
    DataId
}
identifier! {
    /// A physical processor of a [`crate::platform::Device`]: a CPU cluster, a GPU, an NPU, a DSP.
    ProcessorId
}
identifier! {
    /// A worker of a [`crate::platform::Device`]: what work is placed on, a gang of cores of one or more processors.
    WorkerId
}
identifier! {
    /// A memory of a [`crate::platform::Device`]: workers of one memory share tensors without a copy.
    MemoryId
}
identifier! {
    /// A directed link between two memories of a [`crate::platform::Device`].
    LinkId
}
identifier! {
    /// A bandwidth that several activities share max-min fairly: DRAM, or a contended interconnect.
    ChannelId
}
identifier! {
    /// A model of a workload.
    ModelId
}
identifier! {
    /// A stream of requests of a workload.
    StreamId
}
identifier! {
    /// A segment of a [`crate::plan::Plan`]: the unit of dispatch.
    SegmentId
}
identifier! {
    /// A request: one inference of one model, numbered in order of arrival.
    RequestId
}
