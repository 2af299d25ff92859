// The 2-D lab. value: {real, made, pull (every fourth, longest = 100), heat (40 x 40 bytes), step, losses, modes, quality ...}
let history = [], drawing = null, game = 0;
const plane = $(".plane"), ctx = plane.getContext("2d");
const rgb = (name) => { const c = colour(name); return [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16)); };
const place = (v, w) => ((v / 1000 / props.value.window + 1) / 2) * w;

const heatMap = (frame) => {
  const cells = bytes(frame.heat), n = Math.sqrt(cells.length), small = make("canvas", { width: n, height: n });
  const s = small.getContext("2d"), image = s.createImageData(n, n), real = rgb("--real"), made = rgb("--made"), base = rgb("--card");
  cells.forEach((v, k) => {
    const o = 4 * ((n - 1 - Math.floor(k / n)) * n + (k % n)), t = (v / 255 - 0.5) * 2, end = t > 0 ? real : made, a = 0.38 * Math.abs(t);
    for (let c = 0; c < 3; c++) image.data[o + c] = base[c] + (end[c] - base[c]) * a;
    image.data[o + 3] = 255;
  });
  s.putImageData(image, 0, 0);
  ctx.imageSmoothingEnabled = true; ctx.drawImage(small, 0, 0, plane.width, plane.width);
};
const points = (list, ink, size) => {
  const w = plane.width;
  ctx.fillStyle = colour(ink);
  for (let k = 0; k < list.length; k += 2) { ctx.beginPath(); ctx.arc(place(list[k], w), w - place(list[k + 1], w), size, 0, 7); ctx.fill(); }
};
const arrows = (frame) => {
  const w = plane.width;
  ctx.strokeStyle = colour("--ink"); ctx.lineWidth = 1; ctx.globalAlpha = 0.45; ctx.beginPath();
  for (let k = 0; k < frame.pull.length; k += 2) {
    const x = place(frame.made[4 * k], w), y = w - place(frame.made[4 * k + 1], w);
    ctx.moveTo(x, y); ctx.lineTo(x + frame.pull[k] * 0.28, y - frame.pull[k + 1] * 0.28);
  }
  ctx.stroke(); ctx.globalAlpha = 1;
};
const curves = () => {
  const canvas = $(".curve"), scale = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight, c = canvas.getContext("2d");
  if (!w) return;
  canvas.width = w * scale; canvas.height = h * scale; c.scale(scale, scale);
  const recent = history.slice(-300), all = recent.flatMap((f) => [f.d_loss, f.g_loss]).filter((v) => v !== null);
  if (!all.length) return;
  const low = Math.min(...all), high = Math.max(...all), y = (v) => 6 + (1 - (v - low) / (high - low || 1)) * (h - 12);
  for (const [name, ink] of [["d_loss", "--real"], ["g_loss", "--made"]]) {
    c.strokeStyle = colour(ink); c.lineWidth = 1.5; c.beginPath();
    recent.forEach((f, k) => { if (f[name] !== null) c.lineTo((k / Math.max(1, recent.length - 1)) * w, y(f[name])); });
    c.stroke();
  }
};
const draw = () => {
  const frame = props.value;
  if (!frame?.window || frame.game < game) return; // a late frame of a game that was reset meanwhile
  game = frame.game;
  ctx.fillStyle = colour("--card"); ctx.fillRect(0, 0, plane.width, plane.width);
  drawing = frame.drawing ? frame.drawn : null;
  $(".hint-draw").hidden = !frame.drawing;
  plane.style.cursor = frame.drawing ? "crosshair" : "";
  if (!frame.step) { history = []; $(".step").textContent = "0"; $(".modes").textContent = $(".quality").textContent = "–"; $(".bar i").style.width = "0"; curves(); }
  if (frame.heat) heatMap(frame);
  points(frame.real, "--real", 2.2);
  if (!frame.made) return;
  arrows(frame);
  points(frame.made, "--made", 2.6);
  if (history.length && frame.step <= history.at(-1).step) history = [];
  history.push(frame);
  if (history.length > 2000) history.shift();
  $(".step").textContent = frame.step.toLocaleString("en");
  $(".modes-box").hidden = frame.modes === null;
  if (frame.modes !== null) $(".modes").textContent = `${frame.modes} of ${frame.total}`;
  $(".quality").textContent = `${(100 * frame.quality).toFixed(0)} %`;
  $(".bar i").style.width = `${100 * frame.quality}%`;
  $(".slope-box").hidden = frame.slope === null;
  if (frame.slope !== null) $(".slope").textContent = frame.slope.toFixed(2);
  curves();
};
const add = (event) => {
  const box = plane.getBoundingClientRect(), window = props.value.window;
  drawing.push([((event.clientX - box.left) / box.width) * 2 - 1, 1 - ((event.clientY - box.top) / box.height) * 2].map((v) => +(v * window).toFixed(3)));
  points(drawing.at(-1).map((v) => v * 1000), "--real", 3);
};
plane.addEventListener("pointerdown", (event) => { if (drawing) { plane.setPointerCapture(event.pointerId); add(event); } });
plane.addEventListener("pointermove", (event) => { if (drawing && event.buttons && drawing.length < 2000) add(event); });
plane.addEventListener("pointerup", () => { if (drawing) { props.value = { ...props.value, drawn: drawing }; trigger("input"); } });
watch("value", draw); draw();
