// The form that a session begins with.

import { logIn } from "./api.js";
import { el } from "./dom.js";

/** Calls `done` when the runner has accepted name and password; `why` says why one has to log in. */
export function form(why, done) {
  const wrong = el("p", { class: "error", role: "alert", id: "login-error" });
  const [name, password] = [
    el("input", { id: "username", name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true }),
    el("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true }),
  ];
  const enter = el("button", { type: "submit", class: "strong" }, "Log in");
  const submit = async (event) => {
    event.preventDefault();
    enter.disabled = true;
    wrong.textContent = "";
    try {
      await logIn(name.value, password.value);
      await done();
    } catch (refused) {
      wrong.textContent = refused.message;
      password.value = "";
      password.focus();
    }
    enter.disabled = false;
  };
  const root = el("form", { class: "login", on: { submit } },
    el("h1", {}, "Log in"),
    why && el("p", { role: "status" }, why),
    el("label", { for: "username" }, "Name"), name,
    el("label", { for: "password" }, "Password"), password,
    enter, wrong,
    el("p", { class: "empty" }, "Accounts are made on the runner's machine with ", el("code", {}, "circuits account add"), "."));
  return { root, focus: () => name };
}
