// Words, numbers and times as a person reads them. One file a language, beside this one.
import { en } from "./texts/en.js";
import { ja } from "./texts/ja.js";
import { PLACES, PREFECTURES, PREFECTURES_EN } from "./texts/places.js";
import { REFUSED_JA, SAID_JA } from "./texts/said_ja.js";
import { settings } from "./settings.js";

/** @type {Record<"en" | "ja", Record<string, string>>} */
const TEXTS = { en, ja };

/**
 * @param {string} key @param {Record<string, unknown>} [values] stand for {name} in the text
 * @returns {string} the key itself where there is no text, so that what the server newly says is at least seen
 */
export function t(key, values = {}) {
  const text = TEXTS[settings.language][key] ?? en[/** @type {keyof typeof en} */ (key)];
  if (text === undefined) return key.slice(key.indexOf(".") + 1).replaceAll("_", " ");
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** @type {[RegExp, string][]} */
const SENTENCES = [...Object.entries(SAID_JA), ...Object.entries(REFUSED_JA).flatMap(([said, words]) => [[said, words], [`${said} {}`, `${words}({})`]])].map(([sentence, words]) => [new RegExp(`^${sentence.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll("{}", "(.+?)")}$`), words]);

/**
 * What another part of the program has said in English, in the person's language where that sentence is known.
 * @param {string} text @param {(name: string) => string} [name] what differs in it, as the person calls it
 */
export function translated(text, name = cityName) {
  if (settings.language !== "ja") return text;
  for (const [sentence, words] of SENTENCES) {
    const found = sentence.exec(text)?.slice(1).map(name);
    if (found) return words.replaceAll("{}", () => found.shift() ?? "");
  }
  return text;
}

/** @type {Map<string, string>} codes of countries by their English names, made when first asked for */
const COUNTRIES = new Map();

/** @param {string} name of a country, in English @returns {string | undefined} in Japanese, where this browser knows it */
function countryName(name) {
  if (!COUNTRIES.size) {
    const english = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
    const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
    for (const code of letters.flatMap((a) => letters.map((b) => a + b))) COUNTRIES.set(english.of(code) ?? "", code);
  }
  const code = COUNTRIES.get(name);
  return code && new Intl.DisplayNames("ja", { type: "region" }).of(code);
}

/** @param {string} name of a prefecture, of a place of the base map or of a country, in English */
const cityName = (name) => (settings.language === "ja" && (PREFECTURES[PREFECTURES_EN.indexOf(name)] ?? PLACES.find(([english]) => english === name)?.[1] ?? countryName(name))) || name;

/** Give every element of the page with `data-t` its words, and those with `data-t-label` their name. */
export function translate() {
  document.documentElement.lang = settings.language;
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-t]"))) element.textContent = t(element.dataset.t ?? "");
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-t-label]"))) {
    element.setAttribute("aria-label", t(element.dataset.tLabel ?? ""));
    element.title = t(element.dataset.tLabel ?? "");
  }
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-t-hint]"))) element.setAttribute("placeholder", t(element.dataset.tHint ?? ""));
}

const two = (/** @type {number} */ n) => String(n).padStart(2, "0");

/** @param {number} n @returns {string} with thin spaces between thousands */
export const big = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** @param {number} n of people */
export function people(n) {
  if (settings.language === "ja") return n >= 1e4 ? t("people", { n: `${big(Math.round(n / 1e4))}万` }) : t("people", { n: big(Math.round(n)) });
  return t("people", { n: n >= 1e6 ? `${(n / 1e6).toFixed(1)} M` : n >= 1e4 ? `${big(Math.round(n / 1e3))} k` : big(Math.round(n)) });
}

/** @param {{code: string, name: string}} area @returns {string} its name in the person's language, as far as that is known here */
export function areaName({ code, name }) {
  const isKnown = name !== code; // else another nation's, of which the code alone has come here
  if (settings.language !== "ja" && isKnown) return name;
  const [, number, island, country] = /^(?:JP-(\d\d)|US-(AS|GU|MP|PR)|([A-Z]{2}))$/.exec(code) ?? [];
  if (number) return (settings.language === "ja" ? PREFECTURES : PREFECTURES_EN)[Number(number) - 1] ?? name;
  return (island || country) ? (new Intl.DisplayNames(settings.language, { type: "region" }).of(island ?? country) ?? name) : name;
}

/** @param {{name: string, local: string, area: string}} place warned @returns {string} its name in the person's language, where that is its own */
export const placeName = ({ name, local, area }) => (settings.language === "ja" && area.startsWith("JP-") && local) || name;

/** @param {number} ms left @returns {string} T−03:21, or T+00:10 when it is over */
export function leftText(ms) {
  const whole = Math.abs(ms < 0 ? Math.floor(-ms / 1000) : Math.ceil(ms / 1000));
  const hours = Math.floor(whole / 3600);
  return `T${ms < 0 ? "+" : "−"}${hours ? `${hours}:` : ""}${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** @param {number} ms @returns {string} 01:20:44Z */
export function utc(ms) {
  const date = new Date(ms);
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}Z`;
}

/** @param {number} ms @returns {string} 2030-01-01 */
export const day = (ms) => new Date(ms).toISOString().slice(0, 10);

/** @param {number} ms @returns {string} the time of this machine's zone, with its name */
export function local(ms) {
  return new Intl.DateTimeFormat(settings.language === "ja" ? "ja-JP" : "en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short", hourCycle: "h23" }).format(ms);
}

/** @param {number} ms @returns {string} hours and minutes of this machine's zone */
export const localShort = (ms) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);

/** @param {number} seconds */
export function ago(seconds) {
  if (seconds < 120) return t("seconds", { n: Math.max(0, Math.round(seconds)) });
  return seconds < 7200 ? t("minutes", { n: Math.round(seconds / 60) }) : t("hours", { n: Math.round(seconds / 3600) });
}
