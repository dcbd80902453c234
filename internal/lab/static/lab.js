"use strict";

const $ = (id) => document.getElementById(id);
const form = $("settings");
const still = matchMedia("(prefers-reduced-motion: reduce)");

// What is shown.
let result = null;
let pictures = [];
let followed = 0; // the exchange that is explained
let step = 0; // its current step
let now = 0; // in milliseconds since the first attempt
let end = 0;
let playing = false;
let chosenSpeed = false;
let lastPorts = [];

// ---- Settings and the URL ----

function query() {
  const q = new URLSearchParams();
  for (const c of form.elements) {
    if (c.name) q.append(c.name, c.type === "checkbox" ? (c.checked ? "on" : "off") : c.value);
  }
  const order = ["text", "loss", "delay", "jitter", "duplicate", "overtake", "seed", "server"];
  return "?" + new URLSearchParams(order.map((name) => [name, q.get(name)]));
}

function fill(from) {
  const q = new URLSearchParams(from);
  for (const c of form.elements) {
    if (!c.name || !q.has(c.name)) continue;
    if (c.type === "checkbox") c.checked = q.get(c.name) === "on";
    else c.value = q.get(c.name);
  }
  showValues();
}

function showValues() {
  for (const o of form.querySelectorAll("output")) {
    o.value = o.htmlFor.value === "jitter" ? "±" : "";
    o.value += form.elements[o.htmlFor.value].value + " " + o.dataset.unit;
  }
}

function sameSettings(a, b) {
  return String(new URLSearchParams(a)) === String(new URLSearchParams(b));
}

function showExperiment(current) {
  $("look").hidden = true;
  for (const a of document.querySelectorAll("nav a")) {
    a.removeAttribute("aria-current");
    if (!sameSettings(a.getAttribute("href"), current)) continue;
    a.setAttribute("aria-current", "true");
    $("look").textContent = a.dataset.look;
    $("look").hidden = false;
  }
}

// ---- A run ----

let request = null; // aborts the run in progress

async function run(from, remember) {
  request?.abort();
  request = new AbortController();
  pause();
  say("Sending real datagrams …");
  let answer;
  try {
    const response = await fetch("run" + from, { method: "POST", signal: request.signal });
    answer = await response.json();
  } catch (e) {
    if (e.name !== "AbortError") say("The lab does not answer. Is ohce lab still running?", true);
    return;
  }
  if (answer.error) {
    say(answer.error, true);
    return;
  }
  say("");
  fill(answer.query);
  if (remember) history.pushState(null, "", answer.query);
  else history.replaceState(null, "", answer.query);
  showExperiment(answer.query);
  show(answer);
}

function say(text, bad) {
  $("message").textContent = text;
  $("message").className = bad ? "bad" : "";
}

function show(answer) {
  result = answer;
  const scale = scaleOf(Math.max(...result.exchanges.map((x) => x.end)));
  pictures = [];
  $("exchanges").replaceChildren(...result.exchanges.map((x, i) => article(x, i, scale)));
  lastPorts = result.exchanges.map((x) => port(x.ports.client));
  const fall = still.matches ? 0 : fallTime();
  end = Math.max(...result.exchanges.map((x) => x.end)) + fall;
  $("time").max = Math.ceil(end);
  if (!chosenSpeed) $("speed").value = [1, 5, 20, 50].find((s) => s * end > 4500) ?? 50;
  $("stage").hidden = false;
  follow(followed);
  if (still.matches) moveTo(end);
  else play(0);
}

function fallTime() {
  return 0.07 * Math.max(...result.exchanges.map((x) => x.end));
}

// ---- One exchange: heading, picture, table ----

