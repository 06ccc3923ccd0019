// Choosing samples: Shift and a click tick all between, "this page" ticks all, and the number ticked is said.

export function watchTicks(root) {
  const form = root.querySelector("form[data-selecting]");
  if (!form) return;
  const boxes = [...form.querySelectorAll("[data-tick]")];
  const all = form.querySelector("[data-tick-all]");
  let last = null;
  form.addEventListener("click", (event) => {
    const box = event.target.closest("[data-tick]");
    if (!box) return;
    if (event.shiftKey && last) tickBetween(boxes, last, box);
    last = box;
    say(form, boxes, all);
  });
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    say(form, boxes, all);
  });
  say(form, boxes, all);
}

function tickBetween(boxes, from, to) {
  const [start, end] = [boxes.indexOf(from), boxes.indexOf(to)].sort((one, other) => one - other);
  for (const box of boxes.slice(start, end + 1)) box.checked = to.checked;
}

function say(form, boxes, all) {
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && !all.checked;
  const words = form.querySelector("[data-ticked]");
  words.textContent = words.dataset.ticked.replace("%n", ticked);
  if (ticked) form.querySelector("[name=scope][value=ticked]").checked = true;
}
