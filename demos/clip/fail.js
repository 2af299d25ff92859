// Fail. value: {settings, models, probes, measured: {name: share}, cases: [{shown (PNG), true, false, cosines: {name:
// [true, false]}, novel}]}.
let value = null;
const asked = () => ({
  probe: $(".probe").value,
  seed: +$(".seed").value,
  true: $(".true").value,
  false: $(".false").value,
});
const short = (v) => v.toFixed(v !== 0 && Math.abs(v) < 0.001 ? 4 : 3).replace("-", "−");
const right = ([yes, no]) => yes > no;
const figures = () => {
  const { models, measured, cases } = value,
    names = Object.keys(models),
    rows = [];
  names.forEach((name, k) => {
    if (!(name in measured)) return;
    const row = make("div", { class: "figure" }),
      track = make("span", {
        class: k ? "share other" : "share",
        role: "img",
        "aria-label": `${(100 * measured[name]).toFixed(1)} % right`,
      }),
      bar = make("i"),
      here = cases.filter((c) => right(c.cosines[name])).length;
    bar.style.width = `${100 * measured[name]}%`;
    track.append(bar);
    row.append(
      make("span", {}, models[name]),
      track,
      make("span", { class: "num" }, `${(100 * measured[name]).toFixed(1)}\u00a0%, here ${here} of ${cases.length}`),
    );
    rows.push(row);
  });
  if (rows.length)
    rows.push(
      make(
        "p",
        { class: "caption" },
        "How often each prefers the true caption, in 500 cases of the model card; the line is a coin, 50 %.",
      ),
    );
  $(".figures").replaceChildren(...rows);
};
const one = (c) => {
  const box = make("article", { class: "case" }),
    text = make("div"),
    list = make("dl"),
    most = Math.max(0.01, ...Object.values(c.cosines).flat().map(Math.abs));
  list.append(make("dt", {}, "true"), make("dd", {}, c.true), make("dt", {}, "false"), make("dd", {}, c.false));
  text.append(list);
  for (const [name, [yes, no]] of Object.entries(c.cosines)) {
    const row = make("div", { class: `said-by ${yes > no ? "right" : "wrong"}` }),
      pair = make("span", { class: "pair" }),
      numbers = make("span", { class: "num of" });
    for (const v of [yes, no]) {
      const bar = make("i");
      bar.style.width = `${(100 * Math.max(0, v)) / most}%`;
      pair.append(bar);
    }
    numbers.append(short(yes), make("br"), short(no));
    const verdict = make(
      "b",
      {
        class: "num",
        title: yes > no ? "prefers the true caption" : yes < no ? "prefers the false caption" : "sees no difference",
      },
      `${yes > no ? "✓ +" : "✗ "}${short(yes - no)}`,
    );
    row.append(make("span", {}, value.models[name]), pair, numbers, verdict);
    text.append(row);
  }
  box.append(make("img", { src: "data:image/png;base64," + c.shown, alt: c.true }), text);
  return box;
};
const sentence = () => {
  const count = value.cases.length,
    sentences = Object.entries(value.models).map(([name, title]) => {
      const n = value.cases.filter((c) => right(c.cosines[name])).length;
      return count > 1
        ? `${title} is right in ${n} of ${count}`
        : `${title} ${n ? "prefers the true caption" : "falls for the false one"}`;
    });
  const margin =
    value.cases.flatMap((c) => Object.values(c.cosines)).reduce((sum, [a, b]) => sum + Math.abs(a - b), 0) /
    count /
    sentences.length;
  return `${sentences.join("; ")}. The two cosines differ by ${short(margin)} in the mean.${value.cases.some((c) => c.novel) ? " One caption names a combination that was held out of training." : ""}`;
};
const show = () => {
  if (!props.value?.cases) return;
  value = props.value;
  const s = value.settings,
    own = s.probe === "own",
    put = (place, text) => {
      if (document.activeElement !== place) place.value = text;
    };
  if (!$(".probe").children.length)
    $(".probe").replaceChildren(
      ...Object.keys(value.probes).map((name) => make("option", { value: name }, name === "own" ? "your own" : name)),
    );
  $(".probe").value = s.probe;
  put($(".seed"), s.seed);
  put($(".true"), s.true);
  put($(".false"), s.false);
  $(".own").hidden = !own;
  $(".another").textContent = own ? "Another picture" : "Another eight";
  $(".kind").textContent =
    `${value.probes[s.probe]} Above: the cosine of the picture and the true caption, below: of the false one.`;
  figures();
  $(".cases").replaceChildren(...value.cases.map(one));
  $(".note").textContent = sentence();
};
// What the fields say when they change: an answer to an earlier change fills them again.
const follow = latestOnly((settings) => part.request(settings));
const run = () => follow(asked());
$(".probe").addEventListener("change", () => run());
$(".seed").addEventListener("change", () => run());
$(".another").addEventListener("click", () => {
  $(".seed").value = (+$(".seed").value + 1) % 2 ** 31;
  run();
});
$(".own").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
loadInitial(show);
