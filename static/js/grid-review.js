// The grid: many samples of one predicted class; what is wrong is marked or edited, the rest is approved in one go.

import { Api } from "./review-api.js";
import { Clock } from "./review-clock.js";
import { GridEditor } from "./grid-review-editor.js";
import { GridSession } from "./grid-review-session.js";
import { History } from "./review-history.js";
import { Kept, Setting } from "./review-kept.js";
import { Tiles } from "./grid-review-tiles.js";
import { isTyping, keyOf } from "./keys.js";
import { speaker } from "./review-words.js";

const COUNTS = { small: 48, medium: 36, large: 24 };
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const start = read("review-start");
const say = speaker(read("review-words"));
const root = document.querySelector("[data-grid-review]");
const part = (name) => root.querySelector(`[data-${name}]`);
const announcer = document.querySelector("[data-announce]");
const today = document.querySelector("[data-today]");
const single = new Setting("single-keys", start.person, true);
const size = new Setting("tile-size", start.person, "small");
const clock = new Clock();
const address = new URL(location.href);

root.dataset.task = start.task;
const tiles = new Tiles(part("tiles"), { start, say, drafts: new Setting(`grid-drafts-${start.module}`, start.person, {}), changed: count });
const decided = new History(part("recent"), say, root.dataset.icons, () => {}, undo);
const editor = new GridEditor(part("editor"), { start, say, done: (tile, value) => tiles.change(tile, value) });
const session = new GridSession({ api: new Api(start.api, root.dataset.csrf), kept: new Kept(start.person, "grid-unsent"), start, hears: {
  page: show,
  sent,
  undone,
  notUndone: (problem) => tell(problem.message),
  lost: (slots) => { tiles.lose(slots); tell(say("lost", { n: slots.length })); },
  offline: () => fail(say(session.unsent ? "offline" : "offlineAsk")),
  online: () => tell(say("online")),
  failed: (problem) => fail(problem.status === 401 ? say("loggedOut") : problem.message),
  busy(isBusy) {
    root.setAttribute("aria-busy", String(isBusy));
    if (isBusy) part("error").hidden = true;
  },
} });

function show(page) {
  editor.close();
  tiles.show(page.tiles);
  showClasses(page);
  part("work").hidden = !page.tiles.length;
  part("empty").hidden = page.tiles.length > 0;
  address.searchParams[page.label ? "set" : "delete"]("label", page.label);
  history.replaceState(null, "", address);
  if (page.tiles.length) tiles.focus();
  else sayWhenMoreComes();
  clock.start();
  count();
}

/** The classes that wait, the one on the page first among its like. */
function showClasses({ label, tiles: { length }, classes }) {
  const counted = new Map(classes.map((row) => [row.label, row.waiting]));
  if (length) counted.set(label, (counted.get(label) ?? 0) + length);
  const names = [...counted.keys()].sort((one, other) => one.localeCompare(other));
  part("classes").hidden = start.task === "text" || !names.length;
  part("classes").replaceChildren(...names.map((name) => {
    const [row, link] = [document.createElement("li"), document.createElement("a")];
    link.append(`${name} `, Object.assign(document.createElement("span"), { className: "tabular", textContent: counted.get(name) }));
    link.href = `?label=${encodeURIComponent(name)}`;
    link.dataset.class = name;
    if (length && name === label) link.setAttribute("aria-current", "page");
    row.append(link);
    return row;
  }));
}

async function sayWhenMoreComes() {
  const answer = await fetch(root.dataset.more, { headers: { Accept: "application/json" } }).then((told) => told.json()).catch(() => null);
  if (answer?.sentences?.length) part("more-text").textContent = answer.sentences.join(" ");
}

function count() {
  const counted = tiles.counted;
  part("approving").textContent = `(${counted.approved})`;
  part("counted").textContent = say("counted", counted);
}

