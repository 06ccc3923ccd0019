// The review page: one sample after the other, judged by keyboard. The server's answer to a decision holds the next sample.

import { Api } from "./review-api.js";
import { History } from "./review-history.js";
import { Kept, draft, newUuid } from "./review-kept.js";
import { View } from "./review-view.js";
import { keyOf, isTyping } from "./keys.js";

const RENEW_EVERY = 180_000;

const start = JSON.parse(document.getElementById("review-start").textContent);
const root = document.querySelector("[data-review]");
const api = new Api(start.api, root.dataset.csrf);
const view = new View(root);
const history = new History(root.querySelector("[data-recent]"), view.say, root.dataset.icons);
const kept = new Kept(start.person);
const byKey = new Map(start.labels.map((label) => [label.key, label.name]));

let lease = null; // what is on the screen
let shownAt = 0;
let unsent = null; // a decision the hub has not confirmed; sent again, it carries the same client_uuid
let isBusy = false;
let asksWhy = ""; // the decision whose reason is being chosen

/** Send what an earlier page could not, then show the sample that was on the screen, or the next one. */
async function begin() {
  history.start(start.recent);
  const left = kept.all;
  for (const row of left.filter((one) => one.module !== start.module)) sendLater(row);
  const mine = left.filter((one) => one.module === start.module);
  for (const [place, row] of mine.entries()) {
    unsent = { ...row, body: { ...row.body, next: place === mine.length - 1 } };
    history.add(unsent, { isKept: true });
    await send();
    if (unsent) return;
  }
  if (!mine.length) await ask();
}

function sendLater(row) {
  api.decide(row.slot, { ...row.body, next: false }).then(() => kept.drop(row)).catch(() => {});
}

async function ask() {
  await guarded(async () => show(await api.next(start.module, start.kind)));
}

async function show(next, { earlier = null } = {}) {
  lease = next;
  if (!lease) {
    view.showEmpty();
    return;
  }
  const text = draft.of(lease.slot) ?? earlier?.correction?.text ?? null;
  await view.show(lease.sample, { text, earlier: earlier?.correction?.label ?? null });
  view.showAnswers(lease.answers ?? []);
  shownAt = performance.now();
}

function decide(decision, facts = {}) {
  if (!lease || isBusy || unsent) return;
  const seconds = Math.round(performance.now() - shownAt) / 1000;
  const body = { lease_token: lease.lease_token, client_uuid: newUuid(), decision, seconds, next: true, ...facts };
  unsent = { module: start.module, slot: lease.slot, body, sample: { prediction: lease.sample.prediction } };
  kept.put(unsent);
  send();
}

async function send() {
  await guarded(async () => {
    const sent = unsent;
    const answer = await api.decide(sent.slot, sent.body);
    unsent = null;
    kept.drop(sent);
    history.add(sent);
    if (answer.label) view.count();
    view.take();
    if (sent.body.next) await show(answer.next);
  });
  if (unsent && !isBusy) history.add(unsent, { isKept: true });
}

/** Let go of a decision that the hub refuses, and go on with another sample. */
function giveUp() {
  if (unsent) {
    kept.drop(unsent);
    history.remove(history.entries.find((entry) => entry.isKept));
    unsent = null;
  }
  ask();
}

/** Take back the own last decision: its sample is on the screen again. */
async function undo() {
  if (isBusy || unsent) return;
  const entry = history.newest;
  if (!entry) {
    view.showNotice(view.say("nothingToUndo"));
    return;
  }
  await guarded(async () => {
    const again = await api.undo(entry.slot);
    history.remove(entry);
    view.count(-1);
    view.take(-1);
    await show(again, { earlier: entry });
    view.showNotice(`${view.say("undone")} ${history.told(entry)}`);
  });
}

async function guarded(work) {
  if (isBusy) return;
  isBusy = true;
  view.clearError();
  view.setBusy(true);
  try {
    await work();
  } catch (error) {
    view.showError(error.isOffline ? view.say("offline") : error.message);
  } finally {
    isBusy = false;
    view.setBusy(false);
  }
}

function correct() {
  if (start.task === "text") return decideText();
  if (!lease?.sample.prediction) return view.showNotice(view.say("noPrediction"));
  return decide("correct");
}

