// Classify. value: {settings, models, shown (PNG), caption, learned, low, high, unknown, rows: [{label, cosine, right,
// unknown}]}. The server gives cosines; the temperature acts on them here, at every move of the slider.
let value = null,
  t = 1;
const own = () => $(".seen").dataset.picture ?? "";
const asked = () => ({
  model: $(".model").value,
  scene: +$(".scene").value,
  picture: own(),
  labels: $(".labels").value,
  templates: $(".templates").value,
  temperature: t === value.learned ? "learned" : +t.toPrecision(4),
});
const degree = (v) => (v >= 1 ? v.toFixed(2) : v >= 0.1 ? v.toFixed(3) : v.toFixed(4));
const softmax = () => {
  const z = value.rows.map((row) => row.cosine / t),
    top = Math.max(...z),
    e = z.map((v) => Math.exp(v - top)),
    sum = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / sum);
};
const listed = (words) => words.map((word) => `“${word}”`).join(", ");

// The sentence under the bars: what was chosen, whether it is true, and what else is worth a thought.
const verdict = (p, best) => {
  const row = value.rows[best],
    true_ = value.rows.filter((r) => r.right).map((r) => r.label),
    sentences = [];
  if (row.right) sentences.push(`Right: “${row.label}”, at ${shareOf(p[best])}.`);
  else if (row.right === false)
    sentences.push(
      `Wrong: “${row.label}” at ${shareOf(p[best])}${true_.length ? `, where ${listed(true_)} ${true_.length > 1 ? "are" : "is"} true` : ", and no label is true: it must choose one all the same"}.`,
    );
  else sentences.push(`It chooses “${row.label}”, at ${shareOf(p[best])}; whether that is true cannot be known here.`);
  if (row.right && true_.length > 1)
    sentences.push(
      `${true_.length} labels are true, and must share: the probabilities are of one label against the others, not of truth.`,
    );
  const strange = [...new Set([...value.unknown, ...value.rows.flatMap((r) => r.unknown)])];
  if (strange.length)
    sentences.push(`Not in the vocabulary: ${listed(strange)}. All such words are the same token to it.`);
  return sentences.join(" ");
};
const draw = () => {
  const p = softmax(),
    best = p.indexOf(Math.max(...p));
  [...$(".bars").querySelectorAll(".bar")].forEach((bar, k) => {
    const { right } = value.rows[k];
    bar.className = `bar ${right === null ? "unsure" : right} ${k === best ? "first" : ""}`;
    bar.querySelector("i").style.width = `${100 * p[k]}%`;
    bar.querySelector(".share").textContent = shareOf(p[k]);
  });
  $(".readout-t").textContent = degree(t);
  $(".t").setAttribute("aria-valuetext", degree(t));
  $(".said-of").textContent = verdict(p, best);
};
const bars = () => {
  const head = make("div", { class: "head", "aria-hidden": "true" });
  for (const [title, kind] of [
    ["", ""],
    ["", ""],
    ["share", "num"],
    ["cosine", "num"],
  ])
    head.append(make("span", { class: kind }, title));
  $(".bars").replaceChildren(
    head,
    ...value.rows.map((row) => {
      const bar = make("div", { class: "bar", role: "listitem" }),
        name = make("span", { class: "name", title: row.label }),
        track = make("span", { class: "track" });
      name.append(
        ...row.label
          .split(/(\s+)/)
          .map((word) =>
            row.unknown.some((u) => word.toLowerCase().includes(u.toLowerCase()))
              ? make("span", { class: "strange", title: "not in the vocabulary" }, word)
              : word,
          ),
      );
      track.append(make("i"));
      bar.append(
        name,
        track,
        make("span", { class: "num share" }),
        make("span", { class: "num cosine" }, row.cosine.toFixed(3).replace("-", "−")),
      );
      return bar;
    }),
  );
};
const fill = () => {
  const s = value.settings,
    put = (place, text) => {
      if (document.activeElement !== place) place.value = text;
    };
  $(".model").replaceChildren(
    ...Object.entries(value.models).map(([name, title]) => make("option", { value: name }, title)),
  );
  $(".model").value = s.model;
  put($(".labels"), s.labels);
  put($(".templates"), s.templates);
  put($(".scene"), s.scene);
  $(".labels").rows = Math.min(9, Math.max(3, value.rows.length + 1));
  $(".seen").src = "data:image/png;base64," + value.shown;
  $(".seen").dataset.picture = s.picture;
  const what = s.picture ? "Your picture, as the model sees it" : `Scene ${s.scene}: ${value.caption}`;
  $(".seen").alt = what;
  $(".seen").hidden = false;
  $(".what").textContent = what;
  const { low, high, learned } = value,
    log = Math.log10;
  t = s.temperature === "learned" ? learned : s.temperature;
  $(".t").min = log(low);
  $(".t").max = log(high);
  $(".t").value = log(t);
  $(".learned").textContent = `▲ learned: ${degree(learned)}`;
  $(".learned").style.setProperty("--at", (log(learned) - log(low)) / (log(high) - log(low)));
};
const measure = latestOnly(async () => {
  const found = await askOfStage(server.accuracy, asked());
  $(".measured").textContent = found?.sentence ?? "";
});
const show = () => {
  if (!props.value?.rows) return;
  value = props.value;
  fill();
  bars();
  draw();
  measure();
};
// What the fields say when they change: an answer to an earlier change fills them again.
const follow = latestOnly((settings) => part.request(settings));
const run = (changes = {}) => follow({ ...asked(), ...changes });
let waiting = null;
for (const name of ["labels", "templates"])
  $("." + name).addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => run(), 250);
  });
$(".model").addEventListener("change", () => run());
$(".scene").addEventListener("change", () => run({ scene: +$(".scene").value, picture: "" }));
$(".another").addEventListener(
  "click",
  latestOnly(async () => {
    const next = await askOfStage(server.another, { ...asked(), seed: Math.floor(Math.random() * 2 ** 31) });
    if (next) await part.request(next);
  }),
);
$(".t").addEventListener("input", () => {
  t = 10 ** +$(".t").value;
  shows(asked());
  draw();
});
$(".learned").addEventListener("click", () => {
  t = value.learned;
  $(".t").value = Math.log10(t);
  shows(asked());
  draw();
});
const take = async (data) => {
  const picture = await ask(server.own, { picture: data });
  if (picture) run({ picture });
};
acceptFiles($(".view"), $(".file"), take);
loadInitial(show);
