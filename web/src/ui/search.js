// Find a track, place, area or sensor by what is typed.
import { byId, h } from "../dom.js";
import { saidId, shortId, titleOf } from "../scene.js";
import { settings } from "../settings.js";
import { areaName, placeName, t } from "../texts.js";
import { PLACES } from "../texts/places.js";
import { hexOf } from "../wire.js";

/** @import { App } from "../app.js" */
/** @typedef {{name: string, sort: string, go: () => void}} Found */

const MOST = 12;

/** @param {App} app */
export function search(app) {
  const input = /** @type {HTMLInputElement} */ (byId("search"));
  const list = byId("found");
  /** @type {Found[]} */ let found = [];
  let at = 0;

  const show = () => {
    list.hidden = !input.value.trim();
    input.setAttribute("aria-expanded", String(!list.hidden));
    list.replaceChildren(...(found.length
      ? found.map(({ name, sort }, k) => h("li", { role: "option", id: `found-${k}`, "aria-selected": k === at, onmousedown: () => go(k) }, name, h("span", {}, t(`search.${sort}`))))
      : [h("li", { role: "option", "aria-selected": false }, t("search.none"))]));
    if (found.length) input.setAttribute("aria-activedescendant", `found-${at}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const go = (/** @type {number} */ k) => {
    found[k]?.go();
    input.value = "";
    show();
    input.blur();
  };
  input.addEventListener("input", () => {
    at = 0;
    found = look(app, input.value);
    show();
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      at = (at + step + found.length) % found.length;
      show();
    } else if (event.key === "Enter") go(at);
    else if (event.key === "Escape") {
      input.value = "";
      show();
      input.blur();
    } else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => void (list.hidden = true));
}

/** @param {App} app @param {string} typed @returns {Found[]} */
export function look(app, typed) {
  const wanted = typed.trim().toLowerCase().replace(/^#/, "");
  if (!wanted) return [];
  const { world } = app;
  /** @type {(Found & {rank: number})[]} */ const found = [];
  const add = (/** @type {string} */ name, /** @type {string} */ sort, /** @type {string[]} */ keys, /** @type {() => void} */ act) => {
    let rank = Infinity;
    for (const key of keys) {
      const k = key.toLowerCase().indexOf(wanted);
      if (k >= 0) rank = Math.min(rank, k === 0 ? 0 : 1);
    }
    if (rank < Infinity) found.push({ name, sort, go: act, rank });
  };
  const fly = (/** @type {number} */ lon, /** @type {number} */ lat, least_m = 400_000) => () => {
    app.follows = false;
    app.fit([[lon, lat]], least_m);
  };
  const frame = world.frame;
  if (frame)
    for (let i = 0; i < frame.n && found.length < 400; i++) {
      const key = world.key[i];
      const name = world.names.get(key);
      const [high, low] = [frame.id[2 * i + 1], frame.id[2 * i]];
      add(titleOf(world, i), "track", [name?.call_sign, name?.icao, name?.mmsi, name?.mode_3a, shortId(high, low).slice(1), hexOf(high, low)].filter((one) => one !== null && one !== undefined), () => {
        const place = world.placeOf(key, app.now_ms);
        if (place) fly(place.lon, place.lat)();
        app.select(key);
      });
    }
  for (const { id, track } of world.threats) add(saidId(track), "track", [id, saidId(id).slice(1)], () => app.showThreat(id));
  for (const alert of world.alerts) for (const place of alert.places) add(placeName(place), "place", [place.name, place.local], fly(place.lon_deg, place.lat_deg, 200_000));
  for (const area of world.areas.values()) {
    const [lat, lon] = area.rings_deg[0]?.[0] ?? [NaN, NaN];
    if (Number.isFinite(lat)) add(areaName(area), "area", [area.name, areaName(area), area.code], fly(lon, lat));
  }
  for (const sensor of world.sensors) if (sensor.lon_deg !== null && sensor.lat_deg !== null) add(sensor.name, "sensor", [sensor.name], fly(sensor.lon_deg, sensor.lat_deg, 800_000));
  for (const [name, japanese, lon, lat] of PLACES) add(settings.language === "ja" ? japanese : name, "place", [name, japanese], fly(lon, lat));
  const seen = new Set();
  return found.sort((a, b) => a.rank - b.rank).filter(({ name, sort }) => !seen.has(`${sort}${name}`) && seen.add(`${sort}${name}`)).slice(0, MOST);
}
