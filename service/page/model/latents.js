// Numbers of the latent space: paths, blends, z64, the normal distribution.

/** @typedef {Float32Array} Latents one point, as many numbers as the model has dimensions */

const dot = (a, b) => Array.from(a).reduce((sum, value, index) => sum + value * b[index], 0);

/** @param {number} t in [0, 1] @returns {Latents} on the straight line */
export const lerp = (a, b, t) => a.map((value, index) => (1 - t) * value + t * b[index]);

/** @param {number} t in [0, 1] @returns {Latents} on the great circle, as the server goes */
export function slerp(a, b, t) {
  const [lengthA, lengthB] = [Math.hypot(...a), Math.hypot(...b)];
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / (lengthA * lengthB))));
  if (!(Math.sin(angle) >= 1e-6)) return lerp(a, b, t);
  const length = (1 - t) * lengthA + t * lengthB;
  const [weightA, weightB] = [Math.sin((1 - t) * angle) / lengthA, Math.sin(t * angle) / lengthB];
  return a.map((value, index) => ((weightA * value + weightB * b[index]) * length) / Math.sin(angle));
}

export const METHODS = { slerp, lerp };

/**
 * Standard normal corners give a standard normal blend: plain weights would shrink it towards the middle of a cell.
 * @returns {Latents} Σ w z / √Σ w²
 */
export function blend(corners, weights) {
  const length = Math.hypot(...weights);
  return corners[0].map((_, index) => corners.reduce((sum, corner, each) => sum + weights[each] * corner[index], 0) / length);
}

/** @returns {string} base64url of little-endian float16: a rounded point, with its own address */
export function encodeZ64(latents) {
  const bytes = [...latents].flatMap((value) => [half(value) & 255, half(value) >> 8]);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @returns {Latents | null} null for what is no z64 of finite numbers */
export function decodeZ64(text) {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return null;
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  if (bytes.length % 2) return null;
  const latents = Float32Array.from({ length: bytes.length / 2 }, (_, index) => whole(bytes[2 * index] | (bytes[2 * index + 1] << 8)));
  return latents.every(Number.isFinite) ? latents : null;
}

/** @returns {number} the bits of the nearest float16 */
function half(value) {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.min(Math.abs(value), 65504);
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 1e-9)));
  // A carry out of the fraction lands in the exponent, where it belongs.
  const units = Math.round(size / 2 ** (exponent - 10));
  return sign | (units < 1024 ? units : ((exponent + 15) << 10) + (units - 1024));
}

/** @param {number} bits of a float16 */
function whole(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

/** @returns {number} the share of a standard normal below z; within 1.5e-7 (Abramowitz & Stegun 7.1.26) */
export function share(z) {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = (series * Math.exp(-x * x)) / 2;
  return z < 0 ? tail : 1 - tail;
}

/** @param {number} part in (0, 1) @returns {number} where that share of a standard normal lies below, the inverse of `share` */
export function quantile(part) {
  let [low, high] = [-4, 4];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (share(middle) < part) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
