// Which key was pressed: by its letter, and by its place only where the keyboard's letters are not ASCII.

export function keyOf(event) {
  const key = event.key.toLowerCase();
  if (key.length !== 1 || key.charCodeAt(0) < 128) return key;
  return event.code.replace(/^(Key|Digit|Numpad)/, "").toLowerCase();
}

export function isTyping(target) {
  return target.matches("input, textarea, [contenteditable]");
}
