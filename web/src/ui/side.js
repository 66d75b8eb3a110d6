// The right side: what the picture is made of and what of it is drawn; the chosen track; the state of the node.
import { SIDES } from "../colours.js";
import { byId, h, reconcile, say } from "../dom.js";
import { LAYERS, onSettings, set, settings } from "../settings.js";
import { symbol } from "../symbols.js";
import { ago, t, translated, utc } from "../texts.js";
import { KINDS } from "../wire.js";
import { control } from "./control.js";
import { decide } from "./decide.js";
import { track } from "./track.js";
import { whatIf } from "./what_if.js";

/** @import { App } from "../app.js" */

const HEIGHTS_M = [3000, 10_000, 20_000, 50_000, 100_000, 300_000];
/** @type {[number, number][]} */
const BANDS = [[-Infinity, Infinity], [-Infinity, 3000], [3000, 20_000], [20_000, Infinity]];
const TABS = ["picture", "decide", "control", "what-if", "track", "state"];
const WORK = ["decide", "control", "what-if"]; // who fills in a form here keeps it, whatever is chosen on the map

/** @param {App} app */
export function side(app) {
  for (const name of TABS) byId(`tab-${name}`).addEventListener("click", () => open(name));
  /** @type {HTMLElement} */ (document.querySelector("[role=tablist]")).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.stopPropagation();
    const there = TABS.filter((name) => !byId(`tab-${name}`).hidden);
    const at = there.findIndex((name) => byId(`tab-${name}`).getAttribute("aria-selected") === "true");
    const next = there[(at + step + there.length) % there.length];
    open(next);
    byId(`tab-${next}`).focus();
  });
  app.onSelect.push(() => {
    if (app.selected !== null && WORK.every((name) => byId(`panel-${name}`).hidden)) open("track");
  });
  let begins = true;
  app.world.on("hello", () => {
    const can = app.world.hello?.can;
    if (begins && can?.play) open(can.control ? "control" : "decide");
    begins = false;
  });
  picture(app);
  decide(app);
  control(app);
  whatIf(app);
  track(app);
  state(app);
}

/** @param {string} wanted */
function open(wanted) {
  for (const name of TABS) {
    byId(`tab-${name}`).setAttribute("aria-selected", String(name === wanted));
    byId(`tab-${name}`).tabIndex = name === wanted ? 0 : -1;
    byId(`panel-${name}`).hidden = name !== wanted;
  }
  byId(`panel-${wanted}`).dispatchEvent(new Event("shown")); // it was not kept up to date while nobody saw it
}

/** @template T @param {T[]} list @param {T} item @returns {T[]} without it, or with it */
const toggled = (list, item) => (list.includes(item) ? list.filter((one) => one !== item) : [...list, item]);

