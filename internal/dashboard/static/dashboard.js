"use strict";

// The page gets two kinds of events: "history" with the rates of the last five minutes, when the
// stream begins, and "update" with the current figures, each second.

const LENGTH = 300;        // seconds in the charts
const STALE = 5000;        // ms without figures, after which the page says so
const DEAD = 20000;        // ms without figures, after which it opens another stream
const RETRY = 5000;        // ms before it does so after the server refused the stream
const ANNOUNCE = 10000;    // ms between two summaries for screen readers

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// Numbers

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const rate = (n) => (n >= 100 ? whole : tenths).format(n);

function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) { n /= 1000; i++; }
  return `${n >= 100 || i === 0 ? whole.format(n) : tenths.format(n)} ${units[i]}`;
}

function duration(ns) {
  const units = ["ns", "µs", "ms", "s"];
  let i = 0;
  while (ns >= 999.5 && i < units.length - 1) { ns /= 1000; i++; }
  return `${Number(ns.toPrecision(3))} ${units[i]}`;
}

// Elements

function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function setHidden(element, hidden) {
  if (element && element.hidden !== hidden) element.hidden = hidden;
}

function tile(id, value, detail) {
  setText($(id), value);
  setText($(id + "-detail"), detail);
}

// fillRows makes the rows of a table body: each row is a list of texts, of which the first is the
// head of the row if heads is true.
function fillRows(body, rows, heads) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, y) => {
    const row = body.rows[y] ?? body.insertRow();
    cells.forEach((text, x) => {
      let cell = row.cells[x];
      if (!cell) {
        cell = row.appendChild(document.createElement(heads && x === 0 ? "th" : "td"));
        if (cell.tagName === "TH") cell.scope = "row";
      }
      if (typeof text === "function") text(cell);
      else setText(cell, text);
    });
  });
}

// History: the rates by "FLOW|SERIES", each with a value for each time.

let times = [];
let series = new Map();

function setHistory(h) {
  times = h.times;
  series = new Map();
  for (const [name, flow] of Object.entries(h.flows)) {
    series.set(`${name}|received`, flow.received);
    series.set(`${name}|sent`, flow.sent);
    if (flow.kernel_dropped) series.set(`${name}|kernel`, flow.kernel_dropped);
    for (const [reason, rates] of Object.entries(flow.dropped ?? {})) series.set(`${name}|${reason}`, rates);
  }
}

function addHistory(frame) {
  if (!frame.interval || frame.time <= times[times.length - 1]) return;
  const values = new Map();
  for (const flow of frame.flows) {
    values.set(`${flow.name}|received`, flow.received.rate);
    values.set(`${flow.name}|sent`, flow.sent.rate);
    if (flow.kernel_dropped) values.set(`${flow.name}|kernel`, flow.kernel_dropped.rate);
    for (const c of flow.dropped ?? []) values.set(`${flow.name}|${c.name}`, c.rate);
  }
  for (const key of values.keys()) {
    if (!series.has(key)) series.set(key, new Array(times.length).fill(0));
  }
  times.push(frame.time);
  for (const [key, list] of series) list.push(values.get(key) ?? 0);
  if (times.length > LENGTH) {
    times.shift();
    for (const list of series.values()) list.shift();
  }
}

// Charts

function element(parent, name, attributes) {
  const e = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes ?? {})) e.setAttribute(key, value);
  return parent.appendChild(e);
}

// scaleTop returns a round number that is not less than n, and of which the half is round, too.
function scaleTop(n) {
  if (n <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(n));
  return power * [1, 2, 4, 6, 8, 10].find((step) => step * power >= n);
}

function pathOf(list, x, y) {
  let d = "";
  list.forEach((value, i) => { d += `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`; });
  return d;
}

