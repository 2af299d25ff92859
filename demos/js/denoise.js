// Denoising. value: {run, levels (of every step), seed, branch, done, new: [{step, t, nfe, ms, x, noise, x0,
// after (bytes of six pictures each), norm}]}; or, towards Python, {branch: {step, seed}}.
let plan = null, steps = [], at = 0, chosen = 0, timer = null, follow = true, branches = 0;
const side = 28, area = side * side;
const cells = Array.from({ length: 6 }, (_, k) => {
  const button = make("button", { type: "button", "aria-label": `picture ${k + 1}` });
  button.append(make("canvas", { class: "pixels", width: side, height: side }));
  button.addEventListener("click", () => { chosen = k; draw(); });
  return button;
});
$(".all").replaceChildren(...cells);

const grey = (v) => [v, v, v];
const state = (v) => { const g = Math.max(0, Math.min(255, ((v / 255) * 5 - 2.5 + 1) * 127.5)); return [g, g, g]; }; // [-1, 1] is black to white
const signed = (v) => { // blue, white, orange, as every signed map
  const t = (v / 255) * 2 - 1, end = t < 0 ? [37, 99, 235] : [234, 88, 12], a = Math.min(1, Math.abs(t) * 1.4);
  return end.map((c) => 255 + (c - 255) * a);
};
const paint = (canvas, data, k, ink) => {
  const context = canvas.getContext("2d"), image = context.createImageData(side, side);
  for (let i = 0; i < area; i++) { const [r, g, b] = ink(data[k * area + i]); image.data.set([r, g, b, 255], 4 * i); }
  context.putImageData(image, 0, 0);
};
const chart = (canvas) => {
  const scale = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight, c = canvas.getContext("2d");
  canvas.width = w * scale; canvas.height = h * scale; c.scale(scale, scale); c.font = "11px system-ui";
  return [c, w, h];
};
const curve = (canvas, values, ink, now, unit) => {
  const [c, w, h] = chart(canvas);
  if (!w || !values.length) return;
  const low = Math.min(...values, 0), high = Math.max(...values, low + 1e-6);
  const x = (k) => 34 + (k / Math.max(1, plan.levels.length - 1)) * (w - 44), y = (v) => 10 + (1 - (v - low) / (high - low)) * (h - 24);
  c.strokeStyle = colour("--line"); c.beginPath(); c.moveTo(34, y(0)); c.lineTo(w - 8, y(0)); c.stroke();
  c.strokeStyle = colour(ink); c.lineWidth = 2; c.beginPath();
  values.forEach((v, k) => c.lineTo(x(k), y(v))); c.stroke();
  c.fillStyle = colour("--ink-soft"); c.textAlign = "right";
  for (const v of [low, high]) c.fillText(v.toFixed(unit).replace("-", "−"), 30, y(v) + 4);
  if (now < values.length) { c.fillStyle = colour("--accent"); c.beginPath(); c.arc(x(now), y(values[now]), 5, 0, 7); c.fill(); }
};
const draw = () => {
  const frame = steps[at];
  if (!frame) return;
  paint($(".big-x"), frame.x, chosen, state); paint($(".big-noise"), frame.noise, chosen, signed); paint($(".big-x0"), frame.x0, chosen, grey);
  const last = at === plan.levels.length - 1;
  cells.forEach((cell, k) => {
    cell.setAttribute("aria-pressed", k === chosen);
    paint(cell.firstChild, last ? frame.after : frame.x, k, state);
  });
  $(".at").max = plan.levels.length - 1; $(".at").value = at;
  $(".where").textContent = `step ${at + 1} of ${plan.levels.length} · noise level t = ${frame.t.toFixed(2)} · ${frame.nfe} evaluations, ${frame.ms} ms`;
  curve($(".snr"), plan.levels.map((t) => Math.max(-10, Math.min(10, 2 * Math.log(Math.cos((t * Math.PI) / 2) / Math.sin((t * Math.PI) / 2))))), "--real", at, 0);
  const norms = steps.filter(Boolean).map((s) => s.norm);
  $(".norms").hidden = norms.some((v) => v === null);
  if (!$(".norms").hidden && steps[0]) curve($(".norm"), norms, "--made", at, 1);
};
const stop = () => { clearInterval(timer); timer = null; $(".play").textContent = "▶"; };
const read = () => {
  const value = props.value;
  if (value?.error) { say(value.error); return; }
  if (!value?.new) return;
  if (!plan || plan.run !== value.run) {
    stop(); follow = true; say("");
    const kept = value.branch ? steps.slice(0, value.branch) : []; // a branch keeps the way that it left
    if (kept.some((frame) => !frame) || (kept.length && kept.length !== value.branch)) kept.length = 0;
    steps = kept;
    $(".branched").textContent = value.branch === null || value.branch === undefined ? "" : `Branch ${branches} from step ${value.branch + 1}: DDPM's fresh noise from there.`;
  }
  plan = value;
  for (const s of value.new) steps[s.step] = { ...s, x: bytes(s.x), noise: bytes(s.noise), x0: bytes(s.x0), after: bytes(s.after) };
  if (follow) at = steps.length - 1;
  draw();
};
$(".at").addEventListener("input", () => { stop(); follow = false; at = +$(".at").value; while (at > 0 && !steps[at]) at -= 1; draw(); });
$(".play").addEventListener("click", () => {
  if (timer) { stop(); return; }
  if (at >= steps.length - 1) at = -1;
  follow = false; $(".play").textContent = "⏸";
  timer = setInterval(() => { at += 1; draw(); if (at >= steps.length - 1) stop(); }, Math.max(40, Math.min(400, 4000 / steps.length)));
});
$(".branch").addEventListener("click", () => {
  if (!plan) return;
  branches += 1;
  props.value = { branch: { step: at, seed: plan.seed + branches } };
  trigger("input");
});
new ResizeObserver(draw).observe($(".charts"));
watch("value", read); begin(read);
