// What is to be drawn besides tracks and base map, the same for both views: lines, areas and marks on the Earth.
import { MAP, faded } from "./colours.js";
import { plain } from "./dom.js";
import { RADIUS_M, between, circle, ellipse, reach, unwrap } from "./geo.js";
import { settings } from "./settings.js";
import { big, leftText, placeName, t, utc } from "./texts.js";
import { CAPITALS } from "./texts/places.js";
import { keyOf } from "./wire.js";

const NAME_MOST = 40; // letters of a name on the map
const LINK_POINTS = 33;

/** @import { AlertPlace } from "./messages.js" */
/** @import { World } from "./world.js" */
/** @import { Layer } from "./settings.js" */

/**
 * @typedef {object} Shape a line or an area
 * @property {Layer} layer
 * @property {number[][]} points [lon, lat, height_m?] degrees, longitudes continuous
 * @property {boolean} closed
 * @property {string} [stroke] @property {number} [width] @property {number[]} [dash]
 * @property {string} [fill]
 * @property {boolean} [ground] drawn on the ground though points have heights
 * @property {Float64Array} [flat] its places on the flat map, made when first drawn
 * @property {Float64Array} [space] the same for the globe, Earth-fixed metres
 */
/**
 * @typedef {object} Mark a place with words
 * @property {Layer} layer
 * @property {number} lon @property {number} lat @property {number} height_m
 * @property {string[]} lines
 * @property {"place" | "sensor" | "satellite" | "name" | "end" | "time" | "ghost" | "launch"} sort
 * @property {number} priority
 * @property {string} [state]
 * @property {number} [until_ms] a countdown stands after its words
 * @property {string} [id] of the track it speaks of
 */
/** @typedef {{shapes: Shape[], marks: Mark[]}} Part */
/** @typedef {{still: Shape[], moving: Shape[], marks: Mark[]}} Scene `still` is the same list as long as nothing in it has changed */

/**
 * What stands where it is: made anew when the world or a choice has changed.
 * @param {World} world
 * @param {Map<string, number[][][]>} reaches outlines of sensors' coverage by name, [lat, lon], as the server computed them
 * @returns {Part}
 */
export function standing(world, reaches) {
  const colours = MAP[settings.theme];
  /** @type {Part} */ const { shapes, marks } = { shapes: [], marks: [] };
  const { layers } = settings;
  if (layers.coverage) sensors(world, reaches, colours, shapes, marks, isShown);
  if (layers.zones) zones(world, colours, shapes, marks);
  if (layers.links) links(world, colours, shapes);
  if (layers.areas) areas(world, colours, shapes, marks);
  return { shapes, marks };
}

/**
 * All of it, with what goes on by itself.
 * @param {World} world @param {Part} part what stands
 * @param {{names: {name: string, lon: number, lat: number, rank: number}[], ahead_ms: number | null}} base
 * @returns {Scene}
 */
export function compose(world, part, base) {
  const colours = MAP[settings.theme];
  const { layers } = settings;
  /** @type {Shape[]} */ const moving = [];
  const marks = [...part.marks];
  if (layers.satellites) satellites(world, colours, moving, marks, isShown);
  if (layers.paths) paths(world, base.ahead_ms, colours, moving, marks);
  if (layers.paths) launches(world, colours, moving, marks);
  if (layers.names)
    for (const { name, lon, lat, rank } of base.names)
      marks.push({ layer: "names", lon, lat, height_m: 0, lines: [name], sort: "name", priority: -10 - rank });
  return { still: part.shapes, moving, marks };
}

/** @param {string} nation */
const isShown = (nation) => !settings.hiddenNations.includes(nation);

