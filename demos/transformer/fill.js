// Fill. value: {settings {text, kind, share, seed, pressed, word}, units [{at, text, tokens, and of a masked one guess, right
// (null where the text says [MASK])}], score [right, of], measured {rows [{word, she_corpus, she_model, count}], correlation};
// and of the place that is looked at, where there is one: likeliest [[token, p, whether it stood there]], rank, greedy [[token,
// p]], sides [{p, first}: whole text, cut after it] or null, pronouns {he, she}}
let value = null,
  pressed = [], // as asked for last
  current = 0; // the word that the arrow keys are at
const plain = (text) => text.replace(/^␣/, "") || "␣";
const chosen = () => value.units.findIndex((unit) => "guess" in unit && unit.at === value.settings.word);
const said = (unit) => {
  if (!("guess" in unit)) return plain(unit.text);
  const was = unit.right === null ? "" : unit.right ? ", right" : `, wrong, it was “${plain(unit.text)}”`;
  return `masked; filled in: “${plain(unit.guess)}”${was}`;
};

// --- the text

const press = (k) => {
  const { at } = value.units[k];
  if ("guess" in value.units[k] && k !== chosen()) return part.request({ word: at }); // it is looked at first
  pressed = pressed.includes(at) ? pressed.filter((other) => other !== at) : [...pressed, at];
  return part.request({ pressed, word: at });
};
const go = (k) => {
  current = Math.max(0, Math.min(value.units.length - 1, k));
  const chips = [...$(".line").children];
  chips.forEach((chip, i) => chip.classList.toggle("current", i === current));
  $(".line").setAttribute("aria-activedescendant", chips[current].id);
};
const drawLine = () => {
  const line = $(".line");
  while (line.children.length > value.units.length) line.lastChild.remove();
  while (line.children.length < value.units.length) {
    const k = line.children.length,
      chip = make("span", { role: "option", id: `${part.id}-${k}` });
    chip.addEventListener("click", () => {
      go(k);
      press(k);
    });
    line.append(chip);
  }
  value.units.forEach((unit, k) => {
    const chip = line.children[k],
      masked = "guess" in unit;
    chip.setAttribute("aria-selected", String(masked));
    chip.setAttribute("aria-label", said(unit));
    chip.classList.toggle("chosen", k === chosen());
    chip.classList.toggle("apart", k > 0 && unit.text.startsWith("␣"));
    if (!masked) return chip.replaceChildren(plain(unit.text));
    const sign = unit.right === null ? "" : unit.right ? " ✓" : " ✗",
      rows = [
        make("small", {}, unit.tokens > 1 ? `[MASK] × ${unit.tokens}` : "[MASK]"),
        make("b", { class: unit.right === null ? "" : unit.right ? "yes" : "no" }, plain(unit.guess) + sign),
      ];
    if (unit.right === false) rows.push(make("small", {}, `was ${plain(unit.text)}`));
    return chip.replaceChildren(...rows);
  });
  go(current);
  const [right, of] = value.score,
    masks = value.units.filter((unit) => "guess" in unit).length;
  $(".score").textContent = !masks
    ? "Nothing is masked. Press a word to take it away."
    : (of ? `${right} of ${of} right. ` : "") +
      "All masks are filled in at once, none knowing of the others. Press a masked word to look at it, and again to bring it back.";
};
$(".line").addEventListener("keydown", (event) => {
  const to = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: Infinity }[event.key],
    pressing = event.key === "Enter" || event.key === " ";
  if (!value || (to === undefined && !pressing)) return;
  event.preventDefault();
  if (pressing) press(current);
  else go(to);
});

// --- the place that is looked at

