// A part of a page that is fetched anew every two seconds keeps what a person opened, and its log stays at the end.

const NEAR_END = 24;

let opened = [];
let followsLog = true;

function live() {
  return document.getElementById("live");
}

function log() {
  return live()?.querySelector("[data-tail]");
}

export function toEnd() {
  const lines = log();
  if (lines && followsLog) lines.scrollTop = lines.scrollHeight;
}

document.addEventListener("htmx:beforeSwap", () => {
  const lines = log();
  followsLog = !lines || lines.scrollHeight - lines.scrollTop - lines.clientHeight < NEAR_END;
  opened = [...(live()?.querySelectorAll("details") ?? [])].map((details) => details.open);
});

document.addEventListener("htmx:afterSwap", () => {
  [...(live()?.querySelectorAll("details") ?? [])].forEach((details, place) => { details.open = opened[place] ?? false; });
  toEnd();
});
