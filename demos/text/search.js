// Search. value: {settings, note, models, text (what was found), levels: [[{parent, text, score, kept, ended, best}]],
// finals: [{text, score, value (by which they are ranked), ended}], count} of a beam search, or {settings, ..., tokens:
// [{text, likeliest, candidates}]} of a contrastive one.
let value = null,
  chosen = null;
const RANGES = ["width", "penalty", "k", "alpha", "tokens"];
const MENUS = ["model", "way", "stop"];
const chosenSettings = () => ({
  prompt: $(".prompt").value,
  ...Object.fromEntries(MENUS.map((name) => [name, $("." + name).value])),
  ...Object.fromEntries(RANGES.map((name) => [name, +$("." + name).value])),
});
const readouts = () => {
  RANGES.forEach((name) => {
    $(`.value-${name}`).textContent = $("." + name).value;
  });
  const beam = $(".way").value === "beam";
  $(".of-beam").hidden = !beam;
  $(".of-contrastive").hidden = beam;
  $(".tokens").max = beam ? 24 : 120;
};
const tree = () => {
  const { levels } = value;
  drawTree($(".tree"), levels);
  const ended = levels.flat().some((c) => c.kept && c.ended) ? " A dot marks a text that has ended." : "";
  $(".legend").textContent =
    `Each column is one more token; the bold path leads to the best text, and what was pruned is struck out.${ended} ${value.count} continuations were considered. Point at one for its score.`;
  const { penalty } = value.settings;
  $(".finals").replaceChildren(
    ...value.finals.map((f) => {
      const row = make("li", {}, value.settings.prompt + f.text),
        figures = [`log p = ${nats(f.score)} nat`];
      if (penalty) figures.push(`by length${penalty === 1 ? "" : `^${penalty}`}: ${nats(f.value)}`);
      if (f.ended) figures.push("ended");
      row.append(make("span", { class: "num" }, figures.join(", ")));
      return row;
    }),
  );
};
const contrast = () => {
  const chips = $(".chips");
  chips.replaceChildren(make("span", { class: "prompted" }, value.settings.prompt));
  for (const t of value.tokens) addToken(chips, t.text);
  for (const chip of chips.querySelectorAll(".chip")) {
    shadeChip(chip, tokensOf(chip).every((k) => value.tokens[k].likeliest) ? null : 0.35);
    chip.classList.toggle("on", tokensOf(chip).includes(chosen));
  }
  const table = make("table"),
    head = make("tr");
  for (const title of ["", "p", "similarity", "score"]) head.append(make("th", {}, title));
  table.append(head);
  for (const c of value.tokens[chosen]?.candidates ?? []) {
    const row = make("tr", { class: c.taken ? "taken" : "" });
    for (const cell of [c.text, c.p.toFixed(3), c.likeness.toFixed(3), c.score.toFixed(3).replace("-", "−")])
      row.append(make("td", {}, cell));
    table.append(row);
  }
  $(".table").replaceChildren(table);
};
const fillModels = (models, name) => {
  $(".model").replaceChildren(...Object.entries(models).map(([value, title]) => make("option", { value }, title)));
  $(".model").value = name;
};
const show = () => {
  if (!props.value?.settings) return;
  value = props.value;
  chosen = null;
  const s = value.settings;
  fillModels(value.models, s.model);
  $(".prompt").value = s.prompt;
  $(".way").value = s.way;
  $(".stop").value = s.stop;
  readouts();
  RANGES.forEach((name) => {
    $("." + name).value = s[name];
  });
  readouts();
  $(".note").textContent = value.note;
  $(".beam-view").hidden = !value.levels;
  $(".contrast-view").hidden = !value.tokens;
  if (value.levels) tree();
  else {
    chosen = Math.max(
      0,
      value.tokens.findIndex((t) => !t.likeliest),
    );
    contrast();
  }
};
// What the fields say when they change: an answer to an earlier change fills them again.
const follow = latestOnly((settings) => part.request(settings));
const run = () => follow(chosenSettings());
$(".go").addEventListener("click", run);
$(".way").addEventListener("change", () => {
  $(".tokens").value = $(".way").value === "beam" ? 14 : 60;
  readouts();
  run();
});
$(".stop").addEventListener("change", run);
for (const name of RANGES) {
  $("." + name).addEventListener("input", readouts);
  $("." + name).addEventListener("change", run);
}
$(".chips").addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (chip) {
    chosen = clicked(chip, chosen);
    contrast();
  }
});
$(".chips").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !value.tokens) return;
  event.preventDefault();
  chosen = Math.max(0, Math.min(value.tokens.length - 1, chosen + step));
  contrast();
});
loadInitial(show);
// Models may have been fetched in the part Hub meanwhile.
window.addEventListener("genai-enter", async ({ detail }) => {
  if (detail !== part.id || !genai.part("text/hub").settings) return;
  const menus = await ask(server.menus, {});
  if (menus) fillModels(menus.models, $(".model").value);
});
