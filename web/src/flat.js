// The flat map: the same layers and data as the globe, drawn on two canvases. It needs no WebGL and is the fast one.
import { TILE_PX, Tiles } from "./basemap.js";
import { AFFILIATION, MAP, SIDES, faded } from "./colours.js";
import { LAT_MAX_DEG, ROUND_M, ellipse, latitudeOf, mercatorX, mercatorY, wrapped } from "./geo.js";
import { Room, place } from "./labels.js";
import { countdown, trackLines } from "./scene.js";
import { settings } from "./settings.js";
import { dot, radar, symbol } from "./symbols.js";
import { ALERTED, KINDS, THREATENS } from "./wire.js";

/** @import { Camera, Drawing, View } from "./view.js" */
/** @import { Label } from "./labels.js" */
/** @import { Mark, Scene, Shape } from "./scene.js" */
/** @import { World } from "./world.js" */

const SYMBOLS_MOST = 220; // with more tracks in sight than this, what is not suspect is a dot
const DETAILS_MOST = 420; // and has no history and no ellipse
const LABELS_MOST = 70;
const FONT = '12px "Noto Sans", "Noto Sans CJK JP", system-ui, sans-serif';
const BOLD = `700 ${FONT}`;

/** @implements {View} */
export class FlatView {
  /** @param {HTMLElement} host @param {World} world @param {() => void} moved */
  constructor(host, world, moved) {
    this.name = /** @type {const} */ ("flat");
    this.world = world;
    this.moved = moved;
    this.tiles = new Tiles(96, TILE_PX * Math.min(2, Math.ceil(devicePixelRatio)));
    this.base = host.appendChild(document.createElement("canvas"));
    this.top = host.appendChild(document.createElement("canvas"));
    this.under = /** @type {CanvasRenderingContext2D} */ (this.base.getContext("2d", { alpha: false }));
    this.over = /** @type {CanvasRenderingContext2D} */ (this.top.getContext("2d"));
    this.host = host;
    this.width = this.height = 1;
    this.cx = 0.5;
    this.cy = 0.5;
    this.scale = 1024; // pixels for one turn
    /** @type {Scene | null} */ this.drawn = null;
    this.stale = true;
    this.onScreen = { n: 0, index: new Int32Array(0), x: new Float32Array(0), y: new Float32Array(0) };
    /** @type {Map<string, number>} */ this.widths = new Map();
    this.resize();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.host;
    const ratio = Math.min(2, devicePixelRatio);
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    for (const canvas of [this.base, this.top]) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.height * ratio);
    }
    for (const context of [this.under, this.over]) context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.scale = Math.max(this.scale, this.leastScale);
    this.stale = true;
  }

  get leastScale() {
    return Math.max(this.height, this.width / 1.5);
  }

  /** @returns {Camera} */
  get camera() {
    const lat = latitudeOf(this.cy);
    return { lon: wrapped((this.cx - 0.5) * 360), lat, span_m: (ROUND_M * Math.cos((lat * Math.PI) / 180)) / this.scale };
  }

  /** @param {Camera} camera */
  look({ lon, lat, span_m }) {
    const bounded = Math.max(-LAT_MAX_DEG, Math.min(LAT_MAX_DEG, lat));
    this.cx = mercatorX(lon);
    this.cy = mercatorY(bounded);
    this.zoomTo((ROUND_M * Math.cos((bounded * Math.PI) / 180)) / span_m);
  }

  /** @param {number} scale @param {number} [x] @param {number} [y] the pixel that stays where it is */
  zoomTo(scale, x = this.width / 2, y = this.height / 2) {
    const next = Math.max(this.leastScale, Math.min(512 * 2 ** 17, scale));
    const change = 1 / this.scale - 1 / next;
    this.cx += (x - this.width / 2) * change;
    this.cy += (y - this.height / 2) * change;
    this.scale = next;
    this.settle();
  }

  /** @param {number} dx @param {number} dy pixels that the map goes by */
  pan(dx, dy) {
    this.cx -= dx / this.scale;
    this.cy -= dy / this.scale;
    this.settle();
  }

  settle() {
    this.cx -= Math.floor(this.cx);
    const half = this.height / 2 / this.scale;
    this.cy = half > 0.5 ? 0.5 : Math.max(half, Math.min(1 - half, this.cy));
    this.stale = true;
    this.moved();
  }

  /** @param {number} x on the flat map @returns {number} pixels from the left, of the nearest copy */
  toX(x) {
    const d = x - this.cx;
    return (d - Math.round(d)) * this.scale + this.width / 2;
  }

  /** @param {number} y @returns {number} */
  toY(y) {
    return (y - this.cy) * this.scale + this.height / 2;
  }

  /** @param {number} lon @param {number} lat @returns {[number, number] | null} */
  project(lon, lat) {
    return [this.toX(mercatorX(lon)), this.toY(mercatorY(lat))];
  }

  /** @param {number} x @param {number} y @returns {[number, number] | null} */
  unproject(x, y) {
    const u = this.cx + (x - this.width / 2) / this.scale;
    const v = this.cy + (y - this.height / 2) / this.scale;
    return v < 0 || v > 1 ? null : [wrapped((u - 0.5) * 360), latitudeOf(v)];
  }

  /** @param {number} x @param {number} y @returns {number | null} the key of the track there */
  pick(x, y) {
    const { n, index, x: xs, y: ys } = this.onScreen;
    let [best, nearest] = [-1, 16];
    for (let k = 0; k < n; k++) {
      const distance = Math.hypot(xs[k] - x, ys[k] - y);
      if (distance < nearest) [best, nearest] = [index[k], distance];
    }
    return best < 0 ? null : this.world.key[best];
  }

  /** @param {Drawing} drawing */
  draw(drawing) {
    if (this.stale || drawing.scene !== this.drawn) this.drawBase(drawing.scene);
    this.drawTop(drawing);
  }

  /** @param {Scene} scene */
  drawBase(scene) {
    const { under, width, height } = this;
    this.stale = false;
    this.drawn = scene;
    under.fillStyle = MAP[settings.theme].sea;
    under.fillRect(0, 0, width, height);
    const level = Math.max(0, Math.min(9, Math.round(Math.log2(this.scale / TILE_PX))));
    const count = 2 ** level;
    const size = this.scale / count;
    const left = this.cx * count - width / 2 / size;
    const top = this.cy * count - height / 2 / size;
    let toMake = 5; // a few at a time, so that moving stays smooth
    for (let v = Math.max(0, Math.floor(top)); v < Math.min(count, top + height / size); v++)
      for (let u = Math.floor(left); u < left + width / size; u++) {
        const x = ((u % count) + count) % count;
        const known = this.tiles.get(x, v, level, settings.theme, toMake > 0);
        const [px, py] = [Math.round((u - left) * size), Math.round((v - top) * size)];
        const [w, h] = [Math.round((u + 1 - left) * size) - px, Math.round((v + 1 - top) * size) - py];
        if (known) {
          under.drawImage(known, px, py, w, h);
          toMake -= 1;
        } else {
          this.stale = true;
          this.drawParent(x, v, level, px, py, w, h);
        }
      }
    for (const shape of scene.shapes) this.drawShape(shape);
  }

  /** A coarser tile in place of one that is yet to be drawn. @param {number} x @param {number} y @param {number} level @param {number} px @param {number} py @param {number} w @param {number} h */
  drawParent(x, y, level, px, py, w, h) {
    for (let up = 1; up <= level; up++) {
      const tile = this.tiles.get(x >> up, y >> up, level - up, settings.theme, false);
      if (!tile) continue;
      const part = tile.width / 2 ** up;
      const mask = (1 << up) - 1;
      this.under.drawImage(tile, (x & mask) * part, (y & mask) * part, part, part, px, py, w, h);
      return;
    }
  }

  /** @param {Shape} shape */
  drawShape(shape) {
    const { under, scale, width, height } = this;
    if (!shape.flat) {
      shape.flat = new Float64Array(2 * shape.points.length);
      shape.points.forEach(([lon, lat], k) => {
        /** @type {Float64Array} */ (shape.flat)[2 * k] = mercatorX(lon);
        /** @type {Float64Array} */ (shape.flat)[2 * k + 1] = mercatorY(lat);
      });
    }
    const flat = shape.flat;
    let [west, east] = [Infinity, -Infinity];
    for (let k = 0; k < flat.length; k += 2) {
      west = Math.min(west, flat[k]);
      east = Math.max(east, flat[k]);
    }
    const half = width / 2 / scale;
    for (let turn = Math.ceil(this.cx - half - east); turn <= Math.floor(this.cx + half - west); turn++) {
      under.beginPath();
      for (let k = 0; k < flat.length; k += 2) {
        const x = (flat[k] + turn - this.cx) * scale + width / 2;
        const y = (flat[k + 1] - this.cy) * scale + height / 2;
        if (k) under.lineTo(x, y);
        else under.moveTo(x, y);
      }
      if (shape.closed) under.closePath();
      if (shape.fill) {
        under.fillStyle = shape.fill;
        under.fill();
      }
      if (shape.stroke) {
        under.strokeStyle = shape.stroke;
        under.lineWidth = shape.width ?? 1;
        under.setLineDash(shape.dash ?? []);
        under.stroke();
      }
    }
    under.setLineDash([]);
  }

  /** @param {Drawing} drawing */
  drawTop(drawing) {
    const { over, width, height, world } = this;
    const { shown, now_ms, selected, scene, insets } = drawing;
    const frame = world.frame;
    const { theme, palette, layers } = settings;
    const colours = MAP[theme];
    over.clearRect(0, 0, width, height);
    over.font = FONT;
    over.textBaseline = "middle";
    /** @type {Label[]} */ const labels = [];
    const room = new Room(width, height);
    for (const box of insets) room.take(box);

    if (frame) {
      const seen = this.see(shown, now_ms);
      const few = seen.n <= DETAILS_MOST;
      if (layers.history) this.drawHistory(few, selected, colours.history);
      if (layers.ellipses && few) this.drawEllipses(selected);
      if (layers.leaders) this.drawLeaders(seen.n <= 1500, selected);
      const allSymbols = seen.n <= SYMBOLS_MOST;
      let marked = -1;
      for (const loud of [false, true])
        for (let k = 0; k < seen.n; k++) {
          const i = seen.index[k];
          const isLoud = frame.affiliation[i] >= 2 || world.key[i] === selected;
          if (isLoud !== loud) continue;
          const big = isLoud || allSymbols;
          const sprite = big
            ? symbol(frame.kind[i], frame.affiliation[i], frame.status[i], isLoud ? 19 : 13, theme, palette)
            : dot(frame.kind[i], frame.affiliation[i], frame.status[i], theme, palette);
          const [x, y] = [seen.x[k], seen.y[k]];
          over.drawImage(sprite.image, x - sprite.x, y - sprite.y, sprite.width, sprite.height);
          if (isLoud) room.take([x - 10, y - 10, x + 10, y + 10]);
          if (world.key[i] === selected) marked = k;
          if (layers.labels && (isLoud || few)) labels.push(this.labelOf(i, x, y, big, marked === k));
        }
      if (marked >= 0) brackets(over, seen.x[marked], seen.y[marked], colours.select);
    }

    for (const mark of scene.marks) this.drawMark(mark, drawing, labels);
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
    for (const label of place(labels, room, measure, LABELS_MOST)) write(over, label, colours);
  }

  /** Where the shown tracks are on the screen by now. @param {Uint8Array} shown @param {number} now_ms */
  see(shown, now_ms) {
    const { world, width, height, scale, cx, cy } = this;
    const frame = /** @type {NonNullable<World["frame"]>} */ (world.frame);
    if (this.onScreen.index.length < frame.n) {
      const room = Math.ceil(frame.n * 1.25);
      this.onScreen = { n: 0, index: new Int32Array(room), x: new Float32Array(room), y: new Float32Array(room) };
    }
    const seen = this.onScreen;
    const { x, y, vx, vy } = world;
    let n = 0;
    for (let i = 0; i < frame.n; i++) {
      if (!shown[i]) continue;
      const on = world.reckon_s(i, now_ms);
      const d = x[i] + vx[i] * on - cx;
      const px = (d - Math.round(d)) * scale + width / 2;
      const py = (y[i] + vy[i] * on - cy) * scale + height / 2;
      if (px < -20 || px > width + 20 || py < -20 || py > height + 20) continue;
      seen.index[n] = i;
      seen.x[n] = px;
      seen.y[n++] = py;
    }
    seen.n = n;
    return seen;
  }

  /** @param {boolean} all @param {number | null} selected @param {string} colour */
  drawHistory(all, selected, colour) {
    const { over, world, onScreen: seen } = this;
    const frame = /** @type {NonNullable<World["frame"]>} */ (world.frame);
    for (let k = 0; k < seen.n; k++) {
      const i = seen.index[k];
      const loud = frame.affiliation[i] >= 2 || world.key[i] === selected;
      const trail = all || loud ? world.trails.get(world.key[i]) : undefined;
      if (!trail || trail.length < 2) continue;
      over.beginPath();
      for (let at = 0; at < trail.length; at++) {
        const j = trail.at(at);
        const [x, y] = [this.toX(trail.x[j]), this.toY(trail.y[j])];
        if (at && Math.abs(x - seen.x[k]) < this.width) over.lineTo(x, y);
        else over.moveTo(x, y);
      }
      over.lineTo(seen.x[k], seen.y[k]);
      over.strokeStyle = faded(loud ? AFFILIATION[settings.palette][settings.theme][SIDES[frame.affiliation[i]]] : colour, loud ? 0.8 : 0.4);
      over.lineWidth = loud ? 1.75 : 1;
      over.stroke();
    }
  }

  /** @param {number | null} selected */
  drawEllipses(selected) {
    const { over, world, onScreen: seen, scale } = this;
    const frame = /** @type {NonNullable<World["frame"]>} */ (world.frame);
    for (let k = 0; k < seen.n; k++) {
      const i = seen.index[k];
      const [ee, en, nn] = [frame.east_east_m2[i], frame.east_north_m2[i], frame.north_north_m2[i]];
      const lat = frame.lat[i] * 1e-7;
      const perPixel = (ROUND_M * Math.cos((lat * Math.PI) / 180)) / scale;
      const pixels = (2 * Math.sqrt(ee + nn)) / perPixel;
      if (!(pixels > 7) || pixels > 4 * this.width) continue;
      const ring = ellipse(frame.lon[i] * 1e-7, lat, ee, nn, en, 2);
      const [ox, oy] = [seen.x[k] - this.toX(world.x[i]), seen.y[k] - this.toY(world.y[i])];
      over.beginPath();
      for (const [lon, latitude] of ring) over.lineTo(this.toX(mercatorX(lon)) + ox, this.toY(mercatorY(latitude)) + oy);
      const loud = world.key[i] === selected || frame.affiliation[i] >= 2;
      over.strokeStyle = faded(AFFILIATION[settings.palette][settings.theme][SIDES[frame.affiliation[i]]], loud ? 0.9 : 0.4);
      over.lineWidth = 1;
      over.stroke();
    }
  }

  /** @param {boolean} all @param {number | null} selected */
  drawLeaders(all, selected) {
    const { over, world, onScreen: seen, scale } = this;
    const frame = /** @type {NonNullable<World["frame"]>} */ (world.frame);
    const seconds = settings.leader_min * 60;
    const lines = SIDES.map(() => new Path2D());
    for (let k = 0; k < seen.n; k++) {
      const i = seen.index[k];
      if (frame.status[i] === 3 || !(all || frame.affiliation[i] >= 2 || world.key[i] === selected)) continue;
      const ahead = frame.kind[i] >= 3 ? Math.min(20, seconds) : seconds; // a ballistic way bends: its path is drawn instead
      const [dx, dy] = [world.vx[i] * ahead * scale, world.vy[i] * ahead * scale];
      if (Math.abs(dx) + Math.abs(dy) < 4) continue;
      lines[frame.affiliation[i]].moveTo(seen.x[k], seen.y[k]);
      lines[frame.affiliation[i]].lineTo(seen.x[k] + dx, seen.y[k] + dy);
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
    return {
      x, y, gap: big ? 13 : 7, lines: trackLines(this.world, i, isSelected), boxed: isSelected,
      priority: (isSelected ? 60 : 0) + threat + (frame.affiliation[i] >= 2 ? 10 : 0) + (KINDS[frame.kind[i]] === "aircraft" ? 1 : 0),
      colour: AFFILIATION[settings.palette][settings.theme][SIDES[frame.affiliation[i]]],
    };
  }

  /** @param {Mark} mark @param {Drawing} drawing @param {Label[]} labels */
  drawMark(mark, drawing, labels) {
    const { over, width, height } = this;
    const colours = MAP[settings.theme];
    const [x, y] = [this.toX(mercatorX(mark.lon)), this.toY(mercatorY(mark.lat))];
    if (x < -30 || y < -30 || x > width + 30 || y > height + 30) return;
    const left = countdown(mark, drawing.now_ms);
    if (mark.sort === "sensor") {
      const sprite = radar(/** @type {"ok"} */ (mark.state), 11, settings.theme);
      over.drawImage(sprite.image, x - sprite.x, y - sprite.y, sprite.width, sprite.height);
    } else if (mark.sort === "satellite") {
      over.strokeStyle = over.fillStyle = colours.space;
      over.lineWidth = 1.5;
      over.strokeRect(x - 2.5, y - 2.5, 5, 5);
      over.fillRect(x - 9, y - 1.5, 5, 3);
      over.fillRect(x + 4, y - 1.5, 5, 3);
    } else if (mark.sort === "place" || mark.sort === "end") {
      over.strokeStyle = mark.sort === "place" ? colours.warn : colours.path;
      over.lineWidth = 2;
      over.beginPath();
      if (mark.sort === "place") over.arc(x, y, 4, 0, 7);
      else {
        over.moveTo(x - 5, y - 5);
        over.lineTo(x + 5, y + 5);
        over.moveTo(x + 5, y - 5);
        over.lineTo(x - 5, y + 5);
      }
      over.stroke();
      if (mark.sort === "place" && !drawing.still) {
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
    if (mark.sort === "satellite" && this.scale < 3000) return;
    if (mark.sort === "sensor" && this.scale < 5000 && mark.state === "ok") return;
    const lines = left ? [[...mark.lines, left].join("  ")] : mark.lines;
    if (!lines.length || !lines[0]) return;
    const important = mark.sort === "place";
    labels.push({
      x, y, lines, gap: mark.sort === "name" ? 5 : 9, priority: mark.priority - (important ? Math.max(0, ((mark.until_ms ?? 0) - drawing.now_ms) / 1e6) : 0),
      boxed: important, colour: important ? "warn" : ["end", "time", "ghost"].includes(mark.sort) ? colours.path : mark.sort === "sensor" ? colours.sensor : mark.sort === "satellite" ? colours.space : mark.layer === "zones" ? colours.zone : colours.name,
    });
  }

  /** @param {Drawing} drawing */
  drawMeasure({ measure }) {
    const { over } = this;
    const colours = MAP[settings.theme];
    const points = measure.map(([lon, lat]) => this.project(lon, lat)).filter((point) => point !== null);
    over.strokeStyle = over.fillStyle = colours.measure;
    over.lineWidth = 2;
    over.setLineDash([6, 4]);
    over.beginPath();
    for (const [x, y] of points) over.lineTo(x, y);
    over.stroke();
    over.setLineDash([]);
    for (const [x, y] of points) over.fillRect(x - 3, y - 3, 6, 6);
  }

  close() {
    this.base.remove();
    this.top.remove();
  }
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
  const { left, top, width, height, lines, boxed, colour } = label;
  const warns = colour === "warn";
  if (boxed) {
    context.fillStyle = warns ? colours.warnFill : faded(colours.sea, 0.9);
    context.strokeStyle = warns ? "#ffffff" : colour;
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(Math.round(left) + 0.5, Math.round(top) + 0.5, Math.round(width), Math.round(height), 3);
    context.fill();
    context.stroke();
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
