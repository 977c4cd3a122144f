// The latents of a seed, as the server draws them: Philox4x32-10, then Box-Muller. The recipe is in models_store/latents.py.

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57];
const WEYL = [0x9e3779b9, 0xbb67ae85];

/** @returns {number[]} the high and the low word of a product of two words */
function product(a, b) {
  const both = BigInt(a) * BigInt(b);
  return [Number(both >> 32n), Number(both & 0xffffffffn)];
}

/** @returns {number[]} four words of the stream of priors */
function words(seed, index, block) {
  let [c0, c1, c2, c3, k0, k1] = [block, index >>> 0, 0, 0, seed >>> 0, 0];
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = product(MULTIPLIERS[0], c0);
    const [high1, low1] = product(MULTIPLIERS[1], c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    [k0, k1] = [(k0 + WEYL[0]) >>> 0, (k1 + WEYL[1]) >>> 0];
  }
  return [c0, c1, c2, c3];
}

/** @param {number} [index] both modulo 2³² @returns {Float32Array} standard normals, the latents of (seed, index) */
export function latentsOf(seed, dim, index = 0) {
  const latents = new Float32Array(dim);
  for (let block = 0; 4 * block < dim; block++) {
    const uniform = words(seed, index, block).map((word) => (word + 0.5) / 2 ** 32);
    for (const pair of [0, 1]) {
      const [radius, angle] = [Math.sqrt(-2 * Math.log(uniform[2 * pair])), 2 * Math.PI * uniform[2 * pair + 1]];
      const first = 4 * block + 2 * pair;
      if (first < dim) latents[first] = radius * Math.cos(angle);
      if (first + 1 < dim) latents[first + 1] = radius * Math.sin(angle);
    }
  }
  return latents;
}
