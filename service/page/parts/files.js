// Pictures that a visitor brings or draws: one of ours says where it came from, any other is scored.

import { address } from "../model/addresses.js";
import { recipeOf, stateOf } from "../model/recipe.js";
import { answer } from "../model/requests.js";

export async function take(page, file) {
  const recipe = recipeOf(await file.arrayBuffer());
  const found = recipe && stateOf(recipe);
  if (found && page.cards.some((card) => card.name === found.model)) {
    page.change({ ...found, score: "now" });
    page.problem = page.words.say("said.recipe", { name: page.name });
  } else {
    bring(page, file);
    page.change({ score: "draw" });
    page.tab = "score";
  }
}

/** A picture to score, and what a line calls it: its file's name, or of a drawn one its bytes. */
export async function bring(page, picture) {
  page.file = picture;
  page.brought = picture.name ?? `data:,${btoa(String.fromCharCode(...new Uint8Array(await picture.arrayBuffer())))}`;
}

/** Shows the point where the encoder puts a picture: on the map, or where it has too many numbers, by its directions. */
export async function encode(page, picture) {
  const found = await posterior(page, picture).catch((error) => page.trouble(error));
  if (!found) return;
  page.change({ at: `z.${found.z64}`, ...(page.space.dim > 2 ? { plane: "directions" } : {}) });
  page.tab = "map";
}

/** What the encoder says of a picture, whatever recipe it carries. @returns {Promise<{z64: string, latents: number[], scale: number[]}>} */
export async function posterior(page, picture) {
  const body = new FormData();
  body.append("image", picture, "picture.png");
  const { data } = await (await answer(address(page.card, "latents?recipe=ignore"), { method: "POST", body })).json();
  return data[0];
}

/** Takes what is dropped anywhere on the page. */
export function receive(page) {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) take(page, file);
  });
}
