"use strict";
// Draws the charts, moves one cursor through all charts over time, sorts tables, switches the theme.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = 6;
const HEIGHT = { wide: 210, half: 260, small: 92 };

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const last = (array) => array[array.length - 1];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// ---- Numbers: three digits for reading off, as few as possible on an axis ----

const threeDigits = (value) => {
  const size = Math.abs(value);
  const digits = size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
};
const fewDigits = (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 4 });

function scaled(value, steps, digits) {
  const [size, unit] = steps.find(([size]) => Math.abs(value) >= size * 0.9995) ?? last(steps);
  return `${digits(value / size)} ${unit}`;
}

const TIMES = [[1e3, "s"], [1, "ms"], [1e-3, "µs"], [1e-6, "ns"]];
const SIZES = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]];
const COUNTS = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];

function formatter(unit, digits) {
  const plain = (value) => {
    const isShort = digits === fewDigits && Math.abs(value) >= 1e4;
    if (isShort) return scaled(value, COUNTS, digits).replace(" ", "");
    return Number.isInteger(value) ? value.toLocaleString("en-US") : digits(value);
  };
  const known = {
    ms: (value) => (value === 0 ? "0" : scaled(value, TIMES, digits)),
    s: (value) => (value === 0 ? "0" : scaled(value * 1e3, TIMES, digits)),
    ratio: (value) => `${digits(value * 100)} %`,
    bytes: (value) => scaled(value, SIZES, digits),
    bytes_per_s: (value) => `${scaled(value, SIZES, digits)}/s`,
    per_s: (value) => `${plain(value)}/s`,
    count: plain,
  };
  return known[unit] ?? ((value) => `${plain(value)} ${unit}`);
}

function showTime(seconds) {
  const sign = seconds < 0 ? "-" : "";
  const whole = Math.abs(seconds);
  if (whole < 60) return `${sign}${fewDigits(Math.round(whole * 10) / 10)} s`;
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), (whole % 3600) / 60];
  const tail = two(whole % 60);
  return sign + (hours ? `${hours}:${two(minutes)}:${tail}` : `${Math.floor(minutes)}:${tail}`);
}

function showPercentile(x) {
  if (x <= 1) return "p0";
  const level = 100 - 100 / x;
  const digits = Math.max(0, Math.ceil(Math.log10(x)) - 1);
  return `p${Number(level.toFixed(digits))}`;
}

// ---- Scales: from values to 0..1, with ticks ----

function niceStep(rough, base) {
  const power = base ** Math.floor(Math.log(rough) / Math.log(base) + 1e-9);
  const steps = base === 10 ? [1, 2, 2.5, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  return power * steps.find((step) => step * power >= rough * 0.9999);
}

function linearScale(low, high, ticks, base = 10, steps) {
  const rough = (high - low) / ticks || 1;
  const step = steps?.find((each) => each >= rough) ?? niceStep(rough, base);
  const end = Math.ceil(high / step - 1e-9) * step;
  const at = [];
  for (let tick = Math.ceil(low / step) * step; tick <= end + step * 1e-6; tick += step) at.push(tick);
  return { low, high: end, ticks: at, place: (value) => (value - low) / (end - low || 1) };
}

function timeScale(low, high, ticks) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const scale = linearScale(low, high, ticks, 10, steps);
  scale.high = high;
  scale.ticks = scale.ticks.filter((tick) => tick <= high);
  scale.place = (value) => (value - low) / (high - low || 1);
  return scale;
}

function logScale(low, high, most) {
  const steps = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const digit of [1, 2, 5]) steps.push(Number(`${digit}e${power}`));
  const from = steps.findLast((step) => step <= low * 1.001) ?? low;
  const to = steps.find((step) => step >= high * 0.999 && step > from) ?? high;
  const inside = steps.filter((step) => step >= from && step <= to);
  const isOne = (step) => String(step).replace(/[0.]|e.*/g, "") === "1";
  const fewer = inside.length > most ? inside.filter(isOne) : inside;
  const every = Math.ceil(fewer.length / most);
  return {
    low: from,
    high: to,
    ticks: fewer.filter((_, number) => number % every === 0),
    place: (value) => Math.log(clamp(value, from, to) / from) / Math.log(to / from),
  };
}

