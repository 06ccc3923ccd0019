// Finding a label by typing the beginning of its name, where there are more labels than keys.

const SHOWN = 12;

export class Picker {
  constructor(root, labels, picked) {
    Object.assign(this, { root, labels, picked });
    this.field = root.querySelector("input");
    this.list = root.querySelector("[role=listbox]");
    this.field.addEventListener("input", () => this.#find());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.#pick(event.target.closest("[role=option]")));
  }

  get isOpen() {
    return !this.root.hidden;
  }

  open() {
    this.root.hidden = false;
    this.field.value = "";
    this.#find();
    this.field.focus({ preventScroll: true });
  }

  close() {
    this.root.hidden = true;
  }

  #find() {
    const asked = this.field.value.trim().toLowerCase();
    const holds = ({ name }) => name.toLowerCase().includes(asked);
    const begins = ({ name }) => name.toLowerCase().startsWith(asked);
    const found = [...this.labels.filter(begins), ...this.labels.filter((label) => holds(label) && !begins(label))];
    this.list.replaceChildren(...found.slice(0, SHOWN).map(option));
    this.#mark(this.list.firstElementChild);
  }

  #mark(chosen) {
    for (const row of this.list.children) row.setAttribute("aria-selected", String(row === chosen));
    this.field.setAttribute("aria-activedescendant", chosen?.id ?? "");
    chosen?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const now = this.list.querySelector("[aria-selected=true]");
    if (event.key === "ArrowDown") this.#mark(now?.nextElementSibling ?? this.list.firstElementChild);
    else if (event.key === "ArrowUp") this.#mark(now?.previousElementSibling ?? this.list.lastElementChild);
    else if (event.key === "Enter") this.#pick(now);
    else return;
    event.preventDefault();
    event.stopPropagation(); // Enter picks here, and does not decide
  }

  #pick(row) {
    if (!row) return;
    this.close();
    this.picked(row.dataset.name);
  }
}

function option({ name, key, color }, place) {
  const row = document.createElement("li");
  Object.assign(row, { id: `label-option-${place}`, role: "option", textContent: name });
  row.setAttribute("role", "option");
  row.dataset.name = name;
  row.style.setProperty("--box", color);
  if (key) row.append(Object.assign(document.createElement("kbd"), { textContent: key.toUpperCase() }));
  return row;
}
