// Places on the ellipsoid and on the flat map. Degrees and metres, since that is what people and the wire speak.

export const RADIUS_M = 6371008.8;
const A_M = 6378137;
const E2 = 0.0066943799901413165;
const RAD = Math.PI / 180;

/** The widest latitude that the flat map shows. */
export const LAT_MAX_DEG = 85.05;

/** Metres along the equator for one turn of the flat map. */
export const ROUND_M = 2 * Math.PI * A_M;

/** @param {number} lon_deg @returns {number} the flat map's x, 0 at 180 W, 1 at 180 E */
export const mercatorX = (lon_deg) => lon_deg / 360 + 0.5;

/** @param {number} lat_deg @returns {number} the flat map's y, 0 in the north, 1 in the south */
export function mercatorY(lat_deg) {
  const sine = Math.sin(Math.max(-LAT_MAX_DEG, Math.min(LAT_MAX_DEG, lat_deg)) * RAD);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

/** @param {number} y @returns {number} degrees */
export const latitudeOf = (y) => Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) / RAD;

/** @param {number} lon_deg @returns {number} the same between -180 and 180 */
export const wrapped = (lon_deg) => ((((lon_deg + 180) % 360) + 360) % 360) - 180;

/**
 * Metres that a degree of latitude and of longitude are long on the ellipsoid.
 * @param {number} lat_deg
 * @returns {[north_m: number, east_m: number]}
 */
export function degreeLengths(lat_deg) {
  const sine = Math.sin(lat_deg * RAD);
  const w = 1 - E2 * sine * sine;
  return [(RAD * A_M * (1 - E2)) / w ** 1.5, (RAD * A_M * Math.cos(lat_deg * RAD)) / Math.sqrt(w)];
}

/**
 * Distance and first bearing on the mean sphere, good to half a percent.
 * @param {number} lon1 @param {number} lat1 @param {number} lon2 @param {number} lat2
 * @returns {{distance_m: number, bearing_deg: number}}
 */
export function between(lon1, lat1, lon2, lat2) {
  const [a, b, d] = [lat1 * RAD, lat2 * RAD, (lon2 - lon1) * RAD];
  const h = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(d / 2) ** 2;
  const bearing = Math.atan2(Math.sin(d) * Math.cos(b), Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(d));
  return { distance_m: 2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h))), bearing_deg: (bearing / RAD + 360) % 360 };
}

/**
 * Where one comes to by a bearing and a distance on the mean sphere.
 * @param {number} lon @param {number} lat @param {number} bearing_deg @param {number} distance_m
 * @returns {[lon: number, lat: number]} the longitude may lie beyond 180, so that lines stay whole
 */
export function reach(lon, lat, bearing_deg, distance_m) {
  const [a, c, d] = [lat * RAD, bearing_deg * RAD, distance_m / RADIUS_M];
  const sine = Math.sin(a) * Math.cos(d) + Math.cos(a) * Math.sin(d) * Math.cos(c);
  const east = Math.atan2(Math.sin(c) * Math.sin(d) * Math.cos(a), Math.cos(d) - Math.sin(a) * sine);
  return [lon + east / RAD, Math.asin(Math.max(-1, Math.min(1, sine))) / RAD];
}

/**
 * A circle, or a sector of one, over ground.
 * @param {number} lon @param {number} lat @param {number} radius_m
 * @param {number} [from_deg] the sector's first bearing @param {number} [width_deg] 360 is a whole circle
 * @returns {number[][]} a ring of [lon, lat]
 */
export function circle(lon, lat, radius_m, from_deg = 0, width_deg = 360) {
  const whole = width_deg >= 359.99;
  const steps = Math.max(8, Math.round(width_deg / 4));
  const ring = [];
  for (let k = 0; k <= steps; k++) ring.push(reach(lon, lat, from_deg + (width_deg * k) / steps, radius_m));
  if (!whole) ring.push([lon, lat], ring[0]);
  return ring;
}

/**
 * The ellipse of a covariance on the ground.
 * @param {number} lon @param {number} lat
 * @param {number} ee_m2 @param {number} nn_m2 @param {number} en_m2 east-east, north-north, east-north
 * @param {number} scale how many sigmas
 * @returns {number[][]} a ring of [lon, lat]
 */
export function ellipse(lon, lat, ee_m2, nn_m2, en_m2, scale) {
  const { major_m, minor_m, bearing_deg } = axes(ee_m2, nn_m2, en_m2);
  const [north, east] = degreeLengths(Math.max(-89, Math.min(89, lat)));
  const [s, c] = [Math.sin(bearing_deg * RAD), Math.cos(bearing_deg * RAD)];
  const ring = [];
  for (let k = 0; k <= 48; k++) {
    const along = Math.cos((k * Math.PI) / 24) * major_m * scale;
    const across = Math.sin((k * Math.PI) / 24) * minor_m * scale;
    ring.push([lon + (along * s + across * c) / east, lat + (along * c - across * s) / north]);
  }
  return ring;
}

/**
 * The semi-axes of a covariance, one sigma.
 * @param {number} ee_m2 @param {number} nn_m2 @param {number} en_m2
 * @returns {{major_m: number, minor_m: number, bearing_deg: number}} bearing of the major axis
 */
export function axes(ee_m2, nn_m2, en_m2) {
  const middle = (ee_m2 + nn_m2) / 2;
  const root = Math.hypot((ee_m2 - nn_m2) / 2, en_m2);
  const angle = 0.5 * Math.atan2(2 * en_m2, nn_m2 - ee_m2);
  return {
    major_m: Math.sqrt(Math.max(0, middle + root)),
    minor_m: Math.sqrt(Math.max(0, middle - root)),
    bearing_deg: (angle / RAD + 360) % 180,
  };
}

/**
 * Longitudes made continuous, so that a line over 180 degrees stays one line.
 * @param {number[][]} points [lon, lat, ...] @returns {number[][]}
 */
export function unwrap(points) {
  let shift = 0;
  return points.map((point, k) => {
    if (k) {
      const step = point[0] + shift - (points[k - 1][0] + shift);
      if (step > 180) shift -= 360;
      else if (step < -180) shift += 360;
    }
    return [point[0] + shift, ...point.slice(1)];
  });
}

/**
 * Earth-fixed metres on WGS 84 from a geodetic place.
 * @param {number} lon_deg @param {number} lat_deg @param {number} height_m @returns {[number, number, number]}
 */
export function ecef(lon_deg, lat_deg, height_m) {
  const [s, c] = [Math.sin(lat_deg * RAD), Math.cos(lat_deg * RAD)];
  const n = A_M / Math.sqrt(1 - E2 * s * s);
  return [(n + height_m) * c * Math.cos(lon_deg * RAD), (n + height_m) * c * Math.sin(lon_deg * RAD), (n * (1 - E2) + height_m) * s];
}
