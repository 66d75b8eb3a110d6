// What the page is doing: which view, what is chosen, what is followed, and one drawing after another.
import { PLACES } from "./texts/places.js";
import { say, byId } from "./dom.js";
import { visible } from "./filter.js";
import { FlatView } from "./flat.js";
import { ROUND_M } from "./geo.js";
import { compose, standing } from "./scene.js";
import { onSettings, set, settings } from "./settings.js";
import { t } from "./texts.js";
import { hexOf } from "./wire.js";

/** @import { Feed } from "./connection.js" */
/** @import { Camera, View } from "./view.js" */
/** @import { World } from "./world.js" */

const CROWD = 3000; // tracks
const LIVELY_MS = 1500;
const STANDS_M = 300; // metres for a pixel: an airliner takes more than half a second for one
const SCENE_EVERY_MS = 1000; // satellites and paths go on between texts

/** Whether this browser draws WebGL by hardware, by software or not at all. @returns {"hardware" | "software" | "none"} */
export function graphics() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return "none";
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name) ? "software" : "hardware";
}

export class App {
  /** @param {World} world @param {Feed} feed */
  constructor(world, feed) {
    this.world = world;
    this.feed = feed;
    this.graphics = graphics();
    this.host = byId("map");
    /** @type {number | null} */ this.selected = null;
    this.follows = false;
    /** @type {number[][] | null} */ this.measure = null;
    /** @type {number | null} ahead of what is known: what is expected then */ this.ahead_ms = null;
    /** @type {Map<string, number[][][]>} */ this.reaches = new Map();
    /** @type {(() => void)[]} */ this.onSelect = [];
    /** @type {(() => void)[]} */ this.onMove = [];
    /** @type {(() => void)[]} */ this.onView = [];
    /** @type {(time_ms: number) => void} the timeline's, once there is one */ this.seek = () => {};
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    /** @type {View} */ this.view = new FlatView(this.host, world, () => this.moved());
    this.sceneStale = true;
    this.sceneAt = 0;
    /** @type {ReturnType<typeof standing>} */ this.part = { shapes: [], marks: [] };
    this.partStale = true;
    /** @type {ReturnType<typeof compose>} */ this.scene = { still: [], moving: [], marks: [] };
    /** @type {number[][]} */ this.insets = [];
    this.drew_ms = 0;
    this.drawnAt = 0;
    this.placed = false; // the address said what to see
    this.touched = false; // a person has moved the map
    for (const topic of /** @type {const} */ (["satellites", "threats", "launches"])) world.on(topic, () => void (this.sceneStale = true));
    for (const topic of /** @type {const} */ (["alerts", "areas", "zones", "links", "hello"])) world.on(topic, () => void (this.partStale = true));
    let sensors = "";
    world.on("sensors", () => {
      const seen = JSON.stringify(world.sensors.map(({ name, state, lat_deg, lon_deg, range_m_max }) => [name, state, lat_deg, lon_deg, range_m_max]));
      if (seen === sensors) return; // they were heard again, that is all
      sensors = seen;
      this.partStale = true;
      void this.askCoverage();
    });
    world.on("hello", () => this.reaches.clear());
    onSettings((changed) => {
      this.partStale = true;
      this.lively();
      if (changed.view) void this.choose();
      if (changed.coverage_m) void this.askCoverage();
    });
    new ResizeObserver(() => {
      this.view.resize();
      this.measureInsets();
    }).observe(this.host);
    for (const sort of ["pointerdown", "pointermove", "wheel"]) this.host.addEventListener(sort, () => this.lively(), { passive: true });
    this.tick = this.tick.bind(this);
    requestAnimationFrame(this.tick);
  }

  /** The time that is shown: the cursor's, or what a person looks ahead to. */
  get now_ms() {
    return this.ahead_ms ?? this.world.now_ms;
  }

  /** @param {number} at */
  tick(at) {
    requestAnimationFrame(this.tick);
    if (document.hidden) return;
    if (at - this.drawnAt < this.gap_ms && !this.dragging) return;
    this.framesDrawn = this.world.frames;
    this.drawnAt = at;
    const began = performance.now();
    this.draw();
    this.drew_ms = performance.now() - began;
  }

