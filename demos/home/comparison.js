// Home's comparison. value: {label, seed, rows: [{title, good_at, images (PNG), ms, made, frechet, coverage, nats}]};
// or, towards Python, {ask: {label, seed}}.
let label = 3,
  seed = 0;
/** @type {[string, string, (v: number) => string, (...v: number[]) => number][]} */
const FIGURES = [
  ["time a picture ↓", "ms", (v) => `${v < 10 ? v.toFixed(1) : Math.round(v)} ms`, Math.min],
  ["Fréchet distance ↓", "frechet", (v) => `${v.toFixed(1)} × real`, Math.min],
  ["coverage ↑", "coverage", (v) => `${Math.round(100 * v)} %`, Math.max],
  ["log-likelihood ↑", "nats", (v) => `≥ ${v.toFixed(1).replace("-", "−")} nat`, Math.max],
];
const buttons = [...Array(10).keys()].map((digit) => {
  const button = make("button", { type: "button", role: "radio" }, String(digit));
  button.addEventListener("click", () => draw(digit, seed));
  $(".digits").append(button);
  return button;
});
const mark = () => {
  buttons.forEach((button, digit) => button.setAttribute("aria-checked", digit === label));
  $(".sown").textContent = `seed ${seed}`;
};
const draw = (digit, next) => {
  label = digit;
  seed = next;
  mark();
  props.value = { ask: { label, seed } };
  trigger("submit");
};
$(".again").addEventListener("click", () => draw(label, seed + 1));
const show = () => {
  const value = props.value;
  if (!value?.rows) {
    if (value?.error) say(value.error);
    return;
  }
  ({ label, seed } = value);
  mark();
  say("");
  const best = Object.fromEntries(
    FIGURES.map(([, key, , pick]) => [
      key,
      pick(...value.rows.map((row) => row[key]).filter((v) => v !== null && v !== undefined)),
    ]),
  );
  $(".rows").replaceChildren(
    ...value.rows.map((row) => {
      const line = make("div", { class: "contender" }),
        left = make("div"),
        pictures = make("div", { class: "pictures" }),
        list = make("dl");
      left.append(make("b", {}, row.title), make("p", {}, row.good_at));
      pictures.append(
        ...row.images.map((image, k) =>
          make("img", {
            class: "pixels",
            src: "data:image/png;base64," + image,
            alt: `${row.title}: ${label}, picture ${k + 1}`,
          }),
        ),
      );
      if (!row.images.length)
        pictures.append(make("span", { class: "hint" }, `Of ${row.made} samples none was read as ${label}.`));
      for (const [name, key, text] of FIGURES) {
        const there = row[key] !== null && row[key] !== undefined;
        list.append(
          make("dt", {}, name),
          make(
            "dd",
            there && row[key] === best[key] && key !== "nats" ? { class: "best", title: "the best of the four" } : {},
            there ? text(row[key]) : "–",
          ),
        );
      }
      line.append(left, pictures, list);
      return line;
    }),
  );
};
mark();
watch("value", show);
loadInitial(show);
