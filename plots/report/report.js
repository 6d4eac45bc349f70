"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const PALETTE = ["blue", "orange", "green", "vermillion", "sky", "pink", "ink"].map((name) => `var(--${name})`);

  // --- Building blocks -------------------------------------------------------------------------------------------------------

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat(Infinity)) {
      if (child === null || child === undefined) continue;
      element.append(typeof child === "object" ? child : String(child));
    }
    return element;
  }
  const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const body = (id) => document.querySelector(`#${id} .body`);
  const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

  /** A number with `digits` significant digits, without powers of ten. */
  function number(value, digits = 3) {
    if (!known(value)) return "–";
    if (Number.isInteger(value)) return String(value);
    const decimals = Math.min(6, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value)))));
    return value.toFixed(decimals);
  }
  const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
  const percent = (value) => (known(value) ? `${number(100 * value, 2)} %` : "–");
  const time = (ns) => (ns >= 1e9 ? `${number(ns / 1e9, 4)} s` : ns >= 1e6 ? `${number(ns / 1e6, 4)} ms` : `${number(ns / 1e3, 3)} µs`);

  const strategyLook = new Map(data.strategies.map((look) => [look.name, look]));
  const processorLook = new Map(data.processors.map((look) => [look.name, look]));
  const several = data.directories.length > 1;

  // Runs in one list: what selections and tables refer to.
  const runs = data.directories.flatMap((directory, folder) => directory.runs.map((run) => ({ ...run, directory, folder })));
  const runName = (run) =>
    [several ? run.directory.name : null, run.case, run.strategy, run.origin === "measured" ? "measured" : null].filter(Boolean).join(" · ");
  const groupOf = (run, model) => (run.case === model.name ? model.name : `${model.name} · ${run.case}`);
  const rows = runs.flatMap((run, index) => run.models.map((model) => ({ run, index, model, group: groupOf(run, model) })));

  // Fastest of each group within a directory, and the first directory's latency of the same.
  const key = (row) => `${row.run.folder}|${row.run.origin}|${row.group}`;
  const best = new Map();
  for (const row of rows) {
    const found = best.get(key(row));
    if (known(row.model.p50_ms) && (!found || row.model.p50_ms < found.model.p50_ms)) best.set(key(row), row);
  }
  const isBest = (row) => best.has(key(row)) && known(row.model.p50_ms) && row.model.p50_ms <= best.get(key(row)).model.p50_ms * (1 + 1e-9);
  const rivals = new Map();
  for (const row of rows) rivals.set(key(row), (rivals.get(key(row)) || 0) + 1);
  const same = (row) => `${row.group}|${row.run.strategy}`;
  const first = new Map(rows.filter((row) => row.run.folder === 0).map((row) => [same(row), row]));
  const slower = (row) => (known(row.model.p50_ms) && best.has(key(row)) ? row.model.p50_ms / best.get(key(row)).model.p50_ms : null);
  const against = (row) => {
    const other = first.get(same(row));
    return other && known(row.model.p50_ms) && known(other.model.p50_ms) ? row.model.p50_ms / other.model.p50_ms : null;
  };

  // --- Hints -----------------------------------------------------------------------------------------------------------------

  const tip = document.getElementById("tip");
  function showTip(content, x, y) {
    tip.textContent = content;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - box.width - 4))}px`;
    tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(4, y - box.height - 10) : y + 18}px`;
  }
  const hideTip = () => { tip.hidden = true; };

  function symbol(look, size = 14) {
    const mark = look.marker
      ? svg("path", { d: look.marker, transform: "translate(7 7) scale(4)", fill: look.colour, stroke: look.colour, "stroke-width": 0.35 })
      : svg("rect", { x: 1, y: 3, width: 12, height: 8, fill: look.colour });
    return svg("svg", { width: size, height: size, viewBox: "0 0 14 14", "aria-hidden": "true" }, mark);
  }
  const legend = (looks) => html("ul", { class: "legend" }, looks.map((look) => html("li", {}, symbol(look), look.name)));

  /** Steps of 1, 2 or 5 times a power of ten that cut a range into at most `most` pieces. */
  function step(range, most) {
    const raw = range / most;
    const power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].find((nice) => nice * power >= raw * (1 - 1e-9)) * power;
  }

  /** Draws now and whenever the width changes. */
  function responsive(element, draw) {
    let last = 0;
    const redraw = () => {
      const width = element.clientWidth;
      if (width > 0 && width !== last) { last = width; draw(width); }
    };
    new ResizeObserver(() => requestAnimationFrame(redraw)).observe(element);
    redraw();
    return () => { last = 0; redraw(); };
  }

  // --- Theme -----------------------------------------------------------------------------------------------------------------

  function themes() {
    const button = document.getElementById("theme");
    const words = { auto: "as the system", light: "light", dark: "dark" };
    const order = ["auto", "light", "dark"];
    let now = "auto";
    const set = (theme) => {
      now = theme;
      if (theme === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = theme;
      button.textContent = `Theme: ${words[theme]}`;
    };
    button.addEventListener("click", () => set(order[(order.indexOf(now) + 1) % order.length]));
    set("auto");
  }

  // --- Summary ---------------------------------------------------------------------------------------------------------------

  function summary() {
    const place = body("summary");
    const tool = data.directories[0].provenance.tool;
    document.getElementById("about").textContent =
      `${data.directories.map((it) => it.name).join(", ")} — made by ${tool.name} ${tool.version}${tool.revision ? ` (${tool.revision})` : ""}`;
    for (const [folder, directory] of data.directories.entries()) {
      const mine = rows.filter((row) => row.run.folder === folder);
      const models = new Set(mine.map((row) => row.model.name)), strategies = new Set(mine.map((row) => row.run.strategy));
      const origins = [...new Set(directory.runs.map((run) => run.origin))].join(" and ");
      place.append(html("h3", {}, directory.name));
      place.append(html("p", {}, `${counted(directory.runs.length, `${origins} run`)} on ${directory.provenance.device}: ${counted(models.size, "model")} under ${strategies.size === 1 ? "1 strategy" : `${strategies.size} strategies`}, seed ${directory.provenance.seed}.`));
      const notes = warnings(directory);
      if (notes.length) place.append(html("ul", { class: "warning" }, notes.map((note) => html("li", {}, note))));
      const winners = [...best.values()].filter((row) => row.run.folder === folder);
      if (strategies.size < 2 || !winners.length) continue;
      const wins = new Map();
      for (const row of mine.filter(isBest)) wins.set(row.run.strategy, (wins.get(row.run.strategy) || 0) + 1);
      const sorted = [...wins].sort((one, other) => other[1] - one[1]);
      place.append(html("p", {}, `Fastest or as fast: ${sorted.map(([name, count]) => `${name} on ${count}`).join(", ")} of ${winners.length}.`));
      const lines = winners.map((row) => {
        const others = mine.filter((it) => it.group === row.group && it.run.origin === row.run.origin && known(it.model.p50_ms));
        const worst = others.reduce((one, other) => (other.model.p50_ms > one.model.p50_ms ? other : one), row);
        return html("tr", {}, html("td", {}, row.group), html("td", {}, mine.filter((it) => key(it) === key(row) && isBest(it)).map((it) => it.run.strategy).join(", ")), html("td", { class: "number" }, number(row.model.p50_ms)),
          html("td", { class: "number" }, number(worst.model.p50_ms / row.model.p50_ms)), html("td", {}, worst.run.strategy));
      });
      const head = ["model", "fastest", "p50, ms", "slowest, ×", "slowest"].map((title, index) => html("th", { scope: "col", class: index === 2 || index === 3 ? "number" : null }, title));
      place.append(html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Fastest strategy of each model" },
        html("table", {}, html("thead", {}, html("tr", {}, head)), html("tbody", {}, lines))));
    }
  }

  function warnings(directory) {
    const notes = [];
    const count = (test, words) => {
      const found = directory.runs.filter(test);
      if (found.length) notes.push(`${found.length} of ${counted(directory.runs.length, "run")} ${words}, such as ${found[0].case} under ${found[0].strategy}.`);
    };
    count((run) => run.stop.startsWith("stalled") || run.stop.startsWith("failed") || run.stop === "interrupted" || run.stop === "out of events", "did not end as they should");
    count((run) => run.backlogged, "had requests arrive faster than they were served");
    count((run) => run.models.some((model) => model.extrapolated > 0.5), "spent more than half of their kernel time outside of what the profile was fitted on");
    return notes;
  }

  // --- Table of runs -----------------------------------------------------------------------------------------------------------

  function table() {
    const columns = [
      several && { title: "directory", text: (row) => row.run.directory.name },
      { title: "model", text: (row) => row.model.name, go: true },
      rows.some((row) => row.run.case !== row.model.name) && { title: "case", text: (row) => row.run.case },
      { title: "strategy", text: (row) => row.run.strategy },
      rows.some((row) => row.run.origin === "measured") && { title: "origin", text: (row) => row.run.origin },
      { title: "requests", value: (row) => row.model.completed, show: (row) => `${row.model.completed}/${row.model.arrived}` },
      { title: "p50, ms", value: (row) => row.model.p50_ms },
      { title: "p99, ms", value: (row) => row.model.p99_ms },
      { title: "× best", value: slower, show: (row) => number(slower(row)) },
      several && { title: "× first directory", value: against, show: (row) => number(against(row)) },
      { title: "missed", value: (row) => row.model.missed, show: (row) => percent(row.model.missed) },
      { title: "fallback tasks", value: (row) => row.model.fallback_tasks },
      { title: "copies", value: (row) => row.model.copies },
      { title: "mJ", value: (row) => row.model.mj },
      { title: "peak MB", value: (row) => row.run.peak_memory_mb },
      { title: "°C at most", value: (row) => row.run.hottest_celsius },
      { title: "extrapolated", value: (row) => row.model.extrapolated, show: (row) => percent(row.model.extrapolated) },
      { title: "busiest", text: (row) => row.run.busy.slice().sort((one, other) => other[1] - one[1]).slice(0, 2).map(([name, share]) => `${name} ${percent(share)}`).join(", ") },
    ].filter(Boolean).filter((column) => column.text || rows.some((row) => known(column.value(row))));
    let sorted = { column: null, ascending: true };
    const filter = document.getElementById("filter");
    const content = html("tbody", {});
    const heads = columns.map((column) => {
      const button = html("button", { type: "button" }, column.title);
      const head = html("th", { scope: "col", class: column.text ? null : "number" }, button);
      button.addEventListener("click", () => {
        sorted = { column, ascending: sorted.column === column ? !sorted.ascending : true };
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", sorted.ascending ? "ascending" : "descending");
        update();
      });
      return head;
    });
    const words = (row) => `${row.run.directory.name} ${row.run.case} ${row.run.strategy} ${row.model.name} ${row.run.origin}`.toLowerCase();
    const rank = (row) => (sorted.column.text ? sorted.column.text(row) : sorted.column.value(row));
    function compare(one, other) {
      const [a, b] = [rank(one), rank(other)];
      if (typeof a === "string") return (sorted.ascending ? 1 : -1) * a.localeCompare(b, "en", { numeric: true });
      if (!known(a) || !known(b)) return Number(known(b)) - Number(known(a));
      return sorted.ascending ? a - b : b - a;
    }
    const MOST = 500;
    function update() {
      const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = rows.filter((row) => wanted.every((word) => words(row).includes(word)));
      if (sorted.column) found = found.slice().sort(compare);
      document.getElementById("shown").textContent =
        found.length > MOST ? `the first ${MOST} of ${found.length} rows` : `${found.length} of ${rows.length} rows`;
      content.replaceChildren(...found.slice(0, MOST).map(line));
    }
    function line(row) {
      const cells = columns.map((column) => {
        if (column.go) return html("td", {}, html("button", { type: "button", title: "show its timeline and graph", onclick: () => select(row.index, row.model.name) }, column.text(row)));
        if (column.text) return html("td", {}, column.text(row));
        return html("td", { class: "number" }, known(column.value(row)) ? (column.show || ((it) => number(column.value(it), 4)))(row) : "–");
      });
      return html("tr", { class: rivals.get(key(row)) > 1 && isBest(row) ? "best" : null }, cells);
    }
    filter.addEventListener("input", update);
    body("runs").append(html("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": "Table of runs" },
      html("table", {}, html("thead", {}, html("tr", {}, heads)), content)),
      html("p", { class: "muted" }, "The fastest of each model is bold. Headings sort; a model's name shows its timeline and graph."));
    update();
  }

  // --- Comparison ------------------------------------------------------------------------------------------------------------

  function comparison() {
    const drawn = rows.filter((row) => known(row.model.p50_ms) && row.model.p50_ms > 0);
    const place = body("comparison");
    if (!drawn.length) { place.append(html("p", {}, "No request completed.")); return; }
    const groups = [...new Set(drawn.map((row) => row.group))];
    const values = drawn.map((row) => row.model.p50_ms);
    const low = Math.log10(Math.min(...values)) - 0.06, high = Math.log10(Math.max(...values)) + 0.06;
    place.append(legend(data.strategies));
    if (several) place.append(html("p", { class: "muted" }, `Filled: ${data.directories[0].name}. Hollow: the other directories.`));
    const chart = html("div", {});
    place.append(chart);
    responsive(chart, (width) => {
      const ROW = 34, LEVEL = 9, TOP = 4, LEFT = 8, RIGHT = 12;
      const x = (value) => LEFT + (width - LEFT - RIGHT) * (Math.log10(value) - low) / (high - low);
      // What would lie on each other is stacked.
      const stacked = groups.map((group) => {
        const ends = [];
        const dots = drawn.filter((it) => it.group === group).sort((one, other) => one.model.p50_ms - other.model.p50_ms).map((row) => {
          const at = x(row.model.p50_ms), found = ends.findIndex((end) => at - end > 9), level = found < 0 ? ends.length : found;
          ends[level] = at;
          return { row, at, level };
        });
        return { group, dots, levels: ends.length };
      });
      let bottom = TOP;
      for (const group of stacked) { group.top = bottom; bottom += ROW + LEVEL * (group.levels - 1); }
      const height = bottom + 40, parts = [];
      let room = -Infinity;
      for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) {
        for (const digit of high - low > 2.4 ? [1] : [1, 2, 5]) {
          const value = digit * 10 ** power, at = x(value);
          if (at < LEFT || at > width - RIGHT) continue;
          parts.push(svg("line", { x1: at, x2: at, y1: TOP, y2: bottom, stroke: "var(--line)" }));
          const label = String(Number(value.toPrecision(1)));
          if (at - 4 * label.length > room) {
            parts.push(svg("text", { x: Math.min(at, width - 4 * label.length), y: bottom + 16, "text-anchor": "middle", "font-size": 12 }, label));
            room = at + 4 * label.length + 8;
          }
        }
      }
      parts.push(svg("text", { x: width / 2, y: bottom + 34, "text-anchor": "middle", "font-size": 12 }, "median latency, ms"));
      for (const { group, dots, top, levels } of stacked) {
        const y = top + 22 + LEVEL * (levels - 1);
        parts.push(svg("text", { x: LEFT, y: top + 12, "font-size": 12 }, group));
        parts.push(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y, y2: y, stroke: "var(--line)" }));
        for (const { row, at, level } of dots) {
          const look = strategyLook.get(row.run.strategy);
          const text = `${runName(row.run)}: ${number(row.model.p50_ms, 4)} ms (90 %: ${number(row.model.p90_ms, 4)} ms), ${number(slower(row))} × the fastest`;
          const filled = row.run.folder === 0;
          parts.push(svg("path", {
            d: look.marker, transform: `translate(${at.toFixed(1)} ${y - LEVEL * level}) scale(4.5)`,
            fill: filled ? look.colour : "var(--page)", stroke: filled ? "var(--page)" : look.colour, "stroke-width": filled ? 0.15 : 0.35,
            onpointerenter: (event) => showTip(text, event.clientX, event.clientY), onpointerleave: hideTip,
          }));
        }
      }
      const label = `Median latency of ${groups.length} models by strategy; the table of runs has the numbers.`;
      chart.replaceChildren(svg("svg", { class: "chart", height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parts));
    });
  }

  // --- Selection of a run ------------------------------------------------------------------------------------------------------

  const listeners = [];
  let chosen = { run: 0, model: null };
  function select(run, model) {
    chosen = { run, model: model || null };
    listeners.forEach((listener) => listener());
  }
  function runSelect(label, fits) {
    const options = runs.map((run, index) => (fits(run) ? html("option", { value: index }, runName(run)) : null));
    const choice = html("select", { onchange: () => select(Number(choice.value), null) }, options);
    listeners.push(() => { choice.value = String(chosen.run); });
    return html("label", {}, label, choice);
  }

  // --- Timeline ----------------------------------------------------------------------------------------------------------------

  function timeline() {
    const place = body("timeline");
    if (!runs.some((run) => run.spans)) { place.append(html("p", {}, "The tables of kernels were not written.")); return; }
    const chart = html("div", {}), note = html("p", { class: "muted" }), keys = html("div", {});
    const details = html("div", { class: "details", role: "status" }, "Point at a bar, or press n for the next one.");
    let view = { from: 0, to: 1 }, all = { from: 0, to: 1 }, spans = [], run = runs[0], marked = -1, redraw = () => {};
    const LATE = -3, isFrame = (span) => span.task < -1;
    const colour = (span) => (span.task === LATE ? "var(--vermillion)" : run.spans.models.length > 1 && !isFrame(span) ? PALETTE[span.model % PALETTE.length] : (processorLook.get(run.spans.rows[span.row]) || {}).colour || "var(--muted)");
    function describe(span) {
      if (isFrame(span)) return `${span.task === LATE ? "late frame" : "frame"} of beat ${span.request}, ${run.spans.rows[span.row]}: ${time(span.length)}, from ${time(span.start)}`;
      const task = span.task < 0 ? `copy of ${span.bytes} bytes` : `${run.spans.tasks[span.task][0]} (${run.spans.tasks[span.task][1]})`;
      const alone = span.alone && Math.abs(span.alone - span.length) > 0.005 * span.length ? `, ${time(span.alone)} alone` : "";
      return `${task} of ${run.spans.models[span.model]}, request ${span.request}, on ${run.spans.rows[span.row]}: ${time(span.length)}${alone}, from ${time(span.start)}`;
    }
    function load() {
      run = runs[chosen.run];
      spans = (run.spans ? run.spans.bars : []).map(([row, start, length, task, model, request, alone, bytes]) => ({ row, start, length, task, model, request, alone, bytes }));
      all = { from: 0, to: Math.max(1, ...spans.map((span) => span.start + span.length)) };
      view = { ...all };
      marked = -1;
      details.textContent = "Point at a bar, or press n for the next one.";
      const more = run.spans && run.spans.of > spans.length ? ` The first ${spans.length} of ${run.spans.of} kernels, copies and frames, to ${time(all.to)} of ${time(run.end_ms * 1e6)}.` : "";
      note.textContent = run.spans ? `${run.stop}, ${run.events} events.${more}` : "Of this run no kernels were written.";
      const models = run.spans && run.spans.models.length > 1 ? run.spans.models.map((name, index) => ({ name, colour: PALETTE[index % PALETTE.length] })) : [];
      keys.replaceChildren(models.length ? legend(models) : "");
      redraw();
    }
    function zoom(factor, middle = (view.from + view.to) / 2) {
      const least = Math.max(100, (all.to - all.from) * 1e-6);
      const length = Math.min(all.to - all.from, Math.max(least, (view.to - view.from) * factor));
      const share = (middle - view.from) / (view.to - view.from);
      move(middle - share * length, length);
    }
    function move(from, length = view.to - view.from) {
      const begin = Math.max(all.from, Math.min(from, all.to - length));
      view = { from: begin, to: begin + length };
      redraw();
    }
    function mark(index) {
      marked = Math.max(0, Math.min(spans.length - 1, index));
      const span = spans[marked];
      if (!span) return;
      if (span.start < view.from || span.start + span.length > view.to) {
        move(span.start + span.length / 2 - (view.to - view.from) / 2, Math.max(view.to - view.from, Math.min(all.to, span.length * 1.5)));
      } else redraw();
      details.textContent = describe(span);
    }
    const panBy = (share) => move(view.from + share * (view.to - view.from));
    const actions = {
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": () => move(all.from, all.to - all.from), Home: () => move(all.from, all.to - all.from),
      ArrowLeft: () => panBy(-0.2), ArrowRight: () => panBy(0.2),
      n: () => mark(marked < 0 ? spans.findIndex((span) => span.start + span.length > view.from) : marked + 1), p: () => mark(marked - 1),
    };
    const button = (label, name, action) => html("button", { type: "button", "aria-label": name, title: name, onclick: action }, label);
    place.append(html("div", { class: "controls" }, runSelect("Run", (it) => it.spans),
      button("+", "zoom in", actions["+"]), button("−", "zoom out", actions["-"]), button("◀", "earlier", actions.ArrowLeft), button("▶", "later", actions.ArrowRight), button("all", "show all", actions["0"])),
    keys, chart, details, note, html("p", { class: "muted" }, "Drag to move; ", html("kbd", {}, "Ctrl"), " and the wheel zoom. Keys: ", html("kbd", {}, "+"), " ", html("kbd", {}, "−"), " ", html("kbd", {}, "←"), " ", html("kbd", {}, "→"), " ", html("kbd", {}, "0"), ", ", html("kbd", {}, "n"), " and ", html("kbd", {}, "p"), " for the next and the previous bar."));
    const LEFT = 4, RIGHT = 10, ROW = 36, TOP = 12;
    const canvas = svg("svg", { class: "chart", tabindex: 0, role: "application", "aria-label": "Timeline: plus and minus zoom, arrows move, n and p go from bar to bar" });
    chart.append(canvas);
    let size = 0;
    const span = () => view.to - view.from;
    const at = (ns) => LEFT + (size - LEFT - RIGHT) * (ns - view.from) / span();
    const back = (clientX) => view.from + (clientX - canvas.getBoundingClientRect().left - LEFT) / (size - LEFT - RIGHT) * span();
    function draw(width) {
      size = width;
      const names = run.spans ? run.spans.rows : [];
      const bottom = TOP + ROW * names.length, height = bottom + 38;
      fill(canvas, { height, viewBox: `0 0 ${width} ${height}`, "data-from": view.from, "data-to": view.to }, []);
      const parts = [];
      const unit = span() >= 2e9 ? [1e9, "s"] : span() >= 2e5 ? [1e6, "ms"] : [1e3, "µs"];
      const every = step(span() / unit[0], Math.max(2, Math.floor(width / 110)));
      for (let tick = Math.ceil(view.from / unit[0] / every); tick * every * unit[0] <= view.to; tick += 1) {
        const x = at(tick * every * unit[0]);
        parts.push(svg("line", { x1: x, x2: x, y1: TOP, y2: bottom, stroke: "var(--line)" }));
        const text = String(Number((tick * every).toFixed(6)));
        const near = Math.max(4 * text.length, Math.min(x, width - 4 * text.length));
        parts.push(svg("text", { x: near, y: bottom + 15, "text-anchor": "middle", "font-size": 12 }, text));
      }
      parts.push(svg("text", { x: width / 2, y: bottom + 33, "text-anchor": "middle", "font-size": 12 }, `time, ${unit[1]}`));
      names.forEach((name, row) => {
        parts.push(svg("text", { x: LEFT, y: TOP + ROW * row + 11, "font-size": 12, class: "muted" }, name));
        parts.push(svg("line", { x1: LEFT, x2: width - RIGHT, y1: TOP + ROW * (row + 1), y2: TOP + ROW * (row + 1), stroke: "var(--line)" }));
      });
      // What is thinner than half a pixel beside another is not drawn again.
      const drawnTo = names.map(() => -Infinity);
      spans.forEach((one, index) => {
        const left = Math.max(LEFT, at(one.start)), right = Math.min(width - RIGHT, at(one.start + one.length));
        if (right < LEFT || left > width - RIGHT || (right - drawnTo[one.row] < 0.5 && index !== marked)) return;
        drawnTo[one.row] = right;
        const y = TOP + ROW * one.row + 15, chosenOne = index === marked;
        parts.push(svg("rect", { x: left.toFixed(2), y, width: Math.max(0.5, right - left - (right - left > 3 ? 0.6 : 0)).toFixed(2), height: 18, fill: colour(one), stroke: chosenOne ? "var(--text)" : null, "stroke-width": chosenOne ? 2 : null, "data-span": index }));
      });
      for (const arrival of run.spans ? run.spans.arrivals : []) {
        const x = at(arrival);
        if (x >= LEFT && x <= width - RIGHT) parts.push(svg("path", { d: `M${x - 4} 2h8l-4 7z`, fill: "var(--text)" }, svg("title", {}, `a request arrives at ${time(arrival)}`)));
      }
      canvas.replaceChildren(...parts);
    }
    redraw = responsive(chart, draw);
    canvas.addEventListener("keydown", (event) => {
      const action = !event.ctrlKey && !event.metaKey && !event.altKey && actions[event.key];
      if (action) { event.preventDefault(); action(); }
    });
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, back(event.clientX));
    }, { passive: false });
    let grabbed = null;
    canvas.addEventListener("pointerdown", (event) => { grabbed = { x: event.clientX, from: view.from, moved: false }; });
    addEventListener("pointerup", () => { grabbed = null; });
    canvas.addEventListener("pointermove", (event) => {
      if (grabbed && event.buttons) {
        move(grabbed.from - (event.clientX - grabbed.x) / (size - LEFT - RIGHT) * span());
        hideTip();
        return;
      }
      const index = event.target.getAttribute && event.target.getAttribute("data-span");
      if (index === null) { hideTip(); return; }
      const text = describe(spans[Number(index)]);
      showTip(text, event.clientX, event.clientY);
      details.textContent = text;
    });
    canvas.addEventListener("pointerleave", hideTip);
    listeners.push(load);
  }

  // --- Graph -------------------------------------------------------------------------------------------------------------------

  function graph() {
    const place = body("graph");
    if (!runs.some((run) => run.graphs.length)) { place.append(html("p", {}, "The placements were not written.")); return; }
    const models = html("select", { onchange: () => { chosen.model = models.value; load(); } });
    const colours = html("select", { onchange: () => load() }, html("option", { value: "processor" }, "processor"), html("option", { value: "time" }, "time"));
    const keys = html("div", {}), account = html("p", {});
    const frame = html("div", { class: "graph scroll" });
    const details = html("div", { class: "details", role: "status" });
    place.append(html("div", { class: "controls" }, runSelect("Run", (it) => it.graphs.length), html("label", {}, "Model", models), html("label", {}, "Colour by", colours)),
      keys, account, frame, details, html("p", { class: "muted" }, "Bars are mean times of tasks, the longest as wide as a task. Keys: ", html("kbd", {}, "↑"), " ", html("kbd", {}, "↓"), " go from task to task."));
    let marked = 0, it = null, nodes = [];
    const total = (task) => task.ran.reduce((sum, ran) => sum + ran[2], 0);
    const look = (index) => processorLook.get(it.workers[index]) || { colour: "var(--muted)", name: it.workers[index] };
    function describe(index) {
      const task = it.tasks[index];
      const ran = task.ran.map(([worker, part, us]) => `${it.workers[worker]}${part ? ` (${part})` : ""} ${number(us, 4)} µs`).join(", ") || "never ran";
      const fallback = known(task.fallback) ? ` Falling back cost ${number(task.fallback, 4)} µs.` : "";
      const best = task.best ? ` Least expected with copies: ${task.best[0]} ${number(task.best[1], 4)} µs.` : "";
      const reads = task.reads.length ? `, reads ${task.reads.join(", ")}` : "";
      return `Task ${index} ${task.name} (${task.kind}, ${task.operators} operators${reads}): ${ran}. Why: ${task.why}.${fallback}${best}`;
    }
    function mark(index, scroll) {
      nodes.forEach((node) => node.classList.remove("marked"));
      marked = Math.max(0, Math.min(it.tasks.length - 1, index));
      const node = nodes[marked];
      if (!node) return;
      const ring = frame.querySelector(".ring"), box = node.firstChild;
      for (const name of ["x", "y", "width", "height"]) ring.setAttribute(name, box.getAttribute(name));
      ring.removeAttribute("visibility");
      if (scroll) node.scrollIntoView({ block: "nearest", inline: "nearest" });
      details.textContent = describe(marked);
    }
    function load() {
      const run = runs[chosen.run];
      models.replaceChildren(...run.graphs.map((one) => html("option", { value: one.model }, one.model)));
      it = run.graphs.find((one) => one.model === chosen.model) || run.graphs[0];
      if (!it) { frame.replaceChildren(); keys.replaceChildren(); account.textContent = ""; details.textContent = "Of this run no placement was written."; return; }
      models.value = it.model;
      const layout = data.layouts[it.layout], [width, height] = layout.node, byTime = colours.value === "time";
      const longest = Math.max(1e-9, ...it.tasks.map(total));
      const paint = (task) => {
        const share = Math.round(100 * Math.sqrt(total(task) / longest));
        return `color-mix(in srgb, var(--vermillion) ${share}%, var(--panel))`;
      };
      nodes = it.tasks.map((task, index) => {
        const [x, y] = layout.at[index], left = x - width / 2, top = y - height / 2, sum = total(task);
        const parts = [svg("rect", { x: left, y: top, width, height, fill: byTime ? paint(task) : "var(--panel)" })];
        let from = left, bar = left;
        for (const [worker, , us] of task.ran) {
          const part = width * (sum > 0 ? us / sum : 1 / task.ran.length), length = width * us / longest;
          if (!byTime) parts.push(svg("rect", { x: from.toFixed(2), y: top, width: part.toFixed(2), height, fill: look(worker).colour, "fill-opacity": 0.28 }));
          parts.push(svg("rect", { x: bar.toFixed(2), y: top + height - 2.2, width: Math.max(0.3, length).toFixed(2), height: 2.2, fill: byTime ? "var(--text)" : look(worker).colour }));
          from += part;
          bar += length;
        }
        const fell = known(task.fallback);
        parts.push(svg("rect", { x: left, y: top, width, height, fill: "none", stroke: fell ? "var(--vermillion)" : task.ran.length ? look(task.ran[0][0]).colour : "var(--muted)", "stroke-width": fell ? 1.2 : 0.5, "stroke-dasharray": fell ? "3 1.6" : null }));
        const kind = task.kind.length > 14 ? `${task.kind.slice(0, 13)}…` : task.kind;
        parts.push(svg("text", { x, y: y + 1.2, "text-anchor": "middle", "font-size": 5.6 }, kind));
        return svg("g", { "data-task": index }, parts);
      });
      const used = it.workers.map((name, index) => ({ name, colour: look(index).colour }));
      const fell = it.tasks.filter((task) => known(task.fallback)).length;
      if (fell) used.push({ name: `fell back (dashed): ${fell} of ${it.tasks.length} tasks`, colour: "var(--vermillion)" });
      keys.replaceChildren(legend(byTime ? used.slice(it.workers.length).concat({ name: `longest task: ${number(longest, 3)} µs`, colour: "var(--vermillion)" }) : used));
      const sums = it.account && `A request takes ${number(it.account[0], 4)} ms: kernels ${number(it.account[1], 4)}, invocations ${number(it.account[2], 3)}, copies ${number(it.account[3] + it.account[4], 3)} ms.`;
      const cost = it.fallback && ` Fallback of ${it.fallback[1]} tasks costs ${number(it.fallback[0], 3)} ms a request.`;
      account.textContent = `${sums || ""}${cost || ""}`;
      const ring = svg("rect", { class: "ring", fill: "none", stroke: "var(--text)", "stroke-width": 1.4, visibility: "hidden" });
      const canvas = svg("svg", {
        viewBox: `0 0 ${layout.width} ${layout.height + 2}`, style: `width:max(min(100%, ${Math.round(layout.width * 2.2)}px), ${Math.round(layout.width * 1.5)}px)`, tabindex: 0, role: "application",
        "aria-label": `Graph of ${it.tasks.length} tasks of ${it.model}: arrows go from task to task`,
      }, svg("path", { d: layout.lines, fill: "none", stroke: "var(--muted)", "stroke-width": 0.6, "stroke-opacity": 0.7 }), nodes, ring);
      const over = (event) => {
        const node = event.target.closest && event.target.closest("[data-task]");
        if (!node) { hideTip(); return; }
        const index = Number(node.getAttribute("data-task"));
        showTip(describe(index), event.clientX, event.clientY);
      };
      canvas.addEventListener("pointermove", over);
      canvas.addEventListener("pointerleave", hideTip);
      canvas.addEventListener("click", (event) => {
        const node = event.target.closest("[data-task]");
        if (node) mark(Number(node.getAttribute("data-task")), false);
      });
      canvas.addEventListener("keydown", (event) => {
        const to = { ArrowDown: marked + 1, ArrowRight: marked + 1, ArrowUp: marked - 1, ArrowLeft: marked - 1, Home: 0, End: it.tasks.length - 1 }[event.key];
        if (to !== undefined && !event.ctrlKey && !event.altKey) { event.preventDefault(); mark(to, true); }
      });
      frame.replaceChildren(canvas);
      marked = 0;
      details.textContent = "Point at a task, or press the arrow keys.";
    }
    listeners.push(load);
  }

  // --- Provenance --------------------------------------------------------------------------------------------------------------

  function provenance() {
    const place = body("provenance");
    for (const directory of data.directories) {
      const { tool, command_line: words, seed, device, profile_fingerprint: print, inputs } = directory.provenance;
      const facts = [["program", `${tool.name} ${tool.version}${tool.revision ? `, revision ${tool.revision}` : ""}`], ["command", words.join(" ")], ["seed", seed], ["device", device], ["profile's fingerprint", print || "–"]];
      place.append(html("h3", {}, directory.name), html("dl", {}, facts.map(([name, value]) => [html("dt", {}, name), html("dd", {}, value)])));
      const list = (title, head, lines) => html("details", {}, html("summary", {}, `${lines.length} ${title}`),
        html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, html("table", {}, html("thead", {}, html("tr", {}, head.map((it) => html("th", { scope: "col" }, it)))),
          html("tbody", {}, lines.map((line) => html("tr", {}, line.map((cell) => html("td", {}, cell))))))));
      place.append(list("inputs", ["what", "name", "bytes", "SHA-256"], inputs.map((it) => [it.role, it.name, it.bytes, it.sha256])));
      place.append(list("files", ["file", "rows", "bytes", "SHA-256"], directory.files.map((it) => [it.name, it.rows === null ? "" : it.rows, it.bytes, it.sha256])));
    }
    place.append(html("p", { class: "muted" }, "Equal inputs and seed give equal results, byte for byte, where runs are simulated; measured runs differ from one time to the next."));
  }

  themes();
  summary();
  table();
  comparison();
  timeline();
  graph();
  provenance();
  select(0, null);
  document.documentElement.dataset.ready = "yes";
})();
