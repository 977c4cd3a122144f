// The page at `/`: its state lies in the hash of its address, and every picture is an <img> with an address of its own.

import { STEPS, address, download, film, original, tile, upload } from "./addresses.js";
import { answer, explain, say } from "./requests.js";
import { clearScore, drawPair, drawScore } from "./score.js";

/** @typedef {import("./addresses.js").Card} Card @typedef {import("./addresses.js").State} State @typedef {import("./addresses.js").Origin} Origin */

const TILES = 16;
const FRAME_MS = 90;
const LARGEST_SEED = 2 ** 32 - 1;
/** @type {State} as in index.html */
const START = { model: "fashion-vae", a: 10, b: 11, frame: null, method: "slerp", from: 0 };

/** @type {(id: string) => any} */
const part = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let state = START;
/** @type {Map<string, Card>} */
let cards = new Map();
/** @type {"a" | "b"} the end that the next click in the grid chooses */
let end = "a";
/** @type {Origin | null} */
let scored = null;
let scoring = new AbortController();
let player = 0;

const card = () => cards.get(state.model);
const able = () => card()?.capabilities.includes("score") ?? false;

// State

/** @returns {State} */
function stateOfHash() {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const seed = (/** @type {"a" | "b" | "from"} */ key) => whole(given[key], LARGEST_SEED) ?? START[key];
  return {
    model: given.model ?? START.model,
    a: seed("a"),
    b: seed("b"),
    frame: whole(given.frame, STEPS),
    method: given.method === "lerp" ? "lerp" : "slerp",
    from: seed("from"),
  };
}

/** @param {string | undefined} text @param {number} limit */
const whole = (text = "", limit) => (/^\d{1,10}$/.test(text) && Number(text) <= limit ? Number(text) : null);

/** @param {Partial<State>} changes @param {{push?: boolean}} [options] push: a step that Back undoes */
function change(changes, { push = true } = {}) {
  state = { ...state, ...changes };
  const told = Object.entries(state).filter(([, value]) => value !== null);
  const hash = `#${new URLSearchParams(told.map(([key, value]) => [key, String(value)]))}`;
  if (hash !== location.hash) history[push ? "pushState" : "replaceState"](null, "", hash);
  if (push) say();
  draw();
}

/** @param {string} model */
function chooseModel(model) {
  stop();
  change({ model, frame: null });
  arrive();
}

/** At a model: what another one thought of a picture does not count here. */
function arrive() {
  scoring.abort();
  scored = null;
  clearScore();
  drawCopy();
  if (able()) scoreSource("a");
}

/** To what the address says now, after Back or a change by hand. */
function goBack() {
  pause();
  const { model } = state;
  state = stateOfHash();
  say();
  draw();
  if (state.model !== model) arrive();
}

/** @param {number} seed */
function chooseSeed(seed) {
  stop();
  show(end);
  part("hint").textContent = end === "a" ? `A is seed ${seed}. Now choose B.` : `B is seed ${seed}. Choose another A.`;
  const changes = { [end]: seed, frame: null };
  end = end === "a" ? "b" : "a";
  change(changes);
}

// Drawing: shows the state, and leaves alone what is shown already

function draw() {
  mark("models", state.model);
  mark("methods", state.method);
  drawGrid();
  drawPath();
  drawAbility();
  drawCopy();
}

/** @param {HTMLImageElement} image @param {string} url @param {string} alt */
function picture(image, url, alt) {
  if (image.getAttribute("src") !== url) image.src = url;
  image.alt = alt;
}

/** @param {string} group of radio buttons @param {string} value */
function mark(group, value) {
  for (const radio of part(group).querySelectorAll("input")) radio.checked = radio.value === value;
}

function drawGrid() {
  for (const [index, button] of part("grid").querySelectorAll("button").entries()) {
    const seed = (state.from + index) % (LARGEST_SEED + 1);
    const ends = `${seed === state.a ? "A" : ""}${seed === state.b ? "B" : ""}`;
    button.value = seed;
    if (ends) button.dataset.end = ends;
    else delete button.dataset.end;
    button.ariaPressed = String(ends !== "");
    picture(button.firstElementChild, address(state.model, tile(card(), seed)), `seed ${seed}`);
  }
}

