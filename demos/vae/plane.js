// Latent plane. value: {settings: {model, seed, z, a, b}, dims, sheet (PNG of tiles x tiles pictures), tiles, limit, points: {xy
// (int16, 2 limit = 32767), classes (bytes), names}, colours}
let value = null,
  plane = null, // the settings
  tiles = null,
  points = null, // {xy, classes}
  at = [0, 0];
const map = $(".map"),
  ctx = map.getContext("2d"),
  under = $(".under").getContext("2d"),
  sheet = new Image();

const show = () => {
  if (!tiles) return;
  blendTiles(under, tiles, value.tiles, ...at);
  const [za, zb] = point();
  $(".where").textContent = `z${plane.a + 1} = ${za.toFixed(2)}, z${plane.b + 1} = ${zb.toFixed(2)}`;
  draw();
};
const point = () => {
  const s = (2 * value.limit) / (value.tiles - 1);
  return [at[0] * s - value.limit, value.limit - at[1] * s];
};
const toMap = (v, size) =>
  ((v / value.limit + 1) / 2) * ((size * (value.tiles - 1)) / value.tiles) + size / value.tiles / 2;

const draw = () => {
  const w = map.width;
  drawTiles(ctx, sheet, w, points.classes.length > 0);
  points.classes.forEach((c, k) => {
    const x = (points.xy[2 * k] * 2 * value.limit) / 32767,
      y = (points.xy[2 * k + 1] * 2 * value.limit) / 32767;
    if (Math.abs(x) > value.limit || Math.abs(y) > value.limit) return;
    drawPoint(ctx, toMap(x, w), w - toMap(y, w), value.colours[c]);
  });
  const [za, zb] = point();
  drawFrame(ctx, toMap(za, w), w - toMap(zb, w), w / value.tiles);
};

const options = (select, chosen) =>
  select.replaceChildren(
    ...value.dims.map((d) => {
      const option = make("option", { value: d.i }, `z${d.i + 1} · ${d.off ? "off" : d.weight.toFixed(2) + " nat"}`);
      option.selected = d.i === chosen;
      return option;
    }),
  );

const openPlane = () => {
  if (!props.value?.sheet) return;
  value = props.value;
  plane = JSON.parse(JSON.stringify(value.settings));
  points = { xy: int16s(value.points.xy), classes: bytes(value.points.classes) };
  options($(".a"), plane.a);
  options($(".b"), plane.b);
  $(".model").replaceChildren(
    ...Object.entries(value.models).map(([name, title]) => make("option", { value: name }, title)),
  );
  $(".model").value = plane.model;
  $(".legend").replaceChildren(...classLegend(value.points.names, value.colours));
  sheet.onload = () => {
    tiles = readTiles(sheet, value.tiles);
    const s = (value.tiles - 1) / 2 / value.limit,
      clip = (v) => Math.min(Math.max(v, 0), value.tiles - 1);
    at = [clip((plane.z[plane.a] + value.limit) * s), clip((value.limit - plane.z[plane.b]) * s)];
    show();
  };
  sheet.src = "data:image/png;base64," + value.sheet;
};

const move = (event) => {
  if (!tiles) return;
  at = tileAt(event, map, value.tiles);
  requestAnimationFrame(show);
};
// The point under the cursor is set: it is the plane's, and that of the sliders.
const pick = () => {
  if (!tiles) return;
  [plane.z[plane.a], plane.z[plane.b]] = point().map((v) => +v.toFixed(2));
  shows({ ...plane, z: [...plane.z] });
  genai.show("vae/sliders", { settings: { model: plane.model, seed: plane.seed, z: [...plane.z] } });
  $(".note").textContent = "The sliders now show this point.";
};
map.addEventListener("pointermove", move);
map.addEventListener("click", (event) => {
  if (!tiles) return;
  at = tileAt(event, map, value.tiles);
  show();
  pick();
});
map.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-0.25, 0], ArrowRight: [0.25, 0], ArrowUp: [0, -0.25], ArrowDown: [0, 0.25] }[event.key];
  if (step && tiles) {
    event.preventDefault();
    at = at.map((v, k) => Math.min(Math.max(v + step[k], 0), value.tiles - 1));
    show();
  }
  if (event.key === "Enter") pick();
});
const change = () => part.request({ ...plane, a: +$(".a").value, b: +$(".b").value });
$(".a").addEventListener("change", change);
$(".b").addEventListener("change", change);
$(".model").addEventListener("change", () => part.request({ model: $(".model").value }));
// The plane goes through the point that the sliders show.
const follow = () => {
  const point = genai.part("vae/sliders").settings;
  if (!point || genai.current !== part.id) return;
  const same = plane && point.model === plane.model && point.z.every((v, k) => Math.abs(v - plane.z[k]) < 0.006);
  if (plane && !same) part.request({ ...point, ...(point.model === plane.model ? { a: plane.a, b: plane.b } : {}) });
};
window.addEventListener("genai-enter", follow);
if (!part.settings && !part.pending) part.settings = genai.part("vae/sliders").settings;
loadInitial(openPlane);
