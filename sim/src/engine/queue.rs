//! The event queue: a four-ary heap on one 128-bit key `(time, class, sequence)`.
//!
//! Equal times run by class, then in the order in which they were scheduled. A phone has a handful of events pending; there
//! four children a node and one integer comparison beat cleverer queues (see `docs/performance.md`).

/// Order of events of one instant: completions first, so that an arrival finds the processors already free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Something ended.
    Completion = 0,
    /// The device changes.
    Environment = 1,
    /// A request arrives.
    Arrival = 2,
    /// A strategy decides, having seen everything else of the instant.
    Decision = 3,
}

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    key: u128,
    event: E,
}

/// Events in order of `(time, class, sequence)`.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    heap: Vec<Entry<E>>,
    scheduled: u64,
}

const ARITY: usize = 4;
const SEQUENCE_BITS: u32 = 60;

impl<E: Copy> Default for EventQueue<E> {
    fn default() -> Self {
        Self { heap: Vec::with_capacity(64), scheduled: 0 }
    }
}

impl<E: Copy> EventQueue<E> {
    /// Schedules an event at an absolute time.
    #[inline]
    pub fn schedule(&mut self, at_ns: u64, class: Class, event: E) {
        let key = (u128::from(at_ns) << 64) | (u128::from(class as u8) << SEQUENCE_BITS) | u128::from(self.scheduled);
        self.scheduled += 1;
        let entry = Entry { key, event };
        let mut hole = self.heap.len();
        self.heap.push(entry);
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            if self.heap[parent].key <= key {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = entry;
    }

    /// Time of the next event.
    #[inline]
    pub fn next_ns(&self) -> Option<u64> {
        self.heap.first().map(|entry| (entry.key >> 64) as u64)
    }

    /// Takes the next event and its time.
    #[inline]
    pub fn pop(&mut self) -> Option<(u64, E)> {
        let last = self.heap.pop()?;
        let Some(&first) = self.heap.first() else {
            return Some(((last.key >> 64) as u64, last.event));
        };
        self.sift_down(last);
        Some(((first.key >> 64) as u64, first.event))
    }

    /// Puts `entry` in the place of the first and lets it sink.
    #[inline]
    fn sift_down(&mut self, entry: Entry<E>) {
        let heap = self.heap.as_mut_slice();
        let mut hole = 0;
        loop {
            let child = hole * ARITY + 1;
            if child >= heap.len() {
                break;
            }
            let end = (child + ARITY).min(heap.len());
            let mut least = child;
            for other in child + 1..end {
                if heap[other].key < heap[least].key {
                    least = other;
                }
            }
            if heap[least].key >= entry.key {
                break;
            }
            heap[hole] = heap[least];
            hole = least;
        }
        heap[hole] = entry;
    }

    /// Pending events, in no particular order.
    pub fn events(&self) -> impl Iterator<Item = E> {
        self.heap.iter().map(|entry| entry.event)
    }

    /// Number of pending events.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}
