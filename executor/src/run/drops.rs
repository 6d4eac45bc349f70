//! Requests that a strategy gives up. The rules are those of the simulator (`docs/semantics.md`).

use sim::record::Outcome;

use crate::run::state::{Occupation, State};

impl State<'_> {
    /// Nothing more of a request starts: what waits is withdrawn, what runs ends. False if there is no such request in flight.
    pub(super) fn give_up(&mut self, slot: u32) -> bool {
        let Some(request) = self.requests.get_mut(slot as usize).filter(|request| request.left > 0 && !request.given_up) else {
            return false;
        };
        request.given_up = true;
        self.ready.retain(|ready| ready.in_flight.0 != slot);
        let is_its = |occupation| match occupation {
            Occupation::Segment { slot: of, .. } | Occupation::Copy { slot: of, .. } => of == slot,
            Occupation::Preparation { .. } => false,
        };
        let mut running = 0;
        for worker in &mut self.workers {
            running += u32::from(worker.running.is_some_and(is_its));
            worker.waiting.retain(|waiting| !is_its(waiting.occupation));
        }
        self.requests[slot as usize].running = running;
        if running == 0 {
            self.dropped(slot);
        }
        true
    }

    /// A segment or a copy of a request that was given up has ended: nobody needs what it made.
    pub(super) fn ended_of_given_up(&mut self, slot: u32) {
        let request = &mut self.requests[slot as usize];
        request.running -= 1;
        if request.running == 0 {
            self.dropped(slot);
        }
    }

    fn dropped(&mut self, slot: u32) {
        self.requests[slot as usize].left = 0;
        self.dropped += 1;
        self.record_request(slot, Outcome::Dropped);
        self.end_request(slot, Outcome::Dropped);
    }
}
