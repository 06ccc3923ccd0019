// The page's sentences, annotation values in a few words, and the shapes that go with a tone.

import { svg } from "./svg.js";

/** Answer a function that says a sentence of the page by its name, with {facts} filled in. */
export function speaker(sentences) {
  return (name, facts = {}) => Object.entries(facts).reduce((text, [key, value]) => text.replaceAll(`{${key}}`, value), sentences[name] ?? name);
}

/** A value in a few words: its text, its label, or how many boxes of which label. */
export function words(value, say) {
  if (!value) return say("none");
  return value.text || value.label || boxWords(value.boxes ?? [], say);
}

function boxWords(boxes, say) {
  if (!boxes.length) return say("nothing");
  const counted = say(boxes.length === 1 ? "oneBox" : "boxes", { n: boxes.length });
  const labels = [...new Set(boxes.map(({ label }) => label))];
  return labels.length === 1 ? `${counted}: ${labels[0]}` : counted;
}

export function icon(name, sprite) {
  const shape = svg("svg", { class: `icon tone-${name}`, "aria-hidden": "true" });
  shape.append(svg("use", { href: `${sprite}#${name}` }));
  return shape;
}
