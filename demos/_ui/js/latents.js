// Sliders of a latent space and the picture they decode to. value: {settings: {model, seed, z, label (a class), ...},
// picture (PNG), limit, heading, unit, dims: [{i, name, title, weight, off}], prior (between which norms nine in ten draws
// from it lie, or null), models: {name: title}, classes (names, or null)}
let value = null,
  point = null, // the settings of what is shown
  moved = 0;
const rows = $(".rows"),
  big = $(".big");
const publish = () => shows({ ...point, z: [...point.z] });

const showDistance = () => {
  if (!value.prior) {
    $(".distance").textContent = "";
    return;
  }
  const [low, high] = value.prior.map((norm) => norm.toFixed(1));
  $(".distance").textContent = `‖z‖ = ${Math.hypot(...point.z).toFixed(1)}; of nine in ten draws: ${low} to ${high}`;
};
const showRow = (k) => {
  const row = rows.children[k],
    v = point.z[value.dims[k].i];
  row.querySelector("input").value = v;
  row.querySelector(".value").textContent = v.toFixed(2).replace("-", "−");
};

const decode = latestOnly(async () => {
  const z = [...point.z],
    answer = await askOfStage(server.decode, { ...point, z });
  if (answer) {
    big.src = "data:image/png;base64," + answer;
    big.dataset.z = z.join(",");
  }
});
const sweep = latestOnly(async (k) => {
  const dim = value.dims[k],
    answer = await askOfStage(server.sweep, { ...point, dimension: dim.i });
  if (!answer) return;
  $(".sweep").hidden = false;
  $(".sweep .caption").textContent = `What ${dim.name} alone does, from −${value.limit} to ${value.limit}:`;
  $(".sweep .thumbs").replaceChildren(
    ...answer.map((png, j) => {
      const v = value.limit * (j / 4 - 1),
        figure = make("figure");
      figure.append(
        make("img", { class: "pixels", src: "data:image/png;base64," + png, alt: `${dim.name} at ${v}` }),
        make("figcaption", {}, v.toFixed(1).replace("-", "−")),
      );
      return figure;
    }),
  );
});
const across = latestOnly(async () => {
  if (!value.classes) {
    $(".across").hidden = true;
    return;
  }
  const answer = await askOfStage(server.across, point);
  if (!answer) return;
  $(".across").hidden = false;
  $(".across .thumbs").replaceChildren(
    ...answer.map((png, c) => {
      const button = make("button", { type: "button", "aria-pressed": String(c) === String(point.label) }),
        figure = make("figure");
      figure.append(
        make("img", { class: "pixels", src: "data:image/png;base64," + png, alt: value.classes[c] }),
        make("figcaption", {}, value.classes[c]),
      );
      button.append(figure);
      button.addEventListener("click", () => setClass(c));
      return button;
    }),
  );
});
const setClass = (c) => {
  point.label = String(c);
  $(".label").value = c;
  decode();
  sweep(moved);
  across();
  publish();
};

const setLatent = (k, v) => {
  point.z[value.dims[k].i] = v;
  moved = k;
  showRow(k);
  showDistance();
  decode();
};

const build = () => {
  const most = Math.max(...value.dims.map((d) => d.weight));
  rows.replaceChildren(
    ...value.dims.map((dim, k) => {
      const row = make("label", { class: "latent" + (dim.off ? " collapsed" : ""), title: dim.title });
      const track = make("span", { class: "track" });
      const input = make("input", {
        type: "range",
        min: -value.limit,
        max: value.limit,
        step: 0.01,
        "aria-label": dim.name,
      });
      const bar = make("div", { class: "bar" });
      bar.style.width = `${(100 * dim.weight) / most}%`;
      track.append(input, bar);
      row.append(
        make("span", { class: "name" }, `${dim.name} · ${dim.off ? "off" : dim.weight.toFixed(2)}`),
        track,
        make("span", { class: "value" }),
      );
      input.addEventListener("input", () => setLatent(k, +input.value));
      input.addEventListener("change", () => {
        sweep(k);
        across();
        publish();
      });
      return row;
    }),
  );
};

const show = () => {
  const next = props.value;
  big.hidden = !next?.dims;
  if (!next?.dims) return;
  const rebuild = !value || point.model !== next.settings.model;
  value = next;
  point = JSON.parse(JSON.stringify(next.settings));
  $(".heading").textContent = value.heading;
  $(".unit").textContent = value.unit;
  if (rebuild) {
    $(".kind").hidden = !value.classes;
    $(".label").replaceChildren(...(value.classes ?? []).map((name, c) => make("option", { value: c }, name)));
    $(".model").replaceChildren(
      ...Object.entries(value.models).map(([name, title]) => make("option", { value: name }, title)),
    );
    build();
    moved = 0;
    $(".sweep").hidden = true;
  }
  $(".model").value = point.model;
  value.dims.forEach((_, k) => showRow(k));
  if (value.classes) $(".label").value = point.label;
  showDistance();
  $(".seed").value = point.seed;
  big.src = "data:image/png;base64," + value.picture;
  big.dataset.z = point.z.join(",");
  sweep(moved);
  across();
};

// Another draw: without z, the server gives the one that goes with the seed.
const draw = (seed) => part.request({ ...without(point, "z"), seed });
$(".draw").addEventListener("click", () => draw((point.seed + 1) % 2147483647));
$(".seed").addEventListener("change", () => draw(+$(".seed").value));
$(".model").addEventListener("change", () => part.request({ model: $(".model").value }));
$(".zero").addEventListener("click", () => {
  point.z = point.z.map(() => 0);
  value.dims.forEach((_, k) => showRow(k));
  showDistance();
  decode();
  sweep(moved);
  across();
  publish();
});
$(".label").addEventListener("change", () => setClass(+$(".label").value));
loadInitial(show);
