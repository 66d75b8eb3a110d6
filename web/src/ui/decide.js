// Decisions: what waits for the person who looks, until when and what happens otherwise; what others decide; who said what.
import { byId, h, reconcile, say, settling } from "../dom.js";
import { onSettings } from "../settings.js";
import { areaName, leftText, t, translated, utc } from "../texts.js";

/** @import { App } from "../app.js" */
/** @import { Decision, Note } from "../messages.js" */
/** @typedef {{key: string, until_ms: number, decision?: Decision, note?: Note}} Item */
/** What a person has begun to say. @typedef {{reason: string, codes: string[], left: string[], minutes: string, isOpen: boolean, isTyping: boolean}} Draft */

const LOG_MAX = 80;
const MESSAGES = new Set(["acknowledged", "done", "not_done"]);
const PASSED_ON = new Set(["tasked", "received", "done_ok", "done_not_ok"]);

const plain = (/** @type {number} */ n) => String(Number(n.toPrecision(4)));
/** @param {Decision} decision */
const keyOf = ({ founder, stream }) => `${founder} ${stream}`;
/** @param {string} to @param {string} nation @param {string} duty */
const isFor = (to, nation, duty) => to === "all" || to === nation || to === `${duty}@${nation}`;

/** Messages, each with what was said to it. @param {Note[]} notes */
export function messagesOf(notes) {
  return notes.filter(({ sort }) => sort === "message").map((note) => ({
    note,
    answers: notes.filter(({ sort, number, time_ms }) => MESSAGES.has(sort) && number === note.number && time_ms >= note.time_ms),
  }));
}

/** An alert is sent and delivered, where a task is given and done. @param {Decision} one @param {string} step */
const stepText = ({ action }, step) => t(`${action === "alert" && PASSED_ON.has(step) ? "sent" : "step"}.${step}`);

