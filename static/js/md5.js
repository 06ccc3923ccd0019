// The MD5 of a part, as the store checks it (RFC 1321): browsers' own crypto has none.

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Int32Array.from({ length: 64 }, (_, step) => Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32));

/** The hex MD5 of an ArrayBuffer. */
export function md5(buffer) {
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const whole = buffer.byteLength & ~63;
  const words = new Int32Array(16);
  const view = new DataView(buffer);
  for (let at = 0; at < whole; at += 64) {
    for (let word = 0; word < 16; word += 1) words[word] = view.getInt32(at + word * 4, true);
    block(state, words);
  }
  const rest = buffer.byteLength - whole;
  const tail = new Uint8Array(rest < 56 ? 64 : 128);
  tail.set(new Uint8Array(buffer, whole));
  tail[rest] = 0x80;
  const last = new DataView(tail.buffer);
  last.setUint32(tail.length - 8, (buffer.byteLength << 3) >>> 0, true);
  last.setUint32(tail.length - 4, Math.floor(buffer.byteLength / 2 ** 29), true);
  for (let at = 0; at < tail.length; at += 64) {
    for (let word = 0; word < 16; word += 1) words[word] = last.getInt32(at + word * 4, true);
    block(state, words);
  }
  return [...new Uint8Array(state.buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function block(state, words) {
  let [a, b, c, d] = state;
  for (let step = 0; step < 64; step += 1) {
    const round = step >> 4;
    let mixed;
    let word;
    if (round === 0) { mixed = (b & c) | (~b & d); word = step; }
    else if (round === 1) { mixed = (d & b) | (~d & c); word = (5 * step + 1) & 15; }
    else if (round === 2) { mixed = b ^ c ^ d; word = (3 * step + 5) & 15; }
    else { mixed = c ^ (b | ~d); word = (7 * step) & 15; }
    const sum = (a + mixed + SINES[step] + words[word]) | 0;
    const shift = SHIFTS[(round << 2) | (step & 3)];
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}
