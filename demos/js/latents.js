// Latent sliders and the picture they decode to. value: {tab, model, z, seed, dims: [{i, kl, collapsed}], src, note, limit}
let value = null, moved = 0;
const rows = $(".rows"), big = $(".big");

const settings = () => ({ model: value.model, seed: value.seed, z: value.z.map((v) => +v.toFixed(2)).join(",") });
const publish = () => { props.value = { ...value }; trigger("input"); };

const showDistance = () => {
  const d = value.z.length, norm = Math.hypot(...value.z);
  $(".distance").textContent = `‖z‖ = ${norm.toFixed(1)}; draws from the prior lie near √${d} = ${Math.sqrt(d).toFixed(1)}`;
};
const showRow = (k) => {
  const row = rows.children[k], v = value.z[value.dims[k].i];
  row.querySelector("input").value = v;
  row.querySelector(".value").textContent = v.toFixed(2).replace("-", "−");
};

const decode = newest(async (z) => {
  const answer = await ask(server.decode, { model: value.model, z });
  if (answer) { big.src = "data:image/png;base64," + answer; big.dataset.z = z.join(","); }
});
const sweep = newest(async (k) => {
  const dim = value.dims[k], answer = await ask(server.sweep, { model: value.model, z: value.z, dimension: dim.i });
  if (!answer) return;
  $(".sweep").hidden = false;
  $(".sweep .caption").textContent = `What z${dim.i + 1} alone does, from −${value.limit} to ${value.limit}:`;
  $(".sweep .thumbs").replaceChildren(...answer.map((png, j) => {
    const v = value.limit * (j / 4 - 1), figure = make("figure");
    figure.append(make("img", { class: "pixels", src: "data:image/png;base64," + png, alt: `z${dim.i + 1} at ${v}` }), make("figcaption", {}, v.toFixed(1)));
    return figure;
  }));
});

const moveTo = (k, v) => {
  value.z[value.dims[k].i] = v;
  value.note = ""; $(".note").textContent = "";
  moved = k;
  showRow(k); showDistance(); decode([...value.z]);
};

const build = () => {
  const most = Math.max(...value.dims.map((d) => d.kl));
  rows.replaceChildren(...value.dims.map((dim, k) => {
    const row = make("label", { class: "latent" + (dim.collapsed ? " collapsed" : "") });
    row.title = dim.collapsed ? "Collapsed: the encoder ignores it and the decoder has learned not to listen" : `carries ${dim.kl.toFixed(2)} nat on average`;
    const track = make("span", { class: "track" });
    const input = make("input", { type: "range", min: -value.limit, max: value.limit, step: 0.01, "aria-label": `latent ${dim.i + 1}` });
    const bar = make("div", { class: "bar" });
    bar.style.width = `${(100 * dim.kl) / most}%`;
    track.append(input, bar);
    row.append(make("span", { class: "name" }, `z${dim.i + 1} · ${dim.collapsed ? "off" : dim.kl.toFixed(2)}`), track, make("span", { class: "value" }));
    input.addEventListener("input", () => moveTo(k, +input.value));
    input.addEventListener("change", () => { sweep(k); publish(); });
    return row;
  }));
};

const show = () => {
  const next = props.value;
  if (!next || !next.dims) { big.hidden = true; say(next?.error ?? ""); return; }
  const rebuild = !value || value.model !== next.model;
  value = JSON.parse(JSON.stringify(next));
  big.hidden = false;
  if (rebuild) { build(); moved = 0; $(".sweep").hidden = true; }
  value.dims.forEach((_, k) => showRow(k));
  showDistance();
  $(".seed").value = value.seed;
  $(".note").textContent = value.note ?? "";
  if (value.src) { big.src = value.src; big.dataset.z = value.z.join(","); }
  say(""); sweep(moved);
};

const draw = async (seed) => {
  const next = await ask(server.draw, { model: value.model, seed });
  if (next) { props.value = next; show(); trigger("input"); }
};
$(".draw").addEventListener("click", () => draw((value.seed + 1) % 2147483647));
$(".seed").addEventListener("change", () => draw(+$(".seed").value));
$(".zero").addEventListener("click", () => { value.z = value.z.map(() => 0); value.dims.forEach((_, k) => showRow(k)); showDistance(); decode([...value.z]); publish(); });
$(".save").addEventListener("click", async () => { const png = await ask(server.save, settings()); if (png) download(png, `${value.model}.png`); });
$(".link").addEventListener("click", async () => { $(".told").textContent = await copyLink(value.tab, settings()); });
acceptFiles($(".stage"), $(".open"), async (png) => { const next = await ask(server.restore, { png }); if (next) { props.value = next; show(); trigger("input"); } });
element.querySelectorAll("label.tool").forEach((label) => label.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); label.querySelector("input").click(); } }));
watch("value", show); show();
