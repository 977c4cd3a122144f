// The plane of a model with two dimensions: z itself. What is said here of places holds for the plane of seeds, too.

import { ATLAS_SIDE, atlas } from "./addresses.js";
import { encodeZ64, quantile, share, slerp } from "./latents.js";
import { resolve } from "./points.js";

/**
 *
 * @typedef {{x: number, y: number}} Place in the plane's own units
 * @typedef {{mean: number[], scale: number[]}} Posterior where the encoder puts a picture: a normal distribution, each dimension by itself
 * @typedef {{left: number, top: number}} Spot in parts of the view, 0 … 1
 * @typedef {Spot & {url: string, width: number, height: number, columns: number, rows: number}} Picture
 *   in parts of the view, and how many images it holds
 */

const FARTHEST = 3;
const WAYPOINTS = 32;

/** z itself: equal areas of the view have equal probability, so its edges are the quantiles 0 and 1. */
export class LatentPlane {
  /** Which way y goes when one goes down. */
  down = -1;
  home = { x: 0, y: 0 };

  /** @param {Space} space with two dimensions */
  constructor(space) {
    this.space = space;
  }

  /** @returns {[number, number][]} the least and the greatest x, and y */
  get ranges() {
    return [[-FARTHEST, FARTHEST], [-FARTHEST, FARTHEST]];
  }

  placeAt = ({ left, top }) => this.bounded({ x: quantile(left), y: quantile(1 - top) });

  spotOf = ({ x, y }) => ({ left: share(x), top: 1 - share(y) });

  /** @returns {Place} on hundredths, so that an address is short */
  bounded = ({ x, y }) => ({ x: hundredth(x), y: hundredth(y) });

  pointAt = ({ x, y }) => encodeZ64(Float32Array.of(x, y));

  placeOf(point) {
    const [x, y] = resolve(point, this.space);
    return { x, y };
  }

  /** @returns {Spot[]} along the way from one to the other */
  way(a, b) {
    const [start, end] = [a, b].map((point) => resolve(point, this.space));
    return Array.from({ length: WAYPOINTS + 1 }, (_, step) => {
      const [x, y] = slerp(start, end, step / WAYPOINTS);
      return this.spotOf({ x, y });
    });
  }

  /** @returns {Spot[]} around it, at that many standard deviations */
  around({ mean, scale }, deviations) {
    return Array.from({ length: WAYPOINTS }, (_, step) => {
      const angle = (2 * Math.PI * step) / WAYPOINTS;
      return this.spotOf({ x: mean[0] + deviations * scale[0] * Math.cos(angle), y: mean[1] + deviations * scale[1] * Math.sin(angle) });
    });
  }

  /** It shows all of itself. */
  follow() {}

  get pictures() {
    return [{ url: atlas(this.space.card), left: 0, top: 0, width: 1, height: 1, columns: ATLAS_SIDE, rows: ATLAS_SIDE }];
  }
}

const hundredth = (value) => Math.round(Math.min(FARTHEST, Math.max(-FARTHEST, value)) * 100) / 100;
