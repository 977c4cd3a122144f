// A score as numbers, a bar and a sentence; knows no addresses and asks nothing of the service.

/**
 * @typedef {{value: number, standard_error: number | null, draws: number}} Mean in nats
 * @typedef {{elbo: Mean, reconstruction: Mean, kl: Mean, importance_weighted: Mean, percentile: number | null,
 *   bits_per_dim: {elbo: number, importance_weighted: number}, steps: string[]}} Score
 */

const NAMES = /** @type {const} */ (["elbo", "reconstruction", "kl", "importance_weighted"]);

/** @type {(id: string) => any} */
const part = (id) => document.getElementById(id);

/** @param {Score} score @param {string} domain how the picture came into the domain of the likelihood */
export function drawScore(score, domain) {
  for (const name of NAMES) part(name).replaceChildren(...nats(score[name]));
  part("bits").textContent = score.bits_per_dim.elbo.toFixed(3);
  part("percentile").textContent = score.percentile === null ? "unknown" : `${score.percentile.toFixed(0)} %`;
  part("meaning").textContent = meaning(score);
  part("steps").textContent = [...score.steps, domain].filter(Boolean).join(" · ");
  drawBar(score);
}

export function clearScore() {
  for (const id of [...NAMES, "bits", "percentile"]) part(id).textContent = "–";
  for (const id of ["meaning", "steps", "input-name", "output-name"]) part(id).textContent = "";
  for (const id of ["input", "output"]) part(id).hidden = true;
  part("result").ariaBusy = "false";
  part("bar").className = "empty";
  part("bar").ariaLabel = "No score yet";
}

/** @param {Blob} pair the input beside its reconstruction @param {string} name of the input */
export function drawPair(pair, name) {
  URL.revokeObjectURL(part("input").src);
  const src = URL.createObjectURL(pair);
  for (const [id, alt] of [["input", name], ["output", "reconstruction"]]) {
    Object.assign(part(id), { src, alt, hidden: false });
    part(`${id}-name`).textContent = alt;
  }
}

/** The ELBO's two costs, one after the other, and where the tighter bound ends. @param {Score} score */
function drawBar({ elbo, reconstruction, kl, importance_weighted }) {
  const share = (/** @type {number} */ nats) => `${Math.min(100, Math.max(0, (100 * nats) / -elbo.value))}%`;
  part("bar-reconstruction").style.width = share(-reconstruction.value);
  part("bar-kl").style.width = share(kl.value);
  part("bar-bound").style.left = share(-importance_weighted.value);
  // A density may be above 1; its cost is then negative, and a bar cannot show that.
  part("bar").className = reconstruction.value < 0 && kl.value > 0 ? "" : "empty";
  part("bar").ariaLabel = `Of ${plain(-elbo.value)} nats, ${plain(-reconstruction.value)} are reconstruction and ${plain(kl.value)} KL`;
}

/** @param {Mean} mean @returns {(string | Node)[]} the value, and its standard error in small print */
function nats({ value, standard_error }) {
  const error = document.createElement("small");
  error.textContent = standard_error === null ? "" : ` ± ${plain(standard_error)}`;
  return [plain(value), error];
}

/** @param {number} value */
const plain = (value) => value.toFixed(1).replace("-", "−");

/** @param {Score} score */
function meaning({ reconstruction, kl, bits_per_dim, percentile }) {
  const cost =
    `This picture costs the model ${bits_per_dim.elbo.toFixed(2)} bits a pixel: ${plain(kl.value)} nats to say which ` +
    `latent, and ${plain(-reconstruction.value)} to get from its guess to exactly these pixels.`;
  return percentile === null ? cost : `${cost} ${rank(percentile)}`;
}

/** @param {number} percentile */
function rank(percentile) {
  if (percentile <= 0) return "No test picture is less likely.";
  if (percentile >= 100) return "No test picture is likelier.";
  return `That is likelier than ${percentile.toFixed(0)} % of the test pictures.`;
}
