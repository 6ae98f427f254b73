// The first view: how the runner is, what runs and waits for each destination and rule, and the last hour.

import { query, read } from "./api.js";
import { chart } from "./chart.js";
import { el, error, facts, link, section, table } from "./dom.js";
import { age, count, number, state, time } from "./format.js";
import { pause, resume } from "./steer.js";

/** Milliseconds after which the last hour is read again. */
const TRAFFIC = 20_000;

export const title = "Now";

const standing = (runner) => {
  if (!runner.live) return state("failed", "not alive");
  return runner.ready ? state("completed", "ready") : state("waiting", "not ready");
};

const load = (one) => (one.paused
  ? el("span", {}, state("paused"), " since ", time(one.paused.since), ` by ${one.paused.by}`)
  : state("completed", "open"));

/** Destinations with their rules as one list of rows. */
const rowsOf = (destinations) =>
  destinations.flatMap((one) => [one, ...one.rules.map((rule) => ({ ...rule, of: one.name }))]);

export function view({ me, snapshot }) {
  const head = el("div");
  const running = table(
    "Message destinations and their rules",
    [
      ["Destination, rule", (one) => (one.of
        ? el("span", { class: "below" }, link(`#/actions${query({ destination: one.of, rule: one.name })}`, one.name))
        : el("strong", {}, link(`#/actions${query({ destination: one.name })}`, one.name)))],
      ["Running", (one) => one.running, "number"],
      ["Waiting", (one) => one.waiting, "number"],
      ["Queued", (one) => one.queued ?? "", "number"],
      ["State", (one) => (one.of ? "" : load(one))],
      ["Steer", (one) => (!one.of && me.manages(one.name) ? (one.paused ? resume : pause)(one.name) : ""), "steer"],
    ],
    (one) => JSON.stringify([one.of ?? "", one.name]),
    "The runner serves no message destination that you may see.",
  );
  const actions = table(
    "Actions that run, wait or are queued, oldest first",
    [
      ["Action", (one) => number(one.number), "inline"],
      ["State", (one) => state(one.state), "inline"],
      ["For", (one) => age(one.since), "inline"],
      ["Rule", (one) => one.rule ?? "not known yet", "name"],
      ["Destination", (one) => one.destination],
      ["Incident", (one) => one.incident ?? "–"],
      ["Waits for", (one) => one.reason ?? "", "text"],
    ],
    (one) => one.id,
    "Nothing runs and nothing waits. An action is here from its arrival until its reply is confirmed.",
  );
  const more = el("p", { class: "empty", hidden: true });
  const hour = chart();
  const hourText = el("div");
  const root = el("div", {},
    el("h1", {}, "Now"),
    head,
    section("actions", "At work", actions.root, more),
    section("destinations", "Destinations", running.root),
    section("hour", "The last hour", hourText, hour.root),
  );

  const show = ({ runner, now }) => {
    const problems = runner.problems.map((problem) => el("li", {}, problem));
    const shape = el("div", {},
      facts(
        ["Runner", standing(runner)],
        ["Broker", runner.broker === null ? "none" : runner.broker],
        ["Handled", runner.handled.toLocaleString("en")],
        ["Failed", runner.failed.toLocaleString("en")],
        ["Up", age(runner.started)],
      ),
      problems.length > 0 && el("ul", { class: "problems", "aria-label": "Problems" }, ...problems),
    );
    head.replaceChildren(shape);
    actions.show(now.actions);
    more.hidden = !now.more;
    more.textContent = now.more ? `${count(now.more, "younger action")} not shown.` : "";
    running.show(rowsOf(runner.destinations));
  };
  const traffic = async () => {
    try {
      hour.show((await read("traffic")).minutes);
      hourText.replaceChildren();
    } catch (refused) {
      hourText.replaceChildren(error(refused.message));
    }
  };
  if (snapshot) show(snapshot);
  traffic();
  const timer = setInterval(traffic, TRAFFIC);
  return { root, show, end: () => clearInterval(timer) };
}