/** @param {App} app */
export function decide(app) {
  const { world } = app;
  const panel = byId("panel-decide");
  const who = h("p", { class: "dim", "data-testid": "me" });
  const mine = h("ul", { class: "cards", "data-testid": "inbox" });
  const none = h("p", { class: "empty" });
  const others = h("ul", { class: "cards", "data-testid": "open" });
  const over = h("ul", { class: "cards", "data-testid": "closed" });
  const log = h("ul", { class: "log", "data-testid": "log" });
  const form = askForm(app);
  const titles = ["decide.mine", "decide.others", "decide.over", "decide.log"].map((key) => h("h3", { "data-t": key }, t(key)));
  panel.append(who, titles[0], mine, none, form, titles[1], others, titles[2], over, titles[3], log);

  /** @type {Map<string, Draft>} of cards that are gone, until what replaces them is here */ const drafts = new Map();
  const keep = () => {
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (mine.querySelectorAll(":scope > [data-testid=decision]"))) {
      const draft = draftOf(element);
      if (draft) drafts.set(element.dataset.key ?? "", draft);
      else drafts.delete(element.dataset.key ?? "");
    }
  };
  const plays = () => (world.hello?.can.play ?? false) && world.hello?.view === world.hello?.user.nation;
  let branch = 0;
  const settle = settling(mine, () => app.notice(t("decide.moved")));

  const show = () => {
    const { nation = "", duty = "" } = world.hello?.user ?? {};
    const awaits = (/** @type {Decision} */ one) => plays() && (one.waits?.nations.includes(nation) ?? false) && (one.waits?.roles.includes(duty) ?? false);
    /** @type {Item[]} */ const items = world.decisions.filter(awaits).map((decision) => ({ key: keyOf(decision), until_ms: decision.waits?.until_ms ?? Infinity, decision }));
    if (plays())
      for (const { note, answers } of messagesOf(world.notes))
        if (isFor(note.to ?? "", nation, duty) && !answers.some(({ sort, by }) => sort === "done" && by === world.hello?.user.name))
          items.push({ key: `message ${note.number}`, until_ms: note.within_s ? note.time_ms + note.within_s * 1000 : Infinity, note });
    items.sort((a, b) => a.until_ms - b.until_ms || (a.key < b.key ? -1 : 1));
    const open = world.decisions.filter((one) => one.waits && !awaits(one));
    const closed = world.decisions.filter(({ waits }) => !waits);

    say(who, duty ? t("decide.me", { name: world.hello?.user.name ?? "", role: t(`role.${duty}`), nation }) : t("decide.nobody"));
    none.hidden = items.length > 0;
    say(none, t("decide.none"));
    form.hidden = !plays() || !["sensor manager", "watch officer"].includes(duty);
    keep();
    settle(() => {
      reconcile(mine, items, ({ key }) => key, ({ decision }) => (decision ? card(app) : messageCard(app)), (element, { decision, note }) => {
        if (decision) fill(app, element, decision, duty);
        else if (note) fillMessage(app, element, note);
      });
      for (const { decision } of items) if (decision) takeOver(app, mine, decision, drafts);
    });
    reconcile(others, open, keyOf, () => card(app), (element, one) => fill(app, element, one, ""));
    reconcile(over, closed.slice(0, 12), keyOf, () => card(app), (element, one) => fill(app, element, one, ""));
    titles[1].hidden = !open.length;
    titles[2].hidden = !closed.length;
    const said = world.decisions.flatMap((one) => one.log.map((step) => ({ ...step, of: one }))).sort((a, b) => b.time_ms - a.time_ms).slice(0, LOG_MAX);
    reconcile(log, said, ({ of, step, by, time_ms }) => `${keyOf(of)} ${step} ${by} ${time_ms}`, () => h("li", {}, h("time", { class: "dim" }), h("b"), h("span")), (element, { time_ms, step, by, reason, of }) => {
      const [when, what, rest] = /** @type {HTMLElement[]} */ ([...element.children]);
      say(when, utc(time_ms));
      say(what, stepText(of, step));
      say(rest, [`${of.founder} ${of.stream}`, by, translated(reason)].filter(Boolean).join(" · "));
    });
    const badge = byId("decide-count");
    badge.hidden = !items.length;
    say(badge, items.length);
    const fresh = items.filter(({ key }) => !seen.has(key));
    if (fresh.length && plays()) say(byId("say"), t("decide.fresh", { n: items.length }));
    seen = new Set(items.map(({ key }) => key));
  };
  let seen = new Set();
  /** Forget what was begun on proposals that no longer wait, once what may replace them is known; who looks back comes back to them. */
  const prune = () => {
    const isUnknown = (/** @type {Decision} */ one) => one.action === "alert" && seen.has(keyOf(one)) && !world.alerts.some(({ identifier }) => identifier === one.stream);
    if (!plays() || !world.clock?.following || world.decisions.some(isUnknown)) return;
    for (const key of drafts.keys()) if (!seen.has(key)) drafts.delete(key);
  };
  for (const topic of /** @type {const} */ (["decisions", "notes", "hello", "alerts"])) world.on(topic, show);
  world.on("decisions", prune);
  world.on("play", () => {
    if (world.play?.branch === branch) return;
    branch = world.play?.branch ?? 0;
    drafts.clear(); // all went back: nobody has begun to say anything
    mine.replaceChildren();
    show();
  });
  onSettings((changed) => {
    if (!changed.language) return;
    keep();
    for (const list of [mine, others, over, log]) list.replaceChildren();
    show();
  });
  show();
}

/** How long there is yet, and for what: times to arrival stand beside it. */
const due = () => h("span", { class: "due" }, h("small", { class: "dim" }), h("b", { class: "left" }));

/** @param {HTMLElement} element @param {string} what @param {string} left "" where there is no end */
function sayDue(element, what, left) {
  const [label, time] = /** @type {HTMLElement[]} */ ([...element.children]);
  element.hidden = !left;
  say(label, what);
  say(time, left);
}

/** @param {HTMLElement} element a card @returns {Draft | null} null: the person has changed nothing on it */
function draftOf(element) {
  const [why, change] = [/** @type {HTMLInputElement} */ (element.querySelector(".why")), /** @type {HTMLDetailsElement} */ (element.querySelector(".amend"))];
  const boxes = [.../** @type {NodeListOf<HTMLInputElement>} */ (change.querySelectorAll("[data-code]"))];
  const minutes = /** @type {HTMLInputElement | null} */ (change.querySelector("input[type=number]"))?.value ?? "";
  const left = boxes.filter(({ checked }) => !checked).map(({ dataset }) => dataset.code ?? "");
  if (!why.value && !left.length && !minutes) return null;
  return { reason: why.value, codes: boxes.map(({ dataset }) => dataset.code ?? ""), left, minutes, isOpen: change.open, isTyping: document.activeElement === why };
}

