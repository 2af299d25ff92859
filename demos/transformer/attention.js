// Attention. value: {settings {model, text, layer, head, query, scale, temperature}, names (of the T tokens), note, causal
// (whether a token sees those before it alone), d (of a head), q, k, v, out (T x d, float32), scores, weights (T x T, float32; of a query, a row), same (the largest difference
// to scaled_dot_product_attention)}. All heads come by themselves: server.heads({model, text}) -> {weights (layers x heads x
// T x T, bytes), layers, heads}
let value = null,
  all = null, // {key, layers, heads, weights}
  query = 0;
const LISTED = 6; // keys of the table
const shown = (v) => (Number.isFinite(v) ? v.toFixed(2).replace("-", "−") : "−∞");
const share = (w) => (w >= 0.0995 ? `${Math.round(100 * w)} %` : w >= 0.0005 ? `${(100 * w).toFixed(1)} %` : "0 %");
const rowOf = (matrix, i) => matrix.slice(i * value.names.length, (i + 1) * value.names.length);

const unpack = (v) => ({
  ...v,
  ...Object.fromEntries(["q", "k", "v", "out", "scores", "weights"].map((name) => [name, float32s(v[name])])),
});
const sees = (i, k) => !value.causal || k <= i;
const scaled = () => value.scores.map((s) => (s * value.settings.scale) / Math.sqrt(value.d));
const masked = () =>
  scaled().map((s, k) => (sees(Math.floor(k / value.names.length), k % value.names.length) ? s : -Infinity));

// --- the text, and from where its token draws

const drawLine = () => {
  const line = $(".line"),
    row = rowOf(value.weights, query);
  if (line.dataset.names !== value.names.join(" ")) {
    line.dataset.names = value.names.join(" ");
    line.replaceChildren(
      makeSvg("svg", { width: 10, height: 64, "aria-hidden": "true" }),
      ...value.names.map((name, k) => {
        const token = make("span", { class: "token", role: "option", id: `${part.id}-${k}` }, name);
        token.addEventListener("click", () => choose(k));
        token.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && look(k));
        return token;
      }),
    );
  }
  const tokens = [...line.querySelectorAll(".token")];
  tokens.forEach((token, k) => {
    shadeChip(token, row[k]);
    token.classList.toggle("query", k === query);
    token.setAttribute("aria-selected", String(k === query));
    token.title = sees(query, k) ? `${share(row[k])} of the attention of “${value.names[query]}”` : "comes later";
  });
  line.setAttribute("aria-activedescendant", tokens[query].id);
  drawArcs(tokens, row);
  const asked = `${line.dataset.names} ${value.settings.query}`; // where it does not fit, its token comes into view
  if (line.dataset.asked !== asked) {
    const [from, to] = [row.indexOf(Math.max(...row)), query].map((k) => tokens[k].offsetLeft);
    line.scrollLeft = Math.max(to - 0.75 * line.clientWidth, Math.min(from - 20, to));
    if (to - line.scrollLeft > line.clientWidth - 60) line.scrollLeft = to - 0.75 * line.clientWidth;
  }
  line.dataset.asked = asked;
  const seen = [...row].filter((_, k) => sees(query, k)),
    best = seen.indexOf(Math.max(...seen)),
    even = seen.length > 1 && Math.max(...seen) - Math.min(...seen) < 1e-4,
    others = value.causal ? `the ${query} tokens before it` : `the ${value.names.length - 1} other tokens`,
    from = best < query ? `${query - best} before it` : `${best - query} after it`;
  $(".read").textContent = even
    ? `“${value.names[query]}” draws evenly from itself and ${others}.`
    : `“${value.names[query]}” draws ${share(row[best])} from “${value.names[best]}”` +
      (best === query ? ", itself." : best ? `, ${from}.` : ", which begins every text.");
};
const drawArcs = (tokens, row) => {
  const svg = $(".line svg"),
    middle = (k) => tokens[k].offsetLeft + tokens[k].offsetWidth / 2 - svg.clientLeft;
  svg.setAttribute("width", String(tokens.at(-1).offsetLeft + tokens.at(-1).offsetWidth));
  svg.replaceChildren(
    ...[...row.keys()]
      .filter((k) => k !== query && row[k] > 0.01)
      .map((k) => {
        const [a, b] = [middle(Math.min(k, query)), middle(Math.max(k, query))],
          rise = Math.min(58, 10 + (b - a) * 0.22);
        return makeSvg("path", {
          d: `M${a} 63 C${a} ${63 - 1.3 * rise} ${b} ${63 - 1.3 * rise} ${b} 63`,
          "stroke-width": 1 + 5 * row[k],
          "stroke-opacity": 0.2 + 0.8 * row[k],
        });
      }),
  );
};
// Shown while the pointer is there; a click keeps it.
const look = (k) => {
  query = k;
  drawLine();
  drawRow();
};
const choose = (k, anew = false) => {
  value.settings = { ...value.settings, query: k };
  part.form.merge({ query: k });
  shows(value.settings);
  if (!anew) return look(k);
  draw();
  fetchHeads();
};
$(".line").addEventListener("pointerleave", () => value && look(value.settings.query));
$(".line").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!step || !value) return;
  event.preventDefault();
  choose(Math.max(0, Math.min(value.names.length - 1, query + step)));
  $(".line .query").scrollIntoView({ block: "nearest", inline: "center" });
});

// --- one head

