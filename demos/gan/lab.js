// The 2-D lab. value: before a training {real (int16), window, drawing}; then frames {fake (int16), pull (int8, every
// fourth, longest = 100), heat (40 x 40 bytes), span (the scores that its 0 and 255 stand for; null: D's own 0 and 1), step,
// d_loss, g_loss, modes, total, quality, slope, timed_out}. The next frame comes while this one is drawn.
let losses = [],
  frame = null, // the last one
  real = new Int16Array(),
  extent = 1,
  undrawn = null, // the run whose frame waits to be drawn
  still = null; // the real points as a picture, which stay what they are
const plane = $(".plane"),
  ctx = plane.getContext("2d");
const rgb = (name) => {
  const c = colour(name);
  return [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16));
};
const place = (v, w) => (((2 * v) / 32767 + 1) / 2) * w; // 32767 is twice the window

const heatMap = (frame) => {
  const cells = bytes(frame.heat),
    n = Math.sqrt(cells.length),
    small = make("canvas", { width: n, height: n });
  const s = small.getContext("2d"),
    image = s.createImageData(n, n),
    real = rgb("--real"),
    made = rgb("--made"),
    base = rgb("--card");
  cells.forEach((v, k) => {
    const o = 4 * ((n - 1 - Math.floor(k / n)) * n + (k % n)),
      t = (v / 255 - 0.5) * 2,
      end = t > 0 ? real : made,
      a = 0.38 * Math.abs(t);
    for (let c = 0; c < 3; c++) image.data[o + c] = base[c] + (end[c] - base[c]) * a;
    image.data[o + 3] = 255;
  });
  s.putImageData(image, 0, 0);
  ctx.imageSmoothingEnabled = true;
  ctx.drawImage(small, 0, 0, plane.width, plane.width);
};
// One path for all of them: a path for each takes several times as long on a slow machine.
const points = (context, list, ink, size) => {
  const w = plane.width;
  context.fillStyle = colour(ink);
  context.beginPath();
  for (let k = 0; k < list.length; k += 2) {
    const x = place(list[k], w),
      y = w - place(list[k + 1], w);
    context.moveTo(x + size, y);
    context.arc(x, y, size, 0, 7);
  }
  context.fill();
};
const realPoints = () => {
  const ink = colour("--real");
  if (still?.of !== real || still.ink !== ink) {
    const layer = make("canvas", { width: plane.width, height: plane.width });
    points(layer.getContext("2d"), real, "--real", 2.2);
    still = { of: real, ink, layer };
  }
  ctx.drawImage(still.layer, 0, 0);
};
const arrows = (frame) => {
  const w = plane.width;
  ctx.strokeStyle = colour("--ink");
  ctx.lineWidth = 1;
  ctx.globalAlpha = 0.45;
  ctx.beginPath();
  for (let k = 0; k < frame.arrows.length; k += 2) {
    const x = place(frame.points[4 * k], w),
      y = w - place(frame.points[4 * k + 1], w);
    ctx.moveTo(x, y);
    ctx.lineTo(x + frame.arrows[k] * 0.28, y - frame.arrows[k + 1] * 0.28);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
};
let drawnAt = 0; // the curves, which a frame moves by a pixel
const curves = () => {
  drawnAt = performance.now();
  const recent = losses.slice(-300);
  plotLines($(".curve"), [
    { values: recent.map((frame) => frame.d_loss), ink: "--real" },
    { values: recent.map((frame) => frame.g_loss), ink: "--made" },
  ]);
};
// At most one picture for each frame of the screen, however fast values come; then the server hears that it may send more.
let due = 0;
const draw = () => {
  remember(props.value);
  due ||= requestAnimationFrame(() => {
    due = 0;
    if (undrawn) server.drawn({ run: undrawn }).catch(() => {}); // an unreachable server ends the run by itself
    undrawn = null;
    paint(); // the next frame is on its way meanwhile, and only that one
  });
};
const remember = (value) => {
  if (!value) return;
  if (value.real !== undefined) {
    real = int16s(value.real);
    extent = value.window;
    own.use(value.drawing ? numbersOf(value.settings.drawn) : null);
    frame = null;
    losses = [];
    drawnAt = 0;
  }
  if (!value.fake) return;
  undrawn = value.run;
  frame = { ...value, points: int16s(value.fake), arrows: int8s(value.pull) };
  losses.push({ d_loss: value.d_loss, g_loss: value.g_loss });
  if (losses.length > 2000) losses.shift();
};
// A training goes on with the points that it began with.
const own = ownPoints(
  plane,
  () => extent,
  (list) => {
    real = Int16Array.from(list, (v) => Math.round((v / (2 * extent)) * 32767));
    paint();
  },
  () => part.stop?.(),
);
const paint = () => {
  ctx.fillStyle = colour("--card");
  ctx.fillRect(0, 0, plane.width, plane.width);
  if (frame) heatMap(frame);
  realPoints();
  if (frame) {
    arrows(frame);
    points(ctx, frame.points, "--made", 2.6);
  }
  $(".scale").textContent = frame ? `Colour of the plane: ${meaning(frame)}` : "";
  $(".limit").hidden = !frame?.timed_out;
  $(".step").textContent = (frame?.step ?? 0).toLocaleString("en");
  $(".modes-box").hidden = Boolean(frame) && frame.modes === null;
  $(".modes").textContent = frame ? `${frame.modes} of ${frame.total}` : "–";
  $(".quality").textContent = frame ? inPercent(frame.quality) : "–";
  $(".bar i").style.width = `${100 * (frame?.quality ?? 0)}%`;
  $(".slope-box").hidden = (frame?.slope ?? null) === null;
  if (frame && frame.slope !== null) $(".slope").textContent = frame.slope.toFixed(2);
  if (performance.now() - drawnAt > 300) curves();
};
const meaning = ({ span }) =>
  span
    ? `D's score, rescaled in every frame: here from ${signed(span[0])} (orange) to ${signed(span[1])} (blue).`
    : "what D says, from 0 (orange, generated) to 1 (blue, real).";
const signed = (v) => v.toFixed(2).replace("-", "−");
watchRuns(draw, curves);
loadInitial(draw);
part.shown = () =>
  frame ? { step: frame.step, modes: frame.modes, quality: frame.quality, heat: frame.heat, fake: frame.fake } : null;