const bar = (cells, p, classes = "") => {
  const row = make("div", { class: `bar ${classes}` }),
    fill = make("i"),
    track = make("div");
  fill.style.width = `${100 * p}%`;
  track.append(fill);
  row.append(...cells.map((cell) => make("span", {}, cell)), track, make("span", {}, shareOf(p)));
  return row;
};
const drawPlace = () => {
  const unit = value.units[chosen()];
  $(".both").hidden = !unit;
  if (!unit) return;
  const { likeliest, rank, greedy, sides, pronouns } = value,
    known = unit.right !== null,
    first = unit.tokens > 1 ? ", first token" : "";
  $(".after").textContent = `The ten likeliest in the place of “${known ? plain(unit.text) : "[MASK]"}”${first}`;
  $(".bars").replaceChildren(
    ...likeliest.map(([name, p, stood], k) =>
      bar([k < 10 ? k + 1 : rank, stood ? `${name} ✓` : name], p, `${stood ? "stood" : ""} ${k < 10 ? "" : "beyond"}`),
    ),
  );
  const filled = greedy.map(([name, p]) => `“${name}” ${shareOf(p)}`).join(", then ");
  $(".greedy").textContent =
    (rank ? `“${likeliest.find((row) => row[2])[0]}” ✓ is what stood there: rank ${rank}. ` : "") +
    (unit.tokens > 1 ? `Filled in greedily, one token after the other from the left: ${filled}.` : "");
  const [both, left] = sides ?? [];
  $(".sides").replaceChildren(...(sides ? [bar(["whole text"], both.p), bar(["cut after it"], left.p)] : []));
  $(".gain").textContent = sides
    ? `“${plain(unit.text)}” with what follows: p = ${shareOf(both.p)}; without: p = ${shareOf(left.p)}. ` +
      `First guess with it “${both.first}”, without “${left.first}”.`
    : "The text says [MASK] there: what stood there is not known.";
  const together = pronouns.he + pronouns.she;
  $(".he").textContent =
    together > 0.01
      ? `p(he) = ${shareOf(pronouns.he)}, p(she) = ${shareOf(pronouns.she)}: of the two, she has ${shareOf(pronouns.she / together)}.`
      : "Neither belongs there: together they have less than 1 %.";
};

// --- he and she, as measured

const tableOf = (rows) => {
  const table = make("table"),
    head = make("thead"),
    titles = make("tr"),
    ends = make("th"),
    span = make("div", { class: "ends" }),
    body = make("tbody");
  span.append(make("span", {}, "he"), make("span", {}, "she"));
  ends.append(span);
  titles.append(make("th", { class: "word" }, "word"), ends);
  for (const [name, title] of Object.entries({ corpus: "corpus", model: "BERT" })) {
    const cell = make("th", { class: "share" });
    cell.append(make("span", { class: name }, title));
    titles.append(cell);
  }
  head.append(titles);
  for (const { word, she_corpus: corpus, she_model: model, count } of rows) {
    const row = make("tr", { title: `${count} sentences with “${word}” and one of the two` }),
      cell = make("td"),
      dots = make("div", { class: "dots", "aria-hidden": "true" }),
      between = make("i");
    between.style.left = `${100 * Math.min(corpus, model)}%`;
    between.style.width = `${100 * Math.abs(corpus - model)}%`;
    dots.append(between);
    for (const [name, at] of Object.entries({ corpus, model })) {
      const dot = make("b", { class: name });
      dot.style.left = `${100 * at}%`;
      dots.append(dot);
    }
    cell.append(dots);
    const shares = [corpus, model].map((v) => make("td", { class: "share" }, `${Math.round(100 * v)} %`));
    row.append(make("th", { scope: "row", class: "word" }, word), cell, ...shares);
    body.append(row);
  }
  table.append(head, body);
  return table;
};
const drawMeasured = () => {
  const { rows, correlation } = value.measured;
  if (!rows) {
    $(".tables").replaceChildren();
    $(".measured").textContent = "This checkpoint has not been measured yet.";
    return;
  }
  const half = Math.ceil(rows.length / 2),
    few = Math.min(...rows.map((row) => row.count));
  $(".tables").replaceChildren(tableOf(rows.slice(0, half)), tableOf(rows.slice(half)));
  $(".measured").textContent =
    `The share of “she” beside “he”: in the sentences of the training corpus that have the word and one of the two (${few} of ` +
    `them at least), and by the BERT in four sentences, such as “[MASK] had a doll.” The rank correlation is ` +
    `${correlation.toFixed(2).replace("-", "−")}. It has them from what it read; neither is about the world.`;
};

const draw = () => {
  drawLine();
  drawPlace();
  drawMeasured();
};
const show = () => {
  if (!props.value?.units) return;
  value = props.value;
  ({ pressed } = value.settings);
  const at = chosen();
  if (at >= 0) current = at;
  draw();
};
loadInitial(show);
