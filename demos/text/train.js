// A live training of a GPT. value before it: {example, length, kinds}; then {step, steps, loss, held, sample,
// seconds, timed_out, kinds}, frame by frame.
let logged = [],
  at = 0,
  follow = true;
const curve = () => {
  if (!logged.length) return;
  const sized = sizedCanvas($(".curve"));
  if (!sized) return;
  const { context: c, width: w, height: h } = sized;
  c.font = "12px system-ui";
  const guess = Math.log(logged[0].kinds),
    high = Math.max(guess, logged[0].loss) * 1.04,
    last = logged.at(-1);
  const x = (step) => 34 + (step / last.steps) * (w - 90),
    y = (v) => 8 + (1 - v / high) * (h - 34);
  c.strokeStyle = colour("--line");
  c.fillStyle = colour("--ink-soft");
  c.textAlign = "right";
  for (let v = 0; v <= high; v += 1) {
    c.beginPath();
    c.moveTo(34, y(v));
    c.lineTo(w - 50, y(v));
    c.stroke();
    c.fillText(v, 28, y(v) + 4);
  }
  c.setLineDash([4, 4]);
  c.strokeStyle = colour("--noise");
  c.beginPath();
  c.moveTo(34, y(guess));
  c.lineTo(w - 50, y(guess));
  c.stroke();
  c.setLineDash([]);
  c.textAlign = "left";
  for (const [name, ink] of [
    ["loss", "--real"],
    ["held", "--made"],
  ]) {
    c.strokeStyle = c.fillStyle = colour(ink);
    c.lineWidth = 2;
    c.beginPath();
    logged.forEach((f) => c.lineTo(x(f.step), y(f[name])));
    c.stroke();
  }
  const [a, b] = [y(last.loss), y(last.held)],
    apart = Math.abs(a - b) < 13 ? (13 - Math.abs(a - b)) / 2 : 0;
  c.fillStyle = colour("--real");
  c.fillText(last.loss.toFixed(2), x(last.step) + 6, a + 4 + (a >= b ? apart : -apart));
  c.fillStyle = colour("--made");
  c.fillText(last.held.toFixed(2), x(last.step) + 6, b + 4 + (a >= b ? -apart : apart));
  c.fillStyle = colour("--ink-soft");
  c.textAlign = "right";
  c.fillText("steps", w - 50, h - 6);
  c.beginPath();
  c.strokeStyle = colour("--accent");
  c.moveTo(x(logged[at].step), 8);
  c.lineTo(x(logged[at].step), h - 26);
  c.stroke();
};
const sample = () => {
  $(".at").max = logged.length - 1;
  $(".at").value = at;
  $(".which").textContent = `step ${logged[at].step}`;
  $(".sample").textContent = logged[at].sample;
};
const draw = () => {
  const frame = props.value;
  if (frame?.example !== undefined) {
    logged = [];
    follow = true;
    $(".before").hidden = false;
    $(".views").hidden = true;
    $(".before .example").textContent = frame.example;
    $(".size").textContent = frame.length
      ? `(${frame.length.toLocaleString("en")} characters, ${frame.kinds} different ones)`
      : "";
  }
  if (!frame?.step) return;
  if (logged.length && frame.step <= logged.at(-1).step) {
    logged = [];
    follow = true;
  }
  logged.push(frame);
  if (follow) at = logged.length - 1;
  $(".before").hidden = true;
  $(".views").hidden = false;
  $(".bar i").style.width = `${(100 * frame.step) / frame.steps}%`;
  $(".progress").textContent = `step ${frame.step} of ${frame.steps}, ${frame.seconds.toFixed(0)} s${timedOut(frame)}`;
  sample();
  curve();
};
$(".at").addEventListener("input", () => {
  at = +$(".at").value;
  follow = at === logged.length - 1;
  sample();
  curve();
});
new ResizeObserver(curve).observe($(".curve"));
watchRuns(draw);
loadInitial(draw);
part.shown = () => (logged.length ? { sample: logged[at].sample } : null);
