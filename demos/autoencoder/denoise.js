// Denoise. value: {settings: {view, kind, strength, pixels, region (784 bytes, 255: noise is there), seed, points, sigma,
// times}} and, of points, {learned, exact (int8, 127: a cell; side x side x 2), side, reach, data (int16, reach = 32767),
// walk (int16; applications of r x points x 2), error}
let settings = null,
  region = new Uint8Array(784),
  rubbed = null, // where the pointer was last, in pixels of the picture, while it rubs noise in
  field = null;
const noisy = $(".noisy"),
  plane = $(".plane");
const WHAT = { gaussian: "σ", masking: "share hidden", salt: "share replaced" };

const current = () => ({
  ...settings,
  kind: $(".kind").value,
  strength: +$(".strength").value,
  pixels: base64(board.pixels()),
  region: base64(region),
});
const label = () => {
  const v = +$(".strength").value,
    gaussian = $(".kind").value === "gaussian";
  $(".what").textContent = WHAT[$(".kind").value];
  $(".level").textContent = gaussian ? v.toFixed(2) : inPercent(v);
};
const look = latestOnly(async () => {
  const asked = current(),
    answer = await askOfStage(server.clean, asked);
  if (!answer) return;
  settings = { ...asked, seed: settings.seed }; // the next noise may have been asked for meanwhile
  shows(asked);
  paintPixels(noisy.getContext("2d"), bytes(answer.noisy), 28);
  paintPixels($(".cleaned").getContext("2d"), bytes(answer.cleaned), 28);
  $(".error").src = "data:image/png;base64," + answer.error;
  const gain = answer.after - answer.before;
  $(".before").textContent = answer.before > 90 ? "no noise" : `PSNR ${answer.before.toFixed(1)} dB`;
  $(".after").textContent =
    `PSNR ${answer.after.toFixed(1)} dB` +
    (answer.before > 90 ? "" : `, ${gain < 0 ? "−" : "+"}${Math.abs(gain).toFixed(1)} dB`);
});
const board = drawingPad(look, (seed) => ask(server.example, { seed }));

// Rubbing puts the noise where the pointer goes, and, from where it is everywhere, only there.
const pixelAt = (event) => {
  const box = noisy.getBoundingClientRect();
  return [((event.clientX - box.left) * 28) / box.width, ((event.clientY - box.top) * 28) / box.height];
};
const rub = (now) => {
  const [dx, dy] = now.map((v, k) => v - rubbed[k]),
    length = dx * dx + dy * dy || 1;
  for (let k = 0; k < 784; k++) {
    const x = (k % 28) + 0.5 - rubbed[0],
      y = Math.floor(k / 28) + 0.5 - rubbed[1],
      along = Math.max(0, Math.min(1, (x * dx + y * dy) / length));
    if ((x - along * dx) ** 2 + (y - along * dy) ** 2 < 2.4 ** 2) region[k] = 255;
  }
  rubbed = now;
  look();
};
noisy.addEventListener("pointerdown", (event) => {
  if (region.every((v) => v > 127)) region.fill(0);
  rubbed = pixelAt(event);
  noisy.setPointerCapture(event.pointerId);
  rub(rubbed);
});
noisy.addEventListener("pointermove", (event) => {
  if (rubbed) rub(pixelAt(event));
});
let spot = [14, 14]; // where the arrow keys rub
noisy.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step) return;
  event.preventDefault();
  if (region.every((v) => v > 127)) region.fill(0);
  rubbed = spot;
  spot = spot.map((v, k) => Math.max(0, Math.min(28, v + step[k])));
  rub(spot);
  rubbed = null;
});
for (const end of ["pointerup", "pointercancel"])
  noisy.addEventListener(end, () => {
    rubbed = null;
  });
$(".everywhere").addEventListener("click", () => {
  region.fill(255);
  look();
});
$(".again").addEventListener("click", () => {
  if (!settings) return;
  settings = { ...settings, seed: (settings.seed + 1) % 2147483647 };
  look();
});
$(".strength").addEventListener("input", () => {
  label();
  look();
});
$(".kind").addEventListener("change", () => {
  label();
  look();
});

