"""What comes with the package, models, devices, scenarios."""

import copy
import pickle

import pytest

import socrates


def test_names():
    assert "pixel4" in socrates.devices()
    assert "mobilenet_v2" in socrates.models()
    assert "pixel4-solo" in socrates.scenarios()
    assert socrates.strategies()["gpu"].parameters[0].name


def test_a_model_of_the_zoo():
    model = socrates.Model.load("mobilenet_v2")
    assert model.macs == 300_774_272
    assert sum(operator.macs for operator in model.operators) == model.macs
    assert model.inputs[0][1] == [1, 3, 224, 224]
    again = socrates.Model.from_onnx(model.to_onnx(), model.name)
    assert (again.macs, again.parameters, len(again.operators)) == (model.macs, model.parameters, len(model.operators))


def test_a_model_that_is_built():
    graph = socrates.Model.build("tiny")
    x = graph.input("image", [1, 3, 32, 32])
    x = graph.relu(graph.conv(x, 16, kernel=3, stride=2))
    assert graph.shape(x) == [1, 16, 16, 16]
    y = graph.relu(graph.depthwise_conv(x))
    x = graph.max_pool(graph.add(x, y))
    x = graph.softmax(graph.linear(graph.flatten(graph.global_average_pool(x)), 10))
    model = graph.finish(x)
    # Of each convolution output elements times kernel elements, of the matrix its elements.
    assert model.macs == 16 * 16 * 16 * 27 + 16 * 16 * 16 * 9 + 160
    assert model.parameters == 16 * 27 + 16 + 16 * 9 + 16 + 170
    assert model.outputs == [(x, [1, 10])]


def test_a_model_that_does_not_fit_together():
    graph = socrates.Graph("wrong")
    x, y = graph.input("x", [1, 3]), graph.input("y", [1, 4])
    with pytest.raises(socrates.InputError, match="wrong"):
        graph.finish(graph.add(x, y))


@pytest.mark.parametrize("value", [socrates.Device.load("pixel4"), socrates.Model.load("squeezenet1_1")])
def test_copies_and_pickles(value):
    for other in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert other.name == value.name


def test_a_device():
    device = socrates.Device.load("pixel4")
    gpu = device.worker("gpu")
    assert (gpu.kind, device.workers[gpu].name) == ("gpu", "gpu")
    assert device.copy_ns("gpu", "gpu", 1000) == 0 < device.copy_ns("cpu.1large", "gpu", 1000)
    assert device.conflict("cpu.1large", "cpu.1large1medium") and not device.conflict("cpu.1large", "gpu")
    values = device.to_dict()
    values["name"] = "mine"
    assert socrates.Device.from_dict(values).name == "mine"
    with pytest.raises(socrates.InputError, match="has no worker `npu`: it has"):
        device.worker("npu")


def test_errors_are_those_of_the_command():
    with pytest.raises(socrates.InputError, match="unknown device `pixel5`\nhint: did you mean `pixel4`"):
        socrates.Device.load("pixel5")
    with pytest.raises(socrates.InputError, match=r"unknown key `sed`[\s\S]*mine.toml:1:1"):
        socrates.Scenario.from_toml('sed = 1\nschema_version = 1\nname = "x"\n', name="mine.toml")
    with pytest.raises(socrates.SocratesError, match="cannot read scenario `nowhere.toml`: No such file"):
        socrates.run("nowhere.toml")


def test_a_scenario_of_objects(tmp_path):
    device = socrates.Device.load("pixel4")
    graph = socrates.Graph("tiny")
    model = graph.finish(graph.conv(graph.input("image", [1, 3, 64, 64]), 32))
    values = {"name": "mine", "device": device, "strategies": ["cpu", "gpu"], "stream": [{"model": model, "requests": 2}]}
    scenario = socrates.Scenario.from_dict(values)
    result = socrates.run(scenario)
    assert [case.case for case in result.cases] == ["tiny.onnx"] * 2
    # Saved and loaded, and changed, it is the same.
    path = scenario.save(tmp_path)
    assert socrates.run(path).cases == result.cases
    assert socrates.run(scenario.replace(strategies=["gpu"])).cases == result.cases[1:]
    other = socrates.Graph("tiny")
    values["stream"].append({"model": other.finish(other.relu(other.input("x", [1, 2]))), "requests": 1})
    with pytest.raises(socrates.InputError, match="two different objects"):
        socrates.Scenario.from_dict(values)


def test_predictions():
    found = socrates.predict("mobilenet_v2", "pixel4")
    by_worker = {it.worker: it for it in found.predictions}
    gpu = by_worker["gpu"]
    assert gpu.low_ms < gpu.latency_ms < gpu.high_ms and gpu.measured > 0
    assert gpu.latency_ms < by_worker["cpu.1large"].latency_ms
    model = socrates.Model.load("mobilenet_v2")
    assert socrates.predict(model, socrates.Device.load("pixel4"), processor="gpu").predictions == [gpu]
    with pytest.raises(socrates.InputError, match="has no processor `npu`"):
        socrates.predict("mobilenet_v2", processor="npu")
