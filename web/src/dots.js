// Thousands of far tracks in a millisecond: their dots are copied pixel by pixel into one image, which is then put whole.

/** @typedef {{x: Int16Array, y: Int16Array, colour: Uint32Array, width: number, offset: Int32Array}} Stamp the pixels of a dot around its place; `offset` of each in an image so wide */

const SIDE_PX = 15;

/** @type {Map<string, Stamp>} */
const kept = new Map();

/**
 * @param {string} key of what it looks like
 * @param {(context: CanvasRenderingContext2D) => void} paint draws it around 0, 0
 * @returns {Stamp}
 */
export function stamp(key, paint) {
  const known = kept.get(key);
  if (known) return known;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE_PX;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.translate(SIDE_PX / 2, SIDE_PX / 2);
  paint(context);
  const pixels = new Uint32Array(context.getImageData(0, 0, SIDE_PX, SIDE_PX).data.buffer);
  const solid = [...pixels.keys()].filter((k) => pixels[k] >>> 24 > 24);
  const made = {
    x: Int16Array.from(solid, (k) => (k % SIDE_PX) - (SIDE_PX >> 1)),
    y: Int16Array.from(solid, (k) => Math.floor(k / SIDE_PX) - (SIDE_PX >> 1)),
    colour: Uint32Array.from(solid, (k) => pixels[k]),
    width: 0,
    offset: new Int32Array(solid.length),
  };
  kept.set(key, made);
  return made;
}

/** A canvas that holds dots and nothing else. */
export class Dots {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    this.image = new ImageData(1, 1);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.isEmpty = this.wasEmpty = true;
    this.width = this.height = 1;
  }

  /** @param {number} width @param {number} height */
  begin(width, height) {
    if (this.image.width !== width || this.image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = new ImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    } else if (!this.isEmpty) this.pixels.fill(0);
    this.width = width;
    this.height = height;
    this.wasEmpty = this.isEmpty;
    this.isEmpty = true;
  }

  /** @param {number} x @param {number} y @param {Stamp} dot */
  put(x, y, dot) {
    const { pixels, width } = this;
    const { colour, offset } = dot;
    if (dot.width !== width) {
      dot.width = width;
      for (let k = 0; k < offset.length; k++) offset[k] = dot.y[k] * width + dot.x[k];
    }
    const left = Math.round(x);
    const top = Math.round(y);
    if (left < SIDE_PX || top < SIDE_PX || left >= width - SIDE_PX || top >= this.height - SIDE_PX) return;
    this.isEmpty = false;
    const at = top * width + left;
    for (let k = 0; k < offset.length; k++) pixels[at + offset[k]] = colour[k];
  }

  end() {
    if (!this.isEmpty || !this.wasEmpty) this.context.putImageData(this.image, 0, 0);
  }
}
