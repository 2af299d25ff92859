// Examples. value: {settings: {function, seed, points [x, y, x, y, ...], family, seen, transformer, least_squares, ridge,
// show_f}, limit (of x and y), most (points), noise, curves {method: its prediction along the x axis}, f (the same of the
// true function, or null), errors {method: the squared error at each point, predicted from those before it}}
const METHODS = {
    transformer: ["transformer", "--made", ""],
    least_squares: ["least squares", "--noise", "dashed"],
    ridge: ["ridge", "--good", "even"],
    show_f: ["f", "--ink", "thin"],
  },
  FAMILIES = ["linear", "sine", "stump"],
  OWN = "own",
  RADIUS = 9, // of a point
  TOUCHED = { mouse: 12, touch: 22 }; // so near a point it is meant
const plane = $(".plane"),
  errors = $(".errors"),
  margin = { left: 30, right: 10, top: 8, bottom: 22 };
let settings = null, // what is chosen; the curves follow
  last = null, // the newest value of the server
  past = [], // for Undo
  held = -1, // the point that is dragged
  cross = null, // where the keyboard's cross-hair is
  hover = null; // the x that is read off
const dashed = (name) => METHODS[name][2] === "dashed";
const shown = () => Object.keys(METHODS).filter((name) => settings[name] && (name !== "show_f" || last.f));
const count = () => settings.points.length / 2;
const point = (k) => settings.points.slice(2 * k, 2 * k + 2);
const minus = (text) => text.replace("-", "−");
const two = (v) => minus((Math.abs(v) < 0.005 ? 0 : v).toFixed(2));
const curveOf = (name) => (name === "show_f" ? last.f : last.curves[name]);
// A curve's value at x, between its places.
const at = (values, x) => {
  const place = ((x + last.limit) / (2 * last.limit)) * (values.length - 1),
    k = Math.max(0, Math.min(values.length - 2, Math.floor(place)));
  return values[k] + (place - k) * (values[k + 1] - values[k]);
};

// --- drawing ---

