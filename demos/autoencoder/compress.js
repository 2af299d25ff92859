// Compress. value: {settings: {scene, picture, quality, match}, original (PNG), lossless (bytes), files: [{kind, name,
// suffix, quality, bytes, psnr, image, error, data}], curves: {kind: [[quality, bytes, PSNR]]}, verdict}.
const INKS = { ours: "--made", webp: "--real", jpeg: "--noise" };
const MATCHES = { bytes: "equal bytes", psnr: "equal PSNR" };
const src = (png) => `data:image/png;base64,${png}`;
let value = null,
  wanted = null, // settings that were asked for, of which there is no answer yet
  opened = null; // the picture of a file that was dropped

$(".match").append(...Object.entries(MATCHES).map(([name, title]) => make("option", { value: name }, title)));
const figures = ["ours", "webp", "jpeg"].map((kind) => {
  const figure = make("figure", { class: kind }),
    caption = make("figcaption"),
    name = make("b"),
    line = make("span", { class: "num" }),
    link = make("a", {});
  caption.append(name, make("br"), line, make("br"), link);
  figure.append(make("img", { class: "pixels shown" }), caption, make("img", { class: "pixels error" }));
  $(".results").append(figure);
  return { figure, name, line, link };
});

const plot = () => {
  const sized = value && sizedCanvas($(".chart"));
  if (!sized) return;
  const { context: c, width: w, height: h } = sized,
    points = Object.values(value.curves).flat(),
    here = value.files.map((file) => [0, file.bytes, file.psnr]),
    seen = [...points, ...here],
    right = Math.max(...value.curves.webp.map((p) => p[1]), ...here.map((p) => p[1])),
    low = Math.min(...seen.map((p) => p[2])),
    high = Math.max(...seen.map((p) => p[2])),
    x = (v) => 34 + (v / right) * (w - 44),
    y = (v) => 18 + (1 - (v - low) / (high - low)) * (h - 56);
  c.font = "11px system-ui";
  c.lineWidth = 1;
  c.textAlign = "right";
  for (const v of roundTicks(low, high)) {
    c.strokeStyle = colour("--line");
    c.beginPath();
    c.moveTo(34, y(v));
    c.lineTo(w, y(v));
    c.stroke();
    c.fillStyle = colour("--ink-soft");
    c.fillText(v, 28, y(v) + 4);
  }
  c.textAlign = "center";
  for (const v of roundTicks(0, right)) c.fillText(v, x(v), h - 22);
  c.fillText("bytes of a file", (34 + w) / 2, h - 6);
  c.textAlign = "left";
  c.fillText("PSNR (dB)", 0, 10);
  c.save();
  c.beginPath();
  c.rect(34, 0, w - 34, h - 34);
  c.clip();
  for (const [kind, curve] of Object.entries(value.curves)) {
    c.strokeStyle = colour(INKS[kind]);
    c.lineWidth = 2;
    c.beginPath();
    for (const [, size, psnr] of curve) c.lineTo(x(size), y(psnr));
    c.stroke();
  }
  c.restore();
  value.files.forEach(({ kind, name, bytes: size, psnr }) => {
    c.fillStyle = colour(INKS[kind]);
    c.strokeStyle = colour("--card");
    c.beginPath();
    c.arc(x(size), y(psnr), 5, 0, 7);
    c.fill();
    c.stroke();
    const left = x(size) > w - 70;
    c.textAlign = left ? "right" : "left";
    c.fillStyle = colour(kind === "ours" ? "--made-ink" : "--ink-soft");
    c.fillText(name, x(size) + (left ? -9 : 9), y(psnr) + (kind === "jpeg" ? 12 : -5));
  });
};
const compare = () => {
  $(".opened").hidden = !opened;
  if (!opened) return;
  const ours = value.files[0],
    same = opened.image === ours.image;
  $(".opened img").src = src(opened.image);
  $(".about").textContent =
    `Opened: ${opened.bytes} bytes, quality ${opened.quality}. ` +
    (same ? "Pixel for pixel what is shown above as the learned file." : "Another picture or quality than above.");
};
const paint = () => {
  $(".original").src = src(value.original);
  $(".size").textContent = `12,288 bytes of pixels, ${value.lossless.toLocaleString("en")} as a lossless WebP`;
  value.files.forEach((file, k) => {
    const { figure, name, line, link } = figures[k];
    for (const [what, png, alt] of [
      ["shown", file.image, "The picture in"],
      ["error", file.error, "Errors of"],
    ]) {
      const image = figure.querySelector(`.${what}`);
      image.src = src(png);
      image.alt = `${alt} the ${file.name} file`;
    }
    name.textContent = `${file.name}, quality ${file.quality}`;
    line.textContent = `${file.bytes.toLocaleString("en")} bytes, ${file.psnr.toFixed(2)} dB`;
    link.textContent = `Save ${file.suffix}`;
    link.href = `data:application/octet-stream;base64,${file.data}`;
    link.download = `picture${file.suffix}`;
  });
  $(".verdict").textContent = value.verdict;
  $(".whose").textContent = value.settings.picture
    ? "No scene: the middle square of a picture, scaled to 64 × 64 pixels."
    : "A scene of 64 × 64 pixels that the codec has not been trained on.";
  compare();
  plot();
};
const look = latestOnly(async (settings) => {
  if (settings !== wanted) return; // a preset, a link or a saved picture came meanwhile
  const answer = await askOfStage(server.show, settings);
  if (settings === wanted) wanted = null;
  if (!answer) return;
  value = answer;
  props.value = answer;
  shows(answer.settings);
  paint();
});
const change = (changes) => {
  if (!value) return;
  wanted = { ...(wanted ?? value.settings), ...changes };
  look(wanted);
};
const show = () => {
  value = props.value;
  if (!value?.files) return;
  wanted = null;
  const { scene, quality, match } = value.settings;
  $(".scene").value = scene;
  $(".q").value = quality;
  $(".at").textContent = quality;
  $(".match").value = match;
  paint();
};
const useScene = (n) => {
  $(".scene").value = n;
  change({ scene: n, picture: "" });
};
const openFile = async (file) => {
  const answer = await ask(server.open_file, { file });
  if (!answer) return;
  opened = answer;
  compare();
};
const own = async (picture) => {
  const made = await ask(server.own, { picture });
  if (made) change({ picture: made });
};
$(".q").addEventListener("input", () => {
  $(".at").textContent = $(".q").value;
  change({ quality: +$(".q").value });
});
$(".match").addEventListener("change", () => change({ match: $(".match").value }));
$(".scene").addEventListener("change", () =>
  useScene(Math.max(0, Math.min(9999, Math.round(+$(".scene").value) || 0))),
);
$(".another").addEventListener("click", () => useScene(Math.floor(Math.random() * 10000)));
$(".errors").addEventListener("click", () => {
  const errors = $(".errors").getAttribute("aria-pressed") === "false"; // on a phone; elsewhere both are seen
  $(".errors").setAttribute("aria-pressed", `${errors}`);
  $(".stage").dataset.shows = errors ? "errors" : "pictures";
});
acceptFiles($(".stage"), $(".file"), openFile);
acceptFiles($(".whose").closest("section"), $(".own"), own);
new ResizeObserver(plot).observe($(".chart"));
loadInitial(show);
