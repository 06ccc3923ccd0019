// The theme: the system's, light, or dark; kept in a cookie, so that the server writes it into the page and nothing flashes.

const ORDER = ["system", "light", "dark"];
const YEAR = 31536000;

export function cycleTheme(button) {
  const root = document.documentElement;
  const now = root.dataset.theme || "system";
  const next = ORDER[(ORDER.indexOf(now) + 1) % ORDER.length];
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  document.cookie = `theme=${next}; path=/; max-age=${YEAR}; samesite=lax`;
  button.title = button.dataset[next];
  button.setAttribute("aria-label", button.title);
}