const scales = (width, height) => {
  const { left, right, top, bottom } = margin,
    span = 2 * last.limit;
  return {
    across: (x) => left + ((x + last.limit) / span) * (width - left - right),
    down: (y) => top + ((last.limit - y) / span) * (height - top - bottom),
  };
};
const drawPlane = () => {
  const sized = sizedCanvas(plane);
  if (!sized) return;
  const { context: c, width, height } = sized,
    { across, down } = scales(width, height),
    { limit } = last;
  c.font = "11px system-ui";
  c.textBaseline = "middle";
  c.lineWidth = 1;
  for (let v = -limit; v <= limit; v++) {
    c.strokeStyle = colour(v ? "--line" : "--noise");
    c.beginPath();
    c.moveTo(across(v), down(limit));
    c.lineTo(across(v), down(-limit));
    c.moveTo(across(-limit), down(v));
    c.lineTo(across(limit), down(v));
    c.stroke();
    c.fillStyle = colour("--ink-soft");
    c.textAlign = "center";
    c.fillText(minus(String(v)), across(v), height - 9);
    c.textAlign = "right";
    c.fillText(minus(String(v)), margin.left - 8, down(v));
  }
  c.save();
  c.beginPath();
  c.rect(across(-limit), down(limit), across(limit) - across(-limit), down(-limit) - down(limit));
  c.clip();
  for (const name of shown().reverse()) {
    const values = curveOf(name);
    c.strokeStyle = colour(METHODS[name][1]);
    c.lineWidth = { transformer: 3, show_f: 1.25 }[name] ?? 2;
    c.setLineDash(dashed(name) ? [7, 6] : []);
    c.beginPath();
    values.forEach((v, k) => c.lineTo(across(((2 * k) / (values.length - 1) - 1) * limit), down(v)));
    c.stroke();
  }
  c.restore();
  if (settings.transformer && settings.seen < count()) {
    const [x, y] = point(settings.seen); // how far off the prediction of the next point is
    c.strokeStyle = colour("--made");
    c.setLineDash([2, 3]);
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(across(x), down(Math.max(-limit, Math.min(limit, at(last.curves.transformer, x)))));
    c.lineTo(across(x), down(y));
    c.stroke();
    c.setLineDash([]);
  }
  drawPoints(c, across, down);
  if (cross) {
    const [x, y] = [across(cross[0]), down(cross[1])];
    c.strokeStyle = colour("--accent");
    c.lineWidth = 1.5;
    c.beginPath();
    for (const [dx, dy] of [
      [12, 0],
      [0, 12],
    ]) {
      c.moveTo(x - dx, y - dy);
      c.lineTo(x + dx, y + dy);
    }
    c.stroke();
  }
};
const drawPoints = (c, across, down) => {
  c.textAlign = "center";
  c.lineWidth = 2;
  for (let k = 0; k < count(); k++) {
    const [x, y] = point(k),
      seen = k < settings.seen;
    c.beginPath();
    c.arc(across(x), down(y), RADIUS, 0, 7);
    c.fillStyle = colour(seen ? "--real" : "--card");
    c.strokeStyle = colour(seen ? "--card" : "--real");
    c.fill();
    c.stroke();
    c.fillStyle = colour(seen ? "--card" : "--real");
    c.font = `600 ${k < 9 ? 11 : 9.5}px system-ui`;
    c.fillText(String(k + 1), across(x), down(y) + 0.5);
  }
};
// Least squares may be far off after two points: the axis ends where the others do, and what is beyond it is a triangle.
const drawErrors = () => {
  const sized = sizedCanvas(errors);
  if (!sized) return;
  const { context: c, width, height } = sized,
    n = last.errors.transformer.length,
    top = Math.max(0.5, ...last.errors.transformer, ...last.errors.ridge),
    left = margin.left + 8,
    bottom = height - 20,
    x = (k) => left + ((k + 0.5) / Math.max(n, 1)) * (width - left - margin.right),
    y = (v) => bottom - (Math.min(v, 1.05 * top) / (1.05 * top)) * (bottom - 10);
  c.font = "11px system-ui";
  c.textBaseline = "middle";
  c.fillStyle = colour("--ink-soft");
  c.strokeStyle = colour("--line");
  c.textAlign = "right";
  c.beginPath();
  for (const v of roundTicks(0, top, 4)) {
    c.moveTo(left, y(v));
    c.lineTo(width - margin.right, y(v));
    c.fillText(String(v), left - 6, y(v));
  }
  c.stroke();
  c.textAlign = "center";
  if (settings.seen < n) {
    c.fillStyle = colour("--well"); // the point that comes next
    const wide = (width - left - margin.right) / n;
    c.fillRect(x(settings.seen) - wide / 2, 4, wide, bottom - 4);
  }
  c.fillStyle = colour("--ink-soft");
  for (let k = 0; k < n; k++) c.fillText(String(k + 1), x(k), height - 9);
  for (const name of shown().reverse()) {
    if (name === "show_f") continue;
    const values = last.errors[name];
    c.strokeStyle = c.fillStyle = colour(METHODS[name][1]);
    c.lineWidth = 2;
    c.setLineDash(dashed(name) ? [5, 4] : []);
    c.beginPath();
    values.forEach((v, k) => c.lineTo(x(k), y(v)));
    c.stroke();
    c.setLineDash([]);
    values.forEach((v, k) => {
      c.beginPath();
      if (v > 1.05 * top) {
        c.moveTo(x(k), y(v) - 6);
        c.lineTo(x(k) - 6, y(v) + 5);
        c.lineTo(x(k) + 6, y(v) + 5);
      } else c.arc(x(k), y(v), 3.5, 0, 7);
      c.fill();
    });
  }
};
const reading = () => {
  const x = cross && hover === null ? cross[0] : hover,
    of = shown().map((name) => `${METHODS[name][0]} ${two(at(curveOf(name), x ?? 0))}`);
  const where = cross && hover === null ? `x = ${two(cross[0])}, y = ${two(cross[1])}` : `x = ${two(x ?? 0)}`;
  $(".where").textContent = [where, of.join(", ")].filter(Boolean).join(": ");
};
const described = () => {
  const of = Object.keys(last.curves).map(
    (name) => `${METHODS[name][0]} ${[-2, 0, 2].map((x) => two(at(last.curves[name], x))).join(", ")}`,
  );
  plane.setAttribute(
    "aria-label",
    `The plane with ${count()} points, of which ${settings.seen} are seen. Predictions at x = −2, 0, 2: ${of.join("; ")}. Arrow keys move a cross-hair, Enter adds a point, Delete removes one.`,
  );
  const sums = Object.entries(last.errors).map(([name, values]) => `${METHODS[name][0]} ${values.map(two).join(", ")}`);
  errors.setAttribute("aria-label", `Squared error at each point before it was seen: ${sums.join("; ")}`);
};
const draw = () => {
  if (!last) return;
  drawPlane();
  drawErrors();
  reading();
};

