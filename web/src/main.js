// The page begins here.
import { App } from "./app.js";
import { readCoast } from "./basemap.js";
import { Connection } from "./connection.js";
import { byId, say } from "./dom.js";
import { between } from "./geo.js";
import { permalink } from "./permalink.js";
import { watchPointer } from "./pointer.js";
import { recorded } from "./recording.js";
import { distanceText } from "./scene.js";
import { settings, set } from "./settings.js";
import { t } from "./texts.js";
import { exports_ } from "./ui/exports.js";
import { keys } from "./ui/keys.js";
import { search } from "./ui/search.js";
import { side } from "./ui/side.js";
import { timeline } from "./ui/timeline.js";
import { top } from "./ui/top.js";
import { tales, warnings } from "./ui/warnings.js";
import { hexOf } from "./wire.js";
import { World } from "./world.js";

const world = new World();
const feed = recorded(world) ?? new Connection(world);
readCoast(await coast()); // what the world says meanwhile waits, since the feed has not begun
const app = new App(world, feed);
top(app);
side(app);
warnings(app);
search(app);
const player = timeline(app);
keys(app, player);
exports_(app);
watchPointer(app);
app.view.look({ lon: 137, lat: 37, span_m: 3500 });
permalink(app, player.seek);
if (settings.view === "auto" && app.graphics !== "hardware") app.notice(t(app.graphics === "none" ? "globe.none" : "globe.software"), 8000);
void app.choose();
feed.begin();

// Once it is known where sensors and tracks are, all of them are put in sight, unless the address said what to see.
let looked = 0;
const look = () => {
  if (app.placed || app.touched || looked > 3) return;
  looked += 1;
  app.home();
};
world.on("frame", look);
world.on("sensors", look);
world.on("alerts", () => {
  const first = tales(world.alerts).find(({ now }) => now.life === "issued" || now.life === "proposed");
  if (!first || app.placed || app.touched || shownFirst) return;
  shownFirst = true;
  looked = Infinity;
  app.showThreat(first.threat);
});
let shownFirst = false;

app.onMove.push(() => {
  const { measure } = app;
  if (measure && measure.length > 1) {
    let total = 0;
    let bearing = 0;
    for (let k = 1; k < measure.length; k++) {
      const leg = between(measure[k - 1][0], measure[k - 1][1], measure[k][0], measure[k][1]);
      total += leg.distance_m;
      bearing = leg.bearing_deg;
    }
    app.notice(t("map.distance", { distance: distanceText(total), bearing: String(Math.round(bearing) % 360).padStart(3, "0") }), 60_000);
  }
});
byId("map").addEventListener("pointermove", (event) => {
  const box = byId("map").getBoundingClientRect();
  const place = app.view.unproject(event.clientX - box.left, event.clientY - box.top);
  if (place) say(byId("readout"), `${Math.abs(place[1]).toFixed(3)}°${place[1] < 0 ? "S" : "N"}  ${Math.abs(place[0]).toFixed(3)}°${place[0] < 0 ? "W" : "E"}`);
});

/** @returns {Promise<ArrayBuffer>} the coast: beside the page, or inside it when the page is one file */
async function coast() {
  const inside = document.getElementById("noroshi-coast");
  if (inside) return Uint8Array.from(atob(inside.textContent ?? ""), (letter) => letter.charCodeAt(0)).buffer;
  const answer = await fetch("coast.bin");
  if (!answer.ok) throw new Error(`no coast: ${answer.status}`);
  return answer.arrayBuffer();
}

/** For tests and for a curious person at the console: what the page knows and does, nothing that it does not show. */
const hook = {
  world,
  app,
  settings,
  set,
  seek: player.seek,
  /** @param {string} id @returns {[number, number] | null} where it is on the screen */
  project(id) {
    const place = world.placeOf(Number.parseInt(id.slice(0, 8), 16) * 4294967296 + Number.parseInt(id.slice(8), 16), app.now_ms);
    const point = place && app.view.project(place.lon, place.lat, place.height_m);
    const box = byId("map").getBoundingClientRect();
    return point && [point[0] + box.left, point[1] + box.top];
  },
  /** @returns {Record<string, unknown>[]} what is known of each track, for comparing moments */
  tracks() {
    const frame = world.frame;
    if (!frame) return [];
    return Array.from({ length: frame.n }, (_, i) => ({
      id: hexOf(frame.id[2 * i + 1], frame.id[2 * i]), lat: frame.lat[i], lon: frame.lon[i], height_m: frame.height_m[i], kind: frame.kind[i],
      status: frame.status[i], affiliation: frame.affiliation[i], call_sign: world.names.get(world.key[i])?.call_sign ?? null, nations: world.nationsOf(i),
    }));
  },
};
/** @type {any} */ (window).noroshi = hook;
document.documentElement.dataset.ready = "true";
