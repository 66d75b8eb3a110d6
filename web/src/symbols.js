// What a track looks like: an APP-6 symbol near, and far a dot whose shape is that of the symbol's frame.
import ms from "milsymbol";
import { AFFILIATION, MAP, SIDES, faded } from "./colours.js";
import { stamp } from "./dots.js";
import { COASTING, SHIP, TENTATIVE } from "./wire.js";

/** @import { Palette, Theme, Side } from "./colours.js" */

/** @typedef {{image: HTMLCanvasElement, width: number, height: number, x: number, y: number}} Sprite `x`, `y`: the place's pixel in it */

const IDENTITY = { unknown: "1", neutral: "4", suspect: "5", friend: "3", hostile: "6" };

/** Symbol set and entity of each kind, in the order of the wire (APP-6D, MIL-STD-2525D). */
const ENTITY = ["01000000", "01110100", "30140000", "02110000", "02110000", "02110000", "05111000"];
const CIVIL_AIRCRAFT = "01120100";

/** @type {Map<string, Sprite>} */
const kept = new Map();

/** @param {number} kind @param {Side} side @returns {string} the 20 digits of a symbol */
function sidc(kind, side) {
  const entity = kind === 1 && side === "neutral" ? CIVIL_AIRCRAFT : ENTITY[kind] ?? ENTITY[0];
  return `100${IDENTITY[side]}${entity.slice(0, 2)}0000${entity.slice(2)}0000`;
}

/**
 * @param {number} kind @param {number} affiliation as on the wire @param {number} status
 * @param {number} size @param {Theme} theme @param {Palette} palette @returns {Sprite}
 */
export function symbol(kind, affiliation, status, size, theme, palette) {
  const side = SIDES[affiliation] ?? "unknown";
  const pale = status === TENTATIVE || status === COASTING;
  const key = `s${kind}/${side}/${pale}/${size}/${theme}/${palette}`;
  let sprite = kept.get(key);
  if (!sprite) kept.set(key, (sprite = frame(sidc(kind, side), side, pale, size, theme, palette)));
  return sprite;
}

/** @param {string} code @param {Side} side @param {boolean} pale @param {number} size @param {Theme} theme @param {Palette} palette */
function frame(code, side, pale, size, theme, palette) {
  const colour = AFFILIATION[palette][theme][side];
  const loud = side === "suspect" || side === "hostile"; // what matters is filled, the rest is outlined and stays quiet
  const paper = MAP[theme].sea;
  const ink = loud ? (theme === "dark" ? "#200000" : "#ffffff") : colour;
  return drawn(
    new ms.Symbol(code, {
      size,
      fill: true,
      fillColor: loud ? colour : paper,
      fillOpacity: loud ? 1 : 0.82,
      frameColor: tinted(loud && theme === "dark" ? "#ffd9d6" : colour),
      iconColor: tinted(ink),
      strokeWidth: loud ? 5 : 7,
      infoFields: false,
      simpleStatusModifier: false,
      outlineColor: paper,
      outlineWidth: 3,
    }),
    pale ? 0.6 : 1,
  );
}

/** @param {string} colour */
const tinted = (colour) => ({ Civilian: colour, Friend: colour, Hostile: colour, Neutral: colour, Unknown: colour, Suspect: colour });

/** @param {InstanceType<typeof ms.Symbol>} made @param {number} alpha @returns {Sprite} */
function drawn(made, alpha) {
  const ratio = Math.max(1, Math.min(3, devicePixelRatio));
  const { width, height } = made.getSize();
  const source = made.asCanvas(ratio);
  const image = document.createElement("canvas");
  image.width = source.width;
  image.height = source.height;
  const context = image.getContext("2d");
  if (context) {
    context.globalAlpha = alpha;
    context.drawImage(source, 0, 0);
  }
  const { x, y } = made.getAnchor();
  return { image, width, height, x, y };
}

/**
 * A far track: half a disc is a friend, a diamond is suspect, a square is neutral, a disc is unknown; ships have a line below.
 * @param {number} kind @param {number} affiliation @param {number} status
 * @param {Theme} theme @param {Palette} palette @returns {import("./dots.js").Stamp}
 */
export function dot(kind, affiliation, status, theme, palette) {
  const side = SIDES[affiliation] ?? "unknown";
  const hollow = status === TENTATIVE || status === COASTING;
  return stamp(`${kind === SHIP}/${side}/${hollow}/${theme}/${palette}`, (context) => {
    const colour = AFFILIATION[palette][theme][side];
    const path = outline(side, side === "suspect" || side === "hostile" ? 4.6 : 2.7);
    context.lineWidth = 2.4;
    context.strokeStyle = faded(MAP[theme].sea, 0.8);
    context.stroke(path);
    context.fillStyle = hollow ? faded(colour, 0.25) : colour;
    context.fill(path);
    context.lineWidth = 1;
    context.strokeStyle = colour;
    context.stroke(path);
    if (kind === SHIP) context.fillRect(-4.5, 3.5, 9, 1);
  });
}

/** @param {Side} side @param {number} r @returns {Path2D} around 0, 0 */
export function outline(side, r) {
  const path = new Path2D();
  if (side === "neutral") path.rect(-r * 0.9, -r * 0.9, r * 1.8, r * 1.8);
  else if (side === "suspect" || side === "hostile") {
    path.moveTo(0, -r);
    path.lineTo(r, 0);
    path.lineTo(0, r);
    path.lineTo(-r, 0);
    path.closePath();
  } else if (side === "friend") {
    path.arc(0, r * 0.4, r * 1.15, Math.PI, 0);
    path.closePath();
  } else path.arc(0, 0, r, 0, 2 * Math.PI);
  return path;
}
