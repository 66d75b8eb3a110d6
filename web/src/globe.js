// The globe: CesiumJS draws the Earth and moves the camera; what is on it is drawn over it, by the same code as on the flat
// map. Every point is tested against the ellipsoid, so arcs and orbits go behind the Earth as they should.
import {
  Cartesian2, Cartesian3, Cartographic, CesiumWidget, Color, Credit, CreditDisplay, Event as CesiumEvent, HeadingPitchRange, ImageryLayer, JulianDate, Math as CesiumMath, Matrix4, SkyAtmosphere,
  WebMercatorTilingScheme, buildModuleUrl,
} from "@cesium/engine";
import { TILE_PX, drawTile } from "./basemap.js";
import { MAP, faded } from "./colours.js";
import { ROUND_M, ecef, latitudeOf, mercatorY } from "./geo.js";
import { Overlay } from "./overlay.js";
import { settings } from "./settings.js";

/** @import { Seen } from "./overlay.js" */
/** @import { Shape } from "./scene.js" */
/** @import { Camera, Drawing, View } from "./view.js" */
/** @import { Trail, World } from "./world.js" */

const PITCH_DEG = -58;
const LEVEL_MAX = 9;
const AXIS_DATE = "2026-11-01T00:00:00Z"; // nothing here depends on it; one fixed date needs one file of the Earth's axis
const STEP_DEG = 1; // lines are drawn in steps no longer than this, so that they follow the Earth
const [A2, B2] = [6378137 ** 2, 6356752.3142451793 ** 2];
const LIFT_M = 300; // what lies on the ground is drawn this high, lest rounding hides it

/** The base map as Cesium asks for it. */
class CoastImagery {
  /** @param {"dark" | "light"} theme */
  constructor(theme) {
    this.theme = theme;
    this.tilingScheme = new WebMercatorTilingScheme();
    this.rectangle = this.tilingScheme.rectangle;
    this.tileWidth = this.tileHeight = TILE_PX;
    this.minimumLevel = 0;
    this.maximumLevel = LEVEL_MAX;
    this.errorEvent = new CesiumEvent();
    this.hasAlphaChannel = false;
    this.credit = this.proxy = this.tileDiscardPolicy = undefined;
  }

  getTileCredits() {
    return [];
  }

  pickFeatures() {
    return undefined;
  }

  /** @param {number} x @param {number} y @param {number} level */
  requestImage(x, y, level) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = TILE_PX;
    const context = tile.getContext("2d", { alpha: false });
    if (context) drawTile(context, TILE_PX, x, y, level, this.theme);
    return Promise.resolve(tile);
  }
}

/** @implements {View} */
export class GlobeView {
  /** @param {HTMLElement} host @param {World} world @param {() => void} moved @param {boolean} eco no atmosphere: software draws it five times slower */
  constructor(host, world, moved, eco) {
    this.name = /** @type {const} */ ("globe");
    this.host = host;
    this.world = world;
    world.inSpace = true;
    world.toSpace();
    /** @type {any} */ (buildModuleUrl).setBaseUrl(new URL("cesium/", document.baseURI).href);
    this.frame = host.appendChild(document.createElement("div"));
    this.frame.className = "globe";
    this.theme = settings.theme;
    CreditDisplay.cesiumCredit = new Credit("CesiumJS"); // the usual one is an image of a service that is not used
    this.widget = new CesiumWidget(this.frame, {
      baseLayer: new ImageryLayer(/** @type {any} */ (new CoastImagery(this.theme))),
      skyBox: false,
      skyAtmosphere: eco ? false : new SkyAtmosphere(),
      scene3DOnly: true,
      orderIndependentTranslucency: false,
      msaaSamples: eco ? 1 : 4,
      requestRenderMode: true,
      useDefaultRenderLoop: false,
      creditContainer: document.createElement("div"),
    });
    this.widget.clock.currentTime = JulianDate.fromIso8601(AXIS_DATE);
    const { scene } = this.widget;
    scene.globe.showGroundAtmosphere = false;
    scene.globe.enableLighting = false;
    scene.fog.enabled = false;
    scene.globe.maximumScreenSpaceError = eco ? 3 : 2;
    scene.screenSpaceCameraController.minimumZoomDistance = 5_000;
    scene.screenSpaceCameraController.maximumZoomDistance = 60_000_000;
    this.paint();
    this.base = host.appendChild(document.createElement("canvas"));
    this.dots = host.appendChild(document.createElement("canvas"));
    this.top = host.appendChild(document.createElement("canvas"));
    for (const canvas of [this.base, this.dots, this.top]) canvas.style.pointerEvents = "none";
    this.under = /** @type {CanvasRenderingContext2D} */ (this.base.getContext("2d"));
    this.over = /** @type {CanvasRenderingContext2D} */ (this.top.getContext("2d"));
    /** @type {Shape[] | null} */ this.drawn = null;
    this.stale = true; // the base has to be drawn anew: the camera has moved
    this.width = this.height = 1;
    this.px = this.py = 0;
    this.matrix = new Float64Array(16);
    this.product = new Matrix4();
    this.kept_m = 0; // metres for a pixel, of this camera; 0: to be worked out
    this.eyePoint = new Float64Array(3);
    this.vh2 = 0;
    this.cesium_ms = 0; // of the last drawing: by software it is most of it
    this.overlay = new Overlay(this.over, this.dots, world, this);
    this.forget = scene.camera.changed.addEventListener(moved);
    scene.camera.percentageChanged = 0.02;
    this.resize();
  }

