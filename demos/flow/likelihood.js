// Likelihood. value: {settings: {model, pixels, seed}, models {name: title}, kind (what the flow was trained on), kinds {of
// pictures to take: title}, faint (a level of grey), bins (from, to, how many), counts, others (null or counts of test
// digits), bulk [low, high], figures {bits, bits_train, and of a flow of garments bits_other, other_above}}. A judgement:
// {rows: {flow: {bits, nats, percentile (of test pictures that take fewer bits), typical}, or {error}}}
let settings = null,
  value = null,
  rows = null, // the last judgement
  tries = 0; // pictures that were taken
const said = (v) => v.toFixed(v < 9.995 ? 2 : 1);
const likelier = (percentile) =>
  percentile <= 0 ? "all" : percentile >= 100 ? "none" : `${(100 - percentile).toFixed(0)} %`;

const histogram = () => {
  const sized = value && sizedCanvas($(".histogram"));
  if (!sized) return;
  const { context: c, width, height } = sized,
    [low, top, all] = value.bins,
    lists = [value.counts, value.others].filter(Boolean),
    n = Math.min(all, Math.max(...lists.map((counts) => counts.findLastIndex((v) => v > 0))) + 4), // what has any
    high = low + (n * (top - low)) / all,
    step = (width - 14) / n,
    bottom = height - 34,
    place = (v) => 6 + Math.min(1, (v - low) / (high - low)) * n * step,
    shares = lists.map((counts) => {
      const sum = counts.reduce((a, b) => a + b, 0);
      return counts.slice(0, n).map((v) => v / sum);
    }),
    most = Math.max(...shares.flat());
  c.font = "11px system-ui";
  c.fillStyle = colour("--well");
  c.fillRect(place(value.bulk[0]), 14, place(value.bulk[1]) - place(value.bulk[0]), bottom - 14);
  ["--real", "--made"].forEach((ink, which) => {
    c.fillStyle = colour(ink);
    c.globalAlpha = 0.6;
    shares[which]?.forEach((v, k) => {
      const tall = (v / most) * (bottom - 40);
      c.fillRect(6 + k * step, bottom - tall, Math.max(1, step - 0.5), tall);
    });
  });
  c.globalAlpha = 1;
  c.fillStyle = colour("--ink-soft");
  c.strokeStyle = colour("--line");
  c.beginPath();
  c.moveTo(6, bottom);
  c.lineTo(width - 8, bottom);
  c.stroke();
  c.textAlign = "center";
  for (const v of roundTicks(low, high, 5)) c.fillText(String(v), place(v), bottom + 13);
  c.fillText("bits per dimension", width / 2, height - 4);
  c.fillText("middle 90 %", (place(value.bulk[0]) + place(value.bulk[1])) / 2, 10);
  const own = rows?.[settings.model];
  if (!own || own.error) return;
  const x = place(own.bits),
    right = x > width / 2;
  c.strokeStyle = c.fillStyle = colour("--ink");
  c.lineWidth = 2;
  c.beginPath();
  c.moveTo(x, 18);
  c.lineTo(x, bottom);
  c.stroke();
  c.textAlign = right ? "right" : "left";
  c.fillText(own.bits > high ? `your picture: ${said(own.bits)} →` : "your picture", x + (right ? -6 : 6), 27);
  c.lineWidth = 1;
};
const verdict = (own) => {
  const { kind, bulk, figures } = value,
    test = `test ${kind}`;
  $(".score").replaceChildren(said(own.bits), make("span", { class: "hint" }, " bits per dimension"));
  const share = likelier(own.percentile);
  $(".judged").textContent =
    share === "none"
      ? `Less likely than each of the ${test}. `
      : share === "all"
        ? `Likelier than each of the ${test}. `
        : `Likelier than ${share} of ${test}. `;
  $(".judged").append(`log p = ${Math.round(own.nats).toLocaleString("en").replace("-", "−")} nat`);
  const why = own.typical
    ? "Typical ✓ within the middle 90 %"
    : own.bits < bulk[0]
      ? "Not typical ✗ too likely"
      : "Not typical ✗ too unlikely";
  $(".typical").textContent = `${why}: ${test} take ${said(bulk[0])} to ${said(bulk[1])} bits`;
  $(".typical").className = `typical ${own.typical ? "right" : "wrong"}`;
  $(".histogram").setAttribute(
    "aria-label",
    `Histogram of bits per dimension: ${test} ${said(figures.bits)} on average${value.others ? `, test digits ${said(figures.bits_other)}` : ""}; this picture ${said(own.bits)}`,
  );
};
const caption = () => {
  const { kind, figures } = value,
    key = $(".key");
  key.replaceChildren(
    make("b", { class: "real" }, `Test ${kind}`),
    `: ${said(figures.bits)} on average, and ${said(figures.bits_train)} for those of the training.`,
  );
  if (value.others)
    key.append(
      " ",
      make("b", { class: "made" }, "Test digits"),
      `, which this flow never saw: ${said(figures.bits_other)}. In ${inPercent(figures.other_above)} of pairs of a digit and a garment the digit is the likelier.`,
    );
};
const table = () => {
  $(".rows").replaceChildren(
    ...Object.entries(value.models).map(([name, title]) => {
      const one = rows?.[name],
        chosen = name === settings.model,
        button = make("button", { type: "button", role: "radio", "aria-checked": chosen });
      button.append(make("span", { class: "name" }, title));
      if (one?.error) button.append(make("span", {}, "–"), make("span", { class: "soft" }, "not on this machine"));
      else if (one)
        button.append(
          make("span", { class: "bits" }, `${said(one.bits)} bits`),
          make("span", { class: "soft" }, `likelier than ${likelier(one.percentile)}`),
          make(
            "span",
            { class: `verdict-of ${one.typical ? "right" : "wrong"}` },
            one.typical ? "typical ✓" : "not typical ✗",
          ),
        );
      button.addEventListener("click", () => part.request({ ...settings, model: name }));
      return button;
    }),
  );
};
const draw = () => {
  if (!value) return;
  const own = rows?.[settings.model];
  if (own && !own.error) verdict(own);
  histogram();
};
const look = latestOnly(async () => {
  const asked = { ...settings, pixels: base64(board.pixels()) },
    answer = await askOfStage(server.judge, asked);
  if (!answer || asked.model !== settings.model) return;
  settings = { ...settings, pixels: asked.pixels };
  shows(settings);
  rows = answer.rows;
  table();
  draw();
});
const take = async (kind) => {
  const seed = tries++,
    pixels = await ask(server.source, { kind, seed, model: settings.model });
  if (pixels) board.use(bytes(pixels), "example");
};
const board = drawingPad(
  () => {
    const x = board.pixels(),
      grey = x.every((v) => v === x[0]);
    paintPixels($(".input").getContext("2d"), x, 28);
    if (grey) $(".level").value = $(".at").textContent = String(x[0]);
    look();
  },
  () => take("digit").then(() => null),
);
$(".wipe").addEventListener("click", () =>
  board.use(
    board.pixels().map((v) => (v < value.faint ? 0 : v)),
    "hand",
  ),
);
$(".level").addEventListener("input", () => {
  $(".at").textContent = $(".level").value;
  board.use(new Uint8Array(784).fill(+$(".level").value), "example");
});
$(".seed").addEventListener("change", () => {
  settings = { ...settings, seed: Math.floor(+$(".seed").value) };
  look();
});
// Arrow keys move between the flows, as in any group of radio buttons.
$(".rows").addEventListener("keydown", (event) => {
  const way = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!way) return;
  event.preventDefault();
  const buttons = [...$(".rows").children],
    next = buttons[(buttons.indexOf(document.activeElement) + way + buttons.length) % buttons.length];
  next.focus();
});
new ResizeObserver(histogram).observe($(".histogram"));
const show = () => {
  if (!props.value?.counts) return;
  value = props.value;
  settings = { ...value.settings };
  $(".seed").value = settings.seed;
  $(".kinds").replaceChildren(
    ...Object.entries(value.kinds).map(([kind, title]) => {
      const button = make("button", { type: "button" }, title);
      button.addEventListener("click", () => take(kind));
      return button;
    }),
  );
  $(".wipe").title = `All that is fainter than ${value.faint} of 255 becomes black`;
  caption();
  table();
  board.use(bytes(settings.pixels), "example");
};
loadInitial(show);
