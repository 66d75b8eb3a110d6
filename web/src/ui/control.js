// Exercise control: hold and go on, go back, tell people something, let something go wrong, and what is to be better.
import { byId, h, reconcile, say } from "../dom.js";
import { onSettings } from "../settings.js";
import { leftText, t, utc } from "../texts.js";
import { messagesOf, refused } from "./decide.js";

/** @import { App } from "../app.js" */
/** @import { Note } from "../messages.js" */

const SPEEDS = [0.5, 1, 2, 5, 10, 20, 60];
const SURE_MS = 6000; // so long a second press means it
const TWICE_MS = 500; // and sooner than this it is a double click
const ROLES = ["approver", "sensor manager", "watch officer"];

/** @param {App} app */
export function control(app) {
  const { world } = app;
  const panel = byId("panel-control");
  const ask = (/** @type {string} */ type, /** @type {Record<string, unknown>} */ said) => app.feed.ask(type, said).then(() => app.notice(t("done.decide")), refused(app));

  let speed = 0; // chosen while it is held, for when it goes on
  let moment = ""; // chosen to go back to; else the newest
  const build = () => {
    const hold = h("button", { class: "strong", "data-testid": "hold", onclick: () => void ask("pace", { speed: world.play?.speed ? 0 : Number(speeds.value) }) });
    const speeds = h("select", { "data-testid": "speed", "aria-label": t("time.speed"), onchange: () => {
      if (world.play?.speed) void ask("pace", { speed: Number(speeds.value) });
      else speed = Number(speeds.value);
    } }, SPEEDS.map((one) => h("option", { value: one }, `${one}×`)));
    const other = h("option"); // a speed that is none of these, as the command line may ask for
    const moments = h("select", { "data-testid": "moments", "aria-label": t("control.back"), onchange: () => {
      if (asked) calm();
      moment = moments.value;
    } });
    let [asked, since] = ["", -Infinity]; // everybody is taken back: that is asked once more
    const back = h("button", { "data-testid": "back", onclick: () => {
      const passed_ms = performance.now() - since;
      if (asked && asked === moments.value && passed_ms < SURE_MS) {
        if (passed_ms < TWICE_MS) return;
        void ask("branch", { time_ms: Number(asked) });
        calm();
        return;
      }
      [asked, since] = [moments.value, performance.now()];
      moment = asked; // a newer one does not slip under it
      back.classList.add("sure");
      say(back, t("control.really", { time: utc(Number(asked)) }));
      setTimeout(() => performance.now() - since >= SURE_MS && calm(), SURE_MS);
    } }, t("control.back"));
    const calm = () => {
      [asked, since, moment] = ["", -Infinity, ""];
      back.classList.remove("sure");
      say(back, t("control.back"));
    };
    const state = h("p", { class: "dim", "data-testid": "play-state" });
    const seats = h("tbody");
    const rows = h("ul", { class: "cards", "data-testid": "rows" });
    const plans = h("ul", { class: "log" });
    const improved = h("ul", { class: "log" });
    panel.replaceChildren(
      state, h("div", { class: "row" }, hold, speeds), h("div", { class: "row" }, moments, back),
      h("h3", {}, t("control.told")), rows, sendForm(), injectForm(),
      h("h3", {}, t("control.planned")), plans, h("h3", {}, t("control.seats")), h("table", {}, seats),
      h("h3", {}, t("control.improve")), improved, improveForm(),
    );
    const show = () => {
      const { play } = world;
      if (!play) return;
      const isNew = world.clock !== null && world.clock.known_ms <= world.clock.start_ms;
      say(hold, t(play.speed ? "control.hold" : isNew ? "control.begin" : "control.go"));
      if (play.speed) speed = 0;
      const now = play.speed || speed || play.wanted;
      if (document.activeElement !== speeds && speeds.value !== String(now)) {
        if (!SPEEDS.includes(now)) {
          other.value = String(now);
          say(other, `${now}×`);
          speeds.append(other);
        }
        speeds.value = String(now);
      }
      say(state, [t(play.is_over ? "control.over" : play.speed ? "control.runs" : "control.held"), t("control.branch", { n: play.branch })].join(" · "));
      const times = play.checkpoints_ms;
      if (moments.dataset.times !== times.join()) {
        moments.dataset.times = times.join();
        reconcile(moments, times, String, (ms) => h("option", { value: ms }, utc(ms)), () => {});
        if (!times.map(String).includes(moment)) moment = "";
        moments.value = moment || String(times.at(-1) ?? "");
      }
      reconcile(seats, play.seats, ({ name }) => name, () => h("tr", {}, h("td"), h("td")), (line, { name, nation, role, is_here }) => {
        say(/** @type {HTMLElement} */ (line.firstElementChild), `${nation} ${t(`role.${role}`)} · ${name}`);
        const last = /** @type {HTMLElement} */ (line.lastElementChild);
        say(last, t(is_here ? "control.here" : "control.scripted"));
        last.className = is_here ? "state-ok" : "dim";
      });
      const told = play.told ?? [];
      reconcile(rows, messagesOf(told).reverse(), ({ note }) => note.number ?? "", () => toldCard(), (element, { note, answers }) => fillTold(/** @type {HTMLElement[]} */ ([...element.children]), note, answers));
      const planned = (play.rows ?? []).filter(({ is_sent }) => !is_sent);
      const start_ms = world.clock?.start_ms ?? 0;
      reconcile(plans, planned, ({ number }) => number, () => h("li", {}, h("time", { class: "dim" }), h("b"), h("span")), (line, row) => {
        const [when, what, rest] = /** @type {HTMLElement[]} */ ([...line.children]);
        say(when, utc(start_ms + row.at_s * 1000));
        say(what, `${row.number} → ${row.to}`);
        say(rest, row.text || row.inject?.what || "");
      });
      reconcile(improved, told.filter(({ sort }) => sort === "improvement"), ({ text, time_ms }) => `${time_ms} ${text}`, () => h("li", {}, h("time", { class: "dim" }), h("b"), h("span")), (line, note) => {
        const [when, what, rest] = /** @type {HTMLElement[]} */ ([...line.children]);
        say(when, note.due);
        say(what, note.responsible);
        say(rest, note.text);
      });
    };
    return show;
  };

  const toldCard = () => {
    const element = h("li", { class: "decision message", "data-testid": "told" }, h("b"), h("p"), h("p", { class: "dim" }), h("div", { class: "row" }));
    for (const answer of ["done", "not_done"])
      /** @type {HTMLElement} */ (element.lastElementChild).append(h("button", { "data-testid": `judge-${answer}`, onclick: () => void ask("reply", { number: element.dataset.key, answer }) }, t(`reply.${answer}`)));
    return element;
  };

  const field = (/** @type {string} */ name, /** @type {HTMLElement} */ input) => h("label", { class: "field" }, h("span", {}, t(name)), input);
  const text = (/** @type {string} */ name, required = false) => h("input", { name, maxlength: 1000, required, "data-testid": `${name}` });
  /** @param {string} title @param {HTMLElement[]} fields @param {(said: Record<string, string>) => Record<string, unknown>} told @param {string} name */
  const form = (title, fields, told, name) => {
    const element = h("form", { onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const { type, ...said } = told(/** @type {Record<string, string>} */ (Object.fromEntries([...new FormData(element)].filter(([, value]) => value !== ""))));
      app.feed.ask(String(type), said).then(() => (element.reset(), app.notice(t("done.decide"))), refused(app));
    } }, fields, h("button", { class: "strong", "data-testid": `${name}-send` }, t(title)));
    return h("details", { class: "form" }, h("summary", { "data-testid": name }, t(title)), element);
  };
  const sendForm = () => {
    const to = h("select", { name: "to", "data-testid": "send-to" }, ["all", ...(world.play?.nations ?? []), ...(world.play?.nations ?? []).flatMap((nation) => ROLES.map((role) => `${role}@${nation}`))].map((name) => h("option", { value: name }, name)));
    const within = h("input", { name: "within_s", type: "number", min: 0, max: 86400 });
    const fields = [field("send.to", to), field("send.text", text("text", true)), field("send.from", text("sender")), field("send.expected", text("expected")), field("send.within", within), field("send.responsible", text("responsible")), field("send.objective", text("objective"))];
    return form("send.title", fields, ({ within_s, ...said }) => ({ type: "send", ...said, ...(within_s && { within_s: Number(within_s) }) }), "send");
  };
  const injectForm = () => {
    const kinds = h("select", { name: "what", "data-testid": "inject-what" }, (world.play?.kinds ?? []).map((name) => h("option", { value: name }, name.replaceAll("_", " "))));
    const fields = [field("inject.what", kinds), field("inject.whom", text("whom")), field("inject.for", h("input", { name: "for_s", type: "number", min: 1 })), field("inject.more", h("input", { name: "more", placeholder: "offset_s=2" }))];
    return form("inject.title", fields, ({ what, whom, for_s, more }) => {
      const numbers = Object.fromEntries((more ?? "").split(/\s+/).filter(Boolean).map((pair) => [pair.split("=")[0], Number(pair.split("=")[1])]));
      return { type: "inject", table: { what, ...(whom && { whom: whom.split(/[\s,]+/) }), ...(for_s && { for_s: Number(for_s) }), ...numbers } };
    }, "inject");
  };
  const improveForm = () => form("improve.title", [field("improve.text", text("text", true)), field("improve.owner", text("owner", true)), field("improve.due", h("input", { name: "due", type: "date", required: true, "data-testid": "due" })), field("send.objective", text("objective"))], (said) => ({ type: "improve", ...said }), "improve");

  let show = build();
  let nations = "";
  const soon = () => {
    const is_control = world.hello?.can.control ?? false;
    byId("tab-control").hidden = !is_control;
    if (!is_control) return;
    const now = (world.play?.nations ?? []).join();
    if (now !== nations) {
      nations = now;
      show = build();
    }
    show();
  };
  for (const topic of /** @type {const} */ (["play", "hello", "clock"])) world.on(topic, soon);
  onSettings((changed) => {
    if (!changed.language) return;
    show = build();
    soon();
  });
  soon();
}

/** @param {HTMLElement[]} parts @param {Note} note @param {Note[]} answers */
function fillTold([title, text, more, row], note, answers) {
  say(title, `${note.number} → ${note.to}`);
  say(text, note.text);
  const last = answers.at(-1);
  const judged = answers.findLast(({ sort }) => sort !== "acknowledged");
  say(more, [note.expected && t("message.expected", { what: note.expected }), last && `${t(`reply.${last.sort}`)}: ${last.by} ${leftText(note.time_ms - last.time_ms)}`].filter(Boolean).join(" · "));
  row.hidden = judged !== undefined;
}
