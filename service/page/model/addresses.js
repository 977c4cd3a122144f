// Where things lie, as the service understands it. Pure functions.

/**
 * @typedef {{name: string, pinned: string, kind: string, image: {width: number, height: number, channels: number},
 *   latent_dim: number, capabilities: string[], likelihood_domain: string | null, summary: string}} Card
 * @typedef {number | string} Point a seed, or the z64 of any other point
 */

/** The distances between the frames of a film from A to B. */
export const STEPS = 16;
/** The cells along a side of a map of two dimensions. */
export const ATLAS_SIDE = 16;
export const LARGEST_SEED = 2 ** 32 - 1;

/** @param {{name: string, pinned?: string}} card @param {string} rest */
export const address = (card, rest) => `/v1/models/${card.pinned ?? card.name}/${rest}`;

/** @param {Card} card @param {number} pixels @returns {number} at least as many, and a whole multiple of the model's own size */
export function enlarged(card, pixels) {
  const side = Math.max(card.image.width, card.image.height);
  return side * Math.ceil(pixels / side);
}

/** @param {Card} card @param {Point} point @param {number} [pixels] @returns {string} its picture; without pixels, as large as the model makes it */
export function picture(card, point, pixels) {
  const size = pixels ? `?size=${enlarged(card, pixels)}` : "";
  return address(card, typeof point === "number" ? `samples/${point}.png${size}` : `images/${point}.png${size}`);
}

/** @param {Card} card @param {number} first @param {number} last @param {number} pixels @returns {string} a sheet of seeds */
export const sheet = (card, first, last, pixels) => address(card, `samples/${first}-${last}.png?size=${enlarged(card, pixels)}`);

/** @param {Card} card @returns {string} a map of the first two dimensions */
export const atlas = (card) => address(card, `manifold.png?n=${ATLAS_SIDE}`);

/** @param {Card} card @param {number} a @param {number} b @param {string} method @param {string} [form] */
export const film = (card, a, b, method, form = "strip.png") => address(card, `interpolations/${a},${b}.${form}?steps=${STEPS + 1}&method=${method}`);