function percentileScale(high) {
  const decades = Math.max(1, Math.log10(high));
  const ticks = [1, 2];
  for (let power = 1; power <= decades + 1e-9; power++) ticks.push(10 ** power);
  return { low: 1, high, ticks, place: (value) => Math.log10(clamp(value, 1, high)) / decades };
}

// ---- A chart ----

const present = (values) => values.filter((value) => value !== null);

function valueScale(chart) {
  const values = chart.lines.flatMap((line) => present(line.y));
  let high = -Infinity, low = Infinity, positive = Infinity;
  for (const value of values) {
    high = Math.max(high, value);
    low = Math.min(low, value);
    if (value > 0) positive = Math.min(positive, value);
  }
  if (chart.y === "log" && high > 0) return logScale(Math.max(positive, high / 1e7), high, 7);
  const base = chart.unit.startsWith("bytes") ? 1024 : 10;
  return linearScale(Math.min(0, low), high > 0 ? high : 1, chart.size === "small" ? 2 : 5, base);
}

const isOverTime = (chart) => chart.x === "time" || chart.x === "second";

function showX(chart, x) {
  if (isOverTime(chart)) return showTime(x);
  return chart.x === "number" ? fewDigits(x) : showPercentile(x);
}

function acrossScale(chart, extent, room) {
  if (isOverTime(chart)) return timeScale(...extent, room);
  const most = Math.max(...chart.lines.map((line) => last(line.x) ?? 1));
  return chart.x === "number" ? linearScale(0, most, room) : percentileScale(Math.max(most, 10));
}

function timeExtent(charts) {
  let low = 0, high = 1;
  for (const chart of charts.filter(isOverTime))
    for (const { x } of chart.lines) {
      if (!x.length) continue;
      low = Math.min(low, x[0]);
      high = Math.max(high, last(x) + (chart.x === "second" ? 1 : 0));
    }
  return [low, high];
}

/** The number of the point that is nearest to x, or the last one before it. */
function indexAt(xs, x, isBefore) {
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  if (isBefore) return xs[high] <= x ? high : low;
  return x - xs[low] <= xs[high] - x ? low : high;
}

/** A line and what it covers; gaps in the values are gaps in both. With `isStep` a value holds. */
function paths(line, isStep, toX, toY, floor) {
  let stroke = "", fill = "", start = null, end = null;
  const close = () => {
    if (start !== null) fill += `L${end} ${floor}L${start} ${floor}Z`;
    start = null;
  };
  line.x.forEach((x, number) => {
    const y = line.y[number];
    if (y === null) return close();
    const [left, top] = [toX(x).toFixed(1), toY(y).toFixed(1)];
    end = isStep ? toX(line.x[number + 1] ?? x + 1).toFixed(1) : left;
    stroke += `${start === null ? "M" : "L"}${left} ${top}H${end}`;
    fill += `${start === null ? `M${left} ${floor}L` : "L"}${left} ${top}H${end}`;
    start ??= left;
  });
  close();
  return [stroke, fill];
}

class ChartView {
  constructor(figure, chart, extent, onMove) {
    Object.assign(this, { figure, chart, extent, onMove });
    const usual = chart.lines.filter((line) => line.style !== "target" && line.style !== "sum");
    this.colours = chart.lines.map((line) => {
      if (line.tone !== "plain") return `var(--${line.tone})`;
      if (line.style === "target") return "var(--ink)";
      if (line.style === "sum") return "var(--ink)";
      return `var(--line-${usual.indexOf(line) % COLOURS})`;
    });
    this.read = formatter(chart.unit, threeDigits);
    this.svg = shape("svg", { role: "img", tabindex: "0", "aria-label": chart.title });
    this.legend = element("div", { class: "legend" });
    figure.append(this.legend, this.svg);
    this.makeLegend();
    this.listen();
  }

