// MAP: the latent space as a plane, or as its most active directions.

import { LitElement, html } from "../lit/lit.js";
import { address } from "../model/addresses.js";
import { encodeZ64 } from "../model/latents.js";
import { answer } from "../model/requests.js";
import { copy } from "./copy-bar.js";

const [ROWS, COLUMNS, FARTHEST] = [6, 7, 3];

export function map(page) {
  const { say } = page.words;
  const many = page.card.latent_dim > 2;
  const plane = many ? page.state.plane : "map";
  return html`<section id="map" aria-labelledby="map-title">
    <div class="head"><h2 id="map-title">${say("map.title")}</h2>
      ${many ? html`<span class="choice" role="group" aria-label=${say("map.planes")}>${["map", "directions"].map((name) => html`
        <button aria-pressed=${plane === name} @click=${() => page.change({ plane: name })}>${say(`map.plane.${name}`)}</button>`)}</span>` : ""}</div>
    <p class="quiet lead">${say(many ? (plane === "map" ? "map.lead.seeds" : "map.lead.directions") : "map.lead.latents")}</p>
    <latent-map ?hidden=${plane !== "map"} model=${page.card.pinned} .loader=${page.loader} .at=${at(page)} .a=${page.state.a} .b=${page.state.b} .label=${page.state.label} .posterior=${page.posterior}
      @point-input=${(event) => moved(page, event, false)} @point-change=${(event) => moved(page, event, true)}
      @ends-change=${({ detail }) => page.change({ [detail.end]: detail.at, frame: 0 })}
      @keydown=${(event) => key(page, event)}></latent-map>
    ${many ? "" : html`<p class="quiet legend">${page.posterior ? say("map.posterior", rounded(page.posterior)) : ""}</p>`}
    ${plane === "directions" ? html`<direction-sliders .page=${page} .card=${page.card} .at=${page.url}></direction-sliders>` : ""}
  </section>`;
}

/** Where a posterior lies and how wide it is, for people. */
export function rounded({ mean, scale }) {
  const [x, y] = mean.map((value) => value.toFixed(2).replace("-", "−"));
  const [across, up] = scale.map((value) => value.toFixed(2));
  return { x, y, across, up };
}

/** What plays without a step in the address moves the dot only where its way lies on the map. */
const at = (page) => (page.ghost && page.card.latent_dim === 2 ? page.ghost.at : page.state.at);

function moved(page, { detail }, rests) {
  page.go(detail.at, { rests, near: detail.near });
}

/** Those of the map's keys that concern the whole page. */
function key(page, event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const commands = { " ": () => page.play(), c: () => copy(page), "?": () => document.getElementById("keys").showModal() };
  const command = event.composedPath()[0] instanceof HTMLInputElement ? null : commands[event.key];
  if (!command) return;
  event.preventDefault();
  command();
}

/** Sliders, each upon the film of what its dimension does to the picture that is shown. */
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
