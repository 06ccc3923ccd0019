// Talking to the hub and to the store while files are brought: answers are JSON, refusals are problem+json with a sentence.

const PASSING = new Set([0, 401, 408, 425, 429]);
const BY_THE_BROWSER = new Set(["content-length", "host"]);

export class Problem extends Error {
  constructor(message, { status = 0 } = {}) {
    super(message);
    this.status = status;
  }

  /** Whether the same request will not succeed later. */
  get isFinal() {
    return this.status < 500 && !PASSING.has(this.status);
  }
}

/** Ask the hub; the body is JSON. */
export async function speak(method, url, csrf, body) {
  let answer;
  try {
    answer = await fetch(url, {
      method,
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json", "X-CSRFToken": csrf } : {}) },
      body: body && JSON.stringify(body),
    });
  } catch (error) {
    throw new Problem(error.message);
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(said.detail ?? answer.statusText, { status: answer.status });
  return said;
}

/** Send bytes or a form, and tell of each step how many have gone; fetch() cannot. */
export function put(method, url, headers, body, told) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) {
      if (!BY_THE_BROWSER.has(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    request.upload.addEventListener("progress", (event) => told(event.loaded));
    request.addEventListener("load", () => {
      if (request.status < 300) done(request);
      else fail(new Problem(sentence(request), { status: request.status }));
    });
    for (const name of ["error", "abort", "timeout"]) request.addEventListener(name, () => fail(new Problem(request.statusText)));
    request.send(body);
  });
}

function sentence(request) {
  try {
    const said = JSON.parse(request.responseText);
    return Object.values(said.errors ?? {}).flat().join(" ") || said.detail;
  } catch {
    return request.statusText || String(request.status);
  }
}
