// Everything by keyboard, and the list of keys.
import { byId, h } from "../dom.js";
import { set, settings } from "../settings.js";
import { t } from "../texts.js";
import { acknowledge, tales } from "./warnings.js";

/** @import { App } from "../app.js" */
/** @typedef {ReturnType<typeof import("./timeline.js").timeline>} Player */

const LIST = ["/", "w", "a", "n", "f", "space", ",.", "[]", "r", "l", "t", "g", "m", "+-", "arrows", "0", "i", "esc", "?"];
const PAN_PX = 80;

/** @param {App} app @param {Player} player */
export function keys(app, player) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("keys"));
  const { world } = app;
  let warning = -1;

  const help = () => {
    dialog.replaceChildren(
      h("h2", { id: "keys-title" }, t("help.title")),
      h("dl", {}, LIST.flatMap((key) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(`key.${key}`))])),
      h("div", { class: "row" }, world.hello?.mode === "export" ? "" : h("a", { href: "LICENCES.txt", target: "_blank", rel: "noopener" }, t("help.licences")), h("button", { onclick: () => dialog.close() }, t("close"))),
    );
    if (!dialog.open) dialog.showModal();
  };
  const next = (/** @type {number} */ by) => {
    const frame = world.frame;
    if (!frame) return;
    // The chosen one's neighbours from west to east: an order that can be seen, and that stays as tracks come and go.
    const { clientWidth: width, clientHeight: height } = app.host;
    const inSight = [];
    for (let i = 0; i < frame.n; i++) {
      const point = app.view.project(frame.lon[i] * 1e-7, frame.lat[i] * 1e-7, frame.height_m[i]);
      if (point && point[0] > 0 && point[0] < width && point[1] > 0 && point[1] < height) inSight.push({ key: world.key[i], x: point[0], loud: frame.affiliation[i] >= 2 });
    }
    inSight.sort((a, b) => Number(b.loud) - Number(a.loud) || a.x - b.x);
    const at = inSight.findIndex(({ key }) => key === app.selected);
    const one = inSight[at < 0 ? 0 : (at + by + inSight.length) % inSight.length];
    if (one) app.select(one.key);
  };
  const nextWarning = () => {
    const active = tales(world.alerts).filter(({ now }) => now.life === "issued" || now.life === "proposed");
    if (!active.length) return;
    warning = (warning + 1) % active.length;
    app.showThreat(active[warning].threat);
  };
  const acknowledgeShown = () => {
    const all = tales(world.alerts);
    const tale = all[Math.max(0, warning)] ?? all[0];
    if (tale) void acknowledge(app, tale.now.identifier);
  };
  const measure = () => {
    app.measure = app.measure ? null : [];
    byId("map").classList.toggle("measuring", app.measure !== null);
    byId("measure").setAttribute("aria-pressed", String(app.measure !== null));
    app.notice(app.measure ? t("map.measure") : "");
  };

  byId("help").addEventListener("click", help);
  byId("measure").addEventListener("click", measure);
  byId("zoom-in").addEventListener("click", () => app.zoom(1.6));
  byId("zoom-out").addEventListener("click", () => app.zoom(1 / 1.6));
  byId("home").addEventListener("click", () => app.home());

  /** @type {Record<string, () => void>} */
  const does = {
    "/": () => byId("search").focus(),
    "?": help,
    w: nextWarning,
    a: acknowledgeShown,
    n: () => next(1),
    N: () => next(-1),
    f: () => void (app.follows = app.selected !== null && !app.follows),
    " ": player.play,
    ",": () => player.step(-1),
    ".": () => player.step(1),
    "<": () => player.jump(-60_000),
    ">": () => player.jump(60_000),
    "[": () => player.faster(-1),
    "]": () => player.faster(1),
    r: player.reverse,
    l: player.follow,
    t: () => byId("typed").focus(),
    g: () => set({ view: app.view.name === "flat" ? "globe" : "flat" }),
    m: measure,
    i: () => set({ theme: settings.theme === "dark" ? "light" : "dark" }),
    "+": () => app.zoom(1.6),
    "=": () => app.zoom(1.6),
    "-": () => app.zoom(1 / 1.6),
    0: () => app.home(),
    ArrowLeft: () => app.view.pan(PAN_PX, 0),
    ArrowRight: () => app.view.pan(-PAN_PX, 0),
    ArrowUp: () => app.view.pan(0, PAN_PX),
    ArrowDown: () => app.view.pan(0, -PAN_PX),
    Escape: () => {
      if (app.measure) measure();
      app.select(null);
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches("input:not([type=checkbox]), select, textarea")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (event.key === " " && target.matches("button, input, summary, a")) return;
    if (event.key.startsWith("Arrow") && target.closest(".scroll, [role=tablist]")) return;
    const act = does[event.key];
    if (!act) return;
    event.preventDefault();
    app.touched = true;
    if (event.key.startsWith("Arrow")) app.follows = false;
    act();
  });
}
