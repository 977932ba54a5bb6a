// Asks the server, with the token where there is one, and again where it is busy.

const TRIES = 6;
const PATIENCE = 60_000; // milliseconds that an answer may take

let token = ""; // in this page's memory only

export function setToken(given) { token = given; }

export function hasToken() { return token !== ""; }

export class Trouble extends Error {
  constructor(status, detail, retryAfter = 0) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/octet-stream";
  const late = AbortSignal.timeout(PATIENCE);
  let response;
  try {
    response = await fetch(path, { method, headers, body, signal: signal ? AbortSignal.any([signal, late]) : late });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Trouble(0, "The server cannot be reached. Is it still running?");
  }
  if (response.ok) return response;
  throw await troubleOf(response);
}

async function troubleOf(response) {
  let detail = "";
  try {
    const document = await response.json();
    detail = document.detail ?? document.answers?.[0]?.error ?? "";
  } catch { /* no document: the status says enough */ }
  return new Trouble(response.status, detail, Number(response.headers.get("Retry-After")) || 0);
}

export async function askAgain(path, options, say) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask(path, options);
    } catch (error) {
      if (!(error instanceof Trouble) || error.status !== 503 || tries === TRIES) throw error;
      await countDown(error.retryAfter || 1, options.signal, say);
    }
  }
}

async function countDown(seconds, signal, say) {
  for (let left = seconds; left > 0; left -= 1) {
    say(`The server is busy. Asking again in ${left} s …`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    signal?.throwIfAborted();
  }
  say("Asking again …");
}
