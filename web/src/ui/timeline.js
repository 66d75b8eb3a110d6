// Time: play, pause, speed, step, backwards, typed; the line with what happened, and what is expected beyond now.
import { byId, h, say } from "../dom.js";
import { MAP, faded } from "../colours.js";
import { settings, onSettings } from "../settings.js";
import { ago, leftText, t, utc } from "../texts.js";
import { tales } from "./warnings.js";

/** @import { App } from "../app.js" */

const RATES = [0.25, 0.5, 1, 2, 5, 10, 30, 60];
const AHEAD_MS = 20 * 60_000;
const MINE_MS = 400; // a cursor that a person has just put down is not taken back by a text that was under way
/** @type {Record<string, string>} lane and colour of each sort of event */
const MARKS = { alert: "warn", threat: "path", launch: "measure", decision: "select", link: "link", sensor: "sensor", inject: "zone" };

/** @param {App} app */
export function timeline(app) {
  const { world, feed } = app;
  const line = byId("line");
  const canvas = /** @type {HTMLCanvasElement} */ (line.querySelector("canvas"));
  const rates = /** @type {HTMLSelectElement} */ (byId("rate"));
  const typed = /** @type {HTMLInputElement} */ (byId("typed"));
  rates.replaceChildren(...RATES.map((rate) => h("option", { value: rate, selected: rate === 1 }, `${rate}×`)));
  const other = h("option"); // a speed that is none of these, as the demo begins with

  /** @param {number} time_ms */
  const seek = (time_ms) => {
    const clock = world.clock;
    if (!clock) return;
    if (time_ms > clock.known_ms) {
      app.ahead_ms = Math.min(time_ms, clock.known_ms + AHEAD_MS);
      app.sceneStale = true;
    } else {
      app.ahead_ms = null;
      app.sceneStale = true;
      world.clock = { ...clock, at_ms: Math.max(clock.start_ms, time_ms), following: false };
      world.clockHeard = performance.now();
      moved = performance.now();
      feed.tell("seek", { time_ms: Math.round(time_ms) });
    }
    draw();
  };
  let moved = 0;
  app.seek = seek;
  const actions = {
    play: () => {
      app.ahead_ms = null;
      feed.tell(world.clock?.playing ? "pause" : "play");
    },
    step: (/** @type {number} */ pictures) => void feed.tell("step", { pictures }),
    jump: (/** @type {number} */ ms) => seek((app.ahead_ms ?? world.now_ms) + ms),
    rate: (/** @type {number} */ rate) => void feed.tell("rate", { rate }),
    faster: (/** @type {number} */ by) => {
      const rate = world.clock?.rate ?? 1;
      const at = RATES.findIndex((one) => one >= Math.abs(rate));
      actions.rate(Math.sign(rate) * RATES[Math.max(0, Math.min(RATES.length - 1, (at < 0 ? RATES.length - 1 : at) + by))]);
    },
    reverse: () => actions.rate(-(world.clock?.rate ?? 1)),
    follow: () => {
      app.ahead_ms = null;
      app.sceneStale = true;
      feed.tell("follow");
    },
    seek,
  };
  byId("play").addEventListener("click", actions.play);
  byId("step-back").addEventListener("click", () => actions.step(-1));
  byId("step-on").addEventListener("click", () => actions.step(1));
  byId("reverse").addEventListener("click", actions.reverse);
  byId("follow").addEventListener("click", actions.follow);
  rates.addEventListener("change", () => actions.rate(Math.sign(world.clock?.rate ?? 1) * Number(rates.value)));
  typed.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const time_ms = parse(typed.value, world.now_ms);
    typed.classList.toggle("wrong", time_ms === null);
    if (time_ms === null) return;
    seek(time_ms);
    typed.value = "";
    typed.blur();
  });

  // The line's own extent: all that is known, and as much beyond as something is expected to happen.
  const extent = () => {
    const clock = world.clock;
    if (!clock) return null;
    const last = Math.max(clock.known_ms, clock.end_ms ?? 0, ...world.threats.map(({ end_ms }) => end_ms ?? 0), ...world.alerts.flatMap(({ areas, life }) => (life === "issued" || life === "proposed" ? areas.map((area) => area.arrival_latest_ms) : [])));
    const to = Math.min(Math.max(last, clock.known_ms + 60_000), clock.known_ms + AHEAD_MS) + 15_000;
    const from = clock.end_ms === null ? Math.max(clock.start_ms, clock.known_ms - 3_600_000) : clock.start_ms;
    return { from, to: clock.end_ms === null ? to : Math.max(to, clock.end_ms) };
  };
  const xOf = (/** @type {number} */ time_ms) => {
    const span = extent();
    return span ? ((time_ms - span.from) / (span.to - span.from)) * canvas.clientWidth : 0;
  };
  const timeAt = (/** @type {number} */ x) => {
    const span = extent();
    return span ? span.from + (x / canvas.clientWidth) * (span.to - span.from) : 0;
  };

  const draw = () => {
    const span = extent();
    const clock = world.clock;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!span || !clock || !width) return;
    const ratio = Math.min(2, devicePixelRatio);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const colours = MAP[settings.theme];
    const now = app.now_ms;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = '11px "Noto Sans", system-ui, sans-serif';
    context.textBaseline = "middle";
    const [known, bed, deep] = [xOf(clock.known_ms), height - 16, height - 17];
    context.fillStyle = faded(colours.name, 0.18);
    context.fillRect(0, 0, known, bed);
    context.fillStyle = faded(colours.name, 0.07);
    context.fillRect(known, 0, width - known, bed);
    const step = nice((span.to - span.from) / (width / 90));
    context.fillStyle = colours.name;
    context.strokeStyle = faded(colours.name, 0.25);
    context.lineWidth = 1;
    for (let time = Math.ceil(span.from / step) * step; time < span.to; time += step) {
      const x = Math.round(xOf(time)) + 0.5;
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, bed + 3);
      context.stroke();
      if (x > 22 && x < width - 26) {
        context.textAlign = "center";
        context.fillText(utc(time).slice(0, step < 60_000 ? 8 : 5), x, height - 6);
      }
    }
    // Each warning is a bar from when it was first given to when it was over, or to the arrival.
    const told = tales(world.alerts).sort((a, b) => a.all[0].sent_ms - b.all[0].sent_ms);
    const lane = Math.max(3, Math.min(8, (deep - 12) / Math.max(1, told.length)));
    told.forEach((tale, k) => {
      const over = tale.now.life !== "issued" && tale.now.life !== "proposed";
      const [a, b] = [xOf(tale.all[0].sent_ms), xOf(over ? tale.now.changed_ms : tale.arrival_ms)];
      context.fillStyle = over ? faded(colours.warn, 0.45) : tale.now.life === "proposed" ? faded(colours.warn, 0.6) : colours.warn;
      context.fillRect(a, 2 + k * lane, Math.max(3, b - a), lane - 1.5);
      if (!over) {
        context.beginPath();
        context.moveTo(b, 1 + k * lane);
        context.lineTo(b + 5, 1 + (k + 0.5) * lane);
        context.lineTo(b, 1 + (k + 1) * lane);
        context.fill();
      }
    });
    for (const event of world.events) {
      const x = xOf(event.time_ms);
      if (x < 0 || x > width) continue;
      const colour = colours[/** @type {"warn"} */ (MARKS[event.sort] ?? "link")];
      context.fillStyle = colour;
      context.beginPath();
      if (event.sort === "alert" || event.sort === "decision") context.rect(x - 3, bed - 9, 6, 6);
      else if (event.sort === "threat" || event.sort === "launch") {
        context.moveTo(x, bed - 11);
        context.lineTo(x + 4.5, bed - 3);
        context.lineTo(x - 4.5, bed - 3);
      } else context.arc(x, bed - 6, 3, 0, 7);
      context.fill();
    }
    for (const threat of world.threats) {
      if (!threat.end_ms || threat.end_ms < clock.known_ms) continue;
      const x = xOf(threat.end_ms);
      context.strokeStyle = colours.path;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x - 4, bed - 11);
      context.lineTo(x + 4, bed - 3);
      context.moveTo(x + 4, bed - 11);
      context.lineTo(x - 4, bed - 3);
      context.stroke();
    }
    context.fillStyle = colours.name;
    context.fillRect(known - 0.5, 0, 1, bed);
    const x = xOf(now);
    context.fillStyle = app.ahead_ms !== null ? colours.path : clock.following ? "#5fd39a" : colours.measure;
    if (settings.theme === "light" && app.ahead_ms === null && clock.following) context.fillStyle = "#0b6b3c";
    context.fillRect(x - 1.25, 0, 2.5, bed + 3);
    context.beginPath();
    context.moveTo(x - 6, 0);
    context.lineTo(x + 6, 0);
    context.lineTo(x, 8);
    context.fill();

    line.setAttribute("aria-valuemin", String(Math.round(span.from)));
    line.setAttribute("aria-valuemax", String(Math.round(span.to)));
    line.setAttribute("aria-valuenow", String(Math.round(now)));
    line.setAttribute("aria-valuetext", utc(now));
    byId("follow").classList.toggle("on", clock.following && app.ahead_ms === null);
    const where = byId("where");
    where.classList.toggle("ahead", app.ahead_ms !== null);
    if (app.ahead_ms !== null) say(where, t("time.ahead", { left: ago((app.ahead_ms - clock.known_ms) / 1000) }));
    else say(where, clock.known_ms - now > 2 * clock.step_ms && !clock.following ? t("time.behind", { left: ago((clock.known_ms - now) / 1000) }) : "");
    byId("reverse").setAttribute("aria-pressed", String(clock.rate < 0));
    const rate = String(Math.abs(clock.rate));
    if (document.activeElement !== rates && rates.value !== rate) {
      if (!RATES.includes(Number(rate))) {
        other.value = rate;
        say(other, `${rate}×`);
        rates.append(other);
      }
      rates.value = rate;
    }
  };

  const buttons = () => {
    const playing = world.clock?.playing ?? false;
    const button = byId("play");
    if (button.dataset.playing === `${playing}/${settings.language}`) return;
    button.dataset.playing = `${playing}/${settings.language}`;
    button.setAttribute("aria-label", t(playing ? "time.pause" : "time.play"));
    button.title = t(playing ? "time.pause" : "time.play");
    button.replaceChildren(icon(playing ? "M4 2.5h3v11H4zM9 2.5h3v11H9z" : "M4 2v12l9-6z"));
  };
  world.on("clock", () => {
    buttons();
    if (performance.now() - moved > MINE_MS) draw();
  });
  onSettings(() => {
    delete byId("play").dataset.playing;
    buttons();
    draw();
  });
  buttons();
  setInterval(draw, 250);

  // The pointer: press and drag puts the cursor; resting shows what happened there.
  let dragging = false;
  let due = 0;
  const put = (/** @type {PointerEvent} */ event) => {
    const time_ms = timeAt(event.clientX - canvas.getBoundingClientRect().left);
    if (performance.now() - due < 80 && event.type === "pointermove") return;
    due = performance.now();
    seek(time_ms);
  };
  line.addEventListener("pointerdown", (event) => {
    dragging = true;
    line.setPointerCapture(event.pointerId);
    put(event);
  });
  line.addEventListener("pointermove", (event) => {
    if (dragging) put(event);
    tip(event);
  });
  line.addEventListener("pointerup", (event) => {
    dragging = false;
    due = 0;
    put(event);
  });
  line.addEventListener("pointerleave", () => void (byId("tip").hidden = true));
  const tip = (/** @type {PointerEvent} */ event) => {
    const x = event.clientX - canvas.getBoundingClientRect().left;
    const time_ms = timeAt(x);
    const near = world.events.filter((one) => Math.abs(xOf(one.time_ms) - x) < 6).slice(-6);
    const element = byId("tip");
    element.hidden = false;
    element.style.left = `${Math.max(120, Math.min(canvas.clientWidth - 120, x))}px`;
    say(element, [`${utc(time_ms)}  ${leftText(time_ms - (world.clock?.known_ms ?? 0)).replace("T", "")}`, ...near.map((one) => `${utc(one.time_ms)} ${t(`event.${one.sort}`)}: ${one.text.slice(0, 160)}`)].join("\n"));
  };
  line.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -10_000, ArrowRight: 10_000, ArrowDown: -10_000, ArrowUp: 10_000, PageDown: -60_000, PageUp: 60_000 }[event.key];
    if (by) seek(app.now_ms + by);
    else if (event.key === "Home") seek(world.clock?.start_ms ?? 0);
    else if (event.key === "End") actions.follow();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return actions;
}

