// Features that draw a picture. value: {settings: {k, pixels}, chosen [feature], strengths, errors (of the mean picture, and
// after each feature), columns (PNG, the features side by side), sums (PNG, the sums side by side), left (PNG, the error), features, most}
let value = null,
  n = 0; // features added up
const strips = { columns: new Image(), sums: new Image() };

const paint = (canvas, strip, i) => {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, 28, 28);
  if (strip.naturalWidth > 28 * i) context.drawImage(strip, 28 * i, 0, 28, 28, 0, 0, 28, 28);
};
const plot = () => {
  if (!value) return;
  const ticks = value.errors.map((e, i) => (i <= n ? e : null));
  plotLines(
    $(".curve"),
    [
      { values: value.errors, ink: "--noise" },
      { values: ticks, ink: "--made" },
    ],
    { low: 0 },
  );
};
const sum = () => {
  const { errors } = value;
  $(".n").value = n;
  $(".n-said").textContent = n;
  paint($(".sum"), strips.sums, n);
  $(".sum-said").textContent = `${n ? `sum of ${n}` : "the mean picture"}, error ${errors[n].toFixed(4)}`;
  [...$(".features").children].forEach((tile, i) => tile.classList.toggle("later", i >= n));
  plot();
};
const load = (strip, png) =>
  new Promise((done) => {
    strip.onload = strip.onerror = done;
    if (png) strip.src = "data:image/png;base64," + png;
    else done();
  });
const draw = async () => {
  const drawn = value,
    { chosen, strengths, errors } = value;
  await Promise.all([load(strips.columns, value.columns), load(strips.sums, value.sums)]);
  if (drawn !== value) return;
  $(".error").src = "data:image/png;base64," + value.left;
  $(".count").textContent = `${chosen.length} of ${value.features.toLocaleString("en")} features`;
  $(".curve-said").textContent =
    `squared error, feature by feature: from ${errors[0].toFixed(4)} to ${errors.at(-1).toFixed(4)}`;
  const kept = new Map([...$(".features").children].map((tile) => [tile.dataset.id, tile]));
  $(".features").replaceChildren(
    ...chosen.map((id, i) => {
      const tile = kept.get(String(id)) ?? make("button", { type: "button", "data-id": id });
      const bar = make("i"),
        small = make("canvas", { class: "pixels", width: 28, height: 28 });
      bar.style.width = `${(100 * strengths[i]) / strengths[0]}%`;
      paint(small, strips.columns, i);
      tile.replaceChildren(small, bar, strengths[i].toFixed(2));
      tile.title = `Feature ${id}, strength ${strengths[i].toFixed(2)}`;
      tile.setAttribute("aria-label", tile.title);
      tile.onclick = () => {
        n = i + 1;
        sum();
      };
      return tile;
    }),
  );
  $(".n").max = n = chosen.length;
  sum();
};
const settings = () => ({ k: +$(".k").value, pixels: base64(board.pixels()) });
const look = latestOnly(async () => {
  const asked = settings(),
    answer = await askOfStage(server.show, asked);
  if (!answer) return;
  shows(asked);
  value = answer;
  draw();
});
const board = drawingPad(
  () => {
    paintPixels($(".input").getContext("2d"), board.pixels(), 28);
    if (value) look();
  },
  (seed) => ask(server.example, { seed }),
);
$(".k").addEventListener("input", () => {
  $(".k-said").textContent = $(".k").value;
  look();
});
$(".n").addEventListener("input", () => {
  n = +$(".n").value;
  sum();
});
new ResizeObserver(plot).observe($(".curve"));
const show = () => {
  if (!props.value?.settings || !props.value.sums) return;
  value = null; // the pad asks for nothing: what it shows has come with it
  $(".k").max = props.value.most;
  $(".k").value = props.value.settings.k;
  $(".k-said").textContent = props.value.settings.k;
  board.use(bytes(props.value.settings.pixels), "example");
  value = props.value;
  draw();
};
loadInitial(show);