/** @type {[string, () => any[]][]} */
const STEPS = [
  ["Queries Q", () => [value.q, value.d]],
  ["Keys K", () => [value.k, value.d]],
  ["Q Kᵀ", () => [value.scores]],
  ["scaled", () => [scaled()]],
  ["masked", () => [masked()]],
  ["softmax", () => [value.weights, 0, 1]],
  ["Values V", () => [value.v, value.d]],
  ["weights × V", () => [value.out, value.d]],
];
const drawSteps = () => {
  const n = value.names.length;
  if (!$(".steps figure"))
    $(".steps").replaceChildren(
      ...STEPS.map(([title], k) => {
        const figure = make("figure"),
          frame = make("div", { class: "frame" }),
          canvas = make("canvas", { role: "img", "aria-label": title });
        canvas.addEventListener("pointermove", (event) => tell(k, ...cellAt(event, canvas)));
        frame.append(canvas, make("i"));
        figure.append(make("figcaption", {}, title), frame);
        return figure;
      }),
    );
  STEPS.forEach(([, of], k) => {
    const figure = $(".steps").children[k],
      [matrix, columns, top] = of(),
      finite = matrix.filter(Number.isFinite);
    const most = top ?? finite.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-9);
    drawMatrix(figure.querySelector("canvas"), matrix, columns || n, most, top ? "--accent" : "--made");
  });
  const scale =
    Math.abs(value.settings.scale / Math.sqrt(value.d) - 1) < 0.005
      ? "not scaled"
      : `times ${+value.settings.scale.toPrecision(3)} / √${value.d}`;
  $(".steps").children[3].querySelector("figcaption").textContent = scale;
  const soft = value.settings.temperature === 1 ? "softmax" : `softmax at ${value.settings.temperature}`;
  $(".steps").children[4].querySelector("figcaption").textContent = value.causal ? "masked" : "no mask";
  $(".steps").children[5].querySelector("figcaption").textContent = soft;
};
const tell = (k, i, j) => {
  const [matrix, columns] = STEPS[k][1](),
    across = columns ? `dimension ${j + 1}` : `“${value.names[j]}”`;
  $(".cell").textContent =
    `${$(".steps").children[k].querySelector("figcaption").textContent}, ` +
    `“${value.names[i]}” and ${across}: ${shown(matrix[i * (columns || value.names.length) + j])}`;
};
const drawRow = () => {
  const n = value.names.length,
    weights = rowOf(value.weights, query),
    [scores, after] = [rowOf(value.scores, query), rowOf(scaled(), query)];
  for (const frame of element.querySelectorAll(".steps .frame i"))
    Object.assign(frame.style, { top: `${(100 * query) / n}%`, height: `${100 / n}%` });
  const order = [...weights.keys()].filter((k) => sees(query, k)).sort((a, b) => weights[b] - weights[a]);
  const rows = order.slice(0, LISTED).map((k) => [value.names[k], shown(scores[k]), shown(after[k]), weights[k]]);
  const rest = order.slice(LISTED).reduce((sum, k) => sum + weights[k], 0);
  if (order.length > LISTED) rows.push([`${order.length - LISTED} others`, "", "", rest]);
  $("tbody").replaceChildren(
    ...rows.map(([name, ...cells]) => {
      const row = make("tr"),
        bar = make("td"),
        fill = make("i");
      fill.style.width = `${100 * cells[2]}%`;
      bar.append(fill);
      row.append(
        make("td", {}, name),
        make("td", {}, cells[0]),
        make("td", {}, cells[1]),
        make("td", {}, share(cells[2])),
        bar,
      );
      return row;
    }),
  );
};

// --- all of them

const drawHeads = () => {
  const { layer, head } = value.settings,
    n = value.names.length;
  if (!all || all.key !== keyOfHeads()) return;
  const box = $(".heads");
  if (box.children.length !== all.layers * (all.heads + 1)) {
    box.replaceChildren();
    for (let l = 1; l <= all.layers; l++) {
      box.append(make("span", {}, `layer ${l}`));
      for (let h = 1; h <= all.heads; h++) {
        const button = make("button", { type: "button", "aria-label": `Layer ${l}, head ${h}` });
        button.append(make("canvas"));
        button.addEventListener("click", () => part.request({ layer: l, head: h }));
        box.append(button);
      }
    }
  }
  [...box.querySelectorAll("button")].forEach((button, k) => {
    const own = all.weights.subarray(k * n * n, (k + 1) * n * n);
    drawMatrix(button.firstChild, Array.from(own), n, 255, "--accent");
    button.setAttribute("aria-pressed", String(k === (layer - 1) * all.heads + head - 1));
  });
};
const keyOfHeads = () => `${value.settings.model} ${value.settings.text}`;
const fetchHeads = latestOnly(async () => {
  const key = keyOfHeads();
  if (all?.key === key) return drawHeads();
  const { model, text } = value.settings,
    found = await askOfStage(server.heads, { model, text });
  if (!found) return;
  all = { ...found, key, weights: bytes(found.weights) };
  drawHeads();
});

const draw = () => {
  const { layer, head } = value.settings;
  $(".what").textContent = `Layer ${layer}, head ${head}: who looks at whom`;
  query = value.settings.query;
  drawLine();
  drawSteps();
  drawRow();
  drawHeads();
  $(".same").textContent =
    (value.causal ? "" : "A BERT has no mask: each token sees those after it, too. ") +
    `These steps and PyTorch's scaled_dot_product_attention, on the same Q, K and V, differ by ` +
    `${value.same.toExponential(0)} at most. ${value.note}`;
};
const show = () => {
  if (!props.value?.names) return;
  const before = value;
  value = unpack(props.value);
  const last = value.names.length - 1; // another text, and the last token was chosen: it is the last again
  if (before && before.settings.text !== value.settings.text && before.settings.query === before.names.length - 1)
    if (value.settings.query < last) return choose(last, true);
  draw();
  fetchHeads();
};
const redraw = () => value && draw();
new ResizeObserver(redraw).observe($(".line"));
new MutationObserver(redraw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
loadInitial(show);
