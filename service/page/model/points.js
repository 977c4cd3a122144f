// Points as an address says them: a seed "42", a place on the map "0.4,-1.1", or any other as "z." and its z64.

import { LARGEST_SEED } from "./addresses.js";
import { decodeZ64, encodeZ64 } from "./latents.js";
import { pointOn } from "./seed-plane.js";

/** @typedef {{x: number, y: number}} Place */

/** @param {string | null | undefined} text with full-width digits if a keyboard gave them @returns {string | null} as an address says it; null for what is none */
export function plain(text) {
  const said = (text ?? "").normalize("NFKC").trim();
  return (/^\d{1,10}$/.test(said) && Number(said) <= LARGEST_SEED) || placeIn(said) || (said.startsWith("z.") && decodeZ64(said.slice(2))) ? said : null;
}

export function placeIn(text) {
  const numbers = /^(-?\d{1,7}(?:\.\d{1,4})?),(-?\d{1,7}(?:\.\d{1,4})?)$/.exec(text);
  return numbers && { x: Number(numbers[1]), y: Number(numbers[2]) };
}

/** @returns {Point | null} null for what it does not have */
export function read(text, space) {
  const said = plain(text);
  const place = said && placeIn(said);
  if (place) return space.dim === 2 ? encodeZ64(Float32Array.of(place.x, place.y)) : pointOn(place.x, place.y, space);
  if (said?.startsWith("z.")) return decodeZ64(said.slice(2))?.length === space.dim ? said.slice(2) : null;
  return said && Number(said);
}

export const write = (point) => (typeof point === "number" ? String(point) : `z.${point}`);

export const resolve = (point, space) => (typeof point === "number" ? space.draw(point) : decodeZ64(point));
