// The steps of a visitor: each is an entry of the history, so Back undoes it; a hand that moves makes one of all its moves.

import { format, parse } from "./state.js";

/** Browsers refuse an address that changes more often. */
const WRITTEN_MS = 150;

/** What is in view now. Tells "state" when that has changed. */
export class Journey extends EventTarget {
  #moving = false;
  #written = 0;

  /** @param {State} first what is in view where the address says nothing */
  constructor(first) {
    super();
    this.first = first;
    this.state = this.#read();
    addEventListener("popstate", () => this.#return());
  }

  #read() {
    return parse(location.hash, parse(location.search, this.first));
  }

  /** @param {{rests: boolean, anew?: boolean}} how rests: the step is done; else the hand still moves; anew: Back undoes it */
  step(changes, { rests, anew = !this.#moving }) {
    this.state = { ...this.state, ...changes };
    const hash = format(this.state, this.first);
    // The first move of a hand makes the entry, so that what was before stays behind it.
    if (anew) hash === location.hash || history.pushState(null, "", hash);
    else if (rests || performance.now() - this.#written > WRITTEN_MS) this.#write(hash);
    this.#moving = !rests;
    this.dispatchEvent(new Event("state"));
  }

  /** The address of what is in view, which names the model even where that is the usual one; without a file, which is not in it. */
  get link() {
    const { score } = this.state;
    return new URL(format({ ...this.state, score: score === "file" ? "now" : score }, this.first), location.href).href;
  }

  #write(hash) {
    history.replaceState(null, "", hash);
    this.#written = performance.now();
  }

  #return() {
    this.#moving = false;
    this.state = this.#read();
    this.dispatchEvent(new Event("state"));
  }
}
