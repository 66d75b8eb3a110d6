// The chosen track: what it is now, and on demand its whole story.
import { byId, h, say } from "../dom.js";
import { axes } from "../geo.js";
import { percent, shortId, titleOf } from "../scene.js";
import { onSettings, settings } from "../settings.js";
import { symbol } from "../symbols.js";
import { ago, big, t, utc } from "../texts.js";

/** @import { App } from "../app.js" */
/** @import { Story } from "../messages.js" */

const KIND_COLOURS = ["#8b98a5", "#5fb4ff", "#5fd39a", "#ff5a4f", "#ffc24d", "#d08bff", "#b9a7ff"];
const STORY_EVERY_MS = 5000;
const AGAIN_MS = 1000;

/** @param {App} app */
export function track(app) {
  const panel = byId("panel-track");
  const { world } = app;
  /** @type {Story | null} */ let story = null;
  let asked = 0;
  let [storyFor, wholeFor] = ["", ""];

  const tell = async () => {
    const id = app.selectedId;
    if (id === null || performance.now() - asked < (storyFor === id ? STORY_EVERY_MS : 0)) return;
    asked = performance.now();
    if (storyFor !== id) story = null;
    const whole = wholeFor !== id; // it takes long: once
    storyFor = id;
    try {
      const answer = /** @type {Story} */ (await app.feed.ask("story", { id, whole }));
      if (storyFor !== id) return;
      wholeFor = id;
      story = answer;
      showStory();
    } catch {
      // cut, or too much was asked at once: the rest of the panel stands, and it is asked again
      setTimeout(() => {
        if (storyFor !== id || app.selectedId !== id) return;
        asked = 0;
        void tell();
      }, AGAIN_MS);
    }
  };

  const facts = h("dl", { class: "facts" });
  const head = h("div", { class: "head", "data-testid": "track-head" });
  const body = h("div", { "data-testid": "story" });
  const follow = h("button", { "data-testid": "follow-track", onclick: () => {
    app.follows = !app.follows;
    show();
  } });
  const center = h("button", { onclick: () => {
    const place = app.selected === null ? null : world.placeOf(app.selected, app.now_ms);
    if (place) app.fit([[place.lon, place.lat]], 400_000);
  } });
  const actions = h("div", { class: "row" }, center, follow);
  const empty = h("div", { class: "empty" }, h("b"), h("span"));

  const show = () => {
    const i = app.selected === null ? undefined : world.row.get(app.selected);
    const frame = world.frame;
    say(follow, t("track.follow"));
    say(center, t("track.center"));
    follow.setAttribute("aria-pressed", String(app.follows));
    if (i === undefined || !frame) {
      say(/** @type {HTMLElement} */ (empty.firstElementChild), t(app.selected === null ? "track.none" : "track.gone"));
      say(/** @type {HTMLElement} */ (empty.lastElementChild), app.selected === null ? t("track.none_hint") : "");
      if (app.selected === null) panel.replaceChildren(empty);
      else if (panel.firstChild !== empty || panel.lastChild !== body) panel.replaceChildren(empty, body);
      void tell(); // what became of it is in its story
      return;
    }
    const kind = frame.kind[i];
    const sprite = symbol(kind, frame.affiliation[i], frame.status[i], 30, settings.theme, settings.palette);
    const canvas = h("canvas", { "aria-hidden": true, style: `width:${sprite.width}px;height:${sprite.height}px` });
    canvas.width = sprite.image.width;
    canvas.height = sprite.image.height;
    canvas.getContext("2d")?.drawImage(sprite.image, 0, 0);
    const id = shortId(frame.id[2 * i + 1], frame.id[2 * i]);
    const title = titleOf(world, i);
    head.replaceChildren(canvas, h("div", {}, h("b", { "data-testid": "track-title" }, title), h("span", { class: "dim" }, [title !== id && id, t(`kind.${kind}`), percent(frame.kind_probability[i])].filter(Boolean).join(" · "))));

    const place = world.placeOf(world.key[i], app.now_ms);
    const [east, north, up] = [frame.velocity_east_m_s[i], frame.velocity_north_m_s[i], frame.velocity_up_m_s[i]];
    const ground = Math.hypot(east, north);
    const speed = Math.hypot(ground, up);
    const sigma = axes(frame.east_east_m2[i], frame.north_north_m2[i], frame.east_north_m2[i]);
    const name = world.names.get(world.key[i]);
    const sources = world.sourcesOf(i).map((k) => world.sources[k]);
    /** @type {[string, string | false][]} */
    const rows = [
      ["track.place", place ? `${degrees(place.lat, "N", "S")} ${degrees(place.lon, "E", "W")}` : "–"],
      ["track.height", frame.up_sigma_m[i] > 2000 ? "–" : kind >= 3 ? `${(frame.height_m[i] / 1000).toFixed(1)} km` : `${big(Math.round(frame.height_m[i]))} m · FL${String(Math.max(0, Math.round(frame.height_m[i] / 30.48))).padStart(3, "0")}`],
      ["track.speed", speed > 1000 ? `${(speed / 1000).toFixed(2)} km/s` : `${Math.round(speed * 1.943844)} kt · ${Math.round(speed)} m/s`],
      ["track.course", ground > 1 ? `${String(Math.round((Math.atan2(east, north) * 180) / Math.PI + 360) % 360).padStart(3, "0")}°` : "–"],
      ["track.climb", `${up >= 0 ? "+" : "−"}${Math.abs(up).toFixed(Math.abs(up) > 100 ? 0 : 1)} m/s`],
      ["track.sigma", `${metres(sigma.major_m)} × ${metres(sigma.minor_m)}`],
      ["track.measured", t("state.age", { age: ago(Math.max(0, frame.measured_age_ms[i] + app.now_ms - frame.picture_ms) / 1000) }).replace(/^data |の情報$/, "")],
      ["track.status", t(`status.${frame.status[i]}`)],
      ["track.exists", percent(frame.existence[i])],
      ["track.seen", [...new Set(sources.map(({ nation }) => nation))].join(" ")],
      ["tab.state", sources.filter(({ is_nation }) => !is_nation).map((source) => source.name).join(", ")],
      ["track.identity", [name?.call_sign, name?.icao && `ICAO ${name.icao}`, name?.mode_3a && `3/A ${name.mode_3a}`, name?.mmsi && `MMSI ${name.mmsi}`].filter(Boolean).join(" · ")],
    ];
    if (frame.interval_s[i]) rows.push(["track.measured", t("track.coarse", { age: ago(frame.interval_s[i]) })]);
    facts.replaceChildren(...rows.filter(([, words]) => words).flatMap(([key, words]) => [h("dt", {}, key === "tab.state" ? t("search.sensor") : t(key)), h("dd", {}, words)]));
    if (panel.firstChild !== head) panel.replaceChildren(head, facts, actions, body);
    void tell();
  };

  const showStory = () => {
    if (!story) return body.replaceChildren(h("p", { class: "dim" }, t("story.asking")));
    const parts = [];
    const { history, kinds, nations } = story;
    const { models, detections, releases, text } = world.whole?.id === story.id ? world.whole : story;
    if (kinds.length > 1) parts.push(h("h3", {}, t("story.kinds")), bands(kinds), legend(kinds));
    if (history.length > 1) {
      const span = { n: history.length, from: utc(history[0][0]), to: utc(history[history.length - 1][0]) };
      parts.push(h("h3", {}, t("story.history")), heights(history), h("p", { class: "dim" }, t("story.shown", span)));
    }
    if (nations.length) parts.push(h("h3", {}, t("story.nations")), table([...nations].sort((a, b) => a.first_ms - b.first_ms).map(({ nation, first_ms, last_ms }) => [nation, `${utc(first_ms)} – ${utc(last_ms)}`])));
    if (models.length) parts.push(h("h3", {}, t("story.models")), table(Object.entries(models[models.length - 1][1]).sort((a, b) => b[1] - a[1]).map(([name, share]) => [name, `${Math.floor(share * 100)} %`])));
    if (detections.length) parts.push(h("h3", {}, `${t("story.detections")} (${detections.length})`), table(detections.slice(-12).reverse().map(({ time_ms, received_ms, sensor, weight }) => [t(received_ms === null ? "story.weighed" : "story.detection", { sensor, delay: ago(((received_ms ?? 0) - time_ms) / 1000), weight: weight.toFixed(2) }), utc(time_ms)])));
    if (releases.length) parts.push(h("h3", {}, t("story.releases")), table(releases.map(({ to, rule, outcome, time_ms }) => [`${to}: ${outcome} · ${rule}`, utc(time_ms)])));
    if (text) parts.push(h("h3", {}, t("story.text")), h("div", { class: "story" }, text));
    if (!parts.length) parts.push(h("p", { class: "dim" }, `${t("track.story")}: ${t("story.empty")}`));
    body.replaceChildren(...parts);
  };

  app.onSelect.push(() => {
    asked = 0;
    storyFor = wholeFor = "";
    story = null;
    showStory();
    show();
  });
  world.on("story", showStory);
  panel.addEventListener("shown", show);
  let shown = 0;
  world.on("frame", () => {
    if (panel.hidden || performance.now() - shown < 450) return;
    shown = performance.now();
    show();
  });
  onSettings((changed) => {
    if (!changed.language && !changed.theme && !changed.palette) return;
    show();
    if (app.selected !== null) showStory();
  });
  show();
}

