// What both views draw on top of the Earth: tracks with symbols, history, leaders, ellipses, marks and labels, on a canvas.
import { AFFILIATION, MAP, SIDES, faded } from "./colours.js";
import { Dots } from "./dots.js";
import { ellipse } from "./geo.js";
import { Room, place } from "./labels.js";
import { countdown, trackLines } from "./scene.js";
import { settings } from "./settings.js";
import { dot, symbol } from "./symbols.js";
import { t } from "./texts.js";
import { ALERTED, KINDS, SHIP, SUSPECT, THREATENS } from "./wire.js";

/** @import { Drawing } from "./view.js" */
/** @import { Label } from "./labels.js" */
/** @import { Mark } from "./scene.js" */
/** @import { Trail, World } from "./world.js" */

/**
 * Where things are on the screen. What says where returns whether it is in sight, and leaves the pixel in `px`, `py`.
 * @typedef {object} Eye
 * @property {number} width @property {number} height
 * @property {number} px @property {number} py
 * @property {number} span_m metres for a pixel in the middle
 * @property {(seen: Seen, shown: Uint8Array, now_ms: number) => void} see finds all tracks
 * @property {(lon: number, lat: number, height_m: number) => boolean} spot
 * @property {(trail: Trail, j: number) => boolean} past a place where a track was
 * @property {(i: number, on_s: number) => boolean} ahead where a track will be if it goes straight on
 */
/** @typedef {{n: number, index: Int32Array, key: Float64Array, x: Float32Array, y: Float32Array}} Seen rows of the frame as it was drawn, their tracks and pixels */

const SYMBOLS_MOST = 220; // with more tracks in sight than this, what is not suspect is a dot
const DETAILS_MOST = 420; // and has no history and no ellipse
const LABELS_MOST = 70;
const SYMBOL_PX = 7; // half of one, as far as labels keep off it
const PLACES_MOST = 9; // warned places with their names; the others are rings alone
const FONT = '12px "Noto Sans", "Noto Sans CJK JP", system-ui, sans-serif';
const BOLD = `700 ${FONT}`;

export class Overlay {
  /** @param {CanvasRenderingContext2D} context @param {HTMLCanvasElement} below for dots @param {World} world @param {Eye} eye */
  constructor(context, below, world, eye) {
    this.over = context;
    this.dots = new Dots(below);
    this.world = world;
    this.eye = eye;
    /** @type {Seen} */ this.seen = seenOf(0);
    /** @type {Map<string, number>} */ this.widths = new Map();
  }

  /** @param {number} x @param {number} y @returns {number | null} the key of the track that is drawn there, whose row may be another's by now */
  pick(x, y) {
    const { n, key, x: xs, y: ys } = this.seen;
    let [best, nearest] = [-1, 16];
    for (let k = 0; k < n; k++) {
      const distance = Math.hypot(xs[k] - x, ys[k] - y);
      if (distance < nearest) [best, nearest] = [k, distance];
    }
    return best < 0 ? null : key[best];
  }

