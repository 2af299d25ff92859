// Vision. value: {settings {dataset, pixels, moved, taken, where, seed}, networks {name: title}, size (pixels in a row), side
// (patches in a row), seen (the disturbed picture, bytes), order, kept (of each place), read {network: p of each class}, looks
// (of each place a share, or null), curves {kind: {network: accuracies}}, shares {kind: the shares they were measured at}}
let value = null,
  number = 0; // of the example that was taken last
const inkOf = (network) => (network.startsWith("vit") ? "--made" : "--real");

const ask_ = latestOnly(async (more) => {
  const settings = { ...value.settings, ...more },
    found = await askOfStage(server.show, settings);
  if (!found) return;
  props.value = found;
  shows(found.settings);
  show();
});
const drawLooks = () => {
  const { size, side, looks } = value,
    context = $(".looks").getContext("2d"),
    x = bytes(value.seen),
    channels = x.length / size ** 2,
    image = new ImageData(size, size),
    most = Math.max(...looks.map((v) => v ?? 0)) || 1,
    ink = rgbOf("--accent");
  for (let i = 0; i < size ** 2; i++) {
    const patch = size / side,
      place = Math.floor(i / size / patch) * side + Math.floor((i % size) / patch),
      light = looks[place] === null ? 0 : looks[place] / most,
      mixed = (v, c) => v * light * 0.55 + x[channels * i + (c % channels)] * (0.2 + 0.45 * light);
    image.data.set([...ink.map(mixed), 255], 4 * i);
  }
  const small = make("canvas", { width: size, height: size });
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
  const { read, networks } = value,
    { names } = props.datasets[value.settings.dataset],
    keys = Object.keys(networks),
    head = make("div", { class: "bar" });
  head.append(make("span"), make("span"));
  for (const key of keys) {
    const title = make("span", { class: "num" }, networks[key]),
      dot = make("i", { class: "dot" });
    dot.style.background = `var(${inkOf(key)})`;
    title.prepend(dot);
    head.append(title);
  }
  const rows = names.map((name, k) => {
    const row = make("div", { class: "bar" }),
      bars = make("div");
    for (const key of keys) {
      const bar = make("i");
      bar.style.width = `${100 * read[key][k]}%`;
      bar.style.background = `var(${inkOf(key)})`;
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
      c.strokeStyle = colour(inkOf(network));
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
// The classes of a data set, and the layers of its ViT.
let shown = null;
const offer = (dataset) => {
  const { names, seen } = props.datasets[dataset];
  shown = dataset;
  $(".where").replaceChildren(...seen.map(([key, title]) => make("option", { value: key }, title)));
  $(".kinds").replaceChildren(
    ...names.map((name, label) => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", () => take(label));
      return button;
    }),
  );
  for (const button of $(".datasets").children) button.setAttribute("aria-pressed", button.dataset.dataset === dataset);
};
const draw = () => {
  if (!value) return;
  const { dataset } = value.settings,
    coloured = dataset !== "fashion",
    seen = $(".seen");
  if (shown !== dataset) offer(dataset);
  $(".drawn").hidden = coloured;
  $(".coloured").hidden = !coloured;
  seen.width = seen.height = value.size;
  paintPixels(seen.getContext("2d"), bytes(value.seen), value.size, value.size);
  if (coloured) paintPixels($(".photo").getContext("2d"), bytes(value.settings.pixels), 32, 32);
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
  const { dataset, pixels } = value.settings;
  if (dataset === "fashion" && (first || base64(board.pixels()) !== pixels)) {
    quiet = true;
    board.use(bytes(pixels), "example");
    quiet = false;
  }
  draw();
};
let quiet = false; // the pad follows the stage
const use = (pixels) => {
  if (!pixels) return;
  if (value.settings.dataset === "fashion") board.use(bytes(pixels), "example");
  else ask_({ pixels });
};
const take = async (label) =>
  use(await ask(server.example, { dataset: value.settings.dataset, label, number: number++ % 100 }));
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
for (const [dataset, { title }] of Object.entries(props.datasets)) {
  const button = make("button", { type: "button", "data-dataset": dataset }, title);
  // its first picture, and rollout, as it may have fewer layers
  button.addEventListener("click", () => ask_({ dataset, pixels: undefined, where: undefined }));
  $(".datasets").append(button);
}
const openFile = async (png) => use(await ask(server.open_in_colour, { png }));
acceptFiles($(".photo"), $(".open"), openFile);
acceptCamera($(".camera").parentElement, openFile);
new ResizeObserver(draw).observe($(".plot"));
loadInitial(show);
