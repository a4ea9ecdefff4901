"use strict";
const page = document.documentElement;
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const MISSING = "\u2013", MINUS = "\u2212";

/** Turn packed base64 into a plain array in which a missing number is null, as the charts want it. */
function unpack(packed) {
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.f32 ?? packed.f64), (c) => c.charCodeAt(0));
  const numbers = packed.f32 !== undefined ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  return Array.from(numbers, (value) => (Number.isNaN(value) ? null : value));
}

const signed = (text) => (/[1-9]/.test(text) ? text.replace("-", MINUS) : text.replace("-", ""));
const fixed = (value, digits) =>
  value == null ? MISSING : signed(value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const significant = (value, digits) =>
  value == null ? MISSING : signed(value.toLocaleString("en-US", { maximumSignificantDigits: digits }));
const percent = (value, digits = 1) => (value == null ? MISSING : `${fixed(value * 100, digits)} %`);
const money = (value) => (value == null ? MISSING : Math.abs(value) > 0 && Math.abs(value) < 1 ? significant(value, 4) : fixed(value, 2));
const short = (value) =>
  value == null ? "" : signed(value.toLocaleString("en-US", { notation: "compact", maximumSignificantDigits: 4 }));

const clock = data.daily ? {} : { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const moments = new Intl.DateTimeFormat("en-CA", { timeZone: data.zone, year: "numeric", month: "2-digit", day: "2-digit", ...clock });
const moment = (seconds) => (seconds == null ? MISSING : moments.format(new Date(seconds * 1000)).replace(",", ""));
const zoned = (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone);

const colour = (name) => getComputedStyle(page).getPropertyValue(`--${name}`).trim();
const painters = [];

/** Draw now, and again whenever the theme changes. */
function paint(draw) {
  painters.push(draw);
  draw();
}

function setTheme(theme) {
  page.dataset.theme = theme;
  byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
  painters.forEach((draw) => draw());
}

/** A page from a file may have no storage: then the choice lasts as long as the page. */
function remembered(theme) {
  try {
    if (theme) localStorage.setItem("darwin-theme", theme);
    return localStorage.getItem("darwin-theme");
  } catch {
    return theme;
  }
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
setTheme(remembered() ?? (prefersDark.matches ? "dark" : "light"));
prefersDark.addEventListener("change", (event) => remembered() ?? setTheme(event.matches ? "dark" : "light"));
byId("theme").addEventListener("click", () => setTheme(remembered(page.dataset.theme === "dark" ? "light" : "dark")));

const axis = (extra) => ({
  stroke: colour("muted"),
  grid: { stroke: colour("line"), width: 1 },
  ticks: { show: false },
  font: "11.5px Inter, system-ui, sans-serif",
  ...extra,
});

const DAY = 86400;
const dated = (parts) => new Intl.DateTimeFormat("en-GB", { timeZone: data.zone, ...parts });
const dates = [
  [365 * DAY, dated({ year: "numeric" })],
  [28 * DAY, dated({ month: "short", year: "numeric" })],
  [DAY, dated({ day: "numeric", month: "short", year: "numeric" })],
  [0, dated({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" })],
];

/** The axis of time: a tick says no more than the distance between ticks asks for. */
function timeAxis() {
  const write = (_, ticks, __, ___, step) => {
    const format = dates.find(([least]) => step >= least)[1];
    return ticks.map((tick) => format.format(new Date(tick * 1000)).replace(",", ""));
  };
  return axis({ size: 32, space: 90, values: write });
}

const charts = new Map();

/** Put a chart into its place and keep it as wide as that; one that stood there goes, its zoom stays. */
function place(id, height, options, values) {
  const box = byId(id);
  const before = charts.get(id);
  const zoom = before && before.zoomed ? { ...before.plot.scales.x } : null;
  if (before) {
    before.watch.disconnect();
    before.plot.destroy();
  }
  const width = Math.max(240, box.clientWidth);
  const plot = new uPlot({ width, height, tzDate: zoned, ...options }, values, box);
  const watch = new ResizeObserver(() => box.clientWidth && plot.setSize({ width: box.clientWidth, height }));
  watch.observe(box);
  charts.set(id, { plot, watch, zoomed: Boolean(zoom) });
  if (zoom) plot.setScale("x", { min: zoom.min, max: zoom.max });
  return plot;
}

/** A scale for amounts; the logarithmic one ends near the data and not at the next power of ten. */
const yScale = (log) => (log ? { distr: 3, range: (_, min, max) => (min > 0 ? [min / 1.08, max * 1.08] : [0.1, 1]) } : {});

/** Round ticks for a logarithmic scale: 1, 2, 5 of each power of ten, or even steps where that would be too few. */
function logTicks(_, __, min, max) {
  const decades = Math.log10(max / min);
  if (decades < 0.7) {
    const raw = (max - min) / 7, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
    const from = Math.ceil(min / step);
    return Array.from({ length: Math.floor(max / step) - from + 1 }, (_, tick) => (from + tick) * step);
  }
  const ticks = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power++) {
    for (const each of decades > 4 ? [1] : decades > 2.5 ? [1, 3] : [1, 2, 5]) ticks.push(each * 10 ** power);
  }
  return ticks.filter((tick) => tick >= min && tick <= max);
}

/** The axis of amounts on a scale made by `yScale`. */
const yAxis = (log, write) =>
  axis({ size: 62, values: (_, ticks) => ticks.map(write), ...(log ? { splits: logTicks, filter: (_, ticks) => ticks } : {}) });

/** A toggle between a linear and a logarithmic scale; there is no logarithm of what is not above zero. */
function logButton(id, redraw) {
  const button = byId(id);
  let chosen = false;
  const press = (yes) => button.setAttribute("aria-pressed", yes);
  const on = () => button.getAttribute("aria-pressed") === "true";
  button.addEventListener("click", () => {
    chosen = true;
    press(!on());
    redraw();
  });
  /** Start with a logarithm when a linear scale would flatten the smaller values to a line. */
  function suit(columns) {
    const known = columns.flat().filter((value) => value != null);
    const least = known.reduce((a, b) => Math.min(a, b), Infinity), greatest = known.reduce((a, b) => Math.max(a, b), -Infinity);
    button.disabled = !(least > 0);
    if (button.disabled) press(false);
    else if (!chosen) press(greatest / least > 8);
  }
  return { on, suit };
}

/** Remember whether a chart shows less than everything. */
function noteZoom(chart, plot, time) {
  chart.zoomed = plot.scales.x.min > time[0] || plot.scales.x.max < time[time.length - 1];
}

let themeBeforePrint = null;
addEventListener("beforeprint", () => {
  themeBeforePrint = page.dataset.theme;
  setTheme("light");
  charts.forEach(({ plot }) => plot.setSize({ width: 700, height: plot.height }));
});
addEventListener("afterprint", () => {
  charts.forEach(({ plot }, id) => plot.setSize({ width: byId(id).clientWidth, height: plot.height }));
  setTheme(themeBeforePrint ?? "light");
});
