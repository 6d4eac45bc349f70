"""Sweeps on this machine: the same as the command's."""

import subprocess
import sys

import pytest

import socrates

SWEEP = {
    "schema_version": 1,
    "name": "rates",
    "strategies": ["cpu", "gpu"],
    "scenario": {
        "schema_version": 1,
        "name": "camera",
        "device": "pixel4",
        "stream": [{"model": "squeezenet1_1", "requests": 5}],
    },
    "axis": [{"path": "stream[0].arrivals.poisson.rate_per_second", "values": [1.0, 10.0, 100.0]}],
}


def files(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_sweep_is_that_of_the_command(tmp_path):
    text = socrates._native.Scenario.toml_of(SWEEP)
    (tmp_path / "rates.toml").write_text(text)
    command = [sys.executable, "-m", "socrates", "sweep", "rates.toml", "--output", "command", "--quiet"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    result = socrates.sweep(tmp_path / "rates.toml", output=tmp_path / "python", threads=2)
    assert files(tmp_path / "command") == files(tmp_path / "python")
    assert (result.simulated, result.cached, result.failures) == (6, 0, [])
    assert len(result.points()) == 6


def test_what_is_cached_is_not_simulated_again(tmp_path):
    fresh, again = (socrates.sweep(SWEEP, cache=tmp_path) for _ in range(2))
    assert (fresh.simulated, again.simulated, again.cached) == (6, 0, 6)
    assert fresh.points().to_parquet() == again.points().to_parquet()


def test_bad_sweeps():
    with pytest.raises(socrates.InputError, match="did you mean"):
        socrates.sweep({**SWEEP, "strategys": []})
    with pytest.raises(socrates.InputError, match="no engine `slurm`"):
        socrates.sweep(SWEEP, engine="slurm")
    with pytest.raises(socrates.InputError, match="cannot read sweep"):
        socrates.sweep("nowhere.toml")


def test_capacity_of_periodic_requests():
    """One worker, requests at equal distances: the capacity is one over the service time."""
    stream = {"model": "squeezenet1_1", "requests": 200, "deadline": "1s", "arrivals": {"periodic": {"period": "100ms"}}}
    scenario = {"device": "pixel4", "strategies": ["cpu[worker=cpu.3medium]"], "stream": [stream]}
    alone = socrates.run({**scenario, "stream": [{"model": "squeezenet1_1", "requests": 1}]})
    service_s = alone.cases[0].report["models"][0]["latency"]["p50_ns"] * 1e-9
    (found,) = socrates.capacity(scenario, p99_ms=service_s * 1.001e3, replicates=1)
    assert found.mean == pytest.approx(1 / service_s, rel=0.03)
    with pytest.raises(socrates.InputError, match="a target is missing"):
        socrates.capacity(scenario)
    with pytest.raises(socrates.InputError, match="has no stream `squeeze`"):
        socrates.capacity(scenario, stream="squeeze", p99_ms=10)
