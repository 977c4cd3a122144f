// What hands do on a map: a pointer drags the dot, keys move it while the map has the focus, and fields take its place in numbers.

import { html } from "../lit/lit.js";

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function press(map, event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || !map.plane) return;
  const move = MOVES[event.key];
  const command = commands(map)[event.key.toLowerCase()];
  if (move) step(map, move, event.shiftKey ? 0.5 : event.altKey ? 0.02 : 0.1);
  else if (command) command();
  if (move || command) event.preventDefault();
}

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

/** @param {number[]} direction to the right and down */
function step(map, [right, down], distance) {
  const { x, y } = map.place ?? map.plane.home;
  map.move({ x: x + right * distance, y: y + down * distance * map.plane.down }, true);
}

/** The place under a pointer, which may have left the map. */
function under(map, { clientX, clientY }) {
  const box = map.renderRoot.querySelector("#pad").getBoundingClientRect();
  const part = (value) => Math.min(0.9999, Math.max(0.0001, value));
  return map.plane.placeAt({ left: part((clientX - box.left) / box.width), top: part((clientY - box.top) / box.height) });
}

export function touch(map, event) {
  if (event.button !== 0) return;
  event.currentTarget.setPointerCapture(event.pointerId);
  map.move(under(map, event), false);
}

export function drag(map, event, rests = false) {
  if (map.moving) map.move(under(map, event), rests);
}

export const placeFields = (map) => html`<div class="row numbers">${["x", "y"].map((name, axis) => field(map, name, axis))}</div>`;

function field(map, name, axis) {
  const [least, most] = map.plane.ranges[axis];
  // Off the map: no number, and neither end.
  const value = map.place?.[name];
  const label = map.words.say(`map.${name}`);
  const set = ({ target }, rests) => {
    const given = Number(target.value.normalize("NFKC"));
    if (Number.isFinite(given)) map.move({ ...(map.place ?? map.plane.home), [name]: given }, rests);
  };
  return html`<div class="number"><span aria-hidden="true">${name}</span>
    <input type="range" min=${least} max=${most} step="0.01" .value=${String(value ?? (least + most) / 2)} aria-label=${label}
      @input=${(event) => set(event, false)} @change=${(event) => set(event, true)}>
    <input type="number" step="0.1" .value=${value?.toFixed(2) ?? ""} placeholder="–" aria-label=${label} @change=${(event) => set(event, true)}></div>`;
}
