/**
 * <film-strip>: the way from one point to another, frame by frame; it scrubs, plays and pauses.
 *
 * Attributes, all of them properties, too:
 *   model   name, or name@digest                                        "fashion-vae-2d"
 *   server  address of the service                                      where this file came from
 *   a, b    the ends: a seed, "x,y" on the map, or "z." and a z64       "42", "79"
 *   label   the class of a conditional model's seeds                    any
 *   method  slerp, along a great circle, or lerp, along the line        "slerp"
 *   frame   the one that is framed, 0 … 16                              0
 * Properties:
 *   playing whether it plays; set by play(), glide() and pause()
 * Events, which bubble:
 *   frame-input   while it plays or is dragged   {frame, at, near}: at is its point, as `a`, near its image, for drawImage
 *   frame-change  when it rests                  the same
 *   play-change   it began or stopped to play    {playing}
 *   problem       an Error that says what the service said
 * Methods: play() there and back until pause(), glide() there and back once.
 */

import { css, html } from "../lit/lit.js";
import { STEPS, film } from "../model/addresses.js";
import { METHODS, encodeZ64 } from "../model/latents.js";
import { read, resolve } from "../model/points.js";
import { answer } from "../model/requests.js";
import { Space } from "../model/space.js";
import { icon } from "./icons.js";
import { ModelElement, look } from "./shared.js";

const FRAME_MS = 90;

export class FilmStrip extends ModelElement {
  static properties = {
    a: { type: String, reflect: true },
    b: { type: String, reflect: true },
    label: { type: String, reflect: true },
    method: { type: String, reflect: true },
    frame: { type: Number, reflect: true },
    playing: { state: true },
    source: { state: true },
  };

  #timer = 0;
  #coming = new AbortController();

  constructor() {
    super();
    Object.assign(this, { a: "42", b: "79", label: "", frame: 0, playing: false, source: "" });
    /** @type {"slerp" | "lerp"} */
    this.method = "slerp";
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.pause();
  }

  willUpdate(changed) {
    super.willUpdate(changed);
    if (this.card && ["a", "b", "label", "method", "card"].some((name) => changed.has(name))) this.#load();
  }

  /** Between seeds the film has an address; between other points it is asked for. */
  async #load() {
    const [a, b] = this.#ends();
    this.#coming.abort();
    this.#coming = new AbortController();
    if (typeof a === "number" && typeof b === "number") {
      this.source = this.url(film(this.#space, this.method, `${a},${b}.strip.png`));
      return;
    }
    const latents = [a, b].map((point) => [...resolve(point, this.#space)]);
    const options = { method: "POST", body: JSON.stringify({ latents }), signal: this.#coming.signal };
    const headers = { "Content-Type": "application/json", Accept: "image/png" };
    try {
      const strip = await answer(this.url(film(this.#space, this.method)), { ...options, headers });
      this.#take(await strip.blob());
    } catch (error) {
      if (!options.signal.aborted) this.tell("problem", error);
    }
  }

  #take(strip) {
    if (this.source.startsWith("blob:")) URL.revokeObjectURL(this.source);
    this.source = URL.createObjectURL(strip);
  }

  get #space() {
    return new Space(this.card, this.label);
  }

  #ends() {
    return [this.a, this.b].map((text) => read(text, this.#space) ?? 0);
  }

  /** The point of the frame; the ends are met exactly. */
  get at() {
    if (this.frame % STEPS === 0) return this.frame ? this.b : this.a;
    const [start, end] = this.#ends().map((point) => resolve(point, this.#space));
    return `z.${encodeZ64(METHODS[this.method](start, end, this.frame / STEPS))}`;
  }

  /** The frame's image in the strip. */
  #near() {
    const image = this.renderRoot.querySelector("#strip");
    if (!image?.naturalWidth) return null;
    const width = image.naturalWidth / (STEPS + 1);
    return { image, x: this.frame * width, y: 0, width, height: image.naturalHeight };
  }

  show(frame, rests) {
    this.frame = frame;
    if (this.card) this.tell(rests ? "frame-change" : "frame-input", { frame, at: this.at, near: this.#near() });
  }

  play() {
    this.#run(Infinity);
  }

  glide() {
    this.#run(2 * STEPS);
  }

  /** @param {number} frames after which it rests again */
  #run(frames) {
    this.pause();
    let [step, left] = [1, frames];
    this.#play(true);
    this.#timer = setInterval(() => {
      // Whoever sets the frame meanwhile may set it to an end.
      step = this.frame >= STEPS ? -1 : this.frame <= 0 ? 1 : step;
      this.show(this.frame + step, false);
      if (--left === 0) this.pause();
    }, FRAME_MS);
  }

  pause() {
    if (!this.playing) return;
    clearInterval(this.#timer);
    this.#play(false);
    this.show(this.frame, true);
  }

  #play(playing) {
    this.playing = playing;
    this.tell("play-change", { playing });
  }

  #scrub({ target }, rests) {
    clearInterval(this.#timer);
    if (this.playing) this.#play(false);
    this.show(Number(target.value), rests);
  }

  render() {
    const { say } = this.words;
    const place = say("path.frame", { frame: this.frame, last: STEPS });
    return html`
      <div class="film">
        <img id="strip" src=${this.source} alt=${say("path.alt", { model: this.card?.name ?? this.model, a: this.a, b: this.b })} crossorigin="anonymous" draggable="false">
        <input id="scrub" type="range" min="0" max=${STEPS} .value=${String(this.frame)} aria-label=${say("path.scrub")} aria-valuetext=${place}
          @input=${(event) => this.#scrub(event, false)} @change=${(event) => this.#scrub(event, true)}>
      </div>
      <div class="row">
        <button id="play" class="main" @click=${() => (this.playing ? this.pause() : this.play())}>
          ${icon(this.playing ? "pause" : "play")} ${say(this.playing ? "path.pause" : "path.play")}</button>
        <slot></slot>
        <span class="quiet place">${place}</span>
      </div>`;
  }

  // The thumb of the range is as wide as one frame, so it frames the frame.
  static styles = [look, css`
    .film { position: relative; container-type: inline-size; margin: .5rem 0 .9rem; }
    #strip { display: block; width: 100%; min-height: calc(100cqw / ${STEPS + 1}); border-radius: 8px; background: #000; }
    #scrub { position: absolute; inset: 50% 0 auto; width: 100%; height: max(44px, calc(100cqw / ${STEPS + 1} + 14px)); margin: 0; translate: 0 -50%; appearance: none; background: none; font-size: calc(100cqw / ${STEPS + 1}); cursor: ew-resize; }
    #scrub:focus-visible { outline-offset: 0; border-radius: 8px; }
    #scrub::-webkit-slider-runnable-track { height: 100%; }
    #scrub::-webkit-slider-thumb { appearance: none; width: 1em; height: 100%; border: 3px solid var(--accent); border-radius: 8px; box-shadow: 0 0 0 1.5px var(--paper); }
    #scrub::-moz-range-track { height: 100%; background: none; }
    #scrub::-moz-range-thumb { box-sizing: border-box; width: 1em; height: 100%; border: 3px solid var(--accent); border-radius: 8px; background: none; box-shadow: 0 0 0 1.5px var(--paper); }
    #play { min-width: 6.5rem; font-weight: 600; }
    .place { margin-left: auto; font-variant-numeric: tabular-nums; }
  `];
}

customElements.define("film-strip", FilmStrip);
