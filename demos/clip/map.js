// Map. value: {settings, models, dimension, menus, scenes, classes, names, inks, points, diamonds, share, gap, alike,
// texts: [{text, unknown}]}: where pictures and texts lie, and the class of every picture.
let value = null,
  at = [],
  texts = [],
  now = null,
  pinned = false,
  alone = null,
  moving = 0,
  found = null;
const map = $(".map"),
  ctx = map.getContext("2d"),
  MENUS = ["which", "attribute", "axes", "drawn"],
  sheets = {};
const asked = () => ({
  model: $(".model").value,
  texts: $(".texts").value,
  together: +$(".together").checked,
  ...Object.fromEntries(MENUS.map((name) => [name, $("." + name).value])),
});
const inkOf = (c) => value.inks[c] ?? colour("--noise");
const per = (v) => `${(100 * v).toFixed(0)}\u00a0%`;

// Coordinates -> pixels of the canvas, the same scale both ways, so that distances are true.
const place = () => {
  const w = map.clientWidth,
    h = map.clientHeight,
    every = [...value.points, ...value.diamonds],
    edge = w < 500 ? 30 : 54;
  const [low, high] = [Math.min, Math.max].map((pick) => [0, 1].map((k) => pick(...every.map((row) => row[k]))));
  const scale = Math.min(
    (w - 2 * edge) / Math.max(1e-6, high[0] - low[0]),
    (h - 60) / Math.max(1e-6, high[1] - low[1]),
  );
  const to = ([x, y]) => [w / 2 + scale * (x - (low[0] + high[0]) / 2), h / 2 - scale * (y - (low[1] + high[1]) / 2)];
  return [value.points.map(to), value.diamonds.map(to)];
};
const dot = (k, r) => {
  const [x, y] = at[k];
  ctx.fillStyle = inkOf(value.classes[k]);
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 7);
  ctx.fill();
  ctx.stroke();
};
const small = (k, side) => {
  const sheet = sheets[value.settings.which],
    [x, y] = at[k];
  ctx.drawImage(
    sheet.image,
    (k % 20) * sheet.tile,
    Math.floor(k / 20) * sheet.tile,
    sheet.tile,
    sheet.tile,
    x - side / 2,
    y - side / 2,
    side,
    side,
  );
  ctx.strokeRect(x - side / 2, y - side / 2, side, side);
};
// Each name beside its diamond, on the side where it covers least of what is written already.
const names = () => {
  const w = map.clientWidth,
    h = map.clientHeight,
    taken = texts.map(([x, y]) => [x - 8, y - 8, 16, 16]);
  const over = (a, b) =>
    Math.max(0, Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0])) *
    Math.max(0, Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]));
  ctx.font = "600 12px system-ui, sans-serif";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  texts.forEach(([x, y], k) => {
    const text = value.texts[k].text.length > 34 ? value.texts[k].text.slice(0, 33) + "…" : value.texts[k].text,
      wide = ctx.measureText(text).width;
    const boxes = [
      [x + 11, y - 8],
      [x - 11 - wide, y - 8],
      [x - wide / 2, y - 26],
      [x - wide / 2, y + 10],
      [x + 9, y - 22],
      [x + 9, y + 8],
      [x - 9 - wide, y - 22],
      [x - 9 - wide, y + 8],
    ].map(([a, b]) => [a, b, wide, 16]);
    const cost = (box) =>
      taken.reduce((sum, other) => sum + over(box, other), 0) +
      50 * Math.max(0, -box[0], box[0] + wide - w, -box[1], box[1] + 16 - h);
    const box = boxes.reduce((best, next) => (cost(next) < cost(best) - 1 ? next : best));
    taken.push(box);
    ctx.strokeStyle = colour("--card");
    ctx.lineWidth = 4;
    ctx.strokeText(text, box[0], box[1] + 8);
    ctx.fillStyle = colour("--ink");
    ctx.fillText(text, box[0], box[1] + 8);
  });
};
const draw = () => {
  if (!value || !map.clientWidth) return;
  const ratio = window.devicePixelRatio || 1,
    w = map.clientWidth,
    h = map.clientHeight,
    said = value.texts.map((t) => t.text.toLowerCase().split(/[^\p{L}\d]+/u));
  if (map.width !== Math.round(w * ratio) || map.height !== Math.round(h * ratio)) {
    map.width = Math.round(w * ratio);
    map.height = Math.round(h * ratio);
  }
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, h);
  const tiny = value.settings.drawn === "pictures" && sheets[value.settings.which];
  at.forEach((_, k) => {
    ctx.globalAlpha = alone === null || alone === value.classes[k] ? (tiny ? 1 : 0.85) : 0.1;
    ctx.strokeStyle = colour("--ink-soft");
    ctx.lineWidth = 0.7;
    if (tiny) small(k, w < 500 ? 16 : 22);
    else dot(k, 4.5);
  });
  ctx.globalAlpha = 1;
  if (now !== null && found?.scene === value.scenes[now]) {
    ctx.strokeStyle = colour("--ink-soft");
    ctx.lineWidth = 1.2;
    for (const [k] of found.nearest) {
      ctx.beginPath();
      ctx.moveTo(...at[now]);
      ctx.lineTo(...texts[k]);
      ctx.stroke();
    }
  }
  texts.forEach(([x, y], k) => {
    const of = value.names
      .map((name, c) => c)
      .filter((c) => said[k].some((word) => word === value.names[c] || word === value.names[c] + "s"));
    ctx.fillStyle = of.length === 1 ? inkOf(of[0]) : colour("--card");
    ctx.strokeStyle = colour("--ink");
    ctx.lineWidth = 2;
    ctx.beginPath();
    ctx.moveTo(x, y - 9);
    ctx.lineTo(x + 9, y);
    ctx.lineTo(x, y + 9);
    ctx.lineTo(x - 9, y);
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  });
  names();
  if (now !== null) {
    ctx.strokeStyle = colour("--accent");
    ctx.lineWidth = 2.5;
    if (tiny) {
      small(now, 34);
      ctx.strokeRect(at[now][0] - 17, at[now][1] - 17, 34, 34);
    } else dot(now, 7);
  }
};
// From where they were to where they belong, if they are the same pictures and texts.
const move = (same) => {
  const [next, nextTexts] = place(),
    from = at,
    fromTexts = texts,
    began = performance.now(),
    run = ++moving;
  const still = !same || matchMedia("(prefers-reduced-motion: reduce)").matches;
  const step = (time) => {
    if (run !== moving) return;
    const t = still ? 1 : Math.min(1, Math.max(0, (time - began) / 500)),
      ease = t * t * (3 - 2 * t);
    const mix = (a, b) => b.map((p, k) => p.map((v, i) => (a[k] ?? p)[i] + (v - (a[k] ?? p)[i]) * ease));
    at = still ? next : mix(from, next);
    texts = still ? nextTexts : mix(fromTexts, nextTexts);
    draw();
    put();
    if (t < 1) requestAnimationFrame(step);
  };
  if (still) step(began);
  else requestAnimationFrame(step);
};
// The card stands in the corner of the map where it hides least, and never on the picture or the texts it speaks of.
const put = () => {
  const about = $(".about");
  about.hidden = now === null || found?.scene !== value.scenes[now];
  if (about.hidden) return;
  const w = map.clientWidth,
    h = map.clientHeight,
    wide = about.offsetWidth,
    high = about.offsetHeight,
    near = [at[now], ...found.nearest.map(([k]) => texts[k])];
  const hidden = (/** @type {number[]} */ [left, top]) => {
    const inside = (p) => p[0] > left - 10 && p[0] < left + wide + 10 && p[1] > top - 10 && p[1] < top + high + 10;
    return at.filter(inside).length + 10 * texts.filter(inside).length + 1000 * near.filter(inside).length;
  };
  const corners = [
    [w - wide, h - high],
    [w - wide, 0],
    [0, h - high],
    [0, 0],
  ];
  const [left, top] = corners.reduce((best, next) => (hidden(next) < hidden(best) ? next : best));
  about.style.left = `${left}px`;
  about.style.top = `${top}px`;
};
const describe = latestOnly(async () => {
  if (now === null) return;
  const next = await askOfStage(server.look, { ...asked(), scene: value.scenes[now] });
  if (!next) return;
  found = next;
  $(".seen").src = "data:image/jpeg;base64," + next.shown;
  $(".seen").alt = next.caption;
  $(".what").textContent = next.caption;
  $(".nearest").replaceChildren(
    ...next.nearest.map(([k, cosine]) =>
      make("li", {}, `${value.texts[k]?.text ?? ""} ${cosine.toFixed(2).replace("-", "−")}`),
    ),
  );
  draw();
  put();
});
const choose = (k) => {
  if (k === now) return;
  now = k;
  draw();
  put();
  describe();
};
const nearestTo = (x, y, reach, fits = (_place, _k) => true) => {
  let best = null,
    least = reach;
  at.forEach((p, k) => {
    const d = Math.hypot(p[0] - x, p[1] - y);
    if (d < least && fits(p, k)) {
      best = k;
      least = d;
    }
  });
  return best;
};
const under = (event) => {
  const box = map.getBoundingClientRect();
  return nearestTo(event.clientX - box.left, event.clientY - box.top, 18);
};
map.addEventListener("pointermove", (event) => {
  if (value && !pinned && event.pointerType !== "touch") {
    const k = under(event);
    if (k !== null) choose(k);
  }
});
map.addEventListener("click", (event) => {
  if (!value) return;
  const k = under(event);
  pinned = k !== null && !(pinned && k === now);
  choose(k);
});
map.addEventListener("pointerleave", () => {
  if (!pinned && document.activeElement !== map) choose(null);
});
map.addEventListener("keydown", (event) => {
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!value) return;
  if (way) {
    event.preventDefault();
    const [x, y] = at[now ?? 0],
      ahead = (p) => (p[0] - x) * way[0] + (p[1] - y) * way[1],
      aside = (p) => Math.abs((p[0] - x) * way[1] + (p[1] - y) * way[0]);
    const next = nearestTo(x, y, 1e9, (p, k) => k !== now && ahead(p) > 0.5 && aside(p) < 1.5 * ahead(p));
    if (next !== null) choose(next);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pinned = !pinned;
    if (now === null) choose(0);
  } else if (event.key === "Escape") {
    pinned = false;
    choose(null);
  }
});

