// Layers. value: {settings, models {name: title}, limit, own (the ten digits, bytes)}. The journey of a drawing:
// {layers (N), states (int8, limit = 127: v and what it is after each layer, then what it is as each is undone, 2 N + 1),
// ends (v, and what came back in each precision, bytes), off (their errors, int8, 8 levels of grey = 127), changed, reach (a mask a
// line, a bit a number), lines [{name, scale, bits, nats, count}], about [[mean, deviation] of each state], errors
// {precision: the largest difference to the way there after each step back}}
const side = 28,
  area = side * side,
  LEVELS = 256;
let settings = null,
  start = null,
  way = null, // the journey, with its arrays unpacked
  place = 0,
  timer = null;
const minus = (text) => text.replace("-", "−");
const signedBits = (v) => (Math.abs(v) < 5e-4 ? "0" : minus(`${v > 0 ? "+" : ""}${v.toFixed(3)}`));
const precise = (v) => minus(v < 1e-3 ? v.toExponential(1) : v.toPrecision(2));
const rgb = (name) =>
  colour(name)
    .match(/\w\w/g)
    .map((h) => parseInt(h, 16));
// The ink of a signed number t in [-1, 1]: blue, white, orange.
const signedInk = () => {
  const ends = [rgb("--real"), rgb("--made")];
  return (t) => ends[+(t > 0)].map((c) => 255 + (c - 255) * Math.min(1, Math.abs(t)));
};
const paint = (canvas, inkAt) => {
  const context = canvas.getContext("2d"),
    image = context.createImageData(side, side);
  for (let i = 0; i < area; i++) image.data.set([...inkAt(i), 255], 4 * i);
  context.putImageData(image, 0, 0);
};
const paintSigned = (canvas, list, k) => {
  const ink = signedInk();
  paint(canvas, (i) => ink(list[k * area + i] / 127));
};
const paintGrey = (canvas, list, k) => paint(canvas, (i) => Array(3).fill(list[k * area + i]));
const bit = (list, k, i) => (list[(k * area) / 8 + (i >> 3)] >> (7 - (i & 7))) & 1;

// The layer that was passed last, there or back; 0 before the first one.
const layerAt = (p) => (p <= way.layers ? p : 2 * way.layers - p + 1);
const precisions = () => Object.keys(way.errors);
const endAt = (p) => (p === 0 ? 0 : p === 2 * way.layers ? 1 + precisions().indexOf(settings.precision) : -1);

const draw = () => {
  if (!way) return;
  const n = way.layers,
    k = layerAt(place),
    back = place > n,
    line = way.lines[k],
    end = endAt(place);
  if (end < 0) paintSigned($(".state"), way.states, place);
  else paintGrey($(".state"), way.ends, end);
  const [changes, stays, latent] = ["--made", "--real", "--noise"].map(rgb);
  paint($(".mask"), (i) => (bit(way.changed, k, i) ? changes : bit(way.reach, k, i) ? stays : latent));
  const where =
    place === 0
      ? "v, the picture with its noise"
      : place === 2 * n
        ? "What came back"
        : place === n
          ? `z, after layer ${n}: ${line.name}`
          : back
            ? `Layer ${k} of ${n} undone: ${line.name}`
            : `After layer ${k} of ${n}: ${line.name}`;
  $(".where").textContent = where;
  const left = way.reached[k] - line.count;
  $(".does").textContent =
    (k === 0
      ? "784 numbers (level + u) / 256, u uniform"
      : line.count
        ? `Changes ${line.count} numbers${left ? `, given the ${left} others` : ""}`
        : "Moves numbers to channels and changes none") +
    (way.reached[k] < area ? `; ${area - way.reached[k]} are latent already.` : ".");
  const bold = (text) => make("b", {}, text);
  if (back) {
    const error = way.errors[settings.precision][place - n - 1];
    const told = place === 2 * n ? ["That is ", bold(`${+(LEVELS * error).toPrecision(2)}`), " levels of grey."] : [];
    $(".adds").replaceChildren(
      `${settings.precision}: off the way there by at most `,
      bold(precise(error)),
      ". ",
      ...told,
    );
  } else {
    $(".adds").replaceChildren(
      "Its line: ",
      bold(`${signedBits(line.bits)} bits`),
      `, sum ${minus(way.sums[k].toFixed(3))}. `,
    );
    const prior = way.lines[n + 1];
    if (place === n)
      $(".adds").append(
        "And z’s own, by the prior: ",
        bold(signedBits(prior.bits)),
        ". Together ",
        bold(`${way.total.toFixed(3)} bits per dimension`),
        ".",
      );
  }
  const [mean, deviation] = way.about[place];
  $(".is").textContent =
    `Numbers now: mean ${minus(mean.toFixed(2))}, standard deviation ${deviation.toFixed(2)}. ${end < 0 ? `Blue: below 0, orange: above, full at ±${start.limit}.` : "Shown in grey."}`;
  $(".state").setAttribute(
    "aria-label",
    `${where}: mean ${mean.toFixed(2)}, standard deviation ${deviation.toFixed(2)}`,
  );
  $(".mask").setAttribute(
    "aria-label",
    `The mask: ${line.count} numbers change, ${left} stay, ${area - way.reached[k]} are latent already`,
  );
  $(".at").value = place;
  $(".at").setAttribute("aria-valuetext", where);
  const thumbs = [...$(".strip").children],
    shown = back ? k - 1 : k; // the state there that this one shall be
  thumbs.forEach((thumb, i) => thumb.setAttribute("aria-pressed", i === shown));
  const strip = $(".strip"),
    thumb = thumbs[shown];
  if (thumb) strip.scrollLeft = thumb.offsetLeft - strip.offsetLeft - strip.clientWidth / 2 + 30;
  drawLedger();
  drawGrowth();
};

