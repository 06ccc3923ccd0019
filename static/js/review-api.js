// The review queue's API, as the page uses it: answers are JSON, refusals are problem+json with a sentence.

export class Problem extends Error {
  constructor(message, { isOffline = false } = {}) {
    super(message);
    this.isOffline = isOffline;
  }
}

export class Api {
  constructor(base, csrf) {
    this.base = base;
    this.csrf = csrf;
  }

  /** The next lease of a module's queue (judge or dispute), or null where nothing waits. */
  next(module, kind) {
    return this.#post("next", { ai_module: module, kind });
  }

  /** {label, next} of a decision; sent again with the same client_uuid it is counted once. */
  decide(slot, body) {
    return this.#post(`slots/${slot}/decide`, body);
  }

  /** Hold a lease for another while; answers the slot with its new token. */
  renew(slot, token) {
    return this.#post(`slots/${slot}/renew`, { lease_token: token });
  }

  /** Take back an own decision; answers the sample's lease again. */
  undo(slot) {
    return this.#post(`slots/${slot}/undo`, {});
  }

  release(slot, token) {
    this.#request(`slots/${slot}/release`, { lease_token: token }, { keepalive: true }).catch(() => {});
  }

  async #post(path, body) {
    const response = await this.#request(path, body);
    if (response.status === 204) return null;
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Problem(answer.detail || `The hub answered ${response.status}.`);
    return answer;
  }

  async #request(path, body, options = {}) {
    try {
      return await fetch(this.base + path, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": this.csrf },
        body: JSON.stringify(body),
        ...options,
      });
    } catch {
      throw new Problem("", { isOffline: true });
    }
  }
}
