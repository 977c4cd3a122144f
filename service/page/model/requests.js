// Requests to the service: the newest wins, the last times are kept, and a problem is said in its own words.

/** What went wrong, as the service says it. */
export class Problem extends Error {
  name = "Problem";

  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** Of the last answers, in milliseconds, newest last. */
export const timings = [];
const KEPT = 40;
/** Tells "timing" after each answer. */
export const clock = new EventTarget();

/** @returns {Promise<Response>} Throws a Problem. */
export async function answer(url, options) {
  const started = performance.now();
  // Errors are told in the language of the page.
  const headers = { "Accept-Language": document.documentElement.lang || navigator.language, ...options?.headers };
  const response = await fetch(url, { ...options, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : new Problem("", "unreachable");
  });
  keep(response, performance.now() - started);
  if (response.ok) return response;
  const { title = `${response.status}`, detail = "", hint, code = "" } = await response.json().catch(() => ({}));
  throw new Problem(`${title}${detail && `: ${detail}`}${hint ? ` (${hint})` : ""}`, code);
}

function keep(response, total) {
  const said = response.headers.get("Server-Timing") ?? "";
  const part = (name) => Number(new RegExp(`${name};dur=([\\d.]+)`).exec(said)?.[1] ?? 0);
  timings.push({ queue: part("queue"), model: part("model"), encode: part("encode"), total });
  timings.splice(0, timings.length - KEPT);
  clock.dispatchEvent(new Event("timing"));
}

/**
 * Pictures for a hand that moves: at most two requests under way, the newest address next, what it has overtaken
 * aborted, and what was seen kept. Tells "picture" with its address and an object URL of its bytes, {url, shown}, and "failure" with the error as its detail.
 */
export class PictureLoader extends EventTarget {
  #limit = 2;
  /** @type {Map<string, string>} address -> object URL, the longest unused first */
  #kept = new Map();
  /** @type {Map<string, {controller: AbortController, turn: number}>} under way, by address */
  #running = new Map();
  #next = "";
  #turn = 0;

  /** @param {string} url the one that is wanted now */
  want(url) {
    const [turn, kept, running] = [++this.#turn, this.#kept.get(url), this.#running.get(url)];
    this.#next = kept || running ? "" : url;
    if (kept) this.#land(url, kept, turn);
    else if (running) running.turn = turn;
    else this.#start();
  }

  #start() {
    if (!this.#next || this.#running.size >= this.#limit) return;
    this.#load(this.#next, { controller: new AbortController(), turn: this.#turn });
    this.#next = "";
  }

  async #load(url, run) {
    this.#running.set(url, run);
    const { signal } = run.controller;
    try {
      const bytes = await (await answer(url, { signal })).blob();
      if (!signal.aborted) this.#land(url, this.#keep(url, bytes), run.turn);
    } catch (error) {
      if (run.turn === this.#turn && !signal.aborted) this.dispatchEvent(new CustomEvent("failure", { detail: error }));
    } finally {
      this.#running.delete(url);
      this.#start();
    }
  }

  #land(url, shown, turn) {
    for (const other of this.#running.values()) if (other.turn < turn) other.controller.abort();
    this.dispatchEvent(new CustomEvent("picture", { detail: { url, shown } }));
  }

  #keep(url, bytes) {
    const shown = URL.createObjectURL(bytes);
    this.#kept.set(url, shown);
    if (this.#kept.size > 200) {
      const [oldest, old] = this.#kept.entries().next().value;
      this.#kept.delete(oldest);
      URL.revokeObjectURL(old);
    }
    return shown;
  }
}