// --- points ---
const arrows = (context, list, ink, width, place, cell) => {
  context.strokeStyle = colour(ink);
  context.lineWidth = width;
  context.beginPath();
  const n = field.side;
  for (let k = 0; k < n * n; k++) {
    const [x, y] = place(
        ((k % n) / (n - 1)) * 2 * field.reach - field.reach,
        (Math.floor(k / n) / (n - 1)) * 2 * field.reach - field.reach,
      ),
      dx = (list[2 * k] / 127) * cell,
      dy = (-list[2 * k + 1] / 127) * cell,
      turn = Math.atan2(dy, dx);
    context.moveTo(x, y);
    context.lineTo(x + dx, y + dy);
    if (Math.hypot(dx, dy) > 4)
      for (const side of [2.6, -2.6]) {
        context.moveTo(x + dx, y + dy);
        context.lineTo(x + dx + 4 * Math.cos(turn + side), y + dy + 4 * Math.sin(turn + side));
      }
  }
  context.stroke();
};
const draw = () => {
  const sized = field && sizedCanvas(plane);
  if (!sized) return;
  const { context, width } = sized,
    inner = width - 28,
    place = (x, y) => [((x / field.reach + 1) / 2) * inner + 14, ((1 - y / field.reach) / 2) * inner + 14],
    unit = field.reach / 32767;
  const dots = (list, ink, radius) => {
    context.fillStyle = colour(ink);
    context.beginPath();
    for (let k = 0; k < list.length; k += 2) {
      const [x, y] = place(list[k] * unit, list[k + 1] * unit);
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 7);
    }
    context.fill();
  };
  context.fillStyle = colour("--card");
  context.fillRect(0, 0, width, width);
  context.globalAlpha = 0.45;
  dots(field.data, "--real", 2);
  context.globalAlpha = 1;
  const cell = inner / (field.side - 1);
  arrows(context, field.exact, "--noise", 3.5, place, cell);
  arrows(context, field.learned, "--made", 1.4, place, cell);
  const times = +$(".times").value,
    n = field.walk.length / 9;
  if (times) dots(field.walk.subarray(times * n, (times + 1) * n), "--ink", 3.2);
  $(".applied").textContent = times === 1 ? "once" : times ? `${times} ×` : "not yet";
};
const ask_field = (changes) => {
  $(".plane-view").classList.add("waiting-field");
  $(".off-by").textContent = "Training an autoencoder on these points …";
  part.request({ ...settings, ...changes });
};
for (const name of ["points", "sigma"])
  $(`.${name}`).addEventListener("change", () => ask_field({ [name]: $(`.${name}`).value }));
$(".times").addEventListener("input", () => {
  settings = { ...settings, times: +$(".times").value };
  shows(settings);
  draw();
});
new ResizeObserver(draw).observe(plane);

const view = (name) => {
  $(".picture-view").hidden = name !== "picture";
  $(".plane-view").hidden = name !== "plane";
  $(".as-picture").setAttribute("aria-pressed", name === "picture");
  $(".as-plane").setAttribute("aria-pressed", name === "plane");
};
for (const name of ["picture", "plane"])
  $(`.as-${name}`).addEventListener("click", () => {
    view(name);
    if (name === "plane") ask_field({ view: name });
    else part.request({ ...settings, view: name });
  });
for (const name of ["kind", "points", "sigma"])
  $(`.${name}`).replaceChildren(...props.options[name].map(([value, title]) => make("option", { value }, title)));
const show = () => {
  const value = props.value;
  if (!value?.settings) return;
  settings = { ...value.settings };
  view(settings.view);
  for (const name of ["kind", "strength", "points", "sigma", "times"]) $(`.${name}`).value = settings[name];
  label();
  region = bytes(settings.region).slice();
  if (settings.view === "picture") {
    board.use(bytes(settings.pixels), "example");
    return;
  }
  $(".plane-view").classList.remove("waiting-field");
  field = {
    ...value,
    learned: int8s(value.learned),
    exact: int8s(value.exact),
    data: int16s(value.data),
    walk: int16s(value.walk),
  };
  $(".off-by").textContent =
    `Over noisy points the two differ by ${inPercent(value.error)} of the exact arrows' length.`;
  draw();
};
loadInitial(show);