/** @param {App} app */
function picture(app) {
  const panel = byId("panel-picture");
  const nations = h("ul", { "data-testid": "contributors" });
  const sides = h("ul", { "data-testid": "sides" });
  const kinds = h("ul", { "data-testid": "kinds" });

  const build = () => {
    panel.replaceChildren(
      h("h3", {}, t("picture.who")), nations, h("p", { class: "dim" }, t("picture.who_hint")),
      h("h3", {}, t("picture.legend")), sides,
      h("h3", {}, t("picture.kinds")), kinds,
      h("label", { class: "toggle plain" }, box(settings.tentative, () => set({ tentative: !settings.tentative })), t("picture.tentative")),
      choice("picture.height", BANDS.map(([low, high]) => [`${low},${high}`, bandText(low, high)]), settings.heights_m.join(), (value) => set({ heights_m: /** @type {[number, number]} */ (value.split(",").map(Number)) })),
      h("h3", {}, t("picture.layers")),
      ...LAYERS.map((layer) => h("label", { class: "toggle plain" }, box(settings.layers[layer], () => set({ layers: { ...settings.layers, [layer]: !settings.layers[layer] } }), `layer-${layer}`), t(`layer.${layer}`))),
      choice("picture.coverage", HEIGHTS_M.map((m) => [String(m), `${m / 1000} km`]), String(settings.coverage_m), (value) => set({ coverage_m: Number(value) })),
      choice("picture.leader", [1, 2, 5].map((n) => [String(n), t("minutes", { n })]), String(settings.leader_min), (value) => set({ leader_min: Number(value) })),
      choice("picture.colours", ["safe", "app6"].map((name) => [name, t(`palette.${name}`)]), settings.palette, (value) => set({ palette: /** @type {"safe"} */ (value) })),
    );
    for (const list of [sides, kinds, nations]) list.replaceChildren();
    count();
  };

  const count = () => {
    if (panel.hidden) return;
    const { frame, sources } = app.world;
    /** @type {Map<string, number>} */ const fed = new Map(sources.map(({ nation }) => [nation, 0]));
    const bySide = SIDES.map(() => 0);
    const byKind = KINDS.map(() => 0);
    if (frame) {
      const { n, words, affiliation, kind, sources: feeds } = frame;
      for (let i = 0; i < n; i++) {
        bySide[affiliation[i]] += 1;
        byKind[kind[i]] += 1;
      }
      const mask = new Uint32Array(words);
      for (const nation of fed.keys()) {
        mask.fill(0);
        sources.forEach((source, k) => {
          if (source.nation === nation && k >> 5 < words) mask[k >> 5] |= 1 << (k & 31);
        });
        let count = 0;
        for (let i = 0; i < n; i++) {
          let any = 0;
          for (let k = 0; k < words; k++) any |= feeds[i * words + k] & mask[k];
          if (any) count += 1;
        }
        fed.set(nation, count);
      }
    }
    const most = Math.max(1, ...fed.values());
    reconcile(nations, [...fed].sort(), ([nation]) => nation, ([nation]) => h("li", {}, h("label", { class: "meter" },
      box(!settings.hiddenNations.includes(nation), () => set({ hiddenNations: toggled(settings.hiddenNations, nation) }), `nation-${nation}`), h("span", {}, nation), h("i", {}, h("b")), h("span", { class: "n" }))), (element, [, n]) => {
      /** @type {HTMLElement} */ (element.querySelector("i b")).style.transform = `scaleX(${n / most})`;
      say(/** @type {HTMLElement} */ (element.querySelector(".n")), n);
    });
    const shownSides = SIDES.map((name, k) => ({ name, k })).filter(({ k }) => k < 3 || bySide[k]);
    reconcile(sides, shownSides, ({ name }) => name, ({ name, k }) => h("li", {}, h("label", { class: "toggle" },
      box(!settings.hiddenSides.includes(name), () => set({ hiddenSides: toggled(settings.hiddenSides, name) }), `side-${name}`), sample(1, k), t(`side.${name}`), h("span", { class: "n" }))), (element, { k }) => say(/** @type {HTMLElement} */ (element.querySelector(".n")), bySide[k]));
    const shownKinds = KINDS.map((name, k) => ({ name, k })).filter(({ k }) => byKind[k] || settings.hiddenKinds.includes(KINDS[k]));
    reconcile(kinds, shownKinds, ({ name }) => name, ({ name, k }) => h("li", {}, h("label", { class: "toggle" },
      box(!settings.hiddenKinds.includes(name), () => set({ hiddenKinds: toggled(settings.hiddenKinds, name) }), `kind-${name}`), sample(k, k >= 3 && k < 6 ? 2 : 0), t(`kind.${k}`), h("span", { class: "n" }))), (element, { k }) => say(/** @type {HTMLElement} */ (element.querySelector(".n")), byKind[k]));
  };
  build();
  onSettings((changed) => {
    if (changed.language || changed.theme || changed.palette) build();
    else count();
  });
  let counted = 0;
  app.world.on("frame", () => {
    if (performance.now() - counted < 900) return;
    counted = performance.now();
    count();
  });
  app.world.on("sources", count);
  panel.addEventListener("shown", count);
}

