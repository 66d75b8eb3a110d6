// All that the page knows, as it was last told. Whoever draws or lists it asks here, and is called when something changes.
import { plain } from "./dom.js";
import { LAT_MAX_DEG, ROUND_M, degreeLengths, mercatorX, mercatorY } from "./geo.js";
import { EXERCISE, LOST, keyOf } from "./wire.js";

/** @import { Frame } from "./wire.js" */
/** @import * as M from "./messages.js" */

const RAD = Math.PI / 180;
const SINE_MAX = Math.sin(LAT_MAX_DEG * RAD);
const HISTORY = 96; // places kept of a track
const HISTORY_GAP_MS = 3500;
const SIGN_MOST = 24; // letters of a call sign: one of ten thousand would hide its track's label
const RECKONED_MAX_S = 12; // a place older than this is not moved on: nobody knows any more

/** A ring of places where a track has been. */
export class Trail {
  constructor() {
    this.x = new Float64Array(HISTORY);
    this.y = new Float64Array(HISTORY);
    this.height_m = new Float32Array(HISTORY);
    this.time_ms = new Float64Array(HISTORY);
    /** @type {Float64Array | null} Earth-fixed metres of each place and the time that they are of, as the globe drew it */ this.space = null;
    this.length = 0;
    this.next = 0;
    this.seen = 0;
  }

  /** When its newest place is of. */
  get newest_ms() {
    return this.length ? this.time_ms[(this.next + HISTORY - 1) % HISTORY] : -Infinity;
  }

  /** @param {number} x @param {number} y @param {number} height_m @param {number} time_ms */
  add(x, y, height_m, time_ms) {
    if (time_ms < this.newest_ms + HISTORY_GAP_MS) return;
    this.x[this.next] = x;
    this.y[this.next] = y;
    this.height_m[this.next] = height_m;
    this.time_ms[this.next] = time_ms;
    this.next = (this.next + 1) % HISTORY;
    this.length = Math.min(HISTORY, this.length + 1);
  }

  /** @param {number} k 0 is the oldest @returns {number} its index in the arrays */
  at(k) {
    return (this.next - this.length + k + HISTORY) % HISTORY;
  }
}

/** @typedef {{call_sign: string | null, icao: string | null, mode_3a: string | null, mmsi: string | null}} Name */
/** @typedef {"hello" | "clock" | "frame" | "sources" | "names" | "sensors" | "satellites" | "links" | "threats" | "alerts" | "areas" | "launches" | "zones" | "decisions" | "notes" | "play" | "events" | "health" | "connection" | "fault"} Topic */

export class World {
  constructor() {
    /** @type {Map<Topic, (() => void)[]>} */ this.listeners = new Map();
    /** @type {M.Hello | null} */ this.hello = null;
    /** @type {M.ClockText | null} */ this.clock = null;
    this.clockHeard = 0; // performance.now() when it came
    /** @type {M.Source[]} */ this.sources = [];
    /** @type {Map<number, Name>} */ this.names = new Map();
    /** @type {M.Sensor[]} */ this.sensors = [];
    /** @type {M.Satellite[]} */ this.satellites = [];
    /** @type {M.LinkRow[]} */ this.links = [];
    /** @type {M.Threat[]} */ this.threats = [];
    /** @type {M.Alert[]} */ this.alerts = [];
    /** @type {Map<string, M.Area>} */ this.areas = new Map();
    /** @type {M.Launch[]} */ this.launches = [];
    /** @type {M.Zone[]} */ this.zones = [];
    /** @type {M.Decision[]} */ this.decisions = [];
    /** @type {M.Note[]} */ this.notes = [];
    /** @type {M.Play | null} an exercise that people play */ this.play = null;
    /** @type {M.EventRow[]} */ this.events = [];
    /** @type {M.Health | null} */ this.health = null;
    /** @type {Frame | null} */ this.frame = null;
    this.frameHeard = 0;
    this.frames = 0;
    this.took_ms = 0; // by the last frame, with all who listen
    this.connected = false;
    this.fault = "";
    // The tracks of the frame, ready to draw: places and speeds on the flat map, in turns of it and turns a second.
    this.x = new Float64Array(0);
    this.y = new Float64Array(0);
    this.vx = new Float64Array(0);
    this.vy = new Float64Array(0);
    this.key = new Float64Array(0);
    this.space = new Float64Array(0); // Earth-fixed metres, and metres a second
    this.spaceSpeed = new Float64Array(0);
    /** @type {Map<number, number>} */ this.row = new Map();
    /** @type {Map<number, Trail>} */ this.trails = new Map();
    /** @type {Trail[]} by row */ this.trailOf = [];
    this.trailed = new Float64Array(0); // by row, the time of the trail's newest place: trails lie far apart in memory
    this.moved = true;
    this.inSpace = false; // the globe is shown
  }