/** Say what became of a page; the hub decided it in this order, and of one's last ten decisions any can be taken back. */
function sent(outcomes, { sent: { changed }, predictions }) {
  const of = (...names) => outcomes.filter(({ outcome }) => names.includes(outcome));
  const refused = of("refused");
  const parts = [say("done", { approved: of("approved").length, changed: of("changed").length, marked: of("marked").length })];
  if (of("late").length) parts.push(say("late", { n: of("late").length }));
  if (refused.length) parts.push(say("refused", { n: refused.length, sentence: refused[0].detail }));
  tiles.forget(outcomes.filter(({ outcome }) => outcome !== "refused").map(({ slot }) => slot));
  today.textContent = String(Number(today.textContent) + of("approved", "changed", "late").length);
  decided.put(of("approved", "changed").reverse().map(({ slot, outcome }) => ({
    slot,
    decision: outcome === "approved" ? "correct" : "change",
    correction: changed.find((row) => row.slot === slot)?.correction,
    prediction: predictions?.[slot],
  })));
  tell(parts.join(" "));
}

function undone(entry) {
  decided.remove(entry);
  today.textContent = String(Math.max(0, Number(today.textContent) - 1));
  tell(say("undone", { told: decided.told(entry) }));
}

function undo(entry = decided.newest) {
  if (session.isBusy) return;
  if (session.unsent) tell(say("undoLater"));
  else if (entry) session.undo(entry);
  else tell(say("nothingToUndo"));
}

function tell(sentence) {
  part("notice").textContent = sentence;
  part("notice").hidden = !sentence;
  announcer.textContent = sentence;
}

function fail(sentence) {
  part("error-text").textContent = sentence;
  part("error").hidden = false;
}

function edit(tile) {
  if (session.isBusy || session.unsent) return;
  editor.open(tile);
}

const acts = {
  approve() {
    if (session.isBusy || session.unsent || !tiles.all.length) return;
    if (editor.isOpen && !editor.keep()) return;
    session.decide({ ...tiles.said, seconds: clock.seconds });
  },
  retry: () => session.again(),
  undo: () => undo(),
  "look-again": () => session.ask("", COUNTS[size.value]),
};

function resize(name) {
  size.set(name);
  root.dataset.size = name;
  session.size = COUNTS[name];
  for (const button of root.querySelectorAll("[data-size]")) button.setAttribute("aria-pressed", String(button.dataset.size === name));
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey) return;
  const key = keyOf(event);
  if ((event.ctrlKey || event.metaKey) && key === "enter" && !event.repeat) {
    event.preventDefault();
    acts.approve();
  } else if (!event.ctrlKey && !event.metaKey && !isTyping(event.target) && handles(key, event)) {
    event.preventDefault();
  }
});

/** Act on a key; tells whether it was one of ours. Space presses the tile, as it does any button. */
function handles(key, event) {
  const tile = tiles.at(event.target);
  const isLetter = key.length === 1 && key !== " ";
  if (event.repeat && !key.startsWith("arrow")) return false;
  if (isLetter && !single.value) return false;
  if (key === "a") return acts.approve(), true;
  if (tile && tiles.move(key)) return true;
  if (tile && key === "x") return tiles.toggle(tile), true;
  if (key === "z") return tile?.said ? tiles.change(tile, null) : undo(), true;
  if (tile && (key === "enter" || key === "e")) return edit(tile), true;
  return false;
}

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  const tile = tiles.at(event.target);
  if (at("[data-class]")) {
    event.preventDefault();
    session.choose(at("[data-class]").dataset.class);
  } else if (at(".tile-picture")) tiles.toggle(tile);
  else if (at(".tile-said")) edit(tile);
  else if (at("[data-act]")) acts[at("[data-act]").dataset.act]?.();
  else if (at("button[data-size]")) resize(at("button[data-size]").dataset.size);
});

decided.start(start.recent);
resize(COUNTS[size.value] ? size.value : "small");
session.begin(address.searchParams.get("label") ?? "");
