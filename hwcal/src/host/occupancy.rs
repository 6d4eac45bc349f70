//! How much of the machine others use meanwhile.

use crate::host::facts::Machine;

/// Time of cores that has passed, since a moment.
#[derive(Clone, Debug)]
pub struct Occupancy {
    machine: Machine,
    ticks: Option<[u64; 3]>,
    own_ticks: Option<u64>,
}

impl Occupancy {
    /// From now on.
    pub fn begin() -> Self {
        let machine = Machine::default();
        let (ticks, own_ticks) = (machine.ticks(), machine.own_ticks());
        Self { machine, ticks, own_ticks }
    }

    /// Share of the time of all cores that other processes, or a hypervisor, used since the begin; `None` where it cannot be read, or no
    /// time has passed by a clock of 10 ms.
    pub fn others_share(&self) -> Option<f64> {
        let (before, after) = self.ticks.zip(self.machine.ticks())?;
        let own = self.machine.own_ticks()?.saturating_sub(self.own_ticks?) as f64;
        let [all, idle] = [0, 1].map(|index| after[index].saturating_sub(before[index]) as f64);
        (all > 0.0).then(|| ((all - idle - own) / all).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_one() {
        let occupancy = Occupancy::begin();
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(occupancy.others_share().is_none_or(|share| (0.0..=1.0).contains(&share)));
    }
}