function make(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function port(address) {
  return address ? address.slice(address.lastIndexOf(":") + 1) : "none";
}

function article(x, index, scale) {
  const a = make("article", "exchange");
  a.setAttribute("aria-labelledby", "title-" + index);
  const title = make("h2", "", x.title);
  title.id = "title-" + index;
  const outcome = make("p", "outcome");
  const picture = new Picture(x, scale);
  picture.parts.push((t) => showOutcome(outcome, x, t));
  pictures.push(picture);
  const real = make("div");
  real.append(ports(x, index));
  if (x.differs) {
    real.append(make("p", "bad", "This machine was too busy for these times. On its sockets, " + x.differs +
      ". The picture shows what the seed decides."));
  }
  a.append(title, make("p", "about", x.about), outcome, real, picture.svg, make("p", "chances", x.chances), table(x));
  return a;
}

// showOutcome shows the outcome when the time has come.
function showOutcome(line, x, t) {
  const over = t >= x.attempts[x.attempts.length - 1].until;
  const text = over ? x.outcome : "Waiting for the response …";
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("bad", over && !x.answered);
}

function ports(x, index) {
  const p = make("p", "ports");
  const before = lastPorts[index];
  p.append("Ports on 127.0.0.1: client ", make("b", "", port(x.ports.client)));
  if (before) p.append(" (" + before + " before)");
  p.append(" → link ", make("b", "", port(x.ports.link_in)));
  if (x.ports.link_out) p.append("; link ", make("b", "", port(x.ports.link_out)));
  p.append(" → server ", make("b", "", port(x.ports.server)));
  return p;
}

function table(x) {
  const d = make("details");
  d.append(make("summary", "", "All " + x.steps.length + " steps with measured times"));
  const t = make("table");
  const head = t.createTHead().insertRow();
  for (const text of ["Time", "Step", "Measured"]) {
    const th = make("th", "", text);
    th.scope = "col";
    head.append(th);
  }
  const body = t.createTBody();
  for (const s of x.steps) {
    const row = body.insertRow();
    row.insertCell().textContent = ms(s.at);
    row.insertCell().textContent = s.text;
    row.insertCell().textContent = s.measured === undefined ? "–" : s.measured.toFixed(2) + " ms";
  }
  const scroll = make("div", "scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Steps: " + x.title);
  scroll.append(t);
  d.append(scroll);
  return d;
}

function ms(t) {
  return Math.round(t) + " ms";
}

// ---- The picture: time runs downwards ----

const top0 = 46;
const column = { client: 92, link: 178, server: 264, right: 334 };

// scaleOf returns the pixels of a millisecond.
function scaleOf(total) {
  return Math.min(660, Math.max(330, 0.4 * total)) / total;
}

function draw(parent, name, attributes, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    e.setAttribute(key, typeof value === "number" ? value.toFixed(1) : value);
  }
  if (text !== undefined) e.textContent = text;
  parent.append(e);
  return e;
}

class Picture {
  constructor(x, scale) {
    this.x = x;
    this.y = (t) => top0 + t * scale;
    this.bottom = this.y(x.end) + 14;
    const height = this.bottom + 22;
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("viewBox", "0 0 " + column.right + " " + height.toFixed(0));
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("aria-label", x.title + ": " + x.outcome + ". The table below lists all steps.");
    this.parts = []; // functions that show the state at a time
    this.frame(scale);
    this.waits();
    for (const d of x.datagrams) this.way(d);
    this.result();
    const line = draw(this.svg, "line", { class: "present", x1: column.client - 12, x2: column.server + 12 });
    this.parts.push((t) => {
      line.setAttribute("y1", this.y(Math.min(t, x.end)).toFixed(1));
      line.setAttribute("y2", this.y(Math.min(t, x.end)).toFixed(1));
    });
    for (const d of x.datagrams) this.dot(d);
  }

  frame(scale) {
    const { svg, bottom } = this;
    draw(svg, "rect", { class: "band", x: column.link - 24, y: top0 - 12, width: 48, height: bottom - top0 + 12, rx: 8 });
    const every = [5, 10, 20, 50, 100, 200, 500].find((n) => n * scale >= 34) ?? 500;
    for (let t = 0; t <= this.x.end + 0.5; t += every) {
      draw(svg, "line", { class: "grid", x1: column.client, x2: column.server + 12, y1: this.y(t), y2: this.y(t) });
      draw(svg, "text", { class: "faint", x: column.right, y: this.y(t) + 4, "text-anchor": "end" }, t + " ms");
    }
    for (const name of ["client", "link", "server"]) {
      draw(svg, "text", { class: "head", x: column[name], y: 16 }, name);
    }
    draw(svg, "text", { class: "faint", x: 0, y: top0 - 14 }, "attempt · wait");
    for (const at of [column.client, column.server]) {
      draw(svg, "line", { class: "life", x1: at, x2: at, y1: top0 - 12, y2: bottom });
    }
  }

