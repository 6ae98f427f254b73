// How times, lengths of time and states are written. Times are local; their title is the UTC time that the log has.

import { el, link } from "./dom.js";

const two = (number) => String(number).padStart(2, "0");

/** 14:05:12, with the date in front unless it is today. */
export function local(text) {
  const at = new Date(text);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return at.toDateString() === new Date().toDateString() ? clock : `${day} ${clock}`;
}

export const minute = (text) => local(text).slice(0, -3);

const utc = (text) => `${new Date(text).toISOString()} UTC`;

/** A point in time; null stays a dash. */
export const time = (text) => (text ? el("time", { datetime: text, title: utc(text) }, local(text)) : "–");

/** How long ago; `tick` keeps it true. */
export const age = (text) =>
  text ? el("time", { datetime: text, title: `since ${local(text)}, ${utc(text)}`, "data-age": text }) : "–";

/** Brings every age up to date. */
export function tick() {
  for (const node of document.querySelectorAll("time[data-age]")) {
    const text = took(Math.max(0, Date.now() - new Date(node.dataset.age)), true);
    if (node.textContent !== text) node.textContent = text;
  }
}

/** A length of time from milliseconds: 850 ms, 4.2 s, 3 min 12 s, 5 h 4 min, 2 d 3 h. */
export function took(ms, whole = false) {
  if (ms < 1 && !whole) return "< 1 ms";
  if (ms < 1000 && !whole) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return whole || seconds >= 10 ? `${Math.floor(seconds)} s` : `${seconds.toFixed(1)} s`;
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How much later, in the form of the command: +0.250 s. */
export const later = (from, to) => `+${((new Date(to) - new Date(from)) / 1000).toFixed(3)} s`;

export const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

/** The number of an action, as a link to its story. */
export const number = (value) => (value === null ? "not stored" : link(`#/actions/${value}`, `#${value}`));

/** The programmatic name in a destination's full name, actions.201.tickets. */
export const destination = (name) => name.replace(/^actions\.[^.]*\./, "");

const SIGNS = { running: "▶", waiting: "◔", queued: "○", finished: "◑", completed: "✓", failed: "✕", dead: "■", paused: "❚❚" };

/** A state as a sign and a word, so that its colour is never all there is. */
export const state = (name, word = name) =>
  el("span", { class: `state ${name in SIGNS ? name : "other"}` }, el("span", { "aria-hidden": "true" }, SIGNS[name] ?? "•"), ` ${word}`);
