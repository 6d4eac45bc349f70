"""Deep-learning inference on the heterogeneous processors of mobile devices, simulated.

    >>> import socrates
    >>> result = socrates.run("pixel4-together")
    >>> result.summary().to_pandas()
"""

from socrates import validate
from socrates._native import (
    Arriving,
    Decisions,
    Device,
    Event,
    InputError,
    Job,
    Model,
    Operator,
    OutputError,
    Plan,
    Ready,
    SimulationError,
    SocratesError,
    System,
    Worker,
    __version__,
)
from socrates._capacity import Capacity, capacity
from socrates._graph import Graph
from socrates._library import Parameter, StrategyInfo, devices, models, scenarios, strategies
from socrates._predict import Prediction, Predictions, Refusal, predict
from socrates._run import Case, Failure, Result, run
from socrates._scenario import Scenario
from socrates._strategy import Strategy
from socrates._sweep import SweepResult, sweep
from socrates._table import Table

__all__ = [
    "Arriving",
    "Capacity",
    "Case",
    "Decisions",
    "Device",
    "Event",
    "Failure",
    "Graph",
    "InputError",
    "Job",
    "Model",
    "Operator",
    "OutputError",
    "Parameter",
    "Plan",
    "Prediction",
    "Predictions",
    "Ready",
    "Refusal",
    "Result",
    "Scenario",
    "SimulationError",
    "SocratesError",
    "Strategy",
    "StrategyInfo",
    "SweepResult",
    "System",
    "Table",
    "Worker",
    "__version__",
    "capacity",
    "devices",
    "models",
    "predict",
    "run",
    "scenarios",
    "strategies",
    "sweep",
    "validate",
]
