/**
 * <draw-pad>: a small sheet to draw a picture on, as large as the model's own, white on black.
 *
 * Attributes, all of them properties, too:
 *   model   name, or name@digest: its size is the sheet's               "fashion-vae-2d"
 *   server  address of the service                                      where this file came from
 * Events, which bubble:
 *   picture-change  a stroke is done, or the sheet was cleared or loaded   {picture: Blob, a PNG}
 *   problem         an Error that says what the service said
 * Methods: clear(), load(image) puts a picture on the sheet to draw upon.
 * Keys while it has the focus: arrows move the brush, Space or Enter puts it down and lifts it.
 */

import { css, html } from "../lit/lit.js";
import { icon } from "./icons.js";
import { ModelElement, look } from "./shared.js";

/** Of the brush, in parts of the sheet's side. */
const RADIUS = 0.055;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class DrawPad extends ModelElement {
  static properties = { down: { state: true }, brush: { state: true }, empty: { state: true } };

  constructor() {
    super();
    this.down = false;
    this.empty = true;
    /** @type {{x: number, y: number}} in parts of the sheet, 0 … 1 */
    this.brush = { x: 0.5, y: 0.3 };
  }

  get #canvas() {
    return this.renderRoot.querySelector("canvas");
  }

  clear() {
    this.#canvas.getContext("2d")?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.empty = true;
    this.#done();
  }

  load(image) {
    this.#canvas.getContext("2d")?.drawImage(image, 0, 0, this.#canvas.width, this.#canvas.height);
    this.empty = false;
    this.#done();
  }

  /** A dab, and the way to it from the last one. */
  #stroke(to) {
    const { width, height } = this.#canvas;
    const pen = this.#canvas.getContext("2d");
    Object.assign(pen, { strokeStyle: "#e8e8e8", lineCap: "round", lineJoin: "round", lineWidth: 2 * RADIUS * width });
    pen.beginPath();
    pen.moveTo(this.brush.x * width, this.brush.y * height);
    pen.lineTo(to.x * width, to.y * height + 0.01);
    pen.stroke();
    this.brush = to;
    this.empty = false;
  }

  /** The sheet on black, as a file. */
  async #done() {
    const { width, height } = this.#canvas;
    const sheet = Object.assign(document.createElement("canvas"), { width, height });
    const pen = sheet.getContext("2d");
    pen.fillRect(0, 0, width, height);
    pen.drawImage(this.#canvas, 0, 0);
    sheet.toBlob((picture) => picture && this.tell("picture-change", { picture }), "image/png");
  }

  #under(event) {
    const box = this.#canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  #press(event) {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.down = true;
    this.brush = this.#under(event);
    this.#stroke(this.brush);
  }

  #drag(event) {
    if (this.down && this.#canvas.hasPointerCapture(event.pointerId)) this.#stroke(this.#under(event));
  }

  #release() {
    if (!this.down) return;
    this.down = false;
    this.#done();
  }

  #key(event) {
    const move = MOVES[event.key];
    if (move) this.#walk(move);
    else if (event.key === " " || event.key === "Enter") this.down ? this.#release() : (this.down = true);
    else return;
    event.preventDefault();
  }

  #walk([right, down]) {
    const within = (value) => Math.min(1, Math.max(0, value));
    const to = { x: within(this.brush.x + right / 28), y: within(this.brush.y + down / 28) };
    if (this.down) this.#stroke(to);
    else this.brush = to;
  }

  render() {
    const { say } = this.words;
    const { width, height } = this.card?.image ?? { width: 28, height: 28 };
    return html`
      <div id="sheet">
        <canvas width=${width} height=${height} tabindex="0" role="application" aria-label=${say("draw.label")} aria-describedby="how"
          @pointerdown=${this.#press} @pointermove=${this.#drag} @pointerup=${this.#release} @pointercancel=${this.#release}
          @keydown=${this.#key} @blur=${this.#release}></canvas>
        <p class="hint" ?hidden=${!this.empty} aria-hidden="true">${say("draw.hint")}</p>
        <span class="brush" .style=${`left:${100 * this.brush.x}%;top:${100 * this.brush.y}%`}></span>
        <button @click=${this.clear} aria-label=${say("draw.clear")}>${icon("clear")}</button>
      </div>
      <p id="how" class="unseen">${say("draw.keys")}</p>`;
  }

  static styles = [look, css`
    #sheet { position: relative; aspect-ratio: 1; }
    canvas { width: 100%; height: 100%; border-radius: 10px; background: #000; touch-action: none; cursor: crosshair; }
    .hint { position: absolute; inset: auto .5rem 45%; color: #bbb; font-size: .8125rem; text-align: center; pointer-events: none; }
    .brush { position: absolute; width: ${200 * RADIUS}%; aspect-ratio: 1; translate: -50% -50%; border: 1.5px solid #ff8a58; border-radius: 50%; pointer-events: none; visibility: hidden; }
    canvas:focus-visible ~ .brush { visibility: visible; }
    button { position: absolute; top: .3rem; right: .3rem; min-width: 2.25rem; min-height: 2.25rem; padding: 0; border: 0; background: #0008; color: #fff; }
  `];
}

customElements.define("draw-pad", DrawPad);
