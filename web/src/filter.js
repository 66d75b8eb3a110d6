// Which tracks are shown, by what a person asked for.
import { SIDES } from "./colours.js";
import { settings } from "./settings.js";
import { KINDS, LOST, SPACE, TENTATIVE, THREATENS } from "./wire.js";

/** @import { World } from "./world.js" */

let shown = new Uint8Array(0);

/**
 * @param {World} world @returns {{shown: Uint8Array, count: number}} one for each row of the frame, 1 where it is shown
 */
export function visible(world) {
  const frame = world.frame;
  const n = frame?.n ?? 0;
  if (shown.length < n) shown = new Uint8Array(Math.ceil(n * 1.25));
  if (!frame) return { shown, count: 0 };
  const sides = SIDES.map((side) => (settings.hiddenSides.includes(side) ? 0 : 1));
  const kinds = KINDS.map((kind) => (settings.hiddenKinds.includes(kind) ? 0 : 1));
  const words = frame.words;
  const [low, high] = settings.heights_m;
  // Hiding a nation shows the picture without it: tracks that nobody else feeds go.
  const others = new Uint32Array(words).fill(0xffffffff);
  for (let k = 0; k < world.sources.length; k++) if (settings.hiddenNations.includes(world.sources[k].nation) && k >> 5 < words) others[k >> 5] &= ~(1 << (k & 31));
  const hides = settings.hiddenNations.length > 0;
  let count = 0;
  for (let i = 0; i < n; i++) {
    let is = sides[frame.affiliation[i]] & kinds[frame.kind[i]];
    const height = frame.height_m[i];
    if (height < low || height > high) is = 0;
    const status = frame.status[i];
    if (status === LOST || frame.kind[i] === SPACE) is &= settings.layers.satellites || status !== LOST ? 1 : 0;
    if (status === TENTATIVE && !settings.tentative && !(frame.mark[i] & THREATENS)) is = 0;
    if (is && hides) {
      let fed = 0;
      for (let k = 0; k < words; k++) fed |= frame.sources[i * words + k] & others[k];
      if (!fed) is = 0;
    }
    shown[i] = is;
    count += is;
  }
  return { shown, count };
}
