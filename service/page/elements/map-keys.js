// What the keys mean while a map has the focus.

/** @typedef {import("./latent-map.js").LatentMap} LatentMap */

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {LatentMap} map @param {KeyboardEvent} event */
export function press(map, event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || !map.plane) return;
  const move = MOVES[event.key];
  const command = commands(map)[event.key.toLowerCase()];
  if (move) step(map, move, event.shiftKey ? 0.5 : event.altKey ? 0.02 : 0.1);
  else if (command) command();
  if (move || command) event.preventDefault();
}

/** @param {LatentMap} map @returns {Record<string, () => void>} */
function commands(map) {
  const seed = typeof map.point === "number" ? map.point : 0;
  return {
    home: () => map.move(map.plane.home, true),
    r: () => map.showSeed(crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000),
    "[": () => map.showSeed(seed - 1),
    "]": () => map.showSeed(seed + 1),
    a: () => map.setEnd("a"),
    b: () => map.setEnd("b"),
  };
}

/** @param {LatentMap} map @param {number[]} direction to the right and down @param {number} distance */
function step(map, [right, down], distance) {
  const { x, y } = map.place ?? map.plane.home;
  map.move({ x: x + right * distance, y: y + down * distance * map.plane.down }, true);
}
