// Sheet of samples. value: {settings: {model, seed, truncation, truncated_by, label}, sheet (PNG, side x side pictures), side,
// scores, labels (or null), models, ways (each {name: title}), measured {said, weak}, classes (names, or null)}
let value = null,
  order = [],
  chosen = null,
  cells = [],
  picture = new Image();
const sheet = $(".sheet");
const minus = (v) => v.toFixed(2).replace("-", "−");
const settings = (change = {}) => ({ ...value.settings, ...change });

const paint = (canvas, index) => {
  const n = value.side;
  canvas.getContext("2d").drawImage(picture, (index % n) * 28, Math.floor(index / n) * 28, 28, 28, 0, 0, 28, 28);
};
const fill = () => {
  cells.forEach((cell, k) => {
    const index = order[k],
      kind = value.labels ? value.classes[value.labels[index]] : "a sample";
    paint(cell.firstChild, index);
    cell.lastChild.textContent = minus(value.scores[index]);
    cell.setAttribute("aria-label", `${kind}, score ${minus(value.scores[index])}`);
    cell.setAttribute("aria-pressed", index === chosen);
  });
  if (chosen !== null) paint($(".one"), chosen);
};
const arrange = () => {
  order = value.scores.map((_, k) => k);
  if ($(".sorted").checked) order.sort((a, b) => value.scores[b] - value.scores[a]);
};
const choose = (index) => {
  chosen = index;
  $(".chosen").hidden = false;
  $(".near").replaceChildren();
  $(".copying").textContent = "Looking for the nearest pictures …";
  const rank = [...value.scores].sort((a, b) => b - a).indexOf(value.scores[index]) + 1;
  $(".verdict").textContent =
    `Score ${minus(value.scores[index])}, rank ${rank} of ${value.scores.length} by the discriminator.`;
  fill();
  near(index);
};
const near = latestOnly(async (index) => {
  const answer = await server.nearest(settings({ index }));
  if (index !== chosen) return;
  if (!answer?.ok) {
    $(".copying").textContent = answer?.error ?? "The server does not answer. Is it still running?";
    return;
  }
  const { pictures, distances, names, usual, missing, fetch } = answer.ok;
  offerFetch($(".absent"), fetch, () => chosen !== null && near(chosen));
  $(".copying").textContent = missing
    ? `${missing}. Without it, these are the nearest among 1,000 other pictures of this generator, and their distance in pixels.`
    : `Is it copying? Its nearest training pictures, and their distance in pixels; for a test picture, which no one has copied, the median is ${usual.toFixed(1)}.`;
  $(".near").replaceChildren(
    ...pictures.map((png, k) => {
      const figure = make("figure");
      figure.append(
        make("img", {
          class: "pixels",
          src: "data:image/png;base64," + png,
          alt: `${missing ? "generated" : "training"} picture, ${names[k]}`,
        }),
        make("figcaption", {}, distances[k].toFixed(1)),
      );
      return figure;
    }),
  );
  $(".chosen").scrollIntoView({ block: "nearest" });
});
const take = (next, resort) =>
  new Promise((done) => {
    const fresh = new Image();
    fresh.onload = () => {
      picture = fresh;
      value = next;
      if (resort || order.length !== value.scores.length) arrange();
      fill();
      done();
    };
    fresh.src = "data:image/png;base64," + next.sheet;
  });
const forget = () => {
  chosen = null;
  $(".chosen").hidden = true;
};
const look = latestOnly(async ({ change, resort }) => {
  const next = await askOfStage(server.show, settings(change));
  if (!next) {
    mirror();
    return;
  }
  await take(next, resort);
  shows(next.settings);
  mirror();
  if (resort && chosen !== null) near(chosen);
});
const mirror = () => {
  $(".model").value = value.settings.model;
  $(".measured").className = `measured ${value.measured.weak ? "note" : "caption"}`;
  $(".measured").textContent = value.measured.said;
  $(".seed").value = value.settings.seed;
  if (document.activeElement !== $(".psi")) $(".psi").value = value.settings.truncation;
  $(".readout-psi").textContent = value.settings.truncation.toFixed(2);
  $(".by").value = value.settings.truncated_by;
  $(".kind").hidden = !value.classes;
  $(".label").replaceChildren(
    ...["some of each", ...(value.classes ?? [])].map((name, c) => make("option", { value: c - 1 }, name)),
  );
  $(".label").value = value.settings.label;
};
const show = async () => {
  const next = props.value;
  if (!next?.sheet) return;
  if (!cells.length) {
    cells = next.scores.map(() => {
      const cell = make("button", { type: "button" });
      cell.append(make("canvas", { class: "pixels", width: 28, height: 28 }), make("span"));
      cell.addEventListener("click", () => choose(order[cells.indexOf(cell)]));
      return cell;
    });
    sheet.replaceChildren(...cells);
    for (const [menu, titles] of [
      [".model", next.models],
      [".by", next.ways],
    ])
      $(menu).replaceChildren(...Object.entries(titles).map(([name, title]) => make("option", { value: name }, title)));
  }
  forget();
  await take(next, true);
  mirror();
};
$(".model").addEventListener("change", () => {
  forget();
  look({ change: { model: $(".model").value }, resort: true });
});
$(".by").addEventListener("change", () => {
  look({ change: { truncated_by: $(".by").value }, resort: true });
});
$(".label").addEventListener("change", () => {
  forget();
  look({ change: { label: +$(".label").value }, resort: true });
});
$(".seed").addEventListener("change", () => {
  forget();
  look({ change: { seed: +$(".seed").value }, resort: true });
});
$(".next").addEventListener("click", () => {
  forget();
  look({ change: { seed: (value.settings.seed + 1) % 2147483647 }, resort: true });
});
$(".psi").addEventListener("input", () => {
  $(".readout-psi").textContent = (+$(".psi").value).toFixed(2);
  look({ change: { truncation: +$(".psi").value }, resort: false });
});
$(".psi").addEventListener("change", () => {
  look({ change: { truncation: +$(".psi").value }, resort: true });
});
$(".sorted").addEventListener("change", () => {
  arrange();
  fill();
});
$(".drive").addEventListener("click", () => {
  const { model, seed, truncation, truncated_by } = value.settings,
    label = String(value.labels ? value.labels[chosen] : 0);
  genai.show("gan/directions", { settings: { model, seed, truncation, truncated_by, index: chosen, label } });
  genai.select("gan/directions");
});
loadInitial(show);