  dragging = false;
  livelyUntil = 0; // a person does something: the camera may still glide
  framesDrawn = 0;

  lively() {
    this.livelyUntil = performance.now() + LIVELY_MS;
  }

  /** How long the last drawing may stand. Thousands that stand as they did move by less than a pixel meanwhile. */
  get gap_ms() {
    const { world } = this;
    const isCrowd = (world.frame?.n ?? 0) > CROWD;
    if (this.view.name !== "globe" && !isCrowd) return 45;
    const stands = isCrowd && performance.now() > this.livelyUntil && this.framesDrawn === world.frames && Math.abs(world.clock?.rate ?? 1) <= 2;
    return stands && this.view.span_m > STANDS_M ? 500 : 110;
  }

  draw() {
    const { world } = this;
    const now = performance.now();
    if (this.partStale) {
      this.part = standing(world, this.reaches);
      this.partStale = false;
      this.sceneStale = true;
    }
    if (this.sceneStale || now - this.sceneAt > SCENE_EVERY_MS) {
      this.scene = compose(world, this.part, { names: this.names(), ahead_ms: this.ahead_ms });
      this.sceneStale = false;
      this.sceneAt = now;
    }
    if (this.follows && this.selected !== null) {
      const place = world.placeOf(this.selected, this.now_ms);
      if (place) this.view.look({ ...this.view.camera, lon: place.lon, lat: place.lat });
    }
    const { shown, count } = visible(world);
    this.count = count;
    this.view.draw({ now_ms: this.now_ms, shown, selected: this.selected, scene: this.scene, insets: this.insets, measure: this.measure ?? [], still: this.still.matches });
  }

  count = 0;

  names() {
    const span_m = this.view.camera.span_m;
    const most = span_m > 12_000 ? 0 : span_m > 5000 ? 1 : span_m > 2500 ? 2 : span_m > 1400 ? 3 : 4;
    return PLACES.filter(([, , , , rank]) => rank <= most).map(([name, japanese, lon, lat, rank]) => ({ name: settings.language === "ja" ? japanese : name, lon, lat, rank }));
  }

  measureInsets() {
    const outer = this.host.getBoundingClientRect();
    this.insets = ["warnings", "side", "alarm", "tools"].map((id) => {
      const box = byId(id).getBoundingClientRect();
      return [box.left - outer.left, box.top - outer.top, box.right - outer.left, box.bottom - outer.top];
    });
  }

  moved() {
    this.lively();
    for (const listener of this.onMove) listener();
  }

  /** @param {number | null} key */
  select(key) {
    if (this.selected === key) return;
    this.selected = key;
    this.lively();
    if (key === null) this.follows = false;
    for (const listener of this.onSelect) listener();
  }

  /** @returns {string | null} the chosen track's number as the wire writes it */
  get selectedId() {
    const frame = this.world.frame;
    const i = this.selected === null ? undefined : this.world.row.get(this.selected);
    if (i !== undefined && frame) return hexOf(frame.id[2 * i + 1], frame.id[2 * i]);
    return this.selected === null ? null : hexOf(Math.floor(this.selected / 4294967296), this.selected % 4294967296);
  }

  /** Put the places in sight, between the panels. @param {number[][]} places [lon, lat] @param {number} [least_m] metres across at least */
  fit(places, least_m = 300_000) {
    if (!places.length) return;
    const lons = places.map(([lon]) => places[0][0] + ((((lon - places[0][0] + 180) % 360) + 360) % 360) - 180);
    const lats = places.map(([, lat]) => lat);
    const [west, east, south, north] = [Math.min(...lons), Math.max(...lons), Math.min(...lats), Math.max(...lats)];
    const { clientWidth: width, clientHeight: height } = this.host;
    const free = this.free();
    const lat = (south + north) / 2;
    const shrink = Math.cos((lat * Math.PI) / 180);
    const across_m = Math.max(least_m, (east - west) * 111_320 * shrink);
    const up_m = Math.max(least_m / 2, (north - south) * 111_320);
    const span_m = 1.25 * Math.max(across_m / (free.right - free.left), up_m / (free.bottom - free.top));
    const dx = (width / 2 - (free.left + free.right) / 2) * span_m;
    const dy = (height / 2 - (free.top + free.bottom) / 2) * span_m;
    this.view.look({ lon: (west + east) / 2 + dx / (111_320 * shrink), lat: lat - dy / 111_320, span_m });
  }