// --- the controls ---

// A button that can do nothing any more hands the keyboard's focus on to the plane.
const enable = (button, can) => {
  if (!can && button === document.activeElement) $(".plane").focus();
  button.disabled = !can;
};
const marks = () => {
  for (const input of element.querySelectorAll(".pick input")) input.checked = input.value === settings.family;
  for (const input of element.querySelectorAll(".legend input")) input.checked = settings[input.value];
  $(".legend [value=show_f]").disabled = settings.function === OWN;
  $(".seen").max = count();
  $(".seen").value = settings.seen;
  $(".count").textContent = `${settings.seen} of ${count()}`;
  $(".seed").value = settings.seed;
  enable($(".undo"), past.length > 0);
  enable($(".clear"), count() > 0);
};
const look = latestOnly(async () => {
  const asked = { ...settings, points: [...settings.points] },
    answer = await askOfStage(server.show, asked);
  if (!answer) return;
  last = answer;
  shows({ ...settings, points: [...settings.points] });
  described();
  draw();
});
const change = (more) => {
  settings = { ...settings, ...more };
  marks();
  draw();
  look();
};
// What there is now comes back by Undo.
const remember = () => {
  past = [...past.slice(-99), settings];
};
const clamp = (v) => +Math.max(-last.limit, Math.min(last.limit, v)).toFixed(2);
const add = (xy) => {
  if (count() >= last.most) {
    say(`The model reads at most ${last.most} examples: clear the plane, or remove some.`);
    return false;
  }
  remember();
  change({ points: [...settings.points, ...xy.map(clamp)], seen: count() + 1 });
  return true;
};
const remove = (k) => {
  remember();
  change({ points: settings.points.filter((_, i) => i >> 1 !== k), seen: Math.min(settings.seen, count() - 1) });
};
const move = (k, xy) => {
  const points = [...settings.points];
  points.splice(2 * k, 2, ...xy.map(clamp));
  change({ points });
};

const under = (event) => {
  const box = plane.getBoundingClientRect(),
    { across, down } = scales(box.width, box.height),
    [x, y] = [event.clientX - box.left, event.clientY - box.top],
    unit = [across(1) - across(0), down(0) - down(1)];
  return { xy: [(x - across(0)) / unit[0], (down(0) - y) / unit[1]], pixels: [x, y], across, down };
};
// The point that is nearest to the pointer, or -1 where none is near.
const touched = (event) => {
  const { pixels, across, down } = under(event),
    off = Array.from({ length: count() }, (_, k) => {
      const [x, y] = point(k);
      return Math.hypot(across(x) - pixels[0], down(y) - pixels[1]);
    }),
    k = off.indexOf(Math.min(...off));
  return k >= 0 && off[k] <= (event.pointerType === "touch" ? TOUCHED.touch : TOUCHED.mouse) ? k : -1;
};
let before = null, // the settings when a drag began
  added = -Infinity; // when the newest point was tapped
