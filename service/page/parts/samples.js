// SAMPLES: pictures to choose from, sixteen at a time, at random or like the one that is shown.

import { html } from "../lit/lit.js";
import { LARGEST_SEED, picture } from "../model/addresses.js";
import { encodeZ64 } from "../model/latents.js";
import { latentsOf } from "../model/philox.js";
import { read, resolve } from "../model/points.js";

const COUNT = 16;
/** How far a variation lies from its original, the prior's deviation being 1. */
const FAR = 0.35;

export function samples(page) {
  const { say } = page.words;
  const { from, like } = page.state;
  return html`<section id="samples" aria-labelledby="samples-title">
    <div class="head"><h2 id="samples-title">${say(like ? "samples.like.title" : "samples.title")}</h2>
      <p class="quiet">${say("samples.lead")}</p>
      <div class="row"><button id="like" @click=${() => page.change({ like: page.state.at, from: 0 })}>${say("samples.like")}</button>
        <button id="next" @click=${() => page.change({ from: (from + COUNT) % (LARGEST_SEED + 1 - COUNT) })}>${say("samples.next", { count: COUNT })}</button>
        ${like ? html`<button @click=${() => page.change({ like: "", from: 0 })}>${say("samples.seeds")}</button>` : ""}</div></div>
    <ol class="grid">${Array.from({ length: COUNT }, (_, index) => sample(page, like ? variation(page, like, from + index) : String(from + index), from + index))}</ol>
  </section>`;
}

function sample(page, at, number) {
  const { a, b, at: shown } = page.state;
  const ends = `${at === a ? "A" : ""}${at === b ? "B" : ""}`;
  const name = page.words.say(page.state.like ? "samples.variation" : "point.seed", { seed: number });
  return html`<li><button aria-pressed=${at === shown} data-end=${ends} title=${name} @click=${(event) => choose(page, at, event)}>
    <img src=${picture(page.space, read(at, page.space) ?? 0, 112)} alt=${`${page.card.name}, ${name}`} width="112" height="112"></button></li>`;
}

const choose = (page, at, { shiftKey }) => (shiftKey ? page.change({ b: at, frame: 0 }) : page.go(at));

/** @returns {string} distributed as the prior is, if the original was */
function variation(page, like, number) {
  const { space } = page;
  const [original, noise] = [resolve(read(like, space) ?? 0, space), latentsOf(number, space.dim)];
  const near = original.map((value, index) => Math.sqrt(1 - FAR * FAR) * value + FAR * noise[index]);
  return `z.${encodeZ64(space.within(near))}`;
}
