// The short list of one's own last decisions under the keys, newest first; undo takes from its top.

import { icon, words } from "./review-words.js";

const SHOWN = 10;
const TONES = { correct: "good", change: "running", nothing: "running", unsure: "waiting", skip: "over" };

export class History {
  /** `letGo` is called with the uuid of a refused decision that its person has seen; `undo`, where given, with an entry. */
  constructor(list, say, icons, letGo, undo = null) {
    Object.assign(this, { list, say, icons, undo });
    this.entries = [];
    list.addEventListener("click", (event) => {
      const place = event.target.closest("[data-undo]")?.dataset.undo;
      if (place !== undefined) undo(this.entries[place]);
      const button = event.target.closest("[data-let-go]");
      if (!button) return;
      letGo(button.dataset.letGo);
      this.remove(this.entries.find(({ uuid }) => uuid === button.dataset.letGo));
    });
  }

  /** Show what the server knows: {slot, decision, prediction, correction, reason, outcome: {tone, word}}, newest first. */
  start(entries) {
    this.entries = [...entries];
    this.#draw();
  }

  /** Put a decision on top: as one the hub has, marked as kept until it has it, or with why the hub did not take it. */
  add({ slot, body, sample }, { isKept = false, refused = "" } = {}) {
    const { client_uuid: uuid, decision, correction, reason } = body;
    const place = Math.max(0, this.entries.findIndex((entry) => entry.uuid === uuid));
    const isKnown = this.entries[place]?.uuid === uuid;
    const entry = { uuid, slot, decision, correction, reason, prediction: sample.prediction, isKept, refused };
    this.entries = this.entries.filter((one) => one.uuid !== uuid && one.slot !== slot);
    this.entries.splice(isKnown ? place : 0, 0, entry);
    this.#draw();
  }

  remove(entry) {
    this.entries = this.entries.filter((one) => one !== entry);
    this.#draw();
  }

  drop(uuid) {
    this.remove(this.entries.find((entry) => entry.uuid === uuid));
  }

  /** What was decided last and can be undone: a skip made no judgement. */
  get newest() {
    return this.entries.find((entry) => this.#isUndoable(entry)) ?? null;
  }

  /** Put decisions that the hub has on top, the newest first. */
  put(entries) {
    const slots = entries.map(({ slot }) => slot);
    this.start([...entries, ...this.entries.filter(({ slot }) => !slots.includes(slot))]);
  }

  #isUndoable({ decision, slot, isKept, refused }) {
    return decision !== "skip" && Boolean(slot) && !isKept && !refused;
  }

  told({ decision, prediction, correction, reason }) {
    const predicted = words(prediction, this.say);
    const why = reason ? `: ${reason.replaceAll("_", " ")}` : "";
    const said = {
      correct: predicted,
      change: `${predicted} → ${words(correction, this.say)}`,
      nothing: `${predicted} → ${this.say("nothing")}`,
      unsure: this.say("unsure") + why,
      reject: this.say("reject") + why,
      return: this.say("return") + why,
      skip: this.say("skip"),
    };
    return said[decision] ?? decision;
  }

  #draw() {
    this.list.replaceChildren(...this.entries.slice(0, SHOWN).map((entry, place) => this.#row(entry, place)));
    this.list.parentElement.hidden = this.entries.length === 0;
  }

  #row(entry, place) {
    const row = document.createElement("li");
    const what = Object.assign(document.createElement("span"), { textContent: this.told(entry) });
    row.append(icon(this.#tone(entry), this.icons), what);
    const word = entry.refused ? this.say("refusedLater", { sentence: entry.refused }) : entry.isKept ? this.say("kept") : entry.outcome?.word;
    if (word) row.append(Object.assign(document.createElement("span"), { textContent: word, className: "outcome" }));
    if (entry.refused) row.append(this.#button("letGo", { letGo: entry.uuid }));
    else if (this.undo && this.#isUndoable(entry)) row.append(this.#button("undo", { undo: place }, `${this.say("undo")}: ${this.told(entry)}`));
    row.toggleAttribute("data-kept", Boolean(entry.isKept));
    row.toggleAttribute("data-refused", Boolean(entry.refused));
    return row;
  }

  #tone(entry) {
    if (entry.refused) return "bad";
    return entry.isKept ? "waiting" : TONES[entry.decision] ?? "bad";
  }

  #button(word, data, label = "") {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button small plain", textContent: this.say(word) });
    Object.assign(button.dataset, data);
    if (label) button.setAttribute("aria-label", label);
    return button;
  }
}
