// The review queue's API, as the page uses it: answers are JSON, refusals are problem+json with a sentence.

const PATIENCE = 10_000;
const GLANCE = 3_000;
/** How many samples are leased ahead of the one on the screen, for their images to be fetched. */
const AHEAD = 2;
/** Answers after which the same request may still succeed: logged out, too slow, too many. 5xx too. */
const PASSING = new Set([401, 408, 425, 429]);

export class Problem extends Error {
  constructor(message, { status = 0, code = "" } = {}) {
    super(message);
    this.status = status;
    this.code = code;
  }

  get isOffline() {
    return this.status === 0;
  }

  /** Whether the hub has understood and refused: the same request will not succeed later. */
  get isFinal() {
    return this.status >= 400 && this.status < 500 && !PASSING.has(this.status) && !this.message.startsWith("CSRF");
  }
}

export class Api {
  constructor(base, csrf) {
    this.base = base;
    this.csrf = csrf;
  }

  /** The next lease of a module's queue, with those leased ahead; null where nothing waits. */
  next(module, kind) {
    return this.#post("next", { ai_module: module, kind, ahead: AHEAD });
  }

  /** {label, next} of a decision; sent again with the same client_uuid it is counted once. */
  decide(slot, body) {
    return this.#post(`slots/${slot}/decide`, body.next ? { ...body, ahead: AHEAD } : body);
  }

  /** Hold a lease for another while; answers the slot with its new token. */
  renew(slot, token) {
    return this.#post(`slots/${slot}/renew`, { lease_token: token });
  }

  /** Take back an own decision; answers the sample's lease again. */
  undo(slot) {
    return this.#post(`slots/${slot}/undo`, {});
  }

  /** Give a lease back, and those leased ahead of it; works while the page is being left. */
  release(slot, token) {
    return this.#request(`slots/${slot}/release`, { lease_token: token }, { keepalive: true }).catch(() => {});
  }

  /** Whether the hub can be reached at all; nobody waits for this. */
  async isThere() {
    try {
      return (await fetch("/live", { cache: "no-store", signal: AbortSignal.timeout(GLANCE) })).ok;
    } catch {
      return false;
    }
  }

  /** A page of the grid {label, tiles, classes}: the one that is held, or a new one; of a class where `label` names one. */
  page(module, label, size) {
    return this.#post("grid", { ai_module: module, label, size });
  }

  /** {outcomes} of a page; sent again with the same `page` it is counted once. */
  decidePage(body) {
    return this.#post("grid/decide", body);
  }

  /** Hold a page for another while; {held} names the slots that are still one's own. */
  renewPage(leases) {
    return this.#post("grid/renew", { leases });
  }

  /** Give a page back; works while it is being left. */
  releasePage(leases) {
    this.#request("grid/release", { leases }, { keepalive: true }).catch(() => {});
  }

  async #post(path, body) {
    const response = await this.#request(path, body);
    if (response.status === 204) return null;
    const answer = await response.json().catch(() => ({}));
    const code = answer.type?.split(":").at(-1); // urn:command-centre:lease_lost
    if (!response.ok) throw new Problem(answer.detail || `The hub answered ${response.status}.`, { status: response.status, code });
    return answer;
  }

  async #request(path, body, options = {}) {
    try {
      return await fetch(this.base + path, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": cookie("csrftoken") || this.csrf },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE),
        ...options,
      });
    } catch {
      throw new Problem("");
    }
  }
}

/** Whoever logs in again in another tab gets another token, and the work on this page goes on. */
function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}
