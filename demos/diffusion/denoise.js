// Denoising. value: {levels (of every step), seed, branch (its step, or -1), passes (of the network, an evaluation), remark,
// begins (a run's first message), done, new: [{step, t, nfe, ms, x, noise, x0, after (bytes of six pictures each), norm}]}
let plan = null,
  steps = [],
  at = 0, // the step that is shown, or their number: the samples
  chosen = 0,
  timer = null,
  follow = true,
  branches = 0;
const side = 28,
  area = side * side;
const cells = Array.from({ length: 6 }, (_, k) => {
  const button = make("button", { type: "button", "aria-label": `picture ${k + 1}` });
  button.append(make("canvas", { class: "pixels", width: side, height: side }));
  button.addEventListener("click", () => {
    chosen = k;
    draw();
  });
  return button;
});
$(".all").replaceChildren(...cells);

const grey = (v) => [v, v, v];
const state = (v) => {
  const g = Math.max(0, Math.min(255, ((v / 255) * 5 - 2.5 + 1) * 127.5));
  return [g, g, g];
}; // [-1, 1] is black to white
const signed = (v) => {
  // blue, white, orange, as every signed map
  const t = (v / 255) * 2 - 1,
    end = t < 0 ? [37, 99, 235] : [234, 88, 12],
    a = Math.min(1, Math.abs(t) * 1.4);
  return end.map((c) => 255 + (c - 255) * a);
};
const paint = (canvas, data, k, ink) => {
  const context = canvas.getContext("2d"),
    image = context.createImageData(side, side);
  for (let i = 0; i < area; i++) {
    const [r, g, b] = ink(data[k * area + i]);
    image.data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
};
const curve = (canvas, values, ink, now, unit) => {
  const sized = sizedCanvas(canvas);
  if (!sized || !values.length) return;
  const { context: c, width: w, height: h } = sized;
  c.font = "11px system-ui";
  const low = Math.min(...values, 0),
    high = Math.max(...values, low + 1e-6);
  const x = (k) => 34 + (k / Math.max(1, plan.levels.length - 1)) * (w - 44),
    y = (v) => 10 + (1 - (v - low) / (high - low)) * (h - 24);
  c.strokeStyle = colour("--line");
  c.beginPath();
  c.moveTo(34, y(0));
  c.lineTo(w - 8, y(0));
  c.stroke();
  c.strokeStyle = colour(ink);
  c.lineWidth = 2;
  c.beginPath();
  values.forEach((v, k) => c.lineTo(x(k), y(v)));
  c.stroke();
  c.fillStyle = colour("--ink-soft");
  c.textAlign = "right";
  for (const v of [low, high]) c.fillText(v.toFixed(unit).replace("-", "−"), 30, y(v) + 4);
  if (now < values.length) {
    c.fillStyle = colour("--accent");
    c.beginPath();
    c.arc(x(now), y(values[now]), 5, 0, 7);
    c.fill();
  }
};
// The last place that can be shown: of a run that is over, the samples.
const reached = () => (plan?.done ? steps.length : steps.length - 1);
const SHOWN = ["x<sub>t</sub>, the state", "noise predicted in it", "picture predicted behind it"],
  ENDED = ["x<sub>0</sub>, the sample", "noise predicted last", "picture predicted last"];
const draw = () => {
  const ended = at === plan?.levels.length,
    frame = steps[ended ? at - 1 : at];
  if (!frame) return;
  const now = ended ? frame.after : frame.x;
  paint($(".big-x"), now, chosen, state);
  paint($(".big-noise"), frame.noise, chosen, signed);
  paint($(".big-x0"), frame.x0, chosen, grey);
  cells.forEach((cell, k) => {
    cell.setAttribute("aria-pressed", k === chosen);
    paint(cell.firstChild, now, k, state);
  });
  const [x, noise, x0] = ended ? ENDED : SHOWN;
  $(".is-x").innerHTML = x;
  $(".is-noise").textContent = noise;
  $(".is-x0").textContent = x0;
  $(".at").max = plan.levels.length;
  $(".at").value = at;
  const passes = plan.passes === 1 ? "" : ` (${plan.passes * frame.nfe} passes)`;
  $(".where").textContent =
    `step ${ended ? at : at + 1} of ${plan.levels.length} · ${ended ? "the sample" : `noise level t = ${frame.t.toFixed(2)}`}` +
    ` · ${frame.nfe} evaluations${passes}, ${frame.ms} ms`;
  $(".remark").textContent = plan.remark;
  curve(
    $(".snr"),
    plan.levels.map((t) =>
      Math.max(-10, Math.min(10, 2 * Math.log(Math.cos((t * Math.PI) / 2) / Math.sin((t * Math.PI) / 2)))),
    ),
    "--real",
    at,
    0,
  );
  const norms = steps.filter(Boolean).map((s) => s.norm);
  $(".norms").hidden = norms.some((v) => v === null);
  if (!$(".norms").hidden && steps[0]) curve($(".norm"), norms, "--made", at, 1);
};
const pause = () => {
  clearInterval(timer);
  timer = null;
  $(".play").textContent = "▶";
};
const read = () => {
  const value = props.value;
  if (!value?.new) return;
  if (value.begins) {
    pause();
    follow = true;
    steps = [];
    $(".branched").textContent =
      value.branch < 0 ? "" : `A branch from step ${value.branch + 1}: DDPM's fresh noise from there.`;
  }
  plan = value;
  for (const s of value.new)
    steps[s.step] = { ...s, x: bytes(s.x), noise: bytes(s.noise), x0: bytes(s.x0), after: bytes(s.after) };
  if (follow) at = reached();
  draw();
};
// The beginning of a long run, of a link or a saved picture: the page streams it.
const openShown = () => {
  read();
  if (props.value?.new && !props.value.done) part.request(props.value.settings);
};
$(".at").addEventListener("input", () => {
  pause();
  follow = false;
  at = Math.min(+$(".at").value, reached());
  draw();
});
$(".play").addEventListener("click", () => {
  if (timer) {
    pause();
    return;
  }
  if (at >= reached()) at = -1;
  follow = false;
  $(".play").textContent = "⏸";
  timer = setInterval(
    () => {
      at += 1;
      draw();
      if (at >= reached()) pause();
    },
    Math.max(40, Math.min(400, 4000 / steps.length)),
  );
});
$(".branch").addEventListener("click", () => {
  if (!plan) return;
  branches += 1;
  const branch_step = Math.min(at, steps.length - 1);
  part.request({ ...part.settings, branch_step, branch_seed: (plan.seed + branches) % 2147483647 });
});
new ResizeObserver(draw).observe($(".charts"));
watchRuns(read);
loadInitial(openShown);
part.shown = () => (plan ? { step: at } : null);
