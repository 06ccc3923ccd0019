// What is leased, what was decided and not confirmed yet, and what comes next. Shows nothing itself: `hears` is told.

import { inCurrentNames } from "./label-names.js";
import { newUuid } from "./review-kept.js";

const RENEW_EVERY = 180_000;
const RETRY_EVERY = 5_000;

export class Session {
  /** `hears` has lease, empty, sent, kept, refused, failed, offline, online, busy. */
  constructor({ api, kept, ahead, start, hears }) {
    Object.assign(this, { api, kept, ahead, start, hears });
    this.lease = null; // what is on the screen
    this.outbox = []; // decisions the hub has not confirmed, oldest first; each keeps its client_uuid
    this.isBusy = false;
    window.addEventListener("online", () => this.flush());
    window.addEventListener("pagehide", () => this.#leave());
    window.addEventListener("pageshow", (event) => { if (event.persisted) this.#again(); });
    setInterval(() => this.#tryAgain(), RETRY_EVERY);
    setInterval(() => this.#renew(), RENEW_EVERY);
  }

  /** Send what an earlier page could not, then show the sample that was on the screen, or the next one. */
  async begin() {
    const left = this.kept.all.filter((row) => !row.refused);
    this.outbox = left.filter(({ module }) => module === this.start.module);
    for (const row of left.filter(({ module }) => module !== this.start.module)) this.#sendLater(row);
    for (const row of this.outbox) this.hears.kept(row);
    await (this.outbox.length ? this.flush() : this.ask());
  }

  ask() {
    return this.#guarded(async () => {
      const next = await this.api.next(this.start.module, this.start.kind);
      await this.#show(next, next?.ahead);
    });
  }

  /** Keep a decision on the sample on the screen, and send it. */
  decide(decision, facts) {
    if (!this.lease || this.isBusy) return null;
    if (this.outbox.some(({ slot }) => slot === this.lease.slot)) return null; // it is not through yet
    const { slot, lease_token, sample } = this.lease;
    const body = { lease_token, client_uuid: newUuid(), decision, ...facts };
    const row = { module: this.start.module, slot, body, sample: { prediction: sample.prediction } };
    this.kept.put(row);
    this.outbox.push(row);
    return this.flush();
  }

  /** Send what is kept, in order; without a connection the work goes on with what is leased ahead. */
  flush() {
    if (!this.outbox.length) return null;
    return this.#guarded(async () => {
      while (this.outbox.length) {
        if (!(await this.#send(this.outbox[0]))) return;
      }
      this.hears.online();
    });
  }

  /** Take back an own decision: its sample is on the screen again. */
  undo(entry) {
    return this.#guarded(async () => {
      const again = await this.api.undo(entry.slot);
      this.hears.undone(entry);
      await this.#show(again, again.ahead ?? [], entry);
    });
  }

  /** Let go of the sample on the screen, and ask for another one: it is skipped, where the hub still lets it. */
  giveUp() {
    return this.#guarded(async () => {
      const { slot, lease_token } = this.lease ?? {};
      const skipped = { lease_token, client_uuid: newUuid(), decision: "skip" };
      if (slot) await this.api.decide(slot, skipped).catch((problem) => { if (!problem.isFinal) throw problem; });
      const next = await this.api.next(this.start.module, this.start.kind);
      await this.#show(next, next?.ahead);
    });
  }

  /** Send one decision; tells whether to go on with the next one. */
  async #send(row) {
    const isShown = !this.lease || this.lease.slot === row.slot;
    const wantsNext = isShown && this.outbox.length === 1;
    try {
      const answer = await this.api.decide(row.slot, { ...row.body, next: wantsNext });
      this.#drop(row);
      this.hears.sent(row, answer);
      if (wantsNext) await this.#show(answer.next, answer.next?.ahead);
      return true;
    } catch (problem) {
      if (problem.isOffline) return this.#goOn();
      if (!problem.isFinal) throw problem;
      this.#drop(row);
      const isOpen = this.lease?.slot === row.slot;
      if (!isOpen) this.kept.put({ ...row, refused: problem.message });
      this.hears.refused(row, problem, isOpen);
      if (!this.lease && !this.outbox.length) setTimeout(() => this.ask());
      return !isOpen;
    }
  }

  /** Without a connection: the decision is kept, and the next sample is one of those leased ahead. */
  async #goOn() {
    for (const row of this.outbox) this.hears.kept(row);
    const isShown = this.lease?.slot === this.outbox.at(-1).slot;
    if (isShown) {
      const next = this.ahead.take();
      if (next) await this.#show(next, null);
      else this.lease = null;
    }
    this.hears.offline(this.outbox.length, this.lease !== null);
    return false;
  }

  async #show(lease, ahead, earlier = null) {
    this.lease = lease && inCurrentNames(lease, this.start.names);
    if (!lease) {
      this.hears.empty();
      return;
    }
    this.ahead.drop(lease.slot);
    const image = await this.ahead.image(lease);
    this.hears.lease(this.lease, image, earlier);
    this.ahead.fill(ahead);
  }

  #drop(row) {
    this.outbox = this.outbox.filter((one) => one !== row);
    this.kept.drop(row);
  }

  #sendLater(row) {
    this.api.decide(row.slot, { ...row.body, next: false }).then(() => this.kept.drop(row)).catch((problem) => {
      if (problem.isFinal) this.kept.put({ ...row, refused: problem.message });
    });
  }

  async #guarded(work) {
    if (this.isBusy) return;
    this.isBusy = true;
    this.hears.busy(true);
    try {
      await work();
    } catch (problem) {
      this.hears.failed(problem);
    } finally {
      this.isBusy = false;
      this.hears.busy(false);
    }
  }

  // The work is not held up by a network that does not answer: only a hub that is there is sent anything.
  async #tryAgain() {
    if (!this.outbox.length || document.hidden || this.isBusy || !(await this.api.isThere())) return;
    await this.flush();
  }

  // A lease is held while its page is looked at; what is decided on a lost one counts beside the other person's answer.
  async #renew() {
    if (document.hidden || !this.lease || this.isBusy) return;
    const held = this.lease;
    try {
      const renewed = await this.api.renew(held.slot, held.lease_token);
      if (this.lease === held) held.lease_token = renewed.lease_token;
    } catch (problem) {
      if (problem.code === "lease_lost" && this.lease === held) this.hears.lost();
    }
  }

  /** Give the samples back; answers once they are, for a page that takes them anew. */
  async leave() {
    await this.#leave();
    this.lease = null;
  }

  // Whoever leaves gives the samples back, so that nobody waits ten minutes for them.
  async #leave() {
    const { slot, lease_token: token } = this.lease ?? {};
    if (slot && !this.outbox.length) await this.api.release(slot, token);
  }

  #again() {
    this.ahead.fill([]);
    if (this.outbox.length) this.flush();
    else this.ask();
  }
}
