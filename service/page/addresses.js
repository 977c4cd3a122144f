// Where things lie, as the service understands it, and the line for a shell that fetches them. Pure functions.

/**
 * @typedef {{name: string, pinned: string, image: {width: number, height: number}, capabilities: string[]}} Card
 * @typedef {{model: string, a: number, b: number, frame: number | null, method: string, from: number}} State
 *   frame null: none was chosen, so the film plays once; from: the first seed of the grid
 * @typedef {{url: string, file?: undefined} | {url?: undefined, file: File}} Origin of a picture to score
 * @typedef {[string, string, string]} Line what comes before an address, the address, and what comes after
 */

/** Frames of a film are numbered from 0 to STEPS. */
export const STEPS = 16;

/** @param {string} model a name, or name@digest, which means the same for ever @param {string} rest */
export const address = (model, rest) => `/v1/models/${model}/${rest}`;

/** @param {Card | undefined} card @param {number} seed */
export const tile = (card, seed) => `samples/${seed}.png?size=${enlarged(card, 112)}`;

/** @param {State} state */
export const film = ({ a, b, method }) => `interpolations/${a},${b}.strip.png?steps=${STEPS}&method=${method}`;

/** @param {State} state @returns {string} a single frame of the film */
export const still = ({ a, b, frame, method }) => `interpolations/${a},${b}.png?at=${(frame ?? 0) / STEPS}&method=${method}`;

/** @param {State} state @param {"a" | "b" | "frame"} source @returns {string} at the model's own size, which is taken as it is */
export const original = (state, source) => (source === "frame" ? still(state) : `samples/${state[source]}.png`);

/** @param {Card | undefined} card @param {number} pixels @returns {number} no fewer, and a whole multiple of the model's size */
function enlarged(card, pixels) {
  const side = card ? Math.max(card.image.width, card.image.height) : 28;
  return side * Math.ceil(pixels / side);
}

/** @param {State} state @param {Card} card @param {"a" | "b" | "frame" | "film"} what @returns {Line} */
export function download(state, card, what) {
  const rests = { a: tile(card, state.a), b: tile(card, state.b), film: film(state), frame: `${still(state)}&size=${enlarged(card, 336)}` };
  return ["curl -OJ '", absolute(address(card.pinned, rests[what])), "'"];
}

/** @param {Card} card @param {Origin | null} origin @returns {Line} */
export function upload(card, origin) {
  const input = origin?.url ? `curl -s '${absolute(origin.url)}' | ` : "";
  const name = origin?.file?.name ?? (origin ? "-" : "picture.png");
  return [`${input}curl -F 'image=@${name.replaceAll("'", "'\\''")}' '`, absolute(address(card.pinned, "scores")), "'"];
}

/** @param {string} path @returns {string} without quotes, so that it may stand between them in a shell */
const absolute = (path) => new URL(path, location.origin).href.replaceAll("'", "%27");
