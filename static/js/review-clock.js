// How long somebody really looked: a hidden page is not time, nor what comes after a minute without a sign of life.

const IDLE_AFTER = 60_000;
const SIGNS = ["keydown", "pointerdown", "pointermove", "wheel"];

export class Clock {
  constructor(now = () => performance.now()) {
    this.now = now;
    this.start();
    for (const sign of SIGNS) document.addEventListener(sign, () => this.#tick(), { passive: true, capture: true });
    document.addEventListener("visibilitychange", () => this.#tick(!document.hidden));
  }

  /** Begin to count anew. */
  start() {
    this.counted = 0;
    this.last = this.now();
  }

  get seconds() {
    if (!document.hidden) this.#tick();
    return Math.round(this.counted) / 1000;
  }

  #tick(wasHidden = false) {
    const now = this.now();
    if (!wasHidden) this.counted += Math.min(now - this.last, IDLE_AFTER);
    this.last = now;
  }
}
