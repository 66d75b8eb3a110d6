// The pointer on the map: drag, wheel, pinch, click. The globe brings its own dragging; clicks are the same for both.
import { byId } from "./dom.js";

/** @import { App } from "./app.js" */

const CLICK_PX = 5;

/** @param {App} app */
export function watchPointer(app) {
  const map = byId("map");
  /** @type {Map<number, [number, number]>} */ const down = new Map();
  let travelled = 0;
  let pinch = 0;

  const at = (/** @type {MouseEvent} */ event) => {
    const box = map.getBoundingClientRect();
    return /** @type {[number, number]} */ ([event.clientX - box.left, event.clientY - box.top]);
  };
  const isFlat = () => app.view.name === "flat";

  map.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    down.set(event.pointerId, at(event));
    app.touched = true;
    travelled = 0;
    if (isFlat()) {
      map.setPointerCapture(event.pointerId);
      app.dragging = true;
    }
  });
  map.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    const here = at(event);
    if (!before) {
      if (event.buttons === 0) map.style.cursor = app.view.pick(...here) === null ? "" : "pointer";
      return;
    }
    const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
    travelled += Math.abs(dx) + Math.abs(dy);
    down.set(event.pointerId, here);
    if (!isFlat()) return;
    if (down.size === 2) {
      const [a, b] = [...down.values()];
      const apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) app.view.zoomTo(app.view.scale * (apart / pinch));
      pinch = apart;
    } else if (travelled > CLICK_PX) {
      app.follows = false;
      app.view.pan(dx, dy);
    }
  });
  const up = (/** @type {PointerEvent} */ event) => {
    const here = down.get(event.pointerId);
    down.delete(event.pointerId);
    pinch = 0;
    if (!down.size) app.dragging = false;
    if (!here || event.type === "pointercancel" || travelled > CLICK_PX) return;
    if (app.measure) {
      const place = app.view.unproject(...here);
      if (place) app.measure.push(place);
      app.onMove.forEach((listener) => listener());
    } else app.select(app.view.pick(...here));
  };
  map.addEventListener("pointerup", up);
  map.addEventListener("pointercancel", up);
  map.addEventListener("wheel", (event) => {
    app.touched = true;
    if (!isFlat()) return;
    event.preventDefault();
    const [x, y] = at(event);
    /** @type {import("./flat.js").FlatView} */ (app.view).zoomTo(app.view.scale * 2 ** (-event.deltaY / (event.deltaMode ? 12 : 320)), x, y);
  }, { passive: false });
  map.addEventListener("dblclick", (event) => {
    if (isFlat()) /** @type {import("./flat.js").FlatView} */ (app.view).zoomTo(app.view.scale * 2, ...at(event));
  });
}
