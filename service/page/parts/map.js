// MAP: the latent space as a plane, or as its most active directions.

import { html } from "../lit/lit.js";
import { copy } from "./copy-bar.js";
import { directions } from "./directions.js";

export function map(page) {
  const { say } = page.words;
  const many = page.card.latent_dim > 2;
  const plane = many ? page.state.plane : "map";
  return html`<section id="map" aria-labelledby="map-title">
    <div class="head"><h2 id="map-title">${say("map.title")}</h2>
      ${many ? html`<span class="choice" role="group" aria-label=${say("map.planes")}>${["map", "directions"].map((name) => html`
        <button aria-pressed=${plane === name} @click=${() => page.change({ plane: name })}>${say(`map.plane.${name}`)}</button>`)}</span>` : ""}</div>
    <p class="quiet lead">${say(many ? (plane === "map" ? "map.lead.seeds" : "map.lead.directions") : "map.lead.latents")}</p>
    <latent-map ?hidden=${plane !== "map"} model=${page.card.pinned} .loader=${page.loader} .at=${at(page)} .a=${page.state.a} .b=${page.state.b} .label=${page.state.label} .posterior=${page.posterior}
      @point-input=${(event) => moved(page, event, false)} @point-change=${(event) => moved(page, event, true)}
      @ends-change=${({ detail }) => page.change({ [detail.end]: detail.at, frame: 0 })}
      @keydown=${(event) => key(page, event)}></latent-map>
    ${many ? "" : html`<p class="quiet legend">${page.posterior ? say("map.posterior", rounded(page.posterior)) : ""}</p>`}
    ${plane === "directions" ? directions(page) : ""}
  </section>`;
}

/** Where a posterior lies and how wide it is, for people. */
export function rounded({ mean, scale }) {
  const [x, y] = mean.map((value) => value.toFixed(2).replace("-", "−"));
  const [across, up] = scale.map((value) => value.toFixed(2));
  return { x, y, across, up };
}

/** What plays without a step in the address moves the dot only where its way lies on the map. */
const at = (page) => (page.ghost && page.card.latent_dim === 2 ? page.ghost.at : page.state.at);

function moved(page, { detail }, rests) {
  page.go(detail.at, { rests, near: detail.near });
}

/** Those of the map's keys that concern the whole page. */
function key(page, event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const commands = { " ": () => page.play(), c: () => copy(page), "?": () => document.getElementById("keys").showModal() };
  const command = event.composedPath()[0] instanceof HTMLInputElement ? null : commands[event.key];
  if (!command) return;
  event.preventDefault();
  command();
}
