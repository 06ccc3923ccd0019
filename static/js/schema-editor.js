// The editor of a schema: rows are added and moved; the numbers that the server reads follow. Without this script one types them.

const form = document.querySelector("form[data-schema-editor]");
const colors = form.dataset.colors.split(" ");
const told = form.querySelector("[data-moved]");

for (const hidden of form.querySelectorAll("[data-adds], [data-moves]")) hidden.hidden = false;
for (const order of form.querySelectorAll("[data-order]")) order.hidden = true;
dropEmptyRows();
number();

form.addEventListener("click", (event) => {
  const adds = event.target.closest("[data-adds]");
  const moves = event.target.closest("[data-moves-by]");
  if (adds) add(adds.dataset.adds);
  else if (moves) move(moves, Number(moves.dataset.movesBy));
});

// Enter in a field adds nothing and saves nothing by accident: a revision is saved by its button.
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input:not([type=checkbox])")) event.preventDefault();
});

function rowsOf(name) {
  return form.querySelector(`[data-rows="${name}"]`);
}

/** The server sends a few empty rows for those without this script; at the end they would only be in the way. */
function dropEmptyRows() {
  for (const name of ["labels", "attributes"]) {
    const total = form.elements[`${name}-TOTAL_FORMS`];
    const rows = [...rowsOf(name).children];
    while (rows.length && isEmpty(rows.at(-1), name)) rows.pop().remove();
    total.value = rows.length;
  }
}

function isEmpty(row, name) {
  const id = row.querySelector('input[type="hidden"][name$="-id"]');
  return !(id && id.value) && !row.querySelector(`input[name^="${name}-"][name$="-name"]`).value;
}

function add(name) {
  const total = form.elements[`${name}-TOTAL_FORMS`];
  const place = Number(total.value);
  const made = form.querySelector(`template[data-row-template="${name}"]`).innerHTML.replaceAll("__prefix__", String(place));
  rowsOf(name).insertAdjacentHTML("beforeend", made);
  total.value = place + 1;
  const row = rowsOf(name).lastElementChild;
  const color = row.querySelector('input[type="color"]');
  if (color) color.value = colors[place % colors.length];
  for (const moves of row.querySelectorAll("[data-moves]")) moves.hidden = false;
  for (const order of row.querySelectorAll("[data-order]")) order.hidden = true;
  number();
  row.querySelector(`input[name$="-name"]`).focus();
}

function move(button, step) {
  const row = button.closest("[data-row]");
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (step < 0) other.before(row);
  else other.after(row);
  number();
  button.focus();
  const place = [...row.parentElement.children].indexOf(row) + 1;
  told.textContent = form.dataset.sayMoved.replace("%s", row.querySelector("[data-name]").value).replace("%n", place);
  form.dispatchEvent(new Event("change", { bubbles: true }));
}

function number() {
  [...rowsOf("labels").children].forEach((row, place) => {
    row.querySelector('input[name$="-ORDER"]').value = place + 1;
  });
}
