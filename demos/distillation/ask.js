// One digit under several classifiers. value: {settings: {pixels, temperature, third}, models: {name: title}, sources, classes,
// most}.
// The server gives logits once a drawing; the temperature acts on them here, at every move of the slider.
let state = null,
  logits = null;
const INKS = ["--real", "--made", "--noise"];
const compared = () => [...Object.keys(state.models).slice(0, 2), $(".third").value];
const softmax = (z, t) => {
  const top = Math.max(...z),
    e = z.map((v) => Math.exp((v - top) / t)),
    sum = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / sum);
};
const ranked = (z, t) => {
  const p = softmax(z, t),
    order = p.map((_, k) => k).sort((a, b) => p[b] - p[a]);
  return { p, order };
};
const draw = () => {
  if (!logits) return;
  const t = +$(".t").value;
  $(".readout-t").textContent = t.toFixed(1);
  publish();
  $(".bars").replaceChildren(
    ...compared().map((name, k) => {
      const { p, order } = ranked(logits[name], t),
        box = make("div");
      box.append(make("h3", {}, state.models[name]));
      p.forEach((v, c) => {
        const row = make("div", { class: `row ${c === order[0] ? "top" : ""}` }),
          track = make("span", { class: "track" }),
          bar = make("i");
        bar.style.width = `${100 * v}%`;
        bar.style.background = `var(${INKS[k]})`;
        track.append(bar);
        row.append(make("span", {}, state.classes[c]), track, make("span", { class: "num" }, shareOf(v)));
        box.append(row);
      });
      const entropy = -p.reduce((sum, v) => sum + (v > 0 ? v * Math.log(v) : 0), 0);
      box.append(make("p", { class: "hint num entropy" }, `entropy ${entropy.toFixed(2)} nat`));
      return box;
    }),
  );
  const teacher = ranked(logits[Object.keys(state.models)[0]], 1),
    [first, second, third] = teacher.order;
  $(".note").textContent =
    `The teacher says ${state.classes[first]}. If it were not, it would be ${state.classes[second]} (${shareOf(teacher.p[second])} at T = 1), or else ${state.classes[third]} (${shareOf(teacher.p[third])}): odds that a label does not contain.`;
};
const settings = () => ({
  pixels: base64(board.pixels()),
  temperature: +(+$(".t").value).toFixed(1),
  third: $(".third").value,
});
const publish = () => shows(settings());
const look = latestOnly(async () => {
  const found = await askOfStage(server.answers, settings());
  if (found) {
    logits = found;
    draw();
  }
});
const board = drawingPad(
  () => look(),
  (n) => ask(server.example, { seed: n, source: $(".source").value }),
);
$(".t").addEventListener("input", draw);
$(".third").addEventListener("change", draw);
$(".source").addEventListener("change", () => $(".example").click());
const show = () => {
  if (!props.value?.settings) return;
  state = props.value;
  const names = Object.keys(state.models);
  $(".third").replaceChildren(...names.slice(2).map((name) => make("option", { value: name }, state.models[name])));
  $(".third").value = state.settings.third;
  $(".source").replaceChildren(...state.sources.map((name) => make("option", { value: name }, name)));
  $(".t").max = state.most;
  $(".t").value = state.settings.temperature;
  board.use(bytes(state.settings.pixels), "example");
};
loadInitial(show);
