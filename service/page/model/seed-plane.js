// The endless plane of seeds: (x, y) is image y of seed x, and between four of them lies their blend, as models_store/plane.py has it.

import { made } from "./addresses.js";
import { blend, encodeZ64 } from "./latents.js";

/** Cells in view, from the left to the right. */
const VIEW = 4;
const ZOOM = 2;
/** Cells along a tile at this zoom. */
const SPAN = 2;
const TILE_PIXELS = 256;
/** How near to the edge of the view the point may come, in cells, before the view follows. */
const MARGIN = 0.4;
/** Beyond it the service has no tiles. */
const FARTHEST = 2 ** 20 - 8;

/** @returns {Point} a seed if that is what lies there, else the z64 of the blend */
export function pointOn(x, y, space) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top];
  if (!right && !y && x >= 0) return x;
  // Column x and row y carry image y of seed x.
  const corners = [[0, 0], [1, 0], [0, 1], [1, 1]].map(([i, j]) => space.draw(left + i, top + j));
  return encodeZ64(blend(corners, [(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down]));
}

/** What a map shows of it: VIEW by VIEW cells that follow the point. */
export class SeedPlane {
  down = 1;
  center = { x: 42, y: 0 };

  constructor(space) {
    this.space = space;
  }

  home = { x: 0, y: 0 };

  /** Along a side of a tile: as many as have room at their own size, a power of two. */
  get images() {
    const { width, height } = this.space.card.image;
    const side = Math.max(width, height);
    return [8, 4, 2].find((images) => TILE_PIXELS / images >= side) ?? 1;
  }

  /** @returns {[number, number][]} of x and y that are in view */
  get ranges() {
    return [this.center.x, this.center.y].map((middle) => [middle - VIEW / 2, middle + VIEW / 2]);
  }

  placeAt = ({ left, top }) => ({ x: this.center.x + (left - 0.5) * VIEW, y: this.center.y + (top - 0.5) * VIEW });

  spotOf = ({ x, y }) => ({ left: (x - this.center.x) / VIEW + 0.5, top: (y - this.center.y) / VIEW + 0.5 });

  /** @returns {Place} on hundredths, so that an address is short and a seed can be met */
  bounded = ({ x, y }) => ({ x: hundredth(x), y: hundredth(y) });

  pointAt = ({ x, y }) => pointOn(x, y, this.space);

  placeOf(point) {
    return typeof point === "number" && point <= FARTHEST ? { x: point, y: 0 } : null;
  }

  /** Moves the view just so far that the place is well within it. */
  follow({ x, y }) {
    const reach = VIEW / 2 - MARGIN;
    const moved = (middle, value) =>
      Math.abs(value - middle) > 2 * VIEW ? value : Math.max(value - reach, Math.min(value + reach, middle));
    this.center = { x: moved(this.center.x, x), y: moved(this.center.y, y) };
  }

  /** The way between two seeds leaves this plane. */
  way = () => [];

  /** @returns {Picture[]} the tiles in view */
  get pictures() {
    const half = SPAN / this.images / 2;
    const first = (middle) => Math.floor((middle - VIEW / 2 + half) / SPAN);
    const count = VIEW / SPAN + 1;
    return Array.from({ length: count * count }, (_, index) => {
      const [column, row] = [first(this.center.x) + (index % count), first(this.center.y) + Math.floor(index / count)];
      // An image lies around its point, so a tile begins half an image before its first.
      const { left, top } = this.spotOf({ x: column * SPAN - half, y: row * SPAN - half });
      const url = made(this.space, `tiles/${ZOOM}/${column}/${row}.png`);
      return { url, left, top, width: SPAN / VIEW, height: SPAN / VIEW, columns: this.images, rows: this.images };
    });
  }
}

const hundredth = (value) => Math.round(Math.min(FARTHEST, Math.max(-FARTHEST, value)) * 100) / 100;