/** @param {HTMLElement} element a card @param {Draft} draft */
function putDraft(element, draft) {
  const [why, change] = [/** @type {HTMLInputElement} */ (element.querySelector(".why")), /** @type {HTMLDetailsElement} */ (element.querySelector(".amend"))];
  why.value = draft.reason;
  change.open = draft.isOpen;
  for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (change.querySelectorAll("[data-code]"))) box.checked = !draft.left.includes(box.dataset.code ?? "");
  const minutes = /** @type {HTMLInputElement | null} */ (change.querySelector("input[type=number]"));
  if (minutes) minutes.value = draft.minutes;
  if (draft.isTyping) why.focus();
}

/**
 * A proposal that replaces another takes over what a person had begun to say to that one, and says so.
 * @param {App} app @param {HTMLElement} list @param {Decision} one @param {Map<string, Draft>} drafts
 */
function takeOver(app, list, one, drafts) {
  const own = keyOf(one);
  const element = /** @type {HTMLElement | undefined} */ ([...list.children].find((child) => /** @type {HTMLElement} */ (child).dataset.key === own));
  if (!element || draftOf(element)) return;
  const mine = drafts.get(own); // its card was made anew
  const alerts = new Map(app.world.alerts.map((alert) => [alert.identifier, alert]));
  // What was said of an alert that people have been told went out with it, and says nothing of an update to it.
  const replaced = (one.action === "alert" ? (alerts.get(one.stream)?.references ?? []) : []).filter((stream) => alerts.get(stream)?.life !== "issued");
  const from = mine ? own : replaced.map((stream) => keyOf({ ...one, stream })).findLast((key) => drafts.has(key));
  const draft = mine ?? (from && drafts.get(from));
  if (!from || !draft) return;
  drafts.delete(from);
  putDraft(element, draft);
  if (mine) return;
  const named = (/** @type {string[]} */ codes) => codes.map((code) => nameOf(app, code)).join(" ");
  const [left, fresh] = [one.areas.filter((code) => draft.left.includes(code)), one.areas.filter((code) => draft.codes.length && !draft.codes.includes(code))];
  const told = /** @type {HTMLElement} */ (element.querySelector(".carried"));
  told.hidden = false;
  say(told, [t("decide.carried"), left.length && t("decide.left_out", { where: named(left) }), fresh.length && t("decide.new_areas", { where: named(fresh) })].filter(Boolean).join(" · "));
}

/** @param {App} app @returns {HTMLElement} */
function card(app) {
  const part = (/** @type {string} */ name, /** @type {keyof HTMLElementTagNameMap} */ tag = "p") => h(tag, { class: name });
  const element = h("li", { class: "decision", "data-testid": "decision" },
    h("header", {}, part("what", "h4"), due()),
    h("p", {}, part("state", "span"), " ", part("reason", "span")), h("p", { class: "carried", hidden: true, "data-testid": "carried" }), part("evidence"), part("advice"), part("otherwise"),
    h("input", { class: "why", maxlength: 1000, "data-testid": "reason" }), h("div", { class: "row" }),
    h("details", { class: "amend", "data-testid": "amend" }, h("summary"), h("div")), h("details", {}, h("summary"), h("ul", { class: "log" })));
  element.addEventListener("click", (event) => {
    if (event.target instanceof Element && !event.target.closest("button, details, input, label") && element.dataset.threat) app.showThreat(element.dataset.threat);
  });
  return element;
}

/** @param {App} app @param {Decision} one */
function titleOf(app, one) {
  const alert = one.action === "alert" && app.world.alerts.find(({ identifier }) => identifier === one.stream);
  const what = alert ? `${t(`hazard.${alert.hazard}`)}, ${t(`stage.${alert.stage}`)}` : t(`action.${one.action}`);
  return `${what} · ${one.concerns.join(" ")}`;
}

/** @param {App} app @param {string} code */
const nameOf = (app, code) => areaName({ code, name: app.world.areas.get(code)?.name ?? code });

