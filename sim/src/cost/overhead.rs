//! What a worker costs besides its kernels, and how far its cost models are off for all of them together.

use crate::cost::CostModelError;

/// Something that takes `fixed_ns + byte_ns x bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overhead {
    /// Each time.
    pub fixed_ns: f64,
    /// For each byte.
    pub byte_ns: f64,
}

impl Overhead {
    /// Duration for so many bytes.
    pub fn duration_ns(self, bytes: f64) -> f64 {
        self.fixed_ns + self.byte_ns * bytes
    }

    /// Whether it takes no time.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// What launches cost beyond what the same launch takes again and again. Nothing where it was not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overheads {
    /// A launch finds the code and the data of others in the caches: once a launch, and for each byte that its kernel moves.
    pub turn: Overhead,
    /// A part that was not made in its place is put there: for each byte of it.
    pub merge: Overhead,
    /// Whether no part is made in its place; else only those by rows of several channels are not, which lie apart in the whole.
    pub merges_all: bool,
    /// A unit of a plan that is made at run time is prepared: for each of its kernels, and for each byte of their weights.
    pub preparation: Overhead,
}

/// By how much models are wrong about many kernels in the same way: deviations of the logarithm, drawn once a run
/// ([`crate::engine::Variation::ModelError`]). None where they are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SharedErrors {
    /// About all kernels of all workers: the state that the machine is in.
    pub machine_log_deviation: f64,
    /// About all kernels of the worker.
    pub worker_log_deviation: f64,
    /// About all kernels of a class, each class by itself.
    pub class_log_deviation: f64,
}

impl Overheads {
    pub(super) fn check(&self) -> Result<(), CostModelError> {
        let named = [
            ("cost of a launch in turn with others", self.turn),
            ("cost of putting a part in its place", self.merge),
            ("cost of preparing a unit", self.preparation),
        ];
        named.into_iter().flat_map(|(what, it)| [(what, it.fixed_ns), (what, it.byte_ns)]).try_for_each(not_negative)
    }
}

impl SharedErrors {
    pub(super) fn check(&self) -> Result<(), CostModelError> {
        let named = [
            ("error of all workers", self.machine_log_deviation),
            ("error of all kernels", self.worker_log_deviation),
            ("error of all kernels of a class", self.class_log_deviation),
        ];
        named.into_iter().try_for_each(not_negative)
    }
}

fn not_negative((what, value): (&'static str, f64)) -> Result<(), CostModelError> {
    let is_right = value.is_finite() && value >= 0.0;
    if is_right { Ok(()) } else { Err(CostModelError::WorkerOutOfRange { what, value, right: "finite and at least 0" }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{ClassModel, CostModels, Feature, KernelClass, Provenance};
    use crate::graph::work::{Geometry, KernelKind, OperatorWork};

    /// A convolution of 1000 ns beyond a launch of 50 ns, in a profile with overheads.
    fn models(overheads: Overheads) -> CostModels {
        let model = |class| ClassModel::linear(class, Provenance::Fitted, vec![(Feature::Launch, 50.0), (Feature::Macs, 1.0)]);
        let models = CostModels::new(4, 1.0, KernelClass::ALL.map(model).to_vec()).expect("complete");
        models.with_alone_ns(50.0).expect("positive").with_overheads(overheads).expect("positive")
    }

    #[test]
    fn a_launch_of_its_own_pays_its_turn_and_one_inside_a_segment_does_not() {
        let geometry = Geometry { batch: 1, out_height: 2, out_width: 5, out_channels: 10, ..Geometry::default() };
        let work = OperatorWork {
            kind: KernelKind::Convolution,
            macs: 1_000,
            input_elements: 100,
            output_elements: 100,
            parameters: 50,
            geometry,
            ..OperatorWork::nothing()
        };
        let turn = Overhead { fixed_ns: 7.0, byte_ns: 0.5 };
        let (with, without) = (models(Overheads { turn, ..Overheads::default() }), models(Overheads::default()));
        let (with, without) = (with.predict(&work), without.predict(&work));
        assert!((without.duration_ns - 1_050.0).abs() < 1e-9, "{without:?}");
        assert!((with.duration_ns - without.duration_ns - 7.0 - 0.5 * 1_000.0).abs() < 1e-9, "{with:?}");
        assert!((with.segment_ns - without.segment_ns).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for value in [-1.0, f64::NAN, f64::INFINITY] {
            let merge = Overhead { fixed_ns: 0.0, byte_ns: value };
            assert!(CostModels::default().with_overheads(Overheads { merge, ..Overheads::default() }).is_err(), "{value}");
            let errors = SharedErrors { class_log_deviation: value, ..SharedErrors::default() };
            assert!(CostModels::default().with_shared_errors(errors).is_err(), "{value}");
        }
    }
}
