// Pictures that a visitor brings: one of ours says where it came from, any other is scored.

import { recipeOf, stateOf } from "../model/recipe.js";
import { answer } from "../model/requests.js";

/** @param {any} page @param {File} file */
export async function take(page, file) {
  const recipe = recipeOf(await file.arrayBuffer());
  const found = recipe && stateOf(recipe);
  if (found && page.cards.some((card) => card.name === found.model)) {
    page.change({ ...found, score: "now" });
    page.problem = page.words.say("said.recipe", { name: page.name });
  } else {
    page.file = file;
    page.change({ score: "draw" });
    page.tab = "score";
  }
}

/** Shows the point where the encoder puts a picture. @param {any} page @param {Blob} picture */
export async function encode(page, picture) {
  const body = new FormData();
  body.append("image", picture, "picture.png");
  try {
    const { data } = await (await answer(`/v1/models/${page.card.pinned}/latents`, { method: "POST", body })).json();
    page.go(`z.${data[0].z64}`);
    page.tab = "map";
  } catch (error) {
    page.trouble(error);
  }
}

/** Takes what is dropped anywhere on the page. @param {any} page */
export function receive(page) {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) take(page, file);
  });
}
