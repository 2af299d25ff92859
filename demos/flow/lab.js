// The lab of flows. value: before a training {real (int16), plane, scale, drawing} and the untrained flow's frame; frames are
// {step, steps, timed_out, loss, entropy, lattice, samples (int16, 2 plane = 32767; states x points x 2, from z to x), kinds,
// widths, weights (genai_core/flows/plane/export.py), measures (null, or {step, nll, hutchinson, exact, integral, quality,
// peak, density: bytes})}. The point's way is computed here, from the weights.
let frame = null, // the last one
  field = null, // its lattice and samples
  flow = null, // its layers
  measures = null, // the last ones that came, of this frame or one shortly before
  heat = null, // their density as a picture
  extent = 1,
  scale = 1,
  real = [],
  at = 1, // the place that is shown, from 0 (z) to 1 (x)
  point = { at: 1, xy: [0.5, 0.5] }, // where it was put: at this place of the way
  undrawn = null, // the run whose frame waits to be drawn
  timer = null;
const rows = new Map(); // flow -> its last measures on these points
let measured = ""; // on which points
const plane = $(".plane"),
  ctx = plane.getContext("2d"),
  size = plane.width;
const across = (v) => ((v / extent + 1) / 2) * size,
  down = (v) => size - across(v);

// --- the flow itself, as genai_core/flows/plane has it: each layer maps x to z, and its inverse z to x ---

