// A live training of SimCLR. value: before it {sheet (the held-out pictures, PNG), columns, views (PNG)} and a frame; then
// frames {step (0 before it), steps, loss, positives, negatives (shares of cosines), cosines (their means), rank, scatter
// (10,000 is 1), shape, colour (of the neighbours), collapsed, timed_out}
const EDGE = 10000,
  HALF = 1.1, // what half of the plane's side stands for
  SIDE = 16, // pixels of a picture
  sheet = new Image();
let columns = 1,
  logged = []; // frames
const plane = (frame) => {
  const sized = sizedCanvas($(".plane"));
  if (!sized || !sheet.complete) return;
  const { context: c, width } = sized,
    xy = int16s(frame.scatter),
    size = width / 16,
    place = (v) => ((1 + v / EDGE / HALF) * width) / 2 - size / 2;
  c.drawImage(sheet, 0, 0, 1, 1, 0, 0, width, width); // the ground of the pictures
  c.globalCompositeOperation = "lighten"; // that around a thing covers no other
  for (let k = 0; k < xy.length / 2; k++) {
    const left = SIDE * (k % columns),
      top = SIDE * Math.floor(k / columns);
    c.drawImage(sheet, left, top, SIDE, SIDE, place(xy[2 * k]), place(-xy[2 * k + 1]), size, size);
  }
};
const histogram = (frame) => {
  const sized = sizedCanvas($(".cosines"));
  if (!sized) return;
  const { context: c, width, height } = sized,
    pairs = [
      { ink: "--noise", shares: float32s(frame.negatives) },
      { ink: "--real", shares: float32s(frame.positives) },
    ];
  for (const { ink, shares } of pairs) {
    const wide = width / shares.length,
      most = Math.max(...shares);
    c.fillStyle = colour(ink);
    c.globalAlpha = 0.75;
    shares.forEach((v, k) => {
      const high = (v / most) * (height - 2);
      c.fillRect(k * wide, height - high, wide - 1, high);
    });
  }
  c.globalAlpha = 1;
  c.fillStyle = colour("--line");
  c.fillRect(width / 2, 0, 1, height);
};
const curve = (frame) => {
  const every = logged.find(({ step }) => step)?.step ?? 1,
    of = (name) => {
      const values = Array(Math.ceil(frame.steps / every) + 1).fill(null);
      for (const one of logged) values[Math.ceil(one.step / every)] = one[name];
      return values;
    };
  const lines = [
    { values: of("shape"), ink: "--real" },
    { values: of("colour"), ink: "--made" },
  ];
  plotLines($(".curve"), lines, { low: 0, high: 1 });
};
const verdict = (frame) => {
  const rank = `Effective rank of z: ${frame.rank.toFixed(1)} of 16.`;
  if (!frame.step) return `${rank} Untrained, the network gives all pictures nearly the same z.`;
  return frame.collapsed ? `${rank} Collapsed: the network gives all pictures nearly the same z.` : rank;
};
const paint = () => {
  const frame = logged.at(-1);
  if (!frame) return;
  plane(frame);
  histogram(frame);
  curve(frame);
};
const draw = () => {
  const frame = props.value;
  if (!frame?.scatter) return;
  if (frame.sheet) {
    columns = frame.columns;
    sheet.src = "data:image/png;base64," + frame.sheet;
    $(".pairs").src = "data:image/png;base64," + frame.views;
  }
  if (!frame.step) logged = [];
  else if (frame.step <= logged.at(-1)?.step) logged = logged.slice(0, 1);
  logged.push(frame);
  $(".bar i").style.width = `${(100 * frame.step) / frame.steps}%`;
  $(".progress").textContent = frame.step
    ? `step ${frame.step} of ${frame.steps}${timedOut(frame)}; loss ${frame.loss.toFixed(3)}`
    : "Untrained. Press Train; it takes half a minute at most on a quiet machine.";
  const [same, others] = frame.cosines.map((v) => v.toFixed(2).replace("-", "−"));
  $(".same").textContent = same;
  $(".others").textContent = others;
  $(".shape").textContent = inPercent(frame.shape);
  $(".hue").textContent = inPercent(frame.colour);
  $(".verdict").textContent = verdict(frame);
  paint();
};
sheet.addEventListener("load", paint);
new ResizeObserver(paint).observe(element);
new MutationObserver(paint).observe(document.body, { attributes: true, attributeFilter: ["class"] });
watchRuns(draw);
loadInitial(draw);
part.shown = () => (logged.at(-1)?.step ? without(without(logged.at(-1), "loss"), "settings") : null);
