// The public elements, for any page of any origin: <script type="module" src="https://…/elements.js"></script>
// Each says at the head of its file what it takes and what it tells.

export { DrawPad } from "./elements/draw-pad.js";
export { ElboMeter } from "./elements/elbo-meter.js";
export { FilmStrip } from "./elements/film-strip.js";
export { LatentMap } from "./elements/latent-map.js";
