// The review page: one sample after the other, judged by keyboard. The server's answer to a decision holds the next sample.

import { Ahead } from "./review-ahead.js";
import { Answers } from "./review-answers.js";
import { Api } from "./review-api.js";
import { BoxEditor } from "./box-editor.js";
import { Clock } from "./review-clock.js";
import { Form } from "./review-form.js";
import { History } from "./review-history.js";
import { Kept, Setting } from "./review-kept.js";
import { Keyboard } from "./review-keys.js";
import { Picker } from "./review-picker.js";
import { Reasons } from "./review-reasons.js";
import { Session } from "./review-session.js";
import { Stage } from "./stage.js";
import { View } from "./review-view.js";
import { speaker, words } from "./review-words.js";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const start = read("review-start");
const say = speaker(read("review-words"));
const root = document.querySelector("[data-review]");
const guide = root.querySelector("[data-guide]");

const kept = new Kept(start.person);
const ahead = new Ahead();
const clock = new Clock();
let editor = null;
const stage = new Stage(root.querySelector("[data-picture]"), () => editor?.draw());
const view = new View(root, start, stage, say);
const announce = (sentence) => view.announce(sentence);
editor = new BoxEditor({ stage, panel: root.querySelector("[data-box-panel]"), start, say, changed: () => {}, announce });
const form = new Form(root, start, editor, say);
const history = new History(root.querySelector("[data-recent]"), say, root.dataset.icons, (uuid) => kept.drop({ body: { client_uuid: uuid } }));
const reasons = new Reasons(root.querySelector("[data-reasons]"), start, say, (decision, facts) => decide(decision, facts));
const pickerRoot = root.querySelector("[data-picker]");
const picker = pickerRoot && new Picker(pickerRoot, start.labels, (name) => {
  view.focus();
  choose(name);
});
const answers = new Answers(root.querySelector("[data-answers]"), say, (answer) => editor.look(answer?.value?.boxes, answer && answers.alone(answer)));
const session = new Session({ api: new Api(start.api, root.dataset.csrf), kept, ahead, start, hears: {
  lease: show,
  empty: () => view.showEmpty(),
  sent(row, answer) {
    history.add(row);
    if (answer.label) view.count();
    view.take();
  },
  kept: (row) => history.add(row, { isKept: true }),
  refused: refuse,
  failed: (problem) => view.showError(toldOf(problem)),
  offline(count, goesOn) {
    view.showStanding(goesOn ? say("offlineOn", { n: count }) : "");
    if (!goesOn) view.showError(say("offline"), { isIdle: true });
  },
  online() {
    if (!view.notice.hidden) announce(say("online"));
    view.showStanding("");
  },
  undone(entry) {
    history.remove(entry);
    view.count(-1);
    view.take(-1);
  },
  lost: () => { announce(say("lost")); view.showStanding(say("lost")); },
  busy(isBusy) {
    if (isBusy) view.clearError();
    view.setBusy(isBusy);
  },
} });

/** What the person agrees with or changes: the answer that is checked, else the prediction. */
function baseOf(lease) {
  return lease.checked ? lease.checked.value : lease.sample.prediction;
}

function show(lease, image, undone) {
  if (view.notice.textContent === say("lost")) view.showStanding("");
  const base = baseOf(lease);
  const { returned } = lease;
  const earlier = undone ?? (returned && { correction: returned.said.value });
  view.show(lease, image, base, earlier);
  form.show(lease, base, stage.size, earlier);
  if (start.boxes && (form.decision?.decision ?? "correct") !== "correct") view.showBoxes(editor.boxes);
  answers.show(lease.answers ?? []);
  reasons.close();
  picker?.close();
  if (undone) view.showNotice(say("undone", { told: history.told(undone) }));
  view.showReturned(returned && say("returnedBecause", { reason: whyOf(returned), said: saidOf(returned.said) }));
  clock.start();
}

function whyOf({ reason, note }) {
  return [reason.replaceAll("_", " "), note.replace(/[\s.]+$/, "")].filter(Boolean).join(" – ");
}

function saidOf({ decision, value }) {
  return ["unsure", "reject"].includes(decision) ? say(decision) : words(value, say);
}

function decide(decision, facts = {}) {
  return session.decide(decision, { seconds: clock.seconds, ...withoutEmpty(facts) });
}

function withoutEmpty(facts) {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== "" && value !== undefined));
}

/** Send what the form says: right as it is, changed, or nothing there. */
function correct() {
  if (!session.lease || session.isBusy) return;
  const said = form.decision ?? (session.lease.checked && { decision: "correct" });
  if (!said) return view.showNotice(say({ text: "noText", detection: "noBoxes" }[start.task] ?? "noPrediction"));
  const problem = said.decision === "nothing" ? "" : form.problem();
  if (problem) return view.showNotice(problem);
  decide(said.decision, { correction: said.correction });
}

