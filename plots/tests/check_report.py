"""Opens a report in headless Chromium and uses it: loads, sorts, filters, zooms, by mouse and by keyboard; at 1280 and at 400 pixels; light and dark.

Usage: python plots/tests/check_report.py REPORT.html [FOLDER FOR SCREENSHOTS]

Needs Debian's `chromium-headless-shell` or `chromium`, and nothing else. Without a browser it says so and does nothing; with
SOCRATES_REQUIRE_DEVICES=1 that is an error.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

BROWSERS = ["chromium-headless-shell", "chromium", "google-chrome"]
PATIENCE_S = 60


class Browser:
    """Chromium, spoken to through a pipe in the protocol of its developer tools."""

    def __init__(self, program, page):
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()
        options = "--headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --remote-debugging-pipe about:blank"
        command = f"exec {program} {options} 3<&{to_browser} 4>&{from_browser}"
        # A shell takes descriptors of one digit only; bash takes any.
        self.process = subprocess.Popen(
            ["bash", "-c", command], pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser)
        os.close(from_browser)
        self.pending, self.number, self.session = b"", 0, None
        self.errors, self.requests = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=page)
        self.wait("document.documentElement && document.documentElement.dataset.ready === 'yes'")

    def close(self):
        self.process.terminate()
        self.process.wait()

    def message(self):
        while b"\0" not in self.pending:
            if not select.select([self.read_end], [], [], PATIENCE_S)[0]:
                raise TimeoutError("the browser says nothing")
            part = os.read(self.read_end, 1 << 20)
            if not part:
                raise EOFError("the browser ended")
            self.pending += part
        text, self.pending = self.pending.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.write_end, json.dumps(request).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                assert "error" not in message, f"{method}: {message.get('error')}"
                return message["result"]
            self.note(message)

    def note(self, message):
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"].get("exception", {}).get("description") or str(parameters))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.errors.append(str(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, f"{expression}: {result['exceptionDetails']}"
        return result["result"].get("value")

    def wait(self, expression):
        end = time.monotonic() + PATIENCE_S
        while not self.value(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.02)

    def settle(self):
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def key(self, key, modifiers=0):
        codes = {"Tab": 9, "Enter": 13, "ArrowDown": 40, "ArrowRight": 39, "Home": 36}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        common = {"key": key, "modifiers": modifiers, "windowsVirtualKeyCode": codes.get(key, ord(key[0]) if len(key) == 1 else 0)}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def middle(self, expression):
        self.value(f"({expression}).scrollIntoView({{ block: 'center' }})")
        self.settle()
        box = self.value(f"(() => {{ const box = ({expression}).getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2] }})()")
        return {"x": box[0], "y": box[1]}

    def click(self, expression):
        at = self.middle(expression)
        for kind in ["mousePressed", "mouseReleased"]:
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)
        self.settle()

    def hover(self, expression):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", **self.middle(expression))
        self.settle()

    def resize(self, width, theme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.settle()
        time.sleep(0.1)
        self.settle()

    def screenshot(self, path, whole=True):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))


def check_sorting(browser):
    head = "[...document.querySelectorAll('#runs th button')].find((it) => it.textContent === 'p50, ms')"
    cells = (
        "(() => { const at = [...document.querySelectorAll('#runs thead th')].findIndex((it) => it.textContent === 'p50, ms');"
        " return [...document.querySelectorAll('#runs tbody tr')].map((row) => Number(row.children[at].textContent)).filter(Number.isFinite) })()"
    )
    before = browser.value(cells)
    browser.click(head)
    ascending = browser.value(cells)
    assert ascending == sorted(before), "a click sorts, the least first"
    assert browser.value(f"({head}).parentElement.getAttribute('aria-sort')") == "ascending"
    browser.value(f"({head}).focus()")
    browser.key("Enter")
    browser.settle()
    assert browser.value(cells) == sorted(before, reverse=True), "Enter on the heading sorts the other way"
    assert browser.value(f"({head}).parentElement.getAttribute('aria-sort')") == "descending"
    return len(before)


def check_filter(browser):
    strategy = browser.value("document.querySelector('#runs tbody tr button').textContent")
    all_rows = browser.value("document.querySelectorAll('#runs tbody tr').length")
    browser.click("document.getElementById('filter')")
    for character in strategy:
        browser.key(character)
    browser.settle()
    texts = browser.value("[...document.querySelectorAll('#runs tbody tr')].map((it) => it.textContent)")
    assert texts and all(strategy in text for text in texts), f"only rows with {strategy}"
    assert len(texts) <= all_rows
    browser.value("(() => { const it = document.getElementById('filter'); it.value = ''; it.dispatchEvent(new Event('input')) })()")


def check_timeline(browser):
    canvas = "document.querySelector('#timeline svg.chart')"
    view = f"(() => {{ const it = {canvas}; return [Number(it.dataset.from), Number(it.dataset.to)] }})()"
    length = lambda: (lambda ends: ends[1] - ends[0])(browser.value(view))
    browser.click(canvas)
    browser.value(f"({canvas}).focus()")
    whole = length()
    browser.key("+")
    browser.settle()
    assert abs(length() - whole / 2) < 1, "+ shows half"
    start = browser.value(view)[0]
    browser.key("ArrowRight")
    browser.settle()
    assert browser.value(view)[0] > start, "an arrow moves"
    at = browser.middle(canvas)
    now = length()
    browser.call("Input.dispatchMouseEvent", type="mouseWheel", deltaX=0, deltaY=-100, modifiers=2, **at)
    browser.wait(f"(() => {{ const it = {canvas}; return it.dataset.to - it.dataset.from < {now} * 0.99 }})()")
    browser.click("document.querySelector('#timeline button[aria-label=\"zoom out\"]')")
    assert length() > 0.8 * now, "the button shows more again"
    browser.value(f"({canvas}).focus()")
    browser.key("0")
    browser.settle()
    assert abs(length() - whole) < 1, "0 shows all"
    details = "document.querySelector('#timeline .details').textContent"
    before = browser.value(details)
    browser.key("n")
    browser.settle()
    one = browser.value(details)
    browser.key("n")
    browser.settle()
    assert before != one and ("request" in one or "frame" in one) and one != browser.value(details), "n goes from bar to bar"
    widest = f"[...document.querySelectorAll('#timeline rect[data-span]')].sort((a, b) => b.getBoundingClientRect().width - a.getBoundingClientRect().width)[0]"
    browser.hover(widest)
    assert not browser.value("document.getElementById('tip').hidden"), "a bar has a hint"
    assert "from " in browser.value("document.getElementById('tip').textContent")
    return browser.value("document.querySelectorAll('#timeline rect[data-span]').length")


def check_graph(browser):
    canvas = "document.querySelector('#graph .graph svg')"
    details = "document.querySelector('#graph .details').textContent"
    browser.value(f"({canvas}).focus()")
    browser.key("ArrowDown")
    browser.settle()
    assert browser.value(details).startswith("Task 1 "), browser.value(details)
    browser.click("document.querySelector('#graph [data-task=\"0\"]')")
    assert browser.value(details).startswith("Task 0 ")
    by_processor = browser.value("document.querySelector('#graph [data-task] rect').getAttribute('fill')")
    choose = "(() => { const it = document.querySelectorAll('#graph select')[2]; it.value = 'time'; it.dispatchEvent(new Event('change')) })()"
    browser.value(choose)
    assert browser.value("document.querySelector('#graph [data-task] rect').getAttribute('fill')") != by_processor, "colours by time"
    browser.value(choose.replace("'time'", "'processor'"))
    return browser.value("document.querySelectorAll('#graph [data-task]').length")


def check_selection(browser):
    """A name in the table shows that run."""
    button = "[...document.querySelectorAll('#runs tbody button')].pop()"
    browser.click(button)
    model = browser.value(f"({button}).textContent")
    assert browser.value("document.querySelectorAll('#graph select')[1].value") == model


def check_keyboard(browser):
    """All that can be used is reached by Tab, and its focus is seen."""
    browser.value("document.activeElement.blur(); window.scrollTo(0, 0)")
    wanted = {"a.skip", "#theme", "#filter", "#runs th button", "#timeline select", "#timeline svg.chart", "#graph select", "#graph .graph svg"}
    total = browser.value("document.querySelectorAll('a, button, select, input, summary, [tabindex=\"0\"]').length")
    seen = set()
    for _ in range(total + 5):
        browser.key("Tab")
        for selector in wanted - seen:
            if browser.value(f"document.activeElement.matches({json.dumps(selector)})"):
                outline = browser.value("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"the focus of {selector} is not seen"
                seen.add(selector)
        if seen == wanted:
            break
    assert seen == wanted, f"Tab never reaches {wanted - seen}"


LEGIBLE = """
(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((it) => it / 255).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = light(getComputedStyle(document.body).backgroundColor);
  const found = [];
  for (const element of document.querySelectorAll('h1, h2, h3, p, th, td, li, dt, dd, label, button, select, summary, svg.chart text')) {
    if (!element.textContent.trim() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const drawn = light(element.tagName === 'text' ? style.fill : style.color);
    const contrast = (Math.max(drawn, page) + 0.05) / (Math.min(drawn, page) + 0.05);
    if (contrast < 4.5) found.push(`${element.tagName} "${element.textContent.slice(0, 30)}": contrast ${contrast.toFixed(1)}`);
    if (parseFloat(style.fontSize) < 11) found.push(`${element.tagName} "${element.textContent.slice(0, 30)}": ${style.fontSize}`);
  }
  return found;
})()
"""


def check_layout(browser, folder):
    for width in [1280, 400]:
        for theme in ["light", "dark"]:
            browser.resize(width, theme)
            across = browser.value("document.scrollingElement.scrollWidth")
            assert across <= width, f"at {width} pixels the page is {across} wide"
            wrong = browser.value(LEGIBLE)
            assert not wrong, f"{width}, {theme}: {wrong[:5]}"
            if folder:
                browser.screenshot(folder / f"report-{width}-{theme}.png")
    browser.resize(1280, "light")
    background = lambda: browser.value("getComputedStyle(document.body).backgroundColor")
    before = background()
    browser.click("document.getElementById('theme')")
    browser.click("document.getElementById('theme')")
    assert background() != before, "the button changes the theme"
    browser.click("document.getElementById('theme')")
    assert background() == before


def main(page, folder):
    program = next((found for found in map(shutil.which, BROWSERS) if found), None)
    if program is None:
        print(f"skipped: no browser ({', '.join(BROWSERS)})")
        return int(os.environ.get("SOCRATES_REQUIRE_DEVICES") == "1")
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    browser = Browser(program, page.resolve().as_uri())
    try:
        browser.resize(1280, "light")
        if browser.value("document.getElementById('claims') !== null"):
            told = check_study(browser)
            check_layout(browser, folder)
            return finish(browser, page, told)
        rows = check_sorting(browser)
        check_filter(browser)
        bars = check_timeline(browser)
        tasks = check_graph(browser)
        check_selection(browser)
        check_keyboard(browser)
        check_layout(browser, folder)
        return finish(browser, page, f"{rows} rows sorted, {bars} bars, {tasks} tasks")
    finally:
        browser.close()


def finish(browser, page, told):
    assert not browser.errors, f"the console says: {browser.errors}"
    foreign = [url for url in browser.requests if not url.startswith(("file:", "data:", "about:"))]
    assert not foreign, f"the page asked for {foreign}"
    print(f"{page}: {told}, no error in the console, nothing loaded")
    return 0


def check_study(browser):
    """Figures are drawn, tables open by the keyboard and sort."""
    figures = browser.value("document.querySelectorAll('figure img').length")
    browser.value("document.querySelectorAll('figure img').forEach((it) => { it.loading = 'eager' })")
    browser.wait("[...document.querySelectorAll('figure img')].every((it) => it.complete)")
    empty = browser.value("[...document.querySelectorAll('figure img')].filter((it) => !it.naturalWidth).map((it) => it.alt)")
    assert figures and not empty, f"figures that do not show: {empty}"
    assert browser.value("[...document.querySelectorAll('figure img')].every((it) => it.alt)"), "every figure says what it shows"
    tables = browser.value("document.querySelectorAll('details').length")
    for index in range(tables):
        browser.value(f"document.querySelectorAll('details summary')[{index}].focus()")
        browser.key("Enter")
        browser.settle()
        one = f"document.querySelectorAll('details')[{index}]"
        assert browser.value(f"{one}.open && {one}.querySelector('table') !== null"), "Enter opens a table"
        column = "[...TABLE.querySelectorAll('th')].findIndex((it) => it.className === 'number')".replace("TABLE", one)
        at = browser.value(column)
        if at >= 0:
            cells = f"[...{one}.querySelectorAll('tbody tr')].map((row) => row.children[{at}].title || row.children[{at}].textContent).filter((it) => it !== '').map(Number)"
            browser.click(f"{one}.querySelectorAll('th button')[{at}]")
            sorted_cells = browser.value(cells)
            assert sorted_cells == sorted(sorted_cells), "a click sorts, the least first"
        browser.value(f"{one}.open = false")
    claims = browser.value("document.querySelectorAll('#claims tbody tr').length")
    return f"{figures} figures, {tables} tables, {claims} rows of claims"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None))