// Columns from sum to sum. The first, which comes from 0 to 8, is cut: so is what is above all the others.
const columns = (width) => [34, (width - 40) / way.lines.length];
const drawLedger = () => {
  const sized = sizedCanvas($(".ledger"));
  if (!sized) return;
  const { context: c, width, height } = sized,
    rest = way.sums.slice(1),
    low = Math.min(0, ...rest),
    high = Math.max(0, ...rest),
    [margin, step] = columns(width),
    y = (v) => 20 + ((high + 0.12 * (high - low) - v) / (1.16 * (high - low))) * (height - 26),
    now = place > way.layers ? layerAt(place) : place;
  c.font = "11px system-ui";
  c.fillStyle = colour("--well");
  c.fillRect(margin + now * step, 0, step, height);
  if (place === way.layers) c.fillRect(margin + (now + 1) * step, 0, step, height);
  c.textAlign = "right";
  c.textBaseline = "middle";
  c.strokeStyle = colour("--line");
  c.fillStyle = colour("--ink-soft");
  for (const v of roundTicks(low, high, 5)) {
    c.beginPath();
    c.moveTo(margin, y(v));
    c.lineTo(width, y(v));
    c.stroke();
    c.fillText(minus(String(v)), margin - 5, y(v));
  }
  way.lines.forEach(({ bits }, k) => {
    const [from, to] = [k ? way.sums[k - 1] : 0, way.sums[k]].map((v) => Math.max(0, Math.min(height, y(v))));
    c.fillStyle = colour(bits > 0 ? "--made" : "--real");
    c.fillRect(margin + k * step + 1, Math.min(from, to), Math.max(1, step - 2), Math.max(1.5, Math.abs(to - from)));
  });
  c.fillStyle = colour("--ink");
  c.textAlign = "left";
  c.fillText("↑ 8", margin + 2 * step + 2, 9);
  c.textAlign = "right";
  c.fillText(`${way.total.toFixed(2)} bits`, width - step - 12, Math.max(9, y(way.total)));
};
const drawGrowth = () => {
  const sized = sizedCanvas($(".growth"));
  if (!sized) return;
  const { context: c, width, height } = sized,
    n = way.layers,
    all = Object.values(way.errors)
      .flat()
      .filter((v) => v > 0),
    low = Math.floor(Math.log10(Math.min(1e-7, ...all))),
    high = Math.ceil(Math.log10(Math.max(0.1, ...all))),
    x = (b) => 46 + ((b - 1) / Math.max(1, n - 1)) * (width - 130),
    y = (v) => 8 + ((high - Math.log10(Math.max(v, 10 ** low))) / (high - low)) * (height - 34);
  c.font = "11px system-ui";
  c.textBaseline = "middle";
  c.textAlign = "right";
  c.strokeStyle = colour("--line");
  for (let p = high; p >= low; p -= high - low > 10 ? 4 : 2) {
    c.fillStyle = colour("--ink-soft");
    c.fillText(minus(`1e${p}`), 40, y(10 ** p));
    c.beginPath();
    c.moveTo(46, y(10 ** p));
    c.lineTo(width - 84, y(10 ** p));
    c.stroke();
  }
  if (place > n) {
    c.strokeStyle = colour("--accent");
    c.beginPath();
    c.moveTo(x(place - n), 4);
    c.lineTo(x(place - n), height - 24);
    c.stroke();
  }
  for (const [name, ink] of [
    ["float64", "--noise"],
    ["float32", "--real"],
    ["bfloat16", "--made"],
  ]) {
    const values = way.errors[name];
    c.strokeStyle = colour(ink);
    c.lineWidth = name === settings.precision ? 2.5 : 1.25;
    c.beginPath();
    values.forEach((v, k) => c.lineTo(x(k + 1), y(v)));
    c.stroke();
    c.fillStyle = colour("--ink");
    c.textAlign = "left";
    c.fillText(name, x(n) + 6, y(values[n - 1]));
  }
  c.fillStyle = colour("--ink-soft");
  c.fillText("z", 46, height - 10);
  c.textAlign = "right";
  c.fillText("v", x(n), height - 10);
  c.lineWidth = 1;
};