/** @param {number} value @param {string} plus @param {string} minus */
const degrees = (value, plus, minus) => `${Math.abs(value).toFixed(3)}°${value < 0 ? minus : plus}`;
/** @param {number} m one sigma */
const metres = (m) => (m < 1000 ? `${Math.ceil(m)} m` : `${(Math.ceil(m / 100) / 10).toFixed(1)} km`);
/** @param {string[][]} rows */
const table = (rows) => h("table", {}, h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell))))));

/** @param {Story["kinds"]} kinds */
function legend(kinds) {
  const seen = KIND_COLOURS.map((colour, k) => ({ colour, k })).filter(({ k }) => kinds.some(([, shares]) => shares[k] >= 0.01));
  return h("div", { class: "key" }, seen.map(({ colour, k }) => h("span", {}, h("i", { style: `background:${colour}` }), `${t(`kind.${k}`)} ${Math.floor(kinds[kinds.length - 1][1][k] * 100)} %`)));
}

/** Shares over time, stacked. @param {Story["kinds"]} kinds */
function bands(kinds) {
  const { canvas, context, width, height } = chart(t("story.kinds"));
  const [from, to] = [kinds[0][0], kinds[kinds.length - 1][0]];
  const low = kinds.map(() => 0);
  KIND_COLOURS.forEach((colour, kind) => {
    const xs = kinds.map(([time]) => ((time - from) / Math.max(1, to - from)) * width);
    context.beginPath();
    kinds.forEach((_, k) => context.lineTo(xs[k], height * (1 - low[k])));
    for (let k = kinds.length - 1; k >= 0; k--) {
      low[k] += kinds[k][1][kind] || 0;
      context.lineTo(xs[k], height * (1 - low[k]));
    }
    context.fillStyle = colour;
    context.fill();
  });
  return canvas;
}

