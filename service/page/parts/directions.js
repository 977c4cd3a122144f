// The most active dimensions as sliders, each upon the film of what it does to the picture that is shown.

import { LitElement, html } from "../lit/lit.js";
import { address } from "../model/addresses.js";
import { encodeZ64 } from "../model/latents.js";
import { answer } from "../model/requests.js";

const [ROWS, COLUMNS, FARTHEST] = [6, 7, 3];

export const directions = (page) => html`<direction-sliders .page=${page} .card=${page.card} .at=${page.url}></direction-sliders>`;

class DirectionSliders extends LitElement {
  static properties = { page: { attribute: false }, card: { attribute: false }, at: { attribute: false }, from: { state: true }, ranking: { state: true }, films: { state: true } };

  #wanted = 0;
  #moving = false;

  constructor() {
    super();
    /** @type {any} */
    this.page = null;
    /** @type {number[]} the dimensions, the most active first */
    this.ranking = [];
    /** How many more active ones are left out. */
    this.from = 0;
    this.films = "";
  }

  createRenderRoot() {
    return this;
  }

  willUpdate(changed) {
    if (changed.has("card")) this.from = 0;
    if (changed.has("card") || changed.has("from")) this.#rank(this.card, this.from);
    if (["at", "ranking"].some((name) => changed.has(name)) && !this.#moving) this.#film();
  }

  /** As many as the service ranks. */
  get #count() {
    return Math.min(this.card.latent_dim, this.card.limits.traversal_rows);
  }

  async #rank(card, from) {
    try {
      const { data } = await (await answer(address(card, `traversals/0.json?dimensions=${Math.min(this.#count, from + ROWS)}&steps=2`))).json();
      if (card === this.card && from === this.from) this.ranking = data.slice(from).map((row) => row.dimension);
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
    })}</div>
    <div class="row more"><span class="quiet">${say("map.place", { first: this.from + 1, last: this.from + this.ranking.length, count: this.#count })}</span>
      <button id="more" @click=${() => (this.from = this.from + ROWS < this.#count ? this.from + ROWS : 0)}>${say("map.more", { count: ROWS })}</button></div>`;
  }
}

customElements.define("direction-sliders", DirectionSliders);
