/**
 * <latent-map>: a map of a model's latent space. Drag, tap, or use the arrow keys: the picture follows.
 *
 * Attributes, all of them properties, too:
 *   model   name, or name@digest                                        "fashion-vae-2d"
 *   server  address of the service                                      where this file came from
 *   at      the point: a seed, "x,y" on the map, or "z." and a z64      "42"
 *   a, b    the ends of a path that is drawn, as `at`                   none
 *   label   the class of a conditional model's seeds                    any
 * Properties:
 *   posterior  {mean, scale} of a picture on a map of two dimensions, drawn at one and two standard deviations, or null
 *   loader  the PictureLoader to share with others                      one of its own
 * Events, which bubble:
 *   point-input   while it moves   {at, point, place, url, near}: point is the seed or the z64, url that of its picture,
 *                 near the image on the map to show until it comes, as arguments of drawImage
 *   point-change  when it rests    the same
 *   ends-change   A or B was set   {end: "a" | "b", at}
 *   problem       an Error that says what the service said
 * Keys while it has the focus: arrows 0.1, with Shift 0.5, with Alt 0.02; Home; R random; [ ] the seed before and after; A, B.
 */

import { css, html, svg } from "../lit/lit.js";
import { LARGEST_SEED, picture } from "../model/addresses.js";
import { LatentPlane } from "../model/latent-plane.js";
import { placeIn, read } from "../model/points.js";
import { PictureLoader } from "../model/requests.js";
import { SeedPlane } from "../model/seed-plane.js";
import { Space } from "../model/space.js";
import { drag, placeFields, press, touch } from "./map-hands.js";
import { ModelElement, look } from "./shared.js";

const PIXELS = 224;
/** What decides which picture is shown. */
const WHERE = ["at", "card", "label"];

export class LatentMap extends ModelElement {
  static properties = {
    at: { type: String, reflect: true },
    a: { type: String, reflect: true },
    b: { type: String, reflect: true },
    label: { type: String, reflect: true },
    posterior: { attribute: false },
    loader: { attribute: false },
    place: { state: true },
    moving: { state: true },
  };

  constructor() {
    super();
    this.at = "42";
    this.a = this.b = this.label = "";
    /** @type {Posterior | null} */
    this.posterior = null;
    this.loader = new PictureLoader();
    this.moving = false;
    /** @type {Place | null} where the point lies on the plane; null: nowhere on it */
    this.place = null;
    /** @type {LatentPlane | SeedPlane | null} */
    this.plane = null;
    this.arrive = (event) => this.#show(event);
  }

  willUpdate(changed) {
    super.willUpdate(changed);
    if (!this.card) return;
    if (WHERE.slice(1).some((name) => changed.has(name))) this.#enter(new Space(this.card, this.label));
    if (WHERE.some((name) => changed.has(name))) this.#find();
  }