  /** @param {Drawing} drawing */
  draw(drawing) {
    const { over, world, eye } = this;
    const { width, height } = eye;
    const { shown, now_ms, selected, scene, insets } = drawing;
    const frame = world.frame;
    const { theme, palette, layers } = settings;
    const colours = MAP[theme];
    over.font = FONT;
    over.textBaseline = "middle";
    /** @type {Label[]} */ const labels = [];
    const room = new Room(width, height);
    const symbols = new Room(width, height);
    for (const box of insets) room.take(box);

    if (frame) {
      if (this.seen.index.length < frame.n) this.seen = seenOf(Math.ceil(frame.n * 1.25));
      const { seen } = this;
      eye.see(seen, shown, now_ms);
      const few = seen.n <= DETAILS_MOST;
      if (layers.history) this.drawHistory(few, selected, colours.history);
      if (layers.ellipses && few) this.drawEllipses(selected);
      if (layers.leaders) this.drawLeaders(seen.n <= 1500, selected, now_ms);
      const allSymbols = seen.n <= SYMBOLS_MOST;
      let marked = -1;
      /** @type {number[]} */ const loudOnes = [];
      const stamps = new Array(1024); // by affiliation, status and whether it is a ship
      this.dots.begin(width, height);
      for (let k = 0; k < seen.n; k++) {
        const i = seen.index[k];
        seen.key[k] = world.key[i];
        if (world.key[i] === selected) marked = k;
        if (frame.affiliation[i] >= SUSPECT || marked === k) loudOnes.push(k);
        else if (allSymbols) this.drawSymbol(i, seen.x[k], seen.y[k], 13);
        else {
          const look = (frame.affiliation[i] << 4) | (frame.status[i] << 1) | Number(frame.kind[i] === SHIP);
          this.dots.put(seen.x[k], seen.y[k], (stamps[look] ??= dot(frame.kind[i], frame.affiliation[i], frame.status[i], theme, palette)));
        }
        if (few) symbols.take([seen.x[k] - SYMBOL_PX, seen.y[k] - SYMBOL_PX, seen.x[k] + SYMBOL_PX, seen.y[k] + SYMBOL_PX]);
        if (layers.labels && few) labels.push(this.labelOf(i, seen.x[k], seen.y[k], allSymbols, marked === k));
      }
      this.dots.end();
      for (const k of loudOnes) {
        const [i, x, y] = [seen.index[k], seen.x[k], seen.y[k]];
        this.drawSymbol(i, x, y, 19);
        room.take([x - 10, y - 10, x + 10, y + 10]);
        if (layers.labels && !few) labels.push(this.labelOf(i, x, y, true, marked === k));
      }
      if (marked >= 0) brackets(over, seen.x[marked], seen.y[marked], colours.select);
    }

    const named = new Set([...scene.marks].filter(({ sort }) => sort === "place").sort((a, b) => b.priority - a.priority).slice(0, PLACES_MOST));
    for (const mark of scene.marks) this.drawMark(mark, drawing, labels, named.has(mark));
    if (drawing.measure.length) this.drawMeasure(drawing);
    const measure = (/** @type {string} */ text, /** @type {boolean} */ bold) => {
      const key = bold ? `*${text}` : text;
      let pixels = this.widths.get(key);
      if (pixels === undefined) {
        if (this.widths.size > 4000) this.widths.clear();
        over.font = bold ? BOLD : FONT;
        this.widths.set(key, (pixels = over.measureText(text).width));
      }
      return pixels;
    };
    for (const label of place(labels, room, symbols, measure, LABELS_MOST)) write(over, label, colours);
  }

  /** @param {number} i @param {number} x @param {number} y @param {number} size */
  drawSymbol(i, x, y, size) {
    const frame = /** @type {NonNullable<World["frame"]>} */ (this.world.frame);
    const sprite = symbol(frame.kind[i], frame.affiliation[i], frame.status[i], size, settings.theme, settings.palette);
    this.over.drawImage(sprite.image, x - sprite.x, y - sprite.y, sprite.width, sprite.height);
  }

  /** @param {boolean} all @param {number | null} selected @param {string} colour */
  drawHistory(all, selected, colour) {
    const { over, world, eye, seen } = this;
    const frame = /** @type {NonNullable<World["frame"]>} */ (world.frame);
    for (let k = 0; k < seen.n; k++) {
      const i = seen.index[k];
      const loud = frame.affiliation[i] >= 2 || world.key[i] === selected;
      const trail = all || loud ? world.trails.get(world.key[i]) : undefined;
      if (!trail || trail.length < 2) continue;
      over.beginPath();
      for (let at = 0; at < trail.length; at++) {
        const there = eye.past(trail, trail.at(at));
        if (at && there && Math.abs(eye.px - seen.x[k]) < eye.width) over.lineTo(eye.px, eye.py);
        else over.moveTo(eye.px, eye.py);
      }
      over.lineTo(seen.x[k], seen.y[k]);
      over.strokeStyle = faded(loud ? AFFILIATION[settings.palette][settings.theme][SIDES[frame.affiliation[i]]] : colour, loud ? 0.8 : 0.4);
      over.lineWidth = loud ? 1.75 : 1;
      over.stroke();
    }
  }

  /** @param {number | null} selected */
  drawEllipses(selected) {
    const { over, world, eye, seen } = this;
    const frame = /** @type {NonNullable<World["frame"]>} */ (world.frame);
    for (let k = 0; k < seen.n; k++) {
      const i = seen.index[k];
      const [ee, en, nn] = [frame.east_east_m2[i], frame.east_north_m2[i], frame.north_north_m2[i]];
      const pixels = (2 * Math.sqrt(ee + nn)) / eye.span_m;
      if (!(pixels > 7) || pixels > 4 * eye.width) continue;
      const [lon, lat, height_m] = [frame.lon[i] * 1e-7, frame.lat[i] * 1e-7, frame.height_m[i]];
      if (!eye.spot(lon, lat, height_m)) continue;
      const [ox, oy] = [seen.x[k] - eye.px, seen.y[k] - eye.py]; // it goes on with its track
      over.beginPath();
      for (const [x, y] of ellipse(lon, lat, ee, nn, en, 2)) if (eye.spot(x, y, height_m)) over.lineTo(eye.px + ox, eye.py + oy);
      const loud = world.key[i] === selected || frame.affiliation[i] >= 2;
      over.strokeStyle = faded(AFFILIATION[settings.palette][settings.theme][SIDES[frame.affiliation[i]]], loud ? 0.9 : 0.4);
      over.lineWidth = 1;
      over.stroke();
    }
  }