function drawPath() {
  for (const [id, name, seed] of /** @type {[string, string, number][]} */ ([["from", "A", state.a], ["to", "B", state.b]])) {
    picture(part(id), address(state.model, tile(card(), seed)), `${name}, seed ${seed}`);
    part(`${id}-seed`).textContent = `seed ${seed}`;
  }
  picture(part("strip"), address(state.model, film(state)), `Filmstrip from seed ${state.a} to seed ${state.b}`);
  drawFrame();
}

/** One frame of the film, large. Tiles of a strip may have gaps between them, so their distance is measured. */
function drawFrame() {
  const [strip, canvas, scrub, frame] = [part("strip"), part("frame"), part("scrub"), state.frame ?? 0];
  scrub.value = frame;
  canvas.ariaLabel = scrub.ariaValueText = part("position").textContent = `frame ${frame} of ${STEPS}`;
  if (!strip.naturalWidth) return;
  const { width, height } = card()?.image ?? { width: 1, height: 1 };
  const [wide, tall] = [(strip.naturalHeight * width) / height, strip.naturalHeight];
  const distance = (strip.naturalWidth - wide) / STEPS;
  Object.assign(canvas, { width: wide, height: tall });
  canvas.getContext("2d").drawImage(strip, frame * distance, 0, wide, tall, 0, 0, wide, tall);
  scrub.style.setProperty("--part", wide / strip.naturalWidth);
}

/** A model without a likelihood gets no score: says why, and which models have one. */
function drawAbility() {
  for (const id of ["sources", "question"]) part(id).hidden = !able();
  part("others").hidden = able();
  part("result").inert = !able();
  const others = [...cards.values()].filter((card) => card.capabilities.includes("score")).map((card) => modelButton(card.name));
  const why = `${state.model} makes pictures but has no likelihood, so it cannot say how probable one is.`;
  part("others").replaceChildren(why, others.length ? " Models that can: " : "", ...others);
}

/** @param {string} model */
function modelButton(model) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: model, onclick: () => chooseModel(model) });
  return button;
}

// Playing

/** @param {boolean} forever there and back until someone stops it; else from A to B and half the way back */
function play(forever) {
  let step = 1;
  if (state.frame === STEPS || state.frame === null) state.frame = 0;
  part("play").textContent = "Pause";
  player = setInterval(() => {
    const frame = (state.frame ?? 0) + step;
    state.frame = frame;
    drawFrame();
    if (!forever && step < 0 && frame === STEPS / 2) stop();
    if (frame % STEPS === 0) step = -step;
  }, FRAME_MS);
}

function pause() {
  clearInterval(player);
  player = 0;
  part("play").textContent = "Play";
}

/** Pauses, and writes down where. */
function stop() {
  if (!player) return;
  pause();
  change({}, { push: false });
}

/** Another film has come: it plays once, unless a frame was chosen or nothing may move. */
function begin() {
  if (state.frame !== null) drawFrame();
  else if (calm.matches) change({ frame: STEPS / 2 }, { push: false });
  else play(false);
}

// Scoring

/** @param {"a" | "b" | "frame"} source */
function scoreSource(source) {
  const name = source === "frame" ? `frame ${state.frame}` : `${source.toUpperCase()}, seed ${state[source]}`;
  scorePicture({ url: address(card()?.pinned ?? state.model, original(state, source)) }, name);
}

/** @param {Origin} origin @param {string} name of the picture, for people */
async function scorePicture(origin, name) {
  const { model } = state;
  scoring.abort();
  const { signal } = (scoring = new AbortController());
  part("result").ariaBusy = "true";
  try {
    const form = new FormData();
    form.append("image", origin.file ?? (await (await answer(origin.url, { signal })).blob()), "picture");
    const options = { method: "POST", body: form, signal };
    const [scores, pair] = await Promise.all([
      answer(address(model, "scores"), options).then((response) => response.json()),
      answer(address(model, "reconstructions"), { ...options, headers: { Accept: "image/png" } }).then((response) => response.blob()),
    ]);
    scored = origin;
    drawPair(pair, name);
    drawScore(scores.data[0], scores.brought_into_domain);
    drawCopy();
  } catch (error) {
    say(error);
  }
  if (!signal.aborted) part("result").ariaBusy = "false";
}

/** @param {"a" | "b" | "frame"} source */
function askScore(source) {
  say();
  show("score");
  scoreSource(source);
}