/** @param {App} app @param {HTMLElement} element @param {Decision} one @param {string} duty as what the person may say something; "" for nothing */
function fill(app, element, one, duty) {
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (element.querySelector(name));
  const steps = duty ? one.steps.filter(({ step, roles }) => roles.includes(duty) && step !== "requested" && !(one.action === "alert" && step === "tasked")) : [];
  element.dataset.state = one.state;
  element.dataset.stream = one.stream;
  if (one.threat) element.dataset.threat = one.threat;
  if (one.waits?.until_ms) element.dataset.until = String(one.waits.until_ms);
  else delete element.dataset.until;
  say(part(".what"), titleOf(app, one));
  const isUndecided = one.steps.some(({ step }) => step === "approved");
  sayDue(part(".due"), t(isUndecided ? "decide.left" : "decide.left_act"), one.waits?.until_ms ? leftText(one.waits.until_ms - app.now_ms) : "");
  say(part(".state"), stepText(one, one.state));
  say(part(".reason"), one.reason && t("decide.because", { reason: translated(one.reason) }));
  say(part(".evidence"), [
    one.picture_ms && t("decide.picture", { time: utc(one.picture_ms) }),
    one.areas.length > 0 && one.areas.slice(0, 4).map((code) => nameOf(app, code)).join(" "),
    one.approved.length > 0 && t("decide.approved", { who: one.approved.join(" ") }),
  ].filter(Boolean).join(" · "));
  const { waits, advice } = one;
  part(".advice").hidden = !advice;
  if (advice) say(part(".advice"), [
    t("decide.advice", { objective: plain(advice.objective), bound: plain(advice.bound), gap: plain(100 * advice.gap) }),
    ...advice.alternatives.map(({ plan, objective, look }) => `${look ? t("plan.without", { sensor: look[0], track: look[2] }) : t(`plan.${plan}`)}: ${plain(objective)}`),
  ].join(" · "));
  part(".otherwise").hidden = !waits;
  if (waits) say(part(".otherwise"), [t("decide.waits", { who: `${waits.nations.join(" ")}: ${waits.roles.map((role) => t(`role.${role}`)).join(", ")}` }), t("decide.otherwise", { what: t(`otherwise.${waits.otherwise}`) })].join(" · "));
  const why = /** @type {HTMLInputElement} */ (part(".why"));
  why.hidden = !steps.length;
  why.placeholder = t("decide.reason");
  why.setAttribute("aria-label", t("decide.reason"));
  const change = /** @type {HTMLDetailsElement} */ (part(".amend"));
  change.hidden = !steps.some(({ step }) => step === "amended");
  const wanted = `${one.version}/${duty}/${document.documentElement.lang}`;
  if (element.dataset.wanted !== wanted) {
    element.dataset.wanted = wanted;
    const act = (/** @type {string} */ step, /** @type {boolean} */ needsReason, more = {}) => {
      why.classList.toggle("wrong", needsReason && !why.value.trim());
      if (needsReason && !why.value.trim()) return void why.focus();
      const said = { founder: one.founder, stream: one.stream, version: one.version, step, reason: why.value.trim(), picture_ms: app.world.frame?.picture_ms ?? 0, ...more };
      app.feed.ask("say", said).then(() => app.notice(t("done.decide")), refused(app));
    };
    const button = (/** @type {Decision["steps"][number]} */ { step, needs_reason }) =>
      h("button", { "data-testid": `do-${step}`, class: ["approved", "done_ok"].includes(step) && "strong", onclick: () => act(step, needs_reason) }, t(`do.${step}`));
    part(".row").replaceChildren(...steps.filter(({ step }) => step !== "amended").map(button));
    const draft = draftOf(element);
    if (!change.hidden) amendForm(app, change, one, (more) => act("amended", true, more));
    if (draft) putDraft(element, draft);
  }
  const [, past] = element.querySelectorAll("details");
  say(/** @type {HTMLElement} */ (past.firstElementChild), t("decide.history", { n: one.log.length }));
  reconcile(/** @type {HTMLElement} */ (past.lastElementChild), one.log, ({ step, by, time_ms }) => `${step} ${by} ${time_ms}`, () => h("li", {}, h("time", { class: "dim" }), h("b"), h("span")), (item, { time_ms, step, by, role, reason }) => {
    const [when, what, rest] = /** @type {HTMLElement[]} */ ([...item.children]);
    say(when, utc(time_ms));
    say(what, stepText(one, step));
    say(rest, [by, by === role ? "" : t(`role.${role}`), translated(reason)].filter(Boolean).join(" · "));
  });
}

