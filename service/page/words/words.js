// The catalogues of the page and of its elements: one language at a time, chosen by the nearest `lang`.

const LANGUAGES = ["en", "ja"];
/** @type {Map<string, Record<string, string>>} */
const catalogues = new Map();
/** @type {Map<string, Promise<void>>} */
const coming = new Map();
/** Tells "words" when a catalogue has come or the page's language has changed. */
const news = new EventTarget();

/** @param {string | undefined | null} tag such as `ja-JP` @returns {string} the nearest language that there is a catalogue of */
export const nearest = (tag) => LANGUAGES.find((language) => tag?.toLowerCase().split("-")[0] === language) ?? LANGUAGES[0];

/** @param {string} language one of the above @returns {Promise<void>} when its words are there */
export function load(language) {
  const file = new URL(`${language}.json`, import.meta.url);
  const words = coming.get(language) ?? fetch(file).then(async (response) => void catalogues.set(language, await response.json()));
  coming.set(language, words);
  return words.then(() => void news.dispatchEvent(new Event("words")));
}

/** @param {Record<string, string | number>} [values] for the {names} in the text */
export function say(language, key, values = {}) {
  const text = catalogues.get(language)?.[key] ?? "";
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** The words of an element, in the language of its nearest ancestor with a `lang`; it is drawn anew when they come. */
export class Words {
  constructor(host) {
    this.host = host;
    this.language = LANGUAGES[0];
    this.hear = () => this.#choose();
    host.addController(this);
  }

  hostConnected() {
    news.addEventListener("words", this.hear);
    this.#choose();
    load(this.language);
  }

  hostDisconnected() {
    news.removeEventListener("words", this.hear);
  }

  #choose() {
    this.language = nearest(this.host.closest("[lang]")?.lang);
    this.host.requestUpdate();
  }

  say = (key, values) => say(this.language, key, values);
}
