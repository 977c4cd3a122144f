/**
 * <elbo-meter>: how probable a model finds a picture: its ELBO in two parts, and the picture beside its reconstruction.
 *
 * Attributes, all of them properties, too:
 *   model   name, or name@digest                                        "fashion-vae-2d"
 *   server  address of the service                                      where this file came from
 *   src     address of a picture to score, any that may be fetched      none
 *   invert  "auto", as the service sees fit, or "false"                 "auto"
 * Properties:
 *   picture a Blob to score; setting src sets it
 *   score   what the service answered, or null
 * Events, which bubble:
 *   score-change  a score has come      {score, picture}: as POST …/scores answers, and the Blob
 *   invert-change  it was switched      {invert}
 *   model-choice  another model was asked for, since this one has no likelihood   {model}
 *   problem       an Error that says what the service said
 */

import { css, html, svg } from "../lit/lit.js";
import { answer } from "../model/requests.js";
import { ModelElement, look } from "./shared.js";

export class ElboMeter extends ModelElement {
  static properties = {
    src: { type: String },
    invert: { type: String },
    picture: { attribute: false },
    score: { state: true },
    pair: { state: true },
    busy: { state: true },
    able: { state: true },
  };

  #running = new AbortController();

  constructor() {
    super();
    Object.assign(this, { src: "", invert: "auto", pair: "", busy: false });
    /** @type {Blob | null} */
    this.picture = null;
    /** @type {Score | null} */
    this.score = null;
    /** @type {string[]} the names of the models that can */
    this.able = [];
  }

  get can() {
    return this.card?.capabilities.includes("score") ?? true;
  }

  willUpdate(changed) {
    super.willUpdate(changed);
    if (changed.has("src") && this.src) this.#fetch(this.src);
    if (!this.card || !["picture", "invert", "card"].some((name) => changed.has(name))) return;
    if (!this.can) this.#refuse();
    else if (this.picture) this.#ask(this.picture);
  }

