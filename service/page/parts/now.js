// NOW: the picture of the point, large, and what can be done with it.

import { icon } from "../elements/icons.js";
import { html, live } from "../lit/lit.js";

/** Short, and within what the service has tiles of. */
const SEEDS = 1_000_000;

export function now(page) {
  const { say } = page.words;
  const seed = typeof page.point === "number" ? page.point : "";
  return html`<section id="now" aria-labelledby="now-title">
    <div class="head"><h2 id="now-title" class=${/^z/.test(page.name) ? "" : "point"}>${page.name}</h2></div>
    <p class="quiet lead">${say("now.lead")}</p>
    <div class="picture">
      <img id="picture" src=${page.picture || page.url} alt=${`${page.card.name}, ${page.name}`} width="224" height="224">
      <canvas id="near" width="224" height="224" hidden aria-hidden="true"></canvas>
    </div>
    <div class="row">
      <button id="random" class="main" @click=${() => random(page)}>${icon("dice")} ${say("now.random")}</button>
      <label class="field"><span>${say("now.seed")}</span><input id="seed" type="text" inputmode="numeric" size="10" .value=${String(seed)} placeholder="–" @change=${(event) => typed(page, event.target)}></label>
      ${page.card.labels.length ? labels(page) : ""}
      <button aria-label=${say("now.home")} title=${say("now.home")} @click=${() => page.go("0,0")}>${icon("home")}</button>
      <a class="button" href=${page.url} download=${`${page.card.name}.png`} aria-label=${say("now.save")} title=${say("now.save")}>${icon("save")}</a>
    </div>
    <div class="row ends"><span class="quiet">${say("now.ends")}</span>${["a", "b"].map((end) => html`<button id="set-${end}" @click=${() => page.change({ [end]: page.state.at, frame: 0 })}>${say(`now.${end}`)}</button>`)}</div>
  </section>`;
}

/** The class of a conditional model's seeds; other points have theirs in them. */
function labels(page) {
  const { say } = page.words;
  return html`<label class="field"><span>${say("now.label")}</span><select id="label" .value=${live(page.space.label)} @change=${(event) => page.change({ label: event.target.value })}>
    <option value="">${say("now.label.any")}</option>${page.card.labels.map((label) => html`<option value=${label} ?selected=${label === page.space.label}>${label}</option>`)}</select></label>`;
}

export const random = (page) => page.go(String(crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS));

/** @param {HTMLInputElement} field with a number, in digits of any width */
function typed(page, field) {
  const number = field.value.normalize("NFKC").trim();
  if (/^\d{1,10}$/.test(number) && Number(number) < 2 ** 32) page.go(number);
  else page.problem = page.words.say("problem.seed", { given: field.value.slice(0, 20) });
}
