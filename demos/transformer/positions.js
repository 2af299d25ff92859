// Positions. value: {settings: {kind, text, shuffled, seed, head}, kinds {kind: title}, said (how they enter), trained (a
// length), heads, bin (positions of a point of a curve), field {values (int16, [trained, trained]), largest, title},
// encodings (null or {values, columns, largest, title}), curves {kind: [loss] or null}, read (what of the text is read),
// moved (null or that with its words shuffled), before, after (null or [[character, p]]), distance (null or a number),
// held_out [loss after 64 characters, loss with their words shuffled] (null where it was not measured)}
let value = null,
  pairs = null; // the numbers of the field
const request = latestOnly((changes) => value && part.request({ ...value.settings, ...changes }));

// Signed numbers in [-1, 1]: blue, the card, orange.
const rgb = (name) => {
  const hex = colour(name).slice(1);
  return [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16));
};
const paintSigned = (canvas, values, rows, columns, masked) => {
  const [low, middle, high, none] = ["--real", "--card", "--made", "--well"].map(rgb),
    image = new ImageData(columns, rows);
  for (let k = 0; k < rows * columns; k++) {
    const t = Math.max(-1, Math.min(1, values[k] / 32767)),
      end = t < 0 ? low : high,
      hidden = masked && k % columns > Math.floor(k / columns);
    for (let c = 0; c < 3; c++)
      image.data[4 * k + c] = hidden ? none[c] : middle[c] + Math.abs(t) * (end[c] - middle[c]);
    image.data[4 * k + 3] = 255;
  }
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext("2d").putImageData(image, 0, 0);
};
const pairOf = (event) => {
  const box = event.target.getBoundingClientRect(),
    n = value.trained,
    [j, i] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((t) =>
      Math.max(0, Math.min(n - 1, Math.floor(t * n))),
    );
  const said = (v) => v.toFixed(Math.abs(v) < 10 ? 2 : 1).replace("-", "−");
  return j > i
    ? `${i + 1} does not look at ${j + 1}: it comes later`
    : `${i + 1} looks at ${j + 1}: ${said((pairs[i * n + j] / 32767) * value.field.largest)}`;
};
const resting = () => {
  $(".pointed").textContent = "Row: who looks. Column: at whom. Grey: masked.";
};
const fields = () => {
  const { field, encodings, trained } = value;
  pairs = int16s(field.values);
  paintSigned($(".field-canvas"), pairs, trained, trained, true);
  $(".field-canvas").setAttribute("aria-label", `${field.title}, of ${trained} positions and those before them`);
  $(".title-field").textContent = field.title;
  $(".own").hidden = !encodings;
  if (!encodings) return;
  paintSigned($(".own-canvas"), int16s(encodings.values), trained, encodings.columns, false);
  $(".own-canvas").setAttribute("aria-label", encodings.title);
  $(".title-own").textContent = encodings.title;
};
const listOf = (name, text, rows, moved) => {
  const box = make("div", moved ? { class: "moved" } : {}),
    of = make("p", { class: "of" }, text),
    most = Math.max(...value.before.map(([, p]) => p), ...(value.after ?? []).map(([, p]) => p));
  of.prepend(make("b", {}, name));
  box.append(of);
  for (const [character, p] of rows) {
    const row = make("div", { class: "bar" }),
      bar = make("i");
    bar.style.width = `${(100 * p) / most}%`;
    row.append(make("span", {}, character), bar, make("span", { class: "num" }, shareOf(p)));
    box.append(row);
  }
  return box;
};
const lists = () => {
  const { read, moved, before, after, distance, settings, held_out, trained } = value,
    [last, shuffled] = held_out,
    cut = settings.text.length - read.length,
    name = cut ? `In order, the last ${read.length} of ${settings.text.length} characters` : "In order";
  $(".lists").replaceChildren(
    listOf(name, read, before, false),
    ...(after ? [listOf("Shuffled", moved, after, true)] : []),
  );
  $(".distance").textContent = distance === null ? "" : `total variation distance ${distance.toFixed(3)}`;
  $(".worth").textContent =
    last == null
      ? ""
      : `On held-out text the character after ${trained} costs ${last.toFixed(2)} nat, and ${shuffled.toFixed(2)} nat once the words before it are shuffled.`;
};
// Labels at the ends of lines, moved apart where they would stand on one another: [{y}] from top to bottom.
const apart = (labels, gap, bottom) => {
  labels.sort((a, b) => a.y - b.y);
  labels.forEach((label, k) => {
    if (k) label.y = Math.max(label.y, labels[k - 1].y + gap);
  });
  [...labels].reverse().forEach((label, k, all) => {
    label.y = Math.min(label.y, k ? all[k - 1].y - gap : bottom);
  });
};
const plot = () => {
  const sized = value && sizedCanvas($(".plot"));
  if (!sized) return;
  const { context: c, width, height } = sized,
    { curves, kinds, bin, trained, settings } = value,
    // the first point, of the beginnings of texts, is high for all, and would leave no room for the others
    lines = Object.entries(curves).flatMap(([kind, values]) => (values ? [{ kind, values: values.slice(1) }] : []));
  if (!lines.length) {
    $(".plotted").textContent = "The losses by position are not on this machine.";
    return;
  }
  const seen = lines.flatMap(({ values }) => values),
    longest = bin * (1 + Math.max(...lines.map(({ values }) => values.length))),
    high = Math.max(...seen),
    low = Math.min(...seen) - 0.16 * (high - Math.min(...seen)), // room for a word below the lines
    [left, right, top, bottom] = [30, width - 106, 10, height - 34],
    x = (position) => left + (position / longest) * (right - left),
    y = (loss) => bottom - ((loss - low) / (high - low || 1)) * (bottom - top),
    at = (k) => bin * (k + 1) + (bin + 1) / 2;
  c.font = "11px system-ui";
  c.lineWidth = 1;
  c.textBaseline = "middle";
  c.textAlign = "right";
  for (const loss of roundTicks(low, high, 5)) {
    c.strokeStyle = colour("--line");
    c.beginPath();
    c.moveTo(left, y(loss));
    c.lineTo(right, y(loss));
    c.stroke();
    c.fillStyle = colour("--ink-soft");
    c.fillText(String(loss), left - 5, y(loss));
  }
  c.textAlign = "center";
  for (const position of [1, ...Array.from({ length: longest / trained }, (_, k) => trained * (k + 1))])
    c.fillText(String(position), x(position), bottom + 12);
  c.fillText("position of the character", (left + right) / 2, height - 7);
  c.strokeStyle = colour("--ink-soft");
  c.setLineDash([4, 4]);
  c.beginPath();
  c.moveTo(x(trained), top);
  c.lineTo(x(trained), bottom);
  c.stroke();
  c.setLineDash([]);
  c.textAlign = "left";
  c.fillText(`trained to ${trained}`, x(trained) + 5, top + 2);
  const chosen = (kind) => kind === settings.kind;
  lines.sort((a, b) => Number(chosen(a.kind)) - Number(chosen(b.kind))); // the chosen one on top
  for (const { kind, values } of lines) {
    c.strokeStyle = colour(chosen(kind) ? "--made" : "--noise");
    c.lineWidth = chosen(kind) ? 2.5 : 1.5;
    c.beginPath();
    values.forEach((loss, k) => c.lineTo(x(at(k)), y(loss)));
    c.stroke();
  }
  const labels = lines.map(({ kind, values }) => ({
    kind,
    y: y(values.at(-1)),
    ends: bin * (values.length + 1) < longest,
    loss: values.at(-1),
  }));
  const beside = labels.filter(({ ends }) => !ends);
  apart(beside, 14, bottom);
  for (const { kind, y: row, loss, ends } of labels) {
    c.fillStyle = colour(chosen(kind) ? "--made-ink" : "--ink-soft");
    if (!ends) c.fillText(`${kinds[kind]} ${loss.toFixed(2)}`, right + 8, row);
    else {
      c.beginPath();
      c.arc(x(trained), row, 3.5, 0, 7);
      c.fill();
      c.fillText(`${kinds[kind]}: no embedding beyond ${trained}`, x(trained) + 8, bottom - 7);
    }
  }
  const said = lines.map(({ kind, values }) => `${kinds[kind]} ${values.at(-1).toFixed(2)}`).join(", ");
  $(".plot").setAttribute("aria-label", `Loss by position, up to ${longest}; at the end: ${said} nat`);
  $(".plotted").textContent =
    `Held-out text in windows of ${longest} characters, means of ${bin} positions, from the ${bin + 1}th on. All five were trained on windows of ${trained}.`;
};
const controls = () => {
  const { kinds, settings, heads } = value;
  if (!$(".kinds").children.length)
    $(".kinds").replaceChildren(
      ...Object.entries(kinds).map(([kind, title]) => {
        const button = make("button", { type: "button", role: "radio", "data-kind": kind }, title);
        button.addEventListener("click", () => request({ kind }));
        return button;
      }),
    );
  for (const button of $(".kinds").children)
    button.setAttribute("aria-checked", String(button.dataset.kind === settings.kind));
  $(".about").textContent = value.said;
  $(".head").hidden = settings.kind !== "alibi";
  $(".which").max = heads;
  $(".which").value = $(".at").textContent = settings.head;
  if (document.activeElement !== $(".prompt")) $(".prompt").value = settings.text;
  $(".shuffle").checked = settings.shuffled;
  if (document.activeElement !== $(".seed")) $(".seed").value = settings.seed;
  $(".order").hidden = $(".again").hidden = !settings.shuffled;
};
const draw = () => {
  if (!value) return;
  fields();
  plot();
};
const show = () => {
  if (!props.value?.field) return;
  value = props.value;
  controls();
  lists();
  resting();
  draw();
};
let waiting = null;
for (const event of ["input", "change"])
  $(".prompt").addEventListener(event, () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => request({ text: $(".prompt").value }), 150);
  });
$(".which").addEventListener("input", () => {
  $(".at").textContent = $(".which").value;
  request({ head: +$(".which").value });
});
$(".shuffle").addEventListener("change", () => request({ shuffled: $(".shuffle").checked }));
$(".seed").addEventListener("change", () => request({ seed: Math.floor(+$(".seed").value) }));
$(".again").addEventListener("click", () => request({ seed: value.settings.seed + 1 }));
$(".field-canvas").addEventListener("pointermove", (event) => {
  if (value) $(".pointed").textContent = pairOf(event);
});
$(".field-canvas").addEventListener("pointerleave", resting);
// Arrow keys move between the kinds, as in any group of radio buttons.
$(".kinds").addEventListener("keydown", (event) => {
  const way = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!way) return;
  event.preventDefault();
  const buttons = [...$(".kinds").children],
    next = buttons[(buttons.indexOf(document.activeElement) + way + buttons.length) % buttons.length];
  next.focus();
  next.click();
});
new ResizeObserver(plot).observe($(".plot"));
new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] }); // light or dark
loadInitial(show);
