// Cluster. value: {settings {embedding, layer, k, seed}, clusters [{scenes (int16 in base64, the nearest to the centre
// first), size, shares {attribute: [commonest value, share]}}], chance {attribute: share of its commonest value}, table
// {embedding: {attribute: [NMI, ARI]}}, stability (ARI with the clusters of the next seed)}
const SIDE = 32, // pixels of a picture
  GAP = 2,
  ZOOM = 2, // of a canvas's pixels, so that the gaps are even
  sheet = new Image();
let value = null,
  columns = 1;
const cell = ZOOM * SIDE + GAP;
const drawSheet = (canvas, scenes) => {
  const c = canvas.getContext("2d");
  c.imageSmoothingEnabled = false;
  if (sheet.complete)
    scenes.forEach((scene, k) => {
      const from = [SIDE * (scene % columns), SIDE * Math.floor(scene / columns), SIDE, SIDE];
      c.drawImage(sheet, ...from, cell * (k % props.row), cell * Math.floor(k / props.row), ZOOM * SIDE, ZOOM * SIDE);
    });
};
// What most of a cluster share, in bold where that is more than half way from chance to all of them.
const captionOf = (cluster) => {
  const caption = make("figcaption", {}, `${cluster.size} scenes: `);
  props.attributes.forEach((attribute, k) => {
    const [name, share] = cluster.shares[attribute],
      telling = share > (1 + value.chance[attribute]) / 2;
    caption.append(k ? ", " : "", make("span", { title: attribute }));
    caption.lastChild.append(make(telling ? "b" : "span", {}, name), ` ${(100 * share).toFixed(0)}\u00a0%`);
  });
  return caption;
};
const sheets = () => {
  const figures = value.clusters.map((cluster, k) => {
    const scenes = [...int16s(cluster.scenes)],
      figure = make("figure"),
      canvas = make("canvas", {
        width: cell * props.row - GAP,
        height: cell * Math.ceil(scenes.length / props.row) - GAP,
        role: "img",
        "aria-label": `Cluster ${k + 1}: the ${scenes.length} scenes nearest to its centre`,
      });
    drawSheet(canvas, scenes);
    figure.append(canvas, captionOf(cluster));
    return figure;
  });
  $(".sheets").replaceChildren(...figures);
};
const signed = (v) =>
  v
    .toFixed(2)
    .replace(/^-0\.00$/, "0.00")
    .replace("-", "−");
const table = () => {
  const names = [value.settings.embedding, ...Object.keys(value.table).filter((n) => n !== value.settings.embedding)],
    head = make("thead"),
    titles = make("tr"),
    scores = make("tr"),
    body = make("tbody");
  titles.append(make("th"), ...names.map((name) => make("th", { colspan: 2, scope: "colgroup" }, props.titles[name])));
  scores.append(make("th"), ...names.flatMap(() => ["NMI", "ARI"].map((title) => make("th", { scope: "col" }, title))));
  head.append(titles, scores);
  for (const attribute of props.attributes) {
    const row = make("tr");
    row.append(make("th", { scope: "row" }, attribute));
    for (const v of names.flatMap((name) => value.table[name][attribute])) {
      const box = make("td", { class: "num" }, signed(v));
      shadeChip(box, Math.max(0, v));
      row.append(box);
    }
    body.append(row);
  }
  $(".table").replaceChildren(head, body);
};
const pictures = async () => {
  const found = await ask(server.sheet, {});
  if (!found) return;
  columns = found.columns;
  sheet.src = "data:image/jpeg;base64," + found.shown;
};
const show = () => {
  if (!props.value?.clusters) return;
  value = props.value;
  sheets();
  table();
  $(".stability").textContent =
    `With the next seed k-means finds clusters whose ARI with these is ${signed(value.stability)}.`;
};
sheet.addEventListener("load", () => value && sheets());
pictures();
loadInitial(show);
