// Translate. value: {settings {text, reference, width, alpha, layer, head, token}, source, target (names of the S and T tokens),
// translation, weights (layers x heads x T x S, bytes of 255), layers, heads, levels (see js/tree.js), finals [{text, log_p,
// score, ended}], scores (null, or {bleu, chrf} against one's own translation), note}
let value = null,
  weights = null,
  token = 0; // of the translation, that is looked at
const chosen = () => Math.max(0, Math.min(value.settings.token, value.target.length - 1));
// The weights of a head, T x S in [0, 1]; head 0 is the mean of its layer.
const matrixOf = (layer, head) => {
  const size = value.target.length * value.source.length,
    of = (h) => weights.subarray(((layer - 1) * value.heads + h) * size, ((layer - 1) * value.heads + h + 1) * size);
  if (head) return Array.from(of(head - 1), (w) => w / 255);
  const all = Array.from({ length: value.heads }, (_, h) => of(h));
  return Array.from({ length: size }, (_, k) => all.reduce((sum, one) => sum + one[k], 0) / all.length / 255);
};
const nameOf = (layer, head) => `layer ${layer}, ${head ? `head ${head}` : "mean of its heads"}`;
const rowOf = (matrix, t) => matrix.slice(t * value.source.length, (t + 1) * value.source.length);

// --- the French token that is looked at

const look = (t) => {
  token = t;
  const { layer, head } = value.settings,
    row = rowOf(matrixOf(layer, head), t);
  [...$(".source").children].forEach((chip, s) => {
    shadeChip(chip, row[s]);
    chip.title = inPercent(row[s]);
  });
  [...$(".target").children].forEach((chip, k) => {
    chip.classList.toggle("on", k === t);
    chip.setAttribute("aria-selected", String(k === t));
  });
  $(".target").setAttribute("aria-activedescendant", `${part.id}-${t}`);
  [...element.querySelectorAll(".matrix tbody tr")].forEach((line, k) => line.classList.toggle("on", k === t));
  const order = [...row.keys()].sort((a, b) => row[b] - row[a]).filter((s, k) => !k || row[s] >= 0.1);
  const places = order.slice(0, 3).map((s) => `${inPercent(row[s])} at “${value.source[s]}”`);
  $(".read").textContent = `Before “${value.target[t]}” it looks ${places.join(", ")}.`;
};
const choose = (t) => {
  value.settings = { ...value.settings, token: t };
  part.form.merge({ token: t });
  shows(value.settings);
  look(t);
  const box = $(".rows"),
    line = $(".matrix tr.on"),
    top = line.offsetTop - $(".matrix thead").offsetHeight;
  box.scrollTop = Math.max(line.offsetTop + line.offsetHeight - box.clientHeight, Math.min(box.scrollTop, top));
};
// Shown while the pointer is there; a click or an arrow key keeps it.
const looks = (node, t) => {
  node.addEventListener("click", () => choose(t));
  node.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && look(t));
  return node;
};
for (const box of [".target", ".matrix"])
  $(box).addEventListener("pointerleave", () => value?.target.length && look(chosen()));
$(".target").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!step || !value?.target.length) return;
  event.preventDefault();
  choose(Math.max(0, Math.min(value.target.length - 1, token + step)));
});

// --- the alignment

const drawMatrixOf = () => {
  const { layer, head } = value.settings,
    matrix = matrixOf(layer, head),
    top = make("tr"),
    body = make("tbody");
  $(".what").textContent = `Alignment: ${nameOf(layer, head)}`;
  top.append(
    make("td", { style: "background: none" }),
    ...value.source.map((name) => make("th", { scope: "col" }, name)),
  );
  value.target.forEach((name, t) => {
    const line = looks(make("tr"), t);
    line.append(make("th", { scope: "row" }, name));
    rowOf(matrix, t).forEach((w, s) => {
      const cell = make("td", { title: `before “${name}” it looks at “${value.source[s]}”: ${inPercent(w)}` });
      if (w >= 0.03) shadeChip(cell, w);
      line.append(cell);
    });
    body.append(line);
  });
  const head_ = make("thead");
  head_.append(top);
  $(".matrix").replaceChildren(head_, body);
};
const drawHeads = () => {
  const box = $(".heads"),
    { layers, heads, settings } = value;
  if (!box.children.length) {
    box.append(
      make("span"),
      ...["mean", ...Array.from({ length: heads }, (_, h) => `${h + 1}`)].map((n) => make("span", {}, n)),
    );
    for (let l = 1; l <= layers; l++) {
      box.append(make("span", {}, `layer ${l}`));
      for (let h = 0; h <= heads; h++) {
        const button = make("button", { type: "button", "aria-label": nameOf(l, h).replace("l", "L") });
        button.append(make("canvas"));
        button.addEventListener("click", () => chooseHead(l, h));
        box.append(button);
      }
    }
  }
  [...box.querySelectorAll("button")].forEach((button, k) => {
    const layer = Math.floor(k / (heads + 1)) + 1,
      head = k % (heads + 1);
    drawMatrix(button.firstChild, matrixOf(layer, head), value.source.length, 1, "--accent");
    button.setAttribute("aria-pressed", String(layer === settings.layer && head === settings.head));
  });
};
const chooseHead = (layer, head) => {
  value.settings = { ...value.settings, layer, head };
  part.form.merge({ layer, head });
  shows(value.settings);
  drawMatrixOf();
  drawHeads();
  look(token);
};

// --- the search

const drawSearch = () => {
  drawTree($(".tree"), value.levels);
  $(".finals").replaceChildren(
    ...value.finals.map((final) => {
      const row = make("li", {}, final.text),
        figures = `log p = ${nats(final.log_p)} nat, score ${nats(final.score)}${final.ended ? "" : ", not at its end"}`;
      row.append(make("span", { class: "num" }, figures));
      return row;
    }),
  );
};

const draw = () => {
  $(".translation").textContent = value.translation || "(nothing)";
  $(".translation").lang = "fr";
  const { scores } = value;
  $(".scores").textContent = scores
    ? `BLEU ${scores.bleu.toFixed(1)}, chrF ${scores.chrf.toFixed(1)}, of 100, against yours. BLEU is how many of its runs of ` +
      "one to four words stand in yours, smoothed, as a sentence often shares no four words; chrF compares runs of one to " +
      "six characters, in both directions."
    : "";
  $(".source").replaceChildren(...value.source.map((name) => make("span", { class: "token" }, name)));
  $(".target").replaceChildren(
    ...value.target.map((name, t) =>
      looks(make("span", { class: "token", role: "option", id: `${part.id}-${t}` }, name), t),
    ),
  );
  $(".note").textContent = value.note;
  drawSearch();
  drawMatrixOf();
  if (!value.target.length) return;
  drawHeads();
  look(chosen());
};
const show = () => {
  if (!props.value?.target) return;
  value = props.value;
  weights = bytes(value.weights);
  draw();
};
new MutationObserver(() => value?.target.length && drawHeads()).observe(document.body, {
  attributes: true,
  attributeFilter: ["class"],
});
loadInitial(show);
