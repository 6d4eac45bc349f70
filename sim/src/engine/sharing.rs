//! Max-min fair sharing of channel bandwidth, and progress at the rate that results.
//!
//! Each member moves bytes over one or more channels. It never moves faster than its own limit (what it does with nothing
//! else running). Rates are the max-min fair allocation by progressive filling (Bertsekas and Gallager, *Data Networks*, 1992,
//! section 6.5.2): all rates rise together; a member stops at its own limit or when a channel it uses is full.
//!
//! A member whose slowdown was measured instead moves at its limit times what its curve keeps, by the share of a channel that all
//! others ask for; the rest share the channels as if it were not there.

use crate::platform::SlowdownCurve;

/// Where the outcome of a rate change has to be scheduled anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due<K> {
    /// The member.
    pub key: K,
    /// When it ends at its present rate.
    pub at_ns: u64,
    /// Distinguishes this schedule from earlier ones of the same member.
    pub generation: u32,
}

/// What the limits of members may exceed a channel's capacity by, from rounding.
const ROUNDING: f64 = 1.0 + 1e-12;

#[derive(Clone, Debug)]
struct Member<K> {
    key: K,
    limit: f64,
    /// Duration at the limit, while nothing has been moved.
    solo_ns: Option<u64>,
    remaining: f64,
    rate: f64,
    since_ns: u64,
    uses: Vec<(u32, f64)>,
    /// Index of its slowdown curve.
    curve: Option<u16>,
    frozen: bool,
    allocation: f64,
}

/// Members that share channels.
#[derive(Clone, Debug)]
pub struct Sharing<K> {
    capacity: Vec<f64>,
    /// Slowdown curves, and the channel whose load they are by.
    curves: (u32, Vec<SlowdownCurve>),
    slowed: usize,
    members: Vec<Member<K>>,
    spare_uses: Vec<Vec<(u32, f64)>>,
    generation: u32,
    left: Vec<f64>,
    load: Vec<f64>,
}

impl<K: Copy + PartialEq> Sharing<K> {
    /// Channels of the given capacities in bytes per second.
    pub fn new(capacity: Vec<f64>) -> Self {
        let channels = capacity.len();
        Self {
            capacity,
            curves: (0, Vec::new()),
            slowed: 0,
            members: Vec::new(),
            spare_uses: Vec::new(),
            generation: 0,
            left: vec![0.0; channels],
            load: vec![0.0; channels],
        }
    }

    /// Sets the slowdown curves that [`Self::slow`] may name, and the channel whose load they are by.
    pub fn set_curves(&mut self, channel: u32, curves: Vec<SlowdownCurve>) {
        self.curves = (channel, curves);
    }

    /// Lets a member that has just joined move by a slowdown curve, by its index. Call [`Self::settle`] afterwards.
    pub fn slow(&mut self, key: K, curve: u16) {
        if let Some(member) = self.members.iter_mut().find(|member| member.key == key) {
            member.curve = Some(curve);
            self.slowed += 1;
        }
    }

    /// Adds a member that has `bytes` to move over channels `uses = (channel, channel bytes per byte)`, at full speed with `limit`
    /// bytes per second in `solo_ns`. Call [`Self::settle`] afterwards.
    pub fn join(
        &mut self,
        now_ns: u64,
        key: K,
        bytes: f64,
        (limit, solo_ns): (f64, u64),
        uses: impl Iterator<Item = (u32, f64)>,
    ) {
        let mut own_uses = self.spare_uses.pop().unwrap_or_default();
        own_uses.extend(uses);
        self.members.push(Member {
            key,
            limit,
            solo_ns: Some(solo_ns),
            remaining: bytes,
            rate: 0.0,
            since_ns: now_ns,
            uses: own_uses,
            curve: None,
            frozen: false,
            allocation: 0.0,
        });
    }

    /// Removes a member that has ended. Call [`Self::settle`] afterwards.
    pub fn leave(&mut self, key: K) {
        if let Some(index) = self.members.iter().position(|member| member.key == key) {
            let mut member = self.members.remove(index);
            self.slowed -= usize::from(member.curve.is_some());
            member.uses.clear();
            self.spare_uses.push(member.uses);
        }
    }

    /// Lets a member move `bytes` from now on, whatever it has moved, and stand still until [`Self::set_limit`]. Call
    /// [`Self::settle`] afterwards.
    pub fn restart(&mut self, now_ns: u64, key: K, bytes: f64) {
        if let Some(member) = self.members.iter_mut().find(|member| member.key == key) {
            (member.remaining, member.limit, member.solo_ns, member.rate, member.since_ns) = (bytes, 0.0, None, 0.0, now_ns);
        }
    }

