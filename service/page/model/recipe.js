// What one of our files says of itself: the recipe that the service writes into each PNG and WebP, read back here.
// Here and not by the service, since it reads those of single pictures only: a sheet or a film has its view, too.

import { encodeZ64 } from "./latents.js";

/** Keyword, then two zero bytes of flags, empty language and translated keyword, each ended by a zero byte. */
const KEYWORD = "latentserve\0\0\0\0\0";
const NAMESPACE = "urn:latentserve:recipe";

export function recipeOf(file) {
  for (const { kind, content } of chunks(new DataView(file))) {
    const text = new TextDecoder().decode(content);
    if (kind === "iTXt" && text.startsWith(KEYWORD)) return parsed(text.slice(KEYWORD.length));
    if (kind === "XMP ") return parsed(described(text));
  }
  return null;
}

/** Those of a PNG are length, kind, content and checksum; those of a WebP kind, length and content, on even bytes. */
function* chunks(file) {
  const word = (start) => String.fromCharCode(...new Uint8Array(file.buffer, start, 4));
  if (file.byteLength < 12) return;
  const png = word(0) === "\x89PNG";
  if (!png && word(8) !== "WEBP") return;
  for (let start = png ? 8 : 12; start + 8 <= file.byteLength; ) {
    const [kind, length] = png ? [word(start + 4), file.getUint32(start)] : [word(start), file.getUint32(start + 4, true)];
    if (start + 8 + length > file.byteLength) return;
    yield { kind, content: new Uint8Array(file.buffer, start + 8, length) };
    start += 8 + length + (png ? 4 : length % 2);
  }
}

/** @param {string} packet of XMP */
function described(packet) {
  const found = new DOMParser().parseFromString(packet, "text/xml").getElementsByTagNameNS("*", "Description")[0];
  return found?.getAttributeNS(NAMESPACE, "recipe") ?? "";
}

function parsed(text) {
  try {
    const recipe = JSON.parse(text);
    return typeof recipe?.resource === "string" && typeof recipe.model === "string" ? recipe : null;
  } catch {
    return null;
  }
}

/** @returns {Partial<State> | null} what to show for it; null for what has no place on the page */
export function stateOf({ resource, ...rest }) {
  const [first, second] = rest.seeds ?? rest.draws?.map((draw) => draw[0]) ?? [rest.seed];
  const [at, b] = [first, second].map((seed) => Number.isInteger(seed) && String(seed));
  const of = { model: rest.model, label: typeof rest.label === "string" ? rest.label : "" };
  if (resource === "samples" && at) return { ...of, at, ...(rest.draws ? { from: first } : {}) };
  if (resource === "interpolations" && at && b) return { ...of, at, a: at, b, frame: 0 };
  if (resource === "images" && typeof rest.latents === "string") return { ...of, at: `z.${rounded(rest.latents)}` };
  return null;
}

/** @param {string} text base64 of little-endian float32 @returns {string} z64 */
function rounded(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return encodeZ64(new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4)));
}
