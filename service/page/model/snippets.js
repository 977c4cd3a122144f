// The lines that a visitor takes along: an address as a URL, and as code that asks for it. Pure functions.

/**
 * @typedef {"url" | "curl" | "python" | "javascript" | "img"} Form
 * @typedef {{url: string, name: string, alt: string, points?: object[], source?: string}} Asked
 *   what a GET of the absolute url gives; with points, a POST of them for a film; with a source, one of a picture for its
 *   score: an address, or the name of a file, or its bytes as a data URL
 */

/** Not words: the names of what is copied are the same in every language. */
export const NAMES = { url: "URL", curl: "curl", python: "Python", javascript: "JS", img: "<img>" };

/** @returns {Form[]} only what a GET gives has an address */
export const formsOf = ({ points, source }) => (points || source ? ["curl"] : Object.keys(NAMES));

export function snippet(form, { url, name, alt, points, source }) {
  switch (form) {
    case "curl":
      if (source) return scored(url, source);
      return `curl -s '${url}'${points ? ` -H 'Accept: image/webp' -H 'Content-Type: application/json' -d '${JSON.stringify({ points })}'` : ""} -o ${name}`;
    case "python":
      return `import httpx; open("${name}", "wb").write(httpx.get("${url}").content)`;
    case "javascript":
      return `const picture = await (await fetch("${url}")).blob();`;
    case "img":
      return `<img src="${url.replaceAll("&", "&amp;")}" alt="${alt.replaceAll('"', "&quot;")}">`;
    default:
      return url;
  }
}

function scored(url, source) {
  const post = (file) => `curl -s -F 'image=@${file}' '${url}'`;
  if (source.startsWith("data:")) return `echo ${source.split(",")[1]} | base64 -d | ${post("-")}`;
  if (source.startsWith("http")) return `curl -s '${source}' | ${post("-")}`;
  // A shell's text ends at an apostrophe, and curl quotes the name of a file as JSON does.
  return post(JSON.stringify(source).replaceAll("'", "'\\''"));
}