  waits() {
    this.x.attempts.forEach((a, i) => {
      const y = this.y(a.sent);
      const label = draw(this.svg, "text", { x: column.client - 18, y: y + 4, "text-anchor": "end" },
        i + 1 + " · " + Math.round(a.wait) + " ms");
      const bar = draw(this.svg, "rect", { class: "wait", x: column.client - 11, y: y + 1, width: 5, height: 0, rx: 2.5 });
      this.parts.push((t) => {
        label.setAttribute("visibility", t >= a.sent ? "visible" : "hidden");
        bar.setAttribute("height", Math.max(0, this.y(Math.min(t, a.until)) - y - 2).toFixed(1));
      });
    });
  }

  // path returns where a datagram begins and where it arrives or is lost.
  path(d) {
    const [from, to] = d.up ? [column.client, column.server] : [column.server, column.client];
    return { x1: from, y1: this.y(d.sent), x2: d.lost ? column.link : to, y2: this.y(d.arrives) };
  }

  ignored(d) {
    return d.fate === "late" || d.fate === "duplicate";
  }

  way(d) {
    const p = this.path(d);
    const kind = (d.copy ? " copy" : "") + (d.lost ? " lost" : "") + (this.ignored(d) ? " ignored" : "");
    const line = draw(this.svg, "line", { class: "way" + kind, x1: p.x1, y1: p.y1, x2: p.x1, y2: p.y1 });
    const marks = this.marks(d, p);
    this.parts.push((t) => {
      const done = progress(d, t);
      line.setAttribute("visibility", t > d.sent ? "visible" : "hidden");
      line.setAttribute("x2", (p.x1 + (p.x2 - p.x1) * done).toFixed(1));
      line.setAttribute("y2", (p.y1 + (p.y2 - p.y1) * done).toFixed(1));
      for (const m of marks) m.setAttribute("visibility", t >= d.arrives ? "visible" : "hidden");
    });
  }

  // marks draws what became of a datagram, at its end.
  marks(d, p) {
    const { svg } = this;
    const note = (text, x, y, anchor, kind) =>
      draw(svg, "text", { class: "over " + kind, x, y, "text-anchor": anchor }, text);
    const cross = () => draw(svg, "path", {
      class: "cross", d: `M${p.x2 - 5} ${(p.y2 - 5).toFixed(1)}l10 10m0-10l-10 10`,
    });
    if (d.lost) return [cross(), note("lost", p.x2 + (d.up ? 10 : -10), p.y2 + 4, d.up ? "start" : "end", "ill")];
    if (d.fate === "refused") return [cross(), note("refused", p.x2 - 8, p.y2 + 13, "end", "ill")];
    const all = [draw(svg, "circle", { class: "end" + (this.ignored(d) ? " ignored" : ""), cx: p.x2, cy: p.y2, r: 3.5 })];
    if (d.up) all.push(note(String(d.attempt), p.x2 + 9, p.y2 + 4, "start", "faint"));
    const words = [d.copy ? "copy" : "", this.ignored(d) ? (d.fate === "late" ? "late, ignored" : "ignored") : ""];
    const text = words.filter(Boolean).join(", ");
    if (text) all.push(note(text, p.x2 + (d.up ? -9 : 9), p.y2 + 4, d.up ? "end" : "start", "faint"));
    return all;
  }

  dot(d) {
    const p = this.path(d);
    const group = draw(this.svg, "g", {});
    draw(group, "circle", { class: "dot" + (d.lost ? " lost" : ""), r: 6 });
    const content = (d.up ? this.x.request : this.x.response) || "(empty)";
    draw(group, "text", { class: "over", y: -10, "text-anchor": "middle" },
      content.length > 14 ? [...content].slice(0, 13).join("") + "…" : content);
    const fall = 0.07 * this.x.end;
    this.parts.push((t) => {
      const done = progress(d, t);
      const fallen = d.lost && !still.matches ? (t - d.arrives) / fall : 1;
      const shown = t >= d.sent && (t < d.arrives || (fallen >= 0 && fallen < 1 && t >= d.arrives));
      group.setAttribute("visibility", shown ? "visible" : "hidden");
      const drop = t >= d.arrives && fallen < 1 ? fallen : 0;
      const [x, y] = [p.x1 + (p.x2 - p.x1) * done, p.y1 + (p.y2 - p.y1) * done + 40 * drop * drop];
      group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
      group.setAttribute("opacity", (1 - drop).toFixed(2));
    });
  }

