// What is in view, and its text in the address's hash. Pure functions.

import { STEPS } from "./addresses.js";
import { plain } from "./points.js";

/**
 * @typedef {{model: string, label: string, at: string, a: string, b: string, frame: number, method: "slerp" | "lerp", from: number,
 *   like: string, plane: "map" | "directions", score: string, hide: string[]}} State
 *   label: a class of the model, or none; at: the point that is shown, as points.js says it; a, b: the ends of the path; frame: of the film; from: the first seed of the samples;
 *   like: the point that the samples vary, if any; score: what is scored: now, draw, file, or the number of a test picture
 */

/** The parts of the page that `hide` knows. */
export const PARTS = ["map", "now", "path", "samples", "score", "why"];

/** @returns {State} what a first visitor sees */
export const start = (model) => ({ model, label: "", at: "42", a: "42", b: "79", frame: 0, method: "slerp", from: 0, like: "", plane: "map", score: "now", hide: [] });

/** @param {string} text a hash or a query @param {State} given what holds where it says nothing */
export function parse(text, given) {
  const told = new URLSearchParams(text.replace(/^[#?]/, ""));
  const from = plain(told.get("from")) ?? "";
  const frame = Number(told.get("frame") ?? given.frame);
  return {
    model: told.get("model") ?? given.model,
    label: told.get("label") ?? given.label,
    at: plain(told.get("at")) ?? given.at,
    a: plain(told.get("a")) ?? given.a,
    b: plain(told.get("b")) ?? given.b,
    frame: Number.isInteger(frame) && frame >= 0 && frame <= STEPS ? frame : given.frame,
    method: told.get("method") === "lerp" ? "lerp" : "slerp",
    from: /^\d+$/.test(from) ? Number(from) : given.from,
    like: plain(told.get("like")) ?? given.like,
    plane: told.get("plane") === "directions" ? "directions" : "map",
    score: /^(now|draw|file|\d\d?)$/.test(told.get("score") ?? "") ? told.get("score") : given.score,
    hide: told.has("hide") ? PARTS.filter((part) => told.get("hide")?.split(",").includes(part)) : given.hide,
  };
}

/** @returns {"picture" | "film" | "score" | null} what they are about */
export function touched(changes) {
  const has = (...names) => names.some((name) => name in changes);
  if (has("model", "label")) return "picture";
  if (has("a", "b", "method", "frame")) return "film";
  if (has("score")) return "score";
  return has("at") ? "picture" : null;
}

/** @param {State} first what need not be said @returns {string} with its `#` */
export function format(state, first) {
  const [said, usual] = [state, first].map((each) => Object.entries({ ...each, hide: each.hide.join(",") }));
  const told = said.filter(([key, value], index) => key === "model" || value !== usual[index][1]);
  return `#${told.map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll("%2C", ",")}`).join("&")}`;
}
