// The head of the page: what this is, which time it is, whether it is connected, and the choices that concern all.
import { byId, h, say } from "../dom.js";
import { set, settings, onSettings } from "../settings.js";
import { ago, day, local, t, translate, translated, utc } from "../texts.js";

/** @import { App } from "../app.js" */

/** @param {App} app */
export function top(app) {
  const { world } = app;
  byId("theme").addEventListener("click", () => set({ theme: settings.theme === "dark" ? "light" : "dark" }));
  byId("language").addEventListener("click", () => set({ language: settings.language === "en" ? "ja" : "en" }));
  byId("which").addEventListener("click", () => set({ view: app.view.name === "flat" ? "globe" : "flat" }));
  byId("sound").addEventListener("click", () => set({ sound: !settings.sound }));
  const views = /** @type {HTMLSelectElement} */ (byId("view-as"));
  views.addEventListener("change", () => app.feed.tell("view_as", { view: views.value }));

  const dress = () => {
    document.documentElement.dataset.theme = settings.theme;
    byId("sound").setAttribute("aria-pressed", String(settings.sound));
    translate();
    say(byId("which"), t(app.view.name === "flat" ? "top.globe" : "top.flat"));
    views.setAttribute("aria-label", t("top.view_as"));
  };
  onSettings(dress);
  app.onView.push(dress);
  dress();

  world.on("hello", () => {
    const { views: all = [], view } = world.hello ?? {};
    views.replaceChildren(...all.map(({ key, name }) => h("option", { value: key, selected: key === view }, key === name ? key : `${key} · ${name}`)));
    byId("viewer").hidden = all.length < 2;
  });

  setInterval(() => show(app), 200);
  for (const topic of /** @type {const} */ (["hello", "clock", "connection", "fault"])) world.on(topic, () => show(app));
}

/** @returns {"live" | "exercise" | "flown" | "replay" | "past" | "ahead" | "export"} `flown`: of an exercise what was, at whatever speed @param {App} app */
export function modeOf({ world, ahead_ms }) {
  if (ahead_ms !== null) return "ahead";
  const mode = world.hello?.mode ?? "live";
  if (mode === "export" || mode === "replay") return mode;
  if (world.clock && !world.clock.following && world.clock.known_ms - world.clock.at_ms > 5000) return mode === "exercise" ? "flown" : "past";
  return mode;
}

/** @param {App} app */
function show(app) {
  const { world } = app;
  const mode = modeOf(app);
  byId("mode").dataset.mode = mode;
  const { play } = world;
  say(byId("mode"), t(`mode.${mode === "exercise" && play?.speed === 0 ? (play.is_over ? "over" : "held") : mode}`));

  const isExercise = world.isExercise;
  const banner = byId("banner");
  banner.hidden = !isExercise;
  document.body.classList.toggle("exercise", isExercise);
  if (isExercise) say(banner, t("banner.exercise", { name: world.hello?.exercise ?? "" }));

  const now = app.now_ms;
  if (now) {
    say(byId("utc"), utc(now));
    say(byId("date"), day(now));
    say(byId("local"), local(now));
  }

  const linked = byId("linked");
  const silent_s = (performance.now() - Math.max(world.frameHeard, world.clockHeard)) / 1000;
  const saying = world.clock?.saying ?? "";
  if (world.fault) state(linked, "fault", t("state.fault", { reason: world.fault }));
  else if (!world.connected || silent_s > 6) {
    if (world.frames || world.clockHeard) state(linked, "cut", t("state.cut", { age: ago(silent_s) }));
    else state(linked, "busy", t("state.starting"));
  } else if (saying) state(linked, "busy", t("state.linked"));
  else if (mode === "live" && world.frame) state(linked, "ok", t("state.age", { age: ago(Math.max(0, now - world.frame.picture_ms) / 1000) }));
  else state(linked, "ok", t("state.linked"));

  const doing = byId("doing");
  doing.hidden = !saying || !world.connected;
  say(doing, translated(saying));

  const all = world.frame?.n ?? 0;
  say(byId("count"), app.count === all ? t("top.tracks", { n: all }) : t("top.tracks_some", { n: app.count, all }));

  const active = world.alerts.filter(({ life }) => life === "issued").length;
  const title = [isExercise && t("banner.word"), active > 0 && t("warnings.alarm_more", { n: active }), t("title")].filter(Boolean).join(" · ");
  if (document.title !== title) document.title = title;
}

/** @param {HTMLElement} element @param {string} name @param {string} text */
function state(element, name, text) {
  element.dataset.state = name;
  say(element, text);
}
