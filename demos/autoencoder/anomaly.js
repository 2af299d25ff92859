// Anomaly. value: {settings: {model, normal, pixels, threshold}, classes, counts (int16; true class x bins, scores of test
// pictures from 0 to top), top, auroc (of this class), mean (over all)}
let settings = null,
  value = null,
  counts = null, // of each class
  bins = 0,
  score = null;
const total = (list) => list.reduce((a, b) => a + b, 0);
const of = (c) => counts.subarray(c * bins, (c + 1) * bins);
const known = () => value.classes.indexOf(settings.normal);
const summed = (which) => {
  const sum = new Float64Array(bins);
  for (const c of which) of(c).forEach((n, k) => (sum[k] += n));
  return sum;
};
// The share of a histogram from each bin on, and 0 after the last.
const above = (histogram) => {
  const shares = new Float64Array(bins + 1),
    all = total(histogram) || 1;
  for (let k = bins - 1; k >= 0; k--) shares[k] = shares[k + 1] + histogram[k] / all;
  return shares;
};
const others = () => value.classes.map((_, c) => c).filter((c) => c !== known());
const cut = () => Math.round((settings.threshold / value.top) * bins);

const histogram = () => {
  const sized = sizedCanvas($(".histogram"));
  if (!sized) return;
  const { context, width, height } = sized,
    last = (6 / value.top) * bins, // what is above six times the usual is one bar
    wide = 3, // bins a bar
    bars = last / wide + 1,
    step = width / bars,
    shares = [summed([known()]), summed(others())].map((h) => {
      const all = total(h),
        list = new Float64Array(bars);
      h.forEach((n, k) => (list[Math.min(bars - 1, Math.floor(k / wide))] += n / all));
      return list;
    }),
    high = Math.max(...shares.flatMap((list) => [...list.subarray(0, bars - 1)])), // the last may be higher: it is cut
    place = (v) => (Math.min((v / value.top) * bins, last + wide) / wide) * step;
  ["--real", "--made"].forEach((ink, which) => {
    context.fillStyle = colour(ink);
    context.globalAlpha = 0.6;
    shares[which].forEach((v, k) => {
      const tall = Math.min(1, v / high) * (height - 34);
      context.fillRect(k * step, height - 18 - tall, step - 0.5, tall);
    });
  });
  context.globalAlpha = 1;
  context.font = "11px system-ui";
  context.fillStyle = colour("--ink-soft");
  context.textAlign = "center";
  for (let v = 0; v < 6; v++) context.fillText(v, Math.max(4, place(v)), height - 4);
  context.textAlign = "right";
  context.fillText("> 6", width, height - 4);
  context.fillText(`${inPercent(shares[1].at(-1))} of the others`, width - step - 4, 42);
  const line = (v, ink, text, dash, top) => {
    const x = Math.min(place(v), width - 1);
    context.strokeStyle = context.fillStyle = colour(ink);
    context.lineWidth = 2;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, height - 18);
    context.stroke();
    context.setLineDash([]);
    context.textAlign = x > width / 2 ? "right" : "left";
    context.fillText(text, x + (x > width / 2 ? -5 : 5), top + 9);
  };
  line(settings.threshold, "--accent", "threshold", [4, 3], 2);
  if (score !== null) line(score, "--ink", "your picture", [], 16);
};
const roc = (fall, rise) => {
  const sized = sizedCanvas($(".roc"));
  if (!sized) return;
  const { context, width, height } = sized,
    [left, low] = [30, height - 30],
    side = Math.min(width - left - 6, low - 6),
    at = (x, y) => [left + x * side, low - y * side];
  context.strokeStyle = colour("--line");
  context.strokeRect(left, low - side, side, side);
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(...at(0, 0));
  context.lineTo(...at(1, 1));
  context.stroke();
  context.setLineDash([]);
  context.strokeStyle = colour("--made");
  context.lineWidth = 2;
  context.beginPath();
  for (let k = 0; k <= bins; k++) context.lineTo(...at(fall[k], rise[k]));
  context.stroke();
  context.fillStyle = colour("--accent");
  context.beginPath();
  context.arc(...at(fall[cut()], rise[cut()]), 5, 0, 7);
  context.fill();
  context.font = "11px system-ui";
  context.fillStyle = colour("--ink-soft");
  context.textAlign = "center";
  context.fillText("normal flagged", left + side / 2, low + 24);
  for (const v of [0, 1]) {
    context.fillText(v, at(v, 0)[0], low + 12);
    context.fillText(v, left - 8, at(0, v)[1] + 4);
  }
  context.save();
  context.translate(10, low - side / 2);
  context.rotate(-Math.PI / 2);
  context.fillText("others caught", 0, 0);
  context.restore();
};
const draw = () => {
  if (!value) return;
  const fall = above(summed([known()])),
    rise = above(summed(others()));
  histogram();
  roc(fall, rise);
  $(".at").textContent = settings.threshold.toFixed(2);
  $(".rates").textContent =
    `Flagged at ${settings.threshold.toFixed(2)}: ${inPercent(rise[cut()])} of the others (true positives), ` +
    `${inPercent(fall[cut()])} of the normal ones (false positives).`;
  const missed = others()
    .map((c) => [value.classes[c], 1 - above(of(c))[cut()]])
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3);
  $(".missed").textContent = `Most often missed: ${missed.map(([name, v]) => `${name} (${inPercent(v)})`).join(", ")}.`;
  if (score === null) return;
  $(".score").textContent = score.toFixed(score < 10 ? 2 : 1);
  $(".judged").textContent =
    "times the usual error. " +
    (score >= settings.threshold ? "Odd: above the threshold." : "Taken for normal: below the threshold.");
};
const look = latestOnly(async () => {
  const asked = { ...settings, pixels: base64(board.pixels()) },
    answer = await askOfStage(server.judge, asked);
  if (!answer || asked.model !== settings.model || asked.normal !== settings.normal) return;
  settings = { ...asked, threshold: settings.threshold };
  shows(settings);
  $(".rebuilt").src = "data:image/png;base64," + answer.rebuilt;
  $(".error").src = "data:image/png;base64," + answer.error;
  score = answer.score;
  draw();
});
const board = drawingPad(
  () => {
    paintPixels($(".input").getContext("2d"), board.pixels(), 28);
    look();
  },
  (seed) => ask(server.example, { model: settings.model, seed }),
);
$(".threshold").addEventListener("input", () => {
  settings = { ...settings, threshold: +$(".threshold").value };
  shows(settings);
  draw();
});
// Another class has its own usual scores, and so its own threshold; the picture stays.
$(".normal").addEventListener("change", () =>
  part.request({ model: settings.model, normal: $(".normal").value, pixels: base64(board.pixels()) }),
);
$(".model").addEventListener("change", () => part.request({ model: $(".model").value }));
for (const name of ["histogram", "roc"]) new ResizeObserver(draw).observe($(`.${name}`));
const options = (select, list, chosen) => {
  select.replaceChildren(...list.map(([key, title]) => make("option", { value: key }, title)));
  select.value = chosen;
};
const show = () => {
  if (!props.value?.counts) return;
  value = props.value;
  settings = { ...value.settings };
  counts = int16s(value.counts);
  bins = counts.length / value.classes.length;
  score = null;
  options($(".model"), Object.entries(props.models), settings.model);
  options(
    $(".normal"),
    value.classes.map((name) => [name, name]),
    settings.normal,
  );
  Object.assign($(".threshold"), { min: 0, max: 6, step: value.top / bins, value: settings.threshold });
  $(".area").textContent = `AUROC ${inPercent(value.auroc)}; mean over the ten: ${inPercent(value.mean)}`;
  board.use(bytes(settings.pixels), "example");
  draw();
};
loadInitial(show);
