"""Runs: the same as the command's, tables, threads."""

import json
import subprocess
import sys
import threading
import time

import pytest

import socrates


def files(directory):
    """Contents of a results directory; of `run.json` without the command line."""
    contents = {path.name: path.read_bytes() for path in directory.iterdir()}
    run = json.loads(contents["run.json"])
    run["provenance"].pop("command_line")
    return {**contents, "run.json": run}


@pytest.mark.parametrize("replicates", [1, 3])
def test_files_are_those_of_the_command(small, tmp_path, replicates):
    scenario = small.replace(replicates=replicates, variation="residuals", seed=7)
    path = scenario.save(tmp_path)
    command = [sys.executable, "-m", "socrates", "run", str(path), "--output", str(tmp_path / "command"), "--quiet"]
    subprocess.run(command, check=True, capture_output=True)
    socrates.run(path, threads=2, output=tmp_path / "python")
    assert files(tmp_path / "command") == files(tmp_path / "python")


def test_the_number_of_threads_changes_nothing(small):
    one, many = (socrates.run(small, threads=threads) for threads in (1, 4))
    assert one.cases == many.cases
    assert one.operators().to_parquet() == many.operators().to_parquet()


def test_stand_ins(small):
    result = socrates.run(small, strategies=["gpu[fallback=operator]"], seed=3, replicates=2)
    assert {case.strategy for case in result.cases} == {"gpu[fallback=operator]"}
    assert len(result.replicates["seeds"]) == 2
    with pytest.raises(socrates.InputError, match="did you mean `heft`"):
        socrates.run(small, strategies=["haft"])


def test_tables(small):
    pytest.importorskip("pyarrow")
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    result = socrates.run(small)
    requests = result.requests()
    assert len(requests) == 15
    frame = requests.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert polars.DataFrame(requests).equals(requests.to_polars())
    latency = (frame["ended_ns"] - frame["arrived_ns"]).groupby([frame["strategy"], frame["model"]]).mean()
    for row in result.summary().to_dicts():
        assert row["mean_ms"] == pytest.approx(latency[row["strategy"], row["model"]] * 1e-6)
    assert sum(row["copies"] * row["completed"] for row in result.summary().to_dicts()) == len(result.copies())
    assert set(result.operators().to_polars()["worker"]) <= {worker.name for worker in socrates.Device.load("pixel4").workers}
    assert len(result.frames()) == 0


def test_without_records(small):
    result = socrates.run(small, records=False)
    assert result.cases == socrates.run(small).cases
    with pytest.raises(socrates.InputError, match="records=True"):
        result.requests()


def test_failures_are_told(small):
    with pytest.warns(UserWarning, match="npu"):
        result = socrates.run(small, strategies=["cpu", "npu"])
    assert {failure.strategy for failure in result.failures} == {"npu"} and len(result) == 2
    with pytest.raises(socrates.SimulationError, match="has no plan"):
        socrates.run(small, strategies=["npu"])


def test_results_are_not_written_over_other_things(small, tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(socrates.OutputError, match="is not a results directory"):
        socrates.run(small, output=tmp_path)
    assert (tmp_path / "mine").read_text() == "precious"


def longest_silence_of_another_thread(scenario):
    """Seconds that a run of `scenario` took, and the longest time within it that a thread ticking each millisecond got no turn."""
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begun = time.perf_counter()
    socrates.run(scenario, records=False)
    ended = time.perf_counter()
    done.set()
    thread.join()
    during = [begun, *(time for time in ticks if begun < time < ended), ended]
    return ended - begun, max(after - before for before, after in zip(during, during[1:]))


def test_other_threads_go_on_during_a_run(small):
    requests, took = 20_000, 0.0
    # As many requests as this machine needs half a second for: in a shorter run one pause of the system would decide.
    while took < 0.5:
        long = small.replace(stream=[{"model": "resnet50", "requests": requests}], strategies=["heft"])
        took, longest = longest_silence_of_another_thread(long)
        requests *= 2
    assert longest < took / 2


def test_a_run_can_be_interrupted(tmp_path):
    program = """
import _thread, threading, socrates
scenario = {"device": "pixel4", "strategies": ["heft"],
            "stream": [{"model": "resnet50", "requests": 3000, "name": f"s{index}"} for index in range(2000)]}
threading.Timer(1.0, _thread.interrupt_main).start()
try:
    socrates.run(scenario, threads=1, records=False)
except KeyboardInterrupt:
    print("interrupted")
"""
    begun = time.perf_counter()
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "interrupted\n", ran.stderr
    assert time.perf_counter() - begun < 30
