// What a person has chosen. Kept on this machine; what is worth sharing is in the address (`permalink.js`).

/** @typedef {"names" | "coverage" | "satellites" | "history" | "labels" | "leaders" | "ellipses" | "paths" | "areas" | "links" | "zones"} Layer */
/** @type {Layer[]} */
export const LAYERS = ["areas", "paths", "ellipses", "labels", "leaders", "history", "coverage", "satellites", "links", "zones", "names"];

/** @typedef {import("./wire.js").KINDS[number]} Kind */

/**
 * @typedef {object} Settings
 * @property {"en" | "ja"} language
 * @property {"dark" | "light"} theme
 * @property {"safe" | "app6"} palette
 * @property {"auto" | "flat" | "globe"} view
 * @property {Record<Layer, boolean>} layers
 * @property {string[]} hiddenSides
 * @property {string[]} hiddenKinds
 * @property {string[]} hiddenNations
 * @property {number} leader_min
 * @property {number} coverage_m
 * @property {[number, number]} heights_m
 * @property {boolean} sound
 * @property {boolean} tentative
 */

const KEPT = "noroshi";

/** @returns {Settings} */
function initial() {
  const layers = /** @type {Record<Layer, boolean>} */ (Object.fromEntries(LAYERS.map((layer) => [layer, layer !== "links"])));
  return {
    language: navigator.language.startsWith("ja") ? "ja" : "en",
    theme: matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark",
    palette: "safe",
    view: "auto",
    layers,
    hiddenSides: [],
    hiddenKinds: [],
    hiddenNations: [],
    leader_min: 1,
    coverage_m: 10_000,
    heights_m: [-Infinity, Infinity],
    sound: false,
    tentative: false,
  };
}

/** @type {Settings} */
export const settings = { ...initial(), ...kept() };

/** @returns {Partial<Settings>} */
function kept() {
  try {
    const { language, theme, palette, view, layers, sound } = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    const found = { language, theme, palette, view, sound, layers: layers && { ...initial().layers, ...layers } };
    return /** @type {Partial<Settings>} */ (Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)));
  } catch {
    return {}; // no storage here, or not ours: the page works without
  }
}

/** @type {((changed: Partial<Settings>) => void)[]} */
const listeners = [];

/** @param {(changed: Partial<Settings>) => void} listener */
export const onSettings = (listener) => void listeners.push(listener);

/** @param {Partial<Settings>} changes */
export function set(changes) {
  Object.assign(settings, changes);
  try {
    localStorage.setItem(KEPT, JSON.stringify(settings));
  } catch {
    // a private window: the choice lasts as long as the page
  }
  for (const listener of listeners) listener(changes);
}
