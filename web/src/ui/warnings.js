// The warnings: by time left, each with its story; and the one that cannot be overlooked, above the map.
import { byId, h, plain, reconcile, say, settling } from "../dom.js";
import { saidId } from "../scene.js";
import { settings, onSettings } from "../settings.js";
import { areaName, leftText, localShort, people, t, translated, utc } from "../texts.js";
import { keyOf } from "../wire.js";
import { refused } from "./decide.js";

/** @import { App } from "../app.js" */
/** @import { Alert, Threat } from "../messages.js" */

/** All that was said of one threat. @typedef {{threat: string, now: Alert, pending: Alert | undefined, all: Alert[], arrival_ms: number}} Tale `pending`: proposed instead of what is in force */

const FULL_BAR_MS = 15 * 60_000;
const WHERE_MOST = 120; // letters above the map
const ENDED = new Set(["passed", "landed", "clear"]);

/** @param {Alert[]} alerts @returns {Tale[]} those in force first, by time left; then the others, the newest first */
export function tales(alerts) {
  /** @type {Map<string, Alert[]>} */ const by = new Map();
  for (const alert of alerts) by.set(alert.threat, [...(by.get(alert.threat) ?? []), alert]);
  const found = [...by].map(([threat, all]) => {
    all.sort((a, b) => a.sent_ms - b.sent_ms || (a.identifier < b.identifier ? -1 : 1));
    const now = all.findLast(({ life }) => life === "issued") ?? all.findLast(({ life }) => life === "proposed") ?? all[all.length - 1];
    const pending = now.life === "issued" ? all.findLast(({ life, sent_ms }) => life === "proposed" && sent_ms >= now.sent_ms) : undefined;
    return { threat, now, pending, all, arrival_ms: firstOf(now) };
  });
  return found.sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || (isOver(a) ? b.now.changed_ms - a.now.changed_ms : a.arrival_ms - b.arrival_ms) || (a.threat < b.threat ? -1 : 1));
}

/** @param {Alert} alert @returns {number} when the first of its areas is reached */
const firstOf = ({ areas, expires_ms }) => Math.min(...areas.map((area) => area.arrival_ms), expires_ms);

/** @param {Tale} tale */
const isOver = ({ now }) => now.life !== "issued" && now.life !== "proposed";

/** @param {App} app */
export function warnings(app) {
  const { world } = app;
  let [told, seen] = ["", ""];
  let first = true;
  const settle = settling(byId("alerts"), () => app.notice(t("decide.moved")));

  const show = () => {
    const found = tales(world.alerts);
    const active = found.filter((tale) => !isOver(tale));
    const over = found.filter(isOver);
    const alerted = new Set(active.map(({ threat }) => threat));
    const watched = world.threats.filter(({ id, stage }) => !alerted.has(id) && !ENDED.has(stage));
    const issued = active.filter(({ now }) => now.life === "issued");
    say(byId("warnings-count"), active.length);
    byId("warnings-count").classList.toggle("on", active.length > 0);
    byId("warnings-none").hidden = active.length > 0;
    settle(() => reconcile(byId("alerts"), active, ({ threat }) => threat, () => card(app), (element, tale) => fill(app, element, tale)));
    reconcile(byId("watched"), watched, ({ id }) => id, () => watchCard(app), (element, threat) => fillWatched(app, element, threat));
    reconcile(byId("over"), over.slice(0, 20), ({ threat }) => threat, () => card(app), (element, tale) => fill(app, element, tale));
    byId("watched-title").hidden = !watched.length;
    byId("over-title").hidden = !over.length;
    alarm(app, active);

    // What is new is said once to those who do not look, and shown to those who do.
    const newest = active.map(({ now }) => now.identifier).sort().join();
    if (newest !== seen) {
      const before = new Set(seen.split(","));
      const fresh = active.filter(({ now }) => !before.has(now.identifier));
      seen = newest;
      if (fresh.length) {
        const { now } = fresh[0];
        const text = t("warnings.alarm", { what: `${t(`life.${now.life}`)}: ${headline(now)}`, where: whereOf(now) });
        if (text !== told) say(byId("say"), (told = text));
        flash();
        if (settings.sound && !first && fresh.some((tale) => issued.includes(tale))) tone(world.isExercise);
      }
    }
    first = false;
  };
  for (const topic of /** @type {const} */ (["alerts", "threats", "hello"])) world.on(topic, show);
  onSettings(show);
  app.onSelect.push(show);
  const next = byId("to-warning");
  /** @type {number | null} */ let next_ms = null;
  const hint = () => {
    const now = app.now_ms;
    next_ms = world.events.find(({ sort, time_ms }) => sort === "alert" && time_ms > now)?.time_ms ?? null;
    next.hidden = next_ms === null;
    if (next_ms !== null) say(next, t("warnings.next", { time: utc(next_ms) }));
  };
  next.addEventListener("click", () => void (next_ms !== null && app.seek(next_ms + 1000)));
  for (const topic of /** @type {const} */ (["events", "clock"])) world.on(topic, hint);
  setInterval(() => countDown(app), 250);
  byId("alarm").addEventListener("click", () => {
    const id = byId("alarm").dataset.threat;
    if (id) app.showThreat(id);
  });
}

