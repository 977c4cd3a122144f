// SAMPLES: pictures to choose from, sixteen at a time, at random or like the one that is shown.

import { html } from "../lit/lit.js";
import { LARGEST_SEED, picture } from "../model/addresses.js";
import { encodeZ64 } from "../model/latents.js";
import { latentsOf } from "../model/philox.js";
import { read, resolve } from "../model/points.js";

const COUNT = 16;
/** How far a variation lies from its original, the prior's deviation being 1. */
const FAR = 0.35;

/** @param {any} page */
export function samples(page) {
  const { say } = page.words;
  const { from, like } = page.state;
  return html`<section id="samples" aria-labelledby="samples-title">
    <div class="head"><h2 id="samples-title">${say(like ? "samples.like.title" : "samples.title")}</h2>
      <p class="quiet">${say("samples.lead")}</p>
      <div class="row"><button type="button" id="like" @click=${() => page.change({ like: page.state.at, from: 0 })}>${say("samples.like")}</button>
        <button type="button" id="next" @click=${() => page.change({ from: (from + COUNT) % (LARGEST_SEED + 1 - COUNT) })}>${say("samples.next", { count: COUNT })}</button>
        ${like ? html`<button type="button" @click=${() => page.change({ like: "", from: 0 })}>${say("samples.seeds")}</button>` : ""}</div></div>
    <ol class="grid">${Array.from({ length: COUNT }, (_, index) => sample(page, like ? variation(page, like, from + index) : String(from + index), from + index))}</ol>
  </section>`;
}

/** @param {any} page @param {string} at @param {number} number */
function sample(page, at, number) {
  const { a, b, at: shown } = page.state;
  const ends = `${at === a ? "A" : ""}${at === b ? "B" : ""}`;
  const name = page.words.say(page.state.like ? "samples.variation" : "point.seed", { seed: number });
  return html`<li><button type="button" aria-pressed=${at === shown} data-end=${ends} title=${name} @click=${(event) => choose(page, at, event)}>
    <img src=${picture(page.card, read(at, page.card.latent_dim) ?? 0, 112)} alt=${`${page.card.name}, ${name}`} width="112" height="112"></button></li>`;
}

/** @param {any} page @param {string} at @param {MouseEvent} event */
const choose = (page, at, { shiftKey }) => (shiftKey ? page.change({ b: at, frame: 0 }) : page.go(at));

/** @param {any} page @param {string} like @param {number} number @returns {string} distributed as the prior is, if the original was */
function variation(page, like, number) {
  const dim = page.card.latent_dim;
  const [original, noise] = [resolve(read(like, dim) ?? 0, dim), latentsOf(number, dim)];
  return `z.${encodeZ64(original.map((value, index) => Math.sqrt(1 - FAR * FAR) * value + FAR * noise[index]))}`;
}
