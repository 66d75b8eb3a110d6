// What if: a sensor elsewhere, a nation or a link less, more satellites; the exercise is run anew and compared.
import { byId, h, say } from "../dom.js";
import { onSettings } from "../settings.js";
import { t } from "../texts.js";
import { refused } from "./decide.js";

/** @import { App } from "../app.js" */
/** @import { Gain } from "../messages.js" */

const PATIENCE_MS = 300_000;
const SHOWN_MAX = 40;

/** @param {App} app */
export function whatIf(app) {
  const place = h("section", { "data-testid": "what-if" });
  byId("panel-what-if").append(place);
  let built = "";
  const build = () => {
    const options = app.world.hello?.what_if;
    byId("tab-what-if").hidden = !options;
    if (!options) return;
    built = JSON.stringify(options);
    const choice = (/** @type {string} */ name, /** @type {string[][]} */ of) => h("select", { "data-testid": `what-if-${name}` }, of.map(([value, words]) => h("option", { value }, words)));
    const kind = choice("kind", ["sensor", "nation", "link", "satellites", "sharing"].map((name) => [name, t(`what_if.${name}`)]));
    const sensor = choice("sensor", options.sensors.filter(({ is_fixed }) => is_fixed).map(({ name, path }) => [path, name]));
    const nation = choice("nation", options.nations.map((code) => [code, code]));
    const link = choice("link", options.links.map((name) => [name, name]));
    const satellites = choice("satellites", options.constellations.map(({ name, path }) => [path, name]));
    const number = h("input", { type: "number", min: 0, max: 200, value: 54, "data-testid": "what-if-number" });
    const [lat, lon] = ["lat", "lon"].map((name) => h("input", { type: "number", step: "any", required: true, "data-testid": `what-if-${name}` }));
    const here = h("button", { type: "button", onclick: () => {
      lat.value = app.view.camera.lat.toFixed(3);
      lon.value = app.view.camera.lon.toFixed(3);
    } }, t("what_if.here"));
    const field = (/** @type {string} */ name, /** @type {HTMLElement} */ input) => h("label", { class: "field" }, h("span", {}, t(name)), input);
    const parts = {
      sensor: [field("what_if.which", sensor), field("what_if.lat", lat), field("what_if.lon", lon), here], nation: [field("what_if.which", nation)],
      link: [field("what_if.which", link)], satellites: [field("what_if.which", satellites), field("what_if.number", number)], sharing: [],
    };
    const choose = () => {
      for (const [name, elements] of Object.entries(parts)) for (const element of elements) element.hidden = kind.value !== name;
      lat.required = lon.required = kind.value === "sensor";
    };
    kind.addEventListener("change", choose);
    const go = h("button", { class: "strong", "data-testid": "what-if-go" }, t("what_if.go"));
    const said = h("p", { class: "dim", role: "status", "data-testid": "what-if-said" }, t("what_if.hint", { n: Math.round(options.until_s) }));
    const sum = h("p", { "data-testid": "what-if-sum" });
    const rows = h("div", { "data-testid": "what-if-rows" });
    const changes = () => ({
      sensor: { [`${sensor.value}.lat_deg`]: Number(lat.value), [`${sensor.value}.lon_deg`]: Number(lon.value) },
      nation: { [`nations.${nation.value}`]: false },
      link: { [`links.${link.value}`]: false },
      satellites: { [satellites.value]: Number(number.value) },
      sharing: {},
    })[kind.value] ?? {};
    const form = h("form", { onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      go.setAttribute("disabled", "");
      rows.replaceChildren();
      say(sum, "");
      say(said, t("what_if.running"));
      app.feed.ask("what_if", { changes: changes(), sharing: kind.value !== "sharing" }, PATIENCE_MS).then((found) => {
        say(said, t(found.rows.length ? "what_if.took" : "what_if.same", { n: Math.ceil(found.took_s), cpu: Math.ceil(found.processor_s), until: Math.round(found.until_s) }));
        const better = found.rows.filter((/** @type {Gain} */ { is_better }) => is_better).length;
        say(sum, found.rows.length ? t("what_if.sum", { better, worse: found.rows.length - better }) : "");
        rows.replaceChildren(...tables(found.rows.slice(0, SHOWN_MAX)));
      }, (reason) => {
        say(said, t("refused", { reason: reason.message }));
        refused(app)(reason);
      }).finally(() => go.removeAttribute("disabled"));
    } }, h("label", {}, h("span", { class: "dim" }, t("what_if.kind")), kind), ...Object.values(parts).flat(), go);
    place.replaceChildren(h("div", { class: "form" }, form), sum, said, rows);
    choose();
  };
  // Who looks at the form will ask: what any change is compared with begins now.
  for (const sort of ["click", "focus"]) byId("tab-what-if").addEventListener(sort, () => {
    if (app.world.hello?.what_if) app.feed.tell("what_if", { prepare: true });
  });
  app.world.on("hello", () => {
    const options = app.world.hello?.what_if;
    if (!options || JSON.stringify(options) !== built) build(); // a line that was cut takes no form and no answer away
  });
  onSettings((changed) => changed.language && build());
}

/** One table for each threat; nations to which the same happens share a row. @param {Gain[]} gains */
function tables(gains) {
  return [...new Set(gains.map(({ subject }) => subject))].sort().flatMap((subject) => {
    /** @type {Map<string, Gain[]>} */ const alike = new Map();
    for (const gain of gains.filter((one) => one.subject === subject)) {
      const key = [gain.measure, gain.before, gain.after].join();
      alike.set(key, [...(alike.get(key) ?? []), gain]);
    }
    return [h("h3", {}, subject), h("table", {}, h("tbody", {}, [...alike.values()].map(row)))];
  });
}

/** @param {Gain[]} gains alike but for whose they are */
function row(gains) {
  const [{ measure, before, after, gained_s, is_better }] = gains;
  const nodes = gains.map(({ node }) => node || t("what_if.first")).join(" ");
  const seconds = (/** @type {number | null} */ s) => (s === null ? t("what_if.never") : `${s.toFixed(1)} s`);
  const words = gained_s === null ? `${seconds(before)} → ${seconds(after)}` : t(is_better ? "what_if.sooner" : "what_if.later", { n: Math.abs(gained_s).toFixed(1) });
  return h("tr", {}, h("td", {}, `${t(`what_if.${measure}`)} · ${nodes}`), h("td", { class: is_better ? "state-ok" : "state-silent", title: `${seconds(before)} → ${seconds(after)}` }, words));
}
