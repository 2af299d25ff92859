// Map. value: {settings {embedding, layer, method, attribute}, points (int16 in base64, x before y of each scene),
// classes (int8 in base64), names and inks of these, neighbours {space, plane, chance}, dimension, shares (of the
// variance, by PCA)}
let value = null,
  at = [], // where the scenes are drawn, in pixels
  classes = new Int8Array(),
  captions = [],
  columns = 1,
  measured = null, // {layer, sphere {embedding: {alignment, uniformity}}}
  now = null, // the scene that is looked at
  alone = null, // the class that is shown alone
  moving = 0;
const SIDE = 32, // pixels of a picture
  MOVE = 140, // ms
  map = $(".map"),
  sheet = new Image();

const place = () => {
  const w = map.clientWidth,
    h = map.clientHeight,
    half = Math.min(w, h) / 2 - 12,
    wide = Math.min(w / 2 - 12, 1.5 * half), // the axes have no units: a wide stage is used
    xy = int16s(value.points);
  return Array.from({ length: xy.length / 2 }, (_, k) => [
    w / 2 + (xy[2 * k] / props.edge) * wide,
    h / 2 - (xy[2 * k + 1] / props.edge) * half,
  ]);
};
const dot = (c, k, radius) => {
  c.fillStyle = value.inks[classes[k]];
  c.beginPath();
  c.arc(...at[k], radius, 0, 7);
  c.fill();
  c.stroke();
};
const draw = () => {
  const sized = value && sizedCanvas(map);
  if (!sized) return;
  const c = sized.context;
  c.strokeStyle = colour("--ink-soft");
  c.lineWidth = 0.7;
  at.forEach((_, k) => {
    c.globalAlpha = alone === null || alone === classes[k] ? 0.9 : 0.1;
    dot(c, k, 4.5);
  });
  c.globalAlpha = 1;
  if (now !== null) {
    c.strokeStyle = colour("--accent");
    c.lineWidth = 2.5;
    dot(c, now, 7.5);
  }
};
// From where the scenes were to where they are now.
const move = (still) => {
  const next = place(),
    from = at.length === next.length ? at : next,
    began = performance.now(),
    run = ++moving;
  const step = (time) => {
    if (run !== moving) return;
    const t = still ? 1 : Math.min(1, Math.max(0, (time - began) / MOVE)),
      ease = t * t * (3 - 2 * t);
    at = next.map((p, k) => p.map((v, i) => from[k][i] + (v - from[k][i]) * ease));
    draw();
    if (t < 1) requestAnimationFrame(step);
    else about();
  };
  if (still) step(began);
  else requestAnimationFrame(step);
};
// The picture and its truth, in the corner of the map where they hide the fewest scenes.
const about = () => {
  const card = $(".about");
  card.hidden = now === null || !captions.length;
  if (card.hidden) return;
  const c = $(".seen").getContext("2d");
  if (sheet.complete)
    c.drawImage(sheet, SIDE * (now % columns), SIDE * Math.floor(now / columns), SIDE, SIDE, 0, 0, SIDE, SIDE);
  $(".what").textContent = captions[now];
  const [w, h] = [map.clientWidth - card.offsetWidth, map.clientHeight - card.offsetHeight],
    corners = [
      [w, h],
      [w, 0],
      [0, h],
      [0, 0],
    ];
  const hidden = (/** @type {number[]} */ [left, top]) =>
    at.reduce((sum, [x, y], k) => {
      const inside = x > left - 8 && x < left + card.offsetWidth + 8 && y > top - 8 && y < top + card.offsetHeight + 8;
      return sum + (inside ? (k === now ? 1000 : 1) : 0);
    }, 0);
  const [left, top] = corners.reduce((best, next) => (hidden(next) < hidden(best) ? next : best));
  card.style.left = `${left}px`;
  card.style.top = `${top}px`;
};
const choose = (k) => {
  if (k === now) return;
  now = k;
  draw();
  about();
};
const nearestTo = (x, y, reach, fits = (_p, _k) => true) => {
  let best = null,
    least = reach;
  at.forEach((p, k) => {
    const d = Math.hypot(p[0] - x, p[1] - y);
    if (d < least && (alone === null || alone === classes[k]) && fits(p, k)) [best, least] = [k, d];
  });
  return best;
};
const under = (event) => {
  const box = map.getBoundingClientRect();
  return nearestTo(event.clientX - box.left, event.clientY - box.top, event.pointerType === "touch" ? 28 : 18);
};
map.addEventListener("pointermove", (event) => {
  if (event.pointerType === "touch") return;
  const k = under(event);
  if (k !== null) choose(k);
});
map.addEventListener("click", (event) => choose(under(event)));
map.addEventListener("pointerleave", () => {
  if (document.activeElement !== map) choose(null);
});
map.addEventListener("keydown", (event) => {
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === "Escape") choose(null);
  if (!way || !value) return;
  event.preventDefault();
  if (now === null) return choose(nearestTo(map.clientWidth / 2, map.clientHeight / 2, Infinity));
  const [x, y] = at[now],
    ahead = (p) => (p[0] - x) * way[0] + (p[1] - y) * way[1],
    aside = (p) => Math.abs((p[0] - x) * way[1] + (p[1] - y) * way[0]),
    next = nearestTo(x, y, Infinity, (p, k) => k !== now && ahead(p) > 0.5 && aside(p) < 1.5 * ahead(p));
  if (next !== null) choose(next);
});