  makeLegend() {
    this.values = this.chart.lines.map((line, number) => {
      const value = element("b");
      if (this.chart.size === "small") {
        this.legend.append(value);
        return value;
      }
      const swatch = element("i", { class: line.style });
      swatch.style.borderColor = this.colours[number];
      this.legend.append(element("span", {}, swatch, line.name, value));
      return value;
    });
    this.at = element("span", { class: "at" });
    this.legend.append(this.at);
  }

  listen() {
    const svg = this.svg;
    svg.addEventListener("pointermove", (event) => this.onMove(this, this.valueAt(event.clientX)));
    svg.addEventListener("pointerdown", (event) => this.onMove(this, this.valueAt(event.clientX)));
    svg.addEventListener("pointerleave", () => this.onMove(this, null));
    svg.addEventListener("blur", () => this.onMove(this, null));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") this.onMove(this, null);
      if (!step) return;
      event.preventDefault();
      const xs = this.longest().x;
      const number = this.cursorX === undefined ? 0 : this.indexAt(xs, this.cursorX) + step;
      this.onMove(this, xs[clamp(number, 0, xs.length - 1)]);
    });
  }

  indexAt(xs, x) {
    return indexAt(xs, x, this.chart.x === "second");
  }

  longest() {
    return this.chart.lines.reduce((one, other) => (other.x.length > one.x.length ? other : one));
  }

  valueAt(clientX) {
    const box = this.svg.getBoundingClientRect();
    const part = clamp((clientX - box.left - this.left) / this.inner, 0, 1);
    const { low, high } = this.across;
    return this.chart.x === "percentile" ? high ** part : low + part * (high - low);
  }

  draw() {
    const { chart, svg } = this;
    const width = Math.max(this.figure.clientWidth, 120);
    const height = HEIGHT[chart.size];
    this.up = valueScale(chart);
    const labels = this.up.ticks.map(formatter(chart.unit, fewDigits));
    // The same second stands at the same place in all charts of the whole width.
    const longest = Math.max(...labels.map((label) => label.length));
    this.left = chart.size === "wide" ? 68 : Math.min(14 + 6.4 * longest, width / 3);
    this.inner = width - this.left - 14;
    this.top = chart.size === "wide" ? 22 : 10;
    this.bottom = height - 22;
    const room = Math.max(2, Math.floor(this.inner / 80));
    this.across = acrossScale(chart, this.extent, room);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    this.drawBands();
    this.drawAxes(labels, room);
    const order = [...chart.lines.keys()].sort(
      (one, other) => (chart.lines[one].style === "target") - (chart.lines[other].style === "target"),
    );
    for (const number of order) this.drawLine(chart.lines[number], number);
    this.cursor = shape("g", {});
    svg.append(this.cursor, shape("rect", { x: 0, y: 0, width, height, fill: "transparent" }));
  }

  toX(x) {
    return this.left + this.across.place(x) * this.inner;
  }

  toY(y) {
    return this.bottom - this.up.place(y) * (this.bottom - this.top);
  }

  drawBands() {
    const { low, high } = this.across;
    this.chart.bands.forEach(([name, start, end], number) => {
      if (end <= low || start >= high) return;
      const [left, right] = [this.toX(Math.max(start, low)), this.toX(Math.min(end, high))];
      const box = { x: left, y: 0, width: right - left, height: this.bottom, class: "band" };
      if (number % 2 === 0) this.svg.append(shape("rect", box));
      const most = Math.floor((right - left - 10) / 6.2);
      if (most < 3) return;
      const label = name.length > most ? `${name.slice(0, most - 1)}…` : name;
      this.svg.append(shape("text", { x: left + 6, y: 13 }, label));
    });
  }

  drawAxes(labels, room) {
    this.up.ticks.forEach((tick, number) => {
      const y = this.toY(tick).toFixed(1);
      const line = { x1: this.left, x2: this.left + this.inner, y1: y, y2: y, class: "grid" };
      this.svg.append(shape("line", line));
      const place = { x: this.left - 8, y, dy: "0.33em", "text-anchor": "end" };
      this.svg.append(shape("text", place, labels[number]));
    });
    const isLinear = this.chart.x !== "percentile";
    const ticks = this.across.ticks.filter((_, number) => isLinear || number !== 1 || room > 4);
    for (const tick of ticks) {
      const [x, bottom] = [this.toX(tick).toFixed(1), this.bottom];
      if (!isLinear) {
        this.svg.append(shape("line", { x1: x, x2: x, y1: this.top, y2: bottom, class: "grid" }));
      }
      const place = { x, y: bottom + 17, "text-anchor": "middle" };
      this.svg.append(shape("text", place, showX(this.chart, tick)));
    }
  }

  drawLine(line, number) {
    const colour = this.colours[number];
    const floor = this.bottom;
    const isStep = this.chart.x === "second";
    const [stroke, fill] = paths(line, isStep, (x) => this.toX(x), (y) => this.toY(y), floor);
    if (line.style === "area") {
      const area = shape("path", { d: fill, class: "fill" });
      area.style.fill = colour;
      this.svg.append(area);
    }
    const path = shape("path", { d: stroke, class: `line ${line.style}` });
    path.style.stroke = colour;
    this.svg.append(path);
  }

  /** Shows all values at x, or none when x is null. */
  point(x) {
    this.cursor.replaceChildren();
    this.at.textContent = "";
    this.cursorX = x ?? undefined;
    for (const value of this.values) value.textContent = "";
    if (x === null) return;
    const snapped = this.longest().x[this.indexAt(this.longest().x, x)];
    const left = this.toX(snapped + this.middle());
    const line = { x1: left, x2: left, y1: this.top - 8, y2: this.bottom, class: "cursor" };
    this.cursor.append(shape("line", line));
    this.chart.lines.forEach((line, number) => this.readOff(line, number, snapped));
    this.at.textContent = `at ${showX(this.chart, snapped)}`;
  }

  /** From where a value's time begins to its middle, in seconds. */
  middle() {
    return this.chart.x === "second" ? 0.5 : 0;
  }

  readOff(line, number, x) {
    if (!line.x.length) return;
    const index = this.indexAt(line.x, x);
    const y = line.y[index];
    this.values[number].textContent = y === null ? "–" : this.read(y);
    if (y === null) return;
    const dot = shape("circle", { cx: this.toX(line.x[index] + this.middle()), cy: this.toY(y), r: 3.5 });
    dot.style.fill = this.colours[number];
    this.cursor.append(dot);
  }
}

