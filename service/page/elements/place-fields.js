// A place in numbers: the same as the map, for who would rather not drag.

import { html } from "../lit/lit.js";

/** @param {import("./latent-map.js").LatentMap} map */
export const placeFields = (map) => html`<div class="row numbers">${["x", "y"].map((name, axis) => field(map, name, axis))}</div>`;

/** @param {import("./latent-map.js").LatentMap} map @param {string} name @param {number} axis */
function field(map, name, axis) {
  const [least, most] = map.plane.ranges[axis];
  const value = map.place?.[name] ?? 0;
  const label = map.words.say(`map.${name}`);
  const set = ({ target }, rests) => {
    const given = Number(target.value.normalize("NFKC"));
    if (Number.isFinite(given)) map.move({ ...(map.place ?? map.plane.home), [name]: given }, rests);
  };
  return html`<div class="number"><span aria-hidden="true">${name}</span>
    <input type="range" min=${least} max=${most} step="0.01" .value=${String(value)} aria-label=${label}
      @input=${(event) => set(event, false)} @change=${(event) => set(event, true)}>
    <input type="number" step="0.1" .value=${value.toFixed(2)} aria-label=${label} @change=${(event) => set(event, true)}></div>`;
}