const go = (to) => {
  place = Math.max(0, Math.min(2 * way.layers, to));
  settings = { ...settings, place };
  shows(settings);
  draw();
};
const halt = () => {
  clearInterval(timer);
  timer = null;
  $(".play").textContent = "Play";
};
const lay = () => {
  const strip = $(".strip");
  if (strip.children.length === way.layers + 1) return;
  strip.replaceChildren(
    ...Array.from({ length: way.layers + 1 }, (_, k) => {
      const button = make("button", { type: "button", "aria-pressed": "false" });
      button.append(make("canvas", { class: "pixels", width: side, height: side }));
      button.addEventListener("click", () => {
        halt();
        go(k);
      });
      return button;
    }),
  );
  $(".at").max = 2 * way.layers;
};
const table = () => {
  const head = make("tr");
  for (const title of ["layer", "changes", "nats", "bits", "sum"]) head.append(make("th", {}, title));
  const rows = way.lines.map(({ name, count, nats, bits }, k) => {
    const row = make("tr");
    for (const cell of [name, String(count), minus(nats.toFixed(1)), signedBits(bits), minus(way.sums[k].toFixed(3))])
      row.append(make("td", {}, cell));
    return row;
  });
  $("table").replaceChildren(head, ...rows);
};
// What a journey shows at every place.
const settle = () => {
  lay();
  [...$(".strip").children].forEach((button, k) => {
    const name = k ? `after layer ${k}, ${way.lines[k].name}` : "v, the picture";
    button.setAttribute("aria-label", `State ${name}`);
    if (k) paintSigned(button.firstChild, way.states, k);
    else paintGrey(button.firstChild, way.ends, 0);
  });
  element.querySelectorAll(".end").forEach((canvas, k) => paintGrey(canvas, way.ends, k));
  element.querySelectorAll(".off").forEach((canvas, k) => {
    const name = precisions()[k],
      error = LEVELS * way.errors[name][way.layers - 1],
      said = `off by ${+error.toPrecision(2)} ${error === 1 ? "level" : "levels"}`;
    paintSigned(canvas, way.off, k);
    canvas.setAttribute("aria-label", `Its error in ${name}: at most ${+error.toPrecision(2)} of 256 levels of grey`);
    canvas.nextElementSibling.textContent = said;
  });
  const changed = way.lines.slice(1, -1).reduce((sum, { bits }) => sum + bits, 0),
    prior = way.lines[way.layers + 1].bits;
  $(".sum").textContent =
    `8 ${changed < 0 ? "−" : "+"} ${Math.abs(changed).toFixed(3)} (all layers’ log |det J|) ${prior < 0 ? "−" : "+"} ${Math.abs(prior).toFixed(3)} (the prior) = ${minus(way.total.toFixed(3))} bits per dimension. ` +
    "Blue: space is stretched, which takes bits; orange: it shrinks, or z is far out.";
  $(".ledger").setAttribute(
    "aria-label",
    `The ledger, ${way.lines.length} lines, which add up to ${way.total.toFixed(3)} bits per dimension`,
  );
  $(".growth").setAttribute(
    "aria-label",
    "Largest error on the way back: " +
      precisions()
        .map((name) => `${name} ${precise(way.errors[name][way.layers - 1])} at the end`)
        .join(", "),
  );
  table();
  place = Math.min(settings.place, 2 * way.layers);
  draw();
};
const look = latestOnly(async () => {
  const asked = { ...settings, pixels: base64(board.pixels()) },
    answer = await askOfStage(server.travel, asked);
  if (!answer || asked.model !== settings.model) return;
  settings = { ...settings, pixels: asked.pixels };
  let sum = 0;
  const sums = answer.lines.map(({ bits }) => (sum += bits)),
    reach = bytes(answer.reach);
  way = {
    ...answer,
    states: int8s(answer.states),
    ends: bytes(answer.ends),
    off: int8s(answer.off),
    changed: bytes(answer.changed),
    reach,
    reached: answer.lines.map((_, k) =>
      Array.from({ length: area }, (_, i) => bit(reach, k, i)).reduce((a, b) => a + b),
    ),
    sums,
    total: sum,
  };
  settings.place = Math.min(settings.place, 2 * way.layers);
  shows(settings);
  settle();
});
const board = drawingPad(
  () => look(),
  (n) => ask(server.example, { digit: n % 10 }),
);
const change = (more) => {
  halt();
  settings = { ...settings, ...more };
  marks();
  look();
};
const marks = () =>
  element
    .querySelectorAll(".back button")
    .forEach((button) => button.setAttribute("aria-pressed", button.dataset.precision === settings.precision));
