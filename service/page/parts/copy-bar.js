// The copy bar: the picture's address, as a URL or as a line of code that fetches it; and on a phone what a thumb needs most.

import { icon } from "../elements/icons.js";
import { html } from "../lit/lit.js";
import { FORMS, NAMES, snippet } from "../model/snippets.js";
import { random } from "./now.js";

const COPIED_MS = 1500;
const TABS = ["map", "path", "samples", "score", "why"];

/** @param {any} page @returns {string} */
const line = (page) => snippet(page.form, page.url, `${page.card.name}.png`, `${page.card.name}, ${page.name}`);

/** @param {any} page @param {string} text to the clipboard */
export async function write(page, text) {
  // Without leave to write there, the line is at least selected.
  await navigator.clipboard.writeText(text).catch(() => getSelection()?.selectAllChildren(page.querySelector("#line")));
  page.copied = true;
  page.announce(page.words.say("copy.done"));
  setTimeout(() => (page.copied = false), COPIED_MS);
}

/** @param {any} page */
export const copy = (page) => write(page, line(page));

/** @param {any} page */
export function copyBar(page) {
  const { say } = page.words;
  return html`<nav class="tabs" aria-label=${say("tabs.label")}>${TABS.filter(page.shows).map((tab) => html`<button type="button" aria-pressed=${page.tab === tab} @click=${() => (page.tab = tab)}>${say(`tabs.${tab}`)}</button>`)}</nav>
    <footer id="copy" aria-label=${say("copy.title")}>
      <span class="choice" role="group" aria-label=${say("copy.form")}>${FORMS.map((form) => html`<button type="button" aria-pressed=${page.form === form} @click=${() => (page.form = form)}>${NAMES[form]}</button>`)}</span>
      <code id="line" tabindex="0" role="textbox" aria-readonly="true" aria-label=${say("copy.title")}>${line(page)}</code>
      <div class="row thumbs">
        <button type="button" class="phone" aria-label=${say("now.random")} @click=${() => random(page)}>${icon("dice")}</button>
        <button type="button" class="phone" aria-label=${say(page.playing ? "path.pause" : "path.play")} @click=${() => page.play()}>${icon(page.playing ? "pause" : "play")}</button>
        <button type="button" id="copy-line" class="main" @click=${() => copy(page)}>${icon("copy")} <span>${say(page.copied ? "copy.done" : "copy.copy")}</span></button>
      </div>
    </footer>`;
}
