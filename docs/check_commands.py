"""Runs the command lines that the README, the recipes and the reference of the command line show, as a reader would, in a folder of their own.

Usage: python docs/check_commands.py PROGRAM [--measure]

PROGRAM is the built `socrates`. Taken are lines that begin with `socrates `, in indented or fenced blocks of README.md and docs/recipes.md and in the
examples of docs/cli.md, in their order. What measures this machine is run with --measure only; which lines were not run is told.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "docs/recipes.md", "docs/cli.md"]
# Lines that run real kernels, or need what such lines wrote.
MEASURES = re.compile(r"^socrates (execute|observe|replay|calibrate (run|check|refine)|validate host)")
# Ends with status 1 where the profile misses its aims: that is for the machine to answer, not for the page.
JUDGES = re.compile(r"^socrates calibrate check")
# Run by recipes of their own, since they take long.
ELSEWHERE = {"socrates validate host --quick": "just validate-host", "socrates validate host": "half an hour", "socrates study": "just main", "socrates study --check": "just study"}
PATIENCE_S = 300


def commands(page):
    """The command lines of a page, without comments."""
    found = []
    for line in (ROOT / page).read_text().splitlines():
        line = re.sub(r"\s+#\s.*$", "", line.strip())
        if line.startswith("socrates ") and "..." not in line and not line.startswith("socrates: "):
            found.append(line)
    return list(dict.fromkeys(found))


def alternatives(line):
    """`list devices|models` as one line each."""
    match = re.search(r"(\S+(?:\|\S+)+)", line)
    return [line.replace(match.group(1), word) for word in match.group(1).split("|")] if match else [line]


def furnish(folder):
    """What the reader has: models, scenarios, tables of measurements of their own."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copy(ROOT / "scenarios/models/squeezenet1_1.onnx", folder / "my-model.onnx")
    scenario = (ROOT / "scenarios/library/pixel4-together.toml").read_text()
    (folder / "my-scenario.toml").write_text(scenario)
    (folder / "my-host-scenario.toml").write_text((ROOT / "examples/dynamic/scenario.toml").read_text())
    header = "framework,model,device_key,processor,cores,dtype,mean_ms\n"
    rows = [f"tflite,{name},s10,{processor},{cores},float,{ms}" for name, processor, cores, ms in MEASURED]
    (folder / "measured.csv").write_text(header + "\n".join(rows) + "\n")
    header = "src,model,proc_per_block,freq_idx_per_block,input_ms,task_ms,task_mj,total_mj\n"
    (folder / "mappings.csv").write_text(header + MAPPING)
    (folder / "band.json").write_text(BAND)
    for name in ["benchmark_model.txt", "onnxruntime_profile.json", "perf.yaml", "mlperf_log_summary.txt"]:
        (folder / name).write_text((ROOT / "scenarios/tests/data/import" / name).read_text())


# Orders of magnitude only: no measurement is claimed by a reader's table.
MEASURED = [("resnet18", "gpu", "gpu", 40.0), ("resnet18", "cpu", "1large", 90.0)]
MAPPING = "lw,AlexNet,BBBBBBBB,7|7|7|7|7|7|7|7,10,300,1500,1600\n"
BAND = '{"log_path": "log.json", "schedulers": ["fixed_worker"], "models": [{"graph": "mobilenet_v2.tflite", "period_ms": 33}]}\n'


def main(program, measure):
    failed, left_out, ran = [], [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        furnish(folder)
        (folder / "bin").mkdir()
        (folder / "bin/socrates").symlink_to(program)
        environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "HOME": name}
        lines = [(page, line) for page in PAGES for shown in commands(page) for line in alternatives(shown)]
        # Later pages show some lines again.
        for line in dict.fromkeys(line for _, line in lines):
            page = next(page for page, other in lines if other == line)
            if line in ELSEWHERE or (MEASURES.match(line) and not measure):
                left_out.append(line)
                continue
            started = time.monotonic()
            done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
            ran += 1
            print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)
            if done.returncode not in ([0, 1] if JUDGES.match(line) else [0]):
                failed.append(f"{page}: `{line}` ended with status {done.returncode}:\n{done.stdout[-500:]}{done.stderr[-1500:]}")
    for line in left_out:
        print(f"not run: {line} ({ELSEWHERE.get(line, 'measures this machine: --measure')})")
    for text in failed:
        print(f"\n{text}", file=sys.stderr)
    print(f"{ran} command lines, {len(failed)} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3 or sys.argv[2:] not in ([], ["--measure"]):
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:] == ["--measure"]))
