// The base map: Natural Earth's 1:50m coast drawn into square tiles of the flat map, by one function for both views.
import { MAP } from "./colours.js";
import { mercatorX, mercatorY } from "./geo.js";

export const TILE_PX = 512;

/** @typedef {{west: number, east: number, north: number, south: number, points: Float32Array, edge: Uint8Array}} Ring */

/** @type {Ring[]} */
let rings = [];

/** @param {ArrayBuffer} bytes of coast.bin: how many rings, how long each, then 1/150 degrees */
export function readCoast(bytes) {
  const count = new Int32Array(bytes, 0, 1)[0];
  const lengths = new Int32Array(bytes, 4, count);
  const numbers = new Int16Array(bytes, 4 * (count + 1));
  rings = [];
  let start = 0;
  for (const length of lengths) {
    const points = new Float32Array(2 * length);
    const edge = new Uint8Array(length); // 1 where the ring runs along the map's own edge, which is no coast
    for (let k = 0; k < length; k++) {
      const [lon, lat] = [numbers[start + 2 * k] / 150, numbers[start + 2 * k + 1] / 150];
      points[2 * k] = mercatorX(lon);
      points[2 * k + 1] = mercatorY(lat);
      edge[k] = Math.abs(lon) > 179.98 || lat < -85.05 ? 1 : 0;
    }
    start += 2 * length;
    let [west, east, north, south] = [1, 0, 1, 0];
    for (let k = 0; k < points.length; k += 2) {
      west = Math.min(west, points[k]);
      east = Math.max(east, points[k]);
      north = Math.min(north, points[k + 1]);
      south = Math.max(south, points[k + 1]);
    }
    rings.push({ west, east, north, south, points, edge });
  }
}

/**
 * Draw one tile.
 * @param {CanvasRenderingContext2D} context of a square canvas
 * @param {number} size of it, pixels
 * @param {number} x @param {number} y @param {number} level the tile's place: there are 2^level tiles each way
 * @param {"dark" | "light"} theme
 */
export function drawTile(context, size, x, y, level, theme) {
  const colours = MAP[theme];
  const scale = size * 2 ** level;
  const [left, top] = [x * size, y * size];
  context.fillStyle = colours.sea;
  context.fillRect(0, 0, size, size);
  context.fillStyle = colours.land;
  context.strokeStyle = colours.coast;
  context.lineWidth = size / TILE_PX;
  context.lineJoin = "round";
  const nearest = 0.7; // pixels: points nearer to the last one are left out
  const fill = new Path2D(); // one for all rings: a lake is a ring inside another
  const line = new Path2D();
  for (const ring of rings) {
    if (ring.east * scale < left - 2 || ring.west * scale > left + size + 2) continue;
    if (ring.south * scale < top - 2 || ring.north * scale > top + size + 2) continue;
    if ((ring.east - ring.west) * scale < 0.6 && (ring.south - ring.north) * scale < 0.6) continue;
    const { points, edge } = ring;
    let [px, py, pe] = [NaN, NaN, 1];
    for (let k = 0; k < edge.length; k++) {
      const [u, v] = [points[2 * k] * scale - left, points[2 * k + 1] * scale - top];
      if (Math.abs(u - px) + Math.abs(v - py) < nearest && edge[k] === pe && k < edge.length - 1) continue;
      if (k) fill.lineTo(u, v);
      else fill.moveTo(u, v);
      if (k && !(pe && edge[k])) line.lineTo(u, v);
      else line.moveTo(u, v);
      [px, py, pe] = [u, v, edge[k]];
    }
    fill.closePath();
  }
  context.fill(fill, "evenodd");
  context.stroke(line);
  grid(context, size, left, top, scale, level, colours.grid);
}

/** @param {CanvasRenderingContext2D} context @param {number} size @param {number} left @param {number} top @param {number} scale @param {number} level @param {string} colour */
function grid(context, size, left, top, scale, level, colour) {
  const step = [30, 30, 15, 10, 5, 2, 1][Math.min(6, level)];
  context.strokeStyle = colour;
  context.beginPath();
  for (let lon = -180; lon < 180; lon += step) {
    const u = Math.round(mercatorX(lon) * scale - left) + 0.5;
    if (u < 0 || u > size) continue;
    context.moveTo(u, 0);
    context.lineTo(u, size);
  }
  for (let lat = -80; lat <= 80; lat += step === 30 ? 20 : step) {
    const v = Math.round(mercatorY(lat) * scale - top) + 0.5;
    if (v < 0 || v > size) continue;
    context.moveTo(0, v);
    context.lineTo(size, v);
  }
  context.stroke();
}

/** Tiles already drawn, the longest unused going first. */
export class Tiles {
  /** @param {number} most how many are kept @param {number} size pixels of a tile's side */
  constructor(most, size) {
    this.most = most;
    this.size = size;
    /** @type {Map<string, HTMLCanvasElement>} */ this.kept = new Map();
  }

  /** @param {number} x @param {number} y @param {number} level @param {"dark" | "light"} theme @param {boolean} make whether to draw it now if need be */
  get(x, y, level, theme, make) {
    const key = `${theme}/${level}/${x}/${y}`;
    let tile = this.kept.get(key);
    if (tile) this.kept.delete(key);
    else if (!make) return undefined;
    else {
      tile = document.createElement("canvas");
      tile.width = tile.height = this.size;
      const context = tile.getContext("2d", { alpha: false });
      if (context) drawTile(context, this.size, x, y, level, theme);
    }
    this.kept.set(key, tile);
    if (this.kept.size > this.most) this.kept.delete(/** @type {string} */ (this.kept.keys().next().value));
    return tile;
  }
}
