// The field of a text module: its form is told before anything is sent, and one character may be marked as unreadable.

const READABLE = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SPELLED = {
  exact: (text) => text,
  space: (text) => text.split(/\s+/).filter(Boolean).join(" "),
  upper: (text) => text.toUpperCase().split(/\s+/).filter(Boolean).join(" "),
};

export class TextField {
  constructor(field, rules, { say, typed }) {
    Object.assign(this, { field, rules, say });
    this.told = document.getElementById(field.getAttribute("aria-describedby"));
    this.pattern = read(rules.pattern);
    field.addEventListener("input", () => {
      this.check();
      typed();
    });
  }

  /** What was typed, in the module's spelling; what was not touched is left as it came. */
  get text() {
    const typed = this.field.value;
    if (typed === this.given) return typed;
    return (SPELLED[this.rules.normalise === "plate" ? "upper" : this.rules.normalise] ?? SPELLED.space)(typed);
  }

  get isTouched() {
    return this.field.value !== this.given;
  }

  /** Fill the field: with the prediction, or with what was `typed` before; empty it is where the prediction is hidden. */
  show(predicted, typed = null) {
    this.given = predicted ?? "";
    this.field.value = typed ?? this.given;
    this.check();
  }

  /** Say below the field what its form lacks; tells whether it may be sent. */
  check() {
    const fits = this.fits(this.text);
    const isWrong = !fits && this.field.value !== "";
    this.field.toggleAttribute("aria-invalid", isWrong);
    if (isWrong) this.field.setAttribute("aria-invalid", "true");
    const sentence = isWrong ? this.say("badForm") : "";
    if (this.told.textContent !== sentence) this.told.textContent = sentence;
    return fits;
  }

  fits(text) {
    const { unreadable } = this.rules;
    if (!this.pattern || !text || this.pattern.test(text)) return true;
    if (!unreadable || text.split(unreadable).length !== 2) return false;
    return [...READABLE].some((letter) => this.pattern.test(text.replace(unreadable, letter)));
  }

  /** Put the mark for one unreadable character in the place of the chosen characters, or of the next one. */
  markUnreadable() {
    const { field } = this;
    const from = field.selectionStart ?? 0;
    const isWhole = field.selectionEnd - from === field.value.length; // as it is when a sample comes
    const to = isWhole ? from + 1 : Math.max(field.selectionEnd, from + 1);
    const already = field.value.indexOf(this.rules.unreadable);
    if (already >= 0) return field.setSelectionRange(already, already + 1);
    field.focus({ preventScroll: true });
    field.setRangeText(this.rules.unreadable, from, Math.min(to, field.value.length), "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return undefined;
  }
}

/** The schema's pattern where this browser understands it; the hub checks it in any case. */
function read(pattern) {
  try {
    return pattern ? new RegExp(`^(?:${pattern})$`, "u") : null;
  } catch {
    return null;
  }
}