/** @param {World} world @param {Map<string, number[][][]>} reaches @param {typeof MAP.dark} colours @param {Shape[]} shapes @param {Mark[]} marks @param {(nation: string) => boolean} shown */
function sensors(world, reaches, colours, shapes, marks, shown) {
  for (const sensor of world.sensors) {
    const { name, lat_deg, lon_deg, state } = sensor;
    if (lat_deg === null || lon_deg === null || !shown(sensor.nation)) continue;
    const colour = state === "silent" ? colours.warn : colours.sensor;
    const rings = (reaches.get(name) ?? []).map((ring) => unwrap(ring.map(([lat, lon]) => [lon, lat])));
    if (!rings.length && sensor.range_m_max)
      for (const [from, to] of sensor.sectors_deg?.length ? sensor.sectors_deg : [[0, 360]])
        rings.push(circle(lon_deg, lat_deg, Math.min(sensor.range_m_max, 5e6), from, ((to - from + 359.99) % 360) + 0.01));
    for (const points of rings)
      shapes.push({
        layer: "coverage", points, closed: true, ground: true, width: 1,
        stroke: faded(colour, state === "ok" ? 0.34 : 0.5), fill: state === "ok" ? faded(colour, 0.035) : undefined, dash: state === "ok" ? undefined : [3, 5],
      });
    marks.push({ layer: "coverage", lon: lon_deg, lat: lat_deg, height_m: sensor.height_m ?? 0, lines: [plain(name, NAME_MOST)], sort: "sensor", priority: state === "silent" ? 3 : -3, state });
  }
}

/** @param {World} world @param {typeof MAP.dark} colours @param {Shape[]} shapes @param {Mark[]} marks @param {(nation: string) => boolean} shown */
function satellites(world, colours, shapes, marks, shown) {
  const now_ms = world.now_ms;
  for (const satellite of world.satellites) {
    if (!shown(satellite.nation)) continue;
    const at = Math.max(0, Math.min(satellite.path_ecef_m.length - 1, (now_ms - satellite.from_ms) / satellite.step_ms));
    const k = Math.floor(at);
    const [a, b] = [satellite.path_ecef_m[k], satellite.path_ecef_m[k + 1]];
    if (!a) continue;
    const place = geodetic(b ? a.map((value, axis) => value + (b[axis] - value) * (at - k)) : a);
    const orbit = satellite.path_ecef_m.slice(Math.max(0, k - 8), k + 40).map(geodetic);
    shapes.push({ layer: "satellites", points: unwrap(orbit), closed: false, stroke: faded(colours.space, 0.45), width: 1 });
    if (satellite.half_angle_deg) {
      const angle = (satellite.half_angle_deg * Math.PI) / 180;
      const far = 1 + Math.max(1, place[2]) / 6371009;
      const sine = far * Math.sin(angle);
      const reach_m = RADIUS_M * (sine < 1 ? Math.asin(sine) - angle : Math.acos(1 / far)); // else it sees to its horizon
      shapes.push({
        layer: "satellites", points: circle(place[0], place[1], reach_m), closed: true, ground: true,
        stroke: faded(colours.space, 0.4), fill: faded(colours.space, 0.03), width: 1, dash: [2, 4],
      });
    }
    marks.push({ layer: "satellites", lon: place[0], lat: place[1], height_m: place[2], lines: [plain(satellite.name, NAME_MOST)], sort: "satellite", priority: -4 });
  }
}

/** @param {World} world @param {typeof MAP.dark} colours @param {Shape[]} shapes @param {Mark[]} marks */
function zones(world, colours, shapes, marks) {
  for (const { name, ring_deg } of world.zones) {
    const points = unwrap(ring_deg.map(([lat, lon]) => [lon, lat]));
    shapes.push({ layer: "zones", points, closed: true, ground: true, stroke: faded(colours.zone, 0.8), fill: faded(colours.zone, 0.06), dash: [6, 4], width: 1.25 });
    const [lon, lat] = points.reduce(([x, y], point) => [x + point[0] / points.length, y + point[1] / points.length], [0, 0]);
    marks.push({ layer: "zones", lon, lat, height_m: 0, lines: [plain(name, NAME_MOST)], sort: "name", priority: -2 });
  }
}

