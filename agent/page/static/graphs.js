// The last ten minutes of a call's figures, drawn as each sample comes; kept in this browser alone.

const SPAN_MS = 600_000;
const MOST = 700; // points of one graph; samples come once a second
const WIDTH = 300;
const HEIGHT = 48;
export const decibels = (level) => (level == null ? null : Math.max(-60, 20 * Math.log10(Math.max(level, 1) / 32767)));

const GRAPHS = [
  { name: "Quality", unit: "of 5", low: 1, high: 5, digits: 1, of: (call) => call.mos },
  { name: "Loss", unit: "%", low: 0, high: 5, digits: 1, of: (call) => call.loss_percent },
  { name: "Jitter", unit: "ms", low: 0, high: 50, digits: 0, of: (call) => call.jitter_ms },
  { name: "Round trip", unit: "ms", low: 0, high: 200, digits: 0, of: (call) => call.rtt_ms },
  { name: "Microphone", unit: "dB", low: -60, high: 0, digits: 0, of: (call) => decibels(call.level_in) },
  { name: "Speaker", unit: "dB", low: -60, high: 0, digits: 0, of: (call) => decibels(call.level_out) },
];

const SVG = "http://www.w3.org/2000/svg";

export class Graphs {
  constructor(home) {
    this.home = home;
    this.graphs = GRAPHS.map((graph) => ({ ...graph, points: [], ...makeFigure(home, graph) }));
  }

  // Takes the figures of a call; what says the same as before in the same moment is the same sample.
  add(call, now) {
    const sample = JSON.stringify(GRAPHS.map((graph) => graph.of(call)));
    if (sample === this.last && now - this.at < 900) return;
    [this.last, this.at] = [sample, now];
    for (const graph of this.graphs) {
      const value = graph.of(call);
      if (value == null) continue;
      graph.points.push([now, value]);
      while (graph.points.length > MOST || graph.points[0][0] < now - SPAN_MS) graph.points.shift();
      drawGraph(graph, now);
    }
    this.home.hidden = !this.graphs.some((graph) => graph.points.length > 1);
  }
}

function makeFigure(home, { name }) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const picture = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "polyline");
  picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("aria-hidden", "true");
  picture.append(line);
  caption.textContent = name;
  figure.append(caption, picture);
  home.append(figure);
  return { caption, line };
}

function drawGraph({ name, unit, low, high, digits, points, caption, line }, now) {
  const top = Math.max(high, ...points.map(([, value]) => value));
  const x = (at) => WIDTH - ((now - at) / SPAN_MS) * WIDTH;
  const y = (value) => HEIGHT - 1 - ((Math.max(value, low) - low) / (top - low)) * (HEIGHT - 2);
  line.setAttribute("points", points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" "));
  caption.textContent = `${name} ${points.at(-1)[1].toFixed(digits)} ${unit}`;
}