/** @param {FileList | undefined} files */
function scoreFile(files) {
  if (!files?.length) return;
  if (!able()) return say(part("others").firstChild.textContent);
  say();
  show("score");
  scorePicture({ file: files[0] }, files[0].name);
}

// Copying

const shown = () => part("shown").querySelector(":checked").value;

/** @param {string} what the visitor last touched */
function show(what) {
  mark("shown", what);
  drawCopy();
}

function drawCopy() {
  part("shown").querySelector("[value=score]").disabled = !able();
  if (shown() === "score" && !able()) mark("shown", "film");
  const model = card();
  if (!model) return;
  const [before, url, after] = shown() === "score" ? upload(model, scored) : download(state, model, shown());
  part("url").textContent = url;
  part("curl").replaceChildren(before, part("url"), after);
}

/** @param {HTMLButtonElement} button its value is the id of the text */
async function copy(button) {
  const text = part(button.value);
  getSelection()?.selectAllChildren(text);
  // Without HTTPS, away from localhost, browsers offer only the old way.
  await (navigator.clipboard?.writeText(text.textContent) ?? document.execCommand("copy"));
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1200);
}

// Wiring

/** @param {string} id @param {string} type @param {(event: any) => void} listener */
const on = (id, type, listener) => part(id).addEventListener(type, listener);

/** Without JavaScript the tiles are pictures and nothing more. */
function makeButtons() {
  part("hint").textContent = "Choose two pictures: A, then B.";
  for (const item of part("grid").children) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(item.firstChild);
    button.addEventListener("click", () => chooseSeed(Number(button.value)));
    item.append(button);
  }
}

function listen() {
  document.addEventListener("error", explain, true);
  addEventListener("popstate", goBack);
  addEventListener("keydown", ({ key }) => key === "Escape" && say());
  on("says", "click", () => say());
  on("models", "change", (event) => chooseModel(event.target.value));
  on("more", "click", () => change({ from: (state.from + TILES) % (LARGEST_SEED + 1) }));
  on("methods", "change", (event) => (show("film"), change({ method: event.target.value })));
  on("strip", "load", begin);
  on("play", "click", () => (player ? stop() : play(true)));
  on("scrub", "input", (event) => (stop(), (state.frame = event.target.valueAsNumber), drawFrame()));
  on("scrub", "change", () => (show("frame"), change({}, { push: false })));
  for (const button of part("sources").querySelectorAll("button")) button.addEventListener("click", () => askScore(button.value));
  on("file", "change", (event) => scoreFile(event.target.files));
  on("shown", "change", drawCopy);
  for (const button of document.querySelectorAll("footer button")) {
    button.addEventListener("click", () => copy(/** @type {HTMLButtonElement} */ (button)));
  }
  listenForFiles();
}

/** The whole page takes a dropped file, for one that misses would replace the page. */
function listenForFiles() {
  const over = (/** @type {boolean} */ is) => part("score").classList.toggle("over", is);
  addEventListener("dragover", (event) => (event.preventDefault(), over(event.dataTransfer?.types.includes("Files") ?? false)));
  addEventListener("dragleave", (event) => event.relatedTarget ?? over(false));
  addEventListener("drop", (event) => (event.preventDefault(), over(false), scoreFile(event.dataTransfer?.files)));
}

/** The models of this service in the place of those that index.html expects. */
async function readModels() {
  const { data } = await (await answer("/v1/models")).json();
  const ours = (/** @type {Card} */ { name }) => Number(name === START.model);
  data.sort((/** @type {Card} */ one, /** @type {Card} */ other) => ours(other) - ours(one));
  cards = new Map(data.map((/** @type {Card} */ card) => [card.name, card]));
  const first = part("models").querySelector("label");
  const labels = [...cards.keys()].map((name) => {
    const label = first.cloneNode(true);
    label.firstElementChild.value = label.lastElementChild.textContent = name;
    return label;
  });
  part("models").replaceChildren(part("models").querySelector("legend"), ...labels);
  if (!cards.size) throw new Error("The service has no models yet.");
}

async function main() {
  makeButtons();
  listen();
  state = stateOfHash();
  await readModels();
  const [first] = cards.keys();
  const missing = location.hash && !cards.has(state.model) ? `There is no model ${state.model} here; this is ${first}.` : "";
  change({ model: cards.has(state.model) ? state.model : first }, { push: false });
  say(missing);
  if (part("strip").complete) begin();
  arrive();
}

main().catch(say);
