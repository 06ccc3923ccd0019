// What the person says of the sample on the screen: its text, its boxes, its attributes; restored after a reload or an undo.

import { Attributes } from "./attributes.js";
import { decisionOf } from "./review-answer.js";
import { draft } from "./review-kept.js";
import { TextField } from "./review-text.js";

export class Form {
  constructor(root, start, editor, say) {
    Object.assign(this, { start, editor, say });
    const field = root.querySelector("[data-text]");
    this.text = field && new TextField(field, start.text, { say, typed: () => this.#keep() });
    this.attributes = new Attributes(root.querySelector("[data-attributes]"), start.attributes.filter(({ per }) => per === "sample"), {
      name: "attribute",
      say,
      changed: () => this.#keep(),
    });
    this.asksAttributes = start.attributes.some(({ per }) => per === "sample");
    editor.changed = () => { this.#keep(); this.changed(); };
    this.changed = () => {};
    this.slot = null;
  }

  /** Fill the form for a lease: from what was entered before, else from what an undo brought back, else from `base`. */
  show(lease, base, image, earlier) {
    this.slot = null; // nothing of this is the person's own yet
    this.base = base;
    this.label = undefined;
    const said = draft.of(lease.slot) ?? earlier?.correction ?? {};
    this.text?.show(base?.text, said.text);
    this.attributes.show(said.attributes ?? base?.attributes);
    this.editor.show(said.boxes ?? base?.boxes ?? [], image);
    this.slot = lease.slot;
  }

  /** Take over another answer, to be edited. */
  take(value) {
    const text = value?.text ?? "";
    if (this.text) {
      this.text.field.value = text;
      this.text.check();
    }
    this.attributes.show(value?.attributes);
    this.editor.show(value?.boxes ?? [], this.editor.model.image);
    this.label = value?.label;
    this.#keep();
  }

  get said() {
    return {
      label: this.label,
      text: this.text?.text,
      attributes: this.asksAttributes ? this.attributes.read() : undefined,
      boxes: this.editor.isEditable ? this.editor.boxes : undefined,
    };
  }

  /** Whether anything was changed; a hidden prediction has nothing to agree with. */
  get decision() {
    return decisionOf(this.base, this.said);
  }

  /** Say what keeps the answer back, and put the keyboard there; "" where nothing does. */
  problem() {
    if (this.text?.isTouched && !this.text.check()) {
      this.text.field.focus();
      return this.say("badForm");
    }
    const missing = this.attributes.missing();
    if (missing) {
      missing.input.focus();
      return this.say("missing", { name: missing.name.replaceAll("_", " ") });
    }
    const ofBox = this.editor.missing();
    return ofBox ? this.say("missingOfBox", { name: ofBox.replaceAll("_", " ") }) : "";
  }

  #keep() {
    if (this.slot !== null) draft.keep(this.slot, this.said);
  }
}
