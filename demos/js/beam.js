// Search. value: {settings, told, models, levels: [[{parent, text, score, kept, ended, best}]], finals, looked} of a beam
// search, or {settings, ..., tokens: [{text, likeliest, candidates}]} of a contrastive one.
let value = null, chosen = null;
const RANGES = ["width", "penalty", "k", "alpha", "tokens"];
const asked = () => ({ model: $(".model").value, prompt: $(".prompt").value, way: $(".way").value, ...Object.fromEntries(RANGES.map((name) => [name, +$("." + name).value])) });
const told = () => {
  RANGES.forEach((name) => { $(`.told-${name}`).textContent = $("." + name).value; });
  const beam = $(".way").value === "beam";
  $(".of-beam").hidden = !beam; $(".of-contrastive").hidden = beam;
  $(".tokens").max = beam ? 24 : 120;
};
const node = (tag, attributes, content = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, v] of Object.entries(attributes)) made.setAttribute(name, v);
  made.textContent = content;
  return made;
};
const kind = (c) => (c.best ? "best" : c.kept ? "kept" : "pruned");
const tree = () => {
  const svg = $(".tree"), { levels } = value, longest = Math.max(...levels.flat().map((c) => c.text.length));
  const dx = Math.max(44, 22 + 8.5 * longest), dy = 24, rows = Math.max(...levels.map((level) => level.length));
  const w = 40 + levels.length * dx, h = 16 + rows * dy;
  svg.setAttribute("width", w); svg.setAttribute("height", h); svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
  const x = (k) => 22 + (k + 1) * dx - dx / 2, y = (r) => 18 + r * dy, half = (t) => 4 + 4 * t.length;
  const lines = [], words = [node("circle", { cx: 8, cy: y(0) - 4, r: 4, fill: "var(--real)" })];
  levels.forEach((level, k) => level.forEach((c, r) => {
    const from = k === 0 ? [12, y(0) - 4] : [x(k - 1) + half(levels[k - 1][c.parent].text), y(c.parent) - 4], to = [x(k) - half(c.text), y(r) - 4];
    const middle = (from[0] + to[0]) / 2;
    lines.push([c, node("path", { class: kind(c), d: `M ${from} C ${middle} ${from[1]} ${middle} ${to[1]} ${to}` })]);
    const word = node("text", { class: kind(c), x: x(k), y: y(r) }, c.text);
    word.append(node("title", {}, `log p so far ${c.score.toFixed(2)} nat${c.kept ? "" : ", pruned"}${c.ended ? ", ended" : ""}`));
    words.push(word);
  }));
  lines.sort((a, b) => a[0].best - b[0].best || a[0].kept - b[0].kept);
  svg.replaceChildren(...lines.map(([, line]) => line), ...words);
  $(".legend").textContent = `Each column is one token more; bold is the way to the best text, struck out what was pruned. ${value.looked} continuations were looked at. Point at one for its score.`;
  $(".finals").replaceChildren(...value.finals.map((f) => { const row = make("li", {}, value.settings.prompt + f.text); row.append(make("span", { class: "num" }, `log p = ${f.score.toFixed(2).replace("-", "−")} nat`)); return row; }));
};
const contrast = () => {
  const chips = $(".chips");
  chips.replaceChildren(make("span", { class: "prompted" }, value.settings.prompt), ...value.tokens.map((t) => { const chip = chipOf(t.text); shadeChip(chip, t.likeliest ? null : 0.35); return chip; }));
  [...chips.querySelectorAll(".chip")].forEach((chip, k) => chip.classList.toggle("on", k === chosen));
  const table = make("table"), head = make("tr");
  for (const title of ["", "p", "likeness", "score"]) head.append(make("th", {}, title));
  table.append(head);
  for (const c of value.tokens[chosen]?.candidates ?? []) {
    const row = make("tr", { class: c.taken ? "taken" : "" });
    for (const cell of [c.text, c.p.toFixed(3), c.likeness.toFixed(3), c.score.toFixed(3).replace("-", "−")]) row.append(make("td", {}, cell));
    table.append(row);
  }
  $(".table").replaceChildren(table);
};
const show = () => {
  if (!props.value?.settings) { say(props.value?.error ?? ""); return; }
  value = props.value; chosen = null;
  const s = value.settings;
  if (!$(".model").children.length) $(".model").replaceChildren(...Object.entries(value.models).map(([name, title]) => make("option", { value: name }, title)));
  $(".model").value = s.model; $(".prompt").value = s.prompt; $(".way").value = s.way; told();
  RANGES.forEach((name) => { $("." + name).value = s[name]; });
  told(); $(".note").textContent = value.told;
  $(".beam-view").hidden = !value.levels; $(".contrast-view").hidden = !value.tokens;
  if (value.levels) tree(); else { chosen = Math.max(0, value.tokens.findIndex((t) => !t.likeliest)); contrast(); }
};
const run = newest(async () => { const next = await ask(server.search, asked()); if (next) { props.value = next; show(); } });
$(".go").addEventListener("click", run);
$(".way").addEventListener("change", () => { $(".tokens").value = $(".way").value === "beam" ? 14 : 60; told(); run(); });
for (const name of RANGES) { $("." + name).addEventListener("input", told); $("." + name).addEventListener("change", run); }
$(".chips").addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (chip) { chosen = [...$(".chips").querySelectorAll(".chip")].indexOf(chip); contrast(); }
});
$(".chips").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !value.tokens) return;
  event.preventDefault(); chosen = Math.max(0, Math.min(value.tokens.length - 1, chosen + step)); contrast();
});
keep($(".stage"), () => ({ tab: "text", part: "search", ...asked() }), server.save, server.restore, (next) => { props.value = next; show(); });
watch("value", show); begin(show);