/** Nations' links go between the middles of their sensors, or their capitals: a link has no place of its own. @param {World} world @param {typeof MAP.dark} colours @param {Shape[]} shapes */
function links(world, colours, shapes) {
  /** @type {Map<string, [number, number, number]>} */ const middle = new Map();
  for (const { nation, lat_deg, lon_deg } of world.sensors) {
    if (lat_deg === null || lon_deg === null) continue;
    const [lon, lat, n] = middle.get(nation) ?? [0, 0, 0];
    middle.set(nation, [lon + lon_deg, lat + lat_deg, n + 1]);
  }
  for (const link of world.links) {
    const ends = [link.from, link.to].flatMap((code) => {
      const [lon, lat, n] = middle.get(code) ?? [...(CAPITALS[code] ?? []), 1];
      return n ? [[lon / n, lat / n]] : [];
    });
    if (ends.length < 2) continue;
    const [[lon, lat], [lon2, lat2]] = ends;
    const { bearing_deg, distance_m } = between(lon, lat, lon2, lat2);
    const way = Array.from({ length: LINK_POINTS }, (_, k) => reach(lon, lat, bearing_deg, (distance_m * k) / (LINK_POINTS - 1)));
    shapes.push({
      layer: "links", points: unwrap(way), closed: false, ground: true, width: link.state === "up" ? 1.5 : 2,
      stroke: link.state === "up" ? faded(colours.link, 0.8) : colours.warn, dash: link.state === "up" ? undefined : [2, 6],
    });
  }
}

/** @param {World} world @param {typeof MAP.dark} colours @param {Shape[]} shapes @param {Mark[]} marks */
function areas(world, colours, shapes, marks) {
  const issued = world.alerts.filter(({ life }) => life === "issued");
  const warned = new Set(issued.flatMap((alert) => alert.areas.map(({ code }) => code)));
  /** @type {Map<string, {place: AlertPlace, threat: string, state: string}>} */ const soonest = new Map();
  // What is in force comes first: what is only proposed, as by a revision that waits, neither hides it nor changes its time.
  for (const alert of [...issued, ...world.alerts.filter(({ life }) => life === "proposed")]) {
    const proposed = alert.life === "proposed";
    for (const area of alert.areas) {
      if (proposed && warned.has(area.code)) continue;
      for (const ring of world.areas.get(area.code)?.rings_deg ?? [])
        shapes.push({
          layer: "areas", points: unwrap(ring.map(([lat, lon]) => [lon, lat])), closed: true, ground: true, width: proposed ? 1.25 : 2,
          stroke: faded(colours.warn, proposed ? 0.7 : 0.95), fill: proposed ? undefined : faded(colours.warn, 0.12 + 0.16 * area.probability), dash: proposed ? [5, 4] : undefined,
        });
    }
    for (const place of alert.places) {
      const key = `${place.area} ${place.name}`;
      const other = soonest.get(key);
      if (!other || (other.state === alert.life && place.arrival_ms < other.place.arrival_ms)) soonest.set(key, { place, threat: alert.threat, state: alert.life });
    }
  }
  for (const { place, threat, state } of soonest.values())
    marks.push({
      layer: "areas", lon: place.lon_deg, lat: place.lat_deg, height_m: 0, lines: [plain(placeName(place), NAME_MOST)], sort: "place",
      priority: (state === "issued" ? 40 : 30) + Math.log10(1 + place.people), until_ms: place.arrival_ms, id: threat, state,
    });
}