const perceptron = (widths, numbers, start) => {
  let from = start;
  const layers = widths.slice(1).map((out, k) => {
    const w = numbers.subarray(from, (from += out * widths[k])),
      b = numbers.subarray(from, (from += out));
    return { w, b, out, into: widths[k] };
  });
  return { layers, end: from };
};
const linear = ({ w, b, out, into }, x, bias = true) => {
  const y = Array(out).fill(0);
  for (let o = 0; o < out; o++) {
    let sum = bias ? b[o] : 0;
    for (let i = 0; i < into; i++) sum += w[o * into + i] * x[i];
    y[o] = sum;
  }
  return y;
};
const affine = (m, shift) => {
  const det = m[0] * m[3] - m[1] * m[2],
    log_det = Math.log(Math.abs(det));
  const inverse = ([x, y]) => {
    const [a, b] = [x - shift[0], y - shift[1]];
    return [[(m[3] * a - m[1] * b) / det, (m[0] * b - m[2] * a) / det], -log_det];
  };
  return { forward: ([x, y]) => [[m[0] * x + m[1] * y + shift[0], m[2] * x + m[3] * y + shift[1]], log_det], inverse };
};
const coupling = (moved, { layers }) => {
  const affineOf = (kept) => {
    let h = [kept];
    layers.forEach((layer, k) => {
      h = linear(layer, h);
      if (k < layers.length - 1) h = h.map((v) => v / (1 + Math.exp(-v))); // SiLU
    });
    return [2 * Math.tanh(h[0] / 2), h[1]];
  };
  const changed = (x, v) => (moved ? [x[0], v] : [v, x[1]]);
  const forward = (x) => {
    const [s, t] = affineOf(x[1 - moved]);
    return [changed(x, x[moved] * Math.exp(s) + t), s];
  };
  const inverse = (z) => {
    const [s, t] = affineOf(z[1 - moved]);
    return [changed(z, (z[moved] - t) * Math.exp(-s)), -s];
  };
  return { forward, inverse };
};
// The velocity at (x, y, t), and its divergence: derivatives along both coordinates go through the layers beside the value.
const rates = ({ layers }, [x, y], t) => {
  let h = [x, y, t],
    along = [
      [1, 0, 0],
      [0, 1, 0],
    ];
  layers.forEach((layer, k) => {
    h = linear(layer, h);
    along = along.map((d) => linear(layer, d, false));
    if (k === layers.length - 1) return;
    h = h.map(Math.tanh);
    along = along.map((d) => d.map((v, i) => v * (1 - h[i] * h[i])));
  });
  return [h[0], h[1], along[0][0] + along[1][1]];
};
// One step of RK4 (the 3/8 rule, as torchdiffeq has it) from t to t + dt.
const stepped = (net, xy, t, dt) => {
  /** @param {...[number, number[]]} terms */
  const add = (...terms) => xy.map((v, i) => v + dt * terms.reduce((sum, [c, k]) => sum + c * k[i], 0));
  const a = rates(net, xy, t),
    b = rates(net, add([1 / 3, a]), t + dt / 3),
    c = rates(net, add([-1 / 3, a], [1, b]), t + (2 * dt) / 3),
    d = rates(net, add([1, a], [-1, b], [1, c]), t + dt);
  const mean = /** @type {[number, number[]][]} */ ([a, b, c, d].map((k, i) => [[1, 3, 3, 1][i] / 8, k]));
  return [add(...mean), dt * mean.reduce((sum, [w, k]) => sum + w * k[2], 0)];
};
// {names, up: from state k to k + 1, down: back}, state 0 being z: each gives [point, log |det| of this step].
const layersOf = ({ kinds, widths, weights }) => {
  const numbers = new Float32Array(bytes(weights).buffer);
  if (kinds[0].startsWith("ode")) {
    const n = +kinds[0].slice(4),
      net = perceptron(widths, numbers, 0);
    return {
      names: Array.from({ length: n }, (_, k) => `t = ${((k + 1) / n).toFixed(2)}`),
      up: (k, xy) => stepped(net, xy, k / n, 1 / n),
      down: (k, xy) => stepped(net, xy, (k + 1) / n, -1 / n),
    };
  }
  let from = 0;
  const layers = kinds.map((kind) => {
    if (kind.startsWith("coupling")) {
      const net = perceptron(widths, numbers, from);
      from = net.end;
      return { kind, ...coupling(+kind.slice(9), net) };
    }
    const [m, shift] = [numbers.subarray(from, from + 4), numbers.subarray(from + 4, from + 6)];
    from += 6;
    return { kind, ...affine(m, shift) };
  });
  layers.reverse();
  const spoken = { "coupling 0": "coupling moves x₁", "coupling 1": "coupling moves x₂" };
  return {
    names: layers.map(({ kind }) => spoken[kind] ?? kind),
    up: (k, xy) => layers[k].inverse(xy),
    down: (k, xy) => layers[k].forward(xy),
  };
};
// The way of a point that is at xy in state k: {states, logDet: of dx/dz from z to each state, off: how far x is from
// itself after the way to z and back}.
const trace = (k, xy) => {
  const n = flow.names.length,
    states = Array(n + 1),
    steps = Array(n).fill(0);
  states[k] = xy;
  for (let i = k; i < n; i++) [states[i + 1], steps[i]] = flow.up(i, states[i]);
  for (let i = k; i > 0; i--) {
    const [below, log_det] = flow.down(i - 1, states[i]);
    [states[i - 1], steps[i - 1]] = [below, -log_det];
  }
  let back = states[n];
  for (let i = n; i > 0; i--) [back] = flow.down(i - 1, back);
  for (let i = 0; i < n; i++) [back] = flow.up(i, back);
  let sum = 0;
  return {
    states,
    logDet: [0, ...steps.map((v) => (sum += v))],
    off: Math.hypot(back[0] - states[n][0], back[1] - states[n][1]),
  };
};
const normal = ([x, y]) => -(x * x + y * y) / 2 - Math.log(2 * Math.PI);

// --- drawing ---

