// The page at `/`: what is in view lies in the hash of its address; this file changes the one, the parts draw the other.

import "./elements.js";
import { LitElement, html } from "./lit/lit.js";
import { picture } from "./model/addresses.js";
import { Journey } from "./model/journey.js";
import { read, resolve } from "./model/points.js";
import { PictureLoader, answer } from "./model/requests.js";
import { Space } from "./model/space.js";
import { PARTS, start, touched } from "./model/state.js";
import { copyBar } from "./parts/copy-bar.js";
import { dialogs } from "./parts/dialogs.js";
import { header } from "./parts/header.js";
import { map } from "./parts/map.js";
import { now } from "./parts/now.js";
import { path } from "./parts/path.js";
import { samples } from "./parts/samples.js";
import { receive, score, source } from "./parts/score.js";
import { why } from "./parts/why.js";
import { Words, load, nearest } from "./words/words.js";

const NOW_PIXELS = 224;
/** Nothing, until a model that was chosen has made its own picture. */
const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=";
const SAID_MS = 500;
/** A hand that goes on within this time need not be scored on its way. */
const RESTS_MS = 300;
/** Time to look before the dot shows that it can be moved. */
const GLIDES_MS = 1500;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

class LatentPage extends LitElement {
  static properties = {
    picture: { state: true },
    /** What is shown while something moves by itself: no step that Back would undo. */
    ghost: { state: true },
    form: { state: true },
    tab: { state: true },
    said: { state: true },
    problem: { state: true },
    playing: { state: true },
    copied: { state: true },
    /** What the copy bar is about: what was touched last. */
    subject: { state: true },
    /** One's own pictures, drawn (`draw`) and from a file (`file`): {picture, source, invert}, source as a line of code calls it. */
    brought: { state: true },
    /** Of the picture that was scored last, on a map of two dimensions. */
    posterior: { state: true },
    /** The address of the picture on which the hand has come to rest. */
    resting: { state: true },
  };

  #saying = 0;
  #settling = 0;
  #settled = "";

  /** @type {Card[]} of all models, before the first of these is made */
  static cards = [];
  cards = LatentPage.cards;
  loader = new PictureLoader();
  words = new Words(this);

  constructor() {
    super();
    this.journey = new Journey(start(this.dataset.model ?? ""));
    this.journey.addEventListener("state", () => this.#arrive());
    Object.assign(this, { picture: "", ghost: null, form: "url", tab: "map", said: "", problem: "", playing: false, copied: false, resting: "", subject: "picture", brought: {}, posterior: null });
    this.loader.addEventListener("picture", (event) => this.#arrived(event));
    this.loader.addEventListener("failure", (event) => this.trouble(event.detail));
  }

  /** What was drawn without a script makes room for what can be touched. */
  createRenderRoot() {
    this.replaceChildren();
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    receive(this);
    this.#known();
    for (const name of ["pointerdown", "keydown"]) addEventListener(name, () => this.still(), { capture: true });
    this.addEventListener("problem", (event) => this.trouble(event.detail));
  }

  async firstUpdated() {
    if (location.hash || calm.matches || this.state.hide.includes("path")) return;
    const film = this.querySelector("film-strip");
    setTimeout(() => {
      if (this.moved) return;
      this.gliding = true;
      film.glide();
    }, GLIDES_MS);
  }

  get state() {
    return this.journey.state;
  }

  get card() {
    const named = (wanted) => this.cards.find(({ name }) => name === wanted);
    return named(this.state.model) ?? named(this.journey.first.model) ?? this.cards[0];
  }

  /** Of the model, or of the class that is chosen. */
  get space() {
    return new Space(this.card, this.state.label);
  }

  /** The point that is shown. */
  get point() {
    return read(this.state.at, this.space) ?? 42;
  }

  get latents() {
    return resolve(this.point, this.space);
  }

  /** The address of the picture that is shown, as everyone may use it. */
  get url() {
    return new URL(picture(this.space, this.point, NOW_PIXELS), location.href).href;
  }

  /** Which picture is scored; a file stays with who brought it, whatever an address says. */
  get scores() {
    const { score } = this.state;
    return score === "file" && !this.brought.file ? "now" : score;
  }

  /** One's own, if that is scored. */
  get own() {
    return this.brought[this.scores];
  }

  /** The address of the picture that is scored; none for one's own. */
  get source() {
    return source(this);
  }

  shows = (part) => !this.state.hide.includes(part);

  /** An address may name a model that is not here: then it is told, and put right. */
  #known() {
    const [given, model] = [this.state.model, this.card.name];
    if (given === model) return;
    this.journey.step({ model }, { rests: true, anew: false });
    this.problem = this.words.say("problem.model", { given: given.slice(0, 40), model });
  }

  /** What the point is called. */
  get name() {
    const { say } = this.words;
    if (typeof this.point === "number") return [say("point.seed", { seed: this.point }), this.space.label].filter(Boolean).join(" · ");
    if (this.card.latent_dim > 2) return this.state.at.startsWith("z.") ? say("point.free") : say("point.place", { place: this.state.at });
    return `z = (${[...this.latents].map((value) => value.toFixed(2).replace("-", "−")).join(", ")})`;
  }

  // Steps

  /** @param {{rests: boolean}} [how] rests: a step is done that Back undoes; else one is under way */
  change(changes, how = { rests: true }) {
    this.subject = touched(changes) ?? this.subject;
    this.journey.step(changes, how);
  }

  #arrive() {
    this.requestUpdate();
    if (this.problem) this.problem = "";
    this.#known();
    this.announce(this.name);
  }