/** A label pressed is the answer, where a sample has one label; where boxes do, it is the chosen box's. */
function choose(label) {
  if (start.boxes) return editor.relabel(label);
  form.label = label;
  return correct();
}

/** Settle a dispute by one of the answers that were given, or take it to be edited first. */
function settle(place, isEdited = false) {
  const answer = session.lease?.answers?.[place];
  if (!answer) return;
  if (isEdited && answer.value) {
    form.take(answer.value);
    view.wantsKeys = false;
    view.focus();
  } else if (["unsure", "reject"].includes(answer.decision)) decide(answer.decision, { reason: answer.reason });
  else if (answer.decision === "change") decide("change", { correction: answer.value });
  else decide(answer.decision);
}

function ask(decision) {
  if (!session.lease || session.isBusy) return;
  if (reasons.asks(decision)) reasons.open(decision);
  else decide(decision);
}

function undo() {
  if (session.isBusy) return;
  if (session.outbox.length) view.showNotice(say("undoLater"));
  else if (history.newest) session.undo(history.newest);
  else view.showNotice(say("nothingToUndo"));
}

/** The hub has understood and does not take it: what was entered stays, on the screen or in the list. */
function refuse(row, problem, isOpen) {
  if (isOpen) history.drop(row.body.client_uuid);
  else history.add(row, { refused: problem.message });
  if (isOpen) view.showError(say("refused", { sentence: problem.message }), { canRetry: false });
}

function toldOf(problem) {
  if (problem.isOffline) return say(session.outbox.length ? "offline" : "offlineAsk");
  return problem.status === 401 ? say("loggedOut") : problem.message;
}

function toggleGuide() {
  guide.hidden = !guide.hidden;
  root.toggleAttribute("data-guided", !guide.hidden);
  for (const button of document.querySelectorAll("[data-act=guide]")) button.setAttribute("aria-expanded", String(!guide.hidden));
}

const acts = {
  correct,
  undo,
  unsure: () => ask("unsure"),
  reject: () => ask("reject"),
  return: () => ask("return"),
  nothing: () => decide("nothing"),
  skip: () => decide("skip"),
  retry: () => (session.outbox.length ? session.flush() : session.ask()),
  next: () => session.giveUp(),
  "look-again": () => session.ask(),
  "new-box": () => editor.add(),
  "delete-box": () => editor.remove(),
  "step-back": () => editor.travel(true),
  "step-on": () => editor.travel(false),
  "find-label": () => picker?.open(),
  unreadable: () => form.text?.markUnreadable(),
  nearer: () => stage.nearer(1),
  farther: () => stage.nearer(-1),
  fit: () => stage.fit(),
  "plain-light": () => setLight({ brightness: 1, contrast: 1 }),
  guide: toggleGuide,
};

function setLight(light) {
  stage.adjust(light);
  for (const [name, value] of Object.entries(light)) root.querySelector(`[data-light=${name}]`).value = value;
}

new Keyboard({ start, acts, choose, settle, session, view, editor, reasons, picker, stage, single: new Setting("single-keys", start.person, true) });

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { act, label, answer } = button.dataset;
  if (act) acts[act]?.();
  else if (label !== undefined) choose(label);
  else if (answer !== undefined) settle(Number(answer), event.shiftKey);
  else if (button.dataset.reason === undefined) return;
  // the mouse must not leave the keyboard on a button: Enter would press that button again
  if (event.detail > 0 && !reasons.isOpen && !picker?.isOpen && !editor.model.chosen && act !== "guide") view.focus();
});

root.addEventListener("input", (event) => {
  const { light } = event.target.dataset;
  if (light) stage.adjust({ [light]: Number(event.target.value) });
});

form.changed = () => {
  if (!start.boxes) return;
  view.showPen(editor.label);
  if (form.slot !== null) view.showBoxes(editor.boxes);
};

// on a phone the tabs are one line that scrolls
for (const tab of document.querySelectorAll(".tabs [aria-current]")) tab.scrollIntoView({ block: "nearest", inline: "center" });

history.start(start.recent);
for (const row of kept.all.filter(({ refused, module }) => refused && module === start.module)) history.add(row, { refused: row.refused });
session.begin();

// The grid takes what waits: what this page holds is given back before.
document.querySelector("[data-grid]")?.addEventListener("click", async (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { href } = event.currentTarget;
  await Promise.race([session.leave(), new Promise((goOn) => setTimeout(goOn, 1_000))]);
  location.assign(href);
});
