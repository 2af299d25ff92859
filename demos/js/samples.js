// Sheet of samples. value: {tab, part, model, seed, truncation, label, sheet (PNG, side x side pictures), side, scores,
// labels (or null), models: {name: title}, classes (names, or null), note}
let value = null, order = [], chosen = null, cells = [], picture = new Image();
const sheet = $(".sheet");
const minus = (v) => v.toFixed(2).replace("-", "−");
const settings = () => ({ tab: value.tab, part: value.part, model: value.model, seed: value.seed, truncation: value.truncation, ...(value.classes ? { label: value.label } : {}) });
const request = (change = {}) => ({ model: value.model, seed: value.seed, truncation: value.truncation, label: value.label, ...change });

const paint = (canvas, index) => {
  const n = value.side;
  canvas.getContext("2d").drawImage(picture, (index % n) * 28, Math.floor(index / n) * 28, 28, 28, 0, 0, 28, 28);
};
const fill = () => {
  cells.forEach((cell, k) => {
    const index = order[k], kind = value.labels ? value.classes[value.labels[index]] : "a sample";
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
  $(".chosen").hidden = false; $(".near").replaceChildren(); $(".copying").textContent = "Looking through the training set …";
  const rank = [...value.scores].sort((a, b) => b - a).indexOf(value.scores[index]) + 1;
  $(".verdict").textContent = `Score ${minus(value.scores[index])}, place ${rank} of ${value.scores.length} in the discriminator's eyes.`;
  fill(); near(index);
};
const near = newest(async (index) => {
  const answer = await server.nearest(request({ index }));
  if (index !== chosen) return;
  if (!answer?.ok) { $(".copying").textContent = answer?.error ?? "The server does not answer. Is it still running?"; return; }
  const { pictures, distances, names, usual } = answer.ok;
  $(".copying").textContent = `Is it copying? Its nearest training pictures, and their distance in pixels; for a test picture, which no one has copied, it is ${usual.toFixed(1)} on the median.`;
  $(".near").replaceChildren(...pictures.map((png, k) => {
    const figure = make("figure");
    figure.append(make("img", { class: "pixels", src: "data:image/png;base64," + png, alt: `training picture, ${names[k]}` }), make("figcaption", {}, distances[k].toFixed(1)));
    return figure;
  }));
});
const take = (next, resort) => new Promise((done) => {
  const fresh = new Image();
  fresh.onload = () => {
    picture = fresh; value = next;
    if (resort || order.length !== value.scores.length) arrange();
    fill(); done();
  };
  fresh.src = "data:image/png;base64," + next.sheet;
});
const forget = () => { chosen = null; $(".chosen").hidden = true; };
const look = newest(async ({ change, resort }) => {
  const next = await ask(server.draw, request(change));
  if (!next) { mirror(); return; }
  await take(next, resort); mirror();
});
const mirror = () => {
  $(".note").textContent = value.note ?? "";
  $(".model").value = value.model; $(".seed").value = value.seed;
  if (document.activeElement !== $(".psi")) $(".psi").value = value.truncation;
  $(".told-psi").textContent = value.truncation.toFixed(2);
  $(".kind").hidden = !value.classes;
  $(".label").replaceChildren(...["some of each", ...(value.classes ?? [])].map((name, c) => make("option", { value: c - 1 }, name)));
  $(".label").value = value.label;
};
const show = async () => {
  if (!props.value?.sheet) { say(props.value?.error ?? ""); return; }
  const next = JSON.parse(JSON.stringify(props.value));
  if (!cells.length) {
    cells = next.scores.map(() => {
      const cell = make("button", { type: "button" });
      cell.append(make("canvas", { class: "pixels", width: 28, height: 28 }), make("span"));
      cell.addEventListener("click", () => choose(order[cells.indexOf(cell)]));
      return cell;
    });
    sheet.replaceChildren(...cells);
    $(".model").replaceChildren(...Object.entries(next.models).map(([name, title]) => make("option", { value: name }, title)));
  }
  forget();
  await take(next, true); mirror(); say("");
};
$(".model").addEventListener("change", () => { forget(); look({ change: { model: $(".model").value }, resort: true }); });
$(".label").addEventListener("change", () => { forget(); look({ change: { label: +$(".label").value }, resort: true }); });
$(".seed").addEventListener("change", () => { forget(); look({ change: { seed: +$(".seed").value }, resort: true }); });
$(".next").addEventListener("click", () => { forget(); look({ change: { seed: (value.seed + 1) % 2147483647 }, resort: true }); });
$(".psi").addEventListener("input", () => { $(".told-psi").textContent = (+$(".psi").value).toFixed(2); look({ change: { truncation: +$(".psi").value }, resort: false }); });
$(".psi").addEventListener("change", () => { look({ change: { truncation: +$(".psi").value }, resort: true }); if (chosen !== null) near(chosen); });
$(".sorted").addEventListener("change", () => { arrange(); fill(); });
$(".drive").addEventListener("click", () => { props.value = { ...value, chosen }; trigger("input"); });
keep(sheet, settings, server.save, server.restore, (next) => { props.value = next; show(); });
watch("value", show); begin(show);
