// How long the last answers took, and how many rows wait, asked for only while it is open.

import { html, svg } from "../lit/lit.js";
import { clock, timings } from "../model/requests.js";

const EVERY_MS = 2000;
let [waiting, watch] = [0, 0];

export function timing(page) {
  const { say } = page.words;
  const last = timings.at(-1);
  const [columns, most] = [40, Math.max(10, ...timings.map((each) => each.total))];
  const ms = (value) => `${(value ?? 0).toFixed(1)} ms`;
  return html`<details id="timing" @toggle=${(event) => look(page, event.target.open)}><summary>${say("timing.title")}</summary>
    <svg viewBox="0 0 ${columns} 1" preserveAspectRatio="none" role="img" aria-label=${say("timing.bars", { count: timings.length, most: ms(most) })}>
      ${timings.map(({ total, model }, index) => svg`<rect class="total" x=${index} width=".8" y=${1 - total / most} height=${total / most}/><rect x=${index} width=".8" y=${1 - model / most} height=${model / most}/>`)}</svg>
    <dl>${["queue", "model", "encode", "total"].map((name) => html`<div><dt>${say(`timing.${name}`)}</dt><dd>${ms(last?.[name])}</dd></div>`)}
      <div><dt>${say("timing.waiting")}</dt><dd>${waiting}</dd></div></dl></details>`;
}

function look(page, open) {
  clearInterval(watch);
  const draw = () => page.requestUpdate();
  clock[open ? "addEventListener" : "removeEventListener"]("timing", page.timingDrawn ??= draw);
  if (!open) return;
  const ask = async () => {
    // Not through `answer`: what looks at the queue is no part of what is measured.
    const text = await fetch("/metrics").then((response) => response.text()).catch(() => "");
    waiting = Number(/^latentserve_queue_rows (\S+)/m.exec(text)?.[1] ?? 0);
    draw();
  };
  watch = setInterval(ask, EVERY_MS);
  ask();
}
