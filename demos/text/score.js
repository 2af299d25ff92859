// Scores. value: {settings: {text}, rows: [{model, title, tokens: [[text, nats]], perplexity, bits (both null where the
// model cannot read all of the text), unknown (characters outside its vocabulary), more (so many besides)}]}
let value = null;
const figuresOf = (row) => {
  const figures = make("div", { class: "num" }),
    meter = make("div", { class: "meter" }),
    full = make("i");
  full.style.width = `${Math.min(100, (100 * row.bits) / 8)}%`;
  meter.append(full);
  figures.append(
    make("b", {}, `${row.bits.toFixed(2)} bits`),
    " per character",
    make("br"),
    `perplexity ${row.perplexity >= 1000 ? Math.round(row.perplexity).toLocaleString("en") : row.perplexity.toFixed(1)} per token`,
  );
  return [meter, figures];
};
const unreadable = (row) => {
  const figures = make("div", { class: "num" }),
    more = row.more ? ` and ${row.more} more` : "";
  figures.append(
    make("b", {}, "cannot read this"),
    make("br"),
    `not in its vocabulary: ${row.unknown.join(" ")}${more}`,
  );
  if (row.tokens.length) figures.append(make("br"), "not ranked; the rest is shaded");
  return [figures];
};
const show = () => {
  if (!props.value?.rows) return;
  value = props.value;
  if (document.activeElement !== $(".prompt")) $(".prompt").value = value.settings.text;
  $(".rows").replaceChildren(
    ...value.rows.map((row) => {
      const line = make("div", { class: "line" }),
        left = make("div"),
        chips = make("div", { class: "chips", "aria-label": `The text under ${row.title}` });
      for (const [text, nats] of row.tokens) {
        const chip = addToken(chips, text),
          whole = nats + +(chip.dataset.nats ?? 0); // of all its tokens
        chip.dataset.nats = whole;
        shadeChip(chip, whole / 6);
        chip.title = `${whole.toFixed(2)} nat, p = ${Math.exp(-whole).toPrecision(2)}`;
      }
      left.append(make("h3", {}, row.title), ...(row.bits === null ? unreadable(row) : figuresOf(row)));
      const right = make("div");
      if (row.tokens.length) right.append(chips, walkable(chips));
      line.append(left, right);
      return line;
    }),
  );
};
let waiting = null;
const run = latestOnly((text) => part.request({ text }));
for (const event of ["input", "change"])
  $(".prompt").addEventListener(event, () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => run($(".prompt").value), 150);
  });
$(".key").replaceChildren(
  ...keyOf(
    "expected",
    "surprising (6 nat). A bar is 8 bits, what a letter takes in a plain text file; point at a letter, or go there with the arrow keys, for its surprisal.",
  ),
);
loadInitial(show);
