// The samples that come next: leased already, their images fetched and decoded, so that the next one is there at once.

const KEPT = 6;

export class Ahead {
  constructor() {
    this.leases = [];
    this.images = new Map();
  }

  /** Take what the hub leased ahead, and fetch its images; null leaves what is there. */
  fill(leases) {
    if (!leases) return;
    this.leases = leases;
    for (const lease of leases) this.image(lease);
  }

  /** The next lease that was not shown yet, when the hub cannot be asked. */
  take() {
    return this.leases.shift() ?? null;
  }

  drop(slot) {
    this.leases = this.leases.filter((lease) => lease.slot !== slot);
  }

  /** The sample's image, decoded; null where it cannot be loaded. */
  image({ slot, sample }) {
    if (!this.images.has(slot)) {
      this.images.set(slot, decoded(sample.image_url));
      for (const old of [...this.images.keys()].slice(0, -KEPT)) this.images.delete(old);
    }
    const image = this.images.get(slot);
    image.then((found) => { if (!found && this.images.get(slot) === image) this.images.delete(slot); });
    return image;
  }
}

async function decoded(url) {
  if (!url) return null;
  const image = new Image();
  image.decoding = "sync";
  image.src = url;
  try {
    await image.decode();
    return image;
  } catch {
    return null;
  }
}
