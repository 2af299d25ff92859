// Block. value: {settings {model, text, token, off}, names (of the T tokens), note, lens (for the embedding and each layer
// [what it would say next, p] of each token), next [[name, p, p of the whole model]], added (for each layer the lengths of
// attention's and the MLP's addition and of the stream), nll and whole (of each token but the first, in nats, with what is
// off and without), cached (numbers of the KV cache for a token)}. What each part is worth comes by itself:
// server.importance({model, text}) -> {rises {part: nats}}
let value = null,
  worth = null; // {key, rises}
const percent = (p) => (p >= 0.0995 ? `${Math.round(100 * p)} %` : `${(100 * p).toFixed(1)} %`);
const mean = (list) => list.reduce((sum, v) => sum + v, 0) / list.length;
const off = () => value.settings.off.split(",").filter(Boolean);
const asked = () => part.form.values(); // what was asked for last, whose answer may be on its way
const layerNames = () => ["embedding", ...value.added.map((_, k) => `layer ${k + 1}`)];

const choose = (token) => {
  const last = value.names.length - 1;
  part.request({ token: Math.max(0, Math.min(last, token)) });
};
const drawLens = () => {
  const table = make("table"),
    { token } = value.settings,
    text = make("tr", { class: "text" });
  text.append(make("th", {}, "text"));
  value.names.forEach((name, k) => {
    const cell = make("td", { "data-k": k }, name),
      nats = k ? value.nll[k - 1] : 0;
    shadeChip(cell, nats / 6);
    cell.title = k ? `−log p = ${nats.toFixed(2)} nat` : "begins every text";
    text.append(cell);
  });
  table.append(text);
  value.lens.forEach((row, layer) => {
    const line = make("tr");
    line.append(make("th", {}, layerNames()[layer]));
    row.forEach(([name, p], k) => {
      const cell = make("td", { "data-k": k }, name);
      shadeChip(cell, p);
      cell.title = `after “${value.names[k]}”, ${layerNames()[layer]}: “${name}”, ${percent(p)}`;
      line.append(cell);
    });
    table.append(line);
  });
  for (const cell of table.querySelectorAll(`[data-k="${token}"]`)) cell.classList.add("on");
  const box = $(".lens"),
    { scrollLeft } = box,
    shownFor = `${value.names.join(" ")} ${token}`;
  box.replaceChildren(table);
  if (box.dataset.shown === shownFor) box.scrollLeft = scrollLeft;
  else box.scrollLeft = table.querySelector(".on").offsetLeft - 0.6 * box.clientWidth;
  box.dataset.shown = shownFor;
  const said = value.lens.map((row) => row[token][0]),
    final = said.at(-1),
    since = said.length - 1 - [...said].reverse().findIndex((name) => name !== final);
  $(".read").textContent =
    `After “${value.names[token]}” the model says “${final}”, ${percent(value.lens.at(-1)[token][1])}; ` +
    (said.every((name) => name === final)
      ? "so do all layers before."
      : `${layerNames()[Math.min(since, said.length - 1)]} is the last that says something else: “${said[since]}”.`);
};
$(".lens").addEventListener("click", (event) => {
  const cell = event.target.closest("td");
  if (cell) choose(+cell.dataset.k);
});
$(".lens").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!step || !value) return;
  event.preventDefault();
  choose(asked().token + step);
});

