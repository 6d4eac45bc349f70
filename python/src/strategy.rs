//! Strategies written in Python, driven through the same trait as the others.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use runner::{Inputs, Job as Run};
use sim::identifiers::ModelId;
use sim::plan::{Plan as Simulated, PlanError};
use sim::record::Record;
use sim::strategy::{self, DeviceView, Interest, System as Running};

use crate::event::Event;
use crate::job::{Job, Shared};
use crate::plan::Plan;
use crate::system::{Decisions, System};

/// The first exception that a strategy raised, with its traceback.
#[derive(Clone, Default)]
pub(crate) struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    /// Keeps an exception, unless there is one.
    fn keep(&self, error: PyErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// The exception, if there was one.
    pub(crate) fn take(&self) -> Option<PyErr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_some(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// A copy of a strategy of the user's for one run.
pub(crate) struct Written {
    name: String,
    object: Py<PyAny>,
    shared: Arc<Shared>,
    interest: Interest,
    raised: Raised,
}

impl Written {
    /// A fresh copy of `object` for a run, by its `clone` method: runs do not depend on each other's order.
    pub(crate) fn new(object: &Py<PyAny>, inputs: &Arc<Inputs>, run: &Run, seed: u64, raised: &Raised) -> PyResult<Self> {
        Python::attach(|py| {
            let object = object.bind(py).call_method0("clone")?;
            let (dispatch, arrival, observe) = object.call_method0("interest")?.extract()?;
            Ok(Self {
                name: run.strategy.clone(),
                object: object.unbind(),
                shared: Arc::new(Shared::new(inputs, run, seed)),
                interest: Interest { dispatch, arrival, observe },
                raised: raised.clone(),
            })
        })
    }

    fn planned(&self, py: Python<'_>, model: ModelId) -> PyResult<Simulated> {
        let job = Job::new(Arc::clone(&self.shared), model);
        let plan = self.object.bind(py).call_method1("plan", (job, self.shared.device.clone()))?;
        let plan = plan
            .cast::<Plan>()
            .map_err(|_| crate::error::input(format!("strategy `{}`: `plan` must return a `Plan`, not {}", self.name, plan)))?;
        plan.borrow().simulated(&self.shared.inputs.device, self.shared.task_count(model))
    }

    fn dispatched(&self, py: Python<'_>, system: &dyn Running, to: &mut strategy::Decisions) -> PyResult<()> {
        let decisions = Py::new(py, Decisions::default())?;
        self.object.bind(py).call_method1("dispatch", (System::of(py, system)?, decisions.bind(py)))?;
        decisions.borrow(py).hand_on(py, &self.shared, to)
    }
}

impl strategy::Strategy for Written {
    fn plan(&mut self, job: &strategy::Job<'_>, _view: &DeviceView<'_>) -> Result<Simulated, PlanError> {
        Python::attach(|py| {
            self.planned(py, job.model).map_err(|error| {
                let why = error.value(py).to_string();
                self.raised.keep(error);
                PlanError::NotFound { strategy: self.name.clone(), why }
            })
        })
    }

    fn interest(&self) -> Interest {
        self.interest
    }

    fn dispatch(&mut self, system: &dyn Running, decisions: &mut strategy::Decisions) {
        if self.raised.is_some() {
            return;
        }
        Python::attach(|py| {
            if let Err(error) = self.dispatched(py, system, decisions) {
                self.raised.keep(error);
            }
        });
    }

    fn observe(&mut self, record: &Record) {
        if self.raised.is_some() {
            return;
        }
        Python::attach(|py| {
            if let Err(error) = self.object.bind(py).call_method1("observe", (Event::of(record, &self.shared),)) {
                self.raised.keep(error);
            }
        });
    }
}