$(".at").addEventListener("input", () => {
  halt();
  if (way) go(+$(".at").value);
});
$(".play").addEventListener("click", () => {
  if (timer) return halt();
  if (!way) return;
  if (place >= 2 * way.layers) go(0);
  $(".play").textContent = "Stop";
  timer = setInterval(() => {
    if (!$(".play").isConnected) return halt();
    go(place + 1);
    if (place >= 2 * way.layers) halt();
  }, 250);
});
$(".ledger").addEventListener("click", (event) => {
  if (!way) return;
  const [margin, step] = columns($(".ledger").clientWidth);
  halt();
  go(Math.max(0, Math.min(way.layers, Math.floor((event.offsetX - margin) / step))));
});
$(".ledger").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by || !way) return;
  event.preventDefault();
  halt();
  go(Math.max(0, Math.min(way.layers, place + by)));
});
$(".model").addEventListener("change", () => change({ model: $(".model").value }));
$(".seed").addEventListener("change", () => {
  const value = Math.floor(+$(".seed").value);
  change({ seed: Number.isFinite(value) ? value : settings.seed });
});
for (const button of element.querySelectorAll(".back button"))
  button.addEventListener("click", () => change({ precision: button.dataset.precision }));
for (const name of ["ledger", "growth"])
  new ResizeObserver(() => way && (name === "ledger" ? drawLedger() : drawGrowth())).observe($(`.${name}`));
const ours = () =>
  Array.from({ length: 10 }, (_, digit) => {
    const button = make("button", { type: "button", "aria-label": `Our own ${digit}` }),
      canvas = make("canvas", { class: "pixels", width: side, height: side });
    paintGrey(canvas, bytes(start.own), digit);
    button.append(canvas);
    button.addEventListener("click", () => {
      halt();
      board.use(bytes(start.own).slice(digit * area, (digit + 1) * area), "example");
    });
    return button;
  });
const show = () => {
  if (!props.value?.own) return;
  if (!start) {
    start = props.value;
    $(".own").replaceChildren(...ours());
    $(".model").replaceChildren(
      ...Object.entries(start.models).map(([value, title]) => make("option", { value }, title)),
    );
  }
  halt();
  settings = { ...props.value.settings };
  $(".model").value = settings.model;
  $(".seed").value = settings.seed;
  marks();
  board.use(bytes(settings.pixels), "example");
};
loadInitial(show);
