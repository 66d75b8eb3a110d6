// The flat map: the same layers and data as the globe, drawn on canvases. It needs no WebGL and is the fast one.
import { TILE_PX, Tiles } from "./basemap.js";
import { MAP } from "./colours.js";
import { LAT_MAX_DEG, ROUND_M, latitudeOf, mercatorX, mercatorY, wrapped } from "./geo.js";
import { Overlay } from "./overlay.js";
import { settings } from "./settings.js";

/** @import { Seen } from "./overlay.js" */
/** @import { Scene, Shape } from "./scene.js" */
/** @import { Camera, Drawing, View } from "./view.js" */
/** @import { Trail, World } from "./world.js" */

/** @implements {View} */
export class FlatView {
  /** @param {HTMLElement} host @param {World} world @param {() => void} moved */
  constructor(host, world, moved) {
    this.name = /** @type {const} */ ("flat");
    this.world = world;
    this.moved = moved;
    this.tiles = new Tiles(96, TILE_PX * Math.min(2, Math.ceil(devicePixelRatio)));
    this.base = host.appendChild(document.createElement("canvas"));
    this.dots = host.appendChild(document.createElement("canvas"));
    this.top = host.appendChild(document.createElement("canvas"));
    this.under = /** @type {CanvasRenderingContext2D} */ (this.base.getContext("2d", { alpha: false }));
    this.over = /** @type {CanvasRenderingContext2D} */ (this.top.getContext("2d"));
    this.host = host;
    this.width = this.height = 1;
    this.cx = 0.5;
    this.cy = 0.5;
    this.scale = 1024; // pixels for one turn
    /** @type {Shape[] | null} */ this.drawn = null;
    this.stale = true;
    this.px = this.py = 0;
    this.overlay = new Overlay(this.over, this.dots, world, this);
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

  get span_m() {
    return this.camera.span_m;
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
    return this.overlay.pick(x, y);
  }

  /** @param {number} lon @param {number} lat */
  spot(lon, lat) {
    this.px = this.toX(mercatorX(lon));
    this.py = this.toY(mercatorY(lat));
    return true;
  }

  /** @param {Trail} trail @param {number} j */
  past(trail, j) {
    this.px = this.toX(trail.x[j]);
    this.py = this.toY(trail.y[j]);
    return true;
  }

  /** @param {number} i @param {number} on_s */
  ahead(i, on_s) {
    this.px = this.toX(this.world.x[i] + this.world.vx[i] * on_s);
    this.py = this.toY(this.world.y[i] + this.world.vy[i] * on_s);
    return true;
  }

  /** @param {Drawing} drawing */
  draw(drawing) {
    if (this.stale || drawing.scene.still !== this.drawn) this.drawBase(drawing.scene);
    this.over.clearRect(0, 0, this.width, this.height);
    for (const shape of drawing.scene.moving) this.drawShape(shape, this.over);
    this.overlay.draw(drawing);
  }

  /** @param {Scene} scene */
  drawBase(scene) {
    const { under, width, height } = this;
    this.stale = false;
    this.drawn = scene.still;
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
        let known = this.tiles.get(x, v, level, settings.theme, false);
        if (!known && toMake-- > 0) known = this.tiles.get(x, v, level, settings.theme, true);
        const [px, py] = [Math.round((u - left) * size), Math.round((v - top) * size)];
        const [w, h] = [Math.round((u + 1 - left) * size) - px, Math.round((v + 1 - top) * size) - py];
        if (known) under.drawImage(known, px, py, w, h);
        else {
          this.stale = true;
          this.drawParent(x, v, level, px, py, w, h);
        }
      }
    for (const shape of scene.still) this.drawShape(shape, under);
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

  /** @param {Shape} shape @param {CanvasRenderingContext2D} context */
  drawShape(shape, context) {
    const { scale, width, height } = this;
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
      context.beginPath();
      for (let k = 0; k < flat.length; k += 2) {
        const x = (flat[k] + turn - this.cx) * scale + width / 2;
        const y = (flat[k + 1] - this.cy) * scale + height / 2;
        if (k) context.lineTo(x, y);
        else context.moveTo(x, y);
      }
      if (shape.closed) context.closePath();
      if (shape.fill) {
        context.fillStyle = shape.fill;
        context.fill();
      }
      if (shape.stroke) {
        context.strokeStyle = shape.stroke;
        context.lineWidth = shape.width ?? 1;
        context.setLineDash(shape.dash ?? []);
        context.stroke();
      }
    }
    context.setLineDash([]);
  }

  /** @param {Seen} seen @param {Uint8Array} shown @param {number} now_ms */
  see(seen, shown, now_ms) {
    const { world, width, height, scale, cx, cy } = this;
    const { x, y, vx, vy } = world;
    const rows = world.frame?.n ?? 0;
    let n = 0;
    for (let i = 0; i < rows; i++) {
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
  }

  close() {
    this.base.remove();
    this.dots.remove();
    this.top.remove();
  }
}
