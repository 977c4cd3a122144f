// What opens over the page: the keys, and sharing.

import { icon } from "../elements/icons.js";
import { html } from "../lit/lit.js";
import { PARTS } from "../model/state.js";
import { write } from "./copy-bar.js";
import { timing } from "./timing.js";

const KEYS = { "← ↑ ↓ →": "arrows", "⇧ ← →": "far", "⌥ ← →": "near", Home: "home", R: "random", "[ ]": "seeds", "A B": "ends", Space: "play", C: "copy", "?": "help" };

export function dialogs(page) {
  return html`${keys(page)}${share(page)}${timing(page)}`;
}

function keys({ words: { say } }) {
  return html`<dialog id="keys" aria-labelledby="keys-title" @click=${leave}><form method="dialog">
    <h2 id="keys-title">${say("keys.title")}</h2><p class="quiet">${say("keys.lead")}</p>
    <dl>${Object.entries(KEYS).map(([key, name]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${say(`keys.${name}`)}</dd></div>`)}</dl>
    <button class="main">${say("dialog.close")}</button></form></dialog>`;
}

function share(page) {
  const { say } = page.words;
  const toggle = (part) => page.change({ hide: page.shows(part) ? [...page.state.hide, part] : page.state.hide.filter((other) => other !== part) });
  return html`<dialog id="share" aria-labelledby="share-title" @click=${leave}><form method="dialog">
    <h2 id="share-title">${say("share.title")}</h2><p class="quiet">${say("share.lead")}</p>
    <input id="link" type="text" readonly aria-label=${say("share.link")} .value=${page.journey.link} @focus=${(event) => event.target.select()}>
    <fieldset><legend>${say("share.parts")}</legend>${PARTS.map((part) => html`<label><input type="checkbox" .checked=${page.shows(part)} @change=${() => toggle(part)}> ${say(`tabs.${part}`)}</label>`)}</fieldset>
    <div class="row">${navigator.share ? html`<button class="main" type="button" id="send" @click=${() => send(page)}>${icon("share")} ${say("share.send")}</button>` : ""}
      <button class=${navigator.share ? "" : "main"} type="button" @click=${() => write(page, page.journey.link)}>${icon("copy")} ${say("share.copy")}</button><button>${say("dialog.close")}</button></div></form></dialog>`;
}

/** To whom and by what is the system's question; to leave it is no trouble. */
const send = (page) => navigator.share({ title: document.title, url: page.journey.link }).catch((error) => page.trouble(error));

/** A press beside a dialog closes it. */
function leave({ target, currentTarget }) {
  if (target === currentTarget) currentTarget.close();
}