const legend = () => {
  const buttons = value.names.map((name, k) => {
    const button = make("button", { type: "button", "aria-pressed": alone === k }),
      swatch = make("i");
    swatch.style.background = value.inks[k];
    button.append(swatch, name);
    button.addEventListener("click", () => {
      alone = alone === k ? null : k;
      if (now !== null && alone !== null && classes[now] !== alone) choose(null);
      [...$(".legend").children].forEach((one, other) => one.setAttribute("aria-pressed", alone === other));
      draw();
    });
    return button;
  });
  $(".legend").replaceChildren(...buttons);
};
const figures = () => {
  const { attribute, method } = value.settings,
    { space, plane, chance } = value.neighbours,
    rows = [
      [`all ${value.dimension.toLocaleString("en")} numbers`, space],
      ["this plane", plane],
      ["chance", chance],
    ];
  $(".bars").replaceChildren(
    ...rows.map(([title, share]) => {
      const row = make("div", { class: title === "chance" ? "row chance" : "row" }),
        well = make("div", { class: "well" }),
        bar = make("i");
      bar.style.width = `${100 * share}%`;
      well.append(bar);
      row.append(make("span", {}, title), well, make("span", { class: "num" }, inPercent(share)));
      return row;
    }),
  );
  const axes = value.shares
    ? ` Across is ${inPercent(value.shares[0])} of the variance, upwards ${inPercent(value.shares[1])}.`
    : "";
  $(".voted").textContent =
    `How often the ${props.near} nearest other scenes, by a vote, name the ${attribute} of a scene; chance always says ` +
    `the commonest. Drawn by ${props.methods[method]}.${axes}`;
};
// Names beside their points, on the side where they have room and no other name is.
const sphere = () => {
  const canvas = $(".sphere"),
    sized = measured && sizedCanvas(canvas);
  if (!sized) return;
  const { context: c, width, height } = sized,
    points = Object.entries(measured.sphere),
    edge = { left: 34, right: 10, top: 10, bottom: 34 },
    span = (key) => {
      const found = points.map(([, one]) => one[key]);
      return [Math.min(0, ...found), Math.max(0, ...found)];
    },
    [[left, right], [low, high]] = [span("alignment"), span("uniformity")],
    x = (v) => edge.left + 8 + ((v - left) / (right - left || 1)) * (width - edge.left - edge.right - 16),
    y = (v) => edge.top + 8 + ((high - v) / (high - low || 1)) * (height - edge.top - edge.bottom - 16),
    minus = (v) => `${v}`.replace("-", "−");
  c.font = "11px system-ui, sans-serif";
  c.fillStyle = colour("--ink-soft");
  c.strokeStyle = colour("--line");
  c.textAlign = "center";
  for (const mark of roundTicks(left, right)) {
    c.fillText(minus(mark), x(mark), height - 20);
    c.strokeRect(x(mark), edge.top, 0, height - edge.top - edge.bottom);
  }
  c.textAlign = "right";
  c.textBaseline = "middle";
  for (const mark of roundTicks(low, high)) {
    c.fillText(minus(mark), edge.left - 6, y(mark));
    c.strokeRect(edge.left, y(mark), width - edge.left - edge.right, 0);
  }
  c.textBaseline = "alphabetic";
  c.fillText("alignment →", width - edge.right, height - 5);
  c.textAlign = "left";
  c.fillText("uniformity ↑", 0, height - 5);
  const taken = points.map(([, one]) => [x(one.alignment) - 6, y(one.uniformity), 12]); // left, middle, width
  c.font = "12px system-ui, sans-serif";
  for (const [name, one] of points) {
    const [across, down] = [x(one.alignment), y(one.uniformity)],
      chosen = name === value.settings.embedding;
    c.fillStyle = colour(chosen ? "--accent" : name in props.plain ? "--noise" : "--real");
    c.beginPath();
    c.arc(across, down, chosen ? 6 : 4.5, 0, 7);
    c.fill();
    const text = props.titles[name],
      wide = c.measureText(text).width,
      spots = [
        [across + 9, down],
        [across - 9 - wide, down],
        ...[-15, 15].map((off) => [across - wide / 2, down + off]),
        ...[-15, 15].flatMap((off) => [across + 4, across - 4 - wide].map((start) => [start, down + off])),
      ],
      cost = (/** @type {number[]} */ [a, b]) =>
        taken.filter(([p, q, long]) => a < p + long && p < a + wide && Math.abs(b - q) < 14).length +
        (a < edge.left || a + wide > width || b < 8 || b > height - edge.bottom ? 10 : 0),
      spot = spots.reduce((best, next) => (cost(next) < cost(best) ? next : best));
    taken.push([...spot, wide]);
    c.fillStyle = colour(chosen ? "--accent" : "--ink");
    c.fillText(text, spot[0], spot[1] + 4);
  }
  const told = points.map(
    ([name, one]) => `${props.titles[name]} ${one.alignment.toFixed(3)} and ${minus(one.uniformity.toFixed(2))}`,
  );
  canvas.setAttribute("aria-label", `Alignment and uniformity: ${told.join("; ")}`);
};
const compare = latestOnly(async (settings) => {
  if (measured?.layer === settings.layer) return;
  const found = await ask(server.compare, settings);
  if (!found) return;
  measured = found;
  $(".of").textContent = `Alignment and uniformity of ${found.layer}`;
  sphere();
});
const pictures = async () => {
  const found = await ask(server.sheet, {});
  if (!found) return;
  ({ columns, captions } = found);
  sheet.src = "data:image/jpeg;base64," + found.shown;
};
const show = () => {
  if (!props.value?.points) return;
  const before = value?.settings;
  value = props.value;
  classes = int8s(value.classes);
  if (before?.attribute !== value.settings.attribute) alone = null;
  legend();
  figures();
  if (measured) sphere();
  compare(value.settings);
  move(!before || matchMedia("(prefers-reduced-motion: reduce)").matches);
};
sheet.addEventListener("load", about);
new ResizeObserver(() => {
  if (!value || !map.clientWidth) return;
  move(true);
  sphere();
}).observe(map);
new MutationObserver(() => {
  draw();
  sphere();
}).observe(document.body, { attributes: true, attributeFilter: ["class"] });
pictures();
loadInitial(show);