/** @param {Alert} alert */
const headline = (alert) => `${t(`hazard.${alert.hazard}`)}, ${t(`stage.${alert.stage}`)}`;
/** @param {Alert} alert */
const whereOf = (alert) => alert.areas.slice(0, 2).map(areaName).join(settings.language === "ja" ? "、" : ", ") + (alert.areas.length > 2 ? ` ${t("warnings.more", { n: alert.areas.length - 2 })}` : "");

/** @param {App} app @param {Tale[]} active */
function alarm(app, active) {
  const element = byId("alarm");
  const tale = active.find(({ now }) => now.life === "issued") ?? active[0];
  const was = element.hidden;
  element.hidden = !tale;
  if (tale) {
    element.dataset.threat = tale.threat;
    element.dataset.until = String(tale.arrival_ms);
    element.dataset.life = tale.now.life; // one that is only proposed looks otherwise
    const issued = active.filter(({ now }) => now.life === "issued").length;
    const proposed = active.length - issued;
    const isProposed = tale.now.life === "proposed";
    const text = element.querySelector(".told") ?? element.appendChild(h("span", { class: "told" }));
    const left = element.querySelector("b") ?? element.insertBefore(h("span", { class: "until" }, h("b"), h("small")), text).firstElementChild;
    say(/** @type {HTMLElement} */ (left), leftText(tale.arrival_ms - app.now_ms));
    say(/** @type {HTMLElement} */ (left?.nextElementSibling), t("warnings.until"));
    text.replaceChildren(
      ...(isProposed ? [h("span", { class: "life" }, t("life.proposed")), " "] : []), plain(whereOf(tale.now), WHERE_MOST),
      h("small", {}, [headline(tale.now), issued > 1 && t("warnings.alarm_more", { n: issued }), proposed > Number(isProposed) && t("warnings.alarm_proposed", { n: proposed })].filter(Boolean).join(" · ")),
    );
  }
  if (was !== element.hidden) app.measureInsets();
}

function flash() {
  const element = byId("alarm");
  element.classList.remove("new");
  void element.offsetWidth; // begins the animation anew
  element.classList.add("new");
}

/** @param {App} app */
function countDown(app) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-until]"))) {
    const left_ms = Number(element.dataset.until) - app.now_ms;
    const text = element.querySelector(".left, b");
    if (text) say(/** @type {HTMLElement} */ (text), leftText(left_ms));
    const bar = /** @type {HTMLElement | null} */ (element.querySelector(".bar i"));
    if (bar) bar.style.transform = `scaleX(${Math.max(0, Math.min(1, left_ms / FULL_BAR_MS))})`;
  }
}

