//! What running a plan costs beyond its kernels and copies.

use sim::metrics::covered_ns;
use sim::record::{Outcome, Record};

/// Where the time went in which at least one request was in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overhead {
    /// Time with a request in flight.
    pub in_flight_ns: u64,
    /// Of it, time in which no kernel and no copy ran anywhere: the executor's own doing (dispatch, wake-up, recording), and what
    /// the operating system took.
    pub idle_ns: u64,
}

impl Overhead {
    /// Of the completed requests of a run.
    pub fn of(records: &[Record]) -> Self {
        let mut requests = Vec::new();
        let mut busy = Vec::new();
        for record in records {
            match record {
                Record::Request(it) if it.outcome == Outcome::Completed => requests.push((it.arrived_ns, it.ended_ns)),
                Record::Kernel(it) if it.kernels > 0 => busy.push((it.start_ns, it.end_ns)),
                Record::Copy(it) => busy.push((it.start_ns, it.end_ns)),
                _ => {}
            }
        }
        let in_flight_ns = covered_ns(requests.clone());
        let either_ns = covered_ns(requests.into_iter().chain(busy.iter().copied()).collect());
        // |in flight and busy| = |in flight| + |busy| - |either|
        let both_ns = (in_flight_ns + covered_ns(busy)).saturating_sub(either_ns);
        Self { in_flight_ns, idle_ns: in_flight_ns - both_ns }
    }

    /// `idle_ns / in_flight_ns`; `None` where nothing completed.
    pub fn share(&self) -> Option<f64> {
        (self.in_flight_ns > 0).then(|| self.idle_ns as f64 / self.in_flight_ns as f64)
    }
}

#[cfg(test)]
mod tests {
    use sim::identifiers::{DataId, LinkId, ModelId, RequestId, StreamId};
    use sim::record::{CopyRecord, RequestRecord};

    use super::*;

    #[test]
    fn idle_is_what_neither_kernels_nor_copies_cover() {
        let request = |arrived_ns, ended_ns| {
            let (request, model) = (RequestId(0), ModelId(0));
            let outcome = Outcome::Completed;
            Record::Request(RequestRecord {
                request,
                stream: StreamId(0),
                model,
                arrived_ns,
                ended_ns,
                deadline_ns: None,
                outcome,
            })
        };
        let copy = |start_ns, end_ns| {
            Record::Copy(CopyRecord {
                request: RequestId(0),
                model: ModelId(0),
                data: DataId(0),
                bytes: 1,
                link: LinkId(0),
                requested_ns: start_ns,
                start_ns,
                end_ns,
                solo_ns: 1,
            })
        };
        let check = |records: &[Record], expected: (u64, u64)| {
            let overhead = Overhead::of(records);
            assert_eq!((overhead.in_flight_ns, overhead.idle_ns), expected);
        };
        check(&[], (0, 0));
        check(&[request(0, 100), copy(10, 40), copy(30, 90)], (100, 20));
        check(&[request(0, 100), request(50, 120), copy(110, 200)], (120, 110));
    }
}