/** @param {World} world @param {number | null} ahead_ms @param {typeof MAP.dark} colours @param {Shape[]} shapes @param {Mark[]} marks */
function paths(world, ahead_ms, colours, shapes, marks) {
  const now_ms = world.now_ms;
  const ended = new Set(["passed", "landed", "clear"]);
  for (const threat of world.threats) {
    if (ended.has(threat.stage)) continue;
    const here = world.placeOf(keyOf(threat.track), now_ms);
    const ahead = threat.path.filter(([time_ms]) => time_ms > now_ms).map(([, lat, lon, height_m]) => [lon, lat, height_m]);
    const points = unwrap(here ? [[here.lon, here.lat, here.height_m], ...ahead] : ahead);
    if (points.length > 1) {
      shapes.push({ layer: "paths", points: points.map(([lon, lat]) => [lon, lat]), closed: false, ground: true, stroke: faded(colours.path, 0.35), width: 1.5 });
      shapes.push({ layer: "paths", points, closed: false, stroke: colours.path, width: 2, dash: [7, 5] });
    }
    if (threat.end) {
      const { lat_deg, lon_deg, major_m, minor_m, bearing_deg } = threat.end;
      const turn = (bearing_deg * Math.PI) / 180;
      const [s, c, a, b] = [Math.sin(turn), Math.cos(turn), major_m ** 2, minor_m ** 2];
      for (const scale of [1, 2.45])
        shapes.push({
          layer: "paths", points: ellipse(lon_deg, lat_deg, a * s * s + b * c * c, a * c * c + b * s * s, (a - b) * s * c, scale), closed: true, ground: true,
          stroke: colours.path, fill: faded(colours.path, 0.13), width: scale === 1 ? 1.75 : 1, dash: scale === 1 ? undefined : [4, 3],
        });
      marks.push({ layer: "paths", lon: lon_deg, lat: lat_deg, height_m: 0, lines: [], sort: "end", priority: 30, until_ms: threat.end_ms ?? undefined, id: threat.id });
    }
    const then = ahead_ms === null ? null : pathAt(threat.path, ahead_ms);
    if (then) {
      const [lat, lon, height_m, along_m, across_m] = then.place;
      const turn = (then.bearing_deg * Math.PI) / 180;
      const [s, c, a, b] = [Math.sin(turn), Math.cos(turn), along_m ** 2, across_m ** 2];
      shapes.push({ layer: "paths", points: ellipse(lon, lat, a * s * s + b * c * c, a * c * c + b * s * s, (a - b) * s * c, 2), closed: true, ground: true, stroke: colours.select, fill: faded(colours.path, 0.25), width: 1.5 });
      marks.push({ layer: "paths", lon, lat, height_m, lines: [`${saidId(threat.track)}  ${Math.round(height_m / 1000)} km`], sort: "ghost", priority: 35, id: threat.id });
    }
    const left_ms = (threat.path.at(-1)?.[0] ?? now_ms) - now_ms;
    const every_ms = 60_000 * (left_ms <= 15 * 60_000 ? 1 : left_ms <= 60 * 60_000 ? 5 : 10);
    let next_ms = 0; // a tick on the way every so many minutes
    for (const [time_ms, lat, lon, height_m] of threat.path) {
      if (time_ms < now_ms || time_ms < next_ms) continue;
      if (next_ms) marks.push({ layer: "paths", lon, lat, height_m, lines: [`+${Math.round((time_ms - now_ms) / 60_000)}′`], sort: "time", priority: -6 });
      next_ms = time_ms + every_ms;
    }
  }
}

/** Lines of sight to something hot that rises; no place on them is claimed. @param {World} world @param {typeof MAP.dark} colours @param {Shape[]} shapes @param {Mark[]} marks */
function launches(world, colours, shapes, marks) {
  for (const { line, first_ms } of world.launches) {
    if (line.length < 2) continue;
    const points = unwrap(line.map(([lat, lon, height_m]) => [lon, lat, height_m]));
    shapes.push({ layer: "paths", points, closed: false, stroke: faded(colours.measure, 0.8), width: 1.5, dash: [2, 5] });
    const [lon, lat, height_m] = points[points.length - 1];
    marks.push({ layer: "paths", lon, lat, height_m, lines: [`${t("stage.launch_detected")}  ${utc(first_ms)}`], sort: "launch", priority: 32 });
  }
}

