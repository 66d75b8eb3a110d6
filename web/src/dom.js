// Elements of the page. Text from outside becomes text nodes and nothing else: there is no way here to set markup.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [attributes] `on…` are listeners; `class`, `data-…`, `aria-…` and the like are attributes
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return element;
}

/** @param {Child} child @returns {Node} */
const asNode = (child) => (child instanceof Node ? child : document.createTextNode(plain(child)));

/**
 * Text of any origin as it may be shown: no characters that turn the reading direction or that cannot be seen, and short.
 * @param {unknown} text @param {number} [most] letters
 */
export function plain(text, most = 400) {
  const clean = String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, "\ufffd");
  return clean.length > most ? `${clean.slice(0, most)}…` : clean;
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element ${id}`);
  return element;
}

/** @param {HTMLElement} element @param {unknown} text changes the document only when the text is another */
export function say(element, text) {
  const wanted = plain(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

/**
 * Make a list's elements those of `keys`, in that order; existing ones stay, so that scrolling does. The one in which a
 * person types is never moved, which would take the focus away: the others are moved around it.
 * @template T
 * @param {HTMLElement} list @param {T[]} items @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} make @param {(element: HTMLElement, item: T) => void} update
 */
export function reconcile(list, items, key, make, update) {
  /** @type {Map<string, HTMLElement>} */ const old = new Map();
  const wanted = new Set(items.map(key));
  for (const child of /** @type {HTMLElement[]} */ ([...list.children])) {
    const name = child.dataset.key ?? "";
    if (!wanted.has(name) || old.has(name)) child.remove();
    else old.set(name, child);
  }
  items.forEach((item, k) => {
    const name = key(item);
    let element = old.get(name);
    if (!element) {
      element = make(item);
      element.dataset.key = name;
    }
    old.delete(name);
    update(element, item);
    if (element.contains(document.activeElement)) while (list.children[k] !== element) list.append(list.children[k]);
    else if (list.children[k] !== element) list.insertBefore(element, list.children[k] ?? null);
  });
}

const SETTLE_MS = 700;
/** What a click does something to; a checkbox is clicked by its words too. */
const CLICKED = "button, label:has(input[type=checkbox])";

/**
 * Keep a click, of mouse or finger, from a button or checkbox that has just come to stand there: it was meant for what stood there before.
 * @param {HTMLElement} list @param {() => void} told what the person is told then
 * @returns {(change: () => void) => void} to be handed whatever may move what can be clicked in the list
 */
export function settling(list, told) {
  /** @type {{at: number, moved: Map<Element, DOMRect | undefined>}[]} of the newest changes, where each thing that they moved stood before */ let past = [];
  const young = () => past.filter(({ at }) => performance.now() - at < SETTLE_MS);
  /** @returns {Map<Element, DOMRect>} of what is to be seen: what is folded away is shown by whoever opens it */
  const boxes = () => new Map(list.closest("[hidden]") ? [] : [...list.querySelectorAll(CLICKED)].filter((one) => one.checkVisibility()).map((one) => [one, one.getBoundingClientRect()]));
  list.addEventListener("click", (event) => {
    const one = event.detail > 0 && event.target instanceof Element && event.target.closest(CLICKED); // 0: by a key
    if (!one || young().every(({ moved }) => !moved.has(one) || isIn(moved.get(one), event))) return;
    event.stopPropagation();
    event.preventDefault();
    told();
  }, { capture: true });
  return (change) => {
    const before = boxes();
    change();
    const moved = [...boxes()].filter(([one, box]) => !isEqual(before.get(one), box));
    if (moved.length) past = [...young(), { at: performance.now(), moved: new Map(moved.map(([one]) => [one, before.get(one)])) }];
  };
}

/** @param {DOMRect | undefined} box @param {MouseEvent} point */
const isIn = (box, { clientX: x, clientY: y }) => box !== undefined && x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
/** @param {DOMRect | undefined} box @param {DOMRect} other */
const isEqual = (box, { left, top, right, bottom }) => box !== undefined && box.left === left && box.top === top && box.right === right && box.bottom === bottom;
