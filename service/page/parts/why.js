// WHY: what this is, in a few sentences, and the mathematics for who unfolds it.

import { html } from "../lit/lit.js";

const FOLDED = {
  encoder: "q(z|x) = N(μ(x), σ²(x)) → z = μ + σ·ε → p(x|z)",
  elbo: "log p(x) ≥ E_q[log p(x|z)] − KL(q(z|x) ‖ p(z))",
  bound: "log 1/K Σₖ p(x|zₖ)·p(zₖ) / q(zₖ|x),  zₖ ~ q(z|x)",
  slerp: "(sin((1−t)θ)·a + sin(tθ)·b) / sin θ",
};

export function why(page) {
  const { say } = page.words;
  return html`<section id="why" aria-labelledby="why-title">
    <div class="head"><h2 id="why-title">${say("why.title")}</h2></div>
    <p>${say("why.lead")}</p>
    ${Object.entries(FOLDED).map(([name, formula]) => html`<details><summary>${say(`why.${name}.title`)}</summary><p>${say(`why.${name}`)}</p><p class="formula" lang="">${formula}</p></details>`)}
    <p class="quiet">${say("why.data")} <a href="/docs">${say("why.api")}</a></p>
  </section>`;
}
