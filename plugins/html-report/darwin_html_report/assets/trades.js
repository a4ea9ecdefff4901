if (data.trades.count) showTrades();

function showTrades() {
  const packed = data.trades;
  const columns = Object.fromEntries(Object.entries(packed).map(([name, value]) => [name, value?.f32 || value?.f64 ? unpack(value) : value]));
  const all = Array.from({ length: packed.shown }, (_, row) => ({
    symbol: packed.symbols[columns.symbol[row]],
    reason: packed.reasons[columns.reason[row]].replaceAll("_", " "),
    side: columns.side[row] > 0 ? "long" : "short",
    quantity: columns.quantity[row],
    entry: columns.entry_time[row],
    entryPrice: columns.entry_price[row],
    exit: columns.exit_time[row],
    exitPrice: columns.exit_price[row],
    bars: columns.bars[row],
    fees: columns.fees[row],
    profit: columns.profit[row],
  }));
  const select = byId("symbol");
  select.add(new Option("all symbols", ""));
  packed.symbols.forEach((symbol) => select.add(new Option(symbol, symbol)));

  const chart = priceChart();
  const list = tradeList((trade) => {
    if (select.value !== trade.symbol) {
      select.value = trade.symbol;
      choose();
    }
    chart.zoom(trade);
    byId("price").scrollIntoView({ block: "center", behavior: "smooth" });
  });

  function choose() {
    const chosen = select.value;
    list.show(chosen ? all.filter((trade) => trade.symbol === chosen) : all);
    const charted = data.charted.includes(chosen) ? chosen : data.charted[0];
    chart.show(charted, all.filter((trade) => trade.symbol === charted));
  }
  select.addEventListener("change", choose);
  if (packed.symbols.length === 1) select.value = packed.symbols[0];
  choose();
}

/** The price of one symbol with its trades upon it. */
function priceChart() {
  let symbol = null, trades = [], known = null;
  const log = logButton("price-log", () => draw());

  /** Times, closes, highest and lowest, and the trades' own prices, for which the scale makes room. */
  function values() {
    const price = data.prices?.[symbol];
    const parts = price ? [price.time, price.close, price.high, price.low].map(unpack) : [[], [], null, null];
    const own = new Map();
    for (const { entry, entryPrice, exit, exitPrice } of trades) {
      for (const [time, paid] of [[entry, entryPrice], [exit, exitPrice]]) {
        const [low, high] = own.get(time) ?? [paid, paid];
        own.set(time, [Math.min(low, paid), Math.max(high, paid)]);
      }
    }
    const rows = new Map(parts[0].map((time, row) => [time, row]));
    const times = [...new Set([...parts[0], ...own.keys()])].sort((a, b) => a - b);
    const [close, high, low] = parts.slice(1).map((column) => column && times.map((time) => column[rows.get(time)] ?? null));
    const [cheapest, dearest] = [0, 1].map((side) => times.map((time) => own.get(time)?.[side] ?? null));
    return { times, close, high, low, cheapest, dearest };
  }

  function drawTrades(plot) {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const size = 4 * devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const trade of trades) {
      if (trade.exit < plot.scales.x.min || trade.entry > plot.scales.x.max) continue;
      const [x0, y0] = [plot.valToPos(trade.entry, "x", true), plot.valToPos(trade.entryPrice, "y", true)];
      const [x1, y1] = [plot.valToPos(trade.exit, "x", true), plot.valToPos(trade.exitPrice, "y", true)];
      const up = trade.side === "long" ? 1 : -1;
      ctx.strokeStyle = ctx.fillStyle = colour(trade.profit > 0 ? "up" : "down");
      ctx.lineWidth = 1.5 * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(x0, y0);
      ctx.lineTo(x1, y1);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x0, y0 - up * size);
      ctx.lineTo(x0 - size, y0 + up * size);
      ctx.lineTo(x0 + size, y0 + up * size);
      ctx.fill();
      ctx.beginPath();
      ctx.arc(x1, y1, size * 0.55, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.restore();
  }

  function draw() {
    const { times, close, high, low, cheapest, dearest } = known;
    const price = (value) => significant(value, 7);
    const curve = (label, extra) => line(label, "held", price, { spanGaps: true, points: { show: false }, ...extra });
    const unseen = { stroke: "transparent", points: { show: false }, class: "unseen" };
    const range = high ? [curve("highest", { width: 0.5 }), curve("lowest", { width: 0.5 })] : [];
    const columns = [times, ...(high ? [high, low] : []), cheapest, dearest, close];
    place(
      "price",
      330,
      {
        cursor: { points: { size: 6 } },
        scales: { x: { time: true }, y: yScale(log.on()) },
        axes: [timeAxis(), yAxis(log.on(), (value) => significant(value, 5))],
        series: [when(), ...range, unseen, unseen, curve(`${symbol}, close`, { width: 1.2 })],
        bands: high ? [{ series: [1, 2], fill: colour("line") }] : [],
        hooks: { setScale: [(plot, key) => key === "x" && charts.has("price") && noteZoom(charts.get("price"), plot, times)], draw: [drawTrades] },
      },
      columns,
    );
  }

  painters.push(() => symbol !== null && draw());
  byId("price-whole").addEventListener("click", () => {
    const { plot } = charts.get("price");
    const time = plot.data[0];
    plot.setScale("x", { min: time[0], max: time[time.length - 1] });
  });
  return {
    show(next, its) {
      if (next === symbol && its.length === trades.length) return;
      const own = charts.get("price");
      if (own) own.zoomed = false;
      [symbol, trades] = [next, its];
      known = values();
      log.suit([known.close, known.low, known.high, known.cheapest, known.dearest]);
      draw();
    },
    zoom(trade) {
      if (trade.symbol !== symbol) return;
      const { plot } = charts.get("price");
      const room = Math.max(2 * (trade.exit - trade.entry), 1);
      const time = plot.data[0];
      plot.setScale("x", { min: Math.max(time[0], trade.entry - room), max: Math.min(time[time.length - 1], trade.exit + room) });
    },
  };
}

