// What opens on demand: the keys, sharing, and how long the last answers took.

import { icon } from "../elements/icons.js";
import { html, svg } from "../lit/lit.js";
import { clock, timings } from "../model/requests.js";
import { PARTS } from "../model/state.js";
import { write } from "./copy-bar.js";

const EVERY_MS = 2000;
let [waiting, watch] = [0, 0];
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

function timing(page) {
  const { say } = page.words;
  const last = timings.at(-1);
  const [columns, most] = [40, Math.max(10, ...timings.map((each) => each.total))];
  const ms = (value) => `${(value ?? 0).toFixed(1)} ms`;
  return html`<details id="timing" @toggle=${(event) => look(page, event.target.open)}><summary>${say("timing.title")}</summary>
    <svg viewBox="0 0 ${columns} 1" preserveAspectRatio="none" role="img" aria-label=${say("timing.bars", { count: timings.length, most: ms(most) })}>
      ${timings.map(({ total, model }, index) => svg`<rect class="total" x=${index} width=".8" y=${1 - total / most} height=${total / most}/><rect x=${index} width=".8" y=${1 - model / most} height=${model / most}/>`)}</svg>
    <dl>${["queue", "model", "encode", "total"].map((name) => html`<div><dt>${say(`timing.${name}`)}</dt><dd>${ms(last?.[name])}</dd></div>`)}
      <div><dt>${say("timing.waiting")}</dt><dd>${waiting}</dd></div></dl></details>`;
}

/** How many rows wait is asked for only while it is open. */
function look(page, open) {
  clearInterval(watch);
  const draw = () => page.requestUpdate();
  clock[open ? "addEventListener" : "removeEventListener"]("timing", page.timingDrawn ??= draw);
  if (!open) return;
  const ask = async () => {
    // Not through `answer`: what looks at the queue is no part of what is measured.
    const text = await fetch("/metrics").then((response) => response.text()).catch(() => "");
    waiting = Number(/^latentserve_queue_rows (\S+)/m.exec(text)?.[1] ?? 0);
    draw();
  };
  watch = setInterval(ask, EVERY_MS);
  ask();
}
