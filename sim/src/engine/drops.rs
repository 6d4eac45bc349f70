//! Requests that a strategy gives up.

use crate::engine::run::Engine;
use crate::engine::state::Occupation;
use crate::record::{Outcome, Recorder};

impl<R: Recorder> Engine<'_, R> {
    /// Nothing more of a request starts: what waits is withdrawn, what runs ends. False if there is no such request in flight.
    pub(super) fn give_up(&mut self, slot: u32) -> bool {
        let Some(request) = self.requests.items.get_mut(slot as usize).filter(|request| request.left > 0 && !request.given_up)
        else {
            return false;
        };
        request.given_up = true;
        let mut running: u32 = request.in_flight.iter().map(|memories| memories.count_ones()).sum();
        self.ready.retain(|ready| ready.in_flight.0 != slot);
        for worker in &mut self.workers {
            running += u32::from(matches!(worker.running, Some(Occupation::Segment { slot: of, .. }) if of == slot));
            worker.waiting.retain(|waiting| match waiting.occupation {
                Occupation::Segment { slot: of, .. } => of != slot,
                Occupation::Copy { copy } => {
                    let withdrawn = self.copies.items[copy as usize].slot == slot;
                    if withdrawn {
                        running -= 1;
                        self.copies.release(copy);
                    }
                    !withdrawn
                }
                Occupation::Frame | Occupation::Preparation { .. } => true,
            });
        }
        let request = &mut self.requests.items[slot as usize];
        request.running = running;
        if running == 0 {
            self.dropped(slot);
        }
        true
    }

    /// A segment or a copy of a request that was given up has ended: nobody needs what it made.
    pub(super) fn ended_of_given_up(&mut self, slot: u32) {
        let request = &mut self.requests.items[slot as usize];
        request.running -= 1;
        if request.running == 0 {
            self.dropped(slot);
        }
    }

    fn dropped(&mut self, slot: u32) {
        self.requests.items[slot as usize].left = 0;
        self.dropped += 1;
        self.end_request(slot, Outcome::Dropped);
    }
}