/** @param {number} low @param {number} high */
const bandText = (low, high) => (low < 0 && high === Infinity ? t("picture.height_all") : high === Infinity ? `> ${low / 1000} km` : low < 0 ? `< ${high / 1000} km` : `${low / 1000}–${high / 1000} km`);

/** @param {boolean} checked @param {() => void} act @param {string} [testid] */
const box = (checked, act, testid) => h("input", { type: "checkbox", checked, onchange: act, "data-testid": testid });

/** @param {string} name @param {string[][]} options value and words @param {string} value @param {(value: string) => void} act */
const choice = (name, options, value, act) =>
  h("label", { class: "field" }, h("span", {}, t(name)), h("select", { onchange: (/** @type {Event} */ event) => act(/** @type {HTMLSelectElement} */ (event.target).value) }, options.map(([key, words]) => h("option", { value: key, selected: key === value }, words))));

/** @param {number} kind @param {number} affiliation */
function sample(kind, affiliation) {
  const sprite = symbol(kind, affiliation, 1, 13, settings.theme, settings.palette);
  const canvas = h("canvas", { "aria-hidden": true, style: `width:${sprite.width}px;height:${sprite.height}px` });
  canvas.width = sprite.image.width;
  canvas.height = sprite.image.height;
  canvas.getContext("2d")?.drawImage(sprite.image, 0, 0);
  return canvas;
}

/** @param {App} app */
function state(app) {
  const panel = byId("panel-state");
  const { world } = app;
  const sensors = h("tbody");
  const links = h("tbody");
  const health = h("div");
  const show = () => {
    panel.replaceChildren(h("h3", {}, t("state.health")), health, h("h3", {}, t("state.links")), h("table", {}, links), h("h3", {}, t("state.sensors")), h("table", {}, sensors));
    const age = (/** @type {number | null} */ ms) => (ms === null ? "" : ago(Math.max(0, world.now_ms - ms) / 1000));
    const line = () => h("tr", {}, h("td"), h("td"));
    const put = (/** @type {HTMLElement} */ row, /** @type {string} */ name, /** @type {string} */ words, /** @type {string} */ mood) => {
      say(/** @type {HTMLElement} */ (row.firstElementChild), name);
      const last = /** @type {HTMLElement} */ (row.lastElementChild);
      say(last, words);
      last.className = `state-${mood}`;
    };
    const order = { silent: 0, away: 0, unknown: 1, ok: 2, up: 2 };
    reconcile(sensors, [...world.sensors].sort((a, b) => order[a.state] - order[b.state] || (a.name < b.name ? -1 : 1)), ({ name }) => name, line, (row, { name, state, seen_ms }) => put(row, name, `${t(`sensor.${state}`)} ${age(seen_ms)}`, state));
    reconcile(links, world.links, ({ from, to }) => `${from} ${to}`, line, (row, { from, to, state, waiting, missing }) =>
      put(row, `${from} → ${to}`, [t(`link.${state}`), waiting > 0 && t("state.waiting", { n: waiting }), missing > 0 && t("state.missing", { n: missing })].filter(Boolean).join(" · "), state));
    const told = world.health;
    if (!told) health.replaceChildren(h("p", { class: "empty" }, t("story.empty")));
    else {
      health.replaceChildren(
        h("p", { class: told.is_well ? "state-ok" : "state-silent" }, `${world.hello?.node ?? ""} ${t(told.is_well ? "state.well" : "state.unwell")} · ${utc(told.node_ms)} · ${t("state.viewers", { n: told.viewers })}`),
        ...told.lines.map((text) => h("p", {}, translated(text))),
      );
    }
  };
  onSettings((changed) => changed.language && show());
  let shown = 0;
  const soon = () => {
    if (panel.hidden && performance.now() - shown < 5000) return;
    shown = performance.now();
    show();
  };
  panel.addEventListener("shown", show);
  for (const topic of /** @type {const} */ (["sensors", "links", "health"])) world.on(topic, soon);
  show();
}


