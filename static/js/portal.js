// What every page does: theme, menus, dialogs with a typed word, copying. Each works on data attributes, by delegation.

import { cycleTheme } from "./theme.js";
import { closeDialog, openDialog, watchTypedWord } from "./dialog.js";
import { toEnd } from "./live.js";
import { sharpenSmallImages } from "./pictures.js";
import { moveInGrid } from "./grid.js";
import { watchTicks } from "./ticks.js";

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  let found;
  if ((found = at("[data-theme-switch]"))) cycleTheme(found);
  else if ((found = at("[data-opens]"))) openDialog(found.dataset.opens);
  else if ((found = at("[data-closes]"))) closeDialog(found);
  else if ((found = at("[data-copies]"))) copy(found);
  else if ((found = at("[data-toggles]"))) toggle(found);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// "/" leads to the search, unless somebody writes, or reviews by keys of their own.
document.addEventListener("keydown", (event) => {
  const isTaken = event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("[data-review], [data-grid-review]");
  if (event.key !== "/" || isTaken || event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
  const finder = document.querySelector("[data-finder]");
  if (!finder?.checkVisibility()) return;
  event.preventDefault();
  finder.select();
  finder.focus();
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-type-word]");
  if (form) watchTypedWord(form);
});

// A filter is applied as soon as it is chosen; text waits for Enter.
document.addEventListener("change", (event) => {
  if (event.target.matches("form[data-filters] select")) event.target.form.requestSubmit();
});

// A form is sent once: a second press of the button does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

function toggle(button) {
  const open = document.getElementById(button.dataset.toggles).classList.toggle("open");
  button.setAttribute("aria-expanded", String(open));
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copies);
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1200);
}

sharpenSmallImages(document);
toEnd();
moveInGrid(document);
watchTicks(document);