function drawCharts() {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const extent = timeExtent(charts);
  const follow = (view, x) => {
    for (const each of views)
      if (each === view || (isOverTime(each.chart) && isOverTime(view.chart))) each.point(x);
  };
  const figures = [...document.querySelectorAll("figure.chart")];
  const views = charts.map((chart, number) => new ChartView(figures[number], chart, extent, follow));
  const redraw = new ResizeObserver((entries) => {
    for (const { target } of entries) views[figures.indexOf(target)].draw();
  });
  for (const figure of figures) redraw.observe(figure);
}

// ---- Tables and theme ----

function sortBy(table, column, header) {
  const ascending = header.getAttribute("aria-sort") === "descending";
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const key = (row) => {
    const { dataset, textContent } = row.cells[column];
    return dataset.value === undefined ? textContent : Number(dataset.value);
  };
  const compare = (one, other) =>
    typeof one === "number" && typeof other === "number"
      ? one - other
      : String(one).localeCompare(String(other), "en", { numeric: true });
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((one, other) => compare(key(one), key(other)));
  body.append(...(ascending ? rows : rows.reverse()));
}

function makeSortable(table) {
  if (table.tBodies[0].rows.length < 2) return;
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    if (!header.textContent) return;
    const button = element("button", { type: "button" }, header.textContent);
    button.addEventListener("click", () => sortBy(table, column, header));
    header.replaceChildren(button);
  });
}

function switchTheme() {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const isDark = () =>
    (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "")) === "dark";
  const label = () => (button.textContent = isDark() ? "light" : "dark");
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  label();
}

document.documentElement.classList.add("js");
switchTheme();
drawCharts();
document.querySelectorAll("table").forEach(makeSortable);
