// The view and the moment as an address: #m=137.1,36.2,2500&v=flat&s=00…ff&t=1893456060000&as=JPN
import { set, settings } from "./settings.js";
import { keyOf } from "./wire.js";

/** @import { App } from "./app.js" */

const LATER_MS = 600;

/** @param {App} app @returns {string} */
export function address(app) {
  const { lon, lat, span_m } = app.view.camera;
  const values = new URLSearchParams({ m: `${lon.toFixed(4)},${lat.toFixed(4)},${span_m.toFixed(0)}`, v: app.view.name });
  const id = app.selectedId;
  if (id) values.set("s", id);
  const { clock, hello } = app.world;
  if (app.ahead_ms !== null) values.set("t", String(Math.round(app.ahead_ms)));
  else if (clock && !clock.following) values.set("t", String(Math.round(app.world.now_ms)));
  if (hello && hello.views.length > 1) values.set("as", hello.view);
  return `#${values.toString().replaceAll("%2C", ",")}`;
}

/** @param {App} app @param {(time_ms: number) => void} seek */
export function permalink(app, seek) {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const view = wanted.get("v");
  if ((view === "flat" || view === "globe") && view !== app.view.name && settings.view !== view) set({ view });
  const camera = (wanted.get("m") ?? "").split(",").map(Number);
  if (camera.length === 3 && camera.every(Number.isFinite)) app.lookAt({ lon: camera[0], lat: camera[1], span_m: camera[2] });
  let told = false;
  app.world.on("clock", () => {
    if (told) return;
    told = true;
    const as = wanted.get("as");
    if (as && as !== app.world.hello?.view && app.world.hello?.views.some(({ key }) => key === as)) app.feed.tell("view_as", { view: as });
    const time = Number(wanted.get("t"));
    if (wanted.has("t") && Number.isFinite(time)) seek(time);
  });
  const id = wanted.get("s");
  if (id && /^[0-9a-f]{16}$/.test(id)) app.select(keyOf(id));

  /** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", address(app)), LATER_MS);
  };
  app.onMove.push(later);
  app.onSelect.push(later);
  app.onView.push(later);
}
