// The 2-D lab. value: {number, real} before a training; {number, step, steps, loss, error, learned, perfect (int8, longest = 127;
// levels x arrows x arrows x 2), flow (int16, 2 plane = 32767; times x particles x 2), levels, arrows, particles, plane}
let frame = null, real = [], drawing = null, number = 0, level = 2, time = null, timer = null, field = null;
const plane = $(".plane"), ctx = plane.getContext("2d"), size = plane.width;
const place = (v) => ((v / frame.plane + 1) / 2) * size;
const dots = (list, ink, radius) => {
  ctx.fillStyle = colour(ink);
  for (let k = 0; k < list.length; k += 2) { ctx.beginPath(); ctx.arc(place(list[k]), size - place(list[k + 1]), radius, 0, 7); ctx.fill(); }
};
const arrows = (data, ink, width) => {
  const n = frame.arrows, start = level * n * n * 2, cell = size / n;
  ctx.strokeStyle = colour(ink); ctx.lineWidth = width; ctx.beginPath();
  for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) {
    const k = start + 2 * (r * n + c), dx = (data[k] / 127) * cell * 0.95, dy = (-data[k + 1] / 127) * cell * 0.95;
    const x = ((c / (n - 1)) * 0.96 + 0.02) * size, y = (0.98 - (r / (n - 1)) * 0.96) * size, length = Math.hypot(dx, dy);
    ctx.moveTo(x, y); ctx.lineTo(x + dx, y + dy);
    if (length > 4) for (const turn of [2.6, -2.6]) {
      const a = Math.atan2(dy, dx) + turn;
      ctx.moveTo(x + dx, y + dy); ctx.lineTo(x + dx + 4 * Math.cos(a), y + dy + 4 * Math.sin(a));
    }
  }
  ctx.stroke();
};
const particles = () => {
  const n = frame.particles, unit = (2 * frame.plane) / 32767, last = field.flow.length / (2 * n) - 1, now = Math.min(time ?? last, last);
  ctx.globalAlpha = 0.35; ctx.strokeStyle = colour("--made"); ctx.lineWidth = 1;
  for (let p = 0; p < 24; p++) { // the trajectories of some
    ctx.beginPath();
    for (let t = 0; t <= now; t++) ctx.lineTo(place(field.flow[2 * (t * n + p)] * unit), size - place(field.flow[2 * (t * n + p) + 1] * unit));
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
  dots(Array.from(field.flow.subarray(2 * now * n, 2 * (now + 1) * n), (v) => v * unit), "--made", 2.8);
  $(".time").max = last; $(".time").value = now;
};
const errors = () => {
  const canvas = $(".errors"), scale = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight, c = canvas.getContext("2d");
  if (!w) return;
  canvas.width = w * scale; canvas.height = h * scale; c.scale(scale, scale); c.font = "10px system-ui"; c.textAlign = "center";
  const high = Math.max(...frame.error, 1e-3), step = w / frame.error.length;
  frame.error.forEach((e, k) => {
    const tall = Math.max(1.5, (e / high) * (h - 30));
    c.fillStyle = colour(k === level ? "--made" : "--noise");
    c.fillRect(k * step + 4, h - 14 - tall, step - 8, tall);
    c.fillStyle = colour("--ink-soft");
    c.fillText(e.toFixed(2), (k + 0.5) * step, h - 17 - tall); c.fillText(`t ${frame.levels[k]}`, (k + 0.5) * step, h - 3);
  });
};
const draw = () => {
  if (!frame) return;
  ctx.globalAlpha = 1; ctx.fillStyle = colour("--card"); ctx.fillRect(0, 0, size, size);
  ctx.globalAlpha = field ? 0.3 : 1; dots(real, "--real", 2.2); ctx.globalAlpha = 1;
  if (!field) return;
  arrows(field.perfect, "--noise", 3); arrows(field.learned, "--made", 1.3);
  particles(); errors();
  $(".told-level").textContent = `t = ${frame.levels[level]}: ${["hardly any noise", "little noise", "half and half", "mostly noise", "nearly noise alone"][level]}`;
};
const stop = () => { clearInterval(timer); timer = null; $(".play").textContent = "Flow back"; };
const read = () => {
  const value = props.value;
  if (!value?.plane || value.number < number) return; // a late frame of a training that was reset meanwhile
  number = value.number; frame = value;
  drawing = value.drawing ? value.drawn : null;
  $(".hint-draw").hidden = !value.drawing; plane.style.cursor = value.drawing ? "crosshair" : "";
  if (value.real) { real = value.real.map((v) => v / 1000); field = null; time = null; stop(); $(".loss").textContent = "–"; $(".step").textContent = "0"; $(".bar i").style.width = "0"; }
  if (value.drawn?.length) real = value.drawn.flat();
  if (value.flow) {
    field = { learned: new Int8Array(bytes(value.learned).buffer), perfect: new Int8Array(bytes(value.perfect).buffer), flow: new Int16Array(bytes(value.flow).buffer) };
    $(".step").textContent = value.step.toLocaleString("en"); $(".steps").textContent = value.steps.toLocaleString("en");
    $(".bar i").style.width = `${(100 * value.step) / value.steps}%`;
    $(".loss").textContent = value.loss === null ? $(".loss").textContent : value.loss.toFixed(3);
  }
  draw();
};
$(".level").addEventListener("input", () => { level = +$(".level").value; draw(); });
$(".time").addEventListener("input", () => { stop(); time = +$(".time").value; draw(); });
$(".play").addEventListener("click", () => {
  if (timer) { stop(); return; }
  if (!field) return;
  time = 0; $(".play").textContent = "Stop";
  timer = setInterval(() => { time += 1; draw(); if (time >= +$(".time").max) { stop(); time = null; } }, 90);
});
const add = (event) => {
  const box = plane.getBoundingClientRect();
  drawing.push([((event.clientX - box.left) / box.width) * 2 - 1, 1 - ((event.clientY - box.top) / box.height) * 2].map((v) => +Math.max(-1.25, Math.min(1.25, v * frame.plane)).toFixed(3)));
  dots(drawing.at(-1), "--real", 3);
};
plane.addEventListener("pointerdown", (event) => { if (drawing) { plane.setPointerCapture(event.pointerId); add(event); } });
plane.addEventListener("pointermove", (event) => { if (drawing && event.buttons && drawing.length < 2000) add(event); });
plane.addEventListener("pointerup", () => { if (drawing) { props.value = { ...props.value, drawn: drawing }; trigger("input"); } });
new ResizeObserver(draw).observe(plane);
watch("value", read); read();
