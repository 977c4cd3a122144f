// The head of the page: which model, which language, light or dark, keys, share.

import { icon } from "../elements/icons.js";
import { html, live } from "../lit/lit.js";
import { load } from "../words/words.js";

const THEMES = ["auto", "light", "dark"];
const LANGUAGES = { en: "EN", ja: "日本語" };
const theme = () => document.documentElement.dataset.theme ?? THEMES[0];

export function header(page) {
  const { say } = page.words;
  const colours = say("head.theme", { theme: say(`head.theme.${theme()}`) });
  return html`<header>
    <h1>latentserve</h1>
    <label class="model"><span class="unseen">${say("head.model")}</span>
      <select id="model" .value=${live(page.card.name)} @change=${(event) => page.choose(event.target.value)}>
        ${page.cards.map((card) => html`<option value=${card.name} ?selected=${card === page.card}>${card.name}</option>`)}
      </select></label>
    <p class="facts quiet">${facts(page)}</p>
    <nav aria-label=${say("head.settings")}>
      <span class="choice languages">${Object.entries(LANGUAGES).map(([language, name]) => html`<a href="?lang=${language}" lang=${language} class="button"
        aria-current=${page.words.language === language ? "true" : "false"}
        @click=${(event) => (event.preventDefault(), speak(language))}>${name}</a>`)}</span>
      <button aria-label=${colours} title=${colours}
        @click=${() => turn(page)}>${icon("theme")}</button>
      <button id="show-keys" aria-label=${say("head.keys")} title=${say("head.keys")} @click=${() => open("keys")}>${icon("keys")}</button>
      <button id="show-share" aria-label=${say("head.share")} title=${say("head.share")} @click=${() => open("share")}>${icon("share")} <span class="wide">${say("head.share")}</span></button>
    </nav>
  </header>`;
}

function facts({ card, words: { say } }) {
  const can = ["encode", "score"].filter((name) => card.capabilities.includes(name)).map((name) => say(`can.${name}`));
  const said = [say("head.dimensions", { count: card.latent_dim }), `${card.image.width}×${card.image.height}`, ...can];
  return said.join(" · ");
}

function turn(page) {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
  page.requestUpdate();
}

async function speak(language) {
  localStorage.setItem("lang", language);
  document.documentElement.lang = language;
  const query = new URLSearchParams(location.search);
  query.set("lang", language);
  history.replaceState(null, "", `?${query}${location.hash}`);
  await load(language);
}

/** @param {string} id of a dialog */
const open = (id) => document.getElementById(id).showModal();
