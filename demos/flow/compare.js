// Compare. value: {rows: [{title, ink, known, good, weak, bits (or null), frechet, passes, ms, pictures (bytes)}],
// best: {bits, frechet, ms: which row has the least}, count}
const side = 28;
const figure = (name, text, best, title) => {
  const box = make("div", { class: best ? "best" : "", title });
  box.append(make("dt", {}, name), make("dd", { class: "num" }, text));
  return box;
};
const digitsOf = (row, count) => {
  const strip = make("div", { class: "digits", role: "img", "aria-label": `${row.title}: ${count} samples` }),
    all = bytes(row.pictures);
  for (let k = 0; k < count; k++) {
    const canvas = make("canvas", { class: "pixels", width: side, height: side });
    paintPixels(canvas.getContext("2d"), all.subarray(k * side * side, (k + 1) * side * side), side);
    strip.append(canvas);
  }
  return strip;
};
const familyOf = (row, k, { best, count }) => {
  const box = make("div", { class: "family" }),
    about = make("div"),
    title = make("h3", {}, row.title),
    figures = make("dl", { class: "figures" }),
    bound = row.known.startsWith("at most") ? "≤ " : "",
    passes = row.passes === 1 ? "1 pass" : `${row.passes} passes`;
  title.prepend(make("i", { style: `background: var(${row.ink})` }));
  about.append(title, make("p", { class: "caption" }, `Knows a picture’s probability ${row.known}.`));
  about.append(make("p", { class: "caption" }, `${row.good} ${row.weak}`));
  figures.append(
    figure(
      "bits per dimension",
      row.bits === null ? "none" : bound + row.bits.toFixed(2),
      best.bits === k,
      "Of test digits; fewer are better",
    ),
    figure(
      "Fréchet",
      `${row.frechet.toFixed(row.frechet < 10 ? 1 : 0)}×`,
      best.frechet === k,
      "In times that of training digits; less is better",
    ),
    figure(passes, `${row.ms.toFixed(0)} ms`, best.ms === k, `Time to draw ${count} digits on this machine`),
  );
  box.append(about, digitsOf(row, count), figures);
  return box;
};
const show = () => {
  const value = props.value;
  if (value?.rows) $(".families").replaceChildren(...value.rows.map((row, k) => familyOf(row, k, value)));
};
loadInitial(show);
