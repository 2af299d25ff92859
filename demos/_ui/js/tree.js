// A beam search as a tree. levels: a column for each token, [{parent (the row of the last column), text, score, kept, ended,
// best}]; a column's kept nodes come first.
const nats = (v) => v.toFixed(2).replace("-", "−");
const drawTree = (svg, levels) => {
  const kind = (c) => (c.best ? "best" : c.kept ? "kept" : "pruned"),
    longest = Math.max(...levels.flat().map((c) => c.text.length)),
    dx = Math.max(44, 22 + 8.5 * longest),
    dy = 24,
    rows = Math.max(...levels.map((level) => level.length)),
    width = 40 + levels.length * dx,
    height = 16 + rows * dy;
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const x = (k) => 22 + (k + 1) * dx - dx / 2,
    y = (r) => 18 + r * dy,
    half = (t) => 4 + 4 * t.length;
  const lines = [],
    words = [makeSvg("circle", { cx: 8, cy: y(0) - 4, r: 4, fill: "var(--real)" })];
  levels.forEach((level, k) =>
    level.forEach((c, r) => {
      const from = k === 0 ? [12, y(0) - 4] : [x(k - 1) + half(levels[k - 1][c.parent].text), y(c.parent) - 4],
        to = [x(k) - half(c.text), y(r) - 4],
        middle = (from[0] + to[0]) / 2;
      lines.push([
        c,
        makeSvg("path", { class: kind(c), d: `M ${from} C ${middle} ${from[1]} ${middle} ${to[1]} ${to}` }),
      ]);
      const word = makeSvg("text", { class: kind(c), x: x(k), y: y(r) }, c.text);
      word.append(
        makeSvg("title", {}, `log p so far ${nats(c.score)} nat${c.kept ? "" : ", pruned"}${c.ended ? ", ended" : ""}`),
      );
      words.push(word);
      if (c.kept && c.ended)
        words.push(makeSvg("circle", { class: kind(c), cx: x(k) + half(c.text) + 4, cy: y(r) - 4, r: 4 }));
    }),
  );
  lines.sort((a, b) => a[0].best - b[0].best || a[0].kept - b[0].kept);
  svg.replaceChildren(...lines.map(([, line]) => line), ...words);
};
