"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SUPPORT = { supported: "supported", partly: "partly supported", not_supported: "not supported" };

  function html(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined) element.append(typeof child === "object" ? child : String(child));
    }
    return element;
  }
  const isNumber = (column) => column.kind === "number" || column.kind === "count";

  /** A table that sorts by the column whose heading is clicked; what is missing stays at the end. */
  function table(columns, rows, name) {
    const body = html("tbody", {});
    const show = (sorted) => body.replaceChildren(...sorted.map((row) => html("tr", {}, row.map((cell, at) => {
      const number = isNumber(columns[at]);
      return html("td", { class: number ? "number" : cell.length > 40 ? "wrap" : null, title: number && cell !== "" ? cell : null }, number ? short(cell) : cell);
    }))));
    const heads = columns.map((column, at) => {
      const head = html("th", { scope: "col", class: isNumber(column) ? "number" : null });
      head.append(html("button", { type: "button", onclick: () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (row) => (isNumber(column) ? Number(row[at]) : row[at]);
        const compare = (one, other) => {
          if (one[at] === "" || other[at] === "") return (one[at] === "") - (other[at] === "");
          const [a, b] = [value(one), value(other)];
          return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
        };
        show([...rows].sort(compare));
      } }, column.name.replaceAll("_", " ") + (column.unit ? `, ${column.unit}` : "")));
      return head;
    });
    show(rows);
    return html("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": name }, html("table", {}, html("thead", {}, html("tr", {}, heads)), body));
  }
  /** Four significant digits; the exact number is in the hint. */
  function short(text) {
    const value = Number(text);
    if (text === "" || !Number.isFinite(value) || Number.isInteger(value)) return text;
    return value === 0 ? "0" : value.toFixed(Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value))))));
  }

  function claims() {
    const rows = data.claims.flatMap((claim) => {
      const verdicts = data.parts.flatMap((part) => part.verdicts.filter((verdict) => verdict.claim === claim.name).map((verdict) => [part.name, verdict]));
      return verdicts.length ? verdicts.map(([part, verdict]) => [claim.name, claim.claim, SUPPORT[verdict.support] || verdict.support, verdict.because, part]) : [[claim.name, claim.claim, "not tested here", "", ""]];
    });
    const text = (name) => ({ name, unit: "", kind: "text" });
    document.querySelector("#claims .body").append(table(["claim", "in our words", "our numbers", "because", "part"].map(text), rows, "Claims"));
  }

  function part(it) {
    const section = html("section", { id: it.name, "aria-labelledby": `${it.name}-title` }, html("h2", { id: `${it.name}-title` }, it.heading), html("p", {}, it.caption));
    for (const figure of it.figures) {
      section.append(html("figure", {}, html("img", { src: figure.source, alt: figure.caption, loading: "lazy" }), html("figcaption", { class: "muted" }, figure.caption)));
    }
    if (it.findings.length) section.append(html("h3", {}, "What it says"), html("ul", {}, it.findings.map((finding) => html("li", {}, finding))));
    for (const one of it.tables) {
      const details = html("details", {}, html("summary", {}, `${one.caption} (${one.file}, ${one.of} rows)`));
      // Tables are built when they are opened: some are long.
      details.addEventListener("toggle", () => {
        if (details.open && !details.querySelector("table")) {
          details.append(table(one.columns, one.rows, one.caption));
          if (one.of > one.rows.length) details.append(html("p", { class: "muted" }, `The first ${one.rows.length} of ${one.of} rows; all are in ${one.file}.`));
        }
      });
      section.append(details);
    }
    const made = `Made by socrates figure ${it.name}; ${it.determinism}.`;
    section.append(html("p", { class: "muted" }, it.scenarios.length ? `${made} Scenarios: ${it.scenarios.join(", ")}.` : made));
    document.getElementById("parts").append(section);
    document.getElementById("sections").insertBefore(html("a", { href: `#${it.name}` }, it.short), document.getElementById("theme"));
  }

  function provenance() {
    const tool = data.provenance.tool;
    document.getElementById("about").textContent = `${data.parts.length} parts, made by ${tool.name} ${tool.version}: ${data.provenance.command_line.join(" ")}, seed ${data.provenance.seed}.`;
    const column = (name, kind) => ({ name, unit: "", kind });
    const rows = data.provenance.inputs.map((input) => [input.role, input.name, String(input.bytes), input.sha256]);
    document.querySelector("#provenance .body").append(table([column("role", "text"), column("name", "text"), column("bytes", "count"), column("sha256", "text")], rows, "Inputs"));
  }

  function theme() {
    const button = document.getElementById("theme"), order = ["auto", "light", "dark"], words = { auto: "as the system", light: "light", dark: "dark" };
    let now = 0;
    button.addEventListener("click", () => {
      now = (now + 1) % order.length;
      if (order[now] === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = order[now];
      button.textContent = `Theme: ${words[order[now]]}`;
    });
  }

  claims();
  data.parts.forEach(part);
  provenance();
  theme();
  document.documentElement.dataset.ready = "yes";
})();
