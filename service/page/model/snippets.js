// The lines that a visitor takes along: an address as a URL, and as code that fetches it. Pure functions.

/** @typedef {"url" | "curl" | "python" | "javascript" | "img"} Form */

/** @type {Form[]} */
export const FORMS = ["url", "curl", "python", "javascript", "img"];
/** Not words: the names of what is copied are the same in every language. */
export const NAMES = { url: "URL", curl: "curl", python: "Python", javascript: "JS", img: "<img>" };

/** @param {Form} form @param {string} url absolute @param {string} name of the file @param {string} alt @returns {string} */
export function snippet(form, url, name, alt) {
  switch (form) {
    case "curl":
      return `curl -s '${url}' -o ${name}`;
    case "python":
      return `import httpx; open("${name}", "wb").write(httpx.get("${url}").content)`;
    case "javascript":
      return `const picture = await (await fetch("${url}")).blob();`;
    case "img":
      return `<img src="${url.replaceAll("&", "&amp;")}" alt="${alt}">`;
    default:
      return url;
  }
}
