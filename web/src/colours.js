// Every colour on the map, for both themes and both palettes. Nothing is told by colour alone: shapes differ too.

/** @typedef {"unknown" | "neutral" | "suspect" | "friend" | "hostile"} Side */
/** @type {Side[]} in the order of the wire; no tracker says the last two */
export const SIDES = ["unknown", "neutral", "suspect", "friend", "hostile"];

/** @typedef {"dark" | "light"} Theme */
/** @typedef {"safe" | "app6"} Palette */

/** @type {Record<Palette, Record<Theme, Record<Side, string>>>} `safe` is told apart with each colour-vision deficiency */
export const AFFILIATION = {
  safe: {
    dark: { suspect: "#ff5046", hostile: "#ff5046", friend: "#46aaff", neutral: "#cdd7dc", unknown: "#ffeb5a" },
    light: { suspect: "#a80010", hostile: "#a80010", friend: "#005fcc", neutral: "#3a444c", unknown: "#b08d00" },
  },
  app6: {
    dark: { suspect: "#ff8080", hostile: "#ff8080", friend: "#80e0ff", neutral: "#aaffaa", unknown: "#ffff80" },
    light: { suspect: "#c80000", hostile: "#c80000", friend: "#006b8c", neutral: "#00801a", unknown: "#8a7d00" },
  },
};

/** @typedef {typeof MAP.dark} MapColours */
export const MAP = {
  dark: {
    sea: "#0a1118",
    land: "#1d2833",
    coast: "#5a6d83",
    grid: "#ffffff0d",
    name: "#8494a3",
    halo: "#0a1118",
    text: "#e8eef4",
    sensor: "#5fc3c0",
    link: "#7d8ca0",
    warn: "#ff4d42",
    warnText: "#ffffff",
    warnFill: "#8d1411",
    path: "#ff9d6b",
    zone: "#d0a5ff",
    select: "#ffffff",
    measure: "#ffd166",
    history: "#9fb0c0",
    space: "#b9a7ff",
  },
  light: {
    sea: "#dfe7ee",
    land: "#f7f6f2",
    coast: "#8a99a6",
    grid: "#00000010",
    name: "#5b6875",
    halo: "#f4f6f7",
    text: "#10181f",
    sensor: "#0b7d7a",
    link: "#6b7885",
    warn: "#c8140c",
    warnText: "#ffffff",
    warnFill: "#b3140d",
    path: "#b8480c",
    zone: "#7b3fbf",
    select: "#000000",
    measure: "#8a5a00",
    history: "#5d6b78",
    space: "#5b44b8",
  },
};

/** @param {string} hex "#rrggbb" @param {number} alpha 0 to 1 */
export const faded = (hex, alpha) => hex.slice(0, 7) + Math.round(alpha * 255).toString(16).padStart(2, "0");
