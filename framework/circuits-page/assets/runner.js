// The runner itself: version, counters, log level, and who steered what.

import { read } from "./api.js";
import { el, error, facts, section, table } from "./dom.js";
import { age, state, time } from "./format.js";
import { logLevel } from "./steer.js";

const LEVELS = ["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "TRACE"];

export const title = "Runner";

function audit() {
  const list = table(
    "The newest entries first",
    [
      ["Time", (one) => time(one.at)],
      ["Account", (one) => one.account],
      ["From", (one) => one.from],
      ["What", (one) => one.what],
      ["On", (one) => one.on],
      ["Outcome", (one) => state(one.outcome === "done" ? "completed" : "failed", one.outcome)],
    ],
    (one) => JSON.stringify(one),
    "Nobody has steered anything. Retries, drops, pauses and changed log levels would be here, refused ones too.",
  );
  const wrong = el("div");
  const load = async () => {
    try {
      list.show((await read("audit?limit=200")).entries);
      wrong.replaceChildren();
    } catch (refused) {
      wrong.replaceChildren(error(refused.message));
    }
  };
  return { root: section("audit", "Audit trail", wrong, list.root), load };
}

export function view({ me, snapshot }) {
  const about = el("div");
  const counters = table(
    "Counters since the start",
    [["Counter", ([name]) => name], ["Count", ([, value]) => value.toLocaleString("en"), "number"]],
    ([name]) => name,
    "Nothing is counted yet.",
  );
  const trail = me.all ? audit() : null;
  const level = el("select", { id: "level", name: "level" }, ...LEVELS.map((one) => el("option", {}, one)));
  const set = el("div", { class: "field level" }, el("label", { for: "level" }, "New log level"), level, " ", logLevel(() => level.value));
  const root = el("div", {},
    el("h1", {}, "Runner"), about,
    me.all ? set : null,
    section("counters", "Counters", counters.root),
    trail?.root ?? null,
  );
  let known = null;
  const show = ({ runner }) => {
    about.replaceChildren(facts(
      ["Version", runner.version], ["Platform", runner.host], ["Organisation", runner.org],
      ["Broker", runner.broker ?? "none"], ["Started", time(runner.started)], ["Up", age(runner.started)],
      ["Ready", runner.ready ? state("completed", "yes") : state("failed", "no")],
      ["Log level", runner.log_level ?? "set by the program around it"], ["Your rights", me.rights.join(", ") || "none"]));
    counters.show(Object.entries(runner.counters));
    set.hidden = runner.log_level === null;
    if (known === null && LEVELS.includes(runner.log_level)) level.value = runner.log_level;
    known = runner;
  };
  if (snapshot) show(snapshot);
  trail?.load();
  const timer = trail && setInterval(trail.load, 10_000);
  return { root, show, steered: () => trail?.load(), end: () => clearInterval(timer) };
}