/** The list of trades: sorted by any column, a page at a time. */
function tradeList(chosen) {
  const columns = [
    ["Symbol", "symbol", (v) => v],
    ["Side", "side", (v) => v],
    ["Quantity", "quantity", (v) => significant(v, 6)],
    ["Entry", "entry", moment],
    ["at", "entryPrice", (v) => significant(v, 7)],
    ["Exit", "exit", moment],
    ["at", "exitPrice", (v) => significant(v, 7)],
    ["Bars", "bars", (v) => fixed(v, 0)],
    ["Fees", "fees", money],
    ["Profit", "profit", money],
    ["Closed by", "reason", (v) => v],
  ];
  const SIZE = 20;
  let rows = [], first = 0, by = "exit", falling = true;
  const table = byId("trades");
  const heads = columns.map(([title, key]) => {
    const head = document.createElement("th"), button = document.createElement("button");
    head.scope = "col";
    button.type = "button";
    button.addEventListener("click", () => {
      falling = by === key ? !falling : typeof rows[0]?.[key] === "number";
      by = key;
      arrange();
    });
    head.append(button);
    table.tHead.rows[0].append(head);
    return { head, button, title, key };
  });

  function arrange() {
    const side = falling ? -1 : 1;
    rows.sort((a, b) => side * (a[by] < b[by] ? -1 : a[by] > b[by] ? 1 : 0));
    for (const { head, button, title, key } of heads) {
      button.textContent = key === by ? `${title} ${falling ? "\u2193" : "\u2191"}` : title;
      if (key === by) head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    first = 0;
    fill();
  }

  function fill() {
    const shown = rows.slice(first, first + SIZE);
    table.tBodies[0].replaceChildren(...shown.map(row));
    byId("page").textContent = `${(first + 1).toLocaleString("en-US")} to ${(first + shown.length).toLocaleString("en-US")} of ${rows.length.toLocaleString("en-US")}`;
    byId("previous").disabled = first === 0;
    byId("next").disabled = first + SIZE >= rows.length;
  }

  function row(trade) {
    const line = document.createElement("tr");
    for (const [, key, write] of columns) {
      const cell = line.insertCell();
      cell.textContent = write(trade[key]);
      if (key === "profit") cell.className = trade.profit > 0 ? "up" : "down";
    }
    line.addEventListener("click", () => chosen(trade));
    return line;
  }

  byId("previous").addEventListener("click", () => { first = Math.max(0, first - SIZE); fill(); });
  byId("next").addEventListener("click", () => { first += SIZE; fill(); });
  return { show(next) { rows = [...next]; arrange(); } };
}