  /** Another class of the same model is seen from the same place. */
  #enter(space) {
    if (this.plane?.space.card === space.card) this.plane.space = space;
    else this.plane = space.dim === 2 ? new LatentPlane(space) : new SeedPlane(space);
  }

  updated(changed) {
    if (changed.has("loader")) {
      changed.get("loader")?.removeEventListener("picture", this.arrive);
      this.loader.addEventListener("picture", this.arrive);
    }
    if (WHERE.some((name) => changed.has(name))) this.#draw();
  }

  /** The point that is shown, as a seed or z64. */
  get point() {
    return this.#pointOf(this.at) ?? 0;
  }

  #pointOf(text) {
    return this.plane && read(text, this.plane.space);
  }

  /** @returns {Place | null} null for what is nowhere on the plane */
  #placeOf(text) {
    const point = this.#pointOf(text);
    return placeIn(text) ?? (point === null ? null : this.plane?.placeOf(point) ?? null);
  }

  #find() {
    this.place = this.#placeOf(this.at);
    if (this.place) this.plane?.follow(this.place);
  }

  // Moving

  move(place, rests) {
    if (!this.plane || !this.card) return;
    this.moving = !rests;
    this.place = this.plane.bounded(place);
    const point = this.plane.pointAt(this.place);
    this.at = typeof point === "number" ? String(point) : `${this.place.x},${this.place.y}`;
    this.#tell(rests ? "point-change" : "point-input");
  }

  showSeed(seed) {
    this.at = String((seed + LARGEST_SEED + 1) % (LARGEST_SEED + 1));
    this.#find();
    this.#tell("point-change");
  }

  #tell(name) {
    if (!this.card) return;
    this.tell(name, { point: this.point, at: this.at, place: this.place, url: this.#url, near: this.#near() });
  }

  /** The image on the map that is nearest, as `drawImage` wants it: shown at once, until the exact one comes; null where nothing has loaded. */
  #near() {
    if (!this.place || !this.plane) return null;
    const { left, top } = this.plane.spotOf(this.place);
    const [number, picture] = [...this.plane.pictures.entries()].find(([, each]) => left >= each.left && left < each.left + each.width && top >= each.top && top < each.top + each.height) ?? [];
    const image = picture && this.renderRoot.querySelectorAll("img")[number];
    if (!image?.complete || !image.naturalWidth) return null;
    const [width, height] = [image.naturalWidth / picture.columns, image.naturalHeight / picture.rows];
    const [column, row] = [((left - picture.left) / picture.width) * picture.columns, ((top - picture.top) / picture.height) * picture.rows].map(Math.floor);
    return { image, x: column * width, y: row * height, width, height };
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
    return this.url(picture(this.plane.space, this.point, PIXELS));
  }

  async #show({ detail: { url, shown } }) {
    if (!this.card || url !== this.#url) return;
    const image = Object.assign(new Image(), { src: shown });
    await image.decode().catch(() => {});
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width && url === this.#url) draw(this.#lens, { image, x: 0, y: 0, width, height });
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
        @pointerdown=${(event) => touch(this, event)} @pointermove=${(event) => drag(this, event)} @pointerup=${(event) => drag(this, event, true)} @pointercancel=${() => this.moving && this.move(this.place, true)} @keydown=${(event) => press(this, event)}>
        ${this.plane.pictures.map((each) => this.#tile(each))}
        ${this.#path()}
        ${this.#end("a")}${this.#end("b")}
        ${this.#dot()}
        ${this.#cloud()}
      </div>
      <p id="how" class="unseen">${say("map.keys")}</p>
      ${placeFields(this)}`;
  }

  #tile({ url, left, top, width, height }) {
    const box = `left:${100 * left}%;top:${100 * top}%;width:${100 * width}%;height:${100 * height}%`;
    return html`<img src=${this.url(url)} alt="" draggable="false" crossorigin="anonymous" .style=${box} @load=${() => this.#draw()}>`;
  }

  #path() {
    const [a, b] = [this.#pointOf(this.a), this.#pointOf(this.b)];
    const line = a === null || b === null ? "" : points(this.plane.way(a, b));
    return html`<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
      <polyline class="under" points=${line}></polyline><polyline points=${line}></polyline></svg>`;
  }

  /** Over the dot, since it may be smaller than that. */
  #cloud() {
    if (!this.posterior || this.plane.space.dim !== 2) return "";
    const rings = [1, 2].map((deviations) => points(this.plane.around(this.posterior, deviations)));
    return html`<svg id="posterior" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
      ${rings.map((ring) => svg`<polygon class="under" points=${ring}></polygon><polygon points=${ring}></polygon>`)}</svg>`;
  }

  #end(end) {
    const spot = this.#spot(this.#placeOf(this[end]));
    return spot ? html`<b class="end" .style=${spot} aria-hidden="true">${end.toUpperCase()}</b>` : "";
  }

  #dot() {
    const spot = this.#spot(this.place);
    return html`<span id="dot" ?hidden=${!spot} .style=${spot ?? ""} aria-hidden="true"><canvas id="lens" width="112" height="112"></canvas></span>
      ${spot ? "" : html`<p class="away">${this.words.say("map.away")}</p>`}`;
  }

  /** @returns {string | null} a style; null out of view */
  #spot(place) {
    if (!place) return null;
    const { left, top } = this.plane.spotOf(place);
    return left < 0 || left > 1 || top < 0 || top > 1 ? null : `left:${100 * left}%;top:${100 * top}%`;
  }

  static styles = [look, css`
    #pad { position: relative; aspect-ratio: 1; overflow: hidden; border-radius: 12px; background: #000; touch-action: none; cursor: crosshair; user-select: none; }
    #pad > * { position: absolute; pointer-events: none; }
    #pad svg { inset: 0; width: 100%; height: 100%; fill: none; stroke: var(--accent); stroke-width: 2.5; stroke-dasharray: 1 5; stroke-linecap: round; }
    polyline, polygon { vector-effect: non-scaling-stroke; }
    .under { stroke: #000a; stroke-width: 5; stroke-dasharray: none; }
    #pad #posterior { stroke: #fff; stroke-width: 1.5; stroke-dasharray: none; }
    #posterior .under { stroke-width: 3.5; }
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

const draw = (canvas, { image, x, y, width, height }) => canvas?.getContext("2d")?.drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);

/** @returns {string} as SVG says it */
const points = (spots) => spots.map(({ left, top }) => `${(100 * left).toFixed(2)},${(100 * top).toFixed(2)}`).join(" ");

customElements.define("latent-map", LatentMap);
