// What changes something: each asks first, says what will happen, and tells how it went. Whether it is allowed is for the runner to say.

import { post, put } from "./api.js";
import { button, byId } from "./dom.js";

let told = () => {};

/** Who says how it went. */
export const whenDone = (run) => (told = run);

function ask({ title, text, yes, danger, run, done }) {
  const [dialog, form, sure, wrong] = ["ask", "ask-form", "ask-yes", "ask-error"].map(byId);
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  sure.textContent = yes;
  sure.className = danger ? "danger" : "strong";
  sure.disabled = wrong.hidden = true;
  sure.disabled = false;
  form.onsubmit = async (event) => {
    event.preventDefault();
    sure.disabled = true;
    wrong.hidden = true;
    try {
      const answer = await run();
      dialog.close();
      told(done(answer));
    } catch (refused) {
      wrong.textContent = refused.message;
      wrong.hidden = false;
    }
    sure.disabled = false;
  };
  byId("ask-no").onclick = () => dialog.close();
  dialog.showModal();
  byId("ask-no").focus();
}

/** A button that asks; `after` is called when it was done. */
function asking(label, question, after = () => {}, kind = null) {
  const run = async () => {
    const answer = await question.run();
    after(answer);
    return answer;
  };
  return button(label, () => ask({ ...question, yes: label, run }), kind);
}

export const retry = (number, after) =>
  asking("Retry", {
    title: `Run #${number} again?`,
    text: "It becomes a new message whose reply goes to the same action of the platform. What its handler changes there may fire rules again.",
    run: () => post(`actions/${number}/retry`),
    done: (answer) => `#${number} is run again as #${answer.number}.`,
  }, after);

export const setAside = (number, after) =>
  asking("Set aside", {
    title: `Set #${number} aside?`,
    text: "It does not run. The platform gets an error reply that names you, and the message is kept as a dead letter that can be run again.",
    danger: true,
    run: () => post(`actions/${number}/set_aside`),
    done: () => `#${number} is set aside.`,
  }, after);

export const drop = (number, after) =>
  asking("Drop", {
    title: `Drop #${number}?`,
    text: "The dead letter and its whole story are deleted for good. Its reply has long been sent.",
    danger: true,
    run: () => post(`actions/${number}/drop`),
    done: () => `#${number} is dropped.`,
  }, after);

export const pause = (name) =>
  asking("Pause", {
    title: `Pause ${name}?`,
    text: "Actions that run are finished, no other begins. What arrives waits and is not lost. The pause lasts until somebody resumes it, also over a restart.",
    run: () => post(`destinations/${encodeURIComponent(name)}/pause`),
    done: () => `${name} is paused.`,
  });

export const resume = (name) =>
  asking("Resume", {
    title: `Resume ${name}?`,
    text: "What waits begins at once, as far as there are free workers.",
    run: () => post(`destinations/${encodeURIComponent(name)}/resume`),
    done: () => `${name} is resumed.`,
  }, undefined, "strong");

export const logLevel = (chosen) =>
  asking("Change", {
    title: "Change the log level?",
    text: "It holds until the runner ends. DEBUG writes much more, and slows a busy runner down.",
    run: () => put("log_level", { level: chosen() }),
    done: () => `The log level is ${chosen()}.`,
  });
