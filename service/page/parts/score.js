// SCORE: how probable the model finds a picture: the one shown, a real one, one's own.

import { html } from "../lit/lit.js";
import { bring, encode, posterior, take } from "./files.js";
import { rounded } from "./map.js";

/** Test pictures of Fashion-MNIST, by their files in `examples/`: one or two of each class. */
const TESTS = ["00-ankle-boot", "01-pullover", "02-trouser", "04-shirt", "06-coat", "08-sandal", "09-sneaker", "13-dress", "18-bag", "19-t-shirt", "30-bag", "32-dress"];

export function score(page) {
  const { say } = page.words;
  const can = page.card.capabilities.includes("score");
  const bare = page.state.score === "draw" && !page.file;
  return html`<section id="score" class=${can ? "" : "unable"} aria-labelledby="score-title">
    <div class="head"><h2 id="score-title">${say("score.title")}</h2></div>
    <p class="quiet lead">${say("score.lead")}</p>
    ${can ? sources(page) : ""}
    <elbo-meter ?hidden=${can && bare} model=${page.card.pinned} .src=${page.source} .picture=${page.state.score === "draw" ? page.file : undefined}
      @model-choice=${({ detail }) => page.choose(detail.model)}
      @score-change=${({ detail }) => heard(page, detail)}></elbo-meter>
    ${can && page.state.score !== "now" ? html`<div class="row"><button id="encode" ?disabled=${bare} @click=${() => encode(page, page.querySelector("elbo-meter").picture)}>${say("score.encode")}</button></div>` : ""}
  </section>`;
}

/** The address of the picture to score; none for what is drawn or dropped. */
export function source(page) {
  if (page.state.score === "draw" || !page.card.capabilities.includes("score")) return "";
  const test = TESTS[Number(page.state.score)];
  return test ? new URL(`../examples/${test}.png`, import.meta.url).href : page.resting;
}

/** A score has come; where the map is one of z itself, the posterior that it is made with comes, too. */
async function heard(page, { score: { elbo, percentile }, picture }) {
  const { card, name, words: { say } } = page;
  const found = card.latent_dim === 2 ? await posterior(page, picture).catch((error) => page.trouble(error)) : null;
  if (card !== page.card || picture !== page.querySelector("elbo-meter")?.picture) return;
  page.posterior = found?.scale ? { mean: found.latents, scale: found.scale } : null;
  const values = { name, elbo: elbo.value.toFixed(1), percentile: percentile?.toFixed(0) ?? "–" };
  page.announce(page.posterior ? say("said.posterior", { ...values, ...rounded(page.posterior) }) : say("said.score", values));
}

function sources(page) {
  const { say } = page.words;
  const kind = ["now", "draw"].includes(page.state.score) ? page.state.score : "test";
  const button = (name, score) => html`<button id="score-${name}" aria-pressed=${kind === name} @click=${() => page.change({ score })}>${say(`score.source.${name}`)}</button>`;
  return html`<div class="row sources"><span class="choice" role="group" aria-label=${say("score.sources")}>
      ${button("now", "now")}${button("test", "0")}${button("draw", "draw")}</span>
      <label class="button"><input type="file" class="unseen" accept="image/png,image/jpeg,image/webp" @change=${(event) => event.target.files[0] && take(page, event.target.files[0])}>${say("score.source.file")}</label></div>
    ${kind === "test" ? tests(page) : ""}
    <div class="drawing" ?hidden=${kind !== "draw"}><draw-pad model=${page.card.pinned} @picture-change=${({ detail }) => bring(page, detail.picture)}></draw-pad>
      <div><p class="quiet">${say("draw.lead")}</p><button @click=${() => page.querySelector("draw-pad").load(page.querySelector("#picture"))}>${say("draw.from")}</button></div></div>`;
}

function tests(page) {
  const { say } = page.words;
  return html`<ol class="grid tests">${TESTS.map((file, index) => {
    const [number, ...name] = file.split("-");
    const title = say("score.test", { name: say(`class.${name.join("-")}`), number: Number(number) });
    return html`<li><button aria-pressed=${page.state.score === String(index)} title=${title} @click=${() => page.change({ score: String(index) })}>
      <img src=${new URL(`../examples/${file}.png`, import.meta.url).href} alt=${title} width="28" height="28"></button></li>`;
  })}</ol>`;
}
