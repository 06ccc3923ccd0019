// The blind answers to a disputed sample, side by side, each with its key; what they do not share is marked.

import { words } from "./review-words.js";

export const ANSWER_KEYS = "abcdefgh";
const ALIKE = 0.9;

export class Answers {
  /** `looked` is called with an answer that the mouse or the keyboard is on, and with null when it has gone. */
  constructor(root, say, looked) {
    Object.assign(this, { root, say });
    this.answers = [];
    const at = (event) => this.answers[event.target.closest("[data-answer]")?.dataset.answer];
    for (const [name, isOn] of [["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]]) {
      root?.addEventListener(name, (event) => looked((isOn && at(event)) || null));
    }
  }

  show(answers) {
    this.answers = answers;
    this.root?.replaceChildren(...answers.map((answer, place) => this.#button(answer, place)));
  }

  #button(answer, place) {
    const button = Object.assign(document.createElement("button"), { className: "key", type: "button" });
    button.dataset.answer = place;
    button.append(Object.assign(document.createElement("kbd"), { textContent: ANSWER_KEYS[place].toUpperCase() }), this.#told(answer, place));
    return button;
  }

  #told(answer, place) {
    const told = document.createElement("span");
    if (["unsure", "reject"].includes(answer.decision)) {
      const why = answer.reason ? `: ${answer.reason.replaceAll("_", " ")}` : "";
      told.textContent = this.say(answer.decision) + why;
    } else if (answer.value?.text) {
      const others = this.answers.filter((other, index) => index !== place && other.value?.text).map((other) => other.value.text);
      told.append(...marked(answer.value.text, others));
    } else {
      told.textContent = words(answer.value, this.say);
    }
    return told;
  }

  /** The boxes of an answer that some other answer has not: drawn apart. */
  alone(answer) {
    const others = this.answers.filter((other) => other !== answer && other.value);
    const isShared = (box) => others.every((other) => (other.value.boxes ?? []).some((one) => one.label === box.label && overlap(one.bbox, box.bbox) >= ALIKE));
    return (answer.value?.boxes ?? []).map((box) => !isShared(box));
  }
}

/** The text's characters, those that differ from some other text marked. */
function marked(text, others) {
  const kept = others.map((other) => common(text, other));
  const parts = [];
  for (const [place, letter] of [...text].entries()) {
    const differs = kept.some((shared) => !shared.has(place));
    if (parts.at(-1)?.differs !== differs) parts.push({ differs, text: "" });
    parts.at(-1).text += letter;
  }
  return parts.map((part) => Object.assign(document.createElement(part.differs ? "mark" : "span"), { textContent: part.text }));
}

/** The places of `one` that belong to a longest common subsequence with `two`. */
function common(one, two) {
  const longest = Array.from({ length: one.length + 1 }, () => new Array(two.length + 1).fill(0));
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = two.length - 1; j >= 0; j -= 1) {
      longest[i][j] = one[i] === two[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const shared = new Set();
  for (let i = 0, j = 0; i < one.length && j < two.length;) {
    if (one[i] === two[j]) { shared.add(i); i += 1; j += 1; }
    else if (longest[i + 1][j] >= longest[i][j + 1]) i += 1;
    else j += 1;
  }
  return shared;
}

function overlap(a, b) {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (a[2] * a[3] + b[2] * b[3] - width * height);
}
