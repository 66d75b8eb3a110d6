// A picture that was mailed: the page and its data in one file, played without a server by the same rules.
import { WireError, decode } from "./wire.js";

/** @import { Feed } from "./connection.js" */
/** @import { Hello } from "./messages.js" */
/** @import { Frame } from "./wire.js" */
/** @import { World } from "./world.js" */

/** @typedef {{at_ms: number, frame: string, texts: Record<string, Record<string, any>>}} Moment */
/** @typedef {{version: number, hello: Hello, texts: Record<string, Record<string, any>>, frames: Moment[]}} Recording */

const TICK_MS = 100;

/** @param {World} world @returns {Player | null} null if this page has no data inside */
export function recorded(world) {
  const inside = document.getElementById("noroshi-data");
  if (!inside?.textContent) return null;
  return new Player(world, JSON.parse(inside.textContent));
}

/** @implements {Feed} */
class Player {
  /** @param {World} world @param {Recording} recording */
  constructor(world, recording) {
    this.world = world;
    this.recording = recording;
    this.shown = -1;
    this.n = 0;
    this.at_ms = recording.frames[0]?.at_ms ?? 0;
    this.rate = 1;
    this.playing = true;
    this.then = performance.now();
  }

  begin() {
    const { world, recording } = this;
    world.connected = true;
    if (recording.version !== 1) return world.fail(`version ${recording.version}`);
    world.take({ ...recording.hello, mode: "export" });
    for (const [type, text] of Object.entries(recording.texts)) world.take({ ...text, type });
    this.tell("seek", { time_ms: this.at_ms });
    setInterval(() => void this.run(), TICK_MS);
  }

  get last_ms() {
    return this.recording.frames.at(-1)?.at_ms ?? 0;
  }

  async run(jumped = false) {
    const now = performance.now();
    if (this.playing) this.at_ms += (now - this.then) * this.rate;
    this.then = now;
    const first = this.recording.frames[0]?.at_ms ?? 0;
    if (this.at_ms >= this.last_ms || this.at_ms < first) this.playing = this.playing && !(this.rate > 0 ? this.at_ms >= this.last_ms : this.at_ms < first);
    this.at_ms = Math.max(first, Math.min(this.last_ms, this.at_ms));
    const { frames } = this.recording;
    let k = Math.max(0, this.shown);
    while (k + 1 < frames.length && frames[k + 1].at_ms <= this.at_ms) k++;
    while (k > 0 && frames[k].at_ms > this.at_ms) k--;
    const changed = k !== this.shown;
    this.tellClock(jumped, frames[k]?.at_ms ?? 0);
    if (!changed || !frames.length) return;
    const forward = k === this.shown + 1;
    this.shown = k;
    for (const [type, text] of Object.entries(forward ? frames[k].texts : this.textsAt(k))) this.world.take({ ...text, type });
    const frame = await unpack(frames[k].frame);
    if (this.shown === k) this.world.takeFrame(frame);
  }

  /** @param {number} k @returns {Record<string, Record<string, any>>} the newest of each type by then */
  textsAt(k) {
    /** @type {Record<string, Record<string, any>>} */ const found = { ...this.recording.texts };
    for (let j = 0; j <= k; j++)
      for (const [type, text] of Object.entries(this.recording.frames[j].texts)) {
        const adds = (type === "names" || type === "events") && !text.reset && found[type];
        found[type] = adds ? { ...found[type], reset: true, rows: [...found[type].rows, ...text.rows] } : text;
      }
    for (const type of ["threats", "alerts", "launches"]) found[type] ??= { rows: [] };
    return found;
  }

  /** @param {boolean} jumped @param {number} picture_ms */
  tellClock(jumped, picture_ms) {
    const first = this.recording.frames[0]?.at_ms ?? 0;
    this.world.take({
      type: "clock", n: this.n, picture_ms, at_ms: this.at_ms, start_ms: first, known_ms: this.last_ms, end_ms: this.last_ms, rate: this.rate, playing: this.playing, following: false, jumped,
      step_ms: (this.last_ms - first) / Math.max(1, this.recording.frames.length - 1), saying: "",
    });
  }

  /** @param {string} type @param {Record<string, any>} [fields] */
  tell(type, fields = {}) {
    this.n += 1;
    if (type === "play") this.playing = true;
    else if (type === "pause") this.playing = false;
    else if (type === "rate") this.rate = fields.rate;
    else if (type === "follow") this.at_ms = this.last_ms;
    else if (type === "seek") this.at_ms = fields.time_ms;
    else if (type === "step") {
      this.playing = false;
      const k = Math.max(0, Math.min(this.recording.frames.length - 1, this.shown + fields.pictures));
      this.at_ms = this.recording.frames[k]?.at_ms ?? this.at_ms;
    }
    void this.run(type === "seek" || type === "step" || type === "follow");
    return this.n;
  }

  /** @returns {Promise<Record<string, any>>} */
  ask() {
    return Promise.reject(new Error("a recording answers no questions"));
  }
}

/** @param {string} packed base64 of gzip @returns {Promise<Frame>} */
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  try {
    return decode(buffer);
  } catch (error) {
    throw error instanceof WireError ? error : new WireError(String(error));
  }
}
