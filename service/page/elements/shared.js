// What the elements have in common: where their service is, the card of their model, and how they look.

import { LitElement, css } from "../lit/lit.js";
import { answer } from "../model/requests.js";
import { Words } from "../words/words.js";

/** The service that this file came from. */
const HOME = new URL("../..", import.meta.url).href;
/** @type {Map<string, Promise<Card>>} */
const cards = new Map();

/** @param {string} server as an attribute may say it, with or without a slash at its end */
const base = (server) => new URL(server ? server.replace(/\/?$/, "/") : HOME, document.baseURI);

export function cardOf(server, model) {
  const url = new URL(`v1/models/${encodeURIComponent(model)}`, base(server)).href;
  const card = cards.get(url) ?? answer(url).then((response) => response.json());
  cards.set(url, card);
  // What failed once may be there the next time.
  card.catch(() => cards.delete(url));
  return card;
}

/** An element about one model of one service. Tells "problem" with the error as its detail. */
export class ModelElement extends LitElement {
  static properties = {
    model: { type: String },
    server: { type: String },
    card: { attribute: false, state: true },
  };

  constructor() {
    super();
    this.model = "fashion-vae-2d";
    this.server = "";
    /** @type {Card | null} */
    this.card = null;
    this.words = new Words(this);
  }

  willUpdate(changed) {
    if (changed.has("model") || changed.has("server")) this.#meet();
  }

  async #meet() {
    const { server, model } = this;
    const card = await cardOf(server, model).catch((error) => this.tell("problem", error));
    if (card && server === this.server && model === this.model) this.card = card;
  }

  /** @returns {string} absolute, at this element's service */
  url(path) {
    return new URL(path.replace(/^\//, ""), base(this.server)).href;
  }

  /** @param {unknown} [detail] of an event that leaves the shadow */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

/** The look of a control. The page sets the custom properties; elsewhere their second values hold. */
export const look = css`
  :host {
    --paper: light-dark(#fff, #1b1a19);
    --ink: light-dark(#1d1a17, #f2eee9);
    --muted: light-dark(#655e57, #a8a097);
    --line: light-dark(#dfd9d1, #3b3733);
    --accent: light-dark(#c0370b, #ff8a58);
    --on-accent: light-dark(#fff, #1d0c04);
    display: block;
    color: var(--ink);
    font: inherit;
  }
  :host([hidden]), [hidden] { display: none !important; }
  * { box-sizing: border-box; margin: 0; }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  img, canvas { image-rendering: pixelated; }
  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: .5em;
    min-width: 2.5rem;
    min-height: 2.5rem;
    padding: 0 .8rem;
    border: 1px solid var(--line);
    border-radius: 10px;
    background: var(--paper);
    color: inherit;
    font: inherit;
    font-size: .875rem;
    cursor: pointer;
  }
  button:hover { border-color: var(--muted); }
  button[aria-pressed=true] { border-color: var(--ink); background: var(--ink); color: var(--paper); }
  button.main { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
  button:disabled { opacity: .45; cursor: default; }
  .row { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
  .quiet { color: var(--muted); font-size: .8125rem; }
  .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  input[type=range] { accent-color: var(--accent); min-width: 0; }
  input[type=number] {
    width: 5.25rem;
    min-height: 2.25rem;
    padding: 0 .5rem;
    border: 1px solid var(--line);
    border-radius: 8px;
    background: var(--paper);
    color: inherit;
    font: inherit;
    font-size: .875rem;
    font-variant-numeric: tabular-nums;
  }
  @media (pointer: coarse) {
    button, input { min-width: 44px; min-height: 44px; }
  }
`;
