// A label that was renamed is shown under the name it has now; what is stored, and what "correct" agrees with, stays.

export function inCurrentNames(lease, names) {
  if (!Object.keys(names).length) return lease;
  const now = (said) => spelled(said, names);
  const sample = { ...lease.sample, prediction: now(lease.sample.prediction) };
  const answers = lease.answers?.map((answer) => ({ ...answer, value: now(answer.value) }));
  const checked = lease.checked && { ...lease.checked, value: now(lease.checked.value) };
  return { ...lease, sample, ...(answers && { answers }), ...(checked && { checked }) };
}

function spelled(value, names) {
  if (!value) return value;
  const named = (part) => (part.label in names ? { ...part, label: names[part.label] } : part);
  return { ...named(value), ...(value.boxes && { boxes: value.boxes.map(named) }) };
}