/**
 * Where a threat is expected at a time.
 * @param {number[][]} path rows of time, lat, lon, height and two sigmas @param {number} time_ms
 * @returns {{place: number[], bearing_deg: number} | null} null before and after what is expected
 */
export function pathAt(path, time_ms) {
  const k = path.findIndex(([time]) => time > time_ms);
  if (k < 1) return null;
  const [a, b] = [path[k - 1], path[k]];
  const share = (time_ms - a[0]) / (b[0] - a[0]);
  const [from, to] = unwrap([[a[2]], [b[2]]]);
  const place = a.slice(1).map((value, axis) => value + (b[axis + 1] - value) * share);
  place[1] = from[0] + (to[0] - from[0]) * share;
  return { place, bearing_deg: between(a[2], a[1], b[2], b[1]).bearing_deg };
}

/** @param {number[]} point Earth-fixed metres @returns {[lon: number, lat: number, height_m: number]} good to some hundred metres far out */
export function geodetic([x, y, z]) {
  const flat = Math.hypot(x, y);
  let lat = Math.atan2(z, flat * (1 - 0.00669438));
  let height = 0;
  for (let k = 0; k < 4; k++) {
    const n = 6378137 / Math.sqrt(1 - 0.00669438 * Math.sin(lat) ** 2);
    height = flat > 1 ? flat / Math.cos(lat) - n : Math.abs(z) - 6356752;
    lat = Math.atan2(z, flat * (1 - (0.00669438 * n) / (n + height)));
  }
  return [(Math.atan2(y, x) * 180) / Math.PI, (lat * 180) / Math.PI, height];
}

/** What stands beside a track. @param {World} world @param {number} i @param {boolean} full @returns {string[]} */
export function trackLines(world, i, full) {
  const frame = world.frame;
  if (!frame) return [];
  const kind = frame.kind[i];
  const height_m = frame.height_m[i];
  const speed = Math.hypot(frame.velocity_east_m_s[i], frame.velocity_north_m_s[i], frame.velocity_up_m_s[i]);
  const fast = kind >= 3 || height_m > 25_000 || speed > 1000;
  const flightLevel = Math.round(height_m / 30.48);
  const height = frame.up_sigma_m[i] > 2000 && !fast ? "" : fast ? `${Math.round(height_m / 1000)} km` : kind === 2 ? "" : `FL${String(Math.max(0, flightLevel)).padStart(3, "0")}`;
  const pace = fast ? `${(speed / 1000).toFixed(1)} km/s` : `${Math.round(speed * 1.943844)} kt`;
  const first = titleOf(world, i);
  const lines = [first, [height, pace].filter(Boolean).join("  ")];
  if (full || fast) lines.push(`${t(`kind.${kind}`)} ${percent(frame.kind_probability[i])}`);
  return lines;
}

/** @param {number} share 0 to 254; 255 is not known */
export const percent = (share) => (share === 255 ? "–" : `${Math.floor((share / 254) * 100)} %`);

/** @param {World} world @param {number} i @returns {string} the call sign, or a short number */
export function titleOf(world, i) {
  const frame = world.frame;
  const name = world.names.get(world.key[i]);
  if (name?.call_sign) return name.call_sign;
  if (name?.mmsi) return name.mmsi;
  if (name?.icao) return name.icao;
  return frame ? shortId(frame.id[2 * i + 1], frame.id[2 * i]) : "";
}

/** A number that a person can say: the last five hexadecimal digits. @param {number} high @param {number} low */
export const shortId = (high, low) => saidId((low >>> 0).toString(16).padStart(8, "0"));

/** The same of a number as the wire writes it. @param {string} id */
export const saidId = (id) => `#${id.slice(-5).toUpperCase()}`;

/** @param {Mark} mark @param {number} now_ms */
export const countdown = (mark, now_ms) => (mark.until_ms === undefined ? "" : leftText(mark.until_ms - now_ms));

/** @param {number} m */
export const distanceText = (m) => (m < 10_000 ? `${big(Math.round(m))} m` : `${big(Math.round(m / 1000))} km`);
