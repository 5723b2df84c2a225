// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Draws /status from /status.json, again every second. The server counts and
// never forgets; what happened in the last minute is the difference between two
// of its answers, so nothing is kept there for this page.
"use strict";

const KEPT = 121;        // answers remembered: two minutes of points
const WINDOW_US = 60e6;  // of which figures tell
const WIDTH = 400, HEIGHT = 144, LEFT = 44, BOTTOM = 18, TOP = 8;
const answers = [];      // the last KEPT answers, oldest first
const cards = new Map(); // by model and version

const byId = id => document.getElementById(id);
const keyOf = model => model.name + "\n" + model.version;

/// An element with attributes and children; names that come from the server only
/// ever become text.
function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "g", "rect", "text", "line", "path", "title"].includes(tag);
  const node = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function time(us) {
  if (us === null) return "–";
  if (us && us < 10) return "< 10 µs"; // the first bucket of the histograms
  if (us < 1000) return us.toFixed(0) + " µs";
  return us < 1e6 ? digits(us / 1e3) + " ms" : digits(us / 1e6) + " s";
}
const digits = value => value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
function count(value) {
  if (value < 1e4) return Number.isInteger(value) ? String(value) : digits(value);
  return value < 1e6 ? (value / 1e3).toFixed(1) + " k" : (value / 1e6).toFixed(2) + " M";
}
const bytes = value => value < 2 ** 20 ? (value / 2 ** 10).toFixed(0) + " KiB" : value < 2 ** 30 ? (value / 2 ** 20).toFixed(0) + " MiB" : (value / 2 ** 30).toFixed(2) + " GiB";
function age(seconds) {
  if (seconds < 120) return seconds.toFixed(0) + " s";
  if (seconds < 7200) return (seconds / 60).toFixed(0) + " min";
  return seconds < 172800 ? (seconds / 3600).toFixed(0) + " h" : (seconds / 86400).toFixed(0) + " days";
}

const sum = list => list.reduce((a, b) => a + b, 0);
const minus = (a, b) => b ? a.map((value, i) => Math.max(value - (b[i] || 0), 0)) : a;

/// Where this share of a histogram's observations ends, or null when it has none.
function quantile(bounds, counts, share) {
  const wanted = share * sum(counts);
  if (!wanted) return null;
  let passed = 0;
  for (let i = 0; i < bounds.length; ++i) {
    if (counts[i] && passed + counts[i] >= wanted) {
      const low = i ? bounds[i - 1] : 0;
      return low + (bounds[i] - low) * (wanted - passed) / counts[i];
    }
    passed += counts[i];
  }
  return bounds[bounds.length - 1];
}

const modelIn = (answer, key) => answer && answer.models.find(model => keyOf(model) === key);

/// What a model did between two answers; all that it ever did when that is nothing.
function recent(key) {
  const now = answers[answers.length - 1];
  const first = answers.find(answer => now.now_us - answer.now_us <= WINDOW_US);
  const model = modelIn(now, key), before = first === now ? null : modelIn(first, key);
  const latency = minus(model.request, before && before.request);
  const isRecent = before && sum(latency) > 0;
  const then = isRecent ? before : null;
  const sizes = new Map(model.sizes.map(row => [row[0], row[1]]));
  if (then) for (const [rows, runs] of then.sizes) sizes.set(rows, sizes.get(rows) - runs);
  const seconds = before ? (now.now_us - first.now_us) / 1e6 : 0;
  return {
    model, seconds,
    latency: isRecent ? latency : model.request,
    queueing: minus(model.queueing, then && then.queueing),
    compute: minus(model.compute, then && then.compute),
    sizes: [...sizes].filter(row => row[1] > 0).sort((a, b) => a[0] - b[0]),
    rate: seconds ? (model.requests - before.requests) / seconds : 0,
    failing: seconds ? (model.failed + model.rejected - before.failed - before.rejected) / seconds : 0,
  };
}

/// Points of the line chart: [share of the width, median, 99 %] for each pair of answers.
const shown = () => Math.max(answers.length, 21);
function history(key, bounds) {
  const points = [];
  for (let i = 1; i < answers.length; ++i) {
    const now = modelIn(answers[i], key), before = modelIn(answers[i - 1], key);
    if (!now || !before) continue;
    const counts = minus(now.request, before.request);
    if (sum(counts))
      points.push([(i + shown() - answers.length) / (shown() - 1), quantile(bounds, counts, .5), quantile(bounds, counts, .99)]);
  }
  return points;
}

