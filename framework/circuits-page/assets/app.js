// Starts the page: who is there, which view the address names, and the snapshots that each view gets.

import { logOut, whenSessionEnds, whoAmI } from "./api.js";
import { byId, el, error, link, say } from "./dom.js";
import { count, tick } from "./format.js";
import { stream } from "./live.js";
import { form } from "./login.js";
import { whenDone } from "./steer.js";
import * as actions from "./actions.js";
import * as failures from "./failures.js";
import * as now from "./now.js";
import * as runner from "./runner.js";
import * as story from "./story.js";

const VIEWS = { "": now, actions, failures, runner };
/** Milliseconds between two announcements of what runs and waits. */
const ANNOUNCE = 15_000;
/** Milliseconds for which it says what has just been done. */
const SAID = 15_000;

const main = byId("main");
let [me, snapshot, shown, stop, said, announced] = [null, null, null, null, null, { at: 0, text: "" }];

function announce(text) {
  say(byId("said"), text);
  clearTimeout(said);
  said = setTimeout(() => say(byId("said"), ""), SAID);
}

function put(view, title) {
  shown?.end?.();
  shown = view;
  main.replaceChildren(view.root);
  document.title = title ? `${title} · circuits` : "circuits";
  tick();
}

/** The view of an address such as #/actions/17 or #/actions?status=failed. */
function go(event) {
  if (!me) return;
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
  const parameters = new URLSearchParams(search);
  const [name, number] = path.split("/");
  let module = VIEWS[name];
  if (name === "actions" && /^\d+$/.test(number ?? "")) {
    parameters.set("number", number);
    module = story;
  }
  for (const one of byId("views").querySelectorAll("a")) {
    const current = one.dataset.name === name;
    if (current) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  if (module) put(module.view({ parameters, me, snapshot }), module.title);
  else put({ root: el("div", {}, el("h1", {}, "Nothing here"), el("p", {}, link("#/", "To the first view"))) }, "Nothing here");
  if (event) {
    main.focus();
    scrollTo(0, 0);
  }
}

function take(value) {
  snapshot = value;
  say(byId("where"), [value.runner.host, value.runner.org].filter(Boolean).join(", "));
  shown?.show?.(value);
  tick();
  const sum = (key) => value.runner.destinations.reduce((all, one) => all + one[key], 0);
  const text = `${sum("running")} running, ${sum("waiting")} waiting, ${sum("queued")} queued`;
  if (text !== announced.text && Date.now() > announced.at + ANNOUNCE) {
    announced = { at: Date.now(), text };
    say(byId("heard"), text);
  }
}

const CONNECTION = { none: "Connecting", live: "Live", lost: "Connection lost, trying again" };

function connection(state) {
  const sign = byId("connection");
  if (sign.dataset.state === "lost" && state === "live") announce("The connection is back");
  if (sign.dataset.state !== state && state === "lost") announce("Connection lost, trying again. What is shown is not up to date.");
  sign.dataset.state = state;
  say(sign, CONNECTION[state]);
}

function leave(why) {
  stop?.();
  [me, snapshot, stop] = [null, null, null];
  byId("ask").close();
  connection("none");
  byId("top").hidden = true;
  const login = form(why, async () => {
    await begin();
    main.focus();
  });
  put(login, "Log in");
  login.focus().focus();
}

async function begin() {
  const who = await whoAmI();
  const all = who.manages === "*";
  me = { ...who, all, manages: (name) => all || who.manages.includes(name) };
  byId("top").hidden = false;
  say(byId("name"), me.name);
  const entries = Object.entries(VIEWS).map(([name, { title }]) => el("li", {}, el("a", { href: `#/${name}`, "data-name": name }, title)));
  byId("views").replaceChildren(...entries);
  go();
  stop = stream({
    snapshot: take,
    state: connection,
    refused: (refused) => (refused.status === 401 ? leave("Your session has ended.") : refuse(refused)),
  });
}

/** Nothing can be shown to this caller: without any account, for instance. */
function refuse(refused) {
  byId("top").hidden = true;
  put({ root: el("div", {}, el("h1", {}, "circuits"), error(refused.message), el("p", {}, link("", "Try again"))) }, null);
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
byId("logout").addEventListener("click", async () => {
  try {
    await logOut();
    leave("You are logged out.");
  } catch (refused) {
    announce(refused.message);
  }
});
whenSessionEnds(() => me && leave("Your session has ended."));
whenDone((text) => {
  announce(text);
  shown?.steered?.();
  if (document.activeElement === document.body) main.focus();
});
addEventListener("hashchange", go);
setInterval(tick, 1000);
begin().catch((refused) => (refused.status === 401 ? leave(null) : refuse(refused)));
