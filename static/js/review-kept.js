// Decisions that the hub has not confirmed yet, kept in this browser so that a reload or a lost connection loses none.

export class Kept {
  constructor(person) {
    this.name = `review-unsent:${person}`;
  }

  get all() {
    try {
      return JSON.parse(localStorage.getItem(this.name)) ?? [];
    } catch {
      return []; // storage may be forbidden: then decisions live as long as the page
    }
  }

  put(decision) {
    this.#write([...this.all.filter((row) => row.body.client_uuid !== decision.body.client_uuid), decision]);
  }

  drop(decision) {
    this.#write(this.all.filter((row) => row.body.client_uuid !== decision.body.client_uuid));
  }

  #write(rows) {
    try {
      if (rows.length) localStorage.setItem(this.name, JSON.stringify(rows));
      else localStorage.removeItem(this.name);
    } catch {
      // as above
    }
  }
}

/** What was typed for one slot and not decided yet: it is there again after a reload of the tab. */
export const draft = {
  keep(slot, text) {
    try {
      sessionStorage.setItem("review-draft", JSON.stringify({ slot, text }));
    } catch {
      // as above
    }
  },

  of(slot) {
    try {
      const kept = JSON.parse(sessionStorage.getItem("review-draft"));
      return kept?.slot === slot ? kept.text : null;
    } catch {
      return null;
    }
  },
};

/** A fresh version 4 UUID; crypto.randomUUID is there on HTTPS and localhost only. */
export function newUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
