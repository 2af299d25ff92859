// A live VAE training. value: before it {examples (PNG)}, or {own: true} where the data are the learner's; then frames
// {step, steps, timed_out, losses, xy (100 mu), shade (0-255), by, sheet, mine, held_out, elbo}
let losses = [],
  own = null; // the learner's pictures {pixels (784 bytes each, in base64), count, said}
const scatter = (frame) => {
  const { context: c, width: w } = sizedCanvas($(".scatter")),
    unit = w / 7,
    xy = int16s(frame.xy);
  c.strokeStyle = colour("--noise");
  c.globalAlpha = 0.6;
  for (const r of [1, 2]) {
    c.beginPath();
    c.arc(w / 2, w / 2, r * unit, 0, 7);
    c.stroke();
  }
  c.globalAlpha = 0.9;
  const learned = xy.length / 2 - frame.held_out;
  bytes(frame.shade).forEach((v, k) => {
    drawShaded(c, w / 2 + (xy[2 * k] / 100) * unit, w / 2 - (xy[2 * k + 1] / 100) * unit, v);
    if (k < learned) return;
    c.strokeStyle = colour("--ink");
    c.lineWidth = 2;
    c.stroke();
  });
};
const curves = (steps) => {
  const { context: c, width: w, height: h } = sizedCanvas($(".curve"));
  for (const [name, ink] of [
    ["kl", "--real"],
    ["reconstruction", "--made"],
  ]) {
    const values = losses.map((f) => f.losses[name]),
      high = Math.max(...values),
      low = Math.min(...values);
    c.strokeStyle = c.fillStyle = colour(ink);
    c.lineWidth = 2;
    c.beginPath();
    const y = (v) => 14 + (1 - (v - low) / (high - low || 1)) * (h - 24);
    losses.forEach((f, k) => c.lineTo((f.step / steps) * (w - 70), y(values[k])));
    c.stroke();
    c.font = "12px system-ui";
    c.fillText(values.at(-1).toFixed(1), (losses.at(-1).step / steps) * (w - 70) + 6, y(values.at(-1)) + 4);
  }
};
const nat = (v) => `${v.toFixed(1).replace("-", "−")} nat`;
const NONE =
  "None of your pictures is here: open a zip, or several picture files, or drop them here. A link or a saved picture does not hold them, and the server does not keep them.";
const contact = () => {
  $(".about").textContent = own?.said ?? NONE;
  $(".contact").hidden = !own;
  if (!own) return;
  const columns = Math.min(25, Math.ceil(Math.sqrt(1.6 * own.count))),
    sheet = $(".contact"),
    c = sheet.getContext("2d"),
    pixels = bytes(own.pixels);
  sheet.width = columns * 30 - 2;
  sheet.height = Math.ceil(own.count / columns) * 30 - 2;
  for (let k = 0; k < own.count; k++) {
    const image = c.createImageData(28, 28);
    for (let i = 0; i < 784; i++) {
      image.data.fill(pixels[784 * k + i], 4 * i, 4 * i + 3);
      image.data[4 * i + 3] = 255;
    }
    c.putImageData(image, 30 * (k % columns), 30 * Math.floor(k / columns));
  }
};
const which = (frame) => {
  if (!frame.mine) return `${bytes(frame.shade).length} sprites`;
  const held = frame.held_out ? `the ${frame.held_out} outlined ones are held out` : "too few to hold some out";
  return `your ${bytes(frame.shade).length} pictures (${held})`;
};
const draw = () => {
  const frame = props.value;
  if (frame?.examples || frame?.own) {
    losses = [];
    $(".before").hidden = !frame.examples;
    $(".mine").hidden = !frame.own;
    $(".views").hidden = true;
    if (frame.examples) $(".examples").src = "data:image/png;base64," + frame.examples;
    else contact();
  }
  if (!frame?.step) return;
  if (losses.length && frame.step <= losses.at(-1).step) losses = [];
  losses.push({ step: frame.step, losses: frame.losses });
  $(".before").hidden = true;
  $(".views").hidden = false;
  $(".bar i").style.width = `${(100 * frame.step) / frame.steps}%`;
  $(".progress").textContent = `step ${frame.step} of ${frame.steps}${timedOut(frame)}`;
  $(".by").textContent = frame.by;
  $(".which").textContent = which(frame);
  $(".elbo").hidden = !frame.held_out;
  if (frame.held_out)
    $(".elbo").textContent =
      `ELBO: ${nat(frame.elbo["held out"])} of the held-out pictures, ${nat(frame.elbo.training)} of as many that it learns. The gap is overfitting.`;
  $(".sheet").src = "data:image/png;base64," + frame.sheet;
  if ($(".scatter").clientWidth) {
    scatter(frame);
    curves(frame.steps);
  }
};
new ResizeObserver(() => {
  if (losses.length && $(".scatter").clientWidth) {
    scatter(props.value);
    curves(props.value.steps);
  }
}).observe(element);
watchRuns(draw);
loadInitial(draw);
// What is opened is the data from now on; a training goes on with none of it.
acceptFiles(element, $(".files"), async (files) => {
  say("Reading your pictures …");
  const answer = await ask(server.read_pictures, { files });
  if (!answer) return;
  own = answer;
  part.form.merge({ factors: props.own });
  part.set({ own: true, settings: { ...part.form.values() } });
});
part.sends = (settings) => (settings.factors === props.own && own ? { pictures: own.pixels } : {});
part.shown = () => {
  if (props.value?.sheet) return { sheet: props.value.sheet };
  return props.value?.own && own ? { pictures: own.pixels } : null;
};
