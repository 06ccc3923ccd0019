// The short list of one's own last decisions under the keys, newest first; undo takes from its top.

import { icon, words } from "./review-words.js";

const SHOWN = 8;
const TONES = { correct: "good", unsure: "waiting", skip: "over" };

export class History {
  constructor(list, say, icons) {
    this.list = list;
    this.say = say;
    this.icons = icons;
    this.entries = [];
  }

  /** Show what the server knows: {slot, decision, prediction, correction, reason, outcome: {tone, word}}, newest first. */
  start(entries) {
    this.entries = [...entries];
    this.#draw();
  }

  /** Put a decision on top, marked until the hub has it. */
  add({ slot, body, sample }, { isKept = false } = {}) {
    const { client_uuid: uuid, decision, correction, reason } = body;
    this.entries = this.entries.filter((entry) => entry.uuid !== uuid && entry.slot !== slot);
    this.entries.unshift({ uuid, slot, decision, correction, reason, prediction: sample.prediction, isKept });
    this.#draw();
  }

  remove(entry) {
    this.entries = this.entries.filter((one) => one !== entry);
    this.#draw();
  }

  /** What was decided last and can be undone: a skip made no judgement. */
  get newest() {
    return this.entries.find((entry) => entry.decision !== "skip" && entry.slot && !entry.isKept) ?? null;
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
      skip: this.say("skip"),
    };
    return said[decision];
  }

  #draw() {
    this.list.replaceChildren(...this.entries.slice(0, SHOWN).map((entry) => this.#row(entry)));
    this.list.parentElement.hidden = this.entries.length === 0;
  }

  #row(entry) {
    const row = document.createElement("li");
    const what = Object.assign(document.createElement("span"), { textContent: this.told(entry) });
    row.append(icon(entry.isKept ? "waiting" : TONES[entry.decision] ?? "bad", this.icons), what);
    const end = entry.isKept ? { word: this.say("kept") } : entry.outcome;
    if (end) row.append(Object.assign(document.createElement("span"), { textContent: end.word, className: "outcome" }));
    row.toggleAttribute("data-kept", Boolean(entry.isKept));
    return row;
  }
}
