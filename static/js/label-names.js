// What was renamed is shown under the name it has now; what is stored, and what "correct" agrees with, stays.

/** `names` is {labels, attributes, values}: former name to name, and of an attribute's values former to now. */
export function inCurrentNames(lease, names) {
  if (Object.values(names).every((some) => !Object.keys(some).length)) return lease;
  const now = (said) => spelled(said, names);
  const sample = { ...lease.sample, prediction: now(lease.sample.prediction) };
  const answers = lease.answers?.map((answer) => ({ ...answer, value: now(answer.value) }));
  const checked = lease.checked && { ...lease.checked, value: now(lease.checked.value) };
  return { ...lease, sample, ...(answers && { answers }), ...(checked && { checked }) };
}

function spelled(value, names) {
  if (!value) return value;
  const named = (part) => ({
    ...part,
    ...(part.label in names.labels && { label: names.labels[part.label] }),
    ...(part.attributes && { attributes: attributesOf(part.attributes, names) }),
  });
  return { ...named(value), ...(value.boxes && { boxes: value.boxes.map(named) }) };
}

function attributesOf(said, { attributes, values }) {
  return Object.fromEntries(Object.entries(said).map(([former, value]) => {
    const name = attributes[former] ?? former;
    return [name, values[name]?.[value] ?? value];
  }));
}
