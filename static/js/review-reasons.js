// Why a sample is unsure, rejected or returned: a reason of the module's list, by its digit, and a note where one helps.

export class Reasons {
  constructor(root, start, say, given) {
    Object.assign(this, { root, start, say, given });
    this.list = root.querySelector("[data-reason-list]");
    this.note = root.querySelector("[data-note]");
    this.decision = "";
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-reason]");
      if (button) this.#give(button.dataset.reason);
    });
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** Whether this decision is asked for its reason at all. */
  asks(decision) {
    return decision !== "unsure" || this.start.reasons.unsure.length > 0;
  }

  open(decision) {
    this.decision = decision;
    this.root.querySelector("[data-why]").textContent = this.say({ unsure: "whyUnsure", reject: "whyReject", return: "whyReturn" }[decision]);
    const rows = this.#reasons.map((reason, place) => row(reason, place < 9 ? place + 1 : "", reason.replaceAll("_", " ")));
    if (decision === "unsure") rows.push(row("", "Enter", this.say("noReason")));
    this.list.replaceChildren(...rows);
    this.note.value = "";
    this.root.hidden = false;
    (decision === "unsure" ? rows.at(-1) : rows[0]).focus({ preventScroll: true });
  }

  close() {
    this.root.hidden = true;
  }

  /** Act on a key while reasons are asked; tells whether it had a meaning. */
  key(key, event) {
    if (event.target === this.note) {
      if (key === "enter") this.list.firstElementChild.focus();
      return key === "enter";
    }
    if (key === "+") return this.note.focus(), true;
    if (key === "enter" && !event.target.closest("button, summary")) {
      if (this.decision === "unsure") this.#give("");
      return true;
    }
    const reason = this.#reasons[Number(key) - 1];
    if (reason === undefined) return false;
    this.#give(reason);
    return true;
  }

  get #reasons() {
    return this.start.reasons[this.decision] ?? [];
  }

  #give(reason) {
    if (this.decision !== "unsure" && !reason) return;
    this.close();
    this.given(this.decision, { reason, note: this.note.value.trim() });
  }
}

function row(reason, key, words) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "key" });
  button.dataset.reason = reason;
  if (key) button.append(Object.assign(document.createElement("kbd"), { textContent: key }));
  button.append(Object.assign(document.createElement("span"), { textContent: words }));
  return button;
}
