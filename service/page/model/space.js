// The latent space of a model; of a conditional one, the whole of it or what belongs to one class.

import { latentsOf } from "./philox.js";

export class Space {
  /** @param {string} [label] a class of the model; any other text means all of them */
  constructor(card, label = "") {
    const labels = card.labels ?? [];
    this.card = card;
    this.dim = card.latent_dim;
    this.classes = labels.length;
    this.number = labels.indexOf(label);
    this.label = this.number < 0 ? "" : label;
  }

  /** @returns {Latents} of an image of that seed, in this class */
  draw(seed, index = 0) {
    return this.within(latentsOf(seed, this.dim, index));
  }

  /** The last latents choose the class by their argmax: the largest changes places, as in models_store/latents.py. */
  within(latents) {
    if (!this.label) return latents;
    const first = this.dim - this.classes;
    const choice = latents.subarray(first);
    const largest = first + choice.indexOf(Math.max(...choice));
    const chosen = first + this.number;
    return latents.with(largest, latents[chosen]).with(chosen, latents[largest]);
  }
}
