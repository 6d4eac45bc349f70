"""Fixtures of the tests."""

import pytest

import socrates

#: Two models and three strategies: quick, with copies between memories.
SMALL = {
    "name": "small",
    "device": "pixel4",
    "strategies": ["cpu", "gpu", "heft"],
    "stream": [{"model": "mobilenet_v2", "requests": 3}, {"model": "yolov2", "requests": 2}],
}


@pytest.fixture
def small():
    return socrates.Scenario.from_dict(SMALL)