/** @param {string} path */
function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const shape = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  shape.setAttribute("d", path);
  shape.setAttribute("class", "solid");
  return svg;
}

/** @param {number} least milliseconds @returns {number} the next larger step that reads well */
function nice(least) {
  const steps = [5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400].map((s) => s * 1000);
  return steps.find((step) => step >= least) ?? 86_400_000;
}

/** @param {string} text 12:34, 12:34:56, +90, -120 (seconds), or a whole date and time @param {number} now_ms @returns {number | null} */
export function parse(text, now_ms) {
  const clean = text.trim();
  const relative = /^([+-])(\d+)$/.exec(clean);
  if (relative) return now_ms + Number(`${relative[1]}${relative[2]}`) * 1000;
  const clock = /^(\d{1,2}):?(\d{2})(?::?(\d{2}(?:\.\d+)?))?Z?$/i.exec(clean);
  if (clock) {
    const [hours, minutes, seconds] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
    if (hours > 23 || minutes > 59 || seconds >= 60) return null;
    const midnight = Math.floor(now_ms / 86_400_000) * 86_400_000;
    return midnight + ((hours * 60 + minutes) * 60 + seconds) * 1000;
  }
  const whole = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z?$/.test(clean) ? Date.parse(clean.endsWith("Z") ? clean : `${clean}Z`) : NaN;
  return Number.isFinite(whole) ? whole : null;
}
