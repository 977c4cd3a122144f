// The image on a map that is nearest to a place: shown at once, until the exact one comes.

/** @typedef {{image: HTMLImageElement, x: number, y: number, width: number, height: number}} Near what `drawImage` wants */

/**
 * @param {ParentNode} root of the map's images @param {Picture[]} pictures on the map
 * @returns {Near | null} null where nothing has loaded yet
 */
export function nearest(root, pictures, { left, top }) {
  const within = (each) =>
    left >= each.left && left < each.left + each.width && top >= each.top && top < each.top + each.height;
  const number = pictures.findIndex(within);
  const image = root.querySelectorAll("img")[number];
  if (number < 0 || !image?.complete || !image.naturalWidth) return null;
  const picture = pictures[number];
  const [width, height] = [image.naturalWidth / picture.columns, image.naturalHeight / picture.rows];
  const column = Math.floor(((left - picture.left) / picture.width) * picture.columns);
  const row = Math.floor(((top - picture.top) / picture.height) * picture.rows);
  return { image, x: column * width, y: row * height, width, height };
}

export const draw = (canvas, { image, x, y, width, height }) =>
  canvas?.getContext("2d")?.drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);
