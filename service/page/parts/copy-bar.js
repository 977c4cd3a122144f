// The copy bar: what was touched last as a URL or as a line of code that asks for it; and on a phone what a thumb needs most.

import { icon } from "../elements/icons.js";
import { html, live } from "../lit/lit.js";
import { address, enlarged, film } from "../model/addresses.js";
import { read, resolve } from "../model/points.js";
import { NAMES, formsOf, snippet } from "../model/snippets.js";
import { random } from "./now.js";

const COPIED_MS = 1500;
const FILM_PIXELS = 224;
/** Why first, since it introduces the others. */
const TABS = ["why", "map", "path", "samples", "score"];

const absolute = (path) => new URL(path, location.href).href;

/** How each is asked for; null for what there is none of. */
const ASKED = {
  picture: ({ card, name, url }) => ({ name: `${card.name}.png`, alt: `${card.name}, ${name}`, url }),

  /** Between seeds the film has an address; between other points it is asked for with them. */
  film({ card, space, state: { a, b, method } }) {
    const ends = [a, b].map((text) => read(text, space) ?? 0);
    const seeds = ends.every((end) => typeof end === "number");
    const points = seeds ? null : ends.map((end) => (typeof end === "number" ? { seed: end } : { latents: [...resolve(end, space)] }));
    const url = film(space, method, seeds ? `${ends}.webp` : "");
    return { name: `${card.name}.webp`, alt: `${card.name}, ${a} – ${b}`, url: absolute(`${url}&size=${enlarged(card, FILM_PIXELS)}&loop=true`), points };
  },

  score({ card, own, source }) {
    const scored = own?.source ?? source;
    const query = own?.invert === "false" ? "?invert=false" : "";
    return card.capabilities.includes("score") && scored ? { url: absolute(address(card, `scores${query}`)), source: scored } : null;
  },
};

/** What the line is about, in the form that was chosen, where it has that. */
function chosen(page) {
  const subject = ASKED[page.subject](page) ? page.subject : "picture";
  const asked = ASKED[subject](page);
  const forms = formsOf(asked);
  const form = forms.includes(page.form) ? page.form : "curl";
  return { subject, forms, form, line: snippet(form, asked) };
}

export async function write(page, text) {
  // Without leave to write there, the line is at least selected.
  await navigator.clipboard.writeText(text).catch(() => getSelection()?.selectAllChildren(page.querySelector("#line")));
  page.copied = true;
  page.announce(page.words.say("copy.done"));
  setTimeout(() => (page.copied = false), COPIED_MS);
}

export const copy = (page) => write(page, chosen(page).line);

export function copyBar(page) {
  const { say } = page.words;
  const playing = page.playing ? "pause" : "play";
  return html`<nav class="tabs" aria-label=${say("tabs.label")}>${TABS.filter(page.shows).map((tab) => html`<button aria-pressed=${page.tab === tab} @click=${() => (page.tab = tab)}>${say(`tabs.${tab}`)}</button>`)}</nav>
    <footer id="copy" aria-label=${say("copy.title")}>
      ${lines(page)}
      <div class="row thumbs">
        <button class="phone" @click=${() => random(page)}>${icon("dice")} ${say("now.random")}</button>
        <button class="phone" @click=${() => page.play()}>${icon(playing)} ${say(`path.${playing}`)}</button>
        <button id="copy-line" class="main" @click=${() => copy(page)}>${icon("copy")} <span>${say(page.copied ? "copy.done" : "copy.copy")}</span></button>
      </div>
    </footer>`;
}

function lines(page) {
  const { say } = page.words;
  const { subject, forms, form, line } = chosen(page);
  const subjects = Object.keys(ASKED).filter((name) => ASKED[name](page));
  return html`<select id="subject" aria-label=${say("copy.subject")} .value=${live(subject)} @change=${(event) => (page.subject = event.target.value)}>
      ${subjects.map((name) => html`<option value=${name} ?selected=${name === subject}>${say(`copy.subject.${name}`)}</option>`)}</select>
    <span class="choice" role="group" aria-label=${say("copy.form")}>${forms.map((name) => html`<button aria-pressed=${name === form} @click=${() => (page.form = name)}>${NAMES[name]}</button>`)}</span>
    <code id="line" tabindex="0" role="textbox" aria-readonly="true" aria-label=${say("copy.title")}>${line}</code>`;
}
