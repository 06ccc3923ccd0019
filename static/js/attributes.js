// Controls for a schema's attributes, of a sample or of a box: made once, filled with values, read back.

export class Attributes {
  /** `name` tells the controls of two places apart; `changed` is called with all values after each change. */
  constructor(root, definitions, { name, say, changed }) {
    this.root = root;
    this.say = say;
    this.given = {};
    this.controls = new Map(definitions.map((definition, place) => [definition, control(definition, `${name}-${place}`)]));
    for (const [definition, input] of this.controls) root.append(field(definition, input, say));
    root.hidden = definitions.length === 0;
    root.addEventListener("change", () => changed(this.read()));
  }

  show(values = {}) {
    this.given = { ...values };
    for (const [{ name, type }, input] of this.controls) {
      if (type === "checkbox") input.checked = values[name] === true;
      else input.value = values[name] ?? "";
    }
  }

  /** The values by name; what was not said is left out, and what the schema no longer asks stays as it was. */
  read() {
    const said = { ...this.given };
    for (const [definition, input] of this.controls) {
      const value = valueOf(definition, input, this.given);
      if (value === undefined) delete said[definition.name];
      else said[definition.name] = value;
    }
    return said;
  }

  /** The first control that must be answered and is not, or undefined. */
  missing() {
    const values = this.read();
    const open = [...this.controls].find(([{ name, required }]) => required && values[name] === undefined);
    return open && { name: open[0].name, input: open[1] };
  }
}

/** Which attribute of `definitions` must be there and is not, by its name. */
export function missingOf(definitions, values = {}) {
  return definitions.find(({ name, required, type }) => required && type !== "checkbox" && values[name] === undefined)?.name;
}

function control({ type, values }, id) {
  if (type !== "select") {
    const input = document.createElement("input");
    Object.assign(input, { id, type, autocomplete: "off" });
    if (type === "number") input.step = "any";
    if (type === "text") input.maxLength = 500;
    return input;
  }
  const select = Object.assign(document.createElement("select"), { id });
  select.append(new Option("–", ""), ...values.map((value) => new Option(value, value)));
  return select;
}

function field({ name, type, required }, input, say) {
  const row = document.createElement("div");
  const label = Object.assign(document.createElement("label"), { htmlFor: input.id, textContent: name.replaceAll("_", " ") });
  row.className = type === "checkbox" ? "field check" : "field";
  if (required) label.append(Object.assign(document.createElement("span"), { className: "faint small", textContent: ` ${say("required")}` }));
  row.append(...(type === "checkbox" ? [input, label] : [label, input]));
  return row;
}

function valueOf({ name, type, required }, input, given) {
  if (type === "checkbox") return input.checked || required || name in given ? input.checked : undefined;
  if (input.value === "") return undefined;
  return type === "number" ? Number(input.value) : input.value;
}