  /** The part of the map that no panel covers. */
  free() {
    this.measureInsets();
    const { clientWidth: width, clientHeight: height } = this.host;
    const [warnings, side] = this.insets;
    const wide = width > 700;
    return { left: wide ? warnings[2] : 0, right: wide && side[2] > side[0] ? side[0] : width, top: 60, bottom: height - 20 };
  }

  /** All that there is: where sensors and threats are. */
  home() {
    const places = this.world.sensors.flatMap(({ lon_deg, lat_deg }) => (lon_deg === null || lat_deg === null ? [] : [[lon_deg, lat_deg]]));
    for (const threat of this.world.threats) if (threat.end) places.push([threat.end.lon_deg, threat.end.lat_deg]);
    const frame = this.world.frame;
    if (!places.length && frame) for (let i = 0; i < frame.n; i++) places.push([frame.lon[i] * 1e-7, frame.lat[i] * 1e-7]);
    if (places.length) this.fit(places, 800_000);
    else this.view.look({ lon: 137, lat: 37, span_m: 4000 });
  }

  /** @param {string} id of a threat */
  showThreat(id) {
    const key = this.world.trackOf(id);
    const places = [];
    const here = this.world.placeOf(key, this.now_ms);
    if (here) places.push([here.lon, here.lat]);
    const threat = this.world.threats.find((one) => one.id === id);
    if (threat?.end) places.push([threat.end.lon_deg, threat.end.lat_deg]);
    for (const [time_ms, lat, lon] of threat?.path ?? []) if (time_ms >= this.now_ms) places.push([lon, lat]);
    for (const alert of this.world.alerts) if (alert.threat === id && alert.life !== "revised") for (const place of alert.places.slice(0, 6)) places.push([place.lon_deg, place.lat_deg]);
    this.follows = false;
    if (places.length) this.fit(places, 500_000);
    this.select(key);
  }

  /** The view that is to be: as chosen, else the globe only where hardware draws it. */
  get wanted() {
    if (settings.view !== "auto") return settings.view === "globe" && this.graphics === "none" ? "flat" : settings.view;
    return this.graphics === "hardware" ? "globe" : "flat";
  }

  choices = 0;

  async choose() {
    const wanted = this.wanted;
    if (wanted === this.view.name) return;
    const camera = this.view.camera;
    const ticket = ++this.choices;
    /** @type {View} */ let next;
    if (wanted === "globe") {
      this.notice(t("globe.loading"));
      try {
        const { GlobeView } = await import("./globe.js");
        if (ticket !== this.choices) return; // chosen anew meanwhile
        if (!GlobeView) throw new Error("this file is without it");
        next = new GlobeView(this.host, this.world, () => this.moved(), this.graphics === "software");
      } catch (error) {
        console.warn("no globe", error);
        this.notice(t("globe.none"));
        return set({ view: "flat" });
      }
      this.notice("");
    } else next = new FlatView(this.host, this.world, () => this.moved());
    this.view.close();
    this.view = next;
    this.view.resize();
    this.view.look(camera);
    for (const listener of this.onView) listener();
  }

  /** @param {string} text "" takes it away @param {number} [for_ms] */
  notice(text, for_ms = 4000) {
    const element = byId("notice");
    say(element, text);
    element.hidden = !text;
    clearTimeout(this.noticeTimer);
    if (text) this.noticeTimer = setTimeout(() => void (element.hidden = true), for_ms);
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */ noticeTimer;

  async askCoverage() {
    if (!this.world.sensors.length) return;
    try {
      const { rows } = await this.feed.ask("coverage", { height_m: settings.coverage_m });
      this.reaches = new Map(rows.map((/** @type {{name: string, rings_deg: number[][][]}} */ row) => [row.name, row.rings_deg]));
      this.partStale = true;
    } catch {
      // not to be had from here: circles of the greatest range stay
    }
  }

  /** @param {Camera} camera */
  lookAt(camera) {
    this.placed = true;
    this.view.look(camera);
  }

  /** @param {number} factor */
  zoom(factor) {
    this.view.zoomTo(this.view.scale * factor);
  }
}

export { ROUND_M };
