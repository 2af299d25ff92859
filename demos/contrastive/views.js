// Views. value: {settings {scene, picture, first, second (11 numbers each, as props.sliders has them), model, temperature,
// seed}, whole (PNG), views (PNG, all first and then all second ones of the batch), cosines {reader: of the two views},
// matrix (cosines of all views, of the chosen model)}
let value = null,
  which = "second", // view that the sliders move
  row = 0, // of the matrix
  draws = 0;
const SIDE = 32,
  COUNT = 2 * props.batch,
  names = Object.keys(props.sliders),
  inputs = {},
  whole = new Image(),
  views = new Image();

const put = (found) => {
  if (!found) return;
  props.value = found;
  shows(found.settings);
  show();
};
const ask_ = latestOnly(async (more) => put(await askOfStage(server.show, { ...value.settings, ...more })));
const change = (more) => {
  value.settings = { ...value.settings, ...more }; // the next slider that moves starts from here
  ask_(more);
};
const tileOf = (canvas, k) => canvas.getContext("2d").drawImage(views, SIDE * k, 0, SIDE, SIDE, 0, 0, SIDE, SIDE);
const thumb = (k) => {
  const canvas = make("canvas", { width: SIDE, height: SIDE });
  if (views.complete) tileOf(canvas, k);
  return canvas;
};
const drawWhole = () => {
  $(".whole").getContext("2d").drawImage(whole, 0, 0);
};
const drawReaders = () => {
  const chosen = value.settings.model,
    focused = $(".readers").contains(document.activeElement);
  const rows = Object.entries(props.readers).map(([name, title]) => {
    const label = make("label", { class: "reader" }),
      input = make("input", { type: "radio", name: "contrastive-reader", value: name, class: "visually-hidden" }),
      place = make("span"),
      bar = make("i"),
      cosine = value.cosines[name];
    input.checked = name === chosen;
    input.addEventListener("change", () => change({ model: name }));
    bar.style.width = `${100 * Math.max(0, cosine)}%`;
    place.append(bar);
    label.append(make("span", {}, title), place, make("span", { class: "num" }, signed(cosine)), input);
    return label;
  });
  $(".readers").replaceChildren(...rows);
  if (focused) $(".readers :checked").focus();
};
const signed = (v) =>
  v
    .toFixed(2)
    .replace(/^-0\.00$/, "0.00")
    .replace("-", "−");
// The softmax of a row over all others, and its loss.
const softmax = (k) => {
  const logits = value.matrix[k].map((v, j) => (j === k ? -Infinity : v / value.settings.temperature)),
    most = Math.max(...logits),
    weights = logits.map((v) => Math.exp(v - most)),
    sum = weights.reduce((a, b) => a + b);
  return weights.map((v) => v / sum);
};
const mateOf = (k) => (k + props.batch) % COUNT;
const lossOf = (k) => -Math.log(softmax(k)[mateOf(k)]);
const nat = (v) => `${v.toFixed(2)} nat`;
const nameOf = (k) => `${k < props.batch ? "first" : "second"} view of picture ${(k % props.batch) + 1}`;
const drawMatrix_ = () => {
  const focused = [...element.querySelectorAll("button.line")].indexOf(document.activeElement),
    head = make("div", { class: "line" }),
    order = Array.from({ length: COUNT }, (_, k) => k);
  head.append(make("span"), ...order.map(thumb), make("span", { class: "num" }, "loss"));
  const rows = order.map((i) => {
    const line = make("button", {
        type: "button",
        class: "line",
        "aria-pressed": i === row,
        "aria-label": `${nameOf(i)}: loss ${nat(lossOf(i))}`,
      }),
      shares = softmax(i);
    line.append(thumb(i));
    order.forEach((j) => {
      const v = i === row ? shares[j] : value.matrix[i][j],
        mate = j === mateOf(i) ? " mate" : "",
        cell = make(
          "span",
          { class: `cell num${mate}` },
          i === j ? "" : i === row ? Math.round(100 * v) + "%" : signed(v),
        );
      if (i !== j) shadeChip(cell, Math.max(0, v));
      line.append(cell);
    });
    line.append(make("span", { class: "num" }, nat(lossOf(i))));
    line.addEventListener("click", () => {
      row = i;
      drawMatrix_();
    });
    return line;
  });
  $(".matrix").replaceChildren(head, ...rows);
  if (focused >= 0) element.querySelectorAll("button.line")[focused].focus();
  const mean = order.map(lossOf).reduce((a, b) => a + b) / COUNT;
  $(".of-temperature").textContent = value.settings.temperature;
  $(".row-said").textContent =
    `The outlined row, the ${nameOf(row)}, is the softmax of its cosines divided by τ: ` +
    `${shareOf(softmax(row)[mateOf(row)])} for its other view (green), a loss of ${nat(lossOf(row))}. ` +
    `Mean of all rows: ${nat(mean)}.`;
};
const draw = () => {
  if (!value) return;
  drawWhole();
  if (views.complete) {
    tileOf($(".one"), 0);
    tileOf($(".two"), props.batch);
  }
  drawMatrix_();
};
const fill = () => {
  element
    .querySelectorAll(".which button")
    .forEach((one) => one.setAttribute("aria-pressed", `${one.value === which}`));
  names.forEach((name, k) => {
    const v = value.settings[which][k],
      { input, output } = inputs[name];
    if (props.switches.includes(name)) input.checked = v > 0.5;
    else input.value = v;
    output.textContent = props.switches.includes(name) ? "" : signed(v);
  });
};
const show = () => {
  if (!props.value?.matrix) return;
  value = props.value;
  whole.src = "data:image/png;base64," + value.whole;
  views.src = "data:image/png;base64," + value.views;
  $(".temperature").value = value.settings.temperature;
  fill();
  drawReaders();
  draw();
};
for (const name of names) {
  const [low, high] = props.sliders[name],
    on = props.switches.includes(name),
    label = make("label", on ? { class: "tick" } : {}),
    title = make("span", {}, `${name} `),
    output = make("b", { class: "num" }),
    input = make("input", on ? { type: "checkbox" } : { type: "range", min: low, max: high, step: 0.05 });
  title.append(output);
  label.append(...(on ? [input, title] : [title, input]));
  inputs[name] = { input, output };
  input.addEventListener("input", () => {
    const view = [...value.settings[which]];
    view[names.indexOf(name)] = on ? +input.checked : +input.value;
    change({ [which]: view });
  });
  $(".sliders").append(label);
}
element.querySelectorAll(".which button").forEach((button) =>
  button.addEventListener("click", () => {
    which = button.value;
    fill();
  }),
);
$(".temperature").addEventListener("input", () => {
  value.settings = { ...value.settings, temperature: +$(".temperature").value };
  shows(value.settings);
  drawMatrix_();
});
$(".another").addEventListener("click", () =>
  ask_({ scene: (value.settings.scene + props.batch) % props.scenes, picture: "" }),
);
$(".draw").addEventListener("click", async () => {
  const settings = await askOfStage(server.drawn, { ...value.settings, draw: draws++ });
  if (settings) ask_(settings);
});
acceptFiles(element, $(".file"), async (data) => {
  const picture = await ask(server.own, { picture: data });
  if (picture) ask_({ picture });
});
whole.addEventListener("load", draw);
views.addEventListener("load", draw);
loadInitial(show);