const legend = () => {
  const counts = value.classes.reduce((sum, c) => {
    sum[c] = (sum[c] ?? 0) + 1;
    return sum;
  }, {});
  $(".legend").replaceChildren(
    ...[...value.names, "several"]
      .map((name, c) => [name, c])
      .filter(([, c]) => counts[c])
      .map(([name, c]) => {
        const button = make("button", { type: "button", "aria-pressed": alone === c, title: `${counts[c]} pictures` }),
          swatch = make("i");
        swatch.style.background = inkOf(c);
        button.append(swatch, name);
        button.addEventListener("click", () => {
          alone = alone === c ? null : c;
          legend();
          draw();
        });
        return button;
      }),
  );
};
const sentences = () => {
  const { alike, gap, share, settings: s } = value,
    strange = [...new Set(value.texts.flatMap((t) => t.unknown))];
  $(".axis").textContent =
    `Across: ${per(share[0])}, upwards: ${per(share[1])} of the variance ${s.axes === "texts" ? "of the texts" : "of pictures and texts, counted alike"}. Dots are pictures, diamonds texts.`;
  const lines = [
    `Of a picture's ${alike.near} nearest neighbours ${per(alike.space)} share its ${s.attribute} in the space of ${value.dimension} numbers, and ${per(alike.plane)} in this plane; by chance ${per(alike.chance)}.`,
  ];
  if (!s.together)
    lines.unshift(
      `The modality gap: the mean picture and the mean text lie ${gap.apart.toFixed(2)} apart on a sphere of radius 1.`,
    );
  if (strange.length) lines.push(`Not in the vocabulary: ${strange.map((word) => `“${word}”`).join(", ")}.`);
  $(".note").textContent = lines.join(" ");
};
const picture = async (which) => {
  const next = await ask(server.sheet, { which });
  if (!next) return;
  const image = new Image();
  image.onload = () => {
    sheets[which] = { image, tile: next.tile };
    draw();
  };
  image.src = "data:image/jpeg;base64," + next.shown;
};
const show = () => {
  if (!props.value?.points) return;
  const before = value,
    s = props.value.settings;
  value = props.value;
  const fill = (name, options) => {
    if ($("." + name).children.length !== Object.keys(options).length)
      $("." + name).replaceChildren(
        ...Object.entries(options).map(([key, title]) => make("option", { value: key }, title)),
      );
    $("." + name).value = s[name];
  };
  MENUS.forEach((name) => fill(name, value.menus[name]));
  fill("model", value.models);
  $(".together").checked = !!s.together;
  $(".axes").disabled = !s.together;
  if (document.activeElement !== $(".texts")) $(".texts").value = s.texts;
  const same = before && before.settings.which === s.which;
  if (!same || before.settings.attribute !== s.attribute) alone = null;
  if (!same) {
    now = null;
    pinned = false;
    found = null;
  }
  if (s.drawn === "pictures" && !sheets[s.which]) picture(s.which);
  legend();
  sentences();
  move(same);
  found = null;
  put();
  describe();
};
// What the fields say when they change: an answer to an earlier change fills them again.
const follow = latestOnly((settings) => part.request(settings));
const run = () => follow(asked());
let waiting = null;
$(".texts").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => run(), 300);
});
for (const name of [...MENUS, "together", "model"]) $("." + name).addEventListener("change", () => run());
new ResizeObserver(() => {
  if (value && map.clientWidth) move(false);
}).observe(map);
new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
loadInitial(show);
