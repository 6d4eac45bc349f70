"""The Python that README and `docs/python.md` show, run as a reader would, block after block."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What needs a cluster that is there already; `ray_cluster.py` starts one.
ELSEWHERE = 'engine="ray"'


def blocks(page):
    """Line number and text of each Python block."""
    text = (ROOT / page).read_text()
    for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, match.start()) + 2, match.group(1)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_what_a_page_shows_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "examples/sweep/rates.toml", "rates.toml")
    names, ran = {}, 0
    for line, text in blocks(page):
        if ELSEWHERE not in text:
            # Line numbers of errors are those of the page.
            exec(compile("\n" * (line - 1) + text, str(ROOT / page), "exec"), names)
            ran += 1
    assert ran