    /// Sets how fast a member moves with nothing else running; it keeps what it has moved. Call [`Self::settle`] afterwards.
    pub fn set_limit(&mut self, key: K, limit: f64) {
        if let Some(member) = self.members.iter_mut().find(|member| member.key == key) {
            member.limit = limit;
            member.solo_ns = None;
        }
    }

    /// Allocates anew and reports every member whose rate changed.
    pub fn settle(&mut self, now_ns: u64, mut changed: impl FnMut(Due<K>)) {
        self.allocate();
        for member in &mut self.members {
            // Equal bits mean that the pending completion is still right.
            if member.allocation.to_bits() == member.rate.to_bits() {
                continue;
            }
            let elapsed_s = (now_ns - member.since_ns) as f64 * 1e-9;
            member.remaining = (member.remaining - member.rate * elapsed_s).max(0.0);
            member.since_ns = now_ns;
            member.rate = member.allocation;
            self.generation = self.generation.wrapping_add(1);
            // From start to end at full speed is the solo time to the nanosecond; else whole nanoseconds are reached from below.
            let at_full_speed = member.solo_ns.take().filter(|_| member.rate.to_bits() == member.limit.to_bits());
            let duration_ns = at_full_speed.unwrap_or_else(|| libm::ceil(member.remaining / member.rate * 1e9) as u64);
            changed(Due { key: member.key, at_ns: now_ns.saturating_add(duration_ns), generation: self.generation });
        }
    }

    fn allocate(&mut self) {
        if self.slowed > 0 {
            self.allocate_by_curves();
            return;
        }
        self.left.copy_from_slice(&self.capacity);
        self.load.fill(0.0);
        for member in &mut self.members {
            member.frozen = false;
            for &(channel, per_byte) in &member.uses {
                self.load[channel as usize] += member.limit * per_byte;
            }
        }
        if self.load.iter().zip(&self.capacity).all(|(load, capacity)| *load <= capacity * ROUNDING) {
            for member in &mut self.members {
                member.allocation = member.limit;
            }
            return;
        }
        self.fill(self.members.len());
    }

    /// Members with curves first, then the others among themselves.
    fn allocate_by_curves(&mut self) {
        let (channel, curves) = (self.curves.0, &self.curves.1);
        let asks = |member: &Member<K>| {
            let uses = member.uses.iter().filter(|&&(used, _)| used == channel);
            uses.map(|&(_, per_byte)| member.limit * per_byte).sum::<f64>()
        };
        let asked: f64 = self.members.iter().map(asks).sum();
        let capacity = self.capacity[channel as usize];
        for member in &mut self.members {
            member.frozen = member.curve.is_some();
            if let Some(curve) = member.curve {
                let others = (asked - asks(member)).max(0.0) / capacity;
                member.allocation = member.limit * curves[curve as usize].kept(others);
            }
        }
        self.left.copy_from_slice(&self.capacity);
        self.fill(self.members.len() - self.slowed);
    }

    /// Progressive filling of as many members as are not frozen.
    fn fill(&mut self, mut unfrozen: usize) {
        let mut level = 0.0;
        while unfrozen > 0 {
            unfrozen -= self.fill_once(&mut level);
        }
    }

    /// Raises all unfrozen rates to the next stop, freezes the members that stop there, and counts them.
    ///
    /// Rounding could put a stop a hair below the one before: the level never falls.
    fn fill_once(&mut self, risen: &mut f64) -> usize {
        self.load.fill(0.0);
        for member in self.members.iter().filter(|member| !member.frozen) {
            for &(channel, per_byte) in &member.uses {
                self.load[channel as usize] += per_byte;
            }
        }
        let mut bottleneck = None;
        let mut level = f64::INFINITY;
        for (channel, (&load, &left)) in self.load.iter().zip(&self.left).enumerate() {
            if load > 0.0 && left.max(0.0) / load < level {
                level = left.max(0.0) / load;
                bottleneck = Some(channel as u32);
            }
        }
        for member in self.members.iter().filter(|member| !member.frozen) {
            if member.limit <= level {
                level = member.limit;
                bottleneck = None;
            }
        }
        level = level.max(*risen);
        *risen = level;
        let mut frozen = 0;
        for member in self.members.iter_mut().filter(|member| !member.frozen) {
            let stops = match bottleneck {
                Some(full) => member.uses.iter().any(|&(channel, _)| channel == full),
                None => member.limit <= level,
            };
            if stops {
                member.frozen = true;
                member.allocation = level;
                frozen += 1;
                for &(channel, per_byte) in &member.uses {
                    self.left[channel as usize] -= level * per_byte;
                }
            }
        }
        frozen
    }

    /// Present rate of each member in bytes per second, with its channel uses; for checks.
    pub fn rates(&self) -> impl Iterator<Item = (K, f64, &[(u32, f64)])> {
        self.members.iter().map(|member| (member.key, member.rate, member.uses.as_slice()))
    }
}
