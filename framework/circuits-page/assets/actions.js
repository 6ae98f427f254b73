// The list of actions, with filters that are in the address, so that a list can be kept as a bookmark and sent to a colleague.

import { query, read } from "./api.js";
import { byId, el, error, link, table } from "./dom.js";
import { destination, number, state, time } from "./format.js";

const STATUSES = ["waiting", "running", "finished", "completed", "failed", "dead"];
const FILTERS = ["status", "destination", "rule", "incident", "since", "until"];
const PAGE = 50;
/** Milliseconds between two looks at the newest page. */
const PAUSE = 2_000;

export const title = "Actions";

const field = (name, label, control) => el("div", { class: "field" }, el("label", { for: `filter-${name}` }, label), control);
const text = (name, value, more = {}) => el("input", { id: `filter-${name}`, name, value, autocomplete: "off", ...more });

function choice(name, value, values) {
  const options = [...new Set([...values, value])].filter(Boolean);
  return el("select", { id: `filter-${name}`, name },
    el("option", { value: "" }, "any"),
    ...options.map((one) => el("option", { value: one, selected: one === value }, one)));
}

/** A time of the address (UTC) as the field shows it (local), and back. */
const shown = (utc) => {
  if (!utc || Number.isNaN(Date.parse(utc))) return "";
  const at = new Date(utc);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};
const meant = (local) => local && new Date(local).toISOString();

function filters(given, snapshot) {
  const names = snapshot?.runner.destinations.map((one) => one.name) ?? [];
  const submit = (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    location.hash = `#/actions${query({ ...values, since: meant(values.since), until: meant(values.until) })}`;
  };
  const form = el("form", { class: "filters", role: "search", "aria-label": "Actions", on: { submit } },
    field("status", "Status", choice("status", given.status, STATUSES)),
    field("destination", "Destination", choice("destination", given.destination, names)),
    field("rule", "Rule", text("rule", given.rule, { placeholder: "exact name" })),
    field("incident", "Incident", text("incident", given.incident, { inputmode: "numeric", pattern: "[0-9]*", title: "a number", size: 8 })),
    field("since", "Since", text("since", shown(given.since), { type: "datetime-local" })),
    field("until", "Before", text("until", shown(given.until), { type: "datetime-local" })),
    el("div", { class: "field" }, el("button", { type: "submit", class: "strong" }, "Filter"), " ", link("#/actions", "Clear")));
  return form;
}

export function view({ parameters, snapshot }) {
  const given = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name) ?? ""]));
  const list = table(
    "Actions, newest first",
    [
      ["Action", (one) => number(one.number), "inline"],
      ["Status", (one) => el("span", {}, state(one.status), one.refused && " reply refused"), "inline"],
      ["Arrived", (one) => time(one.arrived), "inline"],
      ["Rule", (one) => one.rule ?? "not known", "name"],
      ["Destination", (one) => destination(one.destination)],
      ["Incident", (one) => one.incident ?? "–", "pair"],
      ["Attempts", (one) => one.attempts, "number"],
      ["Reply", (one) => one.text ?? "", "text"],
    ],
    (one) => one.number,
    "No such action. Each message of the platform is listed here once it has arrived, and stays until the journal is purged.",
  );
  const wrong = el("div");
  const pages = el("p", { class: "pages" });
  const root = el("div", {}, el("h1", {}, "Actions"), filters(given, snapshot), wrong, list.root, pages);
  const before = parameters.get("before");
  const [here, again] = [query({ ...given, before, limit: PAGE }), { busy: false, due: 0, timer: null }];

  const load = async () => {
    again.busy = true;
    try {
      const { actions, next } = await read(`actions${here}`);
      list.show(actions);
      wrong.replaceChildren();
      pages.replaceChildren(
        ...(before ? [link(`#/actions${query(given)}`, "Newest"), " "] : []),
        ...(next === null ? [] : [link(`#/actions${query({ ...given, before: next })}`, "Older")]));
    } catch (refused) {
      wrong.replaceChildren(error(refused.message));
    }
    again.busy = false;
  };
  // Older pages do not move under the reader.
  const show = () => {
    if (before || again.timer || again.busy) return;
    const soon = Math.max(0, again.due - Date.now());
    again.timer = setTimeout(() => {
      again.timer = null;
      again.due = Date.now() + PAUSE;
      load();
    }, soon);
  };
  load();
  return { root, show, end: () => clearTimeout(again.timer), focus: () => byId("filter-status") };
}