const rgb = (name) => [1, 3, 5].map((i) => parseInt(colour(name).slice(i, i + 2), 16));
const STRENGTH = 0.75; // of the shade where the density is highest
// Positions (numbers x, y, x, y) at a place between two states of an int16 array of `states` of them.
const between = (list, states, place) => {
  const n = list.length / states,
    low = Math.min(Math.floor(place * (states - 1)), states - 2),
    part = place * (states - 1) - low,
    unit = (2 * extent) / 32767,
    found = new Float64Array(n);
  for (let i = 0; i < n; i++) found[i] = unit * ((1 - part) * list[low * n + i] + part * list[(low + 1) * n + i]);
  return found;
};
const dots = (list, ink, radius) => {
  ctx.fillStyle = colour(ink);
  ctx.beginPath();
  for (let k = 0; k < list.length; k += 2) {
    const [x, y] = [across(list[k]), down(list[k + 1])];
    ctx.moveTo(x + radius, y);
    ctx.arc(x, y, radius, 0, 7);
  }
  ctx.fill();
};
const heatOf = ({ density }) => {
  const shades = bytes(density),
    n = Math.sqrt(shades.length),
    small = make("canvas", { width: n, height: n }),
    s = small.getContext("2d"),
    image = s.createImageData(n, n),
    ink = rgb("--made");
  shades.forEach((v, k) => {
    const o = 4 * ((n - 1 - Math.floor(k / n)) * n + (k % n));
    image.data.set([...ink, STRENGTH * v], o);
  });
  s.putImageData(image, 0, 0);
  return small;
};
const side = () => Math.sqrt(field.lattice.length / 2 / field.states);
// Between z and x: every cell of the grid keeps its share of the noise, so that its density is that share over its area.
const cells = (grid) => {
  const n = side(),
    gap = 6 / (n - 1), // of the latent grid, from -3 to 3
    ink = rgb("--made").join();
  for (let r = 0; r + 1 < n; r++)
    for (let c = 0; c + 1 < n; c++) {
      const corners = [r * n + c, r * n + c + 1, (r + 1) * n + c + 1, (r + 1) * n + c].map((k) => 2 * k);
      let area = 0;
      corners.forEach((k, i) => {
        const next = corners[(i + 1) % 4];
        area += (grid[k] * grid[next + 1] - grid[next] * grid[k + 1]) / 2;
      });
      const share = Math.exp(normal([(c + 0.5) * gap - 3, (r + 0.5) * gap - 3])) * gap * gap,
        shade = Math.min(1, Math.sqrt(share / Math.max(Math.abs(area), 1e-6) / (measures?.peak ?? 1)));
      if (shade < 0.02) continue;
      ctx.fillStyle = `rgba(${ink},${STRENGTH * shade})`;
      ctx.beginPath();
      for (const k of corners) ctx.lineTo(across(grid[k]), down(grid[k + 1]));
      ctx.fill();
    }
};
const lines = (grid) => {
  const n = side();
  ctx.strokeStyle = colour("--noise");
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let k = 0; k < n; k += 2)
    for (const [from, by] of [
      [k * n, 1],
      [k, n],
    ])
      for (let i = 0; i < n; i++) {
        const j = 2 * (from + i * by);
        ctx[i ? "lineTo" : "moveTo"](across(grid[j]), down(grid[j + 1]));
      }
  ctx.stroke();
};
const onWay = (states, place) => {
  const low = Math.min(Math.floor(place * (states.length - 1)), states.length - 2),
    part = place * (states.length - 1) - low;
  return states[low].map((v, i) => (1 - part) * v + part * states[low + 1][i]);
};
const short = (v) => v.toFixed(2).replace("-", "−");
const pointAndWay = () => {
  const way = trace(Math.round(point.at * flow.names.length), point.xy),
    now = onWay(way.states, at);
  ctx.strokeStyle = ctx.fillStyle = colour("--accent");
  ctx.lineWidth = 2;
  ctx.beginPath();
  for (const [x, y] of way.states) ctx.lineTo(across(x), down(y));
  ctx.stroke();
  dots(way.states.flat(), "--accent", 3);
  ctx.beginPath();
  ctx.arc(across(now[0]), down(now[1]), 8, 0, 7);
  ctx.fill();
  ctx.strokeStyle = colour("--card");
  ctx.stroke();
  ledger(way);
  return way;
};
// log p of the point in every state: log N(z) at the left, less log |det J| of the layers so far.
const ledger = (way) => {
  const base = normal(way.states[0]),
    values = way.logDet.map((v) => base - v),
    low = Math.min(...values) - 0.5,
    high = Math.max(...values) + 0.5,
    k = Math.round(at * (values.length - 1)),
    [x, y] = way.states.at(-1);
  plotLines($(".ledger"), [{ values, ink: "--accent" }], { low, high });
  const c = $(".ledger").getContext("2d"),
    [w, h] = [$(".ledger").clientWidth, $(".ledger").clientHeight];
  const inside = (x) => Math.max(5, Math.min(w - 5, x)); // the whole of a dot
  const place = (i) => [inside((i / (values.length - 1)) * w), 6 + (1 - (values[i] - low) / (high - low)) * (h - 12)];
  c.fillStyle = c.strokeStyle = colour("--ink-soft");
  c.beginPath();
  c.moveTo(at * w, 0);
  c.lineTo(at * w, h);
  c.stroke();
  c.fillStyle = colour("--accent");
  values.forEach((_, i) => {
    c.beginPath();
    c.arc(...place(i), i === k ? 5 : 2.5, 0, 7);
    c.fill();
  });
  const off = way.off < 1e-12 ? "exactly" : `to ${way.off.toExponential(0).replace("e-", "e−")}`;
  $(".where").textContent = k
    ? `after ${k} of ${values.length - 1}: ${flow.names[k - 1]}${k === values.length - 1 ? ", x" : ""}`
    : "z, noise: N(0, I) and its regular grid";
  $(".sum").textContent =
    `log p = log N(z) − log |det J| = ${short(base)} − (${short(way.logDet[k])}) = ${short(values[k])} nat; ` +
    `at x (${short(x)}, ${short(y)}) it is ${short(values.at(-1))}. To z and back: ${off}.`;
};
const paint = () => {
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour("--card");
  ctx.fillRect(0, 0, size, size);
  if (!field) return;
  const grid = between(field.lattice, field.states, at);
  if (at === 1 && heat) ctx.drawImage(heat, 0, 0, size, size);
  else cells(grid);
  lines(grid);
  ctx.globalAlpha = at === 1 ? 0.8 : 0.3;
  dots(real, "--real", 2);
  ctx.globalAlpha = 1;
  dots(between(field.samples, field.drawn, at), "--made-ink", 2.4);
  pointAndWay();
};
const meters = () => {
  const m = measures,
    digits = (v) => (v === null || v === undefined ? "–" : short(v));
  $(".step").textContent = frame.step.toLocaleString("en");
  $(".steps").textContent = frame.steps.toLocaleString("en");
  $(".bar i").style.width = `${(100 * frame.step) / frame.steps}%`;
  $(".late").textContent = timedOut(frame);
  $(".limit").hidden = !frame.timed_out;
  $(".integral").textContent = digits(m?.integral);
  $(".nll").textContent = digits(m?.nll);
  $(".exact").textContent = digits(m?.exact);
  $(".entropy").textContent = digits(frame.entropy);
  $(".quality").textContent = (m?.quality ?? null) === null ? "–" : inPercent(m.quality);
  $(".estimate").hidden = (m?.hutchinson ?? null) === null;
  $(".estimate b").textContent = digits(m?.hutchinson);
};
const table = () => {
  const { settings } = part,
    about = [settings?.data, settings?.drawn, settings?.sigma].join("|");
  if (measured !== about) rows.clear();
  measured = about;
  if (frame.step && measures?.step && measures.nll !== null) rows.set(settings.model, measures);
  $(".rows").hidden = !rows.size;
  $(".rows tbody").replaceChildren(
    ...[...rows].map(([name, m]) => {
      const row = make("tr"),
        cells = [name, m.step.toLocaleString("en"), short(m.nll), short(m.nll - m.exact), inPercent(m.quality)];
      row.append(...cells.map((text) => make("td", {}, text)));
      return row;
    }),
  );
  for (const tab of ["gan", "diffusion"]) {
    const query = { tab, part: "lab", data: settings?.data ?? "", drawn: settings?.drawn ?? "" };
    $(`.others .${tab}`).href = `?${new URLSearchParams(query)}`;
  }
};

