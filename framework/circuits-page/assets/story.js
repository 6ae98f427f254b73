// One action from its arrival to its reply: facts, what happened on the way, what went out because of it, and the message itself.

import { read } from "./api.js";
import { el, error, facts, link, say, section, table } from "./dom.js";
import { destination, later, number, state, time, took } from "./format.js";
import { drop, retry, setAside } from "./steer.js";

const SETTLED = ["completed", "failed", "dead"];
/** Milliseconds after the reply in which events and their deliveries may appear. */
const RECENT = 60_000;

export const title = "Action";

/** Steps, and the moments that the action itself has, in order. */
function way(action) {
  const moments = [
    ["arrived", "Arrived"],
    ["started", action.attempts > 1 ? `Handler began (attempt ${action.attempts})` : "Handler began"],
    ["finished", "Reply known"],
    ["settled", action.refused ? "The broker refused the reply: the platform never had it" : "Reply confirmed by the broker"],
  ];
  const own = moments.filter(([key]) => action[key]).map(([key, text]) => ({ at: action[key], what: "moment", text }));
  const steps = action.steps.map((step) => ({ ...step, what: step.kind }));
  return [...own, ...steps]
    .map((one, index) => ({ ...one, index }))
    .sort((a, b) => new Date(a.at) - new Date(b.at) || a.index - b.index);
}

function outcome(step) {
  if (step.what !== "call") return "";
  const code = step.code === null ? state("failed", "no answer") : state(step.code < 400 ? "completed" : "failed", String(step.code));
  return el("span", {}, code, step.took_ms === null ? "" : ` in ${took(step.took_ms)}`);
}

const KINDS = { moment: "message", status: "status", call: "REST call" };

function events(stored) {
  if (stored.length === 0) return [el("p", { class: "empty" }, "No event of this action was stored. Webhooks and subscriptions that want its events show here what they got.")];
  return stored.map(({ key, event, deliveries }) => {
    const made = table(
      `Deliveries of ${event?.type ?? "the event"} ${key}`,
      [
        ["Target", (one) => one.target],
        ["State", (one) => state({ delivered: "completed", waiting: "waiting" }[one.state] ?? "failed", one.state)],
        ["Attempts", (one) => one.tries, "number"],
        ["Policy", (one) => one.policy_status ?? "–", "number"],
        ["Answer", (one) => one.target_status ?? "–", "number"],
        ["Changed", (one) => time(one.updated)],
        ["Text", (one) => one.text, "text"],
      ],
      (one) => one.target,
      "It went to nobody.",
    );
    made.show(deliveries);
    return el("div", {}, el("h3", {}, event?.type ?? key), made.root);
  });
}

const shown = (body) => {
  if (body === null) return el("p", { class: "empty" }, "The message was too large to keep.");
  return el("pre", { tabindex: "0", "aria-label": "Body" }, typeof body === "string" ? body : JSON.stringify(body, null, 2));
};

function message(action) {
  const headers = table(
    "Headers",
    [["Header", ([name]) => name], ["Value", ([, value]) => value, "text"]],
    ([name]) => name,
    "The message has no header.",
  );
  headers.show(action.headers);
  return [headers.root, el("h3", {}, "Body"), shown(action.body)];
}

/** Whether an action may still change: its events go out after its reply. */
function changes({ status, settled, events: stored }) {
  const recent = settled && Date.now() - new Date(settled) < RECENT;
  const open = stored?.some(({ deliveries }) => deliveries.some((one) => one.state === "waiting"));
  return !SETTLED.includes(status) || recent || open;
}

export function view({ parameters, me, snapshot }) {
  const id = parameters.get("number");
  const heading = el("h1", {}, `#${id}`);
  const [wrong, parts, steering] = [el("div"), el("div"), el("p", { class: "buttons" })];
  const root = el("div", {}, heading, wrong, steering, parts);
  const steps = table(
    "What happened, in order",
    [
      ["Time", (one) => time(one.at), "inline"],
      ["After", (one) => one.after, "number"],
      ["What", (one) => KINDS[one.what] ?? one.what, "inline"],
      ["Text", (one) => one.text, "text"],
      ["Outcome", outcome],
    ],
    (one) => one.index,
    "Nothing happened yet.",
  );
  let [action, latest] = [null, snapshot];
  let [last, busy, gone] = ["", false, false];

  const buttons = () => {
    const mine = me.manages(destination(action.destination));
    const made = [];
    const settled = SETTLED.includes(action.status);
    const held = latest?.now.actions.find((one) => one.number === action.number);
    const waits = held ? held.state !== "running" : action.status === "waiting";
    if (mine && settled && action.body !== null) made.push(retry(id, load));
    if (mine && !settled && waits) made.push(setAside(id, load));
    if (mine && action.status === "dead") made.push(drop(id, () => { gone = true; location.hash = "#/actions"; }));
    const labels = (nodes) => [...nodes].map((one) => one.textContent).join();
    if (labels(made) !== labels(steering.children)) steering.replaceChildren(...made);
  };
  const fill = () => {
    say(heading, `#${action.number} ${action.rule ?? "(no rule known)"}`);
    document.title = `${heading.textContent} · circuits`;
    const again = action.reruns.flatMap((one, at) => [at > 0 && ", ", number(one)]);
    steps.show(way(action).map((one) => ({ ...one, after: later(action.arrived, one.at) })));
    buttons();
    parts.replaceChildren(
      facts(
        ["Status", el("span", {}, state(action.status), action.refused && " reply refused by the broker")],
        ["Destination", destination(action.destination)],
        ["Incident", action.incident ?? "–"],
        ["Attempts", action.attempts],
        ["Arrived", time(action.arrived)],
        ["Took", action.settled && took(new Date(action.settled) - new Date(action.arrived))],
        ["Runs again", action.rerun_of && number(action.rerun_of)],
        ["Run again as", again.length > 0 && el("span", {}, ...again.filter(Boolean))],
        ["Id", el("code", {}, action.id)],
      ),
      section("reply", "Reply", action.text === null
        ? el("p", { class: "empty" }, "There is no reply yet.")
        : el("pre", { class: action.status, tabindex: "0", "aria-label": "Reply" }, action.text)),
      section("way", "On the way", steps.root),
      section("events", "Events and deliveries", ...events(action.events ?? [])),
      section("message", "Message", ...message(action)),
    );
  };
  async function load() {
    if (busy || gone) return;
    busy = true;
    try {
      const found = await read(`actions/${encodeURIComponent(id)}`);
      wrong.replaceChildren();
      const shape = JSON.stringify(found);
      if (shape !== last) {
        [action, last] = [found, shape];
        fill();
      }
    } catch (refused) {
      wrong.replaceChildren(error(refused.message), el("p", {}, link("#/actions", "All actions")));
    }
    busy = false;
  }
  load();
  const show = (snapshot) => {
    latest = snapshot;
    if (!action || !changes(action)) return;
    buttons();
    load();
  };
  return { root, show, end: () => { gone = true; } };
}
