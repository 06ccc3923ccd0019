// Decisions that the hub has not confirmed yet, kept in this browser so that a reload or a lost connection loses none.

export class Kept {
  constructor(person, name = "review-unsent") {
    this.name = `${name}:${person}`;
  }

  get all() {
    return read(localStorage, this.name) ?? [];
  }

  put(decision) {
    this.#write([...this.all.filter((row) => row.body.client_uuid !== decision.body.client_uuid), decision]);
  }

  drop(decision) {
    this.#write(this.all.filter((row) => row.body.client_uuid !== decision.body.client_uuid));
  }

  #write(rows) {
    write(localStorage, this.name, rows.length ? rows : null);
  }
}

/** What was entered for one slot and not decided yet: it is there again after a reload of the tab. */
export const draft = {
  keep(slot, said) {
    write(sessionStorage, "review-draft", { slot, said });
  },

  of(slot) {
    const kept = read(sessionStorage, "review-draft");
    return kept?.slot === slot ? kept.said : null;
  },
};

/** A setting of this person in this browser. */
export class Setting {
  constructor(name, person, value) {
    this.name = `review-${name}:${person}`;
    this.value = read(localStorage, this.name) ?? value;
  }

  set(value) {
    this.value = value;
    write(localStorage, this.name, value);
  }
}

/** A fresh version 4 UUID; crypto.randomUUID is there on HTTPS and localhost only. */
export function newUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function read(storage, name) {
  try {
    return JSON.parse(storage.getItem(name));
  } catch {
    return null; // storage may be forbidden: then decisions live as long as the page
  }
}

function write(storage, name, value) {
  try {
    if (value === null) storage.removeItem(name);
    else storage.setItem(name, JSON.stringify(value));
  } catch {
    // as above
  }
}