  paint() {
    const { scene } = this.widget;
    scene.globe.baseColor = Color.fromCssColorString(MAP[settings.theme].sea);
    scene.backgroundColor = Color.fromCssColorString(settings.theme === "dark" ? "#04070a" : "#b9c6d2");
    if (this.theme !== settings.theme) {
      this.theme = settings.theme;
      scene.imageryLayers.removeAll();
      scene.imageryLayers.add(new ImageryLayer(/** @type {any} */ (new CoastImagery(this.theme))));
    }
    scene.requestRender();
  }

  resize() {
    this.width = Math.max(1, this.host.clientWidth);
    this.height = Math.max(1, this.host.clientHeight);
    const ratio = Math.min(2, devicePixelRatio);
    for (const canvas of [this.base, this.top]) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.height * ratio);
    }
    for (const context of [this.under, this.over]) context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.stale = true;
    this.widget.resize();
    this.widget.scene.requestRender();
  }

  get tangent() {
    return 2 * Math.tan(/** @type {{fovy: number}} */ (/** @type {unknown} */ (this.widget.camera.frustum)).fovy / 2);
  }

  /** @returns {{lon: number, lat: number, range_m: number}} the middle of the view and how far it is */
  get middle() {
    const { camera } = this.widget;
    const point = camera.pickEllipsoid(new Cartesian2(this.width / 2, this.height / 2));
    const place = point ? Cartographic.fromCartesian(point) : camera.positionCartographic;
    const range_m = point ? Cartesian3.distance(point, camera.positionWC) : camera.positionCartographic.height;
    return { lon: CesiumMath.toDegrees(place.longitude), lat: CesiumMath.toDegrees(place.latitude), range_m };
  }

  /** @returns {Camera} */
  get camera() {
    const { lon, lat, range_m } = this.middle;
    return { lon, lat, span_m: (range_m * this.tangent) / this.height };
  }

  get span_m() {
    return (this.kept_m ||= this.camera.span_m);
  }

  get scale() {
    const { lat, span_m } = this.camera;
    return (ROUND_M * Math.cos((lat * Math.PI) / 180)) / span_m;
  }

  /** @param {Camera} camera */
  look({ lon, lat, span_m }) {
    const range_m = (span_m * this.height) / this.tangent;
    const pitch = range_m > 9e6 ? -88 : PITCH_DEG;
    const { camera } = this.widget;
    camera.lookAt(Cartesian3.fromDegrees(lon, lat), new HeadingPitchRange(0, CesiumMath.toRadians(pitch), Math.max(20_000, range_m)));
    camera.lookAtTransform(Matrix4.IDENTITY);
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    const { lon, lat, span_m } = this.camera;
    this.look({ lon: lon - (dx * span_m) / (111_320 * Math.max(0.1, Math.cos((lat * Math.PI) / 180))), lat: Math.max(-89, Math.min(89, lat + (dy * span_m) / 111_320)), span_m });
  }

  /** @param {number} scale */
  zoomTo(scale) {
    const { camera } = this.widget;
    camera.moveForward(this.middle.range_m * (1 - this.scale / scale));
  }

  /** Take over the camera as it is now. */
  aim() {
    const { camera } = this.widget;
    const product = Matrix4.multiply(camera.frustum.projectionMatrix, camera.viewMatrix, this.product);
    for (let k = 0; k < 16; k++) {
      const value = /** @type {any} */ (product)[k];
      if (this.matrix[k] !== value) {
        this.stale = true;
        this.kept_m = 0;
      }
      this.matrix[k] = value;
    }
    const { x, y, z } = camera.positionWC;
    this.eyePoint[0] = x;
    this.eyePoint[1] = y;
    this.eyePoint[2] = z;
    this.vh2 = (x * x + y * y) / A2 + (z * z) / B2 - 1;
  }

  /** @param {number} x @param {number} y @param {number} z Earth-fixed metres @returns {boolean} whether it is in sight; its pixel is then in px, py */
  at(x, y, z) {
    const m = this.matrix;
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    if (w <= 0) return false;
    this.px = ((m[0] * x + m[4] * y + m[8] * z + m[12]) / w + 1) * 0.5 * this.width;
    this.py = (1 - (m[1] * x + m[5] * y + m[9] * z + m[13]) / w) * 0.5 * this.height;
    const eye = this.eyePoint;
    const dx = x - eye[0];
    const dy = y - eye[1];
    const dz = z - eye[2];
    const along = -((dx * eye[0] + dy * eye[1]) / A2 + (dz * eye[2]) / B2);
    return !(along > this.vh2 && along * along > this.vh2 * ((dx * dx + dy * dy) / A2 + (dz * dz) / B2));
  }

  /** @param {number} lon @param {number} lat @param {number} height_m */
  spot(lon, lat, height_m) {
    const [x, y, z] = ecef(lon, lat, Math.max(LIFT_M, height_m));
    return this.at(x, y, z);
  }

  /** @param {Trail} trail @param {number} j */
  past(trail, j) {
    const space = (trail.space ??= new Float64Array(4 * trail.x.length));
    const k = 4 * j;
    if (space[k + 3] !== trail.time_ms[j]) {
      const [x, y, z] = ecef((trail.x[j] - 0.5) * 360, latitudeOf(trail.y[j]), Math.max(LIFT_M, trail.height_m[j]));
      space[k] = x;
      space[k + 1] = y;
      space[k + 2] = z;
      space[k + 3] = trail.time_ms[j];
    }
    return this.at(space[k], space[k + 1], space[k + 2]);
  }

  /** @param {number} i @param {number} on_s */
  ahead(i, on_s) {
    const { space: p, spaceSpeed: v } = this.world;
    return this.at(p[3 * i] + v[3 * i] * on_s, p[3 * i + 1] + v[3 * i + 1] * on_s, p[3 * i + 2] + v[3 * i + 2] * on_s);
  }

  /** @param {Seen} seen @param {Uint8Array} shown @param {number} now_ms */
  see(seen, shown, now_ms) {
    const { world, width, height } = this;
    const rows = world.frame?.n ?? 0;
    let n = 0;
    for (let i = 0; i < rows; i++) {
      if (!shown[i] || !this.ahead(i, world.reckon_s(i, now_ms))) continue;
      if (this.px < -20 || this.px > width + 20 || this.py < -20 || this.py > height + 20) continue;
      seen.index[n] = i;
      seen.x[n] = this.px;
      seen.y[n++] = this.py;
    }
    seen.n = n;
  }

  /** @param {number} lon @param {number} lat @param {number} [height_m] @returns {[number, number] | null} */
  project(lon, lat, height_m = 0) {
    this.aim();
    return this.spot(lon, lat, height_m) ? [this.px, this.py] : null;
  }

  /** @param {number} x @param {number} y @returns {[number, number] | null} */
  unproject(x, y) {
    const point = this.widget.camera.pickEllipsoid(new Cartesian2(x, y));
    if (!point) return null;
    const place = Cartographic.fromCartesian(point);
    return [CesiumMath.toDegrees(place.longitude), CesiumMath.toDegrees(place.latitude)];
  }

  /** @param {number} x @param {number} y */
  pick(x, y) {
    return this.overlay.pick(x, y);
  }

  /** @param {Drawing} drawing */
  draw(drawing) {
    if (this.theme !== settings.theme) this.paint();
    const began = performance.now();
    this.widget.render();
    this.cesium_ms = performance.now() - began;
    this.aim();
    if (this.stale || drawing.scene.still !== this.drawn) this.drawBase(drawing.scene.still);
    this.over.clearRect(0, 0, this.width, this.height);
    for (const shape of drawing.scene.moving) this.drawShape(shape, this.over);
    this.overlay.draw(drawing);
  }

  /** What stands still is drawn when the camera has moved, not at each drawing. @param {Shape[]} still */
  drawBase(still) {
    this.stale = false;
    this.drawn = still;
    this.under.clearRect(0, 0, this.width, this.height);
    for (const shape of still) this.drawShape(shape, this.under);
  }

  /** @param {Shape} shape @param {CanvasRenderingContext2D} over */
  drawShape(shape, over) {
    const space = (shape.space ??= spaceOf(shape));
    over.beginPath();
    let [any, whole, drawing] = [false, true, false];
    for (let k = 0; k < space.length; k += 3) {
      const seen = this.at(space[k], space[k + 1], space[k + 2]);
      if (seen && drawing) over.lineTo(this.px, this.py);
      else if (seen) over.moveTo(this.px, this.py);
      drawing = seen;
      any ||= seen;
      whole &&= seen;
    }
    if (!any) return;
    if (shape.closed && whole) over.closePath();
    if (shape.fill && whole) {
      over.fillStyle = shape.fill;
      over.fill();
    }
    if (shape.stroke) {
      over.strokeStyle = shape.stroke;
      over.lineWidth = shape.width ?? 1;
      over.setLineDash(shape.dash ?? []);
      over.stroke();
      over.setLineDash([]);
    }
    if (!shape.closed && !shape.ground && shape.layer === "paths") this.drawCurtain(shape);
  }

  /** Thin lines from a path down to the ground, so that its height is seen. @param {Shape} shape */
  drawCurtain({ points, stroke }) {
    const { over } = this;
    over.beginPath();
    for (const [lon, lat, height_m] of points) {
      if (!this.spot(lon, lat, 0)) continue;
      const [x, y] = [this.px, this.py];
      if (!this.spot(lon, lat, height_m ?? 0)) continue;
      over.moveTo(x, y);
      over.lineTo(this.px, this.py);
    }
    over.strokeStyle = faded(stroke ?? "#ffffff", 0.3);
    over.lineWidth = 1;
    over.stroke();
  }

  close() {
    this.forget();
    this.widget.destroy();
    this.frame.remove();
    this.base.remove();
    this.dots.remove();
    this.top.remove();
    this.world.inSpace = false;
    this.world.toFlat();
  }
}

/** @param {Shape} shape @returns {Float64Array} Earth-fixed metres, in short steps along rhumb lines */
function spaceOf({ points, closed, ground }) {
  const ring = closed ? [...points, points[0]] : points;
  const found = [];
  for (let k = 0; k < ring.length; k++) {
    const [lon, lat, height_m = 0] = ring[k];
    const lift = ground ? LIFT_M : Math.max(LIFT_M, height_m);
    if (k) {
      const [lon0, lat0, height0 = 0] = ring[k - 1];
      const steps = Math.min(60, Math.ceil(Math.max(Math.abs(lat - lat0), Math.abs(lon - lon0)) / STEP_DEG));
      const [y0, y1] = [mercatorY(lat0), mercatorY(lat)];
      for (let j = 1; j < steps; j++) {
        const share = j / steps;
        found.push(...ecef(lon0 + (lon - lon0) * share, Math.abs(lat) > 84 ? lat0 + (lat - lat0) * share : latitudeOf(y0 + (y1 - y0) * share), ground ? LIFT_M : Math.max(LIFT_M, height0 + (height_m - height0) * share)));
      }
    }
    found.push(...ecef(lon, lat, lift));
  }
  return new Float64Array(found);
}

