// Scores. value: {text, rows: [{model, title, tokens: [[text, nats]], perplexity, bits, unknown}]}
let value = null;
const show = () => {
  if (!props.value?.rows) { say(props.value?.error ?? ""); return; }
  value = props.value;
  if (document.activeElement !== $(".prompt")) $(".prompt").value = value.text;
  $(".rows").replaceChildren(...value.rows.map((row) => {
    const line = make("div", { class: "line" }), left = make("div"), chips = make("div", { class: "chips", "aria-label": `The text under ${row.title}` });
    for (const [text, nats] of row.tokens) {
      const chip = chipOf(text);
      shadeChip(chip, nats / 6); chip.title = `${nats.toFixed(2)} nat, p = ${Math.exp(-nats).toPrecision(2)}`;
      chips.append(chip);
    }
    const figures = make("div", { class: "num" }), meter = make("div", { class: "meter" }), full = make("i");
    full.style.width = `${Math.min(100, 100 * row.bits / 8)}%`; meter.append(full);
    figures.append(make("b", {}, `${row.bits.toFixed(2)} bits`), " a character", make("br"), `perplexity ${row.perplexity >= 1000 ? Math.round(row.perplexity).toLocaleString("en") : row.perplexity.toFixed(1)} a token`);
    if (row.unknown.length) figures.append(make("br"), `left out, never read: ${row.unknown.join(" ")}`);
    left.append(make("h3", {}, row.title), meter, figures);
    const right = make("div"); right.append(chips, walkable(chips));
    line.append(left, right);
    return line;
  }));
};
const run = newest(async (text) => { const next = await ask(server.score, { text }); if (next) { props.value = next; show(); } });
let waiting = null;
$(".prompt").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => { if ($(".prompt").value.trim()) run($(".prompt").value); }, 150); });
$(".key").replaceChildren(...keyOf("expected", "surprising (6 nat). A bar is 8 bits, what a letter costs in a plain file; point at a letter, or go there with the arrow keys, for its surprisal."));
keep($(".stage"), () => ({ tab: "text", part: "score", text: $(".prompt").value }), server.save, server.restore, (next) => { props.value = next; show(); });
watch("value", show); begin(show);