// At most one picture for each frame of the screen; then the server hears that it may send more.
let due = 0;
const draw = () => {
  due ||= requestAnimationFrame(() => {
    due = 0;
    if (undrawn) server.drawn({ run: undrawn }).catch(() => {});
    undrawn = null;
    paint();
  });
};
const read = () => {
  const value = props.value;
  if (!value?.lattice) return;
  if (value.real !== undefined) {
    [extent, scale] = [value.plane, value.scale];
    real = Array.from(int16s(value.real), (v) => (v * 2 * extent) / 32767);
    own.use(value.drawing ? numbersOf(value.settings.drawn) : null);
    plane.style.cursor ||= "grab";
    measures = null;
  } else undrawn = value.run;
  frame = value;
  flow = layersOf(value);
  const lattice = int16s(value.lattice),
    states = flow.names.length + 1;
  const samples = int16s(value.samples);
  field = { lattice, states, samples, drawn: samples.length / 2 / value.shown };
  if (value.measures) {
    measures = value.measures;
    heat = heatOf(measures);
  }
  slider.max = flow.names.length;
  slider.value = at * flow.names.length;
  meters();
  table();
  draw();
};

// --- the slider of the layers, and the point ---

const slider = $(".at");
const pause = () => {
  cancelAnimationFrame(timer);
  timer = null;
  $(".play").textContent = "Play";
};
const show = (place) => {
  at = place;
  slider.value = at * slider.max;
  paint();
};
slider.addEventListener("input", () => {
  pause();
  show(slider.value / slider.max);
});
$(".play").addEventListener("click", () => {
  if (timer) return pause();
  if (!flow) return;
  $(".play").textContent = "Stop";
  const begun = performance.now(),
    length = 600 * Math.min(8, flow.names.length);
  const tick = (now) => {
    show(Math.max(0, Math.min(1, (now - begun) / length)));
    if (at < 1) timer = requestAnimationFrame(tick);
    else pause();
  };
  timer = requestAnimationFrame(tick);
});
const put = (xy) => {
  at = Math.round(at * flow.names.length) / flow.names.length; // it is put into a state
  point = { at, xy: xy.map((v) => Math.max(-extent, Math.min(extent, v))) };
  slider.value = at * slider.max;
  paint();
};
const whereIs = () => onWay(trace(Math.round(point.at * flow.names.length), point.xy).states, at);
const under = (event) => {
  const box = plane.getBoundingClientRect();
  return [
    (((event.clientX - box.left) / box.width) * 2 - 1) * extent,
    (1 - ((event.clientY - box.top) / box.height) * 2) * extent,
  ];
};
let held = false;
plane.addEventListener("pointerdown", (event) => {
  if (!flow) return;
  const xy = under(event),
    [x, y] = whereIs();
  if (own.points && Math.hypot(xy[0] - x, xy[1] - y) > extent / 12) return; // a stroke of a drawing
  event.stopImmediatePropagation();
  plane.setPointerCapture(event.pointerId);
  pause();
  held = true;
  put(xy);
});
plane.addEventListener("pointermove", (event) => {
  if (!held) return;
  event.stopImmediatePropagation();
  put(under(event));
});
for (const end of ["pointerup", "pointercancel"])
  plane.addEventListener(end, (event) => {
    if (held) event.stopImmediatePropagation();
    held = false;
  });
