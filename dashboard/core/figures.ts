/** Figures as operators read them: three digits, units of the field. Null, not known: a dash. */
const UNKNOWN = "–";
const STEPS = ["", "k", "M", "G", "T"] as const;
const COUNT = new Intl.NumberFormat("en");

const digits = (value: number): string => {
  if (value === 0) return "0";
  const places = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  if (places === 0) return value.toFixed(0);
  return value.toFixed(places).replace(/\.?0+$/, "");
};

/** 1_240_000, "bit" -> "1.24 Mbit"; decimal prefixes. */
function scaled(value: number | null, unit: string): string {
  if (value === null) return UNKNOWN;
  let [size, step] = [Math.abs(value), 0];
  while (size >= 999.5 && step < STEPS.length - 1) [size, step] = [size / 1000, step + 1];
  const text = step === 0 && Number.isInteger(value) ? String(size) : digits(size);
  return `${value < 0 ? "−" : ""}${text}\u202f${STEPS[step] ?? ""}${unit}`;
}

export const bits = (value: number | null): string => scaled(value, "bit");
export const rate = (bitsPerSecond: number | null): string => scaled(bitsPerSecond, "bit/s");
export const bytes = (value: number | null): string => scaled(value, "B");
export const count = (value: number | null): string => (value === null ? UNKNOWN : COUNT.format(value));
export const perSecond = (value: number | null): string => (value === null ? UNKNOWN : `${digits(value)}/s`);
export const percent = (share: number | null): string =>
  share === null ? UNKNOWN : `${digits(Math.abs(share) * 100)}\u202f%`;
export const milliseconds = (value: number | null): string => {
  if (value === null) return UNKNOWN;
  return value >= 999.5 ? `${digits(value / 1000)}\u202fs` : `${digits(value)}\u202fms`;
};

const UNITS = [
  { name: "d", seconds: 86_400 },
  { name: "h", seconds: 3600 },
  { name: "min", seconds: 60 },
  { name: "s", seconds: 1 },
] as const;

/** Two units at most: 7500 -> "2 h 5 min". */
export function duration(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  const at = UNITS.findIndex((unit) => seconds >= unit.seconds);
  const [unit, next] = [UNITS[at], UNITS[at + 1]];
  if (unit === undefined) return `${digits(Math.max(0, seconds))}\u202fs`;
  const whole = Math.floor(seconds / unit.seconds);
  const rest = next === undefined ? 0 : Math.floor((seconds - whole * unit.seconds) / next.seconds);
  const first = `${COUNT.format(whole)}\u202f${unit.name}`;
  return rest === 0 || next === undefined || whole >= 100 ? first : `${first} ${rest}\u202f${next.name}`;
}

interface Draining {
  readonly available_bits: number | null;
  readonly key_rate_bps: number | null;
  readonly use_rate_bps: number | null;
  readonly empty_in_s: number | null;
}

/** When a pool is empty at its present rates; "never" only of one that holds key and does not run dry. */
export function emptyIn(pool: Draining): string {
  if (pool.available_bits === 0) return "empty";
  if (pool.available_bits === null || pool.key_rate_bps === null || pool.use_rate_bps === null) return UNKNOWN;
  return pool.empty_in_s === null ? "never" : duration(pool.empty_in_s);
}

/** How long ago; never in the future, as clocks differ. */
export function ago(instant: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(instant)) / 1000));
  if (seconds < 2) return "now";
  const unit = UNITS.find((each) => seconds >= each.seconds) ?? UNITS[3];
  return `${COUNT.format(Math.floor(seconds / unit.seconds))}\u202f${unit.name} ago`;
}
