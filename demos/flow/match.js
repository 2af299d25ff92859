// Match. value: {rows: [{title, ink, about, steps (numbers of the evaluations that are shown), states, ends (bytes, a
// picture each), sample, digit, sure, straightness, dots, line (int16, unit 8000: t, along, away, off of each point)}]}
const UNIT = 8000,
  side = 28;
const paint = (data, k, label) => {
  const canvas = make("canvas", { class: "pixels", width: side, height: side, role: "img", "aria-label": label });
  paintPixels(canvas.getContext("2d"), data.subarray(k * side * side, (k + 1) * side * side), side);
  return canvas;
};
const line = (of, className = "caption num") => make("p", { class: className }, of);
const runOf = (row, label) => {
  const box = make("div", { class: "run" }),
    about = make("div", { class: "about" }),
    dots = int16s(row.dots),
    title = make("h3", {}, row.title),
    steps = make("div", { class: "steps" }),
    last = make("div", { class: "last" }),
    [states, ends] = [bytes(row.states), bytes(row.ends)];
  title.prepend(make("i", { style: `background: var(${row.ink})` }));
  about.append(title, line(row.about), line(`straightness ${row.straightness.toFixed(3)}`));
  about.append(line(`off its end by ${(dots[dots.length - 1] / UNIT).toFixed(2)}`));
  row.steps.forEach((step, k) => {
    const one = make("div");
    one.append(
      paint(states, k, `${row.title}, state at step ${step}`),
      paint(ends, k, `${row.title}, digit expected at step ${step}`),
      make("span", { class: "num" }, String(step)),
    );
    steps.append(one);
  });
  const right = String(row.digit) === label,
    said = line(`read as ${row.digit} ${right ? "✓" : "✗"}`, `num ${right ? "right" : "wrong"}`);
  said.title = `with probability ${shareOf(row.sure)}`;
  last.append(paint(bytes(row.sample), 0, `${row.title}, the sample`), said);
  box.append(about, steps, last);
  return box;
};
// A chart of two of the four numbers of each point, x in [0, 1].
const plot = (canvas, rows, across, up, title) => {
  const sized = sizedCanvas(canvas);
  if (!sized) return;
  const { context: c, width, height } = sized,
    value = (list, k, which) => list[4 * k + which] / UNIT,
    each = (list, use) =>
      Array.from({ length: list.length / 4 }, (_, k) => use(value(list, k, across), value(list, k, up))),
    top = Math.max(0.05, ...rows.flatMap(({ lists }) => lists.flatMap((list) => each(list, (_, y) => y)))),
    x = (v) => 36 + Math.max(0, Math.min(1.06, v)) * ((width - 48) / 1.06),
    y = (v) => 10 + (1 - v / top) * (height - 48);
  c.font = "11px system-ui";
  c.fillStyle = colour("--ink-soft");
  c.strokeStyle = colour("--line");
  c.textAlign = "right";
  c.textBaseline = "middle";
  c.beginPath();
  for (const v of roundTicks(0, top, 4)) {
    c.moveTo(36, y(v));
    c.lineTo(width - 6, y(v));
    c.fillText(String(v), 31, y(v));
  }
  c.stroke();
  c.textAlign = "center";
  for (const v of [0, 0.5, 1]) c.fillText(String(v), x(v), height - 26);
  c.fillText(title, (36 + width) / 2, height - 9);
  for (const { ink, lists } of rows) {
    const [dots, path] = lists;
    c.strokeStyle = c.fillStyle = colour(ink);
    c.lineWidth = 2;
    c.beginPath();
    each(path, (px, py) => c.lineTo(x(px), y(py)));
    c.stroke();
    c.beginPath();
    each(dots, (px, py) => {
      c.moveTo(x(px) + 3.5, y(py));
      c.arc(x(px), y(py), 3.5, 0, 7);
    });
    c.fill();
  }
};
let plotted = [];
const draw = () => {
  plot($(".way"), plotted, 1, 2, "along the chord");
  plot($(".off"), plotted, 0, 3, "t, from noise to digit");
};
const show = () => {
  const value = props.value;
  if (!value?.rows) return;
  $(".rows").replaceChildren(...value.rows.map((row) => runOf(row, value.settings.label)));
  plotted = value.rows.map((row) => ({ ink: row.ink, lists: [int16s(row.dots), int16s(row.line)] })).reverse();
  $(".fine").textContent = plotted[0].lists[1].length / 4 - 1;
  const far = value.rows.map(({ title }, k) => {
    const list = plotted[plotted.length - 1 - k].lists[1],
      most = (which) => Math.max(...list.filter((_, i) => i % 4 === which)) / UNIT;
    return { title, away: most(2).toFixed(2), off: most(3).toFixed(2) };
  });
  for (const [name, key] of [
    ["way", "away"],
    ["off", "off"],
  ])
    $(`.${name}`).setAttribute(
      "aria-label",
      "Farthest from the straight line: " + far.map((one) => `${one.title} ${one[key]}`).join(", "),
    );
  draw();
};
new ResizeObserver(draw).observe($(".charts"));
loadInitial(show);