const drawSwitches = () => {
  const box = $(".switches"),
    layers = value.added.length,
    heads = 4,
    gone = new Set(off());
  if (!box.children.length) {
    box.append(make("span"), ...["1", "2", "3", "4", "MLP"].map((title) => make("span", {}, title)));
    for (let layer = 1; layer <= layers; layer++) {
      box.append(make("span", {}, `layer ${layer}`));
      for (let k = 1; k <= heads + 1; k++) {
        const name = `${layer}.${k > heads ? "mlp" : k}`,
          button = make("button", { type: "button", "data-name": name });
        button.addEventListener("click", () => {
          const now = new Set(asked().off.split(",").filter(Boolean));
          if (!now.delete(name)) now.add(name);
          part.request({ off: [...now].join(",") });
        });
        box.append(button);
      }
    }
  }
  const most = worth?.key === keyOfWorth() ? Math.max(...Object.values(worth.rises)) : 0;
  for (const button of box.querySelectorAll("button")) {
    const { name } = button.dataset,
      [layer, which] = name.split("."),
      rise = worth?.key === keyOfWorth() ? worth.rises[name] : null;
    button.setAttribute("aria-pressed", String(!gone.has(name)));
    const title = which === "mlp" ? `MLP of layer ${layer}` : `Head ${which} of layer ${layer}`,
      alone = rise === null ? "" : `: with it alone off, the loss changes by ${signed(rise)} nat per token`;
    button.setAttribute("aria-label", title + alone);
    button.title = title + alone;
    button.textContent = rise === null ? "" : signed(rise);
    shadeChip(button, rise === null ? 0 : Math.sqrt(Math.max(0, rise) / most));
  }
};
const signed = (v) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(2)}`;
$(".whole").addEventListener("click", () => part.request({ off: "" }));
$(".key").textContent =
  "A number: by how many nats per token the loss of this text rises when this part alone is off. Below 0, the text is better off without it.";
const keyOfWorth = () => `${value.settings.model} ${value.settings.text}`;
const fetchWorth = latestOnly(async () => {
  const key = keyOfWorth();
  if (worth?.key === key) return;
  const { model, text } = value.settings,
    found = await askOfStage(server.importance, { model, text });
  if (!found) return;
  worth = { key, ...found };
  drawSwitches();
});

const drawNext = () => {
  const changed = off().length > 0;
  $(".after").textContent = `After “${value.names[value.settings.token]}”`;
  $(".next").replaceChildren(
    ...value.next.map(([name, p, whole]) => {
      const row = make("div", { class: "bar" }),
        track = make("div", { class: "track" }),
        fill = make("i");
      fill.style.width = `${100 * p}%`;
      track.append(fill);
      if (changed) {
        const mark = make("b");
        mark.style.left = `calc(${100 * whole}% - 1px)`;
        track.append(mark);
        row.title = `${percent(whole)} with nothing off`;
      }
      row.append(make("span", {}, name), track, make("span", {}, percent(p)));
      return row;
    }),
  );
  const [now, before] = [mean(value.nll), mean(value.whole)];
  $(".loss").textContent =
    `Loss of the text: ${now.toFixed(2)} nat per token` +
    (changed ? `, ${before.toFixed(2)} with nothing off. The lines mark the whole model.` : ".");
  $("tbody").replaceChildren(
    ...value.added.map((lengths, k) => {
      const row = make("tr");
      row.append(make("td", {}, `layer ${k + 1}`), ...lengths.map((v) => make("td", {}, v.toFixed(1))));
      return row;
    }),
  );
  const n = value.names.length,
    kilobytes = (numbers) => `${((4 * numbers) / 1000).toLocaleString("en", { maximumFractionDigits: 0 })} kB`;
  $(".cache").textContent =
    `Lengths of vectors; each layer first normalises what it reads. KV cache: the keys and values of these ${n} tokens in ` +
    `${value.added.length} layers are ${(n * value.cached).toLocaleString("en")} numbers, ${kilobytes(n * value.cached)}; ` +
    `with them the next token is one pass of one token, which adds ${kilobytes(value.cached)}. ${value.note}`;
};

const draw = () => {
  drawLens();
  drawSwitches();
  drawNext();
};
const show = () => {
  if (!props.value?.lens) return;
  const before = value;
  value = props.value;
  const last = value.names.length - 1; // another text, and the last token was followed: it is the last again
  if (before && before.settings.text !== value.settings.text && before.settings.token === before.names.length - 1)
    if (value.settings.token < last) part.request({ token: last });
  draw();
  fetchWorth();
};
new MutationObserver(() => value && draw()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
loadInitial(show);
