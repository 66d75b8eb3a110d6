// The texts of the wire (docs/picture-wire.md), for the type checker alone.

export interface Hello {
  type: "hello";
  version: number;
  program: string;
  mode: "live" | "replay" | "exercise" | "export";
  exercise: string | null;
  node: string;
  user: { name: string; role: "viewer" | "operator"; duty: string; nation: string };
  view: string;
  views: { key: string; name: string; is_own: boolean }[];
  can: { seek: boolean; decide: boolean; play: boolean; control: boolean };
  what_if: WhatIfOptions | null;
}
export interface ClockText {
  type: "clock";
  n: number;
  picture_ms: number;
  at_ms: number;
  start_ms: number;
  known_ms: number;
  end_ms: number | null;
  rate: number;
  playing: boolean;
  following: boolean;
  jumped: boolean;
  step_ms: number;
  saying: string;
}
export interface Source { name: string; nation: string; is_nation: boolean }
export interface Sensor {
  name: string; nation: string; sort: string;
  lat_deg: number | null; lon_deg: number | null; height_m: number | null;
  state: "ok" | "silent" | "unknown"; seen_ms: number | null; carrier: string | null;
  range_m_max: number | null; elevation_deg: number[] | null; sectors_deg: number[][] | null;
}
export interface Satellite {
  name: string; nation: string; sort: string; from_ms: number; step_ms: number;
  path_ecef_m: number[][]; half_angle_deg: number | null;
}
export interface LinkRow {
  from: string; to: string; state: "up" | "away" | "unknown";
  waiting: number; missing: number; seen_ms: number | null;
}
export interface Threat {
  id: string; track: string; stage: string; certainty: string; kind: number[];
  time_ms: number; updated_ms: number; since_ms: number; expires_ms: number;
  end_ms: number | null; end_sigma_s: number | null;
  end: { lat_deg: number; lon_deg: number; major_m: number; minor_m: number; bearing_deg: number } | null;
  region: string; path: number[][];
}
export interface AlertArea {
  code: string; name: string; probability: number; people: number; arrival_ms: number; arrival_latest_ms: number;
}
export interface AlertPlace { name: string; local: string; area: string; lat_deg: number; lon_deg: number; people: number; arrival_ms: number }
export interface Alert {
  identifier: string; sender: string; status: string; message: string; references: string[]; hazard: string;
  threat: string; stage: string; certainty: string; sent_ms: number; expires_ms: number; picture_ms: number;
  reason: string; life: "proposed" | "issued" | "revised" | "passed" | "cancelled" | "rejected";
  changed_ms: number; acknowledged_by: string[]; decided_by: string;
  areas: AlertArea[]; places: AlertPlace[];
}
export interface Area { code: string; name: string; people: number; rings_deg: number[][][] }
export interface Launch { id: string; time_ms: number; first_ms: number; probability: number; line: number[][] }
export interface Zone { name: string; sort: string; ring_deg: number[][]; height_m: (number | null)[] }
export interface Decision {
  founder: string; stream: string; owner: string; version: number; state: string; action: string; asset: string;
  areas: string[]; priority: string; ends_ms: number | null; detail: Record<string, unknown>; threat: string | null; reason: string;
  concerns: string[]; approved: string[]; picture_ms: number | null;
  advice: { objective: number; bound: number; gap: number; alternatives: { plan: string; objective: number; look: [string, number, string] | null; sites: unknown[] | null }[] } | null;
  waits: { roles: string[]; nations: string[]; until_ms: number | null; otherwise: string } | null;
  steps: { step: string; roles: string[]; needs_reason: boolean }[];
  log: { time_ms: number; step: string; by: string; role: string; reason: string; acting_for: string }[];
}
export interface Note {
  time_ms: number; by: string; sort: string; number?: string; sender?: string; to?: string; text?: string; expected?: string;
  within_s?: number; responsible?: string; objective?: string; due?: string;
}
export interface Play {
  speed: number; wanted: number; is_over: boolean; branch: number; checkpoints_ms: number[]; nations: string[];
  seats: { name: string; nation: string; role: string; is_here: boolean }[];
  rows?: { number: string; at_s: number; to: string; text: string; inject: { what?: string } | null; is_sent: boolean }[];
  told?: Note[]; kinds?: string[];
}
export interface WhatIfOptions {
  until_s: number; nations: string[]; links: string[];
  sensors: { name: string; path: string; is_fixed: boolean }[]; constellations: { name: string; path: string }[];
}
export interface Gain {
  measure: string; node: string; subject: string; before: number | null; after: number | null; gained_s: number | null; is_better: boolean;
}
export interface EventRow { time_ms: number; sort: string; text: string; id: string | null }
export interface Health { is_well: boolean; node_ms: number; tracks: number; viewers: number; lines: string[] }
export interface Story {
  type: "story"; n: number; id: string; text: string; known: boolean;
  history: number[][]; kinds: [number, number[]][]; models: [number, Record<string, number>][];
  detections: { time_ms: number; received_ms: number | null; sensor: string; weight: number }[];
  nations: { nation: string; first_ms: number; last_ms: number }[];
  releases: { to: string; rule: string; outcome: string; time_ms: number }[];
}
export interface Coverage { type: "coverage"; n: number; height_m: number; rows: { name: string; rings_deg: number[][][] }[] }
export type Name = [id: string, call_sign: string | null, icao: string | null, mode_3a: string | null, mmsi: string | null];
