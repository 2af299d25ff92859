// Vision. value: {settings {pixels, moved, taken, where, seed}, names (of the classes), networks {name: title}, side (patches
// in a row), seen (the disturbed picture, bytes), order, kept (of each place), read {network: p of each class}, looks (of each
// place a share, or null), curves {kind: {network: accuracies}}, shares {kind: the shares they were measured at}}
let value = null,
  number = 0; // of the example that was taken last
const INKS = { "vit-fashion": "--made", "cnn-fashion": "--real" };

const ask_ = latestOnly(async (more) => {
  const settings = { ...value.settings, ...more },
    found = await askOfStage(server.show, settings);
  if (!found) return;
  props.value = found;
  shows(found.settings);
  show();
});
const drawLooks = () => {
  const { side, looks } = value,
    context = $(".looks").getContext("2d"),
    x = bytes(value.seen),
    image = new ImageData(28, 28),
    most = Math.max(...looks.map((v) => v ?? 0)) || 1,
    ink = rgbOf("--accent");
  for (let i = 0; i < 784; i++) {
    const place = Math.floor(i / 28 / (28 / side)) * side + Math.floor((i % 28) / (28 / side)),
      light = looks[place] === null ? 0 : looks[place] / most;
    image.data.set([...ink.map((c) => c * light * 0.55 + x[i] * (0.2 + 0.45 * light)), 255], 4 * i);
  }
  const small = make("canvas", { width: 28, height: 28 });
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, 224, 224);
  const first = looks.indexOf(most);
  $(".looks").setAttribute(
    "aria-label",
    `Where the class token looks: most at the patch in row ${Math.floor(first / side) + 1}, column ${(first % side) + 1}`,
  );
};
const drawAnswers = () => {
  const { read, names, networks } = value,
    keys = Object.keys(networks),
    head = make("div", { class: "bar" });
  head.append(make("span"), make("span"));
  for (const key of keys) {
    const title = make("span", { class: "num" }, networks[key]),
      dot = make("i", { class: "dot" });
    dot.style.background = `var(${INKS[key]})`;
    title.prepend(dot);
    head.append(title);
  }
  const rows = names.map((name, k) => {
    const row = make("div", { class: "bar" }),
      bars = make("div");
    for (const key of keys) {
      const bar = make("i");
      bar.style.width = `${100 * read[key][k]}%`;
      bar.style.background = `var(${INKS[key]})`;
      bars.append(bar);
    }
    const shares = keys.map((key) => {
      const cell = make("span", { class: "num" }),
        first = read[key][k] === Math.max(...read[key]);
      cell.append(make(first ? "b" : "span", {}, shareOf(read[key][k])));
      return cell;
    });
    row.append(make("span", {}, name), bars, ...shares);
    return row;
  });
  $(".answers").replaceChildren(head, ...rows);
};
const LEFT = 42,
  RIGHT = 22; // of a plot, pixels
const drawPlots = () => {
  for (const canvas of element.querySelectorAll(".plot")) {
    const sized = sizedCanvas(canvas);
    if (!sized) continue;
    const { context: c, width, height } = sized,
      { kind } = canvas.dataset,
      x = (v) => LEFT + v * (width - LEFT - RIGHT),
      y = (v) => 6 + (1 - v) * (height - 26);
    c.font = "11px system-ui";
    c.fillStyle = colour("--ink-soft");
    c.strokeStyle = colour("--line");
    for (const v of [0, 0.5, 1]) {
      c.beginPath();
      c.moveTo(LEFT, y(v));
      c.lineTo(width - RIGHT, y(v));
      c.stroke();
      c.textAlign = "right";
      c.fillText(`${100 * v} %`, LEFT - 6, y(v) + 4);
      c.textAlign = "center";
      c.fillText(`${100 * v} %`, x(v), height - 2);
    }
    for (const [network, accuracies] of Object.entries(value.curves[kind])) {
      c.strokeStyle = colour(INKS[network]);
      c.lineWidth = 2;
      c.beginPath();
      accuracies.forEach((v, k) => c.lineTo(x(value.shares[kind][k]), y(v)));
      c.stroke();
    }
    c.strokeStyle = colour("--accent");
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(x(value.settings[kind] / 100), 6);
    c.lineTo(x(value.settings[kind] / 100), height - 20);
    c.stroke();
  }
};
const draw = () => {
  if (!value) return;
  paintPixels($(".seen").getContext("2d"), bytes(value.seen), 28);
  for (const kind of ["moved", "taken"]) {
    $(`.${kind}`).value = value.settings[kind];
    $(`.of-${kind}`).textContent = `${value.settings[kind]} %`;
  }
  $(".where").value = value.settings.where;
  $(".again").disabled = !value.settings.moved && !value.settings.taken;
  drawLooks();
  drawAnswers();
  drawPlots();
};
const show = () => {
  if (!props.value?.read) return;
  const first = !value;
  value = props.value;
  if (first || base64(board.pixels()) !== value.settings.pixels) {
    quiet = true;
    board.use(bytes(value.settings.pixels), "example");
    quiet = false;
  }
  draw();
};
let quiet = false; // the pad follows the stage
const take = async (label) => {
  const pixels = await ask(server.example, { label, number: number++ % 100 });
  if (pixels) board.use(bytes(pixels), "example");
};
const board = drawingPad(
  () => {
    if (!quiet && value) ask_({ pixels: base64(board.pixels()) });
  },
  () => take(Math.floor(Math.random() * 10)).then(() => null),
);
for (const kind of ["moved", "taken"])
  $(`.${kind}`).addEventListener("input", () => ask_({ [kind]: +$(`.${kind}`).value }));
$(".where").addEventListener("change", () => ask_({ where: $(".where").value }));
$(".again").addEventListener("click", () => ask_({ seed: (value.settings.seed + 1) % 2 ** 31 }));
for (const [key, title] of Object.entries(props.seen)) $(".where").append(make("option", { value: key }, title));
props.classes.forEach((name, label) => {
  const button = make("button", { type: "button" }, name);
  button.addEventListener("click", () => take(label));
  $(".kinds").append(button);
});
new ResizeObserver(draw).observe($(".plot"));
loadInitial(show);