  /** @param {boolean} all @param {number | null} selected @param {number} now_ms */
  drawLeaders(all, selected, now_ms) {
    const { over, world, eye, seen } = this;
    const frame = /** @type {NonNullable<World["frame"]>} */ (world.frame);
    const seconds = settings.leader_min * 60;
    const lines = SIDES.map(() => new Path2D());
    for (let k = 0; k < seen.n; k++) {
      const i = seen.index[k];
      if (frame.status[i] === 3 || !(all || frame.affiliation[i] >= 2 || world.key[i] === selected)) continue;
      const ahead = frame.kind[i] >= 3 ? Math.min(20, seconds) : seconds; // a ballistic way bends: its path is drawn instead
      if (!eye.ahead(i, world.reckon_s(i, now_ms) + ahead) || Math.abs(eye.px - seen.x[k]) + Math.abs(eye.py - seen.y[k]) < 4) continue;
      lines[frame.affiliation[i]].moveTo(seen.x[k], seen.y[k]);
      lines[frame.affiliation[i]].lineTo(eye.px, eye.py);
    }
    over.lineWidth = 1.25;
    lines.forEach((line, side) => {
      over.strokeStyle = faded(AFFILIATION[settings.palette][settings.theme][SIDES[side]], 0.75);
      over.stroke(line);
    });
  }

  /** @param {number} i @param {number} x @param {number} y @param {boolean} big @param {boolean} isSelected @returns {Label} */
  labelOf(i, x, y, big, isSelected) {
    const frame = /** @type {NonNullable<World["frame"]>} */ (this.world.frame);
    const threat = frame.mark[i] & (THREATENS | ALERTED) ? 20 : 0;
    const { theme, palette } = settings;
    const isSuspect = frame.affiliation[i] >= SUSPECT;
    const isPlain = theme === "light" && !isSuspect; // yellow words cannot be read on white
    return {
      x, y, gap: big ? 13 : 7, lines: trackLines(this.world, i, isSelected), boxed: isSelected || isSuspect,
      priority: (isSelected ? 60 : 0) + threat + (isSuspect ? 10 : 0) + (KINDS[frame.kind[i]] === "aircraft" ? 1 : 0),
      colour: isPlain ? MAP.light.text : AFFILIATION[palette][theme][SIDES[frame.affiliation[i]]],
    };
  }

  /** @param {Mark} mark @param {Drawing} drawing @param {Label[]} labels @param {boolean} isNamed of warned places, whether it is one of the most urgent */
  drawMark(mark, drawing, labels, isNamed) {
    const { over, eye } = this;
    const colours = MAP[settings.theme];
    if (!eye.spot(mark.lon, mark.lat, mark.height_m)) return;
    const { px: x, py: y } = eye;
    if (x < -30 || y < -30 || x > eye.width + 30 || y > eye.height + 30) return;
    const left = countdown(mark, drawing.now_ms);
    const isProposed = mark.sort === "place" && mark.state === "proposed";
    if (mark.sort === "sensor") {
      sensor(over, x, y, mark.state ?? "unknown", colours);
    } else if (mark.sort === "satellite") {
      over.strokeStyle = over.fillStyle = colours.space;
      over.lineWidth = 1.5;
      over.strokeRect(x - 2.5, y - 2.5, 5, 5);
      over.fillRect(x - 9, y - 1.5, 5, 3);
      over.fillRect(x + 4, y - 1.5, 5, 3);
    } else if (mark.sort === "place" || mark.sort === "end") {
      over.strokeStyle = mark.sort === "place" ? colours.warn : colours.path;
      over.lineWidth = isProposed ? 1.25 : 2;
      if (isProposed) over.setLineDash([2, 2]);
      over.beginPath();
      if (mark.sort === "place") over.arc(x, y, isNamed ? 4 : 2.5, 0, 7);
      else {
        over.moveTo(x - 5, y - 5);
        over.lineTo(x + 5, y + 5);
        over.moveTo(x + 5, y - 5);
        over.lineTo(x - 5, y + 5);
      }
      over.stroke();
      over.setLineDash([]);
      if (isNamed && !isProposed && !drawing.still) {
        const phase = (performance.now() % 2000) / 2000;
        over.strokeStyle = faded(colours.warn, 0.8 * (1 - phase));
        over.beginPath();
        over.arc(x, y, 4 + 16 * phase, 0, 7);
        over.stroke();
      }
    } else if (mark.sort === "name" && mark.layer === "names") {
      over.fillStyle = colours.name;
      over.fillRect(x - 1, y - 1, 2, 2);
    } else if (mark.sort === "ghost") {
      const sprite = symbol(3, 2, 0, 19, settings.theme, settings.palette);
      over.drawImage(sprite.image, x - sprite.x, y - sprite.y, sprite.width, sprite.height);
    } else if (mark.sort === "time") {
      over.fillStyle = colours.path;
      over.beginPath();
      over.arc(x, y, 2.2, 0, 7);
      over.fill();
    }
    if (mark.sort === "satellite" && eye.span_m > 11_000) return;
    if (mark.sort === "sensor" && eye.span_m > 7000 && mark.state === "ok") return;
    if (mark.sort === "place" && !isNamed) return;
    const lines = left ? [[...mark.lines, left, ...(isProposed ? [t("life.proposed")] : [])].join("  ")] : mark.lines;
    if (!lines.length || !lines[0]) return;
    const important = mark.sort === "place";
    labels.push({
      x, y, lines, gap: mark.sort === "name" ? 5 : 9, priority: mark.priority - (important ? Math.max(0, ((mark.until_ms ?? 0) - drawing.now_ms) / 1e6) : 0),
      boxed: important, dashed: isProposed, colour: isProposed ? colours.warn : important ? "warn" : ["end", "time", "ghost", "launch"].includes(mark.sort) ? colours.path : mark.sort === "sensor" ? colours.sensor : mark.sort === "satellite" ? colours.space : mark.layer === "zones" ? colours.zone : colours.name,
    });
  }