// drawChart draws two series of the last minutes: the first as an area, the second as a line.
function drawChart(figure, flow, names) {
  const svg = figure.querySelector("svg");
  const width = svg.clientWidth, height = svg.clientHeight;
  if (!width || !height) return;
  const left = 44, right = 8, top = 10, bottom = 22;
  const area = series.get(`${flow}|received`) ?? [], line = series.get(`${flow}|sent`) ?? [];
  const highest = Math.max(0, ...area, ...line), max = scaleTop(highest);
  const end = times[times.length - 1];
  const x = (i) => left + (width - left - right) * (1 - (end - times[i]) / (LENGTH * 1000));
  const y = (v) => top + (height - top - bottom) * (1 - v / max);

  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  for (const v of [0, max / 2, max]) {
    element(svg, "path", { class: v ? "grid" : "axis", d: `M${left} ${y(v)}H${width - right}` });
    element(svg, "text", { class: "y", x: left - 8, y: y(v) + 4 }).textContent = compact.format(v);
  }
  for (let minute = 5; minute >= 0; minute--) {
    if (width < 420 && minute % 5) continue;
    const at = left + (width - left - right) * (1 - minute / 5);
    const anchor = minute === 0 ? "end" : minute === 5 ? "start" : "middle";
    element(svg, "text", { "text-anchor": anchor, x: at, y: height - 4 }).textContent =
      minute ? `−${minute} min` : "now";
  }
  if (times.length > 1) {
    const from = Math.max(0, times.findIndex((t) => t > end - LENGTH * 1000));
    const shown = (list) => pathOf(list.slice(from), (i) => x(i + from), y);
    const outline = shown(area);
    element(svg, "path", { class: "area", d: `${outline}L${x(times.length - 1)} ${y(0)}L${x(from)} ${y(0)}Z` });
    element(svg, "path", { class: "edge", d: outline });
    element(svg, "path", { class: "line", d: shown(line) });
  }
  const title = figure.querySelector("h2, h3").textContent;
  svg.setAttribute("aria-label", `${title}. Now ${rate(area.at(-1) ?? 0)} ${names[0]} and ` +
    `${rate(line.at(-1) ?? 0)} ${names[1]}; at most ${rate(highest)}.`);
}

// drawTrend draws a series as a small area.
function drawTrend(svg, list) {
  const width = svg.clientWidth, height = svg.clientHeight;
  if (!width || !height) return;
  const path = svg.querySelector("path") ?? element(svg, "path", { class: "trend" });
  const max = Math.max(1e-9, ...list), end = times[times.length - 1];
  const x = (i) => width * (1 - (end - times[i]) / (LENGTH * 1000));
  const y = (v) => height - 1 - (height - 3) * (v / max);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  if (times.length < 2) return path.setAttribute("d", "");
  path.setAttribute("d", `${pathOf(list, x, y)}L${width} ${height}L${x(0).toFixed(1)} ${height}Z`);
}

// The page of a server

function sum(flow) {
  return (flow.dropped ?? []).reduce((s, c) => ({ total: s.total + c.total, rate: s.rate + c.rate }), { total: 0, rate: 0 });
}

function showServer(frame) {
  const flow = frame.flows[0], dropped = sum(flow), kernel = flow.kernel_dropped ?? { total: 0, rate: 0 };
  const size = (f) => (f ? ` · ${bytes(f.rate)}/s` : "");
  tile("received", rate(flow.received.rate), `${whole.format(flow.received.total)} in total${size(flow.received_bytes)}`);
  tile("sent", rate(flow.sent.rate), `${whole.format(flow.sent.total)} in total${size(flow.sent_bytes)}`);
  tile("dropped", rate(dropped.rate), `${whole.format(dropped.total)} in total`);
  tile("kernel", rate(kernel.rate), `${whole.format(kernel.total)} in total`);
  $("dropped").classList.toggle("bad", dropped.rate > 0);
  $("kernel").classList.toggle("bad", kernel.rate > 0);
  showHandler(frame.handler);
  drawChart(document.querySelector(".chart"), "server", ["requests", "responses"]);
  showDrops(flow, kernel);
  if (frame.prefixes) showPrefixes(frame.prefixes);
  if (frame.exchanges) showExchanges(frame.exchanges);
  return `${rate(flow.received.rate)} requests and ${rate(flow.sent.rate)} responses a second, ` +
    `${rate(dropped.rate + kernel.rate)} dropped.`;
}

