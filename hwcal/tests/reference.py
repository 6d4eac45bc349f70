#!/usr/bin/env python3
"""Prints the reference numbers of the unit tests of `linear` and `statistics`. Needs NumPy and SciPy.

    python3 hwcal/tests/reference.py
"""

import numpy
from scipy.optimize import nnls

numpy.set_printoptions(precision=17)

ROWS = numpy.array([[1, 2, 0.5], [2, 1, -1], [0.5, 3, 2], [4, -1, 1], [1, 1, 1]], dtype=float)


def print_nnls():
    for values in ([1, 2, 3, 4, 5], [3, -1, 2, -4, 1], [-1, -1, -1, -1, -1]):
        print("nnls", values, nnls(ROWS, numpy.array(values, dtype=float))[0])


def print_quantiles():
    for probability in (0.0, 0.5, 0.9, 1.0):
        print("quantiles", probability, numpy.quantile([3.0, 1.0, 2.0, 10.0], probability))


if __name__ == "__main__":
    print_nnls()
    print_quantiles()
