// Two planes of codes under one pointer. value: {settings: {model, n, seed, holes, at}, planes: [{title, sheet (PNG of tiles x
// tiles pictures), holes (bytes), centre, half, xy and drawn (int16, 2 = 32767), classes (bytes), draws (PNGs), sure, share,
// ratio}], tiles, names, colours, many}
let value = null,
  at = [0, 0]; // the pointer, in units of tiles, in both planes
const panes = [0, 1].map(() => {
  const root = $("template").content.firstElementChild.cloneNode(true);
  $(".planes").append(root);
  const one = (selector) => root.querySelector(selector),
    map = one(".map");
  return { root, one, map, context: map.getContext("2d"), sheet: new Image(), tiles: null, plane: null };
});
const number = (v) => v.toFixed(2).replace("-", "−");
const place = () => at.map((v, k) => ((2 * v) / (value.tiles - 1) - 1) * (k ? -1 : 1));
// Places from -1 to 1, where they are on the map; those outside are left out.
const each = (packed, use) => {
  const xy = int16s(packed),
    n = value.tiles,
    step = panes[0].map.width / n;
  for (let k = 0; k < xy.length / 2; k++) {
    const [x, y] = [xy[2 * k] / 16383.5, -xy[2 * k + 1] / 16383.5];
    if (Math.abs(x) > 1.02 || Math.abs(y) > 1.02) continue;
    use(k, ...[x, y].map((v) => (((v + 1) * (n - 1)) / 2 + 0.5) * step));
  }
};
const draw = () => {
  for (const { one, map, context, sheet, tiles, plane } of panes) {
    if (!tiles) continue;
    const w = map.width,
      n = value.tiles,
      step = w / n;
    drawTiles(context, sheet, w, true);
    if (value.settings.holes) {
      context.globalAlpha = 0.9;
      context.strokeStyle = colour("--made");
      context.lineWidth = 1.5;
      context.beginPath();
      bytes(plane.holes).forEach((hole, k) => {
        if (!hole) return;
        const [x, y] = [(k % n) * step, Math.floor(k / n) * step];
        context.moveTo(x, y + step);
        context.lineTo(x + step, y);
      });
      context.stroke();
    }
    const classes = bytes(plane.classes);
    each(plane.xy, (k, x, y) => drawPoint(context, x, y, value.colours[classes[k]], 3.5));
    each(plane.drawn, (k, x, y) => {
      context.globalAlpha = 1;
      context.strokeStyle = "#fff";
      context.lineWidth = 1.5;
      context.strokeRect(x - 4, y - 4, 8, 8);
    });
    drawFrame(context, (at[0] + 0.5) * step, (at[1] + 0.5) * step, step);
    blendTiles(one(".under").getContext("2d"), tiles, n, ...at);
    const z = place().map((v, k) => plane.centre[k] + plane.half * v);
    one(".where").textContent = `z₁ ${number(z[0])}, z₂ ${number(z[1])}`;
  }
};
const tell = ({ one, map }, plane, k) => {
  one("h3").textContent = plane.title;
  map.setAttribute("aria-label", `Plane of ${plane.title}; arrow keys move, Enter keeps the place`);
  const sure = plane.sure.filter(Boolean).length,
    from = k ? "its prior N(0, I)" : "a Gaussian fitted to its training codes";
  one(".about").textContent =
    `${plane.from}, ${plane.sure.length} draws from ${from}: the LeNet sees a digit in ${sure} (p ≥ ${value.sure}), none in the outlined ones; in ${inPercent(plane.share)} of ${value.many.toLocaleString("en")}. Fréchet distance to test digits: ${plane.ratio.toFixed(0)} times that of training digits.`;
  one(".draws").replaceChildren(
    ...plane.draws.map((png, i) =>
      make("img", {
        class: `pixels ${plane.sure[i] ? "" : "odd"}`,
        alt: plane.sure[i] ? "A draw, a digit" : "A draw, no digit to the LeNet",
        src: "data:image/png;base64," + png,
      }),
    ),
  );
};
const openPlanes = () => {
  if (!props.value?.planes) return;
  value = props.value;
  $(".empty").hidden = true;
  at = value.settings.at.map((v, k) => (((k ? -v : v) + 1) * (value.tiles - 1)) / 2);
  panes.forEach((pane, k) => {
    pane.plane = value.planes[k];
    tell(pane, pane.plane, k);
    pane.sheet.onload = () => {
      pane.tiles = readTiles(pane.sheet, value.tiles);
      draw();
    };
    pane.sheet.src = "data:image/png;base64," + pane.plane.sheet;
  });
  $(".legend").replaceChildren(
    ...classLegend(value.names, value.colours),
    ...(value.settings.source === "plane" ? [make("span", {}, "white squares: the draws")] : []),
  );
};
// The place is that of links and saved pictures.
const keep = () => {
  const settings = { ...value.settings, at: place().map((v) => +v.toFixed(2)) };
  value.settings = settings;
  part.form.merge({ at: settings.at });
  shows(settings);
};
for (const { map } of panes) {
  map.addEventListener("pointermove", (event) => {
    if (!value) return;
    at = tileAt(event, map, value.tiles);
    requestAnimationFrame(draw);
  });
  for (const end of ["click", "pointerleave"]) map.addEventListener(end, () => value && keep());
  map.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-0.25, 0], ArrowRight: [0.25, 0], ArrowUp: [0, -0.25], ArrowDown: [0, 0.25] }[event.key];
    if (step && value) {
      event.preventDefault();
      at = at.map((v, k) => Math.min(Math.max(v + step[k], 0), value.tiles - 1));
      draw();
    }
    if (event.key === "Enter" && value) keep();
  });
}
$(".again").addEventListener("click", () => part.request({ seed: (part.form.values().seed + 1) % 2 ** 31 }));
loadInitial(openPlanes);
