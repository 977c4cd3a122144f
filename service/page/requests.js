// Requests to the service, and where the page says in words what went wrong.

/** @param {string} url @param {RequestInit} [options] @returns {Promise<Response>} Throws what the problem says. */
export async function answer(url, options) {
  const response = await fetch(url, options).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("The service does not answer. Is it running?");
  });
  if (response.ok) return response;
  const { title = `The service answered ${response.status}`, detail, hint } = await response.json().catch(() => ({}));
  throw new Error(`${title}${detail ? `: ${detail}` : ""}.${hint ? ` Hint: ${hint}.` : ""}`);
}

/** Says an error in the live region; without one, takes back what was said. @param {unknown} [error] */
export function say(error = "") {
  if (error instanceof Error && error.name === "AbortError") return;
  const says = /** @type {HTMLElement} */ (document.getElementById("says"));
  says.textContent = error instanceof Error ? error.message : String(error);
}

let explaining = false;

/** An <img> cannot say why it failed; the same request again can, one for all of them. @param {Event} event */
export async function explain({ target }) {
  if (explaining || !(target instanceof HTMLImageElement)) return;
  explaining = true;
  const { src } = target;
  await answer(src).catch((error) => target.src === src && say(error));
  explaining = false;
}
