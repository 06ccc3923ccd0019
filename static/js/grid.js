// A table of links that is one stop of the Tab key: arrow keys move within it, Home and End to a row's ends.

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export function moveInGrid(root) {
  for (const table of root.querySelectorAll("table[data-grid]")) {
    const rows = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("td")].map((cell) => cell.querySelector("a")));
    const links = rows.flat().filter(Boolean);
    links.forEach((link, place) => { link.tabIndex = place ? -1 : 0; });
    const frame = table.closest(".table-wrap");
    if (frame) frame.scrollLeft = frame.scrollWidth; // the newest day stands last
    table.addEventListener("keydown", (event) => {
      const row = rows.findIndex((cells) => cells.includes(event.target));
      const next = row < 0 ? null : step(rows, row, rows[row].indexOf(event.target), event.key);
      if (!next) return;
      event.preventDefault();
      links.forEach((link) => { link.tabIndex = link === next ? 0 : -1; });
      next.focus();
    });
  }
}

function step(rows, row, column, key) {
  if (key === "Home") return rows[row].find(Boolean);
  if (key === "End") return rows[row].findLast(Boolean);
  if (!STEPS[key]) return null;
  const [down, right] = STEPS[key];
  for (let r = row + down, c = column + right; rows[r] && c >= 0 && c < rows[r].length; r += down, c += right) {
    if (rows[r][c]) return rows[r][c];
  }
  return null;
}