function showHandler(handler) {
  const text = (d, name) => (d.count ? duration(d[name]) : "–");
  tile("handler", text(handler.last, "p99"),
    handler.last.count ? `median ${duration(handler.last.median)}` : "no request in the last second");
  for (const row of $("times").tBodies[0].rows) {
    setText(row.cells[1], text(handler.last, row.dataset.name));
    setText(row.cells[2], text(handler.total, row.dataset.name));
  }
}

function showDrops(flow, kernel) {
  const counters = new Map((flow.dropped ?? []).map((c) => [c.name, c]));
  if (kernel.total) counters.set("kernel", kernel);
  setHidden($("drops"), counters.size === 0);
  setHidden($("no-drops"), counters.size > 0);
  for (const row of $("drops").tBodies[0].rows) {
    const c = counters.get(row.dataset.name);
    setHidden(row, !c);
    if (!c) continue;
    drawTrend(row.querySelector("svg"), series.get(`server|${row.dataset.name}`) ?? times.map(() => 0));
    setText(row.cells[2], rate(c.rate));
    setText(row.cells[3], whole.format(c.total));
  }
}

function showPrefixes(p) {
  setHidden($("prefixes"), p.samples === 0);
  const share = (n) => (cell) => {
    cell.className = "bar";
    const bar = cell.firstChild ?? cell.appendChild(document.createElement("span"));
    bar.style.width = `${(100 * n) / p.samples}%`;
  };
  const value = (n) => (cell) => {
    cell.className = "percent";
    setText(cell, percent.format(n / p.samples));
  };
  fillRows($("prefixes").tBodies[0], p.busiest.map((b) => [b.prefix, share(b.samples), value(b.samples)]), true);
  const rest = p.distinct - p.busiest.length;
  setText($("prefixes-note"), p.samples === 0 ? "No request was sampled in the last 30 seconds."
    : `${whole.format(p.samples)} requests sampled in the last ${p.seconds === 1 ? "second" : p.seconds + " seconds"}` +
      (rest > 0 ? `, also of ${whole.format(rest)} other prefixes.` : "."));
}

function showExchanges(list) {
  setHidden($("exchanges"), list.length === 0);
  setHidden($("no-exchanges"), list.length > 0);
  const content = (size, text) => (cell) => {
    if (!cell.firstChild) cell.append(document.createElement("code"), document.createElement("small"));
    setText(cell.firstChild, text ?? "");
    setText(cell.lastChild, `${whole.format(size)} ${size === 1 ? "byte" : "bytes"}`);
  };
  const none = (cell) => {
    if (!cell.firstChild) cell.append(document.createElement("code"), document.createElement("small"));
    setText(cell.firstChild, "");
    setText(cell.lastChild, "no response");
  };
  fillRows($("exchanges").tBodies[0], list.map((e) => [
    clock.format(e.time), e.client, content(e.request, e.request_text),
    e.answered ? content(e.response, e.response_text) : none, duration(e.duration),
  ]), false);
}

// The page of links

const cards = new Map();

function showLinks(frame) {
  const flows = new Map(frame.flows.map((f) => [f.name, f]));
  const all = { up: [], down: [] };
  for (const link of frame.links ?? []) {
    const up = flows.get(`${link.name} up`), down = flows.get(`${link.name} down`);
    all.up.push(up);
    all.down.push(down);
    if (!cards.has(link.name)) {
      const card = $("link").content.cloneNode(true).firstElementChild;
      card.setAttribute("aria-label", `Link ${link.name}`);
      cards.set(link.name, $("links").appendChild(card));
    }
    showLink(cards.get(link.name), link, up, down);
  }
  for (const [name, card] of cards) {
    if ((frame.links ?? []).some((l) => l.name === name)) continue;
    card.remove();
    cards.delete(name);
  }
  setHidden($("more"), !frame.more_links);
  setText($("more"), `${whole.format(frame.more_links ?? 0)} more links are not on this page. They are in the metrics.`);
  const texts = [];
  for (const [direction, title] of [["up", "requests"], ["down", "responses"]]) {
    for (const end of ["received", "sent"]) {
      const r = all[direction].reduce((s, f) => s + f[end].rate, 0);
      tile(`${direction}-${end}`, rate(r), `${whole.format(all[direction].reduce((s, f) => s + f[end].total, 0))} in total`);
      texts.push(`${rate(r)} ${title} ${end}`);
    }
  }
  const dropped = [...all.up, ...all.down].map(sum).reduce((s, d) => [s[0] + d.rate, s[1] + d.total], [0, 0]);
  tile("dropped", rate(dropped[0]), `${whole.format(dropped[1])} in total`);
  return `${texts.join(", ")} and ${rate(dropped[0])} dropped a second.`;
}

