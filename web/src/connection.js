// The one WebSocket: hears texts and frames, answers every frame, asks, and comes back by itself when it was cut.
import { WireError, decode } from "./wire.js";

/** @import { World } from "./world.js" */

/**
 * Whatever plays the picture: a server, or a recording inside the page.
 * @typedef {object} Feed
 * @property {() => void} begin
 * @property {(type: string, fields?: Record<string, unknown>) => number} tell returns the message's number
 * @property {(type: string, fields?: Record<string, unknown>, patience_ms?: number) => Promise<Record<string, any>>} ask
 */

const PATIENCE_MS = 15_000;

/** @implements {Feed} */
export class Connection {
  /** @param {World} world */
  constructor(world) {
    this.world = world;
    this.n = 0;
    this.tries = 0;
    this.bytes = 0;
    /** @type {Map<number, {resolve: (text: Record<string, any>) => void, reject: (reason: Error) => void}>} */ this.asked = new Map();
    /** @type {WebSocket | null} */ this.socket = null;
  }

  /** Begin, once there is somebody to hear what comes. */
  begin() {
    const address = new URL("v1/picture", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.hash = address.search = "";
    const socket = (this.socket = new WebSocket(address));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.n = 0;
      this.tries = 0;
      this.world.connected = true;
      this.world.changed("connection");
    };
    socket.onmessage = ({ data }) => {
      try {
        if (typeof data === "string") this.hear(JSON.parse(data));
        else this.see(data);
      } catch (error) {
        if (!(error instanceof WireError || error instanceof SyntaxError)) throw error;
        this.world.fail(error.message);
      }
    };
    socket.onclose = () => {
      this.world.connected = false;
      this.world.changed("connection");
      for (const { reject } of this.asked.values()) reject(new Error("cut"));
      this.asked.clear();
      setTimeout(() => this.begin(), Math.min(5000, 250 * 2 ** this.tries++));
    };
  }

  /** @param {Record<string, any>} text */
  hear(text) {
    if (typeof text?.type !== "string") throw new WireError("no message");
    const waiting = this.asked.get(text.n);
    if (waiting && ["story", "coverage", "what_if", "done", "refused"].includes(text.type)) {
      this.asked.delete(text.n);
      if (text.type === "refused") waiting.reject(new Error(text.reason));
      else waiting.resolve(text);
    } else this.world.take(text);
  }

  /** @param {ArrayBuffer} bytes */
  see(bytes) {
    this.bytes += bytes.byteLength;
    const frame = decode(bytes);
    this.world.takeFrame(frame);
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "got", sequence: frame.sequence }));
  }

  /** @param {string} type @param {Record<string, unknown>} [fields] */
  tell(type, fields = {}) {
    if (this.socket?.readyState !== WebSocket.OPEN) return 0;
    this.socket.send(JSON.stringify({ type, n: ++this.n, ...fields }));
    return this.n;
  }

  /** @param {string} type @param {Record<string, unknown>} [fields] @param {number} [patience_ms] @returns {Promise<Record<string, any>>} */
  ask(type, fields = {}, patience_ms = PATIENCE_MS) {
    const n = this.tell(type, fields);
    if (!n) return Promise.reject(new Error("cut"));
    return new Promise((resolve, reject) => {
      this.asked.set(n, { resolve, reject });
      setTimeout(() => this.asked.delete(n) && reject(new Error("no answer")), patience_ms);
    });
  }
}
