// The frames of tracks that the server sends, as `docs/picture-wire.md` fixes them.

export const VERSION = 1;
export const EXERCISE = 1;
export const REPLAY = 2;
export const LIVE = 4;

export const KINDS = /** @type {const} */ (["unknown", "aircraft", "ship", "ballistic", "boosting", "gliding", "space"]);
export const STATUSES = /** @type {const} */ (["tentative", "firm", "coasting", "lost"]);
export const SHIP = 2;
export const SPACE = 6;
export const TENTATIVE = 0;
export const COASTING = 2;
export const LOST = 3;
export const SUSPECT = 2;
export const THREATENS = 1;
export const ALERTED = 2;

/**
 * @typedef {object} Frame
 * @property {number} flags
 * @property {number} picture_ms
 * @property {number} sent_ms
 * @property {number} sequence
 * @property {number} n
 * @property {number} words
 * @property {number} sources_version
 * @property {number} names_count
 * @property {Uint32Array} id
 * @property {Int32Array} lat
 * @property {Int32Array} lon
 * @property {Float32Array} height_m
 * @property {Float32Array} velocity_east_m_s
 * @property {Float32Array} velocity_north_m_s
 * @property {Float32Array} velocity_up_m_s
 * @property {Float32Array} east_east_m2
 * @property {Float32Array} east_north_m2
 * @property {Float32Array} north_north_m2
 * @property {Float32Array} up_sigma_m
 * @property {Int32Array} state_age_ms
 * @property {Int32Array} measured_age_ms
 * @property {Uint16Array} interval_s
 * @property {Uint8Array} existence
 * @property {Uint8Array} status
 * @property {Uint8Array} kind
 * @property {Uint8Array} kind_probability
 * @property {Uint8Array} affiliation
 * @property {Uint8Array} mark
 * @property {Uint32Array} sources
 */

/** @type {[name: string, type: any, each: number][]} in the order of the wire; `each` 0 is `words` */
const COLUMNS = [
  ["id", Uint32Array, 2],
  ["lat", Int32Array, 1],
  ["lon", Int32Array, 1],
  ["height_m", Float32Array, 1],
  ["velocity_east_m_s", Float32Array, 1],
  ["velocity_north_m_s", Float32Array, 1],
  ["velocity_up_m_s", Float32Array, 1],
  ["east_east_m2", Float32Array, 1],
  ["east_north_m2", Float32Array, 1],
  ["north_north_m2", Float32Array, 1],
  ["up_sigma_m", Float32Array, 1],
  ["state_age_ms", Int32Array, 1],
  ["measured_age_ms", Int32Array, 1],
  ["interval_s", Uint16Array, 1],
  ["existence", Uint8Array, 1],
  ["status", Uint8Array, 1],
  ["kind", Uint8Array, 1],
  ["kind_probability", Uint8Array, 1],
  ["affiliation", Uint8Array, 1],
  ["mark", Uint8Array, 1],
  ["sources", Uint32Array, 0],
];

/** Page and server do not understand each other; a person has to see it. */
export class WireError extends Error {}

/** @param {ArrayBuffer} buffer @returns {Frame} its columns are views of `buffer` @throws {WireError} */
export function decode(buffer) {
  if (buffer.byteLength < 64) throw new WireError("too short");
  const head = new DataView(buffer);
  if (head.getUint32(0, false) !== 0x4e525348) throw new WireError("no frame");
  if (head.getUint16(4, true) !== VERSION) throw new WireError(`version ${head.getUint16(4, true)}`);
  const n = head.getUint32(28, true);
  const words = head.getUint32(32, true);
  /** @type {Record<string, unknown>} */
  const frame = {
    flags: head.getUint16(6, true),
    picture_ms: head.getFloat64(8, true),
    sent_ms: head.getFloat64(16, true),
    sequence: head.getUint32(24, true),
    n,
    words,
    sources_version: head.getUint32(36, true),
    names_count: head.getUint32(40, true),
  };
  let at = 64;
  for (const [name, Column, each] of COLUMNS) {
    const length = n * (each || words);
    const bytes = length * Column.BYTES_PER_ELEMENT;
    if (at + bytes > buffer.byteLength) throw new WireError("cut off");
    frame[name] = new Column(buffer, at, length);
    at += Math.ceil(bytes / 8) * 8;
  }
  return /** @type {Frame} */ (/** @type {unknown} */ (frame));
}

/** @param {number} high @param {number} low @returns {string} 16 hexadecimal digits */
export const hexOf = (high, low) => high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");

/** @param {string} hex @returns {number} a key for maps; two numbers share one only beyond 53 bits */
export const keyOf = (hex) => parseInt(hex.slice(0, 8), 16) * 4294967296 + parseInt(hex.slice(8, 16), 16);