function figure(caption, ...legend) {
  const svg = make("svg", {class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": caption});
  return {svg, root: make("figure", {}, make("figcaption", {}, caption, ...legend), svg)};
}

/// Bars on a common ground; they keep their nodes, so a changed height moves.
class Bars {
  constructor(caption) { Object.assign(this, figure(caption), {names: ""}); }
  update(rows) {  // [name, value, hint, class]
    const most = Math.max(1, ...rows.map(row => row[1])), all = sum(rows.map(row => row[1])) || 1;
    const step = WIDTH / Math.max(rows.length, 4), wide = Math.min(step - 3, 54);
    if (this.names !== rows.map(row => row[0]).join()) {
      this.names = rows.map(row => row[0]).join();
      const each = Math.ceil(rows.length * 34 / WIDTH);
      this.bars = rows.map((row, i) => make("rect", {class: "bar " + row[3], x: i * step + (step - wide) / 2, width: wide, rx: 2}, make("title")));
      this.svg.replaceChildren(
        make("line", {class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT - BOTTOM + .5, y2: HEIGHT - BOTTOM + .5}), ...this.bars,
        ...rows.map((row, i) => i % each ? "" : make("text", {x: (i + .5) * step, y: HEIGHT - 4, "text-anchor": "middle"}, row[0])));
    }
    rows.forEach((row, i) => {
      const high = row[1] && Math.max(2, row[1] / most * (HEIGHT - BOTTOM - TOP));
      this.bars[i].setAttribute("height", high.toFixed(1));
      this.bars[i].setAttribute("y", (HEIGHT - BOTTOM - high).toFixed(1));
      this.bars[i].firstChild.textContent = `${row[2]}: ${count(row[1])} (${(row[1] / all * 100).toFixed(1)} %)`;
    });
  }
}

/// Median and 99 % over up to two minutes, on a ground that begins at zero.
class Lines {
  constructor(caption) {
    Object.assign(this, figure(caption, make("i", {class: "median"}, "median"), make("i", {class: "slow"}, "99 %")));
    this.ticks = [0, .5, 1].map(share => {
      const y = TOP + (1 - share) * (HEIGHT - BOTTOM - TOP);
      const text = make("text", {x: LEFT - 6, y: y + 3, "text-anchor": "end"});
      this.svg.append(make("line", {class: "grid", x1: LEFT, x2: WIDTH, y1: y, y2: y}), text);
      return {share, text};
    });
    this.since = make("text", {x: LEFT, y: HEIGHT - 4});
    this.svg.append(this.since, make("text", {x: WIDTH, y: HEIGHT - 4, "text-anchor": "end"}, "now"));
    this.area = make("path", {class: "area slow"});
    this.paths = ["median", "slow"].map(name => make("path", {class: name}));
    this.svg.append(this.area, ...this.paths);
  }
  update(points) {
    this.since.textContent = age(shown() - 1) + " ago";
    const most = this.round(Math.max(20, ...points.map(point => point[2])));
    for (const {share, text} of this.ticks) text.textContent = share ? time(share * most) : "0";
    const x = point => (LEFT + point[0] * (WIDTH - LEFT)).toFixed(1);
    const y = value => (HEIGHT - BOTTOM - value / most * (HEIGHT - BOTTOM - TOP)).toFixed(1);
    const line = index => points.map((point, i) => `${i ? "L" : "M"}${x(point)} ${y(point[index])}`).join("");
    this.paths[0].setAttribute("d", line(1));
    this.paths[1].setAttribute("d", line(2));
    this.area.setAttribute("d", points.length > 1
      ? `${line(2)}L${x(points[points.length - 1])} ${y(0)}L${x(points[0])} ${y(0)}Z` : "");
  }
  round(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].find(step => step * power >= value) * power;
  }
}

const fact = (name, value, style = "") => make("div", {class: style}, make("dt", {}, name), make("dd", {}, value));

class Card {
  constructor(model) {
    this.head = make("div");
    this.figures = make("dl", {class: "figures"});
    this.lines = new Lines("Latency");
    this.latency = new Bars("Requests by latency, up to");
    this.sizes = new Bars("Batches by rows");
    this.charts = make("div", {class: "charts"}, this.lines.root, this.latency.root, this.sizes.root);
    this.root = make("section", {class: "model", id: `${model.name}/${model.version}`, "aria-label": `${model.name} ${model.version}`},
                     this.head, this.figures, this.charts);
  }
  update(key, bounds) {
    const now = recent(key), model = now.model, isReady = model.state === "ready";
    this.head.replaceChildren(
      make("h2", {}, model.name), make("span", {class: "number"}, "version " + model.version),
      ...model.labels.map(label => make("span", {class: "label"}, label)),
      make("span", {class: "condition " + (isReady ? "good" : "bad")}, model.circuit_open ? "left alone after faults" : model.state));
    if (model.reason) this.head.append(make("span", {class: "reason"}, model.reason));
    const tried = sum(model.request) > 0;
    this.charts.hidden = !tried;
    this.charts.style.display = tried ? "" : "none";
    if (!isReady && !tried) return this.figures.replaceChildren();
    const half = counts => time(quantile(bounds, counts, .5));
    const runs = sum(now.sizes.map(row => row[1]));
    this.figures.replaceChildren(
      fact("requests", count(model.requests)), fact("a second", count(+now.rate.toFixed(1))),
      fact("median", half(now.latency)), fact("99 %", time(quantile(bounds, now.latency, .99))),
      fact("in the queue", half(now.queueing)), fact("in the run", half(now.compute)),
      fact("rows a batch", runs ? digits(sum(now.sizes.map(row => row[0] * row[1])) / runs) : "–"),
      fact("waiting", count(model.queue) + (model.queue ? ", oldest " + time(model.oldest_us) : ""), model.queue ? "wait" : ""),
      fact("failed", count(model.failed), model.failed ? "fault" : ""),
      fact("shed", count(model.rejected), model.rejected ? "wait" : ""),
      fact("memory", bytes(model.memory)));
    if (!tried) return;
    this.lines.update(history(key, bounds));
    const used = now.latency.map((value, i) => value ? i : -1).filter(i => i >= 0);
    const slow = quantile(bounds, now.latency, .99), first = Math.max(0, used[0] - 1), last = used[used.length - 1] + 1;
    this.latency.update(now.latency.map((value, i) => {
      const text = i < bounds.length ? time(bounds[i]).replace(/\.0+ /, " ") : "more";
      return [text, value, "up to " + text, i && bounds[i - 1] > slow ? "late" : ""];
    }).slice(first, last + 1));
    this.sizes.update(now.sizes.map(([rows, value]) => [String(rows), value, rows + (rows === 1 ? " row" : " rows"), ""]));
  }
}

function tile(name, value, style = "") {
  return make("div", {class: "tile " + style}, make("span", {}, name), make("b", {}, value));
}

function drawTop(now) {
  byId("version").textContent = now.version;
  const before = answers[answers.length - 2], seconds = before ? (now.now_us - before.now_us) / 1e6 : 0;
  const cpu = seconds ? (now.cpu_s - before.cpu_s) / seconds * 100 : now.cpu_s / Math.max(now.uptime_s, 1e-3) * 100;
  byId("state").textContent = now.ready ? "ready" : "not ready";
  byId("state").className = "pill " + (now.ready ? "good" : "bad");
  byId("process").replaceChildren(
    fact("up", age(now.uptime_s)), fact("CPU", cpu.toFixed(0) + " %"), fact("resident", bytes(now.resident_bytes)),
    ...now.listeners.map(one => fact(one.name, `${count(one.connections)} open`)));
  const all = now.models.map(model => recent(keyOf(model)));
  const latency = now.bounds_us.concat(0).map((_, i) => sum(all.map(one => one.latency[i])));
  const failing = sum(all.map(one => one.failing)), waiting = sum(now.models.map(model => model.queue));
  byId("tiles").replaceChildren(
    tile("requests a second", count(+sum(all.map(one => one.rate)).toFixed(1))),
    tile("median latency", time(quantile(now.bounds_us, latency, .5))),
    tile("99 % latency", time(quantile(now.bounds_us, latency, .99))),
    tile("requests waiting", count(waiting)),
    tile("failed or shed a second", count(+failing.toFixed(1)), failing ? "alarm" : ""),
    tile("versions ready", `${now.models.filter(model => model.state === "ready").length} of ${now.models.length}`));
}

function draw(now) {
  drawTop(now);
  const keys = now.models.map(keyOf);
  for (const [key, card] of cards)
    if (!keys.includes(key)) { card.root.remove(); cards.delete(key); }
  now.models.forEach((model, i) => {
    const key = keys[i];
    if (!cards.has(key)) cards.set(key, new Card(model));
    const card = cards.get(key);
    if (byId("models").children[i] !== card.root) byId("models").insertBefore(card.root, byId("models").children[i] || null);
    card.update(key, now.bounds_us);
  });
  byId("overview").hidden = now.models.length < 4;
  byId("overview").replaceChildren(...now.models.map(model =>
    make("a", {href: "#" + encodeURIComponent(`${model.name}/${model.version}`)}, `${model.name} ${model.version}`)));
}

async function look() {
  try {
    const reply = await fetch("status.json", {cache: "no-store"});
    if (!reply.ok) throw new Error(`status.json answers ${reply.status}`);
    const now = await reply.json();
    if (answers.length && now.uptime_s < answers[answers.length - 1].uptime_s) answers.length = 0; // another process
    answers.push(now);
    if (answers.length > KEPT) answers.shift();
    draw(now);
    document.body.className = "";
  } catch (error) {
    byId("state").textContent = "no answer";
    byId("state").className = "pill bad";
    document.body.className = "stale";
  }
  setTimeout(look, 1000);
}
look();
