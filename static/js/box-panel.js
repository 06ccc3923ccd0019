// The chosen box in words and numbers: label, place and size, text, attributes. All that the mouse can do, fields can do too.

import { Attributes } from "./attributes.js";

export class BoxPanel {
  constructor(root, model, { attributes, say, relabelled }) {
    Object.assign(this, { root, model, say });
    this.title = root.querySelector("[data-box-title]");
    this.label = root.querySelector("[data-box-label]");
    this.sides = [...root.querySelectorAll("[data-box-side]")];
    this.text = root.querySelector("[data-box-text]");
    this.attributes = new Attributes(root.querySelector("[data-box-attributes]"), attributes, {
      name: "box-attribute",
      say,
      changed: (values) => model.describe({ attributes: Object.keys(values).length ? values : undefined }),
    });
    this.label?.addEventListener("change", () => relabelled(this.label.value));
    for (const side of this.sides) side.addEventListener("change", () => this.#resize());
    this.text?.addEventListener("input", () => model.describe({ text: this.text.value || undefined }, "text"));
  }

  show() {
    const box = this.model.chosen;
    this.root.hidden = !box;
    if (!box) return;
    this.title.textContent = this.say("boxOf", { n: this.model.place + 1, of: this.model.boxes.length });
    if (this.label) this.#showLabel(box.label);
    const most = [this.model.image.width - 1, this.model.image.height - 1, this.model.image.width, this.model.image.height];
    this.sides.forEach((side, place) => {
      side.max = most[place];
      if (document.activeElement !== side || Number(side.value) !== box.bbox[place]) side.value = Math.round(box.bbox[place] * 100) / 100;
    });
    if (this.text && document.activeElement !== this.text) this.text.value = box.text ?? "";
    if (!this.attributes.root.contains(document.activeElement)) this.attributes.show(box.attributes);
  }

  /** A prediction may have a label that nobody may choose any more. */
  #showLabel(label) {
    if (![...this.label.options].some((option) => option.value === label)) this.label.append(new Option(label, label));
    this.label.value = label;
  }

  /** A field that is empty or no number goes back to what the box has. */
  #resize() {
    const numbers = this.sides.map((side) => (side.value.trim() === "" ? NaN : Number(side.value)));
    if (numbers.every(Number.isFinite) && numbers[2] > 0 && numbers[3] > 0) this.model.put(numbers, "");
    this.show();
    for (const [place, side] of this.sides.entries()) side.value = Math.round(this.model.chosen.bbox[place] * 100) / 100;
  }
}
