#!/usr/bin/env python3
"""Executes the notebooks and compares: text (`.py`) and notebook (`.ipynb`) are one, outputs are fresh, none takes more than a minute.

    python notebooks/check.py [--update] [NAME...]

Outputs of cells tagged `varies` (they measure this machine) and pictures are not compared. `--update` writes the `.ipynb` files.
"""

import argparse
import difflib
import os
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
#: A notebook may take so long; machines that are shared may ask for more.
LIMIT_S = float(os.environ.get("NOTEBOOK_LIMIT_S", "60"))


def executed(text):
    """The notebook of a text, executed, without what changes from one time to the next."""
    notebook = jupytext.read(text)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    NotebookClient(notebook, timeout=int(10 * LIMIT_S), resources={"metadata": {"path": str(FOLDER)}}).execute()
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("language_info", None)
    return notebook


def sources(notebook):
    """What the cells say."""
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def printed(notebook):
    """What is compared of the outputs: text, cell by cell."""
    lines = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or "varies" in cell.metadata.get("tags", []):
            continue
        for output in cell.outputs:
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            lines += [f"cell {number}: {line}" for line in text.splitlines()]
    return lines


def check(text, update):
    """What is wrong with a notebook; nothing if it is fine."""
    stored = text.with_suffix(".ipynb")
    begun = time.perf_counter()
    fresh = executed(text)
    took = time.perf_counter() - begun
    print(f"{text.stem}: {took:.1f} s", flush=True)
    wrong = [f"{text.name} took {took:.0f} s, the limit is {LIMIT_S:.0f}"] if took > LIMIT_S else []
    if update:
        partial = stored.with_name(f".{stored.name}.partial-{os.getpid()}")
        nbformat.write(fresh, partial)
        partial.replace(stored)
        return wrong
    if not stored.exists():
        return [*wrong, f"{stored.name} is missing: write it with --update"]
    known = nbformat.read(stored, as_version=4)
    if sources(known) != sources(fresh):
        return [*wrong, f"{stored.name} is not the notebook of {text.name}: write it with --update"]
    changed = list(difflib.unified_diff(printed(known), printed(fresh), "stored", "fresh", lineterm="", n=0))
    return wrong + ([f"{stored.name} is stale: look, then write it with --update\n" + "\n".join(changed)] if changed else [])


def main():
    """Checks all notebooks, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write the notebooks")
    parser.add_argument("names", nargs="*", help="beginnings of names; all by default")
    arguments = parser.parse_args()
    texts = [text for text in sorted(FOLDER.glob("[0-9]*.py")) if text.stem.startswith(tuple(arguments.names or [""]))]
    wrong = [problem for text in texts for problem in check(text, arguments.update)]
    for problem in wrong:
        print(f"error: {problem}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
