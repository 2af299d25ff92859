// The 2-D lab. value: before a training {real (int16, 2 plane = 32767), plane, drawing}; then frames {step, steps, timed_out, loss,
// exact_loss, error, times (noise level of each of the flow's), learned, perfect (int8, longest = 127; levels x arrows x arrows x 2), flow (int16; times x particles x 2), levels,
// arrows, particles}
let frame = null, // the last one
  extent = 1,
  real = [],
  level = 2,
  time = null,
  timer = null,
  field = null;
const plane = $(".plane"),
  ctx = plane.getContext("2d"),
  size = plane.width;
const place = (v) => ((v / extent + 1) / 2) * size;
const dots = (list, ink, radius) => {
  ctx.fillStyle = colour(ink);
  ctx.beginPath();
  for (let k = 0; k < list.length; k += 2) {
    const [x, y] = [place(list[k]), size - place(list[k + 1])];
    ctx.moveTo(x + radius, y);
    ctx.arc(x, y, radius, 0, 7);
  }
  ctx.fill();
};
const arrows = (data, ink, width) => {
  const n = frame.arrows,
    start = level * n * n * 2,
    cell = size / n;
  ctx.strokeStyle = colour(ink);
  ctx.lineWidth = width;
  ctx.beginPath();
  for (let r = 0; r < n; r++)
    for (let c = 0; c < n; c++) {
      const k = start + 2 * (r * n + c),
        dx = (data[k] / 127) * cell * 0.95,
        dy = (-data[k + 1] / 127) * cell * 0.95;
      const x = ((c / (n - 1)) * 0.96 + 0.02) * size,
        y = (0.98 - (r / (n - 1)) * 0.96) * size,
        length = Math.hypot(dx, dy);
      ctx.moveTo(x, y);
      ctx.lineTo(x + dx, y + dy);
      if (length > 4)
        for (const turn of [2.6, -2.6]) {
          const a = Math.atan2(dy, dx) + turn;
          ctx.moveTo(x + dx, y + dy);
          ctx.lineTo(x + dx + 4 * Math.cos(a), y + dy + 4 * Math.sin(a));
        }
    }
  ctx.stroke();
};
const particles = () => {
  const n = frame.particles,
    unit = (2 * extent) / 32767,
    last = field.flow.length / (2 * n) - 1,
    now = Math.min(time ?? last, last);
  ctx.globalAlpha = 0.35;
  ctx.strokeStyle = colour("--made");
  ctx.lineWidth = 1;
  for (let p = 0; p < 24; p++) {
    // the trajectories of some
    ctx.beginPath();
    for (let t = 0; t <= now; t++)
      ctx.lineTo(place(field.flow[2 * (t * n + p)] * unit), size - place(field.flow[2 * (t * n + p) + 1] * unit));
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
  dots(
    Array.from(field.flow.subarray(2 * now * n, 2 * (now + 1) * n), (v) => v * unit),
    "--made",
    2.8,
  );
  $(".time").max = last;
  $(".time").value = now;
};
const short = (v) => (v < 0.001 ? v.toExponential(0).replace("e-", "e−") : v.toPrecision(2)); // two digits, in a narrow bar
const errors = () => {
  const sized = sizedCanvas($(".errors"));
  if (!sized) return;
  const { context: c, width: w, height: h } = sized;
  c.font = "10px system-ui";
  c.textAlign = "center";
  const high = Math.max(...frame.error, 1e-3),
    step = w / frame.error.length;
  frame.error.forEach((e, k) => {
    const tall = Math.max(1.5, (e / high) * (h - 30));
    c.fillStyle = colour(k === level ? "--made" : "--noise");
    c.fillRect(k * step + 4, h - 14 - tall, step - 8, tall);
    c.fillStyle = colour("--ink-soft");
    c.fillText(short(e), (k + 0.5) * step, h - 17 - tall);
    c.fillText(`t ${frame.levels[k]}`, (k + 0.5) * step, h - 3);
  });
};
const draw = () => {
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour("--card");
  ctx.fillRect(0, 0, size, size);
  ctx.globalAlpha = field ? 0.3 : 1;
  dots(real, "--real", 2.2);
  ctx.globalAlpha = 1;
  if (!field) return;
  arrows(field.perfect, "--noise", 3);
  arrows(field.learned, "--made", 1.3);
  particles();
  errors();
  $(".readout-time").textContent = `at t = ${frame.times[time ?? frame.times.length - 1].toFixed(2)}`;
  $(".readout-level").textContent =
    `t = ${frame.levels[level]}: ${["hardly any noise", "little noise", "half and half", "mostly noise", "nearly noise alone"][level]}`;
};
const pause = () => {
  clearInterval(timer);
  timer = null;
  $(".play").textContent = "Flow back";
};
const limit = (timed_out) => {
  $(".late").textContent = timedOut({ timed_out });
  $(".limit").hidden = !timed_out;
};
const read = () => {
  const value = props.value;
  if (value?.real !== undefined) {
    extent = value.plane;
    real = Array.from(int16s(value.real), (v) => (v * 2 * extent) / 32767);
    own.use(value.drawing ? numbersOf(value.settings.drawn) : null);
    field = frame = time = null;
    pause();
    limit(false);
    $(".loss").textContent = $(".exact").textContent = "–";
    $(".step").textContent = "0";
    $(".bar i").style.width = "0";
  }
  if (value?.flow) {
    frame = value;
    field = { learned: int8s(value.learned), perfect: int8s(value.perfect), flow: int16s(value.flow) };
    limit(value.timed_out);
    $(".step").textContent = value.step.toLocaleString("en");
    $(".steps").textContent = value.steps.toLocaleString("en");
    $(".bar i").style.width = `${(100 * value.step) / value.steps}%`;
    if (value.loss !== null) $(".loss").textContent = value.loss.toFixed(3);
    $(".exact").textContent = value.exact_loss.toFixed(3);
  }
  due ||= requestAnimationFrame(() => {
    due = 0;
    draw();
  });
};
let due = 0;
$(".level").addEventListener("input", () => {
  level = +$(".level").value;
  draw();
});
// The arrows follow the particles: the field that is nearest to their noise level.
const follow = () => {
  const t = frame.times[time],
    away = frame.levels.map((one) => Math.abs(one - t));
  level = away.indexOf(Math.min(...away));
  $(".level").value = level;
};
$(".time").addEventListener("input", () => {
  if (!field) return;
  pause();
  time = +$(".time").value;
  follow();
  draw();
});
$(".play").addEventListener("click", () => {
  if (timer) {
    pause();
    return;
  }
  if (!field) return;
  time = 0;
  $(".play").textContent = "Stop";
  follow();
  timer = setInterval(() => {
    time += 1;
    follow();
    draw();
    if (time >= +$(".time").max) {
      pause();
      time = null;
    }
  }, 90);
});
const own = ownPoints(
  plane,
  () => extent,
  (list) => {
    real = [...list];
    draw();
  },
  () => part.stop?.(),
);
new ResizeObserver(draw).observe(plane);
watchRuns(read);
loadInitial(read);
part.shown = () => (frame ? { step: frame.step, flow: frame.flow, error: frame.error } : null);
