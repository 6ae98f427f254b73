// The last hour as two drawings that share their minutes: how many actions ended, and how long they took. The same is there as a
// sentence and as a table.

import { el, table } from "./dom.js";
import { count, minute, time, took } from "./format.js";

/** Pixels. */
const [HEIGHT, LEFT, TOP, BOTTOM] = [120, 46, 8, 18];

function draw(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  node.append(...children);
  return node;
}

/** The next of 1, 2, 5, 10, 20, 50 .. that is not below. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value);
}

function frame(title, width, minutes, top, label) {
  const space = HEIGHT - TOP - BOTTOM;
  const y = (value) => TOP + space * (1 - value / top);
  const x = (at) => LEFT + ((width - LEFT) * at) / minutes.length;
  const svg = draw("svg", { width, height: HEIGHT, role: "img", "aria-label": title });
  for (const value of [0, top / 2, top]) {
    svg.append(draw("line", { x1: LEFT, x2: width, y1: y(value), y2: y(value), class: "grid" }));
    if (value === 0 || label(value) !== null) svg.append(draw("text", { x: LEFT - 6, y: y(value) + 4, class: "mark end" }, label(value)));
  }
  minutes.forEach(({ at }, index) => {
    if (new Date(at).getMinutes() % 15 === 0 && index > 1 && index < minutes.length - 2)
      svg.append(draw("text", { x: x(index), y: HEIGHT - 4, class: "mark" }, minute(at)));
  });
  return { svg, x, y };
}

function counts(minutes, width) {
  const top = ceiling(Math.max(2, ...minutes.map((one) => one.completed + one.failed)));
  const label = (value) => (Number.isInteger(value) ? value.toLocaleString("en") : "");
  const { svg, x, y } = frame("Actions per minute", width, minutes, top, label);
  const bar = (index, from, to, kind) =>
    to > from && svg.append(draw("rect", { x: x(index) + 1, width: x(1) - x(0) - 2, y: y(to), height: y(from) - y(to), class: kind }));
  minutes.forEach((one, index) => {
    bar(index, 0, one.completed, "completed");
    bar(index, one.completed, one.completed + one.failed, "failed");
  });
  return svg;
}

/** Minutes in which nothing ended have no latency: the line is broken there, and a lone minute is a dot. */
function lines(minutes, key, x, y) {
  const middle = (x(1) - x(0)) / 2;
  let path = "";
  minutes.forEach((one, index) => {
    if (one[key] === null) return;
    const joined = index > 0 && minutes[index - 1][key] !== null;
    path += `${joined ? "L" : "M"}${(x(index) + middle).toFixed(1)} ${y(one[key]).toFixed(1)}${joined ? "" : "h0.01"}`;
  });
  return draw("path", { d: path, class: key.slice(0, 3) });
}

function latency(minutes, width) {
  const top = ceiling(Math.max(10, ...minutes.map((one) => one.p99_ms ?? 0)));
  const { svg, x, y } = frame("Latency", width, minutes, top, (value) => (value < 1 ? "0" : took(value).replace(".0", "")));
  svg.append(lines(minutes, "p99_ms", x, y), lines(minutes, "p50_ms", x, y));
  return svg;
}

function sentence(minutes) {
  const sum = (key) => minutes.reduce((all, one) => all + one[key], 0);
  const [completed, failed] = [sum("completed"), sum("failed")];
  if (completed + failed === 0) return "No action ended in the last hour.";
  const slowest = minutes.reduce((worst, one) => ((one.p99_ms ?? -1) > (worst.p99_ms ?? -1) ? one : worst));
  const busiest = minutes.reduce((most, one) => (one.completed + one.failed > most.completed + most.failed ? one : most));
  return (
    `In the last hour ${count(completed, "action")} completed and ${failed.toLocaleString("en")} failed. ` +
    `Most ended at ${minute(busiest.at)}: ${(busiest.completed + busiest.failed).toLocaleString("en")} in that minute.` +
    (slowest.p99_ms === null ? "" : ` Latency was highest at ${minute(slowest.at)}: p50 ${took(slowest.p50_ms)}, p99 ${took(slowest.p99_ms)}.`)
  );
}

const ms = (value) => (value === null ? "–" : took(value));
const key = (kind, text) => el("span", { class: `key ${kind}` }, text);

/** The drawings; `show(minutes)` fills them. */
export function chart() {
  const text = el("p");
  const [first, second] = [el("div"), el("div")];
  const rows = table(
    "The minutes of the last hour in which an action ended, newest first",
    [
      ["Minute", (one) => time(one.at)],
      ["Completed", (one) => one.completed, "number"],
      ["Failed", (one) => one.failed, "number"],
      ["p50", (one) => ms(one.p50_ms), "number"],
      ["p99", (one) => ms(one.p99_ms), "number"],
    ],
    (one) => one.at,
    "No action ended in the last hour.",
  );
  const drawings = el("div", { class: "chart", hidden: true },
    el("figure", {}, el("figcaption", {}, "Actions per minute: ", key("completed", "completed"), " ", key("failed", "failed")), first),
    el("figure", {}, el("figcaption", {}, "Latency, from arrival to reply: ", key("p50", "p50"), " ", key("p99", "p99")), second),
    el("details", {}, el("summary", {}, "The same as a table"), rows.root),
  );
  let minutes = [];
  const paint = () => {
    if (drawings.hidden || first.clientWidth === 0) return;
    first.replaceChildren(counts(minutes, first.clientWidth));
    second.replaceChildren(latency(minutes, second.clientWidth));
  };
  new ResizeObserver(paint).observe(drawings);
  const show = (given) => {
    minutes = given;
    const busy = minutes.filter((one) => one.completed + one.failed > 0);
    text.textContent = sentence(minutes);
    drawings.hidden = busy.length === 0;
    rows.show(busy.reverse());
    paint();
  };
  return { root: el("div", {}, text, drawings), show };
}
