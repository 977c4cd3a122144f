// PATH: the film from A to B.

import { html } from "../lit/lit.js";

export function path(page) {
  const { say } = page.words;
  const { a, b, method, frame } = page.state;
  return html`<section id="path" aria-labelledby="path-title">
    <div class="head"><h2 id="path-title">${say("path.title")}</h2><p class="quiet">${say(`path.lead.${method}`)}</p></div>
    <film-strip model=${page.card.pinned} .a=${a} .b=${b} .label=${page.state.label} .method=${method} .frame=${page.ghost?.frame ?? frame}
      @frame-input=${(event) => framed(page, event, false)} @frame-change=${(event) => framed(page, event, true)}
      @play-change=${({ detail }) => (page.playing = detail.playing)}>
      <span class="choice" role="group" aria-label=${say("path.method")}>${["slerp", "lerp"].map((name) => html`<button aria-pressed=${method === name}
        @click=${() => page.change({ method: name })}>${name}</button>`)}</span>
    </film-strip>
  </section>`;
}

function framed(page, { detail: { frame, at, near } }, rests) {
  const shown = page.gliding && rests ? null : near;
  if (page.gliding) page.ghost = rests ? null : { at, frame };
  else page.change({ at, frame }, { rests });
  page.gliding &&= !rests;
  page.near(shown);
}
