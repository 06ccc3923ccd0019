// The page of the grid that is leased, and what was decided and not confirmed yet. Shows nothing itself: `hears` is told.

import { newUuid } from "./review-kept.js";

const RENEW_EVERY = 180_000;
const RETRY_EVERY = 5_000;

export class GridSession {
  /** `hears` has page, sent, undone, notUndone, lost, offline, online, failed, busy. */
  constructor({ api, kept, start, hears }) {
    Object.assign(this, { api, kept, start, hears });
    this.page = null;
    this.label = "";
    this.size = 48;
    this.isBusy = false;
    this.wasOffline = false;
    window.addEventListener("online", () => this.#later());
    window.addEventListener("pagehide", () => this.#leave());
    window.addEventListener("pageshow", (event) => { if (event.persisted) this.again(); });
    setInterval(() => { if (!document.hidden) this.#later(); }, RETRY_EVERY);
    setInterval(() => this.#renew(), RENEW_EVERY);
  }

  /** How many pages are not with the hub yet. */
  get unsent() {
    return this.kept.all.length;
  }

  /** Send what an earlier page could not, then show the page that is held, or the next one. */
  begin(label) {
    this.label = label;
    return this.again();
  }

  /** Send what is kept, and go on. */
  again() {
    return this.#guarded(async () => {
      await this.#flush();
      await this.#ask();
    });
  }

  ask(label) {
    this.label = label;
    return this.#guarded(() => this.#ask());
  }

  /** Put another class on the page; what was marked on this one is not sent, and stays marked in this browser. */
  choose(label) {
    if (!this.unsent) this.ask(label);
  }

  /** Keep what is said of the page, and send it; of what was predicted the list of the last decisions tells. */
  decide(said) {
    if (this.isBusy || this.unsent) return null;
    const page = newUuid();
    const predictions = Object.fromEntries(this.page.tiles.map(({ slot, sample }) => [slot, sample.prediction]));
    this.kept.put({ body: { client_uuid: page }, sent: { page, ...said }, predictions });
    return this.again();
  }

  /** Take back an own decision: its sample is in its person's hand again, on the single page. */
  undo(entry) {
    return this.#guarded(async () => {
      try {
        await this.api.undo(entry.slot);
      } catch (problem) {
        if (!problem.isFinal) throw problem;
        this.hears.notUndone(problem);
        return;
      }
      this.hears.undone(entry);
    });
  }

  async #flush() {
    for (const row of this.kept.all) {
      try {
        const { outcomes } = await this.api.decidePage(row.sent);
        this.kept.drop(row);
        this.page = null;
        this.hears.sent(outcomes, row);
      } catch (problem) {
        if (!problem.isFinal) throw problem;
        this.kept.drop(row);
        this.hears.failed(problem);
      }
    }
  }

  async #ask() {
    const { label, size } = this;
    let page = await this.api.page(this.start.module, label, size);
    const isOver = !page.tiles.length && label && page.classes.length > 0;
    if (isOver) page = await this.api.page(this.start.module, "", size); // this class is done: the next one
    this.page = page;
    this.label = page.label;
    this.hears.page(page);
  }

  #leases() {
    return (this.page?.tiles ?? []).map(({ slot, lease_token }) => ({ slot, lease_token }));
  }

  async #guarded(work) {
    if (this.isBusy) return;
    this.isBusy = true;
    this.hears.busy(true);
    try {
      await work();
      if (this.wasOffline) this.hears.online();
      this.wasOffline = false;
    } catch (problem) {
      this.wasOffline ||= Boolean(problem.isOffline);
      if (problem.isOffline) this.hears.offline();
      else this.hears.failed(problem);
    } finally {
      this.isBusy = false;
      this.hears.busy(false);
    }
  }

  #later() {
    if (this.unsent && !this.isBusy) this.again();
  }

  async #renew() {
    const leases = this.#leases();
    if (document.hidden || this.isBusy || !leases.length) return;
    const held = await this.api.renewPage(leases).then((answer) => answer.held.map(({ slot }) => slot)).catch(() => null);
    const lost = held && leases.filter(({ slot }) => !held.includes(slot)).map(({ slot }) => slot);
    if (lost?.length) this.hears.lost(lost);
  }

  // Whoever leaves gives the samples back, so that nobody waits ten minutes for them.
  #leave() {
    const leases = this.#leases();
    if (leases.length && !this.unsent) this.api.releasePage(leases);
  }
}
