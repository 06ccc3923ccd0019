// Verifying by keys: A approves, R goes to the reason and Enter there rejects, 1 to 5 score, U undoes.

import { isTyping, keyOf } from "./keys.js";

const form = document.querySelector("form[data-verify]");
const undo = document.querySelector("form[data-verify-undo]");
const reason = form?.elements.reason;

function press(key) {
  if (key === "u") return undo.requestSubmit();
  if (!form) return undefined;
  if (key === "r" && !reason.value.trim()) return reason.focus();
  const target = form.querySelector(`[data-key="${key}"]`);
  if (target?.type === "radio") target.checked = true;
  else if (target) form.requestSubmit(target);
  return undefined;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === reason) {
    if (event.key === "Escape") reason.blur();
    if (event.key === "Enter") {
      event.preventDefault();
      if (reason.value.trim()) form.requestSubmit(form.querySelector('[data-key="r"]'));
    }
    return;
  }
  const key = keyOf(event);
  if (isTyping(event.target) || !/^[aru1-5]$/.test(key)) return;
  event.preventDefault();
  press(key);
});
