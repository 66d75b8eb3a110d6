// Labels without overlaps: the most important first, each at the first of its places that is free. Only what matters may
// stand on another's symbol.

/**
 * @typedef {object} Label
 * @property {number} x @property {number} y pixels of what it names
 * @property {string[]} lines
 * @property {number} priority higher goes first
 * @property {string} colour
 * @property {number} gap pixels between its thing and it
 * @property {boolean} [boxed] on a filled plate
 * @property {boolean} [dashed] and that plate's edge is dashed: it is only proposed
 * @property {boolean} [centred] right on its place, as names of the map are
 * @property {boolean} [always] drawn even where it overlaps
 */

/** @typedef {Label & {left: number, top: number, width: number, height: number}} Placed */

const CELL_PX = 24;
export const LINE_PX = 14;
const PAD_PX = 5;
const MATTERS = 10; // of this priority on

/** Which cells of the screen are taken. */
export class Room {
  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.columns = Math.ceil(width / CELL_PX) + 1;
    this.rows = Math.ceil(height / CELL_PX) + 1;
    /** @type {Map<number, number[][]>} */ this.boxes = new Map();
    this.width = width;
    this.height = height;
  }

  /** @param {number[]} box left, top, right, bottom */
  take(box) {
    this.cells(box, (cell) => {
      const there = this.boxes.get(cell);
      if (there) there.push(box);
      else this.boxes.set(cell, [box]);
    });
  }

  /** @param {number[]} box */
  isFree(box) {
    if (box[0] < 0 || box[1] < 0 || box[2] > this.width || box[3] > this.height) return false;
    let free = true;
    this.cells(box, (cell) => {
      for (const other of this.boxes.get(cell) ?? [])
        if (box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]) free = false;
    });
    return free;
  }

  /** @param {number[]} box @param {(cell: number) => void} each */
  cells(box, each) {
    const [left, right] = [Math.max(0, Math.floor(box[0] / CELL_PX)), Math.min(this.columns - 1, Math.floor(box[2] / CELL_PX))];
    const [top, bottom] = [Math.max(0, Math.floor(box[1] / CELL_PX)), Math.min(this.rows - 1, Math.floor(box[3] / CELL_PX))];
    for (let row = top; row <= bottom; row++) for (let column = left; column <= right; column++) each(row * this.columns + column);
  }
}

/**
 * @param {Label[]} labels @param {Room} room where panels and loud symbols lie is taken already
 * @param {Room} symbols where any symbol lies is taken
 * @param {(text: string, bold: boolean) => number} measure pixels of a line
 * @param {number} most how many at most
 * @returns {Placed[]}
 */
export function place(labels, room, symbols, measure, most) {
  /** @type {Placed[]} */ const placed = [];
  for (const label of [...labels].sort((a, b) => b.priority - a.priority)) {
    if (placed.length >= most) break;
    const pad = label.boxed ? PAD_PX : 1;
    const width = Math.max(...label.lines.map((line, k) => measure(line, Boolean(label.boxed) && !k))) + 2 * pad;
    const height = label.lines.length * LINE_PX + (label.boxed ? 6 : 0);
    const { x, y, gap } = label;
    const corners = label.centred
      ? [[x - width / 2, y - height / 2]]
      : [[x + gap, y - height / 2], [x + gap, y - height - 2], [x + gap, y + 2], [x - gap - width, y - height / 2], [x - gap - width, y - height - 2], [x - gap - width, y + 2], [x - width / 2, y - gap - height], [x - width / 2, y + gap]];
    const free = corners.filter(([left, top]) => room.isFree([left, top, left + width, top + height]));
    let corner = free.find(([left, top]) => symbols.isFree([left, top, left + width, top + height]));
    if (!corner && label.priority >= MATTERS) corner = free[0];
    if (!corner && label.always) corner = corners[0];
    if (!corner) continue;
    const [left, top] = corner;
    room.take([left, top, left + width, top + height]);
    placed.push({ ...label, left, top, width, height });
  }
  return placed;
}