  result() {
    const { x, svg } = this;
    const last = x.attempts[x.attempts.length - 1];
    const at = last.until;
    const text = x.answered
      ? draw(svg, "text", { class: "good over", x: column.client - 18, "text-anchor": "end" }, "answer")
      : draw(svg, "text", { class: "fail over", x: 0 }, "SERVER IS DOWN !");
    text.setAttribute("y", Math.max(this.y(at) + (x.answered ? 4 : 15), this.y(last.sent) + 18).toFixed(1));
    this.parts.push((t) => text.setAttribute("visibility", t >= at ? "visible" : "hidden"));
  }

  update(t) {
    for (const f of this.parts) f(t);
  }
}

// progress returns the share of its way that a datagram has travelled.
function progress(d, t) {
  if (t >= d.arrives) return 1;
  return Math.max(0, (t - d.sent) / (d.arrives - d.sent));
}

// ---- Playback ----

function follow(index) {
  followed = index;
  document.querySelectorAll(".exchange").forEach((e, i) => e.classList.toggle("followed", i === index));
  moveTo(now);
}

// moveTo shows a time. Without a step, it is the last one at or before that time.
function moveTo(t, chosen) {
  now = Math.min(Math.max(t, 0), end);
  const steps = result.exchanges[followed].steps;
  step = chosen ?? Math.max(0, steps.findLastIndex((s) => s.at <= now));
  for (const p of pictures) p.update(now);
  $("time").value = now;
  $("time").setAttribute("aria-valuetext", ms(now));
  $("clock").value = ms(Math.min(now, Math.max(...result.exchanges.map((x) => x.end))));
  explain(steps[step]);
}

let explained = null;

function explain(s) {
  if (s === explained) return;
  explained = s;
  $("now-title").textContent = result.exchanges[followed].title + ", " + ms(s.at);
  $("now-text").textContent = s.text;
  $("now-why").textContent = s.why;
  for (const line of document.querySelectorAll(".line")) {
    line.classList.toggle("current", s.code.includes(line.dataset.part));
  }
  document.querySelectorAll(".exchange").forEach((e, i) => {
    e.querySelectorAll("tbody tr").forEach((row, n) => {
      row.classList.toggle("current", i === followed && n === step);
    });
  });
}

function go(by) {
  pause();
  const steps = result.exchanges[followed].steps;
  const next = Math.min(Math.max(step + by, 0), steps.length - 1);
  moveTo(steps[next].at, next);
}

let lastFrame = 0;
let timer = 0;

function play(from) {
  playing = true;
  $("play").textContent = "Pause";
  if (from !== undefined) moveTo(from);
  clearTimeout(timer);
  if (still.matches) {
    timer = setTimeout(nextStep, 2000);
    return;
  }
  lastFrame = 0;
  requestAnimationFrame(frame);
}

function pause() {
  playing = false;
  clearTimeout(timer);
  $("play").textContent = "Play";
}

function frame(at) {
  if (!playing) return;
  const passed = lastFrame ? Math.min(at - lastFrame, 100) : 0;
  lastFrame = at;
  moveTo(now + passed / Number($("speed").value));
  if (now < end) requestAnimationFrame(frame);
  else pause();
}

// nextStep plays without motion: one step after the other.
function nextStep() {
  const steps = result.exchanges[followed].steps;
  go(1);
  if (step < steps.length - 1) play();
}

// ---- Events ----

form.addEventListener("submit", (e) => {
  e.preventDefault();
  run(query(), true);
});
form.addEventListener("input", showValues);
$("another").addEventListener("click", () => {
  $("seed").value = Math.floor(Math.random() * 10000);
  if (form.reportValidity()) run(query(), true);
});
$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is on the clipboard. It shows this picture on any machine with ohce lab on the same address.");
  } catch {
    say("Copy the address of this page: it shows this picture again.");
  }
});
document.querySelector("nav").addEventListener("click", (e) => {
  const a = e.target.closest("a");
  if (!a || e.ctrlKey || e.metaKey || e.shiftKey) return;
  e.preventDefault();
  run(a.getAttribute("href"), true);
});
for (const radio of document.querySelectorAll("[name=follow]")) {
  radio.addEventListener("change", () => follow(Number(radio.value)));
}
$("play").addEventListener("click", () => {
  if (playing) pause();
  else play(now >= end ? 0 : undefined);
});
$("back").addEventListener("click", () => go(-1));
$("forward").addEventListener("click", () => go(1));
$("time").addEventListener("input", () => {
  pause();
  moveTo(Number($("time").value));
});
$("speed").addEventListener("change", () => { chosenSpeed = true; });
addEventListener("popstate", () => run(location.search, false));

showValues();
run(location.search, false);