plane.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!by || !flow) return;
  event.preventDefault();
  pause();
  const now = whereIs();
  put(now.map((v, i) => v + 0.1 * by[i]));
});
// What was measured on points that are no longer there; the density is the flow's own, and stays.
const forget = () => {
  if (!frame) return;
  frame = { ...frame, entropy: null };
  measures &&= { ...measures, nll: null, hutchinson: null, exact: null, quality: null };
  rows.clear();
  meters();
  table();
};
const own = ownPoints(
  plane,
  () => extent / scale,
  (list) => {
    real = list.map((v) => v * scale);
    forget();
    draw();
  },
  () => part.stop?.(),
);
new ResizeObserver(paint).observe($(".ledger"));
watchRuns(read, meters);
loadInitial(read);
part.shown = () => {
  if (!frame) return null;
  const packed = (list) =>
    base64(new Uint8Array(Int16Array.from(list, (v) => Math.round((v / (2 * extent)) * 32767)).buffer));
  return {
    step: frame.step,
    measures: measures && without(measures, "density"),
    density: at === 1 ? measures?.density : null,
    lattice: packed(between(field.lattice, field.states, at)),
    samples: packed(between(field.samples, field.drawn, at)),
    path: packed(trace(Math.round(point.at * flow.names.length), point.xy).states.flat()),
    point: Math.round(at * flow.names.length),
  };
};
