// Find. value: {settings {kind, scene, picture, vector}, query (PNG), about, sheet (PNG: a row of pictures for each of rows),
// rows: [{name, scenes, words, cosines (of each neighbour), score, rank, agree {attribute: [how many, by chance]}}]}
let value = null;
const SIDE = 32,
  FAR = 0.99, // of the scenes have a lower score
  whole = new Image(),
  sheet = new Image();

const ask_ = latestOnly(async (more) => {
  const found = await askOfStage(server.show, { ...value.settings, ...more });
  if (!found) return fields();
  props.value = found;
  shows(found.settings);
  show();
});
const fill = (select, options) =>
  select.replaceChildren(...Object.entries(options).map(([name, title]) => make("option", { value: name }, title)));
const fields = () => {
  const { kind, scene, picture, vector } = value.settings;
  $(".kind").value = picture ? "own" : kind;
  $(".kind [value=own]").hidden = !picture; // chosen by opening one
  $(".scene").value = scene;
  $(".scene").disabled = $(".another").disabled = !picture && kind === props.plain;
  $(".vector").value = vector;
};
const signed = (v, digits) =>
  v
    .toFixed(digits)
    .replace(/^-(0\.?0*)$/, "$1")
    .replace("-", "−");
const hit = (row, i, k) => {
  const button = make("button", {
      type: "button",
      title: row.words[k],
      "aria-label": `Scene ${row.scenes[k]}, ${row.words[k]}: cosine ${signed(row.cosines[k], 3)}. Look for it`,
    }),
    canvas = make("canvas", { class: "pixels", width: SIDE, height: SIDE });
  canvas.getContext("2d").drawImage(sheet, SIDE * k, SIDE * i, SIDE, SIDE, 0, 0, SIDE, SIDE);
  button.append(canvas, make("span", { class: "num" }, signed(row.cosines[k], 3)));
  button.addEventListener("click", () => ask_({ kind: props.scene, scene: row.scenes[k], picture: "" }));
  return button;
};
const chip = ([name, [count, chance]], of) => {
  const span = make("span", { class: "num" }, `${name} ${count}/${of} (${chance.toFixed(1)})`);
  shadeChip(span, Math.max(0, count - chance) / (of - chance));
  return span;
};
const drawRow = (row, i) => {
  const box = make("section", {
      class: `reader${row.rank > FAR ? " far" : ""}`,
      "aria-label": props.readers[row.name],
    }),
    head = make("div"),
    bar = make("div", { class: "rank" }),
    full = make("i"),
    side = make("div"),
    hits = make("div", { class: "hits" }),
    agree = make("div", { class: "agree" });
  full.style.width = `${100 * row.rank}%`;
  bar.append(full);
  head.append(
    make("h3", {}, props.readers[row.name]),
    make("p", { class: "score num" }, `anomaly score ${small(row.score)}`),
    bar,
    make("span", { class: "hint num" }, `above ${inPercent(row.rank)} of the scenes`),
  );
  hits.append(...row.scenes.map((_, k) => hit(row, i, k)));
  agree.append(...Object.entries(row.agree).map((one) => chip(one, row.scenes.length)));
  side.append(hits, agree);
  box.append(head, side);
  return box;
};
const small = (v) => (v >= 0.001 ? v.toFixed(3) : "< 0.001");
const draw = () => {
  if (!value || !whole.complete || !sheet.complete) return;
  $(".query").getContext("2d").drawImage(whole, 0, 0);
  const focused = [...element.querySelectorAll(".hits button")].indexOf(document.activeElement);
  $(".readers").replaceChildren(...value.rows.map(drawRow));
  if (focused >= 0) element.querySelectorAll(".hits button")[focused].focus();
};
const show = () => {
  if (!props.value?.rows) return;
  value = props.value;
  whole.src = "data:image/png;base64," + value.query;
  sheet.src = "data:image/png;base64," + value.sheet;
  $(".about").textContent = value.about.replace(/^./, (c) => c.toUpperCase());
  fields();
  draw();
};
fill($(".kind"), { ...props.kinds, own: "your picture" });
fill($(".vector"), props.vectors);
$(".scene").max = props.scenes - 1;
$(".kind").addEventListener("change", () => {
  if ($(".kind").value !== "own") ask_({ kind: $(".kind").value, picture: "" });
});
$(".scene").addEventListener("change", () => ask_({ scene: $(".scene").value, picture: "" }));
$(".vector").addEventListener("change", () => ask_({ vector: $(".vector").value }));
$(".another").addEventListener("click", () => ask_({ scene: (value.settings.scene + 1) % props.scenes, picture: "" }));
acceptFiles(element, $(".file"), async (data) => {
  const picture = await ask(server.own, { picture: data });
  if (picture) ask_({ picture });
});
for (const image of [whole, sheet]) image.addEventListener("load", draw);
loadInitial(show);
