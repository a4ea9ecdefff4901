const curves = Object.fromEntries(
  Object.entries(data.curves).map(([name, packed]) => [name, packed && typeof packed === "object" ? unpack(packed) : packed]),
);
const together = ["equity", "drawdown", "exposure"];
const linked = uPlot.sync("period");
let zooming = false;

/** Give the other curves the period that one of them was zoomed to. */
function follow(plot) {
  if (zooming) return;
  zooming = true;
  const { min, max } = plot.scales.x;
  for (const id of together) {
    const chart = charts.get(id);
    if (!chart) continue;
    if (chart.plot !== plot) chart.plot.setScale("x", { min, max });
    noteZoom(chart, chart.plot, curves.time);
  }
  zooming = false;
}

const when = () => ({ label: data.daily ? "Date" : "Time", value: (_, seconds) => moment(seconds) });
const line = (label, name, value, extra) => ({ label, stroke: colour(name), width: 1.5, value: (_, v) => value(v), points: { show: curves.time.length < 3, size: 6 }, ...extra });

function curveChart(id, height, series, values, y, scale) {
  place(
    id,
    height,
    {
      cursor: { sync: { key: linked.key }, y: false, points: { size: 6 } },
      scales: { x: { time: true }, y: scale },
      axes: [timeAxis(), yAxis(scale.distr === 3, y)],
      series: [when(), ...series],
      hooks: { setScale: [(plot, key) => key === "x" && follow(plot)] },
    },
    [curves.time, ...values],
  );
}

const equityLog = logButton("log", drawEquity);
equityLog.suit([curves.equity, curves.benchmark]);

function drawEquity() {
  curveChart(
    "equity",
    330,
    [line("Buy and hold", "held", money), line("This run", "own", money, { width: 2 })],
    [curves.benchmark, curves.equity],
    short,
    yScale(equityLog.on()),
  );
}

function drawDrawdown() {
  curveChart(
    "drawdown",
    150,
    [line("Buy and hold", "held", percent), line("This run", "down", percent, { fill: colour("down-soft") })],
    [curves.benchmark_drawdown, curves.drawdown],
    (value) => percent(value, value > -0.05 && value < 0 ? 1 : 0),
    { range: (_, min) => [Math.min(min ?? 0, -0.01) * 1.05, 0] },
  );
}

function drawExposure() {
  const series = [line("Gross", "own", percent, { fill: colour("own-soft"), width: 1 })];
  if (curves.net) series.push(line("Net", "ink", percent, { width: 1 }));
  curveChart(
    "exposure",
    130,
    series,
    curves.net ? [curves.gross, curves.net] : [curves.gross],
    (value) => percent(value, 0),
    { range: (_, min, max) => [Math.min(0, min ?? 0), Math.max(0.05, (max ?? 0) * 1.05)] },
  );
}

[drawEquity, drawDrawdown, drawExposure].forEach(paint);
byId("whole").addEventListener("click", () => {
  const time = curves.time;
  charts.get("equity").plot.setScale("x", { min: time[0], max: time[time.length - 1] });
});
