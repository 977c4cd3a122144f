// The page's few signs, drawn with the colour of the text around them.

import { html, svg } from "../lit/lit.js";

const SIGNS = {
  dice: svg`<rect x="3" y="3" width="14" height="14" rx="3"/><path d="M7 7h.01M13 7h.01M10 10h.01M7 13h.01M13 13h.01" stroke-width="2.2"/>`,
  home: svg`<path d="M10 2v4M10 14v4M2 10h4M14 10h4"/><circle cx="10" cy="10" r="3.5"/>`,
  save: svg`<path d="M10 3v9M6 8.5l4 4 4-4M3.5 16.5h13"/>`,
  play: svg`<path d="M6 3.5v13l10.5-6.5z" fill="currentColor"/>`,
  pause: svg`<path d="M7 4v12M13 4v12" stroke-width="3"/>`,
  copy: svg`<rect x="7" y="7" width="10" height="10" rx="2"/><path d="M13 4.5A1.5 1.5 0 0 0 11.5 3h-7A1.5 1.5 0 0 0 3 4.5v7A1.5 1.5 0 0 0 4.5 13"/>`,
  theme: svg`<circle cx="10" cy="10" r="7"/><path d="M10 3a7 7 0 0 1 0 14z" fill="currentColor"/>`,
  keys: svg`<rect x="2" y="5" width="16" height="10.5" rx="2"/><path d="M5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M6.5 12h7"/>`,
  share: svg`<path d="M10 12V3M6.5 6 10 2.5 13.5 6M5 9.5H4v8h12v-8h-1"/>`,
  clear: svg`<path d="M5 5l10 10M15 5 5 15"/>`,
};

export const icon = (name) => html`<svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" fill="none" stroke="currentColor"
  stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">${SIGNS[name]}</svg>`;
