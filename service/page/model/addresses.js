// Where things lie, as the service understands it. Pure functions.

/**
 * @typedef {{name: string, pinned: string, image: {width: number, height: number},
 *   latent_dim: number, capabilities: string[], limits: object, labels: string[]}} Card what is read of it here
 * @typedef {number | string} Point a seed, or the z64 of any other point
 */

/** The distances between the frames of a film from A to B. */
export const STEPS = 16;
/** The cells along a side of a map of two dimensions. */
export const ATLAS_SIDE = 16;
export const LARGEST_SEED = 2 ** 32 - 1;

export const address = (card, rest) => `/v1/models/${card.pinned ?? card.name}/${rest}`;

/** @returns {number} at least as many, and a whole multiple of the model's own size */
export function enlarged(card, pixels) {
  const side = Math.max(card.image.width, card.image.height);
  return side * Math.ceil(pixels / side);
}

/** @param {string} rest of something that seeds make @returns {string} it says the class of the space, if any */
export function made({ card, label }, rest) {
  // An apostrophe would end the line of a shell.
  const query = label && `${rest.includes("?") ? "&" : "?"}label=${encodeURIComponent(label).replaceAll("'", "%27")}`;
  return address(card, rest + query);
}

/** @returns {string} its picture; without pixels, as large as the model makes it */
export function picture(space, point, pixels) {
  const size = pixels ? `?size=${enlarged(space.card, pixels)}` : "";
  return typeof point === "number" ? made(space, `samples/${point}.png${size}`) : address(space.card, `images/${point}.png${size}`);
}

/** @returns {string} a map of the first two dimensions */
export const atlas = (card) => address(card, `manifold.png?n=${ATLAS_SIDE}`);

/** @param {string} [ends] with their form; without, those of a body */
export const film = (space, method, ends) => made(space, `interpolations${ends ? `/${ends}` : ""}?steps=${STEPS + 1}&method=${method}`);