  /** @param {Drawing} drawing */
  drawMeasure({ measure }) {
    const { over, eye } = this;
    const colours = MAP[settings.theme];
    const points = measure.filter(([lon, lat]) => eye.spot(lon, lat, 0)).map(([lon, lat]) => eye.spot(lon, lat, 0) && [eye.px, eye.py]).filter((point) => point !== false);
    over.strokeStyle = over.fillStyle = colours.measure;
    over.lineWidth = 2;
    over.setLineDash([6, 4]);
    over.beginPath();
    for (const [x, y] of points) over.lineTo(x, y);
    over.stroke();
    over.setLineDash([]);
    for (const [x, y] of points) over.fillRect(x - 3, y - 3, 6, 6);
  }
}

/** @param {number} room @returns {Seen} */
const seenOf = (room) => ({ n: 0, index: new Int32Array(room), key: new Float64Array(room), x: new Float32Array(room), y: new Float32Array(room) });

/** A dish with what it sends out; silent, it sends nothing and is crossed out. @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {string} state @param {typeof MAP.dark} colours */
function sensor(context, x, y, state, colours) {
  const silent = state === "silent";
  const colour = silent ? colours.warn : state === "ok" ? colours.sensor : colours.name;
  context.fillStyle = faded(colours.sea, 0.85);
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(x, y, 7, 0, 7);
  context.fill();
  context.stroke();
  context.beginPath();
  if (silent) {
    context.moveTo(x - 3, y - 3);
    context.lineTo(x + 3, y + 3);
    context.moveTo(x + 3, y - 3);
    context.lineTo(x - 3, y + 3);
  } else {
    context.arc(x, y + 2, 4.5, -2.4, -0.75);
    context.moveTo(x + 0.8, y + 2);
    context.arc(x, y + 2, 0.8, 0, 7);
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {string} colour */
function brackets(context, x, y, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  for (const [sx, sy] of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) {
    context.moveTo(x + sx * 17, y + sy * 10);
    context.lineTo(x + sx * 17, y + sy * 17);
    context.lineTo(x + sx * 10, y + sy * 17);
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {import("./labels.js").Placed} label @param {typeof MAP.dark} colours */
function write(context, label, colours) {
  const { left, top, width, height, lines, boxed, dashed, colour } = label;
  const warns = colour === "warn";
  if (boxed) {
    context.fillStyle = warns ? colours.warnFill : faded(colours.sea, 0.9);
    context.strokeStyle = warns ? "#ffffff" : colour;
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(Math.round(left) + 0.5, Math.round(top) + 0.5, Math.round(width), Math.round(height), 3);
    context.fill();
    if (dashed) context.setLineDash([4, 3]);
    context.stroke();
    context.setLineDash([]);
  }
  lines.forEach((line, k) => {
    const x = left + (boxed ? 5 : 1);
    const y = top + (boxed ? 3 : 0) + 7 + 14 * k;
    context.font = warns || (boxed && !k) ? BOLD : FONT;
    if (!boxed) {
      context.lineWidth = 3;
      context.lineJoin = "round";
      context.strokeStyle = faded(colours.halo, 0.85);
      context.strokeText(line, x, y);
    }
    context.fillStyle = warns ? colours.warnText : colour;
    context.fillText(line, x, y);
  });
  context.font = FONT;
}
