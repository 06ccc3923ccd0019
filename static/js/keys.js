// Which key was pressed: by its letter, and by its place only where the keyboard's letters are not ASCII.

export function keyOf(event) {
  const key = event.key.toLowerCase();
  if (key.length !== 1 || key.charCodeAt(0) < 128) return key;
  return event.code.replace(/^(Key|Digit|Numpad)/, "").toLowerCase();
}

/** Whether letters pressed here are written, or choose from a list. */
export function isTyping(target) {
  return target.matches("input:not([type=checkbox], [type=radio], [type=range], [type=button]), textarea, select, [contenteditable]");
}