/** Height over time. @param {number[][]} history */
function heights(history) {
  const { canvas, context, width, height } = chart(t("story.history"));
  const [from, to] = [history[0][0], history[history.length - 1][0]];
  const most = Math.max(1000, ...history.map(([, , , h_m]) => h_m)) * 1.1;
  const style = getComputedStyle(document.documentElement);
  context.beginPath();
  for (const [time, , , h_m] of history) context.lineTo(((time - from) / Math.max(1, to - from)) * width, height * (1 - Math.max(0, h_m) / most));
  context.strokeStyle = style.getPropertyValue("--accent");
  context.lineWidth = 2;
  context.stroke();
  context.fillStyle = style.getPropertyValue("--dim");
  context.font = "11px system-ui";
  context.fillText(most > 20_000 ? `${Math.round(most / 1.1 / 1000)} km` : `${big(Math.round(most / 1.1))} m`, 2, 11);
  context.fillText(utc(from), 2, height - 3);
  context.textAlign = "right";
  context.fillText(utc(to), width - 2, height - 3);
  return canvas;
}

/** @param {string} label */
function chart(label) {
  const [width, height] = [270, 72];
  const canvas = h("canvas", { class: "chart", role: "img", "aria-label": label });
  canvas.width = 2 * width;
  canvas.height = 2 * height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.scale(2, 2);
  return { canvas, context, width, height };
}
