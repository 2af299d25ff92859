// Forget. value: {settings {scene, attribute, first, second}, pair (PNG of both), cosines {training: of the two}, any
// {training: of any two}, table {training: {attribute: accuracy of a probe}}, chance {attribute: share}}
let value = null;
const SIDE = 32,
  pair = new Image(),
  attributes = Object.keys(props.options);

const ask_ = latestOnly(async (more) => {
  const found = await askOfStage(server.show, { ...value.settings, ...more });
  if (!found) return fields();
  props.value = found;
  shows(found.settings);
  show();
});
const fill = (select, options, chosen) => {
  select.replaceChildren(...options.map((option) => make("option", { value: option }, option)));
  select.value = chosen;
};
const fields = () => {
  const { attribute, first, second } = value.settings,
    options = props.options[attribute];
  fill($(".attribute"), attributes, attribute);
  fill($(".first"), options, first);
  fill($(".second"), options, second);
};
const drawPair = () => {
  if (!value || !pair.complete) return;
  const { attribute, first, second } = value.settings;
  [first, second].forEach((name, k) => {
    const figure = element.querySelectorAll(".boards figure")[k],
      canvas = figure.querySelector("canvas");
    canvas.getContext("2d").drawImage(pair, SIDE * k, 0, SIDE, SIDE, 0, 0, SIDE, SIDE);
    canvas.setAttribute("aria-label", `The thing with ${attribute} ${name}`);
    figure.querySelector("figcaption").textContent = name;
  });
};
const signed = (v) =>
  v
    .toFixed(2)
    .replace(/^-0\.00$/, "0.00")
    .replace("-", "−");
const drawBars = () => {
  const at = (v) => 50 + 50 * Math.max(-1, Math.min(1, v)), // per cent of the track, -1 to 1
    rows = Object.entries(value.cosines).map(([name, v]) => {
      const row = make("div", { class: "row" }),
        well = make("div", { class: "well" }),
        bar = make("i"),
        mark = make("b", { title: `any two things: ${signed(value.any[name])}` });
      bar.style.left = `${Math.min(50, at(v))}%`;
      bar.style.width = `${Math.abs(at(v) - 50)}%`;
      mark.style.left = `${at(value.any[name])}%`;
      well.append(bar, mark);
      row.append(make("span", {}, props.names[name]), well, make("span", { class: "num" }, signed(v)));
      return row;
    });
  $(".bars").replaceChildren(...rows);
};
const drawTable = () => {
  const head = make("thead"),
    titles = make("tr"),
    body = make("tbody"),
    names = Object.keys(value.table);
  titles.append(
    make("th", {}, ""),
    ...names.map((name) => make("th", { scope: "col" }, props.names[name])),
    make("th", { scope: "col" }, "Chance"),
  );
  head.append(titles);
  for (const attribute of attributes) {
    const row = make("tr", attribute === value.settings.attribute ? { class: "on" } : {}),
      chance = value.chance[attribute];
    row.append(make("th", { scope: "row" }, attribute));
    for (const name of names) {
      const share = value.table[name][attribute],
        cell = make("td", { class: "num" }, inPercent(share));
      shadeChip(cell, Math.max(0, share - chance) / (1 - chance));
      row.append(cell);
    }
    row.append(make("td", { class: "num" }, inPercent(chance)));
    body.append(row);
  }
  $(".table").replaceChildren(head, body);
};
const show = () => {
  if (!props.value?.table) return;
  value = props.value;
  pair.src = "data:image/png;base64," + value.pair;
  fields();
  drawPair();
  drawBars();
  drawTable();
};
pair.addEventListener("load", drawPair);
$(".attribute").addEventListener("change", () => {
  const attribute = $(".attribute").value,
    [first, second] = props.options[attribute];
  ask_({ attribute, first, second });
});
for (const name of ["first", "second"])
  $(`.${name}`).addEventListener("change", () => ask_({ [name]: $(`.${name}`).value }));
$(".another").addEventListener("click", () => ask_({ scene: (value.settings.scene + 1) % props.scenes }));
loadInitial(show);
