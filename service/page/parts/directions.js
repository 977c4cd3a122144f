// The most active dimensions as sliders, each upon the film of what it does to the picture that is shown.

import { LitElement, html } from "../lit/lit.js";
import { address } from "../model/addresses.js";
import { encodeZ64 } from "../model/latents.js";
import { answer } from "../model/requests.js";

/** @typedef {import("../model/addresses.js").Card} Card */

const [ROWS, COLUMNS, FARTHEST] = [6, 7, 3];

/** @param {any} page */
export const directions = (page) => html`<direction-sliders .page=${page} .card=${page.card} .at=${page.state.at}></direction-sliders>`;

class DirectionSliders extends LitElement {
  static properties = { page: { attribute: false }, card: { attribute: false }, at: { attribute: false }, ranking: { state: true }, films: { state: true } };

  #wanted = 0;
  #moving = false;

  constructor() {
    super();
    /** @type {any} */
    this.page = null;
    /** @type {number[]} the dimensions, the most active first */
    this.ranking = [];
    this.films = "";
  }

  createRenderRoot() {
    return this;
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.has("card")) this.#rank(this.card);
    if (["at", "ranking"].some((name) => changed.has(name)) && !this.#moving) this.#film();
  }

  /** @param {Card} card */
  async #rank(card) {
    try {
      const { data } = await (await answer(address(card, `traversals/0.json?dimensions=${ROWS}&steps=2`))).json();
      if (card === this.card) this.ranking = data.map((row) => row.dimension);
    } catch (error) {
      this.page.trouble(error);
    }
  }

  /** All the films are one picture: a row a dimension, the others as they are. */
  async #film() {
    if (!this.ranking.length) return;
    const turn = ++this.#wanted;
    const latents = this.ranking.flatMap((dimension) => Array.from({ length: COLUMNS }, (_, column) =>
      [...this.page.latents].map((value, index) => (index === dimension ? FARTHEST * ((2 * column) / (COLUMNS - 1) - 1) : value))));
    const body = JSON.stringify({ latents, columns: COLUMNS, gap: 0 });
    const options = { method: "POST", body, headers: { "Content-Type": "application/json", Accept: "image/png" } };
    try {
      const sheet = await (await answer(address(this.card, "images"), options)).blob();
      if (turn !== this.#wanted) return;
      URL.revokeObjectURL(this.films);
      this.films = URL.createObjectURL(sheet);
    } catch (error) {
      this.page.trouble(error);
    }
  }

  /** @param {number} dimension @param {string} value @param {boolean} rests */
  #turn(dimension, value, rests) {
    this.#moving = !rests;
    const latents = this.page.latents.with(dimension, Number(value));
    this.page.go(`z.${encodeZ64(latents)}`, { rests });
    if (rests) this.#film();
  }

  render() {
    const { say } = this.page.words;
    const { latents } = this.page;
    return html`<div class="directions">${this.ranking.map((dimension, row) => {
      const value = latents[dimension];
      const film = `background-image:url("${this.films}");background-position:0 ${(100 * row) / (this.ranking.length - 1 || 1)}%`;
      return html`<label class="direction">${say("map.dimension", { number: dimension + 1 })}
        <div .style=${this.films ? film : ""}><input type="range" min=${-FARTHEST} max=${FARTHEST} step="0.05" .value=${String(value)} aria-label=${say("map.dimension", { number: dimension + 1 })}
          @input=${(event) => this.#turn(dimension, event.target.value, false)} @change=${(event) => this.#turn(dimension, event.target.value, true)}></div>
        <output>${value.toFixed(2).replace("-", "−")}</output></label>`;
    })}</div>`;
  }
}

customElements.define("direction-sliders", DirectionSliders);
