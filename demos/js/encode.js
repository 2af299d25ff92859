// Drawing pad and posterior. value: {model, models: {name: title}, pixels, dims: {name: [{i, off}]}, seed}
let start = null, x = new Uint8Array(784), seed = 0, last = null, stroke = null, from = "example", tries = 2;
const pad = $(".pad"), pen = pad.getContext("2d", { willReadFrequently: true }), chart = $(".chart");
const model = () => $(".model").value;

const paintInput = (context, size) => {
  const small = make("canvas", { width: 28, height: 28 }), s = small.getContext("2d"), image = s.createImageData(28, 28);
  x.forEach((v, k) => { image.data[4 * k] = image.data[4 * k + 1] = image.data[4 * k + 2] = v; image.data[4 * k + 3] = 255; });
  s.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = size > 28; context.drawImage(small, 0, 0, size, size);
};
const plot = () => {
  if (!last || !chart.clientWidth) return;
  const scale = window.devicePixelRatio || 1, w = chart.clientWidth, h = 170, c = chart.getContext("2d");
  chart.width = w * scale; chart.height = h * scale; c.scale(scale, scale);
  const y = (v) => h / 2 - 10 - v * 21, left = 30, dims = start.dims[model()], step = (w - left) / dims.length;
  c.font = "11px system-ui"; c.textAlign = "center";
  c.fillStyle = colour("--noise");
  c.globalAlpha = 0.16; c.fillRect(left, y(2), w - left, y(-2) - y(2)); c.fillRect(left, y(1), w - left, y(-1) - y(1));
  c.globalAlpha = 1; c.fillStyle = colour("--ink-soft");
  for (const v of [-2, 0, 2]) c.fillText(v < 0 ? "−2" : v, 14, y(v) + 4);
  dims.forEach((dim, k) => {
    const px = left + (k + 0.5) * step, m = Math.max(-3.4, Math.min(3.4, last.mu[dim.i])), s = last.sigma[dim.i];
    c.strokeStyle = c.fillStyle = colour(dim.off ? "--noise" : "--real");
    c.lineWidth = Math.min(7, step / 3); c.globalAlpha = 0.45; c.beginPath(); c.moveTo(px, y(m - s)); c.lineTo(px, y(m + s)); c.stroke();
    c.globalAlpha = 1; c.beginPath(); c.arc(px, y(m), 4, 0, 7); c.fill();
    c.fillStyle = colour("--ink-soft"); c.fillText(step < 26 ? dim.i + 1 : `z${dim.i + 1}`, px, h - 4);
  });
};
const look = newest(async () => {
  const answer = await ask(server.encode, { model: model(), pixels: base64(x), seed });
  if (!answer) return;
  last = answer;
  $(".rebuilt").src = "data:image/png;base64," + answer.rebuilt;
  $(".error").src = "data:image/png;base64," + answer.error;
  $(".kind").textContent = seed ? `decoded from μ + σ ε, seed ${seed}` : "decoded from μ";
  const rate = answer.kl.reduce((a, b) => a + b, 0);
  $(".terms").textContent = `KL ${rate.toFixed(1)} nat, −log p(x given z) ${(-answer.log_likelihood).toFixed(1)} nat, together ${(rate - answer.log_likelihood).toFixed(1)} nat`;
  plot();
});
const use = (pixels, draw = 0) => { if (!pixels) return; x = bytes(pixels); seed = draw; paintInput(pen, 280); paintInput($(".input").getContext("2d"), 28); look(); };
const readPad = () => {
  const small = make("canvas", { width: 28, height: 28 }), s = small.getContext("2d");
  s.imageSmoothingQuality = "high"; s.drawImage(pad, 0, 0, 28, 28);
  const data = s.getImageData(0, 0, 28, 28).data;
  x = x.map((_, k) => data[4 * k]); seed = 0;
  paintInput($(".input").getContext("2d"), 28); look();
};
const clear = () => { pen.fillStyle = "#000"; pen.fillRect(0, 0, 280, 280); };
const at = (event) => { const box = pad.getBoundingClientRect(); return [((event.clientX - box.left) * 280) / box.width, ((event.clientY - box.top) * 280) / box.height]; };
pad.addEventListener("pointerdown", (event) => { if (from === "example") { clear(); from = "hand"; } stroke = at(event); pad.setPointerCapture(event.pointerId); dab(event); });
pad.addEventListener("pointermove", (event) => { if (stroke) dab(event); });
pad.addEventListener("pointerup", () => { stroke = null; });
pad.addEventListener("pointercancel", () => { stroke = null; });
const dab = (event) => {
  const next = at(event);
  pen.strokeStyle = "#fff"; pen.lineWidth = 21; pen.lineCap = pen.lineJoin = "round";
  pen.beginPath(); pen.moveTo(...stroke); pen.lineTo(...next); pen.stroke();
  stroke = next; readPad();
};
$(".clear").addEventListener("click", () => { from = "hand"; clear(); readPad(); });
$(".fit").addEventListener("click", async () => use(await ask(server.centre, { pixels: base64(x) })));
$(".example").addEventListener("click", async () => { from = "example"; use(await ask(server.example, { model: model(), seed: ++tries })); });
acceptFiles(pad, $(".upload"), async (png) => { from = "example"; use(await ask(server.open_picture, { png })); });
$(".resample").addEventListener("click", () => { seed += 1; look(); });
$(".mean").addEventListener("click", () => { seed = 0; look(); });
$(".model").addEventListener("change", () => { if (from === "example") $(".example").click(); else look(); });
new ResizeObserver(plot).observe(chart);
const show = () => {
  start = props.value;
  if (!start?.pixels) { say(start?.error ?? ""); return; }
  $(".model").replaceChildren(...Object.entries(start.models).map(([name, title]) => make("option", { value: name }, title)));
  if (start.chosen) $(".model").value = start.chosen;
  from = start.from ?? "example";
  use(start.pixels, start.seed);
};
const settings = () => ({ tab: "vae", part: "encode", model: model(), seed, pixels: base64(x) });
keep($(".results"), settings, server.save, server.restore, (next) => { props.value = next; show(); });
watch("value", show); show();