  /** @param {Topic} topic @param {() => void} listener */
  on(topic, listener) {
    this.listeners.set(topic, [...(this.listeners.get(topic) ?? []), listener]);
  }

  /** @param {Topic} topic */
  changed(topic) {
    for (const listener of this.listeners.get(topic) ?? []) listener();
  }

  /** Exercise is what the data say, whichever of them says it. */
  get isExercise() {
    return Boolean(this.hello?.exercise) || Boolean(this.frame && this.frame.flags & EXERCISE);
  }

  /** The cursor's time by now: what clocks and countdowns show. */
  get now_ms() {
    const clock = this.clock;
    if (!clock) return this.frame?.picture_ms ?? 0;
    const on = clock.playing && this.connected ? (performance.now() - this.clockHeard) * clock.rate : 0;
    const most = clock.end_ms ?? Infinity;
    return Math.max(clock.start_ms, Math.min(clock.at_ms + on, most));
  }

  /** @param {Record<string, any>} text a message of the server; those of unknown types are skipped */
  take(text) {
    switch (text.type) {
      case "hello":
        this.hello = /** @type {M.Hello} */ (text);
        if (text.version !== 1) return this.fail(`version ${text.version}`);
        break;
      case "clock":
        this.clock = /** @type {M.ClockText} */ (text);
        this.clockHeard = performance.now();
        if (text.jumped) {
          this.trails.clear();
          this.moved = true;
        }
        break;
      case "names":
        if (text.reset) this.names.clear();
        for (const [id, call_sign, icao, mode_3a, mmsi] of text.rows) this.names.set(keyOf(id), { call_sign: call_sign && plain(call_sign, SIGN_MOST), icao, mode_3a, mmsi });
        break;
      case "events":
        this.events = text.reset ? text.rows : this.events.concat(text.rows);
        break;
      case "areas":
        this.areas = new Map(text.rows.map((/** @type {M.Area} */ area) => [area.code, area]));
        break;
      case "sources":
      case "sensors":
      case "satellites":
      case "links":
      case "threats":
      case "alerts":
      case "launches":
      case "zones":
      case "decisions":
      case "notes":
        this[/** @type {"sensors"} */ (text.type)] = text.rows;
        break;
      case "play":
        this.play = /** @type {M.Play} */ (/** @type {unknown} */ (text));
        break;
      case "health":
        this.health = /** @type {M.Health} */ (/** @type {unknown} */ (text));
        break;
      default:
        return;
    }
    this.changed(text.type);
  }

  /** @param {Frame} frame */
  takeFrame(frame) {
    const began = performance.now();
    const { n, id, lat, lon, height_m } = frame;
    const before = this.frame?.n ?? 0;
    if (this.x.length < n) this.grow(Math.ceil(n * 1.25));
    this.frames += 1;
    const { key, row, trailOf, trailed } = this;
    for (let i = 0; i < n; i++) {
      const number = id[2 * i + 1] * 4294967296 + id[2 * i];
      if (i < before && key[i] === number) continue;
      key[i] = number;
      this.moved = true; // rows have other tracks than before: look them up anew
    }
    if (this.moved || n !== before) {
      row.clear();
      for (let i = 0; i < n; i++) {
        row.set(key[i], i);
        let trail = this.trails.get(key[i]);
        if (!trail) this.trails.set(key[i], (trail = new Trail()));
        trailOf[i] = trail;
        trailed[i] = trail.newest_ms;
      }
      this.moved = false;
    }
    for (let i = 0; i < n; i++) {
      const time_ms = frame.picture_ms - frame.state_age_ms[i];
      if (time_ms < trailed[i] + HISTORY_GAP_MS) continue;
      trailOf[i].add(mercatorX(lon[i] * 1e-7), mercatorY(lat[i] * 1e-7), height_m[i], time_ms);
      trailed[i] = time_ms;
    }
    if (this.frames % 32 === 0) {
      for (let i = 0; i < n; i++) trailOf[i].seen = this.frames;
      for (const [number, trail] of this.trails) if (trail.seen < this.frames - 32) this.trails.delete(number);
    }
    this.frame = frame;
    if (this.inSpace) this.toSpace();
    else this.toFlat();
    this.frameHeard = performance.now();
    this.changed("frame");
    this.took_ms = performance.now() - began;
  }

  /** @param {number} room rows */
  grow(room) {
    this.x = new Float64Array(room);
    this.y = new Float64Array(room);
    this.vx = new Float64Array(room);
    this.vy = new Float64Array(room);
    this.key = new Float64Array(room);
    this.space = new Float64Array(3 * room);
    this.spaceSpeed = new Float64Array(3 * room);
    this.trailed = new Float64Array(room);
    this.trailOf.length = 0;
    this.moved = true;
  }

