// Latent plane. value: {model, z, a, b, dims, sheet (PNG of tiles x tiles pictures), tiles, limit, points, colours}
let value = null, tiles = null, at = [0, 0];
const map = $(".map"), ctx = map.getContext("2d"), under = $(".under").getContext("2d"), sheet = new Image();

// The picture at (x, y) in units of tiles: the four nearest decoded tiles, blended.
const show = () => {
  if (!tiles) return;
  const n = value.tiles, [x, y] = at, side = 28 * n, out = under.createImageData(28, 28);
  const i = Math.min(Math.floor(x), n - 2), j = Math.min(Math.floor(y), n - 2), fx = x - i, fy = y - j;
  for (let r = 0; r < 28; r++) for (let c = 0; c < 28; c++) {
    const top = (j * 28 + r) * side + i * 28 + c, low = top + 28 * side, o = 4 * (28 * r + c);
    const v = (1 - fy) * ((1 - fx) * tiles[top] + fx * tiles[top + 28]) + fy * ((1 - fx) * tiles[low] + fx * tiles[low + 28]);
    out.data[o] = out.data[o + 1] = out.data[o + 2] = v; out.data[o + 3] = 255;
  }
  under.putImageData(out, 0, 0);
  const [za, zb] = point();
  $(".where").textContent = `z${value.a + 1} = ${za.toFixed(2)}, z${value.b + 1} = ${zb.toFixed(2)}`;
  draw();
};
const point = () => { const s = 2 * value.limit / (value.tiles - 1); return [at[0] * s - value.limit, value.limit - at[1] * s]; };
const toMap = (v, size) => ((v / value.limit + 1) / 2) * (size * (value.tiles - 1) / value.tiles) + size / value.tiles / 2;

const draw = () => {
  const w = map.width;
  ctx.globalAlpha = 1; ctx.fillStyle = "#000"; ctx.fillRect(0, 0, w, w);
  ctx.globalAlpha = value.points.classes.length ? 0.55 : 0.9; ctx.imageSmoothingEnabled = true; ctx.drawImage(sheet, 0, 0, w, w);
  ctx.globalAlpha = 0.95;
  value.points.classes.forEach((c, k) => {
    const x = value.points.xy[2 * k] / 100, y = value.points.xy[2 * k + 1] / 100;
    if (Math.abs(x) > value.limit || Math.abs(y) > value.limit) return;
    ctx.fillStyle = value.colours[c]; ctx.strokeStyle = "rgba(255,255,255,.7)"; ctx.lineWidth = 0.75;
    ctx.beginPath(); ctx.arc(toMap(x, w), w - toMap(y, w), 4, 0, 7); ctx.fill(); ctx.stroke();
  });
  const [za, zb] = point(), cx = toMap(za, w), cy = w - toMap(zb, w), half = w / value.tiles / 2;
  ctx.globalAlpha = 1; ctx.strokeStyle = "#fff"; ctx.lineWidth = 2; ctx.strokeRect(cx - half, cy - half, 2 * half, 2 * half);
};

const options = (select, chosen) => select.replaceChildren(...value.dims.map((d) => {
  const option = make("option", { value: d.i }, `z${d.i + 1} · ${d.off ? "off" : d.weight.toFixed(2) + " nat"}`);
  option.selected = d.i === chosen;
  return option;
}));

const open = () => {
  if (!props.value?.sheet) { say(props.value?.error ?? ""); return; }
  value = JSON.parse(JSON.stringify(props.value));
  options($(".a"), value.a); options($(".b"), value.b);
  $(".legend").replaceChildren(...value.points.names.map((name, c) => {
    const item = make("span", {}, name), dot = make("i");
    dot.style.background = value.colours[c]; item.prepend(dot);
    return item;
  }));
  sheet.onload = () => {
    const side = 28 * value.tiles, hidden = make("canvas", { width: side, height: side }), h = hidden.getContext("2d");
    h.drawImage(sheet, 0, 0);
    const rgba = h.getImageData(0, 0, side, side).data;
    tiles = new Uint8Array(side * side).map((_, k) => rgba[4 * k]);
    const s = (value.tiles - 1) / 2 / value.limit, clip = (v) => Math.min(Math.max(v, 0), value.tiles - 1);
    at = [clip((value.z[value.a] + value.limit) * s), clip((value.limit - value.z[value.b]) * s)];
    show();
  };
  sheet.src = "data:image/png;base64," + value.sheet;
};

const move = (event) => {
  if (!tiles) return;
  const box = map.getBoundingClientRect(), n = value.tiles, clip = (v) => Math.min(Math.max(v, 0), n - 1);
  at = [clip(((event.clientX - box.left) / box.width) * n - 0.5), clip(((event.clientY - box.top) / box.height) * n - 0.5)];
  requestAnimationFrame(show);
};
const pick = () => {
  if (!tiles) return;
  [value.z[value.a], value.z[value.b]] = point().map((v) => +v.toFixed(2));
  props.value = { model: value.model, z: value.z };
  trigger("input");
  $(".note").textContent = "The sliders now show this point.";
};
map.addEventListener("pointermove", move);
map.addEventListener("click", (event) => { move(event); pick(); });
map.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-0.25, 0], ArrowRight: [0.25, 0], ArrowUp: [0, -0.25], ArrowDown: [0, 0.25] }[event.key];
  if (step && tiles) { event.preventDefault(); at = at.map((v, k) => Math.min(Math.max(v + step[k], 0), value.tiles - 1)); show(); }
  if (event.key === "Enter") pick();
});
const change = newest(async () => {
  const next = await ask(server.plane, { model: value.model, z: value.z, a: +$(".a").value, b: +$(".b").value });
  if (next) { props.value = next; open(); } else { options($(".a"), value.a); options($(".b"), value.b); }
});
$(".a").addEventListener("change", change); $(".b").addEventListener("change", change);
const settings = () => {
  const z = value.z.map((v) => +v.toFixed(2)), [za, zb] = point().map((v) => +v.toFixed(2));
  z[value.a] = za; z[value.b] = zb;
  return { tab: "vae", part: "plane", model: value.model, a: value.a, b: value.b, z: z.join(",") };
};
keep(map, settings, server.save, server.restore, (next) => { props.value = next; open(); });
watch("value", open); open();
