// What a person can take away: a picture of the view, the tracks as a file, a link to this very view and moment.
import { byId, h, plain } from "../dom.js";
import { onSettings, settings } from "../settings.js";
import { day, t, utc } from "../texts.js";
import { address } from "../permalink.js";

/** @import { App } from "../app.js" */

/** @param {App} app */
export function exports_(app) {
  const button = byId("export");
  const menu = byId("exports");
  const close = () => {
    menu.hidden = true;
    button.setAttribute("aria-expanded", "false");
  };
  const build = () => {
    const item = (/** @type {string} */ name, /** @type {() => void} */ act) => h("button", { role: "menuitem", "data-testid": `export-${name}`, onclick: () => {
      close();
      act();
    } }, t(`export.${name}`));
    menu.replaceChildren(
      item("png", () => void picture(app)),
      ...(app.world.hello?.mode === "export" ? [] : ["geojson", "czml", "csv"]).map((kind) => item(kind, () => download(`v1/tracks.${kind}?${new URLSearchParams({ view: app.world.hello?.view ?? "", time_ms: String(Math.round(app.world.now_ms)) })}`, `${stem(app)}.${kind}`))),
      item("link", () => void copy(app)),
    );
  };
  build();
  onSettings(build);
  app.world.on("hello", build);
  button.addEventListener("click", () => {
    menu.hidden = !menu.hidden;
    button.setAttribute("aria-expanded", String(!menu.hidden));
    if (!menu.hidden) /** @type {HTMLElement} */ (menu.firstElementChild).focus();
  });
  menu.addEventListener("keydown", (event) => {
    const at = [...menu.children].indexOf(/** @type {Element} */ (document.activeElement));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) /** @type {HTMLElement} */ (menu.children[(at + step + menu.children.length) % menu.children.length]).focus();
    else if (event.key === "Escape") {
      close();
      button.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", (event) => {
    if (event.target instanceof Element && !event.target.closest(".menu")) close();
  });
}

/** @param {App} app */
const stem = (app) => `noroshi${app.world.isExercise ? "-exercise" : ""}-${day(app.now_ms)}-${utc(app.now_ms).replaceAll(":", "")}`;

/** @param {string} href @param {string} name */
function download(href, name) {
  const link = h("a", { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

/** The view with the time on it, and that it is an exercise: a picture goes its own way. @param {App} app */
async function picture(app) {
  app.draw();
  const { host } = app;
  const ratio = Math.min(2, devicePixelRatio);
  const canvas = document.createElement("canvas");
  const strip = 30;
  canvas.width = host.clientWidth * ratio;
  canvas.height = (host.clientHeight + strip) * ratio;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.scale(ratio, ratio);
  for (const layer of host.querySelectorAll("canvas")) context.drawImage(layer, 0, strip, host.clientWidth, host.clientHeight);
  context.fillStyle = app.world.isExercise ? "#6b3fd4" : settings.theme === "dark" ? "#101923" : "#ffffff";
  context.fillRect(0, 0, host.clientWidth, strip);
  context.fillStyle = app.world.isExercise || settings.theme === "dark" ? "#ffffff" : "#10181f";
  context.font = '600 14px "Noto Sans", "Noto Sans CJK JP", system-ui, sans-serif';
  context.textBaseline = "middle";
  const words = [app.world.isExercise && t("banner.exercise", { name: plain(app.world.hello?.exercise ?? "", 60) }), `${day(app.now_ms)} ${utc(app.now_ms)}`, app.world.hello?.view && `${t("top.view_as")} ${plain(app.world.hello.view, 40)}`];
  context.fillText(words.filter(Boolean).join("   ·   "), 12, strip / 2);
  const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) return;
  const href = URL.createObjectURL(blob);
  download(href, `${stem(app)}.png`);
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

/** @param {App} app */
async function copy(app) {
  const text = address(app);
  history.replaceState(null, "", text);
  try {
    await navigator.clipboard.writeText(new URL(text, location.href).href);
    app.notice(t("export.copied"));
  } catch {
    app.notice(text); // no clipboard without TLS or leave: the address bar has it
  }
}