  /** Places and speeds of all rows on the flat map. */
  toFlat() {
    const { frame, x, y, vx, vy } = this;
    if (!frame) return;
    const { n, lat, lon, velocity_east_m_s: east, velocity_north_m_s: north, interval_s, status } = frame;
    for (let i = 0; i < n; i++) {
      const sine = Math.sin(lat[i] * 1e-7 * RAD);
      const bounded = Math.max(-SINE_MAX, Math.min(SINE_MAX, sine));
      x[i] = mercatorX(lon[i] * 1e-7);
      y[i] = 0.5 - Math.log((1 + bounded) / (1 - bounded)) / (4 * Math.PI);
      const turn = interval_s[i] > 0 || status[i] === LOST ? 0 : 1 / (ROUND_M * Math.max(0.02, Math.sqrt(1 - sine * sine)));
      vx[i] = east[i] * turn;
      vy[i] = -north[i] * turn;
    }
  }

  /** Earth-fixed places and speeds of all rows, for the globe. */
  toSpace() {
    const { frame, space, spaceSpeed } = this;
    if (!frame) return;
    const { n, lat, lon, height_m, velocity_east_m_s, velocity_north_m_s, velocity_up_m_s, interval_s, status } = frame;
    for (let i = 0, k = 0; i < n; i++, k += 3) {
      const sb = Math.sin(lat[i] * 1e-7 * RAD);
      const cb = Math.sqrt(1 - sb * sb);
      const a = lon[i] * 1e-7 * RAD;
      const sa = Math.sin(a);
      const ca = Math.cos(a);
      const across = 6378137 / Math.sqrt(1 - 0.0066943799901413165 * sb * sb);
      const height = height_m[i];
      const flat = (across + height) * cb;
      space[k] = flat * ca;
      space[k + 1] = flat * sa;
      space[k + 2] = (across * 0.9933056200098587 + height) * sb;
      const still = interval_s[i] > 0 || status[i] === LOST ? 0 : 1;
      const east = velocity_east_m_s[i] * still;
      const north = velocity_north_m_s[i] * still;
      const up = velocity_up_m_s[i] * still;
      const out = up * cb - north * sb;
      spaceSpeed[k] = out * ca - east * sa;
      spaceSpeed[k + 1] = out * sa + east * ca;
      spaceSpeed[k + 2] = up * sb + north * cb;
    }
  }

  /** @param {number} i a row of the frame @param {number} now_ms @returns {number} seconds that its place is moved on by */
  reckon_s(i, now_ms) {
    const frame = /** @type {Frame} */ (this.frame);
    const age = (now_ms - frame.picture_ms + frame.state_age_ms[i]) / 1000;
    return Math.max(-RECKONED_MAX_S, Math.min(RECKONED_MAX_S, age));
  }

  /** @param {number} key @param {number} now_ms @returns {{lon: number, lat: number, height_m: number} | null} */
  placeOf(key, now_ms) {
    const i = this.row.get(key);
    const frame = this.frame;
    if (i === undefined || !frame) return null;
    const on = frame.interval_s[i] > 0 ? 0 : this.reckon_s(i, now_ms);
    const [north, east] = degreeLengths(frame.lat[i] * 1e-7);
    return {
      lon: frame.lon[i] * 1e-7 + (frame.velocity_east_m_s[i] * on) / Math.max(1, east),
      lat: frame.lat[i] * 1e-7 + (frame.velocity_north_m_s[i] * on) / north,
      height_m: frame.height_m[i] + frame.velocity_up_m_s[i] * on,
    };
  }

  /** @param {string} id of a threat @returns {number} the key of the track that it is by now */
  trackOf(id) {
    return keyOf(this.threats.find((threat) => threat.id === id)?.track ?? id);
  }

  /** @param {number} i a row of the frame @returns {string[]} the nations that feed it */
  nationsOf(i) {
    const found = new Set();
    for (const k of this.sourcesOf(i)) found.add(this.sources[k].nation);
    return [...found].sort();
  }

  /** @param {number} i @returns {number[]} which of `sources` feed it */
  sourcesOf(i) {
    const frame = this.frame;
    const found = [];
    if (frame)
      for (let k = 0; k < Math.min(this.sources.length, 32 * frame.words); k++)
        if ((frame.sources[i * frame.words + (k >> 5)] >>> (k & 31)) & 1) found.push(k);
    return found;
  }

  /** @param {string} reason */
  fail(reason) {
    this.fault = reason;
    this.changed("fault");
  }
}
