// Sliders of a latent space and the picture they decode to. value: {tab, part, model, z, seed, src, note, limit, heading,
// unit, dims: [{i, name, title, weight, off}], prior (whether |z| is told), classes (names, or null), label (a class),
// more (further settings of the point)}
let value = null, moved = 0;
const rows = $(".rows"), big = $(".big");

const settings = () => ({
  tab: value.tab, part: value.part, model: value.model, seed: value.seed, z: value.z.map((v) => +v.toFixed(2)).join(","),
  ...(value.classes ? { label: value.label } : {}), ...value.more,
});
const point = (z = value.z) => ({ model: value.model, seed: value.seed, z, label: value.label, ...value.more });
const publish = () => { props.value = { ...value }; trigger("input"); };

const showDistance = () => {
  if (!value.prior) { $(".distance").textContent = ""; return; }
  const d = value.z.length, norm = Math.hypot(...value.z);
  $(".distance").textContent = `‖z‖ = ${norm.toFixed(1)}; draws from the prior lie near √${d} = ${Math.sqrt(d).toFixed(1)}`;
};
const showRow = (k) => {
  const row = rows.children[k], v = value.z[value.dims[k].i];
  row.querySelector("input").value = v;
  row.querySelector(".value").textContent = v.toFixed(2).replace("-", "−");
};

const decode = newest(async (z) => {
  const answer = await ask(server.decode, point(z));
  if (answer) { big.src = "data:image/png;base64," + answer; big.dataset.z = z.join(","); }
});
const sweep = newest(async (k) => {
  const dim = value.dims[k], answer = await ask(server.sweep, { ...point(), dimension: dim.i });
  if (!answer) return;
  $(".sweep").hidden = false;
  $(".sweep .caption").textContent = `What ${dim.name} alone does, from −${value.limit} to ${value.limit}:`;
  $(".sweep .thumbs").replaceChildren(...answer.map((png, j) => {
    const v = value.limit * (j / 4 - 1), figure = make("figure");
    figure.append(make("img", { class: "pixels", src: "data:image/png;base64," + png, alt: `${dim.name} at ${v}` }), make("figcaption", {}, v.toFixed(1).replace("-", "−")));
    return figure;
  }));
});
const across = newest(async () => {
  if (!value.classes) { $(".across").hidden = true; return; }
  const answer = await ask(server.across, point());
  if (!answer) return;
  $(".across").hidden = false;
  $(".across .thumbs").replaceChildren(...answer.map((png, c) => {
    const button = make("button", { type: "button", "aria-pressed": c === value.label }), figure = make("figure");
    figure.append(make("img", { class: "pixels", src: "data:image/png;base64," + png, alt: value.classes[c] }), make("figcaption", {}, value.classes[c]));
    button.append(figure);
    button.addEventListener("click", () => setClass(c));
    return button;
  }));
});
const setClass = (c) => { value.label = c; $(".label").value = c; decode([...value.z]); sweep(moved); across(); publish(); };

const moveTo = (k, v) => {
  value.z[value.dims[k].i] = v;
  value.note = ""; $(".note").textContent = "";
  moved = k;
  showRow(k); showDistance(); decode([...value.z]);
};

const build = () => {
  const most = Math.max(...value.dims.map((d) => d.weight));
  rows.replaceChildren(...value.dims.map((dim, k) => {
    const row = make("label", { class: "latent" + (dim.off ? " collapsed" : ""), title: dim.title });
    const track = make("span", { class: "track" });
    const input = make("input", { type: "range", min: -value.limit, max: value.limit, step: 0.01, "aria-label": dim.name });
    const bar = make("div", { class: "bar" });
    bar.style.width = `${(100 * dim.weight) / most}%`;
    track.append(input, bar);
    row.append(make("span", { class: "name" }, `${dim.name} · ${dim.off ? "off" : dim.weight.toFixed(2)}`), track, make("span", { class: "value" }));
    input.addEventListener("input", () => moveTo(k, +input.value));
    input.addEventListener("change", () => { sweep(k); across(); publish(); });
    return row;
  }));
};

const show = () => {
  const next = props.value;
  if (!next || !next.dims) { big.hidden = true; say(next?.error ?? ""); return; }
  const rebuild = !value || value.model !== next.model;
  value = JSON.parse(JSON.stringify(next));
  big.hidden = false;
  $(".heading").textContent = value.heading; $(".unit").textContent = value.unit;
  if (rebuild) {
    $(".kind").hidden = !value.classes;
    $(".label").replaceChildren(...(value.classes ?? []).map((name, c) => make("option", { value: c }, name)));
    build(); moved = 0; $(".sweep").hidden = true; }
  value.dims.forEach((_, k) => showRow(k));
  if (value.classes) $(".label").value = value.label;
  showDistance();
  $(".seed").value = value.seed;
  $(".note").textContent = value.note ?? "";
  if (value.src) { big.src = value.src; big.dataset.z = value.z.join(","); }
  say(""); sweep(moved); across();
};

const draw = async (seed) => {
  const next = await ask(server.draw, { ...point(), seed });
  if (next) { props.value = next; show(); trigger("input"); }
};
$(".draw").addEventListener("click", () => draw((value.seed + 1) % 2147483647));
$(".seed").addEventListener("change", () => draw(+$(".seed").value));
$(".zero").addEventListener("click", () => { value.z = value.z.map(() => 0); value.dims.forEach((_, k) => showRow(k)); showDistance(); decode([...value.z]); sweep(moved); across(); publish(); });
keep($(".stage"), settings, server.save, server.restore, (next) => { props.value = next; show(); trigger("input"); });
$(".label").addEventListener("change", () => setClass(+$(".label").value));
watch("value", show); begin(show);
