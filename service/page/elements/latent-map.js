/**
 * <latent-map>: a map of a model's latent space. Drag, tap, or use the arrow keys: the picture follows.
 *
 * Attributes, all of them properties, too:
 *   model   name, or name@digest                                        "fashion-vae-2d"
 *   server  address of the service                                      where this file came from
 *   at      the point: a seed, "x,y" on the map, or "z." and a z64      "42"
 *   a, b    the ends of a path that is drawn, as `at`                   none
 * Properties:
 *   loader  the PictureLoader to share with others                      one of its own
 * Events, which bubble:
 *   point-input   while it moves   {at, point, place, url, near}: point is the seed or the z64, url that of its picture,
 *                 near the image on the map to show until it comes, as arguments of drawImage
 *   point-change  when it rests    the same
 *   ends-change   A or B was set   {end: "a" | "b", at}
 *   problem       an Error that says what the service said
 * Keys while it has the focus: arrows 0.1, with Shift 0.5, with Alt 0.02; Home; R random; [ ] the seed before and after; A, B.
 */

import { css, html } from "../lit/lit.js";
import { LARGEST_SEED, picture } from "../model/addresses.js";
import { LatentPlane } from "../model/latent-plane.js";
import { placeIn, read } from "../model/points.js";
import { PictureLoader } from "../model/requests.js";
import { SeedPlane } from "../model/seed-plane.js";
import { press } from "./map-keys.js";
import { draw, nearest } from "./nearest.js";
import { placeFields } from "./place-fields.js";
import { ModelElement, look } from "./shared.js";

/** @typedef {import("../model/latent-plane.js").Place} Place @typedef {import("../model/latent-plane.js").Spot} Spot @typedef {import("../model/addresses.js").Point} Point */

const PIXELS = 224;

export class LatentMap extends ModelElement {
  static properties = {
    at: { type: String, reflect: true },
    a: { type: String, reflect: true },
    b: { type: String, reflect: true },
    loader: { attribute: false },
    place: { state: true },
    moving: { state: true },
  };

  constructor() {
    super();
    this.at = "42";
    this.a = this.b = "";
    this.loader = new PictureLoader();
    this.moving = false;
    /** @type {Place | null} where the point lies on the plane; null: nowhere on it */
    this.place = null;
    /** @type {LatentPlane | SeedPlane | null} */
    this.plane = null;
    this.arrive = (event) => this.#show(event);
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    super.willUpdate(changed);
    if (!this.card) return;
    if (this.plane?.card !== this.card) this.plane = this.card.latent_dim === 2 ? new LatentPlane(this.card) : new SeedPlane(this.card);
    if (changed.has("at") || changed.has("card")) this.#find();
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    if (changed.has("loader")) {
      changed.get("loader")?.removeEventListener("picture", this.arrive);
      this.loader.addEventListener("picture", this.arrive);
    }
    if (changed.has("at") || changed.has("card")) this.#draw();
  }

  /** The point that is shown, as a seed or z64. @returns {Point} */
  get point() {
    return this.#pointOf(this.at) ?? 0;
  }