function showLink(card, link, up, down) {
  setText(card.querySelector("h2"), link.name);
  setText(card.querySelector(".route"), `${link.listen} → ${link.to}`);
  setText(card.querySelector(".error"), link.error ? `The link has failed: ${link.error}` : "");
  setHidden(card.querySelector(".error"), !link.error);
  setText(card.querySelector("dd.up"), link.up);
  setText(card.querySelector("dd.down"), link.down);
  for (const direction of ["up", "down"]) {
    drawChart(card.querySelector(`[data-chart=${direction}]`), `${link.name} ${direction}`, ["received", "sent"]);
  }
  const counters = [up, down].map((f) => new Map([
    ["received", f.received], ["sent", f.sent], ["kernel", f.kernel_dropped],
    ...[...(f.dropped ?? []), ...(f.changed ?? [])].map((c) => [c.name, c]),
  ]));
  for (const row of card.querySelector("table").tBodies[0].rows) {
    const name = row.dataset.name;
    const both = counters.map((c) => c.get(name) ?? { rate: 0, total: 0 });
    setHidden(row, name !== "received" && name !== "sent" && !both[0].total && !both[1].total);
    both.forEach((c, i) => {
      setText(row.cells[1 + 2 * i], rate(c.rate));
      setText(row.cells[2 + 2 * i], whole.format(c.total));
    });
  }
  setText(card.querySelector(".ports"), `${whole.format(link.mappings)} ${link.mappings === 1 ? "port" : "ports"} open ` +
    `towards the server, ${whole.format(up.waiting + down.waiting)} delayed datagrams wait.`);
}

// The stream

let source = null;
let latest = null;     // the last frame
let arrived = 0;       // when it arrived, by performance.now()
let announced = 0;     // when the summary was last changed
let paused = false;

function setState(kind, text) {
  $("status").dataset.state = kind;
  setText($("state"), text);
}

function showState() {
  const stale = latest && performance.now() - arrived > STALE;
  if (paused) setState("paused", "Paused at");
  else if (!source || source.readyState !== EventSource.OPEN || stale) {
    setState("lost", latest ? "Connection lost. Reconnecting. These figures are from" : "Connecting …");
  } else if (latest?.state) setState("draining", `Not ready: ${latest.state}.`);
  else if (latest) setState("live", "Live");
}

function show() {
  if (!latest || paused) return;
  setText($("time"), clock.format(latest.time));
  const text = $("links") ? showLinks(latest) : showServer(latest);
  if (performance.now() - announced > ANNOUNCE || !announced) {
    announced = performance.now();
    setText($("summary"), text);
  }
}

function connect() {
  source?.close();
  source = new EventSource("events");
  source.addEventListener("history", (e) => setHistory(JSON.parse(e.data)));
  source.addEventListener("update", (e) => {
    const frame = JSON.parse(e.data);
    if (frame.time < times[times.length - 1]) return; // the history has it
    latest = frame;
    arrived = performance.now();
    addHistory(latest);
    showState();
    if (!document.hidden) show();
  });
  source.addEventListener("error", () => {
    showState();
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again
    setTimeout(connect, RETRY);
  });
}

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  showState();
  show();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) show(); });
addEventListener("resize", show);
setInterval(() => {
  showState();
  if (latest && performance.now() - arrived > DEAD && source.readyState === EventSource.OPEN) {
    arrived = performance.now();
    connect();
  }
}, 1000);
connect();
