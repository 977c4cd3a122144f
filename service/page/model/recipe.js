// What one of our PNGs says of itself: the recipe that the service writes into each, read back here.

import { encodeZ64 } from "./latents.js";

/** @typedef {import("./state.js").State} State @typedef {{resource: string, model: string} & Record<string, any>} Recipe */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** @param {ArrayBuffer} file @returns {Recipe | null} */
export function recipeOf(file) {
  for (const { kind, content } of chunks(file)) {
    const text = kind === "iTXt" ? new TextDecoder().decode(content) : "";
    // Keyword, then two zero bytes of flags, empty language and translated keyword, each ended by a zero byte.
    if (text.startsWith("latentserve\0\0\0\0\0")) return parsed(text.slice("latentserve\0\0\0\0\0".length));
  }
  return null;
}

/** @param {ArrayBuffer} file */
function* chunks(file) {
  const [view, bytes] = [new DataView(file), new Uint8Array(file)];
  if (!SIGNATURE.every((byte, index) => bytes[index] === byte)) return;
  for (let start = 8; start + 12 <= bytes.length; ) {
    const length = view.getUint32(start);
    if (start + 12 + length > bytes.length) return;
    yield { kind: String.fromCharCode(...bytes.slice(start + 4, start + 8)), content: bytes.slice(start + 8, start + 8 + length) };
    start += 12 + length;
  }
}

/** @param {string} text @returns {Recipe | null} */
function parsed(text) {
  try {
    const recipe = JSON.parse(text);
    return typeof recipe?.resource === "string" && typeof recipe.model === "string" ? recipe : null;
  } catch {
    return null;
  }
}

/** @param {Recipe} recipe @returns {Partial<State> | null} what to show for it; null for what has no place on the page */
export function stateOf({ resource, model, ...rest }) {
  const seeds = rest.seeds ?? rest.draws?.map((draw) => draw[0]);
  if (resource === "samples" && Number.isInteger(rest.seed)) return { model, at: String(rest.seed) };
  if (resource === "samples" && Number.isInteger(seeds?.[0])) return { model, at: String(seeds[0]), from: seeds[0] };
  if (resource === "interpolations" && Number.isInteger(seeds?.[1])) return { model, at: String(seeds[0]), a: String(seeds[0]), b: String(seeds[1]), frame: 0 };
  if (resource === "images" && typeof rest.latents === "string") return { model, at: `z.${rounded(rest.latents)}` };
  return null;
}

/** @param {string} text base64 of little-endian float32 @returns {string} z64 */
function rounded(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return encodeZ64(new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4)));
}