/** Approve with changes: areas can be left out, and the end moved. @param {App} app @param {HTMLElement} element @param {Decision} one @param {(more: Record<string, unknown>) => void} act */
function amendForm(app, element, one, act) {
  const boxes = one.areas.map((code) => ({ code, box: h("input", { type: "checkbox", checked: true, "data-code": code }) }));
  const minutes = h("input", { type: "number", min: 1, max: 1440, size: 5, "aria-label": t("decide.minutes") });
  const go = () => {
    const kept = boxes.filter(({ box }) => box.checked).map(({ code }) => code);
    act({ areas: kept, ...(minutes.value && { ends_ms: (one.picture_ms ?? 0) + Number(minutes.value) * 60_000 }) });
  };
  say(/** @type {HTMLElement} */ (element.firstElementChild), t("do.amended"));
  /** @type {HTMLElement} */ (element.lastElementChild).replaceChildren(
    ...boxes.map(({ code, box }) => h("label", { class: "toggle plain" }, box, nameOf(app, code))),
    h("label", { class: "field" }, h("span", {}, t("decide.minutes")), minutes), h("button", { onclick: go, "data-testid": "do-amended" }, t("do.amended")),
  );
}

/** @param {App} app */
function messageCard(app) {
  const element = h("li", { class: "decision message", "data-testid": "message" }, h("header", {}, h("h4"), due()), h("p", { class: "text" }), h("p", { class: "dim" }), h("div", { class: "row" }));
  const row = /** @type {HTMLElement} */ (element.lastElementChild);
  for (const answer of ["acknowledged", "done"])
    row.append(h("button", { "data-testid": `reply-${answer}`, onclick: () => void app.feed.ask("reply", { number: element.dataset.number, answer }).then(() => app.notice(t("done.decide")), refused(app)) }, t(`reply.${answer}`)));
  return element;
}

/** @param {App} app @param {HTMLElement} element @param {Note} note */
function fillMessage(app, element, note) {
  const [title, left, text, more] = ["h4", ".due", ".text", ":scope > .dim"].map((name) => /** @type {HTMLElement} */ (element.querySelector(name)));
  element.dataset.number = note.number ?? "";
  const until_ms = note.within_s ? note.time_ms + note.within_s * 1000 : 0;
  if (until_ms) element.dataset.until = String(until_ms);
  say(title, t("message.title", { number: note.number ?? "", from: note.sender || note.by }));
  sayDue(left, t("message.left"), until_ms ? leftText(until_ms - app.now_ms) : "");
  say(text, note.text);
  say(more, [note.expected && t("message.expected", { what: note.expected }), utc(note.time_ms)].filter(Boolean).join(" · "));
  const seen = app.world.notes.some(({ sort, number, by }) => sort === "acknowledged" && number === note.number && by === app.world.hello?.user.name);
  /** @type {HTMLElement} */ (element.querySelector("[data-testid=reply-acknowledged]")).hidden = seen;
}

/** A person proposes that a sensor, of whichever nation, looks. @param {App} app */
function askForm(app) {
  const nation = h("select", { "data-testid": "ask-nation" });
  const text = h("input", { maxlength: 1000, required: true, "data-testid": "ask-text" });
  const priority = h("select", { "data-testid": "ask-priority" }, ["flash", "immediate", "priority", "routine"].map((name) => h("option", { value: name, selected: name === "immediate" }, t(`priority.${name}`))));
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    const said = { action: "sensor_task", asset: nation.value, text: text.value.trim(), track: app.selectedId, priority: priority.value, picture_ms: app.world.frame?.picture_ms ?? 0 };
    app.feed.ask("ask", said).then(() => {
      text.value = "";
      app.notice(t("done.ask"));
    }, refused(app));
  };
  const labels = ["ask.nation", "ask.text", "ask.priority"].map((key) => h("span", { "data-t": key }, t(key)));
  const form = h("details", { class: "form" }, h("summary", { "data-t": "ask.title", "data-testid": "ask" }, t("ask.title")), h("form", { onsubmit: go },
    h("label", { class: "field" }, labels[0], nation), h("label", { class: "field" }, labels[1], text), h("label", { class: "field" }, labels[2], priority),
    h("p", { class: "dim", "data-t": "ask.hint" }, t("ask.hint")), h("button", { class: "strong", "data-t": "ask.send", "data-testid": "ask-send" }, t("ask.send"))));
  app.world.on("play", () => {
    const codes = app.world.play?.nations ?? [];
    if (nation.childElementCount === codes.length) return;
    const others = [...codes].sort((a, b) => Number(a === app.world.hello?.user.nation) - Number(b === app.world.hello?.user.nation));
    nation.replaceChildren(...others.map((code) => h("option", { value: code }, code)));
  });
  return form;
}

/** @param {App} app @returns {(reason: Error) => void} */
export const refused = (app) => (reason) => app.notice(t("refused", { reason: translated(reason.message) }), 8000);
