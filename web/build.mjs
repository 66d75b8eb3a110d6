// Builds the page: our modules and what they use of npm into one folder that the program serves.
//   node build.mjs OUT
import { build } from "esbuild";
import { geoEquirectangular, geoStream } from "d3-geo";
import { feature } from "topojson-client";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "src", "noroshi", "page");
const modules = join(here, "node_modules");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const result = await build({
  absWorkingDir: here,
  entryPoints: { page: "src/main.js" },
  outdir: out,
  bundle: true,
  splitting: true, // the globe is a file of its own, fetched when it is wanted
  chunkNames: "[name]-[hash]",
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
  external: ["http", "https", "url", "zlib"],
});

for (const name of ["index.html", "page.css", "icon.svg"]) cpSync(join(here, name), join(out, name));
const engine = join(modules, "@cesium", "engine");
copyWorkers(["createVerticesFromHeightmap.js", "incrementallyBuildTerrainPicker.js", "transferTypedArrayTest.js"]);
// The last is the Earth's axis around the one date that the globe's clock stands at (src/globe.js).
for (const name of ["approximateTerrainHeights.json", join("IAU2006_XYS", "IAU2006_XYS_18.json")])
  cpSync(join(engine, "Source", "Assets", name), join(out, "cesium", "Assets", name));
writeFileSync(join(out, "coast.bin"), coast());
const licenceText = licences();
writeFileSync(join(out, "LICENCES.txt"), licenceText);
writeFileSync(join(out, "export.html"), await oneFile());

/** The page as one file without the globe, which is filled in with a recording and mailed (`noroshi picture --out`). */
async function oneFile() {
  const without = {
    name: "without the globe",
    setup(/** @type {import("esbuild").PluginBuild} */ made) {
      made.onResolve({ filter: /\/globe\.js$/ }, () => ({ path: "globe", namespace: "nothing" }));
      made.onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "export const GlobeView = null;" }));
    },
  };
  const one = await build({
    absWorkingDir: here, entryPoints: ["src/main.js"], bundle: true, write: false, format: "esm", target: "es2022", minify: true, legalComments: "none", plugins: [without],
  });
  const script = one.outputFiles[0].text;
  const policy = `default-src 'none'; script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'; style-src 'unsafe-inline'; img-src data: blob:`;
  const icon = `data:image/svg+xml;base64,${readFileSync(join(here, "icon.svg")).toString("base64")}`;
  const parts = {
    '<meta charset="utf-8">': `<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    'href="icon.svg"': `href="${icon}"`,
    '<link rel="stylesheet" href="page.css">': `<style>${readFileSync(join(here, "page.css"), "utf8")}</style>\n<!--NOROSHI-DATA-->\n<script type="text/plain" id="noroshi-coast">${coast().toString("base64")}</script>`,
    '<script type="module" src="page.js"></script>': `<script type="module">${script}</script>`,
  };
  let text = readFileSync(join(here, "index.html"), "utf8");
  for (const [old, wanted] of Object.entries(parts)) {
    if (!text.includes(old)) throw new Error(`index.html has no ${old}`);
    text = text.replace(old, () => wanted);
  }
  return `${text}<!--\n${licenceText.replaceAll("--", "- -")}\n-->\n`;
}

/** Cesium's workers that a plain globe calls, and what these import. @param {string[]} names */
function copyWorkers(names) {
  const from = join(engine, "Build", "Workers");
  mkdirSync(join(out, "cesium", "Workers"), { recursive: true });
  const wanted = [...names];
  for (const name of wanted) {
    const text = readFileSync(join(from, name), "utf8");
    writeFileSync(join(out, "cesium", "Workers", name), text);
    for (const [, other] of text.matchAll(/"\.\/(chunk-\w+\.js)"/g)) if (!wanted.includes(other)) wanted.push(other);
  }
}

/** Natural Earth's land as rings of hundredths of degrees, cut at 180 degrees: planar maps would draw bands across. */
function coast() {
  const world = JSON.parse(readFileSync(join(modules, "world-atlas", "land-50m.json"), "utf8"));
  const land = feature(world, world.objects.land);
  const flat = geoEquirectangular().scale(180 / Math.PI).translate([0, 0]).precision(0);
  /** @type {number[][]} */ const rings = [];
  /** @type {number[]} */ let ring = [];
  geoStream(land, flat.stream({
    point: (x, y) => void ring.push(Math.round(x * 150), Math.round(-y * 150)),
    lineStart: () => void (ring = []),
    lineEnd: () => void rings.push(ring),
    polygonStart: () => {},
    polygonEnd: () => {},
    sphere: () => {},
  }));
  const numbers = new Int32Array([rings.length, ...rings.map((one) => one.length / 2)]);
  const points = new Int16Array(rings.flat());
  return Buffer.concat([Buffer.from(numbers.buffer), Buffer.from(points.buffer)]);
}

/** The licence of every package of which something is in the bundle. */
function licences() {
  const used = new Set(["world-atlas"]);
  for (const path of Object.keys(result.metafile.inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//g;
    for (const match of path.matchAll(found)) used.add(match[1]);
  }
  const parts = ["Parts of other people in this page, with their licences. Coast: Natural Earth, public domain.\n"];
  for (const name of [...used].sort()) {
    const folder = join(modules, name);
    const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
    const texts = files.map((file) => readFileSync(join(folder, file), "utf8").trim());
    parts.push(`${"=".repeat(78)}\n${name} ${about.version}, ${about.license}\n\n${texts.join("\n\n") || "(no text)"}\n`);
  }
  return parts.join("\n");
}