  go(at, { rests = true, near = null } = {}) {
    this.change({ at }, { rests });
    this.near(near);
  }

  choose(model) {
    const card = this.cards.find(({ name }) => name === model);
    if (!card || model === this.state.model) return;
    this.querySelector("film-strip")?.pause();
    const kept = (text, other) => (read(text, new Space(card)) === null || text.includes(",") ? other : text);
    const { state: { at, a, b }, first } = this.journey;
    Object.assign(this, { posterior: null, picture: BLANK });
    this.change({ model, label: "", at: kept(at, first.at), a: kept(a, first.a), b: kept(b, first.b), like: "", frame: 0 });
  }

  /** Nothing moves by itself any more. */
  still() {
    this.moved = true;
    if (this.gliding) this.querySelector("film-strip")?.pause();
  }

  // Hands

  play() {
    const film = this.querySelector("film-strip");
    if (film?.playing) film.pause();
    else film?.play();
  }

  // Pictures

  updated() {
    if (!this.ghost) this.loader.want(this.url);
    if (!this.ghost && this.#settled !== this.url) this.#settle();
    document.title = `${this.name} · ${this.card.name} · latentserve`;
  }

  /** What is scored follows the hand, but not every step of it. */
  #settle() {
    this.#settled = this.url;
    clearTimeout(this.#settling);
    const native = new URL(picture(this.space, this.point), location.href).href;
    this.#settling = setTimeout(() => (this.resting = native), RESTS_MS);
  }

  #arrived({ detail: { url, shown } }) {
    if (url !== this.url || this.ghost) return;
    Object.assign(this, { picture: shown, shownUrl: url });
    this.near(null);
  }

  /** Draws what is nearest over the picture until the exact one comes; null takes it away. */
  near(near) {
    const canvas = this.querySelector("#near");
    if (!canvas) return;
    canvas.hidden = !near;
    if (near) canvas.getContext("2d")?.drawImage(near.image, near.x, near.y, near.width, near.height, 0, 0, canvas.width, canvas.height);
  }

  // Words

  trouble(error) {
    const { name = "", message = "", code = "" } = error;
    if (name === "AbortError") return;
    this.problem = code === "unreachable" ? this.words.say("problem.unreachable") : message;
  }

  /** To screen readers, and not more often than they can follow. */
  announce(text) {
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => (this.said = text), SAID_MS);
  }

  render() {
    const parts = [map, now, path, samples, score, why].map((part, index) => (this.shows(PARTS[index]) ? part(this) : ""));
    return html`${header(this)}
      <main data-tab=${this.tab}>${parts.slice(0, 4)}<div class="aside">${parts.slice(4)}</div></main>
      ${copyBar(this)} ${dialogs(this)}
      <p class="unseen" role="status">${this.said}</p>
      <p id="problem" role="alert">${this.problem}</p>`;
  }
}

/** The words and the cards first, so that nothing blinks. */
async function begin() {
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search).get("lang");
  root.lang = nearest(asked ?? localStorage.getItem("lang") ?? root.lang);
  const [list] = await Promise.all([answer("/v1/models").then((response) => response.json()), load(root.lang)]);
  LatentPage.cards = list.data;
  if (list.data.length) customElements.define("latent-page", LatentPage);
}

begin();
