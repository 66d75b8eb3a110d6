// What both views offer, and what they are given to draw.

/** @import { Scene } from "./scene.js" */

/** @typedef {{lon: number, lat: number, span_m: number}} Camera the middle, and metres on the ground for a pixel there */

/**
 * @typedef {object} Drawing
 * @property {number} now_ms the cursor's time
 * @property {Uint8Array} shown a 1 for each row of the frame that is to be drawn
 * @property {number | null} selected the key of a track
 * @property {Scene} scene the same object as long as nothing in it has changed
 * @property {number[][]} insets boxes that panels cover: left, top, right, bottom
 * @property {number[][]} measure [lon, lat]
 * @property {boolean} still no movement but that of the data: the person asked for it
 */

/**
 * @typedef {object} View
 * @property {"flat" | "globe"} name
 * @property {Camera} camera
 * @property {number} span_m of it
 * @property {(camera: Camera) => void} look
 * @property {(dx: number, dy: number) => void} pan
 * @property {(scale: number) => void} zoomTo pixels for one turn of the Earth
 * @property {number} scale
 * @property {(lon: number, lat: number, height_m?: number) => [number, number] | null} project null is out of sight
 * @property {(x: number, y: number) => [number, number] | null} unproject
 * @property {(x: number, y: number) => number | null} pick the key of the track there
 * @property {(drawing: Drawing) => void} draw
 * @property {() => void} resize
 * @property {() => void} close
 * @property {HTMLCanvasElement} top the canvas that a person points at
 */

export {};
