// One digit under several classifiers. value: {pixels, temperature, from, models: {name: title}, sources, classes, most}.
// The server gives logits once a drawing; the temperature acts on them here, at every move of the slider.
let state = null, logits = null;
const INKS = ["--real", "--made", "--noise"];
const shown = () => [...Object.keys(state.models).slice(0, 2), $(".third").value];
const softmax = (z, t) => { const top = Math.max(...z), e = z.map((v) => Math.exp((v - top) / t)), sum = e.reduce((a, b) => a + b, 0); return e.map((v) => v / sum); };
const per = (p) => (p >= 0.9995 ? "100 %" : p >= 0.001 ? `${(100 * p).toFixed(1)} %` : p >= 1e-6 ? p.toExponential(0).replace("e-", "·10⁻").replace(/⁻(\d+)/, (_, n) => "⁻" + [...n].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("")) : "<10⁻⁶");
const thoughts = (z, t) => {
  const p = softmax(z, t), order = p.map((_, k) => k).sort((a, b) => p[b] - p[a]);
  return { p, order };
};
const draw = () => {
  if (!logits) return;
  const t = +$(".t").value;
  $(".told-t").textContent = t.toFixed(1);
  $(".bars").replaceChildren(...shown().map((name, k) => {
    const { p, order } = thoughts(logits[name], t), box = make("div");
    box.append(make("h3", {}, state.models[name]));
    p.forEach((v, c) => {
      const row = make("div", { class: `row ${c === order[0] ? "top" : ""}` }), track = make("span", { class: "track" }), bar = make("i");
      bar.style.width = `${100 * v}%`; bar.style.background = `var(${INKS[k]})`; track.append(bar);
      row.append(make("span", {}, state.classes[c]), track, make("span", { class: "num" }, per(v)));
      box.append(row);
    });
    const entropy = -p.reduce((sum, v) => sum + (v > 0 ? v * Math.log(v) : 0), 0);
    box.append(make("p", { class: "hint num entropy" }, `entropy ${entropy.toFixed(2)} nat`));
    return box;
  }));
  const teacher = thoughts(logits[Object.keys(state.models)[0]], 1), [first, second, third] = teacher.order;
  $(".note").textContent = `The teacher says ${state.classes[first]}. If it were not, it would be ${state.classes[second]} (${per(teacher.p[second])} at T = 1), or else ${state.classes[third]} (${per(teacher.p[third])}): odds that a label never tells.`;
};
const look = newest(async () => {
  const found = await ask(server.answers, { pixels: base64(board.pixels()) });
  if (found) { logits = found; draw(); }
});
const board = drawingPad(() => look(), (n) => ask(server.example, { seed: n, source: $(".source").value }));
$(".t").addEventListener("input", draw);
$(".third").addEventListener("change", draw);
$(".source").addEventListener("change", () => $(".example").click());
const show = () => {
  if (!props.value?.pixels) { say(props.value?.error ?? ""); return; }
  state = props.value;
  const names = Object.keys(state.models);
  $(".third").replaceChildren(...names.slice(2).map((name) => make("option", { value: name }, state.models[name])));
  $(".source").replaceChildren(...state.sources.map((name) => make("option", { value: name }, name)));
  $(".t").max = state.most; $(".t").value = state.temperature;
  board.use(bytes(state.pixels), state.from);
};
keep($(".stage"), () => ({ tab: "distillation", part: "ask", pixels: base64(board.pixels()), temperature: +$(".t").value }), server.save, server.restore, (next) => { props.value = next; show(); });
watch("value", show); begin(show);