plane.addEventListener("pointerdown", (event) => {
  if (!last || event.button > 0) return;
  say("");
  cross = null;
  plane.setPointerCapture(event.pointerId);
  held = touched(event);
  before = held < 0 ? null : settings;
  if (held < 0 && add(under(event).xy)) {
    held = count() - 1;
    added = event.timeStamp;
  }
});
plane.addEventListener("pointermove", (event) => {
  if (!last) return;
  const { xy } = under(event);
  hover = clamp(xy[0]);
  if (held >= 0) {
    if (before) {
      past = [...past.slice(-99), before]; // it is moved: that can be undone
      before = null;
    }
    move(held, xy);
  } else {
    plane.style.cursor = touched(event) >= 0 ? "grab" : "";
    reading();
  }
});
for (const end of ["pointerup", "pointercancel"]) plane.addEventListener(end, () => (held = -1));
plane.addEventListener("pointerleave", () => {
  hover = null;
  if (last) reading();
});
// The second press of a double click may be on the point that the first one has put there, which stays.
plane.addEventListener("dblclick", (event) => {
  const k = last ? touched(event) : -1;
  if (k >= 0 && !(k === count() - 1 && event.timeStamp - added < 600)) remove(k);
});
plane.addEventListener("keydown", (event) => {
  if (!last) return;
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!by && !["Enter", "Delete", "Backspace"].includes(event.key)) return;
  event.preventDefault();
  say("");
  hover = null;
  if (!cross) cross = [0, 0];
  if (by) cross = cross.map((v, i) => clamp(v + (event.shiftKey ? 0.5 : 0.1) * by[i]));
  else if (event.key === "Enter") add(cross);
  else {
    const off = Array.from({ length: count() }, (_, k) => Math.hypot(point(k)[0] - cross[0], point(k)[1] - cross[1])),
      k = off.indexOf(Math.min(...off));
    if (k >= 0 && off[k] <= 0.3) remove(k);
    else say("No point is within 0.3 of the cross-hair.");
  }
  draw();
});
plane.addEventListener("focus", () => {
  if (plane.matches(":focus-visible") && held < 0) cross ??= [0, 0];
  draw();
});
plane.addEventListener("blur", () => {
  cross = null;
  draw();
});

$(".seen").addEventListener("input", () => settings && change({ seen: +$(".seen").value }));
$(".undo").addEventListener("click", () => {
  if (!past.length) return;
  const { function: of, seed, points, family, seen } = past[past.length - 1];
  past = past.slice(0, -1);
  say("");
  change({ function: of, seed, points, family, seen });
});
$(".clear").addEventListener("click", () => {
  if (!settings) return;
  remember();
  say("");
  change({ function: OWN, points: [], seen: 0 });
});
const drawFunction = latestOnly(async (seed) => {
  const many = +$(".many").value,
    { family } = settings,
    points = await askOfStage(server.draw_points, { family, seed, count: many });
  if (!points) return;
  remember();
  change({ function: family, seed, points, seen: points.length });
});
$(".another").addEventListener("click", () => settings && drawFunction(Math.floor(Math.random() * 100_000)));
$(".seed").addEventListener("change", () => {
  if (settings && $(".seed").value !== "") drawFunction(+$(".seed").value);
  else marks();
});
$(".many").addEventListener("change", () => settings && settings.function !== OWN && drawFunction(settings.seed));

for (const family of FAMILIES) {
  const label = make("label", {}, family),
    input = make("input", { type: "radio", name: `${props.part}/family`, value: family });
  input.addEventListener("change", () => {
    if (!settings) return;
    remember();
    change({ family });
  });
  label.append(input);
  $(".pick").append(label);
}
for (const [name, [title, ink, kind]] of Object.entries(METHODS)) {
  const label = make("label"),
    input = make("input", { type: "checkbox", value: name });
  input.addEventListener("change", () => {
    if (!settings) return;
    settings = { ...settings, [name]: input.checked };
    shows({ ...settings });
    draw();
  });
  const text = make("span", {}, name === "show_f" ? "show f" : title);
  label.append(input, make("i", { class: kind, style: `color: var(${ink})` }), text);
  $(".legend").append(label);
}
const show = () => {
  const value = props.value;
  if (!value?.curves) return;
  if (settings) remember();
  last = value;
  settings = { ...value.settings };
  held = -1;
  $(".legend label:has([value=ridge]) span").textContent = `ridge, λ = ${+(value.noise ** 2).toFixed(4)}`;
  marks();
  described();
  draw();
};
for (const canvas of [plane, errors]) new ResizeObserver(draw).observe(canvas);
loadInitial(show);
