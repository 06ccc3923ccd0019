// What the person says of the sample on the screen, beside what was said before: from both comes the decision.

/** Whether two values say the same, whatever the order of their names. */
export function same(one, two) {
  return spelled(one) === spelled(two);
}

/**
 * The decision that `said` {label?, text?, boxes?, attributes?} is over `base`, the prediction or the answer being checked.
 * What `said` does not speak of stays as it was: a corrected text keeps its boxes. Null where nothing was said.
 */
export function decisionOf(base, said) {
  const value = { ...base };
  for (const name of ["label", "attributes"]) {
    if (said[name] !== undefined) value[name] = said[name];
  }
  if (said.boxes !== undefined && (said.boxes.length || base?.boxes)) value.boxes = said.boxes;
  if (said.text !== undefined) retext(value, base, said.text);
  if (value.attributes && Object.keys(value.attributes).length === 0 && !base?.attributes) delete value.attributes;
  if (base && same(value, base)) return { decision: "correct" };
  if (isEmpty(value)) return base ? { decision: "nothing" } : null;
  return { decision: "change", correction: value };
}

/** A plate's box carries its text too: where it said what the sample said, it goes along. */
function retext(value, base, text) {
  if (text || base?.text) value.text = text;
  if (!text) delete value.text;
  if (!value.boxes || !base?.text || text === base.text) return;
  value.boxes = value.boxes.map((box) => (box.text === base.text ? { ...box, text: text || undefined } : box));
}

function isEmpty(value) {
  return !value.label && !value.text && !value.boxes?.length && !Object.keys(value.attributes ?? {}).length;
}

function spelled(value) {
  if (Array.isArray(value)) return `[${value.map(spelled)}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).filter((name) => value[name] !== undefined && value[name] !== null).sort();
  return `{${names.map((name) => `${name}:${spelled(value[name])}`)}}`;
}
