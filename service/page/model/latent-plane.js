// The plane of a model with two dimensions: z itself. What is said here of places holds for the plane of seeds, too.

import { ATLAS_SIDE, atlas } from "./addresses.js";
import { encodeZ64, quantile, share, slerp } from "./latents.js";
import { resolve } from "./points.js";

/**
 * @typedef {import("./addresses.js").Card} Card @typedef {import("./addresses.js").Point} Point
 * @typedef {{x: number, y: number}} Place in the plane's own units
 * @typedef {{left: number, top: number}} Spot in parts of the view, 0 … 1
 * @typedef {{url: string, left: number, top: number, width: number, height: number, columns: number, rows: number}} Picture
 *   in parts of the view, and how many images it holds
 */

const FARTHEST = 3;
const WAYPOINTS = 32;

/** z itself: equal areas of the view have equal probability, so its edges are the quantiles 0 and 1. */
export class LatentPlane {
  /** Which way y goes when one goes down. */
  down = -1;
  home = { x: 0, y: 0 };

  /** @param {Card} card of a model with two dimensions */
  constructor(card) {
    this.card = card;
  }

  /** @returns {[number, number][]} the least and the greatest x, and y */
  get ranges() {
    return [[-FARTHEST, FARTHEST], [-FARTHEST, FARTHEST]];
  }

  /** @param {Spot} spot @returns {Place} */
  placeAt = ({ left, top }) => this.bounded({ x: quantile(left), y: quantile(1 - top) });

  /** @param {Place} place @returns {Spot} */
  spotOf = ({ x, y }) => ({ left: share(x), top: 1 - share(y) });

  /** @param {Place} place @returns {Place} on hundredths, so that an address is short */
  bounded = ({ x, y }) => ({ x: hundredth(x), y: hundredth(y) });

  /** @param {Place} place @returns {Point} */
  pointAt = ({ x, y }) => encodeZ64(Float32Array.of(x, y));

  /** @param {Point} point @returns {Place} */
  placeOf(point) {
    const [x, y] = resolve(point, 2);
    return { x, y };
  }

  /** @param {Point} a @param {Point} b @returns {Spot[]} along the way from one to the other */
  way(a, b) {
    const [start, end] = [resolve(a, 2), resolve(b, 2)];
    return Array.from({ length: WAYPOINTS + 1 }, (_, step) => {
      const [x, y] = slerp(start, end, step / WAYPOINTS);
      return this.spotOf({ x, y });
    });
  }

  /** It shows all of itself. */
  follow() {}

  /** @returns {Picture[]} */
  get pictures() {
    return [{ url: atlas(this.card), left: 0, top: 0, width: 1, height: 1, columns: ATLAS_SIDE, rows: ATLAS_SIDE }];
  }
}

/** @param {number} value */
const hundredth = (value) => Math.round(Math.min(FARTHEST, Math.max(-FARTHEST, value)) * 100) / 100;