  /** @param {string} text @returns {Point | null} */
  #pointOf(text) {
    return this.card && read(text, this.card.latent_dim);
  }

  /** @param {string} text @returns {Place | null} null for what is nowhere on the plane */
  #placeOf(text) {
    const point = this.#pointOf(text);
    return placeIn(text) ?? (point === null ? null : this.plane?.placeOf(point) ?? null);
  }

  #find() {
    this.place = this.#placeOf(this.at);
    if (this.place) this.plane?.follow(this.place);
  }

  // Moving

  /** @param {Place} place @param {boolean} rests */
  move(place, rests) {
    if (!this.plane || !this.card) return;
    this.moving = !rests;
    this.place = this.plane.bounded(place);
    const point = this.plane.pointAt(this.place);
    this.at = typeof point === "number" ? String(point) : `${this.place.x},${this.place.y}`;
    this.#tell(rests ? "point-change" : "point-input");
  }

  /** @param {number} seed */
  showSeed(seed) {
    this.at = String((seed + LARGEST_SEED + 1) % (LARGEST_SEED + 1));
    this.#find();
    this.#tell("point-change");
  }

  /** @param {string} name */
  #tell(name) {
    if (!this.card) return;
    this.tell(name, { point: this.point, at: this.at, place: this.place, url: this.#url, near: this.#near() });
  }

  #near() {
    return this.place && this.plane && nearest(this.renderRoot, this.plane.pictures, this.plane.spotOf(this.place));
  }

  get #lens() {
    return this.renderRoot.querySelector("#lens");
  }

  /** The lens: the nearest image at once, the exact one when it comes. */
  #draw() {
    if (!this.card) return;
    const near = this.#near();
    if (near) draw(this.#lens, near);
    this.loader.want(this.#url);
  }

  get #url() {
    return this.url(picture(this.card, this.point, PIXELS));
  }

  /** @param {import("../model/requests.js").PictureEvent} event */
  async #show({ url, shown }) {
    if (!this.card || url !== this.#url) return;
    const image = Object.assign(new Image(), { src: shown });
    await image.decode().catch(() => {});
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width && url === this.#url) draw(this.#lens, { image, x: 0, y: 0, width, height });
  }

  // Hands

  /** @param {PointerEvent} event @returns {Place} */
  #placeUnder(event) {
    const box = this.renderRoot.querySelector("#pad").getBoundingClientRect();
    const part = (value) => Math.min(.9999, Math.max(.0001, value));
    return this.plane.placeAt({ left: part((event.clientX - box.left) / box.width), top: part((event.clientY - box.top) / box.height) });
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0 || !this.plane) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    this.move(this.#placeUnder(event), false);
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (this.moving && this.plane) this.move(this.#placeUnder(event), false);
  }

  /** @param {PointerEvent} event */
  #release(event) {
    if (this.moving && this.plane) this.move(event.type === "pointercancel" ? this.place : this.#placeUnder(event), true);
  }

  /** @param {"a" | "b"} end which becomes the point that is shown */
  setEnd(end) {
    this[end] = this.at;
    this.tell("ends-change", { end, at: this.at });
  }

  // Drawing

  render() {
    if (!this.plane) return html`<div id="pad" aria-hidden="true"></div>`;
    const { say } = this.words;
    return html`
      <div id="pad" tabindex="0" role="application" aria-label=${say("map.label", { model: this.card.name })} aria-describedby="how"
        aria-roledescription=${say("map.role")}
        @pointerdown=${this.#press} @pointermove=${this.#drag} @pointerup=${this.#release} @pointercancel=${this.#release} @keydown=${(event) => press(this, event)}>
        ${this.plane.pictures.map((each) => this.#tile(each))}
        ${this.#path()}
        ${this.#end("a")}${this.#end("b")}
        ${this.#dot()}
      </div>
      <p id="how" class="unseen">${say("map.keys")}</p>
      ${placeFields(this)}`;
  }

  /** @param {import("../model/latent-plane.js").Picture} tile */
  #tile({ url, left, top, width, height }) {
    const box = `left:${100 * left}%;top:${100 * top}%;width:${100 * width}%;height:${100 * height}%`;
    return html`<img src=${this.url(url)} alt="" draggable="false" crossorigin="anonymous" .style=${box} @load=${() => this.#draw()}>`;
  }

  #path() {
    const [a, b] = [this.#pointOf(this.a), this.#pointOf(this.b)];
    const line = a === null || b === null ? [] : this.plane.way(a, b).map(({ left, top }) => `${(100 * left).toFixed(2)},${(100 * top).toFixed(2)}`);
    return html`<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
      <polyline class="under" points=${line.join(" ")}></polyline><polyline points=${line.join(" ")}></polyline></svg>`;
  }

  /** @param {"a" | "b"} end */
  #end(end) {
    const spot = this.#spot(this.#placeOf(this[end]));
    return spot ? html`<b class="end" .style=${spot} aria-hidden="true">${end.toUpperCase()}</b>` : "";
  }

  #dot() {
    const spot = this.#spot(this.place);
    return html`<span id="dot" ?hidden=${!spot} .style=${spot ?? ""} aria-hidden="true"><canvas id="lens" width="112" height="112"></canvas></span>
      ${spot ? "" : html`<p class="away">${this.words.say("map.away")}</p>`}`;
  }

  /** @param {Place | null} place @returns {string | null} a style; null out of view */
  #spot(place) {
    if (!place) return null;
    const { left, top } = this.plane.spotOf(place);
    return left < 0 || left > 1 || top < 0 || top > 1 ? null : `left:${100 * left}%;top:${100 * top}%`;
  }

  static styles = [look, css`
    #pad { position: relative; aspect-ratio: 1; overflow: hidden; border-radius: 12px; background: #000; touch-action: none; cursor: crosshair; user-select: none; }
    #pad > * { position: absolute; pointer-events: none; }
    #pad svg { inset: 0; width: 100%; height: 100%; fill: none; stroke: var(--accent); stroke-width: 2.5; stroke-dasharray: 1 5; stroke-linecap: round; }
    polyline { vector-effect: non-scaling-stroke; }
    .under { stroke: #000a; stroke-width: 5; stroke-dasharray: none; }
    .end { display: grid; place-items: center; width: 1.5rem; height: 1.5rem; translate: -50% -50%; border-radius: 50%; background: var(--accent); color: var(--on-accent); font-size: .8125rem; box-shadow: 0 0 0 2px #0009; }
    #dot { width: clamp(3.25rem, 15%, 5rem); aspect-ratio: 1; translate: -50% -50%; border: 3px solid #ff8a58; border-radius: 14px; background: #000; box-shadow: 0 0 0 1.5px #000, 0 6px 24px #000c; overflow: hidden; }
    #lens { display: block; width: 100%; height: 100%; }
    .away { inset: auto .75rem .75rem; padding: .4rem .7rem; border-radius: 8px; background: #000c; color: #fff; font-size: .8125rem; text-align: center; }
    .numbers { margin-top: .75rem; gap: .25rem 1.25rem; flex-wrap: nowrap; }
    .number { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: .6rem; align-items: center; flex: 1; font-size: .875rem; color: var(--muted); }
    @container (max-width: 26rem) { .numbers { flex-wrap: wrap; } .number { flex-basis: 100%; } }
    :host { container-type: inline-size; }
  `];
}

customElements.define("latent-map", LatentMap);
