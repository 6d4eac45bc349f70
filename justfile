# Recipes that `.ci/run` calls. Run one with `just NAME`, all with `just ci`.

python := env("PYTHON", "python3")
run := "target/ci/pixel4-solo"

# Everything, in the order of what fails soonest.
ci: format test vulkan lint docs profile main validate study checks commands bench python notebooks host validate-host

# The README's test command.
test:
    cargo test --workspace --locked

# The processor that is no part of the default build.
vulkan:
    cargo test --locked --package socrates-executor --features vulkan --test vulkan

# Formatting, unchanged.
format:
    cargo fmt --all --check

# Lints, each exception commented where it is.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo clippy --package socrates --features vulkan,xnnpack,cuda --all-targets --locked -- -D warnings

# Documentation, with no broken link.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# The committed profiles are what the fits make of the committed measurements; prints the held-out errors.
profile:
    cargo build --release --locked
    for device in pixel4 s10 mi8se a03s iphonexs iphone7 rk3399pro rpi4b rpi5 jetson-nano jetson-agx-orin huawei-p20-kirin970 rk3588-android \
        sd8gen2 sd8gen2-int8 sd8gen1 galaxy-s24-sd8gen3 galaxy-s24-sd8gen3-int8 galaxy-s25-sd8elite qcs6490-int8; do \
        target/release/socrates calibrate fit --device $device --check --quiet || exit 1; \
    done

# `docs/validation.md` and its figures are what is found now.
validate:
    target/release/socrates validate published --check

# The README's main command; two scenarios, and an explanation.
main:
    cargo run --release --locked
    cargo run --release --locked -- run pixel4-solo --output {{ run }} --quiet
    cargo run --release --locked -- run pixel4-together --output target/ci/pixel4-together --quiet
    cargo run --release --locked -- explain {{ run }} --model swin_t --strategy "gpu[fallback=operator]" > target/ci/explain.txt

# `docs/study.md` and its figures are what is found now; the page of the main command's study works in a browser.
study:
    target/release/socrates study --check --quiet
    target/release/socrates report runs/study -o target/ci/study.html
    {{ python }} plots/tests/check_report.py target/ci/study.html

# What is written is what the official readers read; the shape oracle is what the onnx package infers.
checks:
    {{ python }} scenarios/models/expected_shapes.py --check
    ONNX_NODE_TESTS="$({{ python }} -c 'import onnx, pathlib; print(pathlib.Path(onnx.__file__).parent / "backend/test/data/node")')" \
        cargo test --locked --package socrates-scenarios --test node_models -- --ignored
    {{ python }} results/tests/check_trace.py {{ run }}
    {{ python }} results/tests/check_tables.py {{ run }}
    {{ python }} scenarios/tests/check_optimized.py target/release/socrates
    target/release/socrates report {{ run }} target/ci/pixel4-together -o target/ci/report.html
    {{ python }} plots/tests/check_report.py target/ci/report.html
    target/release/socrates figure timeline {{ run }} --model mobilenet_v2 --strategy heft -o target/ci/timeline.png

# The command lines that README and reference show, run as a reader would.
commands:
    {{ python }} docs/check_commands.py target/release/socrates

# The benchmark program runs and reaches its check values (timings are not judged here: machines are shared).
bench:
    cargo build --release --locked --package socrates-bench
    target/release/socrates-bench dag 10000
    target/release/socrates-bench stream 3000
    target/release/socrates-bench mm1 100000

# The Python package, installed as a user would; its tests and types; a sweep on a Ray cluster of two nodes, one of which is killed.
python:
    {{ python }} -m pip install --quiet --disable-pip-version-check --requirement python/requirements-test.txt ./python
    cd python && {{ python }} -m pytest
    cd python && {{ python }} -m mypy
    {{ python }} python/tests/ray_cluster.py

# Every notebook, executed; what does not depend on this machine is what is stored.
notebooks:
    {{ python }} notebooks/check.py

# This machine, measured quickly, then run on: four models on the CPU, on the GPU (PoCL where there is no other) and shared by both. What
# is checked here is that it works and that outputs are equal; the errors of the profile are printed, not judged: machines are shared.
host:
    mkdir -p target/ci/host
    target/release/socrates calibrate run --quick --output target/ci/host/host.toml
    target/release/socrates execute host-solo --device target/ci/host/host.toml --output target/ci/host/run --tolerance 1e-4
    {{ python }} results/tests/check_tables.py target/ci/host/run
    {{ python }} results/tests/check_trace.py target/ci/host/run
    cd target/ci/host && ../../release/socrates execute ../../../examples/co-execution/scenario.toml --output co-execution
    cd target/ci/host && ../../release/socrates execute ../../../examples/frontend/scenario.toml --warm-up 0 --tolerance 1e-4 --output frontend

# This machine predicted and run for real, from operators to strategies, against loose gates; the aims are told. Machines are shared: a run that others
# disturbed may be repeated once.
validate-host:
    target/release/socrates validate host --quick --quiet --output target/ci/validate-host || \
        target/release/socrates validate host --quick --quiet --output target/ci/validate-host
