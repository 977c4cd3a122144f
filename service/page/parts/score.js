// SCORE: how probable the model finds a picture: the one shown, a real one, one's own, drawn or brought.

import { html } from "../lit/lit.js";
import { address } from "../model/addresses.js";
import { recipeOf, stateOf } from "../model/recipe.js";
import { answer } from "../model/requests.js";
import { rounded } from "./map.js";

/** Test pictures of Fashion-MNIST, by their files in `examples/`: one or two of each class. */
const TESTS = ["00-ankle-boot", "01-pullover", "02-trouser", "04-shirt", "06-coat", "08-sandal", "09-sneaker", "13-dress", "18-bag", "19-t-shirt", "30-bag", "32-dress"];
const example = (file) => new URL(`../examples/${file}.png`, import.meta.url).href;

export function score(page) {
  const { say } = page.words;
  const { own, scores } = page;
  const can = page.card.capabilities.includes("score");
  const bare = scores === "draw" && !own;
  return html`<section id="score" aria-labelledby="score-title">
    <div class="head"><h2 id="score-title">${say("score.title")}</h2></div>
    <p class="quiet lead">${say("score.lead")}</p>
    ${can ? sources(page) : ""}
    <elbo-meter ?hidden=${can && bare} model=${page.card.pinned} .src=${page.source} .picture=${own?.picture} .invert=${own?.invert ?? "auto"}
      @model-choice=${({ detail }) => page.choose(detail.model)}
      @invert-change=${({ detail }) => (page.brought = { ...page.brought, [scores]: { ...own, ...detail } })}
      @score-change=${({ detail }) => heard(page, detail)}></elbo-meter>
    ${can && scores !== "now" && !bare ? html`<div class="row"><button id="encode" @click=${() => encode(page)}>${say("score.encode")}</button></div>` : ""}
  </section>`;
}

/** The address of the picture to score; none for one's own. */
export function source(page) {
  if (page.own || page.scores === "draw" || !page.card.capabilities.includes("score")) return "";
  const test = TESTS[Number(page.scores)];
  return test ? example(test) : page.resting;
}

/** A score has come; where the map is one of z itself, the posterior that it is made with comes, too. */
async function heard(page, { score: { elbo, percentile }, picture }) {
  const { card, name, words: { say } } = page;
  const meter = page.querySelector("elbo-meter");
  if (!meter) return;
  if (page.scores === "file") meter.scrollIntoView({ block: "nearest" });
  const found = card.latent_dim === 2 ? await posterior(page, picture).catch((error) => page.trouble(error)) : null;
  if (card !== page.card || picture !== meter.picture) return;
  page.posterior = found?.scale ? { mean: found.latents, scale: found.scale } : null;
  const values = { name, elbo: elbo.value.toFixed(1), percentile: percentile?.toFixed(0) ?? "–" };
  page.announce(page.posterior ? say("said.posterior", { ...values, ...rounded(page.posterior) }) : say("said.score", values));
}

function sources(page) {
  const { say } = page.words;
  const kind = isNaN(Number(page.scores)) ? page.scores : "test";
  const button = (name, score) => html`<button id="score-${name}" aria-pressed=${kind === name} @click=${() => page.change({ score })}>${say(`score.source.${name}`)}</button>`;
  return html`<div class="row sources"><span class="choice" role="group" aria-label=${say("score.sources")}>
      ${button("now", "now")}${button("test", "0")}${button("draw", "draw")}</span>
      <label class="button" aria-current=${String(kind === "file")}><input type="file" class="unseen" accept="image/png,image/jpeg,image/webp" @change=${({ target }) => (target.files[0] && take(page, target.files[0]), (target.value = ""))}>${say("score.source.file")}</label></div>
    ${kind === "test" ? tests(page) : ""}
    <div class="drawing" ?hidden=${kind !== "draw"}><draw-pad model=${page.card.pinned} @picture-change=${({ detail }) => bring(page, "draw", detail.picture)}></draw-pad>
      <div><p class="quiet">${say("draw.lead")}</p><button @click=${() => page.querySelector("draw-pad").load(page.querySelector("#picture"))}>${say("draw.from")}</button></div></div>`;
}

function tests(page) {
  const { say } = page.words;
  return html`<ol class="grid tests">${TESTS.map((file, index) => {
    const [number, ...name] = file.split("-");
    const title = say("score.test", { name: say(`class.${name.join("-")}`), number: Number(number) });
    return html`<li><button aria-pressed=${page.scores === String(index)} title=${title} @click=${() => page.change({ score: String(index) })}>
      <img src=${example(file)} alt=${title} width="28" height="28"></button></li>`;
  })}</ol>`;
}

/** One of our pictures says where it came from, any other is scored. */
async function take(page, file) {
  const recipe = recipeOf(await file.arrayBuffer());
  const found = recipe && stateOf(recipe);
  if (found && page.cards.some((card) => card.name === found.model)) {
    page.change({ ...found, score: "now" });
    page.problem = page.words.say("said.recipe", { name: page.name });
  } else {
    await bring(page, "file", file);
    page.change({ score: "file" });
    page.tab = "score";
  }
}

/** A picture to score, and what a line calls it: its file's name, or of a drawn one its bytes. */
async function bring(page, kind, picture) {
  const source = picture.name ?? `data:,${btoa(String.fromCharCode(...new Uint8Array(await picture.arrayBuffer())))}`;
  page.brought = { ...page.brought, [kind]: { picture, source, invert: "auto" } };
}

/** Shows the point where the encoder puts the scored picture: on the map, or where it has too many numbers, by its directions. */
async function encode(page) {
  const found = await posterior(page, page.querySelector("elbo-meter").picture).catch((error) => page.trouble(error));
  if (!found) return;
  page.change({ at: `z.${found.z64}`, ...(page.space.dim > 2 ? { plane: "directions" } : {}) });
  page.tab = "map";
}

/** What the encoder says of a picture, whatever recipe it carries. @returns {Promise<{z64: string, latents: number[], scale: number[]}>} */
async function posterior(page, picture) {
  const body = new FormData();
  body.append("image", picture, "picture.png");
  const { data } = await (await answer(address(page.card, `latents?recipe=ignore&invert=${page.own?.invert ?? "auto"}`), { method: "POST", body })).json();
  return data[0];
}

/** Takes what is dropped anywhere on the page. */
export function receive(page) {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) take(page, file);
  });
}
