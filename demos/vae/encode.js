// Drawing pad and posterior. value: {settings: {model, seed, pixels}, models: {name: title}, dims:
// {name: [{i, off}]}}
let start = null,
  seed = 0,
  last = null;
const chart = $(".chart");
const model = () => $(".model").value;

const plot = () => {
  if (!last || !chart.clientWidth) return;
  const scale = window.devicePixelRatio || 1,
    w = chart.clientWidth,
    h = 170,
    c = chart.getContext("2d");
  chart.width = w * scale;
  chart.height = h * scale;
  c.scale(scale, scale);
  const y = (v) => h / 2 - 10 - v * 21,
    left = 30,
    dims = start.dims[model()],
    step = (w - left) / dims.length;
  c.font = "11px system-ui";
  c.textAlign = "center";
  c.fillStyle = colour("--noise");
  c.globalAlpha = 0.16;
  c.fillRect(left, y(2), w - left, y(-2) - y(2));
  c.fillRect(left, y(1), w - left, y(-1) - y(1));
  c.globalAlpha = 1;
  c.fillStyle = colour("--ink-soft");
  for (const v of [-2, 0, 2]) c.fillText(v < 0 ? "−2" : v, 14, y(v) + 4);
  dims.forEach((dim, k) => {
    const px = left + (k + 0.5) * step,
      m = Math.max(-3.4, Math.min(3.4, last.mu[dim.i])),
      s = last.sigma[dim.i];
    c.strokeStyle = c.fillStyle = colour(dim.off ? "--noise" : "--real");
    c.lineWidth = Math.min(7, step / 3);
    c.globalAlpha = 0.45;
    c.beginPath();
    c.moveTo(px, y(m - s));
    c.lineTo(px, y(m + s));
    c.stroke();
    c.globalAlpha = 1;
    c.beginPath();
    c.arc(px, y(m), 4, 0, 7);
    c.fill();
    c.fillStyle = colour("--ink-soft");
    c.fillText(step < 26 ? dim.i + 1 : `z${dim.i + 1}`, px, h - 4);
  });
};
const look = latestOnly(async () => {
  const settings = { model: model(), seed, pixels: base64(board.pixels()) },
    answer = await askOfStage(server.encode, settings);
  if (!answer) return;
  shows(settings);
  last = answer;
  $(".rebuilt").src = "data:image/png;base64," + answer.rebuilt;
  $(".error").src = "data:image/png;base64," + answer.error;
  $(".kind").textContent = seed ? `decoded from μ + σ ε, seed ${seed}` : "decoded from μ";
  const rate = answer.kl.reduce((a, b) => a + b, 0);
  $(".terms").textContent =
    `KL ${rate.toFixed(1)} nat, −log p(x given z) ${(-answer.log_likelihood).toFixed(1)} nat, together ${(rate - answer.log_likelihood).toFixed(1)} nat`;
  plot();
});
const board = drawingPad(
  () => {
    seed = 0;
    paintPixels($(".input").getContext("2d"), board.pixels(), 28);
    look();
  },
  (n) => ask(server.example, { model: model(), seed: n }),
);
$(".resample").addEventListener("click", () => {
  seed += 1;
  look();
});
$(".mean").addEventListener("click", () => {
  seed = 0;
  look();
});
$(".model").addEventListener("change", () => {
  if (board.source() === "example") $(".example").click();
  else look();
});
new ResizeObserver(plot).observe(chart);
const show = () => {
  start = props.value;
  if (!start?.settings) return;
  $(".model").replaceChildren(
    ...Object.entries(start.models).map(([name, title]) => make("option", { value: name }, title)),
  );
  $(".model").value = start.settings.model;
  board.use(bytes(start.settings.pixels), "example");
  seed = start.settings.seed;
  look();
};
loadInitial(show);