/** @param {App} app */
function card(app) {
  const part = (/** @type {string} */ name, /** @type {keyof HTMLElementTagNameMap} */ tag = "p") => h(tag, { class: name });
  const element = h("li", { class: "alert" },
    h("header", {}, part("where", "h4"), h("span", { class: "left", "data-testid": "left" })),
    h("p", {}, part("life", "span"), " ", part("what", "span")),
    part("arrives"), part("pending"), part("who"), h("div", { class: "bar" }, h("i")), h("div", { class: "row" }),
    h("details", { class: "areas" }, h("summary"), h("ul")), h("details", { class: "past" }, h("summary"), h("ul")));
  element.addEventListener("click", (event) => {
    if (event.target instanceof Element && !event.target.closest("button, details") && element.dataset.key) app.showThreat(element.dataset.key);
  });
  return element;
}

/** @param {App} app @param {HTMLElement} element @param {Tale} tale */
function fill(app, element, tale) {
  const { now, all } = tale;
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (element.querySelector(name));
  const over = isOver(tale);
  element.className = `alert ${now.life}${over ? " over" : ""}${app.selected === app.world.trackOf(tale.threat) ? " chosen" : ""}`;
  element.dataset.testid = "alert";
  element.dataset.life = now.life;
  if (over) delete element.dataset.until;
  else element.dataset.until = String(tale.arrival_ms);
  say(part(".where"), whereOf(now));
  say(part(".left"), over ? utc(now.changed_ms) : leftText(tale.arrival_ms - app.now_ms));
  say(part(".life"), t(`life.${now.life}`));
  say(part(".what"), headline(now));
  const last = Math.max(...now.areas.map((area) => area.arrival_latest_ms));
  const crowd = now.areas.reduce((sum, area) => sum + area.people, 0);
  say(part(".arrives"), [t("warnings.arrives", { from: utc(tale.arrival_ms).slice(0, 8), to: utc(last) }), t("warnings.local", { time: localShort(tale.arrival_ms) })].join(" · "));
  const { pending } = tale;
  part(".pending").hidden = !pending;
  if (pending) say(part(".pending"), t(pending.message === "Cancel" ? "warnings.pending_over" : "warnings.pending", { n: pending.areas.length, from: utc(firstOf(pending)).slice(0, 8) }));
  const row = app.world.row.get(app.world.trackOf(tale.threat));
  const nations = row === undefined ? [] : app.world.nationsOf(row);
  say(part(".who"), [crowd > 0 && people(crowd), t(`certainty.${now.certainty}`), nations.length > 0 && t("warnings.seen", { who: nations.join(" ") })].filter(Boolean).join(" · "));
  part(".bar").hidden = over;
  buttons(app, part(".row"), tale, over);

  const areas = part(".areas");
  areas.hidden = now.areas.length < 2;
  say(part(".areas summary"), `${t("warnings.areas")} (${now.areas.length})`);
  reconcile(part(".areas ul"), now.areas, ({ code }) => code, () => h("li", { class: "until" }, h("span"), h("b", { class: "left dim" })), (item, area) => {
    item.dataset.until = String(area.arrival_ms);
    say(/** @type {HTMLElement} */ (item.firstElementChild), `${areaName(area)} · ${Math.floor(area.probability * 100)} % · ${people(area.people)}`);
    const left = /** @type {HTMLElement} */ (item.lastElementChild);
    left.style.fontSize = "13px";
    say(left, leftText(area.arrival_ms - app.now_ms));
  });
  /** @param {string} names of areas */
  const named = (names) => names.split(", ").map((name) => areaName([...app.world.areas.values()].find((area) => area.name === name) ?? { code: "", name })).join(settings.language === "ja" ? "、" : ", ");
  say(part(".past summary"), `${t("warnings.story")} (${all.length}) · ${t("warnings.first", { time: utc(all[0].sent_ms) })}`);
  reconcile(part(".past ul"), all, ({ identifier }) => identifier, () => h("li", {}, h("span"), h("span", { class: "dim" })), (item, alert) => {
    say(/** @type {HTMLElement} */ (item.firstElementChild), `${t(`message.${alert.message}`)}${alert.reason && `: ${translated(alert.reason, named)}`}`);
    say(/** @type {HTMLElement} */ (item.lastElementChild), utc(alert.sent_ms));
  });
}

