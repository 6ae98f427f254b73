// What failed, grouped by cause, the most frequent first.

import { query, read } from "./api.js";
import { el, error, link, table } from "./dom.js";
import { destination, number, time } from "./format.js";

const HOURS = { 1: "the last hour", 24: "the last 24 hours", 168: "the last 7 days", 720: "the last 30 days" };
/** Milliseconds between two looks. */
const PAUSE = 5_000;

export const title = "Failures";

export function view({ parameters }) {
  const hours = parameters.get("hours") in HOURS ? parameters.get("hours") : "24";
  const since = () => new Date(Date.now() - hours * 3_600_000).toISOString();
  const change = (event) => (location.hash = `#/failures?hours=${event.target.value}`);
  const choice = el("select", { id: "hours", on: { change } },
    ...Object.entries(HOURS).sort(([a], [b]) => a - b).map(([value, text]) => el("option", { value, selected: value === hours }, text)));
  const all = ({ rule, destination: from }) =>
    `#/actions${query({ status: "failed", rule, destination: destination(from), since: `${since().slice(0, 16)}:00Z` })}`;
  const list = table(
    `Causes of failure in ${HOURS[hours]}, the most frequent first`,
    [
      ["Cause", (one) => one.cause, "text"],
      ["Count", (one) => link(all(one), one.count), "number"],
      ["Rule", (one) => one.rule ?? "not known", "name"],
      ["Destination", (one) => destination(one.destination)],
      ["Last", (one) => time(one.last)],
      ["Example", (one) => number(one.example)],
    ],
    (one) => JSON.stringify([one.cause, one.rule, one.destination]),
    `Nothing failed in ${HOURS[hours]}. Error replies would be here, grouped by their text without numbers and ids.`,
  );
  const wrong = el("div");
  const root = el("div", {}, el("h1", {}, "Failures"),
    el("p", { class: "field" }, el("label", { for: "hours" }, "In "), choice), wrong, list.root);
  let [due, failed, busy] = [0, null, false];
  const load = async () => {
    busy = true;
    due = Date.now() + PAUSE;
    try {
      list.show((await read(`failures${query({ since: since() })}`)).failures);
      wrong.replaceChildren();
    } catch (refused) {
      wrong.replaceChildren(error(refused.message));
    }
    busy = false;
  };
  const show = ({ runner }) => {
    if (runner.failed === failed || busy || Date.now() < due) return;
    failed = runner.failed;
    load();
  };
  load();
  return { root, show, end: () => {} };
}