function decideText() {
  const said = view.text.trim();
  const predicted = lease?.sample.prediction?.text ?? null;
  if (predicted !== null && said === predicted) return decide("correct");
  if (said === "") return decide("nothing");
  return decide("change", { correction: { text: said } });
}

function choose(label) {
  const predicted = lease?.sample.prediction?.label;
  if (label === predicted) decide("correct");
  else decide("change", { correction: { label } });
}

/** Settle a dispute by one of the answers that were given. */
function settle(place) {
  const answer = lease?.answers?.[place];
  if (!answer) return;
  if (["unsure", "reject"].includes(answer.decision)) decide(answer.decision, { reason: answer.reason });
  else if (answer.decision === "change") decide("change", { correction: answer.value });
  else decide(answer.decision);
}

function unsure() {
  if (start.asksReason) askWhy("unsure");
  else decide("unsure");
}

function askWhy(decision) {
  if (!lease || isBusy || unsent) return;
  asksWhy = decision;
  view.openReasons(decision);
}

function giveReason(reason) {
  if (asksWhy === "reject" && !reason) return;
  view.closeReasons();
  decide(asksWhy, { reason });
}

const acts = {
  correct,
  unsure,
  nothing: () => decide("nothing"),
  skip: () => decide("skip"),
  reject: () => askWhy("reject"),
  undo,
  retry: () => (unsent ? send() : ask()),
  next: giveUp,
  "look-again": ask,
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.act) acts[button.dataset.act]();
  else if (button.dataset.label !== undefined) choose(button.dataset.label);
  else if (button.dataset.answer !== undefined) settle(Number(button.dataset.answer));
  else if (button.dataset.reason !== undefined) giveReason(button.dataset.reason);
  else return;
  // the mouse must not leave the keyboard on a button: Enter would press that button again
  if (event.detail > 0 && !view.isChoosingReason) view.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  const key = keyOf(event);
  if (handles(key, event)) event.preventDefault();
});

/** Act on a key; tells whether it was one of ours. */
function handles(key, event) {
  if (view.isChoosingReason) return reasonKey(key, event);
  const onControl = event.target.closest("button, a, summary, select");
  if (key === "enter") return onControl ? false : enter();
  if (isTyping(event.target)) {
    if (key === "escape") view.leaveText();
    return key === "escape";
  }
  if (key === "escape" && start.task === "text") return view.leaveText(), true;
  const act = { n: acts.nothing, u: unsure, s: acts.skip, r: acts.reject, z: undo }[key];
  if (act) return act(), true;
  const place = "abcdefgh".indexOf(key);
  if (key.length === 1 && lease?.answers?.[place]) return settle(place), true;
  if (byKey.has(key) && key) return choose(byKey.get(key)), true;
  return false;
}

function enter() {
  if (view.isShowingError) acts.retry();
  else if (!lease) ask();
  else correct();
  return true;
}

function reasonKey(key, event) {
  if (key === "escape") return view.closeReasons(), view.focus(), true;
  if (key === "enter" && !event.target.closest("[data-reason]")) return giveReason(""), true;
  const reason = start.reasons[Number(key) - 1];
  if (reason === undefined) return false;
  giveReason(reason);
  return true;
}

document.addEventListener("input", (event) => {
  if (lease && event.target.matches("[data-text]")) draft.keep(lease.slot, event.target.value);
});

// The connection is back: what was kept goes out by itself.
window.addEventListener("online", () => {
  if (unsent && !isBusy) send();
});

// A lease is held while its page is looked at; one that could not be renewed is told at the decision.
setInterval(async () => {
  if (document.hidden || !lease || isBusy) return;
  const held = lease;
  const renewed = await api.renew(held.slot, held.lease_token).catch(() => null);
  if (renewed && lease === held) lease.lease_token = renewed.lease_token;
}, RENEW_EVERY);

// Whoever leaves gives the sample back, so that nobody waits ten minutes for it.
window.addEventListener("pagehide", () => {
  if (lease && !unsent) api.release(lease.slot, lease.lease_token);
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted && !unsent) ask();
});

begin();