/** @param {App} app @param {HTMLElement} row @param {Tale} tale @param {boolean} over */
function buttons(app, row, tale, over) {
  const { now } = tale;
  const mine = app.world.hello?.user.name ?? "";
  const decides = !over && now.life === "proposed" && (app.world.hello?.can.decide ?? false);
  const done = now.acknowledged_by.length > 0;
  const wanted = `${now.identifier}/${settings.language}/${decides}/${now.acknowledged_by.join()}/${over}/${mine}`;
  if (row.dataset.wanted === wanted) return;
  row.dataset.wanted = wanted;
  const button = (/** @type {string} */ name, /** @type {() => void} */ act, strong = false) => h("button", { onclick: act, class: strong && "strong", "data-testid": name }, t(`warnings.${name}`));
  const decide = (/** @type {string} */ step) => app.feed.ask("decide", { identifier: now.identifier, step, reason: "", picture_ms: app.world.frame?.picture_ms ?? 0 }).then(() => app.notice(t("done.decide")), refused(app));
  row.replaceChildren(
    ...(decides ? [button("approve", () => decide("approved"), true), button("reject", () => decide("rejected"))] : []),
    button("show", () => app.showThreat(tale.threat)),
    ...(over || done ? [] : [button("acknowledge", () => void acknowledge(app, now.identifier))]),
    ...(done ? [h("span", { class: "dim" }, t("warnings.acknowledged", { who: now.acknowledged_by.map((name) => name || "–").join(", ") }))] : []),
  );
}

/** @param {App} app @param {string} identifier */
export const acknowledge = (app, identifier) => app.feed.ask("acknowledge", { identifier }).then(() => app.notice(t("done.acknowledge")), refused(app));

/** @param {App} app */
function watchCard(app) {
  const element = h("li", { class: "alert watched", "data-testid": "threat" }, h("header", {}, h("h4"), h("span", { class: "left" })), h("p"));
  element.addEventListener("click", () => element.dataset.key && app.showThreat(element.dataset.key));
  return element;
}

/** @param {App} app @param {HTMLElement} element @param {Threat} threat */
function fillWatched(app, element, threat) {
  const [title, left, text] = [element.querySelector("h4"), element.querySelector(".left"), element.querySelector("p")];
  if (threat.end_ms) element.dataset.until = String(threat.end_ms);
  else delete element.dataset.until;
  element.classList.toggle("chosen", app.selected === keyOf(threat.track));
  const likeliest = threat.kind.indexOf(Math.max(...threat.kind));
  say(/** @type {HTMLElement} */ (title), `${saidId(threat.track)} ${t(`kind.${likeliest}`)}`);
  say(/** @type {HTMLElement} */ (left), threat.end_ms ? leftText(threat.end_ms - app.now_ms) : "");
  say(/** @type {HTMLElement} */ (text), [t(`stage.${threat.stage}`), t(`certainty.${threat.certainty}`), threat.region && t("warnings.rose", { where: translated(threat.region) }), !threat.end && t("warnings.end_unknown")].filter(Boolean).join(" · "));
}

/** Two rising tones; in an exercise one low and soft, so that nobody takes it for the other. @param {boolean} isExercise */
function tone(isExercise) {
  const audio = new AudioContext();
  (isExercise ? [330] : [660, 880, 660, 880]).forEach((hertz, k) => {
    const [voice, gain] = [audio.createOscillator(), audio.createGain()];
    voice.frequency.value = hertz;
    voice.type = isExercise ? "sine" : "square";
    gain.gain.value = isExercise ? 0.08 : 0.12;
    voice.connect(gain).connect(audio.destination);
    voice.start(audio.currentTime + 0.28 * k);
    voice.stop(audio.currentTime + 0.28 * k + 0.24);
  });
  setTimeout(() => void audio.close(), 2000);
}