  async #fetch(src) {
    try {
      const picture = await (await answer(src)).blob();
      if (src === this.src) this.picture = picture;
    } catch (error) {
      this.tell("problem", error);
    }
  }

  async #refuse() {
    this.#running.abort();
    Object.assign(this, { score: null, pair: "" });
    const { data } = await (await answer(this.url("v1/models"))).json();
    this.able = data.filter((card) => card.capabilities.includes("score")).map((card) => card.name);
  }

  async #ask(picture) {
    this.#running.abort();
    const { signal } = (this.#running = new AbortController());
    this.busy = true;
    try {
      const [score, pair] = await Promise.all([this.#post("scores?per_dimension=true", picture, "application/json", signal),
        this.#post("reconstructions?size=112&gap=0", picture, "image/png", signal)]);
      const { data: [first], domain } = await score.json();
      if (this.pair) URL.revokeObjectURL(this.pair);
      Object.assign(this, { score: { ...first, domain }, pair: URL.createObjectURL(await pair.blob()), busy: false });
      this.tell("score-change", { score: this.score, picture });
    } catch (error) {
      if (signal.aborted) return;
      this.busy = false;
      this.tell("problem", error);
    }
  }

  #post(resource, picture, form, signal) {
    const body = new FormData();
    body.append("image", picture, "picture.png");
    return answer(this.url(`v1/models/${this.card.pinned}/${resource}&invert=${this.invert}`), { method: "POST", body, signal, headers: { Accept: form } });
  }

  render() {
    if (!this.can) return this.#others();
    const { say } = this.words;
    return html`<div id="result" aria-busy=${this.busy}>
      <div id="pair">
        <figure><div class="half">${this.pair ? html`<img src=${this.pair} alt=${say("score.input")}>` : ""}</div><figcaption>${say("score.input")}</figcaption></figure>
        <figure><div class="half right">${this.pair ? html`<img src=${this.pair} alt=${say("score.output")}>` : ""}</div><figcaption>${say("score.output")}</figcaption></figure>
      </div>
      ${this.#rank()} ${this.#inverted()} ${this.#sum()} ${this.score ? this.#figures() : ""} ${this.#dimensions()}
    </div>`;
  }

  #others() {
    const { say } = this.words;
    return html`<p id="why">${say("score.unable", { model: this.card.name })}</p>
      <p class="quiet">${say("score.others")}</p>
      <div class="row">${this.able.map((name) => html`<button @click=${() => this.#choose(name)}>${name}</button>`)}</div>`;
  }

  #choose(model) {
    this.model = model;
    this.tell("model-choice", { model });
  }

  /** Said where the service turned light into dark, with a switch. */
  #inverted() {
    const inverted = this.score?.steps.includes("inverted");
    if (!inverted && this.invert === "auto") return "";
    return html`<label><input type="checkbox" .checked=${inverted} @change=${({ target }) => this.#turn(target.checked ? "auto" : "false")}> ${this.words.say("score.inverted")}</label>`;
  }

  #turn(invert) {
    this.invert = invert;
    this.tell("invert-change", { invert });
  }

  #sum() {
    const { say } = this.words;
    const [loss, kl] = [-(this.score?.reconstruction.value ?? 0), this.score?.kl.value ?? 0];
    const part = loss + kl > 0 ? (100 * loss) / (loss + kl) : 0;
    const number = (name) => {
      const mean = this.score?.[name];
      const error = mean?.standard_error == null ? "" : `± ${mean.standard_error.toFixed(1)}`;
      return html`<dd>${mean ? mean.value.toFixed(1).replace("-", "−") : "–"} <small>${error}</small></dd>`;
    };
    return html`
      <div id="bar" role="img" aria-label=${say("score.bar", { loss: loss.toFixed(1), kl: kl.toFixed(1) })}>
        ${this.score ? html`<span .style=${`width:${part}%`}></span><span class="kl" .style=${`width:${100 - part}%`}></span>` : ""}</div>
      <dl>
        <div><dt>${say("score.elbo")}</dt>${number("elbo")}</div>
        <div class="is"><dt class="key">${say("score.reconstruction")}</dt>${number("reconstruction")}</div>
        <div class="less"><dt class="key kl">${say("score.kl")}</dt>${number("kl")}</div>
      </dl>`;
  }

  /** Where the test pictures lie, from the least likely to the likeliest. */
  #rank() {
    const { say } = this.words;
    const percentile = this.score?.percentile;
    if (percentile == null) return "";
    const text = say("score.percentile", { percentile: percentile.toFixed(0) });
    return html`<div id="rank" role="img" aria-label=${text}><i .style=${`left:${percentile}%`}></i></div>
      <p class="text">${text}</p>`;
  }

  #figures() {
    const { score } = this;
    return html`<p class="quiet">${this.words.say("score.figures", {
      domain: this.words.say(`score.domain.${score?.domain}`), bits: score?.bits_per_dim.elbo.toFixed(3) ?? "",
      bound: score?.importance_weighted.value.toFixed(1).replace("-", "−") ?? "", k: score?.importance_weighted.draws ?? "" })}</p>`;
  }

  /** The nats that each dimension costs. */
  #dimensions() {
    const kl = this.score?.kl_per_dimension;
    if (!kl) return "";
    const [most, text] = [Math.max(...kl), this.words.say("score.dimensions", { count: kl.length, most: Math.max(...kl).toFixed(2) })];
    const gap = kl.length > 100 ? 0 : 0.25;
    return html`<figure id="dimensions"><svg .style=${`max-width:${2.5 * kl.length}rem`} viewBox="0 0 ${kl.length} 1" preserveAspectRatio="none" role="img" aria-label=${text}>
      ${kl.map((value, index) => svg`<rect x=${index + gap / 2} width=${1 - gap} y=${1 - value / most} height=${value / most}></rect>`)}</svg>
      <figcaption>${text}</figcaption></figure>`;
  }

  static styles = [look, css`
    #result { transition: opacity .15s; }
    #result[aria-busy=true] { opacity: .75; }
    #pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; margin-bottom: .9rem; }
    /* Both show the same file, input and output side by side: one its left half, the other its right. */
    .half { aspect-ratio: 1; border-radius: 10px; background: #000; overflow: hidden; }
    .half img { display: block; width: 200%; height: 100%; }
    .right img { margin-left: -100%; }
    figcaption { margin-top: .35rem; color: var(--muted); font-size: .8125rem; }
    #bar { display: flex; height: .875rem; border-radius: 99px; background: var(--line); overflow: hidden; }
    #bar span { background: var(--muted); transition: width .2s; }
    #bar .kl { background: var(--accent); }
    dl { display: flex; justify-content: space-between; gap: .5rem 1.1rem; margin: .6rem 0 .9rem; font-variant-numeric: tabular-nums; }
    dl > div { position: relative; display: flex; flex-direction: column-reverse; }
    dd { font-size: 1.125rem; font-weight: 600; letter-spacing: -.02em; white-space: nowrap; }
    small { display: block; min-height: 1.2em; color: var(--muted); font-size: .75rem; font-weight: 400; letter-spacing: 0; }
    dt { color: var(--muted); font-size: .75rem; }
    .key::before { content: ""; display: inline-block; width: .65em; height: .65em; margin-right: .4em; border-radius: 3px; background: var(--muted); }
    .key.kl::before { background: var(--accent); }
    .is::before, .less::before { content: "="; position: absolute; left: -1.15rem; top: .15rem; color: var(--muted); }
    .less::before { content: "−"; }
    #rank { position: relative; height: .5rem; margin: .25rem 0 .5rem; border-radius: 99px; background: linear-gradient(to right, var(--line), var(--muted)); }
    #rank i { position: absolute; top: 50%; width: 1rem; height: 1rem; translate: -50% -50%; border: 3px solid var(--paper); border-radius: 50%; background: var(--accent); box-shadow: 0 0 0 1px var(--muted); }
    .text { margin: .5rem 0 .75rem; font-size: .9375rem; }
    label { display: flex; gap: .5rem; align-items: center; min-height: 44px; }
    label input { min-width: 1.25rem; }
    #why { margin-bottom: .75rem; }
    .row { margin-top: .5rem; }
    #dimensions { margin-top: .9rem; }
    #dimensions svg { display: block; width: 100%; height: 2.75rem; border-bottom: 1px solid var(--line); }
    rect { fill: var(--accent); }
    @media (forced-colors: active) { #bar, #rank i, rect, .key::before { forced-color-adjust: none; } }
    @media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
  `];
}

customElements.define("elbo-meter", ElboMeter);
